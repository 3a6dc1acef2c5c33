/* http_differ.h - the same bytes in different pieces, and through llhttp alone: one verdict. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* llhttp has an enumerator of this name, and so have we. */
#define HTTP_HEAD LLHTTP_METHOD_HEAD
#include <llhttp.h>
#undef HTTP_HEAD

#include <stdlib.h>

#include "base/check.h"
#include "http/message.h"

enum { DIFFER_BYTES = 1 << 20 };

/* What one run saw. */
struct story {
	struct buf text; /* every head and body */
	size_t sure;	 /* bytes of it that belong to complete messages */
	size_t taken;	 /* bytes up to the end of the first message; 0 where none ended */
	enum http_reason reason;
	bool plain;	 /* the first message is one llhttp reads alone, too */
	struct buf body; /* of the first message */
};

static inline void tell_head(struct story *story, const struct http_head *head)
{
	buf_addf(&story->text, "head %d %u %d %d\n", (int)head->method, head->status, (int)head->framing,
		 head->keep_alive);
	for (size_t i = 0; i < head->n; i++) {
		buf_add(&story->text, head->headers[i].name);
		buf_add(&story->text, S(": "));
		buf_add(&story->text, head->headers[i].value);
		buf_add(&story->text, S("\n"));
		check(http_is_token(head->headers[i].name) && http_is_value(head->headers[i].value));
	}
	buf_add(&story->text, head->target);
}

static inline void tell_done(struct story *story, const struct http_parser *parser, size_t at)
{
	const struct http_head *head = &parser->head;

	buf_add(&story->text, S("\ndone\n"));
	story->sure = story->text.n;
	if (story->taken)
		return;
	story->taken = at;
	/* llhttp alone stops after an interim response that closes, and reads a body behind 304. */
	story->plain = !head->websocket && parser->interim == 0 && (head->has_body || head->length == 0);
}

/* Feeds one piece. False where the story is over. */
static inline bool tell_piece(struct story *story, struct http_parser *parser, struct span in, size_t before)
{
	size_t all = in.n;

	for (;;) {
		switch (http_feed(parser, &in)) {
		case HTTP_MORE:
			check(in.n == 0);
			return true;
		case HTTP_HEAD:
			check(http_keep_head(parser));
			tell_head(story, &parser->head);
			break;
		case HTTP_BODY:
			check(parser->piece.n > 0);
			buf_add(&story->text, parser->piece);
			if (story->taken == 0)
				buf_add(&story->body, parser->piece);
			break;
		case HTTP_DONE:
			tell_done(story, parser, before + all - in.n);
			if (parser->head.websocket)
				return false;
			if (parser->side == HTTP_REQUESTS)
				http_reset(parser);
			if (in.n == 0)
				return true;
			break;
		case HTTP_BAD:
			story->reason = parser->reason;
			return false;
		}
	}
}

/* Runs all bytes, `step` at a time, each piece in memory of its own. */
static inline void tell(struct story *story, enum http_side side, bool to_end, struct span bytes, size_t step)
{
	static const struct http_limits limits = {
		.head_bytes = 2048, .header_line = 256, .headers = 12, .url = 64, .body_bytes = 4096
	};
	struct http_parser parser;
	bool going = true;

	*story = (struct story){ .text = BUF_INIT(DIFFER_BYTES), .body = BUF_INIT(DIFFER_BYTES) };
	http_init(&parser, side, &limits);
	parser.to_end = to_end;
	for (size_t at = 0; going && at < bytes.n; at += step) {
		struct span piece = span_first(span_skip(bytes, at), step);
		char *copy = malloc(piece.n);

		check(copy);
		memcpy(copy, piece.p, piece.n);
		going = tell_piece(story, &parser, span_of(copy, piece.n), at);
		free(copy);
	}
	if (going && http_finish(&parser) == HTTP_DONE)
		story->sure = story->text.n;
	http_release(&parser);
}

static inline void forget(struct story *story)
{
	buf_release(&story->text);
	buf_release(&story->body);
}

struct reference {
	struct buf body;
	bool complete;
};

static inline int reference_begin(llhttp_t *machine)
{
	struct reference *reference = machine->data;

	buf_clear(&reference->body);
	reference->complete = false;
	return 0;
}

static inline int reference_body(llhttp_t *machine, const char *at, size_t n)
{
	struct reference *reference = machine->data;

	buf_add(&reference->body, span_of(at, n));
	return 0;
}

static inline int reference_complete(llhttp_t *machine)
{
	struct reference *reference = machine->data;

	reference->complete = true;
	return 0;
}

/* A message we took whole is, to llhttp, a whole message with the same body. */
static inline void compare_with_llhttp(const struct story *story, bool response, struct span bytes)
{
	struct reference reference = { .body = BUF_INIT(DIFFER_BYTES) };
	llhttp_settings_t settings = { .on_message_begin = reference_begin,
				       .on_body = reference_body,
				       .on_message_complete = reference_complete };
	llhttp_t machine;

	llhttp_init(&machine, response ? HTTP_RESPONSE : HTTP_REQUEST, &settings);
	machine.data = &reference;
	check(llhttp_execute(&machine, bytes.p, story->taken) == HPE_OK);
	check(reference.complete);
	check(span_eq(buf_span(&reference.body), buf_span(&story->body)));
	buf_release(&reference.body);
}

static inline int differ(enum http_side side, bool to_end, size_t step, struct span bytes)
{
	struct story whole, parts;

	tell(&whole, side, to_end, bytes, bytes.n ? bytes.n : 1);
	tell(&parts, side, to_end, bytes, step);
	/* Of a body that is refused, how much was told depends on the pieces. */
	check(whole.reason == parts.reason && whole.sure == parts.sure && whole.taken == parts.taken);
	check(span_eq(span_first(buf_span(&whole.text), whole.sure),
		      span_first(buf_span(&parts.text), parts.sure)));
	check(whole.taken == 0 || span_eq(buf_span(&whole.body), buf_span(&parts.body)));
	if (whole.taken && whole.plain)
		compare_with_llhttp(&whole, side == HTTP_RESPONSES, bytes);
	forget(&whole);
	forget(&parts);
	return 0;
}
