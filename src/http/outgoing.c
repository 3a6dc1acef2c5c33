/* outgoing.c - a connection to a server: dialled by egress, secured, read. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/outgoing.h"

#include <stdlib.h>

#include "base/check.h"
#include "net/dial.h"

enum { OUTGOING_HANDSHAKE_MS = 10000 /* what accepts a connection may still never speak TLS */ };

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void outgoing_end_timer(uv_timer_t **timer)
{
	if (*timer)
		uv_close((uv_handle_t *)*timer, on_timer_closed);
	*timer = NULL;
}

static void cancel_dial(struct outgoing *connection)
{
	struct channel *egress = connection->pool->egress;

	/* Another egress process may know the same number for another's. */
	if (egress && connection->asked == egress)
		channel_cancel(egress, &connection->dial, DIAL_CANCEL);
	else
		question_cancel(&connection->dial);
}

void outgoing_set_lasting(struct outgoing *connection, bool lasting)
{
	connection->pool->n += (size_t)connection->lasting;
	connection->pool->n -= (size_t)lasting;
	connection->lasting = lasting;
}

void outgoing_free(struct outgoing *connection)
{
	connection->dead = true;
	outgoing_end_timer(&connection->limit);
	cancel_dial(connection);
	connection->stream = stream_close(connection->stream);
	if (connection->busy)
		return;
	list_remove(&connection->node);
	outgoing_set_lasting(connection, false);
	connection->pool->n--;
	http_release(&connection->parser);
	free(connection);
}

void outgoing_take(struct outgoing *connection, struct http_call *call)
{
	struct span request = buf_span(&call->again);

	connection->call = call;
	call->connection = connection;
	list_remove(&connection->node);
	list_add(&connection->pool->used, &connection->node);
	outgoing_set_lasting(connection, call->lasting);
	http_call_place(call, true);
	stream_write(connection->stream, (struct span[]){ request }, 1);
	http_call_charge(call, stream_queued(connection->stream));
	if (!call->repeatable)
		buf_release(&call->again);
}

/* The connection is of no more use: its call fails, or is tried once more on another. */
static void lost(struct outgoing *connection, enum http_failure failure, struct span why)
{
	struct http_pool *pool = connection->pool;
	struct http_call *call = TAKE(connection->call);
	bool again = call && !connection->fresh && !call->answering && call->repeatable &&
		     failure == HTTP_FAIL_BROKEN;

	outgoing_free(connection);
	if (!call)
		return;
	call->connection = NULL;
	http_call_place(call, false);
	if (again) {
		call->repeatable = false;
		http_call_enqueue(call);
		return;
	}
	http_call_fail(call, failure, why);
	http_pool_serve(pool);
}

/*
 * The answer is whole: the call is over, and the connection goes back where it is clean: where nothing
 * follows the answer, which the next call would take for its own.
 */
static void finished(struct outgoing *connection, bool clean)
{
	struct http_call *call = TAKE(connection->call);
	const struct http_call_events *events = call->events;
	void *owner = call->owner;
	bool keep = connection->parser.head.keep_alive && connection->parser.head.framing != HTTP_BODY_TO_END;

	connection->fresh = false;
	http_call_free(call);
	outgoing_set_lasting(connection, false);
	keep &= connection->pool->n <= connection->pool->options.max_connections;
	if (keep && clean && !connection->dead) {
		http_reset(&connection->parser);
		list_remove(&connection->node);
		list_add(&connection->pool->idle, &connection->node);
		connection->idle_ms = loop_now(connection->pool->loop);
		stream_resume(connection->stream);
	} else {
		outgoing_free(connection);
	}
	events->on_done(owner);
}

static void refused(struct outgoing *connection, enum http_reason reason)
{
	CLEANUP(buf_release) struct buf why = BUF_INIT((size_t)256);

	buf_addf(&why, "the server's answer breaks the rules of HTTP: %s", http_reason_text(reason));
	lost(connection, reason == HTTP_BAD_BODY_LONG ? HTTP_FAIL_LONG : HTTP_FAIL_BAD, buf_span(&why));
}

static void feed(struct outgoing *connection, struct span in)
{
	while (!connection->dead) {
		struct http_call *call = connection->call;

		if (!call) {
			/* Bytes on an idle connection: it is not to be trusted any more. */
			if (in.n)
				outgoing_free(connection);
			return;
		}
		switch (http_feed(&connection->parser, &in)) {
		case HTTP_MORE:
			if (connection->parser.at != HTTP_AT_HEAD && !http_keep_head(&connection->parser))
				lost(connection, HTTP_FAIL_BAD,
				     S("the gate has no memory for the answer; try again later"));
			return;
		case HTTP_HEAD:
			call->answering = true;
			call->events->on_head(call->owner, &connection->parser.head);
			break;
		case HTTP_BODY:
			call->events->on_body(call->owner, connection->parser.piece);
			break;
		case HTTP_DONE:
			finished(connection, in.n == 0);
			break;
		case HTTP_BAD:
			refused(connection, connection->parser.reason);
			return;
		}
	}
}

