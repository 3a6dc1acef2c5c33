/* reference.c - the tables as documents: a JSON Schema, a table of keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/reference.h"

#include "base/arena.h"
#include "base/tr.h"
#include "conf/shape.h"
#include "conf/value.h"
#include "json/write.h"

#define SHAPES_BYTES ((size_t)1024 * 1024)

/* Texts may also be written as numbers. */
#define TEXT_SCHEMA "{\"type\":[\"string\",\"number\"]}"
#define ADDRESS_PATTERN "^(\\\\[[0-9A-Fa-f:.]+\\\\]|[0-9.]+):[0-9]+$"
#define ADDRESS_SCHEMA "{\"type\":\"string\",\"pattern\":\"" ADDRESS_PATTERN "\"}"

static void put_pattern(struct buf *out, const char *pattern)
{
	if (pattern)
		json_put_string(out, S("pattern"), span_str(pattern));
}

static void put_names(struct buf *out, struct span key, const char *const *names)
{
	json_add_key(out, key);
	buf_add_char(out, '[');
	for (size_t i = 0; names[i]; i++) {
		json_add_comma(out);
		json_add_string(out, span_str(names[i]));
	}
	buf_add_char(out, ']');
}

static void put_bounds(struct buf *out, const struct conf_item *item, struct span low, struct span high)
{
	if (item->min)
		json_put_i64(out, low, item->min);
	if (item->max)
		json_put_i64(out, high, item->max);
}

static void put_list(struct buf *out, const struct conf_item *item, struct span element)
{
	json_put_string(out, S("type"), S("array"));
	json_put_raw(out, S("items"), element);
	put_bounds(out, item, S("minItems"), S("maxItems"));
}

/* A list of them, or one alone. */
static void put_one_or_list(struct buf *out, const struct conf_item *item, struct span element)
{
	json_add_key(out, S("anyOf"));
	buf_add_char(out, '[');
	buf_add(out, element);
	json_add_comma(out);
	buf_add_char(out, '{');
	put_list(out, item, element);
	buf_add(out, S("}]"));
}

static void put_names_of_map(struct buf *out, const struct conf_item *item)
{
	if (!item->name_pattern)
		return;
	json_add_key(out, S("propertyNames"));
	buf_add_char(out, '{');
	put_pattern(out, item->name_pattern);
	buf_add_char(out, '}');
}

static void put_type(struct buf *out, const struct conf_item *item)
{
	switch (item->type) {
	case CONF_SECTION:
		return;
	case CONF_STRING:
		json_put_raw(out, S("type"), S("[\"string\",\"number\"]"));
		put_pattern(out, item->pattern);
		return;
	case CONF_BOOL:
		json_put_string(out, S("type"), S("boolean"));
		return;
	case CONF_INT:
		json_put_string(out, S("type"), S("integer"));
		put_bounds(out, item, S("minimum"), S("maximum"));
		return;
	case CONF_BYTES:
		json_put_raw(out, S("type"), S("[\"string\",\"integer\"]"));
		put_pattern(out, "^[0-9]+([KMGT](iB)?)?$");
		return;
	case CONF_DURATION:
		json_put_string(out, S("type"), S("string"));
		put_pattern(out, "^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$");
		return;
	case CONF_ENUM:
		put_names(out, S("enum"), item->words);
		return;
	case CONF_STRING_LIST:
		put_list(out, item, S(TEXT_SCHEMA));
		return;
	case CONF_ARGV:
		put_one_or_list(out, item, S(TEXT_SCHEMA));
		return;
	case CONF_ADDRESS:
		put_one_or_list(out, item, S(ADDRESS_SCHEMA));
		return;
	case CONF_MAP:
		json_put_raw(out, S("type"), S("[\"object\",\"null\"]"));
		put_names_of_map(out, item);
		return;
	case CONF_STRING_MAP:
		json_put_string(out, S("type"), S("object"));
		put_names_of_map(out, item);
		put_bounds(out, item, S("minProperties"), S("maxProperties"));
		json_put_raw(out, S("additionalProperties"), S(TEXT_SCHEMA));
		return;
	case CONF_PATH:
		json_put_string(out, S("type"), S("string"));
		json_put_u64(out, S("minLength"), 1);
		return;
	case CONF_URL:
		json_put_string(out, S("type"), S("string"));
		put_pattern(
		    out, "^([Hh][Tt][Tt][Pp]|[Ww][Ss])[Ss]?://[^/?#@]+(/[^#]*)?$|^[Uu][Nn][Ii][Xx]:/.*[^/]$");
		return;
	}
}

static void put_default(struct buf *out, const struct conf_item *item)
{
	bool raw = item->type == CONF_BOOL || item->type == CONF_INT || strchr("[{\"", item->fallback[0]);

	if (raw)
		json_put_raw(out, S("default"), span_str(item->fallback));
	else
		json_put_string(out, S("default"), span_str(item->fallback));
}

