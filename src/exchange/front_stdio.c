/* front_stdio.c - hosts on a pair of pipes: one message a line, of either era. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/front_stdio.h"

#include <stdlib.h>
#include <unistd.h>

#include "exchange/batch.h"
#include "net/stream.h"
#include "upstream/lines.h"
#include "json/write.h"

enum {
	STDIO_PAUSE_BYTES = 1024 * 1024,
	STDIO_BATCH_BYTES = 64 * 1024 * 1024, /* the answers to one batch, which come together */
};

struct stdio_front {
	struct list node; /* of worker->stdio_fronts */
	struct worker *worker;
	struct stdio_options options;
	struct principal *principal;
	struct client *client; /* NULL until the first message that is no probe */
	struct outlet outlet;
	struct sink sink;
	struct stream *in, *out;
	struct lines lines;
	struct later ending;
	bool reading, freed, ended;
};

static void front_destroy(struct stdio_front *front)
{
	lines_release(&front->lines);
	front->principal = principal_unref(front->principal);
	(void)server_unref(front->options.only);
	free(front);
}

static void run_ending(struct later *later)
{
	struct stdio_front *front = LIST_ENTRY(later, struct stdio_front, ending);

	front->options.on_end(front->options.owner, front);
}

static void end_soon(struct stdio_front *front)
{
	if (front->ended || front->freed)
		return;
	front->ended = true;
	loop_later(&front->worker->loop, &front->ending);
}

/* --- towards the host --- */

static bool write_line(struct stdio_front *front, struct span message)
{
	if (!front->out || front->ended)
		return false;
	if (stream_queued(front->out) > front->worker->limits.queue_bytes * 4) {
		log_note(front->worker->log, LOG_WARN, "stdio.slow",
			 "A host that does not read its messages was cut.");
		end_soon(front);
		return false;
	}
	stream_write(front->out, (struct span[]){ message, S("\n") }, 2);
	return true;
}

static void write_meanwhile(struct stdio_front *front, struct exchange *x, struct span message)
{
	if (message.n)
		(void)write_line(front, message);
	if (x && front->out && stream_queued(front->out) > STDIO_PAUSE_BYTES)
		call_pause(&x->call, true);
}

static void sink_send(struct sink *sink, struct exchange *x, unsigned status, struct span message, bool final)
{
	struct stdio_front *front = LIST_ENTRY(sink, struct stdio_front, sink);

	(void)status;
	if (!final)
		write_meanwhile(front, x, message);
	else if (message.n)
		(void)write_line(front, message);
}

static bool outlet_send(struct outlet *outlet, struct span message)
{
	return write_line(LIST_ENTRY(outlet, struct stdio_front, outlet), message);
}

static void outlet_close(struct outlet *outlet)
{
	(void)outlet;
}

