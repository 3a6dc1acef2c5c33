/* parked.c - a legacy server asks in the middle of a modern client's call, and the client comes back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eras.h"

#include "exchange/parked.h"
#include "exchange/question.h"

#define LIST_CHANGED "{\"tools\":{},\"resources\":{},\"completions\":{}}"
#define ASKS_NAME(id) SERVER_ASKS(id, "elicitation/create", FORM)
#define ASKS_ROOTS(id) REQUEST("\"" id "\"", "roots/list", "")

/* A client with a call under way at a legacy server. */
struct scene {
	struct server *server;
	struct client *client;
	struct peer peer;
	struct page page;
	unsigned call; /* its id at the server */
	char state[2048];
};

static void call(struct scene *scene, const char *id)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), REQUEST("%s", "tools/call", "\"name\":\"t\"," META), id);
	page_ask(scene->client, &scene->page, text);
	scene->call = rig_id(rig_hear_of(&scene->peer, "tools/call"));
}

static void begin(struct scene *scene)
{
	*scene = (struct scene){ .server = server_of("files", ERA_LEGACY) };
	scene->client = client_of(ERA_MODERN, scene->server);
	bring_up(scene->client, &scene->peer, LIST_CHANGED);
	call(scene, "1");
}

static void leave(struct scene *scene)
{
	scene->client = rig_leave(scene->client);
	rig_end(&scene->peer);
	worker_drop_server(&worker, scene->server);
	buf_release(&scene->page.all);
	is_int(worker.held.used, 0, "# nothing is held any more");
}

/* Waits for the result that says what is wanted, and keeps its state. */
static bool wanted(struct scene *scene)
{
	struct span all, key = S("\"requestState\":");

	TURN_UNTIL(&worker.loop, scene->page.finals);
	all = buf_span(&scene->page.all);
	for (size_t i = 0; i + key.n < all.n; i++) {
		struct span rest = span_skip(all, i);

		if (!span_starts(rest, key))
			continue;
		rest = span_skip(rest, key.n + 1);
		(void)span_to_cstr(span_first(rest, span_find(rest, '"')), scene->state,
				   sizeof(scene->state));
		return scene->page.finals == 1 && page_has(&scene->page, "\"input_required\"");
	}
	return false;
}

static void come_back_as(struct scene *scene, const char *responses, const char *meta)
{
	static char text[8192];

	(void)snprintf(
	    text, sizeof(text),
	    REQUEST("2", "tools/call", "\"name\":\"t\",\"inputResponses\":{%s},\"requestState\":\"%s\",%s"),
	    responses, scene->state, meta);
	page_ask(scene->client, &scene->page, text);
}

static void come_back(struct scene *scene, const char *responses)
{
	come_back_as(scene, responses, META);
}

static void server_answers(struct scene *scene, const char *text)
{
	rig_say(
	    &scene->peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}}",
	    scene->call, text);
}

#define ACCEPTS(name) "{\"action\":\"accept\",\"content\":{\"n\":\"" name "\"}}"

/* --- what cannot be asked --- */

static void not_asked(void)
{
	struct scene scene;
	char text[1024];

	begin(&scene);
	(void)snprintf(
	    text, sizeof(text),
	    REQUEST("3", "completion/complete",
		    "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"p\"},\"argument\":{\"name\":\"a\","
		    "\"value\":\"\"},%s"),
	    META);
	rig_say(&scene.peer, "{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":\"alive\"}");
	ok(span_contains(rig_hear_of(&scene.peer, "alive"), S("\"result\":{}")), "the server is there");
	rig_say(&scene.peer, SERVER_ASKS("q", "sampling/createMessage", "\"messages\":7"));
	ok(span_contains(rig_hear(&scene.peer), S("\"id\":\"q\",\"error\":{\"code\":-32603")),
	   "a question that is none is refused");
	server_answers(&scene, "done");
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "done") && page_has(&scene.page, "\"resultType\":\"complete\""),
	   "and the call goes on");
	page_ask(scene.client, &scene.page, text);
	(void)rig_hear_of(&scene.peer, "completion/complete");
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(span_contains(rig_hear(&scene.peer), S("\"id\":\"q\",\"error\":{\"code\":-32603")),
	   "what no client would make again has no rounds");
	leave(&scene);
}

