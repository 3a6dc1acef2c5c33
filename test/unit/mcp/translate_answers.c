/* translate_answers.c - results, tools and errors between revisions. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "items.h"

static bool as_result(const struct message *message, enum method method, struct legs legs,
		      struct edits *edits)
{
	translate_result(message, method, legs, edits);
	return true;
}

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
	made_in_vain();
	each(as_result, results, COUNT(results));
	errors();
	return tap_done();
}
