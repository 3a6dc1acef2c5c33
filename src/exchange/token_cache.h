/* token_cache.h - bearer tokens as the worker sees them: checked by the keeper, remembered for a while. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/worker.h"

struct token_cache;

/* Somebody who waits for the keeper's word. Embedded; zero is legal. */
struct token_wait {
	struct list node;
	/* `principal` is borrowed: NULL where the token is not good. `reachable` false: the keeper is away.
	 */
	void (*done)(struct token_wait *wait, struct principal *principal, bool reachable);
};

enum token_state {
	TOKEN_GOOD,    /* *principal is set, borrowed */
	TOKEN_BAD,     /* malformed, unknown, expired, revoked */
	TOKEN_PENDING, /* wait->done() will be called, in a later turn */
	TOKEN_BUSY,    /* too many unknown tokens at once, or no keeper */
};

struct token_cache *token_cache_new(struct worker *worker);
struct token_cache *token_cache_free(struct token_cache *tokens);

enum token_state token_cache_find(struct token_cache *tokens, struct span token, struct token_wait *wait,
				  struct principal **principal);
/* The same for a token that was seen before, by its hash. */
enum token_state token_cache_find_hash(struct token_cache *tokens, const uint8_t hash[32],
				       struct token_wait *wait, struct principal **principal);
void token_wait_cancel(struct token_wait *wait);

/*
 * The keeper says that tokens changed: nothing remembered is believed any more, and every client
 * with a token is doubted (client_doubt()).
 */
void token_cache_forget(struct token_cache *tokens);
