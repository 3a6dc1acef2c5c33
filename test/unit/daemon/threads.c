/* threads.c - three threads of a worker; the test is their keeper, launcher, servers and clients. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "audit/ring.h"
#include "exchange/crew_state.h"
#include "exchange/front_http.h"
#include "exchange/round_state.h"
#include "exchange/snapshot.h"
#include "loopback.h"
#include "threads_rig.h"

enum { AT_ONCE = 2, CALLS = 240, PATIENCE = 60000, SESSIONS_MAX = TOKENS, SCRAPES = 20 };

static struct log quiet = { .fd = -1, .level = LOG_ERROR, .role = "test" };
static struct crew crew;
static struct ring ring = RING_INIT, reader = RING_INIT;
static struct ring_fds ring_fds = RING_FDS_INIT;
static struct sockaddr_in address;
static _Atomic unsigned drained;

/* A client's connection, and the answer that has come on it. */
struct line {
	int fd;
	struct buf got;
};

/* --- clients --- */

static struct line dial_to(const struct sockaddr_in *where)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return (struct line){ loopback_connect(fd, where), BUF_INIT(65536) };
}

static struct line dial(void)
{
	return dial_to(&address);
}

static void hang_up(struct line *link)
{
	closep(&link->fd);
	buf_release(&link->got);
}

static void post(const struct line *link, const char *token, const char *session, const char *body)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(8192);

	buf_addf(&out,
		 "POST /mcp/s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
		 "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n",
		 token);
	if (session)
		buf_addf(&out, "Mcp-Session-Id: %s\r\nMcp-Protocol-Version: 2025-11-25\r\n", session);
	buf_addf(&out, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	(void)!write(link->fd, out.p, out.n);
}

static bool is_whole(const struct buf *got)
{
	struct span head = buf_span(got);

	if (!span_contains(head, S("\r\n\r\n")))
		return false;
	return span_ends(head, S("}")) || span_ends(head, S("0\r\n\r\n")) ||
	       span_contains(head, S("202 Accepted"));
}

static bool read_more(struct line *link)
{
	char chunk[16384];
	ssize_t n = read(link->fd, chunk, sizeof(chunk));

	if (n > 0)
		buf_add(&link->got, span_of(chunk, (size_t)n));
	return is_whole(&link->got);
}

/* The answer, whole; empty where none comes. */
static struct span ask(struct line *link, const char *token, const char *session, const char *body)
{
	buf_clear(&link->got);
	post(link, token, session, body);
	for (int turn = 0; turn < PATIENCE && !read_more(link); turn++)
		pump(turn);
	return buf_span(&link->got);
}

#define INITIALIZE                                                                                           \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"           \
	"\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}}"
#define INITIALIZED "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"

static void call_text(char *text, size_t size, unsigned n)
{
	(void)snprintf(
	    text, size,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\","
	    "\"arguments\":{\"n\":%u}}}",
	    n, n);
}

static bool said(struct span answer, unsigned n)
{
	char want[32];

	(void)snprintf(want, sizeof(want), "said %u\"", n);
	return span_contains(answer, span_str(want));
}

static bool open_session(struct line *link, size_t i)
{
	struct span answer = ask(link, tokens[i].text, NULL, INITIALIZE), rest;
	size_t n = 0;

	for (rest = answer; rest.n && !span_starts(rest, S("Mcp-Session-Id: ")); rest = span_skip(rest, 1))
		;
	rest = span_skip(rest, 16);
	while (n < rest.n && rest.p[n] != '\r')
		n++;
	if (!span_starts(answer, S("HTTP/1.1 200")) ||
	    !span_to_cstr(span_first(rest, n), tokens[i].session, sizeof(tokens[i].session)))
		return false;
	return span_contains(ask(link, tokens[i].text, tokens[i].session, INITIALIZED), S("202"));
}

/* --- tests --- */

