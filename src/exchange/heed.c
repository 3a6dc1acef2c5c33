/* heed.c - what modern servers say of their lists and resources, heard for clients that are to be told. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/heed.h"

#include "crypto/digest.h"
#include "exchange/listening.h"
#include "exchange/subscription.h"
#include "exchange/task.h"
#include "exchange/view.h"
#include "exchange/watch.h"
#include "json/write.h"

enum { HEED_AGAIN_MS = 30000 /* after a subscription has ended without our doing */ };

/* Is another one under way that is to take its place, and has what this one has not? */
static bool is_outdated(const struct attachment *attachment, const struct call *call)
{
	return call == &attachment->heed && call_is_open(&attachment->heed_next);
}

/* A subscription was refused, or has ended: the server does not tell of what it named. It is tried again
 * later. */
static void refuse_watches(struct attachment *attachment, const struct call *call)
{
	if (is_outdated(attachment, call))
		return;
	attachment->heed_ms = loop_now(&attachment->client->worker->loop) + HEED_AGAIN_MS;
	attachment->heeded = 0;
	LIST_EACH(&attachment->watches, node) {
		struct watch *watch = LIST_ENTRY(node, struct watch, node);

		if (watch->state == WATCH_ASKED && watch->named)
			watch_settle(watch, WATCH_REFUSED);
	}
}

static bool is_accepted(const struct json *json, json_at uris, struct span uri)
{
	if (!json_is(json, uris, JSON_ARRAY))
		return false;
	for (json_at at = json_first(json, uris); at != JSON_NONE; at = json_next(json, uris, at))
		if (json_is(json, at, JSON_STRING) && json_string_is(json, at, uri))
			return true;
	return false;
}

static void acknowledged(struct attachment *attachment, const struct call *call,
			 const struct message *message)
{
	const struct json *json = message->json;
	json_at accepted = json_get(json, message->params, S("notifications"));
	json_at uris = json_is(json, accepted, JSON_OBJECT)
			   ? json_get(json, accepted, S("resourceSubscriptions"))
			   : JSON_NONE;

	LIST_EACH(&attachment->watches, node) {
		struct watch *watch = LIST_ENTRY(node, struct watch, node);

		if (watch->state != WATCH_ASKED || !watch->named)
			continue;
		if (is_accepted(json, uris, watch->uri))
			watch_settle(watch, WATCH_ON);
		else if (!is_outdated(attachment, call))
			watch_settle(watch, WATCH_REFUSED);
	}
	view_missed(attachment);
}

static void hear(struct attachment *attachment, struct call *call, const struct message *message, bool final)
{
	if (final) {
		refuse_watches(attachment, call);
		return;
	}
	if (message->method == METHOD_CANCELLED) {
		call_forget(call);
		refuse_watches(attachment, call);
	} else if (message->method == METHOD_LISTEN_ACKNOWLEDGED) {
		acknowledged(attachment, call, message);
	} else {
		(void)listening_heard(attachment, message);
	}
}

static void on_message(struct call *call, const struct message *message, bool final)
{
	hear(LIST_ENTRY(call, struct attachment, heed), call, message, final);
}

static void on_next_message(struct call *call, const struct message *message, bool final)
{
	struct attachment *attachment = LIST_ENTRY(call, struct attachment, heed_next);

	/* It takes the place of the one before from here on: nothing is missed between the two. */
	if (!final && message->method == METHOD_LISTEN_ACKNOWLEDGED) {
		call_cancel(&attachment->heed, S("replaced by another subscription"));
		call_move(&attachment->heed, call);
		call = &attachment->heed;
	}
	hear(attachment, call, message, final);
}

static void on_failed(struct call *call, enum link_failure failure, struct span why)
{
	(void)failure;
	(void)why;
	refuse_watches(LIST_ENTRY(call, struct attachment, heed), call);
}

static void on_next_failed(struct call *call, enum link_failure failure, struct span why)
{
	(void)failure;
	(void)why;
	refuse_watches(LIST_ENTRY(call, struct attachment, heed_next), call);
}

static void add_tasks(const struct attachment *attachment, struct buf *out)
{
	bool first = true;

	LIST_EACH(&attachment->client->tasks, node) {
		const struct task *task = LIST_ENTRY(node, struct task, node);

		if (task->attachment != attachment || !task_is_wanted(task))
			continue;
		if (first) {
			json_add_key(out, S("taskIds"));
			buf_add_char(out, '[');
		}
		if (!first)
			buf_add_char(out, ',');
		json_add_string(out, task->own);
		first = false;
	}
	if (!first)
		buf_add_char(out, ']');
}

