/* client_pool.c - a pool's connections: who has one, who waits for one, and when one is closed. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client_rig.h"

static void kept_alive(void)
{
	struct http_pool *pool = pool_new(1);
	struct seen a = { 0 }, b = { 0 }, c = { 0 };
	int fd;

	a.next = &b;
	send_one(pool, &a, false);
	fd = connect_one();
	is_int(requests_on(fd), 1, "asked");
	say(fd, FINE);
	TURN_UNTIL(&loop, a.done);
	ok(a.done == 1 && a.status == 200 && span_eq(buf_span(&a.body), S("ok")), "answered");
	is_int(requests_on(fd), 1, "the connection takes the next one");
	say(fd, FINE);
	TURN_UNTIL(&loop, b.done);
	turn_a_while(&loop);
	(void)close(fd);
	turn_a_while(&loop);
	send_one(pool, &c, false);
	fd = connect_one();
	ok(fd >= 0, "one that was closed does not");
	say(fd, FINE);
	TURN_UNTIL(&loop, c.done);
	is_int(c.done, 1, "but another one");
	release(&c);
	turn_a_while(&loop);
	(void)shutdown(fd, SHUT_WR);
	send_one(pool, &c, true);
	(void)close(fd);
	fd = connect_one();
	is_int(requests_on(fd), 1, "what may be repeated is tried once more where the connection was stale");
	(void)close(fd);
	TURN_UNTIL(&loop, c.failed);
	ok(c.failed == 1 && c.failure == HTTP_FAIL_BROKEN && connect_one() < 0, "and not a third time");
	release(&a);
	release(&b);
	release(&c);
	pool = http_pool_free(pool);
	turn_a_while(&loop);
}

/* Has the other side closed it? */
static bool is_closed(int fd)
{
	char byte;

	turn_a_while(&loop);
	return read(fd, &byte, 1) == 0;
}

static void grown_old(void)
{
	struct http_pool *pool = pool_new(2);
	struct seen a = { 0 }, b = { 0 }, c = { 0 };
	uint64_t begin_ms = loop_now(&loop);
	int first, second;

	ok(!http_pool_tick(pool, begin_ms), "a pool without connections has nothing to time");
	send_one(pool, &a, false);
	send_one(pool, &b, false);
	first = connect_one();
	second = connect_one();
	(void)requests_on(first);
	(void)requests_on(second);
	ok(http_pool_tick(pool, begin_ms + 10ULL * HTTP_POOL_IDLE_MS) && !is_closed(first) &&
	       !is_closed(second),
	   "what carries a call does not grow old");
	say(first, FINE);
	TURN_UNTIL(&loop, a.done);
	say(second, FINE);
	TURN_UNTIL(&loop, b.done);
	ok(http_pool_tick(pool, begin_ms + HTTP_POOL_IDLE_MS - 1) && requests_on(first) == 0,
	   "both are kept for a while");
	send_one(pool, &c, false);
	is_int(requests_on(second), 1, "of two the one that was used last takes the next call");
	ok(http_pool_tick(pool, loop_now(&loop) + HTTP_POOL_IDLE_MS) && is_closed(first) &&
	       !is_closed(second),
	   "the time of the other one is over, and it is closed");
	say(second, FINE);
	TURN_UNTIL(&loop, c.done);
	ok(http_pool_tick(pool, loop_now(&loop)) && !is_closed(second), "that one is kept again");
	ok(!http_pool_tick(pool, loop_now(&loop) + HTTP_POOL_IDLE_MS) && is_closed(second),
	   "and closed in its turn");
	(void)close(first);
	(void)close(second);
	release(&a);
	release(&b);
	release(&c);
	pool = http_pool_free(pool);
	turn_a_while(&loop);
}

