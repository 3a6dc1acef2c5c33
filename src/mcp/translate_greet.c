/* translate_greet.c - who is who and what each can do, said in the words of the other era. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/task.h"
#include "mcp/translate_parts.h"

static const struct span tasks_extension = SPAN(TASKS_EXTENSION);

/* Tasks are a capability in one era and an extension in the other, and not the same. */
static void drop_tasks(const struct json *json, json_at capabilities, struct edits *edits)
{
	edits_drop(edits, json_get(json, capabilities, S("tasks")));
	edits_drop(edits, json_get(json, json_get(json, capabilities, S("extensions")), tasks_extension));
}

/* Does the server take calls as tasks, in the words of its own era? */
static bool takes_tasks(const struct json *json, json_at capabilities, enum revision said)
{
	json_at tools = json_get(
	    json, json_get(json, json_get(json, capabilities, S("tasks")), S("requests")), S("tools"));

	return is_modern(said)
		   ? json_is(json,
			     json_get(json, json_get(json, capabilities, S("extensions")), tasks_extension),
			     JSON_OBJECT)
		   : said >= REVISION_2025_11_25 &&
			 json_is(json, json_get(json, tools, S("call")), JSON_OBJECT);
}

/* The gate keeps the tasks of one era for clients of the other, whatever else of it the server has. */
static void move_tasks(const struct json *json, json_at capabilities, struct legs legs, struct edits *edits)
{
	json_at extensions = json_get(json, capabilities, S("extensions"));
	bool there = takes_tasks(json, capabilities, legs.from);

	drop_tasks(json, capabilities, edits);
	if (!there || legs.to < REVISION_2025_11_25)
		return;
	if (!is_modern(legs.to)) {
		edits_add(edits, (struct json_edit){ capabilities, JSON_INSERT,
						     S("\"tasks\":{\"list\":{},\"cancel\":{},\"requests\":{"
						       "\"tools\":{\"call\":{}}}}") });
		return;
	}
	if (json_is(json, extensions, JSON_OBJECT)) {
		edits_add(edits,
			  (struct json_edit){ extensions, JSON_INSERT, S("\"" TASKS_EXTENSION "\":{}") });
		return;
	}
	edits_drop(edits, extensions);
	edits_add(edits, (struct json_edit){ capabilities, JSON_INSERT,
					     S("\"extensions\":{\"" TASKS_EXTENSION "\":{}}") });
}

/* What a revision did not know yet is not meant where its clients say it. */
static void drop_later(const struct json *json, json_at capabilities, enum revision said, struct edits *edits)
{
	json_at elicitation = json_get(json, capabilities, S("elicitation"));

	if (said < REVISION_2025_06_18) {
		edits_drop(edits, elicitation);
	} else if (said < REVISION_2025_11_25) {
		edits_drop(edits, json_get(json, elicitation, S("url")));
	}
	if (said < REVISION_2025_11_25)
		edits_drop(edits, json_get(json, json_get(json, capabilities, S("sampling")), S("tools")));
}

/* `said`: the revision in whose words the client said it. */
static void add_client_capabilities(struct buf *out, const struct json *json, json_at at, enum revision said)
{
	struct arena arena = ARENA_INIT((size_t)TRANSLATE_ARENA_BYTES);
	struct edits edits = { .arena = &arena };

	if (!json_is(json, at, JSON_OBJECT)) {
		buf_add(out, S("{}"));
		return;
	}
	drop_tasks(json, at, &edits);
	/* Nobody could tell a modern server, and no modern client tells. */
	edits_drop(&edits, json_get(json, json_get(json, at, S("roots")), S("listChanged")));
	drop_later(json, at, said, &edits);
	edits_emit(&edits, out, json, at);
	arena_release(&arena);
}

static bool is_info(const struct json *json, json_at at)
{
	return json_is(json, at, JSON_OBJECT) && has_string(json, at, S("name")) &&
	       has_string(json, at, S("version"));
}

void translate_hello_to_legacy(struct buf *out, const struct json *json, json_at meta, struct span own_info)
{
	json_at info = json_get(json, meta, S(META_CLIENT));

	buf_add_char(out, '{');
	json_put_string(out, S("protocolVersion"), revision_name(REVISION_LAST_LEGACY));
	json_add_key(out, S("capabilities"));
	add_client_capabilities(out, json, json_get(json, meta, S(META_CAPABILITIES)), REVISION_LAST);
	json_add_key(out, S("clientInfo"));
	if (is_info(json, info))
		json_emit(out, json, info, NULL, 0);
	else
		buf_add(out, own_info);
	buf_add_char(out, '}');
}

/* A version that is none of those published is taken for the newest that greets this way. */
static enum revision said_in(const struct json *json, json_at params)
{
	enum revision revision = revision_of(string_member(json, params, S("protocolVersion")));

