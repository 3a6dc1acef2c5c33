/* rounds.c - what modern servers want to know, asked of legacy clients. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/rounds.h"

#include <stdlib.h>

#include "base/check.h"
#include "exchange/account.h"
#include "exchange/task.h"
#include "exchange/task_run.h"
#include "exchange/turnstile.h"
#include "mcp/translate.h"
#include "json/write.h"

struct rounds {
	struct exchange *x;
	unsigned n;	    /* that have begun */
	unsigned open;	    /* asks without an answer */
	struct buf answers; /* of this round: members of inputResponses */
	struct buf state;   /* the server's requestState, as JSON; empty: none */
	bool resting;	    /* nothing is asked: it goes on with the next tick */
	struct later next;
};

static void rounds_free(struct exchange *x)
{
	struct rounds *rounds = x->work;

	LIST_EACH(&x->client->asks, node) {
		struct ask *ask = LIST_ENTRY(node, struct ask, node);

		if (ask->x == x)
			ask_free(x->client, ask);
	}
	loop_later_cancel(&rounds->next);
	buf_release(&rounds->answers);
	buf_release(&rounds->state);
	free(rounds);
	x->work = NULL;
	x->free_work = NULL;
}

static struct rounds *rounds_of(const struct exchange *x)
{
	return x->free_work == rounds_free ? x->work : NULL;
}

static void run_next(struct later *later)
{
	struct exchange *x = LIST_ENTRY(later, struct rounds, next)->x;

	if (x->errand == ERRAND_PLAY)
		task_go_on(x);
	else
		exchange_repeat(x);
}

static struct rounds *need_rounds(struct exchange *x)
{
	struct rounds *rounds = rounds_of(x);
	struct budget *budget = &x->client->account->held;

	if (rounds)
		return rounds;
	rounds = calloc(1, sizeof(*rounds));
	if (!rounds)
		return NULL;
	rounds->x = x;
	rounds->answers = BUF_CHARGED(ROUNDS_BYTES, budget);
	rounds->state = BUF_CHARGED(ROUNDS_BYTES, budget);
	rounds->next.run = run_next;
	x->work = rounds;
	x->free_work = rounds_free;
	return rounds;
}

bool rounds_wanted(const struct exchange *x, const struct message *message)
{
	json_at type = x->attachment->link->era == ERA_MODERN && message->kind == MESSAGE_RESULT &&
			       json_is(message->json, message->result, JSON_OBJECT)
			   ? json_get(message->json, message->result, S("resultType"))
			   : JSON_NONE;

	return json_is(message->json, type, JSON_STRING) &&
	       json_string_is(message->json, type, S("input_required"));
}

static void refuse(struct exchange *x, const char *text)
{
	x->worker->metrics.failed++;
	exchange_refuse(x, 200, -32603, "K705", span_str(text), S(""));
}

/* Which capability a value of inputRequests needs, and whether it is one at all. */
static bool may_ask(const struct exchange *x, const struct json *json, json_at input)
{
	struct message asked = { .json = json, .params = JSON_NONE };
	json_at method = json_is(json, input, JSON_OBJECT) ? json_get(json, input, S("method")) : JSON_NONE;

	if (!json_is(json, method, JSON_STRING))
		return false;
	asked.method = method_of(json_string_raw(json, method));
	asked.params = json_get(json, input, S("params"));
	if (!json_is(json, asked.params, JSON_OBJECT))
		asked.params = JSON_NONE;
	return (asked.method == METHOD_SAMPLING || asked.method == METHOD_ELICITATION ||
		asked.method == METHOD_ROOTS_LIST) &&
	       client_takes(x->client->declared, &asked);
}

/* spec: mcp/2025-11-25 tasks, MUST: what belongs to a task says so. */
static void relate(struct buf *ask, const struct task *task)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(ask->max);
	CLEANUP(buf_release) struct buf related = BUF_INIT((size_t)256);
	struct json json = { 0 };
	json_at params, meta;

	buf_add(&text, buf_span(ask));
	if (!json_parse(&json, buf_span(&text), text.max)) {
		ask->over = true;
		return;
	}
	params = json_get(&json, 0, S("params"));
	meta = json_get(&json, params, S("_meta"));
	if (params == JSON_NONE)
		buf_add(&related, S("\"params\":{"));
	if (meta == JSON_NONE)
		buf_add(&related, S("\"_meta\":{"));
	buf_addf(&related, "\"" META_RELATED_TASK "\":{\"taskId\":%.*s}", SPAN_ARG(task_id_json(task)));
	buf_add(&related, meta == JSON_NONE ? S("}") : S(""));
	buf_add(&related, params == JSON_NONE ? S("}") : S(""));
	buf_clear(ask);
	if (meta != JSON_NONE && !json_is(&json, meta, JSON_OBJECT))
		ask->over = true;
	else
		json_emit(ask, &json, 0,
			  &(struct json_edit){ meta != JSON_NONE     ? meta
					       : params != JSON_NONE ? params
								     : 0,
					       JSON_INSERT, buf_span(&related) },
			  1);
	json_release(&json);
}

