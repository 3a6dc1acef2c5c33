/* rig.h - a link without a worker around it: the test is its launcher, its server, and who asks. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/redact.h"
#include "base/file.h"
#include "jail/launch.h"
#include "limits/limits.h"
#include "silent.h"
#include "tap.h"
#include "turns.h"
#include "upstream/link.h"

static struct loop loop;
static struct log quiet = { .fd = -1, .level = LOG_ERROR, .role = "test" };
static struct upstream upstream;
static char store[WIRE_MAX_BYTES];

/* The test's ends: the launcher's channel, and the pipes of the one server that runs. */
static int launcher = -1, from_gate = -1, to_gate = -1, notes = -1;
static struct buf said = { .max = (size_t)1 << 20 };

struct seen {
	unsigned ready, dead, messages;
	char why[256]; /* it is dead, in words */
	enum link_failure failure;
	uint64_t tick_ms;
	struct buf last; /* of on_message: the message, emitted */
};

struct asked {
	struct call call;
	unsigned messages, finals, failures;
	enum link_failure failure;
	struct buf last;
	struct link **closes; /* the link, closed on the answer, or on the failure */
	struct asked *other;  /* given up on the failure */
	unsigned retries;     /* asked again on the failure, so many times */
	bool cancels;
};

static void keep(struct buf *out, const struct message *message)
{
	buf_clear(out);
	out->max = 65536;
	buf_add(out, json_raw(message->json, message->root));
}

static void on_ready(void *owner, struct link *link)
{
	(void)link;
	((struct seen *)owner)->ready++;
}

static void on_dead(void *owner, struct link *link, enum link_failure failure, struct span why)
{
	struct seen *seen = owner;

	(void)link;
	(void)span_to_cstr(why, seen->why, sizeof(seen->why));
	seen->dead++;
	seen->failure = failure;
}

static void on_message(void *owner, struct link *link, const struct message *message)
{
	struct seen *seen = owner;

	(void)link;
	seen->messages++;
	keep(&seen->last, message);
}

static void on_tick(void *owner, struct link *link, uint64_t now_ms)
{
	struct seen *seen = owner;

	(void)link;
	seen->tick_ms = now_ms;
}

static const struct link_events events = {
	.on_ready = on_ready, .on_dead = on_dead, .on_message = on_message, .on_tick = on_tick
};

__attribute__((unused)) static void on_call_message(struct call *call, const struct message *message,
						    bool final)
{
	struct asked *asked = LIST_ENTRY(call, struct asked, call);

	asked->messages += !final;
	asked->finals += final;
	keep(&asked->last, message);
	if (asked->closes)
		*asked->closes = link_close(*asked->closes);
}

static struct link *again; /* where ask_again() asks */

static void ask_again(struct asked *asked)
{
	static const struct send_facts facts = { .method = METHOD_TOOLS_CALL };

	(void)link_take_id(again, &asked->call);
	link_request(again, &asked->call, S("{}"), &facts);
}

__attribute__((unused)) static void on_call_failed(struct call *call, enum link_failure failure,
						   struct span why)
{
	struct asked *asked = LIST_ENTRY(call, struct asked, call);

	asked->failures++;
	asked->failure = failure;
	if (asked->cancels)
		call_cancel(&asked->other->call, S("no more"));
	else if (asked->other)
		call_forget(&asked->other->call);
	if (asked->closes)
		*asked->closes = link_close(*asked->closes);
	/* Whatever was closed: the words are there until the callback returns. */
	ok(why.n > 0 && why.p[why.n - 1] != '\0', "the reason is there: %.*s", SPAN_ARG(why));
	if (asked->retries) {
		asked->retries--;
		ask_again(asked);
	}
}

static struct server *server_new(void)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		abort();
	server->refs = 1;
	server->name = S("files");
	server->kind = SERVER_STDIO;
	list_init(&server->node);
	return server;
}

