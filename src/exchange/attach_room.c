/* attach_room.c - room for a client's connections: so many at one server, so many of one principal in all. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/attach_room.h"

#include "exchange/account.h"
#include "exchange/processes.h"

static bool is_held(const struct attachment *attachment)
{
	LIST_EACH(&attachment->client->exchanges, node)
		if (LIST_ENTRY(node, struct exchange, in_client)->attachment == attachment)
			return true;
	return attachment_is_used(attachment);
}

static uint64_t used_ms(const struct attachment *attachment)
{
	return attachment->link ? attachment->link->used_ms : 0;
}

bool attachments_make_room(struct client *client, const struct server *server)
{
	struct attachment *oldest = NULL;
	size_t n = 0;

	LIST_EACH(&client->attachments, node) {
		struct attachment *attachment = LIST_ENTRY(node, struct attachment, node);

		if (attachment->server != server)
			continue;
		n++;
		if (!is_held(attachment) && (!oldest || used_ms(attachment) < used_ms(oldest)))
			oldest = attachment;
	}
	if (n < ATTACHMENTS)
		return true;
	if (!oldest)
		return false;
	attachment_close(oldest);
	return true;
}

static bool has_all_processes(const struct client *client)
{
	return processes_of(client->worker, client->principal) >=
	       client->worker->limits.processes_per_principal;
}

static bool has_all_links(const struct client *client)
{
	return client->account->n_links >= client->worker->limits.links_per_principal;
}

bool attachment_is_crowded(const struct attachment *attachment)
{
	const struct client *client = attachment->client;

	/* A process that all have together is nobody's. */
	return has_all_links(client) || (server_is_started(attachment->server) &&
					 !server_is_shared(attachment->server) && has_all_processes(client));
}

static enum stage_result refuse(struct exchange *x, const struct buf *text)
{
	x->worker->metrics.denied++;
	exchange_refuse(x, 429, -32603, "K801", buf_span(text), S(""));
	return STAGE_DONE;
}

enum stage_result attachment_refuse_crowded(struct exchange *x)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)512);

	if (has_all_links(x->client))
		buf_addf(&text,
			 "A server would have to be connected to for this, and you have %zu connections to "
			 "servers, which is the limit; end sessions you no longer need, then retry",
			 x->client->account->n_links);
	else
		buf_addf(
		    &text,
		    "A server would have to be started for this, and you have %zu server processes running, "
		    "which is the limit; end sessions you no longer need, then retry",
		    processes_of(x->worker, x->client->principal));
	return refuse(x, &text);
}

enum stage_result attachment_refuse_full(struct exchange *x)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)512);

	buf_addf(&text,
		 "Your requests declare more than %d different sets of client capabilities to one server at "
		 "the same time, which is the limit; wait for one to end, then retry",
		 ATTACHMENTS);
	return refuse(x, &text);
}

enum stage_result attachment_choose(struct exchange *x, struct server *server)
{
	x->attachment = attachment_for(x, server);
	if (!x->attachment && !attachments_make_room(x->client, server))
		return attachment_refuse_full(x);
	if (!x->attachment) {
		exchange_refuse(x, 503, -32603, "K803", S("The gate has no memory for a connection"), S(""));
		return STAGE_DONE;
	}
	x->server = server;
	return STAGE_NEXT;
}
