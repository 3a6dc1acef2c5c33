/* fuzz_translate.c - any message of one revision becomes a valid one of another, or is refused. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "base/check.h"
#include "mcp/translate.h"

/*
 * An input is four letters and a JSON text: the revision it comes from ('1' to '6', in order of time), the
 * one it goes to, what of translate.h is done with it (below), and the method ('A' is the first of
 * mcp/method.h) of what it answers.
 */
enum { FUZZ_BYTES = 1 << 20, FUZZ_HEAD = 4 };

#define META                                                                                                 \
	"\"" META_VERSION "\":\"2026-07-28\",\"" META_CLIENT                                                 \
	"\":{\"name\":\"c\",\"version\":\"1\"},\"" META_CAPABILITIES "\":{\"roots\":{}}"
#define OWN "{\"name\":\"kanmon\",\"version\":\"0\"}"

struct given {
	struct legs legs;
	enum method method;
	const struct json *json;
	struct message message;
	bool is_message;
};

static bool modern(enum revision revision)
{
	return revision_era(revision) == ERA_MODERN;
}

static bool crosses(struct legs legs)
{
	return modern(legs.from) != modern(legs.to);
}

static bool has(const struct json *json, json_at object, struct span name)
{
	return json_get(json, object, name) != JSON_NONE;
}

/* In order, and none in what another replaces or drops. */
static void edits_are_apart(const struct json *json, const struct edits *edits)
{
	json_at end = 0;

	for (size_t i = 0; i < edits->n; i++) {
		const struct json_edit *edit = &edits->list[i];
		const struct json_token *token = &json->tokens[edit->at];

		check(edit->at < json->n && edit->at >= end);
		if (edit->kind == JSON_INSERT)
			check(i == 0 || edits->list[i - 1].at < edit->at ||
			      edits->list[i - 1].kind == JSON_INSERT);
		else
			end = token->is_key && edit->kind == JSON_DROP ? json->tokens[edit->at + 1].next
								       : token->next;
	}
}

/* What is written can be read; only a text that stands at a limit of ours may be past it now. */
static bool reads(struct json *json, const struct buf *out)
{
	check(buf_ok(out));
	if (json_parse(json, buf_span(out), out->n))
		return true;
	check(json->reason == JSON_TOO_DEEP || json->reason == JSON_TOO_BIG);
	return false;
}

/* --- what holds for every message of the target --- */

static const struct span modern_meta[] = { SPAN(META_VERSION),	    SPAN(META_CLIENT),
					   SPAN(META_CAPABILITIES), SPAN(META_LOG_LEVEL),
					   SPAN(META_SUBSCRIPTION), SPAN(META_SERVER) };

static void meta_is_legacy(const struct message *message)
{
	for (size_t i = 0; i < COUNT(modern_meta); i++)
		check(!has(message->json, message->meta, modern_meta[i]));
}

static void meta_is_modern(const struct message *message)
{
	const struct json *json = message->json;

	check(message->meta != JSON_NONE);
	check(json_string_is(json, json_get(json, message->meta, S(META_VERSION)), S("2026-07-28")));
	check(has(json, json_get(json, message->meta, S(META_CLIENT)), S("name")));
	check(has(json, json_get(json, message->meta, S(META_CAPABILITIES)), S("roots")));
}

/* Whatever is not MCP's own stays as it was. */
static void foreign_survives(const struct message *was, const struct message *is)
{
	const struct json *json = was->json;

	for (json_at k = was->meta == JSON_NONE ? JSON_NONE : json_first(json, was->meta); k != JSON_NONE;
	     k = json_next_key(json, was->meta, k)) {
		struct span name = json_string_raw(json, k);

		if (json->tokens[k].escaped || span_starts(name, S(META_PREFIX)))
			continue;
		check(json_equal(json, k + 1, is->json, json_get(is->json, is->meta, name)));
	}
}

static void head_survives(const struct message *was, const struct message *is)
{
	json_at arguments = was->params == JSON_NONE ? JSON_NONE
						     : json_get(was->json, was->params, S("arguments"));

	check(is->kind == was->kind && is->method == was->method);
	check(span_eq(is->method_raw, was->method_raw));
	check((is->id == JSON_NONE) == (was->id == JSON_NONE));
	if (was->id != JSON_NONE)
		check(span_eq(json_raw(was->json, was->id), json_raw(is->json, is->id)));
	if (arguments != JSON_NONE)
		check(json_equal(was->json, arguments, is->json,
				 json_get(is->json, is->params, S("arguments"))));
	foreign_survives(was, is);
}

