/* vectors.c - every case of test/vectors/http, whole, byte by byte, and cut at every place. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/file.h"
#include "http/message.h"
#include "tap.h"

enum {
	BYTES_MAX = 8 * 1024 * 1024,
	/* A case longer than the longest head is refused within its first line, or is a body. */
	LONG_CASE = 40000,
	LONG_CASE_CUTS = 9000,
	/* Pieces up to this size are handed over in memory of exactly their size. */
	EXACT_MAX = 4096,
};

struct vector {
	struct span name;
	struct buf bytes, want;
	bool to_end, eof;
};

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static void add_unescaped(struct buf *out, struct span text)
{
	while (text.n) {
		char c = text.p[0];

		text = span_skip(text, 1);
		if (c != '\\' || text.n == 0) {
			buf_add_char(out, c);
			continue;
		}
		c = text.p[0];
		text = span_skip(text, 1);
		if (c == 'x' && text.n >= 2) {
			buf_add_char(out, (char)(hex(text.p[0]) << 4 | hex(text.p[1])));
			text = span_skip(text, 2);
		} else {
			buf_add_char(out, (char)(c == 'r'   ? '\r'
						 : c == 'n' ? '\n'
						 : c == 't' ? '\t'
						 : c == '0' ? '\0'
							    : c));
		}
	}
}

static void add_filled(struct buf *out, struct span text)
{
	uint64_t count = 0;
	struct buf unit = BUF_INIT(BYTES_MAX);

	if (!span_u64(span_cut(&text, ' '), &count))
		ok(0, "fill without a number");
	add_unescaped(&unit, text);
	while (count--)
		buf_add(out, buf_span(&unit));
	buf_release(&unit);
}

/* Reads the next case; false at the end. What is expected becomes the text run() writes. */
static bool read_vector(struct span *file, struct vector *vector)
{
	buf_clear(&vector->bytes);
	buf_clear(&vector->want);
	vector->name = S("");
	vector->to_end = vector->eof = false;
	while (file->n) {
		struct span line = span_cut(file, '\n'), value = line, key;

		if (line.n == 0 && vector->name.n)
			return true;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		key = span_cut(&value, ':');
		value = span_skip(value, 1);
		if (span_eq(key, S("case")))
			vector->name = value;
		else if (span_eq(key, S("bytes")))
			add_unescaped(&vector->bytes, value);
		else if (span_eq(key, S("fill")))
			add_filled(&vector->bytes, value);
		else if (span_eq(key, S("to-end")))
			vector->to_end = true;
		else if (span_eq(key, S("eof")))
			vector->eof = true;
		else if (!span_eq(key, S("rule"))) {
			buf_add(&vector->want, key);
			buf_add_char(&vector->want, ' ');
			add_unescaped(&vector->want, value);
			buf_add_char(&vector->want, '\n');
		}
	}
	return vector->name.n != 0;
}

/* One run: what has come of a case so far. */
struct run {
	struct http_parser parser;
	struct buf body, got;
	bool over; /* refused, or no HTTP any more */
};

static void say_done(struct run *run)
{
	const struct http_head *head = &run->parser.head;

	buf_add(&run->got, S("accept "));
	if (run->parser.side == HTTP_REQUESTS) {
		buf_add(&run->got, http_method_name(head->method));
		buf_add_char(&run->got, ' ');
		buf_add(&run->got, head->target);
	} else {
		buf_add_u64(&run->got, head->status);
	}
	if (run->body.n) {
		buf_add_char(&run->got, ' ');
		buf_add(&run->got, buf_span(&run->body));
	}
	buf_add_char(&run->got, '\n');
	buf_clear(&run->body);
}

static void say_bad(struct run *run)
{
	enum http_reason why = run->parser.reason;

	buf_add(&run->got, S("refuse "));
	buf_add_u64(&run->got, run->parser.side == HTTP_REQUESTS ? http_reason_status(why) : 502);
	buf_add_char(&run->got, ' ');
	buf_add(&run->got, http_reason_name(why));
	buf_add_char(&run->got, '\n');
	run->over = true;
}

