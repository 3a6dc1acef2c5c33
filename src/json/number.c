/* number.c - exact decimals out of number tokens, and the integers and doubles they stand for. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "json/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	EXPONENT_DIGITS = 15, /* a text is below 4 GiB: more cannot be evened out by digits */
	/* More digits than the exact middle between two doubles can have: one more bit decides. */
	DOUBLE_DIGITS = 800,
	DOUBLE_SCALE = 400, /* beyond 10^400 all is infinite or zero */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads what follows the e. */
static int64_t read_exponent(struct span text, bool *immense)
{
	bool negative = text.p[0] == '-';
	int64_t value = 0;

	if (!is_digit(text.p[0]))
		text = span_skip(text, 1);
	while (text.n > 1 && text.p[0] == '0')
		text = span_skip(text, 1);
	*immense = text.n > EXPONENT_DIGITS;
	if (*immense)
		return negative ? INT64_MIN / 2 : INT64_MAX / 2;
	for (size_t i = 0; i < text.n; i++)
		value = value * 10 + (text.p[i] - '0');
	return negative ? -value : value;
}

static size_t find_exponent(struct span raw)
{
	size_t i = 0;

	while (i < raw.n && (raw.p[i] | 0x20) != 'e')
		i++;
	return i;
}

struct json_number json_number_of(struct span raw)
{
	struct json_number number = { .negative = raw.p[0] == '-' };
	size_t e = find_exponent(raw), point, first = 0, last;
	int64_t exponent = 0;

	if (e < raw.n)
		exponent = read_exponent(span_skip(raw, e + 1), &number.immense);
	raw = span_skip(span_first(raw, e), number.negative);
	point = span_find(raw, '.');
	while (first < raw.n && (raw.p[first] == '0' || raw.p[first] == '.'))
		first++;
	if (first == raw.n) {
		number.immense = false;
		return number;
	}
	last = raw.n - 1;
	while (raw.p[last] == '0' || raw.p[last] == '.')
		last--;
	number.digits = span_of(raw.p + first, last - first + 1);
	number.n = (uint32_t)(number.digits.n - (first < point && last > point));
	number.scale = exponent + (int64_t)point - (int64_t)first + (first > point);
	return number;
}

/* The next digit as a number, '.' left out; 0 after the last one. */
static unsigned take_digit(struct span *digits)
{
	char c;

	if (digits->n > 0 && digits->p[0] == '.')
		*digits = span_skip(*digits, 1);
	if (digits->n == 0)
		return 0;
	c = digits->p[0];
	*digits = span_skip(*digits, 1);
	return (unsigned)(c - '0');
}

bool json_number_equal(struct span a, struct span b)
{
	struct json_number x, y;

	if (span_eq(a, b))
		return true;
	x = json_number_of(a);
	y = json_number_of(b);
	if (x.n == 0 && y.n == 0)
		return true;
	if (x.n != y.n || x.negative != y.negative || x.scale != y.scale || x.immense || y.immense)
		return false;
	for (uint32_t i = 0; i < x.n; i++) {
		if (take_digit(&x.digits) != take_digit(&y.digits))
			return false;
	}
	return true;
}

/* The size of an integer, without its sign; false where it is none or does not fit. */
static bool read_integer(struct json_number number, uint64_t *out)
{
	uint64_t value = 0;

	if (number.n > 0 && (number.scale < (int64_t)number.n || number.scale > 20))
		return false;
	for (int64_t i = 0; i < number.scale; i++) {
		if (__builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, take_digit(&number.digits), &value))
			return false;
	}
	*out = value;
	return true;
}

bool json_u64(const struct json *json, json_at at, uint64_t *out)
{
	struct json_number number;

	if (!json_is(json, at, JSON_NUMBER))
		return false;
	number = json_number_of(json_raw(json, at));
	return !(number.negative && number.n > 0) && read_integer(number, out);
}

bool json_i64(const struct json *json, json_at at, int64_t *out)
{
	struct json_number number;
	uint64_t size;

	if (!json_is(json, at, JSON_NUMBER))
		return false;
	number = json_number_of(json_raw(json, at));
	if (!read_integer(number, &size))
		return false;
	if (size > (uint64_t)INT64_MAX + number.negative)
		return false;
	*out = number.negative ? (int64_t)(0 - size) : (int64_t)size;
	return true;
}

/* Both factors are exact doubles, so that one rounding gives the nearest. False: not so small. */
static bool small_double(struct json_number number, double *out)
{
	static const double tens[] = { 1e0,  1e1,  1e2,	 1e3,  1e4,  1e5,  1e6,	 1e7,  1e8,  1e9,  1e10, 1e11,
				       1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	int64_t power = number.scale - (int64_t)number.n;
	uint64_t value = 0;

	if (number.n > 15 || power < -22 || power > 22)
		return false;
	for (uint32_t i = 0; i < number.n; i++)
		value = value * 10 + take_digit(&number.digits);
	*out = power < 0 ? (double)value / tens[-power] : (double)value * tens[power];
	return true;
}

/* Written anew without a point, so that no locale has a say in what it means. */
static double large_double(struct json_number number)
{
	char text[DOUBLE_DIGITS + 32];
	uint32_t n = number.n < DOUBLE_DIGITS ? number.n : DOUBLE_DIGITS, used = 0;

	if (number.scale > DOUBLE_SCALE)
		return (double)INFINITY;
	if (number.scale < -DOUBLE_SCALE)
		return 0;
	while (used < n)
		text[used++] = (char)('0' + take_digit(&number.digits));
	if (number.n > n)
		text[used++] = '1';
	(void)snprintf(text + used, sizeof text - used, "e%d", (int)number.scale - (int)used);
	return strtod(text, NULL);
}

double json_number_double(struct span raw)
{
	struct json_number number = json_number_of(raw);
	double value = 0;

	if (number.n > 0 && !small_double(number, &value))
		value = large_double(number);
	return number.negative ? -value : value;
}
