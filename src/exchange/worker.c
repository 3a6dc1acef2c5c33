/* worker.c - the process that meets the peers: its clock, its servers, its end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/worker.h"

#include "base/check.h"
#include "exchange/account.h"
#include "exchange/channel_host.h"
#include "exchange/client.h"
#include "exchange/event_stream.h"
#include "exchange/front_unix.h"
#include "exchange/processes.h"
#include "exchange/subscription.h"
#include "exchange/token_cache.h"
#include "http/client.h"
#include "http/server.h"
#include "upstream/house.h"

enum { WORKER_TICK_MS = 1000, WORKER_OUT_KEEP = 256 * 1024 };

struct server *worker_server(const struct worker *worker, struct span name)
{
	LIST_EACH(&worker->servers, node) {
		struct server *server = LIST_ENTRY(node, struct server, node);

		if (!server->removed && span_eq(server->name, name))
			return server;
	}
	return NULL;
}

const struct selection *worker_view(const struct worker *worker, struct span name)
{
	for (size_t i = 0; i < worker->views.n; i++)
		if (span_eq(worker->views.all[i].name, name))
			return &worker->views.all[i];
	return NULL;
}

static void tick_clients(struct worker *worker, uint64_t now)
{
	/* A client may end, and take others with it, while it is looked at: start over then. */
	for (struct list *node = worker->clients.next; node != &worker->clients;) {
		struct client *client = LIST_ENTRY(node, struct client, node);
		bool closed;

		if (client_is_calm(client, now)) {
			node = node->next;
			continue;
		}
		(void)client_ref(client);
		client_tick(client, now);
		closed = client->closed;
		node = closed ? worker->clients.next : node->next;
		(void)client_unref(client);
	}
}

static void tick_exchanges(struct worker *worker, uint64_t now)
{
	LIST_EACH(&worker->clients, node) {
		struct client *client = LIST_ENTRY(node, struct client, node);

		if (!client->n_exchanges)
			continue;
		LIST_EACH(&client->exchanges, entry)
			exchange_tick(LIST_ENTRY(entry, struct exchange, in_client), now);
	}
}

/* Is there a connection to a server that could grow old? */
static bool tick_pools(const struct worker *worker, uint64_t now)
{
	bool any = false;

	LIST_EACH(&worker->servers, node) {
		struct server *server = LIST_ENTRY(node, struct server, node);

		any |= server->pool && http_pool_tick(server->pool, now);
	}
	return any;
}

/* Nothing is timed that does not exist: an idle gate sleeps. */
static bool anything_to_time(const struct worker *worker)
{
	return worker->n_clients || worker->n_calls || !list_empty(&worker->streams) ||
	       !list_empty(&worker->processes) || !list_empty(&worker->channel_hosts) ||
	       (worker->http && http_server_connections(worker->http)) ||
	       (worker->metrics_http && http_server_connections(worker->metrics_http));
}

/* A session's standing stream is of no use any more: what its client posts reaches the other gate. */
static void end_standing(struct worker *worker)
{
	LIST_EACH(&worker->clients, node) {
		struct client *client = LIST_ENTRY(node, struct client, node);

		if (client->kind == CLIENT_SESSION && client->outlet && client->n_exchanges == 0)
			client->outlet->close(client->outlet);
	}
}

static size_t connections_of_all(const struct worker *worker)
{
	return (worker->http ? http_server_connections_of_all(worker->http) : 0) +
	       (worker->metrics_http ? http_server_connections_of_all(worker->metrics_http) : 0);
}

/* The first looks for all: a connection may be on its way from one to the other. */
static void look_whether_retired(struct worker *worker)
{
	const struct crew *crew = worker->crew;

	end_standing(worker);
	if (!worker->on_retired || crew->n_retired < crew->n || crew->n_calls || crew->n_channels ||
	    connections_of_all(worker))
		return;
	worker->on_retired(worker);
	worker->on_retired = NULL;
}

static void on_tick(uv_timer_t *timer)
{
	struct worker *worker = timer->data;
	uint64_t now = loop_now(&worker->loop);
	bool kept = tick_pools(worker, now);

	/* Clients first: whoever waits for a list that does not come hears that, not only that it is late. */
	tick_clients(worker, now);
	tick_exchanges(worker, now);
	processes_tick(worker, now);
	accounts_tick(worker, now);
	channel_hosts_tick(worker, now);
	LIST_EACH(&worker->streams, node)
		event_stream_tick(LIST_ENTRY(node, struct event_stream, node), now);
	if (worker->http)
		http_server_tick(worker->http);
	if (worker->metrics_http)
		http_server_tick(worker->metrics_http);
	if (worker->out.n > WORKER_OUT_KEEP)
		buf_clear(&worker->out);
	buf_clear(&worker->frame);
	buf_clear(&worker->out);
	buf_shrink(&worker->out, WORKER_OUT_KEEP);
	buf_shrink(&worker->frame, WORKER_OUT_KEEP);
	if (worker->draining && worker->n_calls == 0 && worker->on_drained)
		worker->on_drained(worker);
	if (worker->retiring)
		look_whether_retired(worker);
	if (kept || anything_to_time(worker) || worker->draining || worker->retiring)
		return;
	worker->ticking = false;
	(void)uv_timer_stop(timer);
}

