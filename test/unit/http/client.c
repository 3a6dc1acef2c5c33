/* client.c - calls outwards: how they fail, and what becomes of them when nobody wants them any more. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client_rig.h"
#include "http/outgoing.h"
#include "starved.h"

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

/* Egress need not go on with a connection that nobody wants any more. */
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
	if (!ok(client_begin(), "a loop and an egress"))
		return tap_done();
	unreachable();
	bad_answers();
	too_much();
	given_up();
	freed_inside();
	if (can_starve())
		no_connection();
	egress_dies();
	client_end();
	return tap_done();
}
