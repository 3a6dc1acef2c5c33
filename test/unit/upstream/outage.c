/* outage.c - event streams of a server over HTTP that is away for a while: when they are asked for again. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "http_rig.h"

/* Time stands still until the test says how much has gone by. */
static uint64_t now_ms = 1000000;

/* In the place of the C library's own. */
int stopped_clock(clockid_t clock, struct timespec *at) __asm__("clock_gettime");
int stopped_clock(clockid_t clock, struct timespec *at)
{
	if (clock == CLOCK_REALTIME)
		return (int)syscall(SYS_clock_gettime, clock, at);
	*at = (struct timespec){ .tv_sec = (time_t)(now_ms / 1000),
				 .tv_nsec = (long)(now_ms % 1000) * 1000000 };
	return 0;
}

static void find_pause(uv_handle_t *handle, void *out)
{
	const uv_timer_t *timer = (const uv_timer_t *)handle;

	if (handle->type == UV_TIMER && uv_is_active(handle) && !uv_is_closing(handle))
		*(uint64_t *)out = uv_timer_get_due_in(timer);
}

/* How long the one who waits will wait still; then that long has gone by. 0: nobody waits. */
static uint64_t waited(void)
{
	uint64_t pause = 0;

	turn_a_while(&loop);
	uv_walk(&loop.uv, find_pause, &pause);
	now_ms += pause;
	return pause;
}

static bool refuse_dial(void)
{
	struct wire_out out = { 0 };
	struct wire_in in;
	int got = 0;

	TURN_UNTIL(&loop, (got = wire_recv(dials, store, &in, NULL)) != 0);
	if (got != 1 || in.kind != DIAL_CONNECT)
		return false;
	wire_begin(&out, DIAL_FAILED, in.id);
	wire_put_u64(&out, DIAL_NO_CONNECTION);
	wire_put_span(&out, S("nothing listens"));
	(void)!wire_send_wait(dials, &out, 1000, NULL);
	wire_out_release(&out);
	return true;
}

#define NOTICE "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n"

/* A session that asks for a stream of its own; the stream's connection. */
static int listening(struct link **link, struct server *server, struct seen *seen, struct buf *got)
{
	*link = ready(server, ERA_LEGACY, seen, got, JSON_TYPE "Mcp-Session-Id: abc\r\n");
	link_initialized(*link);
	answer(request_in(got), "202 Accepted", "", "");
	return request_in(got);
}

static bool is_get(const struct buf *got)
{
	return span_starts(buf_span(got), S("GET /mcp HTTP/1.1\r\n"));
}

static void away(struct buf *got)
{
	static const uint64_t pauses[] = { 1000, 2000, 4000, 8000, 16000, 30000, 30000 };
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link;
	int fd = listening(&link, server, &seen, got);
	uint64_t pause;

	say(fd, STREAM);
	event(fd, "id: 7\n" NOTICE);
	TURN_UNTIL(&loop, seen.messages);
	ok(is_get(got) && seen.messages == 1, "a session listens");
	(void)shutdown(fd, SHUT_RDWR);
	for (size_t i = 0; i < COUNT(pauses); i++) {
		pause = waited();
		ok(pause == pauses[i] && refuse_dial(), "the server is away: asked again after %llu ms",
		   (unsigned long long)pause);
	}
	(void)waited();
	fd = request_in(got);
	(void)shutdown(fd, SHUT_RDWR);
	is_int(waited(), 30000, "it is back, and away before it answers: asked again");
	answer(request_in(got), "503 No", "", "");
	is_int(waited(), 30000, "it is being restarted: asked again");
	http_pool_set_egress(server->pool, NULL);
	is_int(waited(), 30000, "without egress: asked again");
	http_pool_set_egress(server->pool, upstream.egress);
	fd = request_in(got);
	ok(is_get(got) && span_contains(buf_span(got), S("\r\nLast-Event-ID: 7\r\n")), "from where it broke");
	say(fd, STREAM);
	event(fd, NOTICE);
	TURN_UNTIL(&loop, seen.messages == 2);
	ok(seen.messages == 2 && !seen.dead, "the session hears again");
	say(fd, CHUNK_END);
	is_int(waited(), 1000, "and the next pause is short again");
	ok(request_in(got) >= 0 && is_get(got), "asked again");
	done(link, server, got);
}

/* It is back, and has forgotten the session: that ends with its link, which can be opened anew. */
static void forgotten(struct buf *got)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link;
	int fd = listening(&link, server, &seen, got);

	say(fd, STREAM CHUNK_END);
	is_int(waited(), 1000, "a session's stream ends: asked again");
	fd = request_in(got);
	ok(is_get(got) && !seen.dead, "# by GET");
	answer(fd, "404 No", "", "");
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_LOST,
	   "the server does not know it any more: the session is lost");
	done(link, server, got);
}

/* What the server does with each stream, and the pauses between. */
static void paces(struct buf *got)
{
	static const struct {
		const char *name, *event;
		uint64_t open_ms, pauses[4];
	} cases[] = {
		{ "closed at once", "", 0, { 1000, 2000, 4000, 8000 } },
		{ "closed after a pause of its own", "retry: 6000\n\n", 0, { 6000, 12000, 24000, 30000 } },
		{ "closed with nothing but an id", "id: 1\ndata:\n\n", 0, { 1000, 2000, 4000, 8000 } },
		{ "closed after an event", NOTICE, 0, { 1000, 1000, 1000, 1000 } },
		{ "closed after an event, in a hurry", "retry: 5\n" NOTICE, 0, { 1000, 1000, 1000, 1000 } },
		{ "closed after two seconds", "", 2000, { 1000, 1000, 1000, 1000 } },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct server *server = server_new();
		struct seen seen = { 0 };
		struct link *link;
		int fd = listening(&link, server, &seen, got);

		for (size_t j = 0; j < COUNT(cases[i].pauses); j++) {
			say(fd, STREAM);
			if (*cases[i].event)
				event(fd, cases[i].event);
			turn_a_while(&loop);
			now_ms += cases[i].open_ms;
			say(fd, CHUNK_END);
			is_int(waited(), cases[i].pauses[j], "%s: its pause", cases[i].name);
			fd = request_in(got);
		}
		done(link, server, got);
	}
}

