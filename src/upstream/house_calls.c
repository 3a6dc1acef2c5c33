/* house_calls.c - whose each message of a shared process is: calls, subscriptions, levels. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/house_calls.h"

#include <stdlib.h>

#include "mcp/uri.h"
#include "upstream/stdio.h"
#include "json/write.h"

static void loan_free(struct loan *loan)
{
	list_remove(&loan->node);
	free(loan);
}

static void say_unsubscribe(struct house *house, struct span uri)
{
	const struct send_facts facts = { .method = METHOD_RESOURCES_UNSUBSCRIBE,
					  .method_name = method_info(METHOD_RESOURCES_UNSUBSCRIBE)->name };
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)TOPIC_URI_BYTES * 6 + 256);
	struct call quiet = { 0 };

	buf_addf(&out, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%.*s\",\"params\":{\"uri\":",
		 (unsigned long long)link_take_id(house->link, &quiet), SPAN_ARG(facts.method_name));
	json_add_string(&out, uri);
	buf_add(&out, S("}}"));
	if (buf_ok(&out))
		link_send(house->link, buf_span(&out), &facts);
}

/* The most verbose that anybody asked for; the others' lines are left out on the way to them. */
static void renew_level(struct house *house)
{
	static const struct send_facts facts = { .method = METHOD_SET_LEVEL,
						 .method_name = SPAN("logging/setLevel") };
	enum level level = LEVEL_NONE;
	struct call quiet = { 0 };
	char store[160];
	struct buf out = buf_over(store, sizeof(store));

	LIST_EACH(&house->leases, node) {
		const struct lease *lease = LIST_ENTRY(node, struct lease, node);

		if (lease->level && (!level || lease->level < level))
			level = lease->level;
	}
	if (!level || level == house->level || stdio_queued(house->link) > HOUSE_QUEUE_BYTES)
		return;
	house->level = level;
	buf_addf(&out, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%.*s\",\"params\":{\"level\":",
		 (unsigned long long)link_take_id(house->link, &quiet), SPAN_ARG(facts.method_name));
	json_add_string(&out, level_name(level));
	buf_add(&out, S("}}"));
	link_send(house->link, buf_span(&out), &facts);
}

/* It has no part any more. `lives`: the process goes on, and is told what nobody wants of it now. */
void lease_leave(struct house *house, struct lease *lease, bool lives)
{
	lease->in = false;
	list_remove(&lease->node);
	while (!list_empty(&lease->loans)) {
		struct loan *loan = LIST_ENTRY(lease->loans.next, struct loan, node);

		if (lives)
			call_cancel(&loan->call, S("no longer needed"));
		else
			call_forget(&loan->call);
		loan_free(loan);
	}
	while (!list_empty(&lease->holder.holds)) {
		struct topic *topic = LIST_ENTRY(lease->holder.holds.next, struct hold, in_holder)->topic;

		if (lives && topic_is_only(topic, &lease->holder))
			say_unsubscribe(house, topic->uri);
		topic_let_go(topic, &lease->holder);
	}
	if (lives)
		renew_level(house);
}

static void refuse(struct house *house, struct link *link, const struct message *message)
{
	static const struct send_facts facts = { .method = METHOD_NONE };
	CLEANUP(buf_release) struct buf answer = BUF_INIT((size_t)8192);

	message_write_error(&answer, &(struct message_error){
					 .id = message_token(message->json, message->id),
					 .code = -32601,
					 .text = S("Several clients share this server: nobody can tell which "
						   "one this is for") });
	if (buf_ok(&answer))
		link_send(link, buf_span(&answer), &facts);
	if (house->refused)
		return;
	house->refused = true;
	log_event(house->upstream->log, LOG_WARN, "upstream.refused",
		  "A server that clients share has asked for one of them; it was refused, as all such "
		  "requests of it will be.",
		  LF("server", server_shown(house->server)), LF("method", message->method_raw));
}

static bool uri_in(const struct message *message, struct buf *uri)
{
	json_at at = message->params == JSON_NONE ? JSON_NONE
						  : json_get(message->json, message->params, S("uri"));

	if (!json_is(message->json, at, JSON_STRING))
		return false;
	json_string_add(message->json, at, uri);
	return buf_ok(uri);
}

