/* stream.c - a two-way flow of bytes on the loop. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/stream_parts.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "net/tls.h"

enum {
	STREAM_PARTS = 8,
	STREAM_HELD_BYTES = 8 * 1024, /* the most that waits for the end of the turn */
	STREAM_HELD_KEPT = 4 * 1024,  /* memory that stays with a stream for it */
	STREAM_HELD_STREAMS = 16,     /* so many streams with something held, and all is sent */
	STREAM_TLS_SLICE = 64 * 1024, /* encrypted bytes that are handed on at once */
};

struct pending_write {
	uv_write_t req;
	struct stream *stream;
	size_t n;
	char bytes[];
};

static void on_uv_read(uv_stream_t *handle, ssize_t got, const uv_buf_t *buf);
static void run_sending(struct later *later);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct stream *stream = handle->data;

	(void)suggested;
	*buf = uv_buf_init(stream->loop->chunk, stream->had_its_turn ? 0 : LOOP_CHUNK_BYTES);
	stream->had_its_turn = false;
}

static void tell_end(struct stream *stream, enum stream_end why)
{
	if (stream->ended || stream->closing)
		return;
	stream->heard_all |= why == STREAM_EOF && stream->half;
	stream->ended = !stream->heard_all || why != STREAM_EOF;
	(void)uv_read_stop(&stream->h.any);
	stream->events->on_end(stream->owner, why);
}

static bool is_reading(const struct stream *stream)
{
	return !stream->paused && !stream->ended && !stream->closing;
}

static void tls_flush(struct stream *stream);

/* One step of TLS; false where there is nothing more to do. */
static bool tls_step(struct stream *stream)
{
	char plain[TLS_RECORD_BYTES];
	size_t n = 0;
	bool was_secure = tls_session_is_secure(stream->tls);
	enum tls_step step = tls_session_step(stream->tls, plain, sizeof(plain), &n);

	tls_flush(stream);
	switch (step) {
	case TLS_MORE:
		return false;
	case TLS_SECURE:
		if (stream->events->on_secure)
			stream->events->on_secure(stream->owner);
		return true;
	case TLS_DATA:
		stream->events->on_read(stream->owner, span_of(plain, n));
		return true;
	case TLS_CLOSED:
		tell_end(stream, STREAM_EOF);
		return false;
	case TLS_FAILED:
		tell_end(stream, was_secure ? STREAM_BROKEN : STREAM_INSECURE);
		return false;
	}
	return false;
}

static void tls_pump(struct stream *stream)
{
	bool more = true;

	while (more && is_reading(stream))
		more = tls_step(stream);
	if (stream->ended || stream->closing || !more)
		return;
	/* Paused with something left: the loop's buffer is not ours. */
	if (!tls_session_keep(stream->tls))
		loop_later(stream->loop, &stream->ending);
}

static void run_pumping(struct later *later)
{
	struct stream *stream = LIST_ENTRY(later, struct stream, pumping);

	if (is_reading(stream))
		tls_pump(stream);
	if (is_reading(stream))
		(void)uv_read_start(&stream->h.any, on_alloc, on_uv_read);
}

/* With TLS the connection must not just end: whoever cut it may have cut something off. */
static void tls_cut(struct stream *stream, ssize_t got)
{
	if (tls_session_is_secure(stream->tls)) {
		tell_end(stream, STREAM_BROKEN);
		return;
	}
	stream->why = got == UV_EOF ? "the connection ended during the TLS handshake"
				    : "the connection broke during the TLS handshake";
	tell_end(stream, STREAM_INSECURE);
}

static void on_uv_read(uv_stream_t *handle, ssize_t got, const uv_buf_t *buf)
{
	struct stream *stream = handle->data;

	/* libuv would read up to 32 times what a peer floods before it looks at any other. */
	stream->had_its_turn = got == LOOP_CHUNK_BYTES;
	if (got == 0 || got == UV_ENOBUFS)
		return;
	if (stream->tls && got > 0) {
		tls_session_feed(stream->tls, span_of(buf->base, (size_t)got));
		tls_pump(stream);
	} else if (stream->tls) {
		tls_cut(stream, got);
	} else if (got > 0) {
		stream->events->on_read(stream->owner, span_of(buf->base, (size_t)got));
	} else {
		tell_end(stream, got == UV_EOF ? STREAM_EOF : STREAM_BROKEN);
	}
}

static void run_ending(struct later *later)
{
	struct stream *stream = LIST_ENTRY(later, struct stream, ending);
	bool secure = !stream->tls || tls_session_is_secure(stream->tls);

	tell_end(stream, secure ? STREAM_BROKEN : STREAM_INSECURE);
}

