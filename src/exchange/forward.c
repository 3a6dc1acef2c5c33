/* forward.c - the last stage: what leaves for the server, in its own words, under ids of ours. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/account.h"
#include "exchange/client.h"
#include "exchange/listening.h"
#include "exchange/owner.h"
#include "exchange/parked.h"
#include "exchange/rounds.h"
#include "exchange/task.h"
#include "exchange/task_run.h"
#include "exchange/turnstile.h"
#include "mcp/translate.h"
#include "json/write.h"

/* What one message is made of. */
struct outgoing {
	struct edits edits;
	char number_store[24];
	struct buf number;  /* our id, and the progress token */
	struct buf name;    /* the server's own name of what is meant, as JSON */
	struct buf meta;    /* members of _meta for a modern server */
	struct buf rounds;  /* members of params for the next round */
	struct buf headers; /* Mcp-Param-* lines */
};

static void outgoing_init(struct outgoing *out, struct exchange *x)
{
	*out = (struct outgoing){ .edits = { .arena = &x->arena },
				  .name = BUF_INIT((size_t)64 * 1024),
				  .meta = BUF_INIT((size_t)512 * 1024),
				  .rounds = BUF_INIT((size_t)ROUNDS_BYTES * 2),
				  .headers = BUF_INIT((size_t)16384) };
	out->number = buf_over(out->number_store, sizeof(out->number_store));
}

static void outgoing_release(struct outgoing *out)
{
	buf_release(&out->name);
	buf_release(&out->meta);
	buf_release(&out->rounds);
	buf_release(&out->headers);
}

static bool outgoing_ok(const struct outgoing *out)
{
	return buf_ok(&out->name) && buf_ok(&out->meta) && buf_ok(&out->rounds) && buf_ok(&out->headers) &&
	       !out->edits.over;
}

static void replace(struct outgoing *out, json_at at, struct span bytes)
{
	if (at != JSON_NONE)
		edits_add(&out->edits, (struct json_edit){ at, JSON_REPLACE, bytes });
}

static void drop_member(struct outgoing *out, json_at value)
{
	if (value != JSON_NONE)
		edits_add(&out->edits, (struct json_edit){ value - 1, JSON_DROP, S("") });
}

static enum stage_result refused(struct exchange *x, unsigned status, int error, const char *code,
				 struct span text)
{
	x->worker->metrics.denied++;
	exchange_refuse(x, status, error, code, text, S(""));
	return STAGE_DONE;
}

/* Mirrored headers towards an HTTP server: from the arguments, by the server's own schema. */
static void add_param_headers(const struct exchange *x, struct buf *out)
{
	json_at arguments = json_get(x->message.json, x->message.params, S("arguments"));

	for (size_t i = 0; i < x->tool->n_params; i++) {
		CLEANUP(buf_release) struct buf value = BUF_INIT((size_t)16384);

		if (!header_param_value(&x->tool->params[i], x->message.json, arguments, &value))
			continue;
		buf_addf(out, "%.*s: ", SPAN_ARG(x->tool->params[i].header));
		buf_add(out, buf_span(&value));
		buf_add(out, S("\r\n"));
	}
}

/*
 * What a modern server wants in each request's _meta: the hello it was greeted with, and the log level. It
 * may answer with a task only to who wants one.
 */
static void add_meta(const struct exchange *x, const struct link *link, struct buf *out)
{
	CLEANUP(buf_release) struct buf with_tasks = BUF_INIT(out->max);
	struct span hello = buf_span(&link->init_params);

	if (task_is_wished(x)) {
		task_add_meta(&with_tasks, link);
		hello = buf_span(&with_tasks);
		out->over |= !buf_ok(&with_tasks) || hello.n < 2;
	}
	if (!out->over)
		buf_add(out, span_first(span_skip(hello, 1), hello.n - 2));
	if (x->client->log_level)
		json_put_string(out, S(META_LOG_LEVEL), level_name(x->client->log_level));
}

/*
 * A legacy server has one level for the session: the most verbose that one of its requests wants. What is
 * more than a request asked for is left out on the way back.
 */
static void set_level(struct exchange *x, struct link *link)
{
	if (x->method == METHOD_SET_LEVEL && listening_take_level(x))
		link->level = x->client->log_level;
	if (x->log_level && (!link->level || link->level > x->log_level))
		listening_set_level(link, x->log_level);
}

/* May the call be made again with what the server asks for meanwhile? Then what was asked is kept. */
static bool is_repeated(const struct exchange *x)
{
	return (method_info(x->method)->flags & METHOD_MULTI_ROUND) && x->client->era == ERA_LEGACY &&
	       x->attachment->link->era == ERA_MODERN;
}

/* The requestState that the server gave, in place of ours; and the answers of rounds the gate plays itself.
 */
