/* subscription.c - what a client listens to and the gate serves itself: begun, told, ended. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/subscription.h"

#include <stdlib.h>

#include "exchange/heed.h"
#include "exchange/lists.h"
#include "exchange/owner.h"
#include "exchange/task.h"
#include "exchange/view.h"
#include "exchange/watch.h"
#include "json/write.h"

enum { SUBSCRIPTION_ACK_BYTES = WATCHES * 256 };

/* What a client may ask to hear of, and is told by the gate. */
static const struct {
	struct span name, capability;
	unsigned view;
} filters[] = { { SPAN("toolsListChanged"), SPAN("tools"), VIEW_TOOLS },
		{ SPAN("promptsListChanged"), SPAN("prompts"), VIEW_PROMPTS },
		{ SPAN("resourcesListChanged"), SPAN("resources"), VIEW_RESOURCES } };

/* One request that listens. */
struct listen {
	unsigned views;
	bool begun; /* acknowledged */
	struct task **tasks;
	size_t n_tasks;
	size_t n;
	struct watch *watches[]; /* NULL: refused, or gone */
};

static void listen_free(struct exchange *x)
{
	struct listen *listen = x->work;

	for (size_t i = 0; i < listen->n; i++)
		(void)watch_drop(listen->watches[i]);
	for (size_t i = 0; i < listen->n_tasks; i++) {
		listen->tasks[i]->listeners--;
		(void)task_unref(listen->tasks[i]);
	}
	free(listen->tasks);
	free(listen);
	x->work = NULL;
	x->free_work = NULL;
	if (!x->client->closed)
		subscriptions_changed(x->client);
}

static struct listen *listen_of(const struct exchange *x)
{
	return x->free_work == listen_free ? x->work : NULL;
}

static struct listen *listen_new(struct exchange *x, size_t n)
{
	struct listen *listen = calloc(1, sizeof(*listen) + n * sizeof(struct watch *));

	if (!listen)
		return NULL;
	x->work = listen;
	x->free_work = listen_free;
	return listen;
}

static enum stage_result no_memory(struct exchange *x)
{
	exchange_refuse(x, 503, -32603, "K803", S("The gate has no memory for the subscription"), S(""));
	return STAGE_DONE;
}

/* --- beginning --- */

/* Of one server alone: only what it tells of. All together: the gate looks itself. */
static bool is_told(const struct exchange *x, struct span capability)
{
	return !x->only || link_declares(x->attachment->link, capability, S("listChanged"));
}

static void take_filters(const struct exchange *x, const struct json *json, json_at asked,
			 struct listen *listen)
{
	for (size_t i = 0; i < COUNT(filters) && json_is(json, asked, JSON_OBJECT); i++)
		if (json_is(json, json_get(json, asked, filters[i].name), JSON_TRUE) &&
		    is_told(x, filters[i].capability))
			listen->views |= filters[i].view;
}

static void add_watch(struct exchange *x, struct listen *listen, const struct json *json, json_at uri)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)WATCH_URI_BYTES);
	struct attachment *attachment;

	if (!json_is(json, uri, JSON_STRING))
		return;
	json_string_add(json, uri, &text);
	if (!buf_ok(&text))
		return;
	attachment = x->only ? x->attachment : owner_of(x, buf_span(&text));
	if (attachment)
		listen->watches[listen->n++] = watch_add(attachment, buf_span(&text));
}

/* Those of them that the client has. False: no memory. */
static bool take_tasks(struct exchange *x, struct listen *listen, const struct json *json, json_at asked)
{
	json_at ids = json_get(json, asked, S("taskIds"));
	size_t most = json_is(json, ids, JSON_ARRAY) ? json->tokens[ids].count : 0;

	if (!(x->declared & CLIENT_TAKES_TASKS) || most == 0)
		return true;
	most = most < TASKS ? most : TASKS;
	listen->tasks = calloc(most, sizeof(struct task *));
	if (!listen->tasks)
		return false;
	for (json_at at = json_first(json, ids); at != JSON_NONE && listen->n_tasks < most;
	     at = json_next(json, ids, at)) {
		struct task *task = json_is(json, at, JSON_STRING)
					? task_find(x->client, x->only, json_string_raw(json, at))
					: NULL;

		if (!task)
			continue;
		task->listeners++;
		listen->tasks[listen->n_tasks++] = task_ref(task);
	}
	return true;
}

