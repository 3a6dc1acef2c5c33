/* link.c - one live connection to a server: its life, and its calls. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/link_parts.h"

#include <stdlib.h>

#include "base/check.h"
#include "upstream/handshake.h"
#include "json/write.h"

const char *link_failure_word(enum link_failure failure)
{
	static const char *const words[] = {
		[LINK_START] = "start",	  [LINK_GONE] = "gone",	      [LINK_MISMATCH] = "mismatch",
		[LINK_SILENT] = "silent", [LINK_REFUSED] = "refused", [LINK_GARBAGE] = "garbage",
		[LINK_LOST] = "lost",	  [LINK_UNSENT] = "unsent",   [LINK_CROWDED] = "crowded",
	};

	return words[failure];
}

bool link_failure_is_vain(enum link_failure failure)
{
	switch (failure) {
	case LINK_START:
	case LINK_GONE:
	case LINK_SILENT:
	case LINK_GARBAGE:
		return true;
	case LINK_MISMATCH:
	case LINK_REFUSED:
	case LINK_LOST:
	case LINK_UNSENT:
	case LINK_CROWDED:
		break;
	}
	return false;
}

void call_leave(struct call *call)
{
	if (!call->link)
		return;
	/* It may have stopped what other calls are fed by, too. */
	call->link->transport->pause(call->link, call, false);
	(void)map_remove(&call->link->by_id, call->id_key);
	list_remove(&call->node);
	call->link = NULL;
	call->transport = NULL;
}

/* What was there before: what is asked meanwhile waits in `calls` for a turn of its own. */
static void fail_calls(struct link *link)
{
	/* Whose call it was that came too late for the session has heard; the others came before. */
	enum link_failure failure = link->failure == LINK_LOST ? LINK_GONE : link->failure;

	while (!list_empty(&link->calls)) {
		struct list *node = link->calls.next;

		list_remove(node);
		list_add(&link->failing, node);
	}
	while (!list_empty(&link->failing)) {
		struct call *call = LIST_ENTRY(link->failing.next, struct call, node);

		call_leave(call);
		if (call != &link->handshake)
			call->on_failed(call, failure, span_str(link->why));
	}
}

/*
 * In a turn of its own: nobody is called back from inside link_request() or link_send(). Whoever is
 * told may close the link, give up what else waits on it, or ask it again.
 */
static void tell_dead(struct later *later)
{
	struct link *link = LIST_ENTRY(later, struct link, dying);

	link->telling = true;
	fail_calls(link);
	link->telling = false;
	if (link->closed) {
		free(link);
		return;
	}
	if (!list_empty(&link->calls)) {
		loop_later(link->upstream->loop, &link->dying);
		return;
	}
	if (link->told)
		return;
	link->told = true;
	link->events->on_dead(link->owner, link, link->failure, span_str(link->why));
}

bool link_ended_at_probe(const struct link *link)
{
	struct server *server = link->server;

	return link->failure == LINK_GONE && link->era == ERA_MODERN && !link->init_result.n &&
	       server_is_started(server) && server->modern == SPEAKS_UNKNOWN &&
	       server_may_speak(server, ERA_LEGACY, loop_now(link->upstream->loop));
}

/*
 * What a program was told before it died are one client's words, where it is not all clients' one: the next
 * client has others. Only that it cannot be started is nobody's doing.
 */
static enum link_blame blame_of(const struct link *link)
{
	const struct server *server = link->server;

	if (!link_failure_is_vain(link->failure) || link_is_lent(link) || link_ended_at_probe(link))
		return BLAME_NOBODY;
	return server_is_started(server) && !server_is_shared(server) && link->failure != LINK_START
		   ? BLAME_CALLER
		   : BLAME_SERVER;
}

/* The gate's own ceilings, and what a client may hold of it, say nothing of the server. */
static void hold_against(struct link *link, bool opening)
{
	struct server *server = link->server;
	const char *reason = link_failure_word(link->failure);

	if (link->failure == LINK_CROWDED)
		return;
	(void)snprintf(server->last_failure, sizeof(server->last_failure), "%s", link->why);
	server_forget(server);
	server->failed += !link_is_lent(link);
	link->blame = opening ? blame_of(link) : BLAME_NOBODY;
	if (link->blame == BLAME_SERVER)
		common_fault(server_common(server), reason, loop_now(link->upstream->loop));
	else if (link->blame == BLAME_CALLER)
		common_vain(server_common(server), reason);
}

