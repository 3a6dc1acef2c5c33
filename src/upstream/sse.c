/* sse.c - a server over HTTP+SSE: one event stream for all it says, a POST for each message to it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/check.h"
#include "base/secret.h"
#include "http/client.h"
#include "http/sse.h"
#include "upstream/endpoint.h"
#include "upstream/head.h"
#include "upstream/refusal.h"

enum {
	SSE_WORD_MS = 10000, /* to take a message whose call is over, or which has none */
	SSE_TIDY_MS = 5000,  /* how often that is looked at */
	SSE_HELD = 64,	     /* messages that wait until the server has taken notifications/initialized */
	SSE_SKIP_TIMES = 4,  /* an event that is so often too long has no end */
	SSE_HEAD_BYTES = 16 * 1024,
	SSE_BODY_BYTES = 64 * 1024, /* of the answer to a POST, which says nothing */
};

/*
 * The server's event stream, and what is on the way to it.
 *
 * `target` holds the session's id of the server: it is a secret, and stands in no log, error or state.
 */
struct listening {
	struct link *link;
	struct http_call *stream; /* the GET */
	struct sse_parser events;
	struct sse_limits limits;
	struct buf target; /* where messages go; empty: not known yet */
	struct buf head;   /* what every request begins with, after its first line */
	struct list posts;
	size_t n_held;
	struct later begin;
	uv_timer_t tidy;
	struct overlong overlong; /* an event that cannot be held */
	size_t skipped;		  /* bytes of it; 0: there is none */
	bool crowded;		  /* for want of memory */
	bool reading;		  /* inside on_body(): the link may end under our feet */
	bool freed;
};

/* A message on its way. */
struct outgoing_post {
	struct list node;
	struct listening *to;
	struct http_call *http; /* NULL: it is held back */
	struct buf held;
	uint64_t call_id; /* 0: nobody waits for the answer */
	uint64_t since_ms;
	size_t body_bytes;
	bool taken; /* the server has said so */
	bool repeatable;
	bool initialized; /* carries notifications/initialized */
};

static const char no_memory[] = "the gate has no memory for the request; try again later";

/* --- messages to the server --- */

static struct call *call_of(const struct outgoing_post *post)
{
	return map_get(&post->to->link->by_id, span_of((const char *)&post->call_id, sizeof(post->call_id)));
}

static void post_free(struct outgoing_post *post)
{
	struct call *call = call_of(post);

	if (call && call->transport == post)
		call->transport = NULL;
	post->http = http_call_abort(post->http);
	post->to->n_held -= post->held.cap != 0;
	list_remove(&post->node);
	buf_release(&post->held);
	free(post);
}

static const struct http_call_events post_events;

static bool post_send(struct outgoing_post *post, struct span message)
{
	struct listening *to = post->to;
	struct link *link = to->link;
	CLEANUP(buf_release) struct buf head = BUF_INIT((size_t)SSE_HEAD_BYTES);

	buf_add(&head, S("POST "));
	buf_add(&head, buf_span(&to->target));
	buf_add(&head, buf_span(&to->head));
	buf_add(&head, S("Content-Type: application/json\r\nContent-Length: "));
	buf_add_u64(&head, message.n);
	buf_add(&head, S("\r\n\r\n"));
	if (buf_ok(&head))
		post->http = http_send(link->server->pool,
				       (struct http_payer){ .key = link->payer, .budget = link->budget },
				       buf_span(&head), message, post->repeatable, &post_events, post);
	return post->http != NULL;
}

/* What was held back goes on its way, in its order. */
static void release_held(struct listening *to)
{
	bool fine = true;

	LIST_EACH(&to->posts, node) {
		struct outgoing_post *post = LIST_ENTRY(node, struct outgoing_post, node);

		if (!post->held.cap)
			continue;
		fine &= post_send(post, buf_span(&post->held));
		to->n_held--;
		buf_release(&post->held);
	}
	if (!fine)
		link_fail(to->link, LINK_GONE, no_memory);
}

/* The server has taken it, or has not: it is over. */
static void post_end(struct outgoing_post *post)
{
	struct listening *to = post->to;
	bool initialized = post->initialized;

	post_free(post);
	if (initialized)
		release_held(to);
}

