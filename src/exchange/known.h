/* known.h - what is known of a server's lists while it does not run, or cannot be reached. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"

/*
 * A program that was ended for having nothing to do, or has died, is started again when its lists are asked
 * for; who asks is answered meanwhile with what it had. It is the same client that had asked it then, with
 * the same capabilities, under the same definition of the server: an attachment is never another's. When the
 * program is there its lists are fetched, and who sees other ones now is told.
 *
 * With `when-down: list` the tools of any server are kept for the client that had them, to be shown while it
 * cannot be reached: lists.c.
 */
enum {
	KNOWN_MS = 60 * 60 * 1000 /* so long, and the server's `idle`, a list is shown that may be another */
};

/* The link, dead or about to be closed, had these lists. Ends what is under way, too. */
void known_keep(struct attachment *attachment);
void known_drop(struct attachment *attachment);

/* Is what was known at `known_ms` (0: nothing was) shown now, while the program is being started? */
bool known_is_shown(const struct attachment *attachment, uint64_t known_ms);
/* The tools, where they are shown; NULL: they are not, or there were none. */
struct catalogue *known_tools(const struct attachment *attachment);

/* Is all of `kinds` (lists.h) known, and the exchange a list that need not wait for more? */
bool known_will_do(const struct exchange *x, const struct attachment *attachment, unsigned kinds);

/*
 * The tools of one server alone: is the exchange answered from what is known? Its program is being started
 * then, and its list looked at. Only for who can be told that it has changed.
 */
bool known_answers(struct exchange *x);
