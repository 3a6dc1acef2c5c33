/* post.c - the reply to one POST. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/post.h"

#include <stdlib.h>

#include "base/zeroed.h"
#include "exchange/account.h"

enum {
	POST_PAUSE_BYTES = 256 * 1024,	  /* so much unread by the client, and the server waits too */
	POST_BACKLOG_BYTES = 1024 * 1024, /* events kept for a client that may come back, while it is there */
	POST_AWAY_BYTES = 64 * 1024,	  /* and beside the largest answer, while it is away */
	POST_AWAY_MS = 5 * 60 * 1000,	  /* how long a client may stay away */
	POST_RETRY_MS = 1000,		  /* when it should come back after a broken connection */
};

/*
 * A reply whose stream broke, or was closed because the server wants to be polled, lives on without
 * a connection: what is sent meanwhile is kept, and the client comes back for it with GET and
 * Last-Event-ID. Its events are called "STREAM-NUMBER", both counted within the session.
 */
struct post {
	struct sink sink;
	struct list node; /* of client->posts, while it can be resumed */
	struct worker *worker;
	struct client *client;	      /* referenced */
	struct http_request *request; /* NULL: the client is away, or the reply is a stream */
	struct event_stream stream;
	struct buf backlog; /* u64 number, u64 length, bytes; again and again */
	uint64_t number, last_event;
	uint64_t away_ms;    /* since when the client is away; 0: it is there */
	struct later losing; /* modern: the reader is gone, and with him what he asked for */
	unsigned open;
	bool modern, events, batch, starting, any, resumable;
};

static void post_free(struct post *post)
{
	if (post->node.next)
		list_remove(&post->node);
	loop_later_cancel(&post->losing);
	buf_release(&post->backlog);
	post->client = client_unref(post->client);
	free(post);
}

/* Nothing more to come: the reply ends where somebody reads it, and waits where somebody may come back. */
static void settle(struct post *post)
{
	static const struct http_reply accepted = { .status = 202 };

	if (post->open || post->starting)
		return;
	if (post->away_ms && post->resumable && post->backlog.n && !post->client->closed)
		return;
	if (event_stream_is_open(&post->stream))
		event_stream_end(&post->stream);
	else if (post->request && !post->any)
		http_reply(post->request, &accepted, S(""));
	else if (post->request)
		http_request_abort(post->request);
	post_free(post);
}

/* --- events --- */

static struct span event_id(const struct post *post, char store[48])
{
	struct buf id = { .p = store, .cap = 48, .max = 48 };

	if (!post->resumable)
		return S("");
	buf_add_u64(&id, post->number);
	buf_add_char(&id, '-');
	buf_add_u64(&id, post->last_event);
	return buf_span(&id);
}

/* The oldest reply that is whole and waits in vain makes room. */
static bool drop_oldest(struct client *client, const struct post *except)
{
	LIST_EACH(&client->posts, node) {
		struct post *post = LIST_ENTRY(node, struct post, node);

		if (post == except || post->open || post->starting || !post->away_ms)
			continue;
		post_free(post);
		return true;
	}
	return false;
}

static void keep_event(struct post *post, struct span message)
{
	uint64_t head[2] = { post->last_event, message.n };
	size_t need = sizeof(head) + message.n;

	/* Away, perhaps because it was told to go: the answer is nowhere else. */
	if (post->away_ms)
		post->backlog.max = post->worker->limits.result_bytes + POST_AWAY_BYTES;
	while (post->backlog.n + need <= post->backlog.max && !buf_reserve(&post->backlog, need) &&
	       drop_oldest(post->client, post))
		post->backlog.over = false;
	buf_add(&post->backlog, span_of((const char *)head, sizeof(head)));
	buf_add(&post->backlog, message);
	if (buf_ok(&post->backlog))
		return;
	/* Too much to keep: the stream goes on, but cannot be taken up again. */
	post->resumable = false;
	buf_release(&post->backlog);
}

/* Room for one more reply to come back for. */
static bool make_room(struct client *client)
{
	size_t n = 0;

	LIST_EACH(&client->posts, node)
		n++;
	return n < client->worker->limits.streams_per_client || drop_oldest(client, NULL);
}

