/* echo.c - an MCP server that does nothing, fast: HTTP, or one message a line on stdin and stdout. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "bench/answer.h"
#include "bench/http.h"
#include "bench/socket.h"

#define IN_BYTES_MAX (4U * 1024U * 1024U)
#define OUT_BYTES_MAX (32U * 1024U * 1024U)
#define READ_BYTES (64U * 1024U)
#define EVENTS 256
#define TOOLS_MAX 10000U

struct client {
	int fd;
	struct buf in, out;
	struct http_message request;
};

struct options {
	uint16_t port; /* 0: stdin and stdout */
	enum answer_era eras;
	uint64_t size, tools;
	bool hold;
};

static struct span head_of(enum answer_kind kind)
{
	switch (kind) {
	case ANSWER_NONE:
		return S("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
	case ANSWER_RESULT:
		return S("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ");
	case ANSWER_SESSION:
		return S("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			 "Mcp-Session-Id: 0f1e2d3c-4b5a-4968-8776-655443322110\r\nContent-Length: ");
	case ANSWER_UNKNOWN:
		return S("HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: ");
	case ANSWER_HELD:
		return S("");
	case ANSWER_INVALID:
		return S("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: ");
	}
	return S("");
}

/* Answers one request that is whole. `scratch` is for the body, whose length stands before it. */
static void answer_http(const struct server *server, struct client *client, struct buf *scratch)
{
	struct span head = span_of(client->in.p, client->request.head_bytes);
	enum answer_kind kind;

	if (!span_starts(head, S("POST "))) {
		buf_add(&client->out,
			S("HTTP/1.1 405 Method Not Allowed\r\nAllow: POST\r\nContent-Length: 0\r\n\r\n"));
		return;
	}
	buf_clear(scratch);
	kind = server_answer(server, span_of(client->in.p + head.n, client->request.body_bytes), scratch);
	buf_add(&client->out, head_of(kind));
	if (kind == ANSWER_NONE || kind == ANSWER_HELD)
		return;
	buf_add_u64(&client->out, scratch->n);
	buf_add(&client->out, S("\r\n\r\n"));
	buf_add(&client->out, buf_span(scratch));
}

/* False where the connection is lost. */
static bool client_flush(struct client *client)
{
	size_t sent = 0;

	while (sent < client->out.n) {
		ssize_t n = send(client->fd, client->out.p + sent, client->out.n - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return false;
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	buf_consume(&client->out, sent);
	return true;
}

/* Answers every request that is whole. False where the bytes are no HTTP. */
static bool client_answer(const struct server *server, struct client *client, struct buf *scratch)
{
	while (client->in.n) {
		enum http_read got = http_read(&client->request, client->in.p, client->in.n);

		if (got != HTTP_DONE)
			return got == HTTP_MORE;
		answer_http(server, client, scratch);
		buf_consume(&client->in, client->request.used);
		client->request = (struct http_message){ 0 };
	}
	return buf_ok(&client->out);
}

/* Does all that can be done now. False where the connection is over. */
static bool client_turn(const struct server *server, struct client *client, struct buf *scratch)
{
	for (;;) {
		char *room;
		ssize_t n;

		if (!client_flush(client))
			return false;
		/* No reading on while the answers are not taken. */
		if (client->out.n)
			return true;
		room = buf_reserve(&client->in, READ_BYTES);
		if (!room)
			return false;
		n = recv(client->fd, room, READ_BYTES, 0);
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		client->in.n += (size_t)n;
		if (!client_answer(server, client, scratch))
			return false;
		if ((size_t)n < READ_BYTES)
			return client_flush(client);
	}
}

static void client_open(int epoll, int fd)
{
	struct client *client = calloc(1, sizeof(*client));

	if (client) {
		client->fd = fd;
		client->in = BUF_INIT(IN_BYTES_MAX);
		client->out = BUF_INIT(OUT_BYTES_MAX);
		if (socket_watch(epoll, fd, client) == 0)
			return;
	}
	free(client);
	closep(&fd);
}

static void client_free(struct client *client)
{
	closep(&client->fd);
	buf_release(&client->in);
	buf_release(&client->out);
	free(client);
}

static void accept_all(int epoll, int listener)
{
	int fd = socket_accept(listener);

	for (; fd >= 0; fd = socket_accept(listener))
		client_open(epoll, fd);
}

static void serve(const struct server *server, int epoll, int listener, struct buf *scratch)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct client *client = events[i].data.ptr;

			/* One event a socket and batch: nothing later in this batch names the client. */
			if (!client)
				accept_all(epoll, listener);
			else if (!client_turn(server, client, scratch) || (events[i].events & EPOLLRDHUP))
				client_free(client);
		}
	}
}

static int serve_http(const struct server *server, uint16_t port)
{
	CLEANUP(closep) int epoll = epoll_create1(EPOLL_CLOEXEC);
	CLEANUP(closep) int listener = socket_listen(port);
	CLEANUP(buf_release) struct buf scratch = BUF_INIT(OUT_BYTES_MAX);

	if (epoll < 0 || listener < 0 || socket_watch(epoll, listener, NULL) != 0) {
		perror("bench_echo");
		return 1;
	}
	serve(server, epoll, listener, &scratch);
	return 0;
}

static bool write_all(struct buf *out)
{
	while (out->n) {
		ssize_t n = write(STDOUT_FILENO, out->p, out->n);

		if (n < 0 && errno != EINTR)
			return false;
		buf_consume(out, n < 0 ? 0 : (size_t)n);
	}
	return true;
}

/* Answers every line that is whole and drops it from `in`. */
static void answer_lines(const struct server *server, struct buf *in, struct buf *out)
{
	struct span rest = buf_span(in);
	size_t used = 0;

	while (span_find(rest, '\n') < rest.n) {
		struct span line = span_cut(&rest, '\n');
		size_t before = out->n;

		used += line.n + 1;
		if (line.n)
			(void)server_answer(server, line, out);
		if (out->n > before)
			buf_add_char(out, '\n');
	}
	buf_consume(in, used);
}

static int serve_stdio(const struct server *server)
{
	CLEANUP(buf_release) struct buf in = BUF_INIT(IN_BYTES_MAX);
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUT_BYTES_MAX);

