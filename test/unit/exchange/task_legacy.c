/* task_legacy.c - tasks of modern servers, and of nobody, as a legacy client knows them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tasks.h"

#define CALL REQUEST("1", "tools/call", "\"name\":\"t\",\"task\":{\"ttl\":5000}")
#define PLAIN REQUEST("1", "tools/call", "\"name\":\"t\"")
#define JOINT REQUEST("1", "tools/call", "\"name\":\"files__t\",\"task\":{\"ttl\":5000}")
#define JOINT_MODERN REQUEST("1", "tools/call", "\"name\":\"files__t\"," TAKES)
#define NEW "\"resultType\":\"task\",\"taskId\":\"own-1\",\"status\":\"working\"," TIMES ",\"ttlMs\":60000"
#define IS(status)                                                                                           \
	"\"resultType\":\"complete\",\"taskId\":\"own-1\",\"status\":\"" status "\"," TIMES ",\"ttlMs\":null"

static void begin(struct scene *scene)
{
	scene_begin(scene, ERA_LEGACY, ERA_MODERN, false, MODERN_TASKS, "");
}

static bool call(struct scene *scene)
{
	page_ask(scene->client, &scene->page, CALL);
	return scene_answers(scene, "tools/call", NEW) && scene_named(scene);
}

/* --- refusals --- */

static void refused(void)
{
	static const char *const methods[] = { "tasks/get", "tasks/result", "tasks/cancel" };
	struct scene scene;

	begin(&scene);
	ok(call(&scene), "a task");
	(void)span_to_cstr(S("own-1"), scene.id, sizeof(scene.id));
	for (size_t i = 0; i < COUNT(methods); i++) {
		scene_ask(&scene, methods[i], "");
		ok(scene_has(&scene, "\"code\":-32602") && scene_is_spared(&scene),
		   "%s: the server's own id is worth nothing", methods[i]);
	}
	scene_ask(&scene, "tasks/update", "");
	ok(scene_has(&scene, "\"code\":-32601"), "and there is nothing to update");
	scene_end(&scene);
}

/* The extension is declared by the calls that want a task, and by no other. */
static void wished(void)
{
	struct scene scene;
	struct span line;

	begin(&scene);
	ok(page_has(&scene.page, "\"execution\":{\"taskSupport\":\"optional\"}"),
	   "a tool may be called as a task");
	page_ask(scene.client, &scene.page, PLAIN);
	line = rig_hear_of(&scene.peer, "tools/call");
	ok(!span_contains(line, S("modelcontextprotocol/tasks")), "a plain call declares nothing");
	rig_say(&scene.peer,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"resultType\":\"complete\",\"content\":[]}}",
		rig_id(line));
	ok(scene_has(&scene, "\"content\":[]"), "and gets its result");
	page_ask(scene.client, &scene.page, CALL);
	line = rig_hear_of(&scene.peer, "tools/call");
	ok(span_contains(line, S("\"extensions\":{" TASK_EXTENSION "}")) &&
	       !span_contains(line, S("\"task\":")),
	   "one that wants a task declares the extension: %.*s", SPAN_ARG(line));
	scene_end(&scene);
	scene_begin(&scene, ERA_LEGACY, ERA_MODERN, false, "{\"tools\":{}}", "");
	ok(!page_has(&scene.page, "execution"), "not where the server has no tasks");
	page_ask(scene.client, &scene.page, CALL);
	line = rig_hear_of(&scene.peer, "tools/call");
	ok(line.n && !span_contains(line, S("tasks")) && !span_contains(line, S("\"task\"")),
	   "nor does a call");
	scene_end(&scene);
}

/* --- a task --- */

static bool begun;

static void note_begun(struct sink *sink, struct exchange *x)
{
	(void)sink;
	(void)x;
	begun = true;
}

