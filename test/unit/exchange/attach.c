/* attach.c - a client's connections: what waits for a server goes on, whatever becomes of the server. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"
#include "words.h"

#define TOOLS "{\"tools\":{}}"
#define PROMPTS "{\"prompts\":{}}"
#define CALL "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"method\":\"tools/call\",\"params\":{\"name\":\"t\"}}"

static void unreachable(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	struct heard heard = { 0 };

	for (int death = 1; death <= 3; death++) {
		rig_ask(client, &heard, CALL);
		ok(heard.sent == 0 && rig_launch(NULL), "%d: the call waits while the program is started",
		   death);
		TURN_UNTIL(&worker.loop, heard.finals);
		ok(heard.finals == 1 && rig_heard(&heard, "\"id\":\"c\"") && rig_heard(&heard, "\"K701\"") &&
		       rig_heard(&heard, "no such program"),
		   "it cannot be: the answer says why");
	}
	rig_ask(client, &heard, CALL);
	ok(heard.finals == 1 && rig_heard(&heard, "\"K706\"") && rig_starts_nothing(),
	   "after three deaths in a row it is not tried at once again");
	client = rig_leave(client);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

#define LIST_TOOLS "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}"

/* A legacy server that does not know the probe, or dies of it, serves a modern client all the same. */
static void other_era(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_MODERN, server, "mcp");
	struct heard heard = { 0 };
	struct peer peer;

	rig_ask(client, &heard, LIST_TOOLS);
	ok(rig_launch(&peer), "started");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-32601,\"message\":\"\"}}",
		rig_id(rig_hear_of(&peer, "server/discover")));
	rig_say(&peer,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-32603,\"message\":\"not today\"}}",
		rig_id(rig_hear_of(&peer, "initialize")));
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(heard.finals == 1 && rig_heard(&heard, "\"K701\"") &&
	       rig_heard(&heard, "refused to start a session"),
	   "greeted in both eras, it refuses: the client hears what it said last");
	rig_end(&peer);
	(void)rig_starts_nothing();
	rig_ask(client, &heard, LIST_TOOLS);
	ok(rig_launch(&peer), "started again");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-32601,\"message\":\"\"}}",
		rig_id(rig_hear_of(&peer, "server/discover")));
	rig_say(&peer,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"protocolVersion\":\"2025-11-25\","
		"\"capabilities\":{\"tools\":{}}}}",
		rig_id(rig_hear_of(&peer, "initialize")));
	rig_list_tools(&peer, "{\"name\":\"t\",\"inputSchema\":{}}");
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(heard.finals == 1 && rig_heard(&heard, "\"name\":\"t\"") &&
	       rig_heard(&heard, "\"resultType\":\"complete\"") && rig_heard(&heard, "\"ttlMs\":0"),
	   "it speaks the other era: the client has its list, in its own");
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

static void dies_of_the_probe(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_MODERN, server, "mcp");
	struct heard heard = { 0 };
	struct peer peer;

	rig_ask(client, &heard, LIST_TOOLS);
	ok(rig_launch(&peer) && rig_hear_of(&peer, "server/discover").n, "probed");
	rig_end(&peer);
	ok(rig_launch(&peer) && rig_hear_of(&peer, "initialize").n && heard.finals == 0,
	   "it ends at that: started again, it is greeted with initialize, and nobody hears of it");
	rig_end(&peer);
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(heard.finals == 1 && rig_heard(&heard, "\"K701\"") && rig_starts_nothing(),
	   "it ends at that, too: then it is told, and not tried in a circle");
	client = rig_leave(client);
	client = rig_client(ERA_MODERN, server, "mcp");
	rig_ask(client, &heard, LIST_TOOLS);
	ok(rig_launch(&peer) && rig_hear_of(&peer, "server/discover").n, "the next one is probed anew");
	rig_end(&peer);
	ok(rig_greet(&peer, TOOLS), "and started again");
	rig_list_tools(&peer, "{\"name\":\"t\",\"inputSchema\":{}}");
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(heard.finals == 1 && rig_heard(&heard, "\"name\":\"t\"") && server->modern == SPEAKS_NO,
	   "this time it answers");
	rig_end(&peer);
	(void)rig_starts_nothing();
	client = rig_leave(client);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

