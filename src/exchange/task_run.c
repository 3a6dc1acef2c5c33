/* task_run.c - the steps that requests about tasks take at the server. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/task_run.h"

#include "base/clock.h"
#include "exchange/owner.h"
#include "exchange/rounds.h"
#include "exchange/task.h"
#include "exchange/task_own.h"
#include "json/write.h"

enum { TASK_QUESTION_MS = 2000 /* a server that wants to know something says so by then what */ };

static enum stage_result refuse(struct exchange *x, const char *code, const char *text)
{
	x->worker->metrics.failed++;
	exchange_refuse(x, 200, -32603, code, span_str(text), S(""));
	return STAGE_DONE;
}

/* Goes on at the server. What comes back comes to task_take(). */
static void begin(struct exchange *x, enum errand errand, struct span more)
{
	static const enum method methods[] = {
		[ERRAND_STATE] = METHOD_TASKS_GET,
		[ERRAND_RESULT] = METHOD_TASKS_RESULT,
		[ERRAND_UPDATE] = METHOD_TASKS_UPDATE,
		[ERRAND_CANCEL] = METHOD_TASKS_CANCEL,
	};

	x->errand = errand;
	x->sent = true;
	if (!task_request(x->task, &x->call, methods[errand], more))
		(void)refuse(x, "K702", "The server with the task cannot be reached now");
}

static void rest(struct exchange *x)
{
	uint64_t pause = x->task->state.has_poll ? x->task->state.poll_ms : TASK_LEAST_POLL_MS;

	if (pause < TASK_LEAST_POLL_MS)
		pause = TASK_LEAST_POLL_MS;
	if (pause > TASK_MOST_POLL_MS)
		pause = TASK_MOST_POLL_MS;
	x->errand = ERRAND_REST;
	x->rest_ms = loop_now(&x->worker->loop) + pause;
}

/* --- answers to the client --- */

/* The task as it is, in the client's words. */
static void answer_state(struct exchange *x)
{
	CLEANUP(buf_release) struct buf result = BUF_INIT(sizeof(struct task) + 1024);
	bool modern = x->client->era == ERA_MODERN;
	bool call = x->method == METHOD_TOOLS_CALL;

	buf_add_char(&result, '{');
	if (modern)
		json_put_string(&result, S("resultType"), call ? S("task") : S("complete"));
	else if (call)
		buf_add(&result, S("\"task\":{"));
	task_state_add(&result, &x->task->state, x->client->era, task_id(x->task));
	buf_add(&result, !modern && call ? S("}}") : S("}"));
	exchange_answer(x, &result);
}

static void answer_done(struct exchange *x)
{
	char store[64];
	struct buf result = buf_over(store, sizeof(store));

	buf_add(&result, S("{\"resultType\":\"complete\"}"));
	exchange_answer(x, &result);
}

static void add_outcome(const struct exchange *x, struct buf *out, const struct message *message)
{
	struct legs legs = { x->attachment->link->revision, x->revision };
	struct arena arena = ARENA_INIT(x->worker->limits.result_bytes * 2);
	struct edits edits = { .arena = &arena };
	CLEANUP(buf_release) struct buf code = BUF_INIT((size_t)32);

	if (message->kind == MESSAGE_RESULT) {
		translate_result(message, METHOD_TOOLS_CALL, legs, &edits);
		json_add_key(out, S("result"));
		json_emit(out, message->json, message->result, edits.list, edits.n);
	} else {
		buf_add_i64(&code, translate_error_code(message, METHOD_TOOLS_CALL, legs));
		edits_add(&edits, (struct json_edit){ json_get(message->json, message->error, S("code")),
						      JSON_REPLACE, buf_span(&code) });
		json_add_key(out, S("error"));
		json_emit(out, message->json, message->error, edits.list, edits.n);
	}
	out->over |= edits.over;
	arena_release(&arena);
}

/*
 * What a modern client's tasks/get is answered with. `outcome`: what the task ended with; NULL: it has not.
 * spec: the extension: what is no error of the protocol has completed, whatever the server calls it.
 */