/* The filter of what is wanted, as members of `notifications`. Empty: nothing is. */
static void add_filter(const struct attachment *attachment, struct buf *out)
{
	static const struct {
		struct span capability, name;
		unsigned view;
	} lists[] = { { SPAN("tools"), SPAN("toolsListChanged"), VIEW_TOOLS },
		      { SPAN("prompts"), SPAN("promptsListChanged"), VIEW_PROMPTS },
		      { SPAN("resources"), SPAN("resourcesListChanged"), VIEW_RESOURCES } };
	unsigned wanted = subscriptions_want(attachment);
	bool first = true;

	for (size_t i = 0; i < COUNT(lists); i++)
		if ((wanted & lists[i].view) &&
		    link_declares(attachment->link, lists[i].capability, S("listChanged")))
			json_put_bool(out, lists[i].name, true);
	LIST_EACH(&attachment->watches, node) {
		const struct watch *watch = LIST_ENTRY(node, struct watch, node);

		if (first) {
			json_add_key(out, S("resourceSubscriptions"));
			buf_add_char(out, '[');
		}
		if (!first)
			buf_add_char(out, ',');
		json_add_string(out, watch->uri);
		first = false;
	}
	if (!first)
		buf_add_char(out, ']');
	add_tasks(attachment, out);
}

static uint64_t mark_of(struct span filter)
{
	uint8_t digest[DIGEST_BYTES];
	uint64_t mark;

	if (filter.n == 0)
		return 0;
	digest_blake2b(filter, digest);
	memcpy(&mark, digest, sizeof(mark));
	return mark | 1;
}

static void subscribe(struct attachment *attachment, struct call *call, struct span filter)
{
	struct link *link = attachment->link;
	const struct method_info *info = method_info(METHOD_LISTEN);
	const struct send_facts facts = { .method = METHOD_LISTEN, .method_name = info->name };
	CLEANUP(buf_release) struct buf out = BUF_INIT(filter.n + link->init_params.n + 1024);

	buf_add(&out, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add_u64(&out, link_take_id(link, call));
	buf_addf(&out, ",\"method\":\"%.*s\",\"params\":{\"notifications\":{", SPAN_ARG(info->name));
	buf_add(&out, filter);
	buf_add(&out, S("},\"_meta\":"));
	if (span_contains(filter, S("\"taskIds\":")))
		task_add_meta(&out, link);
	else
		buf_add(&out, buf_span(&link->init_params));
	buf_add(&out, S("}}"));
	if (buf_ok(&out))
		link_request(link, call, buf_span(&out), &facts);
	else
		refuse_watches(attachment, call);
}

static void renew(struct attachment *attachment, struct span filter)
{
	call_cancel(&attachment->heed_next, S("replaced by another subscription"));
	if (!filter.n) {
		call_cancel(&attachment->heed, S("nobody listens any more"));
		return;
	}
	if (!call_is_open(&attachment->heed)) {
		attachment->heed = (struct call){ .on_message = on_message, .on_failed = on_failed };
		subscribe(attachment, &attachment->heed, filter);
		return;
	}
	attachment->heed_next = (struct call){ .on_message = on_next_message, .on_failed = on_next_failed };
	subscribe(attachment, &attachment->heed_next, filter);
}

/* A watch that is newer than the subscription, though its URI stands in it: its own answer is to come. */
static bool has_unnamed(const struct attachment *attachment)
{
	LIST_EACH(&attachment->watches, node) {
		const struct watch *watch = LIST_ENTRY(node, struct watch, node);

		if (watch->state == WATCH_ASKED && !watch->named)
			return true;
	}
	return false;
}

static void heed_now(struct attachment *attachment)
{
	CLEANUP(buf_release) struct buf filter = BUF_INIT((size_t)WATCHES * WATCH_URI_BYTES);
	uint64_t mark;

	if (!attachment->link || attachment->link->state_of != LINK_READY ||
	    attachment->link->era != ERA_MODERN)
		return;
	add_filter(attachment, &filter);
	mark = buf_ok(&filter) ? mark_of(buf_span(&filter)) : 0;
	if (mark == attachment->heeded && !has_unnamed(attachment)) {
		/* There is nothing to hear: not looked for every second. */
		if (!mark)
			attachment->heed_ms = loop_now(&attachment->client->worker->loop) + HEED_AGAIN_MS;
		return;
	}
	attachment->heeded = mark;
	LIST_EACH(&attachment->watches, node)
		LIST_ENTRY(node, struct watch, node)->named = true;
	if (buf_ok(&filter))
		renew(attachment, buf_span(&filter));
	else
		refuse_watches(attachment, NULL);
}

static void run_heeding(struct later *later)
{
	heed_now(LIST_ENTRY(later, struct attachment, heeding));
}

void heed_soon(struct attachment *attachment)
{
	attachment->heeding.run = run_heeding;
	loop_later(&attachment->client->worker->loop, &attachment->heeding);
}

void heed_stop(struct attachment *attachment)
{
	loop_later_cancel(&attachment->heeding);
}

/* A server that refuses is asked again and again, which is no work of its program's. */
static void heed_again(struct attachment *attachment)
{
	uint64_t used_ms = attachment->link ? attachment->link->used_ms : 0;

	heed_now(attachment);
	if (attachment->link)
		attachment->link->used_ms = used_ms;
}

void heed_tick(struct client *client, uint64_t now_ms)
{
	LIST_EACH(&client->attachments, node) {
		struct attachment *attachment = LIST_ENTRY(node, struct attachment, node);

		if (!attachment->heeded && now_ms >= attachment->heed_ms)
			heed_again(attachment);
	}
}