static void to_its_end(void)
{
	struct scene scene;

	begin(&scene);
	ok(call(&scene) && page_has(&scene.page, "\"result\":{\"task\":{\"taskId\":\"") &&
	       page_has(&scene.page, "\"ttl\":60000") && !page_has(&scene.page, "resultType"),
	   "a task in the client's words");
	scene_ask(&scene, "tasks/get", "");
	ok(scene_answers(&scene, "\"tasks/get\",\"params\":{\"taskId\":\"own-1\"", IS("working")) &&
	       scene_has(&scene, "\"status\":\"working\"") && page_has(&scene.page, "\"ttl\":null"),
	   "how it is");
	scene_ask(&scene, "tasks/result", "");
	ok(scene_answers(&scene, "tasks/get", IS("working") ",\"pollIntervalMs\":60000"),
	   "what it ends with is waited for");
	turn_a_while(&worker.loop);
	ok(scene.page.finals == 0 && scene_is_spared(&scene), "and not at once asked for again");
	scene.page.sink.begin = note_begun;
	begun = false;
	scene_waits(&scene);
	ok(begun, "the client hears that it takes longer");
	ok(scene_answers(
	       &scene, "tasks/get",
	       IS("completed") ",\"result\":{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\","
			       "\"text\":\"done\"}]}") &&
	       scene_has(&scene, "\"text\":\"done\"") && page_has(&scene.page, "related-task") &&
	       page_has(&scene.page, scene.id) && !page_has(&scene.page, "own-1") &&
	       !page_has(&scene.page, "resultType"),
	   "until it is there");
	page_ask(scene.client, &scene.page, REQUEST("2", "tasks/list", ""));
	ok(scene_has(&scene, "\"tasks\":[{\"taskId\":\"") && page_has(&scene.page, scene.id) &&
	       page_has(&scene.page, "\"completed\""),
	   "the session's tasks are listed");
	scene_ask(&scene, "tasks/cancel", "");
	ok(scene_has(&scene, "\"code\":-32602") && scene_is_spared(&scene),
	   "what has ended is not cancelled");
	scene_end(&scene);
}

static void with_an_error(void)
{
	struct scene scene;

	begin(&scene);
	ok(call(&scene), "a task");
	scene_ask(&scene, "tasks/result", "");
	ok(scene_answers(&scene, "tasks/get",
			 IS("failed") ",\"error\":{\"code\":-32021,\"message\":\"no\"}") &&
	       scene_has(&scene, "\"id\":7,\"error\":{\"code\":-32600,\"message\":\"no\"}"),
	   "that fails");
	scene_end(&scene);
}

static void asked(void)
{
	struct scene scene;

	begin(&scene);
	ok(call(&scene), "a task");
	scene_ask(&scene, "tasks/result", "");
	ok(scene_answers(&scene, "tasks/get",
			 IS("input_required") ",\"inputRequests\":{\"k\":{\"method\":\"elicitation/create\","
					      "\"params\":{" FORM "}}}"),
	   "that wants to know something");
	TURN_UNTIL(&worker.loop, scene.page.sent);
	ok(page_has(&scene.page, "\"method\":\"elicitation/create\"") &&
	       page_has(&scene.page, "related-task") && page_has(&scene.page, scene.id) &&
	       scene.page.finals == 0,
	   "asks the client, and says of which task");
	client_says(
	    scene.client,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"action\":\"accept\",\"content\":{\"n\":\"Ann\"}}}",
	    asked_id(&scene.page, 1));
	ok(scene_answers(
	       &scene,
	       "\"tasks/update\",\"params\":{\"taskId\":\"own-1\",\"inputResponses\":{\"k\":{\"action\":"
	       "\"accept\",\"content\":{\"n\":\"Ann\"}}}",
	       "\"resultType\":\"complete\""),
	   "and brings the answer");
	turn_a_while(&worker.loop);
	scene_waits(&scene);
	ok(scene_answers(&scene, "tasks/get", IS("completed") ",\"result\":{\"content\":[]}") &&
	       scene_has(&scene, "\"content\":[]"),
	   "and it goes on to its end");
	scene_end(&scene);
}

