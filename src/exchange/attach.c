/* attach.c - a client's connections to its servers: opened when needed, again after a death. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/attach_parts.h"

#include <stdlib.h>

#include "exchange/account.h"
#include "exchange/attach_room.h"
#include "exchange/gather.h"
#include "exchange/heed.h"
#include "exchange/known.h"
#include "exchange/listening.h"
#include "exchange/offers.h"
#include "exchange/parked.h"
#include "exchange/processes.h"
#include "exchange/subscription.h"
#include "exchange/task.h"
#include "exchange/view.h"
#include "exchange/watch.h"

enum {
	ATTACH_DEATHS = 3,	/* so many deaths in a row … */
	ATTACH_PAUSE_MS = 1000, /* … and the next try waits for this long, twice as long after each more … */
	ATTACH_PAUSE_MAX_MS = 60000, /* … and no longer */
	ATTACH_HELLO_BYTES = 256 * 1024,
};

static struct attachment *attachment_new(struct client *client, struct server *server)
{
	struct attachment *attachment = calloc(1, sizeof(*attachment));

	if (!attachment)
		return NULL;
	attachment->client = client;
	attachment->server = server_ref(server);
	attachment->hello = BUF_CHARGED(ATTACH_HELLO_BYTES, &client->account->held);
	list_init(&attachment->waiting);
	list_init(&attachment->watches);
	list_add(&client->attachments, &attachment->node);
	return attachment;
}

static void close_link(struct attachment *attachment)
{
	if (!attachment->link)
		return;
	attachment->client->account->n_links--;
	attachment->link = link_close(attachment->link);
}

/* A modern server hears with each request what may be asked of the client, a legacy one only at first. */
static bool is_for(const struct attachment *attachment, uint64_t key)
{
	const struct link *link = attachment->link;

	return attachment->key == key || (link ? link->state_of == LINK_READY && link->era == ERA_MODERN
					       : attachment->server->modern == SPEAKS_YES);
}

struct attachment *attachment_for(struct exchange *x, struct server *server)
{
	struct message_claim claim;
	struct attachment *attachment;

	LIST_EACH(&x->client->attachments, node) {
		attachment = LIST_ENTRY(node, struct attachment, node);
		if (attachment->server == server && is_for(attachment, x->hello_key))
			return attachment;
	}
	attachment = attachments_make_room(x->client, server) ? attachment_new(x->client, server) : NULL;
	if (!attachment || x->client->era != ERA_MODERN)
		return attachment;
	claim = message_claim(&x->message);
	attachment->key = x->hello_key;
	client_claim(&attachment->hello, &x->message, &claim);
	return attachment;
}

bool attachment_park(struct attachment *attachment, struct exchange *x)
{
	if (!exchange_keep(x))
		return false;
	/* The tape is another message's from here on; exchange_run() reads the kept bytes anew. */
	x->message = (struct message){ 0 };
	if (!x->waiting.next)
		list_add(&attachment->waiting, &x->waiting);
	return true;
}

void attachment_unpark(struct exchange *x)
{
	if (!x->waiting.next)
		return;
	list_remove(&x->waiting);
	x->waiting = (struct list){ 0 };
}

static void move_waiting(struct attachment *attachment, struct list *batch)
{
	while (!list_empty(&attachment->waiting)) {
		struct list *node = attachment->waiting.next;

		list_remove(node);
		list_add(batch, node);
	}
}

static void run_waiting(struct list *batch)
{
	while (!list_empty(batch)) {
		struct exchange *x = LIST_ENTRY(batch->next, struct exchange, waiting);

		attachment_unpark(x);
		exchange_run(x);
	}
}

void attachment_wake(struct attachment *attachment)
{
	struct client *client = client_ref(attachment->client);
	struct list batch;

	list_init(&batch);
	move_waiting(attachment, &batch);
	run_waiting(&batch);
	(void)client_unref(client);
}

