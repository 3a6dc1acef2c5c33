/* tls_stream.c - streams that carry TLS. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/stream.h"

#include <sys/socket.h>

#include "tls_rig.h"

enum { BIG = 3 * 1000 * 1000 };

struct end {
	struct stream *stream;
	struct buf got;
	bool secure, ended;
	enum stream_end why;
	char reason[200];
	unsigned drains, pauses;
	size_t pause_every; /* bytes; 0: never */
	size_t next_pause;
	struct later resuming;
	/* Of a raw end: what it does with bytes. */
	struct tls_session *raw;
	/* Of one that moves. */
	struct stream_parcel parcel;
	bool moved;
};

static void run_resuming(struct later *later)
{
	stream_resume(LIST_ENTRY(later, struct end, resuming)->stream);
}

static void on_read(void *owner, struct span bytes)
{
	struct end *end = owner;

	check(end->secure);
	buf_add(&end->got, bytes);
	if (end->pause_every && end->got.n >= end->next_pause) {
		end->next_pause = end->got.n + end->pause_every;
		end->pauses++;
		stream_pause(end->stream);
	}
}

static void on_end(void *owner, enum stream_end why)
{
	struct end *end = owner;

	check(!end->ended);
	end->ended = true;
	end->why = why;
	(void)span_to_cstr(stream_why(end->stream), end->reason, sizeof(end->reason));
}

static void on_drain(void *owner)
{
	((struct end *)owner)->drains++;
}

static void on_secure(void *owner)
{
	struct end *end = owner;

	check(!end->secure && end->got.n == 0);
	end->secure = true;
}

static const struct stream_events events = { on_read, on_end, on_drain, on_secure };

/* A raw end keeps what it hears, or hands it to a session of its own. */
static void on_raw_read(void *owner, struct span bytes)
{
	struct end *end = owner;

	if (!end->raw)
		return;
	tls_session_feed(end->raw, bytes);
	(void)drive(end->raw, &end->got);
	stream_write(end->stream, (struct span[]){ tls_session_output(end->raw) }, 1);
	tls_session_sent(end->raw);
}

static const struct stream_events raw_events = { on_raw_read, on_end, on_drain, NULL };

struct wire {
	struct loop loop;
	struct end client, server;
	struct tls_context *to, *from;
};

static void end_open(struct wire *wire, struct end *end, int fd, const struct stream_events *how)
{
	struct err err = ERR_INIT;

	*end = (struct end){ .got = BUF_INIT((size_t)8 << 20) };
	end->resuming.run = run_resuming;
	end->stream = stream_open(&wire->loop, fd, STREAM_PIPE, how, end, &err);
	check(end->stream != NULL);
}

/* A client with TLS, and a server: with TLS, or raw. */
static void wire_open(struct wire *wire, bool raw)
{
	struct err err = ERR_INIT;
	int fds[2];

	*wire = (struct wire){ .to = client_context("ca.pem", NULL), .from = server_context("good") };
	check(loop_init(&wire->loop, &err) == 0);
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	end_open(wire, &wire->client, fds[0], &events);
	end_open(wire, &wire->server, fds[1], raw ? &raw_events : &events);
	check(stream_start_tls(wire->client.stream, wire->to, S("localhost"), &err) == 0);
	if (!raw)
		check(stream_start_tls(wire->server.stream, wire->from, S(""), &err) == 0);
}

static void wire_close(struct wire *wire)
{
	loop_later_cancel(&wire->client.resuming);
	loop_later_cancel(&wire->server.resuming);
	wire->client.stream = stream_close(wire->client.stream);
	wire->server.stream = stream_close(wire->server.stream);
	wire->server.raw = tls_session_free(wire->server.raw);
	buf_release(&wire->client.got);
	buf_release(&wire->server.got);
	loop_release(&wire->loop);
	(void)tls_context_unref(wire->to);
	(void)tls_context_unref(wire->from);
}

#define turn_until(wire, condition)                                                                          \
	while (!(condition))                                                                                 \
	(void)uv_run(&(wire)->loop.uv, UV_RUN_ONCE)

static char pattern(size_t at, unsigned seed)
{
	return (char)((at * 2654435761U + seed) >> 13);
}

static bool has_pattern(const struct buf *got, size_t n, unsigned seed)
{
	bool same = got->n == n;

	for (size_t i = 0; same && i < n; i++)
		same = got->p[i] == pattern(i, seed);
	return same;
}