static bool holds_topic_of(const struct holder *holder, struct span uri)
{
	LIST_EACH(&holder->holds, node)
		if (uri_covers(LIST_ENTRY(node, struct hold, in_holder)->topic->uri, uri))
			return true;
	return false;
}

/* Whom is a notification for that belongs to no call? */
static bool concerns(const struct lease *lease, const struct message *message, struct span uri)
{
	enum level level;

	if (message->method == METHOD_RESOURCE_UPDATED)
		return holds_topic_of(&lease->holder, uri);
	if (message->method == METHOD_MESSAGE) {
		level = message_level(message);
		return !lease->level || !level || level >= lease->level;
	}
	return message->method == METHOD_TOOLS_CHANGED || message->method == METHOD_PROMPTS_CHANGED ||
	       message->method == METHOD_RESOURCES_CHANGED;
}

void house_heard(void *owner, struct link *link, const struct message *message)
{
	struct house *house = owner;
	CLEANUP(buf_release) struct buf uri = BUF_INIT((size_t)TOPIC_URI_BYTES * 2);
	struct parcel parcel = { .kind = PARCEL_HEAR };

	if (message->kind == MESSAGE_REQUEST) {
		refuse(house, link, message);
		return;
	}
	if (message->method == METHOD_RESOURCE_UPDATED && !uri_in(message, &uri))
		return;
	parcel.packet = packet_new(json_raw(message->json, message->root));
	LIST_EACH(&house->leases, node) {
		struct lease *lease = LIST_ENTRY(node, struct lease, node);

		if (concerns(lease, message, buf_span(&uri)))
			(void)house_deliver(lease, &parcel);
	}
	packet_unref(parcel.packet);
}

/* --- calls --- */

/* It is held all the same where the lease has asked for it once more, and that is not answered yet. */
static void not_accepted(struct lease *lease, struct topic *topic)
{
	LIST_EACH(&lease->loans, node)
		if (LIST_ENTRY(node, struct loan, node)->topic == topic)
			return;
	topic_let_go(topic, &lease->holder);
}

/* The answer to a subscription: whoever else wants the same need not ask. */
static void note_topic(struct loan *loan, bool accepted)
{
	struct topic *topic = TAKE(loan->topic);

	if (!topic)
		return;
	if (accepted)
		topic->on = true;
	else
		not_accepted(loan->lease, topic);
}

static void on_answer(struct call *call, const struct message *message, bool final)
{
	struct loan *loan = LIST_ENTRY(call, struct loan, call);
	struct lease *lease = loan->lease;

	if (final) {
		health_well(&lease->house->health);
		note_topic(loan, message->kind == MESSAGE_RESULT);
		loan_free(loan);
	}
	(void)house_deliver_bytes(lease, PARCEL_HEAR, 0, json_raw(message->json, message->root));
}

static void on_failed(struct call *call, enum link_failure failure, struct span why)
{
	struct loan *loan = LIST_ENTRY(call, struct loan, call);

	note_topic(loan, false);
	house_fail_call(loan->lease, call->id, failure, why);
	loan_free(loan);
}

static struct loan *loan_of(const struct house *house, const struct lease *lease, uint64_t id)
{
	struct call *call = map_get(&house->link->by_id, span_of((const char *)&id, sizeof(id)));
	struct loan *loan = call && call != &house->link->handshake ? LIST_ENTRY(call, struct loan, call)
								    : NULL;

	return loan && loan->lease == lease ? loan : NULL;
}

static void ask(struct house *house, const struct parcel *parcel, struct topic *topic)
{
	struct lease *lease = parcel->lease;
	const struct send_facts facts = { .method = parcel->method,
					  .method_name = method_info(parcel->method)->name };
	struct loan *loan = calloc(1, sizeof(*loan));

	if (!loan || stdio_queued(house->link) > HOUSE_QUEUE_BYTES) {
		free(loan);
		if (topic)
			not_accepted(lease, topic);
		house_fail_call(lease, parcel->id, LINK_UNSENT,
				S("the server does not read its stdin fast enough, and 16 MiB wait for it"));
		return;
	}
	loan->lease = lease;
	loan->topic = topic && !topic->on ? topic : NULL;
	loan->call = (struct call){ .id = parcel->id, .on_message = on_answer, .on_failed = on_failed };
	loan->call.id_key = span_of((const char *)&loan->call.id, sizeof(loan->call.id));
	list_add(&lease->loans, &loan->node);
	link_request(house->link, &loan->call, parcel->bytes, &facts);
}

