/* view_alone.c - a client of one server alone is told when a list it was given has changed, and only then. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "ear.h"
#include "exchange/listening.h"

static uint64_t told_at(const struct client *client)
{
	return LIST_ENTRY(client->attachments.next, struct attachment, node)->told_ms;
}

static void changes(struct peer *peer, const char *method)
{
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\"}", method);
	turn_a_while(&worker.loop);
}

/* At one server alone: of the tools it sees, at most once a second. */
static void one_server(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	struct heard heard = { 0 };
	struct ear ear = { .outlet = { .send = ear_send, .close = ear_close } };
	struct peer peer;

	client_set_outlet(client, &ear.outlet);
	rig_ask(client, &heard, REQUEST("0", "ping", ""));
	rig_ask(client, &heard, REQUEST("1", "resources/read", "\"uri\":\"x://a\""));
	(void)rig_greet(&peer, CHANGING);
	give(&peer, "resources/read", "\"contents\":[]");
	changes(&peer, TOOLS_CHANGED);
	ok(said(client, &ear) == 0 && rig_is_silent(&peer), "of a list it never had it is told nothing");
	rig_ask(client, &heard, REQUEST("2", "tools/list", ""));
	give_tools(&peer, TOOL("t"));
	for (int i = 0; i < 3; i++)
		changes(&peer, TOOLS_CHANGED);
	is_int(said(client, &ear), 0, "the server says thrice that it has changed: it is looked at");
	give_tools(&peer, TOOL("t") "," TOOL("hidden"));
	ok(said(client, &ear) == 0 && rig_is_silent(&peer),
	   "once; what the client sees is the same: no word");
	changes(&peer, TOOLS_CHANGED);
	(void)said(client, &ear);
	give_tools(&peer, TOOL("u"));
	is_int(said(client, &ear), 100, "it is another: one word");
	changes(&peer, TOOLS_CHANGED);
	(void)said(client, &ear);
	give_tools(&peer, TOOL("v"));
	listening_tick(client, told_at(client) + 999);
	is_int(said(client, &ear), 0, "the next one waits");
	listening_tick(client, told_at(client) + 1000);
	is_int(said(client, &ear), 100, "for a second");
	changes(&peer, TOOLS_CHANGED);
	(void)said(client, &ear);
	give_tools(&peer, TOOL("v"));
	listening_tick(client, told_at(client) + 5000);
	is_int(said(client, &ear), 0, "said again of what it was told of: no word");
	changes(&peer, TOOLS_CHANGED);
	rig_ask(client, &heard, REQUEST("3", "tools/list", ""));
	give_tools(&peer, TOOL("w"));
	listening_tick(client, told_at(client) + 9000);
	ok(rig_heard(&heard, "\"w\"") && said(client, &ear) == 0,
	   "it asks before it could be told: it has the list, and hears nothing");
	changes(&peer, TOOLS_CHANGED);
	(void)said(client, &ear);
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-32603,\"message\":\"no\"}}",
		rig_id(rig_hear_of(&peer, "tools/list")));
	turn_a_while(&worker.loop);
	listening_tick(client, told_at(client) + 9000);
	is_int(said(client, &ear), 100, "what cannot be looked at may be another: one word");
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