static void acknowledge_tasks(const struct listen *listen, struct buf *out)
{
	for (size_t i = 0; i < listen->n_tasks; i++) {
		if (i == 0) {
			json_add_key(out, S("taskIds"));
			buf_add_char(out, '[');
		}
		json_add_comma(out);
		buf_add(out, task_id_json(listen->tasks[i]));
	}
	buf_add(out, listen->n_tasks ? S("]") : S(""));
}

/* spec: mcp/2026-07-28 subscriptions: the first message names the subset that is really served. */
static void acknowledge(struct exchange *x, struct listen *listen)
{
	CLEANUP(buf_release)
	struct buf out = BUF_INIT(x->id.n + SUBSCRIPTION_ACK_BYTES + listen->n * WATCH_URI_BYTES * 6);
	bool first = true;

	listen->begun = true;
	buf_add(&out,
		S("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{"
		  "\"notifications\":{"));
	for (size_t i = 0; i < COUNT(filters); i++)
		if (listen->views & filters[i].view)
			json_put_bool(&out, filters[i].name, true);
	for (size_t i = 0; i < listen->n; i++) {
		if (listen->watches[i] && listen->watches[i]->state != WATCH_ON)
			listen->watches[i] = watch_drop(listen->watches[i]);
		if (!listen->watches[i])
			continue;
		if (first) {
			json_add_key(&out, S("resourceSubscriptions"));
			buf_add_char(&out, '[');
		} else {
			buf_add_char(&out, ',');
		}
		json_add_string(&out, listen->watches[i]->uri);
		first = false;
	}
	buf_add(&out, first ? S("") : S("]"));
	acknowledge_tasks(listen, &out);
	buf_add(&out, S("},\"_meta\":{\"" META_SUBSCRIPTION "\":"));
	buf_add(&out, x->id);
	buf_add(&out, S("}}}"));
	if (x->sink && buf_ok(&out))
		x->sink->send(x->sink, x, 200, buf_span(&out), false);
}

static bool is_settled(const struct listen *listen)
{
	for (size_t i = 0; i < listen->n; i++)
		if (listen->watches[i] && listen->watches[i]->state == WATCH_ASKED)
			return false;
	return true;
}

static json_at uris_of(const struct exchange *x)
{
	const struct json *json = x->message.json;
	json_at asked = json_get(json, x->message.params, S("notifications"));
	json_at uris = json_is(json, asked, JSON_OBJECT) ? json_get(json, asked, S("resourceSubscriptions"))
							 : JSON_NONE;

	return json_is(json, uris, JSON_ARRAY) && json->tokens[uris].count ? uris : JSON_NONE;
}

bool subscription_names_resources(const struct exchange *x)
{
	return uris_of(x) != JSON_NONE;
}

/*
 * Who listens before he has asked for a list may have one from before the gate began: he is told of what is
 * there, and of what comes. The two tools of `catalogue.search` never change.
 */
static void look_at_all(struct exchange *x, unsigned views)
{
	struct client *client = x->client;

	if (views & VIEW_RESOURCES)
		views |= VIEW_TEMPLATES;
	if (x->worker->finding.on)
		views &= ~(unsigned)VIEW_TOOLS;
	if (!(views & ~client->given))
		return;
	client->given |= views;
	LIST_EACH(&x->worker->servers, node) {
		struct attachment *attachment = lists_attachment(x, LIST_ENTRY(node, struct server, node));

		if (attachment && attachment->link && attachment->link->state_of == LINK_READY)
			view_ready(attachment);
		else if (attachment)
			(void)attachment_open(attachment);
	}
}

enum stage_result subscription_begin(struct exchange *x)
{
	const struct json *json = x->message.json;
	json_at asked = json_get(json, x->message.params, S("notifications"));
	json_at uris = uris_of(x);
	size_t n = uris == JSON_NONE ? 0 : json->tokens[uris].count;
	struct listen *listen = n <= WATCHES ? listen_new(x, n) : NULL;

	if (!listen)
		return no_memory(x);
	take_filters(x, json, asked, listen);
	if (!take_tasks(x, listen, json, asked))
		return no_memory(x);
	for (json_at at = n ? json_first(json, uris) : JSON_NONE; at != JSON_NONE;
	     at = json_next(json, uris, at))
		add_watch(x, listen, json, at);
	if (!x->only)
		look_at_all(x, listen->views);
	x->message = (struct message){ 0 };
	/* From now on it is the servers' time that runs. */
	x->last_ms = loop_now(&x->worker->loop);
	subscriptions_changed(x->client);
	if (is_settled(listen))
		acknowledge(x, listen);
	return STAGE_WAIT;
}

