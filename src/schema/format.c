/* format.c - dates, times, identifiers and pointers; the table of all formats. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/format.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "schema/address.h"
#include "schema/uri.h"
#include "text/regex.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits text[at..at+n) as a number; -1 where one is none. */
static int number_at(struct span text, size_t at, size_t n)
{
	int value = 0;

	for (size_t i = at; i < at + n; i++) {
		if (i >= text.n || !is_digit(text.p[i]))
			return -1;
		value = value * 10 + (text.p[i] - '0');
	}
	return value;
}

static bool is_date(struct span text)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = number_at(text, 0, 4), month = number_at(text, 5, 2), day = number_at(text, 8, 2);
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (text.n != 10 || text.p[4] != '-' || text.p[7] != '-' || year < 0)
		return false;
	if (month < 1 || month > 12)
		return false;
	return day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

/* "Z" or "+hh:mm", in minutes east of UTC. */
static bool read_offset(struct span text, int *minutes)
{
	int hour = number_at(text, 1, 2), minute = number_at(text, 4, 2);

	*minutes = 0;
	if (text.n == 1)
		return text.p[0] == 'Z' || text.p[0] == 'z';
	if (text.n != 6 || (text.p[0] != '+' && text.p[0] != '-') || text.p[3] != ':')
		return false;
	*minutes = (text.p[0] == '-' ? -1 : 1) * (hour * 60 + minute);
	return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59;
}

static bool is_time(struct span text)
{
	int hour = number_at(text, 0, 2), minute = number_at(text, 3, 2), second = number_at(text, 6, 2);
	int offset;

	if (text.n < 9 || text.p[2] != ':' || text.p[5] != ':')
		return false;
	text = span_skip(text, 8);
	if (text.p[0] == '.') {
		text = span_skip(text, 1);
		if (number_at(text, 0, 1) < 0)
			return false;
		while (number_at(text, 0, 1) >= 0)
			text = span_skip(text, 1);
	}
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return false;
	if (!read_offset(text, &offset))
		return false;
	/* A leap second ends a day of UTC. */
	return second < 60 || (hour * 60 + minute - offset + 2 * 1440) % 1440 == 1439;
}

static bool is_date_time(struct span text)
{
	return text.n > 11 && (text.p[10] | 0x20) == 't' && is_date(span_first(text, 10)) &&
	       is_time(span_skip(text, 11));
}

/*
 * Takes "digits unit" pairs off `*text` whose units follow `units` without a gap, as RFC 3339,
 * appendix A has it (P1Y2D is none). False where there is none at all.
 */
static bool take_elements(struct span *text, const char *units)
{
	const char *expected = NULL;

	for (;;) {
		size_t n = 0;
		const char *unit;

		while (n < text->n && is_digit(text->p[n]))
			n++;
		if (n == 0 || n == text->n)
			return n == 0 && expected != NULL;
		unit = text->p[n] ? strchr(units, text->p[n]) : NULL;
		if (!unit || (expected && unit != expected))
			return false;
		expected = unit + 1;
		*text = span_skip(*text, n + 1);
	}
}

static bool is_duration(struct span text)
{
	struct span weeks = span_skip(text, 1);

	if (text.n < 2 || text.p[0] != 'P')
		return false;
	if (take_elements(&weeks, "W"))
		return weeks.n == 0;
	text = span_skip(text, 1);
	if (text.p[0] != 'T' && !take_elements(&text, "YMD"))
		return false;
	if (text.n == 0)
		return true;
	text = span_skip(text, text.p[0] == 'T');
	return take_elements(&text, "HMS") && text.n == 0;
}

static bool is_uuid(struct span text)
{
	if (text.n != 36)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
		char c = (char)(text.p[i] | 0x20);

		if (hyphen ? text.p[i] != '-' : !is_digit(text.p[i]) && (c < 'a' || c > 'f'))
			return false;
	}
	return true;
}

static bool is_json_pointer(struct span text)
{
	if (text.n && text.p[0] != '/')
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '~' && (i + 1 == text.n || (text.p[i + 1] != '0' && text.p[i + 1] != '1')))
			return false;
	}
	return true;
}

static bool is_relative_json_pointer(struct span text)
{
	size_t n = 0;

	while (n < text.n && is_digit(text.p[n]))
		n++;
	if (n == 0 || (n > 1 && text.p[0] == '0'))
		return false;
	text = span_skip(text, n);
	return span_eq(text, S("#")) || is_json_pointer(text);
}

static bool is_regex(struct span text)
{
	struct regex *regex = NULL;
	struct err err = ERR_INIT;

	if (regex_compile(text, &regex, &err) < 0)
		return false;
	regex_free(regex);
	return true;
}

static bool is_uri(struct span text)
{
	return uri_is_valid(text, false);
}

static bool is_uri_reference(struct span text)
{
	return uri_is_valid(text, true);
}

static const struct {
	struct span name;
	bool (*check)(struct span text);
} formats[] = {
	[FORMAT_UNKNOWN] = { SPAN(""), NULL },
	[FORMAT_DATE] = { SPAN("date"), is_date },
	[FORMAT_DATE_TIME] = { SPAN("date-time"), is_date_time },
	[FORMAT_DURATION] = { SPAN("duration"), is_duration },
	[FORMAT_EMAIL] = { SPAN("email"), address_is_email },
	[FORMAT_HOSTNAME] = { SPAN("hostname"), address_is_hostname },
	[FORMAT_IPV4] = { SPAN("ipv4"), address_is_ipv4 },
	[FORMAT_IPV6] = { SPAN("ipv6"), address_is_ipv6 },
	[FORMAT_JSON_POINTER] = { SPAN("json-pointer"), is_json_pointer },
	[FORMAT_REGEX] = { SPAN("regex"), is_regex },
	[FORMAT_RELATIVE_JSON_POINTER] = { SPAN("relative-json-pointer"), is_relative_json_pointer },
	[FORMAT_TIME] = { SPAN("time"), is_time },
	[FORMAT_URI] = { SPAN("uri"), is_uri },
	[FORMAT_URI_REFERENCE] = { SPAN("uri-reference"), is_uri_reference },
	[FORMAT_UUID] = { SPAN("uuid"), is_uuid },
};

enum format format_of(struct span name)
{
	for (size_t i = 1; i < COUNT(formats); i++) {
		if (span_eq(formats[i].name, name))
			return (enum format)i;
	}
	return FORMAT_UNKNOWN;
}

const char *format_name(enum format format)
{
	return formats[format].name.p;
}

bool format_check(enum format format, struct span text)
{
	return formats[format].check == NULL || formats[format].check(text);
}
