/* fill.c - one value of the file, checked, into its node. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/fill.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/map.h"
#include "base/tr.h"
#include "conf/conf.h"
#include "conf/shape.h"
#include "conf/url.h"
#include "conf/value.h"
#include "conf/words.h"
#include "text/near.h"

#define MAX_TEXT_BYTES ((size_t)64 * 1024)
#define MAX_LIST 1000
#define MAX_NAME_BYTES 256
#define MAX_ADDRESSES 64

struct path_text fill_path(const struct conf_node *node)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(sizeof(((struct path_text *)NULL)->text) - 1);
	struct path_text path;

	conf_node_add_path(&out, node);
	(void)span_to_cstr(S(""), path.text, sizeof(path.text));
	(void)span_to_cstr(buf_span(&out), path.text, sizeof(path.text));
	return path;
}

struct conf_problem *fill_problem(const struct reading *reading, const struct yaml_node *yaml,
				  const char *code, const char *format, ...)
{
	struct range at = yaml->at.n || !yaml->key ? yaml->at : yaml->key->at;
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return conf_problem_in(reading->problems, reading->source, at.at, at.n, code, "%s", text);
}

/* What a value of each type is, after "must be". */
static const char *phrase_of(enum conf_type type)
{
	switch (type) {
	case CONF_SECTION:
		return tr("a mapping of keys");
	case CONF_STRING:
		return tr("a text");
	case CONF_BOOL:
		return tr("true or false");
	case CONF_INT:
		return tr("a whole number");
	case CONF_BYTES:
		return tr("a size such as 4MiB");
	case CONF_DURATION:
		return tr("a duration such as 30s, 5m or 400d");
	case CONF_ENUM:
		return tr("one of its words");
	case CONF_STRING_LIST:
		return tr("a list of texts");
	case CONF_ARGV:
		return tr("a command line or a list of texts");
	case CONF_MAP:
		return tr("a mapping of names");
	case CONF_STRING_MAP:
		return tr("a mapping of names to texts");
	case CONF_ADDRESS:
		return tr("an address such as 127.0.0.1:7676, or a list of them");
	case CONF_PATH:
		return tr("a path");
	case CONF_URL:
		return tr("an http or https URL");
	}
	return "";
}

static const char *must_be(const struct conf_node *node)
{
	return node->element ? tr("a text") : phrase_of(shape_type(node->shape));
}

struct conf_problem *fill_wrong_type(const struct reading *reading, const struct conf_node *node,
				     const struct yaml_node *yaml)
{
	struct path_text path = fill_path(node);

	if (!node->parent)
		return fill_problem(reading, yaml, "K103", tr("the file must be %s"), must_be(node));
	return fill_problem(reading, yaml, "K103", tr("%s must be %s"), path.text, must_be(node));
}

static const char *code_of(const struct conf_item *item)
{
	return item->code ? item->code : "K104";
}

/* A value that has the right shape and cannot be used. */
static void refuse(const struct reading *reading, const struct conf_node *node, const struct yaml_node *yaml,
		   const char *label)
{
	const struct conf_item *item = node->shape->item;
	struct path_text path = fill_path(node);
	struct conf_problem *problem;

	if (item->type == CONF_ARGV || item->type == CONF_PATH || item->type == CONF_STRING || node->element)
		problem = fill_problem(reading, yaml, code_of(item), tr("%s cannot be used as it is"),
				       path.text);
	else
		problem = fill_problem(reading, yaml, code_of(item), tr("%s must be %s"), path.text,
				       must_be(node));
	conf_problem_label(reading->problems, problem, "%s", label);
	if (item->hint)
		conf_problem_note(reading->problems, problem, "%s", tr(item->hint));
}

static bool has_control(struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		if (((unsigned char)text.p[i] < 0x20 && text.p[i] != '\n' && text.p[i] != '\t') ||
		    text.p[i] == 0x7F)
			return true;
	return false;
}