static void strangers(void)
{
	char unknown[TOKEN_CHARS + 1];
	struct line link = dial();
	unsigned refused = 0;

	refused += span_starts(ask(&link, "kmn_none", NULL, INITIALIZE), S("HTTP/1.1 401"));
	token_make(unknown);
	for (int i = 0; i < 8; i++) {
		hang_up(&link);
		link = dial();
		refused += span_starts(ask(&link, unknown, NULL, INITIALIZE), S("HTTP/1.1 401"));
	}
	is_int(refused, 9, "who is not known is refused, whichever thread it is");
	hang_up(&link);
}

static void sessions(struct line *link)
{
	size_t open = 0, used = 0, all = 0;

	for (size_t i = 0; i < TOKENS; i++)
		open += open_session(link, i);
	is_int(open, TOKENS, "sessions of many tokens, on one connection");
	crew_hold(&crew);
	CREW_EACH(&crew, worker)
	{
		used += worker->n_clients > 0;
		all += worker->n_clients;
	}
	crew_release(&crew);
	ok(used > 1 && all == TOKENS && crew.n_clients == TOKENS, "they are spread over threads (%zu)", used);
	ok(span_contains(ask(link, tokens[0].text, NULL, INITIALIZE), S("limit")),
	   "one more than there may be is refused: all are counted together");
	for (size_t i = 0; i < TOKENS; i++)
		open += span_starts(ask(link, tokens[i].text, tokens[(i + 1) % TOKENS].session, INITIALIZED),
				    S("HTTP/1.1 404"));
	is_int(open, 2 * TOKENS, "another token's session is nobody's, whichever thread has it");
}

static void look_at_all(void)
{
	CLEANUP(buf_release) struct buf state = BUF_INIT(65536);

	crew_hold(&crew);
	crew_state_add(&threads[0].worker, &state);
	crew_release(&crew);
	if (!buf_ok(&state) || !span_contains(buf_span(&state), S("\"sessions\":6")))
		abort();
}

/* A call on each connection at once, again and again, each time of another token. */
static void calls(struct line links[LINKS])
{
	unsigned right = 0;

	for (unsigned n = 0; n < CALLS; n += LINKS) {
		unsigned whole = 0;
		char text[200];

		for (unsigned i = 0; i < LINKS; i++) {
			size_t token = (n / LINKS + i) % TOKENS;

			call_text(text, sizeof(text), n + i);
			buf_clear(&links[i].got);
			post(&links[i], tokens[token].text, tokens[token].session, text);
		}
		if (n % 20 == 0)
			look_at_all();
		for (int turn = 0; turn < PATIENCE && whole < LINKS; turn++) {
			pump(turn);
			whole = 0;
			for (unsigned i = 0; i < LINKS; i++)
				whole += is_whole(&links[i].got) || read_more(&links[i]);
		}
		for (unsigned i = 0; i < LINKS; i++)
			right += said(buf_span(&links[i].got), n + i);
	}
	is_int(right, CALLS, "calls of all of them, on connections that they share");
	is_int(most_works, AT_ONCE, "never more at once than their server may have, over all threads");
	is_int(n_programs, TOKENS, "each token has a program of its own");
}

/* Every number stands in one decision, and in one outcome. */
static void records(void)
{
	static unsigned char decided[100000];
	CLEANUP(buf_release) struct buf line = BUF_INIT(RING_RECORD_MAX);
	unsigned n = 0, twice = 0;
	uint64_t call;

	while (ring_read(&reader, &line) == RING_RECORD) {
		if (span_contains(buf_span(&line), S("\"kind\":\"decision\"")) &&
		    span_contains(buf_span(&line), S("tools/call")) &&
		    span_u64(value_of(buf_span(&line), "\"call\":"), &call) && call < sizeof(decided)) {
			n++;
			twice += decided[call]++ > 0;
		}
		buf_clear(&line);
	}
	ring_commit(&reader);
	is_int(n, CALLS, "each call is on record, and the ring is whole");
	is_int(twice, 0, "under a number of its own");
}

