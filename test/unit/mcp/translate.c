/* translate.c - requests, results, tools, errors and notifications between revisions. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "reading.h"

typedef bool translate_fn(const struct message *message, enum method method, struct legs legs,
			  struct edits *edits);

/* What a client's requests carry to a modern server. */
#define META K("protocolVersion") ":\"2026-07-28\"," K("clientInfo") ":{}," K("clientCapabilities") ":{}"

static bool as_request(const struct message *message, enum method method, struct legs legs,
		       struct edits *edits)
{
	(void)method;
	return translate_request(message, legs, legs.to == MODERN ? S(META) : S(""), edits);
}

static bool as_client_note(const struct message *message, enum method method, struct legs legs,
			   struct edits *edits)
{
	(void)method;
	return translate_client_notification(message, legs, edits);
}

static bool as_server_note(const struct message *message, enum method method, struct legs legs,
			   struct edits *edits)
{
	(void)method;
	return translate_server_notification(message, legs, edits);
}

static bool as_result(const struct message *message, enum method method, struct legs legs,
		      struct edits *edits)
{
	translate_result(message, method, legs, edits);
	return true;
}

struct item {
	const char *name;
	struct legs legs;
	enum method method;
	const char *in, *out;
};

static void one(translate_fn *translate, const struct item *item, bool spaced)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)65536);
	struct arena arena = ARENA_INIT((size_t)1 << 20);
	struct edits edits = { .arena = &arena };
	struct reading reading = { 0 };

	ok(reading_open(&reading, item->in, spaced), "%s is read", item->name);
	if (translate(&reading.message, item->method, item->legs, &edits))
		json_emit(&out, &reading.json, 0, edits.list, edits.n);
	else
		buf_add(&out, S(NO_WORDS));
	ok(!edits.over, "%s fits", item->name);
	is_text(buf_span(&out), item->out, item->name, spaced);
	json_release(&reading.json);
	arena_release(&arena);
}

static void each(translate_fn *translate, const struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		one(translate, &items[i], false);
		one(translate, &items[i], true);
	}
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

static const struct item client_notes[] = {
	{ "it is ready", { NOVEMBER, MODERN }, 0, N("notifications/initialized", ""), NO_WORDS },
	{ "its roots", { NOVEMBER, MODERN }, 0, N("notifications/roots/list_changed", ""), NO_WORDS },
	{ "its task", { NOVEMBER, MODERN }, 0, N("notifications/tasks/status", ",\"params\":{}"), NO_WORDS },
	{ "its progress",
	  { NOVEMBER, MODERN },
	  0,
	  N("notifications/progress", ",\"params\":{\"progressToken\":1,\"progress\":1}"),
	  NO_WORDS },
	{ "a modern client's progress",
	  { MODERN, NOVEMBER },
	  0,
	  N("notifications/progress", ",\"params\":{\"progressToken\":1,\"progress\":1}"),
	  NO_WORDS },
	{ "nothing is cancelled",
	  { NOVEMBER, MODERN },
	  0,
	  N("notifications/cancelled", ",\"params\":{}"),
	  NO_WORDS },
	{ "a fraction is cancelled",
	  { NOVEMBER, MODERN },
	  0,
	  N("notifications/cancelled", ",\"params\":{\"requestId\":1.5}"),
	  NO_WORDS },
	{ "a server's notification", { NOVEMBER, MODERN }, 0, N("notifications/message", ""), NO_WORDS },
	{ "a request is no notification",
	  { NOVEMBER, MODERN },
	  0,
	  Q("notifications/cancelled", ""),
	  NO_WORDS },
	{ "cancelled, up",
	  { JUNE, MODERN },
	  0,
	  N("notifications/cancelled", ",\"params\":{\"requestId\":0,\"reason\":\"x\"}"),
	  N("notifications/cancelled", ",\"params\":{\"requestId\":0,\"reason\":\"x\"}") },
	{ "cancelled, down",
	  { MODERN, JUNE },
	  0,
	  N("notifications/cancelled",
	    ",\"params\":{\"requestId\":\"a\",\"_meta\":{" K("protocolVersion") ":\"2026-07-28\",\"x\":1}}"),
	  N("notifications/cancelled", ",\"params\":{\"requestId\":\"a\",\"_meta\":{\"x\":1}}") },
	{ "roots, in one era",
	  { NOVEMBER, JUNE },
	  0,
	  N("notifications/roots/list_changed", ""),
	  N("notifications/roots/list_changed", "") },
};

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

