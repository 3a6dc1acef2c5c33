/* listening.c - changes at servers, told to the client's listeners in the words of its era. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/listening.h"

#include "exchange/owner.h"
#include "exchange/subscription.h"
#include "exchange/task.h"
#include "exchange/view.h"
#include "exchange/watch.h"
#include "mcp/uri.h"
#include "json/write.h"

enum { LISTENING_PAUSE_MS = 1000 /* between two words of one server that a list has changed */ };

static bool tell_legacy(struct client *client, enum method method)
{
	char store[128];
	struct buf out = buf_over(store, sizeof(store));

	buf_addf(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"%.*s\"}", SPAN_ARG(method_info(method)->name));
	if (!client->outlet || !client_tell(client, buf_span(&out)))
		return false;
	client->worker->metrics.notifications++;
	return true;
}

/* Tells those who listen to this server alone. False: a session has nothing it could be told by now. */
static bool tell_change(struct attachment *attachment, unsigned view)
{
	struct client *client = attachment->client;

	if (client->era == ERA_LEGACY && !tell_legacy(client, view_method(view)))
		return false;
	attachment->told_ms = loop_now(&client->worker->loop);
	if (client->era == ERA_LEGACY)
		return true;
	LIST_EACH(&client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (x->only == attachment->server)
			subscription_tell(x, view);
	}
	return true;
}

/*
 * What came too soon after the last word waits. So does what a session cannot be told, until it has an event
 * stream: then it is said once, however much changed.
 */
static void tell_changes(struct attachment *attachment, uint64_t now_ms)
{
	static const unsigned views[] = { VIEW_TOOLS, VIEW_PROMPTS, VIEW_RESOURCES };
	unsigned changed = attachment->changed;

	if (!changed || (attachment->told_ms && now_ms < attachment->told_ms + LISTENING_PAUSE_MS))
		return;
	attachment->changed = 0;
	for (size_t i = 0; i < COUNT(views); i++)
		if ((changed & views[i]) && !tell_change(attachment, views[i]))
			attachment->changed |= views[i];
}

/* False: nobody has asked for that. */
static bool tell_update(struct attachment *attachment, const struct message *message)
{
	struct client *client = attachment->client;
	const struct json *json = message->json;
	json_at at = message->params == JSON_NONE ? JSON_NONE : json_get(json, message->params, S("uri"));
	CLEANUP(buf_release) struct buf uri = BUF_INIT((size_t)WATCH_URI_BYTES);
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)WATCH_URI_BYTES * 6 + 256);

	if (!json_is(json, at, JSON_STRING))
		return false;
	json_string_add(json, at, &uri);
	LIST_EACH(&attachment->watches, node) {
		struct watch *watch = LIST_ENTRY(node, struct watch, node);

		if (!uri_covers(watch->uri, buf_span(&uri)))
			continue;
		if (client->era == ERA_MODERN) {
			subscriptions_updated(watch, json_raw(json, at));
		} else if (watch->held) {
			buf_addf(&out,
				 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\","
				 "\"params\":{\"uri\":%.*s}}",
				 SPAN_ARG(json_raw(json, at)));
			client->worker->metrics.notifications++;
			(void)client_tell(client, buf_span(&out));
			return true;
		}
	}
	return false;
}

bool listening_list_changed(struct attachment *attachment, enum method method)
{
	struct client *client = attachment->client;
	unsigned view = view_of_method(method);

	if (!view)
		return false;
	view_told(attachment, method);
	/*
	 * What a modern client has may be older than all the gate knows of it; whoever listens to this server
	 * is told. A session that had no list is told of none.
	 */
	if (client->era == ERA_MODERN && !view_alone_is_given(attachment, view)) {
		attachment->changed |= view;
		tell_changes(attachment, loop_now(&client->worker->loop));
	}
	return true;
}

bool listening_heard(struct attachment *attachment, const struct message *message)
{
	struct client *client = attachment->client;
	bool bridged = attachment->link && attachment->link->era != client->era;

	if (task_heard(attachment, message))
		return true;
	/* What else a server says unasked is passed on where both are legacy. */
	if (message->method == METHOD_RESOURCE_UPDATED)
		return !owner_hears(attachment, message) || tell_update(attachment, message) || bridged ||
		       client->era == ERA_MODERN;
	return listening_list_changed(attachment, message->method);
}

void listening_tick(struct client *client, uint64_t now_ms)
{
	LIST_EACH(&client->attachments, node)
		tell_changes(LIST_ENTRY(node, struct attachment, node), now_ms);
}

void listening_fetched(struct attachment *attachment)
{
	struct client *client = client_ref(attachment->client);

	/* Who asked for the list has it then, and need not hear of it. */
	attachment_wake(attachment);
	if (!client->closed)
		listening_tick(client, loop_now(&client->worker->loop));
	(void)client_unref(client);
}

bool listening_take_level(struct exchange *x)
{
	enum level level = message_level(&x->message);

	if (level)
		x->client->log_level = level;
	return level != LEVEL_NONE;
}

void listening_set_level(struct link *link, enum level level)
{
	static const struct send_facts facts = { .method = METHOD_SET_LEVEL,
						 .method_name = SPAN("logging/setLevel") };
	struct call quiet = { 0 };
	char store[160];
	struct buf out = buf_over(store, sizeof(store));

	if (!link || link->state_of != LINK_READY || link->era != ERA_LEGACY || link->level == level ||
	    !link_has_capability(link, S("logging")))
		return;
	link->level = level;
	buf_addf(&out,
		 "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"logging/setLevel\",\"params\":{\"level\":",
		 (unsigned long long)link_take_id(link, &quiet));
	json_add_string(&out, level_name(level));
	buf_add(&out, S("}}"));
	/* Its answer says nothing anybody needs; it is dropped as one nobody waits for. */
	link_send(link, buf_span(&out), &facts);
}

void listening_renew_level(struct attachment *attachment)
{
	if (attachment->client->log_level)
		listening_set_level(attachment->link, attachment->client->log_level);
}

static enum stage_result set_level(struct exchange *x)
{
	if (listening_take_level(x))
		exchange_answer(x, NULL);
	else
		exchange_refuse(x, 200, -32602, "K605", S("Invalid params: no such log level"), S(""));
	return STAGE_DONE;
}

enum stage_result listening_serve(struct exchange *x)
{
	if (x->method == METHOD_SET_LEVEL)
		return set_level(x);
	if (x->method == METHOD_LISTEN)
		return subscription_begin(x);
	if (x->method == METHOD_RESOURCES_SUBSCRIBE)
		return subscription_add(x);
	if (x->method == METHOD_RESOURCES_UNSUBSCRIBE)
		return subscription_remove(x);
	exchange_refuse(x, exchange_status(x, -32601), -32601, "K601", S("Method not found"), S(""));
	return STAGE_DONE;
}
