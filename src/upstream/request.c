/* request.c - one HTTP request to a server, and its event stream, taken up again where it broke. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/request.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/zeroed.h"
#include "upstream/head.h"
#include "upstream/underway.h"

enum {
	REMOTE_WORD_MS = 10000,	  /* to take a notification or an answer */
	REMOTE_HELD = 64,	  /* messages that wait until notifications/initialized is taken */
	REMOTE_RETRY_MS = 1000,	  /* before a broken event stream is taken up again */
	REMOTE_RETRY_MIN_MS = 10, /* the server may ask for less; it does not get it */
	REMOTE_RESUMES = 5,	  /* tries in vain to take one answer up again */
	REMOTE_ID_BYTES = 1024,
};

struct call *request_call(const struct request *request)
{
	if (!request->call_id)
		return NULL;
	return map_get(&request->remote->link->by_id,
		       span_of((const char *)&request->call_id, sizeof(request->call_id)));
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle);
}

/* False: without memory. */
static bool start_timer(struct request *request, uv_timer_cb run, uint64_t ms)
{
	if (!request->timer) {
		request->timer = zeroed(sizeof(*request->timer));
		if (!request->timer)
			return false;
		check(uv_timer_init(&request->remote->link->upstream->loop->uv, request->timer) == 0);
		request->timer->data = request;
	}
	(void)uv_timer_start(request->timer, run, ms, 0);
	return true;
}

static void on_linger(uv_timer_t *timer)
{
	request_free(timer->data);
}

bool request_linger(struct request *request, uint64_t ms)
{
	return start_timer(request, on_linger, ms);
}

static void request_destroy(struct request *request)
{
	/* A message of an event points into the parser's bytes: they outlive the callback it is read in. */
	if (request->parsing)
		sse_release(&request->events);
	free(request);
}

static void let_go(struct request *request)
{
	request->remote->n_held -= request->held.cap != 0;
	buf_release(&request->held);
}

void request_free(struct request *request)
{
	struct call *call;

	if (request->closing)
		return;
	request->closing = true;
	call = request_call(request);
	if (call && call->transport == request)
		call->transport = NULL;
	request->http = http_call_abort(request->http);
	if (request->remote->initializing == request)
		request_go_on(request->remote);
	let_go(request);
	list_remove(&request->node);
	buf_release(&request->body);
	buf_release(&request->last_id);
	if (request->timer)
		uv_close((uv_handle_t *)request->timer, on_timer_closed);
	request->timer = NULL;
	/* A callback up the stack still looks at `closing`; it frees the rest. */
	if (!request->busy)
		request_destroy(request);
}

void request_leave(struct request *request)
{
	request->busy = false;
	if (request->closing)
		request_destroy(request);
}

static struct request *request_new(struct remote *remote)
{
	struct request *request = zeroed(sizeof(*request));

	if (!request)
		return NULL;
	request->remote = remote;
	request->body = BUF_CHARGED(REMOTE_ERROR_BYTES, remote->link->budget);
	request->event_limits.budget = remote->link->budget;
	request->last_id = BUF_INIT(REMOTE_ID_BYTES);
	request->retry_ms = REMOTE_RETRY_MS;
	list_add(&remote->requests, &request->node);
	return request;
}

/* --- asking for an event stream --- */

void remote_write_head(struct remote *remote)
{
	head_common(&remote->head, remote->link, buf_span(&remote->session));
}

static struct http_payer payer_of(const struct link *link)
{
	return (struct http_payer){ .key = link->payer, .budget = link->budget };
}

static bool send_get(struct request *request)
{
	CLEANUP(buf_release) struct buf head = BUF_INIT((size_t)16384);

	head_begin(&head, request->remote->link, buf_span(&request->remote->head), S("GET"));
	buf_add(&head, S("Accept: text/event-stream\r\n"));
	if (request->last_id.n) {
		buf_add(&head, S("Last-Event-ID: "));
		buf_add(&head, buf_span(&request->last_id));
		buf_add(&head, S("\r\n"));
	}
	buf_add(&head, S("\r\n"));
	if (!buf_ok(&head))
		return false;
	request->mode = BODY_NONE;
	buf_clear(&request->body);
	request->http = (request->standing ? http_send_lasting : http_send)(
	    request->remote->link->server->pool, payer_of(request->remote->link), buf_span(&head), S(""),
	    true, &request_events, request);
	return request->http != NULL;
}

/* --- taking a broken event stream up again --- */

static const char no_memory[] = "the gate has no memory for the request; try again later";

/* A session's own stream will not come again. */
void request_fall_silent(struct request *request, struct span why)
{
	const struct link *link = request->remote->link;

	if (link->state_of == LINK_READY)
		log_event(link->upstream->log, LOG_WARN, "upstream.unheard",
			  "A session no longer hears what its server says unasked.",
			  LF("server", server_shown(link->server)), LF("why", why));
	request_free(request);
}

void request_fail(struct request *request, enum link_failure failure, struct span why)
{
	struct link *link = request->remote->link;
	struct call *call = request_call(request);
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)512);

	if (request->standing) {
		request_fall_silent(request, why);
		return;
	}
	/* What is to be taken up again has been sent before. */
	if ((failure == LINK_UNSENT || failure == LINK_CROWDED) && request->resumes)
		failure = LINK_GONE;
	buf_add(&text, span_first(why, 400));
	request_free(request);
	if (call)
		link_fail_call(link, call, failure, buf_span(&text));
}

static void on_retry(uv_timer_t *timer);