void subscription_hurry(struct exchange *x)
{
	struct listen *listen = listen_of(x);

	if (listen && !listen->begun)
		acknowledge(x, listen);
}

/* --- a legacy client's subscriptions --- */

static void refuse_as_server(struct exchange *x, struct span error)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(x->id.n + error.n + 64);

	buf_add(&out, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add(&out, x->id);
	buf_add(&out, S(",\"error\":"));
	buf_add(&out, error);
	buf_add_char(&out, '}');
	if (buf_ok(&out))
		exchange_finish(x, 200, buf_span(&out), "error");
	else
		(void)no_memory(x);
}

static void hold(struct exchange *x, struct listen *listen)
{
	struct watch *watch = listen->watches[0];

	if (watch && watch->state == WATCH_REFUSED && watch->refusal.n) {
		refuse_as_server(x, buf_span(&watch->refusal));
		return;
	}
	if (!watch || watch->state == WATCH_REFUSED) {
		exchange_refuse(x, 200, -32602, NULL,
				S("The server does not take subscriptions to this resource"), S(""));
		return;
	}
	/* The session's, until it unsubscribes; once, however often it asked. */
	if (!watch->held) {
		watch->held = true;
		listen->watches[0] = NULL;
	}
	exchange_answer(x, NULL);
}

static void take_uri(const struct exchange *x, struct buf *uri)
{
	const struct json *json = x->message.json;
	json_at at = x->message.params == JSON_NONE ? JSON_NONE : json_get(json, x->message.params, S("uri"));

	if (json_is(json, at, JSON_STRING))
		json_string_add(json, at, uri);
}

enum stage_result subscription_add(struct exchange *x)
{
	struct listen *listen = listen_new(x, 1);
	CLEANUP(buf_release) struct buf uri = BUF_INIT((size_t)WATCH_URI_BYTES);

	if (!listen)
		return no_memory(x);
	take_uri(x, &uri);
	if (uri.n == 0 || !buf_ok(&uri)) {
		exchange_refuse(x, 200, -32602, "K605", S("Invalid params: uri is missing"), S(""));
		return STAGE_DONE;
	}
	listen->watches[0] = watch_add(x->attachment, buf_span(&uri));
	listen->n = 1;
	x->message = (struct message){ 0 };
	if (is_settled(listen)) {
		hold(x, listen);
		return STAGE_DONE;
	}
	return STAGE_WAIT;
}

enum stage_result subscription_remove(struct exchange *x)
{
	CLEANUP(buf_release) struct buf uri = BUF_INIT((size_t)WATCH_URI_BYTES);
	struct watch *watch;

	take_uri(x, &uri);
	watch = watch_find(x->attachment, buf_span(&uri));
	if (watch && watch->held) {
		watch->held = false;
		(void)watch_drop(watch);
	}
	exchange_answer(x, NULL);
	return STAGE_DONE;
}

void subscriptions_settle(struct client *client)
{
	struct client *kept = client_ref(client);

	LIST_EACH(&client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);
		struct listen *listen = listen_of(x);

		if (!listen || listen->begun || !is_settled(listen))
			continue;
		if (x->method == METHOD_LISTEN)
			acknowledge(x, listen);
		else
			hold(x, listen);
		if (client->closed)
			break;
	}
	(void)client_unref(kept);
}

void subscriptions_let_go(const struct attachment *attachment)
{
	LIST_EACH(&attachment->client->exchanges, node) {
		struct listen *listen = listen_of(LIST_ENTRY(node, struct exchange, in_client));

		for (size_t i = 0; listen && i < listen->n; i++)
			if (listen->watches[i] && listen->watches[i]->attachment == attachment)
				listen->watches[i] = NULL;
	}
}

/* --- telling --- */

unsigned subscriptions_want(const struct attachment *attachment)
{
	const struct client *client = attachment->client;
	unsigned wanted = 0;

	/* A legacy client is told unasked. */
	if (client->era == ERA_LEGACY)
		return client->ready ? VIEW_TOOLS | VIEW_PROMPTS | VIEW_RESOURCES : 0;
	LIST_EACH(&client->exchanges, node) {
		const struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);
		const struct listen *listen = listen_of(x);

		if (listen && (!x->only || x->only == attachment->server))
			wanted |= listen->views;
	}
	return wanted;
}

