/* subscription.c - what listens: the gate's own subscriptions, and how each ends when the gate does. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"
#include "words.h"

#include "exchange/watch.h"

#define LISTEN(id, filter) REQUEST(id, "subscriptions/listen", "\"notifications\":{" filter "}," META)
#define CLOSING(id)                                                                                          \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"resultType\":\"complete\",\"_meta\":{"             \
	"\"io.modelcontextprotocol/subscriptionId\":" id "}}}"

static void drained(void)
{
	struct server *server = rig_server("files"), *slow = rig_server("slow");
	struct client *client = rig_client(ERA_MODERN, server, "mcp");
	struct client *all = rig_client(ERA_MODERN, NULL, "mcp"), *late = rig_client(ERA_MODERN, slow, "mcp");
	struct heard theirs = { 0 }, ours = { 0 }, waits = { 0 }, call = { 0 };
	struct peer peer;
	unsigned id;

	/* As over HTTP, where nothing but the closing result is said. */
	all->kind = CLIENT_CONTEXT;
	rig_ask(client, &theirs, LISTEN("\"a\"", "\"toolsListChanged\":true"));
	ok(rig_greet(&peer, "{\"tools\":{}}"), "a server");
	id = rig_id(rig_hear_of(&peer, "subscriptions/listen"));
	rig_ask(client, &call, REQUEST("2", "prompts/list", META));
	rig_ask(all, &ours, LISTEN("3", ""));
	rig_ask(late, &waits, LISTEN("4", ""));
	ok(theirs.sent == 0 && ours.sent == 1 && rig_heard(&ours, "subscriptions/acknowledged") &&
	       waits.sent == 0,
	   "a server's subscription, one of the gate's own, and one that has not begun");
	worker_drain(&worker);
	ok(waits.finals == 1 && waits.status == 503 && rig_heard(&waits, "\"K802\""),
	   "the gate ends: what has not begun is refused");
	ok(ours.finals == 1 && ours.sent == 2, "its own subscription ends");
	is_span(buf_span(&ours.last), S(CLOSING("3")), "with the closing result");
	ok(theirs.finals == 1 && theirs.sent == 2, "so does the server's, on a pipe after a notification");
	is_span(buf_span(&theirs.last), S(CLOSING("\"a\"")), "with the closing result");
	ok(rig_id(rig_hear_of(&peer, "prompts/list")) && call.sent == 0 && worker.n_calls == 1,
	   "a call goes on");
	ok(rig_hear_of(&peer, "notifications/cancelled").n, "the server is told that nobody listens: %u", id);
	rig_ask(all, &ours, LISTEN("5", ""));
	ok(ours.finals == 1 && rig_heard(&ours, "\"K802\""), "and none is begun any more");
	worker.draining = false;
	client = rig_leave(client);
	all = rig_leave(all);
	late = rig_leave(late);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	worker_drop_server(&worker, slow);
	buf_release(&theirs.last);
	buf_release(&ours.last);
	buf_release(&waits.last);
	buf_release(&call.last);
}

/* Whoever listens to a server that is another one now can listen to that. */
static void dropped(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_MODERN, NULL, "mcp");
	struct heard listen = { 0 }, call = { 0 };
	struct peer peer;

	client->kind = CLIENT_CONTEXT;
	rig_ask_at(client, server, &listen, LISTEN("1", ""));
	ok(rig_greet(&peer, "{\"tools\":{}}"), "a server");
	ok(rig_hear_of(&peer, "subscriptions/listen").n, "# that is listened to");
	rig_ask_at(client, server, &call, REQUEST("2", "prompts/list", META));
	worker_drop_server(&worker, server);
	ok(call.finals == 1 && rig_heard(&call, "\"K704\""), "it is changed: calls fail");
	ok(listen.finals == 1 && listen.sent == 1, "what listens ends");
	is_span(buf_span(&listen.last), S(CLOSING("1")), "with the closing result");
	client = rig_leave(client);
	rig_end(&peer);
	buf_release(&listen.last);
	buf_release(&call.last);
}

static void has_resource(struct peer *peer)
{
	(void)rig_greet(peer, "{\"resources\":{\"subscribe\":true}}");
	rig_say(
	    peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"resources\":[{\"uri\":\"x://a\",\"name\":\"a\"}]}}",
	    rig_id(rig_hear_of(peer, "resources/list")));
}

