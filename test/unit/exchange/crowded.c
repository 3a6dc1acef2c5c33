/* crowded.c - a connection that the gate has no room for: its client hears which limit, others nothing. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "remote.h"

#include "exchange/account.h"

#define CALL REQUEST("1", "tools/call", "\"name\":\"t\"," META)
#define LEGACY_GREETING                                                                                          \
	"{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"%0*d\"," \
	"\"version\":\"1\"}}"
enum { LONG = 200000, SESSIONS = 8 };

static struct buf got = { .max = (size_t)4 << 20 };

static void spare(struct server *server)
{
	struct common_view view = common_view(server_common(server), loop_now(&worker.loop));

	ok(!view.vain && !view.reason && !server->failed && !server->last_failure[0],
	   "and nothing of it is held against the server: %s", server->last_failure);
}

static bool is_refused(const struct heard *heard, const char *limit)
{
	return heard->finals == 1 && heard->status == 429 && rig_heard(heard, "\"K801\"") &&
	       rig_heard(heard, limit);
}

/* One token has as many event streams as it may. */
static void streams(void)
{
	struct server *server = remote_server("files", ERA_LEGACY, WIRE_SSE, 4);
	struct client *clients[SESSIONS], *other;
	struct heard heard[SESSIONS] = { 0 }, others = { 0 };

	for (size_t i = 0; i < SESSIONS; i++) {
		clients[i] = rig_client(ERA_LEGACY, server, "mcp");
		rig_ask(clients[i], &heard[i], CALL);
	}
	TURN_UNTIL(&worker.loop, heard[SESSIONS - 1].finals);
	ok(!heard[0].finals && !heard[1].finals, "one token may have half of the streams");
	for (size_t i = 2; i < SESSIONS; i++)
		ok(is_refused(&heard[i], "too many event streams"), "%zu: it hears that it has too many", i);
	spare(server);
	rig_ask(clients[2], &heard[2], CALL);
	TURN_UNTIL(&worker.loop, heard[2].finals);
	ok(is_refused(&heard[2], "too many event streams"), "asked again and again, it hears the same");
	other = rig_client_of("token:t-2", ERA_LEGACY, server, "mcp");
	rig_ask(other, &others, CALL);
	for (int i = 0; i < 3; i++)
		(void)remote_hear(&got);
	ok(!others.finals && span_starts(buf_span(&got), S("GET /mcp ")), "another token has its stream");
	other = rig_leave(other);
	for (size_t i = 0; i < SESSIONS; i++) {
		clients[i] = rig_leave(clients[i]);
		buf_release(&heard[i].last);
	}
	buf_release(&others.last);
	worker_drop_server(&worker, server);
	while (remote_hear(&got) >= 0)
		;
}

/* Whoever asks next is tried for. */
static void others_go_on(struct server *server)
{
	struct client *other = rig_client_of("token:t-2", ERA_LEGACY, server, "mcp");
	struct heard heard = { 0 };

	rig_ask(other, &heard, CALL);
	turn_a_while(&worker.loop);
	ok(!heard.finals, "another token is not kept out");
	other = rig_leave(other);
	while (remote_hear(&got) >= 0)
		;
	buf_release(&heard.last);
}

static void for_nobody_else(struct server *server)
{
	spare(server);
	others_go_on(server);
	worker_drop_server(&worker, server);
}

/* The greeting is more than the token may hold now. */
static void greeting(void)
{
	struct server *server = remote_server("files", ERA_LEGACY, WIRE_STREAMABLE, 4);

	for (int i = 0; i < 4; i++) {
		struct client *client = rig_client(ERA_LEGACY, server, "mcp");
		struct budget *held = &client->account->held;
		struct heard heard = { 0 };
		size_t max = held->max;

		rig_ask(client, &heard, CALL);
		held->max = held->used + 10;
		TURN_UNTIL(&worker.loop, heard.finals);
		ok(is_refused(&heard, "`limits.memory`"), "%d: no room for the greeting: its client hears it",
		   i);
		held->max = max;
		client = rig_leave(client);
		buf_release(&heard.last);
	}
	for_nobody_else(server);
}

