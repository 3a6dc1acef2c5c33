/* tap.h - the whole of our test framework: TAP on stdout. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stdio.h>

#include "base/span.h"

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static int tap_ok_at(int pass, const char *file, int line,
								   const char *format, ...)
{
	va_list args;

	tap_count++;
	tap_failed += !pass;
	printf("%sok %d - ", pass ? "" : "not ", tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	if (!pass)
		printf("#   at %s:%d\n", file, line);
	fflush(stdout);
	return pass;
}

#define ok(condition, ...) tap_ok_at(!!(condition), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...)                                                                               \
	do {                                                                                                 \
		long long g_ = (long long)(got), w_ = (long long)(want);                                     \
		if (!ok(g_ == w_, __VA_ARGS__))                                                              \
			printf("#   got %lld, want %lld\n", g_, w_);                                         \
	} while (0)
#define is_span(got, want, ...)                                                                              \
	do {                                                                                                 \
		struct span g_ = (got), w_ = (want);                                                         \
		if (!ok(span_eq(g_, w_), __VA_ARGS__))                                                       \
			printf("#   got  '%.*s'\n#   want '%.*s'\n", SPAN_ARG(g_), SPAN_ARG(w_));            \
	} while (0)

__attribute__((unused)) static int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}
