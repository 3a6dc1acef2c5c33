/* front_stdio.c - hosts on a pair of pipes: one message a line, of either era. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/front_stdio.h"

#include <stdlib.h>
#include <unistd.h>

#include "exchange/stdio_host.h"
#include "json/write.h"

enum {
	STDIO_LEAVE_MS = 5000, /* for some of what waits to be taken when the host's input has ended */
};

static void front_destroy(struct stdio_front *front)
{
	lines_release(&front->lines);
	front->principal = principal_unref(front->principal);
	front->queue.account = account_unref(front->queue.account);
	(void)server_unref(front->options.only);
	free(front);
}

static void run_ending(struct later *later)
{
	struct stdio_front *front = LIST_ENTRY(later, struct stdio_front, ending);

	front->options.on_end(front->options.owner, front, front->cut);
}

static void end_soon(struct stdio_front *front)
{
	if (front->ended || front->freed)
		return;
	front->ended = true;
	loop_later(&front->worker->loop, &front->ending);
}

/* --- towards the host --- */

/*
 * Until it has taken what waits, its servers wait, and then the host itself. To be asked again when a call
 * has ended, for that lets its server go on.
 */
static void hold_back(struct stdio_front *front)
{
	size_t queued = stdio_queue_waiting(&front->queue);

	if (queued > STDIO_FULL_BYTES && front->in)
		stream_pause(front->in);
	if (queued <= STDIO_PAUSE_BYTES || !front->client)
		return;
	LIST_EACH(&front->client->exchanges, node)
		call_pause(&LIST_ENTRY(node, struct exchange, in_client)->call, true);
}

void stdio_host_write(struct stdio_front *front, struct span message)
{
	if (!front->queue.out || front->ended)
		return;
	stdio_queue_write(&front->queue, message);
	hold_back(front);
}

static void note_full(struct stdio_front *front)
{
	struct worker *worker = front->worker;
	uint32_t missed;

	if (log_brake_pass(&front->brake, loop_now(&worker->loop), 5, &missed))
		log_event(worker->log, LOG_WARN, "stdio.full",
			  "A message for a host was dropped: it takes its messages too slowly.",
			  LFN("bytes", front->queue.charged), LFN("more", missed));
}

bool stdio_host_offer(struct stdio_front *front, struct span message)
{
	if (!stdio_queue_has_room(&front->queue, message.n)) {
		note_full(front);
		return false;
	}
	stdio_host_write(front, message);
	return !front->ended;
}

void stdio_host_no_room(struct buf *out, const struct exchange *x)
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
static void look_again(struct stdio_front *front)
{
	if (front->leaving)
		loop_later(&front->worker->loop, &front->looking);
}

void stdio_host_answered(struct stdio_front *front)
{
	hold_back(front);
	look_again(front);
}

static void write_answer(struct stdio_front *front, const struct exchange *x, struct span message)
{
	CLEANUP(buf_release) struct buf error = BUF_INIT((size_t)STDIO_ERROR_BYTES);

	if (x && !stdio_queue_has_room(&front->queue, message.n)) {
		note_full(front);
		stdio_host_no_room(&error, x);
		message = buf_span(&error);
	}
	stdio_host_write(front, message);
}

static void sink_send(struct sink *sink, struct exchange *x, unsigned status, struct span message, bool final)
{
	struct stdio_front *front = LIST_ENTRY(sink, struct stdio_front, sink);

	(void)status;
	if (message.n && final)
		write_answer(front, x, message);
	else if (message.n)
		(void)stdio_host_offer(front, message);
	if (final)
		stdio_host_answered(front);
	else
		hold_back(front);
}

static bool outlet_send(struct outlet *outlet, struct span message)
{
	return stdio_host_offer(LIST_ENTRY(outlet, struct stdio_front, outlet), message);
}

static void outlet_close(struct outlet *outlet)
{
	(void)outlet;
}

void stdio_host_refuse(struct stdio_front *front, struct span id, int code, const char *kanmon,
		       struct span text)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)STDIO_ERROR_BYTES);

	message_write_error(
	    &out, &(struct message_error){ .id = id, .code = code, .text = text, .kanmon = kanmon });
	stdio_host_write(front, buf_span(&out));
}

/* --- from the host --- */

/* Has it only asked which era is spoken? Then it may still choose. */
static bool is_undecided(const struct client *client)
{
	if (client->era == ERA_LEGACY)
		return client->hello.n == 0 && client->n_exchanges == 0;
	LIST_EACH(&client->exchanges, node)
		if (LIST_ENTRY(node, struct exchange, in_client)->method != METHOD_DISCOVER)
			return false;
	return true;
}

/*
 * A host may probe with server/discover and go on to initialize, also before the probe is answered:
 * a probe still under way is given up, and its client with it.
 */
static struct client *client_of(struct stdio_front *front, enum era era, struct err *err)
{
	struct client *client = front->client;

