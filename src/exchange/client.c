/* client.c - the clients of the gate: their life, and what is sent to them unasked. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/client.h"

#include <stdlib.h>

#include "exchange/account.h"
#include "exchange/parked.h"
#include "exchange/post.h"
#include "exchange/rounds.h"
#include "exchange/subscription.h"
#include "exchange/task.h"
#include "exchange/view.h"
#include "mcp/translate.h"
#include "json/write.h"

enum {
	CLIENT_HELLO_BYTES = 256 * 1024,
	CLIENT_PARKED_BYTES = 256 * 1024,
	CLIENT_ASKS = 256, /* questions of servers that wait for the client */
};

static bool over_limit(const struct worker *worker, const struct account *account, struct err *err)
{
	if (worker->crew->n_clients >= worker->limits.sessions) {
		(void)err_set(err, ERR_LIMIT, "the gate has %zu sessions, which is its limit",
			      worker->limits.sessions);
		return true;
	}
	if (account->n_clients < worker->limits.sessions_per_principal)
		return false;
	(void)err_set(err, ERR_LIMIT, "you have %zu sessions open, which is the limit", account->n_clients);
	return true;
}

struct client *client_new(struct worker *worker, struct principal *principal, enum client_kind kind,
			  enum era era, struct server *only, struct err *err)
{
	struct account *account = account_of(worker, principal->id);
	struct client *client = account ? calloc(1, sizeof(*client)) : NULL;

	if (!client)
		(void)err_set(err, ERR_NOMEM, "no memory for a session");
	if (!client || over_limit(worker, account, err)) {
		free(client);
		(void)account_unref(account);
		return NULL;
	}
	client->refs = 2;
	client->worker = worker;
	client->account = account;
	client->principal = principal_ref(principal);
	client->kind = kind;
	client->transport = kind == CLIENT_CHANNEL ? S("stdio") : S("http");
	client->era = era;
	client->only = only ? server_ref(only) : NULL;
	/* A name that fits no view is none's: the client sees nothing. */
	(void)client_set_view(client, span_first(principal_view(principal), sizeof(client->view_bytes)));
	client->hello = BUF_CHARGED(CLIENT_HELLO_BYTES, kind == CLIENT_SESSION ? &account->held : NULL);
	client->parked = BUF_CHARGED(CLIENT_PARKED_BYTES, &account->held);
	client->used_ms = loop_now(&worker->loop);
	list_init(&client->attachments);
	list_init(&client->exchanges);
	list_init(&client->asks);
	list_init(&client->posts);
	list_init(&client->parked_calls);
	list_init(&client->tasks);
	list_add(&worker->clients, &client->node);
	worker->n_clients++;
	worker->crew->n_clients++;
	account->n_clients++;
	worker_need_tick(worker);
	return client;
}

bool client_set_view(struct client *client, struct span view)
{
	if (view.n > sizeof(client->view_bytes))
		return false;
	if (view.n)
		memcpy(client->view_bytes, view.p, view.n);
	client->view = span_of(client->view_bytes, view.n);
	return true;
}

struct client *client_unref(struct client *client)
{
	if (!client || --client->refs)
		return NULL;
	client->principal = principal_unref(client->principal);
	client->only = server_unref(client->only);
	buf_release(&client->hello);
	buf_release(&client->parked);
	client->account = account_unref(client->account);
	free(client->session_bytes);
	free(client->context_bytes);
	free(client);
	return NULL;
}

static void forget_session(struct client *client)
{
	struct worker *worker = client->worker;

	if (client->session_id.n && map_get(&worker->sessions, client->session_id) == client)
		(void)map_remove(&worker->sessions, client->session_id);
	if (client->context_id.n && map_get(&worker->contexts, client->context_id) == client)
		(void)map_remove(&worker->contexts, client->context_id);
}

void ask_free(struct client *client, struct ask *ask)
{
	list_remove(&ask->node);
	budget_give(&client->account->held, ask->id_raw.n + ask->progress_raw.n);
	client->n_asks--;
	free(ask);
}

void client_close(struct client *client, struct span reason)
{
	struct outlet *outlet;

	if (client->closed)
		return;
	client->closed = true;
	token_wait_cancel(&client->recheck);
	loop_later_cancel(&client->turning_away);
	forget_session(client);
	while (!list_empty(&client->exchanges))
		exchange_cancel(LIST_ENTRY(client->exchanges.next, struct exchange, in_client), reason);
	post_drop_all(client);
	parked_drop_all(client, NULL, reason);
	tasks_drop_all(client, NULL);
	while (!list_empty(&client->asks)) {
		struct ask *ask = LIST_ENTRY(client->asks.next, struct ask, node);

		ask_free(client, ask);
	}
	while (!list_empty(&client->attachments))
		attachment_close(LIST_ENTRY(client->attachments.next, struct attachment, node));
	outlet = TAKE(client->outlet);
	if (outlet)
		outlet->close(outlet);
	list_remove(&client->node);
	client->worker->n_clients--;
	client->worker->crew->n_clients--;
	client->account->n_clients--;
	(void)client_unref(client);
}

