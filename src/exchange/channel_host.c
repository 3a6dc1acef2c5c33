/* channel_host.c - a host on one channel: its life, and what is sent to it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/channel_host.h"

#include <stdlib.h>

#include "exchange/channel_parts.h"
#include "exchange/subscription.h"
#include "http/server.h"
#include "json/write.h"

enum {
	HOST_LEAVE_MS = 5000, /* for some of what waits to be taken when the host's input has ended */
};

static void host_destroy(struct channel_host *host)
{
	host->principal = principal_unref(host->principal);
	host->queue.account = account_unref(host->queue.account);
	(void)server_unref(host->options.only);
	free(host);
}

static void run_ending(struct later *later)
{
	struct channel_host *host = LIST_ENTRY(later, struct channel_host, ending);

	host->options.on_end(host->options.carrier, host->cut);
}

void channel_host_end(struct channel_host *host)
{
	if (host->ended || host->freed)
		return;
	host->ended = true;
	loop_later(&host->worker->loop, &host->ending);
}

/* --- towards the host --- */

/*
 * Until it has taken what waits, its servers wait, and then the host itself. To be asked again when a call
 * has ended, for that lets its server go on.
 */
static void hold_back(struct channel_host *host)
{
	size_t queued = host_queue_waiting(&host->queue);

	if (queued > HOST_FULL_BYTES && !host->freed)
		host->options.port->listen(host->options.carrier, false);
	if (queued <= HOST_PAUSE_BYTES || !host->client)
		return;
	LIST_EACH(&host->client->exchanges, node)
		call_pause(&LIST_ENTRY(node, struct exchange, in_client)->call, true);
}

void channel_host_write(struct channel_host *host, struct span message)
{
	if (!host->queue.port || host->ended)
		return;
	host_queue_write(&host->queue, message);
	hold_back(host);
}

static void note_full(struct channel_host *host)
{
	struct worker *worker = host->worker;
	uint32_t missed;

	if (log_brake_pass(&host->brake, loop_now(&worker->loop), 5, &missed))
		log_event(worker->log, LOG_WARN, host->options.port->full,
			  "A message for a host was dropped: it takes its messages too slowly.",
			  LFN("bytes", host->queue.charged), LFN("more", missed));
}

bool channel_host_offer(struct channel_host *host, struct span message)
{
	if (!host_queue_has_room(&host->queue, message.n)) {
		note_full(host);
		return false;
	}
	channel_host_write(host, message);
	return !host->ended;
}

void channel_host_no_room(struct buf *out, const struct exchange *x)
{
	message_write_error(
	    out, &(struct message_error){
		     .id = x->id.n ? x->id : S("null"),
		     .code = -32603,
		     .text = S("The answer was dropped, for too many wait to be read. The call may "
			       "have taken effect; read what was sent, then ask again"),
		     .kanmon = "K801" });
}

/* An exchange that ends still stands among the client's: not at once. */
static void look_again(struct channel_host *host)
{
	if (host->leaving && !host->freed)
		loop_later(&host->worker->loop, &host->looking);
}

void channel_host_answered(struct channel_host *host)
{
	hold_back(host);
	look_again(host);
}

static void write_answer(struct channel_host *host, const struct exchange *x, struct span message)
{
	CLEANUP(buf_release) struct buf error = BUF_INIT((size_t)HOST_ERROR_BYTES);

	if (x && !host_queue_has_room(&host->queue, message.n)) {
		note_full(host);
		channel_host_no_room(&error, x);
		message = buf_span(&error);
	}
	channel_host_write(host, message);
}

static void sink_send(struct sink *sink, struct exchange *x, unsigned status, struct span message, bool final)
{
	struct channel_host *host = LIST_ENTRY(sink, struct channel_host, sink);

	(void)status;
	if (message.n && final)
		write_answer(host, x, message);
	else if (message.n)
		(void)channel_host_offer(host, message);
	if (final)
		channel_host_answered(host);
	else
		hold_back(host);
}

static bool outlet_send(struct outlet *outlet, struct span message)
{
	return channel_host_offer(LIST_ENTRY(outlet, struct channel_host, outlet), message);
}

