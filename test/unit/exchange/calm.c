/* calm.c - sessions in which nothing goes on are not looked at in every tick; what begins there is. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"
#include "words.h"

enum { SOON_MS = 1000, LATER_MS = 60 * 1000 };

static bool tell(struct outlet *outlet, struct span message)
{
	(void)outlet;
	(void)message;
	return true;
}

static void close_outlet(struct outlet *outlet)
{
	(void)outlet;
}

/* As a tick would find it then. */
static bool is_calm_at(struct client *client, uint64_t now_ms)
{
	client_tick(client, now_ms);
	return client_is_calm(client, now_ms + 1);
}

static void nothing_goes_on(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	struct heard heard = { 0 };
	struct outlet outlet = { .send = tell, .close = close_outlet };
	struct peer peer;
	uint64_t later;

	ok(!is_calm_at(client, client->used_ms + SOON_MS), "a session that was just used is looked at");
	later = client->used_ms + LATER_MS;
	ok(is_calm_at(client, later), "one that rests is left alone");
	ok(!client_is_calm(client, later + LATER_MS), "but not for ever");
	client_set_outlet(client, &outlet);
	ok(!client_is_calm(client, later + 1), "whoever listens is looked at");
	client_set_outlet(client, NULL);
	ok(client_is_calm(client, later + 1), "and left alone again");
	rig_ask(client, &heard, REQUEST("1", "resources/read", "\"uri\":\"x://a\""));
	ok(!client_is_calm(client, later + 1), "a request is looked at");
	(void)rig_greet(&peer, "{\"resources\":{}}");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"contents\":[]}}",
		rig_id(rig_hear_of(&peer, "resources/read")));
	TURN_UNTIL(&worker.loop, heard.finals);
	later = client->used_ms + LATER_MS;
	ok(heard.finals == 1 && is_calm_at(client, later), "its answer is the end of that");
	server->idle_ms = LATER_MS * 10;
	ok(!is_calm_at(client, later), "a program that may have to end is looked at");
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

static void ends_on_time(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	uint64_t end, limit = worker.limits.session_idle_ms;

	worker.limits.session_idle_ms = LATER_MS + SOON_MS;
	end = client->used_ms + worker.limits.session_idle_ms;
	ok(is_calm_at(client, client->used_ms + LATER_MS) && client_is_calm(client, end),
	   "until its idle time is over it is left alone");
	ok(!client_is_calm(client, end + 1), "and no longer");
	client_tick(client, end + 1);
	ok(client->closed, "then it ends");
	worker.limits.session_idle_ms = limit;
	(void)rig_leave(client);
	worker_drop_server(&worker, server);
}

int main(void)
{
	if (!rig_start())
		abort();
	nothing_goes_on();
	ends_on_time();
	rig_stop();
	return tap_done();
}
