/* websocket.h - a live WebSocket: whole text messages in and out, pings, and a polite end. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "http/frames.h"
#include "net/stream.h"

struct websocket;

enum {
	WEBSOCKET_PING_MS = 30000,    /* of silence, and we ask whether somebody is there */
	WEBSOCKET_CLOSE_MS = 2000,    /* for the other side to close, too */
	WEBSOCKET_FLUSH_MS = 1000,    /* and to take some of what is left */
	WEBSOCKET_PONG_BYTES = 65536, /* wait already: a ping gets no answer */
};

/* Why it is over. */
struct websocket_end {
	enum {
		WEBSOCKET_LEFT,	  /* the peer said goodbye, with `code` */
		WEBSOCKET_LOST,	  /* the connection broke, or nobody is there any more */
		WEBSOCKET_BROKEN, /* the peer broke the protocol; it was told `code` */
	} how;
	unsigned code;
	struct span why; /* a sentence about the peer, without its words; of a static text */
};

/* Called from the loop, never from inside a websocket_* call. In each of them the owner may close it. */
struct websocket_events {
	/* A message; valid during the call only. */
	void (*on_message)(void *owner, struct span text);
	/*
	 * A message is longer than it may be, or (`crowded`) than its budget allows; it is dropped, and
	 * at its end told so again, `ended`. `skipped` bytes of it have come. NULL: the connection ends.
	 */
	void (*on_long)(void *owner, bool crowded, size_t skipped, bool ended);
	/* What was sent has been taken. May be NULL. */
	void (*on_drain)(void *owner);
	/* Once; nothing follows. The owner calls websocket_close(). */
	void (*on_end)(void *owner, const struct websocket_end *end);
};

struct websocket_options {
	struct loop *loop;
	enum frames_role role;
	size_t ceiling;	       /* of a message that comes */
	struct budget *budget; /* what one holds until it is whole is charged to it; NULL: to nothing */
	struct span ahead;     /* bytes that came behind the handshake; copied */
};

/*
 * Takes the stream of a connection over, whose handshake is done.
 *
 * Owner:  ended with websocket_close(). NULL: `err` says why; the stream is closed.
 */
struct websocket *websocket_new(struct stream *stream, const struct websocket_options *options,
				const struct websocket_events *events, void *owner, struct err *err);

/* Sends a message, whether or not there is room. Nothing happens after the end. */
void websocket_send(struct websocket *websocket, struct span text);
/* Bytes that wait to be taken. */
size_t websocket_queued(const struct websocket *websocket);
/* Stops and starts reading. While it is stopped, an end is not noticed. */
void websocket_listen(struct websocket *websocket, bool on);
void websocket_set_ceiling(struct websocket *websocket, size_t ceiling);

/*
 * Says goodbye; no event follows. What was sent before is still handed over, for a moment. NULL is harmless.
 * Returns NULL.
 */
struct websocket *websocket_close(struct websocket *websocket, enum frames_code code, struct span why);
