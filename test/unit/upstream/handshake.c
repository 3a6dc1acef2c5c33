/* handshake.c - the greeting of a server: what is learnt from it, and what of it is told. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"
#include "text/utf8.h"

#define FAULT(code) "\"error\":{\"code\":" #code ",\"message\":\"no\"}"
#define SPEAKS_LEGACY "\"result\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{}}"
#define SPEAKS_MODERN "\"result\":{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{}}"

/* What the server says to each greeting, one after the other; the last one ends it. */
static const struct {
	enum era era;
	const char *answers[4];
	const char *why; /* NULL: it is ready */
	enum speaks legacy, modern;
} handshakes[] = {
	/* Refused for good; what was learnt goes with the connection. */
	{ ERA_LEGACY, { FAULT(-32603) }, "session: no", SPEAKS_UNKNOWN, SPEAKS_UNKNOWN },
	{ ERA_LEGACY, { FAULT(-1) }, "session: no", SPEAKS_UNKNOWN, SPEAKS_UNKNOWN },
	{ ERA_LEGACY, { FAULT(-32601), FAULT(-32601) }, "neither", SPEAKS_UNKNOWN, SPEAKS_UNKNOWN },
	{ ERA_MODERN, { FAULT(-32601), FAULT(-32601) }, "neither", SPEAKS_UNKNOWN, SPEAKS_UNKNOWN },
	{ ERA_MODERN, { FAULT(-32601), FAULT(-32603) }, "session: no", SPEAKS_UNKNOWN, SPEAKS_UNKNOWN },
	{ ERA_LEGACY, { "\"result\":{}", "\"result\":{}" }, "neither", SPEAKS_UNKNOWN, SPEAKS_UNKNOWN },
	/* It said nothing against the era: initialize is tried once more, and not for ever. */
	{ ERA_LEGACY,
	  { FAULT(-32602), FAULT(-32601), FAULT(-32602) },
	  "session: no",
	  SPEAKS_UNKNOWN,
	  SPEAKS_UNKNOWN },
	/* The other era's greeting follows on the same connection. */
	{ ERA_LEGACY, { FAULT(-32022), SPEAKS_MODERN }, NULL, SPEAKS_NO, SPEAKS_YES },
	{ ERA_LEGACY, { FAULT(-32021), SPEAKS_MODERN }, NULL, SPEAKS_NO, SPEAKS_YES },
	{ ERA_LEGACY, { FAULT(-32601), SPEAKS_MODERN }, NULL, SPEAKS_NO, SPEAKS_YES },
	{ ERA_LEGACY, { FAULT(-32600), SPEAKS_MODERN }, NULL, SPEAKS_UNKNOWN, SPEAKS_YES },
	{ ERA_LEGACY, { FAULT(-32602), FAULT(-32601), SPEAKS_LEGACY }, NULL, SPEAKS_YES, SPEAKS_NO },
	{ ERA_LEGACY,
	  { "\"result\":{\"protocolVersion\":\"2026-07-28\"}", SPEAKS_MODERN },
	  NULL,
	  SPEAKS_NO,
	  SPEAKS_YES },
	{ ERA_MODERN, { FAULT(-32601), SPEAKS_LEGACY }, NULL, SPEAKS_YES, SPEAKS_NO },
	{ ERA_MODERN, { FAULT(-32000), SPEAKS_LEGACY }, NULL, SPEAKS_YES, SPEAKS_NO },
	{ ERA_MODERN,
	  { "\"result\":{\"supportedVersions\":[\"2025-06-18\"]}", SPEAKS_LEGACY },
	  NULL,
	  SPEAKS_YES,
	  SPEAKS_NO },
	{ ERA_MODERN,
	  { "\"result\":{\"supportedVersions\":\"2026-07-28\"}", SPEAKS_LEGACY },
	  NULL,
	  SPEAKS_YES,
	  SPEAKS_NO },
	{ ERA_LEGACY, { SPEAKS_LEGACY }, NULL, SPEAKS_YES, SPEAKS_UNKNOWN },
	{ ERA_MODERN, { SPEAKS_MODERN }, NULL, SPEAKS_UNKNOWN, SPEAKS_YES },
};

