/* task_own.c - at a server to which all are one, whoever names another's task hears that there is none. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tasks.h"

#include "exchange/account.h"

#define CALL REQUEST("1", "tools/call", "\"name\":\"t\",\"task\":{\"ttl\":5000}")
#define TASK(id) "{\"taskId\":\"" id "\",\"status\":\"working\"," TIMES ",\"ttl\":60000}"
#define LISTING "{\"tools\":{},\"tasks\":{\"list\":{},\"cancel\":{},\"requests\":{\"tools\":{\"call\":{}}}}}"

/* Two principals at one server, each over a connection of its own, and both with a task there. */
static struct scene alice, bob;

static void bring(struct scene *scene, const char *principal, struct server *server)
{
	*scene = (struct scene){ .server = server,
				 .client = rig_client_of(principal, ERA_LEGACY, server, "mcp") };
	page_ask(scene->client, &scene->page, REQUEST("\"up\"", "tools/list", ""));
	if (!rig_greet(&scene->peer, LISTING))
		abort();
	rig_say(&scene->peer,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{"
		"\"type\":\"object\"},\"execution\":{\"taskSupport\":\"optional\"}}]}}",
		rig_id(rig_hear_of(&scene->peer, "tools/list")));
	TURN_UNTIL(&worker.loop, scene->page.finals);
}

static void give_task(struct scene *scene, const char *task, const char *id)
{
	page_ask(scene->client, &scene->page, CALL);
	ok(scene_answers(scene, "tools/call", task) && scene_has(scene, id), "# a task, %s", id);
	(void)span_to_cstr(span_str(id), scene->id, sizeof(scene->id));
}

/* `kind`: how the server is taken to be reached once both are connected. */
static struct server *begin(enum server_kind kind)
{
	struct server *server = server_of("files", ERA_LEGACY);

	bring(&alice, "token:alice", server);
	bring(&bob, "token:bob", server);
	server->kind = kind;
	give_task(&alice, "\"task\":" TASK("task-a"), "task-a");
	give_task(&bob, "\"task\":" TASK("task-b"), "task-b");
	return server;
}

static void end(struct server *server)
{
	server->kind = SERVER_STDIO;
	accounts_tick(&worker, UINT64_MAX);
	alice.client = rig_leave(alice.client);
	bob.client = rig_leave(bob.client);
	rig_end(&alice.peer);
	rig_end(&bob.peer);
	worker_drop_server(&worker, server);
	buf_release(&alice.page.all);
	buf_release(&bob.page.all);
	is_int(worker.held.used, 0, "# nothing is held any more");
}

static void not_anothers(void)
{
	static const char *const methods[] = { "tasks/get", "tasks/result", "tasks/cancel" };
	struct server *server = begin(SERVER_UNIX);

	(void)span_to_cstr(S("task-a"), bob.id, sizeof(bob.id));
	for (size_t i = 0; i < COUNT(methods); i++) {
		scene_ask(&bob, methods[i], "");
		ok(scene_has(&bob, "\"code\":-32602") && scene_has(&bob, "Unknown task") &&
		       scene_is_spared(&bob),
		   "%s: another's is unknown, and the server hears nothing", methods[i]);
	}
	(void)span_to_cstr(S("task-c"), bob.id, sizeof(bob.id));
	scene_ask(&bob, "tasks/get", "");
	ok(scene_has(&bob, "Unknown task") && scene_is_spared(&bob), "as is one that nobody has");
	page_ask(bob.client, &bob.page, REQUEST("3", "tasks/list", ""));
	ok(scene_answers(&bob, "tasks/list",
			 "\"tasks\":[" TASK("task-a") "," TASK("task-b") ",7],\"nextCursor\":\"c\"") &&
	       scene_has(&bob, "\"tasks\":[{\"taskId\":\"task-b\"") && !page_has(&bob.page, "task-a") &&
	       page_has(&bob.page, "\"nextCursor\":\"c\""),
	   "a list has his own, and nothing else");
	end(server);
}

static unsigned told;

static bool hear(struct outlet *outlet, struct span message)
{
	(void)outlet;
	told += span_contains(message, S("task-a")) ? 100 : span_contains(message, S("task-b"));
	return true;
}

static void deaf(struct outlet *outlet)
{
	(void)outlet;
}

static void not_told(void)
{
	struct server *server = begin(SERVER_UNIX);
	struct outlet outlet = { .send = hear, .close = deaf };

	client_set_outlet(bob.client, &outlet);
	told = 0;
	rig_say(&bob.peer, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks/status\",\"params\":" TASK(
			       "task-a") "}");
	turn_a_while(&worker.loop);
	is_int(told, 0, "how another's is, he is not told");
	rig_say(&bob.peer, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks/status\",\"params\":" TASK(
			       "task-b") "}");
	turn_a_while(&worker.loop);
	is_int(told, 1, "how his own is, he is");
	bob.client->outlet = NULL;
	end(server);
}

/* In whatever session of his: it is the principal's. */
static void his_own(void)
{
	struct server *server = begin(SERVER_UNIX);
	struct scene again;

	scene_ask(&alice, "tasks/get", "");
	ok(scene_answers(&alice, "\"taskId\":\"task-a\"", "\"taskId\":\"task-a\",\"status\":\"working\"") &&
	       scene_has(&alice, "\"working\""),
	   "whose it is asks for it, under the name that the server gave it");
	server->kind = SERVER_STDIO;
	bring(&again, "token:alice", server);
	server->kind = SERVER_UNIX;
	(void)span_to_cstr(S("task-a"), again.id, sizeof(again.id));
	alice.client = rig_leave(alice.client);
	scene_ask(&again, "tasks/result", "");
	ok(scene_answers(&again, "\"taskId\":\"task-a\"", "\"content\":[]") &&
	       scene_has(&again, "\"content\":[]"),
	   "and in another session");
	rig_end(&alice.peer);
	buf_release(&alice.page.all);
	alice = again;
	accounts_tick(&worker, loop_now(&worker.loop) + 61000);
	scene_ask(&alice, "tasks/get", "");
	ok(scene_has(&alice, "Unknown task"), "until its time is over");
	end(server);
}

/* A client's own process knows nobody else: there all passes. */
static void own_process(void)
{
	struct server *server = begin(SERVER_STDIO);

	(void)span_to_cstr(S("task-x"), bob.id, sizeof(bob.id));
	scene_ask(&bob, "tasks/get", "");
	ok(scene_answers(&bob, "\"taskId\":\"task-x\"", "\"taskId\":\"task-x\",\"status\":\"working\"") &&
	       scene_has(&bob, "\"working\""),
	   "a process of a client's own is asked for whatever it likes");
	end(server);
}

static void no_room(void)
{
	struct server *server = begin(SERVER_UNIX);

	page_ask(bob.client, &bob.page, CALL);
	bob.client->account->held.max = bob.client->account->held.used;
	ok(scene_answers(&bob, "tools/call", "\"task\":" TASK("task-d")) && scene_has(&bob, "\"K801\"") &&
	       rig_hear_of(&bob.peer, "tasks/cancel").n,
	   "one that cannot be noted is refused, and cancelled at the server");
	end(server);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	not_anothers();
	not_told();
	his_own();
	own_process();
	no_room();
	rig_stop();
	return tap_done();
}