static void answer_get(struct exchange *x, const struct message *outcome)
{
	CLEANUP(buf_release) struct buf result = BUF_INIT(x->worker->limits.result_bytes + 8192);
	struct task_state state = x->task->state;

	if (outcome)
		state.status = outcome->kind == MESSAGE_RESULT ? TASK_COMPLETED : TASK_FAILED;
	else if (state.status == TASK_INPUT_REQUIRED && !x->task->questions.n)
		state.status = TASK_WORKING;
	buf_add(&result, S("{\"resultType\":\"complete\""));
	task_state_add(&result, &state, ERA_MODERN, task_id(x->task));
	if (outcome) {
		owner_learn(x, outcome);
		add_outcome(x, &result, outcome);
	} else if (state.status == TASK_INPUT_REQUIRED) {
		buf_add(&result, S(",\"inputRequests\":{"));
		questions_add(&x->task->questions, &result);
		buf_add_char(&result, '}');
	} else if (state.status == TASK_FAILED) {
		json_put_raw(&result, S("error"),
			     S("{\"code\":-32603,\"message\":\"The server has ended\",\"data\":{\"kanmon\":"
			       "\"K702\"}}"));
	}
	buf_add_char(&result, '}');
	exchange_answer(x, &result);
}

void task_answer(struct exchange *x)
{
	if (x->client->era == ERA_LEGACY)
		answer_state(x);
	else if (x->method == METHOD_TASKS_GET)
		answer_get(x, NULL);
	else
		answer_done(x);
}

void task_begin(struct exchange *x)
{
	begin(x, x->method == METHOD_TASKS_CANCEL ? ERRAND_CANCEL : ERRAND_STATE, S(""));
}

void task_show_questions(struct task *task)
{
	LIST_EACH(&task->client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (x->task == task && x->errand == ERRAND_ASKED)
			answer_get(x, NULL);
	}
}

/* --- tools/call becomes a task --- */

static bool says_task(const struct exchange *x, const struct message *message, json_at *at)
{
	const struct json *json = message->json;
	json_at type;

	if (message->kind != MESSAGE_RESULT)
		return false;
	*at = message->result;
	if (x->attachment->link->era == ERA_LEGACY) {
		*at = json_get(json, message->result, S("task"));
		return json_is(json, json_get(json, *at, S("taskId")), JSON_STRING);
	}
	type = json_get(json, message->result, S("resultType"));
	return json_is(json, type, JSON_STRING) && json_string_is(json, type, S("task"));
}

/* Who gets the id: whoever asked for a task, or takes one. */
static bool is_shown(const struct exchange *x)
{
	if (x->client->era == x->attachment->link->era)
		return true;
	return x->client->era == ERA_MODERN ? x->declared & CLIENT_TAKES_TASKS : x->wishes;
}

/* The server has made a task that the gate cannot keep. */
static void cannot_keep(struct exchange *x, struct span own)
{
	struct task lost = { .attachment = x->attachment, .own = own };

	(void)task_request(&lost, NULL, METHOD_TASKS_CANCEL, S(""));
	exchange_refuse(x, 429, -32603, "K801",
			S("Too many tasks are kept for you, or they hold too much; let some end, then retry"),
			S(""));
}

static bool take_new(struct exchange *x, const struct message *message, json_at at)
{
	const struct json *json = message->json;
	CLEANUP(buf_release) struct buf own = BUF_INIT((size_t)TASK_OWN_BYTES);
	json_at id = json_get(json, at, S("taskId"));
	struct task_state state;

	if (json_is(json, id, JSON_STRING))
		json_string_add(json, id, &own);
	if (!own.n || !buf_ok(&own) || !task_state_read(json, at, clock_wall_ms(), &state)) {
		(void)refuse(x, "K702", "The server answered with a task that is none");
		return true;
	}
	x->task = task_new(x, buf_span(&own), &state, is_shown(x));
	if (!x->task) {
		cannot_keep(x, buf_span(&own));
		return true;
	}
	if (x->client->era == x->attachment->link->era)
		return false;
	if (x->task->shown)
		answer_state(x);
	else if (x->client->era == ERA_MODERN)
		begin(x, ERRAND_RESULT, S(""));
	else
		rest(x);
	return true;
}

/* It passes as it is; but who may ask for it later is noted. */
static bool take_as_is(struct exchange *x, const struct message *message, json_at at)
{
	const struct json *json = message->json;
	CLEANUP(buf_release) struct buf own = BUF_INIT((size_t)TASK_OWN_BYTES);
	json_at id = json_get(json, at, S("taskId"));

	if (json_is(json, id, JSON_STRING))
		json_string_add(json, id, &own);
	if (!own.n || !buf_ok(&own)) {
		(void)refuse(x, "K702", "The server answered with a task that is none");
		return true;
	}
	if (task_own_note(x, message, at, buf_span(&own)))
		return false;
	cannot_keep(x, buf_span(&own));
	return true;
}