static void not_declared(void)
{
	struct scene scene = { .server = server_of("files", ERA_LEGACY) };

	scene.client = client_of(ERA_MODERN, scene.server);
	page_ask(scene.client, &scene.page,
		 REQUEST("1", "tools/call", "\"name\":\"t\"," CLAIM("{\"roots\":{}}", "")));
	ok(rig_greet(&scene.peer, LIST_CHANGED), "a server");
	rig_say(
	    &scene.peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}]}}",
	    rig_id(rig_hear_of(&scene.peer, "tools/list")));
	ok(rig_hear_of(&scene.peer, "tools/call").n, "a call that declares roots alone");
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(span_contains(rig_hear(&scene.peer), S("\"id\":\"q\",\"error\":{\"code\":-32601")),
	   "cannot be asked to fill in a form");
	ok(scene.page.sent == 0, "and hears nothing of it");
	leave(&scene);
}

static void too_many(void)
{
	struct scene scene;
	unsigned refused = 0;

	begin(&scene);
	for (unsigned i = 0; i < QUESTIONS + 1; i++)
		rig_say(&scene.peer, REQUEST("%u", "roots/list", ""), i + 1000);
	refused += span_contains(rig_hear(&scene.peer), S("\"id\":1032,\"error\":{\"code\":-32603"));
	ok(refused == 1 && wanted(&scene) && page_has(&scene.page, "\"ask-32\"") &&
	       !page_has(&scene.page, "\"ask-33\""),
	   "so many questions at once and no more");
	leave(&scene);
	begin(&scene);
	scene.client->n_parked_calls = PARKED_CALLS;
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(span_contains(rig_hear(&scene.peer), S("\"id\":\"q\",\"error\":{\"code\":-32603")),
	   "nor does one more call wait than may");
	scene.client->n_parked_calls = 0;
	leave(&scene);
}

/* --- what does not resume --- */

static void wrong_names(void)
{
	struct scene scene;
	char kept[sizeof(scene.state)];

	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "asked");
	memcpy(kept, scene.state, sizeof(kept));
	scene.state[4] = scene.state[4] == 'A' ? 'B' : 'A';
	come_back(&scene, "");
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"K618\"") && rig_is_silent(&scene.peer),
	   "a state that was changed is refused, and nothing is sent");
	memcpy(scene.state, kept, sizeof(kept));
	come_back(&scene, "\"ask-1\":" ACCEPTS("x"));
	(void)rig_hear_of(&scene.peer, "\"id\":\"q\"");
	server_answers(&scene, "done");
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "done"), "the right one is not");
	come_back(&scene, "\"ask-1\":" ACCEPTS("x"));
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"K618\"") && rig_is_silent(&scene.peer),
	   "and is good once");
	leave(&scene);
}

static void other_attachment(void)
{
	struct scene scene;
	struct peer other = { 0 };

	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "asked");
	come_back_as(&scene, "\"ask-1\":" ACCEPTS("x"), CLAIM("{\"elicitation\":{}}", ""));
	ok(rig_greet(&other, LIST_CHANGED), "who declares something else has another connection");
	rig_say(
	    &other,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}]}}",
	    rig_id(rig_hear_of(&other, "tools/list")));
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "\"K618\"") && rig_is_silent(&scene.peer),
	   "and does not take up what is parked on the first");
	rig_end(&other);
	leave(&scene);
}

/* What is refused between the look-up and the server leaves the call where it was. */
static void not_recorded(void)
{
	struct scene scene;

	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "asked");
	worker.line.max = 16;
	come_back(&scene, "\"ask-1\":" ACCEPTS("x"));
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"K804\"") && rig_is_silent(&scene.peer),
	   "a round that cannot be recorded is refused");
	worker.line.max = (size_t)64 * 1024;
	come_back(&scene, "\"ask-1\":" ACCEPTS("x"));
	ok(rig_hear_of(&scene.peer, "\"id\":\"q\"").n, "the next one takes the call up");
	server_answers(&scene, "done");
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "done"), "to its end");
	leave(&scene);
}

static void nobody_comes(void)
{
	struct scene scene;

	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "asked");
	parked_tick(scene.client, loop_now(&worker.loop) + PARKED_MS / 2);
	ok(rig_is_silent(&scene.peer), "a client has time to come back");
	parked_tick(scene.client, loop_now(&worker.loop) + PARKED_MS + 1000);
	ok(span_contains(rig_hear(&scene.peer), S("notifications/cancelled")) &&
	       scene.client->n_parked_calls == 0,
	   "but not for ever: the server is told");
	come_back(&scene, "\"ask-1\":" ACCEPTS("x"));
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"K618\""), "then it is too late");
	leave(&scene);
}

/* --- what ends while the client is away, or when it is back --- */

