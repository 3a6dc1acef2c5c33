/* fault.c - why a text is no YAML, or none that a config may be written in. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/fault.h"

#include "base/tr.h"

/* Brackets inside each other that are looked at. */
#define MAX_OPEN 64

static const char *fault_sentence(enum yaml_fault_kind kind)
{
	switch (kind) {
	case YAML_FAULT_SYNTAX:
	case YAML_FAULT_MEMORY:
		return "";
	case YAML_FAULT_ANCHOR:
		return tr("anchors (&name) are not used here");
	case YAML_FAULT_ALIAS:
		return tr("aliases (*name) are not used here");
	case YAML_FAULT_TAG:
		return tr("tags (!name) are not used here");
	case YAML_FAULT_DIRECTIVE:
		return tr("directives (a line that begins with a percent sign) are not used here");
	case YAML_FAULT_DOCUMENTS:
		return tr("a file holds one document only");
	case YAML_FAULT_COMPLEX_KEY:
		return tr("a key must be a text");
	case YAML_FAULT_MERGE_KEY:
		return tr("merge keys (<<) are not used here");
	case YAML_FAULT_DEPTH:
		return tr("the file is nested too deeply");
	}
	return "";
}

static const char *fault_code(enum yaml_fault_kind kind)
{
	return kind == YAML_FAULT_DEPTH ? "K109" : "K108";
}

/* How the parser's words begin, and what is clearer. */
static const struct {
	struct span theirs;
	const char *ours;
} table[] = {
	{ SPAN("invalid multiline plain key"),
	  TR_MARK("the next line is read as part of this value: check how far it is indented") },
	{ SPAN("invalid multiline "), TR_MARK("a key must stand on one line") },
	{ SPAN("invalid value after mapping"), TR_MARK("a colon and a space should follow this key") },
	{ SPAN("could not find expected ':'"), TR_MARK("a colon and a space should follow this key") },
	{ SPAN("invalid nested block mapping on the same line"),
	  TR_MARK("two keys on one line: put a value that holds \": \" in quotes") },
	{ SPAN("invalid block mapping key on same line"),
	  TR_MARK("two keys on one line: put a value that holds \": \" in quotes") },
	{ SPAN("invalid mapping in plain multiline"),
	  TR_MARK("two keys on one line: put a value that holds \": \" in quotes") },
	{ SPAN("invalid indentation in mapping"), TR_MARK("this line fits no indentation above it") },
	{ SPAN("wrong indendation in sequence"), TR_MARK("this line fits no indentation above it") },
	{ SPAN("wrongly indented sequence item"), TR_MARK("this line fits no indentation above it") },
	{ SPAN("did not find expected '-'"), TR_MARK("this line fits no indentation above it") },
	{ SPAN("invalid scalar at the end of block sequence"),
	  TR_MARK("a list and keys are mixed here: check how far this line is indented") },
	{ SPAN("block sequence "),
	  TR_MARK("a list that is written with dashes begins on a line of its own") },
	{ SPAN("flow sequence without a closing bracket"), TR_MARK("a `]` is missing before this") },
	{ SPAN("flow mapping without a closing brace"), TR_MARK("a `}` is missing before this") },
	{ SPAN("flow sequence with invalid extra closing bracket"), TR_MARK("this `]` closes nothing") },
	{ SPAN("flow mapping with invalid extra closing brace"), TR_MARK("this `}` closes nothing") },
	{ SPAN("flow sequence with invalid "), TR_MARK("a comma too many") },
	{ SPAN("flow mapping with invalid "), TR_MARK("a comma too many") },
	{ SPAN("missing comma in flow mapping"), TR_MARK("a comma or a `}` is missing before this") },
	{ SPAN("missing comma in flow sequence"), TR_MARK("a comma or a `]` is missing before this") },
	{ SPAN("mismatched flow mapping end"), TR_MARK("a `[` must be closed by `]`") },
	{ SPAN("mismatched flow sequence end"), TR_MARK("a `{` must be closed by `}`") },
	{ SPAN("double-quoted scalar without closing quote"), TR_MARK("this quote is not closed") },
	{ SPAN("single-quoted scalar without closing quote"), TR_MARK("this quote is not closed") },
	{ SPAN("wrongly indented double-quoted scalar"), TR_MARK("this quote is not closed on its line") },
	{ SPAN("wrongly indented single-quoted scalar"), TR_MARK("this quote is not closed on its line") },
	{ SPAN("wrongly indented "),
	  TR_MARK("what stands in brackets must be indented further than the key before them") },
	{ SPAN("invalid trailing content after "), TR_MARK("something follows the closing quote") },
	{ SPAN("invalid comment "), TR_MARK("a space belongs before the # of a comment") },
	{ SPAN("invalid document"), TR_MARK("a quote or a bracket is not closed before this") },
	{ SPAN("double-quoted scalar has invalid "),
	  TR_MARK("this backslash means nothing here: put the text in single quotes") },
	{ SPAN("invalid escape "),
	  TR_MARK("this backslash means nothing here: put the text in single quotes") },
	{ SPAN("block scalar no linebreak"), TR_MARK("the text begins on the line after this sign") },
	{ SPAN("bad start of block scalar"), TR_MARK("the text begins on the line after this sign") },
	{ SPAN("block scalar with wrongly indented"),
	  TR_MARK("the lines of this text are not indented alike") },
	{ SPAN("empty block scalar with wrongly indented"),
	  TR_MARK("the lines of this text are not indented alike") },
	{ SPAN("plain scalar cannot start with "), TR_MARK("put a text that begins with this in quotes") },
	{ SPAN("invalid mapping key (not allowed"), TR_MARK("put a text that begins with this in quotes") },
	{ SPAN("did not find expected node content"),
	  TR_MARK("a value or a closing bracket is missing here") },
	{ SPAN("tab character may not be used as indentation"),
	  TR_MARK("YAML is indented with spaces, not with tabs") },
	{ SPAN("invalid tab "), TR_MARK("YAML is indented with spaces, not with tabs") },
	{ SPAN("cannot use tab for "), TR_MARK("YAML is indented with spaces, not with tabs") },
};