/* A plain word that is a text here and something else to another reader. */
static bool refuse_trap(const struct reading *reading, const struct conf_node *node,
			const struct yaml_node *yaml)
{
	struct path_text path = fill_path(node);
	struct conf_problem *problem = NULL;

	switch (value_trap(yaml->text)) {
	case VALUE_PLAIN:
		return true;
	case VALUE_NULL:
	case VALUE_BOOL:
		problem = fill_wrong_type(reading, node, yaml);
		break;
	case VALUE_OLD_BOOL:
		problem = fill_problem(reading, yaml, "K108",
				       tr("%s: yes, no, on and off are not used without quotes"), path.text);
		break;
	}
	conf_problem_label(reading->problems, problem, "%s",
			   yaml->absent ? tr("nothing is written here")
					: tr("put it in quotes if it is a text"));
	return false;
}

/* A scalar that is a text; `node` is what the message names. */
static bool is_text(const struct reading *reading, const struct conf_node *node, const struct yaml_node *yaml)
{
	if (yaml->kind != YAML_SCALAR) {
		(void)fill_wrong_type(reading, node, yaml);
		return false;
	}
	if (yaml->plain && !refuse_trap(reading, node, yaml))
		return false;
	if (yaml->text.n > MAX_TEXT_BYTES) {
		refuse(reading, node, yaml, tr("it is too long"));
		return false;
	}
	if (has_control(yaml->text)) {
		refuse(reading, node, yaml, tr("it holds a control character"));
		return false;
	}
	return true;
}

/* The item's own check of one text. */
static bool passes_check(const struct reading *reading, const struct conf_node *node,
			 const struct yaml_node *yaml, struct span text)
{
	const struct conf_item *item = node->shape->item;
	struct path_text path = fill_path(node);
	struct err err = ERR_INIT;
	struct conf_problem *problem;

	if (!item->check || item->check(text, &err) == 0)
		return true;
	problem = fill_problem(reading, yaml, code_of(item), "%s: %s", path.text, err.text);
	if (item->hint)
		conf_problem_note(reading->problems, problem, "%s", tr(item->hint));
	return false;
}

static void add_bound(struct buf *out, enum conf_type type, int64_t bound)
{
	if (type == CONF_BYTES)
		value_add_bytes(out, bound);
	else if (type == CONF_DURATION)
		value_add_duration(out, bound);
	else
		buf_add_i64(out, bound);
}

static void check_bounds(const struct reading *reading, const struct conf_node *node,
			 const struct yaml_node *yaml)
{
	const struct conf_item *item = node->shape->item;
	CLEANUP(buf_release) struct buf low = BUF_INIT(64), high = BUF_INIT(64);
	struct path_text path = fill_path(node);
	struct conf_problem *problem;

	if (node->number >= item->min && (item->max == 0 || node->number <= item->max))
		return;
	add_bound(&low, item->type, item->min);
	add_bound(&high, item->type, item->max);
	if (item->max == 0)
		problem = fill_problem(reading, yaml, code_of(item), tr("%s must be at least %s"), path.text,
				       buf_cstr(&low));
	else if (item->min == item->max)
		problem = fill_problem(reading, yaml, code_of(item), tr("%s must be %s"), path.text,
				       buf_cstr(&low));
	else
		problem = fill_problem(reading, yaml, code_of(item), tr("%s must be from %s to %s"),
				       path.text, buf_cstr(&low), buf_cstr(&high));
	if (item->hint)
		conf_problem_note(reading->problems, problem, "%s", tr(item->hint));
}

static void fill_bool(const struct reading *reading, struct conf_node *node, const struct yaml_node *yaml)
{
	struct conf_problem *problem;

	node->number = span_eq(yaml->text, S("true"));
	if (yaml->plain && (node->number || span_eq(yaml->text, S("false"))))
		return;
	problem = fill_wrong_type(reading, node, yaml);
	if (value_trap(yaml->text) == VALUE_OLD_BOOL)
		conf_problem_label(reading->problems, problem, "%s",
				   tr("yes, no, on and off are not used: write true or false"));
	else if (!yaml->plain)
		conf_problem_label(reading->problems, problem, "%s", tr("leave out the quotes"));
}

static void fill_int(const struct reading *reading, struct conf_node *node, const struct yaml_node *yaml)
{
	struct conf_problem *problem;

	if (yaml->plain && value_int(yaml->text, &node->number)) {
		check_bounds(reading, node, yaml);
		return;
	}
	problem = fill_wrong_type(reading, node, yaml);
	if (!yaml->plain)
		conf_problem_label(reading->problems, problem, "%s", tr("leave out the quotes"));
}

