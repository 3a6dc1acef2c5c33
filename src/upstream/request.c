/* request.c - one HTTP request to a server, and its event stream, taken up again where it broke. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/request.h"

#include <stdlib.h>

#include "base/check.h"
#include "http/client.h"
#include "http/sse.h"
#include "upstream/head.h"
#include "upstream/refusal.h"

enum {
	REMOTE_ERROR_BYTES = 64 * 1024, /* of a refusal's body */
	REMOTE_LINGER_MS = 3000,	/* an event stream may stay open this long after its answer */
	REMOTE_WORD_MS = 10000,		/* to take a notification or an answer */
	REMOTE_RETRY_MS = 1000,		/* before a broken event stream is taken up again */
	REMOTE_RETRY_MIN_MS = 10,	/* the server may ask for less; it does not get it */
	REMOTE_RETRY_MAX_MS = 30000,
	REMOTE_RESUMES = 5, /* tries to take one answer up again */
	REMOTE_ID_BYTES = 1024,
};

/* One HTTP request under way, or an event stream that waits to be taken up again. */
struct request {
	struct list node;
	struct remote *remote;
	struct http_call *http;
	uint64_t call_id; /* of the call it carries; 0: none */
	enum { BODY_NONE, BODY_JSON, BODY_EVENTS, BODY_REFUSAL } mode;
	unsigned status;
	bool standing;	  /* the session's own event stream (GET) */
	bool initialized; /* carries notifications/initialized */
	bool ended;	  /* its call is answered; the stream only has to close */
	unsigned resumes;
	uint64_t retry_ms;
	struct buf body;
	struct sse_parser events;
	struct sse_limits event_limits;
	bool parsing;
	struct buf last_id;
	uv_timer_t *timer; /* made when it is first needed: most requests never wait */
	bool closing;
	bool busy; /* inside a callback */
};

static const struct http_call_events request_events;

static struct call *call_of(const struct request *request)
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
		request->timer = calloc(1, sizeof(*request->timer));
		if (!request->timer)
			return false;
		check(uv_timer_init(&request->remote->link->upstream->loop->uv, request->timer) == 0);
		request->timer->data = request;
	}
	(void)uv_timer_start(request->timer, run, ms, 0);
	return true;
}

static void request_destroy(struct request *request)
{
	/* A message of an event points into the parser's bytes: they outlive the callback it is read in. */
	if (request->parsing)
		sse_release(&request->events);
	free(request);
}

void request_free(struct request *request)
{
	struct call *call;

	if (request->closing)
		return;
	request->closing = true;
	call = call_of(request);
	if (call && call->transport == request)
		call->transport = NULL;
	request->http = http_call_abort(request->http);
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

static void leave(struct request *request)
{
	request->busy = false;
	if (request->closing)
		request_destroy(request);
}

static struct request *request_new(struct remote *remote)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->remote = remote;
	request->body = BUF_CHARGED(remote->link->upstream->limits->result_bytes, remote->link->budget);
	request->event_limits.budget = remote->link->budget;
	request->event_limits.line_bytes = request->body.max;
	request->event_limits.event_bytes = request->body.max + 4096;
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

static void fail(struct request *request, enum link_failure failure, struct span why)
{
	struct link *link = request->remote->link;
	struct call *call = call_of(request);
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)512);

	/* What is to be taken up again has been sent before. */
	if (failure == LINK_UNSENT && request->resumes)
		failure = LINK_GONE;
	buf_add(&text, span_first(why, 400));
	request_free(request);
	if (call)
		link_fail_call(link, call, failure, buf_span(&text));
}

static const char no_memory[] = "the gate has no memory for the request; try again later";

static void on_retry(uv_timer_t *timer)
{
	struct request *request = timer->data;

	if (request->ended || !send_get(request))
		fail(request, LINK_UNSENT, span_str(no_memory));
}

/*
 * spec: mcp/2025-11-25 transports: after a stream broke, the client waits for `retry` and resumes
 * with GET and Last-Event-ID; the session's own stream is opened again likewise. False: there is nothing to
 * take up.
 */
static bool resume_later(struct request *request)
{
	const struct link *link = request->remote->link;
	struct call *call = call_of(request);

	if (link->era != ERA_LEGACY || link->state_of != LINK_READY || request->ended)
		return false;
	if (!request->standing && (request->last_id.n == 0 || request->resumes >= REMOTE_RESUMES))
		return false;
	request->resumes++;
	/* A standing stream is taken up again and again: its pace is not the server's to set alone. */
	if (request->retry_ms < (request->standing ? REMOTE_RETRY_MS : REMOTE_RETRY_MIN_MS))
		request->retry_ms = request->standing ? REMOTE_RETRY_MS : REMOTE_RETRY_MIN_MS;
	if (call && call->on_polling)
		call->on_polling(call, request->retry_ms);
	/* Whoever was told may have given it up. */
	if (request->closing)
		return true;
	if (!start_timer(request, on_retry, request->retry_ms)) {
		fail(request, LINK_GONE, span_str(no_memory));
		return true;
	}
	if (request->standing && request->retry_ms < REMOTE_RETRY_MAX_MS)
		request->retry_ms *= 2;
	return true;
}

