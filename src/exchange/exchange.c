/* exchange.c - the life of one request: begun, parked, answered, given up. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/exchange.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "exchange/account.h"
#include "exchange/client.h"
#include "exchange/lists.h"
#include "exchange/parked.h"
#include "exchange/rounds.h"
#include "exchange/subscription.h"
#include "exchange/task.h"
#include "exchange/task_run.h"
#include "exchange/turnstile.h"
#include "json/write.h"

enum {
	EXCHANGE_ARENA_BYTES = 1 << 20,
	EXCHANGE_KEPT_BYTES = 16 * 1024,
	EXCHANGE_KEPT = 256,	  /* how many ended ones are kept for reuse */
	EXCHANGE_HURRY_MS = 8000, /* a common answer waits no longer for its slowest server */
	EXCHANGE_BEGIN_MS = 1000, /* an answer that takes longer begins as a stream */
};

static void on_call_message(struct call *call, const struct message *message, bool final)
{
	exchange_receive(LIST_ENTRY(call, struct exchange, call), message, final);
}

/* The server has not looked at it, so it can be made once more: in a new session, which is being begun. */
static bool is_made_again(struct exchange *x, enum link_failure failure)
{
	if (failure != LINK_LOST || x->again || x->parked || x->task || !x->body.n)
		return false;
	x->again = true;
	x->sent = false;
	x->progressed = false;
	x->waited = WAITED_NOTHING;
	x->last_ms = loop_now(&x->worker->loop);
	exchange_repeat(x);
	return true;
}

static const char *failure_code(enum link_failure failure)
{
	if (failure == LINK_CROWDED)
		return "K801";
	return failure == LINK_SILENT ? "K703" : "K702";
}

static void on_call_failed(struct call *call, enum link_failure failure, struct span why)
{
	struct exchange *x = LIST_ENTRY(call, struct exchange, call);
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1024);

	if (is_made_again(x, failure))
		return;
	x->sent &= failure != LINK_LOST && failure != LINK_CROWDED;
	if (attachment_hides(x->attachment, failure, why))
		why = S("it cannot be reached; the gate's log says why");
	x->worker->metrics.failed++;
	buf_addf(&text, "The request to the server %.*s failed: %.*s. %s.", SPAN_ARG(server_shown(x->server)),
		 SPAN_ARG(span_first(why, 300)),
		 failure == LINK_UNSENT || failure == LINK_CROWDED ? "It was not sent"
		 : failure == LINK_LOST				   ? "It had no effect"
					: "It is unknown whether the call took effect");
	exchange_refuse(x, failure == LINK_CROWDED ? 429 : 200, -32603, failure_code(failure),
			buf_span(&text), S(""));
}

static void on_call_streaming(struct call *call)
{
	struct exchange *x = LIST_ENTRY(call, struct exchange, call);

	if (x->sink && x->sink->begin)
		x->sink->begin(x->sink, x);
}

static void on_call_polling(struct call *call, uint64_t retry_ms)
{
	struct exchange *x = LIST_ENTRY(call, struct exchange, call);

	if (x->sink && x->sink->poll)
		x->sink->poll(x->sink, x, retry_ms);
}

static struct exchange *exchange_new(struct worker *worker)
{
	struct exchange *x;

	if (!list_empty(&worker->free_exchanges)) {
		x = LIST_ENTRY(worker->free_exchanges.next, struct exchange, in_client);
		list_remove(&x->in_client);
		worker->n_free_exchanges--;
		return x;
	}
	x = calloc(1, sizeof(*x));
	if (x)
		x->arena = ARENA_INIT(EXCHANGE_ARENA_BYTES);
	return x;
}

static void recycle(struct exchange *x)
{
	struct worker *worker = x->worker;
	struct arena arena = x->arena;

	if (worker->n_free_exchanges >= EXCHANGE_KEPT) {
		arena_release(&arena);
		free(x);
		return;
	}
	/* A long id's block would be kept for short ones. */
	if (arena.used > EXCHANGE_KEPT_BYTES)
		arena_release(&arena);
	arena_clear(&arena);
	*x = (struct exchange){ .arena = arena };
	list_add(&worker->free_exchanges, &x->in_client);
	worker->n_free_exchanges++;
}

static void end(struct exchange *x)
{
	struct client *client = x->client;

	check(!call_is_open(&x->call));
	if (x->free_work)
		x->free_work(x);
	parked_forget(x);
	turnstile_leave(x);
	if (x->task && x->task->player == x)
		x->task->player = NULL;
	x->task = task_unref(x->task);
	if (x->waiting.next)
		list_remove(&x->waiting);
	list_remove(&x->in_client);
	client->n_exchanges--;
	client->used_ms = loop_now(&x->worker->loop);
	client->account->n_calls--;
	x->worker->n_calls--;
	x->worker->crew->n_calls--;
	buf_release(&x->body);
	budget_give(&client->account->held, x->charged);
	x->catalogue = catalogue_unref(x->catalogue);
	x->only = server_unref(x->only);
	recycle(x);
	(void)client_unref(client);
}