/* What the server answers to it is. */
static void answer_over_http(void)
{
	static char text[LONG + 1024];
	struct server *server = remote_server("files", ERA_LEGACY, WIRE_STREAMABLE, 4);

	(void)snprintf(text, sizeof(text), LEGACY_GREETING, (int)LONG, 7);
	for (int i = 0; i < 4; i++) {
		struct client *client = rig_client(ERA_LEGACY, server, "mcp");
		struct budget *held = &client->account->held;
		struct heard heard = { 0 };
		size_t max = held->max;
		int fd;

		rig_ask(client, &heard, CALL);
		fd = remote_hear(&got);
		held->max = held->used + (i % 2 ? LONG + LONG / 2 : 10);
		remote_answer(fd, &got, text);
		TURN_UNTIL(&worker.loop, heard.finals);
		ok(is_refused(&heard, "`limits.memory`"), "%d: no room for its answer: its client hears it",
		   i);
		held->max = max;
		client = rig_leave(client);
		buf_release(&heard.last);
	}
	for_nobody_else(server);
}

static void answer_over_pipe(void)
{
	struct server *server = server_of("files", ERA_LEGACY);

	for (int i = 0; i < 4; i++) {
		struct client *client = rig_client(ERA_LEGACY, server, "mcp");
		struct budget *held = &client->account->held;
		struct heard heard = { 0 };
		size_t max = held->max;
		struct peer peer;

		rig_ask(client, &heard, CALL);
		(void)rig_launch(&peer);
		(void)rig_hear_of(&peer, "initialize");
		held->max = held->used + 10;
		(void)!write(peer.out, "{\"jsonrpc\":", 11);
		turn_a_while(&worker.loop);
		rig_say(&peer, "\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"%0*d\"}}", 60000, 7);
		TURN_UNTIL(&worker.loop, heard.finals);
		ok(is_refused(&heard, "`limits.memory`"), "%d: a program's, too", i);
		held->max = max;
		client = rig_leave(client);
		rig_end(&peer);
		buf_release(&heard.last);
	}
	for_nobody_else(server);
}

/* A connection that stands: one request more than may wait for it. */
static void too_many_wait(void)
{
	enum { CALLS = 6 };
	const struct http_limits limits = {
		.head_bytes = 4096, .header_line = 1024, .headers = 20, .url = 200, .body_bytes = 4 << 20
	};
	struct server *server = remote_server("files", ERA_MODERN, WIRE_STREAMABLE, 4);
	struct client *client = client_of(ERA_MODERN, server);
	struct page up = { 0 };
	struct heard heard[CALLS] = { 0 };
	int fd;

	page_ask(client, &up, REQUEST("1", "tools/list", META));
	fd = remote_hear(&got);
	remote_answer(fd, &got, "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}}}");
	fd = remote_hear(&got);
	remote_answer(fd, &got, "{\"tools\":[{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\"}}]}");
	TURN_UNTIL(&worker.loop, up.finals);
	http_pool_set_limits(server->pool, &limits, 2);
	for (size_t i = 0; i < CALLS; i++)
		rig_ask(client, &heard[i], CALL);
	TURN_UNTIL(&worker.loop, heard[CALLS - 1].finals);
	for (size_t i = 0; i + 1 < CALLS; i++)
		ok(!heard[i].finals, "# %zu: sent, or next to be", i);
	ok(is_refused(&heard[CALLS - 1], "too many requests wait") &&
	       rig_heard(&heard[CALLS - 1], "It was not sent"),
	   "one request too many: its client hears that it was not sent");
	spare(server);
	client = rig_leave(client);
	for (size_t i = 0; i < CALLS; i++)
		buf_release(&heard[i].last);
	buf_release(&up.all);
	worker_drop_server(&worker, server);
}

int main(void)
{
	if (!ok(rig_start() && remote_start(), "a worker"))
		return tap_done();
	streams();
	greeting();
	answer_over_http();
	answer_over_pipe();
	too_many_wait();
	buf_release(&got);
	remote_stop();
	rig_stop();
	return tap_done();
}
