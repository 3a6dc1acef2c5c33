/* hide.c - which bytes of a config hold secrets, whether it can be read or not. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/hide.h"

#include "conf/looks.h"
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

/* --- a tree --- */

static void hide_node(struct source *source, const struct yaml_node *node)
{
	size_t end = node->end;

	/* A block ends where the next key begins. */
	while (end > node->at.at && strchr(" \t\r\n", source->text.p[end - 1]))
		end--;
	source_hide(source, (struct range){ node->at.at, end - node->at.at });
}

static unsigned depth_of(const struct yaml_node *node)
{
	unsigned depth = 0;

	for (; node->parent; node = node->parent)
		depth++;
	return depth;
}

/* The shape of a node below one of `parent`'s; NULL where nobody knows the node. */
static const struct shape *shape_of(const struct shape *parent, const struct yaml_node *node)
{
	const struct shape *shape;

	if (parent && shape_type(parent) == CONF_STRING_MAP && node->kind == YAML_SCALAR)
		return parent;
	if (!parent || shape_is_open(parent) != (node->key != NULL))
		return NULL;
	/* Of a list its elements. */
	if (!node->key)
		return node->kind == YAML_SCALAR ? parent : NULL;
	shape = shape_child(parent, node->key->text);
	/* A name of the user's own with a text: a variable that stands too far to the left. */
	return shape && span_eq(shape->name, S("*")) && node->kind != YAML_MAPPING ? NULL : shape;
}

static void hide_in_tree(struct source *source, const struct words *words, const struct shape *root,
			 struct yaml_node *tree)
{
	const struct shape *shapes[YAML_MAX_DEPTH + 1] = { root };

	for (struct yaml_node *node = yaml_next(tree, tree); node; node = yaml_next(tree, node)) {
		unsigned depth = depth_of(node);

		shapes[depth] = shape_of(shapes[depth - 1], node);
		if (!shapes[depth] || (node->key && is_secret(words, node->key->text)))
			hide_node(source, node);
	}
}

/* --- a text --- */

static bool is_of_key(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '-';
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

	while (n < content.n && is_of_key(content.p[n]))
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
	struct source *source;
	const struct words *words;
	const struct shape *shape;
	bool on;
	bool to_the_end; /* brackets: indentation says nothing */
	bool known;	 /* the key above is one we know, and no secret */
	size_t indent;	 /* of the line with the key */
};

static bool is_known(const struct hiding *hiding, struct span name)
{
	return shape_has_name(hiding->shape, name) && !is_secret(hiding->words, name);
}

static bool still_hidden(const struct hiding *hiding, struct span line)
{
	size_t own = indent_of(line);

	if (!hiding->on)
		return false;
	/* How far a tab indents is anybody's guess. */
	return hiding->to_the_end || own > hiding->indent || span_find(span_first(line, own), '\t') < own ||
	       !begins_with_key(span_skip(line, own));
}

/* Where the next key's colon is, or the end of the line. */
static size_t find_key(const struct hiding *hiding, struct span line, size_t from)
{
	while (from < line.n && !looks_like_key(line, from) &&
	       (line.p[from] != ':' || !is_secret(hiding->words, looks_name_before(line, from))))
		from++;
	return from;
}

/* `{` and then the first key, or nothing more: no value to hide yet. */
static bool opens_mapping(const struct hiding *hiding, struct span line, size_t from)
{
	struct span rest = looks_skip_blanks(span_skip(line, from)), name;
	size_t colon = find_key(hiding, line, from);

	if (!span_starts(rest, S("{")))
		return false;
	rest = looks_skip_blanks(span_skip(rest, 1));
	if (!rest.n)
		return true;
	name = looks_name_before(line, colon);
	return colon < line.n && name.n && (name.p == rest.p || name.p == rest.p + 1);
}

/* A value over lines: what follows belongs to it too. */
static void begin_hiding(struct hiding *hiding, struct span line)
{
	hiding->on = true;
	hiding->known = false;
	hiding->indent = indent_of(line);
	hiding->to_the_end = hiding->to_the_end || leaves_open(line);
}

/* A line without a key belongs to the key above, unless a known one lacks its colon. */
static size_t keyless_line(struct hiding *hiding, struct span line)
{
	size_t own = indent_of(line), n = own;

	while (n < line.n && is_of_key(line.p[n]))
		n++;
	if (n > own && is_known(hiding, span_of(line.p + own, n - own)))
		return line.n;
	return hiding->known ? line.n : own;
}

/* From where on the line is hidden. */
static size_t hidden_from(struct hiding *hiding, struct span line)
{
	size_t colon = find_key(hiding, line, 0);

	if (still_hidden(hiding, line))
		return indent_of(line);
	hiding->on = false;
	if (colon == line.n)
		return keyless_line(hiding, line);
	for (; colon < line.n; colon = find_key(hiding, line, colon + 1)) {
		struct span name = looks_name_before(line, colon);
		struct span rest = looks_skip_blanks(span_skip(line, colon + 1));

		hiding->known = is_known(hiding, name);
		if (hiding->known)
			continue;
		/* The value of a secret key may be on lines of its own; a server's name has keys there. */
		if (is_secret(hiding->words, name) || (rest.n && !opens_mapping(hiding, line, colon + 1))) {
			begin_hiding(hiding, line);
			return colon + 1;
		}
	}
	return line.n;
}

static void hide_in_text(struct hiding *hiding)
{
	struct source *source = hiding->source;

	hiding->to_the_end = span_starts(span_trim(source->text), S("{"));
	for (size_t i = 0; i < source->n_lines; i++) {
		struct span line = source_line(source, i);
		size_t from = hidden_from(hiding, line);

		source_hide(source, (struct range){ source->line_starts[i] + from, line.n - from });
	}
}

void hide_secrets(struct source *source, const struct shape *shape, struct yaml_node *tree,
		  const struct conf_options *options)
{
	const struct words words = secret_words(shape);
	struct hiding hiding = { .source = source, .words = &words, .shape = shape, .known = true };

	if (tree)
		hide_in_tree(source, &words, shape, tree);
	else
		hide_in_text(&hiding);
	looks_hide(source, shape, options);
	source->settled = true;
}
