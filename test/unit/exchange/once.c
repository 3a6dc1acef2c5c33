/* once.c - a kept connection breaks after a request was sent on it: only what reads is sent again. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "remote.h"
#include "tasks.h"

#include "exchange/account.h"

#define OFFERS                                                                                               \
	"{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":"   \
	"{},\"completions\":{},\"extensions\":{" TASK_EXTENSION "}}}"
#define A_TASK                                                                                               \
	"{\"resultType\":\"task\",\"taskId\":\"task-a\",\"status\":\"input_required\"," TIMES                \
	",\"ttlMs\":60000}"
#define OF_TASK(method) REQUEST("7", method, "\"taskId\":\"task-a\"," TAKES)

static struct buf got = { .max = (size_t)4 << 20 };

static struct client *begin(struct server **server)
{
	struct page page = { 0 };
	struct client *client;
	int fd;

	*server = remote_server("files", ERA_MODERN, WIRE_STREAMABLE, 1);
	client = client_of(ERA_MODERN, *server);
	page_ask(client, &page, REQUEST("1", "tools/call", "\"name\":\"t\"," TAKES));
	fd = remote_hear(&got);
	remote_answer(fd, &got, OFFERS);
	fd = remote_hear(&got);
	remote_answer(fd, &got, "{\"tools\":[{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\"}}]}");
	fd = remote_hear(&got);
	remote_answer(fd, &got, A_TASK);
	TURN_UNTIL(&worker.loop, page.finals);
	ok(page_has(&page, "task-a"), "# a task was given: %.*s", SPAN_ARG(buf_span(&page.all)));
	buf_release(&page.all);
	return client;
}

static void end(struct client *client, struct server *server)
{
	accounts_tick(&worker, UINT64_MAX);
	client = rig_leave(client);
	worker_drop_server(&worker, server);
	turn_a_while(&worker.loop);
}

static const struct {
	const char *method, *text;
	bool again;
} cases[] = {
	{ "tasks/update", OF_TASK("tasks/update"), false },
	{ "tasks/cancel", OF_TASK("tasks/cancel"), false },
	{ "tools/call", REQUEST("7", "tools/call", "\"name\":\"t\"," TAKES), false },
	{ "tasks/get", OF_TASK("tasks/get"), true },
	{ "completion/complete",
	  REQUEST("7", "completion/complete",
		  "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"p\"},\"argument\":{\"name\":\"a\",\"value\":"
		  "\"b\"}," TAKES),
	  true },
};

static void breaks(size_t i)
{
	struct server *server;
	struct client *client = begin(&server);
	struct page page = { 0 };
	int fd;

	page_ask(client, &page, cases[i].text);
	fd = remote_hear(&got);
	ok(fd >= 0 && span_contains(buf_span(&got), span_str(cases[i].method)), "# %s was sent",
	   cases[i].method);
	remote_break(fd);
	fd = remote_hear(&got);
	is_int(fd >= 0, cases[i].again, "%s is %ssent again", cases[i].method, cases[i].again ? "" : "not ");
	if (fd >= 0)
		remote_break(fd);
	TURN_UNTIL(&worker.loop, page.finals);
	ok(page.finals == 1 && page_has(&page, "\"K702\"") && page_has(&page, "unknown whether"),
	   "and its client hears that it is lost");
	buf_release(&page.all);
	end(client, server);
}

int main(void)
{
	if (!ok(rig_start() && remote_start(), "a worker"))
		return tap_done();
	for (size_t i = 0; i < COUNT(cases); i++)
		breaks(i);
	buf_release(&got);
	remote_stop();
	rig_stop();
	return tap_done();
}