static void on_ready(void *owner, struct link *link)
{
	struct attachment *attachment = owner;

	server_has_come(attachment->server, false);
	common_caller_well(server_common(attachment->server), attachment->client->account->key);
	attachment->server->declared = link_declared(link);
	if (attachment->client->ready || attachment->client->era == ERA_MODERN)
		link_initialized(link);
	attachment->lost = false;
	attachment->ready_ms = loop_now(link->upstream->loop);
	attachment->heed_ms = 0;
	attachment->heeded = 0;
	watches_renew(attachment);
	heed_soon(attachment);
	listening_renew_level(attachment);
	view_ready(attachment);
	attachment_wake(attachment);
}

/* Asks that came from a dead link cannot be answered any more. */
static void drop_asks(struct attachment *attachment)
{
	LIST_EACH(&attachment->client->asks, node) {
		struct ask *ask = LIST_ENTRY(node, struct ask, node);

		/* What is asked in a round of the gate's own is answered all the same. */
		if (ask->attachment == attachment && !ask->x)
			ask_free(attachment->client, ask);
	}
}

/* Is it to be greeted in its own era now? Whoever waits need not hear of that. */
static bool begins_again(struct attachment *attachment, struct link *link)
{
	if (link_is_lent(link) || !link_ended_at_probe(link) || list_empty(&attachment->waiting))
		return false;
	server_learn(attachment->server, ERA_MODERN, false, loop_now(link->upstream->loop));
	return true;
}

/* What waited for a list, or comes again, waits for the new session now. */
static void await_session(struct attachment *attachment)
{
	LIST_EACH(&attachment->waiting, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, waiting);

		if (x->waited == WAITED_LIST)
			x->waited = WAITED_LINK;
	}
}

static void count_death(struct attachment *attachment, const struct link *link, uint64_t now_ms)
{
	if (link->blame == BLAME_CALLER)
		common_caller_fault(server_common(attachment->server), attachment->client->account->key,
				    now_ms);
	/* One that there was no room for was not tried. */
	if (link->failure == LINK_CROWDED) {
		attachment->died_ms = now_ms;
		return;
	}
	/* One that was there for as long as the longest pause is not one that dies again and again. */
	if (attachment->ready_ms && now_ms >= attachment->ready_ms + ATTACH_PAUSE_MAX_MS)
		attachment->deaths = 0;
	attachment->deaths++;
	attachment->died_ms = now_ms;
	attachment->ready_ms = 0;
}

static void on_dead(void *owner, struct link *link, enum link_failure failure, struct span why)
{
	struct attachment *attachment = owner;
	bool again = begins_again(attachment, link) || failure == LINK_LOST;

	attachment->failure = failure;
	attachment->lost = true;
	count_death(attachment, link, loop_now(link->upstream->loop));
	if (failure == LINK_LOST)
		await_session(attachment);
	(void)span_to_cstr(span_first(why, sizeof(attachment->why) - 1), attachment->why,
			   sizeof(attachment->why));
	attachment->fetch = gather_free(attachment->fetch);
	drop_asks(attachment);
	if (failure == LINK_START)
		processes_remove(attachment->client->worker, attachment->instance);
	else
		processes_leave(attachment->client->worker, attachment->instance);
	known_keep(attachment);
	/* A call that was parked has failed with it; its client hears that when it comes back. */
	close_link(attachment);
	tasks_lost(attachment);
	if (again && attachment_open(attachment))
		return;
	watches_lost(attachment);
	attachment_wake(attachment);
}

/* What the gate listens to of itself is nobody's: who wants to hear of more has a watch, or a task. */
static bool has_calls(const struct attachment *attachment)
{
	if (!attachment->link)
		return false;
	LIST_EACH(&attachment->link->calls, node) {
		const struct call *call = LIST_ENTRY(node, struct call, node);

		if (call != &attachment->heed && call != &attachment->heed_next)
			return true;
	}
	return false;
}