static bool is_logged(const char *event)
{
	char text[4096];
	ssize_t n = pread(quiet.fd, text, sizeof(text), 0);
	bool is = n > 0 && span_contains(span_of(text, (size_t)n), span_str(event));

	(void)!ftruncate(quiet.fd, 0);
	(void)lseek(quiet.fd, 0, SEEK_SET);
	return is;
}

/* What a server says of such a stream, and what is made of it. */
static void refusals(struct buf *got)
{
	static const struct {
		const char *status, *headers, *body;
		bool again, logged;
	} cases[] = {
		{ "405 No", "", "", false, false },
		{ "404 No", "", "", false, true },
		{ "403 No", "", "", false, true },
		{ "501 No", "", "", false, true },
		{ "200 OK", JSON_TYPE, "{}", false, true },
		{ "200 OK", "Content-Type: text/html\r\n", "<p>", false, true },
		{ "429 Later", "", "", true, false },
		{ "500 No", "", "", true, false },
		{ "502 No", "", "", true, false },
		{ "what is no HTTP", "", "", true, false },
	};

	quiet.fd = memfd_create("log", MFD_CLOEXEC);
	quiet.level = LOG_WARN;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct server *server = server_new();
		struct seen seen = { 0 };
		struct link *link;
		int fd = listening(&link, server, &seen, got);
		bool again;

		answer(fd, cases[i].status, cases[i].headers, cases[i].body);
		again = waited() == 1000 && request_in(got) >= 0 && is_get(got);
		ok(again == cases[i].again && !seen.dead, "%s %s: asked again, or not", cases[i].status,
		   cases[i].headers);
		ok(is_logged("upstream.unheard") == cases[i].logged, "and a word of it in the log, or none");
		done(link, server, got);
	}
}

/* One event that cannot be held is lost, with a word; not all that come after it. */
static void overlong(struct buf *got)
{
	CLEANUP(buf_release) struct buf large = BUF_INIT(20000);
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link;
	int fd;

	buf_add(&large, S("data: "));
	while (large.n < 10000)
		buf_add(&large, S("xxxxxxxxxx"));
	limits.result_bytes = 1000;
	fd = listening(&link, server, &seen, got);
	say(fd, STREAM);
	event(fd, "id: 7\n" NOTICE);
	TURN_UNTIL(&loop, seen.messages);
	(void)is_logged("");
	event(fd, buf_cstr(&large));
	is_int(waited(), 1000, "an event over the limit: the stream is asked for again");
	ok(is_logged("upstream.overlong"), "and the log says so");
	fd = request_in(got);
	ok(is_get(got) && !span_contains(buf_span(got), S("Last-Event-ID")), "not from before the event");
	say(fd, STREAM);
	event(fd, NOTICE);
	TURN_UNTIL(&loop, seen.messages == 2);
	ok(seen.messages == 2 && !seen.dead, "what comes then is heard");
	limits.result_bytes = limits_default.result_bytes;
	done(link, server, got);
	closep(&quiet.fd);
	quiet.level = LOG_ERROR;
}

/* An answer has five tries, whatever becomes of each; what it says on the way gives it new ones. */
static void answers(struct buf *got)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = ready(server, ERA_LEGACY, &seen, got, JSON_TYPE);
	struct asked a;
	int fd;

	request(link, &a);
	fd = request_in(got);
	say(fd, STREAM);
	event(fd, "id: 7\nretry: 100\ndata: \n\n");
	(void)shutdown(fd, SHUT_RDWR);
	is_int(waited(), 100, "an answer breaks off: asked again when the server said");
	ok(refuse_dial(), "it is away");
	is_int(waited(), 200, "asked again, later");
	(void)shutdown(request_in(got), SHUT_RDWR);
	is_int(waited(), 400, "it is away before it answers: later still");
	answer(request_in(got), "502 No", "", "");
	is_int(waited(), 800, "it is being restarted: later still");
	fd = request_in(got);
	ok(is_get(got) && a.polls == 4 && !a.failures, "with the fourth try it is there");
	for (unsigned i = 0; i < 8; i++) {
		say(fd, STREAM);
		event(fd, NOTICE);
		say(fd, CHUNK_END);
		is_int(waited(), a.polls <= 5 ? 100 : 1000, "a word on the way, and closed: asked again");
		fd = request_in(got);
	}
	say(fd, STREAM);
	event(fd, "data: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n\n");
	TURN_UNTIL(&loop, a.finals);
	ok(a.finals == 1 && !a.failures && a.messages == 8, "and answered");
	done(link, server, got);
}

int main(void)
{
	CLEANUP(buf_release) struct buf got = BUF_INIT((size_t)1 << 20);

	if (!ok(rig_start(), "a loop and an egress"))
		return tap_done();
	away(&got);
	forgotten(&got);
	paces(&got);
	refusals(&got);
	overlong(&got);
	answers(&got);
	rig_stop();
	return tap_done();
}
