/* mailbox.c - messages between threads, and a stream that moves from one loop to another. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "net/mailbox.h"
#include "net/stream.h"
#include "tap.h"
#include "turns.h"

enum { SENDERS = 3, EACH = 2000, LARGE = 1024 * 1024 };

/* The other thread: a loop that runs until it is told to stop. */
struct other {
	struct loop loop;
	struct mailbox mailbox;
	struct mail stop;
	pthread_t thread;
};

static struct loop loop;
static struct mailbox mailbox;
static struct other other;

static void *run_other(void *argument)
{
	struct other *me = argument;

	loop_run(&me->loop);
	return NULL;
}

static void run_stop(struct mail *mail)
{
	loop_stop(&LIST_ENTRY(mail, struct other, stop)->loop);
}

static bool start_other(void)
{
	struct err err = ERR_INIT;

	if (loop_init(&other.loop, &err) < 0 || mailbox_open(&other.mailbox, &other.loop, &err) < 0)
		return false;
	other.stop.run = run_stop;
	return pthread_create(&other.thread, NULL, run_other, &other) == 0;
}

static void end_other(void)
{
	mailbox_post(&other.mailbox, &other.stop);
	(void)pthread_join(other.thread, NULL);
	mailbox_close(&other.mailbox);
	loop_release(&other.loop);
}

/* --- messages --- */

struct note {
	struct mail mail;
	unsigned sender, number;
};

static unsigned heard, out_of_order, next_of[SENDERS];

static void run_note(struct mail *mail)
{
	struct note *note = LIST_ENTRY(mail, struct note, mail);

	heard++;
	out_of_order += next_of[note->sender]++ != note->number;
	free(note);
}

static void *send_notes(void *argument)
{
	unsigned sender = *(unsigned *)argument;

	for (unsigned i = 0; i < EACH; i++) {
		struct note *note = calloc(1, sizeof(*note));

		if (!note)
			abort();
		*note = (struct note){ .mail.run = run_note, .sender = sender, .number = i };
		mailbox_post(&mailbox, &note->mail);
	}
	return NULL;
}

static void messages(void)
{
	pthread_t threads[SENDERS];
	unsigned numbers[SENDERS];

	for (unsigned i = 0; i < SENDERS; i++) {
		numbers[i] = i;
		if (pthread_create(&threads[i], NULL, send_notes, &numbers[i]) != 0)
			abort();
	}
	TURN_UNTIL(&loop, heard == SENDERS * EACH);
	for (unsigned i = 0; i < SENDERS; i++)
		(void)pthread_join(threads[i], NULL);
	is_int(heard, SENDERS * EACH, "messages of three threads");
	is_int(out_of_order, 0, "those of each in their order");
}

/* --- a stream that moves --- */

struct end {
	struct stream *stream;
	struct stream_parcel parcel;
	struct mail mail;
	struct buf got;
	bool detach_on_read, detached, waits, failed;
	atomic_uint n_got, ended;
};

static void echo_read(void *owner, struct span bytes)
{
	struct end *end = owner;

	stream_write(end->stream, &bytes, 1);
	atomic_fetch_add(&end->n_got, (unsigned)bytes.n);
}

static void echo_end(void *owner, enum stream_end why)
{
	struct end *end = owner;

	(void)why;
	end->stream = stream_close(end->stream);
	atomic_store(&end->ended, 1);
}

static const struct stream_events echoing = { .on_read = echo_read, .on_end = echo_end };

static void run_attach(struct mail *mail)
{
	struct end *end = LIST_ENTRY(mail, struct end, mail);

	end->stream = stream_attach(&other.loop, &end->parcel, &echoing, end, NULL);
	end->failed = !end->stream;
}

static void try_detach(struct end *end)
{
	if (!stream_detach(end->stream, &end->parcel, &end->waits))
		return;
	end->stream = NULL;
	end->detached = true;
}

static void on_read(void *owner, struct span bytes)
{
	struct end *end = owner;

	buf_add(&end->got, bytes);
	if (end->detach_on_read)
		try_detach(end);
}

static void on_end(void *owner, enum stream_end why)
{
	struct end *end = owner;

	(void)why;
	end->ended = 1;
}

static const struct stream_events events = { .on_read = on_read, .on_end = on_end };

static int open_end(struct end *end)
{
	struct err err = ERR_INIT;
	int fds[2];

	*end = (struct end){ .got = BUF_INIT((size_t)LARGE), .mail.run = run_attach };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    file_set_nonblock(fds[0], true, &err) < 0)
		abort();
	end->stream = stream_open(&loop, fds[0], STREAM_PIPE, &events, end, &err);
	return fds[1];
}

static void not_now(void)
{
	CLEANUP(freep) char *large = calloc(1, LARGE);
	struct end end;
	struct stream_parcel none = { .fd = -1 };
	int fd = open_end(&end);

	if (!large)
		abort();
	stream_write(end.stream, (struct span[]){ span_of(large, LARGE) }, 1);
	try_detach(&end);
	ok(!end.detached && end.waits, "a stream with something to send stays until it is sent");
	(void)close(fd);
	TURN_UNTIL(&loop, end.ended);
	try_detach(&end);
	ok(!end.detached && !end.waits, "one that has ended has nowhere to go");
	end.stream = stream_close(end.stream);
	buf_release(&end.got);
	ok(!stream_attach(&loop, &none, &events, &end, NULL), "no descriptor is no stream");
	turn_a_while(&loop);
}

static void moves(void)
{
	struct end end;
	int fd = open_end(&end);
	char answer[16] = "";
	size_t n = 0;

	end.detach_on_read = true;
	ok(write(fd, "first", 5) == 5, "what is said before");
	TURN_UNTIL(&loop, end.detached);
	ok(end.detached && end.got.n == 5, "a stream leaves its loop from inside on_read");
	ok(write(fd, "second", 6) == 6, "what is said meanwhile");
	turn_a_while(&loop);
	is_int(end.got.n, 5, "is not read by the loop it left");
	mailbox_post(&other.mailbox, &end.mail);
	while (n < 6) {
		ssize_t got = read(fd, answer + n, sizeof(answer) - n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	ok(n == 6 && memcmp(answer, "second", 6) == 0, "it is read, and answered, by the other");
	(void)close(fd);
	for (int i = 0; i < 5000 && !atomic_load(&end.ended); i++)
		(void)usleep(1000);
	ok(atomic_load(&end.ended) && end.n_got == 6, "which hears of its end, too");
	buf_release(&end.got);
}

int main(void)
{
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	if (!ok(loop_init(&loop, &err) == 0 && mailbox_open(&mailbox, &loop, &err) == 0 && start_other(),
		"two loops on two threads"))
		return tap_done();
	messages();
	not_now();
	moves();
	end_other();
	mailbox_close(&mailbox);
	loop_release(&loop);
	return tap_done();
}
