/* sse.h - server-sent events, in and out. Pure: spans in, spans out. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/* Ceilings; the first byte past one is refused. A line counts without its end. */
struct sse_limits {
	size_t line_bytes;
	struct budget *budget; /* what is held of an event is charged to it; NULL: to nothing */
	size_t event_bytes;    /* from an event's first line to its empty line, comments between counted */
};

#define SSE_LIMITS_INIT                                                                                      \
	((struct sse_limits){ .line_bytes = 4 * 1024 * 1024, .event_bytes = 4 * 1024 * 1024 + 4096 })

/* Everything between two empty lines. An event without data is reported too: it may set the id. */
struct sse_event {
	struct span type; /* empty: "message" */
	struct span id;	  /* never holds a NUL */
	struct span data; /* lines joined with LF */
	bool has_id;	  /* an empty id is an id: it clears the last one */
	bool has_data;	  /* a data line was there, though perhaps empty */
	bool has_retry;
	uint64_t retry_ms;
};

enum sse_step {
	SSE_MORE,  /* all of the input is consumed */
	SSE_EVENT, /* parser->event is complete */
	SSE_BAD,   /* a ceiling was passed; for ever, unless the event is passed over: sse_skip() */
};

enum sse_reason { SSE_FINE, SSE_LINE_LONG, SSE_EVENT_LONG, SSE_MEMORY };

/*
 * A stream being read. It holds memory only while an event is incomplete or the last one spans
 * several reads.
 */
struct sse_parser {
	const struct sse_limits *limits; /* borrowed, outlives the parser */
	struct sse_event event;
	enum sse_reason reason;

	/* Ours. */
	unsigned mark;	      /* bytes of the byte order mark that were seen; 3: its place is past */
	bool skip_lf;	      /* the last byte was a CR that ended a line */
	bool comment;	      /* the current line is a comment between events */
	bool reported;	      /* `held` belongs to an event that was handed out */
	bool ended;	      /* the event that passed a ceiling is over already */
	size_t line, event_n; /* bytes so far of the current line, of the current event */
	struct buf held;      /* the beginning of an event that is not complete */
	struct buf joined;    /* data of several lines */
};

/*
 * Ready for a stream's first byte.
 *
 * Source: HTML, section 9.2.6 "Interpreting an event stream".
 */
void sse_init(struct sse_parser *parser, const struct sse_limits *limits);
void sse_release(struct sse_parser *parser);

/* The limits have other numbers than before: they hold from here on. */
void sse_limits_changed(struct sse_parser *parser);

/*
 * Consumes from the front of `*in` up to the end of the next event.
 *
 * Owner:  `event` borrows from `*in`'s memory or the parser's, until the next call.
 */
enum sse_step sse_feed(struct sse_parser *parser, struct span *in);

/*
 * After SSE_BAD: passes over what is left of the event, without holding any of it. True at its end: `*in`
 * begins behind it, and the next one may be read. False: all of the input is consumed, and more is to come.
 */
bool sse_skip(struct sse_parser *parser, struct span *in);

/*
 * Adds one event. Empty `type` and `id` are left out; `data` is cut into one line each at LF,
 * CR LF and CR, and is written even where it is empty. False, with nothing added, where `type` or
 * `id` hold a CR, LF or NUL.
 */
bool sse_write_event(struct buf *out, struct span type, struct span id, struct span data) MUST_CHECK;

/* A comment that keeps the connection alive and says nothing. */
#define SSE_KEEP_ALIVE S(":\n\n")
