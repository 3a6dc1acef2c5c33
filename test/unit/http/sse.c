/* sse.c - event streams: read whole, byte by byte and cut at every place; written and read again. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "http/sse.h"
#include "tap.h"

static const struct sse_limits limits = { .line_bytes = 32, .event_bytes = 48 };

/* What comes out, an event a line: "type|id|data|retry;"; "-" where a field is absent. */
static const struct {
	const char *name;
	struct span in, want;
} cases[] = {
	{ "line too long", SPAN("data: 012345678901234567890123456789\n\n"), SPAN("BAD") },
	{ "line without end", SPAN("data: 012345678901234567890123456789"), SPAN("BAD") },
	{ "comment without end", SPAN(":01234567890123456789012345678901234"), SPAN("BAD") },
	{ "event too long", SPAN("data: 0123456789\ndata: 0123456789\ndata: 0123456789\ndata: 0"),
	  SPAN("BAD") },
	{ "event without end", SPAN("data\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\nd"),
	  SPAN("BAD") },
	{ "an event before a bad one", SPAN("data: a\n\ndata: 012345678901234567890123456789\n\n"),
	  SPAN("-|-|a|-;BAD") },
	{ "line just long enough", SPAN("data: 01234567890123456789012345\n\n"),
	  SPAN("-|-|01234567890123456789012345|-;") },
	{ "nothing", SPAN(""), SPAN("") },
	{ "empty lines", SPAN("\n\r\n\r\r\n\n"), SPAN("") },
	{ "unfinished event", SPAN("data: a\n"), SPAN("MORE") },
	{ "unfinished line", SPAN("dat"), SPAN("MORE") },
	{ "plain, LF", SPAN("event: message\nid: 1\ndata: {}\n\n"), SPAN("message|1|{}|-;") },
	{ "plain, CR LF", SPAN("event: message\r\nid: 1\r\ndata: {}\r\n\r\n"), SPAN("message|1|{}|-;") },
	{ "plain, CR", SPAN("event: message\rid: 1\rdata: {}\r\r"), SPAN("message|1|{}|-;") },
	{ "mixed ends", SPAN("event: a\rid: 1\ndata: b\r\n\rdata: c\n\r\ndata: d\r\n\n"),
	  SPAN("a|1|b|-;-|-|c|-;-|-|d|-;") },
	{ "no space, two spaces", SPAN("data:a\n\ndata:  a\n\n"), SPAN("-|-|a|-;-|-| a|-;") },
	{ "a colon in the value", SPAN("data: a:b: c\n\n"), SPAN("-|-|a:b: c|-;") },
	{ "no colon", SPAN("data\n\n"), SPAN("-|-||-;") },
	{ "several lines", SPAN("data: a\ndata\ndata: b\r\ndata: c\r\r"), SPAN("-|-|a\n\nb\nc|-;") },
	{ "empty first line", SPAN("data:\ndata: b\n\n"), SPAN("-|-|\nb|-;") },
	{ "empty data with id", SPAN("id: 7\ndata: \n\n"), SPAN("-|7||-;") },
	{ "id alone", SPAN("id: 7\n\n"), SPAN("-|7|-|-;") },
	{ "empty id", SPAN("id\ndata: a\n\n"), SPAN("-||a|-;") },
	{ "id with NUL", SPAN("id: a\0b\ndata: a\n\n"), SPAN("-|-|a|-;") },
	{ "retry alone", SPAN("retry: 3000\n\n"), SPAN("-|-|-|3000;") },
	{ "retry that is no number", SPAN("retry: 3s\ndata: a\n\n"), SPAN("-|-|a|-;") },
	{ "retry that wraps", SPAN("retry: 99999999999999999999\n\n"), SPAN("") },
	{ "comments", SPAN(": ping\n\n:\n: a\ndata: b\n: c\ndata: d\n\n: e\n"), SPAN("-|-|b\nd|-;") },
	{ "comments for a long time",
	  SPAN(": ping\n: ping\n: ping\n: ping\n: ping\n: ping\n: ping\n: ping\n"), SPAN("") },
	{ "unknown fields", SPAN("foo: bar\n\nfoo: bar\ndata: a\n\nDATA: x\n\n data: y\n\n"),
	  SPAN("-|-|a|-;") },
	{ "byte order mark",
	  SPAN("\xef\xbb\xbf"
	       "data: a\n\n"),
	  SPAN("-|-|a|-;") },
	{ "a mark alone", SPAN("\xef\xbb\xbf"), SPAN("") },
	{ "half a mark",
	  SPAN("\xef\xbb"
	       "data: a\n\ndata: b\n\n"),
	  SPAN("-|-|b|-;") },
	{ "half a mark alone on its line",
	  SPAN("\xef\xbb\n"
	       "data: b\n\n"),
	  SPAN("-|-|b|-;") },
	{ "two marks",
	  SPAN("\xef\xbb\xbf\xef\xbb\xbf"
	       "data: a\n\ndata: b\n\n"),
	  SPAN("-|-|b|-;") },
	{ "a mark later on",
	  SPAN("data: a\n\n\xef\xbb\xbf"
	       "data: b\n\n"),
	  SPAN("-|-|a|-;") },
	{ "tab and other controls", SPAN("data: a\tb\001\n\n"), SPAN("-|-|a\tb\001|-;") },
	{ "last type wins", SPAN("event: a\nevent: b\ndata: c\n\n"), SPAN("b|-|c|-;") },
	{ "the next event begins afresh", SPAN("event: a\nid: 1\nretry: 2\ndata: b\n\ndata: c\n\n"),
	  SPAN("a|1|b|2;-|-|c|-;") },
};