static void waiting(void)
{
	struct http_pool *pool = pool_new(1);
	struct seen calls[6] = { 0 };
	int fd;

	for (size_t i = 0; i < COUNT(calls); i++)
		send_one(pool, &calls[i], false);
	fd = connect_one();
	turn_a_while(&loop);
	ok(calls[4].failed == 1 && calls[4].failure == HTTP_FAIL_BUSY && calls[5].failed == 1 &&
	       !calls[3].failed,
	   "one on its way, three may wait, the rest is too much");
	is_int(requests_on(fd), 1, "one is asked");
	calls[1].call = http_call_abort(calls[1].call);
	calls[0].call = http_call_abort(calls[0].call);
	ok(read(fd, store, 1) <= 0, "given up, its connection is closed");
	(void)close(fd);
	fd = connect_one();
	is_int(requests_on(fd), 1, "and the one who waits longest gets another");
	calls[2].aborts = true;
	say(fd, FINE);
	TURN_UNTIL(&loop, calls[2].heads);
	(void)close(fd);
	fd = connect_one();
	ok(calls[2].heads == 1 && !calls[2].done && !calls[2].failed && requests_on(fd) == 1,
	   "also where it is given up in the middle of its answer");
	say(fd, "HTTP/1.1 200 OK\r\n\r\nto the end");
	turn_a_while(&loop);
	(void)close(fd);
	TURN_UNTIL(&loop, calls[3].done);
	ok(calls[3].done == 1 && span_eq(buf_span(&calls[3].body), S("to the end")),
	   "an answer that ends with its connection");
	ok(!calls[0].done && !calls[0].failed && !calls[1].done && !calls[1].failed,
	   "who gave up hears nothing");
	for (size_t i = 0; i < COUNT(calls); i++)
		release(&calls[i]);
	pool = http_pool_free(pool);
	turn_a_while(&loop);
}

