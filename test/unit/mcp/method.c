/* method.c - the table of methods, held against the schema of every published revision. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "mcp/method.h"
#include "tap.h"
#include "json/tape.h"

enum { SCHEMA_BYTES = 16 * 1024 * 1024 };

static const struct {
	const char *name;
	unsigned side;
	bool notification;
} unions[] = {
	{ "ClientRequest", METHOD_FROM_CLIENT, false },
	{ "ServerRequest", METHOD_FROM_SERVER, false },
	{ "ClientNotification", METHOD_FROM_CLIENT, true },
	{ "ServerNotification", METHOD_FROM_SERVER, true },
};

/*
 * What the table allows and the schema of 2026-07-28 does not name: the tasks, which are an extension with
 * a text of its own, and progress from a client, which is dropped further on. The extension of skills is
 * older.
 */
static const struct {
	enum method method;
	unsigned side;
} beyond[] = {
	{ METHOD_TASKS_GET, METHOD_FROM_CLIENT },    { METHOD_TASKS_GET, METHOD_FROM_SERVER },
	{ METHOD_TASKS_UPDATE, METHOD_FROM_CLIENT }, { METHOD_TASKS_CANCEL, METHOD_FROM_CLIENT },
	{ METHOD_TASKS_CANCEL, METHOD_FROM_SERVER }, { METHOD_TASK_CHANGED, METHOD_FROM_SERVER },
	{ METHOD_PROGRESS, METHOD_FROM_CLIENT },
};

static bool is_of_skills(enum method method)
{
	return method == METHOD_SKILLS_LIST || method == METHOD_SKILLS_GET || method == METHOD_DIRECTORY_READ;
}

struct named {
	bool by[METHOD_COUNT][COUNT(unions)];
	size_t n;
};

static json_at definitions(const struct json *json)
{
	json_at at = json_get(json, 0, S("$defs"));

	return at == JSON_NONE ? json_get(json, 0, S("definitions")) : at;
}

static void take_method(const struct json *json, json_at definition, size_t which, struct named *named)
{
	json_at properties = json_get(json, definition, S("properties"));
	json_at at = json_get(json, json_get(json, properties, S("method")), S("const"));
	enum method method = json_is(json, at, JSON_STRING) ? method_of(json_string_raw(json, at))
							    : METHOD_NONE;

	named->n++;
	if (!json_is(json, at, JSON_STRING) || method == METHOD_NONE) {
		ok(false, "a method of %s is not in the table: %.*s", unions[which].name,
		   SPAN_ARG(json_raw(json, at == JSON_NONE ? definition : at)));
		return;
	}
	named->by[method][which] = true;
}

static void take_union(const struct json *json, size_t which, struct named *named)
{
	json_at all = definitions(json), here = json_get(json, all, span_str(unions[which].name));
	json_at any = json_get(json, here, S("anyOf"));

	if (here == JSON_NONE)
		return;
	if (any == JSON_NONE) {
		take_method(json, here, which, named);
		return;
	}
	for (json_at at = json_first(json, any); at != JSON_NONE; at = json_next(json, any, at)) {
		struct span ref = json_string_raw(json, json_get(json, at, S("$ref")));

		while (span_find(ref, '/') < ref.n)
			(void)span_cut(&ref, '/');
		take_method(json, json_get(json, all, ref), which, named);
	}
}

static bool is_beyond(enum method method, unsigned side)
{
	for (size_t i = 0; i < COUNT(beyond); i++)
		if (beyond[i].method == method && beyond[i].side == side)
			return true;
	return false;
}

static void compare(const struct named *named, enum revision revision)
{
	struct span name = revision_name(revision);

	for (size_t which = 0; which < COUNT(unions); which++)
		for (enum method method = METHOD_NONE + 1; method < METHOD_COUNT; method++) {
			const struct method_info *info = method_info(method);
			bool kind = !(info->flags & METHOD_NOTIFICATION) == !unions[which].notification;
			bool here = kind && method_allowed(method, revision, unions[which].side);
			bool extra = (revision == REVISION_2026_07_28 && kind &&
				      is_beyond(method, unions[which].side)) ||
				     is_of_skills(method);

			if (here != named->by[method][which] && !(here && extra))
				ok(false, "%.*s: %.*s as a %s: the table says %d, the schema %d",
				   SPAN_ARG(name), SPAN_ARG(info->name), unions[which].name, here,
				   named->by[method][which]);
		}
	ok(named->n >= 19, "%.*s: %zu places of methods were compared", SPAN_ARG(name), named->n);
}