static void feed_all(struct run *run, struct span in)
{
	for (;;) {
		switch (http_feed(&run->parser, &in)) {
		case HTTP_MORE:
			return;
		case HTTP_HEAD:
			if (!http_keep_head(&run->parser))
				ok(0, "memory");
			break;
		case HTTP_BODY:
			buf_add(&run->body, run->parser.piece);
			break;
		case HTTP_DONE:
			if (!http_is_idle(&run->parser)) /* said once */
				ok(0, "done, and not idle");
			say_done(run);
			if (run->parser.head.websocket) {
				buf_add(&run->got, S("rest "));
				buf_add(&run->got, in);
				run->over = true;
				return;
			}
			if (run->parser.side == HTTP_REQUESTS)
				http_reset(&run->parser);
			if (in.n == 0)
				return;
			break;
		case HTTP_BAD:
			say_bad(run);
			return;
		}
	}
}

/* Hands a piece over in memory of its own, which is gone afterwards. */
static void feed(struct run *run, struct span piece)
{
	char *copy = piece.n && piece.n <= EXACT_MAX ? malloc(piece.n) : NULL;

	if (run->over && run->parser.head.websocket)
		buf_add(&run->got, piece);
	if (!run->over && copy) {
		memcpy(copy, piece.p, piece.n);
		feed_all(run, span_of(copy, piece.n));
	} else if (!run->over) {
		feed_all(run, piece);
	}
	free(copy);
}

/* Runs a case in pieces: `first` bytes, then `step` at a time. Does it come out as it should? */
static bool run_vector(const struct vector *vector, enum http_side side, size_t first, size_t step)
{
	const struct http_limits limits = HTTP_LIMITS_INIT;
	struct run run = { .body = BUF_INIT(BYTES_MAX), .got = BUF_INIT(BYTES_MAX) };
	struct span rest = buf_span(&vector->bytes);
	bool right;

	http_init(&run.parser, side, &limits);
	run.parser.to_end = vector->to_end;
	feed(&run, span_first(rest, first));
	for (rest = span_skip(rest, first); rest.n && (!run.over || run.parser.head.websocket);
	     rest = span_skip(rest, step))
		feed(&run, span_first(rest, step));
	if (vector->eof && !run.over) {
		switch (http_finish(&run.parser)) {
		case HTTP_DONE:
			say_done(&run);
			break;
		case HTTP_BAD:
			say_bad(&run);
			break;
		case HTTP_MORE:
		case HTTP_HEAD:
		case HTTP_BODY:
			break;
		}
	} else if (!run.over && !http_is_idle(&run.parser)) {
		buf_add(&run.got, S("more \n"));
	}
	if (run.parser.head.websocket)
		buf_add_char(&run.got, '\n');
	right = span_eq(buf_span(&run.got), buf_span(&vector->want));
	if (!right)
		printf("#   first %zu, then %zu at a time: got '%.*s'\n", first, step,
		       SPAN_ARG(span_first(buf_span(&run.got), 300)));
	http_release(&run.parser);
	buf_release(&run.body);
	buf_release(&run.got);
	return right;
}

static bool run_cuts(const struct vector *vector, enum http_side side)
{
	size_t end = vector->bytes.n > LONG_CASE ? LONG_CASE_CUTS : vector->bytes.n;

	for (size_t cut = 1; cut < end; cut++)
		if (!run_vector(vector, side, cut, vector->bytes.n))
			return false;
	return true;
}

static void run_file(const char *name, enum http_side side, int least)
{
	const char *root = getenv("KANMON_SOURCE_ROOT");
	struct vector vector = { .bytes = BUF_INIT(BYTES_MAX), .want = BUF_INIT(BYTES_MAX) };
	struct buf file = BUF_INIT(BYTES_MAX);
	struct err err = ERR_INIT;
	char path[4096];
	struct span rest;
	int cases = 0;

	snprintf(path, sizeof(path), "%s/test/vectors/http/%s", root ? root : ".", name);
	if (!ok(file_read(path, &file, &err) == 0, "%s is read", name))
		printf("#   %s\n", err.text);
	for (rest = buf_span(&file); read_vector(&rest, &vector); cases++) {
		bool right = run_vector(&vector, side, vector.bytes.n, 1);

		ok(right, "%s: %.*s", name, SPAN_ARG(vector.name));
		if (right) {
			ok(run_vector(&vector, side, 0, 1), "%s: byte by byte", name);
			ok(run_cuts(&vector, side), "%s: cut at every place", name);
		}
	}
	ok(cases >= least, "%s has %d cases", name, cases);
	buf_release(&vector.bytes);
	buf_release(&vector.want);
	buf_release(&file);
}

int main(void)
{
	run_file("requests.txt", HTTP_REQUESTS, 150);
	run_file("responses.txt", HTTP_RESPONSES, 60);
	return tap_done();
}
