/* utf8.c - tests of UTF-8 and of widths. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "text/utf8.h"

#include "base/cleanup.h"
#include "tap.h"

static const struct {
	const char *name;
	struct span text;
	size_t bad_at;
} bad[] = {
	{ "a continuation byte alone", SPAN("a\x80"), 1 },
	{ "an overlong slash", SPAN("\xC0\xAF"), 0 },
	{ "an overlong slash in three", SPAN("\xE0\x80\xAF"), 0 },
	{ "an overlong form in four", SPAN("\xF0\x80\x80\xAF"), 0 },
	{ "a surrogate", SPAN("xy\xED\xA0\x80"), 2 },
	{ "past the last character", SPAN("\xF4\x90\x80\x80"), 0 },
	{ "a lead byte that does not exist", SPAN("\xF5\x80\x80\x80"), 0 },
	{ "cut off", SPAN("\xE6\xBC"), 0 },
	{ "broken in the middle", SPAN("\xE6\x41\xA2"), 0 },
};

static const struct {
	struct span text;
	size_t width, count;
} widths[] = {
	{ SPAN(""), 0, 0 },
	{ SPAN("kanmon"), 6, 6 },
	{ SPAN("関門"), 4, 2 },
	{ SPAN("ｶﾝ"), 2, 2 },
	{ SPAN("Ａ"), 2, 1 },
	{ SPAN("e\xCC\x81"), 1, 2 },
	{ SPAN("か\xE3\x82\x99"), 2, 2 },
	{ SPAN("\xE2\x80\x8B"), 0, 1 },
	{ SPAN("é"), 1, 1 },
	{ SPAN("\xF0\x9F\x98\x80"), 2, 1 },
	{ SPAN("한글"), 4, 2 },
	{ SPAN("\xF0\xA0\x80\x80"), 2, 1 },
	{ SPAN("a\tb\x7F"), 2, 4 },
	{ SPAN("a\xFF"), 2, 2 },
	{ SPAN("┌─"), 2, 2 },
};

int main(void)
{
	uint32_t point = 7;

	for (size_t i = 0; i < COUNT(bad); i++) {
		ok(!utf8_valid(bad[i].text), "refused: %s", bad[i].name);
		is_int(utf8_bad_at(bad[i].text), bad[i].bad_at, "found: %s", bad[i].name);
	}
	is_int(utf8_decode(S(""), &point), 0, "nothing to read in nothing");
	is_int(utf8_decode(S("\xC3"), &point), 0, "nothing to read in half a character");
	is_int(point, 7, "and nothing is set");

	ok(utf8_valid(S("")), "nothing is UTF-8");
	ok(utf8_valid(S("a\0\xC2\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF")),
	   "the ends of each length");
	is_int(utf8_decode(S("\xF4\x8F\xBF\xBF"), &point), 4, "four bytes");
	is_int(point, 0x10FFFF, "the last character");
	for (size_t i = 0; i < COUNT(widths); i++) {
		is_int(utf8_width(widths[i].text), widths[i].width, "width of text %zu", i);
		is_int(utf8_count(widths[i].text), widths[i].count, "characters of text %zu", i);
	}
	return tap_done();
}