/* --- answers --- */

static bool is_type(struct span value, struct span type)
{
	struct span head = span_cut(&value, ';');

	return span_eq_nocase(span_trim(head), type);
}

static void take_session(struct remote *remote, const struct http_head *head)
{
	struct span id = http_known(head, HTTP_HEADER_MCP_SESSION_ID);

	if (id.n == 0 || id.n > 512 || remote->link->era != ERA_LEGACY ||
	    remote->link->state_of != LINK_OPENING)
		return;
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] < 0x21 || id.p[i] > 0x7e)
			return;
	buf_clear(&remote->session);
	buf_add(&remote->session, id);
	remote_write_head(remote);
}

static void take_head(struct request *request, const struct http_head *head)
{
	struct span type = http_known(head, HTTP_HEADER_CONTENT_TYPE);
	struct call *call = call_of(request);

	request->status = head->status;
	take_session(request->remote, head);
	buf_clear(&request->body);
	if (http_has(head, HTTP_HEADER_CONTENT_ENCODING) || head->status < 200 || head->status > 299) {
		request->mode = BODY_REFUSAL;
		return;
	}
	if (is_type(type, S("application/json"))) {
		request->mode = BODY_JSON;
	} else if (is_type(type, S("text/event-stream"))) {
		request->mode = BODY_EVENTS;
		http_call_endless(request->http);
		if (request->parsing)
			sse_release(&request->events);
		sse_init(&request->events, &request->event_limits);
		request->parsing = true;
		request->remote->link->streams = true;
		if (call && call->on_streaming)
			call->on_streaming(call);
	} else {
		request->mode = BODY_NONE;
	}
}

static void on_linger(uv_timer_t *timer)
{
	request_free(timer->data);
}

static void take_event(struct request *request)
{
	const struct sse_event *event = &request->events.event;
	struct remote *remote = request->remote;
	struct link *link = remote->link;
	struct call *call;

	if (event->has_id) {
		buf_clear(&request->last_id);
		buf_add(&request->last_id, event->id);
		if (!buf_ok(&request->last_id) || !http_is_value(event->id))
			buf_clear(&request->last_id);
	}
	if (event->has_retry)
		request->retry_ms = event->retry_ms < REMOTE_RETRY_MAX_MS ? event->retry_ms
									  : REMOTE_RETRY_MAX_MS;
	if (!event->has_data || event->data.n == 0 || (event->type.n && !span_eq(event->type, S("message"))))
		return;
	call = call_of(request);
	(void)link_receive(link, call, event->data);
}

static void too_long(struct request *request)
{
	char why[LINK_WHY_BYTES];

	fail(request, LINK_GARBAGE, span_str(link_too_long(request->remote->link, why)));
}

static void crowded(struct request *request)
{
	fail(request, LINK_GARBAGE, span_str(link_crowded));
}

static void take_events(struct request *request, struct span piece)
{
	while (!request->closing) {
		switch (sse_feed(&request->events, &piece)) {
		case SSE_MORE:
			return;
		case SSE_EVENT:
			take_event(request);
			break;
		case SSE_BAD:
			if (request->events.reason == SSE_MEMORY)
				crowded(request);
			else
				too_long(request);
			return;
		}
		if (!request->closing && request->call_id && !request->ended && !call_of(request)) {
			/* Answered: the stream should close now; it does not get for ever to do so. */
			request->ended = true;
			if (!start_timer(request, on_linger, REMOTE_LINGER_MS))
				request_free(request);
		}
	}
}

static void take_piece(struct request *request, struct span piece)
{
	size_t limit = request->mode == BODY_REFUSAL ? REMOTE_ERROR_BYTES : request->body.max;

	if (request->mode == BODY_EVENTS)
		take_events(request, piece);
	else if (request->mode != BODY_NONE && request->body.n + piece.n <= limit)
		buf_add(&request->body, piece);
	if (!request->closing && !buf_ok(&request->body))
		crowded(request);
}

static void open_standing(struct remote *remote)
{
	struct request *request = request_new(remote);

	if (!request)
		return;
	request->standing = true;
	if (!send_get(request))
		request_free(request);
}

static bool is_greeting(const struct request *request, const struct call *call)
{
	return call == &request->remote->link->handshake;
}

