/* keeper.h - answers the questions of ask.h. Knows no sockets: one message in, one message out. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "store/ask.h"
#include "store/store.h"

enum { KEEPER_TOKEN_CHARS = 64 }; /* room for a token's text and its NUL */

/*
 * How tokens are made and their scopes read: identity/token.h hands its own in, for this room lies
 * below it.
 */
struct keeper_mint {
	/* Writes a fresh token, NUL-terminated. */
	void (*make)(char token[KEEPER_TOKEN_CHARS]);
	int (*check_scopes)(struct span scopes, struct err *err);
};

/* Whose channel a question came in on. */
enum side { FROM_WORKER, FROM_MANAGER };

struct keeper;

struct keeper_options {
	struct store *store; /* borrowed; outlives the keeper */
	const struct keeper_mint *mint;
	uint64_t (*wall_ms)(void); /* NULL: clock_wall_ms */
};

/*
 * Loads the sealing keys, the first of which it makes.
 *
 * Owner:   the caller ends it with keeper_free(), which writes what is still to be written.
 * Errors:  those of the store; ERR_NOMEM.
 */
int keeper_new(const struct keeper_options *options, struct keeper **out, struct err *err) MUST_CHECK;
/* Returns NULL. */
struct keeper *keeper_free(struct keeper *keeper);
static inline void keeper_freep(struct keeper **keeper)
{
	*keeper = keeper_free(*keeper);
}

/*
 * Answers one question into `*out`, under the question's id. Every question gets one answer: what
 * is malformed, unknown, not this side's to ask, or impossible now gets ASK_REFUSED. The caller
 * sends the answer and then, where keeper_epoch() differs from what it last sent to the workers,
 * ASK_EPOCH to each of them.
 */
void keeper_answer(struct keeper *keeper, enum side side, struct wire_in *in, struct wire_out *out);

/* Grows with each change of the tokens. */
uint64_t keeper_epoch(const struct keeper *keeper);

/* Writes the unasked ASK_EPOCH message. */
void keeper_announce(const struct keeper *keeper, struct wire_out *out);

/*
 * What is due: the times tokens were used, the turn of the sealing keys, old rows, and whether
 * another process changed the store (a new epoch then). Call it after KEEPER_TICK_MS, or as often
 * as is handy: within KEEPER_TICK_LEAST_MS of the last one nothing is looked at.
 *
 * Errors: of the store; what failed is tried again at the next tick.
 */
enum { KEEPER_TICK_MS = 10 * 1000, KEEPER_TICK_LEAST_MS = 1000 };
int keeper_tick(struct keeper *keeper, struct err *err) MUST_CHECK;
