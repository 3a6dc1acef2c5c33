/* websocket.c - a live WebSocket. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/websocket.h"

#include <stdlib.h>

#include "base/check.h"

enum { WEBSOCKET_AHEAD_BYTES = 1 << 20 };

struct websocket {
	struct loop *loop;
	struct stream *stream;
	struct frames frames;
	const struct websocket_events *events; /* NULL: its owner has let go of it */
	void *owner;
	uv_timer_t timer;
	struct later starting, failing;
	struct buf ahead; /* what came before somebody could listen */
	bool heard;	  /* since the timer was looked at */
	bool pinged, deaf, busy;
	bool sent_close, got_close;
	bool ended; /* its owner knows, or need not */
	bool over;  /* nothing is left to do */
};

static void on_timer_closed(uv_handle_t *handle)
{
	struct websocket *websocket = handle->data;

	frames_release(&websocket->frames);
	buf_release(&websocket->ahead);
	free(websocket);
}

/* Freed in a later turn: whoever is up the stack only finds that it is over. */
static void finish(struct websocket *websocket)
{
	if (websocket->over)
		return;
	websocket->over = true;
	loop_later_cancel(&websocket->starting);
	loop_later_cancel(&websocket->failing);
	websocket->stream = stream_close_flushed(websocket->stream, WEBSOCKET_FLUSH_MS);
	uv_close((uv_handle_t *)&websocket->timer, on_timer_closed);
}

static void end(struct websocket *websocket, const struct websocket_end *how)
{
	if (websocket->ended)
		return;
	websocket->ended = true;
	if (websocket->events)
		websocket->events->on_end(websocket->owner, how);
}

/* --- what goes --- */

static void put(struct websocket *websocket, const struct buf *frame)
{
	struct span bytes = buf_span(frame);

	if (buf_ok(frame))
		stream_write(websocket->stream, &bytes, 1);
	else
		loop_later(websocket->loop, &websocket->failing);
}

static void put_control(struct websocket *websocket, enum frames_kind kind, struct span payload)
{
	char store[FRAMES_HEAD_BYTES + 125];
	struct buf frame = buf_over(store, sizeof(store));

	if (websocket->sent_close)
		return;
	frames_write(&websocket->frames, &frame, kind, payload);
	put(websocket, &frame);
}

static void put_close(struct websocket *websocket, unsigned code, struct span why)
{
	char store[FRAMES_HEAD_BYTES + 125];
	struct buf frame = buf_over(store, sizeof(store));

	if (websocket->sent_close)
		return;
	frames_write_close(&websocket->frames, &frame, code, why);
	put(websocket, &frame);
	websocket->sent_close = true;
}

void websocket_send(struct websocket *websocket, struct span text)
{
	CLEANUP(buf_release) struct buf frame = BUF_INIT(text.n + FRAMES_HEAD_BYTES);

	if (websocket->sent_close || websocket->ended)
		return;
	frames_write(&websocket->frames, &frame, FRAMES_SEND_TEXT, text);
	put(websocket, &frame);
}

static void run_failing(struct later *later)
{
	struct websocket *websocket = LIST_ENTRY(later, struct websocket, failing);

	end(websocket, &(struct websocket_end){ .how = WEBSOCKET_LOST,
						.why = S("the gate has no memory for a message; try again "
							 "later") });
}

size_t websocket_queued(const struct websocket *websocket)
{
	return stream_queued(websocket->stream);
}

void websocket_listen(struct websocket *websocket, bool on)
{
	websocket->deaf = !on;
	if (on)
		stream_resume(websocket->stream);
	else
		stream_pause(websocket->stream);
}

void websocket_set_ceiling(struct websocket *websocket, size_t ceiling)
{
	frames_set_ceiling(&websocket->frames, ceiling);
}

/* --- what comes --- */

static void break_off(struct websocket *websocket, unsigned code, struct span why)
{
	put_close(websocket, code, why);
	end(websocket, &(struct websocket_end){ .how = WEBSOCKET_BROKEN, .code = code, .why = why });
}

static void take_bad(struct websocket *websocket)
{
	if (websocket->frames.code == FRAMES_UNSUPPORTED)
		break_off(websocket, FRAMES_UNSUPPORTED, S("it sent a binary message: MCP is text"));
	else
		break_off(websocket, websocket->frames.code, S("it broke the rules of WebSocket"));
}

static void take_long(struct websocket *websocket, bool ended)
{
	const struct frames *frames = &websocket->frames;

	if (websocket->events->on_long)
		websocket->events->on_long(websocket->owner, frames->crowded, frames->skipped, ended);
	else if (frames->crowded)
		break_off(websocket, FRAMES_TRY_LATER, S("its message is more than may be held now"));
	else
		break_off(websocket, FRAMES_TOO_BIG, S("its message is longer than the limit"));
}

/* An answer to each of many would wait for who does not take them. */
static void take_ping(struct websocket *websocket)
{
	if (websocket_queued(websocket) < WEBSOCKET_PONG_BYTES)
		put_control(websocket, FRAMES_SEND_PONG, websocket->frames.payload);
}

static void take_close(struct websocket *websocket)
{
	websocket->got_close = true;
	put_close(websocket, websocket->frames.code, S(""));
	end(websocket, &(struct websocket_end){ .how = WEBSOCKET_LEFT,
						.code = websocket->frames.code,
						.why = S("it closed the WebSocket") });
}