static void on_read(void *owner, struct span bytes)
{
	struct outgoing *connection = owner;
	struct http_pool *pool = connection->pool;

	connection->busy = true;
	feed(connection, bytes);
	connection->busy = false;
	if (connection->dead)
		outgoing_free(connection);
	http_pool_serve(pool);
}

/* An answer that lasts as long as its connection is whole only where the end was said. */
static void ended(struct outgoing *connection, enum stream_end why)
{
	struct http_call *call = connection->call;

	if (why == STREAM_INSECURE)
		lost(connection, HTTP_FAIL_TLS, stream_why(connection->stream));
	else if (why == STREAM_EOF && call->answering && http_finish(&connection->parser) == HTTP_DONE)
		finished(connection, true);
	else
		lost(connection, HTTP_FAIL_BROKEN,
		     S("the server closed the connection before its answer was whole"));
}

static void on_end(void *owner, enum stream_end why)
{
	struct outgoing *connection = owner;
	struct http_pool *pool = connection->pool;

	if (!connection->call) {
		outgoing_free(connection);
		return;
	}
	connection->busy = true;
	ended(connection, why);
	connection->busy = false;
	if (connection->dead)
		outgoing_free(connection);
	http_pool_serve(pool);
}

/* Not a byte of a request leaves before it is known who listens. */
static void on_secure(void *owner)
{
	struct outgoing *connection = owner;
	struct http_call *call = TAKE(connection->call);

	outgoing_end_timer(&connection->limit);
	if (call)
		outgoing_take(connection, call);
	else
		outgoing_free(connection);
}

static void on_drain(void *owner)
{
	const struct outgoing *connection = owner;

	if (connection->call)
		http_call_charge(connection->call, 0);
}

static const struct stream_events connection_events = {
	.on_read = on_read, .on_end = on_end, .on_drain = on_drain, .on_secure = on_secure
};

/* --- dialling --- */

static enum http_failure take_socket(struct outgoing *connection, struct wire_in *in, struct span *why)
{
	int fd = -1;

	if (!in || in->kind != DIAL_DONE) {
		*why = S("the gate's egress process ended; try again in a moment");
		if (in) {
			(void)wire_get_u64(in);
			*why = wire_get_span(in);
		}
		return HTTP_FAIL_DIAL;
	}
	(void)wire_get_u64(in);
	fd = wire_get_fd(in);
	*why = S("the gate's egress process sent no connection; see the gate's log");
	if (fd < 0)
		return HTTP_FAIL_DIAL;
	connection->stream = stream_open(connection->pool->loop, fd, STREAM_TCP, &connection_events,
					 connection, NULL);
	*why = S("the gate has no memory for a connection; try again later");
	return connection->stream ? (enum http_failure) - 1 : HTTP_FAIL_DIAL;
}

static void on_limit(uv_timer_t *timer)
{
	lost(timer->data, HTTP_FAIL_TLS,
	     S("the TLS handshake was not over within 10 s: is it an https port?"));
}

static void secure(struct outgoing *connection)
{
	const struct http_pool_options *options = &connection->pool->options;
	struct err err = ERR_INIT;

	connection->limit = malloc(sizeof(*connection->limit));
	if (!connection->limit) {
		lost(connection, HTTP_FAIL_TLS,
		     S("the gate has no memory for a connection; try again later"));
		return;
	}
	check(uv_timer_init(&connection->pool->loop->uv, connection->limit) == 0);
	connection->limit->data = connection;
	(void)uv_timer_start(connection->limit, on_limit, OUTGOING_HANDSHAKE_MS, 0);
	if (stream_start_tls(connection->stream, options->tls, options->host, &err) < 0)
		lost(connection, HTTP_FAIL_TLS, span_str(err.text));
}

static void on_dialled(struct question *question, struct wire_in *in)
{
	struct outgoing *connection = LIST_ENTRY(question, struct outgoing, dial);
	struct http_call *call = TAKE(connection->call);
	struct span why;
	enum http_failure failure = take_socket(connection, in, &why);

	if (!connection->stream) {
		connection->call = call;
		lost(connection, failure, why);
		return;
	}
	if (connection->pool->options.tls) {
		connection->call = call;
		secure(connection);
	} else if (call) {
		outgoing_take(connection, call);
	} else {
		http_pool_serve(connection->pool);
	}
}

struct outgoing *outgoing_dial(struct http_pool *pool, struct http_call *call)
{
	struct outgoing *connection = calloc(1, sizeof(*connection));
	struct wire_out out = { 0 };

	if (!connection)
		return NULL;
	connection->pool = pool;
	connection->fresh = true;
	connection->call = call;
	connection->dial.on_answer = on_dialled;
	http_init(&connection->parser, HTTP_RESPONSES, &pool->options.limits);
	connection->parser.to_end = true;
	list_add(&pool->used, &connection->node);
	pool->n++;
	outgoing_set_lasting(connection, call->lasting);
	call->connection = connection;
	http_call_place(call, true);
	wire_begin(&out, DIAL_CONNECT, 0);
	wire_put_span(&out, pool->options.target);
	connection->asked = pool->egress;
	channel_ask(pool->egress, &out, &connection->dial);
	wire_out_release(&out);
	return connection;
}