	if (client && client->era == era)
		return client;
	if (client && !is_undecided(client)) {
		(void)err_set(err, ERR_DENIED,
			      "this connection speaks another generation of the protocol already");
		return NULL;
	}
	if (client) {
		front->client = NULL;
		client->outlet = NULL;
		client_close(client, S("the host went on in the other era"));
		(void)client_unref(client);
	}
	front->client = client_new(front->worker, front->principal, CLIENT_STDIO, era, front->options.only,
				   err);
	if (front->client)
		client_set_outlet(front->client, &front->outlet);
	return front->client;
}

static bool is_modern(const struct stdio_front *front)
{
	return front->client && front->client->era == ERA_MODERN;
}

static void request_legacy(struct stdio_front *front, const struct message *message)
{
	struct span id = message_token(message->json, message->id);
	struct err err = ERR_INIT;
	struct client *client;
	bool greeted = front->client && !is_modern(front) && front->client->hello.n;

	if (message->method != METHOD_INITIALIZE && !greeted &&
	    (message->method != METHOD_PING || is_modern(front))) {
		stdio_host_refuse(front, id, -32600, "K505", S("Send initialize first"));
		return;
	}
	client = client_of(front, ERA_LEGACY, &err);
	if (!client) {
		stdio_host_refuse(front, id, -32600, "K604", span_str(err.text));
		return;
	}
	if (message->method == METHOD_INITIALIZE) {
		if (client->hello.n) {
			stdio_host_refuse(front, id, -32600, "K614",
					  S("This connection is initialized already"));
			return;
		}
		client_greet(client, message);
	}
	exchange_start(front->worker, message,
		       &(struct exchange_options){ .client = client,
						   .only = front->options.only,
						   .sink = &front->sink,
						   .revision = client->revision ? client->revision
										: REVISION_LAST_LEGACY });
}

static void request_modern(struct stdio_front *front, const struct message *message)
{
	struct message_claim claim = message_claim(message);
	struct err err = ERR_INIT;
	struct client *client = client_of(front, ERA_MODERN, &err);

	if (!client) {
		stdio_host_refuse(front, message_token(message->json, message->id), -32022, "K604",
				  span_str(err.text));
		return;
	}
	if (client->hello.n == 0)
		client_greet_modern(client, message, &claim);
	exchange_start(front->worker, message,
		       &(struct exchange_options){ .client = client,
						   .only = front->options.only,
						   .sink = &front->sink,
						   .revision = REVISION_2026_07_28 });
}

static void take_request(struct stdio_front *front, const struct message *message)
{
	struct span id = message_token(message->json, message->id);

	/*
	 * One channel carries all answers: two requests with one id could not be told apart. A probe that
	 * initialize takes the place of gets none.
	 */
	if (front->client && exchange_find(front->client, id) &&
	    !(message->method == METHOD_INITIALIZE && is_modern(front) && is_undecided(front->client))) {
		stdio_host_refuse(front, id, -32600, "K615", S("A request with this id is still under way"));
		return;
	}
	if (message->method != METHOD_INITIALIZE &&
	    (message->method == METHOD_DISCOVER || message_claim(message).any))
		request_modern(front, message);
	else
		request_legacy(front, message);
}

/* Elsewhere an array is as little a message as a number is. */
static bool takes_batches(const struct stdio_front *front)
{
	return front->client && front->client->revision == REVISION_2025_03_26;
}

static void take_line(struct stdio_front *front, struct span line)
{
	struct worker *worker = front->worker;
	struct json *json = &worker->json;
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)512);
	struct message message;
	enum message_verdict verdict;

	if (!json_parse(json, line, worker->limits.body_bytes)) {
		worker->metrics.malformed++;
		buf_addf(&text, "Parse error at byte %u: %s", json->reason_off,
			 json_reason_text(json->reason));
		stdio_host_refuse(front, S(""), -32700, "K613", buf_span(&text));
		return;
	}
	if (json_is(json, 0, JSON_ARRAY) && takes_batches(front)) {
		stdio_host_batch(front, line, json->tokens[0].count);
		return;
	}
	verdict = message_read(json, 0, &message);
	if (verdict != MESSAGE_OK) {
		worker->metrics.malformed++;
		stdio_host_refuse(front, message_token(json, message.id), -32600, "K614",
				  span_str(message_verdict_text(verdict)));
		return;
	}
	if (message.kind == MESSAGE_REQUEST)
		take_request(front, &message);
	else if (front->client && message.kind == MESSAGE_NOTIFICATION)
		client_notified(front->client, front->options.only, &message);
	else if (front->client)
		client_answered(front->client, &message);
}

static void take(struct stdio_front *front, struct span bytes)
{
	enum lines_step step;
	struct span line;

	front->reading = true;
	lines_set_ceiling(&front->lines, front->worker->limits.body_bytes);
	while (!front->freed && !front->ended &&
	       (step = lines_next(&front->lines, &bytes, &line)) != LINES_MORE) {
		if (step == LINES_TOO_LONG)
			stdio_host_refuse(front, S(""), -32600, "K616",
					  S("The message is longer than the limit"));
		else
			take_line(front, line);
	}
	front->reading = false;
}

