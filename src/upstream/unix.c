/* unix.c - a server behind a unix socket: one message a line, as on stdio. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "upstream/intake.h"
#include "upstream/reach.h"

enum { UNIX_QUEUE_BYTES = 16 * 1024 * 1024 /* a server that does not read is dead */ };

struct peer {
	struct link *link;
	struct reach reach;
	struct stream *stream;
	struct intake intake;
	size_t unsent; /* of what waits for it, as far as it is charged */
};

static void charge_unsent(struct peer *peer, size_t n)
{
	budget_force(peer->link->budget, n);
	budget_give(peer->link->budget, peer->unsent);
	peer->unsent = n;
}

static void on_read(void *owner, struct span bytes)
{
	struct peer *peer = owner;

	intake_take(&peer->intake, bytes);
}

static void on_end(void *owner, enum stream_end why)
{
	struct peer *peer = owner;

	link_fail(peer->link, LINK_GONE,
		  why == STREAM_EOF ? "the server closed the connection"
				    : "the connection to the server broke off");
}

static void on_drain(void *owner)
{
	charge_unsent(owner, 0);
}

static const struct stream_events events = { .on_read = on_read, .on_end = on_end, .on_drain = on_drain };

static void on_stream(struct reach *reach, struct stream *stream)
{
	struct peer *peer = LIST_ENTRY(reach, struct peer, reach);

	peer->stream = stream;
	stream_hand_over(stream, &events, peer);
	link_up(peer->link);
}

static bool unix_open(struct link *link, struct err *err)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer) {
		(void)err_set(err, ERR_NOMEM, "the gate has no memory for a connection; try again later");
		return false;
	}
	peer->link = link;
	peer->intake = INTAKE_INIT(link);
	peer->reach.on_stream = on_stream;
	link->state = peer;
	return reach_start(&peer->reach, link, err);
}

static void unix_send(struct link *link, struct call *call, struct span message,
		      const struct send_facts *facts)
{
	struct peer *peer = link->state;

	(void)call;
	(void)facts;
	if (!peer->stream)
		return;
	/* One message more than that always has room, however long. */
	if (stream_queued(peer->stream) > UNIX_QUEUE_BYTES) {
		link_fail(link, LINK_SILENT,
			  "the server hangs: it no longer reads its socket, and 16 MiB wait for it");
		return;
	}
	stream_write(peer->stream, (struct span[]){ message, S("\n") }, 2);
	charge_unsent(peer, stream_queued(peer->stream));
}

static void unix_drop(struct link *link, struct call *call)
{
	(void)link;
	(void)call;
}

/* One client has the whole connection (legacy): its slowness may stop the server's output. */
static void unix_pause(struct link *link, struct call *call, bool paused)
{
	struct peer *peer = link->state;

	(void)call;
	if (!peer->stream || link->era != ERA_LEGACY)
		return;
	if (paused)
		stream_pause(peer->stream);
	else
		stream_resume(peer->stream);
}

static void free_peer(struct intake *intake)
{
	free(LIST_ENTRY(intake, struct peer, intake));
}

static void unix_close(struct link *link)
{
	struct peer *peer = link->state;

	if (!peer)
		return;
	reach_cancel(&peer->reach);
	charge_unsent(peer, 0);
	peer->stream = stream_close_flushed(peer->stream, 500);
	link->state = NULL;
	intake_close(&peer->intake, free_peer);
}

const struct transport transport_unix = {
	.open = unix_open,
	.send = unix_send,
	.drop = unix_drop,
	.pause = unix_pause,
	.close = unix_close,
};
