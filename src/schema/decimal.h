/* decimal.h - arithmetic on JSON numbers by their exact decimal value. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "json/number.h"

static inline bool decimal_is_integer(const struct json_number *d)
{
	return d->n == 0 || d->scale >= (int64_t)d->n;
}

/*
 * < 0, 0 or > 0 as `a` is less than, equal to or greater than `b`. At most one of them is
 * immense: of two, it could not be said.
 */
int decimal_cmp(const struct json_number *a, const struct json_number *b);

/*
 * The digits as a whole number, where there are at most 18 of them: the size of `d` is then
 * `*out` × 10^(scale - n). False otherwise.
 */
bool decimal_digits(const struct json_number *d, uint64_t *out);

/*
 * Is `d` a multiple of `digits` × 10^power? `digits` is not zero and has no zero at its end. False
 * for what is immense.
 */
bool decimal_is_multiple(const struct json_number *d, uint64_t digits, int64_t power);

/* Equal for equal numbers, however they are written. */
uint64_t decimal_hash(const struct json_number *d, uint64_t seed);
