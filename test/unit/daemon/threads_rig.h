/* threads_rig.h - what stands around a worker's threads: keeper, launcher, and the programs it starts. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "daemon/thread.h"
#include "identity/token.h"
#include "jail/launch.h"
#include "net/relay.h"
#include "store/ask.h"
#include "tap.h"
#include "turns.h"

enum {
	THREADS = 3,
	TOKENS = 6,
	LINKS = 4,
};

static struct thread threads[THREADS];
static char store[WIRE_MAX_BYTES];

/* A channel of the first thread's, whose other end is the test's. */
static struct home {
	struct channel *channel;
	struct relay *relay;
	unsigned peer;
	int fd;
} keeper = { .peer = PEER_KEEPER }, launcher = { .peer = PEER_LAUNCHER };

static struct away {
	struct thread *thread;
	unsigned peer;
} aways[2][THREADS];

static struct {
	char text[TOKEN_CHARS + 1];
	uint8_t hash[DIGEST_BYTES];
	char session[80];
	bool revoked;
} tokens[TOKENS];

/* A server's program, from inside. */
static struct program {
	uint64_t instance;
	int in, out;
	struct buf said;
} programs[64];
static size_t n_programs;

static void on_home_message(void *owner, struct wire_in *in)
{
	struct home *home = owner;

	relay_tell(home->relay, in);
	thread_heed_peer(&threads[0], home->peer, in);
}

static void on_home_gone(void *owner)
{
	(void)owner;
}

static const struct channel_events home_events = { on_home_message, on_home_gone };

static void on_channel(void *owner, struct channel *channel)
{
	struct away *away = owner;

	thread_set_peer(away->thread, away->peer, channel);
}

static void on_message(void *owner, struct wire_in *in)
{
	struct away *away = owner;

	thread_heed_peer(away->thread, away->peer, in);
}

static const struct relay_events away_events = { on_channel, on_message };

static void open_home(struct home *home)
{
	int fds[2];

	if (wire_pair(fds, NULL) < 0)
		abort();
	home->fd = fds[1];
	home->relay = relay_new(&threads[0].worker.loop, THREADS - 1);
	for (size_t i = 1; i < THREADS; i++) {
		struct away *away = &aways[home == &launcher][i];

		*away = (struct away){ &threads[i], home->peer };
		relay_join(home->relay, i - 1, &threads[i].worker.loop, &away_events, away);
	}
	home->channel = channel_open(&threads[0].worker.loop, fds[0], &home_events, home, NULL);
	thread_set_peer(&threads[0], home->peer, home->channel);
	relay_set(home->relay, home->channel);
}

static void say(const struct home *home, const struct wire_out *out)
{
	if (wire_send_wait(home->fd, out, 1000, NULL) < 0)
		abort();
}

/* A session's id is what the keeper makes of it; here it is a number, and no secret. */
static void seal(const struct wire_in *in)
{
	static uint64_t n;
	struct wire_out out = { 0 };
	uint64_t sealed[3] = { 77, ++n, 77 };

	wire_begin(&out, ASK_SEALED, in->id);
	wire_put_span(&out, span_of((const char *)sealed, sizeof(sealed)));
	say(&keeper, &out);
	wire_out_release(&out);
}

static void serve_keeper(void)
{
	struct wire_out out = { 0 };
	struct wire_in in;
	struct span hash;
	size_t i = 0;
	char id[16];

	if (wire_recv(keeper.fd, store, &in, NULL) != 1)
		return;
	if (in.kind == ASK_SEAL) {
		seal(&in);
		return;
	}
	hash = wire_get_span(&in);
	while (i < TOKENS && !span_eq(hash, digest_span(tokens[i].hash)))
		i++;
	wire_begin(&out, ASK_PRINCIPAL, in.id);
	wire_put_u64(&out, i < TOKENS && !tokens[i].revoked);
	if (i < TOKENS && !tokens[i].revoked) {
		(void)snprintf(id, sizeof(id), "t-%zu", i);
		wire_put_span(&out, span_str(id));
		wire_put_span(&out, S("laptop"));
		wire_put_span(&out, S("mcp"));
		wire_put_u64(&out, 0);
	}
	say(&keeper, &out);
	wire_out_release(&out);
}

