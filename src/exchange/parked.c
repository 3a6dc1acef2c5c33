/* parked.c - calls to legacy servers whose modern clients have gone to fetch answers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/parked.h"

#include <stdlib.h>

#include "base/random.h"
#include "base/secret.h"
#include "exchange/account.h"
#include "exchange/listening.h"
#include "exchange/question.h"
#include "exchange/round_state.h"
#include "exchange/task.h"
#include "exchange/task_run.h"
#include "exchange/turnstile.h"
#include "json/write.h"

enum { PARKED_NAME_BYTES = 16, PARKED_SHOWN_BYTES = 8 * 1024 * 1024 };

struct parked {
	struct list node; /* of client->parked_calls, from when it was first shown */
	struct client *client;
	struct attachment *attachment;
	struct exchange *x; /* the round that is under way; NULL: the client is away */
	struct call call;   /* the server's, while the client is away */
	struct questions questions;
	unsigned declared; /* CLIENT_…, by the request that began the call */
	struct task *task; /* what the call waits for, while the client is away; NULL: none */
	uint8_t name[PARKED_NAME_BYTES];
	uint64_t expires_ms;
	struct buf answer; /* what the server ended the call with while the client was away */
	bool counted;	   /* the server's place is its, while the client is away: turnstile.h */
	bool failed;	   /* or it failed, and this is why */
	enum link_failure failure;
	char why[200];
	struct later showing;
};

/* --- its life --- */

/* The server no longer works on it. */
static void leave_place(struct parked *parked)
{
	if (!parked->counted)
		return;
	parked->counted = false;
	turnstile_give(parked->client->worker, parked->attachment->server);
}

static void parked_free(struct parked *parked)
{
	leave_place(parked);
	questions_clear(&parked->questions);
	parked->task = task_unref(parked->task);
	loop_later_cancel(&parked->showing);
	if (parked->node.next) {
		list_remove(&parked->node);
		parked->client->n_parked_calls--;
	}
	if (parked->x)
		parked->x->parked = NULL;
	buf_release(&parked->answer);
	free(parked);
}

/* What the server says of the call while the client is away. */
static void on_message(struct call *call, const struct message *message, bool final)
{
	struct parked *parked = LIST_ENTRY(call, struct parked, call);

	if (final) {
		leave_place(parked);
		if (parked->task)
			task_answered(parked->task);
		json_emit(&parked->answer, message->json, message->root, NULL, 0);
		return;
	}
	if (message->kind == MESSAGE_REQUEST)
		parked_take(parked, message);
	else if (message->method == METHOD_CANCELLED)
		parked_unasked(parked->attachment, message_cancelled(message));
	else
		(void)listening_heard(parked->attachment, message);
}

static void on_failed(struct call *call, enum link_failure failure, struct span why)
{
	struct parked *parked = LIST_ENTRY(call, struct parked, call);

	leave_place(parked);
	parked->failed = true;
	parked->failure = failure;
	(void)span_to_cstr(span_first(why, sizeof(parked->why) - 1), parked->why, sizeof(parked->why));
}

/* Is there something that a client who comes back takes over? */
static bool is_waiting(const struct parked *parked)
{
	return call_is_open(&parked->call) || parked->failed || parked->answer.n || !buf_ok(&parked->answer);
}

static struct parked *parked_new(struct exchange *x, void (*show)(struct later *later))
{
	struct parked *parked = calloc(1, sizeof(*parked));

	if (!parked)
		return NULL;
	parked->client = x->client;
	parked->attachment = x->attachment;
	parked->x = x;
	parked->declared = x->declared;
	parked->call = (struct call){ .on_message = on_message, .on_failed = on_failed };
	parked->answer = BUF_CHARGED(x->worker->limits.result_bytes, &x->client->account->held);
	parked->showing.run = show;
	questions_init(&parked->questions, &x->client->account->held);
	random_bytes(parked->name, sizeof(parked->name));
	x->parked = parked;
	return parked;
}

