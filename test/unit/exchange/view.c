/* view.c - a client of all servers is told when its lists may have changed, and only then. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "ear.h"
#include "exchange/account.h"
#include "mcp/offer.h"

/* The list is answered without who has not greeted yet. */
static void hurry(struct client *client)
{
	struct exchange *x = exchange_find(client, S("1"));

	if (x)
		exchange_tick(x, x->last_ms + 9000);
}

static struct client *client_of_all(const char *scopes, struct ear *ear)
{
	struct client *client = rig_client(ERA_LEGACY, NULL, scopes);

	*ear = (struct ear){ .outlet = { .send = ear_send, .close = ear_close } };
	client_set_outlet(client, &ear->outlet);
	return client;
}

static void late_server(void)
{
	struct server *early = rig_server("early"), *late = rig_server("late");
	struct heard heard = { 0 };
	struct ear ear;
	struct client *client = client_of_all("mcp", &ear);
	struct peer one, two;

	rig_ask(client, &heard, REQUEST("1", "tools/list", ""));
	ok(rig_greet(&one, CHANGING) && rig_launch(&two), "two servers, one of which is slow");
	/* That one does not keep the gate from asking the other. */
	give_tools(&one, TOOL("t"));
	hurry(client);
	ok(heard.finals == 1 && rig_heard(&heard, "early__t") && !rig_heard(&heard, "late__"),
	   "a list without the slow one");
	is_int(said(client, &ear), 0, "of which nothing is said yet");
	rig_say(
	    &two,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":" CHANGING
	    "}}",
	    rig_id(rig_hear_of(&two, "initialize")));
	give_tools(&two, TOOL("hidden"));
	is_int(said(client, &ear), 0, "it has come, and has nothing the client may see: no word");
	for (int i = 0; i < 5; i++)
		rig_say(&two, "{\"jsonrpc\":\"2.0\",\"method\":\"" TOOLS_CHANGED "\"}");
	is_int(said(client, &ear), 0, "its own word is not passed on");
	give_tools(&two, TOOL("t") "," TOOL("hidden"));
	ok(rig_is_silent(&two), "five times said is once fetched");
	is_int(said(client, &ear), 100, "there is something new: one word");
	is_int(said(client, &ear), 0, "and only one");
	rig_ask(client, &heard, REQUEST("1", "tools/list", ""));
	ok(heard.finals == 1 && rig_heard(&heard, "early__t") && rig_heard(&heard, "late__t"),
	   "the list has it");
	rig_say(&two, "{\"jsonrpc\":\"2.0\",\"method\":\"" TOOLS_CHANGED "\"}");
	(void)said(client, &ear);
	give_tools(&two, TOOL("hidden") "," TOOL("t"));
	is_int(said(client, &ear), 0, "a change the client cannot see: no word");
	client = rig_leave(client);
	rig_end(&one);
	rig_end(&two);
	worker_drop_server(&worker, early);
	worker_drop_server(&worker, late);
	buf_release(&heard.last);
}

/* One says that its tools have changed while the list waits for the other: they are in it all the same. */
static void changed_meanwhile(void)
{
	struct server *early = rig_server("early"), *late = rig_server("late");
	struct heard heard = { 0 };
	struct ear ear;
	struct client *client = client_of_all("mcp", &ear);
	struct peer one, two;

	rig_ask(client, &heard, REQUEST("1", "tools/list", ""));
	ok(rig_greet(&one, CHANGING) && rig_greet(&two, CHANGING), "two servers");
	give_tools(&one, TOOL("t"));
	for (int i = 0; i < 5; i++)
		rig_say(&one, "{\"jsonrpc\":\"2.0\",\"method\":\"" TOOLS_CHANGED "\"}");
	turn_a_while(&worker.loop);
	is_int(heard.finals, 0,
	       "one has listed its tools and says that they have changed, the other is slow");
	give_tools(&two, TOOL("u"));
	ok(heard.finals == 1 && rig_heard(&heard, "early__t") && rig_heard(&heard, "late__u"),
	   "the list has both");
	is_int(said(client, &ear), 0, "what has changed is looked at");
	give_tools(&one, TOOL("t") "," TOOL("v"));
	ok(rig_is_silent(&one) && rig_is_silent(&two), "once");
	is_int(said(client, &ear), 100, "and told");
	rig_say(&one, "{\"jsonrpc\":\"2.0\",\"method\":\"" TOOLS_CHANGED "\"}");
	turn_a_while(&worker.loop);
	LIST_EACH(&client->attachments, node)
		LIST_ENTRY(node, struct attachment, node)->fetched_ms = 0;
	rig_ask(client, &heard, REQUEST("1", "tools/list", ""));
	ok(heard.finals == 0, "a list that is asked for then waits for what is new");
	give_tools(&one, TOOL("w"));
	ok(heard.finals == 1 && rig_heard(&heard, "early__w") && !rig_heard(&heard, "early__t"),
	   "and has it");
	is_int(said(client, &ear), 0, "# nothing more to tell");
	client = rig_leave(client);
	rig_end(&one);
	rig_end(&two);
	worker_drop_server(&worker, early);
	worker_drop_server(&worker, late);
	buf_release(&heard.last);
}

