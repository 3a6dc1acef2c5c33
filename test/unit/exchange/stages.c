/* stages.c - the way of a message: each stage's refusal, what arrives at the server, and what comes back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "rig.h"

#define META_OF(version)                                                                                     \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"" version                                  \
	"\",\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define MODERN META_OF("2026-07-28")
#define REQUEST(id, method, params)                                                                          \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":{" params "}}"
#define TOOLS                                                                                                \
	"{\"name\":\"t\",\"inputSchema\":{\"properties\":{\"n\":{\"type\":\"integer\"}}}},"                  \
	"{\"name\":\"hidden\",\"inputSchema\":{}},{\"name\":\"broken\",\"inputSchema\":{\"type\":\"no\"}},"  \
	"{\"name\":\"m\",\"inputSchema\":{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}}"

static void order(void)
{
	static const char *const names[] = { "identify", "admit",  "check",  "route",  "decide",
					     "validate", "resume", "record", "forward" };

	is_int(n_stages, COUNT(names), "so many stages");
	for (unsigned i = 0; i < n_stages && i < COUNT(names); i++)
		is_span(span_str(stages[i].name), span_str(names[i]), "%u: %s", i + 1, names[i]);
}

#define INITIALIZE_PARAMS                                                                                    \
	"\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}"

/* What is refused before a server is thought of. */
static const struct {
	enum era era;
	const char *text;
	unsigned status;
	const char *says;
} early[] = {
	{ ERA_LEGACY, REQUEST("1", "no/such", ""), 200, "\"K601\"" },
	{ ERA_LEGACY, REQUEST("1", "server/discover", ""), 200, "\"K601\"" },
	{ ERA_LEGACY, REQUEST("1", "sampling/createMessage", ""), 200, "\"K601\"" },
	{ ERA_LEGACY, REQUEST("1", "notifications/initialized", ""), 200, "\"K601\"" },
	{ ERA_LEGACY, REQUEST("1", "tools/call", ""), 200, "\"K605\"" },
	{ ERA_LEGACY, REQUEST("1", "tools/call", "\"name\":7"), 200, "\"K605\"" },
	{ ERA_LEGACY, REQUEST("1", "resources/read", "\"uri\":null"), 200, "\"K605\"" },
	{ ERA_LEGACY, REQUEST("1", "tools/call", "\"name\":\"t\",\"arguments\":[]"), 200, "\"K605\"" },
	{ ERA_MODERN, REQUEST("1", "tools/call", "\"name\":\"t\""), 400, "\"K602\"" },
	{ ERA_MODERN, REQUEST("1", "tools/call", "\"name\":\"t\"," META_OF("2025-11-25")), 400, "\"K603\"" },
	{ ERA_MODERN,
	  REQUEST("1", "tools/call",
		  "\"name\":\"t\",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}"),
	  400, "\"K602\"" },
	{ ERA_MODERN, REQUEST("1", "initialize", MODERN), 404, "\"K601\"" },
	{ ERA_MODERN, REQUEST("1", "logging/setLevel", MODERN), 404, "\"K601\"" },
	{ ERA_MODERN, REQUEST("1", "no/such", MODERN), 404, "\"K601\"" },
};

static void refused_early(void)
{
	struct server *server = rig_server("files");

	for (size_t i = 0; i < COUNT(early); i++) {
		struct client *client = rig_client(early[i].era, server, "mcp");
		struct heard heard = { 0 };

		rig_ask(client, &heard, early[i].text);
		ok(heard.sent == 1 && heard.finals == 1 && heard.status == early[i].status &&
		       rig_heard(&heard, "\"id\":1") && rig_heard(&heard, early[i].says) &&
		       rig_starts_nothing(),
		   "%s %u: %s", early[i].says, heard.status, early[i].text);
		client = rig_leave(client);
		buf_release(&heard.last);
	}
	worker_drop_server(&worker, server);
}

