/* code.c - tests of the table of codes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/code.h"
#include "tap.h"

static void test_refusals(void)
{
	ok(!code_find(S("")), "no code has no name");
	ok(!code_find(S("K000")), "a code that is not there");
	ok(!code_find(S("102")), "a number alone");
	ok(!code_find(S("K1020")), "a longer name");
}

static void test_find(void)
{
	const struct code *code = code_find(S("K102"));

	ok(code && span_eq(span_str(code->name), S("K102")), "by its name");
	ok(code_find(S("k102")) == code, "in small letters");
	for (size_t i = 0; i < codes_n; i++) {
		ok(code_find(span_str(codes[i].name)) == &codes[i], "%s stands once", codes[i].name);
		if (i > 0)
			ok(strcmp(codes[i - 1].name, codes[i].name) < 0, "%s is in order", codes[i].name);
	}
}

static void test_near(void)
{
	is_span(span_str(code_near(S("K199"))->name), S("K112"), "after the last of its hundred");
	is_span(span_str(code_near(S("K500"))->name), S("K501"), "before the first of its hundred");
	is_span(span_str(code_near(S("K619"))->name), S("K618"), "not the nearest number of another hundred");
	is_span(span_str(code_near(S("804"))->name), S("K804"), "without the letter");
	ok(code_near(S("K99999999999999999999")) != NULL, "a number past all bounds");
	ok(code_near(S("nonsense")) == &codes[0], "a word");
	ok(code_near(S("")) == &codes[0], "nothing");
}

int main(void)
{
	test_refusals();
	test_find();
	test_near();
	return tap_done();
}