static void on_in(void *owner, struct span bytes)
{
	struct stdio_front *front = owner;

	take(front, bytes);
	if (front->freed)
		front_destroy(front);
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

static bool has_left(const struct stdio_front *front)
{
	if (!front->leaving || stdio_queue_waiting(&front->queue))
		return false;
	return !front->client || !has_calls(front->client);
}

static void run_looking(struct later *later)
{
	struct stdio_front *front = LIST_ENTRY(later, struct stdio_front, looking);

	if (has_left(front))
		end_soon(front);
}

/*
 * spec: mcp/2025-11-25 lifecycle, shutdown: a host ends a server by closing its stdin. Others write what
 * they ask and close it then: that is answered before the end.
 */
static void on_end(void *owner, enum stream_end why)
{
	struct stdio_front *front = owner;

	if (why != STREAM_EOF) {
		end_soon(front);
		return;
	}
	/* The last line may lack its end. */
	take(front, S("\n"));
	if (front->freed) {
		front_destroy(front);
		return;
	}
	front->leaving = true;
	front->queue.taken_ms = loop_now(&front->worker->loop);
	look_again(front);
}

static void tick(struct stdio_front *front, uint64_t now_ms)
{
	uint64_t patience_ms = front->leaving ? STDIO_LEAVE_MS : front->worker->limits.idle_ms;

	stdio_queue_count(&front->queue);
	if (!front->ended && stdio_queue_is_stuck(&front->queue, now_ms, patience_ms)) {
		log_event(front->worker->log, LOG_WARN, "stdio.slow",
			  "A host that does not read its messages was cut.",
			  LFN("bytes", stdio_queue_waiting(&front->queue)));
		front->cut = true;
		end_soon(front);
		return;
	}
	if (has_left(front))
		end_soon(front);
	if (stdio_queue_waiting(&front->queue) <= STDIO_PAUSE_BYTES || !front->client)
		return;
	/* It is not their server's silence while it waits for the host. */
	LIST_EACH(&front->client->exchanges, node)
		LIST_ENTRY(node, struct exchange, in_client)->last_ms = now_ms;
}

void stdio_fronts_tick(struct worker *worker, uint64_t now_ms)
{
	LIST_EACH(&worker->stdio_fronts, node)
		tick(LIST_ENTRY(node, struct stdio_front, node), now_ms);
}

static void on_out_read(void *owner, struct span bytes)
{
	(void)owner;
	(void)bytes;
}

static void on_out_end(void *owner, enum stream_end why)
{
	if (why == STREAM_BROKEN)
		end_soon(owner);
}

static void on_drain(void *owner)
{
	struct stdio_front *front = owner;

	stdio_queue_count(&front->queue);
	look_again(front);
	if (front->in)
		stream_resume(front->in);
	if (!front->client)
		return;
	LIST_EACH(&front->client->exchanges, node)
		call_pause(&LIST_ENTRY(node, struct exchange, in_client)->call, false);
}

static const struct stream_events in_events = { .on_read = on_in, .on_end = on_end };
static const struct stream_events out_events = { .on_read = on_out_read,
						 .on_end = on_out_end,
						 .on_drain = on_drain };

struct stdio_front *stdio_front_new(struct worker *worker, const struct stdio_options *options,
				    struct err *err)
{
	struct account *account = account_of(worker, options->principal->id);
	struct stdio_front *front = account ? calloc(1, sizeof(*front)) : NULL;

	if (!front) {
		(void)account_unref(account);
		(void)close(options->in);
		(void)close(options->out);
		(void)err_set(err, ERR_NOMEM, "no memory for a host's connection");
		return NULL;
	}
	front->worker = worker;
	front->options = *options;
	front->queue.account = account;
	front->principal = principal_ref(options->principal);
	if (front->options.only)
		front->options.only = server_ref(front->options.only);
	front->lines = LINES_INIT(worker->limits.body_bytes);
	front->outlet = (struct outlet){ .send = outlet_send, .close = outlet_close };
	front->sink = (struct sink){ .send = sink_send };
	front->ending.run = run_ending;
	front->looking.run = run_looking;
	list_add(&worker->stdio_fronts, &front->node);
	front->queue.out = stream_open(&worker->loop, options->out, STREAM_PIPE, &out_events, front, err);
	front->in = stream_open(&worker->loop, options->in, STREAM_PIPE, &in_events, front, err);
	if (!front->in || !front->queue.out)
		return stdio_front_free(front);
	worker_need_tick(worker);
	return front;
}

struct stdio_front *stdio_front_free(struct stdio_front *front)
{
	if (!front || front->freed)
		return NULL;
	front->freed = true;
	loop_later_cancel(&front->ending);
	if (front->client) {
		front->client->outlet = NULL;
		client_close(front->client, S("the host closed its input"));
		front->client = client_unref(front->client);
	}
	loop_later_cancel(&front->looking);
	list_remove(&front->node);
	front->in = stream_close(front->in);
	front->queue.out = stream_close_flushed(front->queue.out, 1000);
	stdio_queue_count(&front->queue);
	if (!front->reading)
		front_destroy(front);
	return NULL;
}
