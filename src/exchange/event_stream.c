/* event_stream.c - a reply as server-sent events. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/event_stream.h"

#include "http/sse.h"

void event_stream_begin(struct event_stream *stream, struct worker *worker, struct http_request *request)
{
	/* no-transform and X-Accel-Buffering: a proxy in front must not hold events back. */
	static const struct http_header headers[] = {
		{ SPAN("Content-Type"), SPAN("text/event-stream") },
		{ SPAN("Cache-Control"), SPAN("no-cache, no-transform") },
		{ SPAN("X-Accel-Buffering"), SPAN("no") },
	};
	const struct http_reply reply = { .status = 200, .headers = headers, .n = COUNT(headers) };

	stream->worker = worker;
	stream->request = request;
	stream->last_ms = loop_now(&worker->loop);
	list_add(&worker->streams, &stream->node);
	worker_need_tick(worker);
	http_stream_begin(request, &reply);
}

void event_stream_forget(struct event_stream *stream)
{
	if (!stream->request)
		return;
	list_remove(&stream->node);
	stream->request = NULL;
}

void event_stream_prime(struct event_stream *stream, struct span id, uint64_t retry_ms)
{
	struct worker *worker = stream->worker;

	buf_clear(&worker->frame);
	buf_add(&worker->frame, S("id: "));
	buf_add(&worker->frame, id);
	if (retry_ms) {
		buf_add(&worker->frame, S("\nretry: "));
		buf_add_u64(&worker->frame, retry_ms);
	}
	buf_add(&worker->frame, S("\ndata: \n\n"));
	if (stream->request)
		http_stream_write(stream->request, buf_span(&worker->frame));
}

bool event_stream_add(struct event_stream *stream, struct span type, struct span data)
{
	struct worker *worker = stream->worker;

	if (!stream->request)
		return false;
	buf_clear(&worker->frame);
	if (!sse_write_event(&worker->frame, type, S(""), data) || !buf_ok(&worker->frame))
		return false;
	stream->last_ms = loop_now(&worker->loop);
	http_stream_write(stream->request, buf_span(&worker->frame));
	return true;
}

bool event_stream_send(struct event_stream *stream, struct span id, struct span message)
{
	struct worker *worker = stream->worker;
	struct http_request *request = stream->request;

	if (!request)
		return false;
	buf_clear(&worker->frame);
	if (!sse_write_event(&worker->frame, S("message"), id, message) || !buf_ok(&worker->frame) ||
	    http_stream_queued(request) > worker->limits.queue_bytes) {
		log_note(worker->log, LOG_WARN, "stream.slow",
			 "An event stream was cut: its reader is too slow.");
		event_stream_forget(stream);
		http_request_abort(request);
		return false;
	}
	stream->last_ms = loop_now(&worker->loop);
	http_stream_write(request, buf_span(&worker->frame));
	return true;
}

void event_stream_end(struct event_stream *stream)
{
	struct http_request *request = stream->request;

	if (!request)
		return;
	event_stream_forget(stream);
	http_stream_end(request);
}

void event_stream_tick(struct event_stream *stream, uint64_t now_ms)
{
	if (!stream->request || now_ms < stream->last_ms + LIMIT_KEEPALIVE_MS)
		return;
	stream->last_ms = now_ms;
	http_stream_write(stream->request, SSE_KEEP_ALIVE);
}
