/* processes.c - how many server processes one principal may have, and when one no longer counts. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#define CALL "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"}}"
#define INITIALIZE                                                                                           \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"           \
	"\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}}"

static uint64_t instance_of(const struct client *client)
{
	return LIST_ENTRY(client->attachments.next, struct attachment, node)->instance;
}

static bool refused(const struct heard *heard, const char *many)
{
	return heard->finals == 1 && heard->status == 429 && rig_heard(heard, "\"K801\"") &&
	       rig_heard(heard, many) && rig_starts_nothing();
}

static struct client *stranger(struct server *server)
{
	struct principal *principal = principal_new(S("token:t-2"), S("other"), S("mcp"), 0);
	struct err err = ERR_INIT;
	struct client *client = client_new(&worker, principal, CLIENT_SESSION, ERA_LEGACY, server, &err);

	(void)principal_unref(principal);
	if (!client)
		abort();
	client->revision = REVISION_2025_11_25;
	buf_add(&client->hello, S("{}"));
	return client;
}

static void one_after_another(void)
{
	struct server *server = rig_server("files");
	struct client *clients[3], *other = stranger(server);
	struct heard heard[3] = { 0 }, theirs = { 0 };
	struct peer peers[2], peer;
	uint64_t first, before;

	worker.limits.processes_per_principal = 2;
	for (int i = 0; i < 3; i++)
		clients[i] = rig_client(ERA_LEGACY, server, "mcp");
	rig_ask(clients[2], &heard[2], CALL);
	ok(rig_launch(NULL), "a program that cannot be started");
	TURN_UNTIL(&worker.loop, heard[2].finals);
	ok(rig_heard(&heard[2], "\"K701\"") && list_empty(&worker.processes), "is no process");
	for (int i = 0; i < 2; i++) {
		rig_ask(clients[i], &heard[i], CALL);
		ok(rig_greet(&peers[i], "{\"tools\":{}}"), "process %d", i + 1);
	}
	rig_ask(clients[2], &heard[2], CALL);
	ok(refused(&heard[2], "you have 2 server processes"), "a third one is refused: %.*s",
	   SPAN_ARG(buf_span(&heard[2].last)));
	rig_ask(other, &theirs, CALL);
	ok(rig_greet(&peer, "{\"tools\":{}}"), "another principal has his own count");
	first = instance_of(clients[0]);
	clients[0] = rig_leave(clients[0]);
	rig_ask(clients[2], &heard[2], CALL);
	ok(refused(&heard[2], "you have 2 server processes"),
	   "a session that ends has its process until that has ended");
	processes_remove(&worker, first);
	rig_ask(clients[2], &heard[2], CALL);
	rig_end(&peers[0]);
	ok(rig_greet(&peers[0], "{\"tools\":{}}"), "then there is room for another");
	before = loop_now(&worker.loop);
	clients[1] = rig_leave(clients[1]);
	clients[2] = rig_leave(clients[2]);
	is_int(worker.processes.next == &worker.processes, false, "# some are still counted");
	processes_tick(&worker, before + PROCESSES_END_MS);
	is_int(processes_of(&worker, other->principal), 1, "what runs is counted however long it does");
	clients[0] = rig_client(ERA_LEGACY, server, "mcp");
	is_int(processes_of(&worker, clients[0]->principal), 2,
	       "what was asked to end is counted for a while");
	processes_tick(&worker, loop_now(&worker.loop) + PROCESSES_END_MS + 1);
	is_int(processes_of(&worker, clients[0]->principal), 0, "and then it has been killed");
	is_int(processes_of(&worker, other->principal), 1, "# the other's still runs");
	processes_clear(&worker);
	is_int(processes_of(&worker, other->principal), 0, "with the launcher they all end");
	clients[0] = rig_leave(clients[0]);
	other = rig_leave(other);
	for (int i = 0; i < 3; i++)
		buf_release(&heard[i].last);
	buf_release(&theirs.last);
	rig_end(&peers[0]);
	rig_end(&peers[1]);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	processes_clear(&worker);
}

/* Nobody is left to think that there are fewer servers than there are. */
static void all_together(void)
{
	struct server *one = rig_server("one"), *two = rig_server("two");
	struct heard heard = { 0 };
	struct client *client;
	struct peer peers[2];

	worker.limits.processes_per_principal = 1;
	client = rig_client(ERA_LEGACY, NULL, "mcp");
	rig_ask(client, &heard, INITIALIZE);
	ok(heard.finals == 1 && heard.status == 429 && rig_heard(&heard, "\"K801\""),
	   "not all servers can be started: refused");
	client = rig_leave(client);
	processes_clear(&worker);
	worker.limits.processes_per_principal = 2;
	client = rig_client(ERA_LEGACY, NULL, "mcp");
	rig_ask(client, &heard, INITIALIZE);
	ok(rig_greet(&peers[0], "{\"tools\":{}}") && rig_greet(&peers[1], "{\"tools\":{}}"), "both can");
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(heard.status == 200 && rig_heard(&heard, "\"result\""), "and the session is there");
	client = rig_leave(client);
	worker.limits = limits_default;
	for (int i = 0; i < 2; i++)
		rig_end(&peers[i]);
	worker_drop_server(&worker, one);
	worker_drop_server(&worker, two);
	processes_clear(&worker);
	buf_release(&heard.last);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	one_after_another();
	all_together();
	rig_stop();
	return tap_done();
}