static void prompts(void)
{
	struct server *server = rig_server("files");
	struct heard heard = { 0 };
	struct ear ear;
	struct client *client = client_of_all("mcp", &ear);
	struct peer peer;

	rig_ask(client, &heard, REQUEST("1", "prompts/list", ""));
	ok(rig_launch(&peer), "a server");
	hurry(client);
	TURN_UNTIL(&worker.loop, heard.finals);
	is_int(said(client, &ear), 0, "a list of prompts without the server's");
	rig_say(
	    &peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{"
	    "\"prompts\":{}}}}",
	    rig_id(rig_hear_of(&peer, "initialize")));
	turn_a_while(&worker.loop);
	is_int(said(client, &ear), 0, "it is ready: that it has some is not known yet");
	give(&peer, "prompts/list", "\"prompts\":[{\"name\":\"p\"}]");
	is_int(said(client, &ear), 10, "it has: one word");
	rig_end(&peer);
	turn_a_while(&worker.loop);
	TURN_UNTIL(&worker.loop, list_empty(&client->attachments) ||
				     !LIST_ENTRY(client->attachments.next, struct attachment, node)->link);
	rig_ask(client, &heard, REQUEST("1", "ping", ""));
	rig_ask(client, &heard, REQUEST("1", "prompts/list", ""));
	(void)rig_greet(&peer, "{\"prompts\":{}}");
	give(&peer, "prompts/list", "\"prompts\":[{\"name\":\"p\"}]");
	TURN_UNTIL(&worker.loop, heard.finals);
	is_int(said(client, &ear), 0, "it dies and comes again before it was asked: not a second one");
	ok(rig_heard(&heard, "files__p"), "a list with its prompts");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"method\":\"" PROMPTS_CHANGED "\"}");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"method\":\"" PROMPTS_CHANGED "\"}");
	is_int(said(client, &ear), 0, "it says twice that they have changed: they are looked at");
	give(&peer, "prompts/list", "\"prompts\":[{\"name\":\"p\"}]");
	is_int(said(client, &ear), 0, "and are the same: no word");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"method\":\"" PROMPTS_CHANGED "\"}");
	(void)said(client, &ear);
	give(&peer, "prompts/list", "\"prompts\":[{\"name\":\"q\"}]");
	ok(rig_is_silent(&peer), "# nothing more is asked");
	is_int(said(client, &ear), 10, "are others: one word");
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

