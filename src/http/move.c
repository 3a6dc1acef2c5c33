/* move.c - a connection goes on at another server, on another thread's loop. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/move.h"

#include <stdlib.h>

#include "http/connection.h"

static void discard(struct http_request *conn)
{
	struct http_share *share = conn->server->share;

	stream_parcel_release(&conn->parcel);
	share->gathered[conn->known] -= conn->gathered.cap;
	share->connections--;
	http_release(&conn->parser);
	buf_release(&conn->gathered);
	buf_release(&conn->stash);
	free(conn);
}

/* On the loop it came to. */
static void run_arrival(struct mail *mail)
{
	struct http_request *conn = LIST_ENTRY(mail, struct http_request, moving);
	struct http_server *server = conn->server;

	conn->stream = stream_attach(server->loop, &conn->parcel, connection_events(), conn, NULL);
	if (!conn->stream) {
		discard(conn);
		return;
	}
	conn->parser.limits = &server->options.limits;
	conn->since_ms = loop_now(server->loop);
	conn->taking = (struct taking){ 0 };
	/* All servers retire theirs together: one that was on its way is among them. */
	conn->retired |= conn->retirements != server->retirements;
	conn->close_after |= server->draining || conn->retired;
	conn->moved = true;
	list_add(&server->connections, &conn->node);
	server->n++;
	if (server->options.on_connection)
		server->options.on_connection(server->owner);
	server->on_request(server->owner, conn, &conn->parser.head, conn->body);
}

/* A new connection that looks for room. */
struct offer {
	struct mail mail;
	struct http_server *from, *to;
	struct stream_parcel parcel;
};

static void run_offer(struct mail *mail)
{
	struct offer *offer = LIST_ENTRY(mail, struct offer, mail);
	struct http_server *server = offer->to;
	struct http_request *conn = NULL;
	struct stream *stream;
	bool fits;

	fits = !server->draining && connection_fits(server);
	if (!fits && !server->draining && server->sibling != offer->from) {
		offer->to = server->sibling;
		mailbox_post(offer->to->loop->mailbox, &offer->mail);
		return;
	}
	if (fits)
		conn = connection_new(server);
	stream = conn ? stream_attach(server->loop, &offer->parcel, connection_events(), conn, NULL) : NULL;
	if (stream)
		connection_begin(conn, stream);
	else
		free(conn);
	stream_parcel_release(&offer->parcel);
	free(offer);
}

void connection_offer(struct http_server *from, struct stream *stream)
{
	struct offer *offer = from->sibling ? calloc(1, sizeof(*offer)) : NULL;
	bool waits;

	if (!offer || !stream_detach(stream, &offer->parcel, &waits)) {
		free(offer);
		(void)stream_close(stream);
		return;
	}
	offer->mail.run = run_offer;
	offer->from = from;
	offer->to = from->sibling;
	mailbox_post(offer->to->loop->mailbox, &offer->mail);
}

void http_server_set_sibling(struct http_server *server, struct http_server *sibling)
{
	server->sibling = sibling;
}

static void leave(struct http_request *conn)
{
	struct http_server *from = conn->server;

	loop_later_cancel(&conn->next);
	list_remove(&conn->node);
	from->n--;
	conn->retirements = from->retirements;
	conn->stream = NULL;
	conn->server = TAKE(conn->to);
	conn->moving.run = run_arrival;
	mailbox_post(conn->server->loop->mailbox, &conn->moving);
}

void connection_move(struct http_request *conn)
{
	bool waits;

	if (stream_detach(conn->stream, &conn->parcel, &waits))
		leave(conn);
	else if (!waits)
		connection_free(conn);
}

bool http_request_move(struct http_request *request, struct http_server *to)
{
	const struct http_head *head;
	struct span body;

	if (!http_request_keep(request, &head, &body))
		return false;
	request->events = NULL;
	request->user = NULL;
	request->to = to;
	/* Its bytes are being read: then who reads them sends it on its way. */
	if (!request->busy)
		connection_move(request);
	return true;
}

bool http_request_has_moved(const struct http_request *request)
{
	return request->moved;
}
