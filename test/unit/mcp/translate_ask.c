/* translate_ask.c - what servers ask of clients, and what clients answer, in the words of the other era. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "reading.h"

enum way {
	ASK_TO_INPUT, /* `in` is a whole message */
	URLS_TO_INPUTS,
	ANSWER_TO_INPUT,
	INPUT_TO_ASK, /* `in` is a value */
	INPUT_TO_ANSWER,
};

struct item {
	const char *name;
	enum method method;
	enum revision to;
	const char *in, *out;
};

/* The value stands in a message, so that it is not the root of what is read. */
static bool say(enum way way, const struct item *item, const struct reading *reading, struct buf *out)
{
	const struct message *message = &reading->message;
	json_at at = message->result == JSON_NONE ? JSON_NONE
						  : json_get(&reading->json, message->result, S("in"));

	switch (way) {
	case ASK_TO_INPUT:
		return translate_ask_to_input(out, message);
	case URLS_TO_INPUTS:
		return translate_url_error_to_inputs(out, message);
	case ANSWER_TO_INPUT:
		return translate_answer_to_input(out, message, item->method);
	case INPUT_TO_ASK:
		return translate_input_to_ask(out, &reading->json, at, item->to, S("\"7\""), S("e\"1"));
	case INPUT_TO_ANSWER:
		return translate_input_to_answer(out, &reading->json, at, item->method, item->to);
	}
	return false;
}

static void one(enum way way, const struct item *item, bool spaced)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)65536), text = BUF_INIT((size_t)65536);
	bool value = way == INPUT_TO_ASK || way == INPUT_TO_ANSWER;
	struct reading reading = { 0 };

	buf_add(&text, value ? S(R "\"id\":1,\"result\":{\"in\":") : S(""));
	buf_add(&text, span_str(item->in));
	buf_add(&text, value ? S("}}") : S(""));
	ok(reading_open(&reading, buf_cstr(&text), spaced), "%s is read", item->name);
	if (!say(way, item, &reading, &out)) {
		is_int(out.n, 0, "%s: nothing is added", item->name);
		buf_add(&out, S(NO_WORDS));
	}
	ok(buf_ok(&out), "%s fits", item->name);
	is_text(buf_span(&out), item->out, item->name, spaced);
	json_release(&reading.json);
}

static void each(enum way way, const struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		one(way, &items[i], false);
		one(way, &items[i], true);
	}
}

#define Q(method, params) R "\"id\":0,\"method\":\"" method "\"" params "}"
#define P(params) ",\"params\":{" params "}"
#define V(method, params) "{\"method\":\"" method "\"" params "}"
#define SAMPLING "sampling/createMessage"
#define ELICIT "elicitation/create"
#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define IMAGE "{\"type\":\"image\",\"data\":\"AAAAAAA=\",\"mimeType\":\"image/png\"}"
#define AUDIO "{\"type\":\"audio\",\"data\":\"AAAA\",\"mimeType\":\"audio/wav\"}"
#define USE "{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"t\",\"input\":{}}"
#define GIVES(content, more)                                                                                 \
	"{\"type\":\"tool_result\",\"toolUseId\":\"1\",\"content\":[" content "]" more "}"
#define STRUCTURE(value) ",\"structuredContent\":" value
#define FORM "\"message\":\"m\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{}}"
#define FIELDS(fields)                                                                                       \
	"\"message\":\"m\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{" fields "}}"
#define PAGE "\"mode\":\"url\",\"message\":\"m\",\"url\":\"https://a\""