/* Does a request wait for its turn there? It may be a round of one that the program knows. */
static bool is_queued_for(const struct attachment *attachment)
{
	LIST_EACH(&attachment->client->exchanges, node) {
		const struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (x->queued && x->attachment == attachment)
			return true;
	}
	return false;
}

bool attachment_is_used(const struct attachment *attachment)
{
	struct parked *parked;

	if (has_calls(attachment) || !list_empty(&attachment->watches) || attachment->fetch ||
	    !list_empty(&attachment->waiting) || parked_on(attachment, &parked) || tasks_are_on(attachment))
		return true;
	LIST_EACH(&attachment->client->asks, node)
		if (LIST_ENTRY(node, struct ask, node)->attachment == attachment)
			return true;
	return is_queued_for(attachment);
}

bool attachment_rest(struct attachment *attachment, uint64_t now_ms)
{
	const struct server *server = attachment->server;
	struct link *link = attachment->link;

	if (!link || link->state_of != LINK_READY || !server->idle_ms ||
	    now_ms < link->used_ms + server->idle_ms || attachment_is_used(attachment))
		return false;
	if (!link_is_lent(link))
		log_event(link->upstream->log, LOG_INFO, "upstream.idle",
			  "A program without work was ended; the next request starts it again.",
			  LF("server", server_shown(server)));
	processes_leave(attachment->client->worker, attachment->instance);
	known_keep(attachment);
	close_link(attachment);
	return true;
}

static void on_hearing(void *owner, struct link *link)
{
	(void)link;
	view_missed(owner);
}

static const struct link_events events = { .on_ready = on_ready,
					   .on_dead = on_dead,
					   .on_message = attachment_hear,
					   .on_tick = attachment_give_up,
					   .on_hearing = on_hearing };

/* Notes whose process the link has just asked for. False: without memory; the link is closed. */
static bool note_process(struct attachment *attachment, struct err *err)
{
	struct client *client = attachment->client;

	if (!server_is_started(attachment->server) || server_is_shared(attachment->server))
		return true;
	attachment->instance = client->worker->upstream.next_instance;
	if (processes_add(client->worker, client->principal, attachment->instance))
		return true;
	close_link(attachment);
	(void)err_set(err, ERR_NOMEM, "no memory for a process");
	return false;
}

/* How long one that died again and again before it answered anything is left alone. */
static uint64_t rest_of(const struct attachment *attachment)
{
	uint64_t now = loop_now(&attachment->client->worker->loop), pause = ATTACH_PAUSE_MS;

	if (attachment->deaths < ATTACH_DEATHS)
		return 0;
	for (unsigned i = ATTACH_DEATHS; i < attachment->deaths && pause < ATTACH_PAUSE_MAX_MS; i++)
		pause *= 2;
	if (pause > ATTACH_PAUSE_MAX_MS)
		pause = ATTACH_PAUSE_MAX_MS;
	return now < attachment->died_ms + pause ? attachment->died_ms + pause - now : 0;
}

/* How long it is left alone: by this client, by all of its principal's, by everybody. */
static uint64_t pause_of(const struct attachment *attachment)
{
	struct server_common *common = server_common(attachment->server);
	uint64_t now = loop_now(&attachment->client->worker->loop), pause = rest_of(attachment);

	if (!pause)
		pause = common_caller_wait_ms(common, attachment->client->account->key, now);
	return pause ? pause : common_wait_ms(common, now);
}

