/* attach_room.c - which connections a client has: one for what it declares, so many of one principal. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/attach_room.h"

#include "exchange/account.h"
#include "rig.h"
#include "words.h"

#define TOOLS "{\"tools\":{}}"
#define PROMPTS "{\"prompts\":{}}"
#define CALL "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"method\":\"tools/call\",\"params\":{\"name\":\"t\"}}"

#define DECLARES(capabilities)                                                                               \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{"                    \
	"\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                                        \
	"\"io.modelcontextprotocol/clientCapabilities\":" capabilities "}}}"

static void greets(struct peer *peer, struct span hello)
{
	rig_say(peer,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"protocolVersion\":\"2025-11-25\","
		"\"capabilities\":{\"tools\":{\"listChanged\":true}}}}",
		rig_id(hello));
	rig_list_tools(peer, "");
}

/* A legacy server hears once what may be asked of the client; a modern one with each request. */
static void declared(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_MODERN, server, "mcp");
	struct heard a = { 0 }, b = { 0 };
	struct peer one, two;
	struct span hello;

	server->modern = SPEAKS_NO;
	rig_ask(client, &a, DECLARES("{\"roots\":{}}"));
	ok(rig_launch(&one), "a legacy server is started for a client that has roots");
	hello = rig_hear(&one);
	ok(span_contains(hello, S("\"roots\":{}")) && !span_contains(hello, S("sampling")), "and hears so");
	greets(&one, hello);
	TURN_UNTIL(&worker.loop, a.finals);
	rig_ask(client, &b, DECLARES("{\"sampling\":{}}"));
	ok(rig_launch(&two), "a request that declares another thing has a connection of its own");
	hello = rig_hear(&two);
	ok(span_contains(hello, S("\"sampling\":{}")) && !span_contains(hello, S("roots")), "with that");
	greets(&two, hello);
	TURN_UNTIL(&worker.loop, b.finals);
	rig_ask(client, &a, DECLARES("{\"roots\":{}}"));
	ok(a.finals == 1 && rig_starts_nothing(), "the same again uses the first");
	client = rig_leave(client);
	rig_end(&one);
	rig_end(&two);
	server->modern = SPEAKS_UNKNOWN;
	client = rig_client(ERA_MODERN, server, "mcp");
	rig_ask(client, &a, DECLARES("{\"roots\":{}}"));
	(void)rig_greet(&one, TOOLS);
	rig_list_tools(&one, "");
	TURN_UNTIL(&worker.loop, a.finals);
	rig_ask(client, &b, DECLARES("{\"sampling\":{}}"));
	rig_list_tools(&one, "");
	TURN_UNTIL(&worker.loop, b.finals);
	ok(b.finals == 1 && rig_starts_nothing(), "a modern server has one connection for all");
	client = rig_leave(client);
	rig_end(&one);
	worker_drop_server(&worker, server);
	buf_release(&a.last);
	buf_release(&b.last);
}

/* Asks with a set of capabilities that nobody else declares. */
static void ask_with(struct client *client, struct heard *heard, int which)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		       "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"prompts/list\",\"params\":{\"_meta\":{"
		       "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
		       "\"io.modelcontextprotocol/clientCapabilities\":{\"experimental\":{\"k%d\":{}}}}}}",
		       which, which);
	rig_ask(client, heard, text);
}

static void greet_legacy(struct peer *peer)
{
	ok(rig_launch(peer), "# started");
	rig_say(peer,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"protocolVersion\":\"2025-11-25\","
		"\"capabilities\":" PROMPTS "}}",
		rig_id(rig_hear_of(peer, "initialize")));
}

static void answer_prompts(struct peer *peer, struct heard *heard)
{
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"prompts\":[]}}",
		rig_id(rig_hear_of(peer, "prompts/list")));
	TURN_UNTIL(&worker.loop, heard->finals);
}

static bool has_ended(struct peer *peer)
{
	char chunk[4096];

	turn_a_while(&worker.loop);
	while (read(peer->in, chunk, sizeof(chunk)) > 0)
		;
	return read(peer->in, chunk, sizeof(chunk)) == 0;
}

/* Whoever declares another thing each time has a few connections, and not all there are. */
static void declares_much(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_MODERN, server, "mcp");
	struct heard heards[ATTACHMENTS] = { 0 }, last = { 0 };
	struct peer peers[ATTACHMENTS], other;

	server->modern = SPEAKS_NO;
	for (int i = 0; i < ATTACHMENTS; i++) {
		ask_with(client, &heards[i], i);
		greet_legacy(&peers[i]);
	}
	ask_with(client, &last, ATTACHMENTS);
	ok(last.finals == 1 && last.status == 429 && rig_heard(&last, "\"K801\"") && rig_starts_nothing(),
	   "so many are in use: one more is refused");
	for (int i = 0; i < ATTACHMENTS; i++)
		answer_prompts(&peers[i], &heards[i]);
	is_int(client->account->n_links, ATTACHMENTS, "they are counted");
	ask_with(client, &last, ATTACHMENTS);
	greet_legacy(&other);
	answer_prompts(&other, &last);
	ok(last.finals == 1 && last.status == 200, "none is in use any more: it takes the place of one");
	is_int(client->account->n_links, ATTACHMENTS, "which are no more than before");
	ok(has_ended(&peers[0]) && !has_ended(&peers[1]), "the oldest has ended, and no other");
	client = rig_leave(client);
	for (int i = 0; i < ATTACHMENTS; i++) {
		rig_end(&peers[i]);
		buf_release(&heards[i].last);
	}
	rig_end(&other);
	worker_drop_server(&worker, server);
	buf_release(&last.last);
}

