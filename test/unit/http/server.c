/* server.c - connections inwards: what is sent ahead waits, and who takes no answer gets no further one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/connection.h"
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
	enum { ANSWER, HOLD, ABORT, STREAM } how;
	enum { STRANGER, KNOWN, REFUSED } sender;
	unsigned heads, requests, gone;
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
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
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
						     .head_ms = 1000 };
	socklen_t n = sizeof(address);
	struct err err = ERR_INIT;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &n) < 0)
		abort();
	server = http_server_new(&loop, &options, on_request, NULL, &quiet, &err);
	if (!server || http_server_listen(server, fd, &err) < 0)
		abort();
}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static void refusals(struct buf *got)
{
	int fd = dial();

	back.how = ANSWER;
	back.reply = 2;
	say(fd, "GET / HTTP/1.1\r\nHost : a\r\n\r\n" GET);
	(void)hear(fd, got, 12);
	ok(span_starts(buf_span(got), S("HTTP/1.1 400")), "a broken head is refused");
	http_server_tick(server);
	is_int(back.requests, 0, "and what follows it is not looked at");
	(void)close(fd);
	fd = dial();
	say(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
	(void)hear(fd, got, 12);
	ok(span_starts(buf_span(got), S("HTTP/1.1 413")) && back.requests == 0,
	   "a body over the limit, before it comes");
	(void)close(fd);
	turn_a_while(&loop);
}

#define POST(length) "POST / HTTP/1.1\r\nHost: a\r\n" length "\r\n\r\n"
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void at_the_head(struct buf *got)
{
	int fd = dial();

	back.how = ANSWER;
	back.reply = 2;
	back.requests = 0;
	back.sender = REFUSED;
	say(fd, POST("Expect: 100-continue\r\nContent-Length: 100"));
	(void)hear(fd, got, 300);
	ok(span_starts(buf_span(got), S("HTTP/1.1 401")) && span_ends(buf_span(got), S("who?")) &&
	       span_contains(buf_span(got), S("Connection: close")),
	   "who is not welcome is told so before the body is sent");
	say(fd, HUNDRED GET);
	turn_a_while(&loop);
	ok(back.requests == 0 && back.heads == 1, "and is not listened to any more");
	(void)close(fd);
	fd = dial();
	say(fd, POST("Transfer-Encoding: chunked") "5\r\nhello\r\n0\r\n\r\n");
	(void)hear(fd, got, 12);
	ok(span_starts(buf_span(got), S("HTTP/1.1 401")) && back.requests == 0, "nor one who sends chunks");
	(void)close(fd);
	turn_a_while(&loop);
	is_int(http_server_connections(server), 0, "both are forgotten");
	back.heads = 0;
	fd = dial();
	say(fd, POST("Content-Length: 5") "hello");
	(void)hear(fd, got, 12);
	ok(span_starts(buf_span(got), S("HTTP/1.1 200")) && back.heads == 0 && back.requests == 1,
	   "what is all there is not asked for twice");
	(void)close(fd);
	turn_a_while(&loop);
	back.sender = STRANGER;
}

/* Sends the beginning of a body of 1000 bytes, a hundred of it; says what is answered to it, if anything. */
static int half(struct buf *got, const char *more)
{
	int fd = dial();

	say(fd, POST("Content-Length: 1000"));
	turn_a_while(&loop);
	say(fd, HUNDRED);
	say(fd, more);
	(void)hear(fd, got, 12);
	return fd;
}

/* A quarter of 3200 is for strangers. */
static void crowd(struct buf *got)
{
	const char *most = HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED;
	int first, late, known;

	back.requests = 0;
	back.sender = STRANGER;
	first = half(got, most);
	is_int(got->n, 0, "a stranger's body comes in");
	late = half(got, "");
	ok(span_starts(buf_span(got), S("HTTP/1.1 503")), "another has no room");
	(void)close(late);
	back.sender = KNOWN;
	known = half(got, most);
	is_int(got->n, 0, "who is known has room of their own");
	say(known, HUNDRED HUNDRED HUNDRED HUNDRED);
	(void)hear(known, got, 12);
	ok(span_starts(buf_span(got), S("HTTP/1.1 200")) && back.body.n == 1000, "and is served");
	(void)close(first);
	(void)close(known);
	turn_a_while(&loop);
	back.sender = STRANGER;
	for (int i = 0; i < 4; i++) {
		late = half(got, most);
		say(late, HUNDRED HUNDRED HUNDRED HUNDRED);
		(void)hear(late, got, 12);
		ok(span_starts(buf_span(got), S("HTTP/1.1 200")), "what was held is given back");
		(void)close(late);
		turn_a_while(&loop);
	}
	back.how = HOLD;
	first = half(got, HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED);
	ok(back.held != NULL, "a call that takes its time");
	back.how = ANSWER;
	late = half(got, most);
	is_int(got->n, 0, "does not hold what nobody looks at any more");
	(void)close(first);
	(void)close(late);
	turn_a_while(&loop);
	back.held = NULL;
}

