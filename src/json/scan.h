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

/* One bit a byte of a run of SCAN_RUN bytes. */
struct scan_run {
	uint64_t slash, quote;
	uint64_t hard; /* control characters, and bytes of 0x80 and more */
};

enum { SCAN_RUN = 64 };

SCAN void scan_quarter(struct scan_run *run, const char *p, unsigned at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(p + at));
	__m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
	__m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
	__m128i hard = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));

	run->slash |= (uint64_t)(unsigned)_mm_movemask_epi8(slash) << at;
	run->quote |= (uint64_t)(unsigned)_mm_movemask_epi8(quote) << at;
	run->hard |= (uint64_t)(unsigned)_mm_movemask_epi8(hard) << at;
}

/* Quarter by quarter, as no compiler unrolls it at our level of optimisation. */
SCAN struct scan_run scan_run(const char *p)
{
	struct scan_run run = { 0 };

	scan_quarter(&run, p, 0);
	scan_quarter(&run, p, 16);
	scan_quarter(&run, p, 32);
	scan_quarter(&run, p, 48);
	return run;
}

/*
 * The bytes that a backslash before them makes part of an escape. `carry` is 1 where the byte before the run
 * was such a backslash, and is set for the next one. In a row of backslashes every second one is escaped: a
 * row that begins at an odd place is added to itself, which carries past its end, and tells it from the
 * others.
 */
SCAN uint64_t scan_escaped(uint64_t slash, uint64_t *carry)
{
	const uint64_t even = 0x5555555555555555;
	uint64_t begins = slash & ~*carry, after = begins << 1 | *carry, odd, ends;

	odd = begins & ~even & ~after;
	*carry = __builtin_add_overflow(odd, begins, &ends);
	return (even ^ ends << 1) & after;
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