static void fill_quantity(const struct reading *reading, struct conf_node *node, const struct yaml_node *yaml)
{
	struct err err = ERR_INIT;
	int outcome;

	if (!is_text(reading, node, yaml))
		return;
	outcome = shape_type(node->shape) == CONF_BYTES ? value_bytes(yaml->text, &node->number, &err)
							: value_duration(yaml->text, &node->number, &err);
	if (outcome < 0)
		refuse(reading, node, yaml, err.text);
	else
		check_bounds(reading, node, yaml);
}

/* "debug, info, warn", and the words as spans for a near name. */
static size_t list_words(struct buf *out, const char *const *words, struct span *spans, size_t max)
{
	size_t n = 0;

	for (; words[n] && n < max; n++) {
		if (n > 0)
			buf_add(out, S(", "));
		spans[n] = span_str(words[n]);
		buf_add(out, spans[n]);
	}
	return n;
}

/* "warning" for "warn", "err" for "error", or a word with a typing mistake. */
static struct span near_word(struct span text, const struct span *words, size_t n)
{
	struct span near = near_name(text, words, n);

	for (size_t i = 0; i < n && !near.n && text.n >= 3; i++)
		if (span_eq_nocase(span_first(text, words[i].n), span_first(words[i], text.n)))
			near = words[i];
	return near;
}

static void fill_enum(const struct reading *reading, struct conf_node *node, const struct yaml_node *yaml)
{
	const char *const *words = node->shape->item->words;
	CLEANUP(buf_release) struct buf list = BUF_INIT(1024);
	struct path_text path = fill_path(node);
	struct conf_problem *problem;
	struct span spans[32], near;
	size_t n;

	for (size_t i = 0; words[i]; i++) {
		if (!span_eq(yaml->text, span_str(words[i])))
			continue;
		node->number = (int64_t)i;
		node->text = span_str(words[i]);
		return;
	}
	n = list_words(&list, words, spans, COUNT(spans));
	problem = fill_problem(reading, yaml, code_of(node->shape->item), tr("%s must be one of: %s"),
			       path.text, buf_cstr(&list));
	near = near_word(yaml->text, spans, n);
	if (near.n)
		conf_problem_label(reading->problems, problem, tr("did you mean `%.*s`?"), SPAN_ARG(near));
}

/* Absolute, in the arena. */
static void fill_file(const struct reading *reading, struct conf_node *node, const struct yaml_node *yaml)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(4096);
	struct span text = yaml->text;

	if (text.n == 0 || span_contains(text, S("\n"))) {
		refuse(reading, node, yaml, tr("it is empty or has a line break"));
		return;
	}
	if (span_eq(text, S("~")) || span_starts(text, S("~/"))) {
		if (reading->home.n == 0) {
			refuse(reading, node, yaml, tr("there is no home folder here: write it from / on"));
			return;
		}
		buf_add(&out, reading->home);
		text = span_skip(text, 1);
	} else if (text.p[0] != '/') {
		if (reading->folder.n == 0) {
			refuse(reading, node, yaml, tr("this text is in no folder: write it from / on"));
			return;
		}
		buf_add(&out, reading->folder);
		if (!span_ends(reading->folder, S("/")))
			buf_add_char(&out, '/');
	}
	buf_add(&out, text);
	if (!buf_ok(&out)) {
		refuse(reading, node, yaml, tr("it is too long"));
		return;
	}
	if (passes_check(reading, node, yaml, buf_span(&out)))
		node->text = arena_dup(reading->arena, buf_span(&out));
}

static void fill_text(const struct reading *reading, struct conf_node *node, const struct yaml_node *yaml)
{
	struct conf_url url;
	struct err err = ERR_INIT;

	/* The lone tilde is a null to YAML and the home folder to people. */
	if (shape_type(node->shape) == CONF_PATH && yaml->kind == YAML_SCALAR &&
	    span_eq(yaml->text, S("~"))) {
		fill_file(reading, node, yaml);
		return;
	}
	if (!is_text(reading, node, yaml))
		return;
	if (shape_type(node->shape) == CONF_PATH) {
		fill_file(reading, node, yaml);
		return;
	}
	if (shape_type(node->shape) == CONF_URL && conf_url_parse(yaml->text, &url, &err) < 0) {
		refuse(reading, node, yaml, err.text);
		return;
	}
	if (passes_check(reading, node, yaml, yaml->text))
		node->text = arena_dup(reading->arena, yaml->text);
}

