/* load.c - a load generator for MCP over HTTP/1.1: closed loop, or a fixed rate without omission. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/buf.h"
#include "bench/http.h"
#include "bench/report.h"
#include "bench/socket.h"

#define REQUEST_BYTES_MAX (4U * 1024U * 1024U)
#define ANSWER_BYTES_MAX (16U * 1024U * 1024U)
#define READ_BYTES (128U * 1024U)
#define CONNECTIONS_MAX 4096U
#define FAILURES_MAX 100U /* then the run is over: it measures nothing */
#define EVENTS 256
#define NS_PER_S 1000000000ULL

/* Stands in the request file where the id goes; ids have as many digits, so lengths never change. */
#define ID_DIGITS 10U
#define ID_FIRST 1000000000ULL
static const struct span id_mark = SPAN("@@@@@@@@@@");

struct options {
	uint16_t port;
	const char *request;
	const char *sessions; /* a file of ids that take turns in the requests; NULL: as the request is */
	const char *expect;   /* what every answer holds, where it holds no id; NULL: the id */
	uint64_t connections, count, warmup, rate, timeout_s;
	bool wait;
};

struct connection {
	int fd;
	bool busy;
	bool ended;    /* the peer has closed its side */
	char *request; /* own copy, for the id in it differs */
	size_t sent;
	uint64_t id;
	uint64_t since_ns; /* when the request was due */
	struct buf in;
	struct http_message answer;
	struct connection *next_idle;
};

struct load {
	const struct options *options;
	struct buf request;
	size_t id_at;
	struct buf sessions; /* lines of the same length, the request's own the first */
	size_t session_bytes, session_at, next_session;
	int epoll;
	struct connection *connections;
	struct connection *idle;
	struct report report;
	uint64_t next_id;
	bool refused; /* the peer takes no connection any more: there is nothing left to measure */
	/* of the phase that runs */
	uint64_t wanted, issued, finished;
	uint64_t rate, begin_ns;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static bool connection_open(struct load *load, struct connection *connection)
{
	connection->fd = socket_connect(load->options->port);
	return connection->fd >= 0 && socket_watch(load->epoll, connection->fd, connection) == 0;
}

static void connection_rest(struct load *load, struct connection *connection)
{
	connection->busy = false;
	connection->next_idle = load->idle;
	load->idle = connection;
}

/* Replaces a connection that the peer has closed or that cannot be trusted any more. */
static bool connection_reopen(struct load *load, struct connection *connection)
{
	closep(&connection->fd);
	buf_clear(&connection->in);
	connection->answer = (struct http_message){ 0 };
	connection->ended = false;
	load->refused = !connection_open(load, connection);
	return !load->refused;
}

/* Writes on; what does not fit goes out at the next edge. False where the connection is lost. */
static bool connection_write(struct load *load, struct connection *connection)
{
	while (connection->sent < load->request.n) {
		ssize_t n = send(connection->fd, connection->request + connection->sent,
				 load->request.n - connection->sent, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN;
		connection->sent += (size_t)n;
	}
	return true;
}

/* When the request with this number in its phase was due: at once in a closed loop. */
static uint64_t due_ns(const struct load *load, uint64_t number)
{
	return load->rate ? load->begin_ns + number * NS_PER_S / load->rate : now_ns();
}

/* The request is lost, and its connection with it. */
static void failed(struct load *load, struct connection *connection, enum failure kind, struct span detail)
{
	report_failure(&load->report, kind, detail);
	load->finished++;
	if (connection_reopen(load, connection))
		connection_rest(load, connection);
}

/* The next request is another session's. */
static void take_session(struct load *load, struct connection *connection)
{
	memcpy(connection->request + load->session_at, load->sessions.p + load->next_session,
	       load->session_bytes);
	load->next_session = (load->next_session + load->session_bytes + 1) % load->sessions.n;
}

static void issue(struct load *load, struct connection *connection)
{
	char digits[ID_DIGITS + 1];

	connection->id = load->next_id++;
	(void)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)connection->id);
	memcpy(connection->request + load->id_at, digits, ID_DIGITS);
	if (load->sessions.n)
		take_session(load, connection);
	connection->busy = true;
	connection->sent = 0;
	connection->since_ns = due_ns(load, load->issued++);
	if (!connection_write(load, connection))
		failed(load, connection, FAILURE_CLOSED, S("the peer closed while a request was sent"));
}