static void post_fail(struct outgoing_post *post, enum link_failure failure, struct span why)
{
	struct link *link = post->to->link;
	struct call *call = call_of(post);
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)512);

	buf_add(&text, span_first(why, 400));
	post_end(post);
	if (call)
		link_fail_call(link, call, failure, buf_span(&text));
}

/* The server's word on a message is its status alone: what it answers comes as an event. */
static void on_post_head(void *owner, const struct http_head *head)
{
	struct outgoing_post *post = owner;
	const struct link *link = post->to->link;
	bool probe = link->era == ERA_MODERN && call_of(post) == &link->handshake;
	CLEANUP(buf_release) struct buf why = BUF_INIT((size_t)256);

	post->taken = head->status >= 200 && head->status <= 299;
	if (post->taken)
		return;
	buf_addf(&why, "the server refused a message with HTTP status %u: %s", head->status,
		 refusal_text(head->status));
	post_fail(post, refusal_means(head->status, probe), buf_span(&why));
}

/* "Accepted", as a rule. Nobody reads it, but the connection is of use again where it ends soon. */
static void on_post_body(void *owner, struct span piece)
{
	struct outgoing_post *post = owner;

	post->body_bytes += piece.n;
	if (post->body_bytes > SSE_BODY_BYTES)
		post_end(post);
}

static void on_post_done(void *owner)
{
	struct outgoing_post *post = owner;

	post->http = NULL;
	post_end(post);
}

static void on_post_fail(void *owner, enum http_failure failure, struct span why)
{
	struct outgoing_post *post = owner;

	post->http = NULL;
	if (post->taken)
		post_end(post);
	else
		post_fail(post, refusal_kind(failure), why);
}

static const struct http_call_events post_events = {
	.on_head = on_post_head, .on_body = on_post_body, .on_done = on_post_done, .on_fail = on_post_fail
};

/* Does the server still have to take notifications/initialized? Some refuse what comes before it. */
static bool must_wait(const struct listening *to)
{
	LIST_EACH(&to->posts, node)
		if (LIST_ENTRY(node, struct outgoing_post, node)->initialized)
			return true;
	return false;
}

static bool post_hold(struct outgoing_post *post, struct span message)
{
	if (post->to->n_held >= SSE_HELD)
		return false;
	post->held = BUF_CHARGED(message.n, post->to->link->budget);
	buf_add(&post->held, message);
	if (!buf_ok(&post->held))
		return false;
	post->to->n_held++;
	return true;
}

static void on_tidy(uv_timer_t *timer)
{
	struct listening *to = timer->data;
	uint64_t now_ms = loop_now(to->link->upstream->loop);

	/* One that ends may send others, which stand at the end of the list and are young. */
	LIST_EACH(&to->posts, node) {
		struct outgoing_post *post = LIST_ENTRY(node, struct outgoing_post, node);

		if (post->http && !call_of(post) && now_ms >= post->since_ms + SSE_WORD_MS)
			post_end(post);
	}
	if (list_empty(&to->posts))
		(void)uv_timer_stop(timer);
}

static void sse_send(struct link *link, struct call *call, struct span message,
		     const struct send_facts *facts)
{
	struct listening *to = link->state;
	bool wait = must_wait(to);
	struct outgoing_post *post = calloc(1, sizeof(*post));

	if (!post) {
		link_fail(link, LINK_GONE, no_memory);
		return;
	}
	*post = (struct outgoing_post){ .to = to,
					.call_id = call ? call->id : 0,
					.since_ms = loop_now(link->upstream->loop),
					.repeatable = facts->repeatable,
					.initialized = facts->method == METHOD_INITIALIZED };
	list_add(&to->posts, &post->node);
	if (call)
		call->transport = post;
	if (!uv_is_active((uv_handle_t *)&to->tidy))
		(void)uv_timer_start(&to->tidy, on_tidy, SSE_TIDY_MS, SSE_TIDY_MS);
	if (wait ? post_hold(post, message) : post_send(post, message))
		return;
	post_free(post);
	link_fail(link, LINK_GONE, no_memory);
}

static void sse_drop(struct link *link, struct call *call)
{
	(void)link;
	if (call->transport)
		post_free(call->transport);
}

/* --- what the server says --- */

