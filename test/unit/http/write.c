/* write.c - heads and chunks that are written can be read again, and nothing can be slipped in. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/write.h"
#include "base/cleanup.h"
#include "http/message.h"
#include "tap.h"

static const struct http_limits limits = HTTP_LIMITS_INIT;

static void refused_fields(void)
{
	static const struct http_header bad[] = {
		{ SPAN(""), SPAN("x") },
		{ SPAN("A B"), SPAN("x") },
		{ SPAN("A:"), SPAN("x") },
		{ SPAN("A\r\nB"), SPAN("x") },
		{ SPAN("A"), SPAN("x\r\nB: y") },
		{ SPAN("A"), SPAN("x\ny") },
		{ SPAN("A"), SPAN("x\ry") },
		{ SPAN("A"), SPAN("x\0y") },
		{ SPAN("A"), SPAN("x\x7f") },
		{ SPAN("A"), SPAN(" x") },
		{ SPAN("A"), SPAN("x\t") },
		{ SPAN("content-length"), SPAN("1") },
		{ SPAN("Host"), SPAN("a") },
		{ SPAN("TRANSFER-ENCODING"), SPAN("chunked") },
		{ SPAN("Connection"), SPAN("close") },
		{ SPAN("date"), SPAN("x") },
	};
	struct buf out = BUF_INIT(4096);

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct http_fields fields = { .headers = &bad[i], .n = 1 };

		ok(!http_write_response_head(&out, 200, S(""), &fields) && out.n == 0,
		   "field %zu is refused, nothing is written", i);
	}
	buf_release(&out);
}

static void refused_lines(void)
{
	struct http_fields none = { .n = 0 }, body = { .framing = HTTP_BODY_LENGTH, .length = 1 };
	struct buf out = BUF_INIT(4096);

	ok(!http_write_response_head(&out, 204, S(""), &body), "204 has no body");
	ok(!http_write_response_head(&out, 304, S(""), &body), "nor has 304");
	ok(!http_write_response_head(&out, 200, S("x\r\ny"), &none), "a date is one line");
	is_int(out.n, 0, "nothing is written");
	buf_release(&out);
}

static void chunks(void)
{
	static const struct http_header headers[] = { { SPAN("Accept"), SPAN("a, b") },
						      { SPAN("Mcp-Name"), SPAN("") } };
	struct http_fields fields = { .headers = headers, .n = 2, .framing = HTTP_BODY_CHUNKED };
	struct buf out = BUF_INIT(4096), body = BUF_INIT(4096);
	struct http_parser parser;
	struct span in;

	ok(http_write_response_head(&out, 200, S(""), &fields), "written");
	is_span(buf_span(&out),
		S("HTTP/1.1 200 OK\r\nAccept: a, b\r\nMcp-Name: \r\nTransfer-Encoding: chunked\r\n\r\n"),
		"as it should");
	http_write_chunk_open(&out, 32);
	buf_add(&out, S("hello, this is more than sixteen"));
	buf_add(&out, HTTP_CHUNK_CLOSE);
	http_write_chunk_open(&out, 1);
	buf_add(&out, S("!"));
	buf_add(&out, HTTP_CHUNK_CLOSE);
	buf_add(&out, HTTP_CHUNK_LAST);
	in = buf_span(&out);
	http_init(&parser, HTTP_RESPONSES, &limits);
	is_int(http_feed(&parser, &in), HTTP_HEAD, "read again");
	is_span(http_known(&parser.head, HTTP_HEADER_ACCEPT), S("a, b"), "field");
	while (http_feed(&parser, &in) == HTTP_BODY)
		buf_add(&body, parser.piece);
	is_int(http_feed(&parser, &in), HTTP_DONE, "the body ends");
	is_span(buf_span(&body), S("hello, this is more than sixteen!"), "and is the same");
	is_int(in.n, 0, "nothing is left");
	http_release(&parser);
	buf_release(&out);
	buf_release(&body);
}

static void responses(void)
{
	struct http_fields none = { .n = 0 },
			   close = { .framing = HTTP_BODY_LENGTH, .length = 7, .close = true },
			   endless = { .framing = HTTP_BODY_TO_END }, upgrade = { .upgrade = true };
	struct buf out = BUF_INIT(4096);

	ok(http_write_response_head(&out, 404, S(""), &none), "404");
	is_span(buf_span(&out), S("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "says it is empty");
	buf_clear(&out);
	ok(http_write_response_head(&out, 204, S(""), &none), "204");
	is_span(buf_span(&out), S("HTTP/1.1 204 No Content\r\n\r\n"), "says nothing of a body");
	buf_clear(&out);
	ok(http_write_response_head(&out, 200, S("Sun, 06 Nov 1994 08:49:37 GMT"), &close), "200");
	is_span(buf_span(&out),
		S("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 7\r\n"
		  "Connection: close\r\n\r\n"),
		"with date, length, close");
	buf_clear(&out);
	ok(http_write_response_head(&out, 299, S(""), &endless), "a status without phrase");
	is_span(buf_span(&out), S("HTTP/1.1 299 \r\nConnection: close\r\n\r\n"), "ends with its connection");
	buf_clear(&out);
	ok(http_write_response_head(&out, 101, S(""), &upgrade), "101");
	is_span(buf_span(&out), S("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n"),
		"upgrades");
	buf_release(&out);
}

int main(void)
{
	refused_fields();
	refused_lines();
	chunks();
	responses();
	return tap_done();
}
