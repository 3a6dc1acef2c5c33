/* scan.c - looks for the end of a head, 16 bytes at a time where the machine can. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/scan.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || (unsigned char)c == 0x7f;
}

size_t http_scan_control_plain(struct span s, size_t at)
{
	while (at < s.n && !is_control(s.p[at]))
		at++;
	return at;
}

size_t http_scan_control(struct span s, size_t at)
{
#ifdef __SSE2__
	const __m128i last = _mm_set1_epi8(0x1f), del = _mm_set1_epi8(0x7f);

	for (; at + 16 <= s.n; at += 16) {
		__m128i block = _mm_loadu_si128((const __m128i *)(const void *)(s.p + at));
		/* The smaller of byte and 0x1f is the byte itself where it is a control, unsigned. */
		__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(block, last), block);
		int hits = _mm_movemask_epi8(_mm_or_si128(low, _mm_cmpeq_epi8(block, del)));

		if (hits)
			return at + (size_t)__builtin_ctz((unsigned)hits);
	}
#endif
	return http_scan_control_plain(s, at);
}

/*
 * Has a ceiling been passed, when the byte at `at` is looked at? Of two ceilings the one whose
 * byte came first is named: a slow peer must get the same answer as a fast one.
 */
static enum http_reason ceiling(const struct http_scan *scan, size_t at,
				const struct http_scan_limits *limits)
{
	size_t line_max = scan->line + (scan->lines == 0 ? limits->start : limits->line);

	if (at > line_max && line_max < limits->head)
		return scan->lines == 0 ? limits->start_long : HTTP_BAD_HEADER_LONG;
	return at >= limits->head ? HTTP_BAD_HEAD_LONG : HTTP_FINE;
}

/* Takes the line end at `at`, whose two bytes are there. */
static enum http_reason line_end(struct http_scan *scan, struct span bytes, size_t at,
				 const struct http_scan_limits *limits, bool *end)
{
	bool empty = at == scan->line;

	if (at + 1 >= limits->head)
		return HTTP_BAD_HEAD_LONG;
	if (bytes.p[at + 1] != '\n')
		return HTTP_BAD_LINE_END;
	if (empty && scan->lines == 0)
		return HTTP_BAD_EMPTY_LINE;
	if (!empty && scan->lines > limits->lines)
		return HTTP_BAD_HEADERS_MANY;
	scan->at = at + 2;
	scan->line = scan->at;
	scan->lines++;
	*end = empty;
	return HTTP_FINE;
}

/* A line that begins with a blank continues the one before: two readers, two meanings. */
static enum http_reason line_begin(const struct http_scan *scan, struct span bytes,
				   const struct http_scan_limits *limits)
{
	if (scan->line >= bytes.n || (bytes.p[scan->line] != ' ' && bytes.p[scan->line] != '\t'))
		return HTTP_FINE;
	return scan->line >= limits->head ? HTTP_BAD_HEAD_LONG : HTTP_BAD_FOLD;
}

enum http_scan_end http_scan(struct http_scan *scan, struct span bytes, const struct http_scan_limits *limits,
			     enum http_reason *why)
{
	bool end = false;
	size_t at;

	*why = line_begin(scan, bytes, limits);
	for (at = scan->at; *why == HTTP_FINE; at = scan->at) {
		at = http_scan_control(bytes, at);
		*why = ceiling(scan, at, limits);
		if (at == bytes.n || *why != HTTP_FINE)
			break;
		if (bytes.p[at] == '\t') {
			scan->at = at + 1;
			continue;
		}
		if (bytes.p[at] != '\r') {
			*why = bytes.p[at] == '\n' ? HTTP_BAD_LINE_END : HTTP_BAD_BYTE;
			break;
		}
		if (at + 1 == bytes.n)
			break;
		*why = line_end(scan, bytes, at, limits, &end);
		if (end)
			return HTTP_SCAN_END;
		if (*why == HTTP_FINE)
			*why = line_begin(scan, bytes, limits);
	}
	scan->at = at;
	return *why == HTTP_FINE ? HTTP_SCAN_MORE : HTTP_SCAN_BAD;
}
