/* translate.c - requests, results, errors and notifications, from one revision to another. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/translate.h"

#include "mcp/translate_content.h"
#include "mcp/translate_parts.h"

/* --- edits --- */

static bool edits_grow(struct edits *edits)
{
	size_t cap = edits->cap ? edits->cap * 2 : 8;
	struct json_edit *list;

	if (edits->n >= TRANSLATE_EDITS)
		return false;
	if (edits->n < edits->cap)
		return true;
	list = arena_alloc(edits->arena, cap * sizeof(*list));
	if (!list)
		return false;
	if (edits->n)
		memcpy(list, edits->list, edits->n * sizeof(*list));
	edits->list = list;
	edits->cap = cap;
	return true;
}

void edits_add(struct edits *edits, struct json_edit edit)
{
	size_t i = edits->n;

	while (i > 0 && edits->list[i - 1].at > edit.at)
		i--;
	if (i > 0 && edit.kind != JSON_INSERT && edits->list[i - 1].at == edit.at &&
	    edits->list[i - 1].kind != JSON_INSERT) {
		edits->list[i - 1] = edit;
		return;
	}
	while (i > 0 && edits->list[i - 1].at == edit.at)
		i--;
	if (!edits_grow(edits)) {
		edits->over = true;
		return;
	}
	memmove(&edits->list[i + 1], &edits->list[i], (edits->n - i) * sizeof(edit));
	edits->list[i] = edit;
	edits->n++;
}

void edits_drop(struct edits *edits, json_at value)
{
	if (value != JSON_NONE)
		edits_add(edits, (struct json_edit){ .at = value - 1, .kind = JSON_DROP });
}

void edits_drop_named(struct edits *edits, const struct json *json, json_at object, const struct span *names,
		      size_t n)
{
	if (!json_is(json, object, JSON_OBJECT))
		return;
	for (json_at k = json_first(json, object); k != JSON_NONE; k = json_next_key(json, object, k))
		for (size_t i = 0; i < n; i++)
			if (json_string_is(json, k, names[i])) {
				edits_drop(edits, k + 1);
				break;
			}
}

struct span edits_keep(struct edits *edits, const struct buf *made)
{
	struct span kept = buf_ok(made) ? arena_dup(edits->arena, buf_span(made)) : span_of(NULL, 0);

	if (!kept.p)
		edits->over = true;
	return kept.p ? kept : S("");
}

void edits_make(struct edits *edits, json_at at, enum json_edit_kind kind, const struct buf *made)
{
	edits_add(edits, (struct json_edit){ at, kind, edits_keep(edits, made) });
}

void edits_drop_meta(struct edits *edits, const struct json *json, json_at meta)
{
	static const struct span names[] = {
		SPAN(META_VERSION),
		SPAN(META_CAPABILITIES),
		SPAN(META_CLIENT),
		SPAN(META_LOG_LEVEL),
		SPAN(META_SUBSCRIPTION),
		SPAN(META_SERVER),
		SPAN(META_PREFIX "related-task"),
		SPAN(META_PREFIX "model-immediate-response"),
	};

	edits_drop_named(edits, json, meta, names, COUNT(names));
}

void edits_emit(struct edits *edits, struct buf *out, const struct json *json, json_at at)
{
	if (edits->over)
		out->over = true;
	else
		json_emit(out, json, at, edits->list, edits->n);
}

/* --- from the client to the server --- */

/* Tasks have the same names in both eras, but neither the same shapes nor the same owner. */
static bool is_task(enum method method)
{
	return method == METHOD_TASKS_GET || method == METHOD_TASKS_CANCEL;
}

static bool has_words(enum method method, struct legs legs, unsigned side)
{
	return method_allowed(method, legs.to, side) && !(is_task(method) && crosses_eras(legs));
}

