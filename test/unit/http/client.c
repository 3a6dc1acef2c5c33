/* client.c - calls outwards: a pool of connections, with the test as egress and as the server. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dialled.h"
#include "http/outgoing.h"
#include "net/dial.h"
#include "silent.h"
#include "starved.h"
#include "tap.h"
#include "turns.h"

static struct loop loop;
static struct channel *egress;
static int dials = -1; /* the egress process' end */
static char store[WIRE_MAX_BYTES];
static struct budget *budget; /* of what is sent */

struct seen {
	unsigned heads, done, failed, status;
	enum http_failure failure;
	struct buf body;
	struct http_pool **frees; /* when it is done */
	struct http_call *call;
	bool aborts;	   /* at the head */
	struct seen *next; /* sent when this one is done */
	struct http_pool *pool;
};

static void send_one(struct http_pool *pool, struct seen *seen, bool repeatable);

static void on_head(void *owner, const struct http_head *head)
{
	struct seen *seen = owner;

	seen->heads++;
	seen->status = head->status;
	if (seen->aborts)
		seen->call = http_call_abort(seen->call);
}

static void on_body(void *owner, struct span piece)
{
	struct seen *seen = owner;

	buf_add(&seen->body, piece);
}

static void on_done(void *owner)
{
	struct seen *seen = owner;

	seen->done++;
	seen->call = NULL;
	if (seen->next)
		send_one(seen->pool, seen->next, false);
	if (seen->frees)
		*seen->frees = http_pool_free(*seen->frees);
}

static void on_fail(void *owner, enum http_failure failure, struct span why)
{
	struct seen *seen = owner;

	(void)why;
	seen->failed++;
	seen->failure = failure;
	seen->call = NULL;
	if (seen->frees)
		*seen->frees = http_pool_free(*seen->frees);
}

static const struct http_call_events events = { on_head, on_body, on_done, on_fail };

static void send_as(struct http_pool *pool, const void *key, struct seen *seen, bool repeatable)
{
	seen->body = BUF_INIT(4096);
	seen->pool = pool;
	seen->call = http_send(pool, (struct http_payer){ .key = key, .budget = budget },
			       S("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"), S("hi"),
			       repeatable, &events, seen);
}

static void send_one(struct http_pool *pool, struct seen *seen, bool repeatable)
{
	send_as(pool, NULL, seen, repeatable);
}

static struct http_pool *pool_new(size_t connections)
{
	const struct http_pool_options options = { .target = S("files"),
						   .max_connections = connections,
						   .max_waiting = 3,
						   .max_lasting = 2,
						   .limits = { .head_bytes = 4096,
							       .header_line = 1024,
							       .headers = 20,
							       .url = 200,
							       .body_bytes = 1000 } };
	struct err err = ERR_INIT;
	struct http_pool *pool = http_pool_new(&loop, egress, &options, &err);

	if (!pool)
		abort();
	return pool;
}

/* Answers the next dial with a connection and returns its other end; -1 where nobody dials. */
static int connect_one(void)
{
	struct wire_in in;
	int fd, got = 0;

	for (int turn = 0; turn < 300 && got == 0; turn++) {
		one_turn(&loop, 0);
		got = wire_recv(dials, store, &in, NULL);
	}
	if (got != 1 || in.kind != DIAL_CONNECT || !span_eq(wire_get_span(&in), S("files")))
		return -1;
	fd = dialled(dials, in.id);
	turn_a_while(&loop);
	return fd;
}

static bool refuse_one(void)
{
	struct wire_out out = { 0 };
	struct wire_in in;
	int got = 0;

	TURN_UNTIL(&loop, (got = wire_recv(dials, store, &in, NULL)) != 0);
	wire_begin(&out, DIAL_FAILED, in.id);
	wire_put_u64(&out, DIAL_NO_CONNECTION);
	wire_put_span(&out, S("nothing listens"));
	(void)!wire_send_wait(dials, &out, 1000, NULL);
	wire_out_release(&out);
	return got == 1;
}

/* How many requests have come on a connection, as far as they have. */
static size_t requests_on(int fd)
{
	char chunk[4096];
	size_t n = 0;
	ssize_t got;

	turn_a_while(&loop);
	while ((got = read(fd, chunk, sizeof(chunk))) > 0)
		for (ssize_t i = 0; i + 4 <= got; i++)
			n += memcmp(chunk + i, "POST", 4) == 0;
	return n;
}

static void say(int fd, const char *text)
{
	(void)!write(fd, text, strlen(text));
}

static void release(struct seen *seen)
{
	buf_release(&seen->body);
	*seen = (struct seen){ 0 };
}

