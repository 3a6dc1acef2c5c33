/* near.c - the name somebody meant: Damerau-Levenshtein distance with a bound. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "text/near.h"

static unsigned char fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Three rows of the table: the swap of two neighbours looks two rows back. */
struct rows {
	unsigned before[NEAR_MAX_BYTES + 1], last[NEAR_MAX_BYTES + 1], now[NEAR_MAX_BYTES + 1];
};

/* Fills rows->now for the first `i` bytes of `a`; returns its least entry. */
static unsigned fill_row(struct rows *rows, struct span a, struct span b, size_t i)
{
	unsigned smallest = (unsigned)i;

	rows->now[0] = (unsigned)i;
	for (size_t j = 1; j <= b.n; j++) {
		unsigned differs = fold(a.p[i - 1]) != fold(b.p[j - 1]);
		unsigned edits = least(rows->last[j] + 1, rows->now[j - 1] + 1);

		edits = least(edits, rows->last[j - 1] + differs);
		if (i > 1 && j > 1 && fold(a.p[i - 1]) == fold(b.p[j - 2]) &&
		    fold(a.p[i - 2]) == fold(b.p[j - 1]))
			edits = least(edits, rows->before[j - 2] + 1);
		rows->now[j] = edits;
		smallest = least(smallest, edits);
	}
	return smallest;
}

unsigned near_distance(struct span a, struct span b, unsigned limit)
{
	struct rows rows = { .before = { 0 } };
	size_t gap = a.n > b.n ? a.n - b.n : b.n - a.n;

	if (a.n > NEAR_MAX_BYTES || b.n > NEAR_MAX_BYTES || gap > limit)
		return limit + 1;
	for (size_t j = 0; j <= b.n; j++)
		rows.last[j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		if (fill_row(&rows, a, b, i) > limit)
			return limit + 1;
		memcpy(rows.before, rows.last, sizeof(rows.before));
		memcpy(rows.last, rows.now, sizeof(rows.last));
	}
	return least(rows.last[b.n], limit + 1);
}

struct span near_name(struct span wrong, const struct span *candidates, size_t n)
{
	unsigned limit = wrong.n < 5 ? 1 : wrong.n < 9 ? 2 : (unsigned)(wrong.n / 3);
	struct span best = S("");

	if (wrong.n == 0 || wrong.n > NEAR_MAX_BYTES)
		return best;
	for (size_t i = 0; i < n; i++) {
		unsigned edits = near_distance(wrong, candidates[i], limit);

		if (edits > limit || candidates[i].n == 0)
			continue;
		best = candidates[i];
		if (edits == 0)
			break;
		limit = edits - 1;
	}
	return best;
}
