/* patience.c - how long a client is waited for, and who goes where there is no room for all. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "server_rig.h"

/* Longer than idle_ms, as the loop counts it, and then the tick. */
static void idle_over(void)
{
	(void)usleep((IDLE_MS + 1) * 1000);
	uv_update_time(&loop.uv);
	http_server_tick(server);
}

/* A large answer is taken slowly: as long as bytes move, time does not. */
static void slow_reader(struct buf *got)
{
	char chunk[65536];
	int fd = dial();
	unsigned periods = 0;
	ssize_t n;

	back.how = ANSWER;
	back.reply = LARGE_REPLY;
	say(fd, GET);
	turn_a_while(&loop);
	buf_clear(got);
	for (int still = 0; got->n < LARGE_REPLY && still < 100; still++) {
		for (size_t taken = 0; taken < LARGE_REPLY / 16 && still < 100;) {
			n = read(fd, chunk, sizeof(chunk));
			still = n > 0 ? 0 : still + 1;
			taken += n > 0 ? (size_t)n : 0;
			buf_add(got, span_of(chunk, n > 0 ? (size_t)n : 0));
			turn_a_while(&loop);
		}
		idle_over();
		periods++;
	}
	ok(got->n >= LARGE_REPLY && periods > 4, "who reads slowly gets all of it (%zu in %u periods)",
	   got->n, periods);
	(void)close(fd);
	fd = dial();
	say(fd, GET);
	turn_a_while(&loop);
	for (int i = 0; i < 5 && http_server_connections(server); i++) {
		idle_over();
		turn_a_while(&loop);
	}
	is_int(http_server_connections(server), 0, "who does not read is cut");
	(void)close(fd);
	back.reply = REPLY;
	turn_a_while(&loop);
}

/* Reads a little in each period, until the connection is cut or `most` periods are over. */
static unsigned drip(int fd, size_t share, unsigned most)
{
	char chunk[65536];
	unsigned periods = 0;

	while (http_server_connections(server) && periods < most) {
		for (size_t taken = 0, still = 0; taken < share && still < 100;) {
			ssize_t n = read(fd, chunk, sizeof(chunk) < share ? sizeof(chunk) : share);

			still = n > 0 ? 0 : still + 1;
			taken += n > 0 ? (size_t)n : 0;
			turn_a_while(&loop);
		}
		idle_over();
		periods++;
	}
	return periods;
}

/* Bytes that move, but so few that the answer would be held for as long as the client likes. */
static void dripping(struct buf *got)
{
	int fd = dial();

	back.how = ANSWER;
	back.reply = LARGE_REPLY;
	say(fd, GET);
	turn_a_while(&loop);
	ok(drip(fd, LARGE_REPLY / 256, 50) < 50, "who takes next to nothing is cut");
	(void)close(fd);
	turn_a_while(&loop);
	fd = dial();
	say(fd, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	turn_a_while(&loop);
	is_int(http_server_connections(server), 1, "whose last answer waits is still a connection");
	ok(drip(fd, LARGE_REPLY / 256, 50) < 50, "and is cut as well");
	(void)close(fd);
	turn_a_while(&loop);
	fd = dial();
	say(fd, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	(void)shutdown(fd, SHUT_WR);
	ok(hear(fd, got, (size_t)LARGE_REPLY * 2) > LARGE_REPLY && http_server_connections(server) == 0,
	   "who takes it all gets it all, though he has nothing more to say");
	(void)close(fd);
	fd = dial();
	back.how = STREAM;
	back.gone = 0;
	say(fd, GET);
	TURN_UNTIL(&loop, back.held);
	http_stream_write(back.held, span_of(back.bytes, LARGE_REPLY));
	ok(drip(fd, LARGE_REPLY / 256, 50) < 50 && back.gone == 1,
	   "so is the reader of a stream, and it is told");
	(void)close(fd);
	turn_a_while(&loop);
	back.reply = REPLY;
}

/* All that waits has one ceiling: who has been taking his the longest goes. */
static void too_much_unsent(struct buf *got)
{
	int fds[3];

	back.how = ANSWER;
	back.reply = LARGE_REPLY;
	for (size_t i = 0; i < COUNT(fds); i++) {
		fds[i] = dial();
		say(fds[i], GET);
		turn_a_while(&loop);
		uv_update_time(&loop.uv);
		if (i < 2)
			http_server_tick(server);
		(void)usleep(1000);
	}
	is_int(http_server_connections(server), 2, "three large answers are more than may wait");
	ok(hear(fds[0], got, LARGE_REPLY) < LARGE_REPLY, "the first is cut");
	ok(hear(fds[1], got, LARGE_REPLY) >= LARGE_REPLY && hear(fds[2], got, LARGE_REPLY) >= LARGE_REPLY,
	   "the others get theirs");
	for (size_t i = 0; i < COUNT(fds); i++)
		(void)close(fds[i]);
	turn_a_while(&loop);
	back.reply = REPLY;
}

/* Connections of strangers do not keep anybody out, nor anybody who is known from staying. */
static void room(struct buf *got)
{
	int known = dial(), fds[6];

	back.how = ANSWER;
	back.sender = KNOWN;
	say(known, GET);
	ok(hear(known, got, 1) > 0, "somebody is known");
	back.sender = STRANGER;
	for (size_t i = 0; i < COUNT(fds); i++)
		fds[i] = dial_later();
	is_int(http_server_connections(server), 4, "no more connections than there may be");
	ok(is_closed(fds[0]) && is_closed(fds[1]) && is_closed(fds[2]),
	   "who has said nothing for longest goes");
	say(fds[3], "GET /");
	say(fds[5], GET);
	ok(hear(fds[5], got, 1) > 0, "who came last is answered");
	say(known, GET);
	ok(hear(known, got, 1) > 0, "and who is known, too");
	(void)close(known);
	for (size_t i = 0; i < COUNT(fds); i++)
		(void)close(fds[i]);
	TURN_UNTIL(&loop, http_server_connections(server) == 0);
}

int main(void)
{
	CLEANUP(buf_release) struct buf got = BUF_INIT((size_t)64 << 20);

	if (!ok(rig_start(), "a server"))
		return tap_done();
	slow_reader(&got);
	dripping(&got);
	too_much_unsent(&got);
	room(&got);
	rig_stop();
	return tap_done();
}
