/* move.c - a connection whose requests are answered by two threads in turn. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/connection.h"
#include "http/move.h"
#include "loopback.h"
#include "tap.h"
#include "turns.h"

enum { LARGE = 8 << 20, TURNS = 20000 };

static struct log quiet = { .fd = -1, .level = LOG_ERROR, .role = "test" };
static struct sockaddr_in address;
static struct http_share share;
static char *large;

/* One thread: "here" is the test's own, "away" another. Who answers says his name. */
struct side {
	struct loop loop;
	struct mailbox mailbox;
	struct http_server *server;
	struct side *peer;
	const char *name;
	_Atomic unsigned requests, moved, held;
	struct mail stop;
};

static struct side here = { .name = "here" }, away = { .name = "away" };

static void on_request(void *owner, struct http_request *request, const struct http_head *head,
		       struct span body)
{
	struct side *side = owner;
	struct http_reply reply = { .status = 200 };

	side->requests++;
	if (span_eq(head->path, S("/large"))) {
		http_reply(request, &reply, span_of(large, LARGE));
		return;
	}
	if (!span_eq(span_skip(head->path, 1), span_str(side->name))) {
		side->moved++;
		ok(http_request_move(request, side->peer->server), "%s hands it over", side->name);
		return;
	}
	http_reply(request, &reply, body.n ? body : span_str(side->name));
}

/* The tests' output is one thread's: the other counts. */
static void on_request_away(void *owner, struct http_request *request, const struct http_head *head,
			    struct span body)
{
	struct side *side = owner;

	side->requests++;
	if (span_eq(head->path, S("/away"))) {
		http_reply(request, &(struct http_reply){ .status = 200 }, body.n ? body : S("away"));
		return;
	}
	side->moved++;
	if (!http_request_move(request, side->peer->server))
		abort();
}

static void run_stop(struct mail *mail)
{
	loop_stop(&LIST_ENTRY(mail, struct side, stop)->loop);
}

static void *run_away(void *argument)
{
	struct side *side = argument;

	loop_run(&side->loop);
	side->server = http_server_free(side->server);
	return NULL;
}

static void open_side(struct side *side, struct side *peer, http_on_request *answers)
{
	const struct http_server_options options = { .limits = { .head_bytes = 4096,
								 .header_line = 1024,
								 .headers = 20,
								 .url = 200,
								 .body_bytes = 100000 },
						     .share = &share,
						     .max_connections = 4,
						     .bodies_bytes = 400000,
						     .idle_ms = SERVER_GRACE_PART,
						     .head_ms = 100000,
						     .allow = S("GET, POST") };

	side->peer = peer;
	side->stop.run = run_stop;
	if (loop_init(&side->loop, NULL) < 0 || mailbox_open(&side->mailbox, &side->loop, NULL) < 0)
		abort();
	side->server = http_server_new(&side->loop, &options, answers, side, &quiet, NULL);
	if (!side->server)
		abort();
}

static int dial(void)
{
	return loopback_connect(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), &address);
}

static void say(int fd, const char *text)
{
	(void)!write(fd, text, strlen(text));
}

/* Until `end` stands at the end of what was heard. */
static void hear(int fd, struct buf *got, struct span end)
{
	buf_clear(got);
	for (int turn = 0; turn < TURNS && !span_ends(buf_span(got), end); turn++) {
		char chunk[65536];
		ssize_t n;

		one_turn(&here.loop, turn);
		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			buf_add(got, span_of(chunk, (size_t)n));
	}
}

#define GET(path) "GET /" path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path, body, n) "POST /" path " HTTP/1.1\r\nHost: a\r\nContent-Length: " n "\r\n\r\n" body

static void in_turns(struct buf *got)
{
	int fd = dial();

	say(fd, GET("here"));
	hear(fd, got, S("here"));
	is_int(here.moved, 0, "who is at the right thread stays there");
	say(fd, GET("away"));
	hear(fd, got, S("away"));
	ok(span_ends(buf_span(got), S("\r\n\r\naway")), "the other thread answers what is its own");
	say(fd, POST("here", "some body", "9"));
	hear(fd, got, S("some body"));
	ok(span_ends(buf_span(got), S("\r\n\r\nsome body")) && away.moved == 1,
	   "and hands the next one back, with its body");
	say(fd, POST("away", "in two", "13"));
	turn_a_while(&here.loop);
	say(fd, " pieces");
	hear(fd, got, S("pieces"));
	ok(span_ends(buf_span(got), S("\r\n\r\nin two pieces")), "a body that came in pieces comes along");
	(void)close(fd);
	TURN_UNTIL(&here.loop, share.connections == 0);
	ok(share.connections == 0 && share.gathered[0] == 0 && share.gathered[1] == 0,
	   "nothing is counted when it is gone");
}

