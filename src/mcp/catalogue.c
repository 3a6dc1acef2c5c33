/* catalogue.c - what a server offers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/catalogue.h"

#include <stdlib.h>

#include "crypto/digest.h"
#include "schema/schema.h"
#include "json/write.h"

struct catalogue *catalogue_new(void)
{
	struct catalogue *catalogue = calloc(1, sizeof(*catalogue));

	if (!catalogue)
		return NULL;
	catalogue->refs = 1;
	list_init(&catalogue->holders);
	catalogue->arena = ARENA_INIT(CATALOGUE_BYTES);
	return catalogue;
}

struct catalogue *catalogue_ref(struct catalogue *catalogue)
{
	if (catalogue)
		catalogue->refs++;
	return catalogue;
}

struct catalogue *catalogue_unref(struct catalogue *catalogue)
{
	if (!catalogue || --catalogue->refs)
		return NULL;
	for (size_t i = 0; i < catalogue->n; i++)
		(void)schema_free(catalogue->tools[i].schema);
	map_release(&catalogue->by_name);
	map_release(&catalogue->pages);
	free(catalogue->tools);
	arena_release(&catalogue->arena);
	free(catalogue);
	return NULL;
}

static bool make_room(struct catalogue *catalogue)
{
	size_t cap = catalogue->cap ? catalogue->cap * 2 : 16;
	struct tool *tools;

	if (catalogue->n >= CATALOGUE_TOOLS)
		return false;
	if (catalogue->n < catalogue->cap)
		return true;
	tools = realloc(catalogue->tools, cap * sizeof(*tools));
	if (!tools)
		return false;
	catalogue->tools = tools;
	catalogue->cap = cap;
	return true;
}

/* spec: mcp/2025-11-25 tasks: execution.taskSupport. */
static bool is_task_only(const struct json *json, json_at tool)
{
	json_at support = json_get(json, json_get(json, tool, S("execution")), S("taskSupport"));

	return json_is(json, support, JSON_STRING) && json_string_is(json, support, S("required"));
}

/* False: without memory. */
static bool add_page(struct catalogue *catalogue, const struct json *json, json_at uri)
{
	CLEANUP(buf_release) struct buf scratch = BUF_INIT((size_t)OMISSION_URI_BYTES);
	struct span text;

	if (!json_is(json, uri, JSON_STRING))
		return true;
	text = json_string(json, uri, &scratch);
	/* One that is too long for a URI is none. */
	if (!text.n || text.n > OMISSION_URI_BYTES || map_get(&catalogue->pages, text))
		return true;
	text = arena_dup(&catalogue->arena, text);
	return text.p && map_put(&catalogue->pages, text, catalogue);
}

static bool add_pages(struct catalogue *catalogue, const struct json *json, json_at tool)
{
	json_at meta = json_get(json, tool, S("_meta"));
	json_at ui = json_is(json, meta, JSON_OBJECT) ? json_get(json, meta, S("ui")) : JSON_NONE;

	if (meta == JSON_NONE)
		return true;
	if (json_is(json, ui, JSON_OBJECT) &&
	    !add_page(catalogue, json, json_get(json, ui, S("resourceUri"))))
		return false;
	return !json_is(json, meta, JSON_OBJECT) ||
	       add_page(catalogue, json, json_get(json, meta, S("ui/resourceUri")));
}

static bool add_tool(struct catalogue *catalogue, const struct json *json, json_at at, struct span name)
{
	CLEANUP(buf_release) struct buf raw = BUF_INIT(CATALOGUE_BYTES);
	json_at schema = json_get(json, at, S("inputSchema"));
	struct tool tool = { 0 };

	if (!make_room(catalogue) || !add_pages(catalogue, json, at))
		return false;
	json_emit(&raw, json, at, NULL, 0);
	tool.name = arena_dup(&catalogue->arena, name);
	tool.raw = arena_dup(&catalogue->arena, buf_span(&raw));
	if (!buf_ok(&raw) || !tool.name.p || !tool.raw.p)
		return false;
	if (json_is(json, schema, JSON_OBJECT))
		tool.bad_params = !header_params_of(json, schema, &catalogue->arena, &tool.params,
						    &tool.n_params);
	catalogue->bad_params += tool.bad_params;
	tool.as_task = is_task_only(json, at);
	tool.omission = omission_of_name(catalogue->server_n, name);
	catalogue->omitted[tool.omission]++;
	catalogue->tools[catalogue->n++] = tool;
	/* The map holds places, not pointers: the array moves while it grows. A place is kept plus one. */
	return map_put(&catalogue->by_name, tool.name, (void *)(uintptr_t)catalogue->n);
}

