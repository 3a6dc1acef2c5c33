/* message.h - HTTP/1.1 messages out of a connection's bytes. Pure: spans in, spans out, no I/O. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "http/chunk.h"
#include "http/head.h"
#include "http/scan.h"

/*
 * A message is HTTP_HEAD, any number of HTTP_BODY, HTTP_DONE:
 *
 *	for (;;) {
 *		switch (http_feed(&parser, &in)) {
 *		case HTTP_MORE: all of `in` is consumed; come back with more bytes
 *		case HTTP_HEAD: parser.head is complete
 *		case HTTP_BODY: parser.piece is the next part of the body
 *		case HTTP_DONE: answer, then http_reset(); what is left in `in` is the next message
 *		case HTTP_BAD:  parser.reason says why; answer and close
 *		}
 *	}
 */
enum http_step { HTTP_MORE, HTTP_HEAD, HTTP_BODY, HTTP_DONE, HTTP_BAD };

enum http_side {
	HTTP_REQUESTS,	/* we are the server */
	HTTP_RESPONSES, /* we are the client */
};

/* Interim (1xx) responses that are dropped before a final one; one more is refused, as is a 101
 * that was not asked for. */
enum { HTTP_INTERIM_MAX = 8 };

/*
 * One direction of a connection. It holds memory of its own only between the first byte of a
 * message and http_reset(): the fields' table, and the head where it came in pieces.
 */
struct http_parser {
	const struct http_limits *limits; /* borrowed, outlives the parser */
	enum http_side side;
	bool upgrade; /* responses: 101 is an answer, after which no HTTP follows; set by the caller */
	bool to_end;  /* responses: a body may end with its connection; set by the caller at any time
			 before the head */

	/* Results. */
	struct http_head head;
	struct span piece;
	enum http_reason reason;

	/* Ours. */
	enum {
		HTTP_AT_HEAD,
		HTTP_AT_LENGTH,
		HTTP_AT_CHUNKS,
		HTTP_AT_END_OF_CONNECTION,
		HTTP_AT_DONE,
		HTTP_AT_BAD,
	} at;
	struct http_scan scan;
	struct buf held;	/* the head, where it came in pieces */
	struct span head_bytes; /* where the head's spans point */
	uint64_t left;		/* bytes of the body that are missing, or still allowed */
	struct http_chunks chunks;
	unsigned interim;
};

/* Ready for the first byte of a message. */
void http_init(struct http_parser *parser, enum http_side side, const struct http_limits *limits);
void http_release(struct http_parser *parser);

/* Ready for the next message on the same connection; gives the memory of the last one back. */
void http_reset(struct http_parser *parser);

/*
 * Consumes from the front of `*in`.
 *
 * After HTTP_DONE nothing is consumed until http_reset(): a request parser says HTTP_DONE again,
 * a response parser refuses further bytes (HTTP_BAD_UNASKED), which is how a pool notices that
 * an idle connection is not to be used again. After HTTP_BAD it is HTTP_BAD for ever.
 *
 * Owner:  `head` and `piece` borrow from `*in` or from the parser: `piece` until the next call,
 *         `head` until the caller's bytes go away, or until http_reset() after http_keep_head().
 */
enum http_step http_feed(struct http_parser *parser, struct span *in);

/*
 * The connection has ended. HTTP_DONE where that completes a response (HTTP_BODY_TO_END),
 * HTTP_MORE between two messages, HTTP_BAD inside one.
 */
enum http_step http_finish(struct http_parser *parser);

/*
 * Makes `head` independent of the caller's bytes: needed where the rest of the message comes
 * with a later read. False without memory.
 */
bool http_keep_head(struct http_parser *parser) MUST_CHECK;

/*
 * After HTTP_HEAD: another ceiling for the body, where it depends on the head (an event stream
 * has none: UINT64_MAX). A Content-Length was already held against the limits.
 */
void http_limit_body(struct http_parser *parser, uint64_t bytes);

/* Between two messages, with nothing of the next one received? */
bool http_is_idle(const struct http_parser *parser);

/*
 * Proves at start-up that this program refuses what it must: llhttp was built strict, and a few
 * classic smuggling heads do not pass.
 */
bool http_strict_build(void);
