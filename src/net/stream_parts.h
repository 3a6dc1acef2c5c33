/* stream_parts.h - a stream, as stream.c and stream_parcel.c share it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "net/stream.h"

struct stream {
	struct loop *loop;
	union {
		uv_handle_t handle;
		uv_stream_t any;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} h;
	const struct stream_events *events;
	void *owner;
	struct buf held; /* written in this turn of the loop, before `queued` */
	struct later sending;
	size_t queued;
	struct later ending; /* an error seen while writing, told in the next turn */
	uv_timer_t *flush_limit;
	size_t unflushed;	 /* when its time was last over */
	struct tls_session *tls; /* NULL: plain */
	struct later pumping;	 /* what was read while paused is looked at in the next turn */
	const char *why;	 /* TLS failed with the connection, not by itself */
	bool half, heard_all;	 /* see stream_half_open() */
	bool paused, ended, closing, flushing;
	bool had_its_turn; /* the chunk was full: what follows waits for the next turn of the loop */
};

/* Sends what was written in this turn of the loop, now. */
void stream_send_held(struct stream *stream);
