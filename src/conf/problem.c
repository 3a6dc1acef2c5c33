/* problem.c - what is wrong with a config, all of it at once. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/tr.h"
#include "conf/node.h"
#include "conf/source.h"
#include "json/write.h"

#define SENTENCE_BYTES 1024

#define RED "\033[1;31m"
#define BLUE "\033[34m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

void conf_problems_release(struct conf_problems *problems)
{
	arena_release(&problems->arena);
	problems->n = 0;
	problems->more = 0;
}

/* A sentence as a terminal may show it: names in it came from a file. */
static PRINTF(2, 0) struct span sentence(struct arena *arena, const char *format, va_list args)
{
	CLEANUP(buf_release) struct buf shown = BUF_INIT(3 * SENTENCE_BYTES);
	char text[SENTENCE_BYTES];
	struct span copy;
	int n = vsnprintf(text, sizeof(text), format, args);

	if (n < 0)
		return S("");
	source_add_shown(&shown, span_of(text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1));
	copy = arena_dup(arena, buf_span(&shown));
	return copy.p ? copy : S("");
}

static struct conf_problem *add(struct conf_problems *problems)
{
	if (problems->n == CONF_MAX_PROBLEMS) {
		problems->more++;
		return NULL;
	}
	return &problems->at[problems->n++];
}

static void show_line(struct conf_problems *problems, struct conf_problem *problem,
		      const struct source *source)
{
	struct excerpt excerpt = source_excerpt(source, (struct range){ problem->offset, problem->bytes },
						&problems->arena);

	problem->excerpt = excerpt.text;
	problem->caret_at = (uint32_t)excerpt.caret_at;
	problem->caret_columns = (uint32_t)excerpt.caret_n;
}

static PRINTF(5, 0) struct conf_problem *add_in(struct conf_problems *problems, const struct source *source,
						struct range range, const char *code, const char *format,
						va_list args)
{
	struct conf_problem *problem = add(problems);
	struct place place;
	struct span file;

	if (!problem)
		return NULL;
	if (range.at > source->text.n)
		range.at = source->text.n;
	place = source_place(source, range);
	file = arena_dup(&problems->arena, source->name);
	*problem = (struct conf_problem){
		.code = code,
		.message = sentence(&problems->arena, format, args),
		.label = S(""),
		.key = S(""),
		.file = file.p ? file : S(""),
		.line = place.line,
		.column = place.column,
		.length = place.length,
		.excerpt = S(""),
		.offset = range.at,
		.bytes = range.n,
		.placed = true,
	};
	if (source->settled)
		show_line(problems, problem, source);
	return problem;
}

static void keep_key(struct conf_problems *problems, struct conf_problem *problem, struct span key)
{
	CLEANUP(buf_release) struct buf shown = BUF_INIT(3 * SENTENCE_BYTES);
	struct span copy;

	if (!problem)
		return;
	source_add_shown(&shown, span_first(key, SENTENCE_BYTES));
	copy = arena_dup(&problems->arena, buf_span(&shown));
	problem->key = copy.p ? copy : S("");
}

static void keep_path(struct conf_problems *problems, struct conf_problem *problem,
		      const struct conf_node *node)
{
	CLEANUP(buf_release) struct buf path = BUF_INIT((size_t)SENTENCE_BYTES);

	conf_node_add_path(&path, node);
	keep_key(problems, problem, buf_span(&path));
}

static bool is_of_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '-';
}

/* Of a value that is a key's: the key's name before "NAME: "; of a name, with a colon behind it: itself. */
static struct span key_at(const struct source *source, struct range range, const char *code)
{
	/* Problems at a whole name or value; others may lie within a value, which is nobody's to repeat. */
	static const char *const whole[] = { "K102", "K103", "K104", "K106", "K108" };
	struct span before = span_first(source->text, range.at), rest = span_skip(source->text, range.at);
	size_t end, begin, i = 0;

	while (i < COUNT(whole) && strcmp(whole[i], code) != 0)
		i++;
	if (i == COUNT(whole))
		return S("");
	if (span_starts(span_skip(rest, range.n), S(":")))
		return span_first(rest, range.n);
	for (end = before.n; end && before.p[end - 1] == ' ';)
		end--;
	if (end == before.n || !end || before.p[end - 1] != ':')
		return S("");
	begin = --end;
	while (begin && is_of_name(before.p[begin - 1]))
		begin--;
	return span_first(span_skip(before, begin), end - begin);
}

