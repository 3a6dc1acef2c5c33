/* heed.c - a client that listens to all servers hears what a modern one says of its lists. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include "exchange/heed.h"
#include "exchange/view.h"
#include "exchange/watch.h"
#include "words.h"

#define LISTEN(filter) REQUEST("\"me\"", "subscriptions/listen", "\"notifications\":{" filter "}," META)
#define TOOL(name) "{\"name\":\"" name "\",\"inputSchema\":{\"type\":\"object\"}}"
#define RESOURCE(method) REQUEST("2", "resources/" method, "\"uri\":\"x://a\"")
#define SUBSCRIPTION "{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%u}}"

static void tick(struct client *client)
{
	turn_a_while(&worker.loop);
	heed_tick(client, loop_now(&worker.loop));
	view_tick(client);
	turn_a_while(&worker.loop);
}

static void give_tools(struct peer *peer, const char *tools)
{
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[%s]}}",
		rig_id(rig_hear_of(peer, "tools/list")), tools);
	turn_a_while(&worker.loop);
}

/* A client of all servers that has had their list, and listens with this filter. */
static struct client *listener(struct heard *heard, struct peer *peer, const char *capabilities,
			       const char *listen)
{
	struct client *client = rig_client(ERA_MODERN, NULL, "mcp");
	struct heard list = { 0 };

	client->kind = CLIENT_CONTEXT;
	rig_ask(client, &list, REQUEST("1", "tools/list", META));
	(void)rig_greet(peer, capabilities);
	give_tools(peer, TOOL("t"));
	ok(list.finals == 1 && rig_heard(&list, "files__t"), "# a list");
	rig_ask(client, heard, listen);
	ok(heard->sent == 1, "# a subscription");
	buf_release(&list.last);
	return client;
}

static void not_heeded(struct server *server)
{
	static const struct {
		const char *capabilities, *listen, *why;
	} cases[] = {
		{ "{\"tools\":{}}", LISTEN("\"toolsListChanged\":true"),
		  "a server that declares no changes" },
		{ "{\"tools\":{\"listChanged\":true}}", LISTEN(""),
		  "a client that wants to hear of nothing" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct heard heard = { 0 };
		struct peer peer;
		struct client *client = listener(&heard, &peer, cases[i].capabilities, cases[i].listen);

		tick(client);
		tick(client);
		ok(rig_is_silent(&peer), "%s: nothing is asked", cases[i].why);
		client = rig_leave(client);
		rig_end(&peer);
		buf_release(&heard.last);
	}
	(void)server;
}

/* A server that cannot after all is not asked each second. */
static void refused(void)
{
	struct heard heard = { 0 };
	struct peer peer;
	struct client *client = listener(&heard, &peer, "{\"tools\":{\"listChanged\":true}}",
					 LISTEN("\"toolsListChanged\":true"));

	tick(client);
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-32601,\"message\":\"no\"}}",
		rig_id(rig_hear_of(&peer, "subscriptions/listen")));
	tick(client);
	tick(client);
	ok(rig_is_silent(&peer), "it refuses: it is not asked at once again");
	heed_tick(client, loop_now(&worker.loop) + 31000);
	ok(rig_hear_of(&peer, "subscriptions/listen").n, "but later");
	client = rig_leave(client);
	rig_end(&peer);
	buf_release(&heard.last);
}

static void heeded(void)
{
	struct heard heard = { 0 };
	struct peer peer;
	struct client *client = listener(&heard, &peer, "{\"tools\":{\"listChanged\":true}}",
					 LISTEN("\"toolsListChanged\":true"));
	struct exchange *x = exchange_find(client, S("\"me\""));
	unsigned id;

	tick(client);
	id = rig_id(rig_hear_of(&peer, "subscriptions/listen"));
	ok(id, "the server is listened to");
	tick(client);
	ok(rig_is_silent(&peer), "once");
	rig_say(
	    &peer,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":" SUBSCRIPTION
	    "}",
	    id);
	tick(client);
	give_tools(&peer, TOOL("t"));
	tick(client);
	is_int(heard.sent, 1, "nothing has changed before it listened: no word");
	rig_say(
	    &peer,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\",\"params\":" SUBSCRIPTION
	    "}",
	    id);
	tick(client);
	give_tools(&peer, TOOL("t") "," TOOL("u"));
	tick(client);
	ok(heard.sent == 2 && rig_heard(&heard, "notifications/tools/list_changed") &&
	       rig_heard(&heard, "subscriptionId\":\"me\""),
	   "it says that its tools have changed: so is the client told");
	exchange_cancel(x, S("enough"));
	tick(client);
	ok(rig_hear_of(&peer, "notifications/cancelled").n &&
	       !call_is_open(&LIST_ENTRY(client->attachments.next, struct attachment, node)->heed),
	   "nobody listens any more: nor does the gate");
	client = rig_leave(client);
	rig_end(&peer);
	buf_release(&heard.last);
}

