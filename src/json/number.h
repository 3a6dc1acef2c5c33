/* number.h - a number token taken apart: digits and a power of ten, exactly. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "json/tape.h"

/*
 * The value is 0.d1d2d3... x 10^scale, where d1 is the first digit of `digits` and neither the
 * first nor the last one is 0. No digits: the value is zero, and scale is 0.
 */
struct json_number {
	struct span digits; /* borrowed; a '.' may stand between them */
	uint32_t n;	    /* how many digits */
	int64_t scale;
	bool negative; /* also of -0 */
	bool immense;  /* the exponent itself is out of any range; scale says only in which direction */
};

/* Of a number's source, already accepted by the parser. */
struct json_number json_number_of(struct span raw);

/* Are two numbers' sources the same value? Immense ones are only where they are written alike. */
bool json_number_equal(struct span a, struct span b);

/* The nearest double; infinite where it is out of range. */
double json_number_double(struct span raw);