static void begin_stream(struct post *post)
{
	char store[48];

	if (!post->request || !post->events)
		return;
	event_stream_begin(&post->stream, post->worker, TAKE(post->request));
	/*
	 * spec: mcp/2025-11-25 transports, SHOULD: an event with an id and empty data comes first.
	 * Older clients choke on it, so they get neither it nor ids.
	 */
	post->resumable = !post->modern && !post->batch && post->client->revision >= REVISION_2025_11_25 &&
			  post->client->kind == CLIENT_SESSION && make_room(post->client);
	if (!post->resumable)
		return;
	post->number = ++post->client->next_stream;
	post->backlog = BUF_CHARGED(POST_BACKLOG_BYTES, &post->client->account->held);
	list_add(&post->client->posts, &post->node);
	event_stream_prime(&post->stream, event_id(post, store), POST_RETRY_MS);
}

static void reply_json(struct post *post, const struct exchange *x, unsigned status, struct span message)
{
	struct http_header headers[3];
	size_t n = 0;

	headers[n++] = (struct http_header){ S("Content-Type"), S("application/json") };
	if (x && x->method == METHOD_INITIALIZE && x->client->greeted)
		headers[n++] = (struct http_header){ S("Mcp-Session-Id"), x->client->session_id };
	headers[n++] = (struct http_header){ S("Cache-Control"), S("no-store") };
	http_reply(TAKE(post->request), &(struct http_reply){ .status = status, .headers = headers, .n = n },
		   message);
}

static void lose_reader(struct post *post);

/* False: the reader was cut, and the post may be gone. */
static bool send_event(struct post *post, struct span message)
{
	char store[48];

	post->last_event++;
	if (post->resumable)
		keep_event(post, message);
	if (!event_stream_is_open(&post->stream) ||
	    event_stream_send(&post->stream, event_id(post, store), message))
		return true;
	lose_reader(post);
	return false;
}

/* --- as a sink --- */

static void post_send(struct sink *sink, struct exchange *x, unsigned status, struct span message, bool final)
{
	struct post *post = LIST_ENTRY(sink, struct post, sink);

	post->any = true;
	if (final)
		post->open--;
	if (post->request && final && !post->batch && message.n) {
		reply_json(post, x, status, message);
	} else if (message.n || final) {
		begin_stream(post);
		if (message.n && !send_event(post, message))
			return;
	}
	if (!final && x && event_stream_is_open(&post->stream) &&
	    http_stream_queued(post->stream.request) > POST_PAUSE_BYTES)
		call_pause(&x->call, true);
	if (final)
		settle(post);
}

/* Who takes no events gets one JSON text, and nothing besides. */
static bool post_takes_more(const struct sink *sink)
{
	const struct post *post = LIST_ENTRY(sink, struct post, sink);

	return !post->request || post->events;
}

static void post_begin(struct sink *sink, struct exchange *x)
{
	(void)x;
	begin_stream(LIST_ENTRY(sink, struct post, sink));
}

/* The connection is closed on purpose; the client knows from `retry` when to come back. */
static void post_poll(struct sink *sink, struct exchange *x, uint64_t retry_ms)
{
	struct post *post = LIST_ENTRY(sink, struct post, sink);
	char store[48];

	(void)x;
	if (!post->resumable || !event_stream_is_open(&post->stream) || post->open != 1)
		return;
	event_stream_prime(&post->stream, event_id(post, store), retry_ms);
	event_stream_end(&post->stream);
	post->away_ms = loop_now(&post->worker->loop);
}

/* --- the connection goes and comes --- */

static struct exchange *next_of(struct post *post)
{
	LIST_EACH(&post->client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (x->sink == &post->sink)
			return x;
	}
	return NULL;
}

/* Nothing of the reply waits for its reader: what feeds it need not wait, either. */
static void feed_again(struct post *post)
{
	LIST_EACH(&post->client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (x->sink == &post->sink)
			call_pause(&x->call, false);
	}
}

static void run_losing(struct later *later)
{
	struct post *post = LIST_ENTRY(later, struct post, losing);
	bool starting = post->starting;
	struct exchange *x;

	post->starting = true;
	while ((x = next_of(post)) != NULL) {
		post->worker->metrics.cancelled++;
		exchange_cancel(x, S("the client closed the stream"));
	}
	/* Whoever is still starting requests on it lets go of it himself. */
	post->starting = starting;
	settle(post);
}

