/* frames.c - WebSocket frames over wslay: which may follow which, and what they make together. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/frames.h"

#include <wslay/wslay.h>

#include "base/check.h"
#include "base/random.h"

enum {
	FRAMES_KEEP_BYTES = 16384,
	FRAMES_SKIP_TIMES = 4, /* a message that is so often too long has no end */
};

static ssize_t on_recv(uint8_t *out, size_t n, int flags, void *user)
{
	struct frames *frames = user;
	struct span piece = span_first(frames->in, n);

	(void)flags;
	if (piece.n == 0)
		return -1;
	memcpy(out, piece.p, piece.n);
	frames->in = span_skip(frames->in, piece.n);
	return (ssize_t)piece.n;
}

static ssize_t on_send(const uint8_t *bytes, size_t n, int flags, void *user)
{
	struct frames *frames = user;

	(void)flags;
	buf_add(frames->out, span_of((const char *)bytes, n));
	return (ssize_t)n;
}

/* spec: RFC 6455 5.3: a fresh mask for each frame, from a strong source. */
static int on_mask(uint8_t *out, size_t n, void *user)
{
	(void)user;
	random_bytes(out, n);
	return 0;
}

int frames_init(struct frames *frames, enum frames_role role, size_t ceiling, struct budget *budget,
		struct err *err)
{
	static const struct wslay_frame_callbacks callbacks = { .send_callback = on_send,
								.recv_callback = on_recv,
								.genmask_callback = on_mask };

	*frames = (struct frames){
		.role = role, .ceiling = ceiling, .budget = budget, .message = BUF_CHARGED(ceiling, budget)
	};
	if (wslay_frame_context_init(&frames->library, &callbacks, frames) != 0) {
		frames->library = NULL;
		return err_set(err, ERR_NOMEM, "no memory for a WebSocket");
	}
	return 0;
}

void frames_release(struct frames *frames)
{
	if (frames->library)
		wslay_frame_context_free(frames->library);
	frames->library = NULL;
	buf_release(&frames->message);
}

/* --- what comes --- */

static enum frames_step bad(struct frames *frames, enum frames_code code)
{
	frames->bad = true;
	frames->code = code;
	frames->payload = S("");
	return FRAMES_BAD;
}

static bool is_control(unsigned opcode)
{
	return opcode >= WSLAY_CONNECTION_CLOSE;
}

/* Source: RFC 6455 5.2 and 5.4. That control frames are short and whole, the library has seen to. */
static enum frames_code judge(const struct frames *frames, const struct wslay_frame_iocb *got)
{
	if (got->rsv != WSLAY_RSV_NONE || (got->mask != 0) != (frames->role == FRAMES_SERVER))
		return FRAMES_PROTOCOL;
	switch (got->opcode) {
	case WSLAY_CONNECTION_CLOSE:
	case WSLAY_PING:
	case WSLAY_PONG:
		return FRAMES_NORMAL;
	case WSLAY_CONTINUATION_FRAME:
		return frames->in_message ? FRAMES_NORMAL : FRAMES_PROTOCOL;
	case WSLAY_TEXT_FRAME:
		return frames->in_message ? FRAMES_PROTOCOL : FRAMES_NORMAL;
	case WSLAY_BINARY_FRAME:
		return frames->in_message ? FRAMES_PROTOCOL : FRAMES_UNSUPPORTED;
	default:
		return FRAMES_PROTOCOL;
	}
}

static enum frames_code begin_frame(struct frames *frames, const struct wslay_frame_iocb *got)
{
	enum frames_code code = judge(frames, got);

	if (code != FRAMES_NORMAL)
		return code;
	frames->in_frame = true;
	frames->opcode = got->opcode;
	frames->final = got->fin != 0;
	frames->left = got->payload_length;
	if (is_control(frames->opcode))
		frames->n_control = 0;
	else
		frames->in_message = true;
	return FRAMES_NORMAL;
}

/* It is dropped whole; that it has begun to be is told once. */
static enum frames_step skip(struct frames *frames, bool crowded)
{
	frames->skipping = true;
	frames->crowded = crowded;
	frames->skipped = frames->message.n;
	buf_release(&frames->message);
	return FRAMES_LONG;
}

/* More of a message; FRAMES_MORE where there is nothing to tell. */
static enum frames_step take_data(struct frames *frames, struct span piece)
{
	struct buf *message = &frames->message;
	size_t had = message->n;

	if (frames->skipping) {
		frames->skipped += piece.n;
		return FRAMES_MORE;
	}
	/* Also what is still to come of the frame. */
	if (frames->left > message->max - had)
		return skip(frames, false);
	buf_add(message, piece);
	if (buf_ok(message))
		return FRAMES_MORE;
	buf_cut(message, had);
	return skip(frames, true);
}

static bool is_code(unsigned code)
{
	return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
	       (code >= 3000 && code <= 4999);
}

static enum frames_step take_close(struct frames *frames)
{
	const unsigned char *bytes = (const unsigned char *)frames->control;

	frames->code = FRAMES_NO_CODE;
	frames->payload = S("");
	if (frames->n_control == 0)
		return FRAMES_CLOSE;
	if (frames->n_control >= 2)
		frames->code = (unsigned)bytes[0] << 8 | bytes[1];
	if (!is_code(frames->code))
		return bad(frames, FRAMES_PROTOCOL);
	frames->payload = span_of(frames->control + 2, frames->n_control - 2);
	return FRAMES_CLOSE;
}