static void sent_ahead(struct buf *got)
{
	const char *order[] = { "one", "away", "three", "away", "five" };
	int fd = dial();
	const char *at;
	bool fine = true;

	say(fd, POST("away", "one", "3") GET("away") POST("here", "three", "5") GET("away")
		    POST("here", "five", "4"));
	hear(fd, got, S("five"));
	(void)buf_cstr(got);
	at = got->n ? got->p : "";
	for (size_t i = 0; i < COUNT(order) && fine; i++) {
		at = strstr(at, order[i]);
		fine = at != NULL;
		at = fine ? at + 1 : at;
	}
	ok(fine, "requests sent ahead are answered in their order, whoever answers");
	(void)close(fd);
	TURN_UNTIL(&here.loop, share.connections == 0);
}

static void waits_for_its_queue(struct buf *got)
{
	int fd = dial();
	unsigned before = away.requests;

	say(fd, GET("large") GET("away"));
	turn_a_while(&here.loop);
	is_int(away.requests, before, "while an answer is not taken, its connection stays");
	hear(fd, got, S("away"));
	ok(got->n > LARGE && span_ends(buf_span(got), S("\r\n\r\naway")),
	   "all of it comes, and then the answer of the other thread");
	(void)close(fd);
	TURN_UNTIL(&here.loop, share.connections == 0);
	fd = dial();
	say(fd, GET("away"));
	(void)close(fd);
	TURN_UNTIL(&here.loop, share.connections == 0 && away.requests == before + 2);
	ok(share.connections == 0, "a client that leaves on the way is no connection any more");
}

/* It is in the other's mailbox, which is not looked at, when both retire what they have. */
static void retired_on_the_way(struct buf *got)
{
	char c;
	int fd = dial();

	say(fd, GET("here"));
	hear(fd, got, S("here"));
	away.server->retirements++;
	say(fd, GET("away"));
	hear(fd, got, S("away"));
	ok(span_contains(buf_span(got), S("onnection: close")),
	   "who was on the way when all retire is retired");
	TURN_UNTIL(&here.loop, read(fd, &c, 1) == 0);
	(void)close(fd);
	TURN_UNTIL(&here.loop, share.connections == 0);
	here.server->retirements++;
}

/* All that wait for a request are away; here is none that could make room. */
static void makes_room_elsewhere(struct buf *got)
{
	int fds[4], late;

	for (size_t i = 0; i < COUNT(fds); i++) {
		fds[i] = dial();
		say(fds[i], GET("away"));
		hear(fds[i], got, S("away"));
	}
	http_server_set_sibling(here.server, away.server);
	/* Who has just come, or was just answered, does not have to go. */
	(void)usleep(20000);
	late = dial();
	say(late, GET("here"));
	hear(late, got, S("here"));
	ok(span_ends(buf_span(got), S("here")),
	   "a new one is served: one that is idle at the other thread has gone");
	is_int(share.connections, 4, "and there are no more than there may be");
	http_server_set_sibling(here.server, NULL);
	(void)close(late);
	for (size_t i = 0; i < COUNT(fds); i++)
		(void)close(fds[i]);
	TURN_UNTIL(&here.loop, share.connections == 0);
}

static void on_many(struct buf *got)
{
	int fds[4];
	char c;
	int refused;

	for (size_t i = 0; i < COUNT(fds); i++) {
		fds[i] = dial();
		say(fds[i], GET("away"));
		hear(fds[i], got, S("away"));
	}
	is_int(share.connections, COUNT(fds), "connections count wherever they are");
	refused = dial();
	TURN_UNTIL(&here.loop, read(refused, &c, 1) == 0);
	ok(read(refused, &c, 1) == 0, "so one too many is refused by a thread that has none");
	(void)close(refused);
	for (size_t i = 0; i < COUNT(fds); i++)
		(void)close(fds[i]);
	TURN_UNTIL(&here.loop, share.connections == 0);
}

int main(void)
{
	CLEANUP(buf_release) struct buf got = BUF_INIT((size_t)LARGE + 65536);
	pthread_t thread;
	int fd;

	(void)signal(SIGPIPE, SIG_IGN);
	large = calloc(1, LARGE);
	open_side(&here, &away, on_request);
	open_side(&away, &here, on_request_away);
	fd = loopback_bind(&address);
	if (!large || http_server_listen(here.server, fd, NULL) < 0 ||
	    pthread_create(&thread, NULL, run_away, &away) != 0)
		abort();
	in_turns(&got);
	sent_ahead(&got);
	waits_for_its_queue(&got);
	retired_on_the_way(&got);
	makes_room_elsewhere(&got);
	on_many(&got);
	mailbox_post(&away.mailbox, &away.stop);
	(void)pthread_join(thread, NULL);
	here.server = http_server_free(here.server);
	mailbox_close(&here.mailbox);
	mailbox_close(&away.mailbox);
	loop_release(&here.loop);
	loop_release(&away.loop);
	free(large);
	return tap_done();
}
