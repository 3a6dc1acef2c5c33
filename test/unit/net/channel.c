/* channel.c - questions and answers on the loop: each is answered once, also where nobody is left to. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/channel.h"
#include "tap.h"
#include "turns.h"

enum { MANY = 1000, ANSWER = 50 };

struct asker {
	struct question question;
	uint64_t number, answer;
	unsigned answered, refused;
	struct channel *again;	 /* asked once more, when no answer comes */
	struct channel **closes; /* closed on an answer */
	struct asker *next;	 /* who asks there when no answer comes */
	bool too_long;
};

struct other {
	unsigned messages, gone;
	uint64_t last;
	uint32_t last_kind;
	struct channel *channel; /* closed when gone */
};

static struct loop loop;
static char store[WIRE_MAX_BYTES];

static void ask(struct channel *channel, struct asker *asker)
{
	struct wire_out out = { 0 };

	wire_begin(&out, 1, 0);
	if (asker->too_long)
		wire_put_span(&out, span_of(store, sizeof(store)));
	wire_put_u64(&out, asker->number);
	channel_ask(channel, &out, &asker->question);
	wire_out_release(&out);
}

static void on_answer(struct question *question, struct wire_in *in)
{
	struct asker *asker = LIST_ENTRY(question, struct asker, question);

	asker->answered++;
	asker->refused += !in;
	asker->answer = in ? wire_get_u64(in) : 0;
	if (!in && asker->again)
		ask(asker->again, asker->next ? asker->next : asker);
	if (asker->closes)
		*asker->closes = channel_close(*asker->closes);
}

static void on_message(void *owner, struct wire_in *in)
{
	struct other *other = owner;

	other->messages++;
	other->last_kind = in->kind;
	other->last = wire_get_u64(in);
}

static void on_gone(void *owner)
{
	struct other *other = owner;

	other->gone++;
	other->channel = channel_close(other->channel);
}

static const struct channel_events events = { .on_message = on_message, .on_gone = on_gone };

static void open_pair(struct other *other, int *fd)
{
	struct err err = ERR_INIT;
	int fds[2];

	*other = (struct other){ 0 };
	if (wire_pair(fds, &err) < 0)
		abort();
	other->channel = channel_open(&loop, fds[0], &events, other, &err);
	*fd = fds[1];
}

static void reply(int fd, uint32_t id, uint64_t number)
{
	struct wire_out out = { 0 };

	wire_begin(&out, ANSWER, id);
	wire_put_u64(&out, number);
	(void)!wire_send_wait(fd, &out, 1000, NULL);
	wire_out_release(&out);
}

static struct asker *askers_new(void)
{
	struct asker *askers = calloc(MANY, sizeof(*askers));

	for (size_t i = 0; askers && i < MANY; i++) {
		askers[i].number = i;
		askers[i].question.on_answer = on_answer;
	}
	return askers;
}

static void closing(void)
{
	struct asker asker = { .question = { .on_answer = on_answer } };
	struct other other;
	int fd;

	open_pair(&other, &fd);
	ask(other.channel, &asker);
	other.channel = channel_close(other.channel);
	turn_a_while(&loop);
	ok(asker.answered == 0 && !question_is_open(&asker.question), "who closes is not answered");
	ok(other.gone == 0, "nor told");
	ok(!channel_close(NULL) && !channel_abandon(NULL), "closing nothing is harmless");
	(void)close(fd);
}

static void abandoned(void)
{
	struct asker asker = { .question = { .on_answer = on_answer } };
	struct other other;
	int fd;

	open_pair(&other, &fd);
	ask(other.channel, &asker);
	other.channel = channel_abandon(other.channel);
	ok(asker.answered == 1 && asker.refused == 1, "who abandons has everybody told");
	turn_a_while(&loop);
	ok(other.gone == 0, "but himself");
	(void)close(fd);
}

/* Asking again at every refusal must not hold the loop, nor lose the question. */
static void stubborn(void)
{
	struct asker *askers = askers_new();
	struct other other;
	unsigned answered = 0;
	int fd;

	open_pair(&other, &fd);
	for (size_t i = 0; i < 3; i++) {
		askers[i].again = other.channel;
		ask(other.channel, &askers[i]);
	}
	other.channel = NULL;
	(void)close(fd);
	TURN_UNTIL(&loop, askers[2].refused >= 3);
	ok(askers[2].refused >= 3 && other.gone == 1,
	   "asked anew, refused anew, and told once that he is gone");
	for (size_t i = 0; i < 3; i++) {
		struct channel *channel = askers[i].again;

		answered += askers[i].answered;
		askers[i].again = NULL;
		if (i == 2)
			(void)channel_close(channel);
	}
	turn_a_while(&loop);
	ok(answered >= 9, "everybody was");
	free(askers);
}

