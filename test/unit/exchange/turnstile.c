/* turnstile.c - a server's requests a few at a time: whose turn it is, and how long a place is taken. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eras.h"

#include "exchange/parked.h"

#define CALL(id, text) REQUEST(id, "tools/call", "\"name\":\"t\",\"arguments\":{\"who\":\"" text "\"}")
#define CALL_MODERN(id, more) REQUEST(id, "tools/call", "\"name\":\"t\"," more META)
#define DONE "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}"

/* It works on one request at a time. */
static struct server *server_of_one(enum era era)
{
	struct server *server = server_of("files", era);

	list_init(&server->queue);
	server->max_calls = 1;
	return server;
}

/* A client of this principal, and the program that the gate starts for it. */
static struct client *client_at(struct server *server, const char *id, enum era era, struct peer *peer)
{
	struct client *client = rig_client_of(id, era, server, "mcp");

	client->declared = era == ERA_LEGACY ? EVERYTHING_DECLARED : 0;
	bring_up(client, peer, "{\"tools\":{}}");
	return client;
}

/* One principal has asked three times when another one comes: that one is next. */
static void in_turn(void)
{
	static const char *const texts[] = { CALL("1", "a1"), CALL("2", "a2"), CALL("3", "a3") };
	struct server *server = server_of_one(ERA_LEGACY);
	struct peer many_peer, one_peer;
	struct client *many = client_at(server, "token:many", ERA_LEGACY, &many_peer);
	struct client *one = client_at(server, "token:one", ERA_LEGACY, &one_peer);
	struct page pages[3] = { 0 }, page = { 0 };
	struct span line;

	for (size_t i = 0; i < COUNT(texts); i++)
		page_ask(many, &pages[i], texts[i]);
	page_ask(one, &page, CALL("1", "b1"));
	line = rig_hear_of(&many_peer, "a1");
	ok(line.n && rig_is_silent(&many_peer) && rig_is_silent(&one_peer), "one at a time");
	rig_say(&many_peer, DONE, rig_id(line));
	line = rig_hear_of(&many_peer, "a2");
	ok(line.n && rig_is_silent(&one_peer), "then who came next");
	rig_say(&many_peer, DONE, rig_id(line));
	line = rig_hear_of(&one_peer, "b1");
	ok(line.n && rig_is_silent(&many_peer), "then another principal, who came after them all");
	rig_say(&one_peer, DONE, rig_id(line));
	line = rig_hear_of(&many_peer, "a3");
	ok(line.n, "then the first one again");
	rig_say(&many_peer, DONE, rig_id(line));
	TURN_UNTIL(&worker.loop, pages[2].finals);
	is_int(server_common(server)->n_calls + server_common(server)->n_waiting, 0, "and no place is taken");
	many = rig_leave(many);
	one = rig_leave(one);
	rig_end(&many_peer);
	rig_end(&one_peer);
	worker_drop_server(&worker, server);
	for (size_t i = 0; i < COUNT(pages); i++)
		buf_release(&pages[i].all);
	buf_release(&page.all);
}

/* --- a call whose client is away to fetch an answer --- */

struct scene {
	struct server *server;
	struct client *client, *other;
	struct peer peer, other_peer;
	struct page page, other_page;
	unsigned call; /* its id at the server */
	char state[2048];
};

/* The server asks in the middle of a call; another principal waits for its place. */
static void begin(struct scene *scene)
{
	struct span all, key = S("\"requestState\":\"");
	size_t at = 0;

	*scene = (struct scene){ .server = server_of_one(ERA_LEGACY) };
	scene->client = client_at(scene->server, "token:asked", ERA_MODERN, &scene->peer);
	scene->other = client_at(scene->server, "token:other", ERA_LEGACY, &scene->other_peer);
	page_ask(scene->client, &scene->page, CALL_MODERN("1", ""));
	scene->call = rig_id(rig_hear_of(&scene->peer, "tools/call"));
	rig_say(&scene->peer, SERVER_ASKS("q", "elicitation/create", FORM));
	TURN_UNTIL(&worker.loop, scene->page.finals);
	all = buf_span(&scene->page.all);
	while (at < all.n && !span_starts(span_skip(all, at), key))
		at++;
	all = span_skip(all, at + key.n);
	(void)span_to_cstr(span_first(all, span_find(all, '"')), scene->state, sizeof(scene->state));
	page_ask(scene->other, &scene->other_page, CALL("1", "b1"));
	ok(scene->state[0] && rig_is_silent(&scene->other_peer),
	   "the server still works on what its client has left");
}

