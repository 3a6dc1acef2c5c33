/* round_state.h - requestState as a modern client carries it: sealed, and good for one request only. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/exchange.h"

/*
 * What is between two rounds of a call goes to the client and back, through hands that may change it. It is
 * sealed under a key of the gate's, and holds whose it is, which server's, for which request (round_key), and
 * until when it is good; so it opens in that request of that client alone.
 *
 * Source: MCP 2026-07-28, "Multi Round-Trip Requests": requestState is attacker-controlled.
 */
enum round_kind {
	ROUND_SERVER = 1, /* a modern server's own state, as JSON; empty: it gave none */
	ROUND_PARKED,	  /* the name of a parked call: parked.h */
	ROUND_AGAIN,	  /* the call is made again from the start */
};

enum { ROUND_STATE_BYTES = 256 * 1024 };

/*
 * Makes the keys from the gate's own (worker->audit_key), so that a state outlives a restart. Without memory
 * there are none, and rounds are refused.
 */
void round_keys_make(struct worker *worker);

/* Sets x->round_key from x->message. Cheap; for modern clients and METHOD_MULTI_ROUND. False: no memory. */
bool round_key_make(struct exchange *x) MUST_CHECK;

/* Adds the sealed state as a JSON string. False: it is too long, or there is no key. */
bool round_state_add(struct buf *out, const struct exchange *x, enum round_kind kind, struct span payload);

/*
 * Opens params.requestState of x->message, if it has one. True: it is ours, for this request, and `*kind` and
 * `*payload` (in x->arena) are what was sealed; or there is none, and `*kind` is 0. False: it is not.
 */
bool round_state_open(struct exchange *x, enum round_kind *kind, struct span *payload);