static void after_the_end(void)
{
	struct asker asker = { .question = { .on_answer = on_answer } };
	struct channel *channel;
	struct other other;
	int fd;

	open_pair(&other, &fd);
	channel = TAKE(other.channel);
	(void)close(fd);
	TURN_UNTIL(&loop, other.gone);
	is_int(other.gone, 1, "the other side is gone");
	ask(channel, &asker);
	is_int(asker.answered, 0, "a question after that is not refused inside the call");
	TURN_UNTIL(&loop, asker.answered);
	ok(asker.answered == 1 && asker.refused == 1, "but in the next turn");
	(void)channel_close(channel);
	turn_a_while(&loop);
}

/*
 * Who is told of the end closes the channel, and whoever asked there on the way is answered all the same:
 * also where the question is too long, and where it is asked by one who hears that there is no answer.
 */
static void asked_while_ending(void)
{
	struct asker *askers = askers_new();
	struct other other;
	int fd;

	open_pair(&other, &fd);
	for (size_t i = 0; i < 3; i++) {
		askers[i].again = other.channel;
		askers[i].next = &askers[i + 3];
		ask(other.channel, &askers[i]);
	}
	askers[4].too_long = true;
	question_cancel(&askers[5].question);
	(void)close(fd);
	TURN_UNTIL(&loop, other.gone);
	ok(other.gone == 1 && !other.channel && askers[2].refused == 1,
	   "three are refused, and it is closed");
	ok(question_is_open(&askers[5].question) && !askers[5].answered,
	   "who asks there then is not refused inside the call");
	question_cancel(&askers[5].question);
	ok(!question_is_open(&askers[5].question), "and may take it back");
	turn_a_while(&loop);
	ok(askers[3].answered == 1 && askers[3].refused == 1, "but in the next turn, closed or not");
	ok(askers[4].answered == 1 && askers[4].refused == 1, "also with what is too long");
	is_int(askers[5].answered, 0, "and not who took it back");
	open_pair(&other, &fd);
	ask(other.channel, &askers[4]);
	(void)close(fd);
	TURN_UNTIL(&loop, other.gone);
	turn_a_while(&loop);
	is_int(askers[4].answered, 2, "too long, and the end comes first: answered, too");
	free(askers);
}

static void late_answers(void)
{
	struct asker asker = { .question = { .on_answer = on_answer } };
	struct other other;
	uint32_t id;
	int fd;

	open_pair(&other, &fd);
	ask(other.channel, &asker);
	id = asker.question.id;
	question_cancel(&asker.question);
	question_cancel(&asker.question);
	reply(fd, id, 7);
	reply(fd, 0, 8);
	TURN_UNTIL(&loop, other.messages == 2);
	ok(asker.answered == 0 && other.messages == 2 && other.last == 8,
	   "an answer nobody waits for is a message");
	ask(other.channel, &asker);
	asker.closes = &other.channel;
	reply(fd, asker.question.id, 9);
	reply(fd, 0, 10);
	TURN_UNTIL(&loop, asker.answered);
	turn_a_while(&loop);
	ok(asker.answer == 9 && other.messages == 2 && !other.channel,
	   "who closes inside his answer hears no more");
	(void)close(fd);
}

/* Answered backwards, while more are being asked than the kernel's queue holds. */
static void many(void)
{
	struct asker *askers = askers_new();
	uint32_t ids[MANY];
	uint64_t numbers[MANY];
	struct other other;
	bool fine = true;
	size_t n = 0;
	int fd;

	open_pair(&other, &fd);
	for (size_t i = 0; i < MANY; i++)
		ask(other.channel, &askers[i]);
	for (int turns = 0; n < MANY && turns < 20000; turns++) {
		struct wire_in in;

		one_turn(&loop, turns);
		while (n < MANY && wire_recv(fd, store, &in, NULL) == 1) {
			ids[n] = in.id;
			numbers[n++] = wire_get_u64(&in);
		}
	}
	is_int(n, MANY, "every question arrives");
	for (size_t i = 0; i < n; i++)
		fine = fine && numbers[i] == i;
	ok(fine, "in order");
	while (n--) {
		reply(fd, ids[n], numbers[n] * 2);
		one_turn(&loop, 0);
	}
	TURN_UNTIL(&loop, askers[0].answered);
	for (size_t i = 0; i < MANY; i++)
		fine = fine && askers[i].answered == 1 && askers[i].answer == 2 * i;
	ok(fine && other.messages == 0, "and each gets its own answer");
	for (size_t i = 0; i < MANY; i++)
		ask(other.channel, &askers[i]);
	(void)close(fd);
	TURN_UNTIL(&loop, other.gone);
	for (size_t i = 0; i < MANY; i++)
		fine = fine && askers[i].answered == 2 && askers[i].refused == 1;
	ok(fine && other.gone == 1 && !other.channel, "at the end all are refused, before the owner is told");
	turn_a_while(&loop);
	free(askers);
}