/* A resource whose server is away holds up nothing else that is listened to. */
static void away(void)
{
	struct server *server = rig_server("files");
	struct client *all = rig_client(ERA_MODERN, NULL, "mcp");
	struct heard list = { 0 }, listen = { 0 };
	struct attachment *attachment;
	struct watch *watch;
	struct peer peer;

	all->kind = CLIENT_CONTEXT;
	rig_ask(all, &list, REQUEST("1", "resources/list", META));
	has_resource(&peer);
	TURN_UNTIL(&worker.loop, list.finals);
	ok(rig_heard(&list, "x://a"), "a resource");
	rig_end(&peer);
	attachment = LIST_ENTRY(all->attachments.next, struct attachment, node);
	TURN_UNTIL(&worker.loop, !attachment->link);
	rig_ask(all, &listen, LISTEN("2", "\"resourceSubscriptions\":[\"x://a\"],\"toolsListChanged\":true"));
	ok(rig_launch(NULL), "whose server cannot be started any more");
	TURN_UNTIL(&worker.loop, listen.sent);
	ok(listen.sent == 1 && rig_heard(&listen, "acknowledged") && rig_heard(&listen, "toolsListChanged") &&
	       !rig_heard(&listen, "x://a"),
	   "the subscription begins without it");
	ok(attachment_open(attachment), "# it is tried again");
	watch = watch_add(attachment, S("x://b"));
	turn_a_while(&worker.loop);
	ok(watch && watch->state == WATCH_ASKED && rig_launch(NULL), "what is wanted while it starts waits");
	TURN_UNTIL(&worker.loop, !attachment->link);
	ok(watch && watch->state == WATCH_REFUSED, "until it is known that it does not");
	watch = watch_drop(watch);
	all = rig_leave(all);
	worker_drop_server(&worker, server);
	buf_release(&list.last);
	buf_release(&listen.last);
}

/* A server that never says whether it tells of a resource holds up nothing else, either. */
static void silent(void)
{
	struct server *server = rig_server("files");
	struct client *all = rig_client(ERA_MODERN, NULL, "mcp");
	struct heard list = { 0 }, listen = { 0 };
	struct exchange *x;
	struct peer peer;

	server->modern = SPEAKS_NO;
	rig_ask(all, &list, REQUEST("1", "resources/list", META));
	has_resource(&peer);
	TURN_UNTIL(&worker.loop, list.finals);
	rig_ask(all, &listen, LISTEN("2", "\"resourceSubscriptions\":[\"x://a\"],\"toolsListChanged\":true"));
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"resourceTemplates\":[]}}",
		rig_id(rig_hear_of(&peer, "templates/list")));
	ok(rig_hear_of(&peer, "resources/subscribe").n && !listen.sent, "a server is asked");
	x = exchange_find(all, S("2"));
	exchange_tick(x, x->last_ms + 8000);
	is_int(listen.sent, 0, "and waited for");
	exchange_tick(x, x->last_ms + 9000);
	ok(listen.sent == 1 && rig_heard(&listen, "acknowledged") && rig_heard(&listen, "toolsListChanged") &&
	       !rig_heard(&listen, "x://a"),
	   "for a while: the subscription begins without it");
	ok(rig_hear_of(&peer, "resources/unsubscribe").n, "and the server is told");
	exchange_tick(x, x->last_ms + 90000);
	is_int(listen.sent, 1, "once");
	all = rig_leave(all);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&list.last);
	buf_release(&listen.last);
}

#define SUBSCRIBE(id) REQUEST(id, "resources/subscribe", "\"uri\":\"x://a\"")
#define NO(id, text)                                                                                         \
	"{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-32002,\"message\":\"" text "\"}}", id

static unsigned asked_to_watch(struct peer *peer)
{
	return rig_id(rig_hear_of(peer, "\"x://a\""));
}

/* What a server refused when it was started again it is asked for anew, when the session asks anew. */
static void asked_again(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	struct heard heard = { 0 };
	struct attachment *attachment;
	struct peer peer;
	unsigned id;

	server->modern = SPEAKS_NO;
	rig_ask(client, &heard, SUBSCRIBE("1"));
	(void)rig_greet(&peer, "{\"resources\":{\"subscribe\":true}}");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{}}", asked_to_watch(&peer));
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(rig_heard(&heard, "\"result\":{}"), "a resource is subscribed to");
	attachment = LIST_ENTRY(client->attachments.next, struct attachment, node);
	rig_end(&peer);
	TURN_UNTIL(&worker.loop, !attachment->link);
	client_tick(client, loop_now(&worker.loop));
	(void)rig_greet(&peer, "{\"resources\":{\"subscribe\":true}}");
	rig_say(&peer, NO(asked_to_watch(&peer), "not yet"));
	turn_a_while(&worker.loop);
	ok(client->n_watches == 1 && rig_is_silent(&peer), "its server dies, comes again, and refuses it");
	rig_ask(client, &heard, SUBSCRIBE("2"));
	id = asked_to_watch(&peer);
	ok(id && heard.finals == 0, "asked for again, the server is asked");
	rig_say(&peer, NO(id, "still not"));
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(rig_heard(&heard, "still not") && client->n_watches == 1, "what it says now is the answer: no");
	rig_ask(client, &heard, SUBSCRIBE("3"));
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{}}", asked_to_watch(&peer));
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(rig_heard(&heard, "\"result\":{}") && client->n_watches == 1, "or yes");
	rig_ask(client, &heard, SUBSCRIBE("4"));
	ok(heard.finals == 1 && rig_is_silent(&peer), "which need not be asked for once more");
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	drained();
	dropped();
	away();
	silent();
	asked_again();
	rig_stop();
	return tap_done();
}
