/* tasks.h - what tests of tasks between the eras share: a scene, and what each side says. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eras.h"

#include "exchange/task.h"

#define TASK_EXTENSION "\"io.modelcontextprotocol/tasks\":{}"
#define TAKES                                                                                                \
	CLAIM("{\"sampling\":{},\"roots\":{},\"elicitation\":{\"form\":{}},\"extensions\":{" TASK_EXTENSION  \
	      "}}",                                                                                          \
	      "")
#define LEGACY_TASKS "{\"tools\":{},\"tasks\":{\"cancel\":{},\"requests\":{\"tools\":{\"call\":{}}}}}"
#define MODERN_TASKS "{\"tools\":{},\"extensions\":{" TASK_EXTENSION "}}"
#define TIMES "\"createdAt\":\"2026-11-21T07:34:19.255Z\",\"lastUpdatedAt\":\"2026-11-21T07:34:20Z\""
#define RELATED(id) "\"_meta\":{\"io.modelcontextprotocol/related-task\":{\"taskId\":\"" id "\"}}"

/* A client, and a server with a tool "t" that may become a task. */
struct scene {
	struct server *server;
	struct client *client;
	struct peer peer;
	struct page page;
	char id[64]; /* of the task, as the client knows it */
};

/* `execution` is the tool's; `joint`: the client is one of all servers together. */
__attribute__((unused)) static void scene_begin(struct scene *scene, enum era client, enum era server,
						bool joint, const char *capabilities, const char *execution)
{
	*scene = (struct scene){ .server = server_of("files", server) };
	scene->client = client_of(client, joint ? NULL : scene->server);
	page_ask(scene->client, &scene->page, REQUEST("\"up\"", "tools/list", TAKES));
	if (!rig_greet(&scene->peer, capabilities))
		abort();
	rig_say(&scene->peer,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{"
		"\"type\":\"object\"}%s}]}}",
		rig_id(rig_hear_of(&scene->peer, "tools/list")), execution);
	TURN_UNTIL(&worker.loop, scene->page.finals);
}

__attribute__((unused)) static void scene_end(struct scene *scene)
{
	scene->client = rig_leave(scene->client);
	rig_end(&scene->peer);
	worker_drop_server(&worker, scene->server);
	buf_release(&scene->page.all);
	is_int(worker.held.used, 0, "# nothing is held any more");
}

/* Asks; `rest` are further members of params. The task's own id stands for %s. */
__attribute__((unused)) static void scene_ask(struct scene *scene, const char *method, const char *rest)
{
	static char text[8192];

	(void)snprintf(text, sizeof(text),
		       "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":{\"taskId\":\"%s\"%s}}",
		       method, scene->id, rest);
	page_ask(scene->client, &scene->page, text);
}

/* Has the client got an answer with these words? All that it got is JSON. */
__attribute__((unused)) static bool scene_has(struct scene *scene, const char *part)
{
	struct json json = { 0 };
	struct span rest;

	TURN_UNTIL(&worker.loop, scene->page.finals);
	rest = buf_span(&scene->page.all);
	while (rest.n) {
		struct span line = span_cut(&rest, '\n');

		if (!ok(json_parse(&json, line, line.n), "# %.*s", SPAN_ARG(line)))
			break;
	}
	json_release(&json);
	return page_has(&scene->page, part);
}

/* Notes the id that the client was given. */
__attribute__((unused)) static bool scene_named(struct scene *scene)
{
	struct span all, key = S("\"taskId\":\"");

	TURN_UNTIL(&worker.loop, scene->page.finals);
	all = buf_span(&scene->page.all);
	for (size_t i = 0; i + key.n < all.n; i++) {
		struct span rest = span_skip(all, i);

		if (!span_starts(rest, key))
			continue;
		rest = span_skip(rest, key.n);
		return span_to_cstr(span_first(rest, span_find(rest, '"')), scene->id, sizeof(scene->id)) &&
		       strlen(scene->id) == 32;
	}
	return false;
}

/* The server hears a request with these words, and answers it. `more` is the result's inside. */
__attribute__((unused)) static bool scene_answers(struct scene *scene, const char *words, const char *more)
{
	struct span line = rig_hear_of(&scene->peer, words);

	if (!line.n)
		return false;
	rig_say(&scene->peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{%s}}", rig_id(line), more);
	return true;
}

/* Does the server hear of no task? What else it hears is passed over. */
__attribute__((unused)) static bool scene_is_spared(struct scene *scene)
{
	return !rig_hear_of(&scene->peer, "\"method\":\"tasks/").n;
}

/* As if the longest pause between two looks had passed. */
__attribute__((unused)) static void scene_waits(struct scene *scene)
{
	uint64_t later = loop_now(&worker.loop) + TASK_MOST_POLL_MS + 1;

	turn_a_while(&worker.loop);
	LIST_EACH(&scene->client->exchanges, node)
		exchange_tick(LIST_ENTRY(node, struct exchange, in_client), later);
}