/* Plays the launcher: hands out pipes, or refuses. */
static bool launch(bool fine)
{
	struct wire_out out = { 0 };
	struct wire_in in;
	int a[2], b[2], c[2];
	int got = 0;

	TURN_UNTIL(&loop, (got = wire_recv(launcher, store, &in, NULL)) != 0);
	if (got != 1 || in.kind != LAUNCH_START || pipe2(a, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(b, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(c, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	wire_begin(&out, fine ? LAUNCH_STARTED : LAUNCH_FAILED, in.id);
	wire_put_u64(&out, 2);
	if (fine) {
		wire_put_fd(&out, a[1]);
		wire_put_fd(&out, b[0]);
		wire_put_fd(&out, c[0]);
	} else {
		wire_put_span(&out, S("no such program"));
	}
	got = wire_send_wait(launcher, &out, 1000, NULL);
	wire_out_release(&out);
	(void)close(a[1]);
	(void)close(b[0]);
	(void)close(c[0]);
	from_gate = a[0];
	to_gate = b[1];
	notes = c[1];
	buf_clear(&said);
	return got == 0;
}

/* The next line the gate wrote; empty where none comes. */
static struct span hear(void)
{
	static char line[65536];
	size_t end = 0;

	for (int turn = 0; turn < 2000; turn++) {
		char chunk[4096];
		ssize_t got;

		end = span_find(buf_span(&said), '\n');
		if (end < said.n)
			break;
		one_turn(&loop, turn);
		got = read(from_gate, chunk, sizeof(chunk));
		if (got > 0)
			buf_add(&said, span_of(chunk, (size_t)got));
	}
	if (end >= said.n || end >= sizeof(line))
		return S("");
	memcpy(line, said.p, end);
	buf_consume(&said, end + 1);
	return span_of(line, end);
}

__attribute__((unused)) static bool is_silent(void)
{
	char chunk[64];

	turn_a_while(&loop);
	return said.n == 0 && read(from_gate, chunk, sizeof(chunk)) <= 0;
}

static void say(const char *line)
{
	(void)!write(to_gate, line, strlen(line));
	(void)!write(to_gate, "\n", 1);
}

static void server_ends(void)
{
	closep(&from_gate);
	closep(&to_gate);
	closep(&notes);
}

static struct link *open_link(struct server *server, enum era era, struct seen *seen)
{
	struct err err = ERR_INIT;

	buf_release(&seen->last);
	*seen = (struct seen){ 0 };
	return link_open(&upstream, server, era, S("{\"hello\":1}"), &events, seen, &err);
}

#define LEGACY                                                                                               \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-06-18\","                      \
	"\"capabilities\":{\"tools\":{\"listChanged\":true},\"logging\":7}}}"
#define MODERN "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"supportedVersions\":[7,\"2026-07-28\"]}}"

/* A legacy link that is ready. */
__attribute__((unused)) static struct link *ready_link(struct server *server, enum era era, struct seen *seen)
{
	struct link *link = open_link(server, era, seen);

	if (!link || !launch(true) || hear().n == 0)
		abort();
	say(era == ERA_LEGACY ? LEGACY : MODERN);
	TURN_UNTIL(&loop, seen->ready);
	return link;
}

static void drop_launcher_words(void)
{
	struct wire_in in;

	while (wire_recv(launcher, store, &in, NULL) == 1)
		wire_in_release(&in);
}

__attribute__((unused)) static struct link *done(struct link *link)
{
	link = link_close(link);
	turn_a_while(&loop);
	server_ends();
	drop_launcher_words();
	return link;
}

/* A loop, and a launcher that the test is. */
static bool rig_start(void)
{
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	if (loop_init(&loop, &err) < 0)
		return false;
	upstream = (struct upstream){
		.loop = &loop, .log = &quiet, .limits = &limits_default, .has_secret = redact_has_secret
	};
	upstream.launcher = silent_channel(&loop, &launcher);
	return upstream.launcher != NULL;
}

static void rig_stop(void)
{
	upstream.launcher = channel_close(upstream.launcher);
	json_release(&upstream.json);
	buf_release(&said);
	(void)close(launcher);
	loop_release(&loop);
}