struct conf_problem *conf_problem_in(struct conf_problems *problems, const struct source *source, size_t at,
				     size_t n, const char *code, const char *format, ...)
{
	struct conf_problem *problem;
	struct span key;
	va_list args;

	va_start(args, format);
	problem = add_in(problems, source, (struct range){ at, n }, code, format, args);
	va_end(args);
	key = key_at(source, (struct range){ at, n }, code);
	if (!key.n || !source_hides(source, (struct range){ (size_t)(key.p - source->text.p), key.n }))
		keep_key(problems, problem, key);
	return problem;
}

static const struct conf_node *nearest_written(const struct conf_node *node)
{
	while (node->parent && !node->written)
		node = node->parent;
	return node;
}

struct conf_problem *conf_problem_at(struct conf_problems *problems, const struct conf_node *node,
				     const char *code, const char *format, ...)
{
	const struct conf_node *written = nearest_written(node);
	struct conf_problem *problem;
	va_list args;

	va_start(args, format);
	problem = add_in(problems, node->source,
			 written->value.n && written == node ? written->value : written->key, code, format,
			 args);
	va_end(args);
	keep_path(problems, problem, node);
	return problem;
}

struct conf_problem *conf_problem_at_name(struct conf_problems *problems, const struct conf_node *node,
					  const char *code, const char *format, ...)
{
	struct conf_problem *problem;
	va_list args;

	va_start(args, format);
	problem = add_in(problems, node->source, nearest_written(node)->key, code, format, args);
	va_end(args);
	keep_path(problems, problem, node);
	return problem;
}

struct conf_problem *conf_problem_of_file(struct conf_problems *problems, struct span file, const char *code,
					  const char *format, ...)
{
	struct conf_problem *problem = add(problems);
	struct span copy;
	va_list args;

	if (!problem)
		return NULL;
	copy = arena_dup(&problems->arena, file);
	*problem = (struct conf_problem){
		.code = code, .label = S(""), .key = S(""), .file = copy.p ? copy : S(""), .excerpt = S("")
	};
	va_start(args, format);
	problem->message = sentence(&problems->arena, format, args);
	va_end(args);
	return problem;
}

void conf_problem_label(struct conf_problems *problems, struct conf_problem *problem, const char *format, ...)
{
	va_list args;

	if (!problem)
		return;
	va_start(args, format);
	problem->label = sentence(&problems->arena, format, args);
	va_end(args);
}

void conf_problem_note(struct conf_problems *problems, struct conf_problem *problem, const char *format, ...)
{
	va_list args;

	if (!problem || problem->n_notes == CONF_MAX_NOTES)
		return;
	va_start(args, format);
	problem->notes[problem->n_notes++] = sentence(&problems->arena, format, args);
	va_end(args);
}

/* Few: sorted by insertion, equal places keep their order. */
static void sort(struct conf_problems *problems)
{
	for (size_t i = 1; i < problems->n; i++) {
		struct conf_problem moved = problems->at[i];
		size_t to = i;

		for (; to > 0 && problems->at[to - 1].offset > moved.offset; to--)
			problems->at[to] = problems->at[to - 1];
		problems->at[to] = moved;
	}
}

void conf_problems_settle(struct conf_problems *problems, const struct source *source)
{
	for (size_t i = 0; i < problems->n; i++)
		if (problems->at[i].placed)
			show_line(problems, &problems->at[i], source);
	sort(problems);
}

static void add_spaces(struct buf *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add_char(out, ' ');
}

static void add_colored(struct buf *out, bool color, struct span sequence)
{
	if (color)
		buf_add(out, sequence);
}

/* "17" has two; a shorter number is set to the right of two. */
static unsigned gutter_width(uint32_t line)
{
	unsigned width = 2;

	for (uint32_t rest = line / 100; rest; rest /= 10)
		width++;
	return width;
}

static void render_place(struct buf *out, const struct conf_problem *problem, unsigned gutter, bool color)
{
	add_colored(out, color, S(BLUE));
	add_spaces(out, gutter);
	buf_add(out, S("┌─"));
	add_colored(out, color, S(PLAIN));
	buf_add_char(out, ' ');
	source_add_shown(out, problem->file);
	if (problem->placed)
		buf_addf(out, ":%u:%u", problem->line, problem->column);
	buf_add_char(out, '\n');
}

