/* task.c - a modern client's calls that a legacy server does as tasks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tasks.h"

#define REQUIRED ",\"execution\":{\"taskSupport\":\"required\"}"
#define CALL_WITH(claim) REQUEST("1", "tools/call", "\"name\":\"t\"," claim)
#define OWN(status)                                                                                          \
	"\"taskId\":\"own-1\",\"status\":\"" status "\"," TIMES ",\"ttl\":60000,\"pollInterval\":10"

static void begin(struct scene *scene)
{
	scene_begin(scene, ERA_MODERN, ERA_LEGACY, false, LEGACY_TASKS, REQUIRED);
}

/* A call that is a task, as far as the client's id of it. */
static bool call(struct scene *scene)
{
	page_ask(scene->client, &scene->page, CALL_WITH(TAKES));
	return scene_answers(scene, "\"task\":{}", "\"task\":{" OWN("working") "}") && scene_named(scene);
}

/* --- refusals --- */

static void refused(void)
{
	struct scene scene;

	begin(&scene);
	(void)span_to_cstr(S("own-1"), scene.id, sizeof(scene.id));
	scene_ask(&scene, "tasks/get", "," TAKES);
	ok(scene_has(&scene, "\"code\":-32602"), "a task that nobody has");
	ok(call(&scene), "a call becomes a task");
	(void)span_to_cstr(S("own-1"), scene.id, sizeof(scene.id));
	scene_ask(&scene, "tasks/get", "," TAKES);
	ok(scene_has(&scene, "\"code\":-32602"), "whose server's id is worth nothing");
	(void)scene_named(&scene);
	ok(rig_is_silent(&scene.peer), "and the server hears of none of it");
	scene_end(&scene);
}

static void undeclared(void)
{
	struct scene scene;

	begin(&scene);
	ok(call(&scene), "a task");
	scene_ask(&scene, "tasks/get", "," META);
	ok(scene_has(&scene, "\"code\":-32021") &&
	       page_has(&scene.page, "\"requiredCapabilities\":{\"extensions\":{" TASK_EXTENSION "}}"),
	   "is not for requests that do not declare the extension");
	scene_ask(&scene, "tasks/cancel", "," META);
	ok(scene_has(&scene, "\"code\":-32021") && rig_is_silent(&scene.peer), "nor is its end");
	scene_end(&scene);
}

static void of_another(void)
{
	struct scene scene;
	struct client *other;
	struct peer peer;
	char text[1024];

	begin(&scene);
	ok(call(&scene), "a client's task");
	other = rig_client_of("token:t-2", ERA_MODERN, scene.server, "mcp");
	(void)snprintf(text, sizeof(text), REQUEST("1", "tasks/get", "\"taskId\":\"%s\",%s"), scene.id,
		       TAKES);
	page_ask(other, &scene.page, text);
	ok(rig_greet(&peer, LEGACY_TASKS) && scene_has(&scene, "\"code\":-32602"),
	   "is unknown to another who knows its id");
	other = rig_leave(other);
	rig_end(&peer);
	scene_end(&scene);
}

static void plainly(void)
{
	struct scene scene;

	scene_begin(&scene, ERA_MODERN, ERA_LEGACY, false, LEGACY_TASKS,
		    ",\"execution\":{\"taskSupport\":\"optional\"}");
	page_ask(scene.client, &scene.page, CALL_WITH(TAKES));
	ok(!span_contains(rig_hear_of(&scene.peer, "tools/call"), S("\"task\"")),
	   "a tool that need not be a task is called plainly");
	scene_end(&scene);
	scene_begin(&scene, ERA_MODERN, ERA_LEGACY, false, "{\"tools\":{}}", REQUIRED);
	page_ask(scene.client, &scene.page, CALL_WITH(TAKES));
	ok(!span_contains(rig_hear_of(&scene.peer, "tools/call"), S("\"task\"")),
	   "and where the server does not declare tasks, any is");
	scene_end(&scene);
}