/* The server did at once what the client wanted to have as a task: it is one that has ended. */
static bool take_ended(struct exchange *x, const struct message *message)
{
	const struct json *json = message->json;
	bool failed = json_is(json, json_get(json, message->result, S("isError")), JSON_TRUE);
	struct task_state state = task_state_new(failed ? TASK_FAILED : TASK_COMPLETED, clock_wall_ms());

	state.has_ttl = true;
	state.ttl_ms = x->wish_ms && x->wish_ms < TASK_UNSAID_MS ? x->wish_ms : (uint64_t)TASK_UNSAID_MS;
	x->task = task_new(x, S(""), &state, true);
	if (x->task)
		json_emit(&x->task->kept, json, message->root, NULL, 0);
	if (x->task && buf_ok(&x->task->kept)) {
		answer_state(x);
		return true;
	}
	if (x->task)
		x->task->shown = false;
	(void)refuse(x, "K803", "The call has ended, but its result cannot be kept for you");
	return true;
}

static bool take_call(struct exchange *x, const struct message *message)
{
	json_at at;

	if (says_task(x, message, &at))
		return !x->only || x->client->era != x->attachment->link->era ? take_new(x, message, at)
									      : take_as_is(x, message, at);
	return x->wishes && message->kind == MESSAGE_RESULT && !rounds_wanted(x, message) &&
	       take_ended(x, message);
}

/* --- the steps --- */

/* What stands at `at` of a tasks/get, as if it had been the answer. */
static struct message part_of(const struct message *message, json_at at, enum message_kind kind)
{
	struct message part = { .json = message->json,
				.kind = kind,
				.root = JSON_NONE,
				.id = JSON_NONE,
				.params = JSON_NONE,
				.result = kind == MESSAGE_RESULT ? at : JSON_NONE,
				.error = kind == MESSAGE_ERROR ? at : JSON_NONE,
				.meta = JSON_NONE };
	json_at meta = kind == MESSAGE_RESULT ? json_get(message->json, at, S("_meta")) : JSON_NONE;

	if (json_is(message->json, meta, JSON_OBJECT))
		part.meta = meta;
	return part;
}

static void take_end(struct exchange *x, const struct message *message)
{
	const struct json *json = message->json;
	json_at result = json_get(json, message->result, S("result"));
	json_at error = json_get(json, message->result, S("error"));
	struct message part;

	if (json_is(json, result, JSON_OBJECT)) {
		part = part_of(message, result, MESSAGE_RESULT);
		exchange_reply(x, &part);
	} else if (json_is(json, error, JSON_OBJECT)) {
		part = part_of(message, error, MESSAGE_ERROR);
		exchange_reply(x, &part);
	} else if (x->task->state.status == TASK_CANCELLED) {
		(void)refuse(x, NULL, "The task was cancelled");
	} else {
		(void)refuse(x, "K702", "The task has ended, and the server does not say with what");
	}
}

/* A modern server's task, for a legacy client that waits for what it ends with. */
static void wait_for_end(struct exchange *x, const struct message *message)
{
	const struct json *json = message->json;
	json_at inputs = json_get(json, message->result, S("inputRequests"));
	struct task *task = x->task;

	if (task_is_over(task->state.status)) {
		take_end(x, message);
		return;
	}
	if (task->state.status != TASK_INPUT_REQUIRED || (task->player && task->player != x) ||
	    !json_is(json, inputs, JSON_OBJECT) || json_first(json, inputs) == JSON_NONE) {
		rest(x);
		return;
	}
	task->player = x;
	x->errand = ERRAND_PLAY;
	rounds_begin(x, message);
}

/* A legacy server's, for a modern client's tasks/get. */
static void show_state(struct exchange *x)
{
	enum task_status status = x->task->state.status;

	if (status == TASK_COMPLETED || status == TASK_FAILED) {
		begin(x, ERRAND_RESULT, S(""));
		return;
	}
	if (status == TASK_INPUT_REQUIRED && !x->task->questions.n) {
		x->errand = ERRAND_ASKED;
		x->rest_ms = loop_now(&x->worker->loop) + TASK_QUESTION_MS;
		task_ask(x->task);
		return;
	}
	answer_get(x, NULL);
}

