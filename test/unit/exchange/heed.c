/* heed.c - a client that listens to all servers hears what a modern one says of its lists. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include "exchange/heed.h"
#include "exchange/view.h"
#include "exchange/watch.h"
#include "words.h"

#define LISTEN(filter) REQUEST("\"me\"", "subscriptions/listen", "\"notifications\":{" filter "}," META)
#define TOOL(name) "{\"name\":\"" name "\",\"inputSchema\":{\"type\":\"object\"}}"
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
	worker_drop_server(&worker, server);
	rig_stop();
	return tap_done();
}