static void dies(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	struct heard a = { 0 }, b = { 0 };
	struct peer peer;

	rig_ask(client, &a, CALL);
	ok(rig_greet(&peer, TOOLS) && rig_hear_of(&peer, "tools/list").n,
	   "a call waits for the list of tools");
	rig_end(&peer);
	TURN_UNTIL(&worker.loop, a.finals);
	ok(a.finals == 1 && rig_heard(&a, "-32603"), "the server ends: so does the call");
	rig_ask(client, &a, CALL);
	(void)rig_greet(&peer, TOOLS);
	rig_list_tools(&peer, "{\"name\":\"t\",\"inputSchema\":{}}");
	(void)rig_hear_of(&peer, "tools/call");
	rig_ask(client, &b, CALL);
	(void)rig_hear_of(&peer, "tools/call");
	rig_end(&peer);
	TURN_UNTIL(&worker.loop, b.finals);
	ok(a.finals == 1 && b.finals == 1 && rig_heard(&a, "\"K702\"") && rig_heard(&b, "\"K702\"") &&
	       rig_heard(&a, "unknown whether"),
	   "with calls under way: they are told that it is unknown what came of them");
	client = rig_leave(client);
	worker_drop_server(&worker, server);
	buf_release(&a.last);
	buf_release(&b.last);
}

static void removed(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, NULL, "mcp");
	struct heard a = { 0 }, b = { 0 }, list = { 0 };
	struct peer peer;

	rig_ask(
	    client, &a,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"files__t\"}}");
	(void)rig_greet(&peer, TOOLS);
	rig_list_tools(&peer, "{\"name\":\"t\",\"inputSchema\":{}}");
	(void)rig_hear_of(&peer, "tools/call");
	rig_ask(
	    client, &b,
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"prompts/get\",\"params\":{\"name\":\"files__p\"}}");
	(void)rig_hear_of(&peer, "prompts/get");
	worker_drop_server(&worker, server);
	ok(a.finals == 1 && b.finals == 1 && rig_heard(&a, "\"K704\"") && rig_heard(&b, "\"K704\""),
	   "a server that is removed: its calls are told so at once");
	rig_end(&peer);
	server = rig_server("slow");
	rig_ask(client, &list, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/list\"}");
	ok(rig_greet(&peer, TOOLS) && rig_hear_of(&peer, "tools/list").n && !list.sent,
	   "a list waits for a server");
	worker_drop_server(&worker, server);
	ok(list.finals == 1 && rig_heard(&list, "\"tools\":[]"), "that is removed: it comes without it");
	rig_end(&peer);
	client = rig_leave(client);
	buf_release(&a.last);
	buf_release(&b.last);
	buf_release(&list.last);
}

#define LATE_MS 120000 /* past the server's timeout, whenever it began */

/* The server greets and never lists its tools: who waits hears it, and whoever asks next asks anew. */
static void never_lists(enum era era)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(era, server, "mcp");
	struct heard a = { 0 }, b = { 0 };
	const char *list = era == ERA_LEGACY
			       ? "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"
			       : "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META
				 "}}";
	uint64_t now;
	struct peer peer;
	unsigned first;

	rig_ask(client, &a, list);
	(void)rig_greet(&peer, TOOLS);
	first = rig_id(rig_hear_of(&peer, "tools/list"));
	rig_ask(client, &b,
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"," META
		"}}");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"\\ud800\"}]}}",
		first);
	turn_a_while(&worker.loop);
	now = loop_now(&worker.loop);
	client_tick(client, now + server->timeout_ms - 10000);
	ok(first && a.sent == 0 && b.sent == 0 && rig_is_silent(&peer),
	   "a list that does not come is waited for");
	client_tick(client, now + LATE_MS);
	ok(a.finals == 1 && b.finals == 1 && rig_heard(&a, "\"K703\"") && rig_heard(&b, "\"K703\"") &&
	       rig_heard(&a, "did not answer tools/list within 60 s") && rig_heard(&b, "was not sent"),
	   "for its time: then whoever waits hears it");
	ok(rig_heard(&a, "half of a surrogate pair"), "and what came in its place");
	ok(span_contains(rig_hear(&peer), S("notifications/cancelled")), "the server is told");
	rig_ask(client, &a, list);
	rig_list_tools(&peer, "{\"name\":\"t\",\"inputSchema\":{}}");
	TURN_UNTIL(&worker.loop, a.finals);
	ok(a.finals == 1 && rig_heard(&a, "\"name\":\"t\""), "the next request asks anew, and has it");
	rig_end(&peer);
	client = rig_leave(client);
	worker_drop_server(&worker, server);
	buf_release(&a.last);
	buf_release(&b.last);
}

