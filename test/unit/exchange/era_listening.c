/* era_listening.c - who hears of a change, whatever era client and server speak, and of what no longer. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eras.h"

#include "exchange/heed.h"
#include "exchange/listening.h"
#include "exchange/view.h"
#include "exchange/watch.h"

#define CHANGING                                                                                             \
	"{\"tools\":{\"listChanged\":true},\"prompts\":{\"listChanged\":true},\"resources\":{\"subscribe\":" \
	"true,\"listChanged\":true}}"
#define LISTEN(id, filter) REQUEST(id, "subscriptions/listen", "\"notifications\":{" filter "}," META)
#define ALL_LISTS "\"toolsListChanged\":true,\"promptsListChanged\":true,\"resourcesListChanged\":true"
#define TAG "io.modelcontextprotocol/subscriptionId"
#define CHANGED(kind) "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" kind "/list_changed\"}"
#define UPDATED(uri)                                                                                         \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"" uri     \
	"\"}}"

/* What a client is told unasked. */
struct ear {
	struct outlet outlet;
	unsigned n;
	struct buf all;
};

static bool ear_send(struct outlet *outlet, struct span message)
{
	struct ear *ear = LIST_ENTRY(outlet, struct ear, outlet);

	ear->n++;
	ear->all.max = 65536;
	buf_add(&ear->all, message);
	buf_add_char(&ear->all, '\n');
	return true;
}

static void ear_close(struct outlet *outlet)
{
	(void)outlet;
}

struct scene {
	struct server *server;
	struct client *client;
	struct peer peer;
	struct page page;
	struct ear ear;
};

static void begin_with(struct scene *scene, enum era client, enum era server, const char *capabilities)
{
	*scene = (struct scene){ .server = server_of("files", server),
				 .ear = { .outlet = { .send = ear_send, .close = ear_close } } };
	scene->client = client_of(client, scene->server);
	client_set_outlet(scene->client, &scene->ear.outlet);
	bring_up(scene->client, &scene->peer, capabilities);
}

static void begin(struct scene *scene, enum era client, enum era server)
{
	begin_with(scene, client, server, CHANGING);
}

static void leave(struct scene *scene)
{
	if (scene->client->n_watches)
		ok(true, "# some are watched to the end");
	scene->client = rig_leave(scene->client);
	rig_end(&scene->peer);
	worker_drop_server(&worker, scene->server);
	buf_release(&scene->page.all);
	buf_release(&scene->ear.all);
	is_int(worker.held.used, 0, "# nothing is held any more");
}

static void tick(struct scene *scene, uint64_t later_ms)
{
	turn_a_while(&worker.loop);
	heed_tick(scene->client, loop_now(&worker.loop) + later_ms);
	view_tick(scene->client);
	listening_tick(scene->client, loop_now(&worker.loop) + later_ms);
	turn_a_while(&worker.loop);
}

static bool told(const struct scene *scene, const char *part)
{
	return span_contains(buf_span(&scene->ear.all), span_str(part));
}

/* The subscription that the gate makes at first at a modern server; acknowledged with `filter`. Its id. */
static unsigned acknowledge(struct scene *scene, const char *filter)
{
	unsigned id = rig_id(span_str(listened));

	rig_say(&scene->peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{"
		"\"notifications\":{%s},\"_meta\":{\"" TAG "\":%u}}}",
		filter, id);
	turn_a_while(&worker.loop);
	return id;
}

static void server_says(struct scene *scene, unsigned id, const char *method, const char *params)
{
	rig_say(&scene->peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/%s\",\"params\":{%s\"_meta\":{\"" TAG
		"\":%u}}}",
		method, params, id);
	turn_a_while(&worker.loop);
}

static void answer(struct scene *scene, const char *method, const char *rest)
{
	rig_say(&scene->peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,%s}", rig_id(rig_hear_of(&scene->peer, method)),
		rest);
	turn_a_while(&worker.loop);
}

#define TOOLS(name) "\"result\":{\"tools\":[{\"name\":\"" name "\",\"inputSchema\":{\"type\":\"object\"}}]}"

/* --- a legacy client, a modern server --- */