	for (;;) {
		char *room = buf_reserve(&in, READ_BYTES);
		ssize_t n = room ? read(STDIN_FILENO, room, READ_BYTES) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 && room ? 0 : 1;
		in.n += (size_t)n;
		answer_lines(server, &in, &out);
		if (!buf_ok(&out) || !write_all(&out))
			return 1;
	}
}

static bool era(const char *text, enum answer_era *eras)
{
	static const struct {
		struct span name;
		enum answer_era eras;
	} table[] = {
		{ SPAN("legacy"), ERA_LEGACY },
		{ SPAN("modern"), ERA_MODERN },
		{ SPAN("both"), ERA_BOTH },
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		if (!span_eq(span_str(text), table[i].name))
			continue;
		*eras = table[i].eras;
		return true;
	}
	return false;
}

static bool parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ .name = "port", .has_arg = required_argument, .val = 'p' },
		{ .name = "stdio", .val = 's' },
		{ .name = "size", .has_arg = required_argument, .val = 'n' },
		{ .name = "era", .has_arg = required_argument, .val = 'e' },
		{ .name = "hold", .val = 'h' },
		{ .name = "tools", .has_arg = required_argument, .val = 't' },
		{ 0 },
	};
	bool good = true, stdio = false;

	for (int c = 0; good && (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		if (c == 'p')
			good = socket_port(optarg, &options->port);
		else if (c == 's')
			stdio = true;
		else if (c == 'n')
			good = span_u64(span_str(optarg), &options->size) &&
			       options->size <= OUT_BYTES_MAX / 8;
		else if (c == 'e')
			good = era(optarg, &options->eras);
		else if (c == 'h')
			options->hold = true;
		else if (c == 't')
			good = span_u64(span_str(optarg), &options->tools) && options->tools > 0 &&
			       options->tools <= TOOLS_MAX;
		else
			good = false;
	}
	return good && stdio == (options->port == 0) && optind == argc;
}

int main(int argc, char **argv)
{
	struct options options = { .eras = ERA_BOTH, .size = 1024, .tools = 1 };
	CLEANUP(server_release) struct server server = { 0 };

	if (!parse(argc, argv, &options)) {
		(void)fputs("usage: bench_echo --port N | --stdio [--size BYTES] [--era legacy|modern|both] "
			    "[--tools N] [--hold]\n",
			    stderr);
		return 2;
	}
	if (!server_init(&server, options.eras, (size_t)options.size, (size_t)options.tools))
		return 1;
	server.holds = options.hold;
	(void)signal(SIGPIPE, SIG_IGN);
	socket_raise_limit();
	return options.port ? serve_http(&server, options.port) : serve_stdio(&server);
}
