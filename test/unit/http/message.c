/* message.c - the parser beyond its verdicts: what it hands out, keeps and gives back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "http/message.h"
#include "http/rules.h"
#include "tap.h"

static const struct http_limits limits = {
	.head_bytes = 1024, .header_line = 256, .headers = 20, .url = 64, .body_bytes = 16
};

static bool is_inside(struct span s, struct span outer)
{
	return s.p >= outer.p && s.p + s.n <= outer.p + outer.n;
}

static void refusals(void)
{
	struct span in = S("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), more = S("GET / HTTP/1.1\r\n");
	struct http_parser parser;

	http_init(&parser, HTTP_REQUESTS, &limits);
	is_int(http_feed(&parser, &in), HTTP_BAD, "refused");
	is_int(http_feed(&parser, &more), HTTP_BAD, "and refused for ever");
	is_int(http_finish(&parser), HTTP_BAD, "at the end, too");
	is_int(parser.reason, HTTP_BAD_HEADER_NAME, "with the first reason");
	is_int(http_reason_status(parser.reason), 400, "and its status");
	ok(!http_is_idle(&parser), "a refused connection is not idle");
	http_release(&parser);
}

/* Every reason has a name of its own, a sentence, and a status that says no. */
static void reasons(void)
{
	bool whole = true;

	for (enum http_reason why = HTTP_FINE + 1; why < HTTP_REASON_COUNT; why++) {
		whole = whole && http_reason_name(why).n && http_reason_text(why) &&
			http_reason_status(why) >= 400 && http_reason_status(why) <= 505;
		for (enum http_reason other = HTTP_FINE; other < why; other++)
			whole = whole && !span_eq(http_reason_name(why), http_reason_name(other));
	}
	ok(whole, "every reason is told");
}

static void zero_copy(void)
{
	struct span all = S("POST /mcp?x=1 HTTP/1.1\r\nHost: a\r\nMcp-Method:  tools/list \r\nX-Empty:\r\n"
			    "Content-Length: 2\r\n\r\nhiGET");
	struct span in = all;
	struct http_parser parser;
	size_t from = 0;

	http_init(&parser, HTTP_REQUESTS, &limits);
	is_int(http_feed(&parser, &in), HTTP_HEAD, "head");
	is_int(parser.held.cap, 0, "nothing is copied");
	ok(is_inside(parser.head.path, all), "spans point into the caller's bytes");
	is_int(parser.head.method, HTTP_METHOD_POST, "method");
	is_span(parser.head.target, S("/mcp?x=1"), "target");
	is_span(parser.head.path, S("/mcp"), "path");
	is_span(parser.head.query, S("x=1"), "query");
	is_span(http_known(&parser.head, HTTP_HEADER_MCP_METHOD), S("tools/list"), "known field, trimmed");
	ok(http_known(&parser.head, HTTP_HEADER_ORIGIN).p == NULL, "absent field");
	ok(!http_has(&parser.head, HTTP_HEADER_ORIGIN), "absent field is not there");
	is_span(http_find(&parser.head, S("x-EMPTY"), &from)->value, S(""), "field by name, empty");
	ok(http_find(&parser.head, S("x-EMPTY"), &from) == NULL, "and no second one");
	ok(parser.head.keep_alive && parser.head.has_body && parser.head.length == 2, "framing");
	is_int(http_feed(&parser, &in), HTTP_BODY, "body");
	is_span(parser.piece, S("hi"), "piece");
	ok(is_inside(parser.piece, all), "the piece points into the caller's bytes");
	is_int(http_feed(&parser, &in), HTTP_DONE, "done");
	is_int(http_feed(&parser, &in), HTTP_DONE, "done again");
	is_span(in, S("GET"), "the next request is left");
	http_reset(&parser);
	is_int(http_feed(&parser, &in), HTTP_MORE, "which is incomplete");
	is_int(http_finish(&parser), HTTP_BAD, "and stays so");
	is_int(parser.reason, HTTP_BAD_TRUNCATED, "truncated");
	http_release(&parser);
}

/* The head outlives the bytes it came in. */
static void kept_head(void)
{
	struct span all = S("POST /mcp?q HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 2\r\n\r\n");
	char *bytes = malloc(all.n);
	struct span in = span_of(bytes, all.n);
	struct http_parser parser;

	check(bytes);
	memcpy(bytes, all.p, all.n);
	http_init(&parser, HTTP_REQUESTS, &limits);
	is_int(http_feed(&parser, &in), HTTP_HEAD, "head");
	ok(http_keep_head(&parser) && http_keep_head(&parser), "kept, twice is once");
	memset(bytes, 'z', all.n);
	free(bytes);
	is_span(parser.head.path, S("/mcp"), "path after its bytes are gone");
	is_span(parser.head.query, S("q"), "query");
	is_span(http_known(&parser.head, HTTP_HEADER_HOST), S("a"), "known field");
	is_span(parser.head.headers[1].name, S("X"), "name");
	in = S("hi");
	is_int(http_feed(&parser, &in), HTTP_BODY, "body of a later read");
	is_int(http_feed(&parser, &in), HTTP_DONE, "done");
	http_reset(&parser);
	ok(parser.held.cap == 0 && parser.head.headers == NULL, "an idle parser holds no memory");
	ok(http_is_idle(&parser), "and is idle");
	ok(sizeof(parser) <= 1024, "and is small: %zu bytes", sizeof(parser));
	http_release(&parser);
}

