/* message.c - HTTP/1.1 messages out of a connection's bytes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/message.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/zeroed.h"
#include "http/machine.h"
#include "http/rules.h"

/* The start line has this much beside the target: method, two spaces, version. */
enum { START_LINE_REST = 32 };
/* While a head is gathered, so much is taken at a time: a body behind it is not copied far. */
enum { GATHER_BYTES = 2048 };

static enum http_step bad(struct http_parser *parser, enum http_reason why)
{
	parser->at = HTTP_AT_BAD;
	parser->reason = why;
	return HTTP_BAD;
}

static void drop_head(struct http_parser *parser)
{
	free(parser->head.headers);
	parser->head = (struct http_head){ .headers = NULL };
	parser->head_bytes = span_of(NULL, 0);
	parser->scan = (struct http_scan){ .at = 0 };
	buf_release(&parser->held);
}

void http_init(struct http_parser *parser, enum http_side side, const struct http_limits *limits)
{
	check(limits->headers <= HTTP_HEADERS_MAX);
	*parser = (struct http_parser){
		.limits = limits,
		.side = side,
		.held = BUF_INIT(limits->head_bytes + GATHER_BYTES),
		.left = limits->body_bytes,
	};
}

void http_release(struct http_parser *parser)
{
	drop_head(parser);
}

void http_reset(struct http_parser *parser)
{
	bool to_end = parser->to_end;

	drop_head(parser);
	http_init(parser, parser->side, parser->limits);
	parser->to_end = to_end;
}

static enum http_scan_end scan(struct http_parser *parser, struct span bytes, enum http_reason *why)
{
	bool response = parser->side == HTTP_RESPONSES;
	struct http_scan_limits limits = {
		.head = parser->limits->head_bytes,
		.start = response ? parser->limits->header_line : parser->limits->url + START_LINE_REST,
		.line = parser->limits->header_line,
		.lines = parser->limits->headers,
		.start_long = response ? HTTP_BAD_HEADER_LONG : HTTP_BAD_TARGET_LONG,
	};

	return http_scan(&parser->scan, bytes, &limits, why);
}

/*
 * Takes from `*in` until the head is whole. Where it is whole at once it stays where it is;
 * otherwise what there is of it is kept.
 */
static enum http_scan_end gather(struct http_parser *parser, struct span *in, enum http_reason *why)
{
	enum http_scan_end end = HTTP_SCAN_MORE;

	if (parser->held.n == 0) {
		struct span all = *in;

		end = scan(parser, all, why);
		if (end == HTTP_SCAN_MORE)
			buf_add(&parser->held, all);
		parser->head_bytes = span_first(all, parser->scan.at);
		*in = span_skip(all, end == HTTP_SCAN_END ? parser->scan.at : all.n);
	}
	while (end == HTTP_SCAN_MORE && in->n != 0 && buf_ok(&parser->held)) {
		size_t before = parser->held.n;
		struct span part = span_first(*in, GATHER_BYTES);

		buf_add(&parser->held, part);
		end = scan(parser, buf_span(&parser->held), why);
		if (end == HTTP_SCAN_END)
			parser->held.n = parser->scan.at;
		*in = span_skip(*in, end == HTTP_SCAN_END ? parser->scan.at - before : part.n);
		parser->head_bytes = buf_span(&parser->held);
	}
	if (buf_ok(&parser->held))
		return end;
	*why = HTTP_BAD_MEMORY;
	return HTTP_SCAN_BAD;
}

static enum http_reason read_head(struct http_parser *parser)
{
	struct http_head *head = &parser->head;
	/* The scan counted the start line and the empty line too. */
	size_t room = parser->scan.lines - 2;
	bool response = parser->side == HTTP_RESPONSES;
	struct span start;
	enum http_reason why;

	head->headers = zeroed((room ? room : 1) * sizeof(*head->headers));
	if (!head->headers)
		return HTTP_BAD_MEMORY;
	why = http_head_cut(parser->head_bytes, head, room, &start);
	if (why != HTTP_FINE)
		return why;
	why = response ? http_rules_response(start, parser->limits, parser->to_end, head)
		       : http_rules_request(start, parser->limits, head);
	if (why != HTTP_FINE)
		return why;
	return http_machine_agrees(parser->head_bytes, response, head) ? HTTP_FINE : HTTP_BAD_DISAGREE;
}

static void begin_body(struct http_parser *parser)
{
	switch (parser->head.framing) {
	case HTTP_BODY_NONE:
		parser->left = 0;
		parser->at = HTTP_AT_LENGTH;
		break;
	case HTTP_BODY_LENGTH:
		parser->left = parser->head.length;
		parser->at = HTTP_AT_LENGTH;
		break;
	case HTTP_BODY_CHUNKED:
		parser->chunks = (struct http_chunks){ .room = parser->limits->body_bytes };
		parser->at = HTTP_AT_CHUNKS;
		break;
	case HTTP_BODY_TO_END:
		parser->left = parser->limits->body_bytes;
		parser->at = HTTP_AT_END_OF_CONNECTION;
		break;
	}
}

static enum http_step feed_head(struct http_parser *parser, struct span *in)
{
	for (;;) {
		enum http_reason why = HTTP_FINE;
		enum http_scan_end end = gather(parser, in, &why);

		if (end == HTTP_SCAN_MORE)
			return HTTP_MORE;
		if (end == HTTP_SCAN_END)
			why = read_head(parser);
		if (why != HTTP_FINE)
			return bad(parser, why);
		if (parser->side == HTTP_REQUESTS || parser->head.status >= 200 ||
		    (parser->upgrade && parser->head.status == 101))
			break;
		if (parser->head.status == 101 || ++parser->interim > HTTP_INTERIM_MAX)
			return bad(parser, HTTP_BAD_INTERIM);
		drop_head(parser);
	}
	begin_body(parser);
	return HTTP_HEAD;
}