#define FINE "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void unreachable(void)
{
	struct http_pool *pool = pool_new(2);
	struct seen a = { 0 };

	send_one(pool, &a, false);
	ok(refuse_one(), "dialled");
	TURN_UNTIL(&loop, a.failed);
	ok(a.failed == 1 && a.failure == HTTP_FAIL_DIAL && !a.heads, "no connection: the call fails");
	http_pool_set_egress(pool, NULL);
	release(&a);
	send_one(pool, &a, false);
	is_int(a.failed, 0, "not inside the call");
	TURN_UNTIL(&loop, a.failed);
	is_int(a.failure, HTTP_FAIL_DIAL, "without egress it fails, too");
	release(&a);
	pool = http_pool_free(pool);
	turn_a_while(&loop);
}

static void bad_answers(void)
{
	static const struct {
		const char *name, *answer;
		enum http_failure failure;
	} cases[] = {
		{ "two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
		  HTTP_FAIL_BAD },
		{ "no HTTP", "hello\r\n\r\n", HTTP_FAIL_BAD },
		{ "over the limit", "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", HTTP_FAIL_LONG },
		{ "cut short", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", HTTP_FAIL_BROKEN },
		{ "nothing", "", HTTP_FAIL_BROKEN },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_pool *pool = pool_new(1);
		struct seen a = { 0 };
		int fd;

		send_one(pool, &a, true);
		fd = connect_one();
		say(fd, cases[i].answer);
		turn_a_while(&loop);
		(void)close(fd);
		TURN_UNTIL(&loop, a.failed);
		ok(a.failed == 1 && a.failure == cases[i].failure && !a.done, "refused: %s", cases[i].name);
		is_int(connect_one(), -1, "and not tried again on a fresh connection");
		release(&a);
		pool = http_pool_free(pool);
		turn_a_while(&loop);
	}
}

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

/* Bytes behind an answer must never be taken for the next call's answer. */
static void too_much(void)
{
	struct http_pool *pool = pool_new(1);
	struct seen a = { 0 }, b = { 0 };
	int fd, other;

	a.next = &b;
	send_one(pool, &a, false);
	fd = connect_one();
	say(fd, FINE "HTTP/1.1 201 Evil\r\nContent-Length: 4\r\n\r\nevil");
	TURN_UNTIL(&loop, a.done);
	other = connect_one();
	ok(a.done == 1 && !b.heads && other >= 0, "what follows an answer costs the connection");
	say(other, FINE);
	TURN_UNTIL(&loop, b.done);
	ok(b.done == 1 && b.status == 200, "the next call gets its own answer on another");
	release(&a);
	release(&b);
	pool = http_pool_free(pool);
	turn_a_while(&loop);
	(void)close(fd);
	(void)close(other);
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

/* The id of the next message of this kind to egress; 0 where none comes. */
static uint32_t told(uint32_t kind)
{
	struct wire_in in;
	int got = 0;

	for (int turn = 0; turn < 300 && got == 0; turn++) {
		one_turn(&loop, 0);
		got = wire_recv(dials, store, &in, NULL);
	}
	if (got != 1)
		return 0;
	wire_in_release(&in);
	return in.kind == kind ? in.id : 0;
}

/* Egress need not go on with a connection that nobody wants any more. */
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

static void given_up(void)
{
	struct http_pool *pool = pool_new(1);
	struct seen a = { 0 }, b = { 0 };
	uint32_t id;
	int fd;

	send_one(pool, &a, false);
	id = told(DIAL_CONNECT);
	a.call = http_call_abort(a.call);
	ok(id && told(DIAL_CANCEL) == id, "egress is told that a connection is no longer wanted");
	release(&a);
	send_one(pool, &b, false);
	id = told(DIAL_CONNECT);
	pool = http_pool_free(pool);
	ok(id && told(DIAL_CANCEL) == id, "also where the whole pool goes");
	release(&b);
	turn_a_while(&loop);
	pool = pool_new(1);
	send_one(pool, &a, false);
	fd = connect_one();
	a.call = http_call_abort(a.call);
	is_int(told(DIAL_CANCEL), 0, "a connection that stands is just closed");
	(void)close(fd);
	release(&a);
	pool = http_pool_free(pool);
	turn_a_while(&loop);
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

/* Nobody is called back from inside http_send(), and who waits behind is not forgotten. */
static void no_connection(void)
{
	struct http_pool *pool = pool_new(2);
	struct seen a = { 0 }, b = { 0 };
	int fd;

	starve = sizeof(struct outgoing);
	send_one(pool, &a, true);
	ok(a.call && !a.failed, "no memory for a connection: not told inside the call");
	send_one(pool, &b, true);
	b.call = http_call_abort(b.call);
	TURN_UNTIL(&loop, a.failed);
	ok(a.failed == 1 && a.failure == HTTP_FAIL_DIAL && !b.failed,
	   "but in the next turn, if he still asks");
	starve = 0;
	release(&a);
	send_one(pool, &a, true);
	fd = connect_one();
	say(fd, FINE);
	TURN_UNTIL(&loop, a.done);
	is_int(a.done, 1, "the pool is none the worse for it");
	release(&a);
	release(&b);
	pool = http_pool_free(pool);
	turn_a_while(&loop);
	(void)close(fd);
	pool = pool_new(1);
	send_one(pool, &a, true);
	send_one(pool, &b, true);
	starve = sizeof(struct outgoing);
	a.call = http_call_abort(a.call);
	TURN_UNTIL(&loop, b.failed);
	starve = 0;
	ok(b.failed == 1 && b.failure == HTTP_FAIL_DIAL, "who waited for the place is told as well");
	while (told(DIAL_CONNECT) || told(DIAL_CANCEL))
		;
	release(&a);
	release(&b);
	pool = http_pool_free(pool);
	turn_a_while(&loop);
}

struct ending {
	struct http_pool *pool;
	struct channel *channel;
};

static void on_egress_gone(void *owner)
{
	struct ending *ending = owner;

	http_pool_set_egress(ending->pool, NULL);
	ending->channel = channel_close(ending->channel);
}

/* Calls that wait for a place get one when those before them fail: with an egress that is no more. */
static void egress_dies(void)
{
	static const struct channel_events gone = { silent_message, on_egress_gone };
	struct http_pool *pool = pool_new(2);
	struct ending ending = { .pool = pool };
	struct seen calls[5] = { 0 };
	unsigned failed = 0;
	int fds[2], fd;

	if (wire_pair(fds, NULL) < 0)
		abort();
	ending.channel = channel_open(&loop, fds[0], &gone, &ending, NULL);
	http_pool_set_egress(pool, ending.channel);
	for (size_t i = 0; i < COUNT(calls); i++)
		send_one(pool, &calls[i], true);
	turn_a_while(&loop);
	(void)close(fds[1]);
	TURN_UNTIL(&loop, !ending.channel);
	turn_a_while(&loop);
	for (size_t i = 0; i < COUNT(calls); i++)
		failed += calls[i].failed == 1 && calls[i].failure == HTTP_FAIL_DIAL;
	is_int(failed, 4, "whoever dials there is told, and whoever dials in his place");
	http_pool_set_egress(pool, egress);
	fd = connect_one();
	is_int(requests_on(fd), 1, "who still waited goes to the next");
	(void)close(fd);
	for (size_t i = 0; i < COUNT(calls); i++)
		release(&calls[i]);
	pool = http_pool_free(pool);
	turn_a_while(&loop);
}

/* A server that was taken out of the config may lose its last user inside an answer. */
static void freed_inside(void)
{
	struct http_pool *pool = pool_new(2);
	struct seen a = { 0 }, b = { 0 };
	int fd, other;

	a.frees = &pool;
	send_one(pool, &a, false);
	fd = connect_one();
	send_one(pool, &b, false);
	other = connect_one();
	say(fd, FINE);
	TURN_UNTIL(&loop, a.done);
	turn_a_while(&loop);
	ok(a.done == 1 && !pool && !b.done && !b.failed, "freed when done");
	ok(read(fd, store, sizeof(store)) >= 0 && read(fd, store, 1) <= 0, "its connections are closed");
	(void)close(fd);
	(void)close(other);
	release(&a);
	release(&b);
	pool = pool_new(1);
	a.frees = &pool;
	send_one(pool, &a, false);
	send_one(pool, &b, false);
	fd = connect_one();
	(void)close(fd);
	TURN_UNTIL(&loop, a.failed);
	turn_a_while(&loop);
	ok(a.failed == 1 && !pool && !b.failed && connect_one() < 0, "freed when failed: nothing follows");
	release(&a);
	release(&b);
}

int main(void)
{
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	if (!ok(loop_init(&loop, &err) == 0 && (egress = silent_channel(&loop, &dials)),
		"a loop and an egress"))
		return tap_done();
	unreachable();
	bad_answers();
	kept_alive();
	grown_old();
	too_much();
	waiting();
	lasting();
	shares();
	given_up();
	expired();
	freed_inside();
	if (can_starve())
		no_connection();
	egress_dies();
	egress = channel_close(egress);
	turn_a_while(&loop);
	(void)close(dials);
	loop_release(&loop);
	return tap_done();
}