static struct stream *stream_new(struct loop *loop, const struct stream_events *events, void *owner)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->loop = loop;
	stream->events = events;
	stream->owner = owner;
	stream->held = BUF_INIT(STREAM_HELD_BYTES);
	stream->sending.run = run_sending;
	stream->ending.run = run_ending;
	stream->pumping.run = run_pumping;
	return stream;
}

static int start(struct stream *stream)
{
	stream->h.handle.data = stream;
	return uv_read_start(&stream->h.any, on_alloc, on_uv_read);
}

/* libuv ends the process over what cannot be polled: a file, /dev/null. A host may well hand one over. */
static bool is_pollable(struct loop *loop, int fd)
{
	struct epoll_event none = { 0 };
	int backend = uv_backend_fd(&loop->uv);

	if (epoll_ctl(backend, EPOLL_CTL_ADD, fd, &none) < 0)
		return false;
	(void)epoll_ctl(backend, EPOLL_CTL_DEL, fd, &none);
	return true;
}

struct stream *stream_open(struct loop *loop, int fd, enum stream_kind kind,
			   const struct stream_events *events, void *owner, struct err *err)
{
	struct stream *stream = stream_new(loop, events, owner);
	int rc;

	if (!stream) {
		(void)close(fd);
		(void)err_set(err, ERR_NOMEM, "no memory for a stream");
		return NULL;
	}
	if (!is_pollable(loop, fd)) {
		(void)err_sys(err, "cannot use a descriptor as a stream");
		(void)close(fd);
		free(stream);
		return NULL;
	}
	if (kind == STREAM_TCP) {
		check(uv_tcp_init(&loop->uv, &stream->h.tcp) == 0);
		rc = uv_tcp_open(&stream->h.tcp, fd);
		if (rc == 0)
			(void)uv_tcp_nodelay(&stream->h.tcp, 1);
	} else {
		check(uv_pipe_init(&loop->uv, &stream->h.pipe, 0) == 0);
		rc = uv_pipe_open(&stream->h.pipe, fd);
	}
	stream->h.handle.data = stream;
	if (rc != 0) {
		(void)close(fd);
		(void)err_set(err, ERR_SYSTEM, "cannot use a descriptor as a stream: %s", uv_strerror(rc));
		(void)stream_close(stream);
		return NULL;
	}
	/* A pipe's writing end cannot be read; its end shows at the next write. */
	(void)start(stream);
	return stream;
}

struct stream *stream_accept(struct loop *loop, uv_stream_t *listener, const struct stream_events *events,
			     void *owner)
{
	struct stream *stream = stream_new(loop, events, owner);

	if (!stream)
		return NULL;
	if (listener->type == UV_TCP)
		check(uv_tcp_init(&loop->uv, &stream->h.tcp) == 0);
	else
		check(uv_pipe_init(&loop->uv, &stream->h.pipe, 0) == 0);
	stream->h.handle.data = stream;
	if (uv_accept(listener, &stream->h.any) != 0 || start(stream) != 0)
		return stream_close(stream);
	if (listener->type == UV_TCP)
		(void)uv_tcp_nodelay(&stream->h.tcp, 1);
	return stream;
}

static void drained(struct stream *stream)
{
	if (stream->flushing)
		(void)stream_close(stream);
	else if (!stream->ended && stream->events->on_drain)
		stream->events->on_drain(stream->owner);
}

static void on_written(uv_write_t *req, int status)
{
	struct pending_write *pending = LIST_ENTRY(req, struct pending_write, req);
	struct stream *stream = pending->stream;

	stream->queued -= pending->n;
	free(pending);
	if (stream->closing)
		return;
	if (status < 0 && stream->flushing)
		(void)stream_close(stream);
	else if (status < 0)
		tell_end(stream, STREAM_BROKEN);
	else if (stream->queued == 0)
		drained(stream);
}

/* Copies what is left of the parts after `sent` bytes and queues it. */
static int queue_rest(struct stream *stream, const struct span *parts, size_t n, size_t sent, size_t total)
{
	struct pending_write *pending = malloc(sizeof(*pending) + total - sent);
	uv_buf_t buf;
	size_t at = 0;

	if (!pending)
		return UV_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct span part = span_skip(parts[i], sent);

		sent -= parts[i].n - part.n;
		if (part.n)
			memcpy(pending->bytes + at, part.p, part.n);
		at += part.n;
	}
	pending->stream = stream;
	pending->n = at;
	buf = uv_buf_init(pending->bytes, (unsigned)at);
	stream->queued += at;
	if (uv_write(&pending->req, &stream->h.any, &buf, 1, on_written) == 0)
		return 0;
	stream->queued -= at;
	free(pending);
	return UV_EPIPE;
}

