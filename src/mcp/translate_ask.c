/* translate_ask.c - what servers ask of clients: requests in one era, inputs of a call in the other. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/translate_content.h"
#include "mcp/translate_parts.h"

/* More than that many pages to open before one call is nobody's wish. */
enum { TRANSLATE_URLS = 32 };

static bool asks(enum method method)
{
	return method == METHOD_ROOTS_LIST || method == METHOD_SAMPLING || method == METHOD_ELICITATION;
}

static bool is_mode(const struct json *json, json_at params, struct span mode)
{
	json_at at = json_get(json, params, S("mode"));

	return json_is(json, at, JSON_STRING) && json_string_is(json, at, mode);
}

/* Are these params that a request of `method` can have? A form is what says no mode. */
static bool ask_fits(const struct json *json, json_at params, enum method method)
{
	if (params == JSON_NONE)
		return method == METHOD_ROOTS_LIST;
	if (!json_is(json, params, JSON_OBJECT))
		return false;
	if (method == METHOD_SAMPLING)
		return json_is(json, json_get(json, params, S("messages")), JSON_ARRAY);
	if (method != METHOD_ELICITATION)
		return true;
	if (!has_string(json, params, S("message")))
		return false;
	if (is_mode(json, params, S("url")))
		return has_string(json, params, S("url"));
	return (json_get(json, params, S("mode")) == JSON_NONE || is_mode(json, params, S("form"))) &&
	       json_is(json, json_get(json, params, S("requestedSchema")), JSON_OBJECT);
}

static void edit_sampling_tools(const struct json *json, json_at params, struct legs legs,
				struct edits *edits)
{
	json_at tools = json_get(json, params, S("tools"));

	if (!json_is(json, tools, JSON_ARRAY))
		return;
	for (json_at at = json_first(json, tools); at != JSON_NONE; at = json_next(json, tools, at))
		translate_tool(json, at, legs, edits);
}

/* --- a legacy server asks a modern client --- */

bool translate_ask_to_input(struct buf *out, const struct message *message)
{
	static const struct span gone[] = { SPAN("task"), SPAN("elicitationId") };
	const struct legs legs = { REVISION_LAST_LEGACY, REVISION_LAST };
	const struct json *json = message->json;
	struct arena arena = ARENA_INIT((size_t)TRANSLATE_ARENA_BYTES);
	struct edits edits = { .arena = &arena };

	if (message->kind != MESSAGE_REQUEST || !asks(message->method) ||
	    !ask_fits(json, message->params, message->method))
		return false;
	buf_add_char(out, '{');
	json_put_string(out, S("method"), method_info(message->method)->name);
	if (message->params != JSON_NONE) {
		edits_drop_named(&edits, json, message->params, gone, COUNT(gone));
		edits_drop_meta(&edits, json, message->meta);
		edits_drop(&edits, json_get(json, message->meta, S("progressToken")));
		edit_sampling_tools(json, message->params, legs, &edits);
		json_add_key(out, S("params"));
		edits_emit(&edits, out, json, message->params);
	}
	buf_add_char(out, '}');
	arena_release(&arena);
	return true;
}

/* --- a modern server asks a legacy client --- */

/*
 * Several blocks in one message are several messages before 2025-11-25. False: there is something in them
 * that was not thought of then.
 */
static bool split_message(const struct json *json, json_at at, enum revision to, struct edits *edits)
{
	json_at content = json_get(json, at, S("content"));
	struct json_edit within = { .at = content, .kind = JSON_REPLACE };
	CLEANUP(buf_release) struct buf made = BUF_INIT((size_t)TRANSLATE_ARENA_BYTES);
	CLEANUP(buf_release) struct buf block = BUF_INIT((size_t)TRANSLATE_ARENA_BYTES);
	json_at each;

	if (!json_is(json, content, JSON_ARRAY))
		return !content_of_tools(json, content);
	for (each = json_first(json, content); each != JSON_NONE && !made.over;
	     each = json_next(json, content, each)) {
		if (content_of_tools(json, each))
			return false;
		buf_clear(&block);
		content_add(&block, json, each, to);
		within.bytes = buf_span(&block);
		if (made.n)
			buf_add_char(&made, ',');
		json_emit(&made, json, at, &within, 1);
		made.over |= block.over;
	}
	if (made.n)
		edits_make(edits, at, JSON_REPLACE, &made);
	else
		edits_add(edits, (struct json_edit){ content, JSON_REPLACE,
						     S("{\"type\":\"text\",\"text\":\"\"}") });
	return true;
}