static void a_program_ends(struct line *link)
{
	struct wire_out out = { 0 };
	size_t before = n_programs;
	char text[200];

	for (size_t i = 0; i < before; i++) {
		wire_begin(&out, LAUNCH_EXITED, 0);
		wire_put_u64(&out, programs[i].instance);
		wire_put_u64(&out, 1);
		wire_put_u64(&out, 0);
		say(&launcher, &out);
	}
	wire_out_release(&out);
	for (int turn = 0; turn < 200; turn++)
		pump(turn);
	call_text(text, sizeof(text), 7000);
	(void)ask(link, tokens[1].text, tokens[1].session, text);
	for (int turn = 0; turn < PATIENCE && n_programs == before; turn++)
		pump(turn);
	ok(n_programs > before,
	   "the end of a program is heard of by the thread whose it was: another starts");
}

static void revoked(struct line *link)
{
	struct wire_out out = { 0 };
	unsigned refused = 0;

	for (size_t i = 0; i < TOKENS; i++)
		tokens[i].revoked = true;
	wire_begin(&out, ASK_EPOCH, 0);
	wire_put_u64(&out, 2);
	say(&keeper, &out);
	wire_out_release(&out);
	for (int turn = 0; turn < 300; turn++)
		pump(turn);
	for (size_t i = 0; i < TOKENS; i++)
		refused += span_contains(ask(link, tokens[i].text, tokens[i].session, INITIALIZED),
					 S(" 401 "));
	is_int(refused, TOKENS, "tokens that are revoked are worth nothing to any thread");
}

/* --- the metrics --- */

/* The first so many threads have it. */
static void listen_at(enum work_listen kind, int fd, size_t n)
{
	struct wire_out out = { 0 };
	struct wire_in in;

	wire_begin(&out, WORK_LISTEN, 0);
	wire_put_u64(&out, kind);
	in = wire_in_of(&out);
	in.fds[in.n_fds++] = fd;
	for (size_t i = 1; i < n; i++)
		thread_send(&threads[i], &in);
	thread_heed(&threads[0], &in);
	wire_in_release(&in);
	wire_out_release(&out);
}

/* Servers of hosts, which come and go on another thread than that of the metrics. */
struct coming {
	struct mail mail;
	struct worker *worker;
};
static _Atomic bool enough;
static _Atomic unsigned ends;

static void run_coming(struct mail *mail)
{
	struct worker *worker = LIST_ENTRY(mail, struct coming, mail)->worker;

	for (unsigned i = 0; i < 20; i++) {
		struct server *server = calloc(1, sizeof(*server));

		if (!server)
			abort();
		server->refs = 1;
		server->name = S("host");
		server->kind = SERVER_STDIO;
		server->ephemeral = true;
		list_add(&worker->servers, &server->node);
		worker_drop_server(worker, server);
	}
	if (enough)
		ends++;
	else
		mailbox_post(worker->loop.mailbox, mail);
}

static bool scrape(struct line *line)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
	const struct span last = S("kanmon_server_down_reason{server=\"s\",reason=\"garbage\"} 0\n");

	buf_clear(&line->got);
	(void)!write(line->fd, request, sizeof(request) - 1);
	for (int turn = 0; turn < PATIENCE && !span_ends(buf_span(&line->got), last); turn++) {
		pump(turn);
		(void)read_more(line);
	}
	return span_ends(buf_span(&line->got), last) && !span_contains(buf_span(&line->got), S("\"host\""));
}

/* What is read of the other threads is read while they stand still: ThreadSanitizer sees where it is not. */
static void metrics(void)
{
	static struct coming comings[THREADS];
	struct sockaddr_in where;
	struct line line;
	unsigned read = 0;

	listen_at(LISTEN_METRICS, loopback_bind(&where), 1);
	line = dial_to(&where);
	for (size_t i = 1; i < THREADS; i++) {
		comings[i] = (struct coming){ { .run = run_coming }, &threads[i].worker };
		mailbox_post(&threads[i].mailbox, &comings[i].mail);
	}
	for (unsigned i = 0; i < SCRAPES; i++)
		read += scrape(&line);
	enough = true;
	for (int turn = 0; turn < PATIENCE && ends < THREADS - 1; turn++)
		pump(turn);
	is_int(read, SCRAPES, "the metrics, while servers of hosts come and go");
	is_int(ends, THREADS - 1, "which go on");
	hang_up(&line);
}

