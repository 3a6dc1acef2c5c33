/* parked.c - calls to legacy servers whose modern clients have gone to fetch answers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/parked.h"

#include <stdlib.h>

#include "base/random.h"
#include "base/secret.h"
#include "exchange/account.h"
#include "exchange/listening.h"
#include "exchange/round_state.h"
#include "mcp/translate.h"
#include "json/write.h"

enum { PARKED_NAME_BYTES = 16, PARKED_ASK_BYTES = 256 * 1024 };

/* One request of the server. */
struct question_put {
	struct list node; /* of parked->asks */
	enum method method;
	unsigned number; /* its name in inputRequests */
	struct span id;	 /* the server's, exact token */
	struct buf input;
	char bytes[];
};

struct parked {
	struct list node; /* of client->parked_calls, from when it was first shown */
	struct client *client;
	struct attachment *attachment;
	struct exchange *x; /* the round that is under way; NULL: the client is away */
	struct call call;   /* the server's, while the client is away */
	struct list asks;
	unsigned n_asks, asked; /* waiting; in all */
	unsigned declared;	/* CLIENT_…, by the request that began the call */
	uint8_t name[PARKED_NAME_BYTES];
	uint64_t expires_ms;
	struct buf answer; /* what the server ended the call with while the client was away */
	bool failed;	   /* or it failed, and this is why */
	enum link_failure failure;
	char why[200];
	struct later showing;
};

static const struct send_facts no_facts = { .method = METHOD_NONE };

/* --- its life --- */

static void drop_ask(struct parked *parked, struct question_put *ask)
{
	list_remove(&ask->node);
	parked->n_asks--;
	budget_give(&parked->client->account->held, ask->id.n);
	buf_release(&ask->input);
	free(ask);
}

static void parked_free(struct parked *parked)
{
	while (!list_empty(&parked->asks))
		drop_ask(parked, LIST_ENTRY(parked->asks.next, struct question_put, node));
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
	list_init(&parked->asks);
	random_bytes(parked->name, sizeof(parked->name));
	x->parked = parked;
	return parked;
}

/* --- asking --- */

/* The questions that are open, and the state under which the client comes back. */
static bool add_inputs(const struct parked *parked, struct buf *out)
{
	char store[32];

	buf_add(out, S("{\"resultType\":\"input_required\",\"inputRequests\":{"));
	LIST_EACH(&parked->asks, node) {
		const struct question_put *ask = LIST_ENTRY(node, struct question_put, node);
		struct buf name = buf_over(store, sizeof(store));

		buf_addf(&name, "ask-%u", ask->number);
		json_put_raw(out, buf_span(&name), buf_span(&ask->input));
	}
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
	CLEANUP(buf_release) struct buf result = BUF_INIT((size_t)PARKED_ASKS * PARKED_ASK_BYTES);

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
	if (call_is_open(&x->call))
		call_move(&parked->call, &x->call);
	parked->x = NULL;
	x->parked = NULL;
	exchange_answer(x, &result);
}

static bool put_ask(struct parked *parked, const struct message *message)
{
	struct span id = message_token(message->json, message->id);
	struct question_put *ask;

	if (parked->n_asks >= PARKED_ASKS || !budget_take(&parked->client->account->held, id.n))
		return false;
	ask = calloc(1, sizeof(*ask) + id.n);
	if (!ask) {
		budget_give(&parked->client->account->held, id.n);
		return false;
	}
	memcpy(ask->bytes, id.p, id.n);
	ask->id = span_of(ask->bytes, id.n);
	ask->method = message->method;
	ask->number = ++parked->asked;
	ask->input = BUF_CHARGED(PARKED_ASK_BYTES, &parked->client->account->held);
	list_add(&parked->asks, &ask->node);
	parked->n_asks++;
	if (translate_ask_to_input(&ask->input, message) && buf_ok(&ask->input))
		return true;
	drop_ask(parked, ask);
	return false;
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
	if (!put_ask(parked, message)) {
		if (!parked->n_asks && !parked->node.next)
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
	else if (!put_ask(parked, message))
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
	LIST_EACH(&parked->asks, node) {
		struct question_put *ask = LIST_ENTRY(node, struct question_put, node);

		if (!span_eq(ask->id, id))
			continue;
		drop_ask(parked, ask);
		/* What is not shown yet need not be. */
		if (!parked->n_asks)
			loop_later_cancel(&parked->showing);
		return true;
	}
	return false;
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
		return true;
	}
	return false;
}

/* Answers one question of the server's. False: what the client brings is no answer to it. */
static bool answer(const struct parked *parked, const struct question_put *ask, const struct json *json,
		   json_at responses)
{
	struct link *link = parked->attachment->link;
	CLEANUP(buf_release) struct buf out = BUF_INIT(parked->client->worker->limits.body_bytes + 1024);
	char store[32];
	struct buf name = buf_over(store, sizeof(store));
	json_at at;

	buf_addf(&name, "ask-%u", ask->number);
	at = json_is(json, responses, JSON_OBJECT) ? json_get(json, responses, buf_span(&name)) : JSON_NONE;
	if (at == JSON_NONE)
		return false;
	buf_add(&out, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add(&out, ask->id);
	buf_add(&out, S(",\"result\":"));
	if (!translate_input_to_answer(&out, json, at, ask->method, link->revision))
		return false;
	buf_add_char(&out, '}');
	if (buf_ok(&out))
		link_send(link, buf_span(&out), &no_facts);
	return buf_ok(&out);
}

static void take_answers(struct parked *parked, const struct message *message)
{
	json_at responses = json_get(message->json, message->params, S("inputResponses"));

	LIST_EACH(&parked->asks, node) {
		struct question_put *ask = LIST_ENTRY(node, struct question_put, node);

		if (answer(parked, ask, message->json, responses))
			drop_ask(parked, ask);
	}
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
	if (parked->n_asks)
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