/* What a tool's result says inside of a message is bound by the same rules as at its own place. */
static void edit_tool_results(const struct json *json, json_at content, enum revision to, struct edits *edits)
{
	if (json_is(json, content, JSON_OBJECT) && content_of_tools(json, content))
		content_translate_structured(json, content, to, edits);
	if (!json_is(json, content, JSON_ARRAY))
		return;
	for (json_at at = json_first(json, content); at != JSON_NONE; at = json_next(json, content, at))
		if (content_of_tools(json, at))
			content_translate_structured(json, at, to, edits);
}

static bool edit_messages(const struct json *json, json_at messages, enum revision to, struct edits *edits)
{
	for (json_at at = json_first(json, messages); at != JSON_NONE && !edits->over;
	     at = json_next(json, messages, at)) {
		json_at content = json_get(json, at, S("content"));

		if (to >= REVISION_2025_11_25)
			edit_tool_results(json, content, to, edits);
		else if (!split_message(json, at, to, edits))
			return false;
		else if (json_is(json, content, JSON_OBJECT))
			content_translate(json, content, to, edits);
	}
	return true;
}

/* In the order of the text: an edit that belongs before many others is dear. */
static bool edit_sampling(const struct json *json, json_at params, enum revision to, struct edits *edits)
{
	const struct legs legs = { REVISION_LAST, to };
	json_at messages = json_get(json, params, S("messages")), tools = json_get(json, params, S("tools"));
	bool tools_first = tools < messages;

	if (to < REVISION_2025_11_25 &&
	    (tools != JSON_NONE || json_get(json, params, S("toolChoice")) != JSON_NONE))
		return false;
	if (tools_first)
		edit_sampling_tools(json, params, legs, edits);
	if (!edit_messages(json, messages, to, edits))
		return false;
	if (!tools_first)
		edit_sampling_tools(json, params, legs, edits);
	return true;
}

/* `oneOf` with titles was `enum` with `enumNames`. False: the choices are no constants. */
static bool edit_choices(const struct json *json, json_at property, json_at choices, struct edits *edits)
{
	bool plain = json_get(json, property, S("enum")) != JSON_NONE;
	CLEANUP(buf_release) struct buf made = BUF_INIT(3 * json_raw(json, choices).n + 64);
	CLEANUP(buf_release) struct buf names = BUF_INIT(3 * json_raw(json, choices).n + 64);

	buf_add(&made, S("\"enum\":["));
	buf_add(&names, S("\"enumNames\":["));
	for (json_at at = json_first(json, choices); at != JSON_NONE; at = json_next(json, choices, at)) {
		json_at value = json_get(json, at, S("const")), title = json_get(json, at, S("title"));

		if (!json_is(json, value, JSON_STRING))
			return false;
		json_add_comma(&made);
		buf_add(&made, json_raw(json, value));
		json_add_comma(&names);
		buf_add(&names, json_raw(json, json_is(json, title, JSON_STRING) ? title : value));
	}
	buf_add_char(&made, ']');
	buf_add_char(&names, ']');
	edits_drop(edits, choices);
	if (plain)
		return true;
	edits_drop(edits, json_get(json, property, S("enumNames")));
	buf_add_char(&made, ',');
	buf_add(&made, buf_span(&names));
	edits_make(edits, property, JSON_INSERT, &made);
	return true;
}

/* The form of 2025-06-18: no mode, no choice of several. */
static bool edit_old_form(const struct json *json, json_at params, struct edits *edits)
{
	json_at properties = json_get(json, json_get(json, params, S("requestedSchema")), S("properties"));

	edits_drop(edits, json_get(json, params, S("mode")));
	if (!json_is(json, properties, JSON_OBJECT))
		return properties == JSON_NONE;
	for (json_at k = json_first(json, properties); k != JSON_NONE;
	     k = json_next_key(json, properties, k)) {
		json_at type = json_get(json, k + 1, S("type")), choices = json_get(json, k + 1, S("oneOf"));

		if (!json_is(json, type, JSON_STRING) || json_string_is(json, type, S("array")))
			return false;
		if (json_is(json, choices, JSON_ARRAY) && !edit_choices(json, k + 1, choices, edits))
			return false;
	}
	return true;
}

