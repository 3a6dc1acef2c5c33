/* http_rig.h - a link over HTTP without a worker around it: the test is egress, the server, and who asks. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dialled.h"
#include "http/client.h"
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
static int dials = -1;
static char store[WIRE_MAX_BYTES];

struct seen {
	unsigned ready, dead, messages;
	enum link_failure failure;
};

struct asked {
	struct call call;
	unsigned messages, finals, failures, polls, streaming;
	size_t bytes; /* of the last message */
	uint64_t retry_ms;
	enum link_failure failure;
	struct link **closes;
	char why[256]; /* the reason of its failure */
	bool leaves;   /* gives up when it is told to come back */
};

static void on_ready(void *owner, struct link *link)
{
	(void)link;
	((struct seen *)owner)->ready++;
}

static void on_dead(void *owner, struct link *link, enum link_failure failure, struct span why)
{
	(void)link;
	(void)why;
	((struct seen *)owner)->dead++;
	((struct seen *)owner)->failure = failure;
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

	asked->messages += !final;
	asked->finals += final;
	asked->bytes = json_raw(message->json, message->root).n;
	if (asked->closes)
		*asked->closes = link_close(*asked->closes);
	/* What is read after the link was closed must still be there. */
	ok(json_raw(message->json, message->root).n > 0 && message->json->src.p[0] == '{',
	   "the message is there");
}

static void on_call_failed(struct call *call, enum link_failure failure, struct span why)
{
	struct asked *asked = LIST_ENTRY(call, struct asked, call);

	(void)span_to_cstr(why, asked->why, sizeof(asked->why));
	asked->failures++;
	asked->failure = failure;
}

static void on_call_streaming(struct call *call)
{
	LIST_ENTRY(call, struct asked, call)->streaming++;
}

static void on_call_polling(struct call *call, uint64_t retry_ms)
{
	struct asked *asked = LIST_ENTRY(call, struct asked, call);

	asked->polls++;
	asked->retry_ms = retry_ms;
	if (asked->leaves)
		call_cancel(call, S("it takes too long"));
}

static struct server *server_new(void)
{
	const struct http_pool_options options = { .target = S("remote"),
						   .max_connections = 8,
						   .max_waiting = 100,
						   .max_lasting = 1,
						   .limits = { .head_bytes = 4096,
							       .header_line = 1024,
							       .headers = 20,
							       .url = 200,
							       .body_bytes = 100000 } };
	struct server *server = calloc(1, sizeof(*server));
	struct err err = ERR_INIT;

	if (!server)
		abort();
	server->refs = 1;
	server->name = S("remote");
	server->kind = SERVER_HTTP;
	server->wire = WIRE_STREAMABLE;
	server->authority = S("remote.example");
	server->path = S("/mcp");
	list_init(&server->node);
	server->pool = http_pool_new(&loop, upstream.egress, &options, &err);
	return server;
}

/* The next request, wherever it comes: answers dials on the way. -1: none. */
static int request_in(struct buf *got)
{
	static int open[64];
	static size_t n;

	for (int turn = 0; turn < 1500; turn++) {
		struct wire_in in;
		char chunk[65536];

		one_turn(&loop, turn);
		if (wire_recv(dials, store, &in, NULL) == 1 && n < COUNT(open))
			open[n++] = dialled(dials, in.id);
		for (size_t i = 0; i < n; i++) {
			ssize_t r = read(open[i], chunk, sizeof(chunk));
			int fd = open[i];

			if (r == 0) {
				(void)close(fd);
				open[i--] = open[--n];
			}
			if (r <= 0)
				continue;
			buf_clear(got);
			buf_add(got, span_of(chunk, (size_t)r));
			return fd;
		}
	}
	return -1;
}

static void say(int fd, const char *text)
{
	(void)!write(fd, text, strlen(text));
}

static void answer(int fd, const char *status, const char *headers, const char *body)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(65536);

	buf_addf(&out, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body), headers, body);
	say(fd, buf_cstr(&out));
}

static void request(struct link *link, struct asked *asked)
{
	static const struct send_facts facts = { .method = METHOD_TOOLS_CALL,
						 .method_name = SPAN("tools/call"),
						 .name = SPAN(" x\xc3\xbc"),
						 .headers = SPAN("Mcp-Param-A: 1\r\n") };
	CLEANUP(buf_release) struct buf text = BUF_INIT(256);

	*asked = (struct asked){ .call = { .on_message = on_call_message,
					   .on_failed = on_call_failed,
					   .on_streaming = on_call_streaming,
					   .on_polling = on_call_polling } };
	buf_addf(&text, "{\"id\":%llu}", (unsigned long long)link_take_id(link, &asked->call));
	link_request(link, &asked->call, buf_span(&text), &facts);
}

#define JSON_TYPE "Content-Type: application/json; charset=utf-8\r\n"
#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNK_END "0\r\n\r\n"

static void event(int fd, const char *text)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(65536);

	buf_addf(&out, "%zx\r\n%s\r\n", strlen(text), text);
	say(fd, buf_cstr(&out));
}

__attribute__((unused)) static struct link *ready(struct server *server, enum era era, struct seen *seen,
						  struct buf *got, const char *headers)
{
	struct err err = ERR_INIT;
	struct link *link = link_open(&upstream, server, era, S("{}"), &events, seen, &err);
	int fd = request_in(got);

	answer(fd, "200 OK", headers,
	       era == ERA_LEGACY
		   ? "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\"}}"
		   : "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"supportedVersions\":[\"2026-07-28\"]}}");
	TURN_UNTIL(&loop, seen->ready);
	if (!link || !seen->ready)
		abort();
	return link;
}

static void done(struct link *link, struct server *server, struct buf *got)
{
	(void)link_close(link);
	(void)server_unref(server);
	(void)request_in(got);
	turn_a_while(&loop);
}

/* A loop, an egress that the test is, and limits. */
static bool rig_start(void)
{
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	if (loop_init(&loop, &err) < 0)
		return false;
	limits = limits_default;
	upstream = (struct upstream){ .loop = &loop, .log = &quiet, .limits = &limits };
	upstream.egress = silent_channel(&loop, &dials);
	return upstream.egress != NULL;
}

static void rig_stop(void)
{
	upstream.egress = channel_close(upstream.egress);
	json_release(&upstream.json);
	(void)close(dials);
	turn_a_while(&loop);
	loop_release(&loop);
}