static void legacy_at_modern_lists(void)
{
	struct scene scene;
	struct span line;
	unsigned id;

	begin_with(&scene, ERA_LEGACY, ERA_MODERN, "{\"tools\":{}}");
	tick(&scene, 60000);
	ok(rig_is_silent(&scene.peer), "a server that tells of no changes is not listened to");
	leave(&scene);
	begin(&scene, ERA_LEGACY, ERA_MODERN);
	line = span_str(listened);
	ok(span_contains(line, S("\"notifications\":{" ALL_LISTS "}")) &&
	       span_contains(line, S("\"_meta\":{\"io.modelcontextprotocol/protocolVersion\"")),
	   "one that does is, for a session that hears of all: %.*s", SPAN_ARG(line));
	id = rig_id(line);
	rig_say(&scene.peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{"
		"\"notifications\":{" ALL_LISTS "},\"_meta\":{\"" TAG "\":%u}}}",
		id);
	turn_a_while(&worker.loop);
	tick(&scene, 0);
	answer(&scene, "tools/list", TOOLS("t"));
	is_int(scene.ear.n, 0,
	       "which hears nothing of that: what changed before is looked for, and is nothing");
	server_says(&scene, id, "prompts/list_changed", "");
	tick(&scene, 5000);
	ok(scene.ear.n == 0 && rig_is_silent(&scene.peer), "nor of a list it never had");
	server_says(&scene, id, "tools/list_changed", "");
	server_says(&scene, id, "tools/list_changed", "");
	tick(&scene, 0);
	answer(&scene, "tools/list", TOOLS("u"));
	ok(scene.ear.n == 1 && told(&scene, CHANGED("tools")), "but of a change: %.*s",
	   SPAN_ARG(buf_span(&scene.ear.all)));
	tick(&scene, 5000);
	ok(scene.ear.n == 1 && rig_is_silent(&scene.peer), "once, though it was said twice");
	rig_say(&scene.peer, CHANGED("tools"));
	turn_a_while(&worker.loop);
	tick(&scene, 5000);
	answer(&scene, "tools/list", TOOLS("u"));
	is_int(scene.ear.n, 1, "# one without a subscription's mark");
	rig_say(&scene.peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"resultType\":\"complete\"}}", id);
	tick(&scene, 0);
	ok(rig_is_silent(&scene.peer), "it ends the subscription: it is not asked at once again");
	tick(&scene, 31000);
	ok(rig_hear_of(&scene.peer, "subscriptions/listen").n, "but later");
	leave(&scene);
}

#define SUBSCRIBE(id, uri) REQUEST(id, "resources/subscribe", "\"uri\":\"" uri "\"")

static void legacy_at_modern_resources(void)
{
	struct scene scene;
	struct page second = { 0 };
	unsigned id;

	begin_with(&scene, ERA_LEGACY, ERA_MODERN, "{\"tools\":{},\"resources\":{}}");
	page_ask(scene.client, &scene.page, SUBSCRIBE("1", "x://a"));
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "-32602") && rig_is_silent(&scene.peer) && scene.client->n_watches == 0,
	   "a server that takes no subscriptions");
	leave(&scene);
	begin(&scene, ERA_LEGACY, ERA_MODERN);
	page_ask(scene.client, &scene.page, SUBSCRIBE("1", "x://a"));
	page_ask(scene.client, &second, SUBSCRIBE("2", "x://b"));
	(void)acknowledge(&scene, ALL_LISTS);
	id = rig_id(rig_hear_of(&scene.peer, "\"x://b\""));
	ok(id && scene.page.finals == 0, "both are asked for, and nobody is answered yet");
	rig_say(&scene.peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{"
		"\"notifications\":{\"resourceSubscriptions\":[\"x://a\"]},\"_meta\":{\"" TAG "\":%u}}}",
		id);
	TURN_UNTIL(&worker.loop, second.finals);
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"result\":{}"),
	   "the one that is served has its answer");
	ok(page_has(&second, "-32602") && scene.client->n_watches == 1, "the other a refusal");
	while (!rig_is_silent(&scene.peer))
		(void)rig_hear(&scene.peer);
	server_says(&scene, 1000, "resources/updated", "\"uri\":\"x://a\",");
	is_int(scene.ear.n, 1, "a change of it is told");
	server_says(&scene, 1000, "resources/updated", "\"uri\":\"x://other\",");
	is_int(scene.ear.n, 1, "one of another is not");
	server_says(&scene, 1000, "resources/updated", "\"uri\":\"x://a/part\",");
	is_int(scene.ear.n, 2, "one of what is below it is");
	page_ask(scene.client, &second, SUBSCRIBE("2", "x://a"));
	ok(second.finals == 1 && rig_is_silent(&scene.peer), "asked for again: it is there");
	page_ask(scene.client, &second, REQUEST("3", "resources/unsubscribe", "\"uri\":\"x://a\""));
	ok(second.finals == 1 && scene.client->n_watches == 0, "given up, it is gone at once");
	ok(rig_hear_of(&scene.peer, "subscriptions/listen").n, "and the server is asked for the rest");
	server_says(&scene, 1000, "resources/updated", "\"uri\":\"x://a\",");
	is_int(scene.ear.n, 2, "nothing of it is told any more");
	page_ask(scene.client, &second, REQUEST("4", "resources/unsubscribe", "\"uri\":\"x://a\""));
	ok(second.finals == 1 && page_has(&second, "\"result\":{}"), "twice given up is no fault");
	leave(&scene);
	buf_release(&second.all);
}