static bool edit_elicitation(const struct json *json, json_at params, enum revision to, struct span id,
			     struct edits *edits)
{
	CLEANUP(buf_release) struct buf made = BUF_INIT(6 * id.n + 64);

	edits_drop(edits, json_get(json, params, S("elicitationId")));
	if (is_mode(json, params, S("url"))) {
		if (to < REVISION_2025_11_25)
			return false;
		json_put_string(&made, S("elicitationId"), id);
		edits_make(edits, params, JSON_INSERT, &made);
		return true;
	}
	return to >= REVISION_2025_11_25 || edit_old_form(json, params, edits);
}

static enum method ask_method(const struct json *json, json_at at)
{
	json_at name = json_get(json, at, S("method"));
	enum method method = METHOD_NONE;

	if (json_is(json, name, JSON_STRING) && !json->tokens[name].escaped)
		method = method_of(json_string_raw(json, name));
	return asks(method) ? method : METHOD_NONE;
}

static void add_ask(struct buf *out, const struct json *json, json_at params, enum method method,
		    struct span id, struct edits *edits)
{
	buf_add(out, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add(out, id);
	json_put_string(out, S("method"), method_info(method)->name);
	if (params != JSON_NONE) {
		edits_drop(edits, json_get(json, params, S("task")));
		edits_drop_meta(edits, json, json_get(json, params, S("_meta")));
		json_add_key(out, S("params"));
		edits_emit(edits, out, json, params);
	}
	buf_add_char(out, '}');
}

bool translate_input_to_ask(struct buf *out, const struct json *json, json_at at, enum revision to,
			    struct span id, struct span elicitation_id)
{
	enum method method = ask_method(json, at);
	json_at params = json_get(json, at, S("params"));
	struct arena arena = ARENA_INIT((size_t)TRANSLATE_ARENA_BYTES);
	struct edits edits = { .arena = &arena };
	bool said = method_allowed(method, to, METHOD_FROM_SERVER) && ask_fits(json, params, method);

	if (said && method == METHOD_SAMPLING)
		said = edit_sampling(json, params, to, &edits);
	else if (said && method == METHOD_ELICITATION)
		said = edit_elicitation(json, params, to, elicitation_id, &edits);
	if (said)
		add_ask(out, json, params, method, id, &edits);
	arena_release(&arena);
	return said;
}

/* --- answers --- */

static bool is_action(const struct json *json, json_at at)
{
	static const struct span actions[] = { SPAN("accept"), SPAN("decline"), SPAN("cancel") };

	for (size_t i = 0; i < COUNT(actions); i++)
		if (json_is(json, at, JSON_STRING) && json_string_is(json, at, actions[i]))
			return true;
	return false;
}

/* The members that the two eras agree on. */
static bool answer_fits(const struct json *json, json_at at, enum method method)
{
	json_at content = json_get(json, at, S("content"));

	if (method == METHOD_ROOTS_LIST)
		return json_is(json, json_get(json, at, S("roots")), JSON_ARRAY);
	if (method == METHOD_ELICITATION)
		return is_action(json, json_get(json, at, S("action"))) &&
		       (content == JSON_NONE || json_is(json, content, JSON_OBJECT));
	return method == METHOD_SAMPLING && has_string(json, at, S("role")) &&
	       has_string(json, at, S("model")) &&
	       (json_is(json, content, JSON_OBJECT) || json_is(json, content, JSON_ARRAY));
}

static const struct span result_words[] = { SPAN("resultType"), SPAN("ttlMs"), SPAN("cacheScope"),
					    SPAN("inputRequests"), SPAN("requestState") };

bool translate_answer_to_input(struct buf *out, const struct message *answer, enum method method)
{
	struct arena arena = ARENA_INIT((size_t)TRANSLATE_ARENA_BYTES);
	struct edits edits = { .arena = &arena };

	if (answer->kind == MESSAGE_ERROR && method == METHOD_ELICITATION) {
		buf_add(out, S("{\"action\":\"cancel\"}"));
		return true;
	}
	if (answer->kind != MESSAGE_RESULT || !answer_fits(answer->json, answer->result, method))
		return false;
	edits_drop_meta(&edits, answer->json, answer->meta);
	edits_emit(&edits, out, answer->json, answer->result);
	arena_release(&arena);
	return true;
}

/* One block that says what several say, for a server that expects one: texts, and what else there was. */
static bool join_blocks(const struct json *json, json_at content, enum revision to, struct edits *edits)
{
	CLEANUP(buf_release)
	struct buf made = BUF_INIT(json_raw(json, content).n + 64 * (size_t)json->tokens[content].count + 64);
	bool first = true;

	if (json->tokens[content].count == 1) {
		content_add(&made, json, json_first(json, content), to);
		edits_make(edits, content, JSON_REPLACE, &made);
		return !content_of_tools(json, json_first(json, content));
	}
	buf_add(&made, S("{\"type\":\"text\",\"text\":\""));
	for (json_at at = json_first(json, content); at != JSON_NONE; at = json_next(json, content, at)) {
		if (content_of_tools(json, at))
			return false;
		buf_add(&made, first ? S("") : S("\\n"));
		content_add_said(&made, json, at);
		first = false;
	}
	buf_add(&made, S("\"}"));
	edits_make(edits, content, JSON_REPLACE, &made);
	return true;
}

static bool edit_sampled(const struct json *json, json_at content, enum revision to, struct edits *edits)
{
	if (to >= REVISION_2025_11_25) {
		edit_tool_results(json, content, to, edits);
		return true;
	}
	if (json_is(json, content, JSON_ARRAY))
		return join_blocks(json, content, to, edits);
	content_translate(json, content, to, edits);
	return !content_of_tools(json, content);
}

bool translate_input_to_answer(struct buf *out, const struct json *json, json_at at, enum method method,
			       enum revision to)
{
	struct arena arena = ARENA_INIT((size_t)TRANSLATE_ARENA_BYTES);
	struct edits edits = { .arena = &arena };
	bool said = asks(method) && json_is(json, at, JSON_OBJECT) && answer_fits(json, at, method);