/* A refusal may be a JSON-RPC error with the status of its kind; else it is the transport's. */
static void refused(struct request *request)
{
	struct remote *remote = request->remote;
	struct link *link = remote->link;
	struct call *call = call_of(request);
	CLEANUP(buf_release) struct buf why = BUF_INIT((size_t)256);
	unsigned status = request->status;

	/* A standing stream is a thing a server may not have (405). */
	if (request->standing) {
		request_free(request);
		return;
	}
	if (status < 300)
		buf_add(
		    &why,
		    S("the server compressed its answer (Content-Encoding), for which the gate did not ask"));
	else
		buf_addf(&why, "the server answered with HTTP status %u: %s", status, refusal_text(status));
	if (status == 404 && remote->session.n) {
		request_free(request);
		link_fail(
		    link, LINK_REFUSED,
		    "the server has forgotten the session (HTTP status 404); the next call begins a new one");
		return;
	}
	if (call && request->body.n && refusal_may_answer(status, is_greeting(request, call))) {
		struct buf body = request->body;
		bool taken;

		request->body = (struct buf){ .max = 1 };
		taken = link_receive(link, call, buf_span(&body));
		buf_release(&body);
		if (taken && !request->closing && !call_of(request)) {
			request_free(request);
			return;
		}
	}
	if (!request->closing)
		fail(request, refusal_means(status, is_greeting(request, call) && link->era == ERA_MODERN),
		     buf_span(&why));
}

static void json_done(struct request *request)
{
	struct link *link = request->remote->link;
	struct buf body = request->body;

	/* The link, and the request with it, may end while its message is worked on. */
	request->body = (struct buf){ .max = 1 };
	if (body.n)
		(void)link_receive(link, call_of(request), buf_span(&body));
	buf_release(&body);
}

static void no_result(struct request *request)
{
	CLEANUP(buf_release) struct buf why = BUF_INIT((size_t)256);

	if (request->mode == BODY_EVENTS)
		buf_add(&why, S("the server ended its event stream without the result"));
	else
		buf_addf(
		    &why,
		    "the server answered with HTTP status %u and no MCP result: is its `url` an MCP endpoint?",
		    request->status);
	fail(request, LINK_GONE, buf_span(&why));
}

static void finish(struct request *request)
{
	struct remote *remote = request->remote;
	bool initialized = request->initialized && request->status < 300;

	if (request->mode == BODY_REFUSAL) {
		refused(request);
		return;
	}
	if (request->mode == BODY_JSON)
		json_done(request);
	if (request->closing)
		return;
	if (initialized)
		open_standing(remote);
	if (request->mode == BODY_EVENTS && (call_of(request) || request->standing) && resume_later(request))
		return;
	if (call_of(request))
		no_result(request);
	else
		request_free(request);
}

static void give_up(struct request *request, enum http_failure failure, struct span why)
{
	enum link_failure kind = failure == HTTP_FAIL_DIAL || failure == HTTP_FAIL_BUSY ? LINK_UNSENT
				 : failure == HTTP_FAIL_TLS				? LINK_START
				 : failure == HTTP_FAIL_BAD				? LINK_GARBAGE
											: LINK_GONE;

	/* The session does without its own stream until there is room for one. */
	if (failure == HTTP_FAIL_BUSY && request->standing) {
		if (!start_timer(request, on_retry, REMOTE_RETRY_MAX_MS))
			request_free(request);
		return;
	}
	if (failure == HTTP_FAIL_LONG) {
		too_long(request);
		return;
	}
	if (failure == HTTP_FAIL_BROKEN && request->mode == BODY_EVENTS && resume_later(request))
		return;
	fail(request, kind, why);
}

static void on_head(void *owner, const struct http_head *head)
{
	struct request *request = owner;

	request->busy = true;
	take_head(request, head);
	leave(request);
}

static void on_body(void *owner, struct span piece)
{
	struct request *request = owner;

	request->busy = true;
	take_piece(request, piece);
	leave(request);
}

static void on_done(void *owner)
{
	struct request *request = owner;

	request->busy = true;
	request->http = NULL;
	finish(request);
	leave(request);
}

static void on_fail(void *owner, enum http_failure failure, struct span why)
{
	struct request *request = owner;

	request->busy = true;
	request->http = NULL;
	give_up(request, failure, why);
	leave(request);
}

static const struct http_call_events request_events = {
	.on_head = on_head, .on_body = on_body, .on_done = on_done, .on_fail = on_fail
};

/* --- asking --- */

bool request_post(struct remote *remote, struct call *call, struct span message,
		  const struct send_facts *facts)
{
	struct link *link = remote->link;
	struct request *request = request_new(remote);
	char store[2048];
	struct buf head = { .p = store, .cap = sizeof(store), .max = sizeof(store) };
	CLEANUP(buf_release) struct buf large = BUF_INIT((size_t)64 * 1024);
	struct buf *out = &head;

	if (!request)
		return false;
	head_post(out, link, buf_span(&remote->head), facts, message.n);
	if (!buf_ok(out)) {
		out = &large;
		head_post(out, link, buf_span(&remote->head), facts, message.n);
	}
	request->initialized = facts->method == METHOD_INITIALIZED;
	if (call) {
		request->call_id = call->id;
		call->transport = request;
	}
	if (buf_ok(out))
		request->http = (facts->method == METHOD_LISTEN ? http_send_lasting : http_send)(
		    link->server->pool, payer_of(link), buf_span(out), message, facts->repeatable,
		    &request_events, request);
	/* Nobody waits for the answer to a notification or an answer, but the connection does. */
	if (request->http && (call || start_timer(request, on_linger, REMOTE_WORD_MS)))
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
