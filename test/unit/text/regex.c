/* regex.c - what ECMA-262 says a pattern means, what is refused, and what a match may cost. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "text/regex.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "tap.h"

static bool engine_is_loaded(void)
{
	CLEANUP(buf_release) struct buf maps = BUF_INIT(1 << 20);
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		buf_add(&maps, span_str(line));
	if (file)
		fclose(file);
	return span_contains(buf_span(&maps), S("libpcre2-8"));
}

static const struct {
	struct span pattern;
	const char *says;
} refused[] = {
	{ SPAN("("), "missing closing parenthesis" },
	{ SPAN("a)"), "unmatched closing parenthesis" },
	{ SPAN("*a"), "quantifier does not follow" },
	{ SPAN("a**"), "nothing to repeat, at byte 2" },
	{ SPAN("a*+"), "nothing to repeat" },
	{ SPAN("a{2}{3}"), "nothing to repeat" },
	{ SPAN("[a"), "a class is not closed" },
	{ SPAN("[z-a]"), "range out of order" },
	{ SPAN("a\\"), "ends in a backslash" },
	{ SPAN("\\a"), "an escape that ECMA-262 does not have" },
	{ SPAN("\\Z"), "an escape that ECMA-262 does not have" },
	{ SPAN("a\\Kb"), "an escape that ECMA-262 does not have" },
	{ SPAN("\\Qa\\E"), "an escape that ECMA-262 does not have" },
	{ SPAN("[\\B]"), "an escape that ECMA-262 does not have" },
	{ SPAN("\\01"), "an octal escape" },
	{ SPAN("[\\1]"), "an escape that ECMA-262 does not have" },
	{ SPAN("\\x1"), "\\x needs two" },
	{ SPAN("\\u12"), "\\u needs four" },
	{ SPAN("\\u{110000}"), "\\u{ needs a code point" },
	{ SPAN("\\ud83d"), "half of a surrogate pair" },
	{ SPAN("\\c1"), "\\c needs a letter" },
	{ SPAN("\\pL"), "a property needs braces" },
	{ SPAN("\\p{Nope}"), "unknown property" },
	{ SPAN("\\p{^L}"), "letters, digits and _ only" },
	{ SPAN("\\p{Block=Greek}"), "an unknown kind of property" },
	{ SPAN("\\k"), "\\k needs a name" },
	{ SPAN("\\2(a)"), "reference to non-existent subpattern" },
	{ SPAN("(?i)a"), "a kind of group that ECMA-262 does not have" },
	{ SPAN("(?R)"), "a kind of group that ECMA-262 does not have" },
	{ SPAN("(?>a)"), "a kind of group that ECMA-262 does not have" },
	{ SPAN("(?#a)"), "a kind of group that ECMA-262 does not have" },
	{ SPAN("(?P<n>a)"), "a kind of group that ECMA-262 does not have" },
	{ SPAN("(?C1)"), "a kind of group that ECMA-262 does not have" },
	{ SPAN("(*NO_START_OPT)a"), "nothing to repeat" },
	{ SPAN("(?<=a*)b"), "lookbehind assertion is not fixed length" },
};

static const struct {
	struct span pattern, text;
	enum regex_verdict verdict;
} cases[] = {
	{ SPAN(""), SPAN(""), REGEX_YES },
	{ SPAN("b"), SPAN("abc"), REGEX_YES },
	{ SPAN("^b"), SPAN("a\nb"), REGEX_NO },
	{ SPAN("^abc$"), SPAN("abc\n"), REGEX_NO },
	{ SPAN("^.$"), SPAN("\r"), REGEX_NO },
	{ SPAN("^.$"), SPAN("\xE2\x80\xA8"), REGEX_NO },
	{ SPAN("^.$"), SPAN("\v"), REGEX_YES },
	{ SPAN("^.$"), SPAN("\xF0\x9F\x98\x80"), REGEX_YES },
	{ SPAN("^[^]$"), SPAN("\n"), REGEX_YES },
	{ SPAN("[]"), SPAN("]"), REGEX_NO },
	{ SPAN("^\\d$"), SPAN("\xDF\x80"), REGEX_NO },
	{ SPAN("^\\w$"), SPAN("\xC3\xA9"), REGEX_NO },
	{ SPAN("^\\W$"), SPAN("\xC3\xA9"), REGEX_YES },
	{ SPAN("^\\s$"), SPAN("\xEF\xBB\xBF"), REGEX_YES },
	{ SPAN("^[\\s]$"), SPAN("\xC2\xA0"), REGEX_YES },
	{ SPAN("^\\S$"), SPAN("\xC2\xA0"), REGEX_NO },
	{ SPAN("^[\\S]$"), SPAN("\xC2\xA0"), REGEX_NO },
	{ SPAN("^[^\\S]$"), SPAN("\xE3\x80\x80"), REGEX_YES },
	{ SPAN("^[\\S ]$"), SPAN(" "), REGEX_YES },
	{ SPAN("^[\\s-x]$"), SPAN("-"), REGEX_YES },
	{ SPAN("^[\\s-x]$"), SPAN("a"), REGEX_NO },
	{ SPAN("^[\\w-.]+$"), SPAN("a-b.c"), REGEX_YES },
	{ SPAN("^[a-\\d]+$"), SPAN("a-1"), REGEX_YES },
	{ SPAN("^[[:alpha:]]$"), SPAN(":]"), REGEX_YES },
	{ SPAN("^[[:alpha:]]$"), SPAN("b]"), REGEX_NO },
	{ SPAN("^[\\b]$"), SPAN("\b"), REGEX_YES },
	{ SPAN("^\\v\\0\\x41\\cJ$"), SPAN("\v\0A\n"), REGEX_YES },
	{ SPAN("^\\v$"), SPAN("\n"), REGEX_NO },
	{ SPAN("^\\u3042\\u{1F600}\\ud83d\\ude00$"), SPAN("\xE3\x81\x82\xF0\x9F\x98\x80\xF0\x9F\x98\x80"),
	  REGEX_YES },
	{ SPAN("^\\p{Letter}\\p{Lu}\\P{Lu}$"), SPAN("\xC3\xA9\xC3\x89x"), REGEX_YES },
	{ SPAN("^[\\p{Script=Hiragana}\\p{sc=Greek}]+$"), SPAN("\xE3\x81\x82\xCE\xB1"), REGEX_YES },
	{ SPAN("^\\p{digit}$"), SPAN("\xE0\xA7\xAA"), REGEX_YES },
	{ SPAN("^(a)?\\1b$"), SPAN("b"), REGEX_YES },
	{ SPAN("^(?<n>a|b)\\k<n>$"), SPAN("bb"), REGEX_YES },
	{ SPAN("(?<!a)b(?=c)(?!cd)"), SPAN("ab bcd bc"), REGEX_YES },
	{ SPAN("^{a}$"), SPAN("{a}"), REGEX_YES },
	{ SPAN("^a{,2}$"), SPAN("a{,2}"), REGEX_YES },
	{ SPAN("^a{1,2}?$"), SPAN("aa"), REGEX_YES },
	{ SPAN("^\\/\\-\\@\\_$"), SPAN("/-@_"), REGEX_YES },
	{ SPAN("^(?:(?:a+)+)+$"), SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"), REGEX_LIMIT },
	{ SPAN("(?:a|a)*[bc]"), SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), REGEX_LIMIT },
};

static void test_refused(void)
{
	CLEANUP(buf_release) struct buf nested = BUF_INIT(4096);
	struct regex *regex = NULL;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < COUNT(refused); i++) {
		ok(regex_compile(refused[i].pattern, &regex, &err) < 0 && !regex, "refused: %.*s",
		   SPAN_ARG(refused[i].pattern));
		if (!ok(span_contains(span_str(err.text), span_str(refused[i].says)), "it says why"))
			printf("#   got: %s\n", err.text);
	}
	for (int i = 0; i <= REGEX_NESTING; i++)
		buf_add_char(&nested, '(');
	for (int i = 0; i <= REGEX_NESTING; i++)
		buf_add_char(&nested, ')');
	ok(regex_compile(buf_span(&nested), &regex, &err) < 0, "too deep a nesting: %s", err.text);
	ok(regex_compile(S("(((a{1,900}){1,900}){1,900}){1,900}"), &regex, &err) < 0,
	   "repeats that blow up: %s", err.text);
}

static void test_cases(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct regex *regex = NULL;
		struct err err = ERR_INIT;
		uint64_t budget = 100000;

		if (!ok(regex_compile(cases[i].pattern, &regex, &err) == 0, "%.*s compiles %s",
			SPAN_ARG(cases[i].pattern), err.text))
			continue;
		is_int(regex_match(regex, cases[i].text, &budget), cases[i].verdict, "%.*s against case %zu",
		       SPAN_ARG(cases[i].pattern), i);
		ok(cases[i].verdict == REGEX_LIMIT ? budget == 0 : budget < 100000, "the budget is used");
		regex_free(regex);
	}
}

int main(void)
{
	struct err err = ERR_INIT;

	ok(!engine_is_loaded(), "the engine is not loaded before a pattern comes");
	test_refused();
	test_cases();
	ok(engine_is_loaded(), "it is loaded now");
	ok(regex_preload(&err) == 0, "it can be loaded ahead");
	return tap_done();
}