static void add_or_dash(struct buf *out, bool present, struct span value)
{
	buf_add(out, present ? value : S("-"));
	buf_add_char(out, '|');
}

static bool take(struct sse_parser *parser, struct span in, struct buf *got)
{
	for (;;) {
		const struct sse_event *event = &parser->event;

		switch (sse_feed(parser, &in)) {
		case SSE_MORE:
			return in.n == 0;
		case SSE_EVENT:
			add_or_dash(got, event->type.n != 0, event->type);
			add_or_dash(got, event->has_id, event->id);
			add_or_dash(got, event->has_data, event->data);
			if (event->has_retry)
				buf_add_u64(got, event->retry_ms);
			else
				buf_add_char(got, '-');
			buf_add_char(got, ';');
			break;
		case SSE_BAD:
			buf_add(got, S("BAD"));
			return false;
		}
	}
}

static bool run(struct span in, struct span want, size_t first, size_t step)
{
	struct sse_parser parser;
	struct buf got = BUF_INIT(4096);
	bool going = true, right;

	sse_init(&parser, &limits);
	for (size_t n = first; in.n && going; n = step) {
		struct span piece = span_first(in, n);
		char *copy = malloc(piece.n ? piece.n : 1);

		memcpy(copy, piece.p, piece.n);
		going = take(&parser, span_of(copy, piece.n), &got);
		free(copy);
		in = span_skip(in, n);
	}
	if (going && parser.event_n && !parser.comment)
		buf_add(&got, S("MORE"));
	right = span_eq(buf_span(&got), want);
	if (!right)
		printf("#   first %zu, then %zu: got '%.*s'\n", first, step, SPAN_ARG(buf_span(&got)));
	sse_release(&parser);
	buf_release(&got);
	return right;
}

static void streams(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span in = cases[i].in;
		bool cuts = true;

		ok(run(in, cases[i].want, in.n, 1), "%s", cases[i].name);
		ok(run(in, cases[i].want, 1, 1), "%s, byte by byte", cases[i].name);
		for (size_t cut = 1; cut < in.n && cuts; cut++)
			cuts = run(in, cases[i].want, cut, in.n);
		ok(cuts, "%s, cut at every place", cases[i].name);
	}
}

static void memory(void)
{
	struct span all = S("id: 1\ndata: abc\n\ndata: d"), in = all;
	struct sse_parser parser;

	sse_init(&parser, &limits);
	is_int(sse_feed(&parser, &in), SSE_EVENT, "an event");
	ok(parser.event.data.p > all.p && parser.event.data.p < all.p + all.n, "that is whole is not copied");
	is_int(parser.held.cap, 0, "nothing is held");
	is_int(sse_feed(&parser, &in), SSE_MORE, "half an event");
	ok(parser.held.n > 0, "is held");
	in = S("\n\n");
	is_int(sse_feed(&parser, &in), SSE_EVENT, "until it is whole");
	is_span(parser.event.data, S("d"), "its data");
	in = S(": ping\n\n");
	is_int(sse_feed(&parser, &in), SSE_MORE, "a comment");
	ok(parser.held.cap == 0 && parser.joined.cap == 0, "leaves nothing behind");
	in = S("data: 012345678901234567890123456789");
	is_int(sse_feed(&parser, &in), SSE_BAD, "a long line");
	is_int(parser.reason, SSE_LINE_LONG, "has its reason");
	in = S("data: a\n\n");
	is_int(sse_feed(&parser, &in), SSE_BAD, "for ever");
	sse_release(&parser);
}

