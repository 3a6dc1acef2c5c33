/* stream_parcel.c - a stream leaves one loop and goes on, on another. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/stream_parts.h"

#include <fcntl.h>

#include "net/tls.h"

bool stream_detach(struct stream *stream, struct stream_parcel *parcel, bool *waits)
{
	uv_os_fd_t fd;

	*waits = false;
	stream_send_held(stream);
	if (stream->ended || stream->closing || stream->half || stream->ending.node.next)
		return false;
	*waits = stream->queued > 0;
	if (*waits || (stream->tls && !tls_session_keep(stream->tls)) ||
	    uv_fileno(&stream->h.handle, &fd) != 0)
		return false;
	*parcel = (struct stream_parcel){ .kind = stream->h.handle.type == UV_TCP ? STREAM_TCP : STREAM_PIPE,
					  .paused = stream->paused };
	/* libuv lets go of no descriptor: the loop closes its own, and the socket lives on. */
	parcel->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (parcel->fd < 0)
		return false;
	parcel->tls = TAKE(stream->tls);
	(void)stream_close(stream);
	return true;
}

struct stream *stream_attach(struct loop *loop, struct stream_parcel *parcel,
			     const struct stream_events *events, void *owner, struct err *err)
{
	struct stream *stream = stream_open(loop, parcel->fd, parcel->kind, events, owner, err);

	parcel->fd = -1;
	if (stream && parcel->paused)
		stream_pause(stream);
	if (stream && parcel->tls) {
		stream->tls = TAKE(parcel->tls);
		loop_later(loop, &stream->pumping);
	}
	stream_parcel_release(parcel);
	return stream;
}

void stream_parcel_release(struct stream_parcel *parcel)
{
	closep(&parcel->fd);
	parcel->tls = tls_session_free(parcel->tls);
}