/* Of two servers that are asked for their prompts one never answers: the list comes without it. */
static void silent_in_a_round(void)
{
	struct server *one = rig_server("one"), *two = rig_server("two");
	struct client *client = rig_client(ERA_LEGACY, NULL, "mcp");
	struct heard list = { 0 };
	struct peer a, b;
	struct span asked;
	uint64_t now;

	rig_ask(client, &list, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"prompts/list\"}");
	ok(rig_greet(&a, PROMPTS) && rig_greet(&b, PROMPTS), "two servers");
	asked = rig_hear_of(&a, "prompts/list");
	rig_say(&a, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"prompts\":[{\"name\":\"greet\"}]}}",
		rig_id(asked));
	(void)rig_hear_of(&b, "prompts/list");
	turn_a_while(&worker.loop);
	now = loop_now(&worker.loop);
	client_tick(client, now);
	turn_a_while(&worker.loop);
	is_int(list.sent, 0, "one is waited for");
	client_tick(client, now + 9000);
	TURN_UNTIL(&worker.loop, list.finals);
	ok(list.finals == 1 && list.status == 200 &&
	       rig_heard(&list, "\"prompts\":[{\"name\":\"one__greet\"}]"),
	   "but not as long as the client waits");
	ok(span_contains(rig_hear(&b), S("notifications/cancelled")), "it is told");
	rig_end(&a);
	rig_end(&b);
	client = rig_leave(client);
	worker_drop_server(&worker, one);
	worker_drop_server(&worker, two);
	buf_release(&list.last);
}

/* Two servers are asked for their prompts; one of them is taken away before it has answered. */
static void removed_from_a_round(void)
{
	struct server *one = rig_server("one"), *two = rig_server("two");
	struct client *client = rig_client(ERA_LEGACY, NULL, "mcp");
	struct heard list = { 0 };
	struct peer a, b;
	struct span asked;
	uint64_t now;

	rig_ask(client, &list, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"prompts/list\"}");
	ok(rig_greet(&a, PROMPTS) && rig_greet(&b, PROMPTS), "two servers");
	asked = rig_hear_of(&a, "prompts/list");
	rig_say(&a, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"prompts\":[{\"name\":\"greet\"}]}}",
		rig_id(asked));
	ok(asked.n && rig_hear_of(&b, "prompts/list").n && !list.sent, "one has answered");
	turn_a_while(&worker.loop);
	is_int(list.sent, 0, "the other is waited for");
	worker_drop_server(&worker, two);
	TURN_UNTIL(&worker.loop, list.finals);
	ok(list.finals == 1 && list.status == 200 &&
	       rig_heard(&list, "\"prompts\":[{\"name\":\"one__greet\"}]"),
	   "until it is removed");
	/* What was listed in the very millisecond would be new enough. */
	now = loop_now(&worker.loop);
	TURN_UNTIL(&worker.loop, loop_now(&worker.loop) > now);
	rig_ask(client, &list, "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"prompts/list\"}");
	(void)rig_hear_of(&a, "prompts/list");
	worker_drop_server(&worker, one);
	TURN_UNTIL(&worker.loop, list.finals);
	ok(list.finals == 1 && rig_heard(&list, "\"prompts\":[]"), "the last one, too");
	rig_end(&a);
	rig_end(&b);
	client = rig_leave(client);
	buf_release(&list.last);
}