/* What the client was given is compared with what the server has when it comes again. */
static void comes_again(void)
{
	struct server *server = rig_server("files");
	struct heard heard = { 0 };
	struct ear ear;
	struct client *client = client_of_all("mcp", &ear);
	struct peer peer;

	rig_ask(client, &heard, REQUEST("1", "tools/list", ""));
	(void)rig_greet(&peer, "{\"tools\":{},\"prompts\":{}}");
	give_tools(&peer, TOOL("t"));
	rig_ask(client, &heard, REQUEST("2", "prompts/list", ""));
	give(&peer, "prompts/list", "\"prompts\":[{\"name\":\"p\"}]");
	ok(rig_heard(&heard, "files__p"), "a list of tools, and one of prompts");
	rig_end(&peer);
	TURN_UNTIL(&worker.loop, !LIST_ENTRY(client->attachments.next, struct attachment, node)->link);
	rig_ask(client, &heard, REQUEST("3", "prompts/get", "\"name\":\"files__p\""));
	(void)rig_greet(&peer, "{\"tools\":{},\"prompts\":{}}");
	give_tools(&peer, TOOL("t"));
	give(&peer, "prompts/list", "\"prompts\":[{\"name\":\"p\"}]");
	is_int(said(client, &ear), 0, "it dies and comes again as it was: no word");
	rig_end(&peer);
	TURN_UNTIL(&worker.loop, !LIST_ENTRY(client->attachments.next, struct attachment, node)->link);
	rig_ask(client, &heard, REQUEST("4", "prompts/get", "\"name\":\"files__p\""));
	(void)rig_greet(&peer, "{\"tools\":{},\"prompts\":{}}");
	give_tools(&peer, TOOL("u"));
	give(&peer, "prompts/list", "\"prompts\":[{\"name\":\"q\"}]");
	is_int(said(client, &ear), 110, "with others: one word of each");
	rig_end(&peer);
	TURN_UNTIL(&worker.loop, !LIST_ENTRY(client->attachments.next, struct attachment, node)->link);
	rig_ask(client, &heard, REQUEST("5", "prompts/get", "\"name\":\"files__p\""));
	(void)rig_greet(&peer, "{}");
	is_int(said(client, &ear), 110, "without any: one word of each");
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

static struct attachment *only_attachment(const struct client *client)
{
	return LIST_ENTRY(client->attachments.next, struct attachment, node);
}

/* What was away is opened again without a request, where somebody is to hear of it. */
static void comes_back(void)
{
	struct server *server = rig_server("files");
	struct heard heard = { 0 };
	struct ear ear;
	struct client *client = client_of_all("mcp", &ear);
	struct peer peer;

	rig_ask(client, &heard, REQUEST("1", "ping", ""));
	rig_ask(client, &heard, REQUEST("2", "prompts/get", "\"name\":\"files__p\""));
	ok(rig_launch(NULL), "a server that cannot be started");
	TURN_UNTIL(&worker.loop, heard.finals);
	client_tick(client, loop_now(&worker.loop));
	ok(rig_starts_nothing(), "who was given no list has nothing to hear: it is not tried again");
	rig_ask(client, &heard, REQUEST("3", "tools/list", ""));
	(void)rig_launch(NULL);
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(heard.finals == 1 && rig_heard(&heard, "\"tools\":[]"), "a list without it");
	client_tick(client, loop_now(&worker.loop));
	ok(rig_greet(&peer, CHANGING), "it is tried again by itself");
	give_tools(&peer, TOOL("t"));
	is_int(said(client, &ear), 100, "it is there: one word");
	ok(!only_attachment(client)->lost, "# it is not lost");
	rig_ask(client, &heard, REQUEST("4", "tools/list", ""));
	ok(rig_heard(&heard, "files__t"), "the list has it");
	rig_end(&peer);
	TURN_UNTIL(&worker.loop, !only_attachment(client)->link);
	worker.draining = true;
	client_tick(client, loop_now(&worker.loop));
	ok(rig_starts_nothing(), "nothing is started by a gate that ends");
	worker.draining = false;
	only_attachment(client)->deaths = 1;
	client_tick(client, loop_now(&worker.loop));
	ok(rig_greet(&peer, CHANGING), "it dies: it is opened again");
	give_tools(&peer, TOOL("u"));
	is_int(said(client, &ear), 100, "with other tools: one word");
	server->idle_ms = 1000;
	client_tick(client, loop_now(&worker.loop) + 5000);
	ok(!only_attachment(client)->link, "it is ended for its idleness");
	client_tick(client, loop_now(&worker.loop) + 10000);
	ok(rig_starts_nothing(), "and not started again before it is needed");
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

/* Resources and their templates are one word, and only where they have changed. */
static void resources(void)
{
	struct server *server = rig_server("files");
	struct heard heard = { 0 };
	struct ear ear;
	struct client *client = client_of_all("mcp", &ear);
	struct peer peer;

	rig_ask(client, &heard, REQUEST("1", "resources/list", ""));
	(void)rig_greet(&peer, "{\"resources\":{\"listChanged\":true}}");
	give(&peer, "resources/list", "\"resources\":[{\"uri\":\"x://a\",\"name\":\"a\"}]");
	ok(heard.finals == 1 && rig_heard(&heard, "x://a"), "a list of resources");
	rig_ask(client, &heard, REQUEST("2", "resources/list", ""));
	ok(heard.finals == 1 && rig_heard(&heard, "x://a") && rig_is_silent(&peer),
	   "again: what the server would have said is not asked");
	rig_ask(client, &heard, REQUEST("3", "resources/templates/list", ""));
	give(&peer, "resources/templates/list", "\"resourceTemplates\":[{\"uriTemplate\":\"x://{a}\"}]");
	ok(heard.finals == 1 && rig_heard(&heard, "x://{a}"), "and one of templates");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"method\":\"" RESOURCES_CHANGED "\"}");
	(void)said(client, &ear);
	give(&peer, "resources/list", "\"resources\":[{\"uri\":\"x://a\",\"name\":\"a\"}]");
	is_int(said(client, &ear), 0, "the resources are the same: no word");
	give(&peer, "resources/templates/list", "\"resourceTemplates\":[{\"uriTemplate\":\"x://{b}\"}]");
	is_int(said(client, &ear), 1000, "the templates are others: one word");
	rig_ask(client, &heard, REQUEST("4", "resources/templates/list", ""));
	ok(heard.finals == 1 && rig_heard(&heard, "x://{b}"), "and the list has them");
	worker_drop_server(&worker, server);
	is_int(said(client, &ear), 1000, "what is taken away is one word");
	client = rig_leave(client);
	rig_end(&peer);
	buf_release(&heard.last);
}

static void reload(void)
{
	struct server *old = rig_server("files"), *fresh;
	struct heard heard = { 0 };
	struct ear ear, deaf, stranger;
	struct client *client = client_of_all("mcp", &ear), *unasked = client_of_all("mcp", &deaf);
	struct client *other = client_of_all("mcp:other", &stranger);
	struct peer peer;

	rig_ask(other, &heard, REQUEST("1", "tools/list", ""));
	rig_ask(client, &heard, REQUEST("1", "tools/list", ""));
	(void)rig_greet(&peer, "{\"tools\":{}}");
	give_tools(&peer, TOOL("t"));
	client->outlet = NULL;
	worker_drop_server(&worker, old);
	fresh = rig_server("files");
	view_added(&worker, fresh);
	is_int(said(client, &ear), 0, "a server is another one: nobody to tell");
	client_set_outlet(client, &ear.outlet);
	ear.full = true;
	is_int(said(client, &ear), 0, "the client has its stream, which takes nothing: it is not lost");
	ear.full = false;
	is_int(said(client, &ear), 100, "the stream takes it: one word");
	is_int(said(unasked, &deaf), 0, "who never had a list is told nothing");
	is_int(said(other, &stranger), 0, "nor who may not see the server");
	rig_ask(client, &heard, REQUEST("1", "tools/list", ""));
	rig_end(&peer);
	(void)rig_greet(&peer, "{\"tools\":{}}");
	give_tools(&peer, TOOL("hidden"));
	ok(heard.finals && !rig_heard(&heard, "files__"), "a list of nothing");
	is_int(said(client, &ear), 0, "# no word");
	worker_drop_server(&worker, fresh);
	is_int(said(client, &ear), 0, "what showed nothing goes without a word");
	client = rig_leave(client);
	unasked = rig_leave(unasked);
	other = rig_leave(other);
	rig_end(&peer);
	buf_release(&heard.last);
}

/* Who listens first may have a list from before: he is told of what is there. */
static void listens_first(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_MODERN, NULL, "mcp");
	struct heard tools = { 0 }, prompts = { 0 };
	struct peer peer;

	rig_ask(client, &prompts, REQUEST("1", "subscriptions/listen", "\"notifications\":{}," META));
	ok(prompts.sent == 1 && rig_starts_nothing(), "who listens to nothing has nothing looked at");
	rig_ask(client, &tools,
		REQUEST("2", "subscriptions/listen", "\"notifications\":{\"toolsListChanged\":true}," META));
	ok(tools.sent == 1 && rig_greet(&peer, "{\"tools\":{},\"prompts\":{}}"),
	   "who listens has the servers started");
	give_tools(&peer, TOOL("t"));
	view_tick(client);
	ok(tools.sent == 2 && rig_heard(&tools, TOOLS_CHANGED), "and is told that there are tools");
	rig_ask(
	    client, &prompts,
	    REQUEST("3", "subscriptions/listen", "\"notifications\":{\"promptsListChanged\":true}," META));
	give(&peer, "prompts/list", "\"prompts\":[{\"name\":\"p\"}]");
	view_tick(client);
	ok(prompts.sent == 2 && rig_heard(&prompts, PROMPTS_CHANGED) && tools.sent == 2,
	   "of what is there already, too");
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&tools.last);
	buf_release(&prompts.last);
}

