/* translate.c - requests and notifications between revisions, and the list of edits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "items.h"

/* What a client's requests carry to a modern server. */
#define META K("protocolVersion") ":\"2026-07-28\"," K("clientInfo") ":{}," K("clientCapabilities") ":{}"

static bool as_request(const struct message *message, enum method method, struct legs legs,
		       struct edits *edits)
{
	(void)method;
	return translate_request(message, legs, legs.to == MODERN ? S(META) : S(""), edits);
}

static bool as_server_note(const struct message *message, enum method method, struct legs legs,
			   struct edits *edits)
{
	(void)method;
	return translate_server_notification(message, legs, edits);
}

#define Q(method, params) R "\"id\":1,\"method\":\"" method "\"" params "}"

static const struct item requests[] = {
	{ "a greeting of one era", { NOVEMBER, MODERN }, 0, Q("initialize", ",\"params\":{}"), NO_WORDS },
	{ "and of the other", { MODERN, NOVEMBER }, 0, Q("server/discover", ""), NO_WORDS },
	{ "ping to a modern server", { JUNE, MODERN }, 0, Q("ping", ""), NO_WORDS },
	{ "a level to a modern server", { JUNE, MODERN }, 0, Q("logging/setLevel", ""), NO_WORDS },
	{ "a subscription", { JUNE, MODERN }, 0, Q("resources/subscribe", ""), NO_WORDS },
	{ "a subscription's end", { JUNE, MODERN }, 0, Q("resources/unsubscribe", ""), NO_WORDS },
	{ "a stream of changes", { MODERN, JUNE }, 0, Q("subscriptions/listen", ""), NO_WORDS },
	{ "a task's state, up", { NOVEMBER, MODERN }, 0, Q("tasks/get", ""), NO_WORDS },
	{ "a task's state, down", { MODERN, NOVEMBER }, 0, Q("tasks/get", ""), NO_WORDS },
	{ "a task's end", { MODERN, NOVEMBER }, 0, Q("tasks/cancel", ""), NO_WORDS },
	{ "a task's result", { NOVEMBER, MODERN }, 0, Q("tasks/result", ""), NO_WORDS },
	{ "a task's input", { MODERN, NOVEMBER }, 0, Q("tasks/update", ""), NO_WORDS },
	{ "tasks before there were any", { NOVEMBER, JUNE }, 0, Q("tasks/list", ""), NO_WORDS },
	{ "a server's method from a client", { MODERN, NOVEMBER }, 0, Q("roots/list", ""), NO_WORDS },
	{ "a method nobody knows", { MODERN, NOVEMBER }, 0, Q("skills/paint", ""), NO_WORDS },
	{ "a notification is no request", { NOVEMBER, MODERN }, 0, R "\"method\":\"tools/list\"}", NO_WORDS },

	{ "no params, up",
	  { NOVEMBER, MODERN },
	  0,
	  Q("tools/list", ""),
	  "{\"params\":{\"_meta\":{" META "}},\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}" },
	{ "no params, down", { MODERN, NOVEMBER }, 0, Q("tools/list", ""), Q("tools/list", "") },
	{ "empty params, up",
	  { NOVEMBER, MODERN },
	  0,
	  Q("tools/list", ",\"params\":{}"),
	  Q("tools/list", ",\"params\":{\"_meta\":{" META "}}") },
	{ "no _meta, up",
	  { NOVEMBER, MODERN },
	  0,
	  Q("tools/list", ",\"params\":{\"cursor\":\"\"}"),
	  Q("tools/list", ",\"params\":{\"_meta\":{" META "},\"cursor\":\"\"}") },
	{ "an empty _meta, up",
	  { NOVEMBER, MODERN },
	  0,
	  Q("tools/list", ",\"params\":{\"_meta\":{}}"),
	  Q("tools/list", ",\"params\":{\"_meta\":{" META "}}") },
	{ "a _meta that is none, up",
	  { NOVEMBER, MODERN },
	  0,
	  Q("tools/list", ",\"params\":{\"_meta\":[7]}"),
	  Q("tools/list", ",\"params\":{\"_meta\":{" META "}}") },
	{ "foreign keys, up",
	  { NOVEMBER, MODERN },
	  0,
	  Q("tools/list",
	    ",\"params\":{\"_meta\":{\"traceparent\":\"00-1\",\"progressToken\":0,\"x/y\":{\"a\":[1]}}}"),
	  Q("tools/list", ",\"params\":{\"_meta\":{" META
			  ",\"traceparent\":\"00-1\",\"progressToken\":0,\"x/y\":{\"a\":[1]}}}") },
	{ "a claim of its own, up",
	  { NOVEMBER, MODERN },
	  0,
	  Q("tools/list", ",\"params\":{\"_meta\":{\"a\":1," K("protocolVersion") ":\"1900-01-01\"," K(
			      "clientCapabilities") ":{\"sampling\":{}}," K("logLevel") ":\"debug\"}}"),
	  Q("tools/list", ",\"params\":{\"_meta\":{" META ",\"a\":1}}") },
	{ "a claim behind an escape, up",
	  { NOVEMBER, MODERN },
	  0,
	  Q("tools/list", ",\"params\":{\"_meta\":{\"io.modelcontextprotocol\\/protocolVersion\":\"x\"}}"),
	  Q("tools/list", ",\"params\":{\"_meta\":{" META "}}") },
	{ "a call as a task, up",
	  { NOVEMBER, MODERN },
	  0,
	  Q("tools/call", ",\"params\":{\"name\":\"t\",\"task\":{\"ttl\":1},\"arguments\":{\"task\":1}}"),
	  Q("tools/call", ",\"params\":{\"_meta\":{" META "},\"name\":\"t\",\"arguments\":{\"task\":1}}") },
	{ "a call as a task, before there were any",
	  { NOVEMBER, JUNE },
	  0,
	  Q("tools/call", ",\"params\":{\"name\":\"t\",\"task\":{\"ttl\":1}}"),
	  Q("tools/call", ",\"params\":{\"name\":\"t\"}") },
	{ "a task that a modern client makes up",
	  { MODERN, NOVEMBER },
	  0,
	  Q("tools/call", ",\"params\":{\"task\":{}}"),
	  Q("tools/call", ",\"params\":{}") },
	{ "what belongs to a task, up",
	  { NOVEMBER, MODERN },
	  0,
	  Q("tools/call", ",\"params\":{\"_meta\":{" K("related-task") ":{\"taskId\":\"1\"}}}"),
	  Q("tools/call", ",\"params\":{\"_meta\":{" META "}}") },
	{ "the modern keys, down",
	  { MODERN, JUNE },
	  0,
	  Q("tools/call", ",\"params\":{\"_meta\":{" META ",\"progressToken\":\"p\"," K(
			      "logLevel") ":\"info\",\"a.b/c\":null},\"name\":\"t\"}"),
	  Q("tools/call",
	    ",\"params\":{\"_meta\":{\"progressToken\":\"p\",\"a.b/c\":null},\"name\":\"t\"}") },
	{ "nothing but modern keys, down",
	  { MODERN, JUNE },
	  0,
	  Q("tools/list", ",\"params\":{\"_meta\":{" META "}}"),
	  Q("tools/list", ",\"params\":{\"_meta\":{}}") },
	{ "a retry, down",
	  { MODERN, JUNE },
	  0,
	  Q("prompts/get",
	    ",\"params\":{\"inputResponses\":{\"a\":{\"action\":\"cancel\"}},\"name\":\"p\",\"request\\u0053tate\":\"s\"}"),
	  Q("prompts/get", ",\"params\":{\"name\":\"p\"}") },
	{ "a retry that a legacy client makes up",
	  { NOVEMBER, MODERN },
	  0,
	  Q("tools/call",
	    ",\"params\":{\"inputResponses\":{\"a\":{}},\"name\":\"t\",\"requestState\":\"s\"}"),
	  Q("tools/call", ",\"params\":{\"_meta\":{" META "},\"name\":\"t\"}") },
	{ "a retry's names in the arguments",
	  { MODERN, JUNE },
	  0,
	  Q("tools/call", ",\"params\":{\"arguments\":{\"inputResponses\":1,\"requestState\":2}}"),
	  Q("tools/call", ",\"params\":{\"arguments\":{\"inputResponses\":1,\"requestState\":2}}") },
	{ "a big id",
	  { MODERN, JUNE },
	  0,
	  R
	  "\"id\":123456789012345678901234567890,\"method\":\"completion/complete\",\"params\":{\"n\":1.0e2}}",
	  R
	  "\"id\":123456789012345678901234567890,\"method\":\"completion/complete\",\"params\":{\"n\":1.0e2}}" },
	{ "an odd id",
	  { NOVEMBER, MODERN },
	  0,
	  R "\"id\":\"\\u0061\\/\",\"method\":\"tools/list\",\"params\":{},\"more\":[{}]}",
	  R "\"id\":\"\\u0061\\/\",\"method\":\"tools/list\",\"params\":{\"_meta\":{" META
	    "}},\"more\":[{}]}" },
	{ "an id that is nothing",
	  { MODERN, OLD },
	  0,
	  R "\"id\":\"\",\"method\":\"resources/read\"}",
	  R "\"id\":\"\",\"method\":\"resources/read\"}" },
};

