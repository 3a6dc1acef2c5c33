/* frames.h - WebSocket frames: messages out of a connection's bytes, and into them. Pure: no I/O. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

enum frames_role {
	FRAMES_SERVER, /* what comes is masked, what goes is not */
	FRAMES_CLIENT, /* the other way */
};

/* Why a connection is closed. Source: RFC 6455 section 7.4.1, and IANA's registry. */
enum frames_code {
	FRAMES_NORMAL = 1000,
	FRAMES_GOING = 1001,
	FRAMES_PROTOCOL = 1002,
	FRAMES_UNSUPPORTED = 1003, /* a binary message */
	FRAMES_NO_CODE = 1005,	   /* a close frame that says nothing; never sent */
	FRAMES_POLICY = 1008,
	FRAMES_TOO_BIG = 1009,
	FRAMES_TRY_LATER = 1013,
};

enum frames_step {
	FRAMES_MORE,	 /* all of `*in` is used up */
	FRAMES_MESSAGE,	 /* a whole text message: `payload` */
	FRAMES_LONG,	 /* one that is under way is over the ceiling or, `crowded`, the budget */
	FRAMES_LONG_END, /* it has ended, and was dropped */
	FRAMES_PING,	 /* `payload` is to be sent back */
	FRAMES_PONG,
	FRAMES_CLOSE, /* `code`, and `payload` in words */
	FRAMES_BAD,   /* the peer breaks the protocol: `code` is to be sent back. From now on for ever. */
};

enum frames_kind { FRAMES_SEND_TEXT, FRAMES_SEND_PING, FRAMES_SEND_PONG };

struct wslay_frame_context;

/* Beside the message that is under way it holds some kilobytes. It stays where it was initialised. */
struct frames {
	/* Results; `payload` is valid until the next call. */
	struct span payload;
	unsigned code;
	bool crowded;
	size_t skipped; /* bytes of the long message that have come */

	/* Ours. */
	struct wslay_frame_context *library;
	enum frames_role role;
	size_t ceiling;
	struct budget *budget;
	struct span in;	    /* what the library reads from, during a call */
	struct buf *out;    /* what it writes to, during a call */
	struct buf message; /* what has come of the message */
	char control[125];  /* of a control frame */
	size_t n_control;
	uint64_t left; /* of the frame that is under way */
	unsigned opcode;
	bool in_frame, final;
	bool in_message, skipping, handed_out, bad;
};

/*
 * Ready for the first byte after the handshake. A message may have `ceiling` bytes.
 *
 * Owner:  ended with frames_release(). What a message holds is charged to `budget`; NULL: to nothing.
 * Errors: ERR_NOMEM.
 */
int frames_init(struct frames *frames, enum frames_role role, size_t ceiling, struct budget *budget,
		struct err *err) MUST_CHECK;
void frames_release(struct frames *frames);

/* Another ceiling; a message that has begun keeps the one it began under. */
void frames_set_ceiling(struct frames *frames, size_t ceiling);

/* What holds memory is given back, and so is the budget; messages are dropped from now on. */
void frames_abandon(struct frames *frames);

/* Consumes from the front of `*in`; pieces of one message come together, control frames in between. */
enum frames_step frames_next(struct frames *frames, struct span *in);

/* Adds one frame to `out`; of a control frame `payload` has at most 125 bytes. Whether it fits is out's to
 * say. */
void frames_write(struct frames *frames, struct buf *out, enum frames_kind kind, struct span payload);
/* Adds a close frame; of `why` so much as fits. FRAMES_NO_CODE: without code and words. */
void frames_write_close(struct frames *frames, struct buf *out, unsigned code, struct span why);

/* The most a frame has beside its payload. */
enum { FRAMES_HEAD_BYTES = 14 };