/* --- a client that takes tasks --- */

/* Of all servers together: a link in what a task ended with is its server's, as one in a call's result is. */
static void links(void)
{
	struct scene scene;

	scene_begin(&scene, ERA_MODERN, ERA_LEGACY, true, LEGACY_TASKS, REQUIRED);
	page_ask(scene.client, &scene.page, REQUEST("1", "tools/call", "\"name\":\"files__t\"," TAKES));
	ok(scene_answers(&scene, "\"task\":{}", "\"task\":{" OWN("working") "}") && scene_named(&scene),
	   "# a task of one of all servers");
	scene_ask(&scene, "tasks/get", "," TAKES);
	ok(scene_answers(&scene, "tasks/get", OWN("completed")), "# it has ended");
	ok(scene_answers(&scene, "tasks/result",
			 "\"content\":[{\"type\":\"resource_link\",\"uri\":\"l://1\",\"name\":\"n\"}]") &&
	       scene_has(&scene, "l://1") && uri_set_has(&attachment_in(scene.client)->learnt, S("l://1")),
	   "a link in what it ended with is its server's");
	scene_end(&scene);
}

static void to_its_end(void)
{
	struct scene scene;

	begin(&scene);
	ok(call(&scene) && page_has(&scene.page, "\"resultType\":\"task\"") &&
	       page_has(&scene.page, "\"ttlMs\":60000,\"pollIntervalMs\":10") &&
	       page_has(&scene.page, "\"status\":\"working\",\"createdAt\":\"2026-11-21T07:34:19.255Z\"") &&
	       !page_has(&scene.page, "own-1"),
	   "a task in the client's words, under an id of the gate's");
	scene_ask(&scene, "tasks/get", "," TAKES);
	ok(scene_answers(&scene, "\"tasks/get\",\"params\":{\"taskId\":\"own-1\"}", OWN("working")) &&
	       scene_has(&scene, "\"resultType\":\"complete\"") && page_has(&scene.page, scene.id) &&
	       page_has(&scene.page, "\"working\""),
	   "how it is");
	scene_ask(&scene, "tasks/get", "," TAKES);
	ok(scene_answers(&scene, "tasks/get", OWN("completed")), "it has ended");
	ok(scene_answers(&scene, "tasks/result",
			 "\"content\":[{\"type\":\"text\",\"text\":\"done\"}]," RELATED("own-1")) &&
	       scene_has(&scene, "\"status\":\"completed\"") &&
	       page_has(&scene.page,
			"\"result\":{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",") &&
	       !page_has(&scene.page, "own-1"),
	   "and with what");
	scene_end(&scene);
}

static void with_an_error(void)
{
	struct scene scene;

	begin(&scene);
	ok(call(&scene), "a task");
	scene_ask(&scene, "tasks/get", "," TAKES);
	ok(scene_answers(&scene, "tasks/get", OWN("failed")), "that fails");
	rig_say(&scene.peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-32050,\"message\":\"no\"}}",
		rig_id(rig_hear_of(&scene.peer, "tasks/result")));
	ok(scene_has(&scene, "\"status\":\"failed\"") &&
	       page_has(&scene.page, "\"error\":{\"code\":-32603,\"message\":\"no\"}"),
	   "has an error in the client's words");
	scene_end(&scene);
}

static void asked(void)
{
	struct scene scene;

	begin(&scene);
	ok(call(&scene), "a task");
	scene_ask(&scene, "tasks/get", "," TAKES);
	ok(scene_answers(&scene, "tasks/get", OWN("input_required")), "whose server wants to know something");
	ok(rig_hear_of(&scene.peer, "tasks/result").n, "is asked for the result, to hear what");
	ok(scene.page.finals == 0, "and the client waits for that");
	rig_say(&scene.peer, SERVER_ASKS("q", "elicitation/create", FORM "," RELATED("own-1")));
	ok(scene_has(&scene, "\"inputRequests\":{\"ask-1\":{\"method\":\"elicitation/create\"") &&
	       page_has(&scene.page, "\"status\":\"input_required\"") && !page_has(&scene.page, "own-1"),
	   "which the client reads");
	scene_ask(&scene, "tasks/update",
		  ",\"inputResponses\":{\"nobody\":{\"action\":\"accept\"},\"ask-1\":{\"action\":\"accept\","
		  "\"content\":{\"n\":\"Ann\"}}}," TAKES);
	ok(scene_has(&scene, "\"result\":{\"resultType\":\"complete\"}"), "its answer is taken");
	ok(span_contains(rig_hear(&scene.peer),
			 S("\"id\":\"q\",\"result\":{\"action\":\"accept\",\"content\":{\"n\":\"Ann\"}}")),
	   "and given to the server");
	scene_end(&scene);
}

static void not_offered(void)
{
	struct scene scene;
	struct peer first;

	begin(&scene);
	first = scene.peer;
	page_ask(scene.client, &scene.page, CALL_WITH(CLAIM("{\"extensions\":{" TASK_EXTENSION "}}", "")));
	if (!rig_greet(&scene.peer, LEGACY_TASKS))
		return;
	rig_say(
	    &scene.peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}" REQUIRED
	    "}]}}",
	    rig_id(rig_hear_of(&scene.peer, "tools/list")));
	ok(scene_answers(&scene, "tools/call", "\"task\":{" OWN("working") "}") && scene_named(&scene),
	   "a task of one that offers nothing else");
	rig_say(&scene.peer, SERVER_ASKS("q", "elicitation/create", FORM "," RELATED("own-1")));
	ok(span_contains(rig_hear_of(&scene.peer, "\"q\""), S("\"code\":-32601")), "cannot ask");
	scene_end(&scene);
	rig_end(&first);
}