static const struct item to_input[] = {
	{ "ping", 0, 0, Q("ping", ""), NO_WORDS },
	{ "a task's state", 0, 0, Q("tasks/get", P("\"taskId\":\"1\"")), NO_WORDS },
	{ "a method nobody knows", 0, 0, Q("roots/other", ""), NO_WORDS },
	{ "a client's method", 0, 0, Q("tools/call", P("")), NO_WORDS },
	{ "a notification", 0, 0, R "\"method\":\"roots/list\"}", NO_WORDS },
	{ "an answer", 0, 0, R "\"id\":1,\"result\":{}}", NO_WORDS },
	{ "sampling of nothing", 0, 0, Q(SAMPLING, ""), NO_WORDS },
	{ "sampling without messages", 0, 0, Q(SAMPLING, P("\"messages\":{}")), NO_WORDS },
	{ "a form of nothing", 0, 0, Q(ELICIT, P("\"message\":\"m\"")), NO_WORDS },
	{ "a form that says nothing", 0, 0, Q(ELICIT, P("\"requestedSchema\":{}")), NO_WORDS },
	{ "a page that is nowhere", 0, 0, Q(ELICIT, P("\"mode\":\"url\",\"message\":\"m\"")), NO_WORDS },
	{ "a mode nobody knows", 0, 0, Q(ELICIT, P(FORM ",\"mode\":\"voice\"")), NO_WORDS },
	{ "a mode that is none", 0, 0, Q(ELICIT, P(FORM ",\"mode\":7")), NO_WORDS },

	{ "roots", 0, 0, Q("roots/list", ""), V("roots/list", "") },
	{ "roots with progress", 0, 0,
	  Q("roots/list", P("\"_meta\":{\"progressToken\":1,\"a\":2," K("related-task") ":{}}")),
	  V("roots/list", P("\"_meta\":{\"a\":2}")) },
	{ "a form", 0, 0, Q(ELICIT, P(FORM ",\"mode\":\"form\",\"task\":{},\"x\":1")),
	  V(ELICIT, P(FORM ",\"mode\":\"form\",\"x\":1")) },
	{ "a form without a mode", 0, 0, Q(ELICIT, P(FORM)), V(ELICIT, P(FORM)) },
	{ "a page", 0, 0, Q(ELICIT, P("\"elicitationId\":\"1\"," PAGE)), V(ELICIT, P(PAGE)) },
	{ "a page without an id", 0, 0, Q(ELICIT, P(PAGE)), V(ELICIT, P(PAGE)) },
	{ "sampling", 0, 0,
	  Q(SAMPLING, P("\"messages\":[{\"role\":\"user\",\"content\":[" GIVES(
			  "", STRUCTURE("{}")) "]}],\"includeContext\":\"thisServer\",\"maxTokens\":1e2")),
	  V(SAMPLING, P("\"messages\":[{\"role\":\"user\",\"content\":[" GIVES(
			  "", STRUCTURE("{}")) "]}],\"includeContext\":\"thisServer\",\"maxTokens\":1e2")) },
	{ "tools in it", 0, 0,
	  Q(SAMPLING, P("\"messages\":[],\"tools\":[{\"name\":\"t\",\"execution\":{}},7],\"toolChoice\":{}")),
	  V(SAMPLING, P("\"messages\":[],\"tools\":[{\"name\":\"t\"},7],\"toolChoice\":{}")) },
};

#define ASK(method, params) "{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"method\":\"" method "\"" params "}"
#define SAYS(content) "{\"role\":\"user\",\"content\":" content "}"

