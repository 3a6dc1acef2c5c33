/* hide.c - which bytes of a config hold secrets, whether it can be read or not. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/hide.h"

#include "text/near.h"

#define MAX_WORDS 32

/* The last names of the secret keys: "env". */
struct words {
	struct span at[MAX_WORDS];
	size_t n;
};

static struct words secret_words(const struct shape *shape)
{
	struct words words = { .n = 0 };

	for (; shape; shape = shape_next(shape))
		if (shape->item && shape->item->secret && words.n < MAX_WORDS)
			words.at[words.n++] = shape->name;
	return words;
}

static bool is_secret(const struct words *words, struct span name)
{
	for (size_t i = 0; i < words->n; i++) {
		unsigned limit = words->at[i].n < 5 ? 1 : 2;

		if (near_distance(name, words->at[i], limit) <= limit)
			return true;
	}
	return false;
}

static bool hide_in_tree(struct source *source, struct arena *arena, const struct words *words,
			 struct yaml_node *tree)
{
	for (struct yaml_node *node = tree; node; node = yaml_next(tree, node))
		if (node->key && is_secret(words, node->key->text) &&
		    !source_hide(source, arena, (struct range){ node->at.at, node->end - node->at.at }))
			return false;
	return true;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '-';
}

/* The name that ends before the colon at `colon`, without its quotes. */
static struct span name_before(struct span line, size_t colon)
{
	size_t end = colon, first;

	while (end > 0 && (line.p[end - 1] == ' ' || line.p[end - 1] == '"' || line.p[end - 1] == '\''))
		end--;
	first = end;
	while (first > 0 && is_word(line.p[first - 1]))
		first--;
	return span_of(line.p + first, end - first);
}

/* Is there a secret key on the line, and where does what follows its colon begin? */
static bool find_secret(const struct words *words, struct span line, size_t *at)
{
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] != ':' || !is_secret(words, name_before(line, i)))
			continue;
		*at = i + 1;
		return true;
	}
	*at = line.n;
	return false;
}

static size_t indent_of(struct span line)
{
	size_t n = 0;

	while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	return n;
}

/* A line that begins with a name and a colon. */
static bool begins_with_key(struct span content)
{
	size_t n = 0;

	while (n < content.n && is_word(content.p[n]))
		n++;
	return n > 0 && n < content.n && content.p[n] == ':';
}

/* More brackets opened than closed: what follows belongs to the same value. */
static bool leaves_open(struct span line)
{
	size_t open = 0, closed = 0;

	for (size_t i = 0; i < line.n; i++) {
		open += line.p[i] == '{' || line.p[i] == '[';
		closed += line.p[i] == '}' || line.p[i] == ']';
	}
	return open > closed;
}

/* Which lines belong to a secret while a text is walked. */
struct hiding {
	bool on;
	bool to_the_end; /* brackets: indentation says nothing */
	size_t indent;	 /* of the line with the key */
};

static bool still_hidden(const struct hiding *hiding, struct span line)
{
	size_t own = indent_of(line);

	if (!hiding->on)
		return false;
	return hiding->to_the_end || own > hiding->indent || !begins_with_key(span_skip(line, own));
}

static bool hide_in_text(struct source *source, struct arena *arena, const struct words *words)
{
	struct hiding hiding = { .to_the_end = span_starts(span_trim(source->text), S("{")) };

	for (size_t i = 0; i < source->n_lines; i++) {
		struct span line = source_line(source, i);
		size_t from = indent_of(line);

		if (!still_hidden(&hiding, line)) {
			hiding.on = find_secret(words, line, &from);
			hiding.indent = indent_of(line);
			hiding.to_the_end = hiding.to_the_end || (hiding.on && leaves_open(line));
		}
		if (!source_hide(source, arena,
				 (struct range){ source->line_starts[i] + from, line.n - from }))
			return false;
	}
	return true;
}

bool hide_secrets(struct source *source, struct arena *arena, const struct shape *shape,
		  struct yaml_node *tree)
{
	struct words words = secret_words(shape);
	bool good = words.n == 0 ||
		    (tree ? hide_in_tree(source, arena, &words, tree) : hide_in_text(source, arena, &words));

	source->settled = good;
	return good;
}