static enum frames_step end_control(struct frames *frames)
{
	frames->payload = span_of(frames->control, frames->n_control);
	if (frames->opcode == WSLAY_CONNECTION_CLOSE)
		return take_close(frames);
	return frames->opcode == WSLAY_PING ? FRAMES_PING : FRAMES_PONG;
}

static enum frames_step end_frame(struct frames *frames)
{
	frames->in_frame = false;
	if (is_control(frames->opcode))
		return end_control(frames);
	if (!frames->final)
		return FRAMES_MORE;
	frames->in_message = false;
	if (frames->skipping) {
		frames->skipping = false;
		return FRAMES_LONG_END;
	}
	frames->payload = buf_span(&frames->message);
	frames->handed_out = true;
	return FRAMES_MESSAGE;
}

static void drop_handed_out(struct frames *frames)
{
	if (!frames->handed_out)
		return;
	frames->handed_out = false;
	buf_clear(&frames->message);
	buf_shrink(&frames->message, FRAMES_KEEP_BYTES);
}

/* One piece of a frame. FRAMES_MORE: nothing to tell. */
static enum frames_step take_piece(struct frames *frames, const struct wslay_frame_iocb *got)
{
	struct span piece = span_of((const char *)got->data, got->data_length);
	enum frames_code code = frames->in_frame ? FRAMES_NORMAL : begin_frame(frames, got);
	enum frames_step step = FRAMES_MORE;

	if (code != FRAMES_NORMAL)
		return bad(frames, code);
	check(piece.n <= frames->left);
	if (!is_control(frames->opcode)) {
		step = take_data(frames, piece);
	} else if (piece.n) {
		check(frames->n_control + piece.n <= sizeof(frames->control));
		memcpy(frames->control + frames->n_control, piece.p, piece.n);
		frames->n_control += piece.n;
	}
	frames->left -= piece.n;
	if (step == FRAMES_LONG)
		frames->skipped += piece.n;
	return step;
}

static bool frame_is_over(const struct frames *frames)
{
	return frames->in_frame && frames->left == 0;
}

static bool is_endless(const struct frames *frames)
{
	return frames->skipping && frames->ceiling && frames->skipped / FRAMES_SKIP_TIMES > frames->ceiling;
}

enum frames_step frames_next(struct frames *frames, struct span *in)
{
	enum frames_step step = FRAMES_MORE;

	drop_handed_out(frames);
	frames->in = *in;
	while (step == FRAMES_MORE && !frames->bad) {
		struct wslay_frame_iocb got = { 0 };
		ssize_t n;

		if (is_endless(frames)) {
			step = bad(frames, FRAMES_TOO_BIG);
			continue;
		}
		/* A long message may have been told of at the very end of its frame. */
		if (frame_is_over(frames)) {
			step = end_frame(frames);
			continue;
		}
		n = wslay_frame_recv(frames->library, &got);
		if (n == WSLAY_ERR_WANT_READ)
			break;
		step = n < 0 ? bad(frames, FRAMES_PROTOCOL) : take_piece(frames, &got);
	}
	*in = frames->bad ? span_skip(*in, in->n) : frames->in;
	frames->in = S("");
	return frames->bad ? FRAMES_BAD : step;
}

void frames_set_ceiling(struct frames *frames, size_t ceiling)
{
	if (frames->in_message)
		return;
	drop_handed_out(frames);
	frames->ceiling = ceiling;
	frames->message.max = ceiling;
}

void frames_abandon(struct frames *frames)
{
	buf_release(&frames->message);
	frames->message = BUF_INIT((size_t)0);
	frames->ceiling = 0;
	frames->handed_out = false;
	frames->skipping = frames->in_message;
}

/* --- what goes --- */

static void write_frame(struct frames *frames, struct buf *out, uint8_t opcode, struct span payload)
{
	struct wslay_frame_iocb frame = { .fin = 1,
					  .rsv = WSLAY_RSV_NONE,
					  .opcode = opcode,
					  .mask = frames->role == FRAMES_CLIENT,
					  .payload_length = payload.n,
					  .data = (const uint8_t *)payload.p,
					  .data_length = payload.n };

	frames->out = out;
	/* on_send() takes everything, so each frame goes in one call. */
	check(wslay_frame_send(frames->library, &frame) == (ssize_t)payload.n);
	frames->out = NULL;
}

void frames_write(struct frames *frames, struct buf *out, enum frames_kind kind, struct span payload)
{
	static const uint8_t opcodes[] = { [FRAMES_SEND_TEXT] = WSLAY_TEXT_FRAME,
					   [FRAMES_SEND_PING] = WSLAY_PING,
					   [FRAMES_SEND_PONG] = WSLAY_PONG };

	check(kind == FRAMES_SEND_TEXT || payload.n <= sizeof(frames->control));
	write_frame(frames, out, opcodes[kind], payload);
}

void frames_write_close(struct frames *frames, struct buf *out, unsigned code, struct span why)
{
	char store[sizeof(frames->control)];
	struct buf payload = buf_over(store, sizeof(store));

	if (code != FRAMES_NO_CODE) {
		buf_add_char(&payload, (char)(code >> 8));
		buf_add_char(&payload, (char)(code & 0xff));
		buf_add(&payload, span_first(why, sizeof(store) - 2));
	}
	write_frame(frames, out, WSLAY_CONNECTION_CLOSE, buf_span(&payload));
}
