/* handshake.c - the greeting of a server: what is learnt from it, and what of it is told. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"
#include "text/utf8.h"

static const struct {
	enum era era;
	const char *answer;
	enum link_failure failure;
	enum speaks legacy, modern;
} handshakes[] = {
	{ ERA_LEGACY, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32022,\"message\":\"no\"}}",
	  LINK_MISMATCH, SPEAKS_NO, SPEAKS_UNKNOWN },
	{ ERA_LEGACY, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"no\"}}",
	  LINK_MISMATCH, SPEAKS_NO, SPEAKS_UNKNOWN },
	{ ERA_LEGACY, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"no\"}}",
	  LINK_REFUSED, SPEAKS_UNKNOWN, SPEAKS_UNKNOWN },
	{ ERA_LEGACY, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2026-07-28\"}}",
	  LINK_MISMATCH, SPEAKS_NO, SPEAKS_UNKNOWN },
	{ ERA_LEGACY, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", LINK_MISMATCH, SPEAKS_NO,
	  SPEAKS_UNKNOWN },
	{ ERA_MODERN, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"no\"}}",
	  LINK_MISMATCH, SPEAKS_UNKNOWN, SPEAKS_NO },
	{ ERA_MODERN, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"supportedVersions\":[\"2025-06-18\"]}}",
	  LINK_MISMATCH, SPEAKS_UNKNOWN, SPEAKS_NO },
	{ ERA_MODERN, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"supportedVersions\":\"2026-07-28\"}}",
	  LINK_MISMATCH, SPEAKS_UNKNOWN, SPEAKS_NO },
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

static void forgotten_with_the_link(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = open_link(server, ERA_MODERN, &seen);

	ok(link && launch(true) && hear().n, "probed");
	say("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"no\"}}");
	TURN_UNTIL(&loop, seen.dead);
	(void)done(link);
	link = ready_link(server, ERA_LEGACY, &seen);
	(void)done(link);
	ok(!open_link(server, ERA_MODERN, &seen), "a connection that is closed takes nothing along");
	link = ready_link(server, ERA_LEGACY, &seen);
	server_ends();
	TURN_UNTIL(&loop, seen.dead);
	(void)done(link);
	is_int(server->modern, SPEAKS_UNKNOWN, "one that dies does");
	link = open_link(server, ERA_MODERN, &seen);
	ok(link && launch(true) && hear().n, "so the new program is probed again");
	(void)done(link);
	server = server_unref(server);
	buf_release(&seen.last);
}

static void bad_handshakes(void)
{
	struct seen seen = { 0 };

	for (size_t i = 0; i < COUNT(handshakes); i++) {
		struct server *server = server_new();
		struct link *link = open_link(server, handshakes[i].era, &seen);

		ok(link && launch(true) && hear().n, "asked: %s", handshakes[i].answer);
		say(handshakes[i].answer);
		TURN_UNTIL(&loop, seen.dead);
		ok(seen.dead == 1 && !seen.ready && seen.failure == handshakes[i].failure &&
		       strstr(seen.why, handshakes[i].failure == LINK_REFUSED ? "session: no"
					: handshakes[i].era == ERA_LEGACY     ? "update the client"
									      : "begin with initialize"),
		   "it ends: %s, %s", link_failure_word(seen.failure), seen.why);
		ok(server->legacy == handshakes[i].legacy && server->modern == handshakes[i].modern,
		   "and what was learnt is kept");
		(void)done(link);
		server = server_unref(server);
	}
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
	bad_handshakes();
	words_of_refusals();
	cut_words();
	greetings();
	rig_stop();
	return tap_done();
}