/* What a server does not speak is not for ever: it is asked again after a while, and when it was gone. */
static void forgetting(void)
{
	struct server *server = server_new();
	uint64_t now = 1000;

	ok(server_may_speak(server, ERA_MODERN, now) && server_may_speak(server, ERA_LEGACY, now),
	   "of a new server nothing is known");
	server_learn(server, ERA_MODERN, false, now);
	ok(!server_may_speak(server, ERA_MODERN, now + SERVER_FORGET_MS - 1) &&
	       server_may_speak(server, ERA_LEGACY, now),
	   "one era that it does not speak");
	ok(server_may_speak(server, ERA_MODERN, now + SERVER_FORGET_MS) && server->modern == SPEAKS_UNKNOWN,
	   "is tried again later");
	server_learn(server, ERA_LEGACY, false, now);
	server_learn(server, ERA_MODERN, true, now);
	server_forget(server);
	ok(server->legacy == SPEAKS_UNKNOWN && server->modern == SPEAKS_YES,
	   "or when what it was learnt from is gone");
	server->modern = SPEAKS_NO;
	server_learn(server, ERA_MODERN, true, now);
	server_forget(server);
	ok(!server_may_speak(server, ERA_MODERN, UINT64_MAX), "the config's word holds for good");
	server = server_unref(server);
}

/* The nth answer to the nth greeting. */
static void say_nth(unsigned n, const char *answer)
{
	char line[512];

	(void)snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%u,%s}", n, answer);
	say(line);
}

static bool hears_initialize(void)
{
	return span_contains(hear(), S("\"method\":\"initialize\""));
}

static bool hears_discover(void)
{
	return span_contains(hear(), S("\"method\":\"server/discover\""));
}

static void forgotten_with_the_link(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = open_link(server, ERA_MODERN, &seen);

	ok(link && launch(true) && hears_discover(), "probed");
	say_nth(1, FAULT(-32601));
	ok(hears_initialize(), "it does not know that: greeted in the other era");
	say_nth(2, SPEAKS_LEGACY);
	TURN_UNTIL(&loop, seen.ready);
	ok(link->era == ERA_LEGACY && server->modern == SPEAKS_NO, "and remembered so");
	(void)done(link);
	link = open_link(server, ERA_MODERN, &seen);
	ok(link && launch(true) && hears_initialize(), "a connection that is closed takes nothing along");
	say_nth(1, SPEAKS_LEGACY);
	TURN_UNTIL(&loop, seen.ready);
	server_ends();
	TURN_UNTIL(&loop, seen.dead);
	(void)done(link);
	is_int(server->modern, SPEAKS_UNKNOWN, "one that dies does");
	link = open_link(server, ERA_MODERN, &seen);
	ok(link && launch(true) && hears_discover(), "so the new program is probed again");
	(void)done(link);
	server_learn(server, ERA_LEGACY, false, loop_now(&loop));
	server_learn(server, ERA_MODERN, false, loop_now(&loop));
	link = open_link(server, ERA_LEGACY, &seen);
	ok(link && launch(true) && hears_initialize() && server->modern == SPEAKS_UNKNOWN,
	   "known to speak neither, it is asked as if nothing were known");
	(void)done(link);
	server = server_unref(server);
	buf_release(&seen.last);
}

/* What the config says is not tried. */
static void configured_eras(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link;

	server->modern = SPEAKS_NO;
	link = open_link(server, ERA_MODERN, &seen);
	ok(link && launch(true) && hears_initialize(), "a server configured as legacy is greeted so");
	say_nth(1, FAULT(-32601));
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.failure == LINK_REFUSED && is_silent(), "and in no other way: %s", seen.why);
	(void)done(link);
	server->legacy = SPEAKS_NO;
	link = open_link(server, ERA_LEGACY, &seen);
	ok(link != NULL, "no era is left: it is asked all the same");
	(void)done(link);
	server->legacy = SPEAKS_NO;
	server->modern = SPEAKS_UNKNOWN;
	link = open_link(server, ERA_LEGACY, &seen);
	ok(link && launch(true) && hears_discover(), "one configured as modern likewise");
	ok(link->deadline_ms > loop_now(&loop) + 10000, "with all the time a greeting has");
	(void)done(link);
	server = server_unref(server);
	buf_release(&seen.last);
}

