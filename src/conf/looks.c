/* looks.c - what looks like a secret in the text of a config. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/looks.h"

#include "base/cleanup.h"
#include "conf/url.h"

/* Stands for what is not looked at: no part of a word, and no gap between two. */
#define NOTHING '\n'

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

/* Between the words of a line, in whatever way it is quoted. */
static bool is_between(char c)
{
	return is_blank(c) || is_quote(c) || (c && strchr("\\`,[]{}", c));
}

bool looks_like_key(struct span line, size_t at)
{
	return line.p[at] == ':' &&
	       (at + 1 == line.n || is_blank(line.p[at + 1]) || (at > 0 && is_quote(line.p[at - 1])));
}

struct span looks_skip_blanks(struct span text)
{
	while (text.n && is_blank(text.p[0]))
		text = span_skip(text, 1);
	return text;
}

static bool is_of_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '-' || c == '.';
}

struct span looks_name_before(struct span line, size_t colon)
{
	size_t end = colon, first;

	while (end > 0 && (line.p[end - 1] == ' ' || is_quote(line.p[end - 1])))
		end--;
	first = end;
	while (first > 0 && is_of_name(line.p[first - 1]))
		first--;
	return span_of(line.p + first, end - first);
}

static void hide_span(struct source *source, struct span part)
{
	source_hide(source, (struct range){ (size_t)(part.p - source->text.p), part.n });
}

/* The next word at or after `*at`; empty at the end. */
static struct span next_word(struct span text, size_t *at)
{
	size_t first;

	while (*at < text.n && is_between(text.p[*at]))
		(*at)++;
	first = *at;
	while (*at < text.n && !is_between(text.p[*at]))
		(*at)++;
	return span_of(text.p + first, *at - first);
}

/* --- URLs --- */

static void hide_urls(struct source *source)
{
	struct span text = source->text;

	for (size_t i = 0; i + 3 < text.n; i++) {
		struct conf_url_secrets secrets;
		size_t end = i + 3;

		if (text.p[i] != ':' || text.p[i + 1] != '/' || text.p[i + 2] != '/')
			continue;
		while (end < text.n && !is_blank(text.p[end]) && !is_quote(text.p[end]))
			end++;
		while (end > i + 3 && strchr(",]}", text.p[end - 1]))
			end--;
		secrets = conf_url_secrets(span_of(text.p + i + 3, end - i - 3));
		hide_span(source, secrets.user);
		hide_span(source, secrets.query);
		i = end - 1;
	}
}

/* --- options and variables --- */

/* Does one byte stand here in place of two: an escape in double quotes, a quote twice in single ones? */
static bool is_pair(struct span text, size_t at, char quote)
{
	if (at + 1 >= text.n || text.p[at + 1] == '\n')
		return false;
	return quote == '"' ? text.p[at] == '\\' : text.p[at] == quote && text.p[at + 1] == quote;
}

/* To the quote that closes, or to the end of the line. */
static size_t quoted_end(struct span text, size_t at, char quote)
{
	while (at < text.n && text.p[at] != '\n') {
		if (is_pair(text, at, quote))
			at += 2;
		else if (text.p[at] == quote)
			break;
		else
			at++;
	}
	return at;
}

/* Behind `[`, `,` or a dash: blanks are part of what stands there without quotes. */
static bool is_element(struct span text, size_t first)
{
	size_t at = first;

	while (at > 0 && (text.p[at - 1] == ' ' || text.p[at - 1] == '\t'))
		at--;
	if (at == 0 || at == first)
		return at > 0 && strchr("[,", text.p[at - 1]);
	return strchr("[,", text.p[at - 1]) ||
	       (text.p[at - 1] == '-' && (at == 1 || is_blank(text.p[at - 2])));
}

/*
 * What begins at `at`: in quotes as a whole; an element of a list; else a word. `first` is where the element
 * would begin. Returns where it ends, as its callers do.
 */
static size_t hide_value(struct source *source, size_t first, size_t at, char quote)
{
	struct span text = source->text;
	size_t end = at;

	if (quote)
		end = quoted_end(text, at, quote);
	else if (is_element(text, first))
		while (end < text.n && !strchr(",]}\n", text.p[end]))
			end++;
	else
		while (end < text.n && !is_between(text.p[end]))
			end++;
	source_hide(source, (struct range){ at, end - at });
	return end;
}

static char quote_before(struct span text, size_t at)
{
	return at > 0 && is_quote(text.p[at - 1]) ? text.p[at - 1] : '\0';
}

/* `name=value`, alone in its quotes or with a value in quotes. */
static size_t hide_assigned(struct source *source, struct span word, size_t equals)
{
	struct span text = source->text;
	size_t first = (size_t)(word.p - text.p), at = first + equals + 1;
	char quote = quote_before(text, first);

	if (at == first + word.n && at < text.n && text.p[at] == '\\')
		at++;
	if (at < text.n && is_quote(text.p[at]) && text.p[at] != quote)
		quote = text.p[at++];
	return hide_value(source, first, at, quote);
}