static void not_admitted(void)
{
	static const char ping[] = REQUEST("1", "ping", "");
	struct server *server = rig_server("files"), *other = rig_server("other");
	struct client *client = rig_client(ERA_LEGACY, server, "mcp:other"), *second;
	struct heard heard = { 0 }, waits = { 0 };

	rig_ask(client, &heard, ping);
	ok(heard.status == 403 && rig_heard(&heard, "\"K503\""), "a server that the token does not cover");
	client = rig_leave(client);
	client = rig_client(ERA_LEGACY, other, "mcp:other");
	rig_ask(client, &heard, ping);
	ok(heard.status == 200 && rig_heard(&heard, "\"result\":{}"), "one that it covers");
	worker.draining = true;
	rig_ask(client, &heard, ping);
	ok(heard.status == 503 && rig_heard(&heard, "\"K802\""), "nothing new while the gate shuts down");
	worker.draining = false;
	worker.limits.calls_per_client = 1;
	rig_ask(client, &waits, REQUEST("9", "tools/list", ""));
	rig_ask(client, &heard, ping);
	ok(heard.status == 429 && rig_heard(&heard, "\"K801\"") && !waits.sent,
	   "nothing past the client's limit");
	worker.limits.calls_per_client = 2;
	worker.limits.calls = 1;
	rig_ask(client, &heard, ping);
	ok(heard.status == 429 && rig_heard(&heard, "\"K801\""), "nor past the gate's");
	worker.limits = limits_default;
	worker.limits.calls_per_principal = 1;
	second = rig_client(ERA_LEGACY, other, "mcp:other");
	rig_ask(second, &heard, ping);
	ok(heard.status == 429 && rig_heard(&heard, "\"K801\""), "nor past the token's, in another session");
	second = rig_leave(second);
	second = rig_client_of("token:t-2", ERA_LEGACY, other, "mcp:other");
	rig_ask(second, &heard, ping);
	is_int(heard.status, 200, "another token has its own count");
	second = rig_leave(second);
	worker.limits = limits_default;
	rig_ask(client, &heard, ping);
	is_int(heard.status, 200, "below both it passes");
	client_close(client, S("gone"));
	ok(waits.finals == 1 && waits.last.n == 0, "what waits when the client goes gets no answer");
	rig_ask(client, &heard, ping);
	ok(heard.status == 404 && rig_heard(&heard, "\"K506\""), "and a session that is over takes no more");
	client = rig_leave(client);
	client = rig_client(ERA_LEGACY, other, "mcp:other");
	rig_ask(client, &waits, REQUEST("7", "initialize", INITIALIZE_PARAMS));
	ok(!waits.sent, "# its server is being asked");
	client_close(client, S("the token was revoked"));
	ok(waits.finals == 1 && waits.status == 404 && rig_heard(&waits, "\"K506\"") &&
	       rig_heard(&waits, "revoked"),
	   "whose session is over before it began is told so: %u %.*s", waits.status,
	   SPAN_ARG(buf_span(&waits.last)));
	client = rig_leave(client);
	worker_drop_server(&worker, server);
	worker_drop_server(&worker, other);
	buf_release(&heard.last);
	buf_release(&waits.last);
}

/* What is refused by a server's own list. */
static const struct {
	const char *text;
	bool headers;
	unsigned status;
	const char *says;
} late[] = {
	{ REQUEST("1", "tools/call", "\"name\":\"nope\"," MODERN), false, 200, "Unknown tool: nope" },
	{ REQUEST("1", "tools/call", "\"name\":\"hidden\"," MODERN), false, 200, "Unknown tool: hidden" },
	{ REQUEST("1", "tools/call", "\"name\":\"T\"," MODERN), false, 200, "Unknown tool: T" },
	{ REQUEST("1", "tools/call", "\"name\":\"broken\"," MODERN), false, 200, "\"K608\"" },
	{ REQUEST("1", "tools/call", "\"name\":\"t\",\"arguments\":{\"n\":\"x\"}," MODERN), false, 200,
	  "\"isError\":true" },
	{ REQUEST("1", "tools/call", "\"name\":\"m\",\"arguments\":{\"a\":\"x\"}," MODERN), true, 400,
	  "\"K607\"" },
};

static void refused_late(struct client *client, struct peer *peer)
{
	struct heard heard = { 0 };

	for (size_t i = 0; i < COUNT(late); i++) {
		rig_ask_as(client, &heard, span_str(late[i].text), late[i].headers);
		/* A name that is not in the list is looked up once more. */
		if (!heard.finals)
			rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[" TOOLS "]}}",
				rig_id(rig_hear_of(peer, "tools/list")));
		TURN_UNTIL(&worker.loop, heard.finals);
		ok(heard.finals == 1 && heard.status == late[i].status && rig_heard(&heard, late[i].says),
		   "%s: %s", late[i].says, late[i].text);
	}
	ok(rig_is_silent(peer), "none of it has reached the server");
	worker.ring = NULL;
	rig_ask(client, &heard, REQUEST("1", "tools/call", "\"name\":\"t\"," MODERN));
	ok(heard.status == 503 && rig_heard(&heard, "\"K804\"") && rig_is_silent(peer),
	   "what cannot be recorded is not done");
	worker.ring = &rig_ring;
	buf_release(&heard.last);
}

