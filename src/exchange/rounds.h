/* rounds.h - a modern server's rounds, played with a legacy client. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"

/*
 * A modern server ends a request with what it wants to know, and is asked again with the answers. A legacy
 * client is asked by requests of its own era meanwhile, and sees one call.
 *
 * Source: MCP 2026-07-28, "Multi Round-Trip Requests".
 */
enum {
	ROUNDS = 10,	  /* of one call */
	ROUNDS_ASKS = 32, /* in one round */
	ROUNDS_BYTES = 4 * 1024 * 1024,
};

/* Does the server want another round with this result? Only one of the modern era can. */
bool rounds_wanted(const struct exchange *x, const struct message *message);
/*
 * Asks the client what the server wants to know; the call goes on by itself, or ends with an error. Meanwhile
 * it has no place among those that the server works on.
 */
void rounds_begin(struct exchange *x, const struct message *message);
/* The client's answer (its message) to one of the asks. The ask is gone after it. */
void rounds_answered(struct ask *ask, const struct message *message);
/* It has not answered in time. */
void rounds_late(struct exchange *x);

/* Is the client being asked? Then it is not the server that is slow. */
bool rounds_wait(const struct exchange *x);
/* Adds what the next round brings the server (inputResponses, requestState) as members of params; empty: this
 * is the first. */
void rounds_add(const struct exchange *x, struct buf *out);
/* Once a second: the round that needs no answers begins. The exchange may be gone. */
void rounds_tick(struct exchange *x);