static void pieces(struct buf *got)
{
	const char *text = "POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
	int fd = dial();

	back.how = ANSWER;
	back.requests = 0;
	for (; *text; text++) {
		(void)!write(fd, text, 1);
		one_turn(&loop, 0);
	}
	(void)hear(fd, got, 17);
	ok(back.requests == 1 && span_eq(buf_span(&back.body), S("hello")), "a request byte by byte");
	ok(span_starts(buf_span(got), S("HTTP/1.1 200")), "is answered");
	(void)close(fd);
	turn_a_while(&loop);
}

static void sent_ahead(struct buf *got)
{
	int fd = dial();

	back.how = HOLD;
	back.requests = 0;
	say(fd, GET "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" GET);
	TURN_UNTIL(&loop, back.held);
	turn_a_while(&loop);
	is_int(back.requests, 1, "one request at a time");
	answer(TAKE(back.held), 1);
	TURN_UNTIL(&loop, back.held);
	ok(back.requests == 2 && span_eq(buf_span(&back.body), S("abc")), "then the next");
	back.how = ANSWER;
	answer(TAKE(back.held), 1);
	TURN_UNTIL(&loop, back.requests == 3);
	is_int(back.requests, 3, "and the last");
	(void)hear(fd, got, 200);
	(void)close(fd);
	turn_a_while(&loop);
	is_int(http_server_connections(server), 0, "who leaves is forgotten");
}

/* Hundreds of questions, no answer taken: the gate must not keep the answers for them. */
static void unread(struct buf *got)
{
	int fd = dial();
	unsigned answered;

	back.how = ANSWER;
	back.reply = REPLY;
	back.requests = 0;
	for (int i = 0; i < AHEAD; i++) {
		say(fd, GET);
		one_turn(&loop, 0);
	}
	turn_a_while(&loop);
	answered = back.requests;
	ok(answered > 0 && answered < AHEAD / 4, "%u of %d are answered while nobody reads", answered, AHEAD);
	for (int i = 0; i < AHEAD && back.requests < AHEAD; i++)
		(void)hear(fd, got, (size_t)REPLY);
	is_int(back.requests, AHEAD, "all of them when somebody does");
	(void)close(fd);
	turn_a_while(&loop);
	back.reply = 2;
}

static void leaving(void)
{
	int fd = dial();

	back.how = HOLD;
	back.gone = 0;
	say(fd, GET);
	TURN_UNTIL(&loop, back.held);
	(void)close(fd);
	TURN_UNTIL(&loop, back.gone);
	is_int(back.gone, 1, "a client that leaves is told of");
	back.how = ABORT;
	fd = dial();
	say(fd, GET GET);
	ok(is_closed(fd) && back.gone == 1, "one that is cut is not");
	(void)close(fd);
	back.how = STREAM;
	fd = dial();
	say(fd, GET);
	TURN_UNTIL(&loop, back.held);
	http_stream_write(back.held, S("one"));
	http_stream_write(back.held, S(""));
	http_stream_end(TAKE(back.held));
	back.how = ANSWER;
	back.requests = 0;
	say(fd, GET);
	TURN_UNTIL(&loop, back.requests);
	is_int(back.requests, 1, "after a stream the connection goes on");
	(void)close(fd);
	turn_a_while(&loop);
}

/* Longer than idle_ms, as the loop counts it, and then the tick. */
static void idle_over(void)
{
	(void)usleep((IDLE_MS + 1) * 1000);
	uv_update_time(&loop.uv);
	http_server_tick(server);
}