/* Hands bytes to the kernel; what it does not take is queued. */
static void send_now(struct stream *stream, const struct span *parts, size_t n)
{
	uv_buf_t bufs[STREAM_PARTS];
	size_t total = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		bufs[i] = (uv_buf_t){ .base = (char *)(uintptr_t)parts[i].p, .len = parts[i].n };
		total += parts[i].n;
	}
	if (total == 0)
		return;
	if (stream->queued == 0)
		rc = uv_try_write(&stream->h.any, bufs, (unsigned)n);
	if (rc == UV_EAGAIN)
		rc = 0;
	if (rc >= 0 && (size_t)rc < total)
		rc = queue_rest(stream, parts, n, (size_t)rc, total);
	if (rc < 0)
		loop_later(stream->loop, &stream->ending);
}

void stream_send_held(struct stream *stream)
{
	struct span held = buf_span(&stream->held);

	loop_later_cancel(&stream->sending);
	if (held.n == 0)
		return;
	stream->loop->n_held--;
	send_now(stream, &held, 1);
	buf_clear(&stream->held);
	buf_shrink(&stream->held, STREAM_HELD_KEPT);
}

static void run_sending(struct later *later)
{
	stream_send_held(LIST_ENTRY(later, struct stream, sending));
}

/*
 * What is written in a turn of the loop goes out at its end, where there is much to do. The kernel's way
 * for bytes to a process that sleeps is longer than to one that is awake: whoever answers many in a turn
 * wakes each peer once. Who answers one has nothing to wait for.
 */
static bool hold(struct stream *stream, const struct span *parts, size_t n)
{
	size_t had = stream->held.n;

	for (size_t i = 0; i < n; i++)
		buf_add(&stream->held, parts[i]);
	if (!buf_ok(&stream->held)) {
		buf_cut(&stream->held, had);
		return false;
	}
	if (had == 0 && stream->held.n)
		stream->loop->n_held++;
	loop_at_end(stream->loop, &stream->sending);
	if (stream->loop->n_held >= STREAM_HELD_STREAMS)
		loop_end_now(stream->loop);
	return true;
}

static void send_raw(struct stream *stream, const struct span *parts, size_t n)
{
	stream->loop->n_written++;
	if (stream->loop->crowded && stream->queued == 0 && hold(stream, parts, n))
		return;
	stream_send_held(stream);
	send_now(stream, parts, n);
}

static void tls_flush(struct stream *stream)
{
	struct span out = tls_session_output(stream->tls);

	if (out.n == 0)
		return;
	send_raw(stream, &out, 1);
	tls_session_sent(stream->tls);
}

/* Short parts share a record: a head and its body go out as one. */
static bool tls_encrypt(struct stream *stream, const struct span *parts, size_t n)
{
	char record[TLS_RECORD_BYTES];
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		for (struct span rest = parts[i]; rest.n;) {
			struct span piece = span_first(rest, sizeof(record) - used);

			memcpy(record + used, piece.p, piece.n);
			used += piece.n;
			rest = span_skip(rest, piece.n);
			if (used < sizeof(record))
				continue;
			if (!tls_session_write(stream->tls, span_of(record, used)))
				return false;
			used = 0;
			if (tls_session_output(stream->tls).n >= STREAM_TLS_SLICE)
				tls_flush(stream);
		}
	}
	return tls_session_write(stream->tls, span_of(record, used));
}

void stream_write(struct stream *stream, const struct span *parts, size_t n)
{
	check(n <= STREAM_PARTS);
	if (stream->ended || stream->closing)
		return;
	if (!stream->tls) {
		send_raw(stream, parts, n);
		return;
	}
	if (!tls_encrypt(stream, parts, n))
		loop_later(stream->loop, &stream->ending);
	tls_flush(stream);
}

int stream_start_tls(struct stream *stream, struct tls_context *context, struct span host, struct err *err)
{
	char none[1];
	size_t n;

	check(!stream->tls);
	stream->tls = tls_session_new(context, host, err);
	if (!stream->tls)
		return -1;
	/* The client speaks first; a server has nothing to say yet. */
	if (host.n && tls_session_step(stream->tls, none, 0, &n) == TLS_FAILED)
		return err_set(err, ERR_NOMEM, "%.*s", SPAN_ARG(tls_session_why(stream->tls)));
	tls_flush(stream);
	return 0;
}

