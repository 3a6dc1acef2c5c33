/* neighbour.c - an MCP server on stdin and stdout that is a bad neighbour to those behind the same gate. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "bench/answer.h"

#define IN_BYTES_MAX (4U * 1024U * 1024U)
#define OUT_BYTES_MAX (4U * 1024U * 1024U)
#define READ_BYTES (64U * 1024U)
#define ANSWER_BYTES 300U
#define RUBBISH_BYTES (2U * 1024U * 1024U)

enum kind {
	KIND_NONE,
	KIND_DIES,    /* as soon as it is started */
	KIND_CRASHES, /* in every call */
	KIND_HANGS,   /* never says a word */
	KIND_MUTE,    /* never answers a call */
	KIND_DRIPS,   /* a byte a second, from the first on */
	KIND_SLOW,    /* a byte a second in answers to calls */
	KIND_GARBAGE, /* megabytes of what is no JSON, for an answer to a call */
	KIND_NEWS,    /* says a hundred times a second that its list has changed */
};

enum { NEWS_MS = 10, DRIP_MS = 1000 };

static const char *const kind_names[] = {
	[KIND_NONE] = "",	[KIND_DIES] = "dies", [KIND_CRASHES] = "crashes",
	[KIND_HANGS] = "hangs", [KIND_MUTE] = "mute", [KIND_DRIPS] = "drips",
	[KIND_SLOW] = "slow",	[KIND_NEWS] = "news", [KIND_GARBAGE] = "garbage",
};

struct neighbour {
	enum kind kind;
	struct server server;
	struct buf in, out;
	bool greeted;
	bool drips; /* from here on what it says goes out a byte at a time */
};

static void add_rubbish(struct buf *out)
{
	while (out->n < RUBBISH_BYTES)
		buf_add(out, S("this is no message {\"jsonrpc\": [[[ \xff\xfe "));
	buf_add_char(out, '\n');
}

/* False where the server ends. */
static bool take_line(struct neighbour *neighbour, struct span line)
{
	bool is_call = span_contains(line, S("\"method\":\"tools/call\""));
	size_t before = neighbour->out.n;

	if (neighbour->kind == KIND_HANGS || (neighbour->kind == KIND_MUTE && is_call))
		return true;
	if (neighbour->kind == KIND_CRASHES && is_call)
		return false;
	if (neighbour->kind == KIND_GARBAGE && is_call) {
		add_rubbish(&neighbour->out);
		return true;
	}
	neighbour->drips = neighbour->kind == KIND_DRIPS || (neighbour->kind == KIND_SLOW && is_call);
	(void)server_answer(&neighbour->server, line, &neighbour->out);
	if (neighbour->out.n > before)
		buf_add_char(&neighbour->out, '\n');
	neighbour->greeted = true;
	return buf_ok(&neighbour->out);
}

static bool take_input(struct neighbour *neighbour)
{
	struct buf *in = &neighbour->in;
	char *room = buf_reserve(in, READ_BYTES);
	ssize_t n = room ? read(STDIN_FILENO, room, READ_BYTES) : 0;
	struct span rest;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	in->n += (size_t)n;
	rest = buf_span(in);
	while (span_find(rest, '\n') < rest.n) {
		struct span line = span_cut(&rest, '\n');

		if (line.n && !take_line(neighbour, line))
			return false;
	}
	buf_consume(in, in->n - rest.n);
	return true;
}

/* At most `most` bytes of what is to be said. */
static bool say(struct neighbour *neighbour, size_t most)
{
	while (most && neighbour->out.n) {
		size_t wanted = neighbour->out.n < most ? neighbour->out.n : most;
		ssize_t n = write(STDOUT_FILENO, neighbour->out.p, wanted);

		if (n < 0 && errno != EINTR)
			return false;
		buf_consume(&neighbour->out, n < 0 ? 0 : (size_t)n);
		most -= n < 0 ? 0 : (size_t)n;
	}
	return true;
}

static int pause_ms(const struct neighbour *neighbour)
{
	if (neighbour->kind == KIND_NEWS && neighbour->greeted)
		return NEWS_MS;
	return neighbour->drips && neighbour->out.n ? DRIP_MS : -1;
}

/* What is due after a pause in which nothing came. */
static bool pass_time(struct neighbour *neighbour)
{
	if (neighbour->kind != KIND_NEWS)
		return say(neighbour, 1);
	buf_add(&neighbour->out,
		S("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n"));
	return say(neighbour, SIZE_MAX);
}

static int serve(struct neighbour *neighbour)
{
	struct pollfd wait = { .fd = STDIN_FILENO, .events = POLLIN };

	for (;;) {
		int n = poll(&wait, 1, pause_ms(neighbour));

		if (n < 0 && errno != EINTR)
			return 1;
		if (n == 0 && !pass_time(neighbour))
			return 1;
		if (n > 0 && !take_input(neighbour))
			return neighbour->kind == KIND_CRASHES;
		if (!neighbour->drips && !say(neighbour, SIZE_MAX))
			return 1;
	}
}

static enum kind kind_of(const char *name)
{
	for (size_t i = KIND_DIES; i < COUNT(kind_names); i++)
		if (span_eq(span_str(name), span_str(kind_names[i])))
			return (enum kind)i;
	return KIND_NONE;
}

int main(int argc, char **argv)
{
	struct neighbour neighbour = { .in = BUF_INIT(IN_BYTES_MAX), .out = BUF_INIT(OUT_BYTES_MAX) };
	enum answer_era eras;
	int status;

	neighbour.kind = argc == 2 ? kind_of(argv[1]) : KIND_NONE;
	if (neighbour.kind == KIND_NONE) {
		(void)fputs("usage: soak_neighbour dies|crashes|hangs|mute|drips|slow|garbage|news\n",
			    stderr);
		return 2;
	}
	if (neighbour.kind == KIND_DIES)
		return 3;
	/* The modern era has no news but for those who asked. */
	eras = neighbour.kind == KIND_NEWS ? ERA_LEGACY : ERA_BOTH;
	if (!server_init(&neighbour.server, eras, ANSWER_BYTES, 1))
		return 1;
	neighbour.server.changes = neighbour.kind == KIND_NEWS;
	(void)signal(SIGPIPE, SIG_IGN);
	status = serve(&neighbour);
	server_release(&neighbour.server);
	buf_release(&neighbour.in);
	buf_release(&neighbour.out);
	return status;
}