static const struct item to_ask[] = {
	{ "a value that is none", 0, NOVEMBER, "7", NO_WORDS },
	{ "a method that is none", 0, NOVEMBER, "{\"method\":7}", NO_WORDS },
	{ "a method nobody knows", 0, NOVEMBER, V("ping", ""), NO_WORDS },
	{ "a client's method", 0, NOVEMBER, V("tools/list", ""), NO_WORDS },
	{ "params that are none", 0, NOVEMBER, "{\"method\":\"roots/list\",\"params\":[]}", NO_WORDS },
	{ "sampling of nothing", 0, NOVEMBER, V(SAMPLING, ""), NO_WORDS },
	{ "a form before there was any", 0, MARCH, V(ELICIT, P(FORM)), NO_WORDS },
	{ "a page before there was any", 0, JUNE, V(ELICIT, P(PAGE)), NO_WORDS },
	{ "a page that is nowhere", 0, NOVEMBER, V(ELICIT, P("\"mode\":\"url\",\"message\":\"m\"")),
	  NO_WORDS },
	{ "a choice of several, before", 0, JUNE, V(ELICIT, P(FIELDS("\"a\":{\"type\":\"array\"}"))),
	  NO_WORDS },
	{ "a field without a type, before", 0, JUNE, V(ELICIT, P(FIELDS("\"a\":true"))), NO_WORDS },
	{ "fields that are none, before", 0, JUNE,
	  V(ELICIT, P("\"message\":\"m\",\"requestedSchema\":{\"properties\":7}")), NO_WORDS },
	{ "choices that are none, before", 0, JUNE,
	  V(ELICIT, P(FIELDS("\"a\":{\"type\":\"string\",\"oneOf\":[{\"title\":\"A\"}]}"))), NO_WORDS },
	{ "tools in sampling, before", 0, JUNE, V(SAMPLING, P("\"messages\":[],\"tools\":[]")), NO_WORDS },
	{ "a choice of tools, before", 0, JUNE, V(SAMPLING, P("\"messages\":[],\"toolChoice\":{}")),
	  NO_WORDS },
	{ "a tool's use, before", 0, JUNE, V(SAMPLING, P("\"messages\":[" SAYS(USE) "]")), NO_WORDS },
	{ "a tool's result among others, before", 0, JUNE,
	  V(SAMPLING, P("\"messages\":[" SAYS("[" TEXT("a") "," GIVES("", "") "]") "]")), NO_WORDS },

	{ "roots", 0, OLD, V("roots/list", ""), ASK("roots/list", "") },
	{ "roots, with a state that is none", 0, NOVEMBER,
	  "{\"method\":\"roots/list\",\"id\":9,\"params\":{\"_meta\":{\"a\":1," K(
	      "logLevel") ":\"x\"},\"task\":{}}}",
	  ASK("roots/list", P("\"_meta\":{\"a\":1}")) },
	{ "a form", 0, NOVEMBER, V(ELICIT, P("\"mode\":\"form\"," FORM)),
	  ASK(ELICIT, P("\"mode\":\"form\"," FORM)) },
	{ "a form, before modes", 0, JUNE, V(ELICIT, P("\"mode\":\"form\"," FORM)), ASK(ELICIT, P(FORM)) },
	{ "a choice with titles", 0, NOVEMBER,
	  V(ELICIT, P(FIELDS("\"a\":{\"type\":\"string\",\"oneOf\":[{\"const\":\"x\",\"title\":\"X\"}]}"))),
	  ASK(ELICIT,
	      P(FIELDS("\"a\":{\"type\":\"string\",\"oneOf\":[{\"const\":\"x\",\"title\":\"X\"}]}"))) },
	{ "a choice with titles, before", 0, JUNE,
	  V(ELICIT,
	    P(FIELDS(
		"\"a\":{\"type\":\"string\",\"oneOf\":[{\"const\":\"x\",\"title\":\"X\"},{\"const\":\"\\u0079\"}],\"default\":\"x\"}"))),
	  ASK(ELICIT,
	      P(FIELDS(
		  "\"a\":{\"enum\":[\"x\",\"\\u0079\"],\"enumNames\":[\"X\",\"\\u0079\"],\"type\":\"string\",\"default\":\"x\"}"))) },
	{ "a choice said twice, before", 0, JUNE,
	  V(ELICIT,
	    P(FIELDS(
		"\"a\":{\"type\":\"string\",\"enum\":[\"x\"],\"oneOf\":[{\"const\":\"x\"}]},\"b\":{\"type\":\"string\",\"enumNames\":[],\"oneOf\":[]}"))),
	  ASK(ELICIT,
	      P(FIELDS(
		  "\"a\":{\"type\":\"string\",\"enum\":[\"x\"]},\"b\":{\"enum\":[],\"enumNames\":[],\"type\":\"string\"}"))) },
	{ "a page", 0, NOVEMBER, V(ELICIT, P(PAGE)), ASK(ELICIT, P("\"elicitationId\":\"e\\\"1\"," PAGE)) },
	{ "a page with an id of its own", 0, NOVEMBER, V(ELICIT, P(PAGE ",\"elicitationId\":\"x\"")),
	  ASK(ELICIT, P("\"elicitationId\":\"e\\\"1\"," PAGE)) },

	{ "sampling", 0, NOVEMBER,
	  V(SAMPLING, P("\"messages\":[" SAYS("[" TEXT("a") "," USE "]") "],\"tools\":[]")),
	  ASK(SAMPLING, P("\"messages\":[" SAYS("[" TEXT("a") "," USE "]") "],\"tools\":[]")) },
	{ "a tool's structure", 0, NOVEMBER,
	  V(SAMPLING, P("\"messages\":[" SAYS(GIVES("", STRUCTURE("[1]"))) "," SAYS("[" TEXT("a") "," GIVES(
			  TEXT("b"), STRUCTURE("null")) "," GIVES("", STRUCTURE("{}")) "]") "]")),
	  ASK(SAMPLING, P("\"messages\":[" SAYS(GIVES(TEXT("[1]"), "")) "," SAYS("[" TEXT("a") "," GIVES(
			    TEXT("b"), "") "," GIVES("", STRUCTURE("{}")) "]") "]")) },
	{ "a tool's output", 0, NOVEMBER,
	  V(SAMPLING,
	    P("\"messages\":[],\"tools\":[{\"name\":\"t\",\"outputSchema\":{\"type\":\"array\"}}]")),
	  ASK(SAMPLING, P("\"messages\":[],\"tools\":[{\"name\":\"t\"}]")) },
	{ "tools before the messages", 0, NOVEMBER,
	  V(SAMPLING,
	    P("\"tools\":[{\"outputSchema\":{}}],\"messages\":[" SAYS(GIVES("", STRUCTURE("1"))) "]")),
	  ASK(SAMPLING, P("\"tools\":[{}],\"messages\":[" SAYS(GIVES(TEXT("1"), "")) "]")) },
	{ "several blocks, before", 0, JUNE,
	  V(SAMPLING, P("\"messages\":[" SAYS("[" TEXT("a") "," IMAGE "]") "," SAYS(TEXT("b")) "," SAYS(
			  "[]") "," SAYS("[" AUDIO "]") "]")),
	  ASK(SAMPLING, P("\"messages\":[" SAYS(TEXT("a")) "," SAYS(IMAGE) "," SAYS(TEXT("b")) "," SAYS(
			    TEXT("")) "," SAYS(AUDIO) "]")) },
	{ "audio before there was any", 0, OLD,
	  V(SAMPLING, P("\"messages\":[" SAYS(AUDIO) "," SAYS("[" AUDIO "," TEXT("b") "]") ",7]")),
	  ASK(SAMPLING, P("\"messages\":[" SAYS(TEXT("[audio left out: audio/wav, 3 bytes]")) "," SAYS(
			    TEXT("[audio left out: audio/wav, 3 bytes]")) "," SAYS(TEXT("b")) ",7]")) },
};