static void cancelled(void)
{
	struct scene scene;

	begin(&scene);
	ok(call(&scene), "a task");
	scene_ask(&scene, "tasks/cancel", "," TAKES);
	ok(scene_answers(&scene, "\"tasks/cancel\",\"params\":{\"taskId\":\"own-1\"}", OWN("cancelled")) &&
	       scene_has(&scene, "\"result\":{\"resultType\":\"complete\"}"),
	   "that is cancelled");
	scene_ask(&scene, "tasks/get", "," TAKES);
	ok(scene_answers(&scene, "tasks/get", OWN("cancelled")) && scene_has(&scene, "\"cancelled\""),
	   "is so");
	ok(call(&scene), "another");
	client_close(scene.client, S("left"));
	ok(rig_hear_of(&scene.peer, "\"tasks/cancel\"").n, "goes with its client: the server is told");
	scene_end(&scene);
}

static void told(void)
{
	struct scene scene;
	struct page listening = { 0 };
	char text[1024];

	begin(&scene);
	ok(call(&scene), "a task");
	(void)snprintf(
	    text, sizeof(text),
	    REQUEST("9", "subscriptions/listen", "\"notifications\":{\"taskIds\":[\"x\",7,\"%s\"]},%s"),
	    scene.id, TAKES);
	page_ask(scene.client, &listening, text);
	(void)snprintf(text, sizeof(text), "\"notifications\":{\"taskIds\":[\"%s\"]}", scene.id);
	ok(page_has(&listening, text), "that one listens to, and to no other");
	rig_say(&scene.peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks/status\",\"params\":{" OWN(
		    "working") ",\"statusMessage\":\"half\"}}");
	TURN_UNTIL(&worker.loop, listening.sent >= 2);
	ok(page_has(&listening, "\"notifications/tasks\",\"params\":{\"taskId\":\"") &&
	       page_has(&listening, scene.id) && page_has(&listening, "\"statusMessage\":\"half\"") &&
	       page_has(&listening, "/subscriptionId\":9") && !page_has(&listening, "own-1"),
	   "tells of itself: %.*s", SPAN_ARG(buf_span(&listening.all)));
	scene_end(&scene);
	buf_release(&listening.all);
}

