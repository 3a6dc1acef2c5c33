/* ws.c - a server behind a WebSocket: one message a text frame, in both eras. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "http/message.h"
#include "http/upgrade.h"
#include "http/websocket.h"
#include "upstream/head.h"
#include "upstream/reach.h"

enum {
	WS_QUEUE_BYTES = 16 * 1024 * 1024, /* a server that does not read is dead */
	WS_HEAD_BYTES = 16384,
};

struct wire {
	struct link *link;
	struct reach reach;
	struct stream *stream; /* until the handshake is over */
	struct http_parser parser;
	struct http_limits limits;
	char key[UPGRADE_KEY_CHARS];
	struct websocket *websocket;
	struct overlong overlong; /* the message that is dropped */
	bool crowded;
	size_t unsent; /* of what waits for it, as far as it is charged */
};

static void charge_unsent(struct wire *wire, size_t n)
{
	budget_force(wire->link->budget, n);
	budget_give(wire->link->budget, wire->unsent);
	wire->unsent = n;
}

/* --- messages --- */

static void on_message(void *owner, struct span text)
{
	struct wire *wire = owner;

	(void)link_receive(wire->link, NULL, text);
}

/* Told at its end: who waited for it is answered when the server is ready for the next. */
static void on_long(void *owner, bool crowded, size_t skipped, bool ended)
{
	struct wire *wire = owner;

	(void)skipped;
	if (!ended) {
		wire->crowded = crowded;
		wire->overlong = link_overlong_begin(wire->link);
		return;
	}
	link_overlong_end(wire->link, wire->overlong, wire->crowded);
}

static void on_drain(void *owner)
{
	charge_unsent(owner, 0);
}

static void on_end(void *owner, const struct websocket_end *end)
{
	struct wire *wire = owner;
	char why[LINK_WHY_BYTES];

	if (end->how == WEBSOCKET_BROKEN && end->code == FRAMES_TOO_BIG)
		(void)link_too_long(wire->link, why);
	else if (end->how == WEBSOCKET_LEFT && end->code != FRAMES_NO_CODE)
		(void)snprintf(why, sizeof(why), "the server's connection ended: %.*s (code %u)",
			       SPAN_ARG(end->why), end->code);
	else
		(void)snprintf(why, sizeof(why), "the server's connection ended: %.*s", SPAN_ARG(end->why));
	link_fail(wire->link, end->how == WEBSOCKET_BROKEN ? LINK_GARBAGE : LINK_GONE, why);
}

static const struct websocket_events ws_events = {
	.on_message = on_message, .on_long = on_long, .on_drain = on_drain, .on_end = on_end
};

/* --- the handshake --- */

static void ask(struct wire *wire)
{
	CLEANUP(buf_release) struct buf common = BUF_INIT((size_t)WS_HEAD_BYTES);
	CLEANUP(buf_release) struct buf head = BUF_INIT((size_t)WS_HEAD_BYTES);
	struct span bytes;

	upgrade_make_key(wire->key);
	head_common(&common, wire->link, S(""));
	head_begin(&head, wire->link, buf_span(&common), S("GET"));
	buf_add(&head, S("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
			 "Sec-WebSocket-Protocol: mcp\r\nSec-WebSocket-Key: "));
	buf_add(&head, span_of(wire->key, sizeof(wire->key)));
	buf_add(&head, S("\r\n\r\n"));
	bytes = buf_span(&head);
	if (buf_ok(&head) && buf_ok(&common))
		stream_write(wire->stream, &bytes, 1);
	else
		link_fail(wire->link, LINK_START, "the request to the server is too long");
}

static void refuse(struct wire *wire, const char *refusal)
{
	unsigned status = wire->parser.head.status;
	char why[LINK_WHY_BYTES];

	if (status == 101)
		(void)snprintf(why, sizeof(why), "%s", refusal);
	else
		(void)snprintf(why, sizeof(why), "%s: it answered with status %u", refusal, status);
	link_fail(wire->link, status == 401 || status == 403 ? LINK_REFUSED : LINK_START, why);
}