static struct conf_node *element_new(const struct reading *reading, struct conf_node *list, struct range at,
				     struct span text)
{
	struct conf_node *node = arena_alloc(reading->arena, sizeof(*node));

	if (!node)
		return NULL;
	*node = (struct conf_node){
		.name = S(""),
		.text = text,
		.element = true,
		.written = list->written,
		.shape = list->shape,
		.source = list->source,
		.key = at,
		.value = at,
	};
	conf_node_add(list, node);
	return node;
}

static void fill_element(const struct reading *reading, struct conf_node *list, const struct yaml_node *yaml)
{
	struct conf_address address;
	struct conf_node *node;
	struct err err = ERR_INIT;

	if (!is_text(reading, list, yaml) || !passes_check(reading, list, yaml, yaml->text))
		return;
	if (shape_type(list->shape) != CONF_ADDRESS) {
		(void)element_new(reading, list, yaml->at, arena_dup(reading->arena, yaml->text));
		return;
	}
	if (value_address(yaml->text, &address, &err) < 0) {
		refuse(reading, list, yaml, err.text);
		return;
	}
	node = element_new(reading, list, yaml->at, arena_dup(reading->arena, address.host));
	if (node) {
		node->number = address.port;
		node->v6 = address.v6;
	}
}

/* A command line in one text. */
static void fill_words(const struct reading *reading, struct conf_node *list, const struct yaml_node *yaml)
{
	CLEANUP(buf_release) struct buf word = BUF_INIT(MAX_TEXT_BYTES);
	struct span rest = yaml->text;
	struct err err = ERR_INIT;
	int outcome;

	if (!is_text(reading, list, yaml) || !passes_check(reading, list, yaml, yaml->text))
		return;
	while ((outcome = words_next(&rest, &word, &err)) > 0)
		if (!element_new(reading, list, yaml->at, arena_dup(reading->arena, buf_span(&word))))
			return;
	if (outcome < 0)
		refuse(reading, list, yaml, err.text);
	else if (!list->first || list->first->text.n == 0)
		refuse(reading, list, yaml, tr("it names no program"));
}

static void check_length(const struct reading *reading, const struct conf_node *list,
			 const struct yaml_node *yaml, size_t n)
{
	const struct conf_item *item = list->shape->item;
	size_t min = (size_t)item->min, max = item->max ? (size_t)item->max : MAX_LIST;
	struct path_text path = fill_path(list);

	if (n == 0 && min == 1)
		(void)fill_problem(reading, yaml, code_of(item), tr("%s must not be empty"), path.text);
	else if (n < min)
		(void)fill_problem(reading, yaml, code_of(item), tr("%s must have at least %zu entries"),
				   path.text, min);
	else if (n > max)
		(void)fill_problem(reading, yaml, code_of(item), tr("%s must have at most %zu entries"),
				   path.text, max);
}

/* Refused at the second: a port that is taken is taken by whom it was given first. 0 is another each time. */
static void check_twice(const struct reading *reading, const struct conf_node *list)
{
	struct path_text path = fill_path(list);

	for (const struct conf_node *at = list->first; at; at = at->next)
		for (const struct conf_node *before = list->first; before != at; before = before->next)
			if (conf_address_same(before, at)) {
				(void)conf_problem_in(reading->problems, reading->source, at->value.at,
						      at->value.n, "K104", tr("%s names this address twice"),
						      path.text);
				break;
			}
}

static void fill_list(const struct reading *reading, struct conf_node *list, const struct yaml_node *yaml)
{
	enum conf_type type = shape_type(list->shape);
	size_t problems = reading->problems->n + reading->problems->more, n = 0;

	if (yaml->kind == YAML_SCALAR && type == CONF_ADDRESS) {
		fill_element(reading, list, yaml);
		return;
	}
	if (yaml->kind == YAML_SCALAR && type == CONF_ARGV) {
		fill_words(reading, list, yaml);
	} else if (yaml->kind == YAML_LIST) {
		for (const struct yaml_node *element = yaml->first; element; element = element->next)
			fill_element(reading, list, element);
	} else {
		conf_problem_label(reading->problems, fill_wrong_type(reading, list, yaml), "%s",
				   yaml->absent		  ? tr("nothing is written here")
				   : type == CONF_ADDRESS ? tr("write the address itself")
							  : tr("write it as a list: [\"...\"]"));
		return;
	}
	if (reading->problems->n + reading->problems->more > problems)
		return;
	for (const struct conf_node *element = list->first; element; element = element->next)
		n++;
	check_length(reading, list, yaml, n);
	if (type == CONF_ADDRESS && n <= MAX_ADDRESSES)
		check_twice(reading, list);
	if (type == CONF_ARGV && list->first && list->first->text.n == 0)
		refuse(reading, list, yaml, tr("it names no program"));
}