static bool take_state(struct exchange *x, const struct message *message)
{
	struct task_state state;

	if (message->kind == MESSAGE_ERROR)
		return false;
	if (!task_state_read(message->json, message->result, clock_wall_ms(), &state)) {
		(void)refuse(x, "K702", "The server does not say how the task is");
		return true;
	}
	task_learn(x->task, &state);
	if (x->client->era == ERA_MODERN)
		show_state(x);
	else if (x->method == METHOD_TASKS_GET || x->method == METHOD_TASKS_CANCEL)
		answer_state(x);
	else
		wait_for_end(x, message);
	return true;
}

void task_answered(struct task *task)
{
	task->state.status = TASK_COMPLETED;
}

/* What a legacy server's task ended with. */
static bool take_result(struct exchange *x, const struct message *message)
{
	if (x->method == METHOD_TOOLS_CALL) {
		task_answered(x->task);
		return false;
	}
	answer_get(x, message);
	return true;
}

static bool take_cancelled(struct exchange *x, const struct message *message)
{
	struct task_state state;
	int64_t code = 0;

	if (message->kind == MESSAGE_ERROR)
		(void)json_i64(message->json, json_get(message->json, message->error, S("code")), &code);
	if (x->client->era == ERA_LEGACY) {
		if (message->kind == MESSAGE_ERROR)
			return false;
		begin(x, ERRAND_STATE, S(""));
		return true;
	}
	/* spec: the extension: a wish. A legacy server refuses it where the task has ended. */
	if (message->kind == MESSAGE_ERROR && code != -32602)
		return false;
	if (message->kind == MESSAGE_RESULT &&
	    task_state_read(message->json, message->result, clock_wall_ms(), &state))
		task_learn(x->task, &state);
	answer_done(x);
	return true;
}

/* At a server of the client's own era: its words pass as they are, and what they say is noted. */
static void note(const struct exchange *x, const struct message *message)
{
	struct task_state state;

	if ((x->method == METHOD_TASKS_GET || x->method == METHOD_TASKS_CANCEL) &&
	    message->kind == MESSAGE_RESULT &&
	    task_state_read(message->json, message->result, clock_wall_ms(), &state))
		task_learn(x->task, &state);
}

bool task_take(struct exchange *x, const struct message *message)
{
	enum errand errand = x->errand;

	x->errand = ERRAND_NONE;
	switch (errand) {
	case ERRAND_NONE:
		if (x->task)
			note(x, message);
		return !x->task && x->method == METHOD_TOOLS_CALL && take_call(x, message);
	case ERRAND_STATE:
		return take_state(x, message);
	case ERRAND_RESULT:
		return take_result(x, message);
	case ERRAND_UPDATE:
		if (message->kind == MESSAGE_RESULT)
			rest(x);
		return message->kind == MESSAGE_RESULT;
	case ERRAND_CANCEL:
		return take_cancelled(x, message);
	case ERRAND_REST:
	case ERRAND_ASKED:
	case ERRAND_PLAY:
		break;
	}
	return true;
}

bool task_waits(const struct exchange *x)
{
	return x->errand == ERRAND_REST || x->errand == ERRAND_ASKED || x->errand == ERRAND_PLAY ||
	       x->errand == ERRAND_RESULT || (x->method == METHOD_TASKS_RESULT && x->sent);
}

bool task_tick(struct exchange *x, uint64_t now_ms)
{
	if (x->errand != ERRAND_REST && x->errand != ERRAND_ASKED)
		return false;
	if (!x->task->attachment) {
		(void)refuse(x, "K702", "The server with the task is gone");
		return true;
	}
	if (now_ms < x->rest_ms)
		return false;
	if (x->errand == ERRAND_ASKED)
		answer_get(x, NULL);
	else
		begin(x, ERRAND_STATE, S(""));
	return true;
}

void task_go_on(struct exchange *x)
{
	CLEANUP(buf_release) struct buf more = BUF_INIT((size_t)ROUNDS_BYTES * 2);

	if (x->task->player == x)
		x->task->player = NULL;
	rounds_add(x, &more);
	if (buf_ok(&more))
		begin(x, ERRAND_UPDATE, buf_span(&more));
	else
		(void)refuse(x, "K803", "The answers are too large to be passed on");
}

struct task *task_lend(struct exchange *x)
{
	x->errand = ERRAND_NONE;
	return TAKE(x->task);
}

void task_take_back(struct exchange *x, struct task *task)
{
	x->task = task;
	x->errand = task ? ERRAND_RESULT : ERRAND_NONE;
}
