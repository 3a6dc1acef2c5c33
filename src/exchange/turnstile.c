/* turnstile.c - a server's requests one after another, or a few at a time. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/turnstile.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "exchange/client.h"
#include "net/mailbox.h"

static bool take_place(struct server *server)
{
	struct server_common *common = server_common(server);
	size_t n = common->n_calls;

	while (n < server->max_calls)
		if (atomic_compare_exchange_weak(&common->n_calls, &n, n + 1))
			return true;
	return false;
}

static bool has_place(struct server *server)
{
	return server_common(server)->n_calls < server->max_calls;
}

static void unqueue(struct exchange *x)
{
	if (!x->queued)
		return;
	x->queued = false;
	server_common(x->server)->n_waiting--;
}

/* Whose turn it was goes behind all others that wait. */
static void go_behind(struct server *server, const struct account *account)
{
	struct list own;

	list_init(&own);
	LIST_EACH(&server->queue, node) {
		if (LIST_ENTRY(node, struct exchange, waiting)->client->account != account)
			continue;
		list_remove(node);
		list_add(&own, node);
	}
	while (!list_empty(&own)) {
		struct list *node = own.next;

		list_remove(node);
		list_add(&server->queue, node);
	}
}

/* In a turn of its own: what ends may end inside of what another one does. */
static void run_next(struct later *later)
{
	struct server *server = LIST_ENTRY(later, struct server, turn);
	struct server *kept = server_ref(server);

	while (!list_empty(&server->queue) && has_place(server)) {
		struct exchange *x = LIST_ENTRY(server->queue.next, struct exchange, waiting);

		unqueue(x);
		attachment_unpark(x);
		go_behind(server, x->client->account);
		exchange_repeat(x);
	}
	(void)server_unref(kept);
}

/* --- who waits in another thread --- */

struct news {
	struct mail mail;
	struct worker *worker;
	size_t n;
	char name[];
};

static void wake(struct worker *worker, struct server *server)
{
	server->turn.run = run_next;
	if (!list_empty(&server->queue))
		loop_later(&worker->loop, &server->turn);
}

static void run_news(struct mail *mail)
{
	struct news *news = LIST_ENTRY(mail, struct news, mail);
	struct server *server = worker_server(news->worker, span_of(news->name, news->n));

	if (server)
		wake(news->worker, server);
	free(news);
}

static void wake_others(const struct worker *worker, const struct server *server)
{
	for (size_t i = 0; i < worker->crew->n; i++) {
		struct worker *other = worker->crew->members[i];
		struct news *news = other == worker ? NULL : calloc(1, sizeof(*news) + server->name.n);

		/* Without memory they wait until their server's `timeout`. */
		if (!news)
			continue;
		*news = (struct news){ .mail.run = run_news, .worker = other, .n = server->name.n };
		memcpy(news->name, server->name.p, server->name.n);
		mailbox_post(other->loop.mailbox, &news->mail);
	}
}

enum stage_result turnstile_enter(struct exchange *x)
{
	struct server *server = x->server;

	if (!server->max_calls || x->method == METHOD_LISTEN || x->counted)
		return STAGE_NEXT;
	if (take_place(server)) {
		x->counted = true;
		return STAGE_NEXT;
	}
	if (!exchange_keep(x))
		return STAGE_DONE;
	x->message = (struct message){ 0 };
	x->queued = true;
	list_add(&server->queue, &x->waiting);
	server_common(server)->n_waiting++;
	/* One may have ended in another thread before we were seen to wait. */
	if (has_place(server))
		wake(x->worker, server);
	return STAGE_WAIT;
}

void turnstile_give(struct worker *worker, struct server *server)
{
	server_common(server)->n_calls--;
	wake(worker, server);
	if (server_common(server)->n_waiting)
		wake_others(worker, server);
}

void turnstile_leave(struct exchange *x)
{
	unqueue(x);
	if (!x->counted)
		return;
	x->counted = false;
	turnstile_give(x->worker, x->server);
}
