/* clock.c - the two times. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

#include "base/check.h"

uint64_t clock_mono_us(void)
{
	struct timespec t;

	check(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U;
}

uint64_t clock_wall_ms(void)
{
	struct timespec t;

	check(clock_gettime(CLOCK_REALTIME, &t) == 0);
	return (uint64_t)t.tv_sec * 1000U + (uint64_t)t.tv_nsec / 1000000U;
}

static void two_digits(char *at, unsigned value)
{
	at[0] = (char)('0' + value / 10 % 10);
	at[1] = (char)('0' + value % 10);
}

/*
 * Days to a civil date: years counted from March, in eras of 400 years (146,097 days), so that
 * the leap day is the last of its year. No libc call, for this runs once per record.
 */
void clock_add_rfc3339(struct buf *buf, uint64_t wall_ms)
{
	uint64_t days = wall_ms / 86400000U + 719468U;
	unsigned ms = (unsigned)(wall_ms % 86400000U);
	uint64_t era = days / 146097U;
	unsigned doe = (unsigned)(days % 146097U);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;
	unsigned month = mp < 10 ? mp + 3 : mp - 9;
	unsigned year = (unsigned)(era * 400) + yoe + (month <= 2);
	char text[] = "0000-00-00T00:00:00.000Z";

	two_digits(text, year / 100);
	two_digits(text + 2, year);
	two_digits(text + 5, month);
	two_digits(text + 8, doy - (153 * mp + 2) / 5 + 1);
	two_digits(text + 11, ms / 3600000);
	two_digits(text + 14, ms / 60000 % 60);
	two_digits(text + 17, ms / 1000 % 60);
	text[20] = (char)('0' + ms / 100 % 10);
	two_digits(text + 21, ms % 100);
	buf_add(buf, span_of(text, sizeof(text) - 1));
}