/* Not every stream of a session has events; one that stays open is as good. */
static bool has_lasted(const struct request *request)
{
	return request->standing && request->mode == BODY_EVENTS &&
	       loop_now(request->remote->link->upstream->loop) >= request->streams_ms + REMOTE_RETRY_MS;
}

/* What is taken up again and again has a pace that is not the server's to set alone. */
static uint64_t pause_before(const struct request *request)
{
	bool slow = request->standing || request->resumes > REMOTE_RESUMES;
	uint64_t least = slow ? REMOTE_RETRY_MS : REMOTE_RETRY_MIN_MS;
	uint64_t pause = request->retry_ms > least ? request->retry_ms : least;

	/* Where an answer's stream came and was closed, the server has said how long. */
	if (request->standing || request->mode != BODY_EVENTS)
		pause <<= request->vain < REMOTE_DOUBLINGS ? request->vain : REMOTE_DOUBLINGS;
	return pause < REMOTE_RETRY_MAX_MS ? pause : REMOTE_RETRY_MAX_MS;
}

/*
 * spec: mcp/2025-11-25 transports: after a stream broke, the client waits for `retry` and resumes
 * with GET and Last-Event-ID; the session's own stream is opened again likewise, for as long as the link
 * lives. False: there is nothing to take up.
 */
bool request_resume_later(struct request *request)
{
	const struct link *link = request->remote->link;
	struct call *call = request_call(request);
	uint64_t pause;

	if (link->era != ERA_LEGACY || link->state_of != LINK_READY || request->ended)
		return false;
	if (!request->standing && (request->last_id.n == 0 || request->vain >= REMOTE_RESUMES))
		return false;
	if (has_lasted(request))
		request->vain = 0;
	request->resumes++;
	pause = pause_before(request);
	request->vain++;
	if (call && call->on_polling)
		call->on_polling(call, pause);
	/* Whoever was told may have given it up. */
	if (!request->closing && !start_timer(request, on_retry, pause))
		request_fail(request, LINK_GONE, span_str(no_memory));
	return true;
}

static void on_retry(uv_timer_t *timer)
{
	struct request *request = timer->data;

	if (!request->ended && send_get(request))
		return;
	if (!request->standing || !request_resume_later(request))
		request_fail(request, LINK_UNSENT, span_str(no_memory));
}

void request_open_standing(struct remote *remote)
{
	struct request *request = request_new(remote);

	if (!request)
		return;
	request->standing = true;
	if (!send_get(request) && !request_resume_later(request))
		request_free(request);
}

/* --- asking --- */

static bool send_post(struct request *request, struct span head, struct span message)
{
	const struct link *link = request->remote->link;

	request->http = (request->lasting ? http_send_lasting : http_send)(
	    link->server->pool, payer_of(link), head, message, request->repeatable, &request_events, request);
	/* Nobody waits for the answer to a notification or an answer, but the connection does. */
	return request->http && (request->call_id || request_linger(request, REMOTE_WORD_MS));
}

static bool hold_post(struct request *request, struct span head, struct span message)
{
	struct remote *remote = request->remote;

	if (remote->n_held >= REMOTE_HELD)
		return false;
	request->held = BUF_CHARGED(head.n + message.n, remote->link->budget);
	buf_add(&request->held, head);
	buf_add(&request->held, message);
	if (!buf_ok(&request->held))
		return false;
	request->held_head = head.n;
	remote->n_held++;
	return true;
}

static struct request *first_held(const struct remote *remote)
{
	LIST_EACH(&remote->requests, node)
		if (LIST_ENTRY(node, struct request, node)->held.cap)
			return LIST_ENTRY(node, struct request, node);
	return NULL;
}

/* In their order. */
void remote_run_releasing(struct later *later)
{
	struct remote *remote = LIST_ENTRY(later, struct remote, releasing);
	struct request *request;

	while ((request = first_held(remote)) != NULL) {
		struct span held = buf_span(&request->held);
		bool sent = send_post(request, span_first(held, request->held_head),
				      span_skip(held, request->held_head));

		let_go(request);
		if (sent)
			continue;
		link_fail(remote->link, LINK_GONE, no_memory);
		return;
	}
}

void request_go_on(struct remote *remote)
{
	remote->initializing = NULL;
	if (remote->n_held)
		loop_later(remote->link->upstream->loop, &remote->releasing);
}

bool request_post(struct remote *remote, struct call *call, struct span message,
		  const struct send_facts *facts)
{
	struct link *link = remote->link;
	struct request *request = request_new(remote);
	char store[2048];
	struct buf head = { .p = store, .cap = sizeof(store), .max = sizeof(store) };
	CLEANUP(buf_release) struct buf large = BUF_INIT((size_t)64 * 1024);
	struct buf *out = &head;
	bool waits = remote->initializing || remote->n_held;

	if (!request)
		return false;
	head_post(out, link, buf_span(&remote->head), facts, message.n);
	if (!buf_ok(out)) {
		out = &large;
		head_post(out, link, buf_span(&remote->head), facts, message.n);
	}
	request->initialized = facts->method == METHOD_INITIALIZED;
	request->repeatable = facts->repeatable;
	request->lasting = facts->method == METHOD_LISTEN;
	if (call) {
		request->call_id = call->id;
		call->transport = request;
	}
	if (request->initialized)
		remote->initializing = request;
	if (buf_ok(out) && (waits ? hold_post : send_post)(request, buf_span(out), message))
		return true;
	request_free(request);
	return false;
}

struct request *request_first(const struct remote *remote)
{
	return LIST_ENTRY(remote->requests.next, struct request, node);
}

void request_pause(struct request *request, bool paused)
{
	if (!request->http)
		return;
	if (paused)
		http_call_pause(request->http);
	else
		http_call_resume(request->http);
}
