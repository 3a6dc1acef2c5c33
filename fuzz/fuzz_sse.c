/* fuzz_sse.c - event streams of hostile servers, and how clients name theirs: alike however they arrive. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/check.h"
#include "exchange/door.h"
#include "http/sse.h"
#include "upstream/endpoint.h"

enum { STORY_BYTES = 1 << 20 };

/* What a server's `endpoint` event names is a target on the same origin, and can stand in a request's line.
 */
static void tell_endpoint(struct buf *story, struct span reference)
{
	static const struct endpoint_base base = { .authority = SPAN("a.example:80"),
						   .target = SPAN("/b/sse?c") };
	struct buf target = BUF_INIT(2 * ENDPOINT_BYTES);
	enum endpoint_verdict verdict = endpoint_resolve(&target, &base, reference);

	check((verdict == ENDPOINT_FINE) == (target.n != 0));
	check(!target.n || target.p[0] == '/');
	for (size_t i = 0; i < target.n; i++)
		check(target.p[i] > ' ' && target.p[i] <= '~');
	check(!span_contains(span_first(buf_span(&target), span_find(buf_span(&target), '?')), S("/../")));
	buf_addf(story, "endpoint %d ", (int)verdict);
	buf_add(story, buf_span(&target));
	buf_release(&target);
}

static void tell_event(struct buf *story, const struct sse_event *event)
{
	check(span_find(event->id, '\0') == event->id.n);
	buf_add(story, event->type);
	buf_addf(story, "|%d%d%d %llu|", event->has_id, event->has_data, event->has_retry,
		 (unsigned long long)event->retry_ms);
	buf_add(story, event->id);
	buf_add(story, S("|"));
	buf_add(story, event->data);
	buf_add(story, S("\n"));
	if (event->has_data && span_eq(event->type, S("endpoint")))
		tell_endpoint(story, event->data);
}

/* False: the next piece still belongs to an event that was too long. */
static bool tell_piece(struct buf *story, struct sse_parser *parser, struct span in, bool reading)
{
	for (;;) {
		if (!reading && !sse_skip(parser, &in)) {
			check(in.n == 0);
			return false;
		}
		reading = true;
		switch (sse_feed(parser, &in)) {
		case SSE_MORE:
			check(in.n == 0);
			return true;
		case SSE_EVENT:
			tell_event(story, &parser->event);
			break;
		case SSE_BAD:
			buf_addf(story, "bad %d", (int)parser->reason);
			reading = false;
			break;
		}
	}
}

static void tell(struct buf *story, struct span bytes, size_t step)
{
	static const struct sse_limits limits = { .line_bytes = 64, .event_bytes = 160 };
	struct sse_parser parser;
	bool reading = true;

	sse_init(&parser, &limits);
	for (size_t at = 0; at < bytes.n; at += step) {
		struct span piece = span_first(span_skip(bytes, at), step);
		char *copy = malloc(piece.n);

		check(copy);
		memcpy(copy, piece.p, piece.n);
		reading = tell_piece(story, &parser, span_of(copy, piece.n), reading);
		free(copy);
	}
	if (reading)
		buf_addf(story, "partial %d", parser.event_n && !parser.comment);
	sse_release(&parser);
}

/* An event that is written is read as what it was, but for the kinds of line ends in its data. */
static void write_back(struct span bytes)
{
	static const struct sse_limits limits = { .line_bytes = STORY_BYTES, .event_bytes = STORY_BYTES };
	struct span rest = bytes, type = span_cut(&rest, '|'), id = span_cut(&rest, '|'), in;
	struct buf out = BUF_INIT(4 * STORY_BYTES);
	struct sse_parser parser;

	sse_init(&parser, &limits);
	if (sse_write_event(&out, type, id, rest)) {
		in = buf_span(&out);
		check(sse_feed(&parser, &in) == SSE_EVENT && in.n == 0);
		check(span_eq(parser.event.type, type) && span_eq(parser.event.id, id));
		check(parser.event.has_data && parser.event.data.n <= rest.n);
	}
	sse_release(&parser);
	buf_release(&out);
}

/* A session is named whole and alone, or not at all. */
static void name_session(struct span query)
{
	struct span id = door_session(query);

	check(!id.n || (id.n == DOOR_SESSION_CHARS && query.n == S("sessionId=").n + id.n));
	for (size_t i = 0; i < id.n; i++)
		check(id.p[i] > ' ' && id.p[i] <= '~' && id.p[i] != '&' && id.p[i] != '%');
}

/* The last byte is the size of the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_of((const char *)data, size);
	struct buf whole = BUF_INIT(STORY_BYTES), parts = BUF_INIT(STORY_BYTES);

	tell(&whole, bytes, size ? size : 1);
	tell(&parts, bytes, size ? 1U + data[size - 1] % 32U : 1);
	check(span_eq(buf_span(&whole), buf_span(&parts)));
	buf_release(&whole);
	buf_release(&parts);
	write_back(bytes);
	name_session(bytes);
	return 0;
}