/* Starts what is due, as far as connections are free; the rest waits and its waiting counts. */
static void issue_due(struct load *load)
{
	uint64_t allowed = load->wanted;

	if (load->rate) {
		uint64_t due = (now_ns() - load->begin_ns) * load->rate / NS_PER_S + 1;

		allowed = due < allowed ? due : allowed;
	}
	while (load->idle && load->issued < allowed) {
		struct connection *connection = load->idle;

		load->idle = connection->next_idle;
		issue(load, connection);
	}
}

static bool is_answer(const struct load *load, const struct connection *connection, struct span body)
{
	char needle[ID_DIGITS + 6];
	int n = snprintf(needle, sizeof(needle), "\"id\":%llu", (unsigned long long)connection->id);
	struct span tail = body.n > 64 ? span_skip(body, body.n - 64) : body;
	struct span id = span_of(needle, (size_t)n);

	if (load->options->expect)
		return span_contains(body, span_str(load->options->expect));
	return span_contains(tail, id) || span_contains(body, id);
}

/* Judges a whole answer. */
static void answered(struct load *load, struct connection *connection)
{
	const struct http_message *answer = &connection->answer;
	struct span body = span_of(connection->in.p + answer->head_bytes, answer->body_bytes);
	uint64_t ns = now_ns() - connection->since_ns;

	if (answer->status != 200) {
		failed(load, connection, FAILURE_STATUS, buf_span(&connection->in));
		return;
	}
	if (!is_answer(load, connection, body)) {
		failed(load, connection, FAILURE_ANSWER, body);
		return;
	}
	histogram_add(&load->report.latency, ns);
	load->report.body_bytes += body.n;
	load->finished++;
	if (answer->close || connection->ended) {
		load->report.reconnects++;
		if (!connection_reopen(load, connection))
			return;
	} else {
		buf_consume(&connection->in, answer->used);
		connection->answer = (struct http_message){ 0 };
	}
	connection_rest(load, connection);
}

/* Reads until the answer is whole; HTTP_MORE means: at the next edge. */
static enum http_read connection_read(struct connection *connection)
{
	for (;;) {
		char *room = buf_reserve(&connection->in, READ_BYTES);
		enum http_read got;
		ssize_t n;

		if (!room)
			return HTTP_BAD;
		n = recv(connection->fd, room, READ_BYTES, 0);
		if (n < 0 && errno == EAGAIN)
			return HTTP_MORE;
		if (n <= 0) {
			connection->ended = true;
			return HTTP_MORE;
		}
		connection->in.n += (size_t)n;
		got = http_read(&connection->answer, connection->in.p, connection->in.n);
		/* A short read has emptied the socket, unless its end comes after it. */
		if (got != HTTP_MORE || ((size_t)n < READ_BYTES && !connection->ended))
			return got;
	}
}

static void on_idle_event(struct load *load, struct connection *connection)
{
	if (!connection->ended)
		return;
	load->report.reconnects++;
	(void)connection_reopen(load, connection);
}

static void on_event(struct load *load, struct connection *connection, uint32_t events)
{
	enum http_read got = HTTP_MORE;

	connection->ended = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
	if (!connection->busy) {
		on_idle_event(load, connection);
		return;
	}
	if (!connection_write(load, connection)) {
		failed(load, connection, FAILURE_CLOSED, S("the peer closed while a request was sent"));
		return;
	}
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		got = connection_read(connection);
	if (got == HTTP_DONE)
		answered(load, connection);
	else if (got == HTTP_BAD)
		failed(load, connection, FAILURE_FRAMING, buf_span(&connection->in));
	else if (connection->ended)
		failed(load, connection, FAILURE_CLOSED, S("the peer closed instead of answering"));
}

