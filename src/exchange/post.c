/* post.c - the reply to one POST. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/post.h"

#include <stdlib.h>

enum { POST_PAUSE_BYTES = 256 * 1024 }; /* so much unread by the client, and the server waits too */

struct post {
	struct sink sink;
	struct worker *worker;
	struct client *client;	      /* referenced */
	struct http_request *request; /* NULL: the client is gone, or the reply is a stream */
	struct event_stream stream;
	unsigned open;
	bool modern, events, batch, starting, gone, any;
};

static void post_free(struct post *post)
{
	post->client = client_unref(post->client);
	free(post);
}

/* Nothing more to come: the reply ends, if somebody still reads it. */
static void settle(struct post *post)
{
	static const struct http_reply accepted = { .status = 202 };

	if (post->open || post->starting)
		return;
	if (event_stream_is_open(&post->stream))
		event_stream_end(&post->stream);
	else if (post->request && !post->any)
		http_reply(post->request, &accepted, S(""));
	else if (post->request)
		http_request_abort(post->request);
	post_free(post);
}

static void begin_stream(struct post *post)
{
	if (!post->request || !post->events)
		return;
	event_stream_begin(&post->stream, post->worker, TAKE(post->request));
}

static void reply_json(struct post *post, const struct exchange *x, unsigned status, struct span message)
{
	struct http_header headers[3];
	size_t n = 0;

	headers[n++] = (struct http_header){ S("Content-Type"), S("application/json") };
	if (x && x->method == METHOD_INITIALIZE && x->client->session_id.n)
		headers[n++] = (struct http_header){ S("Mcp-Session-Id"), x->client->session_id };
	headers[n++] = (struct http_header){ S("Cache-Control"), S("no-store") };
	http_reply(TAKE(post->request), &(struct http_reply){ .status = status, .headers = headers, .n = n },
		   message);
}

static void cut(struct post *post);

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
		if (message.n && event_stream_is_open(&post->stream) &&
		    !event_stream_send(&post->stream, message)) {
			cut(post);
			return;
		}
	}
	if (!final && x && event_stream_is_open(&post->stream) &&
	    http_stream_queued(post->stream.request) > POST_PAUSE_BYTES)
		call_pause(&x->call, true);
	if (final)
		settle(post);
}

static void post_begin(struct sink *sink, struct exchange *x)
{
	(void)x;
	begin_stream(LIST_ENTRY(sink, struct post, sink));
}

static size_t post_queued(const struct sink *sink)
{
	const struct post *post = LIST_ENTRY(sink, struct post, sink);

	return event_stream_is_open(&post->stream) ? http_stream_queued(post->stream.request) : 0;
}

static struct exchange *next_of(struct post *post)
{
	LIST_EACH(&post->client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (x->sink == &post->sink)
			return x;
	}
	return NULL;
}

/*
 * The connection is gone. spec: mcp/2026-07-28 transports, MUST: closing the stream cancels the
 * request; mcp/2025-11-25: a disconnect SHOULD NOT be read as cancellation, so the call runs to
 * its end and only the answer is lost.
 */
static void cut(struct post *post)
{
	struct exchange *x;

	post->request = NULL;
	post->starting = true;
	event_stream_forget(&post->stream);
	while ((x = next_of(post)) != NULL) {
		if (post->modern) {
			post->worker->metrics.cancelled++;
			exchange_cancel(x, S("the client closed the stream"));
		} else {
			exchange_detach(x);
			post->open--;
		}
	}
	post->starting = false;
	settle(post);
}

static void on_gone(void *user)
{
	cut(user);
}

static void on_drain(void *user)
{
	struct post *post = user;

	LIST_EACH(&post->client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (x->sink == &post->sink)
			call_pause(&x->call, false);
	}
}

static const struct http_request_events events = { .on_gone = on_gone, .on_drain = on_drain };

struct post *post_new(struct worker *worker, const struct post_options *options)
{
	struct post *post = calloc(1, sizeof(*post));

	if (!post)
		return NULL;
	post->sink = (struct sink){ .send = post_send, .begin = post_begin, .queued = post_queued };
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