static bool send_ask(struct exchange *x, const struct json *json, json_at input, const struct ask *ask)
{
	struct worker *worker = x->worker;
	char id_store[24], elicitation_store[64];
	struct buf id = buf_over(id_store, sizeof(id_store));
	struct buf elicitation = buf_over(elicitation_store, sizeof(elicitation_store));

	buf_add_u64(&id, ask->id);
	buf_addf(&elicitation, "kanmon-%llu-%llu", (unsigned long long)x->number,
		 (unsigned long long)ask->id);
	buf_clear(&worker->out);
	if (!translate_input_to_ask(&worker->out, json, input, x->revision, buf_span(&id),
				    buf_span(&elicitation)) ||
	    !buf_ok(&worker->out))
		return false;
	if (x->task && x->task->shown)
		relate(&worker->out, x->task);
	if (!buf_ok(&worker->out))
		return false;
	if (!exchange_takes_more(x))
		return client_reach(x->client, x, buf_span(&worker->out));
	x->sink->send(x->sink, x, 200, buf_span(&worker->out), false);
	return true;
}

static bool ask_one(struct exchange *x, const struct json *json, json_at name)
{
	json_at method = json_is(json, name + 1, JSON_OBJECT) ? json_get(json, name + 1, S("method"))
							      : JSON_NONE;
	struct ask *ask;

	if (!may_ask(x, json, name + 1))
		return false;
	ask = ask_new(x->client, x->attachment, method_of(json_string_raw(json, method)), S(""), S(""));
	if (!ask)
		return false;
	ask->x = x;
	ask->key = arena_dup(&x->arena, json_raw(json, name));
	if (ask->key.p && exchange_charge(x) && send_ask(x, json, name + 1, ask)) {
		rounds_of(x)->open++;
		return true;
	}
	ask_free(x->client, ask);
	return false;
}

static bool take_state(struct rounds *rounds, const struct json *json, json_at result)
{
	json_at state = json_get(json, result, S("requestState"));

	buf_clear(&rounds->answers);
	buf_clear(&rounds->state);
	if (json_is(json, state, JSON_STRING))
		buf_add(&rounds->state, json_raw(json, state));
	return buf_ok(&rounds->state);
}

void rounds_begin(struct exchange *x, const struct message *message)
{
	const struct json *json = message->json;
	struct rounds *rounds = need_rounds(x);
	json_at inputs = json_get(json, message->result, S("inputRequests"));

	if (!rounds || !take_state(rounds, json, message->result)) {
		refuse(x, "The gate has no memory for the server's questions");
		return;
	}
	if (++rounds->n > ROUNDS) {
		refuse(x, "The server asks again and again; the call was given up");
		return;
	}
	if (!json_is(json, inputs, JSON_OBJECT) || json_first(json, inputs) == JSON_NONE) {
		rounds->resting = true;
		return;
	}
	for (json_at name = json_first(json, inputs); name != JSON_NONE;
	     name = json_next_key(json, inputs, name))
		if (rounds->open >= ROUNDS_ASKS || !ask_one(x, json, name)) {
			refuse(x,
			       "The server asks for what this client does not offer, or cannot be asked now");
			return;
		}
	/* It works on nothing while people think. What a task asks is none of the request's own rounds. */
	if (x->errand != ERRAND_PLAY)
		turnstile_leave(x);
}

void rounds_answered(struct ask *ask, const struct message *message)
{
	struct exchange *x = ask->x;
	struct rounds *rounds = rounds_of(x);
	struct client *client = x->client;

	/* What was asked in them went with them. */
	check(rounds);
	x->last_ms = loop_now(&x->worker->loop);
	json_add_comma(&rounds->answers);
	buf_add(&rounds->answers, ask->key);
	buf_add_char(&rounds->answers, ':');
	if (!translate_answer_to_input(&rounds->answers, message, ask->method)) {
		ask_free(client, ask);
		refuse(x, "The client refused what the server asks for");
		return;
	}
	ask_free(client, ask);
	if (--rounds->open == 0)
		loop_later(&x->worker->loop, &rounds->next);
}

void rounds_late(struct exchange *x)
{
	refuse(x, "The client did not answer the server's question in time");
}

bool rounds_wait(const struct exchange *x)
{
	const struct rounds *rounds = rounds_of(x);

	return rounds && rounds->open;
}

void rounds_add(const struct exchange *x, struct buf *out)
{
	const struct rounds *rounds = rounds_of(x);

	if (!rounds)
		return;
	if (rounds->answers.n) {
		buf_add(out, S("\"inputResponses\":{"));
		buf_add(out, buf_span(&rounds->answers));
		buf_add_char(out, '}');
	}
	if (rounds->state.n) {
		if (rounds->answers.n)
			buf_add_char(out, ',');
		buf_add(out, S("\"requestState\":"));
		buf_add(out, buf_span(&rounds->state));
	}
	out->over |= !buf_ok(&rounds->answers);
}

void rounds_tick(struct exchange *x)
{
	struct rounds *rounds = rounds_of(x);

	if (!rounds || !rounds->resting)
		return;
	rounds->resting = false;
	exchange_repeat(x);
}