void worker_need_tick(struct worker *worker)
{
	if (worker->ticking)
		return;
	worker->ticking = true;
	(void)uv_timer_start(&worker->tick, on_tick, WORKER_TICK_MS, WORKER_TICK_MS);
}

int worker_init(struct worker *worker, struct log *log, struct err *err)
{
	*worker = (struct worker){ .log = log, .limits = limits_default };
	if (loop_init(&worker->loop, err) < 0)
		return -1;
	worker->upstream = (struct upstream){ .loop = &worker->loop, .log = log, .limits = &worker->limits };
	worker->held.max = worker->limits.held_bytes;
	crew_init(&worker->alone, worker);
	worker->crew = &worker->alone;
	worker_count_in_turns(worker);
	list_init(&worker->servers);
	list_init(&worker->clients);
	list_init(&worker->processes);
	list_init(&worker->streams);
	list_init(&worker->channel_hosts);
	list_init(&worker->free_exchanges);
	worker->out = BUF_INIT((size_t)64 * 1024 * 1024);
	worker->frame = BUF_INIT((size_t)64 * 1024 * 1024);
	worker->line = BUF_INIT((size_t)64 * 1024);
	worker->tokens = token_cache_new(worker);
	worker->started_ms = loop_now(&worker->loop);
	(void)uv_timer_init(&worker->loop.uv, &worker->tick);
	worker->tick.data = worker;
	return worker->tokens ? 0 : err_set(err, ERR_NOMEM, "no memory for the worker");
}

void worker_join(struct worker *worker, struct crew *crew)
{
	check(crew->n < CREW_MAX);
	worker->crew = crew;
	worker->index = crew->n;
	if (crew->n == 0) {
		crew_init(crew, worker);
		return;
	}
	worker->ring = crew->members[0]->ring;
	worker->secure.lib = crew->members[0]->secure.lib;
	crew->members[crew->n++] = worker;
}

/* Of three, the first has 1, 4, 7, …: no number is said twice, and nobody asks another for one. */
void worker_count_in_turns(struct worker *worker)
{
	worker->exchange_number = worker->index + 1 - worker->crew->n;
	worker->upstream.next_instance = worker->index + 1 - worker->crew->n;
	worker->upstream.instance_gap = worker->crew->n - 1;
	if (worker->crew->n > 1) {
		worker->crew->held.shared = true;
		worker->held.parent = &worker->crew->held;
	}
}

/* What listens would never end by itself; whoever is told so now can go and listen elsewhere. */
static void end_subscriptions(struct worker *worker, struct span reason, bool channels)
{
	LIST_EACH(&worker->clients, node) {
		struct client *client = LIST_ENTRY(node, struct client, node);

		if (channels || client->kind != CLIENT_CHANNEL)
			subscriptions_end(client, reason);
	}
}

void worker_drain(struct worker *worker)
{
	worker->draining = true;
	/* First, so that a connection whose stream ends here is closed when all of it is sent. */
	if (worker->http)
		http_server_drain(worker->http);
	front_unix_close(worker, true);
	end_subscriptions(worker, S("the gate is shutting down"), true);
	channel_hosts_drain(worker);
	worker_need_tick(worker);
}

static void step_back(struct worker *worker)
{
	if (worker->http)
		http_server_step_back(worker->http);
	if (worker->metrics_http)
		http_server_step_back(worker->metrics_http);
	front_unix_close(worker, false);
	worker->retiring = true;
	worker->crew->n_retired++;
}

void worker_retire(struct worker *worker, bool channels)
{
	if (!worker->retiring)
		step_back(worker);
	end_subscriptions(worker, S("another gate goes on"), false);
	end_standing(worker);
	channel_hosts_retire(worker, channels);
	worker_need_tick(worker);
}

void worker_set_egress(struct worker *worker, struct channel *egress)
{
	worker->upstream.egress = egress;
	LIST_EACH(&worker->servers, node) {
		struct server *server = LIST_ENTRY(node, struct server, node);

		if (server->pool)
			http_pool_set_egress(server->pool, egress);
	}
}

/* Clients of a server that is no longer what it was get a new connection with their next request. */
void worker_drop_server(struct worker *worker, struct server *server)
{
	server->removed = true;
	for (struct list *node = worker->clients.next; node != &worker->clients;) {
		struct client *client = client_ref(LIST_ENTRY(node, struct client, node));

		node = node->next;
		if (client->only == server) {
			client_close(client, S("the server was changed or removed"));
			node = worker->clients.next;
		} else {
			client_detach_server(client, server);
		}
		(void)client_unref(client);
	}
	if (worker->index == 0)
		house_close(server->house);
	list_remove(&server->node);
	(void)server_unref(server);
}
