/* translate_greet.c - who is who, and what each can do, in the words of the other era. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "reading.h"

#define CAN_TASKS "\"tasks\":{\"list\":{},\"cancel\":{},\"requests\":{\"tools\":{\"call\":{}}}}"
#define OWN "{\"name\":\"kanmon\",\"version\":\"0\"}"
#define INFO "{\"name\":\"c\",\"version\":\"1\",\"title\":\"C\",\"icons\":[]}"

enum { TO_LEGACY, TO_MODERN, GREETING };

struct item {
	const char *name;
	int what;
	struct legs legs;
	const char *in, *out;
};

#define CLAIM(capabilities) "{" K("clientInfo") ":" INFO "," K("clientCapabilities") ":" capabilities "}"
#define HELLO(capabilities)                                                                                  \
	"{\"protocolVersion\":\"2025-11-25\",\"capabilities\":" capabilities ",\"clientInfo\":" INFO "}"
#define SAID(revision, capabilities)                                                                         \
	"{\"protocolVersion\":\"" revision "\",\"capabilities\":" capabilities ",\"clientInfo\":" INFO "}"
#define CARRIED(capabilities)                                                                                \
	K("protocolVersion")                                                                                 \
	":\"2026-07-28\"," K("clientInfo") ":" INFO "," K("clientCapabilities") ":" capabilities

static const struct item hellos[] = {
	{ "no _meta at all",
	  TO_LEGACY,
	  { 0 },
	  "7",
	  "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":" OWN "}" },
	{ "an empty one",
	  TO_LEGACY,
	  { 0 },
	  "{}",
	  "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":" OWN "}" },
	{ "a client without a version",
	  TO_LEGACY,
	  { 0 },
	  "{" K("clientInfo") ":{\"name\":\"c\"}}",
	  "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":" OWN "}" },
	{ "a client whose name is a number",
	  TO_LEGACY,
	  { 0 },
	  "{" K("clientInfo") ":{\"name\":7,\"version\":\"1\"}," K("clientCapabilities") ":[]}",
	  "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":" OWN "}" },
	{ "a client that can nothing", TO_LEGACY, { 0 }, CLAIM("{}"), HELLO("{}") },
	{ "tasks, both kinds",
	  TO_LEGACY,
	  { 0 },
	  CLAIM("{\"tasks\":{},\"extensions\":{" K("tasks") ":{}," K("ui") ":{\"mimeTypes\":[]}}}"),
	  HELLO("{\"extensions\":{" K("ui") ":{\"mimeTypes\":[]}}}") },
	{ "an elicitation of forms",
	  TO_LEGACY,
	  { 0 },
	  CLAIM("{\"elicitation\":{}}"),
	  HELLO("{\"elicitation\":{}}") },
	{ "and one of pages",
	  TO_LEGACY,
	  { 0 },
	  CLAIM("{\"elicitation\":{\"form\":{},\"url\":{}}}"),
	  HELLO("{\"elicitation\":{\"form\":{},\"url\":{}}}") },
	{ "what nobody knows",
	  TO_LEGACY,
	  { 0 },
	  CLAIM(
	      "{\"roots\":{\"listChanged\":true,\"x\":1},\"sampling\":{\"tools\":{},\"context\":{}},\"experimental\":{\"a\":{}},\"new\":7}"),
	  HELLO(
	      "{\"roots\":{\"x\":1},\"sampling\":{\"tools\":{},\"context\":{}},\"experimental\":{\"a\":{}},\"new\":7}") },

	{ "no params",
	  TO_MODERN,
	  { 0 },
	  "[]",
	  K("protocolVersion") ":\"2026-07-28\"," K("clientCapabilities") ":{}" },
	{ "a client without a name",
	  TO_MODERN,
	  { 0 },
	  "{\"clientInfo\":{\"version\":\"1\"},\"capabilities\":{\"roots\":{}}}",
	  K("protocolVersion") ":\"2026-07-28\"," K("clientCapabilities") ":{\"roots\":{}}" },
	{ "roots that change",
	  TO_MODERN,
	  { 0 },
	  SAID("2025-11-25", "{\"roots\":{\"listChanged\":true}}"),
	  CARRIED("{\"roots\":{}}") },
	{ "roots that are none",
	  TO_MODERN,
	  { 0 },
	  SAID("2025-11-25", "{\"roots\":7,\"extensions\":[]}"),
	  CARRIED("{\"roots\":7,\"extensions\":[]}") },
	{ "tasks",
	  TO_MODERN,
	  { 0 },
	  SAID("2025-11-25", "{\"tasks\":{\"list\":{}},\"extensions\":{" K("tasks") ":{}}}"),
	  CARRIED("{\"extensions\":{}}") },
	{ "elicitation of 2025-11-25",
	  TO_MODERN,
	  { 0 },
	  SAID("2025-11-25", "{\"elicitation\":{\"url\":{},\"form\":{}},\"sampling\":{\"tools\":{}}}"),
	  CARRIED("{\"elicitation\":{\"url\":{},\"form\":{}},\"sampling\":{\"tools\":{}}}") },
	{ "elicitation of 2025-06-18",
	  TO_MODERN,
	  { 0 },
	  SAID("2025-06-18", "{\"elicitation\":{\"url\":{},\"a\":1},\"sampling\":{\"tools\":{}}}"),
	  CARRIED("{\"elicitation\":{\"a\":1},\"sampling\":{}}") },
	{ "elicitation before there was any",
	  TO_MODERN,
	  { 0 },
	  SAID("2025-03-26", "{\"elicitation\":{},\"sampling\":{}}"),
	  CARRIED("{\"sampling\":{}}") },
	{ "a revision nobody knows",
	  TO_MODERN,
	  { 0 },
	  SAID("1999-01-01", "{\"elicitation\":{\"url\":{}}}"),
	  CARRIED("{\"elicitation\":{\"url\":{}}}") },
	{ "a modern one that greets",
	  TO_MODERN,
	  { 0 },
	  SAID("2026-07-28", "{\"elicitation\":{\"url\":{}}}"),
	  CARRIED("{\"elicitation\":{\"url\":{}}}") },
};

#define SERVER "{\"name\":\"s\",\"version\":\"2\",\"websiteUrl\":\"https://s\"}"
#define DISCOVERED                                                                                           \
	"\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\"ttlMs\":0,\"cacheScope\":\"private\""
#define INITIALIZED(revision, info) "\"protocolVersion\":\"" revision "\",\"serverInfo\":" info

static const struct item greetings[] = {
	{ "nothing, down",
	  GREETING,
	  { MODERN, NOVEMBER },
	  "7",
	  "{" INITIALIZED("2025-11-25", OWN) ",\"capabilities\":{}}" },
	{ "nothing, up",
	  GREETING,
	  { NOVEMBER, MODERN },
	  "[]",
	  "{" DISCOVERED ",\"capabilities\":{},\"_meta\":{" K("serverInfo") ":" OWN "}}" },
	{ "parts that are none, down",
	  GREETING,
	  { MODERN, JUNE },
	  "{\"capabilities\":[],\"instructions\":7,\"_meta\":\"x\"}",
	  "{" INITIALIZED("2025-06-18", OWN) ",\"capabilities\":{}}" },
	{ "parts that are none, up",
	  GREETING,
	  { JUNE, MODERN },
	  "{\"serverInfo\":7,\"capabilities\":null,\"_meta\":[]}",
	  "{" DISCOVERED ",\"capabilities\":{},\"_meta\":{" K("serverInfo") ":" OWN "}}" },
	{ "a discovery",
	  GREETING,
	  { MODERN, JUNE },
	  "{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\",\"2025-11-25\"],\"capabilities\":{\"tools\":{\"listChanged\":true},\"completions\":{},\"logging\":{},\"resources\":{\"subscribe\":true},\"experimental\":{\"a\":{}},\"new\":[]},\"instructions\":\"i\",\"ttlMs\":5,\"cacheScope\":\"public\",\"_meta\":{" K(
	      "serverInfo") ":" SERVER ",\"a\":1},\"more\":2}",
	  "{" INITIALIZED(
	      "2025-06-18",
	      SERVER) ",\"capabilities\":{\"tools\":{\"listChanged\":true},\"completions\":{},\"logging\":{},\"resources\":{\"subscribe\":true},\"experimental\":{\"a\":{}},\"new\":[]},\"instructions\":\"i\",\"_meta\":{\"a\":1},\"more\":2}" },
	{ "an initialization",
	  GREETING,
	  { NOVEMBER, MODERN },
	  "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tasks\":{},\"prompts\":{}},\"serverInfo\":" SERVER
	  ",\"instructions\":\"i\",\"more\":2}",
	  "{" DISCOVERED ",\"_meta\":{" K(
	      "serverInfo") ":" SERVER
			    "},\"capabilities\":{\"prompts\":{}},\"instructions\":\"i\",\"more\":2}" },
	{ "with a _meta of its own",
	  GREETING,
	  { NOVEMBER, MODERN },
	  "{\"serverInfo\":" SERVER ",\"capabilities\":{},\"_meta\":{" K("serverInfo") ":{},\"a\":1}}",
	  "{" DISCOVERED ",\"capabilities\":{},\"_meta\":{" K("serverInfo") ":" SERVER ",\"a\":1}}" },
	{ "tasks as an extension",
	  GREETING,
	  { MODERN, NOVEMBER },
	  "{\"capabilities\":{\"extensions\":{" K("tasks") ":{},\"a/b\":{}}}}",
	  "{" INITIALIZED("2025-11-25", OWN) ",\"capabilities\":{" CAN_TASKS
					     ",\"extensions\":{\"a/b\":{}}}}" },
	{ "tasks as an extension, for who cannot know",
	  GREETING,
	  { MODERN, JUNE },
	  "{\"capabilities\":{\"extensions\":{" K("tasks") ":{},\"a/b\":{}}}}",
	  "{" INITIALIZED("2025-06-18", OWN) ",\"capabilities\":{\"extensions\":{\"a/b\":{}}}}" },
	{ "tasks of calls",
	  GREETING,
	  { NOVEMBER, MODERN },
	  "{\"serverInfo\":" SERVER ",\"capabilities\":{" CAN_TASKS "},\"_meta\":{}}",
	  "{" DISCOVERED ",\"capabilities\":{\"extensions\":{" K("tasks") ":{}}},\"_meta\":{" K(
	      "serverInfo") ":" SERVER "}}" },
	{ "tasks of calls, beside extensions",
	  GREETING,
	  { NOVEMBER, MODERN },
	  "{\"serverInfo\":" SERVER ",\"capabilities\":{" CAN_TASKS
	  ",\"extensions\":{\"a/b\":{}}},\"_meta\":{}}",
	  "{" DISCOVERED ",\"capabilities\":{\"extensions\":{" K("tasks") ":{},\"a/b\":{}}},\"_meta\":{" K(
	      "serverInfo") ":" SERVER "}}" },
	{ "tasks before there were any",
	  GREETING,
	  { NOVEMBER, JUNE },
	  "{\"protocolVersion\":\"2025-11-25\",\"serverInfo\":" SERVER ",\"capabilities\":{\"tasks\":{}}}",
	  "{" INITIALIZED("2025-06-18", SERVER) ",\"capabilities\":{}}" },
};

static void one(const struct item *item, bool spaced)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)65536), text = BUF_INIT((size_t)65536);
	struct reading reading = { 0 };
	json_at at;

	buf_add(&text, S(R "\"id\":1,\"result\":{\"in\":"));
	buf_add(&text, span_str(item->in));
	buf_add(&text, S("}}"));
	ok(reading_open(&reading, buf_cstr(&text), spaced), "%s is read", item->name);
	at = json_get(&reading.json, reading.message.result, S("in"));
	if (item->what == TO_LEGACY)
		translate_hello_to_legacy(&out, &reading.json, at, S(OWN));
	else if (item->what == TO_MODERN)
		translate_hello_to_modern(&out, &reading.json, at);
	else
		translate_greeting(&out, &reading.json, at, item->legs, S(OWN));
	ok(buf_ok(&out), "%s fits", item->name);
	is_text(buf_span(&out), item->out, item->name, spaced);
	json_release(&reading.json);
}

/* A greeting without its end would be one that says less: what does not fit is marked. */
static void too_long(void)
{
	CLEANUP(buf_release) struct buf whole = BUF_INIT((size_t)4096);
	struct reading reading = { 0 };

	ok(reading_open(&reading, R "\"id\":1,\"result\":{\"capabilities\":{\"tasks\":{}},\"_meta\":{}}}",
			false),
	   "a greeting is read");
	translate_greeting(&whole, &reading.json, reading.message.result, (struct legs){ NOVEMBER, MODERN },
			   S(OWN));
	for (size_t max = 1; max <= whole.n; max++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(max);

		translate_greeting(&out, &reading.json, reading.message.result,
				   (struct legs){ NOVEMBER, MODERN }, S(OWN));
		is_int(buf_ok(&out), max == whole.n, "a greeting of %zu bytes where %zu fit", whole.n, max);
	}
	json_release(&reading.json);
}

int main(void)
{
	for (size_t i = 0; i < COUNT(hellos); i++) {
		one(&hellos[i], false);
		one(&hellos[i], true);
	}
	for (size_t i = 0; i < COUNT(greetings); i++) {
		one(&greetings[i], false);
		one(&greetings[i], true);
	}
	too_long();
	return tap_done();
}
