/* post.h - the reply to one POST: one JSON text, or a stream of events that may be taken up again. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"
#include "exchange/event_stream.h"

struct post;

struct post_options {
	struct client *client;
	struct http_request *request;
	bool modern; /* the client's leaving means that it gives its request up */
	bool events; /* the client takes text/event-stream */
	bool batch;  /* several answers: always a stream */
};

/* Takes the request over. NULL without memory (the request is not answered). */
struct post *post_new(struct worker *worker, const struct post_options *options);
/* One more request of the body will be answered through the sink. */
struct sink *post_open(struct post *post);
/* All requests of the body are started; without one the reply is 202. */
void post_ready(struct post *post);

/*
 * A client comes back for the rest of a stream, with the id of the last event it saw. False: there
 * is no such stream (any more); the request is not answered then.
 */
bool post_resume(struct client *client, struct http_request *request, struct span last_event_id);

/* The client is closing: what it never came back for is dropped. */
void post_drop_all(struct client *client);
/* Drops what nobody came back for in time. */
void post_tick(struct client *client, uint64_t now_ms);