#define N(method, params) R "\"method\":\"" method "\"" params "}"

static const struct item server_notes[] = {
	{ "it takes back a request, up",
	  { NOVEMBER, MODERN },
	  0,
	  N("notifications/cancelled", ",\"params\":{\"requestId\":1}"),
	  NO_WORDS },
	{ "it ends a stream, down",
	  { MODERN, NOVEMBER },
	  0,
	  N("notifications/cancelled", ",\"params\":{\"requestId\":1}"),
	  NO_WORDS },
	{ "a subscription stands",
	  { MODERN, NOVEMBER },
	  0,
	  N("notifications/subscriptions/acknowledged", ""),
	  NO_WORDS },
	{ "an elicitation is done, up",
	  { NOVEMBER, MODERN },
	  0,
	  N("notifications/elicitation/complete", ",\"params\":{\"elicitationId\":\"1\"}"),
	  NO_WORDS },
	{ "an elicitation is done, before",
	  { NOVEMBER, JUNE },
	  0,
	  N("notifications/elicitation/complete", ",\"params\":{\"elicitationId\":\"1\"}"),
	  NO_WORDS },
	{ "a task, up", { NOVEMBER, MODERN }, 0, N("notifications/tasks/status", ""), NO_WORDS },
	{ "a task, down", { MODERN, NOVEMBER }, 0, N("notifications/tasks", ""), NO_WORDS },
	{ "a notification nobody knows", { MODERN, NOVEMBER }, 0, N("notifications/other", ""), NO_WORDS },
	{ "progress",
	  { MODERN, NOVEMBER },
	  0,
	  N("notifications/progress",
	    ",\"params\":{\"progressToken\":\"7\",\"progress\":0.5,\"message\":\"m\"}"),
	  N("notifications/progress",
	    ",\"params\":{\"progressToken\":\"7\",\"progress\":0.5,\"message\":\"m\"}") },
	{ "a message of the log",
	  { NOVEMBER, MODERN },
	  0,
	  N("notifications/message", ",\"params\":{\"level\":\"info\",\"data\":null}"),
	  N("notifications/message", ",\"params\":{\"level\":\"info\",\"data\":null}") },
	{ "a change, down",
	  { MODERN, NOVEMBER },
	  0,
	  N("notifications/resources/updated",
	    ",\"params\":{\"uri\":\"file:///a\",\"_meta\":{" K("subscriptionId") ":7,\"a\":1}}"),
	  N("notifications/resources/updated", ",\"params\":{\"uri\":\"file:///a\",\"_meta\":{\"a\":1}}") },
	{ "a change, up: a subscription it made up leaves",
	  { NOVEMBER, MODERN },
	  0,
	  N("notifications/tools/list_changed", ",\"params\":{\"_meta\":{" K("subscriptionId") ":7}}"),
	  N("notifications/tools/list_changed", ",\"params\":{\"_meta\":{}}") },
};

