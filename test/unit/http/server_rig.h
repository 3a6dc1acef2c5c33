/* server_rig.h - a server, what stands behind it, and clients over plain sockets. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/connection.h"
#include "loopback.h"
#include "tap.h"
#include "turns.h"

enum {
	REPLY = 200 * 1024,
	LARGE_REPLY = 32 << 20,
	AHEAD = 500,
	IDLE_MS = 2,
	BODIES = 3200,
	UNSENT = 80 << 20
};

static struct loop loop;
static struct log quiet = { .fd = -1, .level = LOG_ERROR, .role = "test" };
static struct http_server *server;
static struct sockaddr_in address;

/* What the one behind the server does with a request, and what it has seen. */
static struct {
	enum { ANSWER, HOLD, ABORT, STREAM, KEEP } how;
	enum { STRANGER, KNOWN, REFUSED } sender;
	unsigned heads, requests, gone;
	bool kept;
	struct http_request *held;
	struct buf body;
	size_t reply;
	char *bytes;
} back;

static void on_gone(void *user)
{
	(void)user;
	back.gone++;
	back.held = NULL;
}

static void answer(struct http_request *request, size_t n)
{
	http_reply(request, &(struct http_reply){ .status = 200 }, span_of(back.bytes, n));
}

static void on_request(void *owner, struct http_request *request, const struct http_head *head,
		       struct span body)
{
	static const struct http_request_events events = { .on_gone = on_gone };

	(void)owner;
	(void)head;
	if (back.sender == KNOWN)
		http_request_trust(request);
	back.requests++;
	buf_clear(&back.body);
	buf_add(&back.body, body);
	if (back.how == ANSWER) {
		answer(request, back.reply);
	} else if (back.how == KEEP) {
		back.kept = http_request_keep(request, &head, &body);
		answer(request, back.kept ? back.reply : 0);
	} else if (back.how == ABORT) {
		http_request_abort(request);
	} else {
		back.held = request;
		http_request_watch(request, &events, NULL);
		if (back.how == STREAM)
			http_stream_begin(request, &(struct http_reply){ .status = 200 });
	}
}

static bool on_request_head(void *owner, struct http_request *request, const struct http_head *head)
{
	(void)owner;
	back.heads++;
	if (back.sender == REFUSED)
		http_reply(request, &(struct http_reply){ .status = 401 }, S("who?"));
	return back.sender == KNOWN && head->method == HTTP_METHOD_POST;
}

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int small = 4096, on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return loopback_connect(fd, &address);
}

/* When those who are there no longer have the grace of the new. */
static int dial_later(void)
{
	int fd;

	(void)usleep((IDLE_MS / SERVER_GRACE_PART + 2) * 1000);
	fd = dial();
	turn_a_while(&loop);
	return fd;
}

static void say(int fd, const char *text)
{
	(void)!write(fd, text, strlen(text));
}

/* Reads what comes until `n` bytes are there or nothing comes any more. */
static size_t hear(int fd, struct buf *got, size_t n)
{
	buf_clear(got);
	for (int turn = 0; turn < 3000 && got->n < n; turn++) {
		char chunk[65536];
		ssize_t r;

		one_turn(&loop, turn);
		r = read(fd, chunk, sizeof(chunk));
		if (r > 0)
			buf_add(got, span_of(chunk, (size_t)r));
		if (r > 0)
			turn = 0;
		if (r == 0)
			break;
	}
	return got->n;
}

static bool is_closed(int fd)
{
	char c;

	TURN_UNTIL(&loop, read(fd, &c, 1) == 0);
	return read(fd, &c, 1) == 0;
}

static void start(void)
{
	const struct http_server_options options = { .limits = { .head_bytes = 4096,
								 .header_line = 1024,
								 .headers = 20,
								 .url = 200,
								 .body_bytes = 1000 },
						     .max_connections = 4,
						     .bodies_bytes = BODIES,
						     .unsent_bytes = UNSENT,
						     .on_head = on_request_head,
						     .idle_ms = IDLE_MS,
						     .head_ms = 1000,
						     .allow = S("GET, POST") };
	struct err err = ERR_INIT;
	int fd = loopback_bind(&address);

	server = http_server_new(&loop, &options, on_request, NULL, &quiet, &err);
	if (!server || http_server_listen(server, fd, &err) < 0)
		abort();
}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

/* Memory for answers, a loop, and the server on it. */
static bool rig_start(void)
{
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	back.bytes = calloc(1, LARGE_REPLY);
	back.body = BUF_INIT(4096);
	if (!back.bytes || loop_init(&loop, &err) < 0)
		return false;
	start();
	return true;
}

static void rig_stop(void)
{
	server = http_server_free(server);
	turn_a_while(&loop);
	loop_release(&loop);
	buf_release(&back.body);
	free(back.bytes);
}
