/* output.c - tests of columns and paragraphs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"
#include "tap.h"
#include "text/utf8.h"

/* What the room takes from main.c, which no test links. */
int cmd_usage_error(const struct cmd *cmd, const char *format, ...)
{
	(void)cmd;
	(void)format;
	return EXIT_USAGE;
}

int cmd_fail(int code, const char *format, ...)
{
	(void)format;
	return code;
}

static const char *given_form;

const char *option_value(const struct options *options, const char *name)
{
	(void)options;
	return strcmp(name, "output") == 0 ? given_form : NULL;
}

static void test_form(void)
{
	const struct options options = { 0 };
	bool json = true;

	given_form = "xml";
	is_int(output_form(NULL, &options, &json), EXIT_USAGE, "a form that is none");
	given_form = "";
	is_int(output_form(NULL, &options, &json), EXIT_USAGE, "an empty one");
	given_form = NULL;
	ok(output_form(NULL, &options, &json) == EXIT_OK && !json, "none is text");
	given_form = "text";
	ok(output_form(NULL, &options, &json) == EXIT_OK && !json, "text");
	given_form = "json";
	ok(output_form(NULL, &options, &json) == EXIT_OK && json, "json");
}

static void test_cells(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)1000);

	output_cell(&out, S("longer than that"), 5);
	is_span(buf_span(&out), S("longer than that "), "a longer text keeps a space");
	buf_clear(&out);
	output_cell(&out, S("関門"), 6);
	is_span(buf_span(&out), S("関門  "), "wide characters are two columns");
	buf_clear(&out);
	output_cell(&out, S(""), 3);
	is_span(buf_span(&out), S("   "), "an empty cell");
}

static bool lines_fit(struct span text, size_t indent)
{
	while (text.n) {
		struct span line = span_cut(&text, '\n');

		if (utf8_width(line) > OUTPUT_COLUMNS || line.n <= indent || line.p[indent] == ' ')
			return false;
	}
	return true;
}

/* Without spaces and line feeds. */
static void add_bare(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != ' ' && text.p[i] != '\n')
			buf_add_char(out, text.p[i]);
}

static void test_wrapped(struct span text, size_t indent, const char *name)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)100000);
	CLEANUP(buf_release) struct buf before = BUF_INIT((size_t)100000);
	CLEANUP(buf_release) struct buf after = BUF_INIT((size_t)100000);

	output_paragraph(&out, text, indent);
	add_bare(&before, text);
	add_bare(&after, buf_span(&out));
	ok(lines_fit(buf_span(&out), indent), "%s: the lines fit and begin where they should", name);
	is_span(buf_span(&after), buf_span(&before), "%s: nothing is lost", name);
}

static void test_paragraphs(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)1000);
	char word[200];

	output_paragraph(&out, S(""), 2);
	is_int(out.n, 0, "nothing gives no line");
	output_paragraph(&out, S("short"), 2);
	is_span(buf_span(&out), S("  short\n"), "a short one");
	buf_clear(&out);
	memset(word, 'x', sizeof(word));
	output_paragraph(&out, span_of(word, sizeof(word)), 0);
	is_int(out.n, sizeof(word) + 1, "a word longer than a line stays whole");
	buf_clear(&out);
	output_paragraph(&out, S("\xff\xfe broken \xff"), 0);
	is_span(buf_span(&out), S("\xff\xfe broken \xff\n"), "what is not UTF-8 passes");
	test_wrapped(
	    S("The file cannot be read as YAML: a quote or a bracket is not closed, a line is indented with "
	      "a tab, or a character that cannot be seen stands in it."),
	    2, "English");
	test_wrapped(
	    S("ファイルを YAML として読めません。引用符や括弧が閉じられていない、行がタブで字下げされている、"
	      "目に見えない文字がある、などの場合です。「」（）ー、。"),
	    4, "Japanese");
}

static void test_marks(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)1000);
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1000);

	/* 39 wide characters fill a line; the full stop after them belongs to the last. */
	for (int i = 0; i < 39; i++)
		buf_add(&text, S("関"));
	buf_add(&text, S("。"));
	output_paragraph(&out, buf_span(&text), 0);
	is_span(span_skip(buf_span(&out), out.n - 7), S("関。\n"), "a closing mark does not begin a line");
	is_int(utf8_width(span_first(buf_span(&out), span_find(buf_span(&out), '\n'))), 76,
	       "its character goes with it");
}

int main(void)
{
	test_form();
	test_cells();
	test_paragraphs();
	test_marks();
	return tap_done();
}