static void answer_all(const char *const *answers)
{
	for (unsigned i = 0; i < 4 && answers[i]; i++) {
		ok(i == 0 || hear().n > 0, "greeting %u", i + 1);
		say_nth(i + 1, answers[i]);
	}
}

static void all_handshakes(void)
{
	struct seen seen = { 0 };

	for (size_t i = 0; i < COUNT(handshakes); i++) {
		struct server *server = server_new();
		struct link *link = open_link(server, handshakes[i].era, &seen);

		ok(link && launch(true) &&
		       (handshakes[i].era == ERA_LEGACY ? hears_initialize() : hears_discover()),
		   "%zu: asked: %s", i, handshakes[i].answers[0]);
		answer_all(handshakes[i].answers);
		TURN_UNTIL(&loop, seen.dead || seen.ready);
		if (handshakes[i].why)
			ok(seen.dead == 1 && !seen.ready && seen.failure == LINK_REFUSED &&
			       strstr(seen.why, handshakes[i].why),
			   "it ends: %s", seen.why);
		else
			ok(seen.ready == 1 && !seen.dead, "it is ready");
		ok(server->legacy == handshakes[i].legacy && server->modern == handshakes[i].modern,
		   "and what was learnt is kept");
		(void)done(link);
		server = server_unref(server);
	}
	buf_release(&seen.last);
}

/* The words of the other era: what the client said of itself is in them. */
static void turned_words(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct err err = ERR_INIT;
	struct link *link = link_open(&upstream, server, ERA_MODERN,
				      S("{\"" META_VERSION "\":\"2026-07-28\",\"" META_CLIENT
					"\":{\"name\":\"ed\",\"version\":\"3\"},\"" META_CAPABILITIES
					"\":{\"roots\":{}}}"),
				      &events, &seen, &err);
	struct span line;

	ok(link && launch(true) && hears_discover(), "probed");
	say_nth(1, FAULT(-32601));
	line = hear();
	ok(span_contains(line, S("\"name\":\"ed\"")) && span_contains(line, S("\"roots\":{}")) &&
	       span_contains(line, S("\"protocolVersion\":\"2025-11-25\"")) &&
	       !span_contains(line, S("io.modelcontextprotocol")),
	   "the client in the words of initialize: %.*s", SPAN_ARG(line));
	say_nth(1, SPEAKS_MODERN);
	turn_a_while(&loop);
	ok(!seen.ready && !seen.dead, "an answer to the first greeting comes too late");
	say_nth(2, SPEAKS_LEGACY);
	TURN_UNTIL(&loop, seen.ready);
	ok(link->era == ERA_LEGACY && link->revision == REVISION_2025_06_18, "ready in the era it speaks");
	(void)done(link);
	server = server_unref(server);
	buf_release(&seen.last);
}

/* Some legacy servers say nothing to a word they do not know. */
static void silence(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = open_link(server, ERA_MODERN, &seen);

	ok(link && launch(true) && hears_discover(), "probed");
	link_tick(link, link->deadline_ms);
	ok(is_silent(), "as long as there is time, nothing else");
	link_tick(link, link->deadline_ms + 1);
	ok(hears_initialize(), "then it is greeted in the other era");
	ok(server->modern == SPEAKS_UNKNOWN && link->deadline_ms > loop_now(&loop),
	   "from silence nothing is learnt");
	link_tick(link, link->deadline_ms + 1);
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.failure == LINK_SILENT && strstr(seen.why, "initialize"), "silent to that, too: %s",
	   seen.why);
	(void)done(link);
	link = open_link(server, ERA_LEGACY, &seen);
	ok(link && launch(true) && hears_initialize(), "a legacy client's greeting");
	link_tick(link, link->deadline_ms + 1);
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.failure == LINK_SILENT, "is no probe: it has all the time, and no second word");
	(void)done(link);
	server = server_unref(server);
	buf_release(&seen.last);
}

#define REFUSED "the server refused to start a session: "