void subscriptions_changed(struct client *client)
{
	LIST_EACH(&client->attachments, node)
		heed_soon(LIST_ENTRY(node, struct attachment, node));
}

static void send_tagged(struct exchange *x, enum method method, struct span params)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(x->id.n + params.n + 2048);

	buf_addf(&out,
		 "{\"jsonrpc\":\"2.0\",\"method\":\"%.*s\",\"params\":{%.*s\"_meta\":{\"" META_SUBSCRIPTION
		 "\":",
		 SPAN_ARG(method_info(method)->name), SPAN_ARG(params));
	buf_add(&out, x->id);
	buf_add(&out, S("}}}"));
	x->worker->metrics.notifications++;
	x->sink->send(x->sink, x, 200, buf_span(&out), false);
}

void subscription_tell(struct exchange *x, unsigned view)
{
	const struct listen *listen = listen_of(x);
	bool wants = listen ? listen->begun && (listen->views & view) : (x->heard & view) != 0;

	x->heard &= ~view;
	if (wants && x->sink)
		send_tagged(x, view_method(view), S(""));
}

static bool hears(const struct listen *listen, const struct task *task)
{
	for (size_t i = 0; i < listen->n_tasks; i++)
		if (listen->tasks[i] == task)
			return true;
	return false;
}

void subscriptions_task(const struct task *task, struct span params)
{
	LIST_EACH(&task->client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);
		const struct listen *listen = listen_of(x);

		if (listen && listen->begun && x->sink && hears(listen, task))
			send_tagged(x, METHOD_TASK_CHANGED, params);
	}
}

static bool holds(const struct listen *listen, const struct watch *watch)
{
	for (size_t i = 0; i < listen->n; i++)
		if (listen->watches[i] == watch)
			return true;
	return false;
}

void subscriptions_updated(const struct watch *watch, struct span uri)
{
	CLEANUP(buf_release) struct buf params = BUF_INIT(uri.n + 16);

	buf_addf(&params, "\"uri\":%.*s,", SPAN_ARG(uri));
	LIST_EACH(&watch->attachment->client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);
		const struct listen *listen = listen_of(x);

		if (listen && listen->begun && x->sink && holds(listen, watch))
			send_tagged(x, METHOD_RESOURCE_UPDATED, buf_span(&params));
	}
}

/*
 * spec: mcp/2026-07-28 subscriptions: the closing result tells the client that its stream is over. On
 * a pipe it is told by notifications/cancelled, too; the two pages of the specification overlap there.
 */
static void close_with(struct exchange *x, struct span cancelled)
{
	CLEANUP(buf_release) struct buf result = BUF_INIT(x->id.n + 2048);

	if (x->client->kind == CLIENT_CHANNEL && x->sink && cancelled.n)
		x->sink->send(x->sink, x, 200, cancelled, false);
	buf_add(&result, S("{\"resultType\":\"complete\",\"_meta\":{\"" META_SUBSCRIPTION "\":"));
	buf_add(&result, x->id);
	buf_add(&result, S("}}"));
	exchange_answer(x, &result);
}

void subscription_ended(struct exchange *x, const struct message *message)
{
	const struct json *json = message->json;
	struct json_edit edit = { json_get(json, message->params, S("requestId")), JSON_REPLACE, x->id };
	struct buf *out = &x->worker->out;

	buf_clear(out);
	json_emit(out, json, message->root, &edit, 1);
	close_with(x, buf_ok(out) ? buf_span(out) : S(""));
}

void subscription_end(struct exchange *x, struct span reason)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(x->id.n + 2048);

	if (x->waiting.next) {
		exchange_refuse(x, 503, -32603, "K802", S("The gate is shutting down; try again in a moment"),
				S(""));
		return;
	}
	call_cancel(&x->call, reason);
	buf_add(&out,
		S("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":"));
	buf_add(&out, x->id);
	buf_add(&out, S(",\"reason\":"));
	json_add_string(&out, reason);
	buf_add(&out, S("}}"));
	close_with(x, buf_ok(&out) ? buf_span(&out) : S(""));
}

void subscriptions_end(struct client *client, struct span reason)
{
	LIST_EACH(&client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (x->method == METHOD_LISTEN)
			subscription_end(x, reason);
	}
}
