/* rig.h - a worker without a process around it: the test is its launcher, its servers and its clients. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/ring.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/seal.h"
#include "exchange/client.h"
#include "exchange/finding.h"
#include "exchange/processes.h"
#include "exchange/round_state.h"
#include "exchange/token_cache.h"
#include "jail/launch.h"
#include "silent.h"
#include "tap.h"
#include "turns.h"

static struct worker worker;
static struct log quiet = { .fd = -1, .level = LOG_ERROR, .role = "test" };
static struct ring rig_ring = RING_INIT;
static struct ring_fds rig_fds = RING_FDS_INIT;
static int rig_launcher = -1;

/* A server's program, seen from inside: what the gate writes comes in, what it reads goes out. */
struct peer {
	char name[64];
	int in, out, notes;
	struct buf said;
};

/* Where a client's answers go. */
struct heard {
	struct sink sink;
	unsigned sent, finals, status;
	struct buf last;
};

static bool rig_start(void)
{
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	if (crypto_init(&err) < 0 || worker_init(&worker, &quiet, &err) < 0 ||
	    ring_create((size_t)4 << 20, &rig_fds, &err) < 0 ||
	    ring_map(&rig_ring, &rig_fds, RING_PRODUCER, &err) < 0)
		return false;
	worker.ring = &rig_ring;
	worker.has_audit_key = true;
	round_keys_make(&worker);
	worker.upstream.launcher = silent_channel(&worker.loop, &rig_launcher);
	return worker.upstream.launcher != NULL;
}

/* A worker ends with its process; what the test made, it takes back. */
__attribute__((unused)) static void rig_stop(void)
{
	while (!list_empty(&worker.servers))
		worker_drop_server(&worker, LIST_ENTRY(worker.servers.next, struct server, node));
	worker.upstream.launcher = channel_close(worker.upstream.launcher);
	processes_clear(&worker);
	turn_a_while(&worker.loop);
	(void)uv_timer_stop(&worker.tick);
	uv_close((uv_handle_t *)&worker.tick, NULL);
	turn_a_while(&worker.loop);
	while (!list_empty(&worker.free_exchanges)) {
		struct exchange *x = LIST_ENTRY(worker.free_exchanges.next, struct exchange, in_client);

		list_remove(&x->in_client);
		arena_release(&x->arena);
		free(x);
	}
	worker.tokens = token_cache_free(worker.tokens);
	worker.round_keys = seal_ring_free(worker.round_keys);
	finding_release(&worker);
	map_release(&worker.sessions);
	map_release(&worker.contexts);
	map_release(&worker.event_sessions);
	map_release(&worker.accounts);
	buf_release(&worker.out);
	buf_release(&worker.frame);
	buf_release(&worker.line);
	json_release(&worker.json);
	json_release(&worker.side);
	json_release(&worker.upstream.json);
	(void)close(rig_launcher);
	ring_unmap(&rig_ring);
	ring_fds_release(&rig_fds);
	loop_release(&worker.loop);
}

/* --- servers --- */

/* All its tools are allowed but those named "hidden". */
__attribute__((unused)) static struct server *rig_server(const char *name)
{
	static const struct tool_rule allow = { .glob = SPAN("*") }, deny = { .glob = SPAN("hidden") };
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		abort();
	server->refs = 1;
	server->name = span_str(name);
	server->kind = SERVER_STDIO;
	server->timeout_ms = 60000;
	server->rules = (struct tool_rules){ .allow = &allow, .deny = &deny, .n_allow = 1, .n_deny = 1 };
	list_add(&worker.servers, &server->node);
	return server;
}