/* What is under way when one more is wanted says nothing about that one. */
static void overtaken(void)
{
	struct scene scene;
	unsigned first, next;

	begin(&scene, ERA_LEGACY, ERA_MODERN);
	first = rig_id(span_str(listened));
	page_ask(scene.client, &scene.page, SUBSCRIBE("1", "x://a"));
	next = rig_id(rig_hear_of(&scene.peer, "subscriptions/listen"));
	rig_say(&scene.peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{"
		"\"notifications\":{},\"_meta\":{\"" TAG "\":%u}}}",
		first);
	turn_a_while(&worker.loop);
	is_int(scene.page.finals, 0,
	       "the first subscription is acknowledged, without what it was not asked for");
	rig_say(&scene.peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-32603,\"message\":\"no\"}}",
		first);
	turn_a_while(&worker.loop);
	is_int(scene.page.finals, 0, "and ends: the second is still to come");
	rig_say(&scene.peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{"
		"\"notifications\":{\"resourceSubscriptions\":[\"x://a\"]},\"_meta\":{\"" TAG "\":%u}}}",
		next);
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "\"result\":{}"), "it has it");
	leave(&scene);
	begin(&scene, ERA_LEGACY, ERA_MODERN);
	page_ask(scene.client, &scene.page, SUBSCRIBE("1", "x://a"));
	rig_end(&scene.peer);
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "-32602") && scene.client->n_watches == 0,
	   "the server dies before it says anything: refused");
	leave(&scene);
}

/* --- a modern client, a legacy server --- */

static void modern_at_legacy(void)
{
	struct scene scene;

	begin_with(&scene, ERA_MODERN, ERA_LEGACY, "{\"tools\":{}}");
	page_ask(scene.client, &scene.page,
		 LISTEN("\"l\"", ALL_LISTS ",\"resourceSubscriptions\":[\"x://a\"]"));
	TURN_UNTIL(&worker.loop, scene.page.sent);
	ok(page_has(&scene.page, "\"notifications\":{}") && scene.page.finals == 0 &&
	       !rig_hear_of(&scene.peer, "subscribe").n,
	   "a server that tells of nothing: nothing is promised");
	leave(&scene);
	begin(&scene, ERA_MODERN, ERA_LEGACY);
	page_ask(
	    scene.client, &scene.page,
	    LISTEN("\"l\"", "\"toolsListChanged\":true,\"resourceSubscriptions\":[\"x://a\",7,\"x://b\"]"));
	answer(&scene, "\"x://a\"", "\"result\":{}");
	is_int(scene.page.sent, 0, "resources are asked for, each by itself");
	answer(&scene, "\"x://b\"", "\"error\":{\"code\":-32002,\"message\":\"no\"}");
	TURN_UNTIL(&worker.loop, scene.page.sent);
	ok(page_has(&scene.page,
		    "\"notifications\":{\"toolsListChanged\":true,\"resourceSubscriptions\":[\"x://"
		    "a\"]},\"_meta\":{\"" TAG "\":\"l\"}"),
	   "what is served is acknowledged first");
	rig_say(&scene.peer, UPDATED("x://b"));
	rig_say(&scene.peer, CHANGED("prompts"));
	turn_a_while(&worker.loop);
	is_int(scene.page.sent, 1, "what it did not ask for, or was not promised, it is not told");
	tick(&scene, 5000);
	rig_say(&scene.peer, UPDATED("x://a"));
	TURN_UNTIL(&worker.loop, scene.page.sent == 2);
	ok(page_has(&scene.page,
		    "notifications/resources/updated\",\"params\":{\"uri\":\"x://a\",\"_meta\":{\"" TAG
		    "\":\"l\"}"),
	   "a resource that has changed");
	attachment_in(scene.client)->told_ms = 0;
	rig_say(&scene.peer, CHANGED("tools"));
	tick(&scene, 0);
	answer(&scene, "tools/list", TOOLS("t"));
	is_int(scene.page.sent, 2, "a list that is the same: no word");
	rig_say(&scene.peer, CHANGED("tools"));
	tick(&scene, 0);
	answer(&scene, "tools/list", TOOLS("u"));
	ok(scene.page.sent == 3 &&
	       page_has(&scene.page,
			"notifications/tools/list_changed\",\"params\":{\"_meta\":{\"" TAG "\":\"l\"}"),
	   "a list that has");
	rig_say(&scene.peer, CHANGED("tools") "\n" CHANGED("tools"));
	tick(&scene, 0);
	answer(&scene, "tools/list", TOOLS("t"));
	is_int(scene.page.sent, 3, "again: not at once");
	tick(&scene, 1000);
	is_int(scene.page.sent, 4, "but a second later");
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
				  "\"requestId\":\"l\"}}");
	ok(span_contains(rig_hear_of(&scene.peer, "resources/unsubscribe"), S("x://a")) &&
	       scene.client->n_watches == 0,
	   "given up: the server is told, of what it serves");
	leave(&scene);
}