/* What a server says when it refuses goes into logs and answers, but for secrets. */
static void words_of_refusals(void)
{
	static char a[300], long_secret[20000];
	static const struct {
		const char *says, *why;
		bool blind;
	} cases[] = {
		{ "no", REFUSED "(withheld: it looks like it holds a secret)", true },
		{ "bad key ghp_0123456789abcdefghijklmnopqrstuvwxyz",
		  REFUSED "(withheld: it looks like it holds a secret)", false },
		{ "bad key gh\\u0070_0123456789abcdefghijklmnopqrstuvwxyz",
		  REFUSED "(withheld: it looks like it holds a secret)", false },
		{ a, REFUSED "(withheld: it looks like it holds a secret)", false },
		{ long_secret, REFUSED "(withheld: it is too long)", false },
		{ "", REFUSED, false },
		{ "first log in", REFUSED "first log in", false },
	};
	struct seen seen = { 0 };

	memset(a, ' ', sizeof(a) - 1);
	memcpy(a + 240, "ghp_0123456789abcdefghijklmnopqrstuvwxyz", 40);
	memset(long_secret, ' ', sizeof(long_secret) - 1);
	for (size_t i = 0; i < COUNT(cases); i++) {
		static char line[21000];
		struct server *server = server_new();
		struct link *link = open_link(server, ERA_LEGACY, &seen);

		upstream.has_secret = cases[i].blind ? NULL : redact_has_secret;
		ok(link && launch(true) && hear().n, "%zu: greeted", i);
		(void)snprintf(line, sizeof(line),
			       "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,\"message\":\"%s\"}}",
			       cases[i].says);
		say(line);
		TURN_UNTIL(&loop, seen.dead);
		is_span(span_str(seen.why), span_str(cases[i].why), "refused");
		is_span(span_str(server->last_failure), span_str(cases[i].why), "and so for its status");
		(void)done(link);
		server = server_unref(server);
	}
	buf_release(&seen.last);
}

static void cut_words(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = open_link(server, ERA_LEGACY, &seen);
	CLEANUP(buf_release) struct buf line = BUF_INIT((size_t)4096);

	ok(link && launch(true) && hear().n, "greeted");
	buf_add(&line, S("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,\"message\":\""));
	for (int i = 0; i < 100; i++)
		buf_add(&line, S("門 "));
	buf_add(&line, S("\"}}"));
	say(buf_cstr(&line));
	TURN_UNTIL(&loop, seen.dead);
	ok(strlen(seen.why) >= 190 && strlen(seen.why) < 200 && utf8_valid(span_str(seen.why)),
	   "long words are cut between two characters: %s", seen.why);
	(void)done(link);
	server = server_unref(server);
	buf_release(&seen.last);
}

static void greetings(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = open_link(server, ERA_LEGACY, &seen);

	ok(link && launch(true), "started");
	is_span(hear(),
		S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"hello\":1}}"),
		"the client's greeting, under our id");
	say("not JSON\n{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":{}}");
	turn_a_while(&loop);
	ok(!seen.ready && !seen.dead, "garbage, and answers to nobody, are dropped");
	say(LEGACY);
	TURN_UNTIL(&loop, seen.ready);
	ok(seen.ready == 1 && link->state_of == LINK_READY && link->revision == REVISION_2025_06_18 &&
	       server->legacy == SPEAKS_YES,
	   "ready");
	ok(link_has_capability(link, S("tools")) && !link_has_capability(link, S("logging")) &&
	       !link_has_capability(link, S("prompts")) && link_declares(link, S("tools"), S("listChanged")),
	   "with what it declares");
	say(LEGACY);
	link_initialized(link);
	link_initialized(link);
	is_span(hear(), S("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"), "told so");
	ok(is_silent() && seen.ready == 1, "once");
	(void)done(link);
	link = open_link(server, ERA_MODERN, &seen);
	ok(link && launch(true), "the other era");
	is_span(
	    hear(),
	    S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\",\"params\":{\"_meta\":{\"hello\":1}}}"),
	    "asks what there is");
	say(MODERN);
	TURN_UNTIL(&loop, seen.ready);
	ok(seen.ready && link->revision == REVISION_2026_07_28 && server->modern == SPEAKS_YES, "ready");
	link_initialized(link);
	ok(is_silent(), "and knows no `initialized`");
	(void)done(link);
	server = server_unref(server);
	buf_release(&seen.last);
}

int main(void)
{
	if (!ok(rig_start(), "a loop and a launcher"))
		return tap_done();
	forgetting();
	forgotten_with_the_link();
	configured_eras();
	all_handshakes();
	turned_words();
	silence();
	words_of_refusals();
	cut_words();
	greetings();
	rig_stop();
	return tap_done();
}
