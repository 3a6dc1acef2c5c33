/* turnstile.c - a server's requests one after another, or a few at a time. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/turnstile.h"

#include "exchange/client.h"

/* In a turn of its own: what ends may end inside of what another one does. */
static void run_next(struct later *later)
{
	struct server *server = LIST_ENTRY(later, struct server, turn);
	struct server *kept = server_ref(server);

	while (!list_empty(&server->queue) && server->n_calls < server->max_calls) {
		struct exchange *x = LIST_ENTRY(server->queue.next, struct exchange, waiting);

		attachment_unpark(x);
		x->queued = false;
		exchange_repeat(x);
	}
	(void)server_unref(kept);
}

enum stage_result turnstile_enter(struct exchange *x)
{
	struct server *server = x->server;

	if (!server->max_calls || x->method == METHOD_LISTEN || x->counted)
		return STAGE_NEXT;
	if (server->n_calls < server->max_calls) {
		server->n_calls++;
		x->counted = true;
		return STAGE_NEXT;
	}
	if (!exchange_keep(x))
		return STAGE_DONE;
	x->message = (struct message){ 0 };
	x->queued = true;
	list_add(&server->queue, &x->waiting);
	return STAGE_WAIT;
}

void turnstile_leave(struct exchange *x)
{
	struct server *server = x->server;

	if (!x->counted)
		return;
	x->counted = false;
	server->n_calls--;
	server->turn.run = run_next;
	if (!list_empty(&server->queue))
		loop_later(&x->worker->loop, &server->turn);
}