static void many(void)
{
	struct scene scene;
	unsigned made = 0;

	begin(&scene);
	while (made <= TASKS && call(&scene))
		made++;
	ok(made == TASKS && page_has(&scene.page, "K801"), "%u tasks, and no more", made);
	ok(rig_hear_of(&scene.peer, "tasks/cancel").n, "the server need not go on with that one");
	scene_end(&scene);
}

static void expired(void)
{
	struct scene scene;

	begin(&scene);
	ok(call(&scene), "a task");
	tasks_tick(scene.client, loop_now(&worker.loop) + 59000);
	is_int(scene.client->n_tasks, 1, "is kept for its time");
	tasks_tick(scene.client, loop_now(&worker.loop) + 61000);
	is_int(scene.client->n_tasks, 0, "and no longer");
	ok(rig_hear_of(&scene.peer, "tasks/cancel").n, "the server is told, for it still worked");
	scene_end(&scene);
}

/* --- a client that takes none --- */

static void waited_for(void)
{
	struct scene scene;
	struct peer first;

	begin(&scene);
	first = scene.peer;
	page_ask(scene.client, &scene.page, CALL_WITH(META));
	if (!rig_greet(&scene.peer, LEGACY_TASKS))
		return;
	rig_say(
	    &scene.peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}" REQUIRED
	    "}]}}",
	    rig_id(rig_hear_of(&scene.peer, "tools/list")));
	ok(scene_answers(&scene, "\"task\":{}", "\"task\":{" OWN("working") "}"), "a task");
	ok(rig_hear_of(&scene.peer, "\"tasks/result\",\"params\":{\"taskId\":\"own-1\"}").n &&
	       scene.page.finals == 0,
	   "is waited for");
	scene_waits(&scene);
	scene_waits(&scene);
	ok(scene.page.finals == 0, "however long");
	rig_say(&scene.peer, SERVER_ASKS("q", "elicitation/create", FORM "," RELATED("own-1")));
	ok(scene_has(&scene, "\"resultType\":\"input_required\"") && page_has(&scene.page, "requestState"),
	   "what is asked meanwhile is a round of the call");
	is_int(scene.client->n_tasks, 1, "that goes on");
	client_close(scene.client, S("left"));
	ok(rig_hear_of(&scene.peer, "\"tasks/cancel\"").n, "and is cancelled with it");
	scene_end(&scene);
	rig_end(&first);
}

static void answered_plainly(void)
{
	struct scene scene;
	struct peer first;

	begin(&scene);
	first = scene.peer;
	page_ask(scene.client, &scene.page, CALL_WITH(META));
	if (!rig_greet(&scene.peer, LEGACY_TASKS))
		return;
	rig_say(
	    &scene.peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}" REQUIRED
	    "}]}}",
	    rig_id(rig_hear_of(&scene.peer, "tools/list")));
	ok(scene_answers(&scene, "\"task\":{}", "\"task\":{" OWN("working") "}"), "a task");
	ok(scene_answers(&scene, "tasks/result", "\"content\":[]," RELATED("own-1")) &&
	       scene_has(&scene, "\"result\":{\"resultType\":\"complete\",\"content\":[]"),
	   "is a result like any other");
	ok(!page_has(&scene.page, "own-1") && scene.client->n_tasks == 0 && rig_is_silent(&scene.peer),
	   "and nothing is left of it");
	scene_end(&scene);
	rig_end(&first);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	refused();
	undeclared();
	of_another();
	plainly();
	links();
	to_its_end();
	with_an_error();
	asked();
	not_offered();
	cancelled();
	told();
	many();
	expired();
	waited_for();
	answered_plainly();
	rig_stop();
	return tap_done();
}
