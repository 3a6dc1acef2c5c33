/* remote.h - servers over HTTP on the rig: the test is egress and the server. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eras.h"

#include "dialled.h"
#include "http/client.h"
#include "net/dial.h"

static int remote_dials = -1;
/* The ends of the connections that the gate has. */
static int remote_open[64];
static size_t remote_n;

/* After rig_start(). */
static bool remote_start(void)
{
	worker.upstream.egress = silent_channel(&worker.loop, &remote_dials);
	return worker.upstream.egress != NULL;
}

/* Before rig_stop(). */
static void remote_stop(void)
{
	worker.upstream.egress = channel_close(worker.upstream.egress);
	(void)close(remote_dials);
	while (remote_n)
		(void)close(remote_open[--remote_n]);
}

__attribute__((unused)) static struct server *remote_server(const char *name, enum era era,
							    enum server_wire wire, size_t max_lasting)
{
	const struct http_pool_options options = { .target = span_str(name),
						   .max_connections = 8,
						   .max_waiting = 100,
						   .max_lasting = max_lasting,
						   .limits = { .head_bytes = 4096,
							       .header_line = 1024,
							       .headers = 20,
							       .url = 200,
							       .body_bytes = 4 << 20 } };
	struct server *server = server_of(name, era);
	struct err err = ERR_INIT;

	server->kind = SERVER_HTTP;
	server->wire = wire;
	server->authority = S("remote.example");
	server->path = S("/mcp");
	server->pool = http_pool_new(&worker.loop, worker.upstream.egress, &options, &err);
	return server;
}

static void remote_dial(void)
{
	static char store[WIRE_MAX_BYTES];
	struct wire_in in;

	if (remote_n < COUNT(remote_open) && wire_recv(remote_dials, store, &in, NULL) == 1) {
		if (in.kind == DIAL_CONNECT)
			remote_open[remote_n++] = dialled(remote_dials, in.id);
		wire_in_release(&in);
	}
}

/* Of the connections that have something to say the first. */
static int remote_read(struct buf *got)
{
	static char chunk[1 << 20];

	for (size_t i = 0; i < remote_n; i++) {
		int fd = remote_open[i];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n == 0) {
			(void)close(fd);
			remote_open[i--] = remote_open[--remote_n];
		}
		if (n <= 0)
			continue;
		buf_clear(got);
		buf_add(got, span_of(chunk, (size_t)n));
		return fd;
	}
	return -1;
}

/* The next request, on whatever connection; `*got` is it. -1: none comes. */
__attribute__((unused)) static int remote_hear(struct buf *got)
{
	int fd = -1;

	for (int turn = 0; turn < 1500 && fd < 0; turn++) {
		one_turn(&worker.loop, turn);
		remote_dial();
		fd = remote_read(got);
	}
	return fd;
}

/* Breaks a connection. */
__attribute__((unused)) static void remote_break(int fd)
{
	for (size_t i = 0; i < remote_n; i++)
		if (remote_open[i] == fd)
			remote_open[i] = remote_open[--remote_n];
	(void)close(fd);
}

/* Answers the request in `got` with this result. */
__attribute__((unused)) static void remote_answer(int fd, const struct buf *got, const char *result)
{
	CLEANUP(buf_release) struct buf body = BUF_INIT((size_t)4 << 20), out = BUF_INIT((size_t)4 << 20);

	buf_addf(&body, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":", rig_id(buf_span(got)));
	buf_add(&body, span_str(result));
	buf_add_char(&body, '}');
	buf_addf(&out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		 body.n);
	buf_add(&out, buf_span(&body));
	(void)!write(fd, out.p, out.n);
}