/* In parts of many lengths, so that records and parts never fall together. */
static void write_pattern(struct stream *stream, size_t n, unsigned seed)
{
	CLEANUP(freep) char *bytes = malloc(n);
	struct span rest;

	check(bytes != NULL);
	for (size_t i = 0; i < n; i++)
		bytes[i] = pattern(i, seed);
	for (rest = span_of(bytes, n); rest.n;) {
		size_t most = 1 + (n - rest.n) % 50001;
		struct span parts[3] = { span_first(rest, most / 3) };

		rest = span_skip(rest, parts[0].n);
		parts[1] = span_first(rest, 0);
		parts[2] = span_first(rest, most - parts[0].n);
		rest = span_skip(rest, parts[2].n);
		stream_write(stream, parts, 3);
	}
}

/* Two records come together; between them the stream moves. */
static void on_read_moves(void *owner, struct span bytes)
{
	struct end *end = owner;

	buf_add(&end->got, bytes);
	end->moved = stream_detach(end->stream, &end->parcel, &(bool){ false });
}

static const struct stream_events moving_events = { on_read_moves, on_end, on_drain, on_secure };

static void test_moving(void)
{
	struct wire wire;
	struct err err = ERR_INIT;
	struct loop other;

	wire_open(&wire, false);
	turn_until(&wire, wire.client.secure && wire.server.secure);
	stream_hand_over(wire.server.stream, &moving_events, &wire.server);
	stream_write(wire.client.stream, (struct span[]){ S("one, ") }, 1);
	stream_write(wire.client.stream, (struct span[]){ S("two") }, 1);
	turn_until(&wire, wire.server.moved);
	is_span(buf_span(&wire.server.got), S("one, "), "a secure stream leaves between two records");
	check(loop_init(&other, &err) == 0);
	wire.server.stream = stream_attach(&other, &wire.server.parcel, &events, &wire.server, &err);
	for (int i = 0; i < 1000 && wire.server.got.n < 8; i++)
		(void)uv_run(&other.uv, UV_RUN_NOWAIT);
	is_span(buf_span(&wire.server.got), S("one, two"), "what it had read and not shown goes with it");
	stream_write(wire.server.stream, (struct span[]){ S("three") }, 1);
	wire.server.stream = stream_close(wire.server.stream);
	loop_release(&other);
	turn_until(&wire, wire.client.ended);
	ok(wire.client.got.n == 5 && wire.client.why == STREAM_EOF, "its answer comes, and its close_notify");
	wire_close(&wire);
}

static void test_transfer(void)
{
	struct wire wire;

	wire_open(&wire, false);
	turn_until(&wire, wire.client.secure && wire.server.secure);
	ok(!wire.client.ended && !wire.server.ended, "two streams over a socket pair");
	wire.client.pause_every = 100000;
	wire.server.pause_every = 70000;
	write_pattern(wire.client.stream, BIG, 1);
	write_pattern(wire.server.stream, BIG, 2);
	ok(stream_queued(wire.client.stream) > BIG / 2, "what the other side does not take waits");
	ok(stream_queued(wire.client.stream) < BIG + BIG / 20, "and is not much longer than what was said");
	while (wire.client.got.n < BIG || wire.server.got.n < BIG || !wire.client.drains ||
	       !wire.server.drains) {
		loop_later(&wire.loop, &wire.client.resuming);
		loop_later(&wire.loop, &wire.server.resuming);
		(void)uv_run(&wire.loop.uv, UV_RUN_ONCE);
	}
	ok(has_pattern(&wire.server.got, BIG, 1), "three megabytes from the client");
	ok(has_pattern(&wire.client.got, BIG, 2), "three megabytes from the server, at the same time");
	ok(wire.client.pauses > 10 && wire.server.pauses > 10, "with pauses in between");
	is_int(stream_queued(wire.client.stream) + stream_queued(wire.server.stream), 0, "nothing waits");
	ok(wire.client.drains && wire.server.drains, "that the queues ran empty was told");
	wire_close(&wire);
}