/* The client was closed by somebody else: its token is over, or its server is. */
static void outlet_close(struct outlet *outlet)
{
	channel_host_end(LIST_ENTRY(outlet, struct channel_host, outlet));
}

void channel_host_refuse(struct channel_host *host, struct span id, int code, const char *kanmon,
			 struct span text)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)HOST_ERROR_BYTES);

	message_write_error(
	    &out, &(struct message_error){ .id = id, .code = code, .text = text, .kanmon = kanmon });
	channel_host_write(host, buf_span(&out));
}

/* --- the end --- */

/* What listens would never end by itself. */
static bool has_calls(const struct client *client)
{
	LIST_EACH(&client->exchanges, node)
		if (LIST_ENTRY(node, struct exchange, in_client)->method != METHOD_LISTEN)
			return true;
	return false;
}

bool channel_host_is_busy(const struct channel_host *host)
{
	return host->client && host->client->n_exchanges;
}

/* Who starts a program and dies leaves it like that: both ends of its pipes are closed. */
static bool is_deaf(const struct channel_host *host)
{
	return host->options.port->is_deaf && host->options.port->is_deaf(host->options.carrier);
}

static bool has_left(const struct channel_host *host)
{
	if (!host->leaving)
		return false;
	if (is_deaf(host))
		return true;
	if (host_queue_waiting(&host->queue))
		return false;
	return !host->client || !has_calls(host->client);
}

static void run_looking(struct later *later)
{
	struct channel_host *host = LIST_ENTRY(later, struct channel_host, looking);

	if (has_left(host))
		channel_host_end(host);
}

/*
 * spec: mcp/2025-11-25 lifecycle, shutdown: a host ends a server by closing its stdin. Others write what
 * they ask and close it then: that is answered before the end.
 */
void channel_host_leave(struct channel_host *host)
{
	if (host->leaving)
		return;
	host->leaving = true;
	host->queue.taken_ms = loop_now(&host->worker->loop);
	look_again(host);
}

void channel_host_drained(struct channel_host *host)
{
	host_queue_count(&host->queue);
	look_again(host);
	host->options.port->listen(host->options.carrier, true);
	if (!host->client)
		return;
	LIST_EACH(&host->client->exchanges, node)
		call_pause(&LIST_ENTRY(node, struct exchange, in_client)->call, false);
}

/* It has a connection, and shows no use for it. */
static bool is_mute(const struct channel_host *host, uint64_t now_ms)
{
	return host->options.port->counted && !host->client && now_ms > host->begun_ms + LIMIT_HANDSHAKE_MS;
}

static void tick(struct channel_host *host, uint64_t now_ms)
{
	uint64_t patience_ms = host->leaving ? HOST_LEAVE_MS : host->worker->limits.idle_ms;

	host_queue_count(&host->queue);
	if (!host->ended && host_queue_is_stuck(&host->queue, now_ms, patience_ms)) {
		log_event(host->worker->log, LOG_WARN, host->options.port->slow,
			  "A host that does not read its messages was cut.",
			  LFN("bytes", host_queue_waiting(&host->queue)));
		host->cut = true;
		channel_host_end(host);
		return;
	}
	if (has_left(host) || is_mute(host, now_ms))
		channel_host_end(host);
	if (host_queue_waiting(&host->queue) <= HOST_PAUSE_BYTES || !host->client)
		return;
	/* It is not their server's silence while it waits for the host. */
	LIST_EACH(&host->client->exchanges, node)
		LIST_ENTRY(node, struct exchange, in_client)->last_ms = now_ms;
}

void channel_hosts_tick(struct worker *worker, uint64_t now_ms)
{
	LIST_EACH(&worker->channel_hosts, node) {
		struct channel_host *host = LIST_ENTRY(node, struct channel_host, node);

		tick(host, now_ms);
		if (!host->ended && host->options.port->tick)
			host->options.port->tick(host->options.carrier, now_ms);
	}
}