/* Two tools of one name: neither can be called by it, or shown. Counted for both. */
static bool is_twice(struct catalogue *catalogue, struct span name)
{
	uintptr_t place = (uintptr_t)map_get(&catalogue->by_name, name);
	struct tool *first = place ? &catalogue->tools[place - 1] : NULL;

	if (!first)
		return false;
	if (first->omission != OMIT_TWICE) {
		catalogue->omitted[first->omission]--;
		catalogue->omitted[OMIT_TWICE]++;
		first->omission = OMIT_TWICE;
	}
	catalogue->omitted[OMIT_TWICE]++;
	return true;
}

bool catalogue_add(struct catalogue *catalogue, const struct json *json, json_at tools)
{
	for (json_at at = json_first(json, tools); at != JSON_NONE; at = json_next(json, tools, at)) {
		CLEANUP(buf_release) struct buf scratch = BUF_INIT((size_t)4096);
		json_at name_at = json_is(json, at, JSON_OBJECT) ? json_get(json, at, S("name")) : JSON_NONE;
		struct span name = S("");

		if (json_is(json, name_at, JSON_STRING))
			name = json_string(json, name_at, &scratch);
		catalogue->omitted[OMIT_UNNAMED] += name.n == 0;
		if (name.n == 0 || is_twice(catalogue, name))
			continue;
		if (!add_tool(catalogue, json, at, name))
			return false;
	}
	return true;
}

bool catalogue_set_result(struct catalogue *catalogue, struct span result)
{
	catalogue->result = arena_dup(&catalogue->arena, result);
	return catalogue->result.p != NULL;
}

struct tool *catalogue_find(const struct catalogue *catalogue, struct span name)
{
	uintptr_t place = (uintptr_t)map_get(&catalogue->by_name, name);

	return place && catalogue->tools[place - 1].omission != OMIT_TWICE ? &catalogue->tools[place - 1]
									   : NULL;
}

bool catalogue_shows(const struct catalogue *catalogue, struct span uri)
{
	return catalogue && map_get(&catalogue->pages, uri);
}

const struct schema *catalogue_schema(struct catalogue *catalogue, struct tool *tool)
{
	struct err err = ERR_INIT;
	struct json json = { 0 };
	json_at schema;

	if (tool->compiled)
		return tool->schema;
	tool->compiled = true;
	tool->problem = S("its definition cannot be read again");
	if (!json_parse(&json, tool->raw, tool->raw.n))
		goto out;
	schema = json_get(&json, 0, S("inputSchema"));
	tool->problem = S("it has no inputSchema");
	if (schema == JSON_NONE)
		goto out;
	if (schema_compile(&json, schema, NULL, &tool->schema, &err) < 0)
		tool->problem = arena_dup(&catalogue->arena, span_str(err.text));
	else
		tool->problem = S("");
out:
	json_release(&json);
	return tool->schema;
}

struct span catalogue_digest(struct catalogue *catalogue, struct tool *tool)
{
	uint8_t digest[DIGEST_BYTES];
	char text[2 * DIGEST_BYTES];
	struct buf hex = buf_over(text, sizeof(text));

	if (tool->digest.n)
		return tool->digest;
	digest_blake2b(tool->raw, digest);
	buf_add_hex(&hex, digest_span(digest));
	tool->digest = arena_dup(&catalogue->arena, buf_span(&hex));
	return tool->digest.p ? tool->digest : S("");
}
