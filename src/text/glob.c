/* glob.c - name patterns: `*` and `?`. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "text/glob.h"

#include "text/utf8.h"

/* Bytes of the character at `at`. */
static size_t step(struct span text, size_t at)
{
	uint32_t point;
	size_t n = utf8_decode(span_skip(text, at), &point);

	return n ? n : 1;
}

/*
 * Only the last star is ever tried again: what an earlier one could take more, the last one can
 * take as well. That keeps the time at a product instead of a power.
 */
bool glob_match(struct span pattern, struct span text)
{
	size_t p = 0, t = 0, after_star = 0, star_end = 0;
	bool starred = false;

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			starred = true;
			after_star = ++p;
			star_end = t;
		} else if (p < pattern.n && pattern.p[p] == '?') {
			p++;
			t += step(text, t);
		} else if (p < pattern.n && pattern.p[p] == text.p[t]) {
			p++;
			t++;
		} else if (starred) {
			star_end += step(text, star_end);
			t = star_end;
			p = after_star;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}
