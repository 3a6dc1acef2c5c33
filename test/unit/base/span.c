/* span.c - borrowed bytes: comparing, cutting, reading numbers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/span.h"
#include "base/secret.h"
#include "tap.h"

static void numbers(void)
{
	static const char *const refused[] = { "",
					       "-1",
					       "+1",
					       " 1",
					       "1 ",
					       "0x1",
					       "1.0",
					       "1e3",
					       "18446744073709551616",
					       "99999999999999999999" };
	uint64_t value = 7;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		ok(!span_u64(span_str(refused[i]), &value) && value == 7, "'%s' is no number", refused[i]);
	ok(!span_u64(span_of("1\0", 2), &value), "nor is one with a NUL");
	ok(span_u64(S("18446744073709551615"), &value) && value == UINT64_MAX, "the largest");
	ok(span_u64(S("007"), &value) && value == 7, "zeros in front");
}

/* Every pair of bytes, at every place of a word and behind it. */
static void letters(void)
{
	char a[9] = "-23456789", b[9] = "-23456789";
	bool same = true;

	for (int at = 0; at < 9; at++) {
		for (int pair = 0; pair < 65536; pair++) {
			int x = pair >> 8, y = pair & 255;
			bool letter = (x | 0x20) >= 'a' && (x | 0x20) <= 'z';

			a[at] = (char)x;
			b[at] = (char)y;
			same &= span_eq_nocase(span_of(a, 9), span_of(b, 9)) ==
				(x == y || (letter && (x ^ y) == 0x20));
		}
		a[at] = b[at] = '.';
	}
	ok(same, "of all bytes only A to Z and a to z have two cases");
}

static void comparing(void)
{
	ok(!span_eq(S("a"), S("b")) && !span_eq(S("a"), S("aa")), "different");
	ok(span_eq(span_of(NULL, 0), S("")), "nothing is nothing");
	ok(!span_eq_nocase(S("a"), S("ab")) && !span_eq_nocase(S("@"), S("`")),
	   "only letters have two cases");
	ok(span_eq_nocase(S("Mcp-Name"), S("mCP-nAME")), "letters do");
	ok(span_cmp(S("a"), S("ab")) < 0 && span_cmp(S("b"), S("ab")) > 0 && span_cmp(S("a"), S("a")) == 0,
	   "order by bytes, shorter first");
	ok(span_cmp(S("\x7f"), S("\x80")) < 0, "bytes have no sign");
	ok(!span_starts(S("ab"), S("abc")) && span_starts(S("ab"), S("a")) && span_starts(S("ab"), S("")),
	   "starts");
	ok(!span_ends(S("ab"), S("xab")) && span_ends(S("ab"), S("b")) && span_ends(S("ab"), S("")), "ends");
	ok(!span_contains(S("abc"), S("ac")) && span_contains(S("abc"), S("bc")) &&
	       span_contains(S(""), S("")) && !span_contains(S(""), S("a")),
	   "contains");
}

static void cutting(void)
{
	struct span rest = S("a,,b");

	is_span(span_cut(&rest, ','), S("a"), "first");
	is_span(span_cut(&rest, ','), S(""), "empty between two");
	is_span(span_cut(&rest, ','), S("b"), "last");
	is_int(rest.n, 0, "nothing is left");
	is_span(span_cut(&rest, ','), S(""), "and cutting nothing gives nothing");
	is_span(span_skip(S("abc"), 9), S(""), "skipping more than there is");
	is_span(span_first(S("abc"), 9), S("abc"), "the first of fewer");
	is_span(span_trim(S(" \t a b\t ")), S("a b"), "trimmed");
	is_span(span_trim(S(" \t ")), S(""), "nothing but space");
	is_span(span_trim(S("\na\r")), S("\na\r"), "line ends are no space");
	is_int(span_find(S("abc"), 'x'), 3, "absent: the length");
	is_int(span_find(span_of(NULL, 0), 'x'), 0, "in nothing: zero");
}

static void to_c(void)
{
	char out[4] = "zzz";

	ok(!span_to_cstr(S("abcd"), out, sizeof(out)), "without room for the NUL it does not fit");
	ok(!span_to_cstr(span_of("a\0b", 3), out, sizeof(out)), "a NUL inside is refused");
	ok(span_to_cstr(S("abc"), out, sizeof(out)) && strcmp(out, "abc") == 0, "fits");
	ok(span_to_cstr(span_of(NULL, 0), out, sizeof(out)) && out[0] == '\0', "nothing fits");
}

static void hashing(void)
{
	ok(span_hash(S("a"), 1) != span_hash(S("a"), 2), "the seed counts");
	ok(span_hash(S("abcdefgh"), 1) != span_hash(S("abcdefgi"), 1), "every byte counts");
	ok(span_hash(span_of("a\0", 2), 1) != span_hash(S("a"), 1), "the length counts");
	is_int(span_hash(S("abcdefghij"), 9) == span_hash(S("abcdefghij"), 9), 1, "the same twice");
}

static void secrets(void)
{
	char bytes[8] = "secret!";
	bool wiped = true;

	ok(!secret_equal(S("abc"), S("abd")) && !secret_equal(S("abc"), S("bbc")) &&
	       !secret_equal(S("abc"), S("abcd")),
	   "unequal");
	ok(secret_equal(S("abc"), S("abc")) && secret_equal(S(""), span_of(NULL, 0)), "equal");
	secret_wipe(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		wiped = wiped && bytes[i] == 0;
	ok(wiped, "wiped");
}

int main(void)
{
	numbers();
	comparing();
	letters();
	cutting();
	to_c();
	hashing();
	secrets();
	return tap_done();
}