/* Is the line or the list over before the next word, and another key begins? */
static bool is_next_key(struct span text, size_t from, struct span word)
{
	size_t first = (size_t)(word.p - text.p), end = first + word.n;
	struct span gap = span_of(text.p + from, first - from);

	if (span_find(gap, ']') < gap.n || span_find(gap, '}') < gap.n)
		return true;
	if (span_find(gap, '\n') == gap.n)
		return false;
	while (end < text.n && is_quote(text.p[end]))
		end++;
	return span_ends(word, S(":")) || (end < text.n && text.p[end] == ':');
}

/* The word after an option; in a list of lines it stands behind a dash. */
static size_t hide_next(struct source *source, size_t from)
{
	struct span text = source->text, word;
	size_t at = from, first;

	word = next_word(text, &at);
	if (span_eq(word, S("-")))
		word = next_word(text, &at);
	first = (size_t)(word.p - text.p);
	if (!word.n || span_starts(word, S("--")) || is_next_key(text, from, word))
		return from;
	return hide_value(source, first, first, quote_before(text, first));
}

/* Is the word before `at` the name of a member in a JSON text, which may stand in double quotes? */
static bool is_member(struct span text, size_t at)
{
	if (at < text.n && text.p[at] == '\\')
		at++;
	if (at == text.n || !is_quote(text.p[at]))
		return false;
	at++;
	while (at < text.n && text.p[at] == ' ')
		at++;
	return at < text.n && text.p[at] == ':';
}

/* Its value, and what stands behind it on the line. */
static size_t hide_rest(struct source *source, size_t at)
{
	struct span text = source->text;
	size_t n = span_find(span_skip(text, at), '\n');

	source_hide(source, (struct range){ at, n });
	return at + n;
}

static void hide_named(struct source *source, bool (*is_secret_name)(struct span name))
{
	size_t at = 0;
	struct span word;

	while ((word = next_word(source->text, &at)).n) {
		size_t equals = span_find(word, '=');

		if ((word.p[0] != '-' && equals == word.n && !is_member(source->text, at)) ||
		    !is_secret_name(span_first(word, equals)))
			continue;
		if (is_member(source->text, at))
			at = hide_rest(source, at);
		else
			at = equals < word.n ? hide_assigned(source, word, equals) : hide_next(source, at);
	}
}

/* --- what is left of a line --- */

/* Without the line's hidden bytes. */
static void add_visible(struct buf *out, const struct source *source, struct span line)
{
	size_t base = (size_t)(line.p - source->text.p);

	buf_clear(out);
	for (size_t i = 0; i < line.n; i++)
		buf_add_char(out, source_hides(source, (struct range){ base + i, 1 }) ? NOTHING : line.p[i]);
}

static void hide_single_words(struct source *source, struct span line, struct span visible,
			      bool (*has_secret)(struct span text))
{
	size_t at = 0;
	struct span word;

	while ((word = next_word(visible, &at)).n) {
		word.n -= span_ends(word, S(":"));
		if (has_secret(word))
			hide_span(source, span_of(line.p + (word.p - visible.p), word.n));
	}
}

static void blank(struct buf *visible, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		visible->p[i] = NOTHING;
}

/* Names whose values are hidden: `token: ***`, `--token ***`. */
static void blank_before_hidden(struct buf *visible)
{
	for (size_t i = visible->n; i > 1; i--) {
		size_t end = i - 1, first;

		if (visible->p[i - 1] != NOTHING || visible->p[i - 2] == NOTHING)
			continue;
		while (end > 0 && visible->p[end - 1] != NOTHING &&
		       (is_between(visible->p[end - 1]) || strchr(":=", visible->p[end - 1])))
			end--;
		for (first = end; first > 0 && is_of_name(visible->p[first - 1]);)
			first--;
		blank(visible, first, i - 1);
		i = first + 1;
	}
}

/* Keys that are known, or that hold other keys, are no names of secrets. */
static void blank_keys(struct buf *visible, const struct shape *root)
{
	struct span line = buf_span(visible);

	for (size_t i = 0; i < line.n; i++) {
		struct span name, rest;

		if (!looks_like_key(line, i))
			continue;
		name = looks_name_before(line, i);
		rest = looks_skip_blanks(span_skip(line, i + 1));
		if (shape_has_name(root, name) || span_starts(rest, S("{")) || span_starts(rest, S("[")))
			blank(visible, (size_t)(name.p - line.p), i + 1);
	}
}

static struct span first_value(struct span line)
{
	for (size_t i = 0; i < line.n; i++)
		if (looks_like_key(line, i))
			return span_skip(line, i + 1);
	return line;
}

static void hide_line(struct source *source, struct span line, const struct shape *root,
		      bool (*has_secret)(struct span text))
{
	CLEANUP(buf_release) struct buf visible = BUF_INIT(CONF_MAX_BYTES);

	add_visible(&visible, source, line);
	if (buf_ok(&visible)) {
		hide_single_words(source, line, buf_span(&visible), has_secret);
		add_visible(&visible, source, line);
		blank_before_hidden(&visible);
		blank_keys(&visible, root);
	}
	if (!buf_ok(&visible) || has_secret(buf_span(&visible)))
		hide_span(source, first_value(line));
}

void looks_hide(struct source *source, const struct shape *root, const struct conf_options *options)
{
	hide_urls(source);
	if (options->is_secret_name)
		hide_named(source, options->is_secret_name);
	for (size_t i = 0; options->has_secret && i < source->n_lines; i++)
		hide_line(source, source_line(source, i), root, options->has_secret);
}