/* Until the next request is due; a second where none is, or where no connection is free for it. */
static struct timespec patience(const struct load *load)
{
	uint64_t due, now;

	if (!load->rate || !load->idle || load->issued == load->wanted)
		return (struct timespec){ .tv_sec = 1 };
	due = due_ns(load, load->issued);
	now = now_ns();
	due = due > now ? due - now : 0;
	return (struct timespec){ .tv_sec = (time_t)(due / NS_PER_S), .tv_nsec = (long)(due % NS_PER_S) };
}

/* Runs `count` requests to their end, or until the time or the failures are too many. */
static void run_phase(struct load *load, uint64_t count, uint64_t rate)
{
	struct epoll_event events[EVENTS];
	uint64_t deadline_ns;

	load->wanted = count;
	load->rate = rate;
	load->issued = load->finished = 0;
	load->begin_ns = now_ns();
	deadline_ns = load->begin_ns + load->options->timeout_s * NS_PER_S;
	while (load->finished < load->wanted && !load->refused &&
	       report_failed(&load->report) < FAILURES_MAX) {
		struct timespec timeout;
		int n;

		issue_due(load);
		timeout = patience(load);
		n = epoll_pwait2(load->epoll, events, EVENTS, &timeout, NULL);
		for (int i = 0; i < n; i++) {
			on_event(load, events[i].data.ptr, events[i].events);
			issue_due(load);
		}
		if (now_ns() > deadline_ns) {
			report_failure(&load->report, FAILURE_TIMEOUT, S("the time was up"));
			break;
		}
	}
	load->report.elapsed_ns = now_ns() - load->begin_ns;
}

/* The whole file. False, and it is said why, where it cannot be had. */
static bool read_file(const char *path, struct buf *out)
{
	FILE *file = fopen(path, "rb");
	char *room = buf_reserve(out, REQUEST_BYTES_MAX);

	if (!file || !room) {
		perror(path);
		if (file)
			(void)fclose(file);
		return false;
	}
	out->n = fread(room, 1, REQUEST_BYTES_MAX, file);
	(void)fclose(file);
	return true;
}

static bool find_in_request(const struct load *load, struct span mark, size_t *at)
{
	const char *hit = memmem(load->request.p, load->request.n, mark.p, mark.n);

	if (!hit) {
		(void)fprintf(stderr, "bench_load: %s does not hold %.*s\n", load->options->request,
			      SPAN_ARG(mark));
		return false;
	}
	*at = (size_t)(hit - load->request.p);
	return true;
}

static bool load_sessions(struct load *load)
{
	struct span head = S("\r\nmcp-session-id: ");

	if (!load->options->sessions)
		return true;
	if (!read_file(load->options->sessions, &load->sessions) ||
	    !find_in_request(load, head, &load->session_at))
		return false;
	load->session_at += head.n;
	load->session_bytes = span_find(buf_span(&load->sessions), '\n');
	if (load->sessions.n % (load->session_bytes + 1) == 0 &&
	    span_find(span_skip(buf_span(&load->request), load->session_at), '\r') == load->session_bytes)
		return true;
	(void)fprintf(stderr, "bench_load: the ids in %s are not all as long as the request's\n",
		      load->options->sessions);
	return false;
}

static bool load_request(struct load *load)
{
	return read_file(load->options->request, &load->request) &&
	       find_in_request(load, id_mark, &load->id_at) && load_sessions(load);
}

static bool load_connect(struct load *load)
{
	load->connections = calloc(load->options->connections, sizeof(*load->connections));
	if (!load->connections)
		return false;
	for (uint64_t i = 0; i < load->options->connections; i++) {
		struct connection *connection = &load->connections[i];

		connection->in = BUF_INIT(ANSWER_BYTES_MAX);
		connection->request = malloc(load->request.n);
		if (!connection->request)
			return false;
		memcpy(connection->request, load->request.p, load->request.n);
		if (!connection_open(load, connection))
			return false;
		connection_rest(load, connection);
	}
	return true;
}

