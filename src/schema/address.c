/* address.c - RFC 1123, RFC 4291 and RFC 5321 by hand. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/address.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_octet(struct span text)
{
	unsigned value = 0;

	if (text.n == 0 || text.n > 3 || (text.n > 1 && text.p[0] == '0'))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (!is_digit(text.p[i]))
			return false;
		value = value * 10 + (unsigned)(text.p[i] - '0');
	}
	return value <= 255;
}

bool address_is_ipv4(struct span text)
{
	for (int i = 0; i < 3; i++) {
		size_t dot = span_find(text, '.');

		if (dot == text.n || !is_octet(span_first(text, dot)))
			return false;
		text = span_skip(text, dot + 1);
	}
	return is_octet(text);
}

static bool is_group(struct span text)
{
	if (text.n == 0 || text.n > 4)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (!is_hex(text.p[i]))
			return false;
	}
	return true;
}

/* Groups with ':' between them, counted in 16 bits; -1 where something else is there. */
static int count_groups(struct span text, bool ipv4_last)
{
	int n = 0;

	if (text.n == 0)
		return 0;
	for (;;) {
		size_t colon = span_find(text, ':');
		struct span group = span_first(text, colon);

		if (ipv4_last && colon == text.n && address_is_ipv4(group))
			return n + 2;
		if (!is_group(group) || ++n > 8)
			return -1;
		if (colon == text.n)
			return n;
		text = span_skip(text, colon + 1);
	}
}

bool address_is_ipv6(struct span text)
{
	size_t gap = 0;
	int before, after;

	if (text.n > 45)
		return false;
	while (gap + 1 < text.n && (text.p[gap] != ':' || text.p[gap + 1] != ':'))
		gap++;
	if (gap + 1 >= text.n)
		return count_groups(text, true) == 8;
	before = count_groups(span_first(text, gap), false);
	after = count_groups(span_skip(text, gap + 2), true);
	return before >= 0 && after >= 0 && before + after <= 7;
}

static bool is_label(struct span label)
{
	if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++) {
		if (!is_alnum(label.p[i]) && label.p[i] != '-')
			return false;
	}
	/* RFC 5891, 4.2.3.1: hyphens in the third and fourth place are for A-labels. */
	if (label.n < 4 || label.p[2] != '-' || label.p[3] != '-')
		return true;
	return label.n > 5 && span_eq_nocase(span_first(label, 2), S("xn"));
}

bool address_is_hostname(struct span text)
{
	if (text.n > 253)
		return false;
	for (;;) {
		size_t dot = span_find(text, '.');

		if (!is_label(span_first(text, dot)))
			return false;
		if (dot == text.n)
			return true;
		text = span_skip(text, dot + 1);
	}
}

static bool is_dot_string(struct span text)
{
	bool atom = false;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '.' && !atom)
			return false;
		if (c != '.' && !is_alnum(c) && !memchr("!#$%&'*+-/=?^_`{|}~", c, 19))
			return false;
		atom = c != '.';
	}
	return atom;
}

/* What is between the quotes of a quoted string. */
static bool is_quoted(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		bool escaped = text.p[i] == '\\';

		if (escaped && ++i == text.n)
			return false;
		if (text.p[i] < ' ' || text.p[i] > '~' || (text.p[i] == '"' && !escaped))
			return false;
	}
	return true;
}

static bool is_mail_domain(struct span text)
{
	const struct span v6 = S("IPv6:");

	if (text.n < 2 || text.p[0] != '[' || text.p[text.n - 1] != ']')
		return address_is_hostname(text);
	text = span_of(text.p + 1, text.n - 2);
	if (span_eq_nocase(span_first(text, v6.n), v6))
		return address_is_ipv6(span_skip(text, v6.n));
	return address_is_ipv4(text);
}

bool address_is_email(struct span text)
{
	struct span local = text;

	/* The last @ divides: one in a quoted local part is before it. */
	while (local.n && local.p[local.n - 1] != '@')
		local.n--;
	if (local.n < 2 || local.n > 65 || !is_mail_domain(span_skip(text, local.n)))
		return false;
	local.n--;
	if (local.n >= 2 && local.p[0] == '"' && local.p[local.n - 1] == '"')
		return is_quoted(span_of(local.p + 1, local.n - 2));
	return is_dot_string(local);
}
