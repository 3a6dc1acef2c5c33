/* ask.h - the typed questions the keeper answers. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/wire.h"

/*
 * The keeper alone opens the store, writes the audit log and holds keys. Who may ask what depends
 * on the channel the question came in on.
 *
 * worker → keeper
 *   ASK_TOKEN    span hash (32 bytes, crypto/digest.h token_hash)
 *                → ASK_PRINCIPAL (same id): u64 1 found / 0 unknown, expired or revoked; where found: span
 *                token id, span name, span scopes (space separated), u64 expiry (wall ms, 0 never)
 *   ASK_SEAL     span purpose, span plain  → ASK_SEALED: span sealed (raw bytes)
 *   ASK_UNSEAL   span purpose, span sealed → ASK_OPENED: u64 1 ours / 0 forged or too old, span plain
 * keeper → worker
 *   ASK_EPOCH    u64 n: tokens changed; forget what was cached (sent unasked)
 * manager → keeper
 *   ASK_TOKEN_CREATE  span name, span scopes, u64 expiry → ASK_TOKEN_MADE: span token id, span token
 *   ASK_TOKEN_LIST    → ASK_TOKENS: u64 n, then each: span id, span name, span scopes, u64 created,
 *                     u64 expiry, u64 last_used, u64 revoked (wall ms, 0: not). As many as fit into
 *                     one message, the oldest first; to go on, ask again with span id (the last one
 *                     received) until n is 0
 *   ASK_TOKEN_ROTATE  span id or name → ASK_TOKEN_MADE
 *   ASK_TOKEN_REVOKE  span id or name → ASK_DONE
 * worker or manager → keeper
 *   ASK_GATE_KEY span name (GATE_KEY_AUDIT) → ASK_KEY: span key (32 bytes, the same ever after)
 * both
 *   ASK_REFUSED  span sentence (same id): the question cannot be answered, and why
 */
enum ask_kind {
	ASK_TOKEN = 1,
	ASK_PRINCIPAL,
	ASK_SEAL,
	ASK_SEALED,
	ASK_UNSEAL,
	ASK_OPENED,
	ASK_EPOCH,
	ASK_TOKEN_CREATE,
	ASK_TOKEN_MADE,
	ASK_TOKEN_LIST,
	ASK_TOKENS,
	ASK_TOKEN_ROTATE,
	ASK_TOKEN_REVOKE,
	ASK_DONE,
	ASK_REFUSED,
	ASK_GATE_KEY,
	ASK_KEY,
};

/* The key of the digests in audit records (audit/record.h). */
#define GATE_KEY_AUDIT S("audit")