/* Before the server was reached, what it was refused for at first says more. */
static void fail(struct listening *from, enum link_failure failure, const char *why)
{
	struct link *link = from->link;
	char first[sizeof(link->why)];

	(void)snprintf(first, sizeof(first), "%s", link->why);
	from->stream = http_call_abort(from->stream);
	if (link->state_of == LINK_OPENING && !from->target.n && first[0] && failure != LINK_CROWDED)
		link_fail(link, LINK_GONE, first);
	else
		link_fail(link, failure, why);
}

/* Said once; the session of one that came later would be another one. */
static void take_endpoint(struct listening *from, struct span reference)
{
	const struct server *server = from->link->server;
	const struct endpoint_base base = { .tls = server->tls,
					    .authority = server->authority,
					    .target = server->path };

	if (from->target.n)
		return;
	switch (endpoint_resolve(&from->target, &base, reference)) {
	case ENDPOINT_FINE:
		link_up(from->link);
		return;
	case ENDPOINT_BAD:
		fail(from, LINK_GARBAGE, "its event stream begins with an `endpoint` that is no address");
		return;
	case ENDPOINT_FOREIGN:
		fail(
		    from, LINK_REFUSED,
		    "its event stream names an `endpoint` of another scheme, host or port; messages go only to "
		    "where `url` points");
		return;
	}
}

static void take_event(struct listening *from)
{
	const struct sse_event *event = &from->events.event;

	if (!event->has_data || event->data.n == 0)
		return;
	if (span_eq(event->type, S("endpoint")))
		take_endpoint(from, event->data);
	else if (from->target.n && (event->type.n == 0 || span_eq(event->type, S("message"))))
		(void)link_receive(from->link, NULL, event->data);
}

/* The one in force now. */
static void take_limit(struct listening *from)
{
	size_t bytes = from->link->upstream->limits->result_bytes;

	if (from->limits.line_bytes == bytes && from->limits.budget == from->link->budget)
		return;
	from->limits = (struct sse_limits){ .line_bytes = bytes,
					    .event_bytes = bytes + 4096,
					    .budget = from->link->budget };
	sse_limits_changed(&from->events);
}

static void too_long(struct listening *from)
{
	from->crowded = from->events.reason == SSE_MEMORY;
	from->overlong = link_overlong_begin(from->link);
	from->skipped = 1;
}

/* Told at its end: who waited for it is answered when the server is ready for the next. False: go on later.
 */
static bool pass_over(struct listening *from, struct span *piece)
{
	size_t before = piece->n;
	bool over = sse_skip(&from->events, piece);
	char why[LINK_WHY_BYTES];
	bool endless;

	from->skipped += before - piece->n;
	endless = from->skipped / SSE_SKIP_TIMES > from->limits.event_bytes;
	if (!over && !endless)
		return false;
	from->skipped = 0;
	if (endless)
		fail(from, LINK_GARBAGE, link_too_long(from->link, why));
	else
		link_overlong_end(from->link, from->overlong, from->crowded);
	return over;
}

static void take_events(struct listening *from, struct span piece)
{
	while (!from->freed && from->stream) {
		if (from->skipped && !pass_over(from, &piece))
			return;
		if (from->freed || !from->stream)
			return;
		switch (sse_feed(&from->events, &piece)) {
		case SSE_MORE:
			return;
		case SSE_EVENT:
			take_event(from);
			break;
		case SSE_BAD:
			too_long(from);
			break;
		}
	}
}

static void on_stream_head(void *owner, const struct http_head *head)
{
	struct listening *from = owner;
	struct span type = http_known(head, HTTP_HEADER_CONTENT_TYPE);
	CLEANUP(buf_release) struct buf why = BUF_INIT((size_t)256);

	if (head->status == 200 && head_is_type(type, S("text/event-stream")) &&
	    !http_has(head, HTTP_HEADER_CONTENT_ENCODING)) {
		http_call_endless(from->stream);
		return;
	}
	if (head->status == 200)
		buf_add(&why,
			S("the server answered with what is no event stream: is its `url` the address of "
			  "one (`transport: sse`)?"));
	else
		buf_addf(&why, "the server answered with HTTP status %u: %s", head->status,
			 refusal_text(head->status));
	fail(from, refusal_means(head->status, false), buf_cstr(&why));
}

