/* event_stream.h - a reply as server-sent events, kept alive and bounded. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/worker.h"
#include "http/server.h"

/* Embedded in whoever streams. Zero is legal: not begun. */
struct event_stream {
	struct list node;
	struct worker *worker;
	struct http_request *request;
	uint64_t last_ms;
};

/* Sends the head of the reply and a first comment, so that the client sees that it stands. */
void event_stream_begin(struct event_stream *stream, struct worker *worker, struct http_request *request);
static inline bool event_stream_is_open(const struct event_stream *stream)
{
	return stream->request != NULL;
}
/*
 * One event of this type, whatever waits for the reader: for who bounds that himself. False: the stream is
 * over, or there is no memory.
 */
bool event_stream_add(struct event_stream *stream, struct span type, struct span data);
/*
 * One message, under an id where it is not empty. False: the reader is too slow; the connection was
 * cut and the stream is over.
 */
bool event_stream_send(struct event_stream *stream, struct span id, struct span message);
/* An event without data: gives the client an id to come back with, and says when (0: whenever). */
void event_stream_prime(struct event_stream *stream, struct span id, uint64_t retry_ms);
/* Ends the reply well. */
void event_stream_end(struct event_stream *stream);
/* The connection is gone: nothing is left to end. */
void event_stream_forget(struct event_stream *stream);
/* A comment where nothing was sent for a while; called about once a second. */
void event_stream_tick(struct event_stream *stream, uint64_t now_ms);