static void two_listeners(void)
{
	struct scene scene;
	struct page second = { 0 };

	begin(&scene, ERA_MODERN, ERA_LEGACY);
	page_ask(scene.client, &scene.page, LISTEN("1", "\"resourceSubscriptions\":[\"x://a\"]"));
	answer(&scene, "\"x://a\"", "\"result\":{}");
	page_ask(scene.client, &second, LISTEN("2", "\"resourceSubscriptions\":[\"x://a\"]"));
	ok(second.sent == 1 && rig_is_silent(&scene.peer), "a second listener: the server is asked once");
	rig_say(&scene.peer, UPDATED("x://a"));
	TURN_UNTIL(&worker.loop, second.sent == 2);
	ok(page_has(&second, TAG "\":2}") && page_has(&scene.page, TAG "\":1}"), "and both hear of it");
	client_says(
	    scene.client,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
	ok(rig_is_silent(&scene.peer) && scene.client->n_watches == 1, "one leaves: it is still watched");
	client_detach_server(scene.client, scene.server);
	ok(second.finals == 1 && page_has(&second, "\"resultType\":\"complete\"") &&
	       !page_has(&second, "error"),
	   "the server is taken away: the other is told that its stream is over");
	leave(&scene);
	buf_release(&second.all);
}

/* Programs of one token are one client to the gate, and may have different lists. */
static void two_programs(void)
{
	static const char a[] = "\"result\":{\"prompts\":[{\"name\":\"a\"}]}";
	static const char b[] = "\"result\":{\"prompts\":[{\"name\":\"b\"}]}";
	struct scene scene;
	struct page first = { 0 }, second = { 0 };

	begin(&scene, ERA_MODERN, ERA_LEGACY);
	scene.client->kind = CLIENT_CONTEXT;
	page_ask(scene.client, &scene.page, LISTEN("1", "\"promptsListChanged\":true"));
	page_ask(scene.client, &first, REQUEST("2", "prompts/list", META));
	answer(&scene, "prompts/list", a);
	page_ask(scene.client, &second, REQUEST("3", "prompts/list", META));
	answer(&scene, "prompts/list", b);
	ok(page_has(&first, "\"a\"") && page_has(&second, "\"b\"") && scene.page.sent == 1,
	   "two programs, two lists");
	rig_say(&scene.peer, CHANGED("prompts"));
	tick(&scene, 0);
	answer(&scene, "prompts/list", b);
	is_int(scene.page.sent, 2,
	       "the list is the second one's: told all the same, for the first has an old one");
	rig_say(&scene.peer, CHANGED("prompts"));
	tick(&scene, 5000);
	answer(&scene, "prompts/list", b);
	tick(&scene, 9000);
	is_int(scene.page.sent, 2, "after that both know");
	leave(&scene);
	buf_release(&first.all);
	buf_release(&second.all);
}

static void watched_again(void)
{
	struct scene scene;
	struct page call = { 0 };

	begin(&scene, ERA_MODERN, ERA_LEGACY);
	page_ask(scene.client, &scene.page, LISTEN("1", "\"resourceSubscriptions\":[\"x://a\"]"));
	answer(&scene, "\"x://a\"", "\"result\":{}");
	rig_end(&scene.peer);
	TURN_UNTIL(&worker.loop, !attachment_in(scene.client)->link);
	ok(scene.page.finals == 0, "the server dies");
	page_ask(scene.client, &call, REQUEST("2", "tools/list", META));
	ok(rig_greet(&scene.peer, CHANGING), "and comes again");
	ok(span_contains(rig_hear_of(&scene.peer, "resources/subscribe"), S("x://a")), "asked for anew");
	leave(&scene);
	buf_release(&call.all);
}

/* --- of the same era --- */

static void same_era(void)
{
	struct scene scene;
	unsigned id;

	begin_with(&scene, ERA_LEGACY, ERA_LEGACY, "{\"tools\":{}}");
	page_ask(scene.client, &scene.page, SUBSCRIBE("1", "x://none"));
	answer(&scene, "resources/subscribe", "\"error\":{\"code\":-32002,\"message\":\"no such thing\"}");
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"id\":1,\"error\":{\"code\":-32002,") &&
	       page_has(&scene.page, "no such thing") && scene.client->n_watches == 0,
	   "legacy to legacy: refused in the server's own words");
	page_ask(scene.client, &scene.page, SUBSCRIBE("2", "x://a"));
	answer(&scene, "resources/subscribe", "\"result\":{}");
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"result\":{}"),
	   "subscribed by the server itself");
	rig_say(&scene.peer, UPDATED("x://a"));
	TURN_UNTIL(&worker.loop, scene.ear.n);
	ok(scene.ear.n == 1 && told(&scene, UPDATED("x://a")), "which is heard");
	rig_say(&scene.peer, UPDATED("y://unasked"));
	TURN_UNTIL(&worker.loop, scene.ear.n == 2);
	ok(told(&scene, UPDATED("y://unasked")), "and what it says unasked is passed on");
	scene.server->idle_ms = 1000;
	client_tick(scene.client, loop_now(&worker.loop) + 5000);
	ok(attachment_in(scene.client)->link != NULL, "it is not idle while somebody wants to hear of it");
	rig_end(&scene.peer);
	TURN_UNTIL(&worker.loop, !attachment_in(scene.client)->link);
	client_tick(scene.client, loop_now(&worker.loop));
	ok(rig_greet(&scene.peer, "{\"tools\":{}}") &&
	       span_contains(rig_hear_of(&scene.peer, "resources/subscribe"), S("x://a")),
	   "it dies: it is started again, and asked for what was subscribed to");
	rig_say(&scene.peer, UPDATED("x://a"));
	TURN_UNTIL(&worker.loop, scene.ear.n == 3);
	is_int(scene.ear.n, 3, "which is heard again");
	page_ask(scene.client, &scene.page, REQUEST("3", "resources/unsubscribe", "\"uri\":\"x://a\""));
	ok(scene.page.finals == 1 &&
	       span_contains(rig_hear_of(&scene.peer, "resources/unsubscribe"), S("x://a")) &&
	       scene.client->n_watches == 0,
	   "until it is given up");
	leave(&scene);
	begin(&scene, ERA_MODERN, ERA_MODERN);
	page_ask(scene.client, &scene.page, LISTEN("\"l\"", "\"toolsListChanged\":true"));
	id = rig_id(rig_hear_of(&scene.peer, "subscriptions/listen"));
	rig_say(&scene.peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{"
		"\"notifications\":{},\"_meta\":{\"" TAG "\":%u}}}",
		id);
	TURN_UNTIL(&worker.loop, scene.page.sent);
	ok(page_has(&scene.page, TAG "\":\"l\"}"), "modern to modern: acknowledged by the server itself");
	server_says(&scene, id, "prompts/list_changed", "");
	ok(scene.page.sent == 2, "of what the gate never saw it have, the client hears at once");
	server_says(&scene, id, "tools/list_changed", "");
	tick(&scene, 60000);
	answer(&scene, "tools/list", TOOLS("t"));
	is_int(scene.page.sent, 2, "a list that is the same: no word");
	server_says(&scene, id, "tools/list_changed", "");
	tick(&scene, 60000);
	answer(&scene, "tools/list", TOOLS("u"));
	tick(&scene, 60000);
	ok(scene.page.sent == 3 && page_has(&scene.page, TAG "\":\"l\"}"), "one that is another: one word");
	tick(&scene, 60000);
	ok(rig_is_silent(&scene.peer), "and the gate does not listen beside it");
	leave(&scene);
}

