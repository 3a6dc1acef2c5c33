/* answer.h - what an MCP server of simple tools says to one message. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

enum answer_era {
	ERA_LEGACY = 1, /* initialize and sessions: 2024-11-05 to 2025-11-25 */
	ERA_MODERN = 2, /* 2026-07-28 */
	ERA_BOTH = ERA_LEGACY | ERA_MODERN,
};

enum answer_kind {
	ANSWER_NONE,	/* a notification or a response: nothing is said */
	ANSWER_RESULT,	/* one JSON-RPC response */
	ANSWER_SESSION, /* the same, and a session begins with it */
	ANSWER_UNKNOWN, /* an error: no such method */
	ANSWER_INVALID, /* an error: not a JSON-RPC message */
	ANSWER_HELD,	/* nothing is said, ever */
};

/* The server: a tool `echo`, whose result always has the same size, and others beside it. */
struct server {
	enum answer_era eras;
	bool holds;	  /* a call whose text is "hold" gets no answer */
	bool changes;	  /* it declares that its list may change */
	struct buf text;  /* the tool's result, as the content of a JSON string */
	struct buf tools; /* the list of them; `echo` is the last */
};

/*
 * Prepares a server of `tools` tools, whose answers to tools/call have `size` bytes, or a little more
 * where `size` is less than an empty one needs.
 */
MUST_CHECK bool server_init(struct server *server, enum answer_era eras, size_t size, size_t tools);
void server_release(struct server *server);

/* Adds the answer to `message`, one line without its end, to `out`. */
enum answer_kind server_answer(const struct server *server, struct span message, struct buf *out);