/* --- requests, notifications, results --- */

static bool say(char what, const struct given *given, const struct message *message, struct edits *edits)
{
	switch (what) {
	case 'q':
		return translate_request(message, given->legs, modern(given->legs.to) ? S(META) : S(""),
					 edits);
	case 's':
		return translate_server_notification(message, given->legs, edits);
	default:
		translate_result(message, given->method, given->legs, edits);
		return message->kind == MESSAGE_RESULT;
	}
}

static void request_holds(const struct given *given, const struct message *is)
{
	check(method_allowed(is->method, given->legs.to, METHOD_FROM_CLIENT));
	check(!has(is->json, is->params, S("task")));
	if (!crosses(given->legs))
		return;
	check(!has(is->json, is->params, S("inputResponses")));
	check(!has(is->json, is->params, S("requestState")));
	if (modern(given->legs.to))
		meta_is_modern(is);
	else
		meta_is_legacy(is);
}

static bool type_is(const struct json *json, json_at at, struct span type)
{
	json_at value = json_get(json, at, S("type"));

	return json_is(json, value, JSON_STRING) && json_string_is(json, value, type);
}

static void block_holds(const struct json *json, json_at block, enum revision to)
{
	check(to >= REVISION_2025_03_26 || !type_is(json, block, S("audio")));
	check(to >= REVISION_2025_06_18 || !type_is(json, block, S("resource_link")));
}

static void call_holds(const struct message *is, enum revision to)
{
	json_at structured = json_get(is->json, is->result, S("structuredContent"));
	json_at content = json_get(is->json, is->result, S("content"));

	if (!modern(to) && structured != JSON_NONE)
		check(json_is(is->json, structured, JSON_OBJECT));
	if (!json_is(is->json, content, JSON_ARRAY))
		return;
	for (json_at at = json_first(is->json, content); at != JSON_NONE;
	     at = json_next(is->json, content, at))
		block_holds(is->json, at, to);
}

static void prompt_holds(const struct message *is, enum revision to)
{
	json_at messages = json_get(is->json, is->result, S("messages"));

	if (!json_is(is->json, messages, JSON_ARRAY))
		return;
	for (json_at at = json_first(is->json, messages); at != JSON_NONE;
	     at = json_next(is->json, messages, at))
		block_holds(is->json, json_get(is->json, at, S("content")), to);
}

static void tool_holds(const struct json *json, json_at at, enum revision to)
{
	json_at output = json_get(json, at, S("outputSchema"));

	check(to == REVISION_2025_11_25 || !has(json, at, S("execution")));
	check(modern(to) || output == JSON_NONE || type_is(json, output, S("object")));
}

static void tools_hold(const struct message *is, enum revision to)
{
	json_at tools = json_get(is->json, is->result, S("tools"));

	if (!json_is(is->json, tools, JSON_ARRAY))
		return;
	for (json_at at = json_first(is->json, tools); at != JSON_NONE; at = json_next(is->json, tools, at))
		tool_holds(is->json, at, to);
}

static void result_holds(const struct given *given, const struct message *is)
{
	static const struct span words[] = { SPAN("resultType"), SPAN("ttlMs"), SPAN("cacheScope"),
					     SPAN("inputRequests"), SPAN("requestState") };
	bool cached = method_info(given->method)->flags & METHOD_CACHED;

	for (size_t i = 0; i < COUNT(words) && crosses(given->legs); i++)
		check(has(is->json, is->result, words[i]) ==
		      (modern(given->legs.to) && (i == 0 || (cached && i < 3))));
	if (crosses(given->legs))
		meta_is_legacy(is);
	if (given->method == METHOD_TOOLS_CALL)
		call_holds(is, given->legs.to);
	if (given->method == METHOD_PROMPTS_GET)
		prompt_holds(is, given->legs.to);
	if (given->method == METHOD_TOOLS_LIST)
		tools_hold(is, given->legs.to);
}

static void holds(char what, const struct given *given, const struct message *is)
{
	if (what == 'q')
		request_holds(given, is);
	else if (what == 'r')
		result_holds(given, is);
	else if (crosses(given->legs))
		meta_is_legacy(is);
}

/* What was said in the target's words is said the same way again. */
static void stands(char what, const struct given *given, const struct message *is, const struct buf *once)
{
	CLEANUP(buf_release) struct buf twice = BUF_INIT((size_t)8 * FUZZ_BYTES);
	struct arena arena = ARENA_INIT((size_t)8 * FUZZ_BYTES);
	struct edits edits = { .arena = &arena };

	check(say(what, given, is, &edits) && !edits.over);
	edits_are_apart(is->json, &edits);
	json_emit(&twice, is->json, 0, edits.list, edits.n);
	check(span_eq(buf_span(once), buf_span(&twice)));
	arena_release(&arena);
}

