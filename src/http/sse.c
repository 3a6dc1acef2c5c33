/* sse.c - server-sent events, in and out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/sse.h"

#include "http/scan.h"

static const struct span byte_order_mark = SPAN("\xef\xbb\xbf");

void sse_limits_changed(struct sse_parser *parser)
{
	/* The LF of a CR LF is kept and not counted, so there may be twice as many bytes. */
	parser->held.max = 2 * parser->limits->event_bytes + 64;
	parser->joined.max = parser->limits->event_bytes + 64;
	if (!parser->held.cap)
		parser->held.budget = parser->limits->budget;
	if (!parser->joined.cap)
		parser->joined.budget = parser->limits->budget;
}

void sse_init(struct sse_parser *parser, const struct sse_limits *limits)
{
	*parser = (struct sse_parser){
		.limits = limits,
	};
	sse_limits_changed(parser);
}

void sse_release(struct sse_parser *parser)
{
	buf_release(&parser->held);
	buf_release(&parser->joined);
}

static enum sse_step bad(struct sse_parser *parser, enum sse_reason why)
{
	parser->reason = why;
	return SSE_BAD;
}

/* Bytes before the first CR or LF. */
static size_t line_length(struct span s)
{
	size_t at = http_scan_control(s, 0);

	while (at < s.n && s.p[at] != '\r' && s.p[at] != '\n')
		at = http_scan_control(s, at + 1);
	return at;
}

/* Takes one line without its end out of `rest`. */
static struct span cut_line(struct span *rest)
{
	struct span line = span_first(*rest, line_length(*rest));

	*rest = span_skip(*rest, line.n);
	*rest = span_skip(*rest, span_starts(*rest, S("\r\n")) ? 2 : 1);
	return line;
}

static void add_data(struct sse_parser *parser, struct span value)
{
	struct sse_event *event = &parser->event;

	if (!event->has_data) {
		event->has_data = true;
		event->data = value;
		return;
	}
	if (parser->joined.n == 0)
		buf_add(&parser->joined, event->data);
	buf_add_char(&parser->joined, '\n');
	buf_add(&parser->joined, value);
	event->data = buf_span(&parser->joined);
}

static void read_line(struct sse_parser *parser, struct span line)
{
	struct sse_event *event = &parser->event;
	struct span value = line, name = span_cut(&value, ':');

	if (span_starts(value, S(" ")))
		value = span_skip(value, 1);
	if (span_eq(name, S("data"))) {
		add_data(parser, value);
	} else if (span_eq(name, S("event"))) {
		event->type = value;
	} else if (span_eq(name, S("id"))) {
		/* spec: HTML 9.2.6: an id that holds a NUL is ignored. */
		if (span_find(value, '\0') != value.n)
			return;
		event->has_id = true;
		event->id = value;
	} else if (span_eq(name, S("retry")) && span_u64(value, &event->retry_ms)) {
		event->has_retry = true;
	}
}

/* Reads a whole event. False where there is nothing in it: only fields nobody knows. */
static bool read_event(struct sse_parser *parser, struct span raw)
{
	parser->event = (struct sse_event){ .has_id = false };
	while (raw.n)
		read_line(parser, cut_line(&raw));
	return parser->event.has_data || parser->event.has_id || parser->event.has_retry ||
	       parser->event.type.n != 0;
}

static void forget_event(struct sse_parser *parser)
{
	buf_clear(&parser->held);
	buf_clear(&parser->joined);
	buf_shrink(&parser->held, 0);
	buf_shrink(&parser->joined, 0);
	parser->reported = false;
}

/* Drops a byte order mark at the stream's start; half a mark is the beginning of a line. */
static void take_mark(struct sse_parser *parser, struct span *rest)
{
	while (parser->mark < byte_order_mark.n && rest->n) {
		if (rest->p[0] != byte_order_mark.p[parser->mark]) {
			parser->line = parser->mark;
			parser->event_n = parser->mark;
			buf_add(&parser->held, span_first(byte_order_mark, parser->mark));
			parser->mark = (unsigned)byte_order_mark.n;
			return;
		}
		parser->mark++;
		*rest = span_skip(*rest, 1);
	}
}

/* Of two ceilings the one that was passed first is named, however the bytes arrived. */
static enum sse_reason ceiling(const struct sse_parser *parser)
{
	const struct sse_limits *limits = parser->limits;
	size_t line = parser->line > limits->line_bytes ? parser->line - limits->line_bytes : 0;
	size_t event = parser->event_n > limits->event_bytes ? parser->event_n - limits->event_bytes : 0;

	if (line == 0 && event == 0)
		return SSE_FINE;
	return line >= event ? SSE_LINE_LONG : SSE_EVENT_LONG;
}