struct span stream_why(const struct stream *stream)
{
	if (stream->why)
		return span_str(stream->why);
	return stream->tls ? tls_session_why(stream->tls) : S("");
}

/* libuv counts what a write has left of it, `queued` whole writes only. */
size_t stream_queued(const struct stream *stream)
{
	return stream->closing ? 0 : uv_stream_get_write_queue_size(&stream->h.any);
}

bool stream_is_deaf(const struct stream *stream)
{
	struct pollfd look = { .fd = -1 };

	if (stream->closing || uv_fileno(&stream->h.handle, &look.fd) != 0)
		return false;
	return poll(&look, 1, 0) == 1 && (look.revents & (POLLERR | POLLHUP)) != 0;
}

void stream_half_open(struct stream *stream)
{
	stream->half = true;
}

void stream_pause(struct stream *stream)
{
	if (stream->paused || stream->ended)
		return;
	stream->paused = true;
	(void)uv_read_stop(&stream->h.any);
}

void stream_resume(struct stream *stream)
{
	if (!stream->paused || stream->ended || stream->closing)
		return;
	stream->paused = false;
	if (stream->heard_all)
		return;
	if (stream->tls)
		loop_later(stream->loop, &stream->pumping);
	else
		(void)uv_read_start(&stream->h.any, on_alloc, on_uv_read);
}

/* Not sooner than here: its own callbacks may still be on the stack. */
static void on_closed(uv_handle_t *handle)
{
	struct stream *stream = handle->data;

	stream->tls = tls_session_free(stream->tls);
	buf_release(&stream->held);
	free(stream);
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle);
}

static void say_bye(struct stream *stream)
{
	tls_session_bye(stream->tls);
	tls_flush(stream);
}

struct stream *stream_close(struct stream *stream)
{
	if (!stream || stream->closing)
		return NULL;
	/* What waits in the queue is lost with the stream, so nothing can follow it. */
	if (stream->tls && stream->queued == 0)
		say_bye(stream);
	stream_send_held(stream);
	stream->closing = true;
	loop_later_cancel(&stream->ending);
	loop_later_cancel(&stream->pumping);
	if (stream->flush_limit)
		uv_close((uv_handle_t *)stream->flush_limit, on_timer_closed);
	stream->flush_limit = NULL;
	uv_close(&stream->h.handle, on_closed);
	return NULL;
}

/* Who takes some of it may have the rest. */
static void on_flush_limit(uv_timer_t *timer)
{
	struct stream *stream = timer->data;
	size_t left = stream_queued(stream);

	if (left >= stream->unflushed)
		(void)stream_close(stream);
	stream->unflushed = left;
}

struct stream *stream_close_flushed(struct stream *stream, uint64_t limit_ms)
{
	uv_timer_t *timer;

	if (!stream)
		return NULL;
	stream_send_held(stream);
	if (stream->closing || stream->queued == 0 || stream->ended || stream->ending.node.next)
		return stream_close(stream);
	timer = malloc(sizeof(*timer));
	if (!timer)
		return stream_close(stream);
	stream->flushing = true;
	(void)uv_read_stop(&stream->h.any);
	check(uv_timer_init(&stream->loop->uv, timer) == 0);
	timer->data = stream;
	stream->flush_limit = timer;
	stream->unflushed = SIZE_MAX;
	(void)uv_timer_start(timer, on_flush_limit, limit_ms, limit_ms ? limit_ms : 1);
	return NULL;
}

bool stream_peer_uid(const struct stream *stream, uint32_t *uid)
{
	struct ucred peer = { .uid = UINT32_MAX };
	socklen_t n = sizeof(peer);
	uv_os_fd_t fd;

	*uid = UINT32_MAX;
	if (stream->h.handle.type != UV_NAMED_PIPE || uv_fileno(&stream->h.handle, &fd) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return false;
	*uid = peer.uid;
	return true;
}

void stream_hand_over(struct stream *stream, const struct stream_events *events, void *owner)
{
	stream->events = events;
	stream->owner = owner;
}

struct span stream_peer(const struct stream *stream, char store[64])
{
	struct sockaddr_storage address;
	int n = sizeof(address);

	if (stream->h.handle.type != UV_TCP ||
	    uv_tcp_getpeername(&stream->h.tcp, (struct sockaddr *)&address, &n) != 0 ||
	    uv_ip_name((struct sockaddr *)&address, store, 64) != 0)
		return S("");
	return span_str(store);
}