static void come_back(struct scene *scene)
{
	static char text[8192];

	(void)snprintf(
	    text, sizeof(text),
	    CALL_MODERN(
		"2",
		"\"inputResponses\":{\"ask-1\":{\"action\":\"accept\",\"content\":{\"n\":\"x\"}}},\"requestState\":\"%s\","),
	    scene->state);
	page_ask(scene->client, &scene->page, text);
}

static void end(struct scene *scene, const char *why)
{
	struct span line = rig_hear_of(&scene->other_peer, "b1");

	ok(line.n, "%s: the next one has the place", why);
	rig_say(&scene->other_peer, DONE, rig_id(line));
	TURN_UNTIL(&worker.loop, scene->other_page.finals);
	is_int(server_common(scene->server)->n_calls, 0, "and leaves it");
	scene->client = rig_leave(scene->client);
	scene->other = rig_leave(scene->other);
	rig_end(&scene->peer);
	rig_end(&scene->other_peer);
	worker_drop_server(&worker, scene->server);
	buf_release(&scene->page.all);
	buf_release(&scene->other_page.all);
}

static void away(void)
{
	struct scene scene;

	begin(&scene);
	come_back(&scene);
	ok(rig_hear_of(&scene.peer, "\"id\":\"q\",\"result\"").n && rig_is_silent(&scene.other_peer),
	   "who comes back needs no new place");
	rig_say(&scene.peer, DONE, scene.call);
	TURN_UNTIL(&worker.loop, scene.page.finals);
	end(&scene, "it has ended");
	begin(&scene);
	rig_say(&scene.peer, DONE, scene.call);
	end(&scene, "it has ended while its client was away");
	begin(&scene);
	parked_tick(scene.client, loop_now(&worker.loop) + 3600 * 1000);
	end(&scene, "its client did not come back");
	begin(&scene);
	client_close(scene.client, S("gone"));
	end(&scene, "its client is gone");
	begin(&scene);
	come_back(&scene);
	client_says(
	    scene.client,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}");
	end(&scene, "its client gave it up when it had come back");
}

/* --- a call whose server has ended it with questions, and whose client is asked --- */

#define ROUND(n)                                                                                              \
	"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"resultType\":\"input_required\",\"requestState\":\"s" n \
	"\",\"inputRequests\":{\"a\":{\"method\":\"roots/list\"}}}}"
#define DONE_MODERN "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"resultType\":\"complete\",\"content\":[]}}"
#define ROOTS "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"roots\":[]}}"

/* Asked, while another principal waits for the place; the other's request, once it has left. */
static unsigned ask(struct scene *scene)
{
	struct span line;

	*scene = (struct scene){ .server = server_of_one(ERA_MODERN) };
	scene->client = client_at(scene->server, "token:asked", ERA_LEGACY, &scene->peer);
	scene->other = client_at(scene->server, "token:other", ERA_LEGACY, &scene->other_peer);
	page_ask(scene->client, &scene->page, CALL("1", "a1"));
	line = rig_hear_of(&scene->peer, "a1");
	page_ask(scene->other, &scene->other_page, CALL("1", "b1"));
	ok(line.n && rig_is_silent(&scene->other_peer), "# one at a time");
	rig_say(&scene->peer, ROUND("1"), rig_id(line));
	TURN_UNTIL(&worker.loop, scene->page.sent);
	line = rig_hear_of(&scene->other_peer, "b1");
	ok(line.n && asked_id(&scene->page, 1) && !scene->page.finals,
	   "while its client is asked, the next one has the place");
	return rig_id(line);
}

static void answer(struct scene *scene, unsigned nth)
{
	client_says(scene->client, ROOTS, asked_id(&scene->page, nth));
}