#define A(result) R "\"id\":1,\"result\":" result "}"
#define E R "\"id\":1,\"error\":{\"code\":-1,\"message\":\"User rejected sampling request\"}}"
#define SAMPLED(content) "{\"role\":\"assistant\",\"model\":\"m\",\"content\":" content "}"

static const struct item answers[] = {
	{ "sampling is refused", METHOD_SAMPLING, 0, E, NO_WORDS },
	{ "there are no roots", METHOD_ROOTS_LIST, 0, E, NO_WORDS },
	{ "an answer to nothing", METHOD_TOOLS_CALL, 0, A("{\"roots\":[]}"), NO_WORDS },
	{ "a question", METHOD_ROOTS_LIST, 0, Q("roots/list", ""), NO_WORDS },
	{ "roots that are none", METHOD_ROOTS_LIST, 0, A("{\"roots\":{}}"), NO_WORDS },
	{ "an action nobody knows", METHOD_ELICITATION, 0, A("{\"action\":\"later\"}"), NO_WORDS },
	{ "an action that is none", METHOD_ELICITATION, 0, A("{\"action\":7}"), NO_WORDS },
	{ "a form that is none", METHOD_ELICITATION, 0, A("{\"action\":\"accept\",\"content\":[]}"),
	  NO_WORDS },
	{ "a task for an answer", METHOD_SAMPLING, 0, A("{\"task\":{\"taskId\":\"1\"}}"), NO_WORDS },
	{ "content that is none", METHOD_SAMPLING, 0, A(SAMPLED("\"x\"")), NO_WORDS },
	{ "a model that is none", METHOD_SAMPLING, 0, A("{\"role\":\"user\",\"content\":{}}"), NO_WORDS },

	{ "an elicitation is refused", METHOD_ELICITATION, 0, E, "{\"action\":\"cancel\"}" },
	{ "and declined", METHOD_ELICITATION, 0, A("{\"action\":\"decline\"}"), "{\"action\":\"decline\"}" },
	{ "and filled in", METHOD_ELICITATION, 0,
	  A("{\"action\":\"accept\",\"content\":{\"a\":[\"x\"],\"n\":12345678901234567890}}"),
	  "{\"action\":\"accept\",\"content\":{\"a\":[\"x\"],\"n\":12345678901234567890}}" },
	{ "roots", METHOD_ROOTS_LIST, 0,
	  A("{\"roots\":[{\"uri\":\"file:///a\"}],\"_meta\":{\"a\":1," K("related-task") ":{}}}"),
	  "{\"roots\":[{\"uri\":\"file:///a\"}],\"_meta\":{\"a\":1}}" },
	{ "one block", METHOD_SAMPLING, 0, A(SAMPLED(TEXT("a"))), SAMPLED(TEXT("a")) },
	{ "several", METHOD_SAMPLING, 0, A(SAMPLED("[" TEXT("a") "," USE "]")),
	  SAMPLED("[" TEXT("a") "," USE "]") },
};