static void progress(struct peer *peer, unsigned token, const char *value)
{
	rig_say(peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%u,"
		"\"progress\":%s}}",
		token, value);
}

/* spec: mcp/2025-11-25 progress, MUST: the value increases with each notification. */
static void only_forward(struct client *client, struct server *server, struct peer *peer)
{
	static const struct {
		const char *value;
		bool passes;
	} steps[] = { { "\"1\"", false }, { "null", false },  { "-1.5", true },	  { "-1.5", false },
		      { "-2", false },	  { "0", true },      { "0", false },	  { "-0", false },
		      { "1e0", true },	  { "1.0", false },   { "0.999", false }, { "1.001", true },
		      { "1e999", true },  { "1e9999", false } };
	struct heard heard = { 0 };
	uint64_t dropped = server->dropped, notified;
	unsigned passed = 0, id;

	rig_ask(client, &heard,
		REQUEST("\"me\"", "tools/call",
			"\"name\":\"t\",\"_meta\":{\"progressToken\":\"p\","
			"\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
			"\"io.modelcontextprotocol/clientCapabilities\":{}}"));
	id = rig_id(rig_hear_of(peer, "tools/call"));
	notified = worker.metrics.notifications;
	for (size_t i = 0; i < COUNT(steps); i++) {
		uint64_t before = server->dropped;

		progress(peer, id, steps[i].value);
		TURN_UNTIL(&worker.loop, heard.sent > passed || server->dropped > before);
		ok((heard.sent > passed) == steps[i].passes && (server->dropped > before) != steps[i].passes,
		   "progress %s: %s", steps[i].value, steps[i].passes ? "passed on" : "dropped and counted");
		passed = heard.sent;
	}
	ok(rig_heard(&heard, "\"progressToken\":\"p\"") &&
	       worker.metrics.notifications == notified + passed &&
	       server->dropped == dropped + COUNT(steps) - passed,
	   "under the client's token; what was dropped is counted once");
	rig_say(peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%u}}",
		id);
	TURN_UNTIL(&worker.loop, server->dropped == dropped + COUNT(steps) - passed + 1);
	ok(heard.finals == 0 && heard.sent == passed, "a server cannot cancel a call");
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", id);
	TURN_UNTIL(&worker.loop, heard.finals);
	is_span(buf_span(&heard.last), S("{\"jsonrpc\":\"2.0\",\"id\":\"me\",\"result\":{\"content\":[]}}"),
		"and the answer comes under the client's id");
	rig_ask(client, &heard, REQUEST("2", "tools/call", "\"name\":\"t\"," MODERN));
	id = rig_id(rig_hear_of(peer, "tools/call"));
	dropped = server->dropped;
	progress(peer, id, "1");
	TURN_UNTIL(&worker.loop, server->dropped > dropped);
	ok(!heard.sent && server->dropped == dropped + 1, "progress that nobody asked for is dropped");
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":5,\"message\":\"no\"}}", id);
	TURN_UNTIL(&worker.loop, heard.finals);
	is_span(buf_span(&heard.last),
		S("{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":5,\"message\":\"no\"}}"),
		"an error likewise");
	buf_release(&heard.last);
}

/* Non-progress must not keep a call alive. */
static void no_progress_no_time(struct client *client, struct peer *peer)
{
	struct heard heard = { 0 };
	struct exchange *x;
	unsigned id;

	rig_ask(client, &heard,
		REQUEST("5", "tools/call",
			"\"name\":\"t\",\"_meta\":{\"progressToken\":5,"
			"\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
			"\"io.modelcontextprotocol/clientCapabilities\":{}}"));
	id = rig_id(rig_hear_of(peer, "tools/call"));
	x = exchange_find(client, S("5"));
	if (!ok(x, "a call"))
		return;
	progress(peer, id, "7");
	TURN_UNTIL(&worker.loop, heard.sent);
	x->last_ms = 1;
	progress(peer, id, "7");
	TURN_UNTIL(&worker.loop, x->server->dropped && rig_is_silent(peer));
	is_int(x->last_ms, 1, "a notification that is dropped is no sign of life");
	progress(peer, id, "8");
	TURN_UNTIL(&worker.loop, heard.sent == 2);
	ok(x->last_ms > 1, "one that is passed on is");
	exchange_cancel(x, S("enough"));
	(void)rig_hear_of(peer, "cancelled");
	buf_release(&heard.last);
}

