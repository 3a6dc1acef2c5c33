/* client.c - HTTP requests outwards: connections are dialled by egress, kept alive here. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include <stdlib.h>

#include "base/check.h"
#include "net/dial.h"
#include "net/tls_context.h"

enum {
	POOL_NAME_BYTES = 256,
	POOL_HANDSHAKE_MS = 10000, /* what accepts a connection may still never speak TLS */
};

struct connection {
	struct list node; /* of pool->idle or pool->used */
	struct http_pool *pool;
	struct stream *stream;
	struct http_parser parser;
	struct http_call *call; /* NULL: idle */
	struct question dial;
	uv_timer_t *limit; /* of the TLS handshake; NULL: none is going on */
	bool fresh;	   /* no answer has come on it yet */
	bool lasting;	   /* its call is; it does not count among the pool's `n` */
	bool busy, dead;
};

struct http_call {
	struct list node; /* of pool->waiting, or unlinked */
	struct http_pool *pool;
	struct connection *connection;
	const struct http_call_events *events;
	void *owner;
	struct buf again; /* the request, where it has to wait or may be repeated */
	size_t head_n;
	bool lasting, repeatable, answering, aborted, paused;
	enum http_failure failure;
	struct span why;
	struct later failing;
};

struct http_pool {
	struct loop *loop;
	struct channel *egress;
	struct http_pool_options options;
	struct list idle, used, waiting;
	size_t n, n_waiting;
	size_t n_lasting; /* calls, whether they have a connection or not */
	struct later freeing;
	char names[2 * POOL_NAME_BYTES];
};

static void serve_waiting(struct http_pool *pool);
static void assign(struct connection *connection, struct http_call *call);

static void call_free(struct http_call *call)
{
	loop_later_cancel(&call->failing);
	if (call->node.next)
		list_remove(&call->node);
	call->pool->n_lasting -= call->lasting;
	buf_release(&call->again);
	free(call);
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle);
}

static void end_limit(struct connection *connection)
{
	if (connection->limit)
		uv_close((uv_handle_t *)connection->limit, on_timer_closed);
	connection->limit = NULL;
}

static void cancel_dial(struct connection *connection)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };

	if (!question_is_open(&connection->dial))
		return;
	question_cancel(&connection->dial);
	if (!connection->pool->egress)
		return;
	wire_begin(&out, DIAL_CANCEL, connection->dial.id);
	(void)channel_send(connection->pool->egress, &out);
}

static void set_lasting(struct connection *connection, bool lasting)
{
	connection->pool->n += (size_t)connection->lasting;
	connection->pool->n -= (size_t)lasting;
	connection->lasting = lasting;
}

static void connection_free(struct connection *connection)
{
	connection->dead = true;
	end_limit(connection);
	cancel_dial(connection);
	connection->stream = stream_close(connection->stream);
	if (connection->busy)
		return;
	list_remove(&connection->node);
	set_lasting(connection, false);
	connection->pool->n--;
	http_release(&connection->parser);
	free(connection);
}

static void tell_failure(struct http_call *call, enum http_failure failure, struct span why)
{
	const struct http_call_events *events = call->events;
	void *owner = call->owner;

	call_free(call);
	events->on_fail(owner, failure, why);
}

/* What lasts has a place of its own: it does not stand in the queue. */
static void enqueue(struct http_call *call)
{
	struct http_pool *pool = call->pool;

	list_add(call->lasting ? pool->waiting.next : &pool->waiting, &call->node);
	pool->n_waiting++;
	serve_waiting(pool);
}

/* The connection is of no more use: its call fails, or is tried once more on another. */
static void lost(struct connection *connection, enum http_failure failure, struct span why)
{
	struct http_pool *pool = connection->pool;
	struct http_call *call = TAKE(connection->call);
	bool again = call && !connection->fresh && !call->answering && call->repeatable &&
		     failure == HTTP_FAIL_BROKEN;

	connection_free(connection);
	if (!call)
		return;
	call->connection = NULL;
	if (again) {
		call->repeatable = false;
		enqueue(call);
		return;
	}
	tell_failure(call, failure, why);
	serve_waiting(pool);
}

/*
 * The answer is whole: the call is over, and the connection goes back where it is clean: where nothing
 * follows the answer, which the next call would take for its own.
 */
static void finished(struct connection *connection, bool clean)
{
	struct http_call *call = TAKE(connection->call);
	const struct http_call_events *events = call->events;
	void *owner = call->owner;
	bool keep = connection->parser.head.keep_alive && connection->parser.head.framing != HTTP_BODY_TO_END;

	connection->fresh = false;
	call_free(call);
	set_lasting(connection, false);
	keep &= connection->pool->n <= connection->pool->options.max_connections;
	if (keep && clean && !connection->dead) {
		http_reset(&connection->parser);
		list_remove(&connection->node);
		list_add(&connection->pool->idle, &connection->node);
		stream_resume(connection->stream);
	} else {
		connection_free(connection);
	}
	events->on_done(owner);
}

