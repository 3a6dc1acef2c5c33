/* stream.c - bytes on the loop: partial writes, back-pressure, and closing from inside a callback. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "net/stream.h"
#include "tap.h"
#include "turns.h"

enum { LARGE = 4 * 1024 * 1024 };

struct end {
	struct stream *stream;
	struct buf got;
	unsigned reads, ends, drains;
	enum stream_end why;
	bool close_on_read, close_on_end, close_on_drain, pause_on_read;
};

static struct loop loop;
static char *large;

static void on_read(void *owner, struct span bytes)
{
	struct end *end = owner;

	end->reads++;
	buf_add(&end->got, bytes);
	if (end->pause_on_read)
		stream_pause(end->stream);
	if (end->close_on_read)
		end->stream = stream_close(end->stream);
}

static void on_end(void *owner, enum stream_end why)
{
	struct end *end = owner;

	end->ends++;
	end->why = why;
	if (end->close_on_end)
		end->stream = stream_close(end->stream);
}

static void on_drain(void *owner)
{
	struct end *end = owner;

	end->drains++;
	if (end->close_on_drain)
		end->stream = stream_close(end->stream);
}

static const struct stream_events events = { .on_read = on_read, .on_end = on_end, .on_drain = on_drain };

static void open_end(struct end *end, int *fd)
{
	struct err err = ERR_INIT;
	int fds[2];

	*end = (struct end){ .got = BUF_INIT((size_t)LARGE + 64) };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    file_set_nonblock(fds[1], true, &err) < 0)
		abort();
	end->stream = stream_open(&loop, fds[0], STREAM_PIPE, &events, end, &err);
	*fd = fds[1];
}

static void send_text(struct end *end, struct span text)
{
	stream_write(end->stream, &text, 1);
}

static void finish(struct end *end, int fd)
{
	end->stream = stream_close(end->stream);
	turn_a_while(&loop);
	buf_release(&end->got);
	(void)close(fd);
}

/* Reads what is there, at most `most` bytes at a time. */
static size_t drink(int fd, struct buf *into, size_t most)
{
	char chunk[65536];
	ssize_t got = read(fd, chunk, most < sizeof(chunk) ? most : sizeof(chunk));

	if (got <= 0)
		return 0;
	buf_add(into, span_of(chunk, (size_t)got));
	return (size_t)got;
}

static void refused(void)
{
	struct err err = ERR_INIT;
	struct end end = { .got = BUF_INIT(64) };
	int file = open("/dev/null", O_RDWR | O_CLOEXEC);

	ok(!stream_open(&loop, 900, STREAM_PIPE, &events, &end, &err) && err.code == ERR_SYSTEM,
	   "a closed descriptor is no stream: %s", err.text);
	ok(!stream_open(&loop, file, STREAM_PIPE, &events, &end, &err) && err.code == ERR_SYSTEM,
	   "nor is what cannot be waited for: %s", err.text);
	ok(fcntl(file, F_GETFD) < 0, "which is closed");
	ok(!stream_close(NULL) && !stream_close_flushed(NULL, 1), "closing nothing is harmless");
	turn_a_while(&loop);
}

static void ends(void)
{
	struct end end;
	int fd;

	open_end(&end, &fd);
	(void)!write(fd, "last", 4);
	(void)close(fd);
	TURN_UNTIL(&loop, end.ends);
	ok(end.ends == 1 && end.why == STREAM_EOF && span_eq(buf_span(&end.got), S("last")),
	   "the end comes last");
	send_text(&end, S("too late"));
	is_int(stream_queued(end.stream), 0, "nothing is queued after it");
	turn_a_while(&loop);
	is_int(end.ends, 1, "and it comes once");
	finish(&end, -1);
	open_end(&end, &fd);
	(void)close(fd);
	send_text(&end, S("nobody"));
	is_int(end.ends, 0, "a broken pipe is not told inside the call");
	TURN_UNTIL(&loop, end.ends);
	turn_a_while(&loop);
	is_int(end.ends, 1, "but told, once");
	finish(&end, -1);
	open_end(&end, &fd);
	(void)close(fd);
	send_text(&end, S("nobody"));
	end.stream = stream_close(end.stream);
	turn_a_while(&loop);
	is_int(end.ends, 0, "who closes is not told");
	finish(&end, -1);
}