/* spec: mcp/2026-07-28 cancellation: on a pipe a server ends a subscription with notifications/cancelled. */
static void listening(struct client *client, struct peer *peer)
{
	struct heard heard = { 0 };
	unsigned id;

	rig_ask(client, &heard, REQUEST("\"sub\"", "subscriptions/listen", "\"notifications\":{}," MODERN));
	id = rig_id(rig_hear_of(peer, "subscriptions/listen"));
	rig_say(
	    peer,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/prompts/list_changed\",\"params\":{\"_meta\":{"
	    "\"io.modelcontextprotocol/subscriptionId\":%u}}}",
	    id);
	TURN_UNTIL(&worker.loop, heard.sent);
	ok(heard.finals == 0 && rig_heard(&heard, "/subscriptionId\":\"sub\""),
	   "what comes on a subscription comes under the client's id");
	rig_say(
	    peer,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%u,\"reason\":"
	    "\"going\"}}",
	    id);
	TURN_UNTIL(&worker.loop, heard.finals);
	is_span(buf_span(&heard.last),
		S("{\"jsonrpc\":\"2.0\",\"id\":\"sub\",\"result\":{\"resultType\":\"complete\",\"_meta\":{"
		  "\"io.modelcontextprotocol/subscriptionId\":\"sub\"}}}"),
		"the server ends it: so it is for the client");
	ok(heard.sent == 3 && heard.finals == 1 && client->n_exchanges == 0,
	   "who is on a pipe is also told by the notification");
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{}}", id);
	ok(rig_is_silent(peer) && heard.sent == 3,
	   "nothing goes back to the server, and nothing comes twice");
	buf_release(&heard.last);
}

static struct ring consumer = RING_INIT;

/* The last record of this kind since the last look; empty: none. */
static struct span last_record(const char *kind)
{
	static struct buf all = { .max = (size_t)4 << 20 }, one = { .max = RING_RECORD_MAX };
	struct err err = ERR_INIT;

	if (!consumer.map && ring_map(&consumer, &rig_fds, RING_CONSUMER, &err) < 0)
		abort();
	buf_clear(&all);
	for (buf_clear(&one); ring_read(&consumer, &one) == RING_RECORD; buf_clear(&one))
		if (*kind && span_contains(buf_span(&one), span_str(kind))) {
			buf_clear(&all);
			buf_add(&all, buf_span(&one));
		}
	ring_commit(&consumer);
	return buf_span(&all);
}

#define OUTCOME "\"kind\":\"outcome\""
#define DECISION "\"kind\":\"decision\""

/* What was sent and not answered may have taken effect: the record must not say that it was refused. */
static void failed(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_MODERN, server, "mcp");
	struct heard heard = { 0 };
	struct exchange *x;
	struct span record;
	struct peer peer;

	rig_ask(client, &heard, REQUEST("2", "tools/call", "\"name\":\"t\"," MODERN));
	(void)rig_greet(&peer, "{\"tools\":{}}");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[" TOOLS "]}}",
		rig_id(rig_hear_of(&peer, "tools/list")));
	(void)rig_hear_of(&peer, "tools/call");
	x = exchange_find(client, S("2"));
	if (!ok(x, "a call that was sent"))
		return;
	(void)last_record("");
	exchange_tick(x, x->deadline_ms + 1);
	record = last_record(OUTCOME);
	ok(rig_heard(&heard, "K703") && span_contains(record, S("\"outcome\":\"failed\"")) &&
	       span_contains(record, S("\"code\":\"K703\"")),
	   "one that got no answer in time failed: %.*s", SPAN_ARG(record));
	rig_ask(client, &heard, REQUEST("3", "tools/call", "\"name\":\"t\"," MODERN));
	(void)rig_hear_of(&peer, "tools/call");
	rig_end(&peer);
	TURN_UNTIL(&worker.loop, heard.finals);
	record = last_record(OUTCOME);
	ok(rig_heard(&heard, "K702") && span_contains(record, S("\"outcome\":\"failed\"")) &&
	       span_contains(record, S("\"code\":\"K702\"")),
	   "and so did one whose server is lost: %.*s", SPAN_ARG(record));
	rig_ask(client, &heard, REQUEST("4", "tools/call", "\"name\":\"hidden\"," MODERN));
	ok(rig_launch(NULL), "a server that cannot be started");
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(span_contains(last_record(DECISION), S("\"decision\":\"deny\",\"code\":\"K701\"")),
	   "what was never sent is refused");
	client = rig_leave(client);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

