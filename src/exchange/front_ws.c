/* front_ws.c - hosts on a WebSocket: one message a text frame, of either era. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "exchange/account.h"
#include "exchange/channel_host.h"
#include "exchange/visit.h"
#include "http/upgrade.h"
#include "http/websocket.h"

struct ws_front {
	struct worker *worker;
	struct channel_host *host;
	struct websocket *websocket;
	struct account *account; /* referenced: what comes in pieces is charged to it */
};

/* --- towards the host --- */

static void port_write(void *carrier, struct span message)
{
	struct ws_front *front = carrier;

	websocket_send(front->websocket, message);
}

static size_t port_waiting(const void *carrier)
{
	const struct ws_front *front = carrier;

	return websocket_queued(front->websocket);
}

static void port_listen(void *carrier, bool on)
{
	struct ws_front *front = carrier;

	websocket_listen(front->websocket, on);
}

static void port_tick(void *carrier, uint64_t now_ms)
{
	struct ws_front *front = carrier;

	(void)now_ms;
	websocket_set_ceiling(front->websocket, front->worker->limits.body_bytes);
}

static const struct channel_port port = { .transport = SPAN("websocket"),
					  .full = "websocket.full",
					  .slow = "websocket.slow",
					  .counted = true,
					  .stays = true,
					  .write = port_write,
					  .waiting = port_waiting,
					  .listen = port_listen,
					  .tick = port_tick };

static void front_free(struct ws_front *front, enum frames_code code)
{
	front->host = channel_host_free(front->host, S("the WebSocket was closed"));
	front->websocket = websocket_close(front->websocket, code, S(""));
	front->account = account_unref(front->account);
	free(front);
}

static void on_host_end(void *carrier, bool cut)
{
	front_free(carrier, cut ? FRAMES_POLICY : FRAMES_GOING);
}

/* --- from the host --- */

static void on_message(void *owner, struct span text)
{
	struct ws_front *front = owner;

	channel_host_take(front->host, text);
}

static void on_drain(void *owner)
{
	struct ws_front *front = owner;

	channel_host_drained(front->host);
}

/* Nothing can be said any more, also where all was understood. */
static void on_end(void *owner, const struct websocket_end *end)
{
	struct ws_front *front = owner;

	if (end->how == WEBSOCKET_BROKEN)
		log_event(front->worker->log, LOG_INFO, "websocket.refused",
			  "A WebSocket was closed for what its client sent.", LF("why", end->why),
			  LFN("code", end->code));
	channel_host_end(front->host);
}

static const struct websocket_events events = { .on_message = on_message,
						.on_drain = on_drain,
						.on_end = on_end };

/* --- the handshake --- */

static void refuse(const struct visit *visit, unsigned status, struct span text)
{
	visit->worker->metrics.refused_front++;
	visit_refuse(visit, status, S(""), -32600, "K511", text);
}

/* spec: RFC 6455 4.2.2: another version is answered with the one there is. */
static void refuse_version(const struct visit *visit)
{
	const struct http_header headers[] = { { S("Upgrade"), S("websocket") },
					       { S("Sec-WebSocket-Version"), UPGRADE_VERSION } };

	visit->worker->metrics.refused_front++;
	visit_reply(
	    visit->request, 426,
	    S("{\"error\":\"upgrade_required\",\"error_description\":\"WebSocket is spoken in version 13 "
	      "(K511)\"}"),
	    headers, COUNT(headers));
}

static bool asks_well(const struct visit *visit)
{
	const struct http_head *head = visit->head;

	if (!span_eq(http_known(head, HTTP_HEADER_SEC_WEBSOCKET_VERSION), UPGRADE_VERSION)) {
		refuse_version(visit);
		return false;
	}
	if (!upgrade_is_key(http_known(head, HTTP_HEADER_SEC_WEBSOCKET_KEY))) {
		refuse(visit, 400, S("Sec-WebSocket-Key must be 16 bytes in base64"));
		return false;
	}
	if (!upgrade_names(head, S("mcp"))) {
		refuse(visit, 400, S("Offer the subprotocol mcp: Sec-WebSocket-Protocol: mcp"));
		return false;
	}
	return true;
}

static struct websocket *upgrade(const struct visit *visit, struct ws_front *front, struct err *err)
{
	CLEANUP(buf_release) struct buf ahead = BUF_INIT((size_t)1 << 20);
	char accept[UPGRADE_ACCEPT_CHARS];
	const struct http_header headers[] = { { S("Upgrade"), S("websocket") },
					       { S("Sec-WebSocket-Accept"), span_of(accept, sizeof(accept)) },
					       { S("Sec-WebSocket-Protocol"), S("mcp") } };
	struct worker *worker = visit->worker;
	struct websocket_options options = { .loop = &worker->loop,
					     .role = FRAMES_SERVER,
					     .ceiling = worker->limits.body_bytes,
					     .budget = &front->account->held };
	struct stream *stream;

	upgrade_accept(http_known(visit->head, HTTP_HEADER_SEC_WEBSOCKET_KEY), accept);
	stream = http_request_upgrade(visit->request, headers, COUNT(headers), &ahead);
	options.ahead = buf_span(&ahead);
	return websocket_new(stream, &options, &events, front, err);
}

static struct ws_front *front_new(const struct visit *visit, struct err *err)
{
	struct ws_front *front = calloc(1, sizeof(*front));
	const struct channel_options options = { .principal = visit->principal,
						 .only = visit->only,
						 .view = visit->view,
						 .port = &port,
						 .carrier = front,
						 .on_end = on_host_end };

	if (front)
		front->account = account_of(visit->worker, visit->principal->id);
	if (!front || !front->account) {
		free(front);
		(void)err_set(err, ERR_NOMEM, "no memory for a host's connection");
		return NULL;
	}
	front->worker = visit->worker;
	front->host = channel_host_new(visit->worker, &options, err);
	if (front->host)
		return front;
	(void)account_unref(front->account);
	free(front);
	return NULL;
}

void visit_websocket(const struct visit *visit)
{
	struct err err = ERR_INIT;
	struct ws_front *front;

	if (!asks_well(visit))
		return;
	if (visit->worker->draining) {
		visit_refuse_host(visit, NULL);
		return;
	}
	front = front_new(visit, &err);
	if (!front) {
		visit_refuse_host(visit, &err);
		return;
	}
	front->websocket = upgrade(visit, front, &err);
	if (front->websocket)
		return;
	/* The connection is gone already. */
	front->host = channel_host_free(front->host, S("no memory"));
	front->account = account_unref(front->account);
	free(front);
}