#define A(result) R "\"id\":1,\"result\":" result "}"
#define COMPLETE "\"resultType\":\"complete\""
#define CACHED COMPLETE ",\"ttlMs\":0,\"cacheScope\":\"private\""
#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define AUDIO "{\"type\":\"audio\",\"data\":\"AAAAAA==\",\"mimeType\":\"audio/wav\"}"
#define LINK "{\"type\":\"resource_link\",\"uri\":\"file:///a\",\"name\":\"n\"}"

static const struct item results[] = {
	{ "an error is none",
	  { NOVEMBER, MODERN },
	  METHOD_TOOLS_CALL,
	  R "\"id\":1,\"error\":{\"code\":1,\"message\":\"\"}}",
	  R "\"id\":1,\"error\":{\"code\":1,\"message\":\"\"}}" },
	{ "a call's, up",
	  { OLD, MODERN },
	  METHOD_TOOLS_CALL,
	  A("{\"content\":[" AUDIO "],\"isError\":false}"),
	  A("{" COMPLETE ",\"content\":[" AUDIO "],\"isError\":false}") },
	{ "an empty one, up", { NOVEMBER, MODERN }, METHOD_COMPLETE, A("{}"), A("{" COMPLETE "}") },
	{ "one that says it is modern, up",
	  { NOVEMBER, MODERN },
	  METHOD_TOOLS_CALL,
	  A("{\"resultType\":\"input_required\",\"requestState\":\"s\",\"inputRequests\":{},\"content\":[],\"x\":1}"),
	  A("{" COMPLETE ",\"content\":[],\"x\":1}") },
	{ "one that says nothing else, up",
	  { NOVEMBER, MODERN },
	  METHOD_TOOLS_LIST,
	  A("{\"ttlMs\":1e9,\"cache\\u0053cope\":\"public\"}"),
	  A("{" CACHED "}") },
	{ "a list's, up",
	  { NOVEMBER, MODERN },
	  METHOD_PROMPTS_LIST,
	  A("{\"prompts\":[],\"nextCursor\":\"\"}"),
	  A("{" CACHED ",\"prompts\":[],\"nextCursor\":\"\"}") },
	{ "resources, up",
	  { NOVEMBER, MODERN },
	  METHOD_RESOURCES_LIST,
	  A("{\"resources\":[]}"),
	  A("{" CACHED ",\"resources\":[]}") },
	{ "templates, up",
	  { NOVEMBER, MODERN },
	  METHOD_TEMPLATES_LIST,
	  A("{\"resourceTemplates\":[]}"),
	  A("{" CACHED ",\"resourceTemplates\":[]}") },
	{ "a resource, up",
	  { NOVEMBER, MODERN },
	  METHOD_RESOURCES_READ,
	  A("{\"contents\":[{\"uri\":\"a\"}]}"),
	  A("{" CACHED ",\"contents\":[{\"uri\":\"a\"}]}") },
	{ "a prompt, up: nothing of it is cached",
	  { NOVEMBER, MODERN },
	  METHOD_PROMPTS_GET,
	  A("{\"messages\":[]}"),
	  A("{" COMPLETE ",\"messages\":[]}") },
	{ "its _meta, up",
	  { NOVEMBER, MODERN },
	  METHOD_COMPLETE,
	  A("{\"_meta\":{" K("related-task") ":{}," K("serverInfo") ":{},\"a\":1}}"),
	  A("{" COMPLETE ",\"_meta\":{\"a\":1}}") },
	{ "a list's, down",
	  { MODERN, NOVEMBER },
	  METHOD_PROMPTS_LIST,
	  A("{" CACHED ",\"prompts\":[{\"name\":\"p\",\"ttlMs\":1}],\"x\":{}}"),
	  A("{\"prompts\":[{\"name\":\"p\",\"ttlMs\":1}],\"x\":{}}") },
	{ "nothing else, down", { MODERN, NOVEMBER }, METHOD_COMPLETE, A("{" COMPLETE "}"), A("{}") },
	{ "its _meta, down",
	  { MODERN, NOVEMBER },
	  METHOD_COMPLETE,
	  A("{" COMPLETE ",\"_meta\":{\"a\":1," K("serverInfo") ":{\"name\":\"s\"}}}"),
	  A("{\"_meta\":{\"a\":1}}") },

	{ "an array of structure beside content",
	  { MODERN, NOVEMBER },
	  METHOD_TOOLS_CALL,
	  A("{\"content\":[" TEXT("x") "],\"structuredContent\":[1,{\"a\":2}]}"),
	  A("{\"content\":[" TEXT("x") "]}") },
	{ "an array of structure alone",
	  { MODERN, NOVEMBER },
	  METHOD_TOOLS_CALL,
	  A("{\"content\":[],\"structuredContent\":[1,{\"a\":\"\\n\\\"\"}]}"),
	  A("{\"content\":[" TEXT("[1,{\\\"a\\\":\\\"\\\\n\\\\\\\"\\\"}]") "]}") },
	{ "a string of structure, no content at all",
	  { MODERN, JUNE },
	  METHOD_TOOLS_CALL,
	  A("{" COMPLETE ",\"structuredContent\":\"s\"}"),
	  A("{\"content\":[" TEXT("\\\"s\\\"") "]}") },
	{ "null of structure alone",
	  { MODERN, NOVEMBER },
	  METHOD_TOOLS_CALL,
	  A("{\"structuredContent\":null,\"content\":[]}"),
	  A("{\"content\":[" TEXT("null") "]}") },
	{ "null of structure beside content",
	  { MODERN, NOVEMBER },
	  METHOD_TOOLS_CALL,
	  A("{\"structuredContent\":null,\"content\":[" LINK "]}"),
	  A("{\"content\":[" LINK "]}") },
	{ "content that is none",
	  { MODERN, NOVEMBER },
	  METHOD_TOOLS_CALL,
	  A("{\"structuredContent\":1,\"content\":7}"),
	  A("{\"content\":7}") },
	{ "an object of structure",
	  { MODERN, NOVEMBER },
	  METHOD_TOOLS_CALL,
	  A("{\"content\":[],\"structuredContent\":{\"a\":[]}}"),
	  A("{\"content\":[],\"structuredContent\":{\"a\":[]}}") },
	{ "an object that nobody looks at",
	  { NOVEMBER, MARCH },
	  METHOD_TOOLS_CALL,
	  A("{\"content\":[],\"structuredContent\":{\"a\":1}}"),
	  A("{\"content\":[" TEXT("{\\\"a\\\":1}") "],\"structuredContent\":{\"a\":1}}") },
	{ "any structure, up",
	  { NOVEMBER, MODERN },
	  METHOD_TOOLS_CALL,
	  A("{\"content\":[],\"structuredContent\":[]}"),
	  A("{" COMPLETE ",\"content\":[],\"structuredContent\":[]}") },
	{ "structure of what is no call",
	  { MODERN, NOVEMBER },
	  METHOD_COMPLETE,
	  A("{\"structuredContent\":[]}"),
	  A("{\"structuredContent\":[]}") },

	{ "audio since 2025-03-26",
	  { MODERN, MARCH },
	  METHOD_TOOLS_CALL,
	  A("{\"content\":[" AUDIO "]}"),
	  A("{\"content\":[" AUDIO "]}") },
	{ "audio before",
	  { MODERN, OLD },
	  METHOD_TOOLS_CALL,
	  A("{\"content\":[" TEXT("x") "," AUDIO "]}"),
	  A("{\"content\":[" TEXT("x") "," TEXT("[audio left out: audio/wav, 4 bytes]") "]}") },
	{ "audio between legacy ends",
	  { NOVEMBER, OLD },
	  METHOD_TOOLS_CALL,
	  A("{\"content\":[{\"type\":\"audio\",\"annotations\":{\"priority\":1},\"_meta\":{\"a\":1}}]}"),
	  A("{\"content\":[{\"type\":\"text\",\"text\":\"[audio left out: 0 bytes]\",\"annotations\":{\"priority\":1},\"_meta\":{\"a\":1}}]}") },
	{ "a link since 2025-06-18",
	  { MODERN, JUNE },
	  METHOD_TOOLS_CALL,
	  A("{\"content\":[" LINK "]}"),
	  A("{\"content\":[" LINK "]}") },
	{ "a link before",
	  { MODERN, MARCH },
	  METHOD_TOOLS_CALL,
	  A("{\"content\":[" LINK "]}"),
	  A("{\"content\":[" TEXT("[resource] n: file:///a") "]}") },
	{ "a link with all there is",
	  { MODERN, OLD },
	  METHOD_TOOLS_CALL,
	  A("{\"content\":[{\"type\":\"resource_link\",\"uri\":\"file:///\\u0061\",\"name\":\"n\",\"title\":\"\\\"T\\\"\",\"mimeType\":\"text/plain\",\"description\":\"d\"}]}"),
	  A("{\"content\":[" TEXT("[resource] \\\"T\\\": file:///\\u0061 (text/plain)\\nd") "]}") },
	{ "blocks that are none",
	  { MODERN, OLD },
	  METHOD_TOOLS_CALL,
	  A("{\"content\":[1,null,{\"type\":7},{\"type\":\"new\"},[]]}"),
	  A("{\"content\":[1,null,{\"type\":7},{\"type\":\"new\"},[]]}") },
	{ "a prompt's messages",
	  { MODERN, MARCH },
	  METHOD_PROMPTS_GET,
	  A("{\"messages\":[{\"role\":\"user\",\"content\":" LINK "},{\"role\":\"user\",\"content\":" AUDIO
	    "},7,{}]}"),
	  A("{\"messages\":[{\"role\":\"user\",\"content\":" TEXT(
	      "[resource] n: file:///a") "},{\"role\":\"user\",\"content\":" AUDIO "},7,{}]}") },
	{ "a prompt without messages",
	  { MODERN, MARCH },
	  METHOD_PROMPTS_GET,
	  A("{\"messages\":{}}"),
	  A("{\"messages\":{}}") },
	{ "a resource holds what it holds",
	  { MODERN, OLD },
	  METHOD_RESOURCES_READ,
	  A("{\"contents\":[{\"uri\":\"a\",\"type\":\"audio\"}]}"),
	  A("{\"contents\":[{\"uri\":\"a\",\"type\":\"audio\"}]}") },

	{ "tools that are none",
	  { MODERN, NOVEMBER },
	  METHOD_TOOLS_LIST,
	  A("{\"tools\":7}"),
	  A("{\"tools\":7}") },
	{ "some that are none",
	  { MODERN, NOVEMBER },
	  METHOD_TOOLS_LIST,
	  A("{\"tools\":[7,[],{}]}"),
	  A("{\"tools\":[7,[],{}]}") },
	{ "an output of anything",
	  { MODERN, NOVEMBER },
	  METHOD_TOOLS_LIST,
	  A("{\"tools\":[{\"name\":\"a\",\"outputSchema\":{\"type\":\"array\"}},{\"name\":\"b\",\"outputSchema\":true},{\"outputSchema\":{\"$ref\":\"#/$defs/a\"},\"name\":\"c\"}]}"),
	  A("{\"tools\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]}") },
	{ "an output of several types",
	  { MODERN, NOVEMBER },
	  METHOD_TOOLS_LIST,
	  A("{\"tools\":[{\"outputSchema\":{\"type\":[\"object\",\"null\"]}}]}"),
	  A("{\"tools\":[{}]}") },
	{ "properties that are none",
	  { MODERN, NOVEMBER },
	  METHOD_TOOLS_LIST,
	  A("{\"tools\":[{\"outputSchema\":{\"type\":\"object\",\"properties\":[]}}]}"),
	  A("{\"tools\":[{}]}") },
	{ "an output of an object",
	  { MODERN, JUNE },
	  METHOD_TOOLS_LIST,
	  A("{\"tools\":[{\"outputSchema\":{\"type\":\"object\",\"properties\":{\"a\":true,\"b\":false,\"c\":{}}}}]}"),
	  A("{\"tools\":[{\"outputSchema\":{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{\"not\":{}},\"c\":{}}}}]}") },
	{ "an input with any property",
	  { MODERN, OLD },
	  METHOD_TOOLS_LIST,
	  A("{\"tools\":[{\"inputSchema\":{\"type\":\"object\",\"properties\":{\"a\":true},\"x-mcp-header\":1}}]}"),
	  A("{\"tools\":[{\"inputSchema\":{\"type\":\"object\",\"properties\":{\"a\":{}},\"x-mcp-header\":1}}]}") },
	{ "an output before the input",
	  { MODERN, OLD },
	  METHOD_TOOLS_LIST,
	  A("{\"tools\":[{\"outputSchema\":{\"type\":\"object\",\"properties\":{\"a\":true}},\"inputSchema\":{\"type\":\"object\",\"properties\":{\"b\":false}},\"execution\":{}}]}"),
	  A("{\"tools\":[{\"outputSchema\":{\"type\":\"object\",\"properties\":{\"a\":{}}},\"inputSchema\":{\"type\":\"object\",\"properties\":{\"b\":{\"not\":{}}}}}]}") },
	{ "names behind escapes",
	  { MODERN, OLD },
	  METHOD_TOOLS_LIST,
	  A("{\"tools\":[{\"output\\u0053chema\":{\"type\":\"array\"},\"\\u0065xecution\":{}}]}"),
	  A("{\"tools\":[{}]}") },
	{ "an output of anything, up",
	  { NOVEMBER, MODERN },
	  METHOD_TOOLS_LIST,
	  A("{\"tools\":[{\"outputSchema\":{\"type\":\"array\"},\"inputSchema\":{\"properties\":{\"a\":true}}}]}"),
	  A("{" CACHED
	    ",\"tools\":[{\"outputSchema\":{\"type\":\"array\"},\"inputSchema\":{\"properties\":{\"a\":true}}}]}") },
	{ "execution, up",
	  { NOVEMBER, MODERN },
	  METHOD_TOOLS_LIST,
	  A("{\"tools\":[{\"execution\":{\"taskSupport\":\"optional\"},\"name\":\"a\",\"icons\":[]}]}"),
	  A("{" CACHED ",\"tools\":[{\"name\":\"a\",\"icons\":[]}]}") },
	{ "execution, back",
	  { NOVEMBER, JUNE },
	  METHOD_TOOLS_LIST,
	  A("{\"tools\":[{\"name\":\"a\",\"execution\":{}}]}"),
	  A("{\"tools\":[{\"name\":\"a\"}]}") },
	{ "execution, where it belongs",
	  { JUNE, NOVEMBER },
	  METHOD_TOOLS_LIST,
	  A("{\"tools\":[{\"execution\":{}}]}"),
	  A("{\"tools\":[{\"execution\":{}}]}") },
};

