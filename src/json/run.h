/* run.h - strings of many escapes, sixty-four bytes at a time. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "json/scan.h"

/* The escapes of one letter; the last place is for the end of a text. */
static const bool run_short_escapes[UINT8_MAX + 2] = {
	['"'] = true, ['\\'] = true, ['/'] = true, ['b'] = true,
	['f'] = true, ['n'] = true,  ['r'] = true, ['t'] = true,
};

#ifdef __SSE2__
/* One bit a byte of a run of RUN_BYTES bytes. */
struct run {
	uint64_t slash, quote;
	uint64_t hard; /* control characters, and bytes of 0x80 and more */
};

enum { RUN_BYTES = 64 };

SCAN void run_quarter(struct run *run, const char *p, unsigned at)
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
SCAN struct run run_of(const char *p)
{
	struct run run = { 0 };

	run_quarter(&run, p, 0);
	run_quarter(&run, p, 16);
	run_quarter(&run, p, 32);
	run_quarter(&run, p, 48);
	return run;
}

/*
 * The bytes that a backslash before them makes part of an escape. `carry` is 1 where the byte before the run
 * was such a backslash, and is set for the next one. In a row of backslashes every second one is escaped: a
 * row that begins at an odd place is added to itself, which carries past its end, and tells it from the
 * others.
 */
SCAN uint64_t run_escaped(uint64_t slash, uint64_t *carry)
{
	const uint64_t even = 0x5555555555555555;
	uint64_t begins = slash & ~*carry, after = begins << 1 | *carry, odd, ends;

	odd = begins & ~even & ~after;
	*carry = __builtin_add_overflow(odd, begins, &ends);
	return (even ^ ends << 1) & after;
}

/* Of these escaped bytes those that make no escape of one letter. */
SCAN uint64_t run_keep_long(const char *p, uint64_t escaped)
{
	uint64_t kept = escaped;

	for (; escaped; escaped &= escaped - 1) {
		if (run_short_escapes[(unsigned char)p[__builtin_ctzll(escaped)]])
			kept &= ~(escaped & -escaped);
	}
	return kept;
}

/*
 * From `p`, inside a string, to its closing quote or the first byte that is neither plain nor part of an
 * escape of one letter; or to where less than a run is left. Text inside text has an escape every few bytes,
 * so all of a run are found at once.
 */
SCAN const char *run_past(const char *p, const char *end, bool *escaped)
{
	uint64_t carry = 0;

	while (end - p >= RUN_BYTES) {
		const struct run run = run_of(p);
		uint64_t before = carry, inside = run_escaped(run.slash, &carry);
		uint64_t stop = (run.quote & ~inside) | run.hard;

		stop |= run_keep_long(p, inside & ~(run.quote | run.slash));
		if (stop) {
			unsigned at = (unsigned)__builtin_ctzll(stop);
			uint64_t passed = ((uint64_t)1 << at) - 1;

			*escaped |= ((run.slash & passed) | before) != 0;
			return p + at - (inside >> at & 1);
		}
		*escaped |= run.slash != 0;
		p += RUN_BYTES;
	}
	return p - carry;
}
#endif
