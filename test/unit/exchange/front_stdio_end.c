/* front_stdio_end.c - a host on a pair of pipes that reads slowly or not at all, and the end of its input. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/account.h"
#include "stdio_host.h"

/* --- a host that reads slowly, or not at all --- */

enum { LARGE = 3 << 20 };

/* The id under which the server has the call; before its first one it is asked for its tools. */
static unsigned called(struct peer *peer)
{
	struct span line = rig_hear_of(peer, "\"tools/");

	if (span_contains(line, S("tools/list"))) {
		rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":" TOOLS "}", rig_id(line));
		line = rig_hear_of(peer, "\"tools/call");
	}
	return rig_id(line);
}

static unsigned call_modern(struct host *host, struct peer *peer, unsigned id)
{
	rig_say(&host->pipes, REQUEST("%u", "tools/call", "\"name\":\"t\"," META), id);
	return called(peer);
}

static unsigned call_legacy(struct host *host, struct peer *peer, unsigned id)
{
	rig_say(&host->pipes, REQUEST("%u", "tools/call", "\"name\":\"t\""), id);
	return called(peer);
}

static void write_large(struct buf *out, unsigned id, size_t n)
{
	buf_clear(out);
	buf_addf(out,
		 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"",
		 id);
	memset(buf_reserve(out, n), 'x', n);
	out->n += n;
	buf_add(out, S("\"}]}}\n"));
}

/* Writes more of the server's words; false where the pipe to the gate is full. */
static bool pour(struct peer *peer, struct span *rest)
{
	for (int turn = 0; rest->n && turn < 200; turn++) {
		ssize_t put = write(peer->out, rest->p, rest->n);

		if (put > 0) {
			*rest = span_skip(*rest, (size_t)put);
			turn = 0;
		}
		(void)uv_run(&worker.loop.uv, UV_RUN_NOWAIT);
	}
	return rest->n == 0;
}

/* Takes what there is, `most` bytes of it; returns how many lines ended in it. */
static unsigned swallow(struct host *host, size_t most)
{
	static char chunk[65536];
	unsigned lines = 0;

	for (int turn = 0; most && turn < 200; turn++) {
		ssize_t got = read(host->pipes.in, chunk, most < sizeof(chunk) ? most : sizeof(chunk));

		for (ssize_t i = 0; i < got; i++)
			lines += chunk[i] == '\n';
		if (got > 0) {
			most -= (size_t)got;
			turn = 0;
		}
		(void)uv_run(&worker.loop.uv, UV_RUN_NOWAIT);
	}
	return lines;
}

static struct client *client_of_host(void)
{
	return LIST_ENTRY(worker.clients.next, struct client, node);
}

/* More in all than one host may have waiting. */
static void slow(struct server *server, struct buf *text)
{
	enum { CALLS = 7 };
	unsigned asked[CALLS], lines = 0, waited = 0;
	struct host host;
	struct peer peer;

	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "a host"))
		return;
	for (unsigned i = 0; i < CALLS; i++)
		asked[i] = call_legacy(&host, &peer, 100 + i);
	for (unsigned i = 0; i < CALLS; i++) {
		struct span rest;

		write_large(text, asked[i], LARGE);
		rest = buf_span(text);
		for (int tries = 0; !pour(&peer, &rest) && tries < 20; tries++) {
			waited++;
			lines += swallow(&host, LARGE);
		}
	}
	ok(waited >= CALLS - 2, "a server waits for a host that has not taken the answers before (%u)",
	   waited);
	lines += swallow(&host, SIZE_MAX);
	is_int(lines, CALLS, "and the host has all of them");
	ok(!host.ended, "and is not cut");
	leave(&host);
	rig_end(&peer);
}

static void stuck(struct server *server, struct buf *text)
{
	uint64_t now = loop_now(&worker.loop), idle = worker.limits.idle_ms;
	unsigned first;
	struct span rest;
	struct exchange *x;
	struct host host;
	struct peer peer;

	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "a host"))
		return;
	channel_hosts_tick(&worker, now + idle * 4);
	turn_a_while(&worker.loop);
	ok(!host.ended, "who has nothing to take may be silent");
	first = call_legacy(&host, &peer, 100);
	(void)call_legacy(&host, &peer, 101);
	x = exchange_find(client_of_host(), S("101"));
	write_large(text, first, LARGE);
	rest = buf_span(text);
	ok(pour(&peer, &rest), "a large answer");
	ok(client_of_host()->account->held.used > LARGE / 2, "what waits for the host is charged");
	now += idle * 4;
	channel_hosts_tick(&worker, now + 1000);
	channel_hosts_tick(&worker, now + idle);
	exchange_tick(x, now + idle + 1000);
	is_int(worker.n_calls, 1, "its server is not late while it waits for the host");
	(void)swallow(&host, 200000);
	channel_hosts_tick(&worker, now + idle * 2);
	channel_hosts_tick(&worker, now + idle * 3);
	turn_a_while(&worker.loop);
	ok(!host.ended, "who takes a little is not cut");
	channel_hosts_tick(&worker, now + idle * 3 + 1);
	turn_a_while(&worker.loop);
	ok(host.ended && host.cut, "who takes nothing for long is");
	leave(&host);
	is_int(worker.held.used, 0, "and nothing is charged any more");
	rig_end(&peer);
}