static enum http_step feed_length(struct http_parser *parser, struct span *in)
{
	if (parser->left == 0) {
		parser->at = HTTP_AT_DONE;
		return HTTP_DONE;
	}
	if (in->n == 0)
		return HTTP_MORE;
	parser->piece = span_first(*in, parser->left < in->n ? (size_t)parser->left : in->n);
	parser->left -= parser->piece.n;
	*in = span_skip(*in, parser->piece.n);
	return HTTP_BODY;
}

static enum http_step feed_chunks(struct http_parser *parser, struct span *in)
{
	enum http_reason why = HTTP_FINE;

	switch (http_chunks_take(&parser->chunks, in, &parser->piece, &why)) {
	case HTTP_CHUNK_MORE:
		return HTTP_MORE;
	case HTTP_CHUNK_PIECE:
		return HTTP_BODY;
	case HTTP_CHUNK_DONE:
		parser->at = HTTP_AT_DONE;
		return HTTP_DONE;
	case HTTP_CHUNK_BAD:
		break;
	}
	return bad(parser, why);
}

static enum http_step feed_to_end(struct http_parser *parser, struct span *in)
{
	if (in->n == 0)
		return HTTP_MORE;
	if (in->n > parser->left)
		return bad(parser, HTTP_BAD_BODY_LONG);
	parser->piece = *in;
	parser->left -= in->n;
	*in = span_skip(*in, in->n);
	return HTTP_BODY;
}

enum http_step http_feed(struct http_parser *parser, struct span *in)
{
	parser->piece = span_of(NULL, 0);
	switch (parser->at) {
	case HTTP_AT_HEAD:
		return feed_head(parser, in);
	case HTTP_AT_LENGTH:
		return feed_length(parser, in);
	case HTTP_AT_CHUNKS:
		return feed_chunks(parser, in);
	case HTTP_AT_END_OF_CONNECTION:
		return feed_to_end(parser, in);
	case HTTP_AT_DONE:
		if (parser->side == HTTP_RESPONSES && in->n != 0)
			return bad(parser, HTTP_BAD_UNASKED);
		return HTTP_DONE;
	case HTTP_AT_BAD:
		break;
	}
	return HTTP_BAD;
}

enum http_step http_finish(struct http_parser *parser)
{
	if (http_is_idle(parser))
		return HTTP_MORE;
	switch (parser->at) {
	case HTTP_AT_END_OF_CONNECTION:
		parser->at = HTTP_AT_DONE;
		return HTTP_DONE;
	case HTTP_AT_DONE:
		return HTTP_MORE;
	case HTTP_AT_LENGTH:
		if (parser->left != 0)
			break;
		parser->at = HTTP_AT_DONE;
		return HTTP_DONE;
	case HTTP_AT_BAD:
		return HTTP_BAD;
	case HTTP_AT_HEAD:
	case HTTP_AT_CHUNKS:
		break;
	}
	return bad(parser, HTTP_BAD_TRUNCATED);
}

bool http_is_idle(const struct http_parser *parser)
{
	return parser->at == HTTP_AT_DONE ||
	       (parser->at == HTTP_AT_HEAD && parser->held.n == 0 && parser->interim == 0);
}

/* Where `s` lies inside `from`, moved to the same place inside a copy at `to`. */
static void move(struct span *s, struct span from, const char *to)
{
	if (s->p)
		s->p = to + (s->p - from.p);
}

bool http_keep_head(struct http_parser *parser)
{
	struct http_head *head = &parser->head;
	struct span from = parser->head_bytes;
	const char *to;

	check(parser->at != HTTP_AT_HEAD);
	if (parser->held.n != 0 || from.n == 0)
		return true;
	buf_add(&parser->held, from);
	if (!buf_ok(&parser->held))
		return false;
	to = parser->held.p;
	move(&head->target, from, to);
	move(&head->path, from, to);
	move(&head->query, from, to);
	move(&head->phrase, from, to);
	for (size_t i = 0; i < head->n; i++) {
		move(&head->headers[i].name, from, to);
		move(&head->headers[i].value, from, to);
	}
	parser->head_bytes = buf_span(&parser->held);
	return true;
}

void http_limit_body(struct http_parser *parser, uint64_t bytes)
{
	if (parser->at == HTTP_AT_CHUNKS)
		parser->chunks.room = bytes;
	if (parser->at == HTTP_AT_END_OF_CONNECTION)
		parser->left = bytes;
}

static bool accepts(struct span bytes)
{
	static const struct http_limits limits = {
		.head_bytes = 1024, .header_line = 256, .headers = 8, .url = 64, .body_bytes = 64
	};
	struct http_parser parser;
	enum http_step step;

	http_init(&parser, HTTP_REQUESTS, &limits);
	do
		step = http_feed(&parser, &bytes);
	while (step == HTTP_HEAD || step == HTTP_BODY);
	http_release(&parser);
	return step == HTTP_DONE;
}

bool http_strict_build(void)
{
	static const struct span refused[] = {
		SPAN("POST / HTTP/1.1\r\nHost : a\r\n\r\n"),
		SPAN("POST / HTTP/1.1\r\nHost: a\r\nA: b\nC: d\r\n\r\n"),
		SPAN("POST / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n"),
		SPAN("POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
		SPAN("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "0\r\n\r\n"),
		SPAN("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	};

	for (size_t i = 0; i < COUNT(refused); i++)
		if (accepts(refused[i]))
			return false;
	return http_machine_is_strict() &&
	       accepts(
		   S("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"));
}