#define INITIALIZE                                                                                           \
	REQUEST("1", "initialize",                                                                           \
		"\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"c\","     \
		"\"version\":\"1\"}")

/* What a session is offered holds to its end: who may still turn out to have lists counts as one who has. */
static void offered(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, NULL, "mcp"), *modern;
	struct heard heard = { 0 };
	struct peer peer;

	rig_ask(client, &heard, INITIALIZE);
	ok(rig_launch(&peer), "a server that takes its time");
	hurry(client);
	ok(heard.finals == 1 && rig_heard(&heard, "\"prompts\":{") && rig_heard(&heard, "\"resources\":{") &&
	       !rig_heard(&heard, "completions"),
	   "may have prompts and resources");
	rig_say(&peer,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"protocolVersion\":\"2025-11-25\","
		"\"capabilities\":{\"prompts\":{},\"completions\":{}}}}",
		rig_id(rig_hear_of(&peer, "initialize")));
	TURN_UNTIL(&worker.loop, server->declared);
	rig_ask(client, &heard, INITIALIZE);
	ok(heard.finals == 1 && rig_heard(&heard, "\"prompts\":{") &&
	       rig_heard(&heard, "\"completions\":{") && !rig_heard(&heard, "\"resources\":{"),
	   "greeted, it has what it says");
	rig_end(&peer);
	client = rig_leave(client);
	modern = rig_client(ERA_MODERN, NULL, "mcp");
	rig_ask(modern, &heard, REQUEST("1", "server/discover", META));
	ok(heard.finals == 1 && rig_heard(&heard, "\"prompts\":{") &&
	       rig_heard(&heard, "\"completions\":{") && !rig_heard(&heard, "\"resources\":{") &&
	       rig_starts_nothing(),
	   "a probe is answered from that, and starts nothing");
	server->declared = 0;
	rig_ask(modern, &heard, REQUEST("1", "server/discover", META));
	ok(heard.finals == 0 && rig_launch(&peer),
	   "of who was never greeted nothing is known: it is started");
	rig_end(&peer);
	modern = rig_leave(modern);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