#define DATA(data) ",\"data\":" data
#define E(code, data) R "\"id\":1,\"error\":{\"code\":" code ",\"message\":\"m\"" data "}}"

static const struct {
	const char *name, *in;
	enum method method;
	struct legs legs;
	int64_t want;
} codes[] = {
	{ "a result has no code", A("{}"), METHOD_TOOLS_CALL, { NOVEMBER, MODERN }, -32603 },
	{ "mismatch of headers", E("-32020", ""), METHOD_TOOLS_CALL, { MODERN, NOVEMBER }, -32603 },
	{ "a capability lacks", E("-32021", ""), METHOD_TOOLS_CALL, { MODERN, NOVEMBER }, -32600 },
	{ "a revision lacks", E("-32022", ""), METHOD_TOOLS_CALL, { MODERN, NOVEMBER }, -32602 },
	{ "what a legacy server means by it",
	  E("-32022", ""),
	  METHOD_TOOLS_CALL,
	  { NOVEMBER, MODERN },
	  -32603 },
	{ "pages to open first, up", E("-32042", ""), METHOD_TOOLS_CALL, { NOVEMBER, MODERN }, -32603 },
	{ "pages to open first, back", E("-32042", ""), METHOD_TOOLS_CALL, { NOVEMBER, JUNE }, -32603 },
	{ "codes nobody may give away", E("-32099", ""), METHOD_TOOLS_CALL, { NOVEMBER, MODERN }, -32603 },
	{ "a server's own", E("-32019", ""), METHOD_TOOLS_CALL, { NOVEMBER, MODERN }, -32019 },
	{ "a server's own, far off", E("-32100", ""), METHOD_TOOLS_CALL, { NOVEMBER, MODERN }, -32100 },
	{ "no such resource, up", E("-32002", ""), METHOD_RESOURCES_READ, { NOVEMBER, MODERN }, -32602 },
	{ "no such resource, down",
	  E("-32602", DATA("{\"uri\":\"a\"}")),
	  METHOD_RESOURCES_READ,
	  { MODERN, NOVEMBER },
	  -32002 },
	{ "no uri, down", E("-32602", DATA("{}")), METHOD_RESOURCES_READ, { MODERN, NOVEMBER }, -32602 },
	{ "no data, down", E("-32602", ""), METHOD_RESOURCES_READ, { MODERN, NOVEMBER }, -32602 },
	{ "data that is none, down",
	  E("-32602", DATA("\"uri\"")),
	  METHOD_RESOURCES_READ,
	  { MODERN, NOVEMBER },
	  -32602 },
	{ "a uri that is none, down",
	  E("-32602", DATA("{\"uri\":1}")),
	  METHOD_RESOURCES_READ,
	  { MODERN, NOVEMBER },
	  -32602 },
	{ "no resource was read",
	  E("-32602", DATA("{\"uri\":\"a\"}")),
	  METHOD_TOOLS_CALL,
	  { MODERN, NOVEMBER },
	  -32602 },
	{ "in one era", E("-32002", ""), METHOD_RESOURCES_READ, { NOVEMBER, JUNE }, -32002 },
	{ "one of everybody's", E("-32601", ""), METHOD_TOOLS_CALL, { MODERN, NOVEMBER }, -32601 },
	{ "a positive one", E("7", ""), METHOD_TOOLS_CALL, { NOVEMBER, MODERN }, 7 },
};