static const struct item to_answer[] = {
	{ "a value that is none", METHOD_ROOTS_LIST, NOVEMBER, "[]", NO_WORDS },
	{ "an answer to something else", METHOD_ROOTS_LIST, NOVEMBER, "{\"action\":\"cancel\"}", NO_WORDS },
	{ "an answer to nothing", METHOD_TOOLS_CALL, NOVEMBER, "{\"roots\":[]}", NO_WORDS },
	{ "an action nobody knows", METHOD_ELICITATION, JUNE, "{\"action\":\"\"}", NO_WORDS },
	{ "content that is none", METHOD_SAMPLING, JUNE, SAMPLED("7"), NO_WORDS },
	{ "a tool's use, before", METHOD_SAMPLING, JUNE, SAMPLED(USE), NO_WORDS },
	{ "a tool's use alone, before", METHOD_SAMPLING, JUNE, SAMPLED("[" USE "]"), NO_WORDS },
	{ "a tool's use among others, before", METHOD_SAMPLING, OLD, SAMPLED("[" TEXT("a") "," USE "]"),
	  NO_WORDS },

	{ "roots", METHOD_ROOTS_LIST, OLD,
	  "{\"resultType\":\"complete\",\"roots\":[],\"_meta\":{" K("serverInfo") ":{},\"a\":1}}",
	  "{\"roots\":[],\"_meta\":{\"a\":1}}" },
	{ "a form", METHOD_ELICITATION, JUNE, "{\"action\":\"accept\",\"content\":{\"a\":1.50}}",
	  "{\"action\":\"accept\",\"content\":{\"a\":1.50}}" },
	{ "several blocks", METHOD_SAMPLING, NOVEMBER, SAMPLED("[" TEXT("a") "," USE "]"),
	  SAMPLED("[" TEXT("a") "," USE "]") },
	{ "a tool's structure", METHOD_SAMPLING, NOVEMBER, SAMPLED("[" GIVES("", STRUCTURE("7")) "]"),
	  SAMPLED("[" GIVES(TEXT("7"), "") "]") },
	{ "one block alone", METHOD_SAMPLING, JUNE, SAMPLED("[" IMAGE "]"), SAMPLED(IMAGE) },
	{ "no block", METHOD_SAMPLING, JUNE, SAMPLED("[]"), SAMPLED(TEXT("")) },
	{ "texts", METHOD_SAMPLING, JUNE, SAMPLED("[" TEXT("a") "," TEXT("\\u0062\\n") "]"),
	  SAMPLED(TEXT("a\\n\\u0062\\n")) },
	{ "texts and others", METHOD_SAMPLING, MARCH, SAMPLED("[" IMAGE "," TEXT("a") "," AUDIO "]"),
	  SAMPLED(TEXT("[image left out: image/png, 5 bytes]\\na\\n[audio left out: audio/wav, 3 bytes]")) },
	{ "audio", METHOD_SAMPLING, MARCH, SAMPLED(AUDIO), SAMPLED(AUDIO) },
	{ "audio before there was any", METHOD_SAMPLING, OLD, SAMPLED(AUDIO),
	  SAMPLED(TEXT("[audio left out: audio/wav, 3 bytes]")) },
	{ "and in an array", METHOD_SAMPLING, OLD, SAMPLED("[" AUDIO "]"),
	  SAMPLED(TEXT("[audio left out: audio/wav, 3 bytes]")) },
};

