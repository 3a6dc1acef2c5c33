/* receive.c - what a server sends back: the second half of a message's way. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/client.h"
#include "exchange/listening.h"
#include "exchange/owner.h"
#include "exchange/parked.h"
#include "exchange/round_state.h"
#include "exchange/rounds.h"
#include "exchange/subscription.h"
#include "exchange/task.h"
#include "exchange/task_run.h"
#include "exchange/view.h"
#include "mcp/translate.h"
#include "json/number.h"
#include "json/write.h"

static void too_large(struct exchange *x)
{
	exchange_refuse(x, 200, -32603, "K803", S("The server's answer is too large"), S(""));
}

/* The legs of what comes back. */
static struct legs legs_back(const struct exchange *x)
{
	return (struct legs){ .from = x->attachment->link->revision, .to = x->revision };
}

static void reply_error(struct exchange *x, const struct message *message)
{
	const struct json *json = message->json;
	struct legs legs = legs_back(x);
	json_at code_at = json_get(json, message->error, S("code"));
	int64_t code = 0;
	char store[24];
	struct buf number = buf_over(store, sizeof(store));
	struct json_edit edit = { code_at, JSON_REPLACE, S("") };

	(void)json_i64(json, code_at, &code);
	if (legs.from != legs.to)
		code = translate_error_code(message, x->method, legs);
	buf_add_i64(&number, code);
	edit.bytes = buf_span(&number);
	buf_add(&x->worker->out, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add(&x->worker->out, x->id);
	buf_add(&x->worker->out, S(",\"error\":"));
	json_emit(&x->worker->out, json, message->error, &edit, legs.from != legs.to ? 1 : 0);
	buf_add_char(&x->worker->out, '}');
	if (buf_ok(&x->worker->out))
		exchange_finish(x, exchange_status(x, code), buf_span(&x->worker->out), "error");
	else
		too_large(x);
}

/* The server's requestState (or that it gave none) as the client carries it: good for this request only. */
static bool seal_state(const struct exchange *x, const struct message *message, struct edits *edits,
		       struct buf *store)
{
	const struct json *json = message->json;
	json_at at = json_get(json, message->result, S("requestState"));

	if (at == JSON_NONE)
		buf_add(store, S("\"requestState\":"));
	if (!round_state_add(store, x, ROUND_SERVER, at == JSON_NONE ? S("") : json_raw(json, at)))
		return false;
	edits_add(edits, at == JSON_NONE ? (struct json_edit){ message->result, JSON_INSERT, buf_span(store) }
					 : (struct json_edit){ at, JSON_REPLACE, buf_span(store) });
	return true;
}

/* Whole, as the server wrote it; or a part of what it wrote. */
static void emit_result(struct exchange *x, const struct message *message, const struct edits *edits)
{
	struct buf *out = &x->worker->out;

	if (message->root != JSON_NONE) {
		json_emit(out, message->json, message->root, edits->list, edits->n);
		return;
	}
	buf_add(out, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add(out, x->id);
	buf_add(out, S(",\"result\":"));
	json_emit(out, message->json, message->result, edits->list, edits->n);
	buf_add_char(out, '}');
}

/*
 * spec: mcp/2026-07-28 caching, MUST NOT: what is one token's reaches no other's. Which server has a URI, and
 * what of a list is shown, is the token's here, whatever the server says of its own.
 */
static void keep_private(const struct exchange *x, const struct message *message, struct edits *edits)
{
	json_at at = JSON_NONE;

	/* Of a legacy server there is nothing to change: translate_result() has said so. */
	if (x->revision >= REVISION_2026_07_28 && x->attachment->link->era == ERA_MODERN &&
	    (method_info(x->method)->flags & METHOD_CACHED))
		at = json_get(message->json, message->result, S("cacheScope"));
	if (at != JSON_NONE)
		edits_add(edits, (struct json_edit){ at, JSON_REPLACE, S("\"private\"") });
}

static void reply_result(struct exchange *x, const struct message *message)
{
	struct legs legs = legs_back(x);
	struct arena arena = ARENA_INIT(x->worker->limits.result_bytes * 2);
	struct edits edits = { .arena = &arena };
	CLEANUP(buf_release) struct buf state = BUF_INIT((size_t)ROUND_STATE_BYTES * 2);
	json_at at;

	owner_learn(x, message);
	view_alone_passed(x, message);
	/* A server that agreed to an old revision may say what only a later one knows. */
	if (legs.from != legs.to || legs.to < REVISION_2025_11_25)
		translate_result(message, x->method == METHOD_TASKS_RESULT ? METHOD_TOOLS_CALL : x->method,
				 legs, &edits);
	keep_private(x, message, &edits);
	task_edit_result(x, message, &edits);
	if (message->root != JSON_NONE)
		edits_add(&edits, (struct json_edit){ message->id, JSON_REPLACE, x->id });
	if (x->method == METHOD_LISTEN && message->meta != JSON_NONE) {
		at = json_get(message->json, message->meta, S(META_SUBSCRIPTION));
		if (at != JSON_NONE)
			edits_add(&edits, (struct json_edit){ at, JSON_REPLACE, x->id });
	}
	if (rounds_wanted(x, message) && !seal_state(x, message, &edits, &state))
		edits.over = true;
	emit_result(x, message, &edits);
	if (buf_ok(&x->worker->out) && !edits.over)
		exchange_finish(x, 200, buf_span(&x->worker->out), "result");
	else
		too_large(x);
	arena_release(&arena);
}

/*
 * spec: mcp/2025-11-25 elicitation: a legacy server that wants a page opened first ends the request with an
 * error. A modern client is asked for that, and makes its call again.
 */
static bool reply_with_pages(struct exchange *x, const struct message *message)
{
	CLEANUP(buf_release) struct buf result = BUF_INIT((size_t)1 << 20);

	if (x->client->era != ERA_MODERN || !(method_info(x->method)->flags & METHOD_MULTI_ROUND) ||
	    !(x->declared & CLIENT_ELICITATION_URL))
		return false;
	buf_add(&result, S("{\"resultType\":\"input_required\",\"inputRequests\":"));
	if (!translate_url_error_to_inputs(&result, message))
		return false;
	buf_add(&result, S(",\"requestState\":"));
	if (!round_state_add(&result, x, ROUND_AGAIN, S("")))
		return false;
	buf_add_char(&result, '}');
	exchange_answer(x, &result);
	return true;
}

void exchange_reply(struct exchange *x, const struct message *message)
{
	x->attachment->deaths = 0;
	buf_clear(&x->worker->out);
	if (message->kind == MESSAGE_ERROR) {
		if (!reply_with_pages(x, message))
			reply_error(x, message);
	} else if (rounds_wanted(x, message) && !(method_info(x->method)->flags & METHOD_MULTI_ROUND)) {
		x->worker->metrics.failed++;
		exchange_refuse(x, 200, -32603, "K705",
				S("The server asks for more where no request can be made again"), S(""));
	} else if (x->client->era == ERA_LEGACY && rounds_wanted(x, message)) {
		rounds_begin(x, message);
	} else {
		reply_result(x, message);
	}
}

/*
 * spec: mcp/2025-11-25 progress, MUST: the value increases with each notification. What does not is
 * no progress: it is neither passed on nor a reason to wait any longer.
 */
static bool is_progress(struct exchange *x, const struct message *message)
{
	const struct json *json = message->json;
	json_at at = json_get(json, message->params, S("progress"));
	double value = json_is(json, at, JSON_NUMBER) ? json_number_double(json_raw(json, at)) : 0;

	if (!x->progress.n || !json_is(json, at, JSON_NUMBER) || (x->progressed && value <= x->progress_last))
		return false;
	x->progressed = true;
	x->progress_last = value;
	return true;
}

static void drop(const struct exchange *x, const struct message *message)
{
	struct link *link = x->attachment->link;
	uint32_t missed;

	x->server->dropped++;
	if (link && log_brake_pass(&link->brake, loop_now(&x->worker->loop), 3, &missed))
		log_event(x->worker->log, LOG_WARN, "upstream.dropped",
			  "A server's notification breaks the protocol; it was dropped.",
			  LF("server", server_shown(x->server)), LF("method", message->method_raw),
			  LFN("more", missed));
}

/* A log message that is less grave than the request asked for; a legacy server has one level for all. */
static bool is_too_verbose(const struct exchange *x, const struct message *message)
{
	json_at level = message->method != METHOD_MESSAGE || message->params == JSON_NONE
			    ? JSON_NONE
			    : json_get(message->json, message->params, S("level"));

	return x->client->era == ERA_MODERN && json_is(message->json, level, JSON_STRING) &&
	       (!x->log_level || level_of(json_string_raw(message->json, level)) < x->log_level);
}

/* A notification on the call's own stream: the client's token and subscription id stand in it again. */
static void pass_on(struct exchange *x, const struct message *message)
{
	const struct json *json = message->json;
	struct arena arena = ARENA_INIT((size_t)1 << 20);
	struct edits edits = { .arena = &arena };
	struct legs legs = legs_back(x);
	json_at at = JSON_NONE;

	if (legs.from != legs.to && !translate_server_notification(message, legs, &edits))
		return;
	if (message->method == METHOD_PROGRESS)
		at = json_get(json, message->params, S("progressToken"));
	else if (message->meta != JSON_NONE)
		at = json_get(json, message->meta, S(META_SUBSCRIPTION));
	if (at != JSON_NONE)
		edits_add(&edits,
			  (struct json_edit){ at, JSON_REPLACE,
					      message->method == METHOD_PROGRESS ? x->progress : x->id });
	buf_clear(&x->worker->out);
	json_emit(&x->worker->out, json, message->root, edits.list, edits.n);
	if (buf_ok(&x->worker->out) && !edits.over && x->sink) {
		x->worker->metrics.notifications++;
		x->sink->send(x->sink, x, 200, buf_span(&x->worker->out), false);
	}
	arena_release(&arena);
}

static void take_cancelled(struct exchange *x, const struct message *message)
{
	if (x->attachment->link->era == ERA_LEGACY)
		client_unasked(x->client, x->attachment, x, message);
	else if (x->method == METHOD_LISTEN)
		subscription_ended(x, message);
	else
		drop(x, message);
}

static void take_notification(struct exchange *x, const struct message *message)
{
	if (x->method == METHOD_LISTEN)
		x->heard |= view_of_method(message->method);
	bool told = x->method == METHOD_LISTEN
			? listening_list_changed(x->attachment, message->method)
			: listening_heard(x->attachment, message) || !owner_hears(x->attachment, message);

	if (!told && method_allowed(message->method, x->revision, METHOD_FROM_SERVER) &&
	    !is_too_verbose(x, message))
		pass_on(x, message);
}

void exchange_receive(struct exchange *x, const struct message *message, bool final)
{
	if (message->method == METHOD_PROGRESS && !is_progress(x, message)) {
		drop(x, message);
		return;
	}
	x->last_ms = loop_now(&x->worker->loop);
	if (final && task_take(x, message))
		return;
	if (final)
		exchange_reply(x, message);
	else if (message->kind == MESSAGE_REQUEST && !task_asked(x->attachment, message))
		client_ask(x->client, x->attachment, x, message);
	else if (message->method == METHOD_CANCELLED)
		take_cancelled(x, message);
	else
		take_notification(x, message);
}