/* What a client was given and no longer has is not kept for it: nobody pays for it any more. */
static void outdated(void)
{
	struct server *server = rig_server("files");
	struct heard heard = { 0 };
	struct ear ear;
	struct client *client = client_of_all("mcp", &ear);
	struct catalogue *tools;
	struct offer *prompts;
	struct peer peer;

	rig_ask(client, &heard, REQUEST("1", "tools/list", ""));
	(void)rig_greet(&peer, "{\"tools\":{\"listChanged\":true},\"prompts\":{\"listChanged\":true}}");
	give_tools(&peer, TOOL("t"));
	rig_ask(client, &heard, REQUEST("2", "prompts/list", ""));
	give(&peer, "prompts/list", "\"prompts\":[{\"name\":\"p\"}]");
	tools = catalogue_ref(only_attachment(client)->link->catalogue);
	prompts = offer_ref(only_attachment(client)->shelves[OFFER_PROMPTS].offer);
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"method\":\"" TOOLS_CHANGED "\"}");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"method\":\"" PROMPTS_CHANGED "\"}");
	(void)said(client, &ear);
	give_tools(&peer, TOOL("u"));
	give(&peer, "prompts/list", "\"prompts\":[{\"name\":\"q\"}]");
	is_int(said(client, &ear), 110, "both lists are others: a word for each");
	is_int(tools->refs, 2, "the old tools are among the server's last ones, and nobody's else");
	is_int(prompts->refs, 2, "so are the old prompts");
	(void)catalogue_unref(tools);
	(void)offer_unref(prompts);
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