static void forwarded(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_MODERN, NULL, "mcp");
	struct heard heard = { 0 };
	struct peer peer;

	rig_ask(
	    client, &heard,
	    REQUEST(
		"\"1\"", "tools/call",
		"\"name\":\"files__t\",\"arguments\":{\"n\":9007199254740993, \"f\": 1.50},"
		"\"_meta\":{\"progressToken\":\"p\",\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
		"\"io.modelcontextprotocol/clientCapabilities\":{}}"));
	ok(rig_greet(&peer, "{\"tools\":{}}"), "a server of several");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[" TOOLS "]}}",
		rig_id(rig_hear_of(&peer, "tools/list")));
	is_span(
	    rig_hear_of(&peer, "tools/call"),
	    S("{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"t\",\"arguments\":{"
	      "\"n\":9007199254740993,\"f\":1.50},\"_meta\":{\"progressToken\":3,"
	      "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
	      "\"io.modelcontextprotocol/clientCapabilities\":{}}}}"),
	    "the server's own name, our id and token, all else as it was written");
	client = rig_leave(client);
	rig_end(&peer);
	client = rig_client(ERA_MODERN, server, "mcp");
	rig_ask(client, &heard, REQUEST("1", "tools/list", MODERN));
	(void)rig_greet(&peer, "{\"tools\":{}}");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[" TOOLS "]}}",
		rig_id(rig_hear_of(&peer, "tools/list")));
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(rig_heard(&heard, "\"t\"") && !rig_heard(&heard, "hidden"), "a list without what may not be seen");
	refused_late(client, &peer);
	only_forward(client, server, &peer);
	no_progress_no_time(client, &peer);
	listening(client, &peer);
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

/* Nothing passes that cannot be recorded, and so no server is started for it either. */
static void not_recorded(void)
{
	static const char *const texts[] = { REQUEST("1", "initialize", INITIALIZE_PARAMS),
					     REQUEST("1", "tools/list", ""),
					     REQUEST("1", "tools/call", "\"name\":\"t\"") };
	struct server *server = rig_server("files");
	static const char record[4096] = "x";
	struct heard heard = { 0 };
	struct peer peer;
	struct client *client;

	for (size_t i = 0; i < 2 * COUNT(texts); i++) {
		const char *text = texts[i % COUNT(texts)];

		worker.has_audit_key = i < COUNT(texts);
		ring_set_failure(&consumer, i < COUNT(texts) ? ENOSPC : 0);
		client = rig_client(ERA_LEGACY, server, "mcp");
		rig_ask(client, &heard, text);
		ok(rig_starts_nothing() && heard.finals == 1 && rig_heard(&heard, "K804"),
		   "%s: no server is started for %s", worker.has_audit_key ? "a full disk" : "no key", text);
		client = rig_leave(client);
	}
	worker.has_audit_key = true;
	while (ring_put(&rig_ring, span_of(record, sizeof(record))))
		;
	client = rig_client(ERA_LEGACY, server, "mcp");
	rig_ask(client, &heard, texts[0]);
	ok(rig_starts_nothing() && heard.finals == 1 && rig_heard(&heard, "K804"),
	   "nor while the ring is full");
	(void)last_record("");
	client = rig_leave(client);
	client = rig_client(ERA_LEGACY, server, "mcp");
	rig_ask(client, &heard, texts[2]);
	ok(rig_launch(&peer), "it is when there is room again");
	(void)rig_hear_of(&peer, "initialize");
	ring_set_failure(&consumer, ENOSPC);
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\","
		       "\"capabilities\":{\"tools\":{}}}}");
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(rig_heard(&heard, "K804"),
	   "the disk is full while a call waits for its server: it goes no further");
	(void)rig_hear_of(&peer, "notifications/initialized");
	ok(rig_is_silent(&peer), "and the server hears no more of it");
	ring_set_failure(&consumer, 0);
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

int main(void)
{
	order();
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	refused_early();
	not_admitted();
	forwarded();
	failed();
	not_recorded();
	ring_unmap(&consumer);
	rig_stop();
	return tap_done();
}