static void listening_destroy(struct listening *listening);

static void on_stream_body(void *owner, struct span piece)
{
	struct listening *from = owner;

	from->reading = true;
	take_limit(from);
	take_events(from, piece);
	from->reading = false;
	if (from->freed)
		listening_destroy(from);
}

static void on_stream_done(void *owner)
{
	struct listening *from = owner;

	from->stream = NULL;
	fail(from, LINK_GONE, "the server closed its event stream, and with it the session");
}

static void on_stream_fail(void *owner, enum http_failure failure, struct span why)
{
	struct listening *from = owner;
	enum link_failure kind = refusal_kind(failure);
	char text[sizeof(from->link->why)];

	from->stream = NULL;
	(void)span_to_cstr(span_first(why, sizeof(text) - 1), text, sizeof(text));
	fail(from, kind == LINK_UNSENT ? LINK_START : kind, text);
}

static const struct http_call_events stream_events = { .on_head = on_stream_head,
						       .on_body = on_stream_body,
						       .on_done = on_stream_done,
						       .on_fail = on_stream_fail };

/* --- its life --- */

/* Not in sse_open(): only after it is said who pays. */
static void run_listening(struct later *later)
{
	struct listening *to = LIST_ENTRY(later, struct listening, begin);
	struct link *link = to->link;
	CLEANUP(buf_release) struct buf head = BUF_INIT((size_t)SSE_HEAD_BYTES);

	head_begin(&head, link, buf_span(&to->head), S("GET"));
	buf_add(&head, S("Accept: text/event-stream\r\nCache-Control: no-store\r\n\r\n"));
	if (buf_ok(&head))
		to->stream = http_send_lasting(
		    link->server->pool, (struct http_payer){ .key = link->payer, .budget = link->budget },
		    buf_span(&head), S(""), true, &stream_events, to);
	if (!to->stream)
		fail(to, LINK_START, no_memory);
}

static bool sse_open(struct link *link, struct err *err)
{
	struct listening *to = calloc(1, sizeof(*to));

	if (!to) {
		(void)err_set(err, ERR_NOMEM, "the gate has no memory for a connection; try again later");
		return false;
	}
	to->link = link;
	to->target = BUF_INIT((size_t)2 * ENDPOINT_BYTES);
	to->head = BUF_INIT((size_t)SSE_HEAD_BYTES);
	to->begin.run = run_listening;
	list_init(&to->posts);
	check(uv_timer_init(&link->upstream->loop->uv, &to->tidy) == 0);
	to->tidy.data = to;
	link->state = to;
	sse_init(&to->events, &to->limits);
	head_common(&to->head, link, S(""));
	loop_later(link->upstream->loop, &to->begin);
	return true;
}

static void sse_settled(struct link *link)
{
	struct listening *to = link->state;

	head_common(&to->head, link, S(""));
}

/* One client has the whole stream (legacy): its slowness may stop the server's output. */
static void sse_pause(struct link *link, struct call *call, bool paused)
{
	struct listening *to = link->state;

	(void)call;
	if (!to || !to->stream || link->era != ERA_LEGACY)
		return;
	if (paused)
		http_call_pause(to->stream);
	else
		http_call_resume(to->stream);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void listening_destroy(struct listening *listening)
{
	sse_release(&listening->events);
	uv_close((uv_handle_t *)&listening->tidy, on_closed);
}

/* The end of the stream is the end of the session. */
static void sse_close(struct link *link)
{
	struct listening *to = link->state;

	if (!to)
		return;
	while (!list_empty(&to->posts))
		post_free(LIST_ENTRY(to->posts.next, struct outgoing_post, node));
	loop_later_cancel(&to->begin);
	to->stream = http_call_abort(to->stream);
	if (to->target.p)
		secret_wipe(to->target.p, to->target.cap);
	buf_release(&to->target);
	buf_release(&to->head);
	link->state = NULL;
	to->freed = true;
	if (!to->reading)
		listening_destroy(to);
}

const struct transport transport_sse = {
	.open = sse_open,
	.send = sse_send,
	.drop = sse_drop,
	.settled = sse_settled,
	.pause = sse_pause,
	.close = sse_close,
};
