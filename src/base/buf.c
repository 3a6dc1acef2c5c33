/* buf.c - owned bytes with a ceiling. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define BUF_FIRST_BYTES 256U

static size_t used_of(const struct budget *budget)
{
	return budget->shared ? __atomic_load_n(&budget->used, __ATOMIC_RELAXED) : budget->used;
}

bool budget_fits(const struct budget *budget, size_t n)
{
	for (; budget; budget = budget->parent) {
		size_t used = used_of(budget);

		if (used > budget->max || n > budget->max - used)
			return false;
	}
	return true;
}

/* How much fits; nothing where even that would not. */
static size_t left_in(const struct budget *budget)
{
	size_t left = SIZE_MAX;

	for (; budget; budget = budget->parent) {
		size_t used = used_of(budget), own = used > budget->max ? 0 : budget->max - used;

		if (own < left)
			left = own;
	}
	return left;
}

void budget_force(struct budget *budget, size_t n)
{
	for (; budget; budget = budget->parent) {
		if (budget->shared)
			(void)__atomic_fetch_add(&budget->used, n, __ATOMIC_RELAXED);
		else
			budget->used += n;
	}
}

bool budget_take(struct budget *budget, size_t n)
{
	if (!budget_fits(budget, n))
		return false;
	budget_force(budget, n);
	return true;
}

void budget_give(struct budget *budget, size_t n)
{
	for (; budget; budget = budget->parent) {
		size_t used = used_of(budget);

		check(n <= used);
		if (budget->shared)
			(void)__atomic_fetch_sub(&budget->used, n, __ATOMIC_RELAXED);
		else
			budget->used -= n;
	}
}

void buf_release(struct buf *buf)
{
	budget_give(buf->budget, buf->cap);
	free(buf->p);
	buf->p = NULL;
	buf->n = 0;
	buf->cap = 0;
	buf->over = false;
}

void buf_clear(struct buf *buf)
{
	buf->n = 0;
	buf->over = false;
}

void buf_cut(struct buf *buf, size_t n)
{
	check(n <= buf->n);
	buf->n = n;
	buf->over = false;
}

/*
 * Where twice as much does not fit any more: somewhat more than is needed, or each byte that follows would
 * have all of it copied again, but never more than half of what others could have.
 */
static size_t tight_cap(const struct buf *buf, size_t need, size_t left)
{
	size_t more = need - buf->cap, spare = need / 8;

	if (more >= left)
		return need;
	if (spare > (left - more) / 2)
		spare = (left - more) / 2;
	return spare > buf->max - need ? buf->max : need + spare;
}

/* Doubles, so that a message of n bytes costs O(n) copies; never past the ceiling. */
static bool grow(struct buf *buf, size_t need)
{
	size_t cap = buf->cap ? buf->cap : BUF_FIRST_BYTES, left = left_in(buf->budget);
	char *p;

	if (need > buf->max)
		return false;
	while (cap < need)
		cap = cap > buf->max / 2 ? buf->max : cap * 2;
	if (cap > buf->max)
		cap = buf->max;
	if (cap - buf->cap > left)
		cap = tight_cap(buf, need, left);
	if (!budget_take(buf->budget, cap - buf->cap))
		return false;
	p = realloc(buf->p, cap);
	if (!p) {
		budget_give(buf->budget, cap - buf->cap);
		return false;
	}
	buf->p = p;
	buf->cap = cap;
	return true;
}

char *buf_reserve(struct buf *buf, size_t more)
{
	size_t need;

	if (buf->over)
		return NULL;
	if (__builtin_add_overflow(buf->n, more, &need) || (need > buf->cap && !grow(buf, need))) {
		buf->over = true;
		return NULL;
	}
	return buf->p + buf->n;
}

void buf_add(struct buf *buf, struct span bytes)
{
	char *at;

	if (bytes.n == 0)
		return;
	at = buf_reserve(buf, bytes.n);
	if (!at)
		return;
	memcpy(at, bytes.p, bytes.n);
	buf->n += bytes.n;
}

void buf_add_char(struct buf *buf, char c)
{
	buf_add(buf, span_of(&c, 1));
}

void buf_add_u64(struct buf *buf, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	buf_add(buf, span_of(digits + at, sizeof(digits) - at));
}

void buf_add_i64(struct buf *buf, int64_t value)
{
	if (value < 0) {
		buf_add_char(buf, '-');
		buf_add_u64(buf, (uint64_t)0 - (uint64_t)value);
	} else {
		buf_add_u64(buf, (uint64_t)value);
	}
}

void buf_add_hex(struct buf *buf, struct span bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];

		buf_add_char(buf, digits[c >> 4]);
		buf_add_char(buf, digits[c & 15]);
	}
}

void buf_addf(struct buf *buf, const char *format, ...)
{
	char small[512];
	va_list args;
	char *at;
	int n;

	va_start(args, format);
	n = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	check(n >= 0);
	if ((size_t)n < sizeof(small)) {
		buf_add(buf, span_of(small, (size_t)n));
		return;
	}
	at = buf_reserve(buf, (size_t)n + 1);
	if (!at)
		return;
	va_start(args, format);
	n = vsnprintf(at, (size_t)n + 1, format, args);
	va_end(args);
	buf->n += (size_t)n;
}

const char *buf_cstr(struct buf *buf)
{
	char *at = buf_reserve(buf, 1);

	if (!at)
		return NULL;
	*at = '\0';
	return buf->p;
}

void buf_consume(struct buf *buf, size_t n)
{
	check(n <= buf->n);
	if (n < buf->n)
		memmove(buf->p, buf->p + n, buf->n - n);
	buf->n -= n;
}

void buf_shrink(struct buf *buf, size_t keep)
{
	if (buf->n == 0 && buf->cap > keep) {
		budget_give(buf->budget, buf->cap);
		free(buf->p);
		buf->p = NULL;
		buf->cap = 0;
	}
}
