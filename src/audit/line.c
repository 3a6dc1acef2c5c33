/* line.c - a fast pen for the fixed part of a record. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/line.h"

static const char digits[] = "0123456789abcdef";

static void add_escape(struct line *line, unsigned char c)
{
	char text[6] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };

	if (c == '"' || c == '\\') {
		text[1] = (char)c;
		line_add(line, span_of(text, 2));
		return;
	}
	line_add(line, span_of(text, 6));
}

/* Eight times the same byte. */
#define EACH(byte) (0x0101010101010101ULL * (byte))

/* Is none of eight bytes special? Eight at a time in one register: texts here are short. */
static bool are_plain(const char *p)
{
	uint64_t x, quote, backslash, hit;

	memcpy(&x, p, 8);
	quote = x ^ EACH('"');
	backslash = x ^ EACH('\\');
	hit = (x - EACH(0x20)) & ~x;
	hit |= (quote - EACH(1)) & ~quote;
	hit |= (backslash - EACH(1)) & ~backslash;
	return (hit & EACH(0x80)) == 0;
}

/* Says yes only where nothing is to be escaped; the last eight bytes overlap the ones before. */
static bool is_plain(struct span text)
{
	size_t at = 0;

	if (text.n < 8)
		return scan_plain(text.p, text.p + text.n, false, false) == text.p + text.n;
	for (; at + 8 < text.n; at += 8)
		if (!are_plain(text.p + at))
			return false;
	return are_plain(text.p + text.n - 8);
}

void line_text(struct line *line, struct span text)
{
	const char *p = text.p, *end = text.p + text.n;

	if (is_plain(text)) {
		line_add(line, text);
		return;
	}

	while (p < end) {
		const char *stop = scan_plain(p, end, false, true);

		line_add(line, span_of(p, (size_t)(stop - p)));
		p = stop;
		if (p < end)
			add_escape(line, (unsigned char)*p++);
	}
}

void line_u64(struct line *line, uint64_t value)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	line_add(line, span_of(text + at, sizeof(text) - at));
}

void line_hex(struct line *line, struct span bytes)
{
	char *p = line->p;

	if (!line_has(line, 2 * bytes.n))
		return;
	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];

		*p++ = digits[c >> 4];
		*p++ = digits[c & 15];
	}
	line->p = p;
}