static void pass(char what, const struct given *given)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)8 * FUZZ_BYTES);
	struct arena arena = ARENA_INIT((size_t)8 * FUZZ_BYTES);
	struct edits edits = { .arena = &arena };
	struct json json = { 0 };
	struct message is;

	if (say(what, given, &given->message, &edits) && !edits.over) {
		edits_are_apart(given->json, &edits);
		json_emit(&out, given->json, given->message.root, edits.list, edits.n);
		if (reads(&json, &out)) {
			check(message_read(&json, 0, &is) == MESSAGE_OK);
			head_survives(&given->message, &is);
			holds(what, given, &is);
			stands(what, given, &is, &out);
		}
	}
	json_release(&json);
	arena_release(&arena);
}

static void code(const struct given *given)
{
	int64_t is = translate_error_code(&given->message, given->method, given->legs);

	if (!crosses(given->legs))
		return;
	if (modern(given->legs.to))
		check(is != -32002 && (is > -32020 || is < -32099));
	else
		check(is != -32020 && is != -32021 && is != -32022);
}

/* --- greetings --- */

/* Tasks stand where the reader's era has them; a client's in neither. */
static void capabilities_hold(const struct json *json, json_at at, enum revision to, bool server)
{
	check(json_is(json, at, JSON_OBJECT));
	if (!server || to != REVISION_2025_11_25)
		check(!has(json, at, S("tasks")));
	if (!server || !modern(to))
		check(!has(json, json_get(json, at, S("extensions")), S(META_PREFIX "tasks")));
}

static void greeting(const struct given *given)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)8 * FUZZ_BYTES);
	struct json json = { 0 };

	translate_greeting(&out, given->json, 0, given->legs, S(OWN));
	if (reads(&json, &out)) {
		json_at meta = json_get(&json, 0, S("_meta"));
		bool to_modern = modern(given->legs.to);

		capabilities_hold(&json, json_get(&json, 0, S("capabilities")), given->legs.to, true);
		check(has(&json, 0, S("resultType")) == to_modern);
		check(has(&json, 0, S("supportedVersions")) == to_modern);
		check(has(&json, 0, S("ttlMs")) == to_modern && has(&json, 0, S("cacheScope")) == to_modern);
		check(has(&json, 0, S("protocolVersion")) != to_modern);
		check(has(&json, 0, S("serverInfo")) != to_modern);
		check(has(&json, meta, S(META_SERVER)) == to_modern);
	}
	json_release(&json);
}

static void hello_to_legacy(const struct given *given)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)8 * FUZZ_BYTES);
	struct json json = { 0 };

	translate_hello_to_legacy(&out, given->json, 0, S(OWN));
	if (reads(&json, &out)) {
		capabilities_hold(&json, json_get(&json, 0, S("capabilities")), REVISION_LAST_LEGACY, false);
		check(has(&json, 0, S("protocolVersion")));
		check(has(&json, json_get(&json, 0, S("clientInfo")), S("name")));
	}
	json_release(&json);
}

static void hello_to_modern(const struct given *given)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)8 * FUZZ_BYTES);
	struct json json = { 0 };

	buf_add_char(&out, '{');
	translate_hello_to_modern(&out, given->json, 0);
	buf_add_char(&out, '}');
	if (reads(&json, &out)) {
		capabilities_hold(&json, json_get(&json, 0, S(META_CAPABILITIES)), REVISION_LAST, false);
		check(has(&json, 0, S(META_VERSION)));
		check(!has(&json, json_get(&json, json_get(&json, 0, S(META_CAPABILITIES)), S("roots")),
			   S("listChanged")));
	}
	json_release(&json);
}

/* --- what is asked of the client --- */

/* What a legacy server may ask can be asked of a legacy client again. */
static void ask_to_input(const struct given *given)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)8 * FUZZ_BYTES);
	CLEANUP(buf_release) struct buf back = BUF_INIT((size_t)8 * FUZZ_BYTES);
	struct json json = { 0 };

	if (translate_ask_to_input(&out, &given->message) && reads(&json, &out)) {
		check(json.tokens[0].count <= 2 && has(&json, 0, S("method")));
		check(translate_input_to_ask(&back, &json, 0, REVISION_2025_11_25, S("1"), S("e")));
		check(buf_ok(&back));
	} else {
		check(out.n == 0 || json.reason != JSON_OK);
	}
	json_release(&json);
}

