/* client.c - HTTP requests outwards: calls, and whose turn it is; connections are kept alive here. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/zeroed.h"
#include "http/outgoing.h"
#include "net/tls_context.h"

void http_call_place(struct http_call *call, bool placed)
{
	placed &= !call->lasting;
	call->payer->n_used += placed;
	call->payer->n_used -= call->placed;
	call->placed = placed;
}

/* What was written and not taken yet is the payer's, too. */
void http_call_charge(struct http_call *call, size_t unsent)
{
	budget_force(call->budget, unsent);
	budget_give(call->budget, call->unsent);
	call->unsent = unsent;
}

void http_call_free(struct http_call *call)
{
	http_call_charge(call, 0);
	outgoing_end_timer(&call->deadline);
	loop_later_cancel(&call->failing);
	if (call->node.next)
		payer_unwait(&call->pool->payers, call->payer, &call->node);
	http_call_place(call, false);
	call->payer->n_lasting -= call->lasting;
	call->pool->n_lasting -= call->lasting;
	payer_leave(&call->pool->payers, call->payer);
	buf_release(&call->again);
	free(call);
}

void http_call_fail(struct http_call *call, enum http_failure failure, struct span why)
{
	const struct http_call_events *events = call->events;
	void *owner = call->owner;

	http_call_free(call);
	events->on_fail(owner, failure, why);
}

/* What lasts has a place of its own: it does not stand in the queue. */
void http_call_enqueue(struct http_call *call)
{
	payer_wait(&call->pool->payers, call->payer, &call->node, call->lasting);
	http_pool_serve(call->pool);
}

/* Does its payer's share of the connections leave one to it? What lasts has a ceiling of its own. */
static bool is_within_share(const struct http_call *call)
{
	const struct payer *payer = call->payer;

	return call->lasting || payer->n_used < payer_share(payer, call->pool->options.max_connections);
}

static bool may_begin(const struct http_pool *pool, const struct http_call *call)
{
	if (!is_within_share(call))
		return false;
	if (!list_empty(&pool->idle))
		return true;
	return pool->egress && (call->lasting || pool->n < pool->options.max_connections);
}

static struct http_call *next_call(const struct http_pool *pool)
{
	LIST_EACH(&pool->payers.turn, node) {
		struct payer *payer = LIST_ENTRY(node, struct payer, node);
		struct http_call *call = LIST_ENTRY(payer->waiting.next, struct http_call, node);

		if (may_begin(pool, call))
			return call;
	}
	return NULL;
}