static void load_release(struct load *load)
{
	for (uint64_t i = 0; load->connections && i < load->options->connections; i++) {
		closep(&load->connections[i].fd);
		free(load->connections[i].request);
		buf_release(&load->connections[i].in);
	}
	free(load->connections);
	buf_release(&load->request);
	buf_release(&load->sessions);
	closep(&load->epoll);
}

/* Lets the driver look at the candidate's CPU time between warm-up and measurement. */
static bool wait_for_go(void)
{
	char line[8];

	(void)puts("ready");
	(void)fflush(stdout);
	return fgets(line, sizeof(line), stdin) != NULL;
}

static int run(struct load *load)
{
	const struct options *options = load->options;

	if (!load_request(load))
		return 2;
	if (load->epoll < 0 || !load_connect(load)) {
		perror("bench_load: connecting");
		return 1;
	}
	if (options->warmup)
		run_phase(load, options->warmup, 0);
	if (report_failed(&load->report) == 0) {
		if (options->wait && !wait_for_go())
			return 1;
		load->report = (struct report){ 0 };
		run_phase(load, options->count, options->rate);
	}
	report_print(&load->report);
	/* The connections stay open until the driver has looked again: closing them costs, too. */
	if (options->wait && report_failed(&load->report) == 0)
		(void)wait_for_go();
	return report_failed(&load->report) ? 1 : 0;
}

static bool number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
	uint64_t value;

	if (!span_u64(span_str(text), &value) || value < least || value > most)
		return false;
	*out = value;
	return true;
}

static bool parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ .name = "port", .has_arg = required_argument, .val = 'p' },
		{ .name = "request", .has_arg = required_argument, .val = 'f' },
		{ .name = "connections", .has_arg = required_argument, .val = 'c' },
		{ .name = "count", .has_arg = required_argument, .val = 'n' },
		{ .name = "warmup", .has_arg = required_argument, .val = 'w' },
		{ .name = "rate", .has_arg = required_argument, .val = 'r' },
		{ .name = "timeout", .has_arg = required_argument, .val = 't' },
		{ .name = "wait", .val = 'g' },
		{ .name = "sessions", .has_arg = required_argument, .val = 's' },
		{ .name = "expect", .has_arg = required_argument, .val = 'e' },
		{ 0 },
	};
	bool good = true;

	for (int c = 0; good && (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		if (c == 'p')
			good = socket_port(optarg, &options->port);
		else if (c == 'f')
			options->request = optarg;
		else if (c == 'c')
			good = number(optarg, 1, CONNECTIONS_MAX, &options->connections);
		else if (c == 'n')
			good = number(optarg, 1, 1U << 30, &options->count);
		else if (c == 'w')
			good = number(optarg, 0, 1U << 30, &options->warmup);
		else if (c == 'r')
			good = number(optarg, 1, 1000000, &options->rate);
		else if (c == 't')
			good = number(optarg, 1, 3600, &options->timeout_s);
		else if (c == 'g')
			options->wait = true;
		else if (c == 's')
			options->sessions = optarg;
		else if (c == 'e')
			options->expect = optarg;
		else
			good = false;
	}
	return good && options->port && options->request && optind == argc;
}

int main(int argc, char **argv)
{
	struct options options = { .connections = 1, .count = 1000, .timeout_s = 30 };
	struct load *load;
	int status;

	if (!parse(argc, argv, &options)) {
		(void)fputs(
		    "usage: bench_load --port N --request FILE [--connections N] [--count N] "
		    "[--warmup N] [--rate PER-SECOND] [--timeout SECONDS] [--wait] [--sessions FILE] [--expect TEXT]\n",
		    stderr);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	/* The kernel rounds a wait up by 50 us otherwise. */
	(void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	socket_raise_limit();
	load = calloc(1, sizeof(*load));
	if (!load)
		return 1;
	load->options = &options;
	load->request = BUF_INIT(REQUEST_BYTES_MAX);
	load->sessions = BUF_INIT(REQUEST_BYTES_MAX);
	load->next_id = ID_FIRST;
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	status = run(load);
	load_release(load);
	free(load);
	return status;
}