void link_fail(struct link *link, enum link_failure failure, const char *why)
{
	bool opening = link->state_of == LINK_OPENING;

	if (link->state_of == LINK_DEAD)
		return;
	link->state_of = LINK_DEAD;
	link->failure = failure;
	(void)snprintf(link->why, sizeof(link->why), "%s", why);
	hold_against(link, opening);
	if (link_is_lent(link)) {
		loop_later(link->upstream->loop, &link->dying);
		return;
	}
	log_event(link->upstream->log, LOG_WARN, "upstream.dead", "A connection to a server ended.",
		  LF("server", server_shown(link->server)), LFS("failure", link_failure_word(failure)),
		  LFS("why", why));
	loop_later(link->upstream->loop, &link->dying);
}

const char link_crowded[] =
    "its message is more than `limits.memory` leaves to this token now: let other calls end, ask for less, or "
    "raise the limit";

const char *link_too_long(const struct link *link, char store[LINK_WHY_BYTES])
{
	(void)snprintf(
	    store, LINK_WHY_BYTES,
	    "its message is over the limit of %zu bytes (limits.result): ask for less, or raise the limit",
	    link->upstream->limits->result_bytes);
	return store;
}

void link_fail_call(struct link *link, struct call *call, enum link_failure failure, struct span why)
{
	if (call->link != link)
		return;
	call_leave(call);
	call->on_failed(call, failure, why);
}

uint64_t link_take_id(struct link *link, struct call *call)
{
	check(!call->link);
	/* Of a process that several use, one number is never said twice, whoever says it. */
	call->id = server_is_shared(link->server) ? ++server_common(link->server)->last_id : ++link->next_id;
	call->id_key = span_of((const char *)&call->id, sizeof(call->id));
	return call->id;
}

void link_request(struct link *link, struct call *call, struct span message, const struct send_facts *facts)
{
	call->link = link;
	call->transport = NULL;
	list_add(&link->calls, &call->node);
	if (!map_put(&link->by_id, call->id_key, call))
		link_fail(link, LINK_GONE, "the gate has no memory for the request; try again later");
	if (link->state_of == LINK_DEAD) {
		loop_later(link->upstream->loop, &link->dying);
		return;
	}
	link->used_ms = loop_now(link->upstream->loop);
	link->transport->send(link, call, message, facts);
}

void link_send(struct link *link, struct span message, const struct send_facts *facts)
{
	if (link->state_of == LINK_DEAD)
		return;
	link->used_ms = loop_now(link->upstream->loop);
	link->transport->send(link, NULL, message, facts);
}

void link_initialized(struct link *link)
{
	const struct send_facts facts = { .method = METHOD_INITIALIZED,
					  .method_name = method_info(METHOD_INITIALIZED)->name };

	if (link->initialized_sent || link->era != ERA_LEGACY)
		return;
	link->initialized_sent = true;
	link_send(link, S("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"), &facts);
}

void call_forget(struct call *call)
{
	struct link *link = call->link;

	if (!link)
		return;
	link->gave_up = true;
	link->transport->drop(link, call);
	call_leave(call);
}

/*
 * spec: mcp/2025-11-25 cancellation: a request is given up with notifications/cancelled, never
 * `initialize`; mcp/2026-07-28: on HTTP closing the stream says it, on stdio the notification.
 */