bool fill_name(const struct reading *reading, const struct conf_node *node, const struct yaml_node *key)
{
	const struct conf_item *item = node->shape->item;
	struct path_text path = fill_path(node);
	struct conf_problem *problem;
	struct err err = ERR_INIT;

	if (key->plain && value_trap(key->text) != VALUE_PLAIN) {
		problem = fill_problem(reading, key, "K108", tr("a name in %s needs quotes"), path.text);
		conf_problem_label(reading->problems, problem, "%s",
				   tr("other readers of YAML take this word for a value"));
		return false;
	}
	if (key->text.n == 0 || key->text.n > MAX_NAME_BYTES || has_control(key->text))
		(void)err_set(&err, ERR_CONFIG, "%s",
			      tr("it is empty, too long or holds a control character"));
	else if (!item->check_name || item->check_name(key->text, &err) == 0)
		return true;
	problem = fill_problem(reading, key, "K110", tr("this name cannot be used in %s"), path.text);
	conf_problem_label(reading->problems, problem, "%s", err.text);
	if (item->hint)
		conf_problem_note(reading->problems, problem, "%s", tr(item->hint));
	return false;
}

static void fill_string_map(const struct reading *reading, struct conf_node *node,
			    const struct yaml_node *yaml)
{
	CLEANUP(map_release) struct map seen = { 0 };
	size_t n = 0;

	if (yaml->kind != YAML_MAPPING) {
		(void)fill_wrong_type(reading, node, yaml);
		return;
	}
	for (struct yaml_node *member = yaml->first; member; member = member->next) {
		struct path_text path = fill_path(node);
		struct conf_node *child;

		if (!fill_name(reading, node, member->key))
			continue;
		if (map_get(&seen, member->key->text)) {
			(void)fill_problem(reading, member->key, "K106", tr("duplicate key `%.*s` in %s"),
					   SPAN_ARG(span_first(member->key->text, 64)), path.text);
			continue;
		}
		child = element_new(reading, node, member->at, S(""));
		if (!child || !map_put(&seen, member->key->text, child)) {
			reading->arena->over = true;
			return;
		}
		child->name = arena_dup(reading->arena, member->key->text);
		child->key = member->key->at;
		if (is_text(reading, child, member) && passes_check(reading, child, member, member->text))
			child->text = arena_dup(reading->arena, member->text);
		n++;
	}
	check_length(reading, node, yaml, n);
}

void fill_value(const struct reading *reading, struct conf_node *node, const struct yaml_node *yaml)
{
	enum conf_type type = shape_type(node->shape);

	switch (type) {
	case CONF_SECTION:
	case CONF_MAP:
		return;
	case CONF_STRING_LIST:
	case CONF_ARGV:
	case CONF_ADDRESS:
		fill_list(reading, node, yaml);
		return;
	case CONF_STRING_MAP:
		fill_string_map(reading, node, yaml);
		return;
	case CONF_STRING:
	case CONF_PATH:
	case CONF_URL:
		fill_text(reading, node, yaml);
		return;
	case CONF_BOOL:
	case CONF_INT:
	case CONF_ENUM:
	case CONF_BYTES:
	case CONF_DURATION:
		break;
	}
	if (yaml->kind != YAML_SCALAR)
		(void)fill_wrong_type(reading, node, yaml);
	else if (type == CONF_BOOL)
		fill_bool(reading, node, yaml);
	else if (type == CONF_INT)
		fill_int(reading, node, yaml);
	else if (type == CONF_ENUM)
		fill_enum(reading, node, yaml);
	else
		fill_quantity(reading, node, yaml);
}