/* A large answer is taken slowly: as long as bytes move, time does not. */
static void slow_reader(struct buf *got)
{
	char chunk[65536];
	int fd = dial();
	unsigned periods = 0;
	ssize_t n;

	back.how = ANSWER;
	back.reply = LARGE_REPLY;
	say(fd, GET);
	turn_a_while(&loop);
	buf_clear(got);
	for (int still = 0; got->n < LARGE_REPLY && still < 100; still++) {
		for (size_t taken = 0; taken < LARGE_REPLY / 16 && still < 100;) {
			n = read(fd, chunk, sizeof(chunk));
			still = n > 0 ? 0 : still + 1;
			taken += n > 0 ? (size_t)n : 0;
			buf_add(got, span_of(chunk, n > 0 ? (size_t)n : 0));
			turn_a_while(&loop);
		}
		idle_over();
		periods++;
	}
	ok(got->n >= LARGE_REPLY && periods > 4, "who reads slowly gets all of it (%zu in %u periods)",
	   got->n, periods);
	(void)close(fd);
	fd = dial();
	say(fd, GET);
	turn_a_while(&loop);
	for (int i = 0; i < 5 && http_server_connections(server); i++) {
		idle_over();
		turn_a_while(&loop);
	}
	is_int(http_server_connections(server), 0, "who does not read is cut");
	(void)close(fd);
	back.reply = REPLY;
	turn_a_while(&loop);
}

/* Reads a little in each period, until the connection is cut or `most` periods are over. */
static unsigned drip(int fd, size_t share, unsigned most)
{
	char chunk[65536];
	unsigned periods = 0;

	while (http_server_connections(server) && periods < most) {
		for (size_t taken = 0, still = 0; taken < share && still < 100;) {
			ssize_t n = read(fd, chunk, sizeof(chunk) < share ? sizeof(chunk) : share);

			still = n > 0 ? 0 : still + 1;
			taken += n > 0 ? (size_t)n : 0;
			turn_a_while(&loop);
		}
		idle_over();
		periods++;
	}
	return periods;
}