#define U(code, data) R "\"id\":1,\"error\":{\"code\":" code ",\"message\":\"first\",\"data\":" data "}}"
#define URLS(urls) U("-32042", "{\"elicitations\":[" urls "]}")

static const struct item urls[] = {
	{ "another error", 0, 0, U("-32602", "{\"elicitations\":[{" PAGE "}]}"), NO_WORDS },
	{ "a result", 0, 0, A("{}"), NO_WORDS },
	{ "no data", 0, 0, R "\"id\":1,\"error\":{\"code\":-32042,\"message\":\"m\"}}", NO_WORDS },
	{ "data that are none", 0, 0, U("-32042", "{\"elicitations\":{}}"), NO_WORDS },
	{ "no page", 0, 0, URLS(""), NO_WORDS },
	{ "pages that are none", 0, 0,
	  URLS("7,{\"mode\":\"url\"},{\"url\":7},{\"mode\":\"form\",\"url\":\"a\"}"), NO_WORDS },
	{ "a page", 0, 0, URLS("{\"elicitationId\":\"1\"," PAGE "}"), "{\"url-1\":" V(ELICIT, P(PAGE)) "}" },
	{ "pages among others", 0, 0, URLS("{\"url\":\"a\",\"x\":1},7,{" PAGE "}"),
	  "{\"url-1\":" V(
	      ELICIT,
	      P("\"mode\":\"url\",\"message\":\"first\",\"url\":\"a\",\"x\":1")) ",\"url-2\":" V(ELICIT,
												 P(PAGE)) "}" },
};

static void many_urls(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)8192), out = BUF_INIT((size_t)65536);
	struct reading reading = { 0 };

	buf_add(&text,
		S(R "\"id\":1,\"error\":{\"code\":-32042,\"message\":\"\",\"data\":{\"elicitations\":["));
	for (int i = 0; i < 40; i++)
		buf_add(&text, i ? S(",{\"url\":\"a\"}") : S("{\"url\":\"a\"}"));
	buf_add(&text, S("]}}}"));
	ok(reading_open(&reading, buf_cstr(&text), false), "forty pages are read");
	ok(translate_url_error_to_inputs(&out, &reading.message), "and said");
	ok(span_contains(buf_span(&out), S("\"url-32\"")) && !span_contains(buf_span(&out), S("\"url-33\"")),
	   "as far as anybody opens them");
	json_release(&reading.json);
}

/* A message that is long and is said for each of its blocks grows by the product of both. */
static void too_many_blocks(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1 << 22), out = BUF_INIT((size_t)1 << 26);
	struct json json = { 0 };

	buf_add(&text, S("{\"method\":\"" SAMPLING "\",\"params\":{\"messages\":[{\"role\":\""));
	for (int i = 0; i < 100000; i++)
		buf_add_char(&text, 'u');
	buf_add(&text, S("\",\"content\":["));
	for (int i = 0; i < 10000; i++)
		buf_add(&text, i ? S(",{}") : S("{}"));
	buf_add(&text, S("]}]}}"));
	ok(json_parse(&json, buf_span(&text), text.n), "a long message of many blocks is read");
	ok(translate_input_to_ask(&out, &json, 0, JUNE, S("1"), S("")) && out.over, "and is too much");
	json_release(&json);
}

int main(void)
{
	each(ASK_TO_INPUT, to_input, COUNT(to_input));
	each(INPUT_TO_ASK, to_ask, COUNT(to_ask));
	each(ANSWER_TO_INPUT, answers, COUNT(answers));
	each(INPUT_TO_ANSWER, to_answer, COUNT(to_answer));
	each(URLS_TO_INPUTS, urls, COUNT(urls));
	many_urls();
	too_many_blocks();
	return tap_done();
}