/* --- the beginning and the end --- */

static void on_drained(struct worker *worker)
{
	worker->on_drained = NULL;
	drained++;
}

struct stopping {
	struct mail mail;
	struct thread *thread;
};

static void run_stop(struct mail *mail)
{
	loop_stop(&LIST_ENTRY(mail, struct stopping, mail)->thread->worker.loop);
}

static void take_config(void)
{
	static const char text[] =
	    "{\"config\":\"c1\",\"hosts\":[\"127.0.0.1\"],\"limits\":{\"sessions\":6},\"servers\":["
	    "{\"name\":\"s\",\"kind\":\"stdio\",\"era\":\"legacy\",\"calls\":2,\"allow\":[{\"glob\":\"*\"}]}]}";
	struct err err = ERR_INIT;
	unsigned taken = 0;

	crew_hold(&crew);
	CREW_EACH(&crew, worker)
	{
		taken += snapshot_apply(worker, span_str(text), &err) == 0;
		worker->has_audit_key = true;
		round_keys_make(worker);
	}
	for (size_t i = 0; i < THREADS; i++)
		thread_take_limits(&threads[i]);
	crew_release(&crew);
	is_int(taken, THREADS, "one config for all, while they stand still");
}

static bool begin(void)
{
	static struct mailbox *box;
	struct err err = ERR_INIT;

	if (crypto_init(&err) < 0 || ring_create((size_t)4 << 20, &ring_fds, &err) < 0 ||
	    ring_map(&ring, &ring_fds, RING_PRODUCER, &err) < 0 ||
	    ring_map(&reader, &ring_fds, RING_CONSUMER, &err) < 0)
		return false;
	for (size_t i = 0; i < TOKENS; i++) {
		token_make(tokens[i].text);
		token_hash(span_str(tokens[i].text), tokens[i].hash);
	}
	for (size_t i = 0; i < THREADS; i++) {
		box = &threads[i].mailbox;
		if (thread_init(&threads[i], &crew, &quiet, &err) < 0 ||
		    mailbox_open(box, &threads[i].worker.loop, &err) < 0)
			return false;
		threads[i].worker.ring = &ring;
		threads[i].worker.on_drained = on_drained;
	}
	CREW_EACH(&crew, worker)
	worker_count_in_turns(worker);
	open_home(&keeper);
	open_home(&launcher);
	for (size_t i = 1; i < THREADS; i++)
		if (thread_start(&threads[i], &err) < 0)
			return false;
	return true;
}

static void drain(void)
{
	struct wire_out out = { 0 };
	struct wire_in in;
	static struct stopping stops[THREADS];

	wire_begin(&out, WORK_DRAIN, 0);
	in = wire_in_of(&out);
	for (size_t i = 1; i < THREADS; i++)
		thread_send(&threads[i], &in);
	thread_heed(&threads[0], &in);
	for (int turn = 0; turn < PATIENCE && drained < THREADS; turn++)
		pump(turn);
	is_int(drained, THREADS, "each thread says when its last call has ended");
	wire_out_release(&out);
	for (size_t i = 1; i < THREADS; i++) {
		stops[i] = (struct stopping){ { .run = run_stop }, &threads[i] };
		mailbox_post(&threads[i].mailbox, &stops[i].mail);
		(void)pthread_join(threads[i].id, NULL);
	}
}

int main(void)
{
	struct line links[LINKS];

	(void)signal(SIGPIPE, SIG_IGN);
	if (!ok(begin(), "three threads"))
		return tap_done();
	take_config();
	listen_at(LISTEN_CLIENTS, loopback_bind(&address), THREADS);
	strangers();
	for (size_t i = 0; i < LINKS; i++)
		links[i] = dial();
	sessions(&links[0]);
	calls(links);
	records();
	metrics();
	a_program_ends(&links[1]);
	revoked(&links[2]);
	for (size_t i = 0; i < LINKS; i++)
		hang_up(&links[i]);
	drain();
	/* What the threads hold ends with the process, as a worker's does. */
	return tap_done();
}