static void server_dies(void)
{
	struct scene scene;
	struct peer again = { 0 };

	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "asked");
	rig_end(&scene.peer);
	TURN_UNTIL(&worker.loop, !attachment_in(scene.client)->link);
	come_back(&scene, "\"ask-1\":" ACCEPTS("x"));
	ok(rig_greet(&again, LIST_CHANGED), "the server died meanwhile: there is a new one");
	rig_say(
	    &again,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}]}}",
	    rig_id(rig_hear_of(&again, "tools/list")));
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "\"K702\"") && page_has(&scene.page, "unknown whether") &&
	       rig_is_silent(&again),
	   "which is asked nothing: the client hears what came of its call");
	rig_end(&again);
	leave(&scene);
	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "asked");
	come_back(&scene, "");
	rig_end(&scene.peer);
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "\"K702\"") || page_has(&scene.page, "\"input_required\""),
	   "it dies when the client is back");
	TURN_UNTIL(&worker.loop, !attachment_in(scene.client)->link);
	leave(&scene);
}

static void server_is_done(void)
{
	struct scene scene;

	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q") "\n{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}",
		scene.call);
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"complete\""),
	   "an answer in the same breath: nobody is asked");
	call(&scene, "2");
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "asked");
	rig_say(&scene.peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%u,"
		"\"progress\":1}}",
		scene.call);
	server_answers(&scene, "never mind");
	turn_a_while(&worker.loop);
	come_back(&scene, "\"ask-1\":" ACCEPTS("x"));
	ok(scene.page.finals == 1 && page_has(&scene.page, "never mind") &&
	       page_has(&scene.page, "\"resultType\":\"complete\"") && page_has(&scene.page, "\"id\":2"),
	   "answered while the client was away: it has the answer when it is back");
	ok(rig_is_silent(&scene.peer), "and the server no answer to what it asked");
	leave(&scene);
}

static void taken_back(void)
{
	struct scene scene;

	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q") "\n" ASKS_ROOTS("r"));
	ok(wanted(&scene), "asked twice");
	rig_say(&scene.peer,
		REQUEST("\"p\"", "ping", "") "\n{\"jsonrpc\":\"2.0\",\"method\":"
					     "\"notifications/cancelled\",\"params\":{\"requestId\":"
					     "\"q\"}}");
	(void)rig_hear_of(&scene.peer, "\"id\":\"p\"");
	turn_a_while(&worker.loop);
	come_back(&scene, "\"ask-1\":" ACCEPTS("x") ",\"ask-2\":{\"roots\":[]}");
	ok(span_contains(rig_hear(&scene.peer), S("\"id\":\"r\",\"result\":{\"roots\":[]}")) &&
	       rig_is_silent(&scene.peer),
	   "one was taken back: only the other is answered");
	server_answers(&scene, "done");
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "done"), "and the call goes on");
	call(&scene, "3");
	rig_say(&scene.peer, ASKS_NAME("q") "\n{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
					    "\"params\":{\"requestId\":\"q\"}}");
	turn_a_while(&worker.loop);
	is_int(scene.page.sent, 0, "asked and taken back at once: the client hears nothing");
	server_answers(&scene, "alone");
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "alone"), "but the answer");
	leave(&scene);
}

/* --- good rounds --- */

static void one_question(void)
{
	struct scene scene;

	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "asked");
	ok(page_has(&scene.page,
		    "\"inputRequests\":{\"ask-1\":{\"method\":\"elicitation/create\",\"params\":{" FORM
		    "}}}"),
	   "in the modern era's words");
	ok(rig_is_silent(&scene.peer), "the server waits");
	come_back(&scene, "\"ask-1\":" ACCEPTS("x"));
	is_span(rig_hear(&scene.peer), S("{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":" ACCEPTS("x") "}"),
		"its question is answered");
	ok(rig_is_silent(&scene.peer) && scene.page.sent == 0, "and no call is made anew");
	server_answers(&scene, "hello x");
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(scene.page.finals == 1 && page_has(&scene.page, "hello x") && page_has(&scene.page, "\"id\":2,") &&
	       !page_has(&scene.page, "requestState"),
	   "the client has its answer, under the id of the round it came back with");
	leave(&scene);
}