/* Ids are short; a long one goes to the arena. */
static struct span keep_token(struct exchange *x, struct span token)
{
	if (token.n <= sizeof(x->id_store)) {
		memcpy(x->id_store, token.p, token.n);
		return span_of(x->id_store, token.n);
	}
	return arena_dup(&x->arena, token);
}

static void fill(struct exchange *x, const struct message *message, const struct exchange_options *options)
{
	struct worker *worker = x->worker;
	json_at token = message_progress_token(message);
	uint64_t now = loop_now(&worker->loop);

	x->client = client_ref(options->client);
	x->only = options->only ? server_ref(options->only) : NULL;
	x->sink = options->sink;
	x->revision = options->revision;
	x->headers_checked = options->headers_checked;
	x->method = message->method;
	x->message = *message;
	x->id = keep_token(x, message_token(message->json, message->id));
	x->progress = token == JSON_NONE ? S("") : arena_dup(&x->arena, message_token(message->json, token));
	x->mirrored = options->mirrored.n ? arena_dup(&x->arena, options->mirrored) : S("");
	x->call = (struct call){ .on_message = on_call_message,
				 .on_failed = on_call_failed,
				 .on_streaming = on_call_streaming,
				 .on_polling = on_call_polling };
	x->charged = x->arena.used;
	budget_force(&x->client->account->held, x->charged);
	x->body = BUF_CHARGED(worker->limits.body_bytes, &x->client->account->held);
	worker->exchange_number += worker->crew->n;
	x->number = worker->exchange_number;
	x->started_us = clock_mono_us();
	x->started_ms = now;
	x->last_ms = now;
	x->deadline_ms = now + worker->limits.call_total_ms;
	list_add(&x->client->exchanges, &x->in_client);
	x->client->n_exchanges++;
	x->client->calm_until_ms = 0;
	x->client->used_ms = now;
	x->client->account->n_calls++;
	worker->n_calls++;
	worker->crew->n_calls++;
	worker->metrics.calls++;
	worker_need_tick(worker);
}

void exchange_start(struct worker *worker, const struct message *message,
		    const struct exchange_options *options)
{
	struct exchange *x = exchange_new(worker);

	if (!x) {
		options->sink->send(options->sink, NULL, 503,
				    S("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":"
				      "-32603,\"message\":\"The gate has no memory\"}}"),
				    true);
		return;
	}
	x->worker = worker;
	fill(x, message, options);
	exchange_run(x);
}

bool exchange_keep(struct exchange *x)
{
	struct span full;

	if (x->body.n)
		return true;
	json_emit(&x->body, x->message.json, x->message.root, NULL, 0);
	if (buf_ok(&x->body))
		return true;
	full = account_is_full(x->client->account, json_raw(x->message.json, x->message.root).n);
	if (full.n) {
		exchange_refuse(x, 429, -32603, "K801", full, S(""));
		return false;
	}
	exchange_refuse(x, 503, -32603, "K803", S("The gate has no memory to keep the request"), S(""));
	return false;
}

bool exchange_charge(struct exchange *x)
{
	size_t more = x->arena.used - x->charged;

	if (!budget_take(&x->client->account->held, more))
		return false;
	x->charged += more;
	return true;
}

void exchange_run(struct exchange *x)
{
	if (x->body.n && (!json_parse(&x->worker->json, buf_span(&x->body), x->body.n) ||
			  message_read(&x->worker->json, 0, &x->message) != MESSAGE_OK)) {
		/* It was read before; only memory can be short. */
		exchange_refuse(x, 503, -32603, "K803", S("The gate has no memory for the request"), S(""));
		return;
	}
	while (x->stage < n_stages) {
		enum stage_result result = stages[x->stage].run(x);

		if (result != STAGE_NEXT)
			return;
		x->stage++;
	}
}

static void finish(struct exchange *x, unsigned status, struct span message, const char *outcome,
		   const char *code)
{
	struct sink *sink = TAKE(x->sink);

	if (x->method == METHOD_INITIALIZE && (!x->client->greeted || !sink))
		client_turn_away(x->client);
	call_forget(&x->call);
	metrics_observe(&x->worker->metrics, clock_mono_us() - x->started_us);
	if (x->recorded)
		record_outcome(x, outcome, code, message.n);
	if (sink)
		sink->send(sink, x, status, message, true);
	end(x);
}

void exchange_finish(struct exchange *x, unsigned status, struct span message, const char *outcome)
{
	finish(x, status, message, outcome, NULL);
}

static void begin_answer(const struct exchange *x, struct buf *out)
{
	buf_clear(out);
	buf_add(out, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add(out, x->id.n ? x->id : S("null"));
}

void exchange_refuse(struct exchange *x, unsigned status, int error, const char *code, struct span text,
		     struct span data)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)64 * 1024);

	if (!x->recorded)
		(void)record_decision(x, false, code);
	message_write_error(&out, &(struct message_error){ .id = x->id.n ? x->id : S("null"),
							   .code = error,
							   .text = text,
							   .kanmon = code,
							   .data = data });
	finish(x, status, buf_span(&out), x->sent ? "failed" : "refused", code);
}

