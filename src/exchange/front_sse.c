/* front_sse.c - hosts over HTTP+SSE: an event stream for all they hear, a POST for each message of theirs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/check.h"
#include "base/random.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/encode.h"
#include "exchange/channel_host.h"
#include "exchange/event_stream.h"
#include "exchange/visit.h"

/*
 * A session, which lasts as long as its event stream.
 *
 * Its id stands in a URL, as this transport has it, and so in the logs of whatever is in between: who has it
 * and not the token it was made with has nothing. It is in no log, error, state or record of the gate; `ref`
 * stands for it there.
 */
struct sse_front {
	struct worker *worker;
	struct channel_host *host;
	struct event_stream stream;
	struct principal *principal; /* whose it is; referenced */
	uint64_t used_ms;	     /* when something was last said, in either direction */
	bool full;		     /* too much waits for the host: it is not heard */
	char id[DOOR_SESSION_CHARS + 1];
	char ref[8];
};

static struct span id_of(const struct sse_front *front)
{
	return span_of(front->id, DOOR_SESSION_CHARS);
}

/* --- towards the host --- */

static void port_write(void *carrier, struct span message)
{
	struct sse_front *front = carrier;

	front->used_ms = loop_now(&front->worker->loop);
	if (!event_stream_add(&front->stream, S("message"), message))
		channel_host_end(front->host);
}

static size_t port_waiting(const void *carrier)
{
	const struct sse_front *front = carrier;

	return front->stream.request ? http_stream_queued(front->stream.request) : 0;
}

static void port_listen(void *carrier, bool on)
{
	struct sse_front *front = carrier;

	front->full = !on;
}

static void port_tick(void *carrier, uint64_t now_ms)
{
	struct sse_front *front = carrier;

	if (now_ms > front->used_ms + front->worker->limits.session_idle_ms &&
	    !channel_host_is_busy(front->host))
		channel_host_end(front->host);
}

static const struct channel_port port = { .transport = SPAN("sse"),
					  .full = "sse.full",
					  .slow = "sse.slow",
					  .counted = true,
					  .write = port_write,
					  .waiting = port_waiting,
					  .listen = port_listen,
					  .tick = port_tick };

/* --- its life --- */

static void front_free(struct sse_front *front)
{
	struct worker *worker = front->worker;

	if (map_get(&worker->event_sessions, id_of(front)) == front)
		(void)map_remove(&worker->event_sessions, id_of(front));
	front->host = channel_host_free(front->host, S("the event stream was closed"));
	event_stream_end(&front->stream);
	front->principal = principal_unref(front->principal);
	secret_wipe(front->id, sizeof(front->id));
	free(front);
}

static void on_host_end(void *carrier, bool cut)
{
	struct sse_front *front = carrier;
	struct http_request *request = front->stream.request;

	/* Who takes nothing would not see a good end either. */
	if (cut && request) {
		event_stream_forget(&front->stream);
		http_request_abort(request);
	}
	front_free(front);
}

static void on_gone(void *user)
{
	struct sse_front *front = user;

	event_stream_forget(&front->stream);
	front_free(front);
}

static void on_drain(void *user)
{
	struct sse_front *front = user;

	channel_host_drained(front->host);
}

static void make_id(struct sse_front *front)
{
	struct buf id = buf_over(front->id, sizeof(front->id)),
		   ref = buf_over(front->ref, sizeof(front->ref));
	uint8_t bytes[32], digest[DIGEST_BYTES];

	random_bytes(bytes, sizeof(bytes));
	base64url_add(&id, span_of((const char *)bytes, sizeof(bytes)));
	check(id.n == DOOR_SESSION_CHARS);
	digest_blake2b(id_of(front), digest);
	buf_add_hex(&ref, span_first(digest_span(digest), 4));
	secret_wipe(bytes, sizeof(bytes));
}

static struct sse_front *front_new(const struct visit *visit, struct err *err)
{
	struct sse_front *front = calloc(1, sizeof(*front));
	struct channel_options options = { .principal = visit->principal,
					   .only = visit->only,
					   .view = visit->view,
					   .port = &port,
					   .carrier = front,
					   .on_end = on_host_end };

	if (!front) {
		(void)err_set(err, ERR_NOMEM, "no memory for a host's connection");
		return NULL;
	}
	front->worker = visit->worker;
	front->principal = principal_ref(visit->principal);
	front->used_ms = loop_now(&visit->worker->loop);
	make_id(front);
	options.ref = span_of(front->ref, sizeof(front->ref));
	front->host = channel_host_new(visit->worker, &options, err);
	if (front->host && map_put(&visit->worker->event_sessions, id_of(front), front))
		return front;
	if (front->host)
		(void)err_set(err, ERR_NOMEM, "no memory for a host's connection");
	front_free(front);
	return NULL;
}

/* spec: mcp/2024-11-05 transports: the first event says where the client sends its messages. */
static void announce(struct sse_front *front)
{
	char store[64 + DOOR_SESSION_CHARS];
	struct buf where = buf_over(store, sizeof(store));

	buf_add(&where, S("/messages?sessionId="));
	buf_add(&where, id_of(front));
	if (!event_stream_add(&front->stream, S("endpoint"), buf_span(&where)))
		channel_host_end(front->host);
	secret_wipe(store, sizeof(store));
}

void visit_sse(const struct visit *visit)
{
	static const struct http_request_events events = { .on_gone = on_gone, .on_drain = on_drain };
	struct err err = ERR_INIT;
	struct sse_front *front;

	if (!door_accepts(http_known(visit->head, HTTP_HEADER_ACCEPT), S("text/event-stream"))) {
		visit_refuse(visit, 406, S(""), -32000, "K508", S("Accept must take text/event-stream"));
		return;
	}
	if (visit->worker->draining) {
		visit_refuse_host(visit, NULL);
		return;
	}
	front = front_new(visit, &err);
	if (!front) {
		visit_refuse_host(visit, &err);
		return;
	}
	http_request_watch(visit->request, &events, front);
	event_stream_begin(&front->stream, visit->worker, visit->request);
	announce(front);
}

/* --- from the host --- */

/* One that is another's is answered like one that never was. */
static struct sse_front *session_of(const struct visit *visit)
{
	struct sse_front *front = map_get(&visit->worker->event_sessions, door_session(visit->head->query));

	if (front && span_eq(front->principal->id, visit->principal->id))
		return front;
	visit_refuse(visit, 404, S(""), -32001, "K506", S("Session not found"));
	return NULL;
}

void visit_sse_message(const struct visit *visit)
{
	const struct http_header type = { S("Content-Type"), S("text/plain") };
	const struct http_reply accepted = { .status = 202, .headers = &type, .n = 1 };
	struct sse_front *front = session_of(visit);

	if (!front)
		return;
	if (front->full) {
		visit_refuse(visit, 503, S(""), -32603, "K801",
			     S("Too much waits for you: read your event stream, then send it again"));
		return;
	}
	front->used_ms = loop_now(&visit->worker->loop);
	channel_host_take(front->host, visit->body);
	http_reply(visit->request, &accepted, S("Accepted"));
}