static void run_failing(struct later *later)
{
	struct http_call *call = LIST_ENTRY(later, struct http_call, failing);
	struct http_pool *pool = call->pool;

	http_call_fail(call, call->failure, call->why);
	/* Where there was no memory for it, somebody behind it still waits for his turn. */
	http_pool_serve(pool);
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

struct outgoing *http_pool_idle(const struct http_pool *pool)
{
	return LIST_ENTRY(pool->idle.prev, struct outgoing, node);
}

bool http_pool_tick(struct http_pool *pool, uint64_t now_ms)
{
	while (!list_empty(&pool->idle)) {
		struct outgoing *oldest = LIST_ENTRY(pool->idle.next, struct outgoing, node);

		if (now_ms < oldest->idle_ms + HTTP_POOL_IDLE_MS)
			return true;
		outgoing_free(oldest);
	}
	return !list_empty(&pool->used);
}

void http_pool_serve(struct http_pool *pool)
{
	struct http_call *call;

	while ((call = next_call(pool)) != NULL) {
		payer_unwait(&pool->payers, call->payer, &call->node);
		if (!list_empty(&pool->idle)) {
			outgoing_take(http_pool_idle(pool), call);
		} else if (!outgoing_dial(pool, call)) {
			(void)fail_later(call, HTTP_FAIL_DIAL,
					 S("the gate has no memory for a connection; try again later"));
			return;
		}
	}
}

static struct http_call *send_now(struct http_call *call, struct outgoing *connection, struct span head,
				  struct span body)
{
	list_remove(&connection->node);
	list_add(&call->pool->used, &connection->node);
	connection->call = call;
	call->connection = connection;
	outgoing_set_lasting(connection, call->lasting);
	http_call_place(call, true);
	stream_write(connection->stream, (struct span[]){ head, body }, 2);
	http_call_charge(call, stream_queued(connection->stream));
	return call;
}

static struct http_call *send_call(struct http_call *call, struct span head, struct span body)
{
	struct http_pool *pool = call->pool;

	call->again = BUF_CHARGED(head.n + body.n, call->budget);
	if (!list_empty(&pool->idle) && !pool->payers.n_waiting && !call->repeatable && is_within_share(call))
		return send_now(call, http_pool_idle(pool), head, body);
	buf_add(&call->again, head);
	buf_add(&call->again, body);
	if (!buf_ok(&call->again))
		return fail_later(call, HTTP_FAIL_BUSY,
				  S("the request is more than `limits.memory` leaves to this token now: let "
				    "other calls end, then try again"));
	if (!pool->egress)
		return fail_later(call, HTTP_FAIL_DIAL,
				  S("the gate's egress process is being restarted; try again in a moment"));
	if (!call->lasting && (pool->payers.n_waiting >= pool->options.max_waiting ||
			       call->payer->n_waiting >= payer_share(call->payer, pool->options.max_waiting)))
		return fail_later(
		    call, HTTP_FAIL_BUSY,
		    S("too many requests wait for this server already, in all or of this token; try again "
		      "later"));
	http_call_enqueue(call);
	return call;
}

static struct http_call *call_new(struct http_pool *pool, struct http_payer payer, bool repeatable,
				  const struct http_call_events *events, void *owner)
{
	struct http_call *call = zeroed(sizeof(*call));

	if (call)
		call->payer = payer_join(&pool->payers, payer.key);
	if (!call || !call->payer) {
		free(call);
		return NULL;
	}
	call->pool = pool;
	call->budget = payer.budget;
	call->events = events;
	call->owner = owner;
	call->repeatable = repeatable;
	return call;
}

struct http_call *http_send(struct http_pool *pool, struct http_payer payer, struct span head,
			    struct span body, bool repeatable, const struct http_call_events *events,
			    void *owner)
{
	struct http_call *call = call_new(pool, payer, repeatable, events, owner);

	return call ? send_call(call, head, body) : NULL;
}

struct http_call *http_send_lasting(struct http_pool *pool, struct http_payer payer, struct span head,
				    struct span body, bool repeatable, const struct http_call_events *events,
				    void *owner)
{
	struct http_call *call = call_new(pool, payer, repeatable, events, owner);

	if (!call)
		return NULL;
	if (pool->n_lasting >= pool->options.max_lasting ||
	    call->payer->n_lasting >= payer_share(call->payer, pool->options.max_lasting))
		return fail_later(
		    call, HTTP_FAIL_BUSY,
		    S("too many event streams of this server are open, in all or of this token; end a "
		      "session, then try again"));
	call->lasting = true;
	call->payer->n_lasting++;
	pool->n_lasting++;
	return send_call(call, head, body);
}

struct http_call *http_call_abort(struct http_call *call)
{
	struct outgoing *connection;

	if (!call)
		return NULL;
	connection = call->connection;
	http_call_free(call);
	if (connection) {
		struct http_pool *pool = connection->pool;

		connection->call = NULL;
		outgoing_free(connection);
		http_pool_serve(pool);
	}
	return NULL;
}

static void on_deadline(uv_timer_t *timer)
{
	(void)http_call_abort(timer->data);
}

void http_call_expire(struct http_call *call, uint64_t ms)
{
	call->deadline = malloc(sizeof(*call->deadline));
	if (!call->deadline) {
		(void)http_call_abort(call);
		return;
	}
	check(uv_timer_init(&call->pool->loop->uv, call->deadline) == 0);
	call->deadline->data = call;
	(void)uv_timer_start(call->deadline, on_deadline, ms, 0);
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
	payers_init(&pool->payers);
	return pool;
}

static void end_all(struct list *connections)
{
	while (!list_empty(connections)) {
		struct outgoing *connection = LIST_ENTRY(connections->next, struct outgoing, node);

		list_remove(&connection->node);
		if (connection->call)
			http_call_free(connection->call);
		connection->call = NULL;
		outgoing_free(connection);
	}
}

static void run_freeing(struct later *later)
{
	struct http_pool *pool = LIST_ENTRY(later, struct http_pool, freeing);

	(void)tls_context_unref(pool->options.tls);
	payers_release(&pool->payers);
	free(pool);
}

struct http_pool *http_pool_free(struct http_pool *pool)
{
	if (!pool)
		return NULL;
	while (!list_empty(&pool->payers.turn)) {
		const struct payer *payer = LIST_ENTRY(pool->payers.turn.next, struct payer, node);

		http_call_free(LIST_ENTRY(payer->waiting.next, struct http_call, node));
	}
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
		http_pool_serve(pool);
}
