/* glob.c - tests of name patterns. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "text/glob.h"

#include "base/cleanup.h"
#include "tap.h"

static const struct {
	bool match;
	struct span pattern, text;
} cases[] = {
	{ false, SPAN(""), SPAN("a") },
	{ false, SPAN("a"), SPAN("") },
	{ false, SPAN("read"), SPAN("Read") },
	{ false, SPAN("read_*"), SPAN("read") },
	{ false, SPAN("read_?"), SPAN("read_") },
	{ false, SPAN("*_file"), SPAN("read_files") },
	{ false, SPAN("?"), SPAN("") },
	{ false, SPAN("?"), SPAN("ab") },
	{ false, SPAN("??"), SPAN("漢") },
	{ false, SPAN("*??"), SPAN("漢") },
	{ false, SPAN("a*b*c"), SPAN("a-b-d") },
	{ false, SPAN("[ab]"), SPAN("a") },
	{ false, SPAN("\\*"), SPAN("x") },
	{ false, SPAN("a"), SPAN("a\0") },
	{ true, SPAN(""), SPAN("") },
	{ true, SPAN("*"), SPAN("") },
	{ true, SPAN("***"), SPAN("") },
	{ true, SPAN("*"), SPAN("anything") },
	{ true, SPAN("read_*"), SPAN("read_") },
	{ true, SPAN("read_*"), SPAN("read_file") },
	{ true, SPAN("*_file"), SPAN("read_file_file") },
	{ true, SPAN("a*b*c"), SPAN("abbcbc") },
	{ true, SPAN("*a?c*"), SPAN("xxaabcx") },
	{ true, SPAN("?"), SPAN("漢") },
	{ true, SPAN("*?字"), SPAN("漢字") },
	{ true, SPAN("?b"),
	  SPAN("\xFF"
	       "b") },
	{ true, SPAN("[ab]"), SPAN("[ab]") },
};

static void many_stars(void)
{
	char pattern[201], text[1001];

	for (size_t i = 0; i < 200; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[200] = 'b';
	memset(text, 'a', 1000);
	text[1000] = 'c';
	ok(!glob_match(span_of(pattern, 201), span_of(text, 1001)),
	   "a hundred stars end soon without a match");
	text[1000] = 'b';
	ok(glob_match(span_of(pattern, 201), span_of(text, 1001)), "and with one");
}

int main(void)
{
	for (size_t i = 0; i < COUNT(cases); i++)
		ok(glob_match(cases[i].pattern, cases[i].text) == cases[i].match, "'%.*s' and '%.*s'",
		   SPAN_ARG(cases[i].pattern), SPAN_ARG(cases[i].text));
	many_stars();
	return tap_done();
}
