/* link_receive.c - what the server of a link says, and who it is for. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/link_parts.h"

#include <stdlib.h>

static struct call *call_of(struct link *link, const struct json *json, json_at token)
{
	uint64_t id;

	if (token == JSON_NONE || !json_is(json, token, JSON_NUMBER) || !json_u64(json, token, &id))
		return NULL;
	return map_get(&link->by_id, span_of((const char *)&id, sizeof(id)));
}

static void receive_answer(struct link *link, struct call *via, const struct message *message)
{
	struct call *call = call_of(link, message->json, message->id);

	/* An error without an id answers what could not be read: on HTTP the request it came back on. */
	if (!call && message->id == JSON_NONE)
		call = via;
	if (!call || (via && call != via && link_has_requests(link) && link->era == ERA_MODERN)) {
		log_event(link->upstream->log, LOG_DEBUG, "upstream.late",
			  "An answer nobody waits for was dropped.",
			  LF("server", server_shown(link->server)));
		return;
	}
	call_leave(call);
	call->on_message(call, message, true);
}

/* The call that a member of the notification's params names. */
static struct call *named_call(struct link *link, const struct message *message, struct span member)
{
	if (message->params == JSON_NONE)
		return NULL;
	return call_of(link, message->json, json_get(message->json, message->params, member));
}

static void receive_notification(struct link *link, struct call *via, const struct message *message)
{
	struct call *call = via;

	/* A request without an id is neither answered nor passed on. */
	if (!(method_info(message->method)->flags & METHOD_NOTIFICATION))
		return;
	/*
	 * spec: mcp/2026-07-28 cancellation: a server ends a subscription with it; what it names is our
	 * request. In the legacy era it takes back a question of its own.
	 */
	if (message->method == METHOD_PROGRESS ||
	    (message->method == METHOD_CANCELLED && link->era == ERA_MODERN)) {
		call = named_call(link, message,
				  message->method == METHOD_PROGRESS ? S("progressToken") : S("requestId"));
		if (call && call != &link->handshake)
			call->on_message(call, message, false);
		return;
	}
	if (message->method == METHOD_TOOLS_CHANGED)
		link->stale = true;
	if (!call && link->era == ERA_MODERN && message->meta != JSON_NONE)
		call = call_of(link, message->json,
			       json_get(message->json, message->meta, S(META_SUBSCRIPTION)));
	if (call && call != &link->handshake)
		call->on_message(call, message, false);
	else
		link->events->on_message(link->owner, link, message);
}