/* The first that fits; NULL where none does. */
static const char *clearer(struct span words)
{
	for (size_t i = 0; i < COUNT(table); i++)
		if (span_starts(words, table[i].theirs))
			return table[i].ours;
	return NULL;
}

/* The first tab that indents one of the lines a fault is about. */
static bool find_tab(const struct source *source, struct range range, size_t *at)
{
	size_t last = source_line_at(source, range.at + range.n);

	for (size_t i = source_line_at(source, range.at); i <= last; i++) {
		struct span line = source_line(source, i);
		size_t n = 0;

		while (n < line.n && line.p[n] == ' ')
			n++;
		*at = source->line_starts[i] + n;
		if (n < line.n && line.p[n] == '\t')
			return true;
	}
	return false;
}

/* --- brackets --- */

/* The brackets that are open where a text was read up to. */
struct brackets {
	struct span text;
	size_t at, open[MAX_OPEN], n;
};

/* Where a text in quotes ends. */
static size_t quote_end(struct span text, size_t at)
{
	char quote = text.p[at];

	for (at++; at < text.n && text.p[at] != quote; at++)
		at += quote == '"' && text.p[at] == '\\';
	return at;
}

static size_t line_end(struct span text, size_t at)
{
	while (at < text.n && text.p[at] != '\n')
		at++;
	return at;
}

/* Does a value begin at `at`? Inside a word brackets, quotes and # are letters. */
static bool begins_value(struct span text, size_t at, bool in_brackets)
{
	size_t before = at;

	while (before > 0 && (text.p[before - 1] == ' ' || text.p[before - 1] == '\t'))
		before--;
	if (before == 0 || text.p[before - 1] == '\n')
		return true;
	return strchr(in_brackets ? ":-,[{" : ":-", text.p[before - 1]) != NULL;
}

static void take_bracket(struct brackets *brackets, char c)
{
	bool in_brackets = brackets->n > 0;

	if ((c == ']' || c == '}') && in_brackets)
		brackets->n--;
	if ((c == '[' || c == '{') && brackets->n < MAX_OPEN &&
	    (in_brackets || begins_value(brackets->text, brackets->at, false)))
		brackets->open[brackets->n++] = brackets->at;
}

static void read_brackets(struct brackets *brackets)
{
	struct span text = brackets->text;

	for (; brackets->at < text.n; brackets->at++) {
		size_t at = brackets->at;
		char c = text.p[at];

		if (c == '#' && (at == 0 || strchr(" \t\n", text.p[at - 1])))
			brackets->at = line_end(text, at);
		else if ((c == '"' || c == '\'') && begins_value(text, at, brackets->n > 0))
			brackets->at = quote_end(text, at);
		else
			take_bracket(brackets, c);
	}
}

/* The innermost bracket on a line above `at` that nothing closes. */
static bool find_bracket(const struct source *source, struct range at, size_t *bracket)
{
	struct brackets brackets = { .text = source->text };
	size_t line = source->line_starts[source_line_at(source, at.at)];

	read_brackets(&brackets);
	while (brackets.n && brackets.open[brackets.n - 1] >= at.at)
		brackets.n--;
	if (!brackets.n || brackets.open[brackets.n - 1] >= line)
		return false;
	*bracket = brackets.open[brackets.n - 1];
	return true;
}

static bool is_about_brackets(struct span words)
{
	return span_contains(words, S("flow ")) || span_starts(words, S("did not find expected node"));
}

static void report_syntax(struct conf_problems *problems, const struct source *source,
			  const struct yaml_fault *fault)
{
	const char *label = clearer(fault->text);
	struct range range = fault->at;
	struct conf_problem *problem;
	size_t at;

	if (find_tab(source, range, &at)) {
		range = (struct range){ at, 1 };
		label = TR_MARK("YAML is indented with spaces, not with tabs");
	} else if (is_about_brackets(fault->text) && find_bracket(source, range, &at)) {
		range = (struct range){ at, 1 };
		label = TR_MARK("this bracket is not closed");
	}
	problem = conf_problem_in(problems, source, range.at, range.n, "K101", "%s",
				  tr("this is not valid YAML"));
	if (label)
		conf_problem_label(problems, problem, "%s", tr(label));
	else if (fault->text.n)
		conf_problem_label(problems, problem, tr("cannot be read as YAML: %.*s"),
				   SPAN_ARG(fault->text));
}

void fault_report(struct conf_problems *problems, const struct source *source, const struct yaml_fault *fault)
{
	struct conf_problem *problem;

	if (fault->kind == YAML_FAULT_SYNTAX) {
		report_syntax(problems, source, fault);
		return;
	}
	problem = conf_problem_in(problems, source, fault->at.at, fault->at.n, fault_code(fault->kind), "%s",
				  fault_sentence(fault->kind));
	if (fault->kind == YAML_FAULT_ALIAS)
		conf_problem_label(problems, problem, "%s",
				   tr("put a pattern that begins with * in quotes: \"*\""));
}
