/* span.c - borrowed bytes: comparing, cutting, searching. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/span.h"

#include <string.h>

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

/* Eight bytes as lower() makes them. */
static uint64_t lower_eight(const char *p)
{
	const uint64_t each = 0x0101010101010101;
	uint64_t word, low, upper;

	memcpy(&word, p, sizeof(word));
	low = word & (0x7f * each);
	/* The top bit of a byte: it is ASCII, not below A, and not past Z. */
	upper = ~word & (low + (0x80 - 'A') * each) & ~(low + (0x7f - 'Z') * each) & (0x80 * each);
	return word | upper >> 2;
}

bool span_eq_nocase(struct span a, struct span b)
{
	size_t i = 0;

	if (a.n != b.n)
		return false;
	for (; i + 8 <= a.n; i += 8)
		if (lower_eight(a.p + i) != lower_eight(b.p + i))
			return false;
	for (; i < a.n; i++)
		if (lower((unsigned char)a.p[i]) != lower((unsigned char)b.p[i]))
			return false;
	return true;
}

size_t span_find(struct span s, char c)
{
	const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;

	return hit ? (size_t)(hit - s.p) : s.n;
}

bool span_contains(struct span s, struct span needle)
{
	return needle.n == 0 || (s.n >= needle.n && memmem(s.p, s.n, needle.p, needle.n) != NULL);
}

struct span span_cut(struct span *rest, char c)
{
	size_t at = span_find(*rest, c);
	struct span head = span_of(rest->p, at);

	*rest = span_skip(*rest, at < rest->n ? at + 1 : at);
	return head;
}

struct span span_trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_skip(s, 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool span_u64(struct span s, uint64_t *out)
{
	uint64_t value = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value))
			return false;
	}
	*out = value;
	return true;
}

int span_cmp(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	if (order != 0)
		return order;
	return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

bool span_to_cstr(struct span s, char *out, size_t size)
{
	if (s.n >= size || (s.n && memchr(s.p, '\0', s.n)))
		return false;
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

/* Eight bytes a step, mixed by a multiply and a fold. */
uint64_t span_hash(struct span s, uint64_t seed)
{
	const uint64_t k = 0x9E3779B97F4A7C15ULL;
	uint64_t h = seed ^ (s.n * k);
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		uint64_t word;

		memcpy(&word, s.p + i, 8);
		h = (h ^ word) * k;
		h ^= h >> 29;
	}
	if (i < s.n) {
		uint64_t word = 0;

		memcpy(&word, s.p + i, s.n - i);
		h = (h ^ word) * k;
		h ^= h >> 29;
	}
	h *= 0xBF58476D1CE4E5B9ULL;
	return h ^ (h >> 32);
}