static void against_schema(const char *root, enum revision revision)
{
	CLEANUP(buf_release) struct buf path = BUF_INIT(4096), text = BUF_INIT(SCHEMA_BYTES);
	struct err err = ERR_INIT;
	struct json json = { 0 };
	struct named named = { 0 };

	buf_addf(&path, "%s/../shared/data/mcp-schema/%.*s/schema.json", root,
		 SPAN_ARG(revision_name(revision)));
	if (!ok(file_read(buf_cstr(&path), &text, &err) == 0 &&
		    json_parse(&json, buf_span(&text), SCHEMA_BYTES),
		"%s is read: %s", path.p, err.text))
		return;
	for (size_t which = 0; which < COUNT(unions); which++)
		take_union(&json, which, &named);
	compare(&named, revision);
	json_release(&json);
}

static void table(void)
{
	bool fine = true;

	is_int(method_of(S("")), METHOD_NONE, "no name is no method");
	is_int(method_of(S("Tools/call")), METHOD_NONE, "case counts");
	is_int(method_of(S("tools/call ")), METHOD_NONE, "so does a space");
	is_int(method_of(span_of("ping\0", 5)), METHOD_NONE, "and a NUL");
	ok(!method_allowed(METHOD_NONE, REVISION_LAST, METHOD_FROM_CLIENT | METHOD_FROM_SERVER),
	   "none is allowed to nobody");
	for (enum method method = METHOD_NONE + 1; method < METHOD_COUNT; method++) {
		const struct method_info *info = method_info(method);

		fine = fine && info->name.n && method_of(info->name) == method && info->since &&
		       info->since <= info->until;
		fine = fine &&
		       !method_allowed(method, REVISION_NONE, METHOD_FROM_CLIENT | METHOD_FROM_SERVER);
		fine = fine && (info->flags & (METHOD_FROM_CLIENT | METHOD_FROM_SERVER));
		fine = fine && !(info->flags & METHOD_LIST) == !info->items.n;
		fine = fine &&
		       !(info->flags & METHOD_NOTIFICATION) == !span_starts(info->name, S("notifications/"));
	}
	ok(fine, "every row is whole and is found by its name");
}

/* All that may be sent a second time where it is not known what became of the first. */
static void readers(void)
{
	static const enum method reading[] = {
		METHOD_DISCOVER,       METHOD_PING,	      METHOD_TOOLS_LIST,     METHOD_RESOURCES_LIST,
		METHOD_TEMPLATES_LIST, METHOD_RESOURCES_READ, METHOD_PROMPTS_LIST,   METHOD_PROMPTS_GET,
		METHOD_COMPLETE,       METHOD_TASKS_GET,      METHOD_TASKS_RESULT,   METHOD_TASKS_LIST,
		METHOD_SKILLS_LIST,    METHOD_SKILLS_GET,     METHOD_DIRECTORY_READ,
	};

	for (enum method method = METHOD_NONE; method < METHOD_COUNT; method++) {
		bool reads = false;

		for (size_t i = 0; i < COUNT(reading); i++)
			reads |= reading[i] == method;
		is_int(!!(method_info(method)->flags & METHOD_READS), reads, "%.*s %s",
		       SPAN_ARG(method_info(method)->name), reads ? "only reads" : "may change something");
	}
}

static void revisions(void)
{
	static const struct {
		const char *text;
		bool known, modern;
	} texts[] = {
		{ "", false, false },
		{ "2024-11-5", false, false },
		{ "2024-11-05 ", false, false },
		{ "2025-06-18x", false, false },
		{ "DRAFT-2026", false, false },
		{ "zzzz-zz-zz", false, false },
		{ "2026-07-27", false, false },
		{ "2027-01-01", false, true },
		{ "2024-10-07", true, false },
		{ "2025-11-25", true, false },
		{ "2026-07-28", true, true },
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct span text = span_str(texts[i].text);

		is_int(revision_of(text) != REVISION_NONE, texts[i].known, "'%s' is %sknown", texts[i].text,
		       texts[i].known ? "" : "un");
		is_int(revision_text_is_modern(text), texts[i].modern, "and %smodern",
		       texts[i].modern ? "" : "not ");
	}
	is_int(revision_era(REVISION_NONE), ERA_UNKNOWN, "none is of no era");
	is_int(revision_era(REVISION_2025_11_25), ERA_LEGACY, "the last with a handshake");
	is_int(revision_era(REVISION_2026_07_28), ERA_MODERN, "the first without");
}

int main(void)
{
	const char *root = getenv("KANMON_SOURCE_ROOT");
	CLEANUP(buf_release) struct buf path = BUF_INIT(4096);

	table();
	readers();
	revisions();
	root = root ? root : ".";
	buf_addf(&path, "%s/../shared/data/mcp-schema", root);
	if (access(buf_cstr(&path), R_OK) != 0)
		printf("ok %d - # SKIP the schemas are not there: %s\n", ++tap_count, path.p);
	else
		for (enum revision revision = REVISION_2024_11_05; revision <= REVISION_LAST; revision++)
			against_schema(root, revision);
	return tap_done();
}
