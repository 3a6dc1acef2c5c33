/* front_stdio.c - a host on a pair of pipes: which era it speaks, and several messages in one line. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include "exchange/account.h"
#include "exchange/channel_host.h"
#include "exchange/front_stdio.h"

#define META                                                                                                 \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                             \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define REQUEST(id, method, params)                                                                          \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":{" params "}}"
#define PROBE(id) REQUEST(id, "server/discover", META)
#define HELLO(id, revision)                                                                                  \
	REQUEST(id, "initialize",                                                                            \
		"\"protocolVersion\":\"" revision "\",\"capabilities\":{},\"clientInfo\":{\"name\":\"h\","   \
		"\"version\":\"1\"}")
#define TOOLS "{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}]}"

/* The host's ends of the pipes, as a peer: what the gate writes comes in. */
struct host {
	struct peer pipes;
	struct stdio_front *front;
	bool ended, cut;
};

static void on_host_end(void *owner, struct stdio_front *front, bool cut)
{
	struct host *host = owner;

	(void)front;
	host->ended = true;
	host->cut = cut;
}

static bool begin(struct host *host, struct server *only)
{
	struct principal *principal = principal_new(S("local:1:h"), S("h"), S("mcp"), 0);
	struct err err = ERR_INIT;
	int a[2], b[2];

	if (pipe2(a, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(b, O_CLOEXEC | O_NONBLOCK) < 0)
		abort();
	*host =
	    (struct host){ .pipes = { .in = b[0], .out = a[1], .notes = -1, .said = { .max = 1 << 20 } } };
	host->front = stdio_front_new(&worker,
				      &(struct stdio_options){ .principal = principal,
							       .only = only,
							       .in = a[0],
							       .out = b[1],
							       .on_end = on_host_end,
							       .owner = host },
				      &err);
	(void)principal_unref(principal);
	return host->front != NULL;
}

static void leave(struct host *host)
{
	host->front = stdio_front_free(host->front);
	rig_end(&host->pipes);
	turn_a_while(&worker.loop);
	(void)rig_starts_nothing();
}

static void say(struct host *host, const char *text)
{
	rig_say(&host->pipes, "%s", text);
}

static bool hears(struct host *host, const char *first, const char *second)
{
	struct span line = rig_hear(&host->pipes);
	bool found = span_contains(line, span_str(first)) && span_contains(line, span_str(second));

	if (!found)
		printf("# %.*s\n", SPAN_ARG(line));
	return found;
}

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

static bool greeted(struct host *host, struct server *server, struct peer *peer, const char *hello,
		    const char *revision)
{
	server->legacy = SPEAKS_YES;
	server->modern = SPEAKS_NO;
	server->modern_until_ms = 0;
	if (!begin(host, server))
		return false;
	say(host, "[" REQUEST("1", "ping", "") "]");
	ok(hears(host, "-32600", "K614"), "no batch before the greeting");
	say(host, REQUEST("0", "initialize", "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}"));
	ok(hears(host, "\"id\":0", "K605"), "nor a greeting without a name");
	say(host, hello);
	if (!rig_launch(peer))
		return false;
	rig_say(peer,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"protocolVersion\":\"%s\",\"capabilities\":{"
		"\"tools\":{}}}}",
		rig_id(rig_hear_of(peer, "initialize")), revision);
	return hears(host, "\"id\":1", revision);
}

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

/* --- a host that reads slowly, or not at all --- */

enum { LARGE = 3 << 20 };

/* The id under which the server has the call; before its first one it is asked for its tools. */
static unsigned called(struct peer *peer)
{
	struct span line = rig_hear_of(peer, "\"tools/");

	if (span_contains(line, S("tools/list"))) {
		rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":" TOOLS "}", rig_id(line));
		line = rig_hear_of(peer, "\"tools/call");
	}
	return rig_id(line);
}

static unsigned call_modern(struct host *host, struct peer *peer, unsigned id)
{
	rig_say(&host->pipes, REQUEST("%u", "tools/call", "\"name\":\"t\"," META), id);
	return called(peer);
}

static unsigned call_legacy(struct host *host, struct peer *peer, unsigned id)
{
	rig_say(&host->pipes, REQUEST("%u", "tools/call", "\"name\":\"t\""), id);
	return called(peer);
}

static void write_large(struct buf *out, unsigned id, size_t n)
{
	buf_clear(out);
	buf_addf(out,
		 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"",
		 id);
	memset(buf_reserve(out, n), 'x', n);
	out->n += n;
	buf_add(out, S("\"}]}}\n"));
}

/* Writes more of the server's words; false where the pipe to the gate is full. */
static bool pour(struct peer *peer, struct span *rest)
{
	for (int turn = 0; rest->n && turn < 200; turn++) {
		ssize_t put = write(peer->out, rest->p, rest->n);

		if (put > 0) {
			*rest = span_skip(*rest, (size_t)put);
			turn = 0;
		}
		(void)uv_run(&worker.loop.uv, UV_RUN_NOWAIT);
	}
	return rest->n == 0;
}