/* --- asking --- */

/* The questions that are open, and the state under which the client comes back. */
static bool add_inputs(const struct parked *parked, struct buf *out)
{
	buf_add(out, S("{\"resultType\":\"input_required\",\"inputRequests\":{"));
	questions_add(&parked->questions, out);
	buf_add(out, S("},\"requestState\":"));
	if (!round_state_add(out, parked->x, ROUND_PARKED,
			     span_of((const char *)parked->name, sizeof(parked->name))))
		return false;
	buf_add_char(out, '}');
	return buf_ok(out);
}

static void show(struct later *later)
{
	struct parked *parked = LIST_ENTRY(later, struct parked, showing);
	struct exchange *x = parked->x;
	CLEANUP(buf_release) struct buf result = BUF_INIT(PARKED_SHOWN_BYTES);

	if (!add_inputs(parked, &result)) {
		call_cancel(&x->call, S("what it asks for cannot be asked"));
		parked_free(parked);
		exchange_refuse(x, 200, -32603, "K803", S("The gate cannot pass on what the server asks for"),
				S(""));
		return;
	}
	if (!parked->node.next) {
		list_add(&parked->client->parked_calls, &parked->node);
		parked->client->n_parked_calls++;
	}
	parked->expires_ms = loop_now(&x->worker->loop) + PARKED_MS;
	if (call_is_open(&x->call)) {
		call_move(&parked->call, &x->call);
		parked->counted = x->counted;
		x->counted = false;
	}
	parked->task = task_lend(x);
	parked->x = NULL;
	x->parked = NULL;
	exchange_answer(x, &result);
}

bool parked_ask(struct exchange *x, const struct message *message)
{
	struct parked *parked = x->parked;

	/* Only what can be made again can be asked about. */
	if (!(method_info(x->method)->flags & METHOD_MULTI_ROUND))
		return false;
	/* Where the client does not come back, others must not wait for it. */
	if (!parked && x->client->n_parked_calls >= PARKED_CALLS)
		return false;
	if (!parked)
		parked = parked_new(x, show);
	if (!parked)
		return false;
	if (!questions_put(&parked->questions, message)) {
		if (!parked->questions.n && !parked->node.next)
			parked_free(parked);
		return false;
	}
	loop_later(&x->worker->loop, &parked->showing);
	return true;
}

void parked_take(struct parked *parked, const struct message *message)
{
	if (!client_takes(parked->declared, message))
		client_refuse_ask(parked->attachment->link, message, -32601,
				  S("The client does not offer this"));
	else if (!questions_put(&parked->questions, message))
		client_refuse_ask(parked->attachment->link, message, -32603,
				  S("Too many questions wait for the client"));
}

size_t parked_on(const struct attachment *attachment, struct parked **only)
{
	size_t n = 0;

	LIST_EACH(&attachment->client->parked_calls, node) {
		struct parked *parked = LIST_ENTRY(node, struct parked, node);

		if (parked->attachment != attachment || !call_is_open(&parked->call))
			continue;
		*only = n++ ? NULL : parked;
	}
	return n;
}

/* Does it take back one of these? */
static bool unask(struct parked *parked, struct span id)
{
	if (!questions_forget(&parked->questions, id))
		return false;
	/* What is not shown yet need not be. */
	if (!parked->questions.n)
		loop_later_cancel(&parked->showing);
	return true;
}

void parked_unasked(const struct attachment *attachment, struct span id)
{
	LIST_EACH(&attachment->client->parked_calls, node) {
		struct parked *parked = LIST_ENTRY(node, struct parked, node);

		if (id.n && parked->attachment == attachment && unask(parked, id))
			return;
	}
	LIST_EACH(&attachment->client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (id.n && x->attachment == attachment && x->parked && unask(x->parked, id))
			return;
	}
}

