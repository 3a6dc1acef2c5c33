/* attach_hear.c - what a server says on a connection by itself, and what a client leaves unanswered on it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/attach_parts.h"

#include "exchange/listening.h"
#include "exchange/owner.h"
#include "exchange/parked.h"
#include "exchange/rounds.h"
#include "exchange/task.h"
#include "mcp/translate.h"
#include "json/write.h"

/*
 * Whose stream a message without any mark belongs to. A lone call in flight is what the server
 * speaks about. In the modern era log lines go only to calls that asked for them, and to none where
 * it could be another's.
 */
static struct exchange *nearest(const struct attachment *attachment, bool log_only)
{
	struct exchange *found = NULL;

	LIST_EACH(&attachment->client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (x->attachment != attachment || !call_is_open(&x->call) || (log_only && !x->log_level))
			continue;
		if (found)
			return NULL;
		found = x;
	}
	return found;
}

static bool any_open(const struct attachment *attachment)
{
	LIST_EACH(&attachment->client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (x->attachment == attachment && call_is_open(&x->call))
			return true;
	}
	return false;
}

/* Of a modern server that clients share, other clients' requests have asked for lines as well. */
static bool is_anothers_line(const struct client *client, const struct link *link,
			     const struct message *message)
{
	return message->method == METHOD_MESSAGE && link_is_lent(link) && link->era == ERA_MODERN &&
	       client->era == ERA_LEGACY &&
	       (!client->log_level || message_level(message) < client->log_level);
}

/* Does one of the client's requests want log lines as grave as this one? */
static bool any_wants_log(const struct client *client, const struct message *message)
{
	enum level level = message_level(message);

	LIST_EACH(&client->exchanges, node) {
		enum level wanted = LIST_ENTRY(node, struct exchange, in_client)->log_level;

		if (wanted && level >= wanted)
			return true;
	}
	return false;
}

static void tell_out(struct client *client, struct exchange *x)
{
	if (!buf_ok(&client->worker->out))
		return;
	client->worker->metrics.notifications++;
	if (x && exchange_takes_more(x))
		x->sink->send(x->sink, x, 200, buf_span(&client->worker->out), false);
	else
		(void)client_tell(client, buf_span(&client->worker->out));
}

/* A notification of the server's, in the client's words. */
static void tell(struct client *client, struct exchange *x, const struct link *link,
		 const struct message *message)
{
	struct arena arena = ARENA_INIT((size_t)1 << 20);
	struct edits edits = { .arena = &arena };
	struct legs legs = { link->revision, client->revision };

	buf_clear(&client->worker->out);
	if (link->era == client->era || translate_server_notification(message, legs, &edits)) {
		json_emit(&client->worker->out, message->json, message->root, edits.list, edits.n);
		client->worker->out.over |= edits.over;
		tell_out(client, x);
	}
	arena_release(&arena);
}

/* A request of the server's that came on no call's own stream: whose could it be? */
static void take_request(struct attachment *attachment, struct exchange *x, const struct message *message)
{
	struct parked *parked = NULL;

	if (task_asked(attachment, message))
		return;
	if (parked_on(attachment, &parked)) {
		if (parked && !any_open(attachment))
			parked_take(parked, message);
		else
			client_ask(attachment->client, attachment, NULL, message);
		return;
	}
	client_ask(attachment->client, attachment, x, message);
}

void attachment_hear(void *owner, struct link *link, const struct message *message)
{
	struct attachment *attachment = owner;
	struct client *client = attachment->client;
	bool modern = client->era == ERA_MODERN;
	/*
	 * spec: mcp/2025-11-25 transports, SHOULD: what is asked because of a request comes on its own
	 * stream. A server whose requests have such streams would have asked there.
	 */
	bool asks = !link_has_requests(link) &&
		    (message->kind == MESSAGE_REQUEST || message->method == METHOD_CANCELLED);
	struct exchange *x = client->outlet && !modern && !asks
				 ? NULL
				 : nearest(attachment, modern && message->method == METHOD_MESSAGE);

	if (message->kind == MESSAGE_REQUEST) {
		take_request(attachment, x, message);
		return;
	}
	if (message->method == METHOD_CANCELLED) {
		client_unasked(client, attachment, x, message);
		return;
	}
	if (listening_heard(attachment, message) || !owner_hears(attachment, message))
		return;
	if (!method_allowed(message->method, client->revision ? client->revision : REVISION_LAST_LEGACY,
			    METHOD_FROM_SERVER) ||
	    is_anothers_line(client, link, message))
		return;
	/* On a pipe all calls share one channel anyway; on HTTP a line that fits no call is dropped. */
	if (modern && (message->method != METHOD_MESSAGE ||
		       (!x && (client->kind != CLIENT_CHANNEL || !any_wants_log(client, message)))))
		return;
	if (x && modern)
		exchange_receive(x, message, false);
	else
		tell(client, x, link, message);
}

/* The server would wait for ever; the client need not think about it any more. */
static void give_up_ask(struct attachment *attachment, struct link *link, const struct ask *ask)
{
	static const struct send_facts facts = { .method = METHOD_NONE };
	struct client *client = attachment->client;
	struct buf *out = &client->worker->out;

	buf_clear(out);
	message_write_error(out, &(struct message_error){ .id = ask->id_raw,
							  .code = -32603,
							  .text = S("The client did not answer in time") });
	if (buf_ok(out))
		link_send(link, buf_span(out), &facts);
	buf_clear(out);
	buf_add(out,
		S("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":"));
	buf_add_u64(out, ask->id);
	buf_add(out, S(",\"reason\":\"timed out\"}}"));
	tell_out(client, nearest(attachment, false));
}

void attachment_give_up(void *owner, struct link *link, uint64_t now_ms)
{
	struct attachment *attachment = owner;

	LIST_EACH(&attachment->client->asks, node) {
		struct ask *ask = LIST_ENTRY(node, struct ask, node);

		if (ask->attachment != attachment || now_ms < ask->deadline_ms)
			continue;
		if (ask->x) {
			rounds_late(ask->x);
			return;
		}
		give_up_ask(attachment, link, ask);
		ask_free(attachment->client, ask);
	}
}