static void run_turning_away(struct later *later)
{
	client_close(LIST_ENTRY(later, struct client, turning_away), S("initialize was refused"));
}

/* Not at once: the refusal may come out of one of the client's own connections. */
void client_turn_away(struct client *client)
{
	if (client->kind == CLIENT_CHANNEL) {
		buf_clear(&client->hello);
		client->declared = 0;
		return;
	}
	client->turning_away.run = run_turning_away;
	if (!client->closed)
		loop_later(&client->worker->loop, &client->turning_away);
}

static struct exchange *exchange_on(struct client *client, const struct attachment *attachment)
{
	LIST_EACH(&client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (x->attachment == attachment)
			return x;
	}
	return NULL;
}

static void detach(struct client *client, struct attachment *attachment)
{
	struct exchange *x;

	while ((x = exchange_on(client, attachment)) != NULL) {
		if (x->method == METHOD_LISTEN && !x->waiting.next) {
			subscription_end(x, S("the server was changed or removed"));
			continue;
		}
		call_cancel(&x->call, S("the server is being removed"));
		exchange_refuse(x, 200, -32603, "K704",
				S("The server was changed or removed while it worked"), S(""));
	}
	view_dropped(attachment);
	attachment_close(attachment);
}

/* Whoever goes on without it may close any other for its own (attach_room.h): it is looked anew then. */
void client_detach_server(struct client *client, struct server *server)
{
	struct list *node = client->attachments.next;

	while (node != &client->attachments) {
		struct attachment *attachment = LIST_ENTRY(node, struct attachment, node);

		node = node->next;
		if (attachment->server != server)
			continue;
		detach(client, attachment);
		node = client->attachments.next;
	}
}

bool client_selects(const struct client *client, const struct server *server)
{
	const struct selection *view;

	if (client->view.n == 0)
		return true;
	view = worker_view(client->worker, client->view);
	return view && selection_has_server(view, server->name);
}

bool client_sees(const struct client *client, const struct server *server)
{
	if (!client_selects(client, server))
		return false;
	if (server->removed || (server->ephemeral && client->only != server))
		return false;
	return (!client->only || client->only == server) &&
	       principal_may_use(client->principal, server->name);
}

bool client_tell(struct client *client, struct span message)
{
	if (client->closed)
		return false;
	if (client->outlet)
		return client->outlet->send(client->outlet, message);
	if (client->kind != CLIENT_SESSION || client->n_parked >= LIMIT_PARKED_MESSAGES)
		return false;
	buf_add(&client->parked, message);
	buf_add_char(&client->parked, '\n');
	if (!buf_ok(&client->parked)) {
		buf_clear(&client->parked);
		client->n_parked = 0;
		return false;
	}
	client->n_parked++;
	return true;
}

bool client_reach(struct client *client, const struct exchange *x, struct span message)
{
	if (x && x->sink && !client->outlet)
		return false;
	return client_tell(client, message);
}

void client_set_outlet(struct client *client, struct outlet *outlet)
{
	struct span rest;

	client->outlet = outlet;
	if (!outlet)
		return;
	rest = buf_span(&client->parked);
	while (rest.n && client->outlet == outlet) {
		struct span message = span_cut(&rest, '\n');

		(void)outlet->send(outlet, message);
	}
	buf_release(&client->parked);
	client->n_parked = 0;
}

/* --- what the client says besides requests --- */

static void cancelled(struct client *client, const struct message *message)
{
	CLEANUP(buf_release) struct buf reason = BUF_INIT((size_t)4096);
	const struct json *json = message->json;
	struct exchange *x;
	json_at at;

	if (message->params == JSON_NONE)
		return;
	x = exchange_find(client, message_cancelled(message));
	if (!x || x->method == METHOD_INITIALIZE)
		return;
	at = json_get(json, message->params, S("reason"));
	if (json_is(json, at, JSON_STRING))
		json_string_add(json, at, &reason);
	client->worker->metrics.cancelled++;
	exchange_cancel(x, buf_span(&reason));
}

static struct ask *find_ask(struct client *client, const struct json *json, json_at token)
{
	uint64_t id;

	if (token == JSON_NONE || !json_is(json, token, JSON_NUMBER) || !json_u64(json, token, &id))
		return NULL;
	LIST_EACH(&client->asks, node)
		if (LIST_ENTRY(node, struct ask, node)->id == id)
			return LIST_ENTRY(node, struct ask, node);
	return NULL;
}