static void answer_locally(struct link *link, const struct message *message, struct span rest)
{
	static const struct send_facts facts = { .method = METHOD_NONE };
	CLEANUP(buf_release) struct buf answer = BUF_INIT((size_t)4096);

	buf_add(&answer, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add(&answer, message_token(message->json, message->id));
	buf_add(&answer, rest);
	if (buf_ok(&answer))
		link_send(link, buf_span(&answer), &facts);
}

static void receive_request(struct link *link, struct call *via, const struct message *message)
{
	/* `cat` and its like: what it says next would be read as its answer. */
	if (link->state_of == LINK_OPENING &&
	    (message->method == METHOD_INITIALIZE || message->method == METHOD_DISCOVER)) {
		link_fail(link, LINK_GARBAGE, "it repeats what it is sent: this program is no MCP server");
		return;
	}
	if (link->era == ERA_MODERN) {
		log_event(link->upstream->log, LOG_WARN, "upstream.request",
			  "A server of the modern era sent a request; it was dropped.",
			  LF("server", server_shown(link->server)));
		return;
	}
	if (message->method == METHOD_PING) {
		answer_locally(link, message, S(",\"result\":{}}"));
		return;
	}
	if ((method_info(message->method)->flags & METHOD_NOTIFICATION) ||
	    !method_allowed(message->method, link->revision ? link->revision : REVISION_LAST_LEGACY,
			    METHOD_FROM_SERVER)) {
		answer_locally(link, message,
			       S(",\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}"));
		return;
	}
	if (via && via != &link->handshake)
		via->on_message(via, message, false);
	else
		link->events->on_message(link->owner, link, message);
}

const char *link_garbage(const struct link *link, const struct call *call)
{
	return link->garbage_id && link->garbage_id == call->id ? link->garbage : NULL;
}

static const struct call *only_call(const struct link *link)
{
	const struct list *first = link->calls.next;

	if (list_empty(&link->calls) || first->next != &link->calls)
		return NULL;
	return LIST_ENTRY(first, struct call, node);
}

struct overlong link_overlong_begin(const struct link *link)
{
	bool shared = server_is_shared(link->server);
	/* It may be the late answer to a call that was given up: of several clients, another's. */
	const struct call *call = shared && link->gave_up ? NULL : only_call(link);

	/* Of several clients one must not end the others' calls: his own waits until its time is over. */
	return (struct overlong){ .call_id = call ? call->id : 0,
				  .anybodys = link->state_of != LINK_READY ||
					      (!call && !shared && !list_empty(&link->calls)) };
}

void link_overlong_end(struct link *link, struct overlong overlong, bool crowded)
{
	char store[LINK_WHY_BYTES];
	const char *why = crowded ? link_crowded : link_too_long(link, store);
	struct call *call = map_get(&link->by_id,
				    span_of((const char *)&overlong.call_id, sizeof(overlong.call_id)));
	uint32_t missed;

	if (overlong.anybodys) {
		link_fail(link, crowded && link->state_of == LINK_OPENING ? LINK_CROWDED : LINK_GARBAGE, why);
		return;
	}
	if (log_brake_pass(&link->brake, loop_now(link->upstream->loop), 3, &missed))
		log_event(link->upstream->log, LOG_WARN, "upstream.overlong",
			  "A server sent more than may be held; it was dropped.",
			  LF("server", server_shown(link->server)), LFS("why", why), LFN("more", missed));
	if (call)
		link_fail_call(link, call, LINK_GARBAGE, span_str(why));
}

static bool garbage(struct link *link, const struct call *via, const char *reason, size_t bytes)
{
	const struct call *meant = via ? via : only_call(link);
	uint32_t missed;

	if (meant) {
		link->garbage_id = meant->id;
		link->garbage = reason;
	}
	if (log_brake_pass(&link->brake, loop_now(link->upstream->loop), 3, &missed))
		log_event(link->upstream->log, LOG_WARN, "upstream.garbage",
			  "A server sent what is not an MCP message; it was dropped.",
			  LF("server", server_shown(link->server)), LFS("reason", reason),
			  LFN("bytes", bytes), LFN("more", missed));
	return false;
}

static bool receive_one(struct link *link, struct call *via, const struct json *json, json_at at)
{
	struct message message;
	enum message_verdict verdict = message_read(json, at, &message);

	if (verdict != MESSAGE_OK)
		return garbage(link, via, message_verdict_text(verdict), json_raw(json, at).n);
	switch (message.kind) {
	case MESSAGE_RESULT:
	case MESSAGE_ERROR:
		receive_answer(link, via, &message);
		break;
	case MESSAGE_NOTIFICATION:
		receive_notification(link, via, &message);
		break;
	case MESSAGE_REQUEST:
		receive_request(link, via, &message);
		break;
	}
	return true;
}

/*
 * spec: mcp/2025-03-26 basic: implementations MUST support receiving batches, whatever the transport.
 * With what one member brings about, the link may end, and the call whose stream it came on: both are
 * looked for anew. The tape is the batch's meanwhile.
 */
static bool receive_batch(struct link *link, struct call *via)
{
	struct upstream *upstream = link->upstream;
	struct json batch = upstream->json;
	uint64_t via_id = via ? via->id : 0;
	bool any = false;

	upstream->json = (struct json){ 0 };
	link->batching = true;
	for (json_at at = json_first(&batch, 0); at != JSON_NONE; at = json_next(&batch, 0, at)) {
		via = map_get(&link->by_id, span_of((const char *)&via_id, sizeof(via_id)));
		any |= receive_one(link, via, &batch, at);
		if (link->closed || link->state_of == LINK_DEAD)
			break;
	}
	link->batching = false;
	if (link->closed)
		free(link);
	json_release(&upstream->json);
	upstream->json = batch;
	return any;
}

void link_hearing(struct link *link)
{
	if (link->events->on_hearing)
		link->events->on_hearing(link->owner, link);
}

bool link_receive(struct link *link, struct call *via, struct span text)
{
	struct json *json = &link->upstream->json;

	if (link->state_of == LINK_DEAD)
		return true;
	if (!json_parse(json, text, UINT32_MAX))
		return garbage(link, via, json_reason_text(json->reason), text.n);
	if (json_is(json, 0, JSON_ARRAY) && link->revision == REVISION_2025_03_26)
		return receive_batch(link, via);
	return receive_one(link, via, json, 0);
}