static void answer(const struct parcel *parcel, struct span rest)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)512);

	if (!parcel->id)
		return;
	buf_add(&out, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add_u64(&out, parcel->id);
	buf_add(&out, rest);
	(void)house_deliver_bytes(parcel->lease, PARCEL_HEAR, 0, buf_span(&out));
}

static void subscribe(struct house *house, const struct parcel *parcel, struct span uri)
{
	struct topic *topic = topic_hold(&house->topics, &parcel->lease->holder, uri);

	if (!topic)
		answer(parcel, S(",\"error\":{\"code\":-32603,\"message\":\"Too many subscriptions\"}}"));
	else if (topic->on)
		answer(parcel, S(",\"result\":{}}"));
	else
		ask(house, parcel, topic);
}

/* Its subscription may not have been answered yet. */
static void let_go(struct lease *lease, struct topic *topic)
{
	LIST_EACH(&lease->loans, node) {
		struct loan *loan = LIST_ENTRY(node, struct loan, node);

		if (loan->topic == topic)
			loan->topic = NULL;
	}
	topic_let_go(topic, &lease->holder);
}

static void unsubscribe(struct house *house, const struct parcel *parcel, struct span uri)
{
	struct topic *topic = topic_find(&house->topics, uri);
	bool last = topic && topic_is_only(topic, &parcel->lease->holder);

	if (topic)
		let_go(parcel->lease, topic);
	if (topic && !last)
		answer(parcel, S(",\"result\":{}}"));
	else if (parcel->id)
		ask(house, parcel, NULL);
	else if (last)
		say_unsubscribe(house, uri);
}

static void set_level(struct house *house, const struct parcel *parcel, enum level level)
{
	if (!level || !link_has_capability(house->link, S("logging"))) {
		if (parcel->id)
			ask(house, parcel, NULL);
		return;
	}
	parcel->lease->level = level;
	renew_level(house);
	answer(parcel, S(",\"result\":{}}"));
}

/* Only what is the lease's own is taken back. */
static void cancel(struct house *house, const struct parcel *parcel, const struct message *message)
{
	const struct send_facts facts = { .method = METHOD_CANCELLED,
					  .method_name = method_info(METHOD_CANCELLED)->name };
	struct span token = message_cancelled(message);
	json_at at = message->params == JSON_NONE ? JSON_NONE
						  : json_get(message->json, message->params, S("requestId"));
	uint64_t id;

	if (token.n && json_is(message->json, at, JSON_NUMBER) && json_u64(message->json, at, &id) &&
	    loan_of(house, parcel->lease, id))
		link_send(house->link, parcel->bytes, &facts);
}

/* What counts for more than its own call is looked at; the rest goes out as it is. */
void lease_say(struct house *house, const struct parcel *parcel)
{
	CLEANUP(buf_release) struct buf uri = BUF_INIT((size_t)TOPIC_URI_BYTES * 2);
	struct json *json = &house->upstream->json;
	struct message message = { 0 };
	enum method method = parcel->method;
	bool looked_at = method == METHOD_RESOURCES_SUBSCRIBE || method == METHOD_RESOURCES_UNSUBSCRIBE ||
			 method == METHOD_SET_LEVEL || method == METHOD_CANCELLED;

	if (!looked_at) {
		ask(house, parcel, NULL);
		return;
	}
	if (!json_parse(json, parcel->bytes, UINT32_MAX) || message_read(json, 0, &message) != MESSAGE_OK)
		return;
	if (method == METHOD_CANCELLED)
		cancel(house, parcel, &message);
	else if (method == METHOD_SET_LEVEL)
		set_level(house, parcel, message_level(&message));
	else if (!uri_in(&message, &uri))
		ask(house, parcel, NULL);
	else if (method == METHOD_RESOURCES_SUBSCRIBE)
		subscribe(house, parcel, buf_span(&uri));
	else
		unsubscribe(house, parcel, buf_span(&uri));
}

void lease_drop(struct house *house, const struct parcel *parcel)
{
	struct loan *loan = loan_of(house, parcel->lease, parcel->id);

	if (!loan)
		return;
	call_forget(&loan->call);
	loan_free(loan);
}
