/* relay.c - one channel for two threads: who asks is answered, whichever thread it is, also with nothing. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/mailbox.h"
#include "net/relay.h"
#include "tap.h"
#include "turns.h"

enum { QUESTION = 1, ANSWER, NEWS, CANCEL, MANY = 200, PATIENCE = 20000 };

/* The other process: the test's own end of a socket pair. */
struct peer {
	struct channel *channel;
	int fd;
};

static struct loop home, away;
static struct mailbox home_mail, away_mail;
static struct relay *relay;
static char store[WIRE_MAX_BYTES], long_text[WIRE_MAX_BYTES];
static unsigned home_unasked;

/* What the other thread has; the test reads the atomic ones. */
static struct {
	struct channel *channel;
	atomic_uint changes, there, messages, answered, none, descriptors;
	atomic_ullong last;
	pthread_t thread;
	struct mail stop;
} other;

struct asker {
	struct mail mail;
	struct question question;
	uint64_t number;
	bool too_long, takes_back, cancels;
};

/* --- the other thread --- */

static void on_channel(void *owner, struct channel *channel)
{
	(void)owner;
	other.channel = channel;
	atomic_store(&other.there, channel != NULL);
	atomic_fetch_add(&other.changes, 1);
}

static void on_message(void *owner, struct wire_in *in)
{
	(void)owner;
	atomic_store(&other.last, wire_get_u64(in));
	atomic_fetch_add(&other.messages, 1);
}

static const struct relay_events events = { on_channel, on_message };

static void on_answer(struct question *question, struct wire_in *in)
{
	struct asker *asker = LIST_ENTRY(question, struct asker, question);

	if (in && wire_get_u64(in) != asker->number)
		abort();
	if (in && in->n_fds) {
		int fd = wire_get_fd(in);

		atomic_fetch_add(&other.descriptors, fcntl(fd, F_GETFD) >= 0);
		(void)close(fd);
	}
	atomic_fetch_add(&other.none, !in);
	atomic_fetch_add(&other.answered, 1);
	free(asker);
}

static void run_ask(struct mail *mail)
{
	struct asker *asker = LIST_ENTRY(mail, struct asker, mail);
	struct wire_out out = { 0 };

	asker->question.on_answer = on_answer;
	wire_begin(&out, QUESTION, 0);
	wire_put_u64(&out, asker->number);
	wire_put_fd(&out, 2);
	if (asker->too_long)
		wire_put_span(&out, span_of(long_text, sizeof(long_text)));
	channel_ask(other.channel, &out, &asker->question);
	wire_out_release(&out);
	if (!asker->takes_back)
		return;
	if (asker->cancels)
		channel_cancel(other.channel, &asker->question, CANCEL);
	else
		question_cancel(&asker->question);
	free(asker);
}

static void *run_other(void *argument)
{
	(void)argument;
	loop_run(&away);
	return NULL;
}

static void run_stop(struct mail *mail)
{
	(void)mail;
	loop_stop(&away);
}

/* --- this one --- */

static void ask_away(uint64_t number, bool too_long, bool takes_back)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (!asker)
		abort();
	*asker = (struct asker){
		.mail.run = run_ask, .number = number, .too_long = too_long, .takes_back = takes_back
	};
	mailbox_post(&away_mail, &asker->mail);
}

static void on_home_message(void *owner, struct wire_in *in)
{
	(void)owner;
	home_unasked++;
	relay_tell(relay, in);
}

static void on_home_gone(void *owner)
{
	struct peer *peer = owner;

	relay_set(relay, NULL);
	peer->channel = channel_close(peer->channel);
}

static const struct channel_events home_events = { on_home_message, on_home_gone };

static void join_peer(struct peer *peer)
{
	int fds[2];

	if (wire_pair(fds, NULL) < 0)
		abort();
	peer->fd = fds[1];
	peer->channel = channel_open(&home, fds[0], &home_events, peer, NULL);
	relay_set(relay, peer->channel);
}

/* Both loops turn meanwhile. False: no question came. */
static bool hear(const struct peer *peer, struct wire_in *in)
{
	int got = 0;

	for (int turn = 0; turn < PATIENCE && got == 0; turn++) {
		one_turn(&home, turn);
		got = wire_recv(peer->fd, store, in, NULL);
	}
	return got > 0;
}

static void say(const struct peer *peer, uint32_t kind, uint32_t id, uint64_t number, int fd)
{
	struct wire_out out = { 0 };

	wire_begin(&out, kind, id);
	wire_put_u64(&out, number);
	if (fd >= 0)
		wire_put_fd(&out, fd);
	(void)!wire_send_wait(peer->fd, &out, 1000, NULL);
	wire_out_release(&out);
}

