/* client_rig.h - a pool of connections outwards, with the test as egress and as the server. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dialled.h"
#include "http/client.h"
#include "net/dial.h"
#include "silent.h"
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

__attribute__((unused)) static bool refuse_one(void)
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

static bool client_begin(void)
{
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	return loop_init(&loop, &err) == 0 && (egress = silent_channel(&loop, &dials));
}

static void client_end(void)
{
	egress = channel_close(egress);
	turn_a_while(&loop);
	(void)close(dials);
	loop_release(&loop);
}