/* Bytes that move, but so few that the answer would be held for as long as the client likes. */
static void dripping(struct buf *got)
{
	int fd = dial();

	back.how = ANSWER;
	back.reply = LARGE_REPLY;
	say(fd, GET);
	turn_a_while(&loop);
	ok(drip(fd, LARGE_REPLY / 256, 50) < 50, "who takes next to nothing is cut");
	(void)close(fd);
	turn_a_while(&loop);
	fd = dial();
	say(fd, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	turn_a_while(&loop);
	is_int(http_server_connections(server), 1, "whose last answer waits is still a connection");
	ok(drip(fd, LARGE_REPLY / 256, 50) < 50, "and is cut as well");
	(void)close(fd);
	turn_a_while(&loop);
	fd = dial();
	say(fd, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	(void)shutdown(fd, SHUT_WR);
	ok(hear(fd, got, (size_t)LARGE_REPLY * 2) > LARGE_REPLY && http_server_connections(server) == 0,
	   "who takes it all gets it all, though he has nothing more to say");
	(void)close(fd);
	fd = dial();
	back.how = STREAM;
	back.gone = 0;
	say(fd, GET);
	TURN_UNTIL(&loop, back.held);
	http_stream_write(back.held, span_of(back.bytes, LARGE_REPLY));
	ok(drip(fd, LARGE_REPLY / 256, 50) < 50 && back.gone == 1,
	   "so is the reader of a stream, and it is told");
	(void)close(fd);
	turn_a_while(&loop);
	back.reply = REPLY;
}

/* All that waits has one ceiling: who has been taking his the longest goes. */
static void too_much_unsent(struct buf *got)
{
	int fds[3];

	back.how = ANSWER;
	back.reply = LARGE_REPLY;
	for (size_t i = 0; i < COUNT(fds); i++) {
		fds[i] = dial();
		say(fds[i], GET);
		turn_a_while(&loop);
		uv_update_time(&loop.uv);
		if (i < 2)
			http_server_tick(server);
		(void)usleep(1000);
	}
	is_int(http_server_connections(server), 2, "three large answers are more than may wait");
	ok(hear(fds[0], got, LARGE_REPLY) < LARGE_REPLY, "the first is cut");
	ok(hear(fds[1], got, LARGE_REPLY) >= LARGE_REPLY && hear(fds[2], got, LARGE_REPLY) >= LARGE_REPLY,
	   "the others get theirs");
	for (size_t i = 0; i < COUNT(fds); i++)
		(void)close(fds[i]);
	turn_a_while(&loop);
	back.reply = REPLY;
}

static void new_limits(struct buf *got)
{
	struct http_limits limits = {
		.head_bytes = 4096, .header_line = 1024, .headers = 20, .url = 200, .body_bytes = 3
	};
	int fd = dial(), more[3];

	back.how = ANSWER;
	back.reply = 1;
	http_server_set_limits(server, &limits, 2);
	say(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfour");
	(void)hear(fd, got, 12);
	ok(span_starts(buf_span(got), S("HTTP/1.1 413")), "a smaller limit of bodies holds from now on");
	(void)close(fd);
	turn_a_while(&loop);
	for (size_t i = 0; i < COUNT(more); i++)
		more[i] = dial_later();
	is_int(http_server_connections(server), 2, "and so does one of connections");
	limits.body_bytes = 1000;
	http_server_set_limits(server, &limits, 4);
	say(more[2], "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfour");
	(void)hear(more[2], got, 12);
	ok(span_starts(buf_span(got), S("HTTP/1.1 200")), "a larger one too, also for who was there");
	for (size_t i = 0; i < COUNT(more); i++)
		(void)close(more[i]);
	back.reply = REPLY;
	turn_a_while(&loop);
}

/* Connections of strangers do not keep anybody out, nor anybody who is known from staying. */
static void room(struct buf *got)
{
	int known = dial(), fds[6];

	back.how = ANSWER;
	back.sender = KNOWN;
	say(known, GET);
	ok(hear(known, got, 1) > 0, "somebody is known");
	back.sender = STRANGER;
	for (size_t i = 0; i < COUNT(fds); i++)
		fds[i] = dial_later();
	is_int(http_server_connections(server), 4, "no more connections than there may be");
	ok(is_closed(fds[0]) && is_closed(fds[1]) && is_closed(fds[2]),
	   "who has said nothing for longest goes");
	say(fds[3], "GET /");
	say(fds[5], GET);
	ok(hear(fds[5], got, 1) > 0, "who came last is answered");
	say(known, GET);
	ok(hear(known, got, 1) > 0, "and who is known, too");
	(void)close(known);
	for (size_t i = 0; i < COUNT(fds); i++)
		(void)close(fds[i]);
	TURN_UNTIL(&loop, http_server_connections(server) == 0);
}

static void limits(void)
{
	int fds[5];

	for (size_t i = 0; i < COUNT(fds); i++)
		fds[i] = dial();
	TURN_UNTIL(&loop, http_server_connections(server) == 4);
	turn_a_while(&loop);
	is_int(http_server_connections(server), 4, "no more connections than there may be");
	for (size_t i = 0; i < COUNT(fds); i++)
		(void)close(fds[i]);
	turn_a_while(&loop);
	fds[0] = dial();
	TURN_UNTIL(&loop, http_server_connections(server) == 1);
	back.how = HOLD;
	say(fds[0], GET);
	TURN_UNTIL(&loop, back.held);
	fds[1] = dial();
	http_server_drain(server);
	ok(is_closed(fds[1]), "draining: nobody new");
	answer(TAKE(back.held), 1);
	TURN_UNTIL(&loop, http_server_connections(server) == 0);
	is_int(http_server_connections(server), 0, "and who is there leaves with his answer");
	(void)close(fds[0]);
	(void)close(fds[1]);
}

int main(void)
{
	CLEANUP(buf_release) struct buf got = BUF_INIT((size_t)64 << 20);
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	back.bytes = calloc(1, LARGE_REPLY);
	back.body = BUF_INIT(4096);
	if (!ok(back.bytes && loop_init(&loop, &err) == 0, "a loop"))
		return tap_done();
	start();
	refusals(&got);
	at_the_head(&got);
	crowd(&got);
	pieces(&got);
	sent_ahead(&got);
	unread(&got);
	leaving();
	slow_reader(&got);
	dripping(&got);
	too_much_unsent(&got);
	new_limits(&got);
	room(&got);
	limits();
	server = http_server_free(server);
	turn_a_while(&loop);
	loop_release(&loop);
	buf_release(&back.body);
	free(back.bytes);
	return tap_done();
}
