/* visit.h - one HTTP request on its way through the door, and what its parts share. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/door.h"
#include "exchange/post.h"

/* One request on its way through the door. Kept in memory of its own only where it has to wait. */
struct visit {
	struct worker *worker;
	struct http_request *request;
	const struct http_head *head;
	struct span body;
	struct principal *principal;
	struct server *only; /* the endpoint's server; NULL: the catalogue */
	enum door_way way;
	struct span view; /* the endpoint's view; empty: none. Borrowed from the head */
	bool events;
};

/* Answers with JSON that is no JSON-RPC. */
void visit_reply(struct http_request *request, unsigned status, struct span text,
		 const struct http_header *more, size_t n_more);
/* Answers with a JSON-RPC error; `id` may be empty, `kanmon` is the K code. */
void visit_refuse(const struct visit *visit, unsigned status, struct span id, int code, const char *kanmon,
		  struct span text);
/* A host that stays is not taken: for `err`, or (NULL) because the gate is shutting down. */
void visit_refuse_host(const struct visit *visit, const struct err *err);
/* 405, with what is allowed. */
void visit_refuse_method(const struct visit *visit, struct span allow);

/* Takes the request over; NULL: answered already. */
struct post *visit_post_of(const struct visit *visit, struct client *client, bool modern, bool batch);
/* Starts the one request of a POST. */
void visit_start(const struct visit *visit, struct client *client, const struct message *message,
		 enum revision revision, struct span mirrored);

/* front_modern.c: a message of 2026-07-28 or later; its tape is worker->json. */
void visit_modern(const struct visit *visit, const struct message *message);

/* front_legacy.c: messages of the revisions with sessions. */
void visit_legacy(const struct visit *visit, const struct message *message);
/* An array of messages. */
void visit_batch(const struct visit *visit, const struct json *json);
/* The session's own event stream, or the rest of a broken one. */
void visit_get(const struct visit *visit);
void visit_delete(const struct visit *visit);

/* front_sse.c: opens a session of HTTP+SSE, which lasts as long as its event stream. */
void visit_sse(const struct visit *visit);
/* A message for such a session. */
void visit_sse_message(const struct visit *visit);

/* front_ws.c: goes on as a WebSocket. */
void visit_websocket(const struct visit *visit);