static void take_step(struct websocket *websocket, enum frames_step step)
{
	bool tells = websocket->events && !websocket->ended;

	switch (step) {
	case FRAMES_MORE:
	case FRAMES_PONG:
		break;
	case FRAMES_MESSAGE:
		if (tells)
			websocket->events->on_message(websocket->owner, websocket->frames.payload);
		break;
	case FRAMES_LONG:
	case FRAMES_LONG_END:
		if (tells)
			take_long(websocket, step == FRAMES_LONG_END);
		break;
	case FRAMES_PING:
		take_ping(websocket);
		break;
	case FRAMES_CLOSE:
		take_close(websocket);
		break;
	case FRAMES_BAD:
		take_bad(websocket);
		break;
	}
}

/*
 * What nobody owns any more only waits for the other side's goodbye. Closed with something unread, the
 * connection would be reset, and ours lost.
 */
static void look_over(struct websocket *websocket)
{
	if (websocket->events || websocket->over)
		return;
	frames_abandon(&websocket->frames);
	if (websocket->got_close)
		finish(websocket);
}

static void feed(struct websocket *websocket, struct span in)
{
	enum frames_step step;

	websocket->busy = true;
	do {
		step = frames_next(&websocket->frames, &in);
		take_step(websocket, step);
	} while (step != FRAMES_MORE && step != FRAMES_BAD && step != FRAMES_CLOSE);
	websocket->busy = false;
	look_over(websocket);
}

static void on_read(void *owner, struct span bytes)
{
	struct websocket *websocket = owner;

	websocket->heard = true;
	if (websocket->ahead.n) {
		buf_add(&websocket->ahead, bytes);
		if (!buf_ok(&websocket->ahead))
			loop_later(websocket->loop, &websocket->failing);
	} else if (!websocket->got_close && !websocket->frames.bad) {
		feed(websocket, bytes);
	}
}

static void run_starting(struct later *later)
{
	struct websocket *websocket = LIST_ENTRY(later, struct websocket, starting);
	CLEANUP(buf_release) struct buf ahead = websocket->ahead;

	websocket->ahead = (struct buf){ 0 };
	feed(websocket, buf_span(&ahead));
}

static void on_end(void *owner, enum stream_end why)
{
	struct websocket *websocket = owner;

	(void)why;
	websocket->got_close = true;
	end(websocket,
	    &(struct websocket_end){ .how = WEBSOCKET_LOST, .why = S("the connection broke off") });
	look_over(websocket);
}

static void on_drain(void *owner)
{
	struct websocket *websocket = owner;

	if (websocket->events && !websocket->ended && websocket->events->on_drain)
		websocket->events->on_drain(websocket->owner);
}

static const struct stream_events stream_events = { .on_read = on_read,
						    .on_end = on_end,
						    .on_drain = on_drain };

/* Who is not listened to, or has something to take, is not asked. */
static void on_timer(uv_timer_t *timer)
{
	struct websocket *websocket = timer->data;

	if (!websocket->events) {
		finish(websocket);
		return;
	}
	if (websocket->heard || websocket->deaf || websocket_queued(websocket)) {
		websocket->heard = websocket->pinged = false;
		return;
	}
	if (websocket->pinged) {
		end(websocket,
		    &(struct websocket_end){ .how = WEBSOCKET_LOST, .why = S("it no longer answers") });
		return;
	}
	websocket->pinged = true;
	put_control(websocket, FRAMES_SEND_PING, S("kanmon"));
}

/* --- its life --- */

static void start(struct websocket *websocket, struct stream *stream, struct span ahead)
{
	websocket->stream = stream;
	check(uv_timer_init(&websocket->loop->uv, &websocket->timer) == 0);
	websocket->timer.data = websocket;
	(void)uv_timer_start(&websocket->timer, on_timer, WEBSOCKET_PING_MS, WEBSOCKET_PING_MS);
	websocket->starting.run = run_starting;
	websocket->failing.run = run_failing;
	websocket->ahead = BUF_INIT((size_t)WEBSOCKET_AHEAD_BYTES);
	buf_add(&websocket->ahead, ahead);
	stream_hand_over(stream, &stream_events, websocket);
	stream_resume(stream);
	if (websocket->ahead.n)
		loop_later(websocket->loop, &websocket->starting);
	else if (!buf_ok(&websocket->ahead))
		loop_later(websocket->loop, &websocket->failing);
}

struct websocket *websocket_new(struct stream *stream, const struct websocket_options *options,
				const struct websocket_events *events, void *owner, struct err *err)
{
	struct websocket *websocket = calloc(1, sizeof(*websocket));

	if (!websocket)
		(void)err_set(err, ERR_NOMEM, "no memory for a WebSocket");
	if (!websocket ||
	    frames_init(&websocket->frames, options->role, options->ceiling, options->budget, err) < 0) {
		free(websocket);
		(void)stream_close(stream);
		return NULL;
	}
	websocket->loop = options->loop;
	websocket->events = events;
	websocket->owner = owner;
	start(websocket, stream, options->ahead);
	return websocket;
}

struct websocket *websocket_close(struct websocket *websocket, enum frames_code code, struct span why)
{
	if (!websocket)
		return NULL;
	websocket->events = NULL;
	websocket->ended = true;
	put_close(websocket, code, why);
	if (!websocket->got_close) {
		stream_resume(websocket->stream);
		(void)uv_timer_start(&websocket->timer, on_timer, WEBSOCKET_CLOSE_MS, 0);
	}
	/* Inside feed() the message at hand is still in use. */
	if (!websocket->busy)
		look_over(websocket);
	return NULL;
}