/* --- the list of edits --- */

static void order(void)
{
	struct arena arena = ARENA_INIT((size_t)1 << 16);
	struct edits edits = { .arena = &arena };

	edits_add(&edits, (struct json_edit){ 9, JSON_DROP, S("") });
	edits_add(&edits, (struct json_edit){ 3, JSON_INSERT, S("a") });
	edits_add(&edits, (struct json_edit){ 5, JSON_REPLACE, S("b") });
	edits_add(&edits, (struct json_edit){ 3, JSON_INSERT, S("c") });
	edits_add(&edits, (struct json_edit){ 9, JSON_REPLACE, S("d") });
	is_int(edits.n, 4, "the last word on a place counts");
	is_span(edits.list[0].bytes, S("c"), "what is inserted last stands first");
	is_span(edits.list[1].bytes, S("a"), "before what was inserted");
	is_int(edits.list[2].at, 5, "in order of their places");
	ok(edits.list[3].kind == JSON_REPLACE, "a drop that became a replacement");
	arena_release(&arena);
}

static void ceilings(void)
{
	struct arena arena = ARENA_INIT((size_t)1 << 24), small = ARENA_INIT((size_t)200);
	struct edits edits = { .arena = &arena }, few = { .arena = &small };

	for (json_at at = 0; at < TRANSLATE_EDITS; at++)
		edits_add(&edits, (struct json_edit){ at, JSON_DROP, S("") });
	ok(!edits.over && edits.n == TRANSLATE_EDITS, "as many as may be");
	edits_add(&edits, (struct json_edit){ 0, JSON_REPLACE, S("7") });
	ok(!edits.over, "one that takes another's place is none more");
	edits_add(&edits, (struct json_edit){ TRANSLATE_EDITS, JSON_DROP, S("") });
	ok(edits.over && edits.n == TRANSLATE_EDITS, "and no more");
	for (json_at at = 0; at < 9; at++)
		edits_add(&few, (struct json_edit){ at, JSON_DROP, S("") });
	ok(few.over, "nor more than the arena holds");
	arena_release(&arena);
	arena_release(&small);
}

int main(void)
{
	order();
	ceilings();
	each(as_request, requests, COUNT(requests));
	each(as_server_note, server_notes, COUNT(server_notes));
	return tap_done();
}