static void errors(void)
{
	for (size_t i = 0; i < COUNT(codes); i++) {
		struct reading reading = { 0 };

		ok(reading_open(&reading, codes[i].in, false), "an error is read");
		is_int(translate_error_code(&reading.message, codes[i].method, codes[i].legs), codes[i].want,
		       "%s", codes[i].name);
		json_release(&reading.json);
	}
}

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

/* What is made here does not fit: the message is refused, not sent without it. */
static void made_in_vain(void)
{
	struct arena arena = ARENA_INIT((size_t)300);
	struct edits edits = { .arena = &arena };
	struct reading reading = { 0 };

	ok(reading_open(&reading, A("{\"structuredContent\":[\"0123456789012345678901234567890123456789\"]}"),
			false),
	   "a result is read");
	arena.used = 220;
	translate_result(&reading.message, METHOD_TOOLS_CALL, (struct legs){ MODERN, NOVEMBER }, &edits);
	ok(edits.over, "without memory it is marked");
	json_release(&reading.json);
	arena_release(&arena);
}

int main(void)
{
	order();
	ceilings();
	made_in_vain();
	each(as_request, requests, COUNT(requests));
	each(as_client_note, client_notes, COUNT(client_notes));
	each(as_server_note, server_notes, COUNT(server_notes));
	each(as_result, results, COUNT(results));
	errors();
	return tap_done();
}