bool attachment_open(struct attachment *attachment)
{
	struct client *client = attachment->client;
	struct upstream *upstream = &client->worker->upstream;
	struct err err = ERR_INIT;

	if (attachment->link)
		return true;
	attachment->crowded = attachment_is_crowded(attachment);
	if (attachment->crowded)
		return false;
	attachment->rest_ms = pause_of(attachment);
	if (attachment->rest_ms) {
		if (!attachment->why[0])
			(void)snprintf(attachment->why, sizeof(attachment->why), "%s",
				       attachment->server->last_failure);
		return false;
	}
	attachment->link =
	    link_open(upstream, attachment->server, client->era,
		      buf_span(client->era == ERA_MODERN ? &attachment->hello : &client->hello), &events,
		      attachment, &err);
	if (attachment->link) {
		client->account->n_links++;
		link_charge(attachment->link, client->account, &client->account->held);
	}
	if (attachment->link && note_process(attachment, &err)) {
		worker_need_tick(client->worker);
		return true;
	}
	attachment->lost = true;
	attachment->failure = LINK_START;
	(void)snprintf(attachment->why, sizeof(attachment->why), "%.199s", err.text);
	return false;
}

/* Is there somebody who will hear of it? Who has the server's own process alone asks for it himself. */
static bool is_missed(const struct attachment *attachment)
{
	const struct client *client = attachment->client;

	if (!list_empty(&attachment->watches))
		return true;
	if (client->only ? client->era == ERA_LEGACY : !client->given)
		return false;
	return subscriptions_want(attachment) != 0;
}

void attachment_reopen(struct attachment *attachment)
{
	const struct worker *worker = attachment->client->worker;

	if (!attachment->lost || attachment->link || worker->draining || attachment->server->ephemeral ||
	    !is_missed(attachment) || !record_possible(worker))
		return;
	/* Room is not made by asking for it each second. */
	if (attachment->failure == LINK_CROWDED &&
	    loop_now(&worker->loop) < attachment->died_ms + ATTACH_PAUSE_MAX_MS)
		return;
	(void)attachment_open(attachment);
}

enum stage_result attachment_need_link(struct exchange *x)
{
	struct attachment *attachment = x->attachment;
	bool was_open = attachment->link != NULL;

	/*
	 * Connected as it may be, where nobody gets through the next one need not wait to learn it. Who has a
	 * process or a channel of its own does not depend on others'.
	 */
	attachment->rest_ms = 0;
	if (attachment->link && attachment->link->state_of == LINK_READY &&
	    link_has_requests(attachment->link) &&
	    common_rests(server_common(attachment->server), loop_now(&x->worker->loop))) {
		attachment->rest_ms = common_wait_ms(server_common(attachment->server),
						     loop_now(&x->worker->loop));
		return attachment_refuse_unreachable(x);
	}
	if (attachment->link && attachment->link->state_of == LINK_READY) {
		if (x->waited == WAITED_LINK)
			x->waited = WAITED_NOTHING;
		return STAGE_NEXT;
	}
	/* It waited for this link and the link died: the answer is why. The next request tries anew. */
	if (!was_open && x->waited != WAITED_NOTHING)
		return attachment_refuse_unreachable(x);
	if (!attachment_open(attachment))
		return attachment->crowded ? attachment_refuse_crowded(x) : attachment_refuse_unreachable(x);
	x->waited = WAITED_LINK;
	return attachment_park(attachment, x) ? STAGE_WAIT : STAGE_DONE;
}

/* Whoever still waits here waits for several servers: it goes on without this one. */
void attachment_close(struct attachment *attachment)
{
	struct list batch;

	list_init(&batch);
	attachment->fetch = gather_free(attachment->fetch);
	drop_asks(attachment);
	parked_drop_all(attachment->client, attachment, S("no longer needed"));
	tasks_drop_all(attachment->client, attachment);
	move_waiting(attachment, &batch);
	processes_leave(attachment->client->worker, attachment->instance);
	close_link(attachment);
	list_remove(&attachment->node);
	known_drop(attachment);
	subscriptions_let_go(attachment);
	watches_drop_all(attachment);
	heed_stop(attachment);
	offers_release(attachment);
	uri_set_clear(&attachment->learnt, &attachment->client->account->held);
	attachment->server = server_unref(attachment->server);
	buf_release(&attachment->hello);
	free(attachment);
	run_waiting(&batch);
}