void exchange_answer(struct exchange *x, const struct buf *result)
{
	struct span value = result ? buf_span(result) : S("{}");
	CLEANUP(buf_release) struct buf out = BUF_INIT(value.n + 2048);

	/* The gate's own answers take the form the server's have. */
	if (x->attachment && x->attachment->link && x->attachment->link->streams && x->sink &&
	    x->sink->begin && x->method != METHOD_INITIALIZE)
		x->sink->begin(x->sink, x);
	begin_answer(x, &out);
	buf_add(&out, S(",\"result\":"));
	buf_add(&out, value);
	buf_add_char(&out, '}');
	if (value.n == 0 || (result && !buf_ok(result)) || !buf_ok(&out)) {
		exchange_refuse(x, 503, -32603, "K803", S("The gate has no memory for the answer"), S(""));
		return;
	}
	x->client->greeted |= x->method == METHOD_INITIALIZE;
	exchange_finish(x, 200, buf_span(&out), "answered");
}

/* Nobody gave it up: the session is over before it began, and whoever asked for it waits for a word. */
static void refuse_session(struct exchange *x, struct span reason)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1024);

	call_cancel(&x->call, reason);
	buf_addf(&text, "The session ended before it began: %.*s", SPAN_ARG(span_first(reason, 300)));
	exchange_refuse(x, 404, -32001, "K506", buf_span(&text), S(""));
}

void exchange_cancel(struct exchange *x, struct span reason)
{
	struct sink *sink;

	if (x->method == METHOD_INITIALIZE && x->client->closed && x->client->kind == CLIENT_SESSION &&
	    x->sink) {
		refuse_session(x, reason);
		return;
	}
	sink = TAKE(x->sink);
	call_cancel(&x->call, reason);
	if (x->recorded)
		record_outcome(x, "cancelled", NULL, 0);
	/* spec: a cancelled request gets no answer; the sink still has to let go of it. */
	if (sink)
		sink->send(sink, x, 200, S(""), true);
	end(x);
}

void exchange_detach(struct exchange *x)
{
	x->sink = NULL;
	/* Nobody is left whose slowness the server would have to wait for. */
	call_pause(&x->call, false);
}

static void refuse_late(struct exchange *x, uint64_t silent_ms, const char *key)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)512);

	if (x->server)
		buf_addf(&text, "The server %.*s did not answer within %llu s (%s). %s.",
			 SPAN_ARG(server_shown(x->server)), (unsigned long long)(silent_ms / 1000), key,
			 x->sent ? "It is unknown whether the call took effect" : "The request was not sent");
	else
		buf_add(&text, S("The servers did not answer in time. The request was not sent."));
	exchange_refuse(x, 200, -32603, "K703", buf_span(&text), S(""));
}

/* Will the client have to wait? Who waits for a task is never late, and so `last_ms` says nothing of that. */
static bool is_slow(const struct exchange *x, uint64_t now_ms)
{
	return (call_is_open(&x->call) && now_ms > x->last_ms + EXCHANGE_BEGIN_MS) ||
	       (task_waits(x) && now_ms > x->started_ms + EXCHANGE_BEGIN_MS);
}

void exchange_tick(struct exchange *x, uint64_t now_ms)
{
	uint64_t timeout = x->server ? x->server->timeout_ms : LIMIT_HANDSHAKE_MS * 2;

	if (x->sink && x->sink->begin && is_slow(x, now_ms))
		x->sink->begin(x->sink, x);
	if (x->waiting.next && !x->queued && !x->only && !x->hurry &&
	    now_ms > x->last_ms + EXCHANGE_HURRY_MS) {
		lists_hurry(x);
		attachment_unpark(x);
		exchange_run(x);
		return;
	}
	if (x->method == METHOD_LISTEN && x->sink && !x->waiting.next) {
		if (now_ms > x->last_ms + EXCHANGE_HURRY_MS)
			subscription_hurry(x);
		return;
	}
	if (task_tick(x, now_ms))
		return;
	if (rounds_wait(x) || task_waits(x))
		x->last_ms = now_ms;
	if (now_ms <= x->last_ms + timeout && now_ms <= x->deadline_ms) {
		rounds_tick(x);
		return;
	}
	x->worker->metrics.failed++;
	call_cancel(&x->call, S("timed out"));
	if (now_ms > x->deadline_ms)
		refuse_late(x, x->worker->limits.call_total_ms, "`limits.call-total`");
	else
		refuse_late(x, timeout, "its `timeout`");
}

struct exchange *exchange_find(struct client *client, struct span id)
{
	if (id.n == 0)
		return NULL;
	LIST_EACH(&client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (span_eq(x->id, id))
			return x;
	}
	return NULL;
}

unsigned exchange_status(const struct exchange *x, int64_t code)
{
	if (x->revision < REVISION_2026_07_28)
		return 200;
	if (code == -32020 || code == -32021 || code == -32022)
		return 400;
	return code == -32601 ? 404 : 200;
}
