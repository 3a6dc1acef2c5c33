/* server.c - connections inwards: what is sent ahead waits, and what is too much is refused. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "server_rig.h"

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
	fd = dial();
	say(fd, "PUT / HTTP/1.1\r\nHost: a\r\n\r\n");
	(void)hear(fd, got, 300);
	ok(span_starts(buf_span(got), S("HTTP/1.1 405")) &&
	       span_contains(buf_span(got), S("\r\nAllow: GET, POST\r\n")),
	   "a method that is not served: those that are are named");
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

/* A body that is all there when its sender is looked at, and then kept, is not a stranger's any more. */
static void known_late(struct buf *got)
{
	const char *most = HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED;
	int first, fd;

	back.sender = STRANGER;
	first = half(got, most);
	is_int(server->share->gathered[0], first >= 0 ? 1000 : 0, "# strangers have nearly what they may");
	back.how = KEEP;
	fd = dial();
	say(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n" HUNDRED HUNDRED HUNDRED HUNDRED
		    HUNDRED);
	(void)hear(fd, got, 12);
	ok(got->n && !back.kept, "one more stranger's body cannot be kept");
	(void)close(fd);
	back.sender = KNOWN;
	fd = dial();
	say(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n" HUNDRED HUNDRED HUNDRED HUNDRED
		    HUNDRED);
	(void)hear(fd, got, 12);
	ok(got->n && back.kept, "that of somebody known can");
	(void)close(fd);
	back.how = ANSWER;
	(void)close(first);
	turn_a_while(&loop);
	ok(server->share->gathered[0] == 0 && server->share->gathered[1] == 0, "and all is given back");
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

/* Who is there when the rules change goes with what he has begun; who comes then stays. */
static void retired(struct buf *got)
{
	int idle = dial(), begun = dial(), working = dial(), fresh;

	back.how = ANSWER;
	back.reply = 1;
	say(idle, GET);
	(void)hear(idle, got, 12);
	say(begun, "GET / HTTP/1.1\r\n");
	turn_a_while(&loop);
	back.how = HOLD;
	say(working, GET);
	TURN_UNTIL(&loop, back.held);
	http_server_retire(server);
	ok(is_closed(idle), "retired: who waits for nothing is closed");
	answer(TAKE(back.held), 1);
	(void)hear(working, got, 12);
	ok(span_starts(buf_span(got), S("HTTP/1.1 200")) && is_closed(working),
	   "who is at work has his answer");
	back.how = ANSWER;
	say(begun, "Host: a\r\n\r\n");
	(void)hear(begun, got, 1000);
	ok(span_starts(buf_span(got), S("HTTP/1.1 200")) &&
	       span_contains(buf_span(got), S("Connection: close")),
	   "and who has begun");
	fresh = dial();
	say(fresh, GET);
	(void)hear(fresh, got, 12);
	say(fresh, GET);
	(void)hear(fresh, got, 12);
	ok(span_starts(buf_span(got), S("HTTP/1.1 200")), "who comes then may stay");
	(void)close(idle);
	(void)close(begun);
	(void)close(working);
	(void)close(fresh);
	turn_a_while(&loop);
}

/* Another process listens from here on. */
static void stepped_back(struct buf *got)
{
	int idle, unheard;

	server = http_server_free(server);
	start();
	idle = dial();
	back.how = ANSWER;
	back.reply = 1;
	say(idle, GET);
	(void)hear(idle, got, 12);
	unheard = dial();
	TURN_UNTIL(&loop, http_server_connections(server) == 2);
	http_server_step_back(server);
	ok(is_closed(idle), "stepped back: who waits for nothing is closed");
	say(unheard, GET);
	(void)hear(unheard, got, 1000);
	ok(span_starts(buf_span(got), S("HTTP/1.1 200")) &&
	       span_contains(buf_span(got), S("Connection: close")),
	   "who was let in and not heard yet is heard, once");
	(void)close(idle);
	(void)close(unheard);
	TURN_UNTIL(&loop, http_server_connections(server) == 0);
	is_int(http_server_connections(server), 0, "and nobody is left");
}

int main(void)
{
	CLEANUP(buf_release) struct buf got = BUF_INIT((size_t)1 << 20);

	if (!ok(rig_start(), "a server"))
		return tap_done();
	refusals(&got);
	at_the_head(&got);
	known_late(&got);
	crowd(&got);
	pieces(&got);
	sent_ahead(&got);
	unread(&got);
	leaving();
	new_limits(&got);
	retired(&got);
	limits();
	stepped_back(&got);
	rig_stop();
	return tap_done();
}