/* Takes what there is, `most` bytes of it; returns how many lines ended in it. */
static unsigned swallow(struct host *host, size_t most)
{
	static char chunk[65536];
	unsigned lines = 0;

	for (int turn = 0; most && turn < 200; turn++) {
		ssize_t got = read(host->pipes.in, chunk, most < sizeof(chunk) ? most : sizeof(chunk));

		for (ssize_t i = 0; i < got; i++)
			lines += chunk[i] == '\n';
		if (got > 0) {
			most -= (size_t)got;
			turn = 0;
		}
		(void)uv_run(&worker.loop.uv, UV_RUN_NOWAIT);
	}
	return lines;
}

static struct client *client_of_host(void)
{
	return LIST_ENTRY(worker.clients.next, struct client, node);
}

/* More in all than one host may have waiting. */
static void slow(struct server *server, struct buf *text)
{
	enum { CALLS = 7 };
	unsigned asked[CALLS], lines = 0, waited = 0;
	struct host host;
	struct peer peer;

	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "a host"))
		return;
	for (unsigned i = 0; i < CALLS; i++)
		asked[i] = call_legacy(&host, &peer, 100 + i);
	for (unsigned i = 0; i < CALLS; i++) {
		struct span rest;

		write_large(text, asked[i], LARGE);
		rest = buf_span(text);
		for (int tries = 0; !pour(&peer, &rest) && tries < 20; tries++) {
			waited++;
			lines += swallow(&host, LARGE);
		}
	}
	ok(waited >= CALLS - 2, "a server waits for a host that has not taken the answers before (%u)",
	   waited);
	lines += swallow(&host, SIZE_MAX);
	is_int(lines, CALLS, "and the host has all of them");
	ok(!host.ended, "and is not cut");
	leave(&host);
	rig_end(&peer);
}

static void stuck(struct server *server, struct buf *text)
{
	uint64_t now = loop_now(&worker.loop), idle = worker.limits.idle_ms;
	unsigned first;
	struct span rest;
	struct exchange *x;
	struct host host;
	struct peer peer;

	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "a host"))
		return;
	channel_hosts_tick(&worker, now + idle * 4);
	turn_a_while(&worker.loop);
	ok(!host.ended, "who has nothing to take may be silent");
	first = call_legacy(&host, &peer, 100);
	(void)call_legacy(&host, &peer, 101);
	x = exchange_find(client_of_host(), S("101"));
	write_large(text, first, LARGE);
	rest = buf_span(text);
	ok(pour(&peer, &rest), "a large answer");
	ok(client_of_host()->account->held.used > LARGE / 2, "what waits for the host is charged");
	now += idle * 4;
	channel_hosts_tick(&worker, now + 1000);
	channel_hosts_tick(&worker, now + idle);
	exchange_tick(x, now + idle + 1000);
	is_int(worker.n_calls, 1, "its server is not late while it waits for the host");
	(void)swallow(&host, 200000);
	channel_hosts_tick(&worker, now + idle * 2);
	channel_hosts_tick(&worker, now + idle * 3);
	turn_a_while(&worker.loop);
	ok(!host.ended, "who takes a little is not cut");
	channel_hosts_tick(&worker, now + idle * 3 + 1);
	turn_a_while(&worker.loop);
	ok(host.ended && host.cut, "who takes nothing for long is");
	leave(&host);
	is_int(worker.held.used, 0, "and nothing is charged any more");
	rig_end(&peer);
}

/* A modern server is not made to wait. */
static void full(struct server *server, struct buf *text)
{
	unsigned asked[4];
	struct account *account;
	struct host host;
	struct peer peer;
	struct span rest;
	uint64_t number;
	size_t max;

	server->modern = server->legacy = SPEAKS_UNKNOWN;
	if (!ok(begin(&host, server), "a host"))
		return;
	say(&host, REQUEST("100", "tools/call", "\"name\":\"t\"," META));
	ok(rig_greet(&peer, "{\"tools\":{}}"), "of the modern era");
	asked[0] = called(&peer);
	for (unsigned i = 1; i < COUNT(asked); i++)
		asked[i] = call_modern(&host, &peer, 100 + i);
	write_large(text, asked[0], LARGE);
	rest = buf_span(text);
	ok(pour(&peer, &rest), "a large answer");
	account = client_of_host()->account;
	max = account->held.max;
	account->held.max = account->held.used;
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", asked[1]);
	turn_a_while(&worker.loop);
	ok(!client_tell(client_of_host(), S("{\"unasked\":true}")),
	   "where no more may be held, what nobody asked for is dropped");
	account->held.max = max;
	/* The first answer, and its end. */
	(void)swallow(&host, LARGE);
	(void)rig_hear(&host.pipes);
	ok(hears(&host, "\"id\":101", "K801"), "and an answer is an error");
	for (unsigned i = 2; i < COUNT(asked); i++) {
		write_large(text, asked[i], LARGE * 3);
		rest = buf_span(text);
		ok(pour(&peer, &rest), "a very large answer");
	}
	number = worker.exchange_number;
	say(&host, REQUEST("200", "server/discover", META));
	turn_a_while(&worker.loop);
	ok(worker.exchange_number == number, "a host that takes so little is no longer listened to");
	is_int(swallow(&host, SIZE_MAX), 3, "when it has taken all, it is");
	ok(!host.ended, "and is not cut");
	leave(&host);
	rig_end(&peer);
}

