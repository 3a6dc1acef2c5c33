/* span.h - borrowed bytes, passed by value. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A range of bytes somebody else owns. `p` may be NULL only where `n` is 0; no NUL is promised
 * after the last byte.
 */
struct span {
	const char *p;
	size_t n;
};

/* A constant span, usable in static tables. */
#define SPAN(literal)                                                                                        \
	{                                                                                                    \
		("" literal), sizeof(literal) - 1U                                                           \
	}
/* The same as a value. */
#define S(literal) ((struct span)SPAN(literal))
/* For "%.*s". */
#define SPAN_ARG(s) (int)(s).n, (s).p

static inline struct span span_of(const char *p, size_t n)
{
	return (struct span){ p, n };
}

/* Borrows a C string up to its NUL; NULL gives the empty span. */
static inline struct span span_str(const char *text)
{
	return text ? (struct span){ text, strlen(text) } : S("");
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Equal apart from the case of ASCII letters. */
bool span_eq_nocase(struct span a, struct span b);

static inline bool span_starts(struct span s, struct span head)
{
	return s.n >= head.n && (head.n == 0 || memcmp(s.p, head.p, head.n) == 0);
}

static inline bool span_ends(struct span s, struct span tail)
{
	return s.n >= tail.n && (tail.n == 0 || memcmp(s.p + s.n - tail.n, tail.p, tail.n) == 0);
}

/* Without the first `n` bytes (all of them where there are fewer). */
static inline struct span span_skip(struct span s, size_t n)
{
	return n >= s.n ? span_of(s.p + s.n, 0) : span_of(s.p + n, s.n - n);
}

/* At most the first `n` bytes. */
static inline struct span span_first(struct span s, size_t n)
{
	return span_of(s.p, n < s.n ? n : s.n);
}

/* Index of the first `c`, or s.n. */
size_t span_find(struct span s, char c);

/* Does `needle` stand anywhere in `s`? An empty needle does. */
bool span_contains(struct span s, struct span needle);

/*
 * Takes everything before the first `c` out of `*rest` and returns it; the separator is dropped.
 * Without a separator all of it is taken and `*rest` becomes empty.
 */
struct span span_cut(struct span *rest, char c);

/* Without spaces and tabs at both ends. */
struct span span_trim(struct span s);

/* Reads a plain decimal number (digits only, no sign, no overflow). False leaves `*out` alone. */
bool span_u64(struct span s, uint64_t *out);

/* Orders by bytes, shorter first among equals. */
int span_cmp(struct span a, struct span b);

/* Copies with a NUL into `out` of `size` bytes; false where it does not fit or holds a NUL. */
bool span_to_cstr(struct span s, char *out, size_t size);

/* A fast hash for tables. Not for anything an attacker may choose without `seed` being secret. */
uint64_t span_hash(struct span s, uint64_t seed);
