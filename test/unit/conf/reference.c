/* reference.c - tests of the documents made from the tables. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/reference.h"

#include "base/cleanup.h"
#include "base/tr.h"
#include "conf/core.h"
#include "tap.h"
#include "upstream/items.h"
#include "json/pointer.h"

static const struct conf_item *const tables[] = { conf_core_items, upstream_items, NULL };

/* Where the schema of a key must be: every item of every table has one. */
static void add_pointer(struct buf *out, const char *path)
{
	struct span rest = span_str(path);

	while (rest.n) {
		struct span name = span_cut(&rest, '.');

		if (span_eq(name, S("*"))) {
			buf_add(out, S("/additionalProperties"));
			continue;
		}
		buf_add(out, S("/properties"));
		json_pointer_add(out, name);
	}
}

static void test_items(const struct json *json)
{
	for (size_t i = 0; tables[i]; i++)
		for (const struct conf_item *item = tables[i]; item->path; item++) {
			CLEANUP(buf_release) struct buf pointer = BUF_INIT(1000), text = BUF_INIT(1000);
			json_at at;

			add_pointer(&pointer, item->path);
			at = json_pointer(json, 0, buf_span(&pointer));
			if (!ok(json_is(json, at, JSON_OBJECT), "%s has a schema", item->path))
				continue;
			is_span(json_string(json, json_get(json, at, S("description")), &text),
				span_str(item->text), "and its text");
		}
}

static const struct {
	const char *pointer;
	struct span raw;
} parts[] = {
	{ "/$schema", SPAN("\"https://json-schema.org/draft/2020-12/schema\"") },
	{ "/type", SPAN("\"object\"") },
	{ "/additionalProperties", SPAN("false") },
	{ "/required", SPAN("[\"version\"]") },
	{ "/properties/version/maximum", SPAN("1") },
	{ "/properties/log/type", SPAN("\"object\"") },
	{ "/properties/log/additionalProperties", SPAN("false") },
	{ "/properties/log/properties/level/enum", SPAN("[\"debug\",\"info\",\"warn\",\"error\"]") },
	{ "/properties/log/properties/level/default", SPAN("\"info\"") },
	{ "/properties/listen/anyOf/1/maxItems", SPAN("16") },
	{ "/properties/servers/propertyNames/pattern",
	  SPAN("\"^(?!.*(__|_$))[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$\"") },
	{ "/properties/servers/additionalProperties/oneOf",
	  SPAN("[{\"required\":[\"run\"]},{\"required\":[\"url\"]}]") },
	{ "/properties/servers/additionalProperties/additionalProperties", SPAN("false") },
	{ "/properties/servers/additionalProperties/properties/run/anyOf/0/type",
	  SPAN("[\"string\",\"number\"]") },
	{ "/properties/servers/additionalProperties/properties/tools/properties/allow/items",
	  SPAN("{\"type\":[\"string\",\"number\"]}") },
};

static void test_schema(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(100000), small = BUF_INIT(100);
	CLEANUP(json_release) struct json json = { .n = 0 };

	ok(!conf_json_schema(&small, tables), "a schema that does not fit is no schema");
	ok(conf_json_schema(&out, tables), "a schema is made");
	if (!ok(json_parse(&json, buf_span(&out), 100000), "it is valid JSON"))
		return;
	for (size_t i = 0; i < COUNT(parts); i++) {
		json_at at = json_pointer(&json, 0, span_str(parts[i].pointer));

		is_span(at == JSON_NONE ? S("") : json_raw(&json, at), parts[i].raw, "%s", parts[i].pointer);
	}
	test_items(&json);
}

static void test_table(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(100000), japanese = BUF_INIT(100000);
	struct span text;

	conf_reference(&out, tables);
	text = buf_span(&out);
	ok(span_starts(text, S("| Key | Value | Default | Meaning |\n|---|---|---|---|\n| `version` |")),
	   "the head");
	ok(span_contains(text, S("| `servers.NAME.era` | `auto`, `legacy`, `modern` | `auto` | Which ")),
	   "a line");
	tr_set_language(TR_JA);
	conf_reference(&japanese, tables);
	tr_set_language(TR_EN);
	ok(span_starts(buf_span(&japanese), S("| キー | 値 |")), "the head in Japanese");
	ok(span_contains(buf_span(&japanese), S("| 必須 | 設定の書式のバージョン。 |")), "and a line");
}

int main(void)
{
	test_schema();
	test_table();
	return tap_done();
}