static void reply_error(struct stdio_front *front, struct span id, int code, const char *kanmon,
			struct span text)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)16384);

	message_write_error(
	    &out, &(struct message_error){ .id = id, .code = code, .text = text, .kanmon = kanmon });
	(void)write_line(front, buf_span(&out));
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
		reply_error(front, id, -32600, "K505", S("Send initialize first"));
		return;
	}
	client = client_of(front, ERA_LEGACY, &err);
	if (!client) {
		reply_error(front, id, -32600, "K604", span_str(err.text));
		return;
	}
	if (message->method == METHOD_INITIALIZE) {
		if (client->hello.n) {
			reply_error(front, id, -32600, "K614", S("This connection is initialized already"));
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
		reply_error(front, message_token(message->json, message->id), -32022, "K604",
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
		reply_error(front, id, -32600, "K615", S("A request with this id is still under way"));
		return;
	}
	if (message->method != METHOD_INITIALIZE &&
	    (message->method == METHOD_DISCOVER || message_claim(message).any))
		request_modern(front, message);
	else
		request_legacy(front, message);
}

/* --- several messages in one line --- */

/*
 * spec: mcp/2025-03-26 (JSON-RPC 2.0, section 6): the answers to a batch are one array; where none is
 * due, nothing is written. It lives until the last of its requests has ended, and those end with
 * the client, before the front does.
 */
struct stdio_batch {
	struct batch batch;
	struct sink sink;
	struct stdio_front *front;
	struct buf answers; /* elements of the array, with their commas */
	unsigned open;
	bool starting;
};

static void settle_batch(struct stdio_batch *taken)
{
	CLEANUP(buf_release) struct buf line = BUF_INIT((size_t)STDIO_BATCH_BYTES + 2);

	if (taken->open || taken->starting)
		return;
	if (taken->answers.n) {
		buf_add_char(&line, '[');
		buf_add(&line, buf_span(&taken->answers));
		buf_add_char(&line, ']');
	}
	if (line.n && buf_ok(&line))
		(void)write_line(taken->front, buf_span(&line));
	buf_release(&taken->answers);
	free(taken);
}

static void add_answer(struct stdio_batch *taken, const struct exchange *x, struct span message)
{
	CLEANUP(buf_release) struct buf error = BUF_INIT((size_t)16384);
	struct buf *answers = &taken->answers;

	/* Each answer that is still to come must have room for saying that it has none. */
	if (x && answers->n + message.n + (size_t)(taken->open + 1) * 16384 > STDIO_BATCH_BYTES) {
		message_write_error(&error, &(struct message_error){
						.id = x->id,
						.code = -32603,
						.text = S("The answers to the batch are too large together"),
						.kanmon = "K803" });
		message = buf_span(&error);
	}
	if (answers->n)
		buf_add_char(answers, ',');
	buf_add(answers, message);
}

static void batch_send(struct sink *sink, struct exchange *x, unsigned status, struct span message,
		       bool final)
{
	struct stdio_batch *taken = LIST_ENTRY(sink, struct stdio_batch, sink);

	(void)status;
	if (!final) {
		write_meanwhile(taken->front, x, message);
		return;
	}
	taken->open--;
	if (message.n)
		add_answer(taken, x, message);
	settle_batch(taken);
}

static struct sink *open_member(struct batch *batch)
{
	struct stdio_batch *taken = LIST_ENTRY(batch, struct stdio_batch, batch);

	taken->open++;
	return &taken->sink;
}

static void take_batch(struct stdio_front *front, struct span line, size_t n)
{
	struct span why = batch_refusal(front->client, n);
	struct stdio_batch *taken = why.n ? NULL : calloc(1, sizeof(*taken));

	if (why.n) {
		reply_error(front, S(""), -32600, "K612", why);
		return;
	}
	if (taken)
		taken->batch = (struct batch){ .worker = front->worker,
					       .client = front->client,
					       .only = front->options.only,
					       .one_channel = true,
					       .open = open_member };
	if (!taken || !batch_read(&taken->batch, line)) {
		free(taken);
		reply_error(front, S(""), -32603, "K803", S("The gate has no memory for the request"));
		return;
	}
	taken->sink = (struct sink){ .send = batch_send };
	taken->front = front;
	taken->answers = BUF_INIT((size_t)STDIO_BATCH_BYTES);
	taken->starting = true;
	batch_run(&taken->batch);
	batch_release(&taken->batch);
	taken->starting = false;
	settle_batch(taken);
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
		reply_error(front, S(""), -32700, "K613", buf_span(&text));
		return;
	}
	if (json_is(json, 0, JSON_ARRAY) && takes_batches(front)) {
		take_batch(front, line, json->tokens[0].count);
		return;
	}
	verdict = message_read(json, 0, &message);
	if (verdict != MESSAGE_OK) {
		worker->metrics.malformed++;
		reply_error(front, message_token(json, message.id), -32600, "K614",
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

static void on_in(void *owner, struct span bytes)
{
	struct stdio_front *front = owner;
	enum lines_step step;
	struct span line;

	front->reading = true;
	lines_set_ceiling(&front->lines, front->worker->limits.body_bytes);
	while (!front->freed && !front->ended &&
	       (step = lines_next(&front->lines, &bytes, &line)) != LINES_MORE) {
		if (step == LINES_TOO_LONG)
			reply_error(front, S(""), -32600, "K616", S("The message is longer than the limit"));
		else
			take_line(front, line);
	}
	front->reading = false;
	if (front->freed)
		front_destroy(front);
}

static void on_end(void *owner, enum stream_end why)
{
	(void)why;
	end_soon(owner);
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
	struct stdio_front *front = calloc(1, sizeof(*front));

	if (!front) {
		(void)close(options->in);
		(void)close(options->out);
		(void)err_set(err, ERR_NOMEM, "no memory for a host's connection");
		return NULL;
	}
	front->worker = worker;
	front->options = *options;
	front->principal = principal_ref(options->principal);
	if (front->options.only)
		front->options.only = server_ref(front->options.only);
	front->lines = LINES_INIT(worker->limits.body_bytes);
	front->outlet = (struct outlet){ .send = outlet_send, .close = outlet_close };
	front->sink = (struct sink){ .send = sink_send };
	front->ending.run = run_ending;
	list_add(&worker->stdio_fronts, &front->node);
	front->out = stream_open(&worker->loop, options->out, STREAM_PIPE, &out_events, front, err);
	front->in = stream_open(&worker->loop, options->in, STREAM_PIPE, &in_events, front, err);
	if (!front->in || !front->out)
		return stdio_front_free(front);
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
	list_remove(&front->node);
	front->in = stream_close(front->in);
	front->out = stream_close_flushed(front->out, 1000);
	if (!front->reading)
		front_destroy(front);
	return NULL;
}
