/* answer.c - what comes back on an HTTP request to a server: its head, a result, events, a refusal. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/head.h"
#include "upstream/refusal.h"
#include "upstream/underway.h"

enum { REMOTE_LINGER_MS = 3000 }; /* an event stream may stay open this long after its answer */

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

/* The one in force when the answer begins; its Content-Length was held against the same. */
static void take_limit(struct request *request)
{
	buf_clear(&request->body);
	request->body.max = request->remote->link->upstream->limits->result_bytes;
	request->event_limits.line_bytes = request->body.max;
	request->event_limits.event_bytes = request->body.max + 4096;
}

static void take_head(struct request *request, const struct http_head *head)
{
	struct span type = http_known(head, HTTP_HEADER_CONTENT_TYPE);
	struct call *call = request_call(request);

	request->status = head->status;
	take_session(request->remote, head);
	take_limit(request);
	if (http_has(head, HTTP_HEADER_CONTENT_ENCODING) || head->status < 200 || head->status > 299) {
		request->mode = BODY_REFUSAL;
		request->body.max = REMOTE_ERROR_BYTES;
		return;
	}
	if (head_is_type(type, S("application/json"))) {
		request->mode = BODY_JSON;
	} else if (head_is_type(type, S("text/event-stream"))) {
		request->mode = BODY_EVENTS;
		request->streams_ms = loop_now(request->remote->link->upstream->loop);
		http_call_endless(request->http);
		if (request->parsing)
			sse_release(&request->events);
		sse_init(&request->events, &request->event_limits);
		request->parsing = true;
		request->remote->link->streams = true;
		if (call && call->on_streaming)
			call->on_streaming(call);
		/* With an id the server sends again what was missed. */
		if (request->standing && request->last_id.n == 0)
			link_hearing(request->remote->link);
	} else {
		request->mode = BODY_NONE;
	}
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
	request->vain = 0;
	call = request_call(request);
	(void)link_receive(link, call, event->data);
}

/* An event of the session's own stream that could not be held: the stream goes on without it. */
static bool go_on_without(struct request *request, const char *why)
{
	struct link *link = request->remote->link;
	uint32_t missed;

	if (!request->standing)
		return false;
	if (log_brake_pass(&link->brake, loop_now(link->upstream->loop), 3, &missed))
		log_event(link->upstream->log, LOG_WARN, "upstream.overlong",
			  "A server sent more than may be held; it was dropped.",
			  LF("server", server_shown(link->server)), LFS("why", why), LFN("more", missed));
	request->http = http_call_abort(request->http);
	return request_resume_later(request);
}

static bool is_greeting(const struct request *request, const struct call *call)
{
	return call == &request->remote->link->handshake;
}

static void too_long(struct request *request)
{
	char why[LINK_WHY_BYTES];

	/* The same would come again. */
	if (request->standing)
		buf_clear(&request->last_id);
	(void)link_too_long(request->remote->link, why);
	if (!go_on_without(request, why))
		request_fail(request, LINK_GARBAGE, span_str(why));
}

/* To what a greeting was answered with nothing was done yet. */
static void crowded(struct request *request)
{
	enum link_failure failure = is_greeting(request, request_call(request)) ? LINK_CROWDED : LINK_GARBAGE;

	if (!go_on_without(request, link_crowded))
		request_fail(request, failure, span_str(link_crowded));
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
		if (!request->closing && request->call_id && !request->ended && !request_call(request)) {
			/* Answered: the stream should close now; it does not get for ever to do so. */
			request->ended = true;
			if (!request_linger(request, REMOTE_LINGER_MS))
				request_free(request);
		}
	}
}

/* Said by what stands before a server that is being restarted, too. */
static bool is_passing(unsigned status)
{
	return status == 429 || (status >= 500 && status != 501);
}

/*
 * spec: mcp/2025-11-25 transports, backwards compatibility: where the first `initialize` is refused so, the
 * server may be one of the older transport. Once it has been spoken to in one way, there is nothing to find.
 */
static bool may_speak_sse(const struct request *request, const struct call *call)
{
	const struct link *link = request->remote->link;

	return call && is_greeting(request, call) && link->state_of == LINK_OPENING &&
	       link->era == ERA_LEGACY && refusal_hints_at_sse(request->status) &&
	       server_wire_of(link->server) == WIRE_UNKNOWN;
}

/*
 * spec: mcp/2025-11-25 transports: 404 is how a server says that it has forgotten the session. Some say so of
 * a stream of the session's own, too, which they do not have.
 */
static bool is_of_lost_session(const struct request *request)
{
	return request->status == 404 && request->remote->session.n &&
	       (!request->standing || request->streams_ms);
}

static void lose_session(struct request *request)
{
	static const char why[] = "the server has forgotten the session (HTTP status 404)";
	struct link *link = request->remote->link;
	/* An answer that was to be taken up again is of a call that was made. */
	struct call *call = request->resumes ? NULL : request_call(request);

	request_free(request);
	link_fail(link, LINK_LOST, why);
	if (call)
		link_fail_call(link, call, LINK_LOST, span_str(why));
}

