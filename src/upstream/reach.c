/* reach.c - a connection to a server that one link has for itself. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/reach.h"

#include <stdlib.h>

#include "base/check.h"
#include "net/dial.h"

enum { REACH_SECURE_MS = 10000 /* what accepts a connection may still never speak TLS */ };

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle);
}

static void end_limit(struct reach *reach)
{
	if (reach->limit)
		uv_close((uv_handle_t *)reach->limit, on_timer_closed);
	reach->limit = NULL;
}

static void fail(struct reach *reach, struct span why)
{
	char text[sizeof(reach->link->why)];

	end_limit(reach);
	reach->stream = stream_close(reach->stream);
	if (!span_to_cstr(span_first(why, sizeof(text) - 1), text, sizeof(text)))
		text[0] = '\0';
	link_fail(reach->link, LINK_START, text);
}

static void on_read(void *owner, struct span bytes)
{
	(void)owner;
	(void)bytes;
}

static void on_end(void *owner, enum stream_end why)
{
	struct reach *reach = owner;

	fail(reach, why == STREAM_INSECURE ? stream_why(reach->stream)
					   : S("the server closed the connection at once"));
}

static void on_secure(void *owner)
{
	struct reach *reach = owner;

	end_limit(reach);
	reach->on_stream(reach, TAKE(reach->stream));
}

static const struct stream_events events = { .on_read = on_read, .on_end = on_end, .on_secure = on_secure };

static void on_limit(uv_timer_t *timer)
{
	fail(timer->data, S("the TLS handshake was not over within 10 s: is it a wss port?"));
}

static void secure(struct reach *reach)
{
	const struct server *server = reach->link->server;
	struct err err = ERR_INIT;

	reach->limit = malloc(sizeof(*reach->limit));
	if (!reach->limit) {
		fail(reach, S("the gate has no memory for a connection; try again later"));
		return;
	}
	check(uv_timer_init(&reach->link->upstream->loop->uv, reach->limit) == 0);
	reach->limit->data = reach;
	(void)uv_timer_start(reach->limit, on_limit, REACH_SECURE_MS, 0);
	if (stream_start_tls(reach->stream, server->outwards, server->host, &err) < 0)
		fail(reach, span_str(err.text));
}

static struct stream *take_socket(struct reach *reach, struct wire_in *in)
{
	const struct server *server = reach->link->server;
	int fd;

	(void)wire_get_u64(in);
	fd = wire_get_fd(in);
	if (fd < 0)
		return NULL;
	return stream_open(reach->link->upstream->loop, fd,
			   server->kind == SERVER_UNIX ? STREAM_PIPE : STREAM_TCP, &events, reach, NULL);
}

static void on_dialled(struct question *question, struct wire_in *in)
{
	struct reach *reach = LIST_ENTRY(question, struct reach, dial);

	if (!in) {
		fail(reach, S("the gate's egress process ended; try again in a moment"));
		return;
	}
	if (in->kind != DIAL_DONE) {
		(void)wire_get_u64(in);
		fail(reach, wire_get_span(in));
		return;
	}
	reach->stream = take_socket(reach, in);
	if (!reach->stream)
		fail(reach, S("the gate has no memory for a connection; try again later"));
	else if (reach->link->server->outwards)
		secure(reach);
	else
		reach->on_stream(reach, TAKE(reach->stream));
}

bool reach_start(struct reach *reach, struct link *link, struct err *err)
{
	struct channel *egress = link->upstream->egress;
	struct wire_out out = { 0 };

	reach->link = link;
	reach->dial.on_answer = on_dialled;
	if (!egress) {
		(void)err_set(err, ERR_CLOSED,
			      "the gate's egress process is being restarted; try again in a moment");
		return false;
	}
	wire_begin(&out, DIAL_CONNECT, 0);
	wire_put_span(&out, link->server->name);
	reach->asked = egress;
	channel_ask(egress, &out, &reach->dial);
	wire_out_release(&out);
	return true;
}

static void cancel_dial(struct reach *reach)
{
	struct channel *egress = reach->link->upstream->egress;

	/* Another egress process may know the same number for another's. */
	if (egress && reach->asked == egress)
		channel_cancel(egress, &reach->dial, DIAL_CANCEL);
	else
		question_cancel(&reach->dial);
}

void reach_cancel(struct reach *reach)
{
	if (!reach->link)
		return;
	cancel_dial(reach);
	end_limit(reach);
	reach->stream = stream_close(reach->stream);
}
