/* heed.c - what modern servers say of their lists, heard for a client that listens to all of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/heed.h"

#include "exchange/view.h"
#include "json/write.h"

enum { HEED_AGAIN_MS = 30000 /* after a subscription has ended without our doing */ };

static struct attachment *attachment_of(struct call *call)
{
	return LIST_ENTRY(call, struct attachment, heed);
}

static void try_later(struct attachment *attachment)
{
	attachment->heed_ms = loop_now(&attachment->client->worker->loop) + HEED_AGAIN_MS;
}

static void on_message(struct call *call, const struct message *message, bool final)
{
	struct attachment *attachment = attachment_of(call);

	if (final) {
		try_later(attachment);
		return;
	}
	/* The server ends it. */
	if (message->method == METHOD_CANCELLED) {
		call_forget(call);
		try_later(attachment);
	}
	/* What changed before it listened to us, nobody has told. */
	if (message->method == METHOD_LISTEN_ACKNOWLEDGED) {
		(void)view_told(attachment, METHOD_TOOLS_CHANGED);
		(void)view_told(attachment, METHOD_PROMPTS_CHANGED);
		(void)view_told(attachment, METHOD_RESOURCES_CHANGED);
	}
	(void)view_told(attachment, message->method);
}

static void on_failed(struct call *call, enum link_failure failure, struct span why)
{
	(void)failure;
	(void)why;
	try_later(attachment_of(call));
}

static void begin(struct attachment *attachment)
{
	struct link *link = attachment->link;
	const struct method_info *info = method_info(METHOD_LISTEN);
	const struct send_facts facts = { .method = METHOD_LISTEN, .method_name = info->name };
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)1 << 20);

	if (!link_has_capability(link, S("prompts")) && !link_has_capability(link, S("resources")) &&
	    !link_declares_list_changed(link)) {
		attachment->heed_ms = UINT64_MAX;
		return;
	}
	attachment->heed = (struct call){ .on_message = on_message, .on_failed = on_failed };
	buf_add(&out, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add_u64(&out, link_take_id(link, &attachment->heed));
	buf_addf(&out,
		 ",\"method\":\"%.*s\",\"params\":{\"notifications\":{\"toolsListChanged\":true,"
		 "\"promptsListChanged\":true,\"resourcesListChanged\":true},\"_meta\":",
		 SPAN_ARG(info->name));
	buf_add(&out, buf_span(&link->init_params));
	buf_add(&out, S("}}"));
	if (buf_ok(&out))
		link_request(link, &attachment->heed, buf_span(&out), &facts);
	else
		attachment->heed_ms = UINT64_MAX;
}

static bool is_listening(const struct client *client)
{
	LIST_EACH(&client->exchanges, node)
		if (LIST_ENTRY(node, struct exchange, in_client)->listens)
			return true;
	return false;
}

void heed_tick(struct client *client, uint64_t now_ms)
{
	bool listening = client->era == ERA_MODERN && !client->only && is_listening(client);

	LIST_EACH(&client->attachments, node) {
		struct attachment *attachment = LIST_ENTRY(node, struct attachment, node);
		bool open = call_is_open(&attachment->heed);

		if (open && !listening)
			call_cancel(&attachment->heed, S("nobody listens any more"));
		if (!open && listening && attachment->link && attachment->link->state_of == LINK_READY &&
		    now_ms >= attachment->heed_ms)
			begin(attachment);
	}
}