/* Streams that are listened to are not what a call waits for, and have an end of their own. */
static void lasting(void)
{
	struct http_pool *pool = pool_new(1);
	struct seen streams[3] = { 0 }, calls[2] = { 0 }, after = { 0 };
	int fds[2], fd;

	for (size_t i = 0; i < COUNT(streams); i++) {
		streams[i].body = BUF_INIT(64);
		streams[i].call = http_send_lasting(pool, (struct http_payer){ 0 },
						    S("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), S(""), true,
						    &events, &streams[i]);
	}
	fds[0] = connect_one();
	fds[1] = connect_one();
	ok(streams[2].failed == 1 && streams[2].failure == HTTP_FAIL_BUSY && !streams[0].failed &&
	       !streams[1].failed,
	   "two may last, a third is too much");
	send_one(pool, &calls[0], false);
	send_one(pool, &calls[1], false);
	fd = connect_one();
	ok(fd >= 0 && requests_on(fd) == 1, "a call has its connection all the same");
	is_int(connect_one(), -1, "and the ceiling for calls is what it was");
	say(fd, FINE);
	TURN_UNTIL(&loop, calls[0].done);
	is_int(requests_on(fd), 1, "the next call takes it over");
	say(fds[0], FINE);
	TURN_UNTIL(&loop, streams[0].done);
	ok(requests_on(fds[0]) == 1 && read(fds[0], store, 1) == 0,
	   "a stream's connection does not stay as one for calls too many");
	release(&streams[2]);
	streams[2].body = BUF_INIT(64);
	streams[2].call = http_send_lasting(pool, (struct http_payer){ 0 },
					    S("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), S(""), true, &events,
					    &streams[2]);
	(void)close(fds[0]);
	fds[0] = connect_one();
	ok(fds[0] >= 0 && !streams[2].failed, "and room for another stream");
	streams[1].call = http_call_abort(streams[1].call);
	say(fd, FINE);
	TURN_UNTIL(&loop, calls[1].done);
	send_one(pool, &after, false);
	ok(requests_on(fd) == 1 && connect_one() == -1, "calls still share their one connection");
	for (size_t i = 0; i < COUNT(streams); i++)
		release(&streams[i]);
	release(&calls[0]);
	release(&calls[1]);
	release(&after);
	(void)close(fd);
	(void)close(fds[0]);
	(void)close(fds[1]);
	pool = http_pool_free(pool);
	turn_a_while(&loop);
}

/* One who asks for more than his share waits for his own answers; the others find room. */
static void shares(void)
{
	static const char one, other;
	struct http_pool *pool = pool_new(2);
	struct seen greedy[5] = { 0 }, modest[2] = { 0 }, streams[2] = { 0 };
	int fd, theirs;

	for (size_t i = 0; i < COUNT(greedy); i++)
		send_as(pool, &one, &greedy[i], true);
	fd = connect_one();
	ok(requests_on(fd) == 1 && connect_one() == -1, "one payer has half of the connections");
	ok(greedy[3].failed == 1 && greedy[3].failure == HTTP_FAIL_BUSY && greedy[4].failed == 1 &&
	       !greedy[2].failed,
	   "and half of the places to wait");
	send_as(pool, &other, &modest[0], false);
	send_as(pool, &other, &modest[1], false);
	theirs = connect_one();
	ok(requests_on(theirs) == 1 && !modest[1].failed, "another finds room for both");
	say(theirs, FINE);
	TURN_UNTIL(&loop, modest[0].done);
	is_int(requests_on(theirs), 1, "and a connection goes to his next call");
	say(theirs, FINE);
	TURN_UNTIL(&loop, modest[1].done);
	ok(requests_on(theirs) == 0 && requests_on(fd) == 0, "one that is free stays free for others");
	greedy[1].call = http_call_abort(greedy[1].call);
	say(fd, FINE);
	TURN_UNTIL(&loop, greedy[0].done);
	is_int(requests_on(fd) + requests_on(theirs), 1, "his own answer lets his next call go");
	(void)close(theirs);
	(void)close(fd);
	fd = connect_one();
	is_int(requests_on(fd), 1, "and again where its connection was stale");
	say(fd, FINE);
	TURN_UNTIL(&loop, greedy[2].done);
	for (size_t i = 0; i < COUNT(streams); i++) {
		streams[i].body = BUF_INIT(64);
		streams[i].call = http_send_lasting(pool, (struct http_payer){ .key = &one },
						    S("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), S(""), false,
						    &events, &streams[i]);
	}
	TURN_UNTIL(&loop, streams[1].failed);
	ok(!streams[0].failed && streams[1].failure == HTTP_FAIL_BUSY, "and half of what may last");
	for (size_t i = 0; i < COUNT(greedy); i++)
		release(&greedy[i]);
	for (size_t i = 0; i < COUNT(modest); i++) {
		release(&modest[i]);
		release(&streams[i]);
	}
	pool = http_pool_free(pool);
	turn_a_while(&loop);
	(void)close(fd);
}

/* What nobody waits for does not keep its connection for ever. */
static void expired(void)
{
	struct http_pool *pool = pool_new(1);
	struct seen a = { 0 }, b = { 0 };
	char byte;
	int fd;

	send_one(pool, &a, false);
	fd = connect_one();
	send_one(pool, &b, false);
	is_int(told(DIAL_CONNECT), 0, "the pool is full");
	http_call_expire(TAKE(a.call), 5);
	(void)usleep(10000);
	turn_a_while(&loop);
	ok(!a.done && !a.failed, "nobody is told");
	while (read(fd, &byte, 1) > 0)
		;
	is_int(read(fd, &byte, 1), 0, "its connection is closed");
	ok(told(DIAL_CONNECT), "and the next one has its place");
	(void)close(fd);
	release(&a);
	pool = http_pool_free(pool);
	turn_a_while(&loop);
	release(&b);
	while (told(DIAL_CANCEL))
		;
	pool = pool_new(1);
	send_one(pool, &a, false);
	http_call_expire(TAKE(a.call), 5);
	pool = http_pool_free(pool);
	(void)usleep(10000);
	turn_a_while(&loop);
	ok(told(DIAL_CONNECT) && told(DIAL_CANCEL), "also where the pool goes first");
	release(&a);
}

int main(void)
{
	if (!client_begin())
		abort();
	kept_alive();
	grown_old();
	waiting();
	lasting();
	shares();
	expired();
	client_end();
	return tap_done();
}