enum line_kind {
	LINE_PART,    /* the input ended inside it */
	LINE_BETWEEN, /* between two events: empty, or a comment */
	LINE_FIELD,   /* of an event */
	LINE_LAST,    /* the empty line that ends an event */
	LINE_LONG,
};

/* Moves `rest` past the current line, or what there is of it. */
static enum line_kind take_line(struct sse_parser *parser, struct span *rest)
{
	size_t n = line_length(*rest);
	bool empty;

	if (parser->event_n == 0 && n != 0)
		parser->comment = rest->p[0] == ':';
	parser->line += n;
	parser->event_n += n;
	*rest = span_skip(*rest, n);
	if (ceiling(parser) != SSE_FINE)
		return LINE_LONG;
	if (rest->n == 0)
		return LINE_PART;
	empty = parser->line == 0;
	parser->skip_lf = rest->p[0] == '\r';
	parser->line = 0;
	*rest = span_skip(*rest, 1);
	if (parser->comment || parser->event_n == 0) {
		parser->comment = false;
		parser->event_n = 0;
		return LINE_BETWEEN;
	}
	if (empty) {
		parser->event_n = 0;
		return LINE_LAST;
	}
	parser->event_n++;
	return LINE_FIELD;
}

/* A whole event, the part of it that is in the input being `part`. False where it is none. */
static bool take_event(struct sse_parser *parser, struct span part)
{
	struct span raw = part;

	parser->reported = true;
	if (parser->held.n) {
		buf_add(&parser->held, part);
		raw = buf_span(&parser->held);
	}
	if (read_event(parser, raw) && buf_ok(&parser->held) && buf_ok(&parser->joined))
		return true;
	return false;
}

enum sse_step sse_feed(struct sse_parser *parser, struct span *in)
{
	struct span rest = *in;
	const char *begin;

	if (parser->reason != SSE_FINE)
		return SSE_BAD;
	if (parser->reported)
		forget_event(parser);
	take_mark(parser, &rest);
	begin = rest.p;
	while (rest.n) {
		enum line_kind kind;

		if (parser->skip_lf && rest.p[0] == '\n')
			rest = span_skip(rest, 1);
		parser->skip_lf = false;
		if (parser->event_n == 0)
			begin = rest.p;
		if (rest.n == 0)
			break;
		kind = take_line(parser, &rest);
		if (kind == LINE_LONG) {
			*in = rest;
			return bad(parser, ceiling(parser));
		}
		if (kind != LINE_LAST)
			continue;
		*in = rest;
		if (take_event(parser, span_of(begin, (size_t)(rest.p - begin))))
			return SSE_EVENT;
		parser->ended = !buf_ok(&parser->held) || !buf_ok(&parser->joined);
		if (parser->ended)
			return bad(parser, SSE_MEMORY);
		forget_event(parser);
	}
	*in = span_skip(*in, in->n);
	if (parser->event_n != 0 && !parser->comment)
		buf_add(&parser->held, span_of(begin, (size_t)(rest.p - begin)));
	return buf_ok(&parser->held) ? SSE_MORE : bad(parser, SSE_MEMORY);
}

bool sse_skip(struct sse_parser *parser, struct span *in)
{
	forget_event(parser);
	while (!parser->ended && in->n) {
		size_t n;

		if (parser->skip_lf && in->p[0] == '\n')
			*in = span_skip(*in, 1);
		parser->skip_lf = false;
		n = line_length(*in);
		parser->line = parser->line || n;
		*in = span_skip(*in, n);
		if (!in->n)
			break;
		parser->skip_lf = in->p[0] == '\r';
		*in = span_skip(*in, 1);
		parser->ended = !parser->line || parser->comment;
		parser->line = 0;
	}
	if (!parser->ended)
		return false;
	parser->ended = false;
	parser->line = parser->event_n = 0;
	parser->comment = false;
	parser->reason = SSE_FINE;
	return true;
}

static bool is_one_line(struct span s)
{
	return line_length(s) == s.n && span_find(s, '\0') == s.n;
}

static void add_field(struct buf *out, struct span name, struct span value)
{
	buf_add(out, name);
	buf_add(out, S(": "));
	buf_add(out, value);
	buf_add(out, S("\n"));
}

bool sse_write_event(struct buf *out, struct span type, struct span id, struct span data)
{
	if (!is_one_line(type) || !is_one_line(id))
		return false;
	if (type.n)
		add_field(out, S("event"), type);
	if (id.n)
		add_field(out, S("id"), id);
	for (;;) {
		struct span line = span_first(data, line_length(data));

		add_field(out, S("data"), line);
		if (line.n == data.n)
			break;
		(void)cut_line(&data);
	}
	buf_add(out, S("\n"));
	return true;
}
