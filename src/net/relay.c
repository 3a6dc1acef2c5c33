/* relay.c - a channel that one thread has and others use. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/relay.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "net/mailbox.h"

/* One of these is only touched by its own thread, but for what is said before the threads begin. */
struct relay_end {
	struct relay *relay;
	struct loop *loop;
	struct channel *channel;
	uint64_t generation; /* of the channel at home that this one stands for */
	const struct relay_events *events;
	void *owner;
};

struct relay {
	struct loop *home;
	struct channel *channel; /* borrowed; NULL: none now */
	uint64_t generation;
	struct list open; /* struct relayed: questions that were asked and have no answer yet */
	size_t n;
	struct relay_end ends[];
};

/* A message between two threads; a question's is its answer's, too. */
struct relayed {
	struct mail mail;
	struct list node; /* of relay->open */
	struct relay_end *end;
	uint64_t generation;
	uint32_t id; /* of the question at the end; 0: none */
	bool none;   /* the question has no answer */
	bool there;  /* there is a channel again */
	struct question question;
	struct wire_out out; /* owns its bytes and descriptors */
};

static void empty(struct relayed *relayed)
{
	for (size_t i = 0; i < relayed->out.n_fds; i++)
		(void)close(relayed->out.fds[i]);
	wire_out_release(&relayed->out);
	relayed->out = (struct wire_out){ .bytes = BUF_INIT(WIRE_MAX_BYTES) };
}

static void relayed_free(struct relayed *relayed)
{
	empty(relayed);
	free(relayed);
}

static struct relayed *relayed_new(struct relay_end *end, uint64_t generation, void (*run)(struct mail *mail))
{
	struct relayed *relayed = calloc(1, sizeof(*relayed));

	if (!relayed)
		return NULL;
	relayed->mail.run = run;
	relayed->end = end;
	relayed->generation = generation;
	relayed->out.bytes = BUF_INIT(WIRE_MAX_BYTES);
	return relayed;
}

/* --- at the end --- */

static void run_down(struct mail *mail)
{
	struct relayed *relayed = LIST_ENTRY(mail, struct relayed, mail);
	struct relay_end *end = relayed->end;
	struct wire_in in;

	if (!end->channel || relayed->generation != end->generation) {
		relayed_free(relayed);
		return;
	}
	if (relayed->none) {
		channel_deliver_none(end->channel, relayed->id);
		relayed_free(relayed);
		return;
	}
	in = wire_in_of(&relayed->out);
	in.id = relayed->id;
	memcpy(in.fds, relayed->out.fds, sizeof(in.fds));
	in.n_fds = relayed->out.n_fds;
	/* They are the receiver's now. */
	relayed->out.n_fds = 0;
	channel_deliver(end->channel, &in);
	relayed_free(relayed);
}

/* --- at home --- */

static void send_down(struct relayed *relayed)
{
	relayed->mail.run = run_down;
	mailbox_post(relayed->end->loop->mailbox, &relayed->mail);
}

static void copy_in(struct relayed *relayed, struct wire_in *in)
{
	wire_begin(&relayed->out, in->kind, 0);
	buf_add(&relayed->out.bytes, in->rest);
	for (; in->taken < in->n_fds; in->taken++)
		relayed->out.fds[relayed->out.n_fds++] = in->fds[in->taken];
}

static void on_answer(struct question *question, struct wire_in *in)
{
	struct relayed *relayed = LIST_ENTRY(question, struct relayed, question);

	list_remove(&relayed->node);
	empty(relayed);
	if (in)
		copy_in(relayed, in);
	relayed->none = !in || !buf_ok(&relayed->out.bytes);
	if (relayed->none)
		empty(relayed);
	send_down(relayed);
}

static struct relayed *find_open(const struct relay *relay, const struct relayed *wanted)
{
	LIST_EACH(&relay->open, node) {
		struct relayed *relayed = LIST_ENTRY(node, struct relayed, node);

		if (relayed->end == wanted->end && relayed->id == wanted->id &&
		    relayed->generation == wanted->generation)
			return relayed;
	}
	return NULL;
}

/* At home the question has another id than at the end. */
static void run_cancel(struct mail *mail)
{
	struct relayed *cancel = LIST_ENTRY(mail, struct relayed, mail);
	struct relay *relay = cancel->end->relay;
	bool stands = relay->channel && cancel->generation == relay->generation;
	struct relayed *asked = stands ? find_open(relay, cancel) : NULL;

	if (asked) {
		channel_cancel(relay->channel, &asked->question, wire_in_of(&cancel->out).kind);
		list_remove(&asked->node);
		relayed_free(asked);
	}
	relayed_free(cancel);
}