void call_cancel(struct call *call, struct span reason)
{
	static const struct send_facts facts = { .method = METHOD_CANCELLED,
						 .method_name = SPAN("notifications/cancelled") };
	struct link *link = call->link;
	CLEANUP(buf_release) struct buf message = BUF_INIT((size_t)4096);

	if (!link)
		return;
	if (call != &link->handshake && link->state_of == LINK_READY &&
	    (link->era == ERA_LEGACY || !link_has_requests(link))) {
		buf_add(
		    &message,
		    S("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":"));
		buf_add_u64(&message, call->id);
		if (reason.n) {
			buf_add(&message, S(",\"reason\":"));
			json_add_string(&message, span_first(reason, 1024));
		}
		buf_add(&message, S("}}"));
		if (buf_ok(&message))
			link_send(link, buf_span(&message), &facts);
	}
	call_forget(call);
}

void call_move(struct call *to, struct call *from)
{
	struct link *link = from->link;

	check(link && !to->link);
	/* Who had it paused may not know whom to let go on. */
	link->transport->pause(link, from, false);
	(void)map_remove(&link->by_id, from->id_key);
	list_remove(&from->node);
	to->link = link;
	to->id = from->id;
	to->id_key = span_of((const char *)&to->id, sizeof(to->id));
	to->transport = from->transport;
	from->link = NULL;
	from->transport = NULL;
	list_add(&link->calls, &to->node);
	if (!map_put(&link->by_id, to->id_key, to))
		link_fail(link, LINK_GONE, "the gate has no memory for the request; try again later");
}

void call_pause(struct call *call, bool paused)
{
	if (call->link)
		call->link->transport->pause(call->link, call, paused);
}

void link_up(struct link *link)
{
	if (link->state_of == LINK_OPENING)
		handshake_begin(link);
}

void link_switch(struct link *link, const struct transport *transport, const char *why)
{
	struct err err = ERR_INIT;

	check(link->state_of == LINK_OPENING);
	(void)snprintf(link->why, sizeof(link->why), "%s", why);
	call_leave(&link->handshake);
	link->transport->close(link);
	link->transport = transport;
	if (!transport->open(link, &err))
		link_fail(link, LINK_START, err.text);
}

const struct transport *transport_of(const struct server *server)
{
	switch (server->kind) {
	case SERVER_STDIO:
		return server_is_shared(server) ? &transport_shared : &transport_stdio;
	case SERVER_HTTP:
		return server_wire_of(server) == WIRE_SSE ? &transport_sse : &transport_http;
	case SERVER_WS:
		return &transport_ws;
	case SERVER_UNIX:
		break;
	}
	return &transport_unix;
}

struct link *link_open_over(const struct link_plan *plan, struct err *err)
{
	struct server *server = plan->server;
	struct link *link = calloc(1, sizeof(*link));

	if (!link) {
		(void)err_set(err, ERR_NOMEM, "the gate has no memory for a connection; try again later");
		return NULL;
	}
	link->upstream = plan->upstream;
	link->server = server_ref(server);
	link->transport = plan->transport;
	link->events = plan->events;
	link->owner = plan->owner;
	link->era = plan->era;
	link->init_params = BUF_INIT((size_t)HANDSHAKE_HELLO_BYTES);
	link->init_result = BUF_INIT((size_t)1 << 20);
	link->used_ms = loop_now(plan->upstream->loop);
	link->dying.run = tell_dead;
	list_init(&link->calls);
	list_init(&link->failing);
	list_init(&link->node);
	server->started += !link_is_lent(link);
	if (!handshake_prepare(link, plan->hello)) {
		(void)err_set(err, ERR_LIMIT, "%s", handshake_too_long);
		link->state_of = LINK_DEAD;
		return link_close(link);
	}
	link->deadline_ms = handshake_deadline(link);
	if (!link->transport->open(link, err)) {
		server->failed++;
		link->state_of = LINK_DEAD;
		return link_close(link);
	}
	return link;
}

struct link *link_open(struct upstream *upstream, struct server *server, enum era era, struct span hello,
		       const struct link_events *events, void *owner, struct err *err)
{
	return link_open_over(&(struct link_plan){ .transport = transport_of(server),
						   .upstream = upstream,
						   .server = server,
						   .era = era,
						   .hello = hello,
						   .events = events,
						   .owner = owner },
			      err);
}

void link_charge(struct link *link, const void *payer, struct budget *budget)
{
	check(!link->init_result.cap);
	link->payer = payer;
	link->budget = budget;
	link->init_result.budget = budget;
	link->init_params.budget = budget;
	budget_force(budget, link->init_params.cap);
}

bool link_set_catalogue(struct link *link, struct catalogue *catalogue)
{
	if (link->catalogue)
		share_leave(&link->catalogue->holders, &link->listed);
	link->catalogue = catalogue_unref(link->catalogue);
	if (catalogue &&
	    !share_take(&catalogue->holders, &link->listed, link->budget, catalogue_bytes(catalogue))) {
		(void)catalogue_unref(catalogue);
		return false;
	}
	link->catalogue = catalogue;
	return true;
}

struct link *link_close(struct link *link)
{
	if (!link)
		return NULL;
	loop_later_cancel(&link->dying);
	while (!list_empty(&link->calls))
		call_leave(LIST_ENTRY(link->calls.next, struct call, node));
	while (!list_empty(&link->failing))
		call_leave(LIST_ENTRY(link->failing.next, struct call, node));
	link->transport->close(link);
	(void)link_set_catalogue(link, NULL);
	buf_release(&link->init_params);
	buf_release(&link->init_result);
	map_release(&link->by_id);
	link->server = server_unref(link->server);
	link->closed = true;
	/* tell_dead() or receive_batch() up the stack still looks at it, and frees it. */
	if (!link->telling && !link->batching)
		free(link);
	return NULL;
}

void link_tick(struct link *link, uint64_t now_ms)
{
	if (link->state_of == LINK_OPENING && now_ms > link->deadline_ms)
		handshake_late(link);
	if (link->events->on_tick)
		link->events->on_tick(link->owner, link, now_ms);
}