static void refused(struct connection *connection, enum http_reason reason)
{
	CLEANUP(buf_release) struct buf why = BUF_INIT((size_t)256);

	buf_addf(&why, "the server's answer breaks the rules of HTTP: %s", http_reason_text(reason));
	lost(connection, reason == HTTP_BAD_BODY_LONG ? HTTP_FAIL_LONG : HTTP_FAIL_BAD, buf_span(&why));
}

static void feed(struct connection *connection, struct span in)
{
	while (!connection->dead) {
		struct http_call *call = connection->call;

		if (!call) {
			/* Bytes on an idle connection: it is not to be trusted any more. */
			if (in.n)
				connection_free(connection);
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
	struct connection *connection = owner;
	struct http_pool *pool = connection->pool;

	connection->busy = true;
	feed(connection, bytes);
	connection->busy = false;
	if (connection->dead)
		connection_free(connection);
	serve_waiting(pool);
}

/* An answer that lasts as long as its connection is whole only where the end was said. */
static void ended(struct connection *connection, enum stream_end why)
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
	struct connection *connection = owner;
	struct http_pool *pool = connection->pool;

	if (!connection->call) {
		connection_free(connection);
		return;
	}
	connection->busy = true;
	ended(connection, why);
	connection->busy = false;
	if (connection->dead)
		connection_free(connection);
	serve_waiting(pool);
}

/* Not a byte of a request leaves before it is known who listens. */
static void on_secure(void *owner)
{
	struct connection *connection = owner;
	struct http_call *call = TAKE(connection->call);

	end_limit(connection);
	if (call)
		assign(connection, call);
	else
		connection_free(connection);
}

static const struct stream_events connection_events = { .on_read = on_read,
							.on_end = on_end,
							.on_secure = on_secure };

/* --- dialling --- */

static enum http_failure take_socket(struct connection *connection, struct wire_in *in, struct span *why)
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

static void secure(struct connection *connection)
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
	(void)uv_timer_start(connection->limit, on_limit, POOL_HANDSHAKE_MS, 0);
	if (stream_start_tls(connection->stream, options->tls, options->host, &err) < 0)
		lost(connection, HTTP_FAIL_TLS, span_str(err.text));
}

static void on_dialled(struct question *question, struct wire_in *in)
{
	struct connection *connection = LIST_ENTRY(question, struct connection, dial);
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
		assign(connection, call);
	} else {
		serve_waiting(connection->pool);
	}
}

static struct connection *dial(struct http_pool *pool, struct http_call *call)
{
	struct connection *connection = calloc(1, sizeof(*connection));
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
	set_lasting(connection, call->lasting);
	call->connection = connection;
	wire_begin(&out, DIAL_CONNECT, 0);
	wire_put_span(&out, pool->options.target);
	channel_ask(pool->egress, &out, &connection->dial);
	wire_out_release(&out);
	return connection;
}

static void assign(struct connection *connection, struct http_call *call)
{
	struct span request = buf_span(&call->again);

	connection->call = call;
	call->connection = connection;
	list_remove(&connection->node);
	list_add(&connection->pool->used, &connection->node);
	set_lasting(connection, call->lasting);
	stream_write(connection->stream, (struct span[]){ request }, 1);
	if (!call->repeatable)
		buf_release(&call->again);
}

static void serve_waiting(struct http_pool *pool)
{
	while (!list_empty(&pool->waiting)) {
		struct http_call *call = LIST_ENTRY(pool->waiting.next, struct http_call, node);

		if (!list_empty(&pool->idle)) {
			list_remove(&call->node);
			call->node = (struct list){ 0 };
			pool->n_waiting--;
			assign(LIST_ENTRY(pool->idle.next, struct connection, node), call);
			continue;
		}
		if ((pool->n >= pool->options.max_connections && !call->lasting) || !pool->egress)
			return;
		list_remove(&call->node);
		call->node = (struct list){ 0 };
		pool->n_waiting--;
		if (!dial(pool, call)) {
			tell_failure(call, HTTP_FAIL_DIAL,
				     S("the gate has no memory for a connection; try again later"));
			return;
		}
	}
}

static void run_failing(struct later *later)
{
	struct http_call *call = LIST_ENTRY(later, struct http_call, failing);

	tell_failure(call, call->failure, call->why);
}

/* Told in the next turn: nobody is called back from inside http_send(). */
static struct http_call *fail_later(struct http_call *call, enum http_failure failure, struct span why)
{
	call->failure = failure;
	call->why = why;
	call->failing.run = run_failing;
	loop_later(call->pool->loop, &call->failing);
	return call;
}

static struct http_call *send_now(struct http_call *call, struct connection *connection, struct span head,
				  struct span body)
{
	list_remove(&connection->node);
	list_add(&call->pool->used, &connection->node);
	connection->call = call;
	call->connection = connection;
	set_lasting(connection, call->lasting);
	stream_write(connection->stream, (struct span[]){ head, body }, 2);
	return call;
}

static struct http_call *send_call(struct http_call *call, struct span head, struct span body)
{
	struct http_pool *pool = call->pool;