static void put_required(struct buf *out, const struct shape *shape)
{
	bool any = false;

	for (const struct shape *child = shape->first; child; child = child->next) {
		if (!child->item || !child->item->required)
			continue;
		if (!any) {
			json_add_key(out, S("required"));
			buf_add_char(out, '[');
		}
		any = true;
		json_add_comma(out);
		json_add_string(out, child->name);
	}
	if (any)
		buf_add_char(out, ']');
}

static void put_exactly_one(struct buf *out, const char *const *keys)
{
	json_add_key(out, S("oneOf"));
	buf_add_char(out, '[');
	for (size_t i = 0; keys[i]; i++) {
		const char *const one[] = { keys[i], NULL };

		json_add_comma(out);
		buf_add_char(out, '{');
		put_names(out, S("required"), one);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

/* Everything of a schema up to its children. */
static void open_schema(struct buf *out, const struct shape *shape)
{
	const struct conf_item *item = shape->item;

	buf_add_char(out, '{');
	if (!shape->parent) {
		json_put_string(out, S("$schema"), S("https://json-schema.org/draft/2020-12/schema"));
		json_put_string(out, S("title"), S("kanmon.yaml"));
	}
	if (item && item->text)
		json_put_string(out, S("description"), span_str(item->text));
	if (item)
		put_type(out, item);
	if (item && item->fallback)
		put_default(out, item);
	if (shape_type(shape) == CONF_MAP)
		json_add_key(out, S("additionalProperties"));
	if (shape_type(shape) != CONF_SECTION)
		return;
	json_put_string(out, S("type"), S("object"));
	json_put_bool(out, S("additionalProperties"), false);
	put_required(out, shape);
	if (item && item->exactly_one)
		put_exactly_one(out, item->exactly_one);
	json_add_key(out, S("properties"));
	buf_add_char(out, '{');
}

static void close_schema(struct buf *out, const struct shape *shape)
{
	buf_add(out, shape_type(shape) == CONF_SECTION ? S("}}") : S("}"));
}

bool conf_json_schema(struct buf *out, const struct conf_item *const *tables)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT(SHAPES_BYTES);
	const struct shape *shape = shape_build(tables, &arena);

	while (shape) {
		if (shape->parent && shape_type(shape->parent) == CONF_SECTION)
			json_add_key(out, shape->name);
		open_schema(out, shape);
		if (shape->first) {
			shape = shape->first;
			continue;
		}
		close_schema(out, shape);
		while (shape && !shape->next) {
			shape = shape->parent;
			if (shape)
				close_schema(out, shape);
		}
		shape = shape ? shape->next : NULL;
	}
	return !arena.over && buf_ok(out);
}

static const char *type_word(enum conf_type type)
{
	switch (type) {
	case CONF_SECTION:
		return tr("section");
	case CONF_STRING:
		return tr("text");
	case CONF_BOOL:
		return "true, false";
	case CONF_INT:
		return tr("number");
	case CONF_BYTES:
		return tr("size");
	case CONF_DURATION:
		return tr("duration");
	case CONF_ENUM:
		return "";
	case CONF_STRING_LIST:
		return tr("list of texts");
	case CONF_ARGV:
		return tr("command");
	case CONF_MAP:
		return tr("sections by name");
	case CONF_STRING_MAP:
		return tr("texts by name");
	case CONF_ADDRESS:
		return tr("address, or list");
	case CONF_PATH:
		return tr("path");
	case CONF_URL:
		return "URL";
	}
	return "";
}

/* "servers.NAME.run" */
static void add_key(struct buf *out, const char *path)
{
	struct span rest = span_str(path);

	while (rest.n) {
		struct span name = span_cut(&rest, '.');

		buf_add(out, span_eq(name, S("*")) ? S("NAME") : name);
		if (rest.n)
			buf_add_char(out, '.');
	}
}

static void add_value_column(struct buf *out, const struct conf_item *item)
{
	buf_add(out, span_str(type_word(item->type)));
	for (size_t i = 0; item->type == CONF_ENUM && item->words[i]; i++)
		buf_addf(out, "%s`%s`", i > 0 ? ", " : "", item->words[i]);
	if (item->unit)
		buf_addf(out, " (%s)", item->unit);
}

void conf_reference(struct buf *out, const struct conf_item *const *tables)
{
	buf_addf(out, "| %s | %s | %s | %s |\n|---|---|---|---|\n", tr("Key"), tr("Value"), tr("Default"),
		 tr("Meaning"));
	for (size_t i = 0; tables[i]; i++)
		for (const struct conf_item *item = tables[i]; item->path; item++) {
			buf_add(out, S("| `"));
			add_key(out, item->path);
			buf_add(out, S("` | "));
			add_value_column(out, item);
			buf_add(out, S(" | "));
			if (item->fallback)
				buf_addf(out, "`%s`", item->fallback);
			else if (item->required)
				buf_add(out, span_str(tr("required")));
			buf_add(out, S(" | "));
			if (item->text)
				buf_add(out, span_str(tr(item->text)));
			buf_add(out, S(" |\n"));
		}
}
