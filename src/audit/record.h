/* record.h - one line of the audit log: what was asked, what was decided, and by which inputs. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "json/tape.h"

enum {
	RECORD_TEXT_BYTES = 256,       /* longest text that stands as itself */
	RECORD_ARGUMENTS_BYTES = 4096, /* longest arguments that stand as themselves, redacted */
	RECORD_REDACTIONS = 64,	       /* places redacted in one call */
	RECORD_KEY_BYTES = 32,
	RECORD_SCOPES_BYTES = 2304,    /* longest scopes that stand as themselves; no token has more */
	RECORD_ROOM_BYTES = 32 * 1024, /* no record is longer; nearly all are below 2 KiB */
};

enum record_decision { RECORD_UNDECIDED, RECORD_ALLOW, RECORD_DENY };

/*
 * What is empty, zero or JSON_NONE is left out of the line. Texts may come from peers: they are
 * bounded, redacted and escaped here.
 */
struct audit_record {
	uint64_t wall_ms;
	uint64_t call;	  /* the number of a call on its gate: ties its outcome to its decision; 0: none */
	struct span kind; /* "call", "list", "session", "auth", "denied", … */
	struct span principal; /* token id, or how else the caller is known */
	struct span client;
	struct span transport;
	struct span revision;
	struct span session; /* first 8 hex digits of a hash of the session's id, never the id */
	struct span server;
	struct span method;
	struct span name;	 /* of the tool or prompt, or the resource's URI */
	const struct json *json; /* holds the arguments; NULL: none */
	json_at arguments;
	struct span forwarded; /* the arguments' bytes as they leave the gate; empty: the tape's source */
	enum record_decision decision;
	struct span code;
	struct span rule;	/* the text of the rule that decided */
	uint32_t rule_line;	/* its line in the config */
	struct span config;	/* digest of the config that was in force, in hex; see config_record.h */
	struct span definition; /* of the tool, which the arguments were checked against: BLAKE2b, in hex */
	struct span scopes;	/* what the principal may use: "mcp" or "mcp:SERVER"… */
	uint64_t request_bytes, result_bytes, duration_us;
	struct span outcome;
};
#define AUDIT_RECORD_INIT ((struct audit_record){ .arguments = JSON_NONE })

/*
 * Adds the record as one JSON object, without a newline: what ring_put() takes. `"seq"` is put in
 * by the writer. Allocates nothing but `out`.
 *
 * In the arguments, and in every text of a peer,
 *   {"redacted":"name"}            stands for the value of a member whose name says it is a secret,
 *   {"redacted":"shape"}           for a string that looks like one or holds one,
 *   {"bytes":N}                    for a longer string, and for arguments longer than
 *                                  RECORD_ARGUMENTS_BYTES even so; N counts the
 *                                  source (as escaped, without the quotes)
 * and "args_blake2b" is the digest of all bytes forwarded. Every digest of what a client sent is
 * BLAKE2b-256 under `key`, which is the gate's own and never in the log (GATE_KEY_AUDIT): a plain
 * digest would let a reader of the log try out passwords. With the key, a replay can tell that two
 * calls had the same bytes.
 *
 * Returns false where `out` is full; it holds what it held then, and `over` is set. RECORD_ROOM_BYTES
 * of room are always enough.
 */
bool record_add(const struct audit_record *record, const uint8_t key[RECORD_KEY_BYTES], struct buf *out)
    MUST_CHECK;