static void asked_end(struct scene *scene, const char *why)
{
	is_int(server_common(scene->server)->n_calls + server_common(scene->server)->n_waiting, 0,
	       "%s: no place is taken, and nobody waits for one", why);
	scene->client = rig_leave(scene->client);
	scene->other = rig_leave(scene->other);
	rig_end(&scene->peer);
	rig_end(&scene->other_peer);
	worker_drop_server(&worker, scene->server);
	buf_release(&scene->page.all);
	buf_release(&scene->other_page.all);
	is_int(worker.held.used, 0, "# nothing is held any more");
}

static void other_ends(struct scene *scene, unsigned id)
{
	rig_say(&scene->other_peer, DONE_MODERN, id);
	TURN_UNTIL(&worker.loop, scene->other_page.finals);
	ok(scene->other_page.finals == 1, "# the other one has its answer");
}

/* With the answers it waits as any request does. */
static void asked(void)
{
	struct scene scene;
	unsigned other = ask(&scene);
	struct span line;

	answer(&scene, 1);
	ok(rig_is_silent(&scene.peer) && !scene.page.finals, "it has its answer, and waits for the place");
	other_ends(&scene, other);
	line = rig_hear_of(&scene.peer, "inputResponses");
	ok(span_contains(line, S("\"requestState\":\"s1\"")), "then its round begins");
	rig_say(&scene.peer, ROUND("2"), rig_id(line));
	TURN_UNTIL(&worker.loop, asked_id(&scene.page, 2));
	is_int(server_common(scene.server)->n_calls, 0, "asked once more, it leaves the place once more");
	answer(&scene, 2);
	line = rig_hear_of(&scene.peer, "inputResponses");
	ok(span_contains(line, S("\"requestState\":\"s2\"")) && server_common(scene.server)->n_calls == 1,
	   "and takes it, where nobody else has it, at once");
	rig_say(&scene.peer, DONE_MODERN, rig_id(line));
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"content\":[]"), "it ends once");
	asked_end(&scene, "it has ended");
}

static void asked_cancelled(void)
{
	static const char cancel[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
				     "\"params\":{\"requestId\":1}}";
	struct scene scene;
	unsigned other = ask(&scene);

	client_says(scene.client, "%s", cancel);
	ok(scene.page.finals == 1 && server_common(scene.server)->n_calls == 1,
	   "given up while its client is asked: the other's place is not its to leave");
	other_ends(&scene, other);
	asked_end(&scene, "given up while its client is asked");
	other = ask(&scene);
	answer(&scene, 1);
	ok(rig_is_silent(&scene.peer) && server_common(scene.server)->n_waiting == 1, "# it waits again");
	client_says(scene.client, "%s", cancel);
	ok(scene.page.finals == 1, "given up while it waits again: it ends once");
	other_ends(&scene, other);
	ok(!span_contains(rig_hear(&scene.peer), S("inputResponses")), "and never leaves");
	asked_end(&scene, "given up while it waits again");
	other = ask(&scene);
	answer(&scene, 1);
	turn_a_while(&worker.loop);
	exchange_tick(LIST_ENTRY(scene.client->exchanges.next, struct exchange, in_client),
		      loop_now(&worker.loop) + scene.server->timeout_ms + 1000);
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"K703\""),
	   "it waits again for longer than the server's timeout: it ends");
	other_ends(&scene, other);
	asked_end(&scene, "waited too long");
}

/* The program may know it by its state alone: it is not ended for having nothing to do. */
static void asked_rests(void)
{
	struct scene scene;
	unsigned other = ask(&scene);
	struct attachment *attachment = LIST_ENTRY(scene.client->attachments.next, struct attachment, node);

	scene.server->idle_ms = 1000;
	answer(&scene, 1);
	turn_a_while(&worker.loop);
	ok(!attachment_rest(attachment, loop_now(&worker.loop) + 2000),
	   "a program is not idle where its next round waits for the place");
	other_ends(&scene, other);
	rig_say(&scene.peer, DONE_MODERN, rig_id(rig_hear_of(&scene.peer, "inputResponses")));
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(attachment_rest(attachment, loop_now(&worker.loop) + 2000), "it is when that is over");
	asked_end(&scene, "it is over");
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	in_turn();
	away();
	asked();
	asked_cancelled();
	asked_rests();
	rig_stop();
	return tap_done();
}