static void input_to_ask(const struct given *given)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)16 * FUZZ_BYTES);
	CLEANUP(buf_release) struct buf back = BUF_INIT((size_t)16 * FUZZ_BYTES);
	struct json json = { 0 };
	struct message is;

	if (!translate_input_to_ask(&out, given->json, 0, given->legs.to, S("\"\""), S("\"e"))) {
		check(out.n == 0);
	} else if (!out.over && reads(&json, &out)) {
		check(message_read(&json, 0, &is) == MESSAGE_OK && is.kind == MESSAGE_REQUEST);
		check(method_allowed(is.method, given->legs.to, METHOD_FROM_SERVER));
		check(span_eq(message_token(&json, is.id), S("\"\"")));
		meta_is_legacy(&is);
		check(translate_ask_to_input(&back, &is) && buf_ok(&back));
	}
	json_release(&json);
}

static void answer_to_input(const struct given *given)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)8 * FUZZ_BYTES);
	CLEANUP(buf_release) struct buf back = BUF_INIT((size_t)8 * FUZZ_BYTES);
	struct json json = { 0 };

	if (!translate_answer_to_input(&out, &given->message, given->method))
		check(out.n == 0);
	else if (reads(&json, &out))
		check(translate_input_to_answer(&back, &json, 0, given->method, REVISION_2025_11_25) &&
		      buf_ok(&back));
	json_release(&json);
}

static void input_to_answer(const struct given *given)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)8 * FUZZ_BYTES);
	struct json json = { 0 };

	if (!translate_input_to_answer(&out, given->json, 0, given->method, given->legs.to)) {
		check(out.n == 0);
	} else if (reads(&json, &out)) {
		json_at content = json_get(&json, 0, S("content"));

		check(json_is(&json, 0, JSON_OBJECT) && !has(&json, 0, S("resultType")));
		if (given->method == METHOD_SAMPLING && given->legs.to < REVISION_2025_11_25)
			check(!json_is(&json, content, JSON_ARRAY) &&
			      !type_is(&json, content, S("tool_use")));
		if (given->method == METHOD_SAMPLING)
			block_holds(&json, content, given->legs.to);
	}
	json_release(&json);
}

static void urls(const struct given *given)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)8 * FUZZ_BYTES);
	CLEANUP(buf_release) struct buf ask = BUF_INIT((size_t)8 * FUZZ_BYTES);
	struct json json = { 0 };

	if (!translate_url_error_to_inputs(&out, &given->message)) {
		check(out.n == 0);
	} else if (reads(&json, &out)) {
		for (json_at k = json_first(&json, 0); k != JSON_NONE; k = json_next_key(&json, 0, k))
			check(
			    translate_input_to_ask(&ask, &json, k + 1, REVISION_2025_11_25, S("1"), S("e")));
		check(json_first(&json, 0) != JSON_NONE);
	}
	json_release(&json);
}

static void message_of(char what, const struct given *given)
{
	if (what == 'q' || what == 's' || what == 'r')
		pass(what, given);
	else if (what == 'e')
		code(given);
	else if (what == 'a')
		ask_to_input(given);
	else if (what == 'w')
		answer_to_input(given);
	else if (what == 'u')
		urls(given);
}

static void value_of(char what, const struct given *given)
{
	if (what == 'g')
		greeting(given);
	else if (what == 'l')
		hello_to_legacy(given);
	else if (what == 'm')
		hello_to_modern(given);
	else if (what == 'i')
		input_to_ask(given);
	else if (what == 'v')
		input_to_answer(given);
}

static enum revision revision_by(uint8_t letter)
{
	return (enum revision)(REVISION_2024_10_07 + (uint8_t)(letter - '1') % REVISION_LAST);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json json = { 0 };
	struct given given = { .json = &json };

	if (size <= FUZZ_HEAD)
		return 0;
	given.legs = (struct legs){ revision_by(data[0]), revision_by(data[1]) };
	given.method = (enum method)(1 + (uint8_t)(data[3] - 'A') % (METHOD_COUNT - 1));
	if (given.legs.from != given.legs.to &&
	    json_parse(&json, span_of((const char *)data + FUZZ_HEAD, size - FUZZ_HEAD), FUZZ_BYTES)) {
		value_of((char)data[2], &given);
		if (message_read(&json, 0, &given.message) == MESSAGE_OK)
			message_of((char)data[2], &given);
	}
	json_release(&json);
	return 0;
}