/* A stop while paused: not a byte comes before the resume, all come after it. */
static void test_pause(void)
{
	struct wire wire;
	size_t first;

	wire_open(&wire, false);
	turn_until(&wire, wire.client.secure && wire.server.secure);
	wire.client.pause_every = 1;
	write_pattern(wire.server.stream, 60000, 3);
	turn_until(&wire, wire.client.pauses > 0);
	first = wire.client.got.n;
	ok(first > 0 && first < 60000, "a pause takes effect after one record");
	for (int i = 0; i < 5; i++)
		(void)uv_run(&wire.loop.uv, UV_RUN_NOWAIT);
	is_int(wire.client.got.n, first, "nothing more comes");
	wire.client.pause_every = 0;
	stream_resume(wire.client.stream);
	is_int(wire.client.got.n, first, "nothing from inside the resume");
	turn_until(&wire, wire.client.got.n == 60000);
	ok(has_pattern(&wire.client.got, 60000, 3), "then the rest of it");
	wire_close(&wire);
}

static void test_ends(void)
{
	struct wire wire;

	wire_open(&wire, false);
	turn_until(&wire, wire.client.secure && wire.server.secure);
	write_pattern(wire.server.stream, BIG, 4);
	wire.server.stream = stream_close_flushed(wire.server.stream, 60000);
	turn_until(&wire, wire.client.ended);
	ok(has_pattern(&wire.client.got, BIG, 4), "everything that waited comes before the end");
	is_int(wire.client.why, STREAM_EOF, "and the end is a good one");
	wire_close(&wire);

	wire_open(&wire, false);
	turn_until(&wire, wire.client.secure && wire.server.secure);
	wire.client.stream = stream_close(wire.client.stream);
	turn_until(&wire, wire.server.ended);
	is_int(wire.server.why, STREAM_EOF, "a plain close says close_notify too");
	wire_close(&wire);
}

static void test_cuts(void)
{
	struct err err = ERR_INIT;
	struct wire wire;

	wire_open(&wire, true);
	wire.server.raw = tls_session_new(wire.from, S(""), &err);
	turn_until(&wire, wire.client.secure && tls_session_is_secure(wire.server.raw));
	check(tls_session_write(wire.server.raw, S("half of it")));
	stream_write(wire.server.stream, (struct span[]){ tls_session_output(wire.server.raw) }, 1);
	wire.server.stream = stream_close(wire.server.stream);
	turn_until(&wire, wire.client.ended);
	is_span(buf_span(&wire.client.got), S("half of it"), "what came before the cut");
	is_int(wire.client.why, STREAM_BROKEN, "an end without close_notify is no good end");
	wire_close(&wire);

	wire_open(&wire, true);
	wire.server.raw = tls_session_new(wire.from, S(""), &err);
	turn_until(&wire, wire.client.secure && tls_session_is_secure(wire.server.raw));
	stream_write(wire.server.stream, (struct span[]){ S("this is no record of anything") }, 1);
	turn_until(&wire, wire.client.ended);
	is_int(wire.client.why, STREAM_BROKEN, "garbage after the handshake: %s", wire.client.reason);
	wire_close(&wire);
}

static void test_bad_handshakes(void)
{
	struct err err = ERR_INIT;
	struct wire wire;

	wire_open(&wire, true);
	stream_write(wire.server.stream, (struct span[]){ S("HTTP/1.1 400 Bad Request\r\n\r\n") }, 1);
	turn_until(&wire, wire.client.ended);
	ok(wire.client.why == STREAM_INSECURE && !wire.client.secure, "garbage instead of a handshake: %s",
	   wire.client.reason);
	ok(wire.client.reason[0], "the reason is told");
	wire_close(&wire);

	wire_open(&wire, true);
	wire.server.stream = stream_close(wire.server.stream);
	turn_until(&wire, wire.client.ended);
	ok(wire.client.why == STREAM_INSECURE && wire.client.reason[0], "no handshake at all: %s",
	   wire.client.reason);
	wire_close(&wire);

	wire_open(&wire, true);
	(void)tls_context_unref(wire.from);
	wire.from = server_context("wrong");
	wire.server.raw = tls_session_new(wire.from, S(""), &err);
	turn_until(&wire, wire.client.ended);
	is_int(wire.client.why, STREAM_INSECURE, "a server with another's certificate: %s",
	       wire.client.reason);
	turn_until(&wire, tls_session_why(wire.server.raw).n);
	ok(wire.server.got.n == 0, "it got not one byte, but the alert: %.*s",
	   SPAN_ARG(tls_session_why(wire.server.raw)));
	wire_close(&wire);
}

int main(void)
{
	if (!tls_begin())
		return 0;
	test_bad_handshakes();
	test_cuts();
	test_transfer();
	test_moving();
	test_pause();
	test_ends();
	tls_end();
	return tap_done();
}