/* Progress on what a server asked: back under the token the server gave. */
static void client_progress(struct client *client, const struct message *message)
{
	const struct json *json = message->json;
	const struct send_facts facts = { .method = METHOD_PROGRESS, .method_name = message->method_raw };
	json_at token = message->params == JSON_NONE ? JSON_NONE
						     : json_get(json, message->params, S("progressToken"));
	struct ask *ask = find_ask(client, json, token);
	struct json_edit edit;

	if (!ask || !ask->progress_raw.n || !ask->attachment->link)
		return;
	edit = (struct json_edit){ token, JSON_REPLACE, ask->progress_raw };
	buf_clear(&client->worker->out);
	json_emit(&client->worker->out, json, message->root, &edit, 1);
	if (buf_ok(&client->worker->out))
		link_send(ask->attachment->link, buf_span(&client->worker->out), &facts);
}

static void to_servers(struct client *client, struct server *only, const struct message *message)
{
	const struct send_facts facts = { .method = message->method, .method_name = message->method_raw };

	buf_clear(&client->worker->out);
	json_emit(&client->worker->out, message->json, message->root, NULL, 0);
	if (!buf_ok(&client->worker->out))
		return;
	LIST_EACH(&client->attachments, node) {
		struct attachment *attachment = LIST_ENTRY(node, struct attachment, node);

		/* What a client notifies of has no words in the other era. */
		if (attachment->link && attachment->link->state_of == LINK_READY &&
		    attachment->link->era == client->era && (!only || only == attachment->server))
			link_send(attachment->link, buf_span(&client->worker->out), &facts);
	}
}

static void initialized(struct client *client)
{
	client->ready = true;
	LIST_EACH(&client->attachments, node) {
		struct link *link = LIST_ENTRY(node, struct attachment, node)->link;

		if (link && link->state_of == LINK_READY)
			link_initialized(link);
	}
	subscriptions_changed(client);
}

void client_notified(struct client *client, struct server *only, const struct message *message)
{
	client->used_ms = loop_now(&client->worker->loop);
	client->worker->metrics.notifications++;
	if (message->method == METHOD_CANCELLED)
		cancelled(client, message);
	else if (message->method == METHOD_PROGRESS)
		client_progress(client, message);
	else if (message->method == METHOD_INITIALIZED)
		initialized(client);
	else if ((method_info(message->method)->flags & METHOD_NOTIFICATION) &&
		 method_allowed(message->method, client->revision, METHOD_FROM_CLIENT))
		to_servers(client, only, message);
}

void client_answered(struct client *client, const struct message *message)
{
	static const struct send_facts facts = { .method = METHOD_NONE };
	struct ask *ask = find_ask(client, message->json, message->id);
	struct json_edit edit;

	client->used_ms = loop_now(&client->worker->loop);
	if (!ask)
		return;
	if (ask->x) {
		rounds_answered(ask, message);
		return;
	}
	edit = (struct json_edit){ message->id, JSON_REPLACE, ask->id_raw };
	buf_clear(&client->worker->out);
	json_emit(&client->worker->out, message->json, message->root, &edit, 1);
	if (buf_ok(&client->worker->out) && ask->attachment->link)
		link_send(ask->attachment->link, buf_span(&client->worker->out), &facts);
	ask_free(client, ask);
}

/* --- what servers ask of the client --- */

void client_refuse_ask(struct link *link, const struct message *message, int code, struct span text)
{
	static const struct send_facts facts = { .method = METHOD_NONE };
	CLEANUP(buf_release) struct buf answer = BUF_INIT((size_t)8192);

	message_write_error(&answer, &(struct message_error){ .id = message_token(message->json, message->id),
							      .code = code,
							      .text = text });
	if (buf_ok(&answer))
		link_send(link, buf_span(&answer), &facts);
}

struct ask *ask_new(struct client *client, struct attachment *attachment, enum method method, struct span id,
		    struct span token)
{
	struct ask *ask = client->n_asks < CLIENT_ASKS ? calloc(1, sizeof(*ask) + id.n + token.n) : NULL;

	if (!ask || !budget_take(&client->account->held, id.n + token.n)) {
		free(ask);
		return NULL;
	}
	memcpy(ask->bytes, id.p, id.n);
	if (token.n)
		memcpy(ask->bytes + id.n, token.p, token.n);
	ask->id_raw = span_of(ask->bytes, id.n);
	ask->progress_raw = span_of(ask->bytes + id.n, token.n);
	ask->id = ++client->next_ask;
	ask->attachment = attachment;
	ask->method = method;
	ask->deadline_ms = loop_now(&client->worker->loop) + client->worker->limits.call_total_ms;
	list_add(&client->asks, &ask->node);
	client->n_asks++;
	client->calm_until_ms = 0;
	return ask;
}

