/* channel.c - wire.h messages on the loop. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/channel.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"

struct queued {
	struct list node;
	struct wire_out out; /* owns its bytes and duplicates of its descriptors */
};

struct channel {
	struct loop *loop;
	uv_poll_t poll;
	int fd;
	channel_carry *carry; /* instead of a descriptor; or NULL */
	void *carrier;
	const struct channel_events *events;
	void *owner;
	struct list questions;
	struct list refused; /* questions that were too long to be sent */
	struct list queue;
	size_t n_queue;
	uint32_t next_id;
	struct later ending, refusing, freeing;
	bool closing, gone;
	char *store; /* WIRE_MAX_BYTES; NULL: carried */
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct channel *channel)
{
	int events = UV_READABLE | (list_empty(&channel->queue) ? 0 : UV_WRITABLE);

	(void)uv_poll_start(&channel->poll, events, on_poll);
}

static void queued_free(struct queued *queued)
{
	for (size_t i = 0; i < queued->out.n_fds; i++)
		(void)close(queued->out.fds[i]);
	wire_out_release(&queued->out);
	free(queued);
}

static void answer_none(struct question *question)
{
	question_cancel(question);
	question->on_answer(question, NULL);
}

/* Those asked meanwhile are not among them: see channel_ask(). */
static void answer_all(struct channel *channel)
{
	while (!list_empty(&channel->refused))
		answer_none(LIST_ENTRY(channel->refused.next, struct question, node));
	while (!list_empty(&channel->questions))
		answer_none(LIST_ENTRY(channel->questions.next, struct question, node));
}

static void stop(struct channel *channel)
{
	if (!channel->carry)
		(void)uv_poll_stop(&channel->poll);
}

static void end(struct channel *channel)
{
	if (channel->closing || channel->gone)
		return;
	channel->gone = true;
	stop(channel);
	answer_all(channel);
	if (!channel->closing)
		channel->events->on_gone(channel->owner);
}

static void run_ending(struct later *later)
{
	end(LIST_ENTRY(later, struct channel, ending));
}

static void run_unheard(struct later *later)
{
	answer_none(LIST_ENTRY(later, struct question, unheard));
}

/* One a turn: the answer may close the channel, or ask the same again. */
static void run_refusing(struct later *later)
{
	struct channel *channel = LIST_ENTRY(later, struct channel, refusing);

	if (list_empty(&channel->refused))
		return;
	if (channel->refused.next->next != &channel->refused)
		loop_later(channel->loop, &channel->refusing);
	answer_none(LIST_ENTRY(channel->refused.next, struct question, node));
}

/* Few questions are open at a time, and answers mostly come in order: the list is short. */
static struct question *find_question(struct channel *channel, uint32_t id)
{
	if (id == 0)
		return NULL;
	LIST_EACH(&channel->questions, node) {
		struct question *question = LIST_ENTRY(node, struct question, node);

		if (question->id == id)
			return question;
	}
	return NULL;
}

static void dispatch(struct channel *channel, struct wire_in *in)
{
	struct question *question = find_question(channel, in->id);

	if (question) {
		question_cancel(question);
		question->on_answer(question, in);
	} else {
		channel->events->on_message(channel->owner, in);
	}
	wire_in_release(in);
}

/* A bounded number of messages a turn, so that one channel cannot starve the loop. */
static void receive(struct channel *channel)
{
	for (int i = 0; i < 64 && !channel->closing && !channel->gone; i++) {
		struct wire_in in;
		int got = wire_recv(channel->fd, channel->store, &in, NULL);

		if (got == 0)
			return;
		if (got < 0) {
			end(channel);
			return;
		}
		dispatch(channel, &in);
	}
}

static void flush(struct channel *channel)
{
	while (!list_empty(&channel->queue)) {
		struct queued *queued = LIST_ENTRY(channel->queue.next, struct queued, node);
		int sent = wire_send(channel->fd, &queued->out, NULL);

		if (sent == 0)
			return;
		list_remove(&queued->node);
		queued_free(queued);
		channel->n_queue--;
		if (sent < 0) {
			end(channel);
			return;
		}
	}
	watch(channel);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct channel *channel = poll->data;

	if (status < 0) {
		/* It may have said something before it left. */
		receive(channel);
		end(channel);
		return;
	}
	if (events & UV_WRITABLE)
		flush(channel);
	if ((events & UV_READABLE) && !channel->closing && !channel->gone)
		receive(channel);
}

static void run_freeing(struct later *later)
{
	free(LIST_ENTRY(later, struct channel, freeing));
}

static struct channel *channel_new(struct loop *loop, const struct channel_events *events, void *owner,
				   struct err *err)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (!channel) {
		(void)err_set(err, ERR_NOMEM, "no memory for a channel");
		return NULL;
	}
	channel->loop = loop;
	channel->fd = -1;
	channel->events = events;
	channel->owner = owner;
	channel->ending.run = run_ending;
	channel->refusing.run = run_refusing;
	channel->freeing.run = run_freeing;
	list_init(&channel->questions);
	list_init(&channel->refused);
	list_init(&channel->queue);
	return channel;
}