	return revision_era(revision) == ERA_LEGACY ? revision : REVISION_LAST_LEGACY;
}

void translate_hello_to_modern(struct buf *out, const struct json *json, json_at params)
{
	json_at info = json_get(json, params, S("clientInfo"));

	json_put_string(out, S(META_VERSION), revision_name(REVISION_LAST));
	if (is_info(json, info)) {
		json_add_key(out, S(META_CLIENT));
		json_emit(out, json, info, NULL, 0);
	}
	json_add_key(out, S(META_CAPABILITIES));
	add_client_capabilities(out, json, json_get(json, params, S("capabilities")), said_in(json, params));
}

/* The server's name of itself, wherever its era has it. */
static void add_server_info(struct buf *out, const struct json *json, json_at result, struct span own_info)
{
	json_at info = json_get(json, result, S("serverInfo"));

	if (!is_info(json, info))
		info = json_get(json, json_get(json, result, S("_meta")), S(META_SERVER));
	if (is_info(json, info))
		json_emit(out, json, info, NULL, 0);
	else
		buf_add(out, own_info);
}

/* What every greeting of an era begins with. */
static void add_head(struct buf *out, const struct json *json, json_at result, struct legs legs,
		     struct span own_info)
{
	if (is_modern(legs.to)) {
		json_put_string(out, S("resultType"), S("complete"));
		json_add_key(out, S("supportedVersions"));
		buf_add_char(out, '[');
		json_add_string(out, revision_name(legs.to));
		buf_add_char(out, ']');
		json_put_u64(out, S("ttlMs"), 0);
		json_put_string(out, S("cacheScope"), S("private"));
	} else {
		json_put_string(out, S("protocolVersion"), revision_name(legs.to));
		json_add_key(out, S("serverInfo"));
		add_server_info(out, json, result, own_info);
	}
	if (!json_is(json, json_get(json, result, S("capabilities")), JSON_OBJECT))
		json_put_raw(out, S("capabilities"), S("{}"));
}

/* serverInfo, where a modern reader looks for it. */
static void add_greeting_meta(struct buf *out, const struct json *json, json_at result, struct span own_info)
{
	json_add_key(out, S(META_SERVER));
	add_server_info(out, json, result, own_info);
}

static void edit_greeting(const struct json *json, json_at result, struct legs legs, struct edits *edits)
{
	static const struct span heads[] = { SPAN("resultType"), SPAN("supportedVersions"),
					     SPAN("ttlMs"),	 SPAN("cacheScope"),
					     SPAN("serverInfo"), SPAN("protocolVersion") };
	json_at capabilities = json_get(json, result, S("capabilities"));
	json_at instructions = json_get(json, result, S("instructions"));
	json_at meta = json_get(json, result, S("_meta"));

	edits_drop_named(edits, json, result, heads, COUNT(heads));
	if (json_is(json, capabilities, JSON_OBJECT))
		move_tasks(json, capabilities, legs, edits);
	else
		edits_drop(edits, capabilities);
	if (!json_is(json, instructions, JSON_STRING))
		edits_drop(edits, instructions);
	if (!json_is(json, meta, JSON_OBJECT))
		edits_drop(edits, meta);
	else
		edits_drop_meta(edits, json, meta);
}

void translate_greeting(struct buf *out, const struct json *json, json_at result, struct legs legs,
			struct span own_info)
{
	struct arena arena = ARENA_INIT((size_t)TRANSLATE_ARENA_BYTES);
	struct edits edits = { .arena = &arena };
	CLEANUP(buf_release) struct buf head = BUF_INIT(out->max);
	CLEANUP(buf_release) struct buf info = BUF_INIT(out->max);
	json_at meta = json_get(json, result, S("_meta"));

	add_head(&head, json, result, legs, own_info);
	if (is_modern(legs.to))
		add_greeting_meta(&info, json, result, own_info);
	if (is_modern(legs.to) && !json_is(json, meta, JSON_OBJECT)) {
		json_add_key(&head, S("_meta"));
		buf_add_char(&head, '{');
		buf_add(&head, buf_span(&info));
		buf_add_char(&head, '}');
	}
	if (!buf_ok(&head) || !buf_ok(&info))
		out->over = true;
	if (json_is(json, result, JSON_OBJECT)) {
		edit_greeting(json, result, legs, &edits);
		edits_add(&edits, (struct json_edit){ result, JSON_INSERT, buf_span(&head) });
		if (is_modern(legs.to) && json_is(json, meta, JSON_OBJECT))
			edits_add(&edits, (struct json_edit){ meta, JSON_INSERT, buf_span(&info) });
		edits_emit(&edits, out, json, result);
	} else {
		buf_add_char(out, '{');
		buf_add(out, buf_span(&head));
		buf_add_char(out, '}');
	}
	arena_release(&arena);
}
