/* decimal.c - exact decimals, worked on digit by digit where they stand. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/decimal.h"

static int compare_digits(struct span a, struct span b)
{
	size_t i = 0, j = 0;

	for (;;) {
		if (i < a.n && a.p[i] == '.')
			i++;
		if (j < b.n && b.p[j] == '.')
			j++;
		if (i == a.n || j == b.n)
			return (i < a.n) - (j < b.n);
		if (a.p[i] != b.p[j])
			return a.p[i] < b.p[j] ? -1 : 1;
		i++;
		j++;
	}
}

static int sign(const struct json_number *d)
{
	if (d->n == 0)
		return 0;
	return d->negative ? -1 : 1;
}

int decimal_cmp(const struct json_number *a, const struct json_number *b)
{
	int sa = sign(a), sb = sign(b);

	if (sa != sb)
		return sa < sb ? -1 : 1;
	if (sa == 0)
		return 0;
	if (a->scale != b->scale)
		return a->scale < b->scale ? -sa : sa;
	return sa * compare_digits(a->digits, b->digits);
}

bool decimal_digits(const struct json_number *d, uint64_t *out)
{
	uint64_t value = 0;

	if (d->n > 18)
		return false;
	for (size_t i = 0; i < d->digits.n; i++) {
		if (d->digits.p[i] != '.')
			value = value * 10 + (uint64_t)(d->digits.p[i] - '0');
	}
	*out = value;
	return true;
}

static uint64_t multiply_mod(uint64_t a, uint64_t b, uint64_t modulus)
{
	return (uint64_t)((unsigned __int128)a * b % modulus);
}

static uint64_t ten_to_mod(uint64_t exponent, uint64_t modulus)
{
	uint64_t result = 1 % modulus, base = 10 % modulus;

	for (; exponent; exponent >>= 1) {
		if (exponent & 1)
			result = multiply_mod(result, base, modulus);
		base = multiply_mod(base, base, modulus);
	}
	return result;
}

bool decimal_is_multiple(const struct json_number *d, uint64_t digits, int64_t power)
{
	int64_t own = d->scale - (int64_t)d->n;
	uint64_t rest = 0;

	if (d->n == 0)
		return true;
	/* The last digit is not zero, so ten does not divide the digits: nothing makes up for it. */
	if (d->immense || own < power)
		return false;
	for (size_t i = 0; i < d->digits.n; i++) {
		if (d->digits.p[i] != '.')
			rest = (multiply_mod(rest, 10, digits) + (uint64_t)(d->digits.p[i] - '0')) % digits;
	}
	return multiply_mod(rest, ten_to_mod((uint64_t)(own - power), digits), digits) == 0;
}

uint64_t decimal_hash(const struct json_number *d, uint64_t seed)
{
	uint64_t h = seed ^ (uint64_t)d->scale * 0x9E3779B97F4A7C15U ^ (uint64_t)(d->n && d->negative);

	for (size_t i = 0; i < d->digits.n; i++) {
		if (d->digits.p[i] != '.')
			h = (h ^ (unsigned char)d->digits.p[i]) * 0x100000001B3U;
	}
	return h ^ h >> 32;
}