static void cancelled(void)
{
	struct scene scene;

	begin(&scene);
	ok(call(&scene), "a task");
	scene_ask(&scene, "tasks/cancel", "");
	ok(scene_answers(&scene, "tasks/cancel", "\"resultType\":\"complete\"") &&
	       scene_answers(&scene, "tasks/get", IS("cancelled")) && scene_has(&scene, "\"cancelled\""),
	   "that is cancelled");
	scene_ask(&scene, "tasks/result", "");
	ok(scene_answers(&scene, "tasks/get", IS("cancelled")) && scene_has(&scene, "\"error\""),
	   "has no result");
	scene_end(&scene);
}

/* The server did not make a task of it: it is one that has ended. */
static void at_once(void)
{
	struct scene scene;

	begin(&scene);
	page_ask(scene.client, &scene.page, CALL);
	ok(scene_answers(&scene, "tools/call",
			 "\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"now\"}]") &&
	       scene_named(&scene) && page_has(&scene.page, "\"completed\"") &&
	       page_has(&scene.page, "\"ttl\":5000") && !page_has(&scene.page, "now"),
	   "a call that ends at once is a task");
	scene_ask(&scene, "tasks/get", "");
	ok(scene_has(&scene, "\"completed\""), "that has ended");
	scene_ask(&scene, "tasks/cancel", "");
	ok(scene_has(&scene, "\"code\":-32602"), "and is not cancelled");
	for (unsigned i = 0; i < 2; i++) {
		scene_ask(&scene, "tasks/result", "");
		ok(scene_has(&scene, "\"text\":\"now\"") && page_has(&scene.page, scene.id) &&
		       page_has(&scene.page, "related-task"),
		   "its result is kept");
	}
	ok(scene_is_spared(&scene), "at the gate");
	tasks_tick(scene.client, loop_now(&worker.loop) + 6000);
	scene_ask(&scene, "tasks/result", "");
	ok(scene_has(&scene, "\"code\":-32602"), "for its time");
	scene_end(&scene);
}