/* More URIs than one request to a server may name: none is sent that is cut off. */
static void too_much(void)
{
	static char uri[WATCH_URI_BYTES];
	struct heard heard = { 0 };
	struct peer peer;
	struct client *client = listener(&heard, &peer, "{\"tools\":{},\"resources\":{\"subscribe\":true}}",
					 LISTEN("\"toolsListChanged\":true"));
	struct attachment *attachment = LIST_ENTRY(client->attachments.next, struct attachment, node);
	struct watch *watch = NULL;

	(void)rig_is_silent(&peer);
	memset(uri, 'u', sizeof(uri));
	for (int i = 0; i < WATCHES; i++) {
		(void)snprintf(uri, 16, "x://%04d", i);
		uri[8] = '/';
		watch = watch_add(attachment, span_of(uri, sizeof(uri)));
	}
	ok(watch && watch->state == WATCH_ASKED, "# watched");
	tick(client);
	ok(rig_is_silent(&peer) && watch->state == WATCH_REFUSED,
	   "what is too much is refused, and not sent");
	tick(client);
	ok(rig_is_silent(&peer), "once");
	client = rig_leave(client);
	rig_end(&peer);
	buf_release(&heard.last);
}

static struct attachment *only_attachment(const struct client *client)
{
	return LIST_ENTRY(client->attachments.next, struct attachment, node);
}

/* A session at one modern server, which is heeded for it: under this id. */
static unsigned bring_up(struct client *client, struct peer *peer)
{
	struct heard list = { 0 };
	unsigned id;

	rig_ask(client, &list, REQUEST("1", "tools/list", ""));
	(void)rig_greet(peer, "{\"tools\":{\"listChanged\":true},\"resources\":{\"subscribe\":true}}");
	give_tools(peer, TOOL("t"));
	id = rig_id(rig_hear_of(peer, "subscriptions/listen"));
	ok(list.finals == 1 && id, "# a session, for which the server is listened to");
	buf_release(&list.last);
	return id;
}

static void acknowledge(struct peer *peer, unsigned id, const char *filter)
{
	rig_say(peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{"
		"\"notifications\":{%s},\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%u}}}",
		filter, id);
	turn_a_while(&worker.loop);
}

/* A program is kept by what a session has asked to hear of, not by what the gate listens to of itself. */
static void rests(struct server *server)
{
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	struct heard heard = { 0 };
	struct attachment *attachment;
	struct peer peer;
	unsigned id;

	server->legacy = SPEAKS_NO;
	server->idle_ms = 60000;
	id = bring_up(client, &peer);
	attachment = only_attachment(client);
	acknowledge(&peer, id, "\"toolsListChanged\":true");
	tick(client);
	give_tools(&peer, TOOL("t"));
	ok(call_is_open(&attachment->heed) && !attachment_rest(attachment, loop_now(&worker.loop) + 50000),
	   "a program without work is not ended before its time");
	rig_ask(client, &heard, RESOURCE("subscribe"));
	id = rig_id(rig_hear_of(&peer, "\"x://a\""));
	ok(id && call_is_open(&attachment->heed_next) &&
	       !attachment_rest(attachment, loop_now(&worker.loop) + 70000),
	   "nor after it, where a resource is being subscribed to");
	acknowledge(&peer, id, "\"toolsListChanged\":true,\"resourceSubscriptions\":[\"x://a\"]");
	tick(client);
	give_tools(&peer, TOOL("t"));
	ok(heard.finals == 1 && !attachment_rest(attachment, loop_now(&worker.loop) + 70000),
	   "nor where one is");
	rig_ask(client, &heard, RESOURCE("unsubscribe"));
	turn_a_while(&worker.loop);
	ok(call_is_open(&attachment->heed) && call_is_open(&attachment->heed_next), "# given up");
	ok(attachment_rest(attachment, loop_now(&worker.loop) + 70000) && !attachment->link,
	   "but though the gate listens");
	turn_a_while(&worker.loop);
	ok(!call_is_open(&attachment->heed) && !call_is_open(&attachment->heed_next),
	   "which it does no longer then");
	rig_end(&peer);
	client_tick(client, loop_now(&worker.loop));
	ok(rig_starts_nothing(), "the program is not started for that");
	rig_ask(client, &heard, REQUEST("3", "prompts/list", ""));
	(void)rig_greet(&peer, "{\"tools\":{\"listChanged\":true},\"prompts\":{}}");
	ok(rig_hear_of(&peer, "subscriptions/listen").n, "started again, it is listened to again");
	client = rig_leave(client);
	rig_end(&peer);
	buf_release(&heard.last);
}

/* What a server is asked again and again, and refuses, is no work of its program's. */
static void rests_that_refuses(struct server *server)
{
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	struct attachment *attachment;
	struct peer peer;
	unsigned id = bring_up(client, &peer);

	attachment = only_attachment(client);
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-32601,\"message\":\"no\"}}", id);
	tick(client);
	attachment->link->used_ms = 1;
	heed_tick(client, loop_now(&worker.loop) + 31000);
	ok(rig_hear_of(&peer, "subscriptions/listen").n, "# asked again");
	is_int(attachment->link->used_ms, 1, "a server that is asked again is not used by that");
	client = rig_leave(client);
	rig_end(&peer);
}

int main(void)
{
	struct server *server;

	if (!ok(rig_start(), "a worker"))
		return tap_done();
	server = rig_server("files");
	not_heeded(server);
	refused();
	heeded();
	too_much();
	rests(server);
	rests_that_refuses(server);
	worker_drop_server(&worker, server);
	rig_stop();
	return tap_done();
}
