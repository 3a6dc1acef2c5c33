/* parked.h - a call to a legacy server that waits for its modern client to come back with answers. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"

/*
 * A legacy server asks in the middle of a call, and goes on when it is answered. A modern client is not
 * asked: it gets a result that says what is wanted, and makes its call anew with the answers. Meanwhile the
 * call to the server is parked here, under a name that only the sealed requestState of that client knows; the
 * call made anew is judged and recorded as any other, and then takes the parked one over where it stands.
 *
 * Source: MCP 2026-07-28, "Multi Round-Trip Requests"; mcp/2025-11-25 client features.
 */
enum {
	PARKED_CALLS = 64,	    /* of one client */
	PARKED_MS = 10 * 60 * 1000, /* for the client to come back */
};

/*
 * A server's request in the middle of x's call. It is shown to the client at the end of this turn of the
 * loop, with what else was asked in it. False: it cannot be asked, or too much is; the caller refuses it.
 */
bool parked_ask(struct exchange *x, const struct message *message);

/*
 * The round that takes up the parked call of this name: the server gets the answers that x->message brings,
 * and x its call. False: there is no such call (any more), or it is another server's.
 */
bool parked_find(struct exchange *x, struct span name);
enum stage_result parked_resume(struct exchange *x);

/* How many calls of this attachment are parked; what comes on no call's own stream could be one's. `only`:
 * the one, where it is one. */
size_t parked_on(const struct attachment *attachment, struct parked **only);
/* The parked call that waits for this task; NULL: none does. */
struct parked *parked_with(const struct client *client, const struct task *task);
/* A request of the server that can only belong to this call: kept for its next round, or refused. */
void parked_take(struct parked *parked, const struct message *message);

/* The server takes a question back that it asked in a call of this attachment: nobody is to answer it. */
void parked_unasked(const struct attachment *attachment, struct span id);

/*
 * The exchange ends: what was asked in it, and not shown yet, is forgotten. A parked call that it was to take
 * over, and has not, stays parked.
 */
void parked_forget(struct exchange *x);

/* Gives up all of the client's, or those of one attachment; the server is told. */
void parked_drop_all(struct client *client, const struct attachment *attachment, struct span reason);
/* Gives up those nobody came back for. */
void parked_tick(struct client *client, uint64_t now_ms);