/* Lists that pass as the server gives them. */
static void one_server_passing(void)
{
	static const char a[] = "\"resources\":[{\"uri\":\"x://a\",\"name\":\"a\"}]";
	static const char b[] = "\"resources\":[{\"uri\":\"x://b\",\"name\":\"b\"}]";
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	struct heard heard = { 0 };
	struct ear ear = { .outlet = { .send = ear_send, .close = ear_close } };
	struct peer peer;
	size_t held;

	client_set_outlet(client, &ear.outlet);
	rig_ask(client, &heard, REQUEST("1", "resources/list", ""));
	(void)rig_greet(&peer, "{\"resources\":{\"listChanged\":true}}");
	give(&peer, "resources/list", a);
	held = worker.held.used;
	changes(&peer, RESOURCES_CHANGED);
	(void)said(client, &ear);
	give(&peer, "resources/list", a);
	ok(said(client, &ear) == 0 && rig_is_silent(&peer), "a list of one page, the same again: no word");
	changes(&peer, RESOURCES_CHANGED);
	(void)said(client, &ear);
	give(&peer, "resources/list", b);
	is_int(said(client, &ear), 1000, "another: one word");
	rig_ask(client, &heard, REQUEST("2", "resources/list", ""));
	give(&peer, "resources/list",
	     "\"resources\":[{\"uri\":\"x://b\",\"name\":\"b\"}],\"nextCursor\":\"2\"");
	changes(&peer, RESOURCES_CHANGED);
	(void)said(client, &ear);
	give(&peer, "resources/list", b);
	listening_tick(client, told_at(client) + 1000);
	is_int(said(client, &ear), 1000, "of pages it is not known what it has: one word");
	changes(&peer, RESOURCES_CHANGED);
	(void)said(client, &ear);
	give(&peer, "resources/list", b);
	listening_tick(client, told_at(client) + 1000);
	is_int(said(client, &ear), 0, "after that it is");
	is_int(worker.held.used, held, "and what was looked at is not held");
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

/* At one server alone: the program that comes back may be another one, and nobody said so meanwhile. */
static void comes_back_alone(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	struct heard heard = { 0 };
	struct ear ear = { .outlet = { .send = ear_send, .close = ear_close } };
	struct peer peer;

	client_set_outlet(client, &ear.outlet);
	rig_ask(client, &heard, REQUEST("1", "tools/list", ""));
	(void)rig_greet(&peer, CHANGING);
	give_tools(&peer, TOOL("t"));
	ok(rig_heard(&heard, "\"t\""), "a list at one server");
	rig_end(&peer);
	TURN_UNTIL(&worker.loop, !LIST_ENTRY(client->attachments.next, struct attachment, node)->link);
	rig_ask(client, &heard, REQUEST("2", "resources/read", "\"uri\":\"x://a\""));
	ok(rig_greet(&peer, CHANGING), "it dies, and is started again");
	is_int(said(client, &ear), 0, "# looked at");
	give_tools(&peer, TOOL("t"));
	listening_tick(client, told_at(client) + 1000);
	is_int(said(client, &ear), 0, "with the same tools: no word");
	rig_end(&peer);
	TURN_UNTIL(&worker.loop, !LIST_ENTRY(client->attachments.next, struct attachment, node)->link);
	rig_ask(client, &heard, REQUEST("3", "resources/read", "\"uri\":\"x://a\""));
	(void)rig_greet(&peer, CHANGING);
	is_int(said(client, &ear), 0, "# looked at");
	give_tools(&peer, TOOL("u"));
	listening_tick(client, told_at(client) + 1000);
	is_int(said(client, &ear), 100, "with others: one word");
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

static void looks_and_gives(struct client *client, struct peer *peer, const char *tools)
{
	changes(peer, TOOLS_CHANGED);
	view_tick(client);
	give_tools(peer, tools);
	listening_tick(client, told_at(client) + 5000);
}

/* A session without a stream of its own hears of a change when it has one: once, however much there was. */
static void without_a_stream(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	struct heard heard = { 0 };
	struct ear ear = { .outlet = { .send = ear_send, .close = ear_close } };
	struct peer peer;
	unsigned full = 0;

	rig_ask(client, &heard, REQUEST("1", "tools/list", ""));
	(void)rig_greet(&peer, CHANGING);
	give_tools(&peer, TOOL("t"));
	looks_and_gives(client, &peer, TOOL("u"));
	looks_and_gives(client, &peer, TOOL("v"));
	is_int(client->n_parked, 0, "changes that nobody can be told of do not wait one by one");
	rig_ask(client, &heard, REQUEST("2", "tools/list", ""));
	ok(heard.finals == 1 && rig_heard(&heard, "\"v\""), "# asked for");
	client_set_outlet(client, &ear.outlet);
	listening_tick(client, told_at(client) + 5000);
	is_int(said(client, &ear), 0, "who has asked for the list since has nothing to hear of");
	client_set_outlet(client, NULL);
	while (client_tell(client, S("{\"log\":1}")))
		full++;
	looks_and_gives(client, &peer, TOOL("w"));
	looks_and_gives(client, &peer, TOOL("x"));
	client_set_outlet(client, &ear.outlet);
	ok(full && ear.other == full, "what was parked is said when there is a stream, as much as there is");
	ear.other = 0;
	listening_tick(client, told_at(client) + 5000);
	is_int(said(client, &ear), 100, "and then that the list has changed, though no more could be parked");
	listening_tick(client, told_at(client) + 5000);
	is_int(said(client, &ear), 0, "once");
	ear.full = true;
	looks_and_gives(client, &peer, TOOL("y"));
	is_int(said(client, &ear), 0, "# a stream that takes nothing");
	ear.full = false;
	listening_tick(client, told_at(client) + 5000);
	is_int(said(client, &ear), 100, "what a stream did not take is said again");
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

int main(void)
{
	if (!rig_start())
		abort();
	one_server();
	one_server_passing();
	comes_back_alone();
	without_a_stream();
	rig_stop();
	return tap_done();
}
