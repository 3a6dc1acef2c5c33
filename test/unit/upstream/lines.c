/* lines.c - lines of a stream, however it is cut into pieces. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/lines.h"
#include "base/cleanup.h"
#include "tap.h"

enum { CEILING = 8 };

/* What the gatherer tells of `text`, fed in pieces of `step`: lines with a bar after each, ! for too long. */
static void tell(const char *text, size_t step, struct buf *out)
{
	struct lines lines = LINES_INIT(CEILING);
	struct span all = span_str(text);

	buf_clear(out);
	while (all.n) {
		struct span piece = span_first(all, step), line = S("");
		enum lines_step got;

		all = span_skip(all, step);
		while ((got = lines_next(&lines, &piece, &line)) != LINES_MORE) {
			if (got == LINES_LINE)
				buf_add(out, line);
			buf_add_char(out, got == LINES_LINE ? '|' : '!');
		}
	}
	lines_release(&lines);
}

static const struct {
	const char *text, *told;
} cases[] = {
	{ "123456789\n", "!" },
	{ "123456789", "!" },
	{ "1234567890123456789012345\nok\n", "!ok|" },
	{ "123456789\n123456789\nok\n", "!!ok|" },
	{ "", "" },
	{ "\n\r\n\n", "" },
	{ "cut", "" },
	{ "a\ncut", "a|" },
	{ "a\n", "a|" },
	{ "a\r\nb\n", "a|b|" },
	{ "a\rb\n", "a\rb|" },
	{ "1234567\n", "1234567|" },
	{ "12345678\n123456789\n12345678\n", "12345678|!12345678|" },
	{ "a\n\nbc\n\r\nd\n", "a|bc|d|" },
};

static void every_cut(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(4096);

	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t step = 1; step <= 30; step += step < 10 ? 1 : 10) {
			tell(cases[i].text, step, &out);
			if (!span_eq(buf_span(&out), span_str(cases[i].told)))
				is_span(buf_span(&out), span_str(cases[i].told), "case %zu in pieces of %zu",
					i, step);
		}
	ok(true, "every text gives its lines, however it is cut");
}

static void the_ceiling(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(4096);

	tell("12345678\n", 30, &out);
	is_span(buf_span(&out), S("12345678|"), "a line as long as the ceiling, in one piece");
	tell("123456789\n", 30, &out);
	is_span(buf_span(&out), S("!"), "and one byte more");
}

static void another_ceiling(void)
{
	struct lines lines = LINES_INIT((size_t)4);
	struct span in = S("12345\n"), line = S("");

	is_int(lines_next(&lines, &in, &line), LINES_TOO_LONG, "a line over the ceiling");
	lines_set_ceiling(&lines, 8);
	in = S("12345\n1234567");
	ok(lines_next(&lines, &in, &line) == LINES_LINE && span_eq(line, S("12345")),
	   "passes under a higher one");
	is_int(lines_next(&lines, &in, &line), LINES_MORE, "a line begins");
	lines_set_ceiling(&lines, 4);
	in = S("8\n1234\n12345\n");
	ok(lines_next(&lines, &in, &line) == LINES_LINE && span_eq(line, S("12345678")),
	   "and ends under the ceiling it began under");
	lines_set_ceiling(&lines, 4);
	ok(lines_next(&lines, &in, &line) == LINES_LINE && span_eq(line, S("1234")),
	   "the next is short enough");
	is_int(lines_next(&lines, &in, &line), LINES_TOO_LONG, "and the one behind it is not");
	lines_release(&lines);
}

static void crowded(void)
{
	struct budget budget = { .max = 64 };
	struct lines lines = LINES_INIT((size_t)1000);
	struct span in, line = S("");
	char text[64];

	memset(text, 'x', sizeof(text));
	lines_charge(&lines, &budget);
	in = span_of(text, sizeof(text));
	is_int(lines_next(&lines, &in, &line), LINES_MORE, "a line fits into what there is");
	in = S("\n");
	ok(lines_next(&lines, &in, &line) == LINES_TOO_LONG && lines.crowded,
	   "but for its last byte: it is not its length that is at fault");
	is_int(budget.used, 0, "and all of it is given back");
	lines_release(&lines);
}

static void memory(void)
{
	struct lines lines = LINES_INIT((size_t)1 << 20);
	struct span in, line = S("");
	static char large[100001];

	in = S("whole\n");
	ok(lines_next(&lines, &in, &line) == LINES_LINE && !lines.part.p,
	   "a whole line is borrowed, not copied");
	memset(large, 'x', sizeof(large));
	in = span_of(large, 100000);
	is_int(lines_next(&lines, &in, &line), LINES_MORE, "an unfinished one is kept");
	in = S("\nnext\n");
	ok(lines_next(&lines, &in, &line) == LINES_LINE && line.n == 100000, "and comes whole");
	ok(lines_next(&lines, &in, &line) == LINES_LINE && span_eq(line, S("next")),
	   "with the next behind it");
	ok(lines.part.cap <= 16384, "then its memory is given back");
	lines_release(&lines);
}

int main(void)
{
	every_cut();
	the_ceiling();
	another_ceiling();
	crowded();
	memory();
	return tap_done();
}
