/* scan.h - skipping plain bytes: sixteen at a time where the machine can, else one by one. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * Every function takes `wide` as a constant of its caller, so that one source gives the fast
 * scanner and the plain one. Nothing is read at or past `end`.
 */
#define SCAN static inline __attribute__((always_inline))

/* What must not stand raw in a string: a quote, a backslash, a control character. */
SCAN bool scan_is_special(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\';
}

SCAN bool scan_is_space(unsigned char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

#ifdef __SSE2__
/* One bit a byte: special ones, and with `high` also those of 0x80 and more. */
SCAN unsigned scan_special_mask(const char *p, const bool high)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p), hit;

	/* As signed numbers, the bytes of 0x80 and more are below the space too. */
	if (high)
		hit = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
	else
		hit = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
	hit = _mm_or_si128(hit, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
	hit = _mm_or_si128(hit, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
	return (unsigned)_mm_movemask_epi8(hit);
}

SCAN unsigned scan_space_mask(const char *p)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i hit = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(' '));

	hit = _mm_or_si128(hit, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')));
	hit = _mm_or_si128(hit, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r')));
	hit = _mm_or_si128(hit, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')));
	return (unsigned)_mm_movemask_epi8(hit);
}
#endif

/* To the first special byte (with `high`: or byte of 0x80 and more), or `end`. */
SCAN const char *scan_plain(const char *p, const char *end, const bool high, const bool wide)
{
#ifdef __SSE2__
	while (wide && end - p >= 16) {
		unsigned hit = scan_special_mask(p, high);

		if (hit)
			return p + __builtin_ctz(hit);
		p += 16;
	}
#else
	(void)wide;
#endif
	while (p < end && !scan_is_special((unsigned char)*p) && !(high && (unsigned char)*p >= 0x80))
		p++;
	return p;
}

/* To the first byte that is no white space, or `end`. */
SCAN const char *scan_space(const char *p, const char *end, const bool wide)
{
#ifdef __SSE2__
	while (wide && end - p >= 16) {
		unsigned other = scan_space_mask(p) ^ 0xffffU;

		if (other)
			return p + __builtin_ctz(other);
		p += 16;
	}
#else
	(void)wide;
#endif
	while (p < end && scan_is_space((unsigned char)*p))
		p++;
	return p;
}
