/* stream.h - a two-way flow of bytes on the loop: socket or pipe, with a bounded queue. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/loop.h"

struct stream;
struct tls_context;

enum stream_end {
	STREAM_EOF,    /* the other side has said all it will say */
	STREAM_BROKEN, /* reset, broken pipe, an error of the kernel; with TLS: an end without close_notify */
	STREAM_INSECURE, /* the TLS handshake failed; see stream_why() */
};

/* Called from the loop, never from inside a stream_* call. */
struct stream_events {
	/* `bytes` are valid during the call only. */
	void (*on_read)(void *owner, struct span bytes);
	/* At most once; nothing is read after it. */
	void (*on_end)(void *owner, enum stream_end why);
	/* The queue has become empty again after it was not. May be NULL. */
	void (*on_drain)(void *owner);
	/* The TLS handshake is done; the first on_read and the first stream_write() come after it. May be
	 * NULL. */
	void (*on_secure)(void *owner);
};

enum stream_kind { STREAM_TCP, STREAM_PIPE };

/*
 * Takes `fd` over and starts reading. TCP gets TCP_NODELAY.
 *
 * Owner:  the caller ends it with stream_close(). On failure `fd` is closed.
 * Errors: ERR_SYSTEM, ERR_NOMEM.
 */
struct stream *stream_open(struct loop *loop, int fd, enum stream_kind kind,
			   const struct stream_events *events, void *owner, struct err *err);

/* Accepts one connection of a listening handle. NULL where there is none to accept. */
struct stream *stream_accept(struct loop *loop, uv_stream_t *listener, const struct stream_events *events,
			     void *owner);

/*
 * From now on all bytes pass encrypted. To be called once, before anything was read or written. The
 * context says which side we are; `host` is who must answer, empty inwards. on_secure follows, or
 * on_end with STREAM_INSECURE.
 *
 * Errors: ERR_NOMEM; the stream is of no more use then.
 */
int stream_start_tls(struct stream *stream, struct tls_context *context, struct span host, struct err *err)
    MUST_CHECK;
/* Why TLS failed; empty where it did not. Borrowed until the turn in which the stream is closed ends. */
struct span stream_why(const struct stream *stream);

/*
 * Sends `n` parts one after another, as one write where the kernel takes it; what it does not
 * take now is copied and queued. After an error everything is dropped and on_end follows.
 */
void stream_write(struct stream *stream, const struct span *parts, size_t n);

/* Bytes the kernel has not taken yet; with TLS the encrypted ones. */
size_t stream_queued(const struct stream *stream);

/*
 * Has the other side closed, so that nobody can read what is written from now on? Sees it before a write
 * does, also where nothing is read any more. Of a pipe or a unix socket: over TCP whoever closes looks like
 * one who has said all.
 */
bool stream_is_deaf(const struct stream *stream);

/*
 * The other side may say its last word and still hear: after STREAM_EOF writing goes on, and should it fail
 * on_end comes a second time, with STREAM_BROKEN. For plain streams.
 */
void stream_half_open(struct stream *stream);

/* Stops and starts reading: back-pressure. While paused, an end of the stream is not noticed. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* Closes at once, with TLS after a close_notify; no event follows. NULL is harmless. Returns NULL. */
struct stream *stream_close(struct stream *stream);
/*
 * Closes when the queue is empty, or when the other side has taken nothing of it for `limit_ms` (at
 * most twice that long); no event follows. NULL is harmless. Returns NULL.
 */
struct stream *stream_close_flushed(struct stream *stream, uint64_t limit_ms);

/* As whom the other side of a unix socket connected. False: it is none, or the kernel does not say. */
bool stream_peer_uid(const struct stream *stream, uint32_t *uid);

/* From now on events go to another owner: the bytes have come to mean something else. */
void stream_hand_over(struct stream *stream, const struct stream_events *events, void *owner);

/*
 * A stream between two loops. Zero is none; what has no stream is closed with stream_parcel_release().
 */
struct stream_parcel {
	int fd;
	enum stream_kind kind;
	struct tls_session *tls;
	bool paused;
};

/*
 * stream_parcel.c: takes a stream off its loop, with what it has read and nobody has seen; no event follows.
 * To be called from its own events too. False, and nothing has changed, where something waits to be sent
 * (`*waits`: on_drain tells when to try again), where it is half open or has ended, or no descriptor is to be
 * had.
 */
bool stream_detach(struct stream *stream, struct stream_parcel *parcel, bool *waits) MUST_CHECK;
/* The stream goes on, on another loop. The parcel is used up, also by a failure. */
struct stream *stream_attach(struct loop *loop, struct stream_parcel *parcel,
			     const struct stream_events *events, void *owner, struct err *err);
void stream_parcel_release(struct stream_parcel *parcel);

/* The numeric address of the other side of a TCP stream; empty for others. */
struct span stream_peer(const struct stream *stream, char store[64]);
