/* front_stdio.c - a host on a pair of pipes: which era it speaks, and several messages in one line. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "stdio_host.h"

/* --- a host that probes and goes on to initialize before the answer --- */

static void refused_switch(struct server *server)
{
	struct host host;
	struct peer peer;

	if (!ok(begin(&host, server), "a host"))
		return;
	say(&host, REQUEST("1", "tools/call", "\"name\":\"t\"," META));
	ok(rig_greet(&peer, "{\"tools\":{}}"), "a modern call is under way");
	say(&host, HELLO("2", "2025-11-25"));
	ok(hears(&host, "\"id\":2", "K604"), "a host with a call under way does not begin anew");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":" TOOLS "}",
		rig_id(rig_hear_of(&peer, "tools/list")));
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}",
		rig_id(rig_hear_of(&peer, "tools/call")));
	ok(hears(&host, "\"id\":1", "\"content\""), "and its call is answered");
	say(&host, REQUEST("3", "ping", ""));
	ok(hears(&host, "\"id\":3", "K505"), "a ping without a greeting is none of its era");
	say(&host, REQUEST("4", "tools/call", "\"name\":\"t\"," META));
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}",
		rig_id(rig_hear_of(&peer, "tools/call")));
	ok(hears(&host, "\"id\":4", "\"content\""), "and changes nothing");
	leave(&host);
	rig_end(&peer);
}

static void switched(struct server *server, const char *hello, const char *answer)
{
	struct host host;
	struct peer peer;
	struct span line;

	server->modern = server->legacy = SPEAKS_UNKNOWN;
	if (!ok(begin(&host, server), "a host"))
		return;
	say(&host, PROBE("0"));
	ok(rig_launch(&peer), "it probes: the server is started");
	(void)rig_hear_of(&peer, "server/discover");
	say(&host, hello);
	TURN_UNTIL(&worker.loop, worker.n_calls == 1 && worker.n_clients == 1);
	rig_end(&peer);
	if (!ok(rig_launch(&peer), "it goes on to initialize: the server is started for that"))
		return;
	line = rig_hear_of(&peer, "\"id\"");
	if (span_contains(line, S("server/discover"))) {
		rig_say(&peer,
			"{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-32601,\"message\":\"no\"}}",
			rig_id(line));
		line = rig_hear_of(&peer, "initialize");
	}
	rig_say(
	    &peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}}",
	    rig_id(line));
	ok(hears(&host, answer, "\"protocolVersion\":\"2025-11-25\""),
	   "and initialize is answered, the probe is not");
	say(&host, REQUEST("7", "ping", ""));
	ok(hears(&host, "\"id\":7", "\"result\""), "the connection goes on");
	say(&host, PROBE("8"));
	ok(hears(&host, "\"id\":8", "K604"), "but does not change its era again");
	leave(&host);
	rig_end(&peer);
}

static void pinged(struct server *server)
{
	struct host host;

	if (!ok(begin(&host, server), "a host"))
		return;
	say(&host, REQUEST("1", "ping", ""));
	ok(hears(&host, "\"id\":1", "\"result\"") && rig_starts_nothing(),
	   "a ping before the greeting is answered, and starts nothing");
	leave(&host);
}

/* --- several messages in one line --- */

/* The next line is one array of so many answers, and each of these stands in it. */
static void hears_batch(struct host *host, unsigned n, const char *const *parts, const char *name)
{
	struct span line = rig_hear(&host->pipes);
	struct json json = { 0 };
	bool found = json_parse(&json, line, line.n) && json_is(&json, 0, JSON_ARRAY) &&
		     json.tokens[0].count == n;

	for (; *parts; parts++)
		found = found && span_contains(line, span_str(*parts));
	ok(found, "%s: %.*s", name, SPAN_ARG(line));
	json_release(&json);
}

