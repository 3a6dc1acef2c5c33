/* wire_rig.h - a link with one connection and no worker around it: the test is egress and the server. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "limits/limits.h"
#include "net/dial.h"
#include "silent.h"
#include "tap.h"
#include "turns.h"
#include "upstream/link.h"

static struct loop loop;
static struct log quiet = { .fd = -1, .level = LOG_ERROR, .role = "test" };
static struct upstream upstream;
static struct limits limits;
static struct budget budget = { .max = (size_t)1 << 30 };
static int dials = -1;
static int server_fd = -1; /* the server's end */
static struct buf said = { .max = (size_t)1 << 20 };

struct seen {
	unsigned ready, dead, messages;
	char why[256];
	enum link_failure failure;
};

struct asked {
	struct call call;
	unsigned finals, failures;
	enum link_failure failure;
	char why[256];
	char last[256];
	struct link **closes;
};

static void on_ready(void *owner, struct link *link)
{
	(void)link;
	((struct seen *)owner)->ready++;
}

static void on_dead(void *owner, struct link *link, enum link_failure failure, struct span why)
{
	struct seen *seen = owner;

	(void)link;
	seen->dead++;
	seen->failure = failure;
	(void)span_to_cstr(why, seen->why, sizeof(seen->why));
}

static void on_message(void *owner, struct link *link, const struct message *message)
{
	(void)link;
	(void)message;
	((struct seen *)owner)->messages++;
}

static const struct link_events events = { .on_ready = on_ready,
					   .on_dead = on_dead,
					   .on_message = on_message };

static void on_call_message(struct call *call, const struct message *message, bool final)
{
	struct asked *asked = LIST_ENTRY(call, struct asked, call);

	asked->finals += final;
	if (asked->closes)
		*asked->closes = link_close(*asked->closes);
	/* What is read after the link was closed must still be there. */
	(void)span_to_cstr(span_first(json_raw(message->json, message->root), sizeof(asked->last) - 1),
			   asked->last, sizeof(asked->last));
}

static void on_call_failed(struct call *call, enum link_failure failure, struct span why)
{
	struct asked *asked = LIST_ENTRY(call, struct asked, call);

	asked->failures++;
	asked->failure = failure;
	(void)span_to_cstr(why, asked->why, sizeof(asked->why));
}

static bool rig_start(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (loop_init(&loop, NULL) < 0)
		return false;
	limits = limits_default;
	limits.result_bytes = 1000;
	upstream = (struct upstream){ .loop = &loop, .log = &quiet, .limits = &limits };
	upstream.egress = silent_channel(&loop, &dials);
	return upstream.egress != NULL;
}

static void rig_stop(void)
{
	upstream.egress = channel_close(upstream.egress);
	json_release(&upstream.json);
	buf_release(&said);
	(void)close(dials);
	turn_a_while(&loop);
	loop_release(&loop);
}

static struct server *server_of(enum server_kind kind)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		abort();
	server->refs = 1;
	server->name = S("files");
	server->kind = kind;
	server->authority = S("example.test:81");
	server->path = S("/mcp?x=1");
	list_init(&server->node);
	return server;
}

static struct link *open_link(struct server *server, enum era era, struct seen *seen)
{
	struct err err = ERR_INIT;
	struct link *link;

	*seen = (struct seen){ 0 };
	link = link_open(&upstream, server, era, S("{\"hello\":1}"), &events, seen, &err);
	if (link)
		link_charge(link, seen, &budget);
	return link;
}

/* Plays egress: hands out a connection, or says why there is none. */
static bool dialled(const char *refusal)
{
	static char store[WIRE_MAX_BYTES];
	struct wire_out out = { 0 };
	struct wire_in in;
	int fds[2], got = 0;

	do {
		TURN_UNTIL(&loop, (got = wire_recv(dials, store, &in, NULL)) != 0);
	} while (got == 1 && in.kind == DIAL_CANCEL);
	if (got != 1 || in.kind != DIAL_CONNECT || !span_eq(wire_get_span(&in), S("files")) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return false;
	closep(&server_fd);
	buf_clear(&said);
	server_fd = fds[0];
	wire_begin(&out, refusal ? DIAL_FAILED : DIAL_DONE, in.id);
	wire_put_u64(&out, refusal ? DIAL_NO_CONNECTION : 0);
	if (refusal)
		wire_put_span(&out, span_str(refusal));
	else
		wire_put_fd(&out, fds[1]);
	got = wire_send_wait(dials, &out, 1000, NULL);
	wire_out_release(&out);
	(void)close(fds[1]);
	return got == 0;
}

/* More of what the gate says. False: nothing comes. */
static bool more(void)
{
	char chunk[65536];
	ssize_t n;

	for (int turn = 0; turn < 2000; turn++) {
		one_turn(&loop, turn);
		n = read(server_fd, chunk, sizeof(chunk));
		if (n > 0)
			buf_add(&said, span_of(chunk, (size_t)n));
		if (n >= 0)
			return n > 0;
	}
	return false;
}

static void say(struct span bytes)
{
	(void)!write(server_fd, bytes.p, bytes.n);
	turn_a_while(&loop);
}

static void ask(struct link *link, struct asked *asked)
{
	static const struct send_facts facts = { .method = METHOD_TOOLS_CALL };
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)256);

	*asked = (struct asked){ .call = { .on_message = on_call_message, .on_failed = on_call_failed } };
	buf_addf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"tools/call\"}",
		 (unsigned long long)link_take_id(link, &asked->call));
	link_request(link, &asked->call, buf_span(&text), &facts);
}

#define LEGACY                                                                                               \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{}}}"
#define MODERN "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"supportedVersions\":[\"2026-07-28\"]}}"