/* A refusal may be a JSON-RPC error with the status of its kind; else it is the transport's. */
static void refused(struct request *request)
{
	struct remote *remote = request->remote;
	struct link *link = remote->link;
	struct call *call = request_call(request);
	CLEANUP(buf_release) struct buf why = BUF_INIT((size_t)256);
	unsigned status = request->status;

	/* spec: mcp/2025-11-25 transports: 405 is how a server says that it has no such stream. */
	if (request->standing && status == 405) {
		request_free(request);
		return;
	}
	if (is_passing(status) && (request->standing || request->resumes) && request_resume_later(request))
		return;
	if (status < 300)
		buf_add(
		    &why,
		    S("the server compressed its answer (Content-Encoding), for which the gate did not ask"));
	else
		buf_addf(&why, "the server answered with HTTP status %u: %s", status, refusal_text(status));
	if (is_of_lost_session(request)) {
		lose_session(request);
		return;
	}
	if (call && request->body.n && refusal_may_answer(status, is_greeting(request, call))) {
		struct buf body = request->body;
		bool taken;

		request->body = (struct buf){ .max = 1 };
		taken = link_receive(link, call, buf_span(&body));
		buf_release(&body);
		if (taken && !request->closing && !request_call(request)) {
			request_free(request);
			return;
		}
	}
	if (!request->closing && may_speak_sse(request, call)) {
		request_free(request);
		link_switch(link, &transport_sse, buf_cstr(&why));
		return;
	}
	if (!request->closing)
		request_fail(request,
			     refusal_means(status, is_greeting(request, call) && link->era == ERA_MODERN),
			     buf_span(&why));
}

static void take_piece(struct request *request, struct span piece)
{
	bool fits = piece.n <= request->body.max - request->body.n;

	if (request->mode == BODY_EVENTS) {
		take_events(request, piece);
	} else if (request->mode == BODY_REFUSAL && !fits) {
		/* Nobody reads that far: it is a page, no message. */
		buf_clear(&request->body);
		request->http = http_call_abort(request->http);
		refused(request);
	} else if (request->mode != BODY_NONE && !fits) {
		too_long(request);
	} else if (request->mode != BODY_NONE) {
		buf_add(&request->body, piece);
		if (!buf_ok(&request->body))
			crowded(request);
	}
}

static void json_done(struct request *request)
{
	struct link *link = request->remote->link;
	struct buf body = request->body;

	if (!buf_ok(&body)) {
		crowded(request);
		return;
	}
	/* The link, and the request with it, may end while its message is worked on. */
	request->body = (struct buf){ .max = 1 };
	if (body.n)
		(void)link_receive(link, request_call(request), buf_span(&body));
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
	request_fail(request, LINK_GONE, buf_span(&why));
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
		request_open_standing(remote);
	if (request->mode == BODY_EVENTS && (request_call(request) || request->standing) &&
	    request_resume_later(request))
		return;
	if (request_call(request))
		no_result(request);
	else if (request->standing)
		request_fall_silent(request, S("the server answered with what is no event stream"));
	else
		request_free(request);
}

static void give_up(struct request *request, enum http_failure failure, struct span why)
{
	const struct link *link = request->remote->link;
	enum link_failure kind = refusal_kind(failure);

	if (failure == HTTP_FAIL_LONG) {
		too_long(request);
		return;
	}
	if ((failure == HTTP_FAIL_DIAL || failure == HTTP_FAIL_TLS) && link->state_of == LINK_READY)
		common_fault(server_common(link->server), link_failure_word(LINK_START),
			     loop_now(link->upstream->loop));
	/* The session does without its own stream until there is room for one. */
	if (failure == HTTP_FAIL_BUSY)
		request->vain += request->standing ? REMOTE_DOUBLINGS : 0;
	if ((request->standing || kind == LINK_UNSENT || kind == LINK_CROWDED ||
	     failure == HTTP_FAIL_BROKEN) &&
	    request_resume_later(request))
		return;
	request_fail(request, kind, why);
}

static void on_head(void *owner, const struct http_head *head)
{
	struct request *request = owner;

	request->busy = true;
	common_well(server_common(request->remote->link->server));
	if (request->remote->initializing == request)
		request_go_on(request->remote);
	take_head(request, head);
	request_leave(request);
}

static void on_body(void *owner, struct span piece)
{
	struct request *request = owner;

	request->busy = true;
	take_piece(request, piece);
	request_leave(request);
}

static void on_done(void *owner)
{
	struct request *request = owner;

	request->busy = true;
	request->http = NULL;
	finish(request);
	request_leave(request);
}

static void on_fail(void *owner, enum http_failure failure, struct span why)
{
	struct request *request = owner;

	request->busy = true;
	request->http = NULL;
	give_up(request, failure, why);
	request_leave(request);
}

const struct http_call_events request_events = {
	.on_head = on_head, .on_body = on_body, .on_done = on_done, .on_fail = on_fail
};
