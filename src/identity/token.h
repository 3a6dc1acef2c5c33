/* token.h - bearer tokens of the gate: their text, their scopes, their lifetime. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "store/keeper.h"

/*
 * "kmn_", 43 base64url characters (256 random bits), "_", 6 base-62 characters: the CRC-32 of all
 * that stands before the last underscore, most significant digit first. The check is no secret: it
 * lets a scanner of repositories be sure of a find, and tells a typing error from an unknown token
 * without a question to the store.
 */
#define TOKEN_PREFIX S("kmn_")
enum {
	TOKEN_CHARS = 4 + 43 + 1 + 6,
	TOKEN_SCOPES_MAX = 32, /* scopes of one token */
};

/* Where nothing else is asked for: every server. */
#define TOKEN_DEFAULT_SCOPES S("mcp")

/*
 * A fresh token with a NUL. It is shown once and never kept: the store has token_hash() of it
 * (crypto/digest.h). The caller wipes it.
 */
void token_make(char token[TOKEN_CHARS + 1]);

/* Is this the text of a token, whole and without a typing error? Says nothing about who holds it. */
bool token_is_shaped(struct span text);

/*
 * Scopes are separated by one space, at most TOKEN_SCOPES_MAX, none twice: `mcp` for every server,
 * `mcp:SERVER` for one; and besides these at most one `view:VIEW`, which lets through only what that view of
 * the config has. A server's or view's name is 1 to 64 letters, digits, `.`, `_`, `-`, and begins with
 * a letter or digit. Errors: ERR_CONFIG with the reason.
 */
int token_scopes_check(struct span scopes, struct err *err) MUST_CHECK;

/* May a token with these scopes use this server? Scopes that would fail the check allow nothing. */
bool token_scopes_allow(struct span scopes, struct span server);

/* The view that a token with these scopes is bound to; empty: none. Borrowed from `scopes`. */
struct span token_scopes_view(struct span scopes);

/*
 * When a token made at `now_ms` ends: "never" (0), or a number and a unit: m, h, d, w, or y (365
 * days), from one minute to ten years. Errors: ERR_CONFIG.
 */
int token_expiry(struct span text, uint64_t now_ms, uint64_t *expiry_ms, struct err *err) MUST_CHECK;

/* For keeper_new(). */
extern const struct keeper_mint token_mint;