/* The rest of the bytes is frames. */
static void begin_frames(struct wire *wire, struct span ahead)
{
	struct link *link = wire->link;
	const struct websocket_options options = { .loop = link->upstream->loop,
						   .role = FRAMES_CLIENT,
						   .ceiling = link->upstream->limits->result_bytes,
						   .budget = link->budget,
						   .ahead = ahead };

	wire->websocket = websocket_new(TAKE(wire->stream), &options, &ws_events, wire, NULL);
	if (wire->websocket)
		link_up(link);
	else
		link_fail(link, LINK_START, "the gate has no memory for a connection; try again later");
}

static void take_head(struct wire *wire, struct span *rest)
{
	const char *refusal = upgrade_refusal(&wire->parser.head, span_of(wire->key, sizeof(wire->key)),
					      S("mcp"));

	if (refusal)
		refuse(wire, refusal);
	else
		begin_frames(wire, *rest);
}

static void on_shake(void *owner, struct span bytes)
{
	struct wire *wire = owner;
	struct span rest = bytes;

	if (wire->link->state_of == LINK_DEAD)
		return;
	switch (http_feed(&wire->parser, &rest)) {
	case HTTP_MORE:
		break;
	case HTTP_HEAD:
		take_head(wire, &rest);
		break;
	case HTTP_BODY:
	case HTTP_DONE:
	case HTTP_BAD:
		link_fail(wire->link, LINK_GARBAGE, "the server's answer breaks the rules of HTTP");
		break;
	}
}

static void on_shake_end(void *owner, enum stream_end why)
{
	struct wire *wire = owner;

	(void)why;
	link_fail(wire->link, LINK_START, "the server closed the connection during the handshake");
}

static const struct stream_events shake_events = { .on_read = on_shake, .on_end = on_shake_end };

static void on_stream(struct reach *reach, struct stream *stream)
{
	struct wire *wire = LIST_ENTRY(reach, struct wire, reach);

	wire->stream = stream;
	stream_hand_over(stream, &shake_events, wire);
	ask(wire);
}

/* --- the transport --- */

static bool ws_open(struct link *link, struct err *err)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	if (!wire) {
		(void)err_set(err, ERR_NOMEM, "the gate has no memory for a connection; try again later");
		return false;
	}
	wire->link = link;
	wire->limits = (struct http_limits){ .head_bytes = LIMIT_HEAD_BYTES,
					     .header_line = LIMIT_HEADER_LINE_BYTES,
					     .headers = LIMIT_HEADERS,
					     .url = LIMIT_URL_BYTES,
					     .body_bytes = LIMIT_MESSAGE_BYTES };
	http_init(&wire->parser, HTTP_RESPONSES, &wire->limits);
	wire->parser.upgrade = wire->parser.to_end = true;
	wire->reach.on_stream = on_stream;
	link->state = wire;
	return reach_start(&wire->reach, link, err);
}

static void ws_send(struct link *link, struct call *call, struct span message, const struct send_facts *facts)
{
	struct wire *wire = link->state;

	(void)call;
	(void)facts;
	if (!wire->websocket)
		return;
	/* One message more than that always has room, however long. */
	if (websocket_queued(wire->websocket) > WS_QUEUE_BYTES) {
		link_fail(link, LINK_SILENT,
			  "the server hangs: it no longer reads its WebSocket, and 16 MiB wait for it");
		return;
	}
	websocket_send(wire->websocket, message);
	charge_unsent(wire, websocket_queued(wire->websocket));
}

static void ws_drop(struct link *link, struct call *call)
{
	(void)link;
	(void)call;
}

/* One client has the whole connection (legacy): its slowness may stop the server's output. */
static void ws_pause(struct link *link, struct call *call, bool paused)
{
	struct wire *wire = link->state;

	(void)call;
	if (wire->websocket && link->era == ERA_LEGACY)
		websocket_listen(wire->websocket, !paused);
}

static void ws_close(struct link *link)
{
	struct wire *wire = link->state;

	if (!wire)
		return;
	reach_cancel(&wire->reach);
	charge_unsent(wire, 0);
	http_release(&wire->parser);
	wire->stream = stream_close(wire->stream);
	wire->websocket = websocket_close(wire->websocket, FRAMES_NORMAL, S(""));
	link->state = NULL;
	free(wire);
}

const struct transport transport_ws = {
	.open = ws_open,
	.send = ws_send,
	.drop = ws_drop,
	.pause = ws_pause,
	.close = ws_close,
};
