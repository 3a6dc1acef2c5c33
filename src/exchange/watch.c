/* watch.c - resources that are watched: asked for once, told to all who want to hear. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/watch.h"

#include <stdlib.h>

#include "exchange/account.h"
#include "exchange/heed.h"
#include "exchange/subscription.h"
#include "json/write.h"

static struct span write_request(struct buf *out, enum method method, uint64_t id, struct span uri)
{
	buf_add(out, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add_u64(out, id);
	buf_addf(out, ",\"method\":\"%.*s\",\"params\":{\"uri\":", SPAN_ARG(method_info(method)->name));
	json_add_string(out, uri);
	buf_add(out, S("}}"));
	return buf_span(out);
}

/* The client may lose what waits for it, and the attachment with that: in a turn of its own. */
static void run_watching(struct later *later)
{
	subscriptions_settle(LIST_ENTRY(later, struct attachment, watching)->client);
}

void watch_settle(struct watch *watch, enum watch_state state)
{
	struct attachment *attachment = watch->attachment;

	watch->state = state;
	attachment->watching.run = run_watching;
	loop_later(&attachment->client->worker->loop, &attachment->watching);
}

static void on_subscribed(struct call *call, const struct message *message, bool final)
{
	struct watch *watch = LIST_ENTRY(call, struct watch, call);

	if (!final)
		return;
	buf_clear(&watch->refusal);
	if (message->kind == MESSAGE_ERROR)
		json_emit(&watch->refusal, message->json, message->error, NULL, 0);
	if (!buf_ok(&watch->refusal))
		buf_clear(&watch->refusal);
	watch_settle(watch, message->kind == MESSAGE_RESULT ? WATCH_ON : WATCH_REFUSED);
}

static void on_failed(struct call *call, enum link_failure failure, struct span why)
{
	struct watch *watch = LIST_ENTRY(call, struct watch, call);

	(void)failure;
	(void)why;
	/* It is asked for again with the connection. */
	if (!attachment_begins_anew(watch->attachment))
		watch_settle(watch, WATCH_REFUSED);
}

/* A legacy server is asked for each; a modern one hears of all in its subscription. */
static void ask(struct watch *watch)
{
	struct link *link = watch->attachment->link;
	const struct send_facts facts = { .method = METHOD_RESOURCES_SUBSCRIBE,
					  .method_name = method_info(METHOD_RESOURCES_SUBSCRIBE)->name,
					  .repeatable = true };
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)WATCH_URI_BYTES * 6 + 256);

	watch->state = WATCH_ASKED;
	watch->named = false;
	buf_clear(&watch->refusal);
	/* It is away: whoever wants to hear of it may ask again, and waits for nothing. */
	if (!link)
		watch_settle(watch, WATCH_REFUSED);
	if (!link || link->state_of != LINK_READY)
		return;
	/* What a legacy client asks of a legacy server, that one answers itself. */
	if ((link->era == ERA_MODERN || watch->attachment->client->era == ERA_MODERN) &&
	    !link_declares(link, S("resources"), S("subscribe"))) {
		watch_settle(watch, WATCH_REFUSED);
		return;
	}
	if (link->era == ERA_MODERN) {
		heed_soon(watch->attachment);
		return;
	}
	link_initialized(link);
	watch->call = (struct call){ .on_message = on_subscribed, .on_failed = on_failed };
	link_request(
	    link, &watch->call,
	    write_request(&out, METHOD_RESOURCES_SUBSCRIBE, link_take_id(link, &watch->call), watch->uri),
	    &facts);
}

struct watch *watch_find(const struct attachment *attachment, struct span uri)
{
	LIST_EACH(&attachment->watches, node)
		if (span_eq(LIST_ENTRY(node, struct watch, node)->uri, uri))
			return LIST_ENTRY(node, struct watch, node);
	return NULL;
}

struct watch *watch_add(struct attachment *attachment, struct span uri)
{
	struct client *client = attachment->client;
	struct watch *watch = watch_find(attachment, uri);

	if (watch) {
		watch->refs++;
		/* Held since before its server was started again, say: what was refused then may be served
		 * now. */
		if (watch->state == WATCH_REFUSED)
			ask(watch);
		return watch;
	}
	if (client->n_watches >= WATCHES || uri.n > WATCH_URI_BYTES ||
	    !budget_take(&client->account->held, sizeof(*watch) + uri.n))
		return NULL;
	watch = calloc(1, sizeof(*watch) + uri.n);
	if (!watch) {
		budget_give(&client->account->held, sizeof(*watch) + uri.n);
		return NULL;
	}
	memcpy(watch->bytes, uri.p, uri.n);
	watch->uri = span_of(watch->bytes, uri.n);
	watch->attachment = attachment;
	watch->refusal = BUF_CHARGED(WATCH_REFUSAL_BYTES, &client->account->held);
	watch->refs = 1;
	list_add(&attachment->watches, &watch->node);
	client->n_watches++;
	ask(watch);
	return watch;
}

static void free_watch(struct watch *watch)
{
	struct client *client = watch->attachment->client;

	call_forget(&watch->call);
	buf_release(&watch->refusal);
	list_remove(&watch->node);
	client->n_watches--;
	budget_give(&client->account->held, sizeof(*watch) + watch->uri.n);
	free(watch);
}

static void tell_legacy_server(const struct watch *watch)
{
	struct link *link = watch->attachment->link;
	const struct send_facts facts = { .method = METHOD_RESOURCES_UNSUBSCRIBE,
					  .method_name = method_info(METHOD_RESOURCES_UNSUBSCRIBE)->name };
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)WATCH_URI_BYTES * 6 + 256);
	struct call quiet = { 0 };

	if (!link || link->state_of != LINK_READY || link->era != ERA_LEGACY || watch->state == WATCH_REFUSED)
		return;
	link_send(link,
		  write_request(&out, METHOD_RESOURCES_UNSUBSCRIBE, link_take_id(link, &quiet), watch->uri),
		  &facts);
}

struct watch *watch_drop(struct watch *watch)
{
	struct attachment *attachment;

	if (!watch || --watch->refs)
		return NULL;
	attachment = watch->attachment;
	tell_legacy_server(watch);
	free_watch(watch);
	/* A modern server is asked for what is left. */
	heed_soon(attachment);
	return NULL;
}

void watches_renew(struct attachment *attachment)
{
	LIST_EACH(&attachment->watches, node)
		ask(LIST_ENTRY(node, struct watch, node));
}

void watches_lost(struct attachment *attachment)
{
	LIST_EACH(&attachment->watches, node) {
		struct watch *watch = LIST_ENTRY(node, struct watch, node);

		if (watch->state == WATCH_ASKED)
			watch_settle(watch, WATCH_REFUSED);
	}
}

void watches_drop_all(struct attachment *attachment)
{
	loop_later_cancel(&attachment->watching);
	while (!list_empty(&attachment->watches))
		free_watch(LIST_ENTRY(attachment->watches.next, struct watch, node));
}