/* A server that answers with a task nobody wanted. */
static void unwished(void)
{
	struct scene scene;

	begin(&scene);
	page_ask(scene.client, &scene.page, PLAIN);
	ok(scene_answers(&scene, "tools/call", NEW), "a task nobody wanted");
	turn_a_while(&worker.loop);
	ok(scene.page.finals == 0, "is not given to the client");
	scene_waits(&scene);
	ok(scene_answers(&scene, "tasks/get", IS("completed") ",\"result\":{\"content\":[]}") &&
	       scene_has(&scene, "\"id\":1,\"result\":{\"content\":[]}"),
	   "but what it ends with");
	page_ask(scene.client, &scene.page, PLAIN);
	ok(scene_answers(&scene, "tools/call", NEW), "another");
	turn_a_while(&worker.loop);
	client_says(
	    scene.client,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
	ok(rig_hear_of(&scene.peer, "\"tasks/cancel\"").n, "is cancelled with its call");
	scene_end(&scene);
}

static void told(void)
{
	struct scene scene;
	struct span line;

	begin(&scene);
	ok(call(&scene), "a task");
	line = rig_hear_of(&scene.peer, "\"taskIds\":[\"own-1\"]");
	ok(span_contains(line, S("subscriptions/listen")) && span_contains(line, S(TASK_EXTENSION)),
	   "is listened to: %.*s", SPAN_ARG(line));
	rig_say(&scene.peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks\",\"params\":{" IS(
		    "input_required") ",\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%u}}}",
		rig_id(line));
	TURN_UNTIL(&worker.loop, scene.client->n_parked);
	line = buf_span(&scene.client->parked);
	ok(span_contains(line, S("\"notifications/tasks/status\",\"params\":{\"taskId\":\"")) &&
	       span_contains(line, span_str(scene.id)) && span_contains(line, S("\"input_required\"")) &&
	       !span_contains(line, S("own-1")),
	   "and the client hears how it is: %.*s", SPAN_ARG(line));
	scene_end(&scene);
}

static void lost(void)
{
	struct scene scene;

	begin(&scene);
	ok(call(&scene), "a task");
	rig_end(&scene.peer);
	TURN_UNTIL(&worker.loop, !attachment_in(scene.client)->link);
	page_ask(scene.client, &scene.page, REQUEST("2", "tasks/list", ""));
	ok(rig_greet(&scene.peer, MODERN_TASKS) && scene_has(&scene, "\"failed\"") &&
	       page_has(&scene.page, "The server has ended"),
	   "ends with its server");
	scene_ask(&scene, "tasks/result", "");
	ok(scene_has(&scene, "\"K702\""), "and has no result");
	scene_end(&scene);
}

/* --- all servers together --- */

static void joint_legacy(void)
{
	struct scene scene;

	scene_begin(&scene, ERA_LEGACY, ERA_LEGACY, true, LEGACY_TASKS, "");
	page_ask(scene.client, &scene.page, JOINT);
	ok(scene_answers(&scene, "\"task\":{\"ttl\":5000}",
			 "\"task\":{\"taskId\":\"own-1\",\"status\":\"working\"," TIMES ",\"ttl\":5000}") &&
	       scene_named(&scene) && !page_has(&scene.page, "own-1"),
	   "a task of one of all servers");
	scene_ask(&scene, "tasks/get", "");
	ok(scene_answers(&scene, "\"tasks/get\",\"params\":{\"taskId\":\"own-1\"}",
			 "\"taskId\":\"own-1\",\"status\":\"input_required\"," TIMES ",\"ttl\":5000") &&
	       scene_has(&scene, scene.id) && !page_has(&scene.page, "own-1"),
	   "is found at its server");
	scene_ask(&scene, "tasks/result", "");
	ok(rig_hear_of(&scene.peer, "tasks/result").n, "asked for its result");
	rig_say(&scene.peer, SERVER_ASKS("q", "elicitation/create", FORM "," RELATED("own-1")));
	TURN_UNTIL(&worker.loop, scene.page.sent);
	ok(page_has(&scene.page, "elicitation/create") && page_has(&scene.page, scene.id) &&
	       !page_has(&scene.page, "own-1"),
	   "it asks of itself");
	page_ask(scene.client, &scene.page, REQUEST("2", "tasks/list", ""));
	ok(scene_has(&scene, scene.id), "and is listed");
	scene_ask(&scene, "tasks/result", "");
	ok(scene_answers(&scene, "tasks/result",
			 "\"content\":[{\"type\":\"resource_link\",\"uri\":\"l://1\",\"name\":\"n\"}]") &&
	       scene_has(&scene, "l://1") && uri_set_has(&attachment_in(scene.client)->learnt, S("l://1")),
	   "a link in what it ended with is its server's");
	scene_end(&scene);
}

#define LINK "{\"type\":\"resource_link\",\"uri\":\"l://1\",\"name\":\"n\"}"

static void joint_modern(void)
{
	struct scene scene;

	scene_begin(&scene, ERA_MODERN, ERA_MODERN, true, MODERN_TASKS, "");
	page_ask(scene.client, &scene.page, JOINT_MODERN);
	ok(scene_answers(&scene, TASK_EXTENSION, NEW) && scene_named(&scene) &&
	       !page_has(&scene.page, "own-1"),
	   "a modern client's task of one of all servers");
	scene_ask(&scene, "tasks/get", "," META);
	ok(scene_has(&scene, "\"code\":-32021"), "is not for who does not declare the extension");
	scene_ask(&scene, "tasks/get", "," TAKES);
	ok(scene_answers(&scene, "\"taskId\":\"own-1\"",
			 IS("completed") ",\"result\":{\"content\":[" LINK "]}") &&
	       scene_has(&scene, "\"result\":{\"content\":[" LINK "]}") && page_has(&scene.page, scene.id) &&
	       !page_has(&scene.page, "own-1"),
	   "is found at its server");
	ok(uri_set_has(&attachment_in(scene.client)->learnt, S("l://1")), "whose is what it links to");
	scene_end(&scene);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	refused();
	wished();
	to_its_end();
	with_an_error();
	asked();
	cancelled();
	at_once();
	unwished();
	told();
	lost();
	joint_legacy();
	joint_modern();
	rig_stop();
	return tap_done();
}