	call->again = BUF_INIT(head.n + body.n);
	if (!list_empty(&pool->idle) && list_empty(&pool->waiting) && !call->repeatable)
		return send_now(call, LIST_ENTRY(pool->idle.next, struct connection, node), head, body);
	buf_add(&call->again, head);
	buf_add(&call->again, body);
	if (!buf_ok(&call->again))
		return fail_later(call, HTTP_FAIL_BUSY,
				  S("the gate has no memory for the request; try again later"));
	if (!pool->egress)
		return fail_later(call, HTTP_FAIL_DIAL,
				  S("the gate's egress process is being restarted; try again in a moment"));
	if (pool->n_waiting >= pool->options.max_waiting && !call->lasting)
		return fail_later(call, HTTP_FAIL_BUSY,
				  S("too many requests wait for this server already; try again later"));
	enqueue(call);
	return call;
}

static struct http_call *call_new(struct http_pool *pool, bool repeatable,
				  const struct http_call_events *events, void *owner)
{
	struct http_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->pool = pool;
	call->events = events;
	call->owner = owner;
	call->repeatable = repeatable;
	return call;
}

struct http_call *http_send(struct http_pool *pool, struct span head, struct span body, bool repeatable,
			    const struct http_call_events *events, void *owner)
{
	struct http_call *call = call_new(pool, repeatable, events, owner);

	return call ? send_call(call, head, body) : NULL;
}

struct http_call *http_send_lasting(struct http_pool *pool, struct span head, struct span body,
				    bool repeatable, const struct http_call_events *events, void *owner)
{
	struct http_call *call = call_new(pool, repeatable, events, owner);

	if (!call)
		return NULL;
	if (pool->n_lasting >= pool->options.max_lasting)
		return fail_later(
		    call, HTTP_FAIL_BUSY,
		    S("too many event streams of this server are open; end one, then try again"));
	call->lasting = true;
	pool->n_lasting++;
	return send_call(call, head, body);
}

struct http_call *http_call_abort(struct http_call *call)
{
	struct connection *connection;

	if (!call)
		return NULL;
	connection = call->connection;
	if (call->node.next)
		call->pool->n_waiting--;
	call_free(call);
	if (connection) {
		struct http_pool *pool = connection->pool;

		connection->call = NULL;
		connection_free(connection);
		serve_waiting(pool);
	}
	return NULL;
}

void http_call_endless(struct http_call *call)
{
	http_limit_body(&call->connection->parser, UINT64_MAX);
}

void http_call_pause(struct http_call *call)
{
	if (call->connection && call->connection->stream)
		stream_pause(call->connection->stream);
}

void http_call_resume(struct http_call *call)
{
	if (call->connection && call->connection->stream)
		stream_resume(call->connection->stream);
}

struct http_pool *http_pool_new(struct loop *loop, struct channel *egress,
				const struct http_pool_options *options, struct err *err)
{
	struct http_pool *pool = calloc(1, sizeof(*pool));

	if (!pool || options->target.n >= POOL_NAME_BYTES || options->host.n >= POOL_NAME_BYTES) {
		free(pool);
		(void)err_set(err, ERR_NOMEM, "no memory for a pool of connections");
		return NULL;
	}
	pool->loop = loop;
	pool->egress = egress;
	pool->options = *options;
	if (options->tls)
		(void)tls_context_ref(options->tls);
	memcpy(pool->names, options->target.p, options->target.n);
	if (options->host.n)
		memcpy(pool->names + POOL_NAME_BYTES, options->host.p, options->host.n);
	pool->options.target.p = pool->names;
	pool->options.host.p = pool->names + POOL_NAME_BYTES;
	list_init(&pool->idle);
	list_init(&pool->used);
	list_init(&pool->waiting);
	return pool;
}

static void end_all(struct list *connections)
{
	while (!list_empty(connections)) {
		struct connection *connection = LIST_ENTRY(connections->next, struct connection, node);

		list_remove(&connection->node);
		if (connection->call)
			call_free(connection->call);
		connection->call = NULL;
		connection_free(connection);
	}
}

static void run_freeing(struct later *later)
{
	struct http_pool *pool = LIST_ENTRY(later, struct http_pool, freeing);

	(void)tls_context_unref(pool->options.tls);
	free(pool);
}

struct http_pool *http_pool_free(struct http_pool *pool)
{
	if (!pool)
		return NULL;
	while (!list_empty(&pool->waiting))
		call_free(LIST_ENTRY(pool->waiting.next, struct http_call, node));
	end_all(&pool->used);
	end_all(&pool->idle);
	pool->egress = NULL;
	/* It may be the last act of a call's own callback: what is up the stack looks at the pool once more.
	 */
	pool->freeing.run = run_freeing;
	loop_later(pool->loop, &pool->freeing);
	return NULL;
}

void http_pool_set_limits(struct http_pool *pool, const struct http_limits *limits, size_t max_waiting)
{
	pool->options.limits = *limits;
	pool->options.max_waiting = max_waiting;
}

void http_pool_set_egress(struct http_pool *pool, struct channel *egress)
{
	pool->egress = egress;
	if (egress)
		serve_waiting(pool);
}