static bool alive(enum http_side side, struct span in)
{
	struct http_parser parser;
	bool result;

	http_init(&parser, side, &limits);
	parser.to_end = true;
	result = http_feed(&parser, &in) == HTTP_HEAD && parser.head.keep_alive;
	http_release(&parser);
	return result;
}

static void keep_alive(void)
{
	ok(!alive(HTTP_REQUESTS, S("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n")), "close");
	ok(!alive(HTTP_REQUESTS, S("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nX: y\r\n"
				   "Connection: close\r\n\r\n")),
	   "close in a second field");
	ok(!alive(HTTP_REQUESTS, S("GET / HTTP/1.0\r\n\r\n")), "1.0");
	ok(!alive(HTTP_RESPONSES, S("HTTP/1.1 200 OK\r\n\r\n")), "a body that ends with the connection");
	ok(alive(HTTP_REQUESTS, S("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")), "1.0 that asks");
	ok(alive(HTTP_REQUESTS, S("GET / HTTP/1.1\r\nHost: a\r\n\r\n")), "1.1");
	ok(alive(HTTP_RESPONSES, S("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")), "response");
}

static bool expects(struct span in)
{
	struct http_parser parser;
	bool result;

	http_init(&parser, HTTP_REQUESTS, &limits);
	result = http_feed(&parser, &in) == HTTP_HEAD && parser.head.expect_continue;
	http_release(&parser);
	return result;
}

static void body_ceiling(void)
{
	struct span head = S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), in = head,
		    chunk = S("11\r\n01234567890123456\r\n");
	struct http_parser parser;

	http_init(&parser, HTTP_RESPONSES, &limits);
	is_int(http_feed(&parser, &in), HTTP_HEAD, "head");
	in = chunk;
	is_int(http_feed(&parser, &in), HTTP_BAD, "17 bytes are too many");
	is_int(parser.reason, HTTP_BAD_BODY_LONG, "for the limits");
	http_reset(&parser);
	in = head;
	is_int(http_feed(&parser, &in), HTTP_HEAD, "head");
	http_limit_body(&parser, UINT64_MAX);
	in = chunk;
	is_int(http_feed(&parser, &in), HTTP_BODY, "not for a stream");
	is_int(parser.piece.n, 17, "all of them");
	http_release(&parser);
}

static void pooled(void)
{
	struct span in = S("HTTP/1.1 100 Continue\r\n\r\n");
	struct http_parser parser;

	http_init(&parser, HTTP_RESPONSES, &limits);
	ok(http_is_idle(&parser), "fresh");
	is_int(http_feed(&parser, &in), HTTP_MORE, "an interim response is passed over");
	ok(!http_is_idle(&parser), "and is not idle");
	in = S("HTTP/1.1 204 No Content\r\n\r\n");
	is_int(http_feed(&parser, &in), HTTP_HEAD, "the final one");
	is_int(http_feed(&parser, &in), HTTP_DONE, "is done without body");
	is_int(http_feed(&parser, &in), HTTP_DONE, "nothing more is fine");
	is_int(http_finish(&parser), HTTP_MORE, "an end between two messages is clean");
	in = S("H");
	is_int(http_feed(&parser, &in), HTTP_BAD, "a byte nobody asked for is not");
	is_int(parser.reason, HTTP_BAD_UNASKED, "unasked");
	http_release(&parser);
}

static void hosts(void)
{
	static const struct span bad[] = {
		SPAN(""),	  SPAN(":80"),	 SPAN("a:"),	    SPAN("a:0"),  SPAN("a:65536"),
		SPAN("a:+1"),	  SPAN("a:1:2"), SPAN("a b"),	    SPAN("a/b"),  SPAN("u@a"),
		SPAN("[]"),	  SPAN("[::1"),	 SPAN("[::1]x"),    SPAN("[a]"),  SPAN("::1"),
		SPAN("[::1%lo]"), SPAN(".a"),	 SPAN("a..b"),	    SPAN("a\\b"), SPAN("a%41"),
		SPAN("\xc3\xa9"), SPAN("a,b"),	 SPAN("[1.2.3.4]"), SPAN("a#"),
	};
	static const struct span good[] = {
		SPAN("a"),	     SPAN("localhost:7676"), SPAN("127.0.0.1:1"),	    SPAN("[::1]"),
		SPAN("[::1]:65535"), SPAN("Example.COM."),   SPAN("xn--bcher-kva.example"), SPAN("a_b-c.d"),
	};

	for (size_t i = 0; i < COUNT(bad); i++)
		ok(!http_is_host(bad[i]), "no host: '%.*s'", SPAN_ARG(bad[i]));
	for (size_t i = 0; i < COUNT(good); i++)
		ok(http_is_host(good[i]), "a host: '%.*s'", SPAN_ARG(good[i]));
}

static void names(void)
{
	ok(http_known_of(S("hos")) == HTTP_HEADER_NONE && http_known_of(S("hosT")) == HTTP_HEADER_HOST &&
	       http_known_of(S("")) == HTTP_HEADER_NONE,
	   "names are known in any case");
}

int main(void)
{
	ok(http_strict_build(), "llhttp is the strict machine, and the classics are refused");
	refusals();
	reasons();
	zero_copy();
	kept_head();
	keep_alive();
	ok(!expects(S("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")),
	   "Expect in 1.0 is ignored");
	ok(expects(S("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n")),
	   "Expect in 1.1 is reported");
	body_ceiling();
	pooled();
	hosts();
	names();
	return tap_done();
}
