/* endpoint.c - where all servers stand together: what is served there, and what is not. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#define REQUEST(method, params)                                                                              \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "}}"
#define META(capabilities)                                                                                   \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                             \
	"\"io.modelcontextprotocol/clientCapabilities\":" capabilities "}"
#define EXTENDED "{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}"
#define TASKS "\"io.modelcontextprotocol/tasks\":{}"

/* Tasks that nobody has. */
static const struct {
	enum era era;
	const char *text;
} absent[] = {
	{ ERA_LEGACY, REQUEST("tasks/get", "\"taskId\":\"files__1\"") },
	{ ERA_LEGACY, REQUEST("tasks/result", "\"taskId\":\"files__1\"") },
	{ ERA_LEGACY, REQUEST("tasks/cancel", "\"taskId\":\"files__1\"") },
	{ ERA_MODERN, REQUEST("tasks/get", "\"taskId\":\"files__1\"," META(EXTENDED)) },
	{ ERA_MODERN, REQUEST("tasks/update", "\"taskId\":\"files__1\"," META(EXTENDED)) },
	{ ERA_MODERN, REQUEST("tasks/cancel", "\"taskId\":\"files__1\"," META(EXTENDED)) },
};

/* Who does not declare the extension has none to ask for. */
static void undeclared(void)
{
	struct client *client = rig_client(ERA_MODERN, NULL, "mcp");
	struct heard heard = { 0 };

	rig_ask(client, &heard, REQUEST("tasks/get", "\"taskId\":\"files__1\"," META("{}")));
	ok(heard.finals == 1 && heard.status == 400 && rig_heard(&heard, "\"code\":-32021") &&
	       rig_heard(&heard, "\"requiredCapabilities\":" EXTENDED),
	   "the extension is to be declared");
	client = rig_leave(client);
	buf_release(&heard.last);
}

static void refused(void)
{
	struct server *server = rig_server("files");

	for (size_t i = 0; i < COUNT(absent); i++) {
		struct client *client = rig_client(absent[i].era, NULL, "mcp");
		uint64_t denied = worker.metrics.denied;
		struct heard heard = { 0 };

		rig_ask(client, &heard, absent[i].text);
		ok(heard.finals == 1 && heard.status == 200 && rig_heard(&heard, "\"code\":-32602") &&
		       rig_heard(&heard, "Unknown task") && worker.metrics.denied == denied + 1 &&
		       rig_starts_nothing(),
		   "%u, and no server is started: %s", heard.status, absent[i].text);
		client = rig_leave(client);
		buf_release(&heard.last);
	}
	worker_drop_server(&worker, server);
}

/* One server alone is asked all of it. */
static void passed(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	struct heard heard = { 0 };
	struct peer peer;

	rig_ask(client, &heard, REQUEST("resources/read", "\"uri\":\"a__x://a\""));
	if (!ok(rig_greet(&peer, "{\"tools\":{},\"resources\":{}}"),
		"a server alone is started for its resources"))
		return;
	ok(span_contains(rig_hear_of(&peer, "resources/read"), S("\"uri\":\"a__x://a\"")),
	   "and reads the URI as it was written");
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

#define MODERN_CALL(name, extensions)                                                                        \
	REQUEST("tools/call", "\"name\":\"" name "\"," META("{\"extensions\":{" extensions "},\"roots\":{}}"))

/* A server that declares no tasks does not hear that one is wanted. */
static const struct {
	enum era era;
	bool alone;
	const char *sent, *heard;
} tasks[] = {
	{ ERA_LEGACY, false, REQUEST("tools/call", "\"name\":\"files__t\",\"task\":{\"ttl\":1000}"),
	  "\"params\":{\"name\":\"t\"}" },
	{ ERA_LEGACY, false, REQUEST("tools/call", "\"task\":null,\"name\":\"files__t\""),
	  "\"params\":{\"name\":\"t\"}" },
	{ ERA_LEGACY, true, REQUEST("tools/call", "\"name\":\"t\",\"task\":{\"ttl\":1000}"),
	  "\"params\":{\"name\":\"t\",\"task\":{\"ttl\":1000}}" },
	{ ERA_MODERN, false, MODERN_CALL("files__t", "\"a/b\":{}," TASKS ",\"c/d\":{}"),
	  "{\"extensions\":{\"a/b\":{},\"c/d\":{}},\"roots\":{}}" },
	{ ERA_MODERN, true, MODERN_CALL("t", TASKS), "{\"extensions\":{" TASKS "},\"roots\":{}}" },
};

static void no_tasks(void)
{
	struct server *server = rig_server("files");
	struct heard heard = { 0 };
	struct peer peer;

	for (size_t i = 0; i < COUNT(tasks); i++) {
		struct client *client = rig_client(tasks[i].era, tasks[i].alone ? server : NULL, "mcp");
		struct span line;

		rig_ask(client, &heard, tasks[i].sent);
		if (!ok(rig_greet(&peer, "{\"tools\":{}}"), "a server is started"))
			return;
		rig_say(
		    &peer,
		    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}]}}",
		    rig_id(rig_hear_of(&peer, "tools/list")));
		line = rig_hear_of(&peer, "tools/call");
		ok(span_contains(line, span_str(tasks[i].heard)), "tasks are %s: %.*s",
		   tasks[i].alone ? "left to one server alone" : "kept from it", SPAN_ARG(line));
		client = rig_leave(client);
		rig_end(&peer);
	}
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	undeclared();
	refused();
	passed();
	no_tasks();
	rig_stop();
	return tap_done();
}