/* Puts `meta` into params._meta, whatever of it is there. */
static void add_meta(const struct message *message, struct span meta, struct edits *edits)
{
	CLEANUP(buf_release) struct buf made = BUF_INIT(meta.n + 64);
	json_at at = message->params == JSON_NONE ? JSON_NONE
						  : json_get(message->json, message->params, S("_meta"));

	if (message->meta != JSON_NONE) {
		edits_add(edits, (struct json_edit){ message->meta, JSON_INSERT, meta });
		return;
	}
	if (message->params == JSON_NONE)
		buf_add(&made, S("\"params\":{"));
	if (at == JSON_NONE)
		buf_add(&made, S("\"_meta\":"));
	buf_add_char(&made, '{');
	buf_add(&made, meta);
	buf_add(&made, message->params == JSON_NONE ? S("}}") : S("}"));
	if (at != JSON_NONE)
		edits_make(edits, at, JSON_REPLACE, &made);
	else
		edits_make(edits, message->params == JSON_NONE ? message->root : message->params, JSON_INSERT,
			   &made);
}

bool translate_request(const struct message *message, struct legs legs, struct span meta, struct edits *edits)
{
	static const struct span rounds[] = { SPAN("inputResponses"), SPAN("requestState") };
	static const struct span task[] = { SPAN("task") };

	if (message->kind != MESSAGE_REQUEST || !has_words(message->method, legs, METHOD_FROM_CLIENT))
		return false;
	if (crosses_eras(legs)) {
		edits_drop_meta(edits, message->json, message->meta);
		/* Rounds are the gate's where the eras differ; a legacy client's would answer what it was not
		 * asked. */
		edits_drop_named(edits, message->json, message->params, rounds, COUNT(rounds));
		if (is_modern(legs.to))
			add_meta(message, meta, edits);
	}
	/* Whose revision has tasks may mean it; the other end would not know what it gets for an answer. */
	if (legs.from != legs.to)
		edits_drop_named(edits, message->json, message->params, task, COUNT(task));
	return true;
}

/* --- from the server to the client --- */

static void translate_result_kind(const struct message *message, enum method method, struct legs legs,
				  struct edits *edits)
{
	static const struct span modern[] = { SPAN("resultType"), SPAN("ttlMs"), SPAN("cacheScope"),
					      SPAN("inputRequests"), SPAN("requestState") };
	bool cached = method_info(method)->flags & METHOD_CACHED;

	edits_drop_named(edits, message->json, message->result, modern, COUNT(modern));
	edits_drop_meta(edits, message->json, message->meta);
	if (is_modern(legs.to))
		edits_add(edits,
			  (struct json_edit){
			      message->result, JSON_INSERT,
			      cached ? S("\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\"")
				     : S("\"resultType\":\"complete\"") });
}

static void translate_prompt(const struct json *json, json_at result, enum revision to, struct edits *edits)
{
	json_at messages = json_get(json, result, S("messages"));

	if (!json_is(json, messages, JSON_ARRAY))
		return;
	for (json_at at = json_first(json, messages); at != JSON_NONE; at = json_next(json, messages, at))
		content_translate(json, json_get(json, at, S("content")), to, edits);
}

static void translate_tools(const struct json *json, json_at result, struct legs legs, struct edits *edits)
{
	json_at tools = json_get(json, result, S("tools"));

	if (!json_is(json, tools, JSON_ARRAY))
		return;
	for (json_at at = json_first(json, tools); at != JSON_NONE; at = json_next(json, tools, at))
		translate_tool(json, at, legs, edits);
}

void translate_result(const struct message *message, enum method method, struct legs legs,
		      struct edits *edits)
{
	if (message->kind != MESSAGE_RESULT)
		return;
	if (crosses_eras(legs))
		translate_result_kind(message, method, legs, edits);
	if (method == METHOD_TOOLS_LIST)
		translate_tools(message->json, message->result, legs, edits);
	if (is_modern(legs.to))
		return;
	if (method == METHOD_TOOLS_CALL) {
		content_translate(message->json, json_get(message->json, message->result, S("content")),
				  legs.to, edits);
		content_translate_structured(message->json, message->result, legs.to, edits);
	} else if (method == METHOD_PROMPTS_GET) {
		translate_prompt(message->json, message->result, legs.to, edits);
	}
}

