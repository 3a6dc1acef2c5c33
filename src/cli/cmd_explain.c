/* cmd_explain.c - kanmon explain: what a code means and what to do. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/code.h"
#include "base/tr.h"
#include "cli/output.h"
#include "json/write.h"

enum { EXPLAIN_BYTES = 1024 * 1024 };

static void add_json(struct buf *out, const struct code *code)
{
	json_add_comma(out);
	buf_add_char(out, '{');
	json_put_string(out, S("code"), span_str(code->name));
	json_put_string(out, S("title"), span_str(tr(code->title)));
	json_put_string(out, S("meaning"), span_str(tr(code->meaning)));
	json_put_string(out, S("remedy"), span_str(tr(code->remedy)));
	json_put_string(out, S("example"), span_str(code->example));
	buf_add_char(out, '}');
}

static void add_text(struct buf *out, const struct code *code)
{
	struct span rest = span_str(code->example);

	buf_addf(out, "%s: %s\n\n", code->name, tr(code->title));
	output_paragraph(out, span_str(tr(code->meaning)), 2);
	buf_addf(out, "\n%s\n", tr("What to do:"));
	output_paragraph(out, span_str(tr(code->remedy)), 2);
	buf_addf(out, "\n%s\n", tr("For example:"));
	while (rest.n) {
		struct span line = span_cut(&rest, '\n');

		buf_addf(out, "  %.*s\n", SPAN_ARG(line));
	}
}

static void add_all(struct buf *out, bool json)
{
	if (json)
		buf_add_char(out, '[');
	for (size_t i = 0; i < codes_n; i++)
		if (json)
			add_json(out, &codes[i]);
		else
			buf_addf(out, "%s  %s\n", codes[i].name, tr(codes[i].title));
	if (json)
		buf_add(out, S("]\n"));
}

static int run(const struct options *options)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(EXPLAIN_BYTES);
	const struct code *code;
	bool json;
	int rc = output_form(&cmd_explain, options, &json);

	if (rc)
		return rc;
	if (options->n_words > 1)
		return cmd_usage_error(&cmd_explain, "%s", tr("explain takes one code"));
	if (options->n_words == 0) {
		add_all(&out, json);
		return output_print(&out);
	}
	code = code_find(span_str(options->words[0]));
	if (!code)
		return cmd_usage_error(&cmd_explain, tr("there is no code %s; the nearest is %s"),
				       options->words[0], code_near(span_str(options->words[0]))->name);
	if (json)
		add_json(&out, code);
	else
		add_text(&out, code);
	if (json)
		buf_add_char(&out, '\n');
	return output_print(&out);
}

static const struct option table[] = { OPTION_OUTPUT, { 0 } };

static const char *const examples[] = { TR_MARK("What a message with K102 asks of you:"),
					"kanmon explain K102", TR_MARK("All codes:"), "kanmon explain",
					NULL };

const struct cmd cmd_explain = { .name = "explain",
				 .summary = TR_MARK("what a code such as K102 means, and what to do"),
				 .usage = "[CODE] [-o FORM]",
				 .examples = examples,
				 .options = table,
				 .run = run };