void channel_hosts_drain(struct worker *worker)
{
	LIST_EACH(&worker->channel_hosts, node) {
		struct channel_host *host = LIST_ENTRY(node, struct channel_host, node);

		if (host->options.port->counted)
			channel_host_leave(host);
	}
}

void channel_hosts_retire(struct worker *worker, bool all)
{
	LIST_EACH(&worker->channel_hosts, node) {
		struct channel_host *host = LIST_ENTRY(node, struct channel_host, node);

		if (!host->options.port->counted || (host->options.port->stays && !all))
			continue;
		if (host->client)
			subscriptions_end(host->client, S("another gate goes on"));
		channel_host_leave(host);
	}
}

static bool is_over_limit(const struct worker *worker, const struct account *account, struct err *err)
{
	size_t connections = worker->http ? http_server_connections_of_all(worker->http) : 0;
	size_t channels = worker->crew->n_channels;

	if (channels >= worker->limits.sessions || channels + connections > worker->limits.connections) {
		(void)err_set(err, ERR_LIMIT, "the gate has %zu sessions, which is its limit", channels);
		return true;
	}
	if (account->n_channels < worker->limits.sessions_per_principal)
		return false;
	(void)err_set(err, ERR_LIMIT, "you have %zu sessions open, which is the limit", account->n_channels);
	return true;
}

static void count(struct channel_host *host, bool more)
{
	size_t by = host->options.port->counted;

	host->worker->n_channels += more ? by : -by;
	host->worker->crew->n_channels += more ? by : -by;
	host->queue.account->n_channels += more ? by : -by;
}

struct channel_host *channel_host_new(struct worker *worker, const struct channel_options *options,
				      struct err *err)
{
	struct account *account = account_of(worker, options->principal->id);
	struct channel_host *host = account ? calloc(1, sizeof(*host)) : NULL;

	if (!host)
		(void)err_set(err, ERR_NOMEM, "no memory for a host's connection");
	if (!host || (options->port->counted && is_over_limit(worker, account, err))) {
		(void)account_unref(account);
		free(host);
		return NULL;
	}
	host->worker = worker;
	host->options = *options;
	/* Longer than any view's name: it is none's, and the host sees nothing. */
	host->options.view = span_of(host->view, span_first(options->view, sizeof(host->view)).n);
	if (host->options.view.n)
		memcpy(host->view, options->view.p, host->options.view.n);
	host->queue =
	    (struct host_queue){ .port = options->port, .carrier = options->carrier, .account = account };
	host->principal = principal_ref(options->principal);
	host->options.principal = NULL;
	if (host->options.only)
		host->options.only = server_ref(host->options.only);
	host->outlet = (struct outlet){ .send = outlet_send, .close = outlet_close };
	host->sink = (struct sink){ .send = sink_send };
	host->ending.run = run_ending;
	host->looking.run = run_looking;
	host->begun_ms = loop_now(&worker->loop);
	count(host, true);
	list_add(&worker->channel_hosts, &host->node);
	worker_need_tick(worker);
	return host;
}

struct channel_host *channel_host_free(struct channel_host *host, struct span reason)
{
	if (!host || host->freed)
		return NULL;
	host->freed = true;
	loop_later_cancel(&host->ending);
	if (host->client) {
		host->client->outlet = NULL;
		client_close(host->client, reason);
		host->client = client_unref(host->client);
	}
	loop_later_cancel(&host->looking);
	list_remove(&host->node);
	count(host, false);
	host->queue.port = NULL;
	host_queue_count(&host->queue);
	if (!host->taking)
		host_destroy(host);
	return NULL;
}

void channel_host_take(struct channel_host *host, struct span text)
{
	if (host->ended || host->freed)
		return;
	/* It may have been taken out of the config before the host had said anything. */
	if (host->options.only && host->options.only->removed) {
		channel_host_end(host);
		return;
	}
	host->taking = true;
	channel_host_read(host, text);
	host->taking = false;
	if (host->freed)
		host_destroy(host);
}

void channel_host_take_too_long(struct channel_host *host)
{
	channel_host_refuse(host, S(""), -32600, "K616", S("The message is longer than the limit"));
}