static void deaf(void)
{
	struct err err = ERR_INIT;
	struct end end;
	int fd, pipe[2];

	open_end(&end, &fd);
	ok(!stream_is_deaf(end.stream), "the other side hears");
	(void)shutdown(fd, SHUT_WR);
	TURN_UNTIL(&loop, end.ends);
	ok(!stream_is_deaf(end.stream), "also when it has said all");
	(void)close(fd);
	ok(stream_is_deaf(end.stream), "but not when it is closed");
	finish(&end, -1);
	if (pipe2(pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		abort();
	end = (struct end){ .stream = stream_open(&loop, pipe[1], STREAM_PIPE, &events, &end, &err) };
	ok(end.stream && !stream_is_deaf(end.stream), "a pipe has a reader");
	(void)close(pipe[0]);
	ok(stream_is_deaf(end.stream), "and then it has none");
	finish(&end, -1);
}

/* Both the reading and the writing side see the break. */
static void broken_both_ways(void)
{
	struct end end;
	int fd;

	open_end(&end, &fd);
	send_text(&end, span_of(large, LARGE));
	(void)close(fd);
	TURN_UNTIL(&loop, end.ends);
	turn_a_while(&loop);
	ok(end.ends == 1 && end.drains == 0, "a break with bytes that wait is told once");
	finish(&end, -1);
}

static void inside_callbacks(void)
{
	struct end end;
	int fd;

	open_end(&end, &fd);
	end.close_on_read = true;
	(void)!write(fd, "one", 3);
	TURN_UNTIL(&loop, end.reads);
	(void)!write(fd, "two", 3);
	turn_a_while(&loop);
	ok(end.reads == 1 && !end.stream && end.ends == 0, "closed while reading: nothing more comes");
	finish(&end, fd);
	open_end(&end, &fd);
	end.close_on_end = true;
	(void)close(fd);
	TURN_UNTIL(&loop, end.ends);
	turn_a_while(&loop);
	ok(end.ends == 1 && !end.stream, "closed at the end");
	finish(&end, -1);
	open_end(&end, &fd);
	end.close_on_drain = true;
	send_text(&end, span_of(large, LARGE));
	TURN_UNTIL(&loop, drink(fd, &end.got, LARGE) == 0 && end.drains);
	ok(end.drains == 1 && !end.stream, "closed when the queue is empty");
	finish(&end, fd);
}

static void partial_writes(void)
{
	struct span parts[3] = { span_of(large, LARGE / 2), S(""), span_of(large + LARGE / 2, LARGE / 2) };
	struct end end;
	size_t queued;
	int fd;

	open_end(&end, &fd);
	stream_write(end.stream, (struct span[]){ S(""), S("") }, 2);
	is_int(stream_queued(end.stream), 0, "nothing is nothing");
	stream_write(end.stream, parts, 3);
	queued = stream_queued(end.stream);
	ok(queued > 0 && queued < LARGE, "the kernel takes a part, %zu bytes wait", queued);
	send_text(&end, S("tail"));
	is_int(stream_queued(end.stream), queued + 4, "what follows waits behind");
	TURN_UNTIL(&loop, drink(fd, &end.got, 1000) == 0 && stream_queued(end.stream) == 0);
	while (drink(fd, &end.got, LARGE))
		;
	ok(end.got.n == LARGE + 4 && memcmp(end.got.p, large, LARGE) == 0 &&
	       span_ends(buf_span(&end.got), S("tail")),
	   "all of it arrives, in order");
	is_int(end.drains, 1, "and the empty queue is told once");
	send_text(&end, S("small"));
	turn_a_while(&loop);
	is_int(end.drains, 1, "but not where nothing had to wait");
	finish(&end, fd);
}

static void back_pressure(void)
{
	struct end end;
	int fd;

	open_end(&end, &fd);
	stream_pause(end.stream);
	(void)!write(fd, "one", 3);
	turn_a_while(&loop);
	is_int(end.reads, 0, "paused: nothing is read");
	stream_resume(end.stream);
	stream_resume(end.stream);
	TURN_UNTIL(&loop, end.reads);
	is_span(buf_span(&end.got), S("one"), "resumed: it is");
	end.pause_on_read = true;
	(void)!write(fd, "two", 3);
	TURN_UNTIL(&loop, end.reads == 2);
	(void)!write(fd, "three", 5);
	(void)close(fd);
	turn_a_while(&loop);
	ok(end.reads == 2 && end.ends == 0, "paused while reading: neither more nor the end");
	end.pause_on_read = false;
	stream_resume(end.stream);
	TURN_UNTIL(&loop, end.ends);
	is_span(buf_span(&end.got), S("onetwothree"), "both come later");
	stream_resume(end.stream);
	stream_pause(end.stream);
	finish(&end, -1);
}

/* Each time the limit is over he has read something: that is what counts, not how long it takes. */
static void slow_reader(void)
{
	struct end end;
	size_t before;
	int fd;

	open_end(&end, &fd);
	send_text(&end, span_of(large, LARGE));
	one_turn(&loop, 0);
	before = stream_queued(end.stream);
	while (drink(fd, &end.got, LARGE))
		;
	one_turn(&loop, 0);
	ok(before && stream_queued(end.stream) < before, "the queue becomes shorter as it is read");
	end.stream = stream_close_flushed(end.stream, 1);
	for (int period = 0; period < 1000 && end.got.n < LARGE; period++) {
		while (drink(fd, &end.got, LARGE))
			;
		(void)usleep(2000);
		one_turn(&loop, 0);
	}
	is_int(end.got.n, LARGE, "a slow reader gets all of it, however long after the limit");
	finish(&end, fd);
}

/* A peer that sends without end gets one chunk a turn, so that nobody else waits for it. */
static void fair(void)
{
	enum { WAITING = 4 * LOOP_CHUNK_BYTES };
	struct err err = ERR_INIT;
	struct end end;
	int fds[2];

	end = (struct end){ .got = BUF_INIT((size_t)LARGE) };
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0 || fcntl(fds[1], F_SETPIPE_SZ, WAITING) < WAITING)
		abort();
	is_int(write(fds[1], large, WAITING), WAITING, "much waits");
	end.stream = stream_open(&loop, fds[0], STREAM_PIPE, &events, &end, &err);
	for (int turn = 1; turn <= 4; turn++) {
		(void)uv_run(&loop.uv, UV_RUN_NOWAIT);
		is_int(end.got.n, turn * LOOP_CHUNK_BYTES, "one chunk of it is read in turn %d", turn);
	}
	(void)!write(fds[1], "tail", 4);
	(void)close(fds[1]);
	TURN_UNTIL(&loop, end.ends);
	ok(end.got.n == WAITING + 4 && memcmp(end.got.p, large, WAITING) == 0 && end.why == STREAM_EOF,
	   "and all of it, in order, to its end");
	finish(&end, -1);
}

static void flushed(void)
{
	struct end end;
	int fd;

	open_end(&end, &fd);
	send_text(&end, span_of(large, LARGE));
	end.stream = stream_close_flushed(end.stream, 60000);
	ok(!end.stream, "closed when all is written");
	for (int turn = 0; turn < 20000 && end.got.n < LARGE; turn++) {
		one_turn(&loop, 0);
		while (drink(fd, &end.got, LARGE))
			;
	}
	is_int(end.got.n, LARGE, "all of it arrives");
	TURN_UNTIL(&loop, read(fd, large, 1) == 0);
	is_int(read(fd, large, 1), 0, "then the end");
	ok(end.ends == 0 && end.drains == 0, "without an event");
	finish(&end, fd);
	open_end(&end, &fd);
	send_text(&end, span_of(large, LARGE));
	end.stream = stream_close_flushed(end.stream, 1);
	TURN_UNTIL(&loop, drink(fd, &end.got, 1) == 0);
	ok(end.got.n < LARGE, "who does not read in time gets a part");
	finish(&end, fd);
	slow_reader();
	open_end(&end, &fd);
	send_text(&end, span_of(large, LARGE));
	end.stream = stream_close_flushed(end.stream, 60000);
	(void)close(fd);
	turn_a_while(&loop);
	ok(end.ends == 0 && end.drains == 0, "a break while flushing is nobody's any more");
	finish(&end, -1);
}

struct counted {
	struct later later;
	struct later *also, *cancels;
	unsigned runs;
};

static void run_counted(struct later *later)
{
	struct counted *counted = LIST_ENTRY(later, struct counted, later);

	counted->runs++;
	if (counted->also)
		loop_later(&loop, counted->also);
	if (counted->cancels)
		loop_later_cancel(counted->cancels);
}

static void later_turns(void)
{
	struct counted a = { .later.run = run_counted }, b = a, c = a;

	loop_later(&loop, &a.later);
	loop_later(&loop, &a.later);
	is_int(a.runs, 0, "not inside the call");
	loop_later_cancel(&a.later);
	loop_later_cancel(&a.later);
	turn_a_while(&loop);
	is_int(a.runs, 0, "taken back");
	a.cancels = &b.later;
	c.also = &c.later;
	loop_later(&loop, &a.later);
	loop_later(&loop, &b.later);
	loop_later(&loop, &c.later);
	(void)uv_run(&loop.uv, UV_RUN_NOWAIT);
	ok(a.runs == 1 && b.runs == 0, "one of a turn may take back another of it");
	is_int(c.runs, 1, "one that asks again waits for the next turn");
	(void)uv_run(&loop.uv, UV_RUN_NOWAIT);
	is_int(c.runs, 2, "in which it comes");
	c.also = NULL;
	turn_a_while(&loop);
	ok(a.runs == 1 && c.runs == 3, "and each request is one call");
}

int main(void)
{
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	large = malloc(LARGE);
	if (!ok(large && loop_init(&loop, &err) == 0, "a loop"))
		return tap_done();
	for (size_t i = 0; i < LARGE; i++)
		large[i] = (char)(i * 31 + i / 251);
	refused();
	ends();
	deaf();
	broken_both_ways();
	inside_callbacks();
	partial_writes();
	back_pressure();
	fair();
	flushed();
	later_turns();
	loop_release(&loop);
	free(large);
	return tap_done();
}
