/* manual.c - manual pages from the tables of commands and of config keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/manual.h"

#include "base/tr.h"
#include "cli/docs.h"

/* A control character of troff may not begin a line, `-` and `\` have a meaning of their own. */
static void add_escaped(struct buf *out, struct span text, bool at_line_start)
{
	if (at_line_start && text.n && (text.p[0] == '.' || text.p[0] == '\''))
		buf_add(out, S("\\&"));
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\\')
			buf_add(out, S("\\e"));
		else if (text.p[i] == '-')
			buf_add(out, S("\\-"));
		else
			buf_add_char(out, text.p[i]);
	}
}

/* One line of prose; what stands in backticks becomes bold. */
static void add_prose(struct buf *out, struct span text)
{
	bool bold = false, first = true;

	while (text.n) {
		struct span part = span_cut(&text, '`');

		add_escaped(out, part, first && part.n);
		first = first && part.n == 0;
		if (text.n)
			buf_add(out, bold ? S("\\fR") : S("\\fB"));
		bold = !bold;
	}
	if (!bold)
		buf_add(out, S("\\fR"));
	buf_add_char(out, '\n');
}

static void add_lines(struct buf *out, struct span text)
{
	buf_add(out, S(".PP\n.RS 4\n.nf\n"));
	while (text.n) {
		add_escaped(out, span_cut(&text, '\n'), true);
		buf_add_char(out, '\n');
	}
	buf_add(out, S(".fi\n.RE\n"));
}

static void add_title(struct buf *out, const char *name, int section)
{
	buf_add(out, S(".\\\" Written by the program itself; see tools/gen-docs.\n.TH \""));
	for (; *name; name++)
		buf_add_char(out, *name >= 'a' && *name <= 'z' ? (char)(*name - 32) : *name);
	buf_addf(out, "\" %d \"\" \"kanmon %s\" \"Kanmon\"\n.nh\n.ad l\n.SH \"%s\"\n", section,
		 KANMON_VERSION, tr("NAME"));
}

static void add_name(struct buf *out, const char *name, const char *summary)
{
	add_escaped(out, span_str(name), true);
	buf_add(out, S(" \\- "));
	add_escaped(out, span_str(summary), false);
	buf_add_char(out, '\n');
}

static void add_heading(struct buf *out, const char *heading)
{
	buf_addf(out, ".SH \"%s\"\n", heading);
}

static void add_option(struct buf *out, const struct option *o)
{
	buf_add(out, S(".TP\n"));
	if (o->letter)
		buf_addf(out, "\\fB\\-%c\\fR, ", o->letter);
	buf_add(out, S("\\fB\\-\\-"));
	add_escaped(out, span_str(o->name), false);
	buf_add(out, S("\\fR"));
	if (o->argument) {
		buf_add(out, S(" \\fI"));
		add_escaped(out, span_str(o->argument), false);
		buf_add(out, S("\\fR"));
	}
	buf_add_char(out, '\n');
	add_prose(out, span_str(tr(o->text)));
}

static void add_exit_codes(struct buf *out)
{
	add_heading(out, tr("EXIT STATUS"));
	for (const struct exit_text *at = exit_texts; at->text; at++) {
		buf_addf(out, ".TP\n\\fB%d\\fR\n", at->code);
		add_prose(out, span_str(tr(at->text)));
	}
}

static void add_see_also(struct buf *out, const struct cmd *but)
{
	add_heading(out, tr("SEE ALSO"));
	if (but)
		buf_add(out, S("\\fBkanmon\\fR(1), "));
	for (size_t i = 0; !but && cmds[i]; i++)
		buf_addf(out, "\\fBkanmon\\-%s\\fR(1),\n", cmds[i]->name);
	buf_add(out, S("\\fBkanmon.yaml\\fR(5)\n"));
}

void manual_command(struct buf *out, const struct cmd *cmd)
{
	CLEANUP(buf_release) struct buf name = BUF_INIT((size_t)64);
	const char *title;

	buf_addf(&name, "kanmon-%s", cmd->name);
	title = buf_cstr(&name);
	add_title(out, title, 1);
	add_name(out, title, tr(cmd->summary));
	add_heading(out, tr("SYNOPSIS"));
	buf_addf(out, "\\fBkanmon %s\\fR ", cmd->name);
	add_escaped(out, span_str(cmd->usage), false);
	buf_add_char(out, '\n');
	if (cmd->examples)
		add_heading(out, tr("EXAMPLES"));
	for (size_t i = 0; cmd->examples && cmd->examples[i]; i += 2) {
		buf_add(out, S(".PP\n"));
		add_prose(out, span_str(tr(cmd->examples[i])));
		add_lines(out, span_str(cmd->examples[i + 1]));
	}
	add_heading(out, tr("OPTIONS"));
	for (const struct option *o = cmd->options; o->name; o++)
		add_option(out, o);
	add_option(out, &(struct option){ .letter = 'h', .name = "help", .text = TR_MARK("this text") });
	add_exit_codes(out);
	add_see_also(out, cmd);
}

