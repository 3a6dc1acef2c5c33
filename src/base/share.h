/* share.h - what several hold together and one of them pays for. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/list.h"

/*
 * One holder's part. Zero is legal: it holds nothing. The list of all holders is with what is held; it is
 * charged once, to the first of them, and when that one leaves to the next.
 */
struct share {
	struct list node;
	struct budget *budget; /* outlives the share */
	size_t paid;
};

/* One more holder of `bytes`. False: nobody pays for them yet, and this one may not hold so much. */
bool share_take(struct list *holders, struct share *share, struct budget *budget, size_t bytes) MUST_CHECK;
/* Harmless where it holds nothing. Who pays next does so whatever he may hold. */
void share_leave(struct list *holders, struct share *share);