static void several_questions(void)
{
	struct scene scene;

	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q") "\n" ASKS_ROOTS("r"));
	ok(wanted(&scene) && page_has(&scene.page, "\"ask-1\"") && page_has(&scene.page, "\"ask-2\""),
	   "what was asked at once is one result");
	come_back(&scene, "\"ask-2\":{\"roots\":[]},\"ask-1\":{\"action\":\"later\"}");
	ok(wanted(&scene) && page_has(&scene.page, "\"ask-1\"") && !page_has(&scene.page, "\"ask-2\""),
	   "what was not answered, or by no answer, is asked again");
	ok(span_contains(rig_hear(&scene.peer), S("\"id\":\"r\",\"result\":{\"roots\":[]}")),
	   "what was is passed on");
	come_back(&scene, "");
	ok(wanted(&scene) && page_has(&scene.page, "\"ask-1\"") && rig_is_silent(&scene.peer), "and again");
	rig_say(&scene.peer, ASKS_ROOTS("s"));
	turn_a_while(&worker.loop);
	come_back(&scene, "\"ask-1\":{\"action\":\"decline\"}");
	ok(wanted(&scene) && page_has(&scene.page, "\"ask-3\"") && !page_has(&scene.page, "\"ask-1\""),
	   "what was asked meanwhile is asked with the next round");
	ok(span_contains(rig_hear(&scene.peer), S("\"id\":\"q\",\"result\":{\"action\":\"decline\"}")),
	   "a refusal is an answer");
	come_back(&scene, "\"ask-3\":{\"roots\":[]}");
	ok(span_contains(rig_hear(&scene.peer), S("\"id\":\"s\"")), "answered");
	rig_say(&scene.peer, ASKS_NAME("u"));
	ok(wanted(&scene) && page_has(&scene.page, "\"ask-1\""), "and later it asks once more");
	come_back(&scene, "\"ask-1\":" ACCEPTS("x"));
	(void)rig_hear_of(&scene.peer, "\"id\":\"u\"");
	server_answers(&scene, "at last");
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(scene.page.finals == 1 && page_has(&scene.page, "at last"), "all is answered");
	leave(&scene);
}

/* Questions on a pipe name no call: where two wait, nobody can tell whose one is. */
static void two_calls(void)
{
	struct scene scene;

	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "one call asks");
	rig_say(&scene.peer, ASKS_ROOTS("meanwhile"));
	turn_a_while(&worker.loop);
	ok(rig_is_silent(&scene.peer), "what it asks meanwhile is kept");
	call(&scene, "5");
	rig_say(&scene.peer, ASKS_ROOTS("whose"));
	ok(span_contains(rig_hear(&scene.peer), S("\"id\":\"whose\",\"error\":{\"code\":-32602")),
	   "with another under way it is refused");
	leave(&scene);
}

/* --- given up --- */

static void cancelled(void)
{
	struct scene scene;

	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "asked");
	come_back(&scene, "\"ask-1\":" ACCEPTS("x"));
	(void)rig_hear_of(&scene.peer, "\"id\":\"q\"");
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
				  "\"requestId\":2}}");
	ok(span_contains(rig_hear(&scene.peer), S("notifications/cancelled")),
	   "back, and given up: the server is told");
	call(&scene, "3");
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "asked");
	come_back(&scene, "");
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
				  "\"requestId\":2}}");
	ok(span_contains(rig_hear(&scene.peer), S("notifications/cancelled")) &&
	       scene.client->n_parked_calls == 0,
	   "given up before it is asked again: so, too");
	leave(&scene);
}

static void client_leaves(void)
{
	struct scene scene;

	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "asked");
	client_close(scene.client, S("gone"));
	ok(span_contains(rig_hear(&scene.peer), S("notifications/cancelled")), "away, and gone: told");
	leave(&scene);
	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "asked");
	come_back(&scene, "");
	client_close(scene.client, S("gone"));
	ok(span_contains(rig_hear(&scene.peer), S("notifications/cancelled")), "back, and gone: told");
	leave(&scene);
	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "asked");
	server_answers(&scene, "unheard");
	turn_a_while(&worker.loop);
	client_close(scene.client, S("gone"));
	ok(rig_is_silent(&scene.peer), "gone with an answer that nobody fetched");
	leave(&scene);
}

static void server_is_dropped(void)
{
	struct scene scene;

	begin(&scene);
	rig_say(&scene.peer, ASKS_NAME("q"));
	ok(wanted(&scene), "asked");
	client_detach_server(scene.client, scene.server);
	ok(scene.client->n_parked_calls == 0, "the server is taken away: nothing is parked on it");
	leave(&scene);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	not_asked();
	not_declared();
	too_many();
	wrong_names();
	other_attachment();
	not_recorded();
	nobody_comes();
	server_dies();
	server_is_done();
	taken_back();
	one_question();
	several_questions();
	two_calls();
	cancelled();
	client_leaves();
	server_is_dropped();
	rig_stop();
	return tap_done();
}