/* What is left of an event that was too long is passed over, however it comes; the next one is read. */
static void passing_over(void)
{
	static const struct {
		const char *name;
		struct span in;
	} tails[] = {
		{ "a line", SPAN("data: 012345678901234567890123456789012345\n\ndata: b\n\n") },
		{ "a line, CR LF", SPAN("data: 012345678901234567890123456789012345\r\n\r\ndata: b\n\n") },
		{ "a line, CR", SPAN("data: 012345678901234567890123456789012345\r\rdata: b\r\r") },
		{ "further lines",
		  SPAN("data: 012345678901234567890123456789012345\ndata: x\r\n: x\n\r\ndata: b\n\n") },
		{ "many lines",
		  SPAN("data: 0123456789\ndata: 0123456789\ndata: 0123456789\ndata: 0123456789\n"
		       "data\n\ndata: b\n\n") },
		{ "a comment", SPAN(": 0123456789012345678901234567890123456789\ndata: b\n\n") },
	};

	for (size_t i = 0; i < COUNT(tails); i++) {
		for (size_t step = 1; step <= tails[i].in.n; step++) {
			struct sse_parser parser;
			struct buf got = BUF_INIT(256);
			bool skipping = false;

			sse_init(&parser, &limits);
			for (size_t at = 0; at < tails[i].in.n; at += step) {
				struct span in = span_first(span_skip(tails[i].in, at), step);
				enum sse_step what = SSE_EVENT;

				while (what != SSE_MORE && !(skipping && !sse_skip(&parser, &in))) {
					skipping = false;
					what = sse_feed(&parser, &in);
					skipping = what == SSE_BAD;
					if (what == SSE_BAD)
						buf_add(&got, S("BAD;"));
					if (what == SSE_EVENT)
						buf_add(&got, parser.event.data);
				}
			}
			if (!span_eq(buf_span(&got), S("BAD;b")) || parser.held.cap)
				ok(false, "%s in pieces of %zu: %.*s", tails[i].name, step,
				   SPAN_ARG(buf_span(&got)));
			sse_release(&parser);
			buf_release(&got);
		}
		ok(true, "%s: passed over", tails[i].name);
	}
}

/* An event that its budget has no room for is over already, or is not. */
static void passing_over_crowded(void)
{
	struct budget budget = { .max = 1 };
	const struct sse_limits small = { .line_bytes = 64, .event_bytes = 96, .budget = &budget };
	struct sse_parser parser;
	struct span in = S("data: a\ndata: b\n\r\ndata: c\n\n");

	sse_init(&parser, &small);
	is_int(sse_feed(&parser, &in), SSE_BAD, "there is no memory to join lines in");
	is_int(parser.reason, SSE_MEMORY, "that is the reason");
	ok(sse_skip(&parser, &in), "it is over");
	is_int(sse_feed(&parser, &in), SSE_EVENT, "the next");
	is_span(parser.event.data, S("c"), "is read");
	in = S("data: a");
	is_int(sse_feed(&parser, &in), SSE_BAD, "there is no memory to hold half of one in");
	in = S("bc\n");
	ok(!sse_skip(&parser, &in), "the rest of it");
	in = S("\ndata: d\n\n");
	ok(sse_skip(&parser, &in), "ends later");
	is_int(sse_feed(&parser, &in), SSE_EVENT, "the next");
	is_span(parser.event.data, S("d"), "is read");
	sse_release(&parser);
	is_int((int)budget.used, 0, "nothing is held");
}

static void writing(void)
{
	struct buf out = BUF_INIT(4096);

	ok(!sse_write_event(&out, S("a\nb"), S(""), S("c")), "a type is one line");
	ok(!sse_write_event(&out, S(""), S("1\rdata: x"), S("c")), "an id is one line");
	ok(!sse_write_event(&out, S(""), S("1\0"), S("c")), "an id holds no NUL");
	is_int(out.n, 0, "nothing is written");
	ok(sse_write_event(&out, S("message"), S("1"), S("{}")), "an event");
	is_span(buf_span(&out), S("event: message\nid: 1\ndata: {}\n\n"), "is written");
	buf_clear(&out);
	ok(sse_write_event(&out, S(""), S(""), S("a\nb\r\nc\rd\n")), "data of several lines");
	is_span(buf_span(&out), S("data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"), "is cut");
	ok(run(buf_span(&out), S("-|-|a\nb\nc\nd\n|-;"), 5, 3), "and read again");
	buf_clear(&out);
	ok(sse_write_event(&out, S(""), S("0"), S("")), "no data");
	is_span(buf_span(&out), S("id: 0\ndata: \n\n"), "is an empty line");
	ok(run(SSE_KEEP_ALIVE, S(""), 1, 1), "the keep-alive is no event");
	buf_release(&out);
}

int main(void)
{
	streams();
	memory();
	passing_over();
	passing_over_crowded();
	writing();
	return tap_done();
}