/* --- all servers together --- */

static void catalogue(void)
{
	struct server *old = server_of("old", ERA_LEGACY), *fresh = server_of("fresh", ERA_MODERN);
	struct peer a = { 0 }, b = { 0 };
	struct page list = { 0 }, listen = { 0 };
	struct client *client = client_of(ERA_MODERN, NULL);
	struct span line;

	page_ask(client, &list, REQUEST("1", "tools/list", META));
	ok(rig_greet(&a, CHANGING) && rig_greet(&b, CHANGING), "one server of each era");
	rig_say(
	    &a,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}]}}",
	    rig_id(rig_hear_of(&a, "tools/list")));
	rig_say(
	    &b,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"resultType\":\"complete\",\"tools\":[{\"name\":\"u\","
	    "\"inputSchema\":{}}]}}",
	    rig_id(rig_hear_of(&b, "tools/list")));
	TURN_UNTIL(&worker.loop, list.finals);
	ok(page_has(&list, "old__t") && page_has(&list, "fresh__u"), "both are in the list");
	page_ask(client, &listen, LISTEN("2", "\"toolsListChanged\":true"));
	line = rig_hear_of(&b, "subscriptions/listen");
	ok(listen.sent == 1 && span_contains(line, S("\"notifications\":{\"toolsListChanged\":true}")),
	   "the modern one is listened to");
	ok(!rig_hear_of(&a, "subscriptions").n, "the legacy one is not");
	rig_say(&a, CHANGED("tools"));
	turn_a_while(&worker.loop);
	view_tick(client);
	rig_say(&a, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[]}}",
		rig_id(rig_hear_of(&a, "tools/list")));
	turn_a_while(&worker.loop);
	view_tick(client);
	ok(listen.sent == 2 && page_has(&listen, "tools/list_changed"), "but says so itself");
	client = rig_leave(client);
	rig_end(&a);
	rig_end(&b);
	worker_drop_server(&worker, old);
	worker_drop_server(&worker, fresh);
	buf_release(&list.all);
	buf_release(&listen.all);
}

