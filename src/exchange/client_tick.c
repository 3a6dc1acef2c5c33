/* client_tick.c - what is late at a client, and when nothing can be. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/client.h"

#include "exchange/heed.h"
#include "exchange/listening.h"
#include "exchange/parked.h"
#include "exchange/post.h"
#include "exchange/task.h"
#include "exchange/view.h"

/* What has not answered in time. Whoever goes on because of it may close the client, or any of these. */
static void tick_lists(struct client *client, uint64_t now_ms)
{
	struct list *node = client->attachments.next;

	while (node != &client->attachments) {
		bool ended = attachment_tick(LIST_ENTRY(node, struct attachment, node), now_ms);

		node = ended ? client->attachments.next : node->next;
	}
}

/*
 * A session in which nothing goes on, to which nobody listens: what could be late there, and by how much that
 * is too late for nobody.
 */
enum { CLIENT_CALM_MS = 5000 };

static bool is_busy(const struct client *client)
{
	return client->n_exchanges || !list_empty(&client->posts) || client->n_streams ||
	       !list_empty(&client->parked_calls) || client->n_tasks || client->kind == CLIENT_CHANNEL;
}

/* When it is to be looked at again at the latest; 0: in the next tick. */
static uint64_t calm_until(const struct client *client, uint64_t now_ms)
{
	uint64_t end_ms = client->used_ms + client->worker->limits.session_idle_ms + 1;

	if (is_busy(client) || client->outlet || client->n_asks || client->n_watches || client->doubted_ms ||
	    now_ms < client->used_ms + CLIENT_CALM_MS)
		return 0;
	LIST_EACH(&client->attachments, node) {
		const struct attachment *attachment = LIST_ENTRY(node, struct attachment, node);

		/* A link to a program may have to end on time. */
		if (attachment->link &&
		    (attachment->server->idle_ms || attachment->link->state_of != LINK_READY))
			return 0;
	}
	return end_ms < now_ms + CLIENT_CALM_MS ? end_ms : now_ms + CLIENT_CALM_MS;
}

void client_tick(struct client *client, uint64_t now_ms)
{
	tick_lists(client, now_ms);
	if (client->closed)
		return;
	LIST_EACH(&client->attachments, node) {
		struct link *link = LIST_ENTRY(node, struct attachment, node)->link;

		if (link)
			link_tick(link, now_ms);
	}
	LIST_EACH(&client->attachments, node) {
		(void)attachment_rest(LIST_ENTRY(node, struct attachment, node), now_ms);
		attachment_reopen(LIST_ENTRY(node, struct attachment, node));
	}
	post_tick(client, now_ms);
	parked_tick(client, now_ms);
	tasks_tick(client, now_ms);
	heed_tick(client, now_ms);
	view_tick(client);
	listening_tick(client, now_ms);
	client_recheck(client, now_ms);
	if (!is_busy(client) && now_ms > client->used_ms + client->worker->limits.session_idle_ms)
		client_close(client, S("idle"));
	else
		client->calm_until_ms = calm_until(client, now_ms);
}
