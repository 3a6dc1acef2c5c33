/* channel.h - wire.h messages on the loop: a question, its answer, and what comes unasked. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/loop.h"
#include "net/wire.h"

struct channel;

struct channel_events {
	/* A message with id 0, or one whose question nobody waits for any more. `in` is released after. */
	void (*on_message)(void *owner, struct wire_in *in);
	/* The other process is gone; every waiting question was answered with NULL before. */
	void (*on_gone)(void *owner);
};

/* One open question, embedded in whoever asks. Zero is legal: nothing asked. */
struct question {
	struct list node;
	uint32_t id;
	struct later unheard; /* asked where nobody is left to answer */
	/* `in` is the answer; NULL where the other process is gone, or the question too long for one message.
	 */
	void (*on_answer)(struct question *question, struct wire_in *in);
};

/* More than this waiting to be sent and the channel counts as gone. */
enum { CHANNEL_QUEUE = 8192 };

/* Takes `fd` over. NULL without memory (`fd` is closed then). */
struct channel *channel_open(struct loop *loop, int fd, const struct channel_events *events, void *owner,
			     struct err *err);
/* Takes a copy of the message; `cancels`: see channel_cancel(). False: there is nobody at the other end. */
typedef bool channel_carry(void *carrier, const struct wire_out *out, bool cancels);

/* One whose messages somebody carries who has the descriptor: relay.h. */
struct channel *channel_open_carried(struct loop *loop, channel_carry *carry, void *carrier,
				     const struct channel_events *events, void *owner, struct err *err);
/* Its descriptor, to be handed on to who goes on with it; -1 where it has none. */
int channel_fd(const struct channel *channel);
/* What was carried here: handled as if it had been read, `in` released. */
void channel_deliver(struct channel *channel, struct wire_in *in);
/* To this question there will be no answer. */
void channel_deliver_none(struct channel *channel, uint32_t id);

/*
 * No further event; questions still open get no answer, but for those that were asked after the other process
 * was gone: they are told so. NULL is harmless. Returns NULL.
 */
struct channel *channel_close(struct channel *channel);
/* The same, but whoever still waits for an answer is told that none will come. */
struct channel *channel_abandon(struct channel *channel);

/*
 * Sends; what cannot go now is queued. False where nothing is sent: the message is too long for one
 * packet, and the channel goes on as it was, or the channel is at its end.
 */
bool channel_send(struct channel *channel, const struct wire_out *out);

/*
 * Sends as a question: out's id is set here, and on_answer is called once, later; with NULL for a
 * question that is too long. Where the other process is gone, on_answer is called with NULL in the next turn,
 * even if the channel is closed before.
 */
void channel_ask(struct channel *channel, struct wire_out *out, struct question *question);

/* No answer is wanted any more. Harmless where nothing was asked. */
void question_cancel(struct question *question);

/*
 * The same, and the other process is told, by a message of `kind` with the question's id. The channel is the
 * one it was asked on.
 */
void channel_cancel(struct channel *channel, struct question *question, uint32_t kind);

static inline bool question_is_open(const struct question *question)
{
	return question->node.next || question->unheard.node.next;
}