/* --- ceilings --- */

static void ceilings(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1 << 20);
	struct scene scene;

	begin(&scene, ERA_MODERN, ERA_LEGACY);
	buf_add(&text, S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscriptions/listen\",\"params\":{"
			 "\"notifications\":{\"resourceSubscriptions\":["));
	for (unsigned i = 0; i < WATCHES + 1; i++)
		buf_addf(&text, "%s\"x://%u\"", i ? "," : "", i);
	buf_add(&text, S("]}," META "}}"));
	page_ask(scene.client, &scene.page, buf_cstr(&text));
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"error\"") && rig_is_silent(&scene.peer) &&
	       scene.client->n_watches == 0,
	   "more resources than may be watched");
	buf_clear(&text);
	buf_add(&text, S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscriptions/listen\",\"params\":{"
			 "\"notifications\":{\"resourceSubscriptions\":[\"x://"));
	for (unsigned i = 0; i < WATCH_URI_BYTES; i++)
		buf_add_char(&text, 'a');
	buf_add(&text, S("\"]}," META "}}"));
	page_ask(scene.client, &scene.page, buf_cstr(&text));
	ok(scene.page.sent == 1 && page_has(&scene.page, "\"notifications\":{}") &&
	       rig_is_silent(&scene.peer),
	   "a URI that is too long is not promised");
	leave(&scene);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	ceilings();
	legacy_at_modern_lists();
	legacy_at_modern_resources();
	overtaken();
	modern_at_legacy();
	two_listeners();
	two_programs();
	watched_again();
	same_era();
	catalogue();
	rig_stop();
	return tap_done();
}