static void edit_rounds(struct exchange *x, struct outgoing *out)
{
	json_at state = json_get(x->message.json, x->message.params, S("requestState"));

	if (is_repeated(x)) {
		/* These rounds are the gate's. */
		drop_member(out, state);
		drop_member(out, json_get(x->message.json, x->message.params, S("inputResponses")));
	} else if (state != JSON_NONE && x->client->era == ERA_MODERN &&
		   x->attachment->link->era == ERA_MODERN) {
		if (x->state.n)
			replace(out, state, x->state);
		else
			drop_member(out, state);
	}
	rounds_add(x, &out->rounds);
	if (out->rounds.n)
		edits_add(&out->edits,
			  (struct json_edit){ x->message.params, JSON_INSERT, buf_span(&out->rounds) });
}

/* All edits of the message. False: it has no words for this server. */
static bool edit(struct exchange *x, struct outgoing *out)
{
	const struct message *message = &x->message;
	struct link *link = x->attachment->link;
	struct legs legs = { x->revision, link->revision };
	json_at withheld;

	if (revision_era(legs.from) != link->era) {
		if (link->era == ERA_MODERN)
			add_meta(x, link, &out->meta);
		if (!translate_request(message, legs, buf_span(&out->meta), &out->edits))
			return false;
	} else {
		withheld = local_withheld(x);
		drop_member(out, withheld);
	}
	x->paged = json_get(message->json, message->params, S("cursor")) != JSON_NONE;
	task_edit_call(x, &out->edits);
	replace(out, message->id, buf_span(&out->number));
	if (x->progress.n)
		replace(out, message_progress_token(message), buf_span(&out->number));
	if (x->own_name.p != x->name.p) {
		json_add_string(&out->name, x->own_name);
		replace(out, owner_name_place(x), buf_span(&out->name));
	}
	if (method_info(x->method)->flags & METHOD_MULTI_ROUND)
		edit_rounds(x, out);
	return true;
}

static enum stage_result send_out(struct exchange *x, const struct outgoing *out)
{
	struct link *link = x->attachment->link;
	struct span full;
	struct send_facts facts = { .method = x->method,
				    .method_name = method_info(x->method)->name,
				    .name = method_info(x->method)->named_by.n ? x->own_name : S(""),
				    .headers = buf_span(&out->headers),
				    .repeatable = method_info(x->method)->flags & METHOD_READS };

	full = account_is_full(x->client->account, x->worker->out.n);
	if (full.n)
		return refused(x, 429, -32603, "K801", full);
	x->sent = true;
	link_request(link, &x->call, buf_span(&x->worker->out), &facts);
	return STAGE_WAIT;
}

/*
 * A legacy server over HTTP may say that it has forgotten the session, and the request is made again in a new
 * one: where there is memory to keep it.
 */
static void keep_for_new_session(struct exchange *x)
{
	const struct link *link = x->attachment->link;

	if (link->era != ERA_LEGACY || !link_has_requests(link) || x->again) {
		buf_release(&x->body);
		return;
	}
	if (!x->body.n)
		json_emit(&x->body, x->message.json, x->message.root, NULL, 0);
	if (!buf_ok(&x->body))
		buf_release(&x->body);
}

static enum stage_result write_and_send(struct exchange *x, struct outgoing *out)
{
	const struct message *message = &x->message;
	struct link *link = x->attachment->link;

	buf_add_u64(&out->number, link_take_id(link, &x->call));
	if (!edit(x, out))
		return listening_serve(x);
	if (x->tool && x->tool->n_params && link->era == ERA_MODERN && link_has_requests(link))
		add_param_headers(x, &out->headers);
	buf_clear(&x->worker->out);
	json_emit(&x->worker->out, message->json, message->root, out->edits.list, out->edits.n);
	if (!buf_ok(&x->worker->out) || !outgoing_ok(out))
		return refused(x, 413, -32603, "K803", S("The request is too large to be passed on"));
	if (is_repeated(x) && !exchange_keep(x))
		return STAGE_DONE;
	if (!is_repeated(x))
		keep_for_new_session(x);
	x->message = (struct message){ 0 };
	return send_out(x, out);
}

enum stage_result exchange_forward(struct exchange *x)
{
	struct outgoing out;
	enum stage_result result;

	if (local_method(x))
		return local_answer(x);
	if (task_method(x->method)) {
		result = task_serve(x);
		if (result != STAGE_NEXT)
			return result;
	}
	/* The gate keeps them, for the server's next connection. */
	if (x->method == METHOD_RESOURCES_SUBSCRIBE || x->method == METHOD_RESOURCES_UNSUBSCRIBE)
		return listening_serve(x);
	link_initialized(x->attachment->link);
	/* What waits here is at the server already. */
	if (x->parked)
		return parked_resume(x);
	result = turnstile_enter(x);
	if (result != STAGE_NEXT)
		return result;
	set_level(x, x->attachment->link);
	outgoing_init(&out, x);
	result = write_and_send(x, &out);
	outgoing_release(&out);
	return result;
}