struct parked *parked_with(const struct client *client, const struct task *task)
{
	LIST_EACH(&client->parked_calls, node) {
		struct parked *parked = LIST_ENTRY(node, struct parked, node);

		if (parked->task == task)
			return parked;
	}
	return NULL;
}

/* --- coming back --- */

bool parked_find(struct exchange *x, struct span name)
{
	LIST_EACH(&x->client->parked_calls, node) {
		struct parked *parked = LIST_ENTRY(node, struct parked, node);

		if (parked->x || parked->attachment != x->attachment ||
		    !secret_equal(name, span_of((const char *)parked->name, sizeof(parked->name))))
			continue;
		parked->x = x;
		x->parked = parked;
		x->counted = parked->counted;
		parked->counted = false;
		return true;
	}
	return false;
}

static void take_answers(struct parked *parked, const struct message *message)
{
	questions_answer(&parked->questions, parked->attachment->link, message->json,
			 json_get(message->json, message->params, S("inputResponses")),
			 parked->client->worker->limits.body_bytes);
}

/* The server ended the call while the client was away. */
static void give_answer(struct exchange *x, struct parked *parked)
{
	struct buf text = parked->answer;
	struct json *json = &x->worker->side;
	struct message message;

	parked->answer = (struct buf){ .max = 1 };
	parked_free(parked);
	if (buf_ok(&text) && json_parse(json, buf_span(&text), text.n) &&
	    message_read(json, 0, &message) == MESSAGE_OK)
		exchange_receive(x, &message, true);
	else
		exchange_refuse(x, 200, -32603, "K803", S("The server's answer is too large"), S(""));
	buf_release(&text);
}

enum stage_result parked_resume(struct exchange *x)
{
	struct parked *parked = x->parked;
	bool open = call_is_open(&parked->call);

	x->sent = true;
	task_take_back(x, TAKE(parked->task));
	if (open && parked->attachment->link && parked->attachment->link->state_of == LINK_READY)
		take_answers(parked, &x->message);
	x->message = (struct message){ 0 };
	buf_release(&x->body);
	if (parked->answer.n || !buf_ok(&parked->answer)) {
		give_answer(x, parked);
		return STAGE_DONE;
	}
	if (!open) {
		struct call call = x->call;
		char why[sizeof(parked->why)];
		enum link_failure failure = parked->failure;

		memcpy(why, parked->why, sizeof(why));
		parked_free(parked);
		call.on_failed(&x->call, failure, span_str(why));
		return STAGE_DONE;
	}
	call_move(&x->call, &parked->call);
	if (parked->questions.n)
		loop_later(&x->worker->loop, &parked->showing);
	else
		parked_free(parked);
	return STAGE_WAIT;
}

/* --- giving up --- */

void parked_forget(struct exchange *x)
{
	struct parked *parked = x->parked;

	if (!parked)
		return;
	if (!is_waiting(parked)) {
		parked_free(parked);
		return;
	}
	/* Where the call is with the client's request, it ends with that. */
	parked->counted = x->counted && call_is_open(&parked->call);
	x->counted = x->counted && !parked->counted;
	parked->x = NULL;
	x->parked = NULL;
}

static void give_up(struct parked *parked, struct span reason)
{
	call_cancel(&parked->call, reason);
	parked_free(parked);
}

void parked_drop_all(struct client *client, const struct attachment *attachment, struct span reason)
{
	LIST_EACH(&client->parked_calls, node) {
		struct parked *parked = LIST_ENTRY(node, struct parked, node);

		if (!attachment || parked->attachment == attachment)
			give_up(parked, reason);
	}
}

void parked_tick(struct client *client, uint64_t now_ms)
{
	LIST_EACH(&client->parked_calls, node) {
		struct parked *parked = LIST_ENTRY(node, struct parked, node);

		if (!parked->x && now_ms > parked->expires_ms)
			give_up(parked, S("the client did not come back"));
	}
}