/* A modern server is not made to wait. */
static void full(struct server *server, struct buf *text)
{
	unsigned asked[4];
	struct account *account;
	struct host host;
	struct peer peer;
	struct span rest;
	uint64_t number;
	size_t max;

	server->modern = server->legacy = SPEAKS_UNKNOWN;
	if (!ok(begin(&host, server), "a host"))
		return;
	say(&host, REQUEST("100", "tools/call", "\"name\":\"t\"," META));
	ok(rig_greet(&peer, "{\"tools\":{}}"), "of the modern era");
	asked[0] = called(&peer);
	for (unsigned i = 1; i < COUNT(asked); i++)
		asked[i] = call_modern(&host, &peer, 100 + i);
	write_large(text, asked[0], LARGE);
	rest = buf_span(text);
	ok(pour(&peer, &rest), "a large answer");
	account = client_of_host()->account;
	max = account->held.max;
	account->held.max = account->held.used;
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", asked[1]);
	turn_a_while(&worker.loop);
	ok(!client_tell(client_of_host(), S("{\"unasked\":true}")),
	   "where no more may be held, what nobody asked for is dropped");
	account->held.max = max;
	/* The first answer, and its end. */
	(void)swallow(&host, LARGE);
	(void)rig_hear(&host.pipes);
	ok(hears(&host, "\"id\":101", "K801"), "and an answer is an error");
	for (unsigned i = 2; i < COUNT(asked); i++) {
		write_large(text, asked[i], LARGE * 3);
		rest = buf_span(text);
		ok(pour(&peer, &rest), "a very large answer");
	}
	number = worker.exchange_number;
	say(&host, REQUEST("200", "server/discover", META));
	turn_a_while(&worker.loop);
	ok(worker.exchange_number == number, "a host that takes so little is no longer listened to");
	is_int(swallow(&host, SIZE_MAX), 3, "when it has taken all, it is");
	ok(!host.ended, "and is not cut");
	leave(&host);
	rig_end(&peer);
}

/* --- the end of its input --- */

static void ends_input(struct host *host)
{
	closep(&host->pipes.out);
	turn_a_while(&worker.loop);
}

static void unfinished(struct server *server)
{
	struct host host;

	if (!ok(begin(&host, server), "a host"))
		return;
	(void)!write(host.pipes.out, "junk", 4);
	ends_input(&host);
	ok(hears(&host, "-32700", "K613"), "the last line is taken, also without its end");
	TURN_UNTIL(&worker.loop, host.ended);
	ok(host.ended && !host.cut, "then the host has left");
	leave(&host);
}

static void late(struct server *server)
{
	struct host host;
	struct peer peer;
	unsigned id;

	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "a host"))
		return;
	id = call_legacy(&host, &peer, 100);
	ends_input(&host);
	channel_hosts_tick(&worker, loop_now(&worker.loop) + 20000);
	turn_a_while(&worker.loop);
	ok(!host.ended, "a call under way is waited for when the host has said all");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", id);
	ok(hears(&host, "\"id\":100", "\"content\""), "and answered, however late");
	TURN_UNTIL(&worker.loop, host.ended);
	ok(host.ended && !host.cut, "that was the last");
	leave(&host);
	rig_end(&peer);
}

static void answered(struct server *server, struct buf *text)
{
	unsigned first, second;
	struct host host;
	struct peer peer;
	struct span rest;

	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "a host"))
		return;
	first = call_legacy(&host, &peer, 100);
	second = call_legacy(&host, &peer, 101);
	ends_input(&host);
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", first);
	ok(hears(&host, "\"id\":100", "\"content\""),
	   "a call under way is answered after the host has said all");
	ok(!host.ended, "the other one is waited for");
	write_large(text, second, LARGE);
	rest = buf_span(text);
	ok(pour(&peer, &rest), "a large answer");
	channel_hosts_tick(&worker, loop_now(&worker.loop) + 4000);
	turn_a_while(&worker.loop);
	ok(!host.ended, "what the host has not taken is waited for, too");
	is_int(swallow(&host, SIZE_MAX), 1, "it takes it");
	TURN_UNTIL(&worker.loop, host.ended);
	ok(host.ended && !host.cut, "and has left");
	leave(&host);
	rig_end(&peer);
}

static void gone(struct server *server)
{
	struct host host;
	struct peer peer;

	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "a host"))
		return;
	(void)call_legacy(&host, &peer, 100);
	closep(&host.pipes.in);
	say(&host, REQUEST("101", "ping", ""));
	TURN_UNTIL(&worker.loop, host.ended);
	ok(host.ended && !host.cut, "who no longer hears has left at once");
	leave(&host);
	rig_end(&peer);
}

/* So leaves a host that dies: it closes both, and a call may take long. */
static void deaf(struct server *server)
{
	struct host host;
	struct peer peer;

	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "a host"))
		return;
	(void)call_legacy(&host, &peer, 100);
	ends_input(&host);
	channel_hosts_tick(&worker, loop_now(&worker.loop));
	turn_a_while(&worker.loop);
	ok(!host.ended, "who has said all and can hear is waited for");
	closep(&host.pipes.in);
	channel_hosts_tick(&worker, loop_now(&worker.loop));
	TURN_UNTIL(&worker.loop, host.ended);
	ok(host.ended && !host.cut, "who no longer hears has left, with a call under way");
	leave(&host);
	rig_end(&peer);
	if (!ok(greeted(&host, server, &peer, HELLO("1", "2025-11-25"), "2025-11-25"), "another host"))
		return;
	(void)call_legacy(&host, &peer, 100);
	closep(&host.pipes.in);
	ends_input(&host);
	TURN_UNTIL(&worker.loop, host.ended);
	ok(host.ended && !host.cut, "the other way round it is seen at once");
	leave(&host);
	rig_end(&peer);
}

int main(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)16 << 20);
	struct server *server;

	if (!rig_start())
		abort();
	server = rig_server("files");
	unfinished(server);
	gone(server);
	deaf(server);
	late(server);
	answered(server, &text);
	stuck(server, &text);
	slow(server, &text);
	full(server, &text);
	worker_drop_server(&worker, server);
	rig_stop();
	return tap_done();
}
