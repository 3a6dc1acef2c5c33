/* payer.h - whose calls use a pool, and who of them waits: nobody may have all of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/list.h"
#include "base/map.h"

/* Zero, then payers_init(). */
struct payers {
	struct map by_key;
	struct list turn; /* those who have something that waits; who was served goes to the end */
	size_t n_waiting; /* calls, all together */
};

/* There as long as a call of his is. */
struct payer {
	struct list node; /* of payers->turn, while something of his waits */
	const void *key;  /* opaque; NULL: nobody in particular, and without a share */
	size_t n_calls, n_used, n_waiting, n_lasting;
	struct list waiting; /* the calls' own nodes */
};

void payers_init(struct payers *payers);
/* When no call is left. */
void payers_release(struct payers *payers);

/* One call more of his. NULL without memory. */
struct payer *payer_join(struct payers *payers, const void *key);
/* One call less; it does not wait any more. */
void payer_leave(struct payers *payers, struct payer *payer);

/* A call of his waits: as his last, or before all others of his. */
void payer_wait(struct payers *payers, struct payer *payer, struct list *call, bool first);
/* It waits no longer, and somebody else is next. Its node is zero after that. */
void payer_unwait(struct payers *payers, struct payer *payer, struct list *call);

/* Of `all` there is, how much one may hold while others may come: half, and never nothing. */
static inline size_t payer_share(const struct payer *payer, size_t all)
{
	return payer->key ? all - all / 2 : all;
}