static unsigned faults_of(struct server *server)
{
	return common_view(server_common(server), 0).vain;
}

/* A new client's call, to a program that is started for it. */
static struct client *begin_call(struct server *server, struct heard *heard, struct peer *peer)
{
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");

	rig_ask(client, heard, CALL);
	ok(rig_launch(peer) && rig_hear_of(peer, "initialize").n, "# greeted");
	return client;
}

/* Who ends or hangs before he has answered the greeting cannot be reached: by nobody who is not there yet. */
static void never_greets(void)
{
	struct server *server = rig_server("files");
	struct client *there = rig_client(ERA_LEGACY, server, "mcp"), *client;
	struct heard heard = { 0 };
	struct peer one, peer;

	rig_ask(there, &heard, CALL);
	(void)rig_greet(&one, TOOLS);
	rig_list_tools(&one, "{\"name\":\"t\",\"inputSchema\":{}}");
	(void)rig_hear_of(&one, "tools/call");
	for (int i = 0; i < 3; i++) {
		client = begin_call(server, &heard, &peer);
		rig_say(&peer,
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"not you\"}}");
		TURN_UNTIL(&worker.loop, heard.finals);
		ok(rig_heard(&heard, "\"K701\"") && faults_of(server) == 0,
		   "a refusal, which may be of this client, counts for no other");
		rig_end(&peer);
		client = rig_leave(client);
	}
	client = begin_call(server, &heard, &peer);
	client_tick(client, loop_now(&worker.loop) + LATE_MS);
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(rig_heard(&heard, "\"K701\"") && faults_of(server) == 1, "no answer to the greeting counts");
	rig_end(&peer);
	client = rig_leave(client);
	for (unsigned i = 2; i <= 3; i++) {
		client = begin_call(server, &heard, &peer);
		rig_end(&peer);
		TURN_UNTIL(&worker.loop, heard.finals);
		ok(rig_heard(&heard, "\"K701\"") && faults_of(server) == i, "so does an end before it: %u",
		   i);
		client = rig_leave(client);
	}
	client = rig_client(ERA_LEGACY, server, "mcp");
	rig_ask(client, &heard, CALL);
	ok(heard.finals == 1 && rig_heard(&heard, "\"K706\"") && rig_starts_nothing(),
	   "the next client is told at once");
	client = rig_leave(client);
	client = rig_client_of("token:t-2", ERA_LEGACY, server, "mcp");
	rig_ask(client, &heard, CALL);
	ok(rig_greet(&peer, TOOLS), "one of another principal is not kept out by what these said");
	rig_list_tools(&peer, "{\"name\":\"t\",\"inputSchema\":{}}");
	ok(rig_hear_of(&peer, "tools/call").n && faults_of(server) == 0, "and gets through");
	rig_end(&peer);
	client = rig_leave(client);
	client = rig_client(ERA_LEGACY, server, "mcp");
	rig_ask(client, &heard, CALL);
	ok(heard.finals == 1 && rig_heard(&heard, "\"K706\"") && rig_starts_nothing(),
	   "which ends no pause of theirs");
	client = rig_leave(client);
	rig_ask(there, &heard, CALL);
	ok(rig_hear_of(&one, "tools/call").n, "who has a process of his own uses it");
	there = rig_leave(there);
	rig_end(&one);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

/* What cannot be started at all is left alone by everybody. */
static void never_starts(void)
{
	struct server *server = rig_server("files");
	struct heard heard = { 0 };
	struct client *client;

	for (unsigned i = 1; i <= 3; i++) {
		client = rig_client(ERA_LEGACY, server, "mcp");
		rig_ask(client, &heard, CALL);
		(void)rig_launch(NULL);
		TURN_UNTIL(&worker.loop, heard.finals);
		ok(rig_heard(&heard, "\"K701\"") && faults_of(server) == i, "# it cannot be started");
		client = rig_leave(client);
	}
	client = rig_client_of("token:t-2", ERA_LEGACY, server, "mcp");
	rig_ask(client, &heard, CALL);
	ok(heard.finals == 1 && rig_heard(&heard, "\"K706\"") && rig_starts_nothing(),
	   "no program: another principal is told at once, too");
	client = rig_leave(client);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

#define LIST_ALL "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"

static void pauses(struct server *server)
{
	uint64_t now = 1000, pause = SERVER_LATE_MS;

	server_was_late(server, true, now);
	server_was_late(server, true, now);
	ok(server->late == 1 && server->late_until_ms == now + SERVER_LATE_MS,
	   "two wait for it at once: late once");
	for (int i = 0; i < 6; i++) {
		now = server->late_until_ms;
		pause = pause * 2 < SERVER_LATE_MAX_MS ? pause * 2 : SERVER_LATE_MAX_MS;
		server_was_late(server, false, now);
		is_int(server->late_until_ms - now, pause, "late again: twice the pause, up to a ceiling");
	}
	server_has_come(server, false);
	ok(server->late, "its greeting is not its list");
	server_has_come(server, true);
	ok(!server->late && !server->late_until_ms, "its list is");
	server_was_late(server, false, now);
	server_has_come(server, false);
	ok(!server->late, "who was late to be greeted has come with that");
}

/* Of all servers' lists: who never lists its tools costs the first client's patience, not each one's. */
static void never_lists_for_all(void)
{
	struct server *server = rig_server("files");
	struct client *first = rig_client(ERA_LEGACY, NULL, "mcp"), *second;
	struct heard heard = { 0 };
	struct peer one, two;
	struct exchange *x;

	pauses(server);
	rig_ask(first, &heard, LIST_ALL);
	ok(rig_greet(&one, TOOLS) && rig_hear_of(&one, "tools/list").n && !heard.finals,
	   "a list is waited for");
	x = exchange_find(first, S("1"));
	exchange_tick(x, x->last_ms + 9000);
	ok(heard.finals == 1 && server->late == 1, "until its time is over");
	second = rig_client(ERA_LEGACY, NULL, "mcp");
	rig_ask(second, &heard, LIST_ALL);
	ok(heard.finals == 1 && rig_heard(&heard, "\"tools\":[]"), "the next client does not wait");
	ok(rig_greet(&two, TOOLS) && rig_hear_of(&two, "tools/list").n && server->late == 1,
	   "it is asked all the same, and was greeted, which does not mend it");
	client_tick(second, loop_now(&worker.loop) + LATE_MS);
	ok(server->failed == 1 && strstr(server->last_failure, "did not answer tools/list"),
	   "it is noted as the server's failure: %s", server->last_failure);
	ok(span_contains(rig_hear(&two), S("notifications/cancelled")) && rig_is_silent(&two),
	   "and it is left alone for its pause");
	server->late_until_ms = 0;
	client_tick(second, loop_now(&worker.loop));
	rig_list_tools(&two, "{\"name\":\"t\",\"inputSchema\":{}}");
	TURN_UNTIL(&worker.loop, !server->late);
	ok(!server->late && second->changed,
	   "then it is asked again: it lists its tools, and is not late any more");
	first = rig_leave(first);
	second = rig_leave(second);
	rig_end(&one);
	rig_end(&two);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

static void asked_too_late(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	struct heard heard = { 0 };
	uint64_t now = loop_now(&worker.loop);
	struct message message;
	struct peer peer;

	client->declared = CLIENT_ROOTS;
	rig_ask(client, &heard, CALL);
	(void)rig_greet(&peer, TOOLS);
	rig_list_tools(&peer, "{\"name\":\"t\",\"inputSchema\":{}}");
	(void)rig_hear_of(&peer, "tools/call");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"roots/list\"}");
	TURN_UNTIL(&worker.loop, heard.sent);
	ok(client->n_asks == 1 && rig_heard(&heard, "\"id\":1,\"method\":\"roots/list\""),
	   "a server's question");
	client_tick(client, now + worker.limits.call_total_ms - 1);
	ok(client->n_asks == 1 && rig_is_silent(&peer), "has its time");
	client_tick(client, now + worker.limits.call_total_ms + 60000);
	is_span(
	    rig_hear(&peer),
	    S("{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"error\":{\"code\":-32603,\"message\":\"The client did not "
	      "answer in time\"}}"),
	    "then the server is told, under its own id");
	ok(client->n_asks == 0 && heard.finals == 0 && rig_heard(&heard, "notifications/cancelled") &&
	       rig_heard(&heard, "\"requestId\":1"),
	   "and the client, under the one it knows");
	client_tick(client, now + worker.limits.call_total_ms + 120000);
	if (json_parse(&worker.json, S("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"roots\":[]}}"), 100) &&
	    message_read(&worker.json, 0, &message) == MESSAGE_OK)
		client_answered(client, &message);
	ok(rig_is_silent(&peer), "once; an answer that still comes is nobody's");
	rig_end(&peer);
	client = rig_leave(client);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

static struct link *link_of(const struct client *client)
{
	return LIST_ENTRY(client->attachments.next, struct attachment, node)->link;
}

/* A server that shows each client one of two lists: each is kept once, however they take turns. */
static void two_lists(void)
{
	struct server *server = rig_server("files");
	struct client *clients[4];
	struct heard heard = { 0 };
	struct peer peers[4];
	size_t listed = 0;

	for (int i = 0; i < 4; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "token:%d", i);
		clients[i] = rig_client_of(id, ERA_LEGACY, server, "mcp");
		rig_ask(clients[i], &heard, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
		ok(rig_greet(&peers[i], "{\"tools\":{}}"), "# a client");
		rig_list_tools(&peers[i], i % 2 ? "{\"name\":\"b\",\"inputSchema\":{}}"
						: "{\"name\":\"a\",\"inputSchema\":{}}");
		TURN_UNTIL(&worker.loop, heard.finals);
		ok(rig_heard(&heard, i % 2 ? "\"name\":\"b\"" : "\"name\":\"a\""), "client %d has its list",
		   i);
		listed += link_of(clients[i])->listed.paid != 0;
	}
	ok(link_of(clients[0])->catalogue == link_of(clients[2])->catalogue &&
	       link_of(clients[1])->catalogue == link_of(clients[3])->catalogue &&
	       link_of(clients[0])->catalogue != link_of(clients[1])->catalogue,
	   "those who see the same share it");
	is_int(listed, 2, "and each is paid for once");
	for (int i = 0; i < 4; i++) {
		clients[i] = rig_leave(clients[i]);
		rig_end(&peers[i]);
	}
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

/* What stands beside the tools in a list may be one client's own: it is no other's, though the tools are. */
static void beside_the_list(void)
{
	struct server *server = rig_server("files");
	struct client *clients[2];
	struct heard heard = { 0 };
	struct peer peers[2];

	for (int i = 0; i < 2; i++) {
		clients[i] = rig_client_of(i ? "token:b" : "token:a", ERA_LEGACY, server, "mcp");
		rig_ask(clients[i], &heard, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
		(void)rig_greet(&peers[i], TOOLS);
		rig_say(
		    &peers[i],
		    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}],"
		    "\"_meta\":{\"for\":\"client %d\"}}}",
		    rig_id(rig_hear_of(&peers[i], "tools/list")), i);
		TURN_UNTIL(&worker.loop, heard.finals);
		ok(rig_heard(&heard, i ? "client 1" : "client 0") &&
		       !rig_heard(&heard, i ? "client 0" : "client 1"),
		   "client %d is shown what was said to it", i);
	}
	for (int i = 0; i < 2; i++) {
		clients[i] = rig_leave(clients[i]);
		rig_end(&peers[i]);
	}
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	unreachable();
	other_era();
	dies_of_the_probe();
	dies();
	removed();
	removed_from_a_round();
	never_lists(ERA_LEGACY);
	never_lists(ERA_MODERN);
	never_greets();
	never_starts();
	never_lists_for_all();
	silent_in_a_round();
	asked_too_late();
	two_lists();
	beside_the_list();
	rig_stop();
	return tap_done();
}