/* Asks the same of one server. */
static void ask_one_with(struct client *client, struct server *only, struct heard *heard, int which)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		       "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"prompts/list\",\"params\":{\"_meta\":{"
		       "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
		       "\"io.modelcontextprotocol/clientCapabilities\":{\"experimental\":{\"k%d\":{}}}}}}",
		       which, which);
	rig_ask_at(client, only, heard, text);
}

/*
 * A list of all waits for its second server, and has lost its place at the first meanwhile. It goes on when
 * the second is late, or removed, and takes the place of another: the one that would be looked at next.
 */
static void goes_on_in_anothers_place(bool removed)
{
	struct server *first = rig_server("first"), *second = rig_server("second");
	struct client *client = rig_client(ERA_MODERN, NULL, "mcp");
	struct heard list = { 0 }, heards[ATTACHMENTS] = { 0 };
	struct peer one, two, peers[ATTACHMENTS];

	first->modern = second->modern = SPEAKS_NO;
	rig_ask(client, &list,
		"{\"jsonrpc\":\"2.0\",\"id\":100,\"method\":\"resources/list\",\"params\":{" META "}}");
	greet_legacy(&one);
	ok(rig_launch(&two), "# started");
	rig_say(&two,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"protocolVersion\":\"2025-11-25\","
		"\"capabilities\":{\"resources\":{}}}}",
		rig_id(rig_hear_of(&two, "initialize")));
	ok(rig_hear_of(&two, "resources/list").n && !list.sent, "a list waits for its second server");
	for (int i = 0; i < ATTACHMENTS; i++) {
		ask_one_with(client, first, &heards[i], i);
		greet_legacy(&peers[i]);
		answer_prompts(&peers[i], &heards[i]);
	}
	ok(has_ended(&one), "and others take its place at the first");
	if (removed)
		worker_drop_server(&worker, second);
	else
		client_tick(client, loop_now(&worker.loop) + 9000);
	TURN_UNTIL(&worker.loop, list.finals);
	ok(list.finals == 1 && list.status == 200, "it goes on");
	client = rig_leave(client);
	for (int i = 0; i < ATTACHMENTS; i++) {
		rig_end(&peers[i]);
		buf_release(&heards[i].last);
	}
	rig_end(&one);
	rig_end(&two);
	worker_drop_server(&worker, first);
	if (!removed)
		worker_drop_server(&worker, second);
	buf_release(&list.last);
}

/* The order of members and the spaces between them declare nothing. */
static void declares_the_same(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_MODERN, server, "mcp");
	struct heard heard = { 0 };
	struct peer peer;

	server->modern = SPEAKS_NO;
	rig_ask(client, &heard, DECLARES("{\"roots\":{},\"sampling\":{}}"));
	greet_legacy(&peer);
	TURN_UNTIL(&worker.loop, heard.finals);
	rig_ask(client, &heard, DECLARES("{ \"sampling\": {}, \"roots\": {} }"));
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(heard.finals == 1 && rig_starts_nothing(), "the same in other words uses the same connection");
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

/* In all its sessions together a principal has so many connections, of whatever kind. */
static void connects_much(void)
{
	struct server *server = rig_server("files");
	struct client *one = rig_client(ERA_LEGACY, server, "mcp");
	struct client *two = rig_client(ERA_LEGACY, server, "mcp");
	struct client *another = rig_client_of("token:t-2", ERA_LEGACY, server, "mcp");
	struct heard a = { 0 }, b = { 0 }, c = { 0 };
	struct peer peer;
	size_t most = worker.limits.links_per_principal;

	worker.limits.links_per_principal = 1;
	rig_ask(one, &a, CALL);
	ok(rig_greet(&peer, TOOLS), "a principal has a connection");
	rig_ask(two, &b, CALL);
	ok(b.finals == 1 && b.status == 429 && rig_heard(&b, "\"K801\"") &&
	       rig_heard(&b, "1 connections to servers") && rig_starts_nothing(),
	   "which is all it may have: another session of it is refused one");
	rig_ask(another, &c, CALL);
	ok(c.finals == 0 && rig_launch(NULL), "another principal is not");
	TURN_UNTIL(&worker.loop, c.finals);
	one = rig_leave(one);
	rig_ask(two, &b, CALL);
	ok(b.finals == 0 && rig_launch(NULL), "nor is the first where it has ended its own");
	TURN_UNTIL(&worker.loop, b.finals);
	worker.limits.links_per_principal = most;
	two = rig_leave(two);
	another = rig_leave(another);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&a.last);
	buf_release(&b.last);
	buf_release(&c.last);
}

int main(void)
{
	if (!rig_start())
		abort();
	declared();
	declares_much();
	declares_the_same();
	goes_on_in_anothers_place(false);
	goes_on_in_anothers_place(true);
	connects_much();
	rig_stop();
	return tap_done();
}