	if (said && method == METHOD_SAMPLING)
		said = edit_sampled(json, json_get(json, at, S("content")), to, &edits);
	if (said) {
		edits_drop_named(&edits, json, at, result_words, COUNT(result_words));
		edits_drop_meta(&edits, json, json_get(json, at, S("_meta")));
		edits_emit(&edits, out, json, at);
	}
	arena_release(&arena);
	return said;
}

/* --- pages to open first: an error of 2025-11-25 --- */

static void add_url_input(struct buf *out, const struct message *error, json_at at, unsigned number)
{
	static const struct span gone[] = { SPAN("elicitationId"), SPAN("mode"), SPAN("message") };
	struct arena arena = ARENA_INIT((size_t)TRANSLATE_ARENA_BYTES);
	struct edits edits = { .arena = &arena };
	CLEANUP(buf_release) struct buf head = BUF_INIT(json_raw(error->json, error->error).n + 64);
	json_at text = json_get(error->json, at, S("message"));

	if (!json_is(error->json, text, JSON_STRING))
		text = json_get(error->json, error->error, S("message"));
	json_add_comma(out);
	buf_addf(out, "\"url-%u\":{\"method\":\"elicitation/create\",\"params\":", number);
	buf_add(&head, S("\"mode\":\"url\",\"message\":"));
	buf_add(&head, json_raw(error->json, text));
	edits_drop_named(&edits, error->json, at, gone, COUNT(gone));
	edits_add(&edits, (struct json_edit){ at, JSON_INSERT, buf_span(&head) });
	edits_emit(&edits, out, error->json, at);
	buf_add_char(out, '}');
	arena_release(&arena);
}

static bool is_url_elicitation(const struct json *json, json_at at)
{
	return has_string(json, at, S("url")) &&
	       (json_get(json, at, S("mode")) == JSON_NONE || is_mode(json, at, S("url")));
}

bool translate_url_error_to_inputs(struct buf *out, const struct message *message)
{
	const struct json *json = message->json;
	json_at list;
	int64_t code;
	unsigned n = 0;

	if (message->kind != MESSAGE_ERROR ||
	    !json_i64(json, json_get(json, message->error, S("code")), &code) || code != -32042)
		return false;
	list = json_get(json, json_get(json, message->error, S("data")), S("elicitations"));
	if (!json_is(json, list, JSON_ARRAY))
		return false;
	for (json_at at = json_first(json, list); at != JSON_NONE && n < TRANSLATE_URLS;
	     at = json_next(json, list, at)) {
		if (!is_url_elicitation(json, at))
			continue;
		if (n == 0)
			buf_add_char(out, '{');
		add_url_input(out, message, at, ++n);
	}
	if (n > 0)
		buf_add_char(out, '}');
	return n > 0;
}