static void say_many(struct host *host, unsigned n)
{
	static char text[8192];
	struct buf out = { .p = text, .cap = sizeof(text), .max = sizeof(text) };

	for (unsigned i = 0; i < n; i++)
		buf_addf(&out, "%c" REQUEST("%u", "ping", ""), i ? ',' : '[', i + 100);
	buf_add(&out, n ? S("]") : S("[]"));
	rig_say(&host->pipes, "%.*s", SPAN_ARG(buf_span(&out)));
}

static void sizes(struct host *host)
{
	say_many(host, 0);
	ok(hears(host, "-32600", "K612"), "an empty one is refused");
	say_many(host, LIMIT_BATCH + 1);
	ok(hears(host, "-32600", "K612"), "so is one past the ceiling");
	say_many(host, LIMIT_BATCH);
	hears_batch(host, LIMIT_BATCH, (const char *const[]){ "\"id\":100,", "\"id\":199,", NULL },
		    "as many as the ceiling allows");
	say_many(host, 1);
	hears_batch(host, 1, (const char *const[]){ "\"id\":100,\"result\":{}", NULL }, "one");
}

static void members(struct host *host)
{
	static const char *const parts[] = { "\"id\":null",
					     "K614",
					     "\"id\":9,\"error\"",
					     "K612",
					     "\"id\":10,\"result\":{}",
					     "\"id\":11,\"error\"",
					     "K601",
					     NULL };
	static const char *const nothing[] = { "\"id\":null", "K614", NULL };

	say(host,
	    "[" HELLO("9", "2025-11-25") "," REQUEST("10", "ping", "") ",7,[" REQUEST(
		"12", "ping",
		"") "]," REQUEST("11", "no/such",
				 "") ",{\"jsonrpc\":\"2.0\",\"method\":\"notifications/roots/list_changed\"}]");
	hears_batch(host, 5, parts, "each member is what it would be over HTTP");
	say(host, "[{},{\"jsonrpc\":\"1.0\"}]");
	hears_batch(host, 2, nothing, "members that are no messages");
	say(host, "[{\"jsonrpc\":\"2.0\",\"method\":\"notifications/roots/list_changed\"}]");
	say(host, REQUEST("13", "ping", ""));
	ok(hears(host, "{\"jsonrpc\"", "\"id\":13"), "notifications alone get no answer");
}

static void calls(struct host *host, struct peer *peer)
{
	static const char *const both[] = { "\"id\":20,\"result\"", "\"id\":21,\"result\"", NULL };
	static const char *const twin[] = { "\"id\":30,\"error\"", "K615", "\"id\":30,\"result\"", NULL };
	static const char *const left[] = { "\"id\":41,\"result\"", NULL };
	unsigned first, second;

	say(host,
	    "[" REQUEST("20", "tools/call", "\"name\":\"t\",\"_meta\":{\"progressToken\":1}") "," REQUEST(
		"21", "tools/call", "\"name\":\"t\"") "]");
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":" TOOLS "}",
		rig_id(rig_hear_of(peer, "tools/list")));
	first = rig_id(rig_hear_of(peer, "tools/call"));
	second = rig_id(rig_hear_of(peer, "tools/call"));
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", second);
	rig_say(peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%u,"
		"\"progress\":1}}",
		first);
	ok(hears(host, "{\"jsonrpc\"", "notifications/progress"), "what comes meanwhile comes on its own");
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", first);
	hears_batch(host, 2, both, "the answers come together, when all are there");
	say(host, "[" REQUEST("30", "tools/call", "\"name\":\"t\"") "," REQUEST("30", "tools/call",
										"\"name\":\"t\"") "]");
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}",
		rig_id(rig_hear_of(peer, "tools/call")));
	hears_batch(host, 2, twin, "an id that is under way");
	say(host, "[" REQUEST("40", "tools/call", "\"name\":\"t\"") "," REQUEST("41", "tools/call",
										"\"name\":\"t\"") "]");
	(void)rig_hear_of(peer, "tools/call");
	second = rig_id(rig_hear_of(peer, "tools/call"));
	say(host,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":40}}");
	(void)rig_hear_of(peer, "cancelled");
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", second);
	hears_batch(host, 1, left, "what was cancelled is not in it");
	say(host, "[" REQUEST("50", "tools/call", "\"name\":\"t\"") "]");
	(void)rig_hear_of(peer, "tools/call");
	say(host,
	    "[{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":50}}]");
	say(host, REQUEST("51", "ping", ""));
	ok(hears(host, "{\"jsonrpc\"", "\"id\":51"), "where all of it was cancelled, nothing comes");
}