/* The server's request with our id, our token where it had one, and the task's id that the client knows. */
static void emit_ask(struct buf *out, const struct ask *ask, const struct message *message)
{
	struct arena arena = ARENA_INIT((size_t)4096);
	struct edits edits = { .arena = &arena };
	const struct task *task = task_related(ask->attachment, message);
	CLEANUP(buf_release) struct buf number = BUF_INIT((size_t)32);

	buf_add_u64(&number, ask->id);
	edits_add(&edits, (struct json_edit){ message->id, JSON_REPLACE, buf_span(&number) });
	if (ask->progress_raw.n)
		edits_add(&edits, (struct json_edit){ message_progress_token(message), JSON_REPLACE,
						      buf_span(&number) });
	if (task)
		edits_add(&edits, (struct json_edit){
				      json_get(message->json,
					       json_get(message->json, message->meta, S(META_RELATED_TASK)),
					       S("taskId")),
				      JSON_REPLACE, task_id_json(task) });
	buf_clear(out);
	json_emit(out, message->json, message->root, edits.list, edits.n);
	out->over |= edits.over;
	arena_release(&arena);
}

static void ask_legacy(struct client *client, struct attachment *attachment, struct exchange *x,
		       const struct message *message)
{
	struct worker *worker = client->worker;
	json_at token_at = message_progress_token(message);
	struct ask *ask;
	bool sent;

	ask = ask_new(client, attachment, message->method, message_token(message->json, message->id),
		      token_at == JSON_NONE ? S("") : message_token(message->json, token_at));
	if (!ask) {
		client_refuse_ask(attachment->link, message, -32603,
				  S("Too many questions wait for the client"));
		return;
	}
	emit_ask(&worker->out, ask, message);
	if (buf_ok(&worker->out) && x && exchange_takes_more(x)) {
		x->sink->send(x->sink, x, 200, buf_span(&worker->out), false);
		sent = true;
	} else {
		sent = buf_ok(&worker->out) && client_reach(client, x, buf_span(&worker->out));
	}
	if (sent)
		return;
	ask_free(client, ask);
	client_refuse_ask(attachment->link, message, -32603, S("The client cannot be reached now"));
}

/* A legacy server may speak a later revision than the client agreed to. */
static bool knows(const struct client *client, enum method method)
{
	return client->era == ERA_MODERN || !client->revision ||
	       method_allowed(method, client->revision, METHOD_FROM_SERVER);
}

void client_ask(struct client *client, struct attachment *attachment, struct exchange *x,
		const struct message *message)
{
	bool modern = client->era == ERA_MODERN;
	unsigned declared = modern && x ? x->declared : client->declared;

	client->worker->metrics.server_requests++;
	if (modern && !x) {
		client_refuse_ask(attachment->link, message, -32602,
				  S("No call is under way that this belongs to, or nobody can tell which"));
		return;
	}
	if (!client_takes(declared, message) || !knows(client, message->method))
		client_refuse_ask(attachment->link, message, -32601, S("The client does not offer this"));
	else if (!modern)
		ask_legacy(client, attachment, x, message);
	else if (!parked_ask(x, message))
		client_refuse_ask(attachment->link, message, -32603,
				  S("This cannot be asked of the client, or too much waits for it"));
}

void client_unasked(struct client *client, struct attachment *attachment, struct exchange *x,
		    const struct message *message)
{
	struct worker *worker = client->worker;
	const struct json *json = message->json;
	json_at at = message->params == JSON_NONE ? JSON_NONE
						  : json_get(json, message->params, S("requestId"));
	struct span id = message_cancelled(message);
	char store[24];
	struct buf number = { .p = store, .cap = sizeof(store), .max = sizeof(store) };
	struct json_edit edit;

	parked_unasked(attachment, id);
	LIST_EACH(&client->asks, node) {
		struct ask *ask = LIST_ENTRY(node, struct ask, node);

		if (id.n == 0 || ask->attachment != attachment || !span_eq(ask->id_raw, id))
			continue;
		buf_add_u64(&number, ask->id);
		ask_free(client, ask);
		edit = (struct json_edit){ at, JSON_REPLACE, buf_span(&number) };
		buf_clear(&worker->out);
		json_emit(&worker->out, json, message->root, &edit, 1);
		if (buf_ok(&worker->out) && x && exchange_takes_more(x))
			x->sink->send(x->sink, x, 200, buf_span(&worker->out), false);
		else if (buf_ok(&worker->out))
			(void)client_tell(client, buf_span(&worker->out));
		return;
	}
}
