/* string.c - decoding, hashing and comparing string tokens. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "json/string.h"

#include <string.h>

#include "json/hash.h"

static unsigned hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	return (unsigned)((c | 0x20) - 'a') + 10U;
}

/* The four digits after \u; the parser has seen that they are four. */
static uint32_t hex_unit(const char *p)
{
	return hex_digit(p[0]) << 12 | hex_digit(p[1]) << 8 | hex_digit(p[2]) << 4 | hex_digit(p[3]);
}

static size_t put_utf8(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

static char simple_escape(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default: /* a quote, a backslash, a slash */
		return c;
	}
}

/* Decodes the escape `raw` begins with; how many bytes of the source it took. */
static size_t decode_escape(struct span raw, struct json_piece *piece)
{
	uint32_t code;

	if (raw.p[1] != 'u') {
		piece->store[0] = simple_escape(raw.p[1]);
		piece->n = 1;
		return 2;
	}
	code = hex_unit(raw.p + 2);
	if (code < 0xd800 || code > 0xdfff) {
		piece->n = put_utf8(code, piece->store);
		return 6;
	}
	/* The parser lets no half of a pair stand alone: the other one is at raw.p + 6. */
	code = 0x10000 + ((code - 0xd800) << 10) + (hex_unit(raw.p + 8) - 0xdc00);
	piece->n = put_utf8(code, piece->store);
	return 12;
}

bool json_piece_next(struct span *raw, struct json_piece *piece)
{
	size_t run;

	if (raw->n == 0)
		return false;
	piece->escape = raw->p[0] == '\\';
	if (piece->escape) {
		*raw = span_skip(*raw, decode_escape(*raw, piece));
		piece->p = piece->store;
		return true;
	}
	run = span_find(*raw, '\\');
	piece->p = raw->p;
	piece->n = run;
	*raw = span_skip(*raw, run);
	return true;
}

static size_t decoded_length(struct span raw)
{
	struct json_piece piece;
	size_t n = 0;

	while (json_piece_next(&raw, &piece))
		n += piece.n;
	return n;
}

uint32_t json_escaped_hash(struct span raw)
{
	struct json_piece piece;
	uint64_t state = hash_start(decoded_length(raw)), word = 0;
	unsigned shift = 0;

	while (json_piece_next(&raw, &piece)) {
		for (size_t i = 0; i < piece.n; i++) {
			word |= (uint64_t)(unsigned char)piece.p[i] << shift;
			shift += 8;
			if (shift < 64)
				continue;
			state = hash_word(state, word);
			word = 0;
			shift = 0;
		}
	}
	return hash_end(shift > 0 ? hash_word(state, word) : state);
}

uint32_t json_hash(struct span text)
{
	return hash_text(text.p, text.n, text.p + text.n);
}

/* Lead bytes of U+E000..U+FFFF go behind those of U+10000 and up, whose units are surrogates. */
static int weight(char byte, enum json_collation collation)
{
	int c = (unsigned char)byte;

	if (collation == JSON_BY_UTF16 && (c == 0xee || c == 0xef))
		return c + 0x100;
	return c;
}

static int compare_runs(const char *a, const char *b, size_t n, enum json_collation collation)
{
	size_t i = 0;

	if (n == 0 || memcmp(a, b, n) == 0)
		return 0;
	while (a[i] == b[i])
		i++;
	return weight(a[i], collation) - weight(b[i], collation);
}

static int compare_lengths(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

/* Refills an empty piece; false at the end of the string. */
static bool refill(struct span *raw, struct json_piece *piece)
{
	return piece->n > 0 || json_piece_next(raw, piece);
}

static int compare_escaped(struct span a, struct span b, enum json_collation collation)
{
	struct json_piece x = { .n = 0 }, y = { .n = 0 };

	for (;;) {
		bool more_a = refill(&a, &x), more_b = refill(&b, &y);
		size_t n = x.n < y.n ? x.n : y.n;
		int order;

		if (!more_a || !more_b)
			return more_a - more_b;
		order = compare_runs(x.p, y.p, n, collation);
		if (order != 0)
			return order;
		x.p += n;
		x.n -= n;
		y.p += n;
		y.n -= n;
	}
}

int json_string_compare(const struct json *a, json_at at, const struct json *b, json_at bt,
			enum json_collation collation)
{
	struct span x = json_string_raw(a, at), y = json_string_raw(b, bt);
	int order;

	if (a->tokens[at].escaped || b->tokens[bt].escaped)
		return compare_escaped(x, y, collation);
	order = compare_runs(x.p, y.p, x.n < y.n ? x.n : y.n, collation);
	return order != 0 ? order : compare_lengths(x.n, y.n);
}

bool json_string_is(const struct json *json, json_at at, struct span text)
{
	struct span raw;
	struct json_piece piece;

	if (!json_is(json, at, JSON_STRING))
		return false;
	raw = json_string_raw(json, at);
	if (!json->tokens[at].escaped)
		return span_eq(raw, text);
	while (json_piece_next(&raw, &piece)) {
		if (!span_starts(text, span_of(piece.p, piece.n)))
			return false;
		text = span_skip(text, piece.n);
	}
	return text.n == 0;
}

void json_string_add(const struct json *json, json_at at, struct buf *out)
{
	struct span raw = json_string_raw(json, at);
	struct json_piece piece;

	if (!json->tokens[at].escaped) {
		buf_add(out, raw);
		return;
	}
	while (json_piece_next(&raw, &piece))
		buf_add(out, span_of(piece.p, piece.n));
}

struct span json_string(const struct json *json, json_at at, struct buf *scratch)
{
	size_t start = scratch->n;

	if (!json->tokens[at].escaped)
		return json_string_raw(json, at);
	json_string_add(json, at, scratch);
	if (!buf_ok(scratch))
		return span_of(NULL, 0);
	return span_of(scratch->p + start, scratch->n - start);
}
