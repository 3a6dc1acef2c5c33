/* value.c - texts of a config as numbers, sizes, durations and addresses. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/value.h"

#include <arpa/inet.h>

#include "base/tr.h"

struct unit {
	struct span name;
	int64_t factor;
};

static const struct unit sizes[] = {
	{ SPAN("TiB"), 1LL << 40 }, { SPAN("GiB"), 1LL << 30 }, { SPAN("MiB"), 1LL << 20 },
	{ SPAN("KiB"), 1LL << 10 }, { SPAN("T"), 1LL << 40 },	{ SPAN("G"), 1LL << 30 },
	{ SPAN("M"), 1LL << 20 },   { SPAN("K"), 1LL << 10 },	{ SPAN(""), 1 },
};

/* The greatest first: their order in a text. */
static const struct unit times[] = {
	{ SPAN("d"), 86400000 }, { SPAN("h"), 3600000 }, { SPAN("m"), 60000 },
	{ SPAN("s"), 1000 },	 { SPAN("ms"), 1 },
};

enum value_trap value_trap(struct span text)
{
	static const struct span nulls[] = { SPAN(""), SPAN("~"), SPAN("null") };
	static const struct span bools[] = { SPAN("true"), SPAN("false") };
	static const struct span old[] = { SPAN("yes"), SPAN("no"), SPAN("on"), SPAN("off") };

	for (size_t i = 0; i < COUNT(nulls); i++)
		if (span_eq_nocase(text, nulls[i]))
			return VALUE_NULL;
	for (size_t i = 0; i < COUNT(bools); i++)
		if (span_eq_nocase(text, bools[i]))
			return VALUE_BOOL;
	for (size_t i = 0; i < COUNT(old); i++)
		if (span_eq_nocase(text, old[i]))
			return VALUE_OLD_BOOL;
	return VALUE_PLAIN;
}

bool value_int(struct span text, int64_t *out)
{
	bool minus = text.n && text.p[0] == '-';
	struct span digits = minus ? span_skip(text, 1) : text;
	uint64_t number;

	if (digits.n > 1 && digits.p[0] == '0')
		return false;
	if (!span_u64(digits, &number) || number > INT64_MAX)
		return false;
	*out = minus ? -(int64_t)number : (int64_t)number;
	return true;
}

static size_t count_digits(struct span text)
{
	size_t n = 0;

	while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
		n++;
	return n;
}

/* Digits at the front of `*rest` as a number times `factor`, added to `*sum`. */
static bool add_scaled(struct span digits, int64_t factor, int64_t *sum)
{
	uint64_t number;
	int64_t part;

	return span_u64(digits, &number) && number <= INT64_MAX &&
	       !__builtin_mul_overflow((int64_t)number, factor, &part) &&
	       !__builtin_add_overflow(*sum, part, sum);
}

int value_bytes(struct span text, int64_t *out, struct err *err)
{
	size_t n = count_digits(text);
	struct span name = span_skip(text, n);

	for (size_t i = 0; n > 0 && i < COUNT(sizes); i++) {
		int64_t sum = 0;

		if (!span_eq(name, sizes[i].name))
			continue;
		if (!add_scaled(span_first(text, n), sizes[i].factor, &sum))
			return err_set(err, ERR_CONFIG, "%s", tr("it is too large"));
		*out = sum;
		return 0;
	}
	return err_set(err, ERR_CONFIG, "%s", tr("write a number and KiB, MiB or GiB, such as 4MiB"));
}

int value_duration(struct span text, int64_t *out, struct err *err)
{
	int64_t sum = 0;
	size_t unit = 0;

	if (text.n == 0)
		goto shape;
	while (text.n) {
		size_t n = count_digits(text), letters = n;
		struct span name;

		while (letters < text.n && text.p[letters] >= 'a' && text.p[letters] <= 'z')
			letters++;
		name = span_of(text.p + n, letters - n);
		while (unit < COUNT(times) && !span_eq(name, times[unit].name))
			unit++;
		if (n == 0 || unit == COUNT(times))
			goto shape;
		if (!add_scaled(span_first(text, n), times[unit].factor, &sum))
			return err_set(err, ERR_CONFIG, "%s", tr("it is too large"));
		text = span_skip(text, letters);
		unit++;
	}
	*out = sum;
	return 0;
shape:
	return err_set(err, ERR_CONFIG, "%s",
		       tr("write a number and ms, s, m, h or d, such as 30s or 1h30m"));
}

bool value_is_ip(struct span text, bool v6)
{
	char name[64];
	struct in6_addr address;

	return span_to_cstr(text, name, sizeof(name)) &&
	       inet_pton(v6 ? AF_INET6 : AF_INET, name, &address) == 1;
}

int value_address(struct span text, struct conf_address *out, struct err *err)
{
	bool v6 = text.n && text.p[0] == '[';
	size_t end = v6 ? span_find(text, ']') : span_find(text, ':');
	struct span host = v6 && end < text.n ? span_of(text.p + 1, end - 1) : span_first(text, end);
	struct span port = span_skip(text, v6 ? end + 1 : end);
	uint64_t number;

	if (!value_is_ip(host, v6))
		return err_set(err, ERR_CONFIG, "%s",
			       tr("write the number of an address, such as 127.0.0.1:7676 or [::1]:7676"));
	if (port.n < 2 || port.p[0] != ':' || !span_u64(span_skip(port, 1), &number) || number > 65535)
		return err_set(err, ERR_CONFIG, "%s",
			       tr("a port from 0 to 65535 must follow, such as :7676"));
	*out = (struct conf_address){ .host = host, .port = (uint16_t)number, .v6 = v6 };
	return 0;
}

/* With the greatest unit that leaves no rest. */
static void add_with_unit(struct buf *out, int64_t value, const struct unit *units, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (value % units[i].factor != 0 || (value == 0 && i + 1 < n))
			continue;
		buf_add_i64(out, value / units[i].factor);
		buf_add(out, units[i].name);
		return;
	}
}

void value_add_bytes(struct buf *out, int64_t bytes)
{
	add_with_unit(out, bytes, sizes, COUNT(sizes));
}

void value_add_duration(struct buf *out, int64_t ms)
{
	add_with_unit(out, ms, times, COUNT(times));
}