/* Whoever shares a list goes on paying for it when he who paid is gone. */
static void inherited(void)
{
	struct server *server = rig_server("files");
	struct heard heard = { 0 };
	struct client *one = rig_client_of("token:t-1", ERA_LEGACY, NULL, "mcp");
	struct client *two = rig_client_of("token:t-2", ERA_LEGACY, NULL, "mcp");
	struct peer peers[2];
	size_t before, due;

	for (int i = 0; i < 2; i++) {
		rig_ask(i ? two : one, &heard, REQUEST("1", "tools/list", ""));
		(void)rig_greet(&peers[i], "{\"tools\":{},\"prompts\":{}}");
		give_tools(&peers[i], TOOL("t"));
		rig_ask(i ? two : one, &heard, REQUEST("2", "prompts/list", ""));
		give(&peers[i], "prompts/list", "\"prompts\":[{\"name\":\"p\"}]");
	}
	due = offer_bytes(only_attachment(two)->shelves[OFFER_PROMPTS].offer) +
	      catalogue_bytes(only_attachment(two)->link->catalogue);
	before = two->account->held.used;
	one = rig_leave(one);
	is_int(two->account->held.used, before + due, "he who is left pays for what both had");
	two = rig_leave(two);
	is_int(worker.held.used, 0, "and nobody when he has left");
	for (int i = 0; i < 2; i++)
		rig_end(&peers[i]);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

static void modern(void)
{
	struct client *client = rig_client(ERA_MODERN, NULL, "mcp");
	struct heard tools = { 0 }, nothing = { 0 }, list = { 0 };
	struct server *server;

	client->kind = CLIENT_CONTEXT;
	rig_ask(client, &tools,
		REQUEST("\"t\"", "subscriptions/listen",
			"\"notifications\":{\"toolsListChanged\":true,\"promptsListChanged\":false,"
			"\"resourcesListChanged\":true,\"taskIds\":[\"1\"]}," META));
	ok(tools.sent == 1 &&
	       rig_heard(&tools,
			 "\"notifications\":{\"toolsListChanged\":true,\"resourcesListChanged\":true}"),
	   "of what is asked for, what is served is acknowledged");
	rig_ask(client, &nothing, REQUEST("2", "subscriptions/listen", "\"notifications\":7," META));
	ok(nothing.sent == 1 && rig_heard(&nothing, "\"notifications\":{}"), "of nothing, nothing");
	rig_ask(client, &list, REQUEST("1", "tools/list", META));
	rig_ask(client, &list, REQUEST("1", "prompts/list", META));
	turn_a_while(&worker.loop);
	server = rig_server("files");
	view_added(&worker, server);
	view_tick(client);
	is_span(buf_span(&tools.last),
		S("{\"jsonrpc\":\"2.0\",\"method\":\"" RESOURCES_CHANGED
		  "\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":\"t\"}}}"),
		"who asked to hear of tools and resources does");
	ok(tools.sent == 3 && nothing.sent == 1, "once of each, and nobody hears what he did not ask for");
	view_tick(client);
	is_int(tools.sent, 3, "and not again");
	client = rig_leave(client);
	worker_drop_server(&worker, server);
	buf_release(&tools.last);
	buf_release(&nothing.last);
	buf_release(&list.last);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	late_server();
	changed_meanwhile();
	prompts();
	comes_again();
	comes_back();
	resources();
	reload();
	outdated();
	inherited();
	modern();
	listens_first();
	offered();
	rig_stop();
	return tap_done();
}