static void detach_all(struct post *post)
{
	struct exchange *x;

	while ((x = next_of(post)) != NULL) {
		exchange_detach(x);
		post->open--;
	}
}

/*
 * The connection is gone. spec: mcp/2026-07-28 transports, MUST: closing the stream cancels the
 * request; mcp/2025-11-25: a disconnect SHOULD NOT be read as cancellation, so the call runs to
 * its end; the answer waits where the client has an id to come back with, and is lost where not.
 */
static void lose_reader(struct post *post)
{
	post->request = NULL;
	event_stream_forget(&post->stream);
	post->away_ms = loop_now(&post->worker->loop);
	/* Whoever sent the word that was too much still walks among what would be cancelled. */
	if (post->modern) {
		post->losing.run = run_losing;
		loop_later(&post->worker->loop, &post->losing);
		return;
	}
	if (post->resumable)
		feed_again(post);
	else
		detach_all(post);
	settle(post);
}

static void on_gone(void *user)
{
	lose_reader(user);
}

static void on_drain(void *user)
{
	feed_again(user);
}

static const struct http_request_events events = { .on_gone = on_gone, .on_drain = on_drain };

static bool replay(struct post *post, uint64_t after)
{
	struct span rest = buf_span(&post->backlog);

	while (rest.n) {
		char store[48];
		uint64_t head[2], last = post->last_event;
		struct span message;
		bool sent;

		memcpy(head, rest.p, sizeof(head));
		message = span_first(span_skip(rest, sizeof(head)), head[1]);
		rest = span_skip(rest, sizeof(head) + head[1]);
		if (head[0] <= after)
			continue;
		post->last_event = head[0];
		sent = event_stream_send(&post->stream, event_id(post, store), message);
		post->last_event = last;
		if (!sent)
			return false;
	}
	return true;
}

bool post_resume(struct client *client, struct http_request *request, struct span last_event_id)
{
	struct span rest = last_event_id;
	uint64_t number, after;
	struct post *post = NULL;

	if (!span_u64(span_cut(&rest, '-'), &number) || !span_u64(rest, &after))
		return false;
	LIST_EACH(&client->posts, node)
		if (LIST_ENTRY(node, struct post, node)->number == number)
			post = LIST_ENTRY(node, struct post, node);
	if (!post)
		return false;
	if (event_stream_is_open(&post->stream)) {
		struct http_request *old = post->stream.request;

		/* The old connection is dead, the gate has only not noticed. */
		event_stream_forget(&post->stream);
		http_request_abort(old);
	}
	post->away_ms = 0;
	http_request_watch(request, &events, post);
	event_stream_begin(&post->stream, post->worker, request);
	if (!replay(post, after)) {
		lose_reader(post);
		return true;
	}
	/* What was queued on the old connection never drains; what is queued on this one does. */
	if (!http_stream_queued(request))
		feed_again(post);
	settle(post);
	return true;
}

void post_drop_all(struct client *client)
{
	while (!list_empty(&client->posts)) {
		struct post *post = LIST_ENTRY(client->posts.next, struct post, node);

		event_stream_end(&post->stream);
		post_free(post);
	}
}

void post_tick(struct client *client, uint64_t now_ms)
{
	LIST_EACH(&client->posts, node) {
		struct post *post = LIST_ENTRY(node, struct post, node);

		if (!post->away_ms || now_ms < post->away_ms + POST_AWAY_MS)
			continue;
		post->resumable = false;
		lose_reader(post);
	}
}

struct post *post_new(struct worker *worker, const struct post_options *options)
{
	struct post *post = zeroed(sizeof(*post));

	if (!post)
		return NULL;
	post->sink = (struct sink){
		.send = post_send, .takes_more = post_takes_more, .begin = post_begin, .poll = post_poll
	};
	post->worker = worker;
	post->client = client_ref(options->client);
	post->request = options->request;
	post->modern = options->modern;
	post->events = options->events;
	post->batch = options->batch;
	post->starting = true;
	http_request_watch(post->request, &events, post);
	return post;
}

struct sink *post_open(struct post *post)
{
	post->open++;
	return &post->sink;
}

void post_ready(struct post *post)
{
	post->starting = false;
	settle(post);
}