/* What a person reads of a server that fails: its name, what happened, whether the call may have had an
 * effect. */
static void failing(struct host *host, struct server *server, struct peer *peer)
{
	struct client *client = LIST_ENTRY(worker.clients.next, struct client, node);
	struct exchange *x;

	server->shown = S("my_files");
	say(host, REQUEST("70", "tools/call", "\"name\":\"t\""));
	(void)rig_hear_of(peer, "tools/call");
	x = exchange_find(client, S("70"));
	if (!ok(x, "a call"))
		return;
	exchange_tick(x, x->last_ms + 60001);
	ok(hears(host, "The server my_files did not answer within 60 s (its `timeout`)", "It is unknown"),
	   "a server that is late");
	(void)rig_hear_of(peer, "cancelled");
	say(host, REQUEST("71", "tools/call", "\"name\":\"t\""));
	(void)rig_hear_of(peer, "tools/call");
	x = exchange_find(client, S("71"));
	exchange_tick(x, x->deadline_ms + 1);
	ok(hears(host, "my_files did not answer within 600 s (`limits.call-total`)", "K703"),
	   "one whose call takes too long");
	(void)rig_hear_of(peer, "cancelled");
	say(host, REQUEST("72", "tools/call", "\"name\":\"t\""));
	(void)rig_hear_of(peer, "tools/call");
	x = exchange_find(client, S("72"));
	x->call.on_failed(&x->call, LINK_UNSENT, S("why"));
	ok(hears(host, "The request to the server my_files failed: why. It was not sent.", "K702"),
	   "one that could not be asked");
	say(host, REQUEST("73", "tools/call", "\"name\":\"t\""));
	(void)rig_hear_of(peer, "tools/call");
	x = exchange_find(client, S("73"));
	server->kind = SERVER_HTTP;
	x->call.on_failed(&x->call, LINK_UNSENT, S("nobody at 192.0.2.7"));
	server->kind = SERVER_STDIO;
	ok(hears(host, "my_files failed: it cannot be reached; the gate's log says why. It was not sent.",
		 "K702") &&
	       span_eq(span_str(server->last_failure), S("nobody at 192.0.2.7")),
	   "of one that is somewhere else, where that is stands in the status only");
	server->shown = S("");
}

static void batches(struct server *server)
{
	struct host host;
	struct peer peer;

	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "a host"))
		return;
	say_many(&host, 2);
	ok(hears(&host, "-32600", "K614"), "where a later revision was agreed on there are none");
	leave(&host);
	rig_end(&peer);
	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-03-26"), "2025-03-26"),
		"a host of 2025-03-26"))
		return;
	sizes(&host);
	members(&host);
	calls(&host, &peer);
	failing(&host, server, &peer);
	say(&host, "[" REQUEST("60", "tools/call", "\"name\":\"t\"") "," REQUEST("61", "ping", "") "]");
	(void)rig_hear_of(&peer, "tools/call");
	leave(&host);
	ok(worker.n_calls == 0, "a host that leaves takes its batch along");
	rig_end(&peer);
}

int main(void)
{
	struct server *server;

	if (!ok(rig_start(), "a worker"))
		return tap_done();
	server = rig_server("files");
	refused_switch(server);
	switched(server, HELLO("1", "2025-11-25"), "\"id\":1");
	switched(server, HELLO("0", "2025-11-25"), "\"id\":0");
	pinged(server);
	batches(server);
	worker_drop_server(&worker, server);
	rig_stop();
	return tap_done();
}