static void render_line(struct buf *out, const struct conf_problem *problem, unsigned gutter, bool color)
{
	add_colored(out, color, S(BLUE));
	buf_addf(out, "%*u│", (int)gutter, problem->line);
	add_colored(out, color, S(PLAIN));
	if (problem->excerpt.n)
		buf_add_char(out, ' ');
	buf_add(out, problem->excerpt);
	buf_add_char(out, '\n');
	add_colored(out, color, S(BLUE));
	add_spaces(out, gutter);
	buf_add(out, S("│"));
	add_colored(out, color, S(PLAIN));
	add_spaces(out, (size_t)problem->caret_at + 1);
	add_colored(out, color, S(RED));
	for (uint32_t i = 0; i < problem->caret_columns; i++)
		buf_add_char(out, '^');
	if (problem->label.n) {
		buf_add_char(out, ' ');
		buf_add(out, problem->label);
	}
	add_colored(out, color, S(PLAIN));
	buf_add_char(out, '\n');
}

static void render_note(struct buf *out, struct span note, unsigned gutter, bool color)
{
	add_spaces(out, gutter);
	add_colored(out, color, S(BLUE));
	buf_add(out, S("="));
	add_colored(out, color, S(PLAIN));
	buf_add_char(out, ' ');
	buf_add(out, note);
	buf_add_char(out, '\n');
}

static void render_head(struct buf *out, const struct conf_problem *problem, bool color)
{
	add_colored(out, color, S(RED));
	buf_addf(out, "%s[%s]", tr("error"), problem->code);
	add_colored(out, color, S(PLAIN BOLD));
	buf_add(out, S(": "));
	buf_add(out, problem->message);
	add_colored(out, color, S(PLAIN));
	buf_add_char(out, '\n');
}

static void render_one(struct buf *out, const struct conf_problem *problem, struct span footer, bool color)
{
	unsigned gutter = gutter_width(problem->line);

	render_head(out, problem, color);
	render_place(out, problem, gutter, color);
	if (problem->placed)
		render_line(out, problem, gutter, color);
	else if (problem->label.n)
		render_note(out, problem->label, gutter, color);
	for (unsigned i = 0; i < problem->n_notes; i++)
		render_note(out, problem->notes[i], gutter, color);
	if (footer.n)
		render_note(out, footer, gutter, color);
	buf_addf(out, "%s: kanmon explain %s\n", tr("help"), problem->code);
}

void conf_problems_render(struct buf *out, const struct conf_problems *problems,
			  const struct conf_render *render)
{
	for (size_t i = 0; i < problems->n; i++) {
		if (i > 0)
			buf_add_char(out, '\n');
		render_one(out, &problems->at[i], i + 1 == problems->n ? render->footer : S(""),
			   render->color);
	}
	if (problems->more) {
		buf_add_char(out, '\n');
		buf_addf(out, tr("%zu more problems are not shown"), problems->more);
		buf_add_char(out, '\n');
	}
}

static void json_help(struct buf *out, const struct conf_problem *problem)
{
	CLEANUP(buf_release) struct buf help = BUF_INIT((CONF_MAX_NOTES + 1) * 3 * SENTENCE_BYTES);

	buf_add(&help, problem->label);
	for (unsigned i = 0; i < problem->n_notes; i++) {
		if (help.n)
			buf_add_char(&help, '\n');
		buf_add(&help, problem->notes[i]);
	}
	json_put_string(out, S("help"), buf_span(&help));
}

void conf_problems_json(struct buf *out, const struct conf_problems *problems)
{
	CLEANUP(buf_release) struct buf file = BUF_INIT((size_t)64 * 1024);

	buf_add_char(out, '[');
	for (size_t i = 0; i < problems->n; i++) {
		const struct conf_problem *problem = &problems->at[i];

		buf_clear(&file);
		source_add_shown(&file, problem->file);
		json_add_comma(out);
		buf_add_char(out, '{');
		json_put_string(out, S("code"), span_str(problem->code));
		json_put_string(out, S("message"), problem->message);
		json_put_string(out, S("file"), buf_span(&file));
		json_put_u64(out, S("line"), problem->line);
		json_put_u64(out, S("column"), problem->column);
		json_put_u64(out, S("length"), problem->length);
		json_help(out, problem);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}