static void add_variables(struct buf *out)
{
	static const struct {
		const char *name, *text;
	} variables[] = {
		{ "KANMON_LANG, LC_ALL, LC_MESSAGES, LANG",
		  TR_MARK("The language of texts, English or Japanese; the first that is set decides.") },
		{ "NO_COLOR", TR_MARK("Set: no colours.") },
		{ "XDG_CONFIG_HOME, XDG_STATE_HOME",
		  TR_MARK("Where the user's config and data are looked for.") },
	};

	add_heading(out, tr("ENVIRONMENT"));
	for (size_t i = 0; i < COUNT(variables); i++) {
		buf_addf(out, ".TP\n\\fB%s\\fR\n", variables[i].name);
		add_prose(out, span_str(tr(variables[i].text)));
	}
}

static void add_files(struct buf *out)
{
	static const struct {
		const char *name, *text;
	} files[] = {
		{ "~/.config/kanmon/kanmon.yaml", TR_MARK("The user's config; see kanmon.yaml(5).") },
		{ "~/.local/state/kanmon/",
		  TR_MARK("The store, the audit log and the control socket of the gate of the user's config; "
			  "another config's gate has a folder of its own beside it.") },
		{ "~/.local/state/kanmon/kanmon.log",
		  TR_MARK(
		      "The log of a gate that `kanmon run` started, with what its servers write to stderr; "
		      "`kanmon serve` writes its own to stderr.") },
	};

	add_heading(out, tr("FILES"));
	for (size_t i = 0; i < COUNT(files); i++) {
		buf_add(out, S(".TP\n\\fI"));
		add_escaped(out, span_str(files[i].name), false);
		buf_add(out, S("\\fR\n"));
		add_prose(out, span_str(tr(files[i].text)));
	}
}

void manual_program(struct buf *out)
{
	add_title(out, "kanmon", 1);
	add_name(out, "kanmon", tr("the gate that every MCP message passes"));
	add_heading(out, tr("SYNOPSIS"));
	buf_add(out, S("\\fBkanmon\\fR [\\fB\\-\\-lang\\fR en|ja] \\fICOMMAND\\fR [\\fIOPTION\\fR]...\n"));
	add_heading(out, tr("DESCRIPTION"));
	add_prose(out,
		  span_str(tr(
		      "Kanmon stands between the clients and the servers of the Model Context Protocol. "
		      "Every message stops at the gate, is read once and strictly, is judged by the rules of "
		      "the config, and leaves a record.")));
	add_heading(out, tr("COMMANDS"));
	for (size_t i = 0; cmds[i]; i++) {
		buf_addf(out, ".TP\n\\fBkanmon\\-%s\\fR(1)\n", cmds[i]->name);
		add_prose(out, span_str(tr(cmds[i]->summary)));
	}
	add_exit_codes(out);
	add_variables(out);
	add_files(out);
	add_see_also(out, NULL);
}

/* "| `key` | value | default | meaning |" */
static void add_key(struct buf *out, struct span row)
{
	struct span cells[4];

	row = span_skip(row, 1);
	for (size_t i = 0; i < COUNT(cells); i++)
		cells[i] = span_trim(span_cut(&row, '|'));
	buf_add(out, S(".TP\n"));
	add_prose(out, cells[0]);
	add_prose(out, cells[3]);
	buf_add(out, S(".br\n"));
	buf_addf(out, "%s: ", tr("Value"));
	add_prose(out, cells[1]);
	if (!cells[2].n)
		return;
	buf_add(out, S(".br\n"));
	/* A key without a default may say that it is required. */
	if (cells[2].p[0] == '`')
		buf_addf(out, "%s: ", tr("Default"));
	add_prose(out, cells[2]);
}

void manual_config(struct buf *out, struct span config_table)
{
	add_title(out, "kanmon.yaml", 5);
	add_name(out, "kanmon.yaml", tr("the config of a gate"));
	add_heading(out, tr("DESCRIPTION"));
	add_prose(
	    out,
	    span_str(tr(
		"One file is one gate. It is a subset of YAML 1.2 that all readers of YAML take alike: "
		"no anchors, tags or merge keys, and the words yes, no, on and off only in quotes. An "
		"unknown or repeated key is an error, and a file with an error is not used at all. A "
		"gate that runs takes over a changed file by itself; `listen`, `metrics`, `threads`, "
		"`data` and `log` change with a restart only, and until then a file that changes them is not used.")));
	add_heading(out, tr("EXAMPLE"));
	add_lines(out, span_str(docs_config));
	add_heading(out, tr("KEYS"));
	/* The first two lines are the table's head. */
	(void)span_cut(&config_table, '\n');
	(void)span_cut(&config_table, '\n');
	while (config_table.n)
		add_key(out, span_cut(&config_table, '\n'));
	add_see_also(out, cmds[0]);
}