struct channel *channel_open_carried(struct loop *loop, channel_carry *carry, void *carrier,
				     const struct channel_events *events, void *owner, struct err *err)
{
	struct channel *channel = channel_new(loop, events, owner, err);

	if (!channel)
		return NULL;
	channel->carry = carry;
	channel->carrier = carrier;
	return channel;
}

void channel_deliver(struct channel *channel, struct wire_in *in)
{
	dispatch(channel, in);
}

void channel_deliver_none(struct channel *channel, uint32_t id)
{
	struct question *question = find_question(channel, id);

	if (question)
		answer_none(question);
}

struct channel *channel_open(struct loop *loop, int fd, const struct channel_events *events, void *owner,
			     struct err *err)
{
	struct channel *channel = channel_new(loop, events, owner, err);

	if (channel)
		channel->store = malloc(WIRE_MAX_BYTES);
	if (!channel || !channel->store) {
		(void)close(fd);
		(void)err_set(err, ERR_NOMEM, "no memory for a channel");
		free(channel);
		return NULL;
	}
	channel->fd = fd;
	check(uv_poll_init(&loop->uv, &channel->poll, fd) == 0);
	channel->poll.data = channel;
	watch(channel);
	return channel;
}

static void on_closed(uv_handle_t *handle)
{
	struct channel *channel = handle->data;

	(void)close(channel->fd);
	free(channel->store);
	free(channel);
}

static void cancel_all(struct list *questions)
{
	while (!list_empty(questions))
		question_cancel(LIST_ENTRY(questions->next, struct question, node));
}

struct channel *channel_close(struct channel *channel)
{
	if (!channel || channel->closing)
		return NULL;
	channel->closing = true;
	loop_later_cancel(&channel->ending);
	loop_later_cancel(&channel->refusing);
	cancel_all(&channel->questions);
	cancel_all(&channel->refused);
	while (!list_empty(&channel->queue)) {
		struct queued *queued = LIST_ENTRY(channel->queue.next, struct queued, node);

		list_remove(&queued->node);
		queued_free(queued);
	}
	/* Not at once: a call of its own may be on the stack. */
	if (channel->carry)
		loop_later(channel->loop, &channel->freeing);
	else
		uv_close((uv_handle_t *)&channel->poll, on_closed);
	return NULL;
}

struct channel *channel_abandon(struct channel *channel)
{
	if (!channel || channel->closing)
		return NULL;
	channel->gone = true;
	stop(channel);
	answer_all(channel);
	return channel_close(channel);
}

static bool enqueue(struct channel *channel, const struct wire_out *out)
{
	struct queued *queued;

	if (channel->n_queue >= CHANNEL_QUEUE)
		return false;
	queued = calloc(1, sizeof(*queued));
	if (!queued)
		return false;
	queued->out.bytes = BUF_INIT(WIRE_MAX_BYTES);
	buf_add(&queued->out.bytes, buf_span(&out->bytes));
	for (size_t i = 0; i < out->n_fds; i++) {
		int fd = fcntl(out->fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd >= 0)
			queued->out.fds[queued->out.n_fds++] = fd;
	}
	if (!buf_ok(&queued->out.bytes) || queued->out.n_fds != out->n_fds) {
		queued_free(queued);
		return false;
	}
	list_add(&channel->queue, &queued->node);
	channel->n_queue++;
	watch(channel);
	return true;
}

int channel_fd(const struct channel *channel)
{
	return channel->fd;
}

static bool send_as(struct channel *channel, const struct wire_out *out, bool cancels)
{
	int sent = 0;

	if (channel->closing || channel->gone || !buf_ok(&out->bytes))
		return false;
	if (channel->carry)
		sent = channel->carry(channel->carrier, out, cancels) ? 1 : -1;
	else if (list_empty(&channel->queue))
		sent = wire_send(channel->fd, out, NULL);
	if (sent > 0 || (sent == 0 && enqueue(channel, out)))
		return true;
	loop_later(channel->loop, &channel->ending);
	return false;
}

bool channel_send(struct channel *channel, const struct wire_out *out)
{
	return send_as(channel, out, false);
}

void channel_ask(struct channel *channel, struct wire_out *out, struct question *question)
{
	check(!question_is_open(question));
	/* It is no longer the channel's: whoever is told of the end may close that at once. */
	if (channel->closing || channel->gone) {
		question->id = 0;
		question->unheard.run = run_unheard;
		loop_later(channel->loop, &question->unheard);
		return;
	}
	if (++channel->next_id == 0)
		channel->next_id = 1;
	question->id = channel->next_id;
	if (!buf_ok(&out->bytes)) {
		list_add(&channel->refused, &question->node);
		loop_later(channel->loop, &channel->refusing);
		return;
	}
	memcpy(out->bytes.p + sizeof(uint32_t), &question->id, sizeof(question->id));
	list_add(&channel->questions, &question->node);
	(void)channel_send(channel, out);
}

void question_cancel(struct question *question)
{
	loop_later_cancel(&question->unheard);
	if (!question->node.next)
		return;
	list_remove(&question->node);
	question->node = (struct list){ 0 };
}

void channel_cancel(struct channel *channel, struct question *question, uint32_t kind)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	bool asked = question->node.next != NULL;

	question_cancel(question);
	if (!asked)
		return;
	wire_begin(&out, kind, question->id);
	(void)send_as(channel, &out, true);
}