static void serve_launcher(void)
{
	struct program *program = &programs[n_programs];
	struct wire_out out = { 0 };
	struct wire_in in;
	int a[2], b[2], c[2];

	if (wire_recv(launcher.fd, store, &in, NULL) != 1 || in.kind != LAUNCH_START)
		return;
	if (n_programs == COUNT(programs) || pipe2(a, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(b, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(c, O_CLOEXEC | O_NONBLOCK) < 0)
		abort();
	(void)wire_get_span(&in);
	*program = (struct program){ wire_get_u64(&in), a[0], b[1], BUF_INIT((size_t)1 << 20) };
	n_programs++;
	wire_begin(&out, LAUNCH_STARTED, in.id);
	wire_put_u64(&out, 2);
	wire_put_fd(&out, a[1]);
	wire_put_fd(&out, b[0]);
	wire_put_fd(&out, c[0]);
	say(&launcher, &out);
	wire_out_release(&out);
	(void)close(a[1]);
	(void)close(b[0]);
	(void)close(c[0]);
}

/* The text behind `"name":` in a line, up to the next comma or brace. */
static struct span value_of(struct span line, const char *name)
{
	for (size_t i = 0; i < line.n; i++) {
		struct span rest = span_skip(line, i);
		size_t n = 0;

		if (!span_starts(rest, span_str(name)))
			continue;
		rest = span_skip(rest, strlen(name));
		while (n < rest.n && rest.p[n] != ',' && rest.p[n] != '}')
			n++;
		return span_first(rest, n);
	}
	return S("");
}

/* Calls that servers work on; each takes its time. */
static struct work {
	const struct program *program;
	char id[16], n[16];
} works[LINKS * 2];
static size_t n_works, most_works;

static void begin_work(const struct program *program, struct span id, struct span n)
{
	struct work *work = &works[n_works];

	if (n_works == COUNT(works) || !span_to_cstr(id, work->id, sizeof(work->id)) ||
	    !span_to_cstr(n, work->n, sizeof(work->n)))
		abort();
	work->program = program;
	most_works = ++n_works > most_works ? n_works : most_works;
}

static void end_work(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(4096);

	if (n_works == 0)
		return;
	buf_addf(&out,
		 "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[{\"type\":\"text\",\"text\":"
		 "\"said %s\"}]}}\n",
		 works[0].id, works[0].n);
	(void)!write(works[0].program->out, out.p, out.n);
	n_works--;
	memmove(works, works + 1, n_works * sizeof(works[0]));
}

static void answer_line(const struct program *program, struct span line)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(4096);
	struct span id = value_of(line, "\"id\":");

	if (id.n == 0)
		return;
	buf_addf(&out, "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":", SPAN_ARG(id));
	if (span_contains(line, S("\"initialize\"")))
		buf_add(
		    &out,
		    S("{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},\"serverInfo\":"
		      "{\"name\":\"s\",\"version\":\"1\"}}}\n"));
	else if (span_contains(line, S("\"tools/list\"")))
		buf_add(&out,
			S("{\"tools\":[{\"name\":\"echo\",\"inputSchema\":{\"type\":\"object\"}}]}}\n"));
	else if (span_contains(line, S("\"tools/call\"")))
		begin_work(program, id, value_of(line, "\"n\":"));
	if (!span_contains(line, S("\"tools/call\"")))
		(void)!write(program->out, out.p, out.n);
}

static void serve_program(struct program *program)
{
	char chunk[4096];
	ssize_t n = read(program->in, chunk, sizeof(chunk));
	size_t end;

	if (n > 0)
		buf_add(&program->said, span_of(chunk, (size_t)n));
	while ((end = span_find(buf_span(&program->said), '\n')) < program->said.n) {
		answer_line(program, span_first(buf_span(&program->said), end));
		buf_consume(&program->said, end + 1);
	}
}

/* One round of everybody who is on this thread. */
static void pump(int turn)
{
	one_turn(&threads[0].worker.loop, turn);
	serve_keeper();
	serve_launcher();
	for (size_t i = 0; i < n_programs; i++)
		serve_program(&programs[i]);
	if (turn % 4 == 3)
		end_work();
}