/*
 * A legacy reader wants an object for each property; `true` and `false` are schemas, too, and have
 * objects that mean the same. False: `properties` is nothing that could be mended.
 */
static bool mend_properties(const struct json *json, json_at schema, struct edits *edits)
{
	json_at properties = json_get(json, schema, S("properties"));

	if (properties == JSON_NONE)
		return true;
	if (!json_is(json, properties, JSON_OBJECT))
		return false;
	for (json_at k = json_first(json, properties); k != JSON_NONE;
	     k = json_next_key(json, properties, k)) {
		if (json_is(json, k + 1, JSON_TRUE))
			edits_add(edits, (struct json_edit){ k + 1, JSON_REPLACE, S("{}") });
		else if (json_is(json, k + 1, JSON_FALSE))
			edits_add(edits, (struct json_edit){ k + 1, JSON_REPLACE, S("{\"not\":{}}") });
	}
	return true;
}

static void translate_output_schema(const struct json *json, json_at output, struct edits *edits)
{
	json_at type = json_get(json, output, S("type"));

	if (!json_is(json, type, JSON_STRING) || !json_string_is(json, type, S("object")) ||
	    !mend_properties(json, output, edits))
		edits_drop(edits, output);
}

/* In the order of the text: an edit that belongs before many others is dear. */
void translate_tool(const struct json *json, json_at at, struct legs legs, struct edits *edits)
{
	bool modern = is_modern(legs.to);

	if (!json_is(json, at, JSON_OBJECT))
		return;
	for (json_at k = json_first(json, at); k != JSON_NONE; k = json_next_key(json, at, k)) {
		if (legs.to != REVISION_2025_11_25 && json_string_is(json, k, S("execution")))
			edits_drop(edits, k + 1);
		else if (!modern && json_string_is(json, k, S("inputSchema")))
			(void)mend_properties(json, k + 1, edits);
		else if (!modern && json_string_is(json, k, S("outputSchema")))
			translate_output_schema(json, k + 1, edits);
	}
}

static bool names_uri(const struct message *message)
{
	json_at data = json_get(message->json, message->error, S("data"));

	return has_string(message->json, data, S("uri"));
}

/*
 * What only the modern era knows. That headers and body differ is the gate's own doing here, for it wrote
 * both; that something lacks in the client is no fault of the params.
 */
static int64_t code_to_legacy(const struct message *message, enum method method, int64_t code)
{
	switch (code) {
	case -32020: /* HeaderMismatch */
		return -32603;
	case -32021: /* MissingRequiredClientCapability */
		return -32600;
	case -32022: /* UnsupportedProtocolVersion */
		return -32602;
	case -32602:
		return method == METHOD_RESOURCES_READ && names_uri(message) ? -32002 : code;
	default: /* codes of everybody's own */
		return code;
	}
}

/* spec: mcp/2026-07-28, MUST: -32020 to -32099 are the specification's to give away, nobody else's. */
static int64_t code_to_modern(int64_t code)
{
	if (code == -32002)
		return -32602;
	return code <= -32020 && code >= -32099 ? -32603 : code;
}

int64_t translate_error_code(const struct message *message, enum method method, struct legs legs)
{
	int64_t code;

	if (message->kind != MESSAGE_ERROR ||
	    !json_i64(message->json, json_get(message->json, message->error, S("code")), &code))
		return -32603;
	if (crosses_eras(legs))
		return is_modern(legs.to) ? code_to_modern(code) : code_to_legacy(message, method, code);
	/* URL elicitation came with 2025-11-25 and went with it. */
	return code == -32042 && legs.to < REVISION_2025_11_25 ? -32603 : code;
}

bool translate_server_notification(const struct message *message, struct legs legs, struct edits *edits)
{
	if (message->kind != MESSAGE_NOTIFICATION || !has_words(message->method, legs, METHOD_FROM_SERVER))
		return false;
	if (!crosses_eras(legs))
		return true;
	/* A legacy server takes back what it asked, a modern one ends a subscription: both are the gate's. */
	if (message->method == METHOD_CANCELLED)
		return false;
	edits_drop_meta(edits, message->json, message->meta);
	return true;
}