/* Starts the next program that the gate wants started; or refuses, where there is no peer for it. */
__attribute__((unused)) static bool rig_launch(struct peer *peer)
{
	static char store[WIRE_MAX_BYTES];
	struct wire_out out = { 0 };
	struct wire_in in;
	int a[2], b[2], c[2], got = 0;

	do {
		TURN_UNTIL(&worker.loop, (got = wire_recv(rig_launcher, store, &in, NULL)) != 0);
	} while (got == 1 && in.kind != LAUNCH_START);
	if (got != 1 || pipe2(a, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(b, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(c, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	wire_begin(&out, peer ? LAUNCH_STARTED : LAUNCH_FAILED, in.id);
	wire_put_u64(&out, 2);
	if (peer) {
		*peer = (struct peer){ .in = a[0], .out = b[1], .notes = c[1], .said = { .max = 1 << 20 } };
		(void)span_to_cstr(wire_get_span(&in), peer->name, sizeof(peer->name));
		wire_put_fd(&out, a[1]);
		wire_put_fd(&out, b[0]);
		wire_put_fd(&out, c[0]);
	} else {
		wire_put_span(&out, S("no such program"));
		(void)close(a[0]);
		(void)close(b[1]);
		(void)close(c[1]);
	}
	got = wire_send_wait(rig_launcher, &out, 1000, NULL);
	wire_out_release(&out);
	(void)close(a[1]);
	(void)close(b[0]);
	(void)close(c[0]);
	return got == 0;
}

/* Does the gate ask the launcher for nothing? */
__attribute__((unused)) static bool rig_starts_nothing(void)
{
	static char store[WIRE_MAX_BYTES];
	struct wire_in in;

	turn_a_while(&worker.loop);
	while (wire_recv(rig_launcher, store, &in, NULL) == 1) {
		bool start = in.kind == LAUNCH_START;

		wire_in_release(&in);
		if (start)
			return false;
	}
	return true;
}

/* The next line the gate wrote; empty where none comes. Valid until the next one. */
__attribute__((unused)) static struct span rig_hear(struct peer *peer)
{
	static char line[65536];
	size_t end = 0;

	for (int turn = 0; turn < 2000; turn++) {
		char chunk[4096];
		ssize_t got;

		end = span_find(buf_span(&peer->said), '\n');
		if (end < peer->said.n)
			break;
		one_turn(&worker.loop, turn);
		got = read(peer->in, chunk, sizeof(chunk));
		if (got > 0)
			buf_add(&peer->said, span_of(chunk, (size_t)got));
	}
	if (end >= peer->said.n || end >= sizeof(line))
		return S("");
	memcpy(line, peer->said.p, end);
	buf_consume(&peer->said, end + 1);
	return span_of(line, end);
}

/* The next line with these words in it; what comes before it is passed over. */
__attribute__((unused)) static struct span rig_hear_of(struct peer *peer, const char *words)
{
	struct span line;

	do {
		line = rig_hear(peer);
	} while (line.n && !span_contains(line, span_str(words)));
	return line;
}

__attribute__((unused)) static bool rig_is_silent(struct peer *peer)
{
	char chunk[64];

	turn_a_while(&worker.loop);
	return peer->said.n == 0 && read(peer->in, chunk, sizeof(chunk)) <= 0;
}

__attribute__((unused, format(printf, 2, 3))) static void rig_say(struct peer *peer, const char *format, ...)
{
	static char text[65536];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	text[n] = '\n';
	(void)!write(peer->out, text, (size_t)n + 1);
}

/* The id of a message the gate wrote. */
__attribute__((unused)) static unsigned rig_id(struct span line)
{
	uint64_t id = 0;

	for (size_t i = 0; i + 5 < line.n; i++) {
		struct span rest = span_skip(line, i);
		size_t n = 0;

		if (!span_starts(rest, S("\"id\":")))
			continue;
		rest = span_skip(rest, 5);
		while (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
			n++;
		(void)span_u64(span_first(rest, n), &id);
		break;
	}
	return (unsigned)id;
}

__attribute__((unused)) static void rig_end(struct peer *peer)
{
	closep(&peer->in);
	closep(&peer->out);
	closep(&peer->notes);
	buf_release(&peer->said);
}

/* Starts the next program and greets the gate from it. `capabilities` is JSON. */
__attribute__((unused)) static bool rig_greet(struct peer *peer, const char *capabilities)
{
	struct span hello;

	if (!rig_launch(peer))
		return false;
	hello = rig_hear(peer);
	if (span_contains(hello, S("server/discover")))
		rig_say(peer,
			"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"supportedVersions\":[\"2026-07-28\"],"
			"\"capabilities\":%s}}",
			rig_id(hello), capabilities);
	else
		rig_say(peer,
			"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"protocolVersion\":\"2025-11-25\","
			"\"capabilities\":%s}}",
			rig_id(hello), capabilities);
	return hello.n > 0;
}

/* Answers the question for its tools; these are JSON, with commas between them. */
__attribute__((unused)) static void rig_list_tools(struct peer *peer, const char *tools)
{
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[%s]}}",
		rig_id(rig_hear_of(peer, "tools/list")), tools);
}

/* --- clients --- */

/* `id` is the principal's, `scopes` are a token's; `only` is the endpoint's server, or NULL for all. */
__attribute__((unused)) static struct client *rig_client_of(const char *id, enum era era, struct server *only,
							    const char *scopes)
{
	struct principal *principal = principal_new(span_str(id), S("laptop"), span_str(scopes), 0);
	struct err err = ERR_INIT;
	struct client *client = client_new(
	    &worker, principal, era == ERA_LEGACY ? CLIENT_SESSION : CLIENT_CHANNEL, era, only, &err);

	(void)principal_unref(principal);
	if (!client)
		abort();
	client->revision = era == ERA_LEGACY ? REVISION_2025_11_25 : REVISION_2026_07_28;
	client->ready = true;
	buf_add(&client->hello, S("{}"));
	return client;
}

__attribute__((unused)) static struct client *rig_client(enum era era, struct server *only,
							 const char *scopes)
{
	return rig_client_of("token:t-1", era, only, scopes);
}

__attribute__((unused)) static struct client *rig_leave(struct client *client)
{
	client_close(client, S("the test is over"));
	client = client_unref(client);
	turn_a_while(&worker.loop);
	(void)rig_starts_nothing();
	return client;
}

static void rig_take(struct sink *sink, struct exchange *x, unsigned status, struct span message, bool final)
{
	struct heard *heard = LIST_ENTRY(sink, struct heard, sink);

	(void)x;
	heard->sent++;
	heard->finals += final;
	heard->status = status;
	heard->last.max = (size_t)1 << 20;
	buf_clear(&heard->last);
	buf_add(&heard->last, message);
}

/* Sends a client's request on its way. What was heard before is forgotten. */
__attribute__((unused)) static void rig_ask_as(struct client *client, struct heard *heard, struct span text,
					       bool headers_checked)
{
	struct message message;

	buf_release(&heard->last);
	*heard = (struct heard){ .sink = { .send = rig_take } };
	if (!json_parse(&worker.json, text, text.n) || message_read(&worker.json, 0, &message) != MESSAGE_OK)
		abort();
	exchange_start(&worker, &message,
		       &(struct exchange_options){ .client = client,
						   .only = client->only,
						   .sink = &heard->sink,
						   .revision = client->revision,
						   .headers_checked = headers_checked });
}

/* The same at one server's endpoint, for a client of all. */
__attribute__((unused)) static void rig_ask_at(struct client *client, struct server *only,
					       struct heard *heard, const char *text)
{
	struct message message;

	buf_release(&heard->last);
	*heard = (struct heard){ .sink = { .send = rig_take } };
	if (!json_parse(&worker.json, span_str(text), strlen(text)) ||
	    message_read(&worker.json, 0, &message) != MESSAGE_OK)
		abort();
	exchange_start(
	    &worker, &message,
	    &(struct exchange_options){
		.client = client, .only = only, .sink = &heard->sink, .revision = client->revision });
}

__attribute__((unused)) static void rig_ask(struct client *client, struct heard *heard, const char *text)
{
	rig_ask_as(client, heard, span_str(text), false);
}

__attribute__((unused)) static bool rig_heard(const struct heard *heard, const char *part)
{
	return span_contains(buf_span(&heard->last), span_str(part));
}