static void refusals(void)
{
	struct peer peer;
	struct wire_in in;

	join_peer(&peer);
	ask_away(1, true, false);
	TURN_UNTIL(&home, atomic_load(&other.answered) == 1);
	ok(atomic_load(&other.none) == 1, "a question that is too long has no answer");
	ask_away(2, false, false);
	ok(hear(&peer, &in), "one that is not is asked");
	wire_in_release(&in);
	(void)close(peer.fd);
	TURN_UNTIL(&home, atomic_load(&other.answered) == 2 && !atomic_load(&other.there));
	ok(atomic_load(&other.none) == 2 && !peer.channel,
	   "the other process is gone: nobody waits for its answer any more");
}

static void answers(struct peer *peer)
{
	struct wire_in in;
	unsigned wrong = 0;

	for (uint64_t i = 0; i < MANY; i++)
		ask_away(100 + i, false, i % 4 == 3);
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t number;
		uint32_t id;

		if (!hear(peer, &in))
			break;
		number = wire_get_u64(&in);
		id = in.id;
		wrong += number != 100 + i || id == 0 || in.n_fds != 1;
		wire_in_release(&in);
		say(peer, ANSWER, id, number, i % 2 ? -1 : 2);
	}
	is_int(wrong, 0, "questions of the other thread, in their order, with their descriptors");
	TURN_UNTIL(&home, atomic_load(&other.answered) == 2 + MANY * 3 / 4);
	is_int(atomic_load(&other.answered), 2 + MANY * 3 / 4, "each is answered once, but those taken back");
	is_int(atomic_load(&other.none), 2, "with an answer");
	TURN_UNTIL(&home, atomic_load(&other.messages) == MANY / 4);
	is_int(atomic_load(&other.messages), MANY / 4, "an answer nobody waits for is a message");
	is_int(atomic_load(&other.descriptors), MANY / 2, "descriptors come with answers");
}

/* What the other thread takes back is called by the name that the other process knows it by. */
static void cancels(struct peer *peer)
{
	unsigned answered = atomic_load(&other.answered), messages = atomic_load(&other.messages);

	for (uint64_t i = 0; i < 3; i++) {
		struct asker *asker = calloc(1, sizeof(*asker));
		struct wire_in in;
		uint32_t asked;

		if (!asker)
			abort();
		*asker = (struct asker){ .mail.run = run_ask, .takes_back = true, .cancels = true };
		mailbox_post(&away_mail, &asker->mail);
		ok(hear(peer, &in) && in.kind == QUESTION, "a question");
		asked = in.id;
		wire_in_release(&in);
		ok(hear(peer, &in) && in.kind == CANCEL && in.id == asked,
		   "is taken back under its own name");
		wire_in_release(&in);
		/* Too late: it was sent before that was heard. */
		say(peer, ANSWER, asked, i, -1);
	}
	TURN_UNTIL(&home, atomic_load(&other.messages) == messages + 3);
	is_int(atomic_load(&other.answered), answered, "and has no answer");
	is_int(atomic_load(&other.messages), messages + 3, "one that comes all the same is a message");
}

static void works(void)
{
	struct peer peer, next;

	join_peer(&peer);
	TURN_UNTIL(&home, atomic_load(&other.there));
	answers(&peer);
	cancels(&peer);
	say(&peer, NEWS, 0, 77, -1);
	TURN_UNTIL(&home, atomic_load(&other.last) == 77);
	ok(home_unasked == 1 + 3 && atomic_load(&other.last) == 77,
	   "what comes unasked comes to both threads");
	ask_away(5, false, false);
	turn_a_while(&home);
	(void)channel_abandon(peer.channel);
	join_peer(&next);
	TURN_UNTIL(&home, atomic_load(&other.none) == 3);
	is_int(atomic_load(&other.none), 3,
	       "another process has no answer to the questions of the one before");
	(void)close(peer.fd);
	(void)close(next.fd);
	TURN_UNTIL(&home, !next.channel);
}

int main(void)
{
	struct err err = ERR_INIT;

	other.stop.run = run_stop;
	if (!ok(loop_init(&home, &err) == 0 && loop_init(&away, &err) == 0 &&
		    mailbox_open(&home_mail, &home, &err) == 0 && mailbox_open(&away_mail, &away, &err) == 0,
		"two loops"))
		return tap_done();
	relay = relay_new(&home, 1);
	relay_join(relay, 0, &away, &events, NULL);
	if (pthread_create(&other.thread, NULL, run_other, NULL) != 0)
		abort();
	refusals();
	works();
	mailbox_post(&away_mail, &other.stop);
	(void)pthread_join(other.thread, NULL);
	mailbox_close(&home_mail);
	mailbox_close(&away_mail);
	relay = relay_free(relay);
	loop_release(&away);
	loop_release(&home);
	return tap_done();
}