static void run_up(struct mail *mail)
{
	struct relayed *relayed = LIST_ENTRY(mail, struct relayed, mail);
	struct relay *relay = relayed->end->relay;
	bool stands = relay->channel && relayed->generation == relay->generation;

	if (stands && relayed->id) {
		relayed->question.on_answer = on_answer;
		list_add(&relay->open, &relayed->node);
		channel_ask(relay->channel, &relayed->out, &relayed->question);
		empty(relayed);
		return;
	}
	if (stands)
		(void)channel_send(relay->channel, &relayed->out);
	if (relayed->id) {
		relayed->none = true;
		empty(relayed);
		send_down(relayed);
		return;
	}
	relayed_free(relayed);
}

/* --- at the end, again --- */

static bool copy_out(struct relayed *relayed, const struct wire_out *out)
{
	buf_add(&relayed->out.bytes, buf_span(&out->bytes));
	for (size_t i = 0; i < out->n_fds; i++) {
		int fd = fcntl(out->fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd < 0)
			return false;
		relayed->out.fds[relayed->out.n_fds++] = fd;
	}
	return buf_ok(&relayed->out.bytes);
}

static bool carry(void *carrier, const struct wire_out *out, bool cancels)
{
	struct relay_end *end = carrier;
	struct relayed *relayed = relayed_new(end, end->generation, cancels ? run_cancel : run_up);

	if (!relayed)
		return false;
	if (!copy_out(relayed, out)) {
		relayed_free(relayed);
		return false;
	}
	relayed->id = wire_in_of(out).id;
	mailbox_post(end->relay->home->mailbox, &relayed->mail);
	return true;
}

static void on_message(void *owner, struct wire_in *in)
{
	struct relay_end *end = owner;

	end->events->on_message(end->owner, in);
}

static void replace(struct relay_end *end, struct channel *next)
{
	struct channel *old = end->channel;

	end->channel = next;
	end->events->on_channel(end->owner, next);
	(void)channel_abandon(old);
}

/* Something could not be copied. As in relay_set(): a thread without the other side cannot go on. */
static void on_gone(void *owner)
{
	const struct relay_end *end = owner;

	check(!end->channel);
}

static const struct channel_events end_events = { on_message, on_gone };

static void run_news(struct mail *mail)
{
	struct relayed *news = LIST_ENTRY(mail, struct relayed, mail);
	struct relay_end *end = news->end;

	end->generation = news->generation;
	replace(end,
		news->there ? channel_open_carried(end->loop, carry, end, &end_events, end, NULL) : NULL);
	relayed_free(news);
}

/* --- at home, again --- */

void relay_set(struct relay *relay, struct channel *channel)
{
	relay->channel = channel;
	relay->generation++;
	for (size_t i = 0; i < relay->n; i++) {
		struct relayed *news = relayed_new(&relay->ends[i], relay->generation, run_news);

		/* A thread that does not hear of it cannot go on: then all of them begin anew. */
		check(news != NULL);
		news->there = channel != NULL;
		mailbox_post(relay->ends[i].loop->mailbox, &news->mail);
	}
}

void relay_tell(struct relay *relay, const struct wire_in *in)
{
	for (size_t i = 0; i < relay->n; i++) {
		struct relayed *relayed = relayed_new(&relay->ends[i], relay->generation, run_down);

		check(relayed != NULL);
		wire_begin(&relayed->out, in->kind, 0);
		buf_add(&relayed->out.bytes, in->rest);
		check(buf_ok(&relayed->out.bytes));
		send_down(relayed);
	}
}

struct relay *relay_new(struct loop *home, size_t n)
{
	struct relay *relay = calloc(1, sizeof(*relay) + n * sizeof(relay->ends[0]));

	if (!relay)
		return NULL;
	relay->home = home;
	relay->n = n;
	list_init(&relay->open);
	return relay;
}

struct relay *relay_free(struct relay *relay)
{
	if (!relay)
		return NULL;
	for (size_t i = 0; i < relay->n; i++)
		(void)channel_close(relay->ends[i].channel);
	while (!list_empty(&relay->open)) {
		struct relayed *relayed = LIST_ENTRY(relay->open.next, struct relayed, node);

		question_cancel(&relayed->question);
		list_remove(&relayed->node);
		relayed_free(relayed);
	}
	free(relay);
	return NULL;
}

void relay_join(struct relay *relay, size_t i, struct loop *loop, const struct relay_events *events,
		void *owner)
{
	check(i < relay->n);
	relay->ends[i] = (struct relay_end){ .relay = relay, .loop = loop, .events = events, .owner = owner };
}