static size_t inherited_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir)) != NULL) {
		uint64_t fd = 0;

		if (span_u64(span_str(entry->d_name), &fd) && (int)fd > 2 && fcntl((int)fd, F_GETFD) == 0)
			n++;
	}
	(void)closedir(dir);
	return n;
}

static void overflow(void)
{
	struct wire_out out = { 0 };
	struct other other;
	size_t inherited = inherited_fds();
	int fd;

	open_pair(&other, &fd);
	wire_begin(&out, 1, 0);
	wire_put_fd(&out, fd);
	wire_put_span(&out, span_of(store, 16 * 1024));
	for (int i = 0; i < 400; i++)
		channel_send(other.channel, &out);
	is_int(inherited_fds(), inherited, "descriptors that wait are closed by exec");
	ok(other.gone == 0 && other.channel, "a queue is no failure");
	wire_begin(&out, 1, 0);
	for (int i = 0; i < 2 * CHANNEL_QUEUE; i++)
		channel_send(other.channel, &out);
	is_int(other.gone, 0, "its end is not told inside the call");
	TURN_UNTIL(&loop, other.gone);
	is_int(other.gone, 1, "but it has one");
	turn_a_while(&loop);
	(void)close(fd);
	wire_out_release(&out);
}

/* It is the sender's to hear of it; nobody else's conversation ends with it. */
static void too_long(void)
{
	static char large[WIRE_MAX_BYTES];
	struct asker asker = { .number = 5, .question = { .on_answer = on_answer } };
	struct asker never = { .question = { .on_answer = on_answer } };
	struct asker other_one = { .number = 6, .question = { .on_answer = on_answer } };
	struct wire_out out = { 0 };
	struct other other;
	struct wire_in in = { 0 };
	int fd;

	open_pair(&other, &fd);
	ask(other.channel, &asker);
	wire_begin(&out, 1, 0);
	wire_put_span(&out, span_of(large, sizeof(large)));
	ok(!channel_send(other.channel, &out), "a message that is too long is refused");
	channel_ask(other.channel, &out, &never.question);
	is_int(never.answered, 0, "a question that is too long is not refused inside the call");
	turn_a_while(&loop);
	ok(never.answered == 1 && never.refused == 1, "but in the next turn");
	channel_ask(other.channel, &out, &never.question);
	question_cancel(&never.question);
	turn_a_while(&loop);
	ok(never.answered == 1 && !question_is_open(&never.question), "unless it is taken back");
	ok(other.gone == 0 && asker.answered == 0, "the channel stands, others wait as before");
	ask(other.channel, &other_one);
	for (int i = 0; i < 2; i++)
		if (wire_recv_wait(fd, store, &in, 5000, NULL) == 0)
			reply(fd, in.id, wire_get_u64(&in) * 2);
	TURN_UNTIL(&loop, asker.answered && other_one.answered);
	ok(asker.answer == 10 && other_one.answer == 12, "and get their answers");
	channel_ask(other.channel, &out, &never.question);
	other.channel = channel_close(other.channel);
	turn_a_while(&loop);
	ok(never.answered == 1 && !question_is_open(&never.question), "who closes is not told of it");
	(void)close(fd);
	wire_out_release(&out);
}

static void broken(void)
{
	struct asker asker = { .question = { .on_answer = on_answer } };
	struct other other;
	int fd;

	open_pair(&other, &fd);
	ask(other.channel, &asker);
	(void)!write(fd, "xy", 2);
	TURN_UNTIL(&loop, other.gone);
	ok(other.gone == 1 && asker.refused == 1, "who sends what is no message is gone");
	turn_a_while(&loop);
	(void)close(fd);
}

/* The kernel tells of what was left unread before it hands out what was said. */
static void last_words(void)
{
	struct asker asker = { .question = { .on_answer = on_answer }, .number = 5 };
	struct wire_out out = { 0 };
	struct other other;
	int fd;

	open_pair(&other, &fd);
	ask(other.channel, &asker);
	wire_begin(&out, 9, 0);
	wire_put_u64(&out, 77);
	ok(wire_send_wait(fd, &out, 5000, NULL) == 0, "a last word");
	(void)close(fd);
	TURN_UNTIL(&loop, other.gone);
	ok(other.messages == 1 && other.last_kind == 9 && other.gone == 1 && asker.refused == 1,
	   "is heard from who leaves a question unread");
	turn_a_while(&loop);
	wire_out_release(&out);
}

int main(void)
{
	struct err err = ERR_INIT;

	if (!ok(loop_init(&loop, &err) == 0, "a loop"))
		return tap_done();
	closing();
	abandoned();
	stubborn();
	after_the_end();
	asked_while_ending();
	late_answers();
	many();
	overflow();
	too_long();
	broken();
	last_words();
	loop_release(&loop);
	return tap_done();
}