/* --- the end of its input --- */

static void ends_input(struct host *host)
{
	closep(&host->pipes.out);
	turn_a_while(&worker.loop);
}

static void unfinished(struct server *server)
{
	struct host host;

	if (!ok(begin(&host, server), "a host"))
		return;
	(void)!write(host.pipes.out, "junk", 4);
	ends_input(&host);
	ok(hears(&host, "-32700", "K613"), "the last line is taken, also without its end");
	TURN_UNTIL(&worker.loop, host.ended);
	ok(host.ended && !host.cut, "then the host has left");
	leave(&host);
}

static void late(struct server *server)
{
	struct host host;
	struct peer peer;
	unsigned id;

	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "a host"))
		return;
	id = call_legacy(&host, &peer, 100);
	ends_input(&host);
	channel_hosts_tick(&worker, loop_now(&worker.loop) + 20000);
	turn_a_while(&worker.loop);
	ok(!host.ended, "a call under way is waited for when the host has said all");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", id);
	ok(hears(&host, "\"id\":100", "\"content\""), "and answered, however late");
	TURN_UNTIL(&worker.loop, host.ended);
	ok(host.ended && !host.cut, "that was the last");
	leave(&host);
	rig_end(&peer);
}

static void answered(struct server *server, struct buf *text)
{
	unsigned first, second;
	struct host host;
	struct peer peer;
	struct span rest;

	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "a host"))
		return;
	first = call_legacy(&host, &peer, 100);
	second = call_legacy(&host, &peer, 101);
	ends_input(&host);
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", first);
	ok(hears(&host, "\"id\":100", "\"content\""),
	   "a call under way is answered after the host has said all");
	ok(!host.ended, "the other one is waited for");
	write_large(text, second, LARGE);
	rest = buf_span(text);
	ok(pour(&peer, &rest), "a large answer");
	channel_hosts_tick(&worker, loop_now(&worker.loop) + 4000);
	turn_a_while(&worker.loop);
	ok(!host.ended, "what the host has not taken is waited for, too");
	is_int(swallow(&host, SIZE_MAX), 1, "it takes it");
	TURN_UNTIL(&worker.loop, host.ended);
	ok(host.ended && !host.cut, "and has left");
	leave(&host);
	rig_end(&peer);
}

static void gone(struct server *server)
{
	struct host host;
	struct peer peer;

	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "a host"))
		return;
	(void)call_legacy(&host, &peer, 100);
	closep(&host.pipes.in);
	say(&host, REQUEST("101", "ping", ""));
	TURN_UNTIL(&worker.loop, host.ended);
	ok(host.ended && !host.cut, "who no longer hears has left at once");
	leave(&host);
	rig_end(&peer);
}

/* So leaves a host that dies: it closes both, and a call may take long. */
static void deaf(struct server *server)
{
	struct host host;
	struct peer peer;

	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "a host"))
		return;
	(void)call_legacy(&host, &peer, 100);
	ends_input(&host);
	channel_hosts_tick(&worker, loop_now(&worker.loop));
	turn_a_while(&worker.loop);
	ok(!host.ended, "who has said all and can hear is waited for");
	closep(&host.pipes.in);
	channel_hosts_tick(&worker, loop_now(&worker.loop));
	TURN_UNTIL(&worker.loop, host.ended);
	ok(host.ended && !host.cut, "who no longer hears has left, with a call under way");
	leave(&host);
	rig_end(&peer);
	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "another host"))
		return;
	(void)call_legacy(&host, &peer, 100);
	closep(&host.pipes.in);
	ends_input(&host);
	TURN_UNTIL(&worker.loop, host.ended);
	ok(host.ended && !host.cut, "the other way round it is seen at once");
	leave(&host);
	rig_end(&peer);
}

int main(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)16 << 20);
	struct server *server;

	if (!ok(rig_start(), "a worker"))
		return tap_done();
	server = rig_server("files");
	refused_switch(server);
	switched(server, HELLO("1", "2025-11-25"), "\"id\":1");
	switched(server, HELLO("0", "2025-11-25"), "\"id\":0");
	pinged(server);
	batches(server);
	unfinished(server);
	gone(server);
	deaf(server);
	late(server);
	answered(server, &text);
	stuck(server, &text);
	slow(server, &text);
	full(server, &text);
	worker_drop_server(&worker, server);
	rig_stop();
	return tap_done();
}
