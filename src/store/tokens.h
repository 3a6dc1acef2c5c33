/* tokens.h - the rows of the tokens table. Hashes only: a token itself is never here. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "store/store.h"

enum {
	TOKEN_NAME_BYTES = 64,	   /* longest name */
	TOKEN_SCOPES_BYTES = 1024, /* longest list of scopes */
	TOKEN_ID_BYTES = 10,	   /* "t-" and 8 characters */
	TOKENS_LIVE_MAX = 4096,	   /* neither revoked nor expired */
	TOKEN_USED_EVERY_MS = 60 * 1000,
};

/* Dead rows are kept this long, for the list; after that only the audit log knows them. */
#define TOKENS_DEAD_KEPT_MS ((uint64_t)90 * 24 * 3600 * 1000)

/* One row. Spans are borrowed until the next row is read. Times are wall clock ms; 0 means never. */
struct token_row {
	uint64_t seq; /* grows with each token ever made; never used twice */
	struct span id, name, scopes;
	uint64_t created, expiry, last_used, revoked;
};

/*
 * A name is 1 to TOKEN_NAME_BYTES letters, digits, `.`, `_`, `-` or `@`, begins with a letter or
 * digit, and does not look like an id ("t-…"). False: `err` says why.
 */
int token_name_check(struct span name, struct err *err) MUST_CHECK;

/*
 * Adds a token and writes its id (TOKEN_ID_BYTES, no NUL). A live token of the same name is in the
 * way; a dead one is not.
 *
 * Errors: ERR_CONFIG (name, or it is taken), ERR_LIMIT (TOKENS_LIVE_MAX), ERR_SYSTEM.
 */
struct token_new {
	struct span name, scopes, hash; /* the hash is 32 bytes */
	uint64_t now, expiry;
};
int tokens_add(const struct store *store, const struct token_new *token, char id[TOKEN_ID_BYTES],
	       struct err *err) MUST_CHECK;

/*
 * Gives the live token of this id or name another hash: the old one is dead from now on. Id, name
 * and scopes stay; where the token expires, the same lifetime begins again.
 *
 * Errors: ERR_MISSING where no live token is called so; ERR_SYSTEM.
 */
int tokens_rotate(const struct store *store, struct span id_or_name, struct span hash, uint64_t now,
		  char id[TOKEN_ID_BYTES], struct err *err) MUST_CHECK;

/* Errors: ERR_MISSING where no token that is not revoked is called so; ERR_SYSTEM. */
int tokens_revoke(const struct store *store, struct span id_or_name, uint64_t now, struct err *err)
    MUST_CHECK;

/* Calls back with the live token of this hash. 1 found, 0 none, -1 failed. */
typedef void token_found(void *context, const struct token_row *row);
int tokens_find(const struct store *store, struct span hash, uint64_t now, token_found *found, void *context,
		struct err *err) MUST_CHECK;

/*
 * Calls back for each token made after the one with the id `after` ("" from the first on), dead
 * ones included, until it returns false.
 */
typedef bool token_each(void *context, const struct token_row *row);
int tokens_list(const struct store *store, struct span after, token_each *each, void *context,
		struct err *err) MUST_CHECK;

/* Notes that these tokens were used, all in one transaction; never moves a time back. */
struct token_use {
	uint64_t seq, when;
};
int tokens_used(const struct store *store, const struct token_use *uses, size_t n, struct err *err)
    MUST_CHECK;

/* Removes rows that have been dead for longer than TOKENS_DEAD_KEPT_MS. */
int tokens_purge(const struct store *store, uint64_t now, struct err *err) MUST_CHECK;
