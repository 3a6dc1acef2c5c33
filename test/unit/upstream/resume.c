/* resume.c - event streams of a server over HTTP: what comes on them, and what becomes of broken ones. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http_rig.h"
#include "starved.h"

/* A request whose stream has an event to be taken up from; the stream. */
static int half_way(struct link *link, struct asked *a, struct buf *got)
{
	int fd;

	request(link, a);
	fd = request_in(got);
	say(fd, STREAM);
	event(fd, "id: 7\nretry: 5\ndata: \n\n");
	return fd;
}

static void streams(struct buf *got)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = ready(server, ERA_LEGACY, &seen, got, JSON_TYPE "Mcp-Session-Id: abc\r\n");
	struct asked a;
	int fd;

	request(link, &a);
	fd = request_in(got);
	ok(span_contains(buf_span(got), S("\r\nMcp-Session-Id: abc\r\n")) &&
	       span_contains(buf_span(got), S("\r\nMCP-Protocol-Version: 2025-11-25\r\n")) &&
	       !span_contains(buf_span(got), S("Mcp-Method")),
	   "the legacy era has a session and no mirrored headers");
	say(fd, STREAM);
	event(fd, "id: 7\nretry: 5\ndata: \n\n: comment\n\nevent: ping\ndata: {}\n\ndata: nonsense\n\n");
	event(fd,
	      "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\ndata: \"params\":{}}\n\n");
	TURN_UNTIL(&loop, a.messages);
	ok(a.streaming == 1 && a.messages == 1 && !a.finals, "what comes on its stream is the call's");
	say(fd, CHUNK_END);
	TURN_UNTIL(&loop, a.polls);
	ok(a.polls == 1 && a.retry_ms >= 5, "closed before the answer, it is asked again");
	fd = request_in(got);
	ok(span_starts(buf_span(got), S("GET /mcp HTTP/1.1\r\n")) &&
	       span_contains(buf_span(got), S("\r\nLast-Event-ID: 7\r\n")),
	   "with the id of its last event");
	say(fd, STREAM);
	event(fd, "id: 8\ndata: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n\n");
	TURN_UNTIL(&loop, a.finals);
	ok(a.finals == 1 && !a.failures, "and answered");
	say(fd, CHUNK_END);
	request(link, &a);
	fd = request_in(got);
	say(fd, STREAM);
	event(fd, "retry: 0\ndata: \n\n");
	say(fd, CHUNK_END);
	TURN_UNTIL(&loop, a.failures);
	ok(a.failures == 1 && !a.polls, "without an id nothing can be taken up again");
	request(link, &a);
	fd = request_in(got);
	say(fd, STREAM);
	event(fd, "id: 1\nretry: 0\n\n");
	for (int i = 0; i < 20 && !a.failures; i++) {
		say(fd, CHUNK_END);
		TURN_UNTIL(&loop, a.failures || a.polls == (unsigned)i + 1);
		if (a.failures)
			break;
		fd = request_in(got);
		say(fd, STREAM);
		event(fd, "retry: 0\n\n");
	}
	ok(a.failures == 1 && a.polls == 5 && a.retry_ms > 0,
	   "it is not tried for ever (%u times), nor without a pause", a.polls);
	done(link, server, got);
}

static void initialized(struct link *link, struct buf *got)
{
	int fd;

	link_initialized(link);
	fd = request_in(got);
	answer(fd, "202 Accepted", "", "");
}

/* Sessions listen on streams of their own; one is all that this server gets. */
static void standing(struct buf *got)
{
	struct server *server = server_new();
	struct seen seen = { 0 }, other = { 0 };
	struct link *first = ready(server, ERA_LEGACY, &seen, got, JSON_TYPE "Mcp-Session-Id: one\r\n");
	struct link *second = ready(server, ERA_LEGACY, &other, got, JSON_TYPE "Mcp-Session-Id: two\r\n");
	struct asked a;

	initialized(first, got);
	ok(request_in(got) >= 0 && span_starts(buf_span(got), S("GET /mcp")), "a session listens");
	initialized(second, got);
	is_int(request_in(got), -1, "past the ceiling of streams another does not");
	request(second, &a);
	answer(request_in(got), "200 OK", JSON_TYPE, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
	TURN_UNTIL(&loop, a.finals);
	ok(a.finals == 1 && !other.dead, "and its calls go on");
	(void)link_close(first);
	(void)request_in(got);
	done(second, server, got);
}

/* 404 is a forgotten session; but of a session's own stream that never was there: there is none. */
static void forgotten(struct buf *got)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = ready(server, ERA_LEGACY, &seen, got, JSON_TYPE "Mcp-Session-Id: abc\r\n");
	struct asked a;
	int fd;

	initialized(link, got);
	answer(request_in(got), "404 Not Found", "", "");
	request(link, &a);
	answer(request_in(got), "200 OK", JSON_TYPE, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
	TURN_UNTIL(&loop, a.finals);
	ok(a.finals == 1 && !seen.dead, "404 to the first GET: the session goes on without a stream");
	done(link, server, got);
	server = server_new();
	seen = (struct seen){ 0 };
	link = ready(server, ERA_LEGACY, &seen, got, JSON_TYPE "Mcp-Session-Id: abc\r\n");
	fd = half_way(link, &a, got);
	say(fd, CHUNK_END);
	answer(request_in(got), "404 Not Found", "", "");
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.failure == LINK_LOST && a.failures == 1 && a.failure == LINK_GONE,
	   "404 to an answer that is taken up again: the call was made (%s)", link_failure_word(a.failure));
	done(link, server, got);
}

/* What is asked again has been sent before: it may have had its effect, whatever becomes of the second try.
 */
static void not_taken_up(struct buf *got)
{
	struct server *server = server_new();
	struct channel *egress = upstream.egress;
	struct seen seen = { 0 };
	struct link *link = ready(server, ERA_LEGACY, &seen, got, JSON_TYPE);
	struct asked a;
	int fd;

	fd = half_way(link, &a, got);
	(void)shutdown(fd, SHUT_RDWR);
	TURN_UNTIL(&loop, a.polls);
	http_pool_set_egress(server->pool, NULL);
	TURN_UNTIL(&loop, a.failures);
	ok(a.polls == 5 && a.failures == 1 && a.failure == LINK_GONE,
	   "a stream that cannot be taken up again: nobody says that it was not sent (%s)",
	   link_failure_word(a.failure));
	http_pool_set_egress(server->pool, egress);
	done(link, server, got);
}

/* Without memory for a timer the call ends at once: it does not wait for its time to run out. */
static void no_timer(struct buf *got)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = ready(server, ERA_LEGACY, &seen, got, JSON_TYPE "Mcp-Session-Id: abc\r\n");
	struct asked a;
	int fd;

	fd = half_way(link, &a, got);
	TURN_UNTIL(&loop, a.streaming);
	turn_a_while(&loop);
	starve = sizeof(uv_timer_t);
	say(fd, CHUNK_END);
	TURN_UNTIL(&loop, a.failures);
	ok(a.failures == 1 && a.failure == LINK_GONE && strstr(a.why, "no memory") && !seen.dead,
	   "no memory to wait with: the call ends (%s)", a.why);
	starve = 0;
	request(link, &a);
	fd = request_in(got);
	say(fd, STREAM);
	starve = sizeof(uv_timer_t);
	event(fd, "data: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n\n");
	TURN_UNTIL(&loop, a.finals);
	turn_a_while(&loop);
	ok(a.finals == 1 && read(fd, store, 1) == 0, "an answered stream is closed at once");
	starve = 0;
	initialized(link, got);
	fd = request_in(got);
	ok(span_starts(buf_span(got), S("GET /mcp")), "the session listens");
	starve = sizeof(uv_timer_t);
	say(fd, STREAM CHUNK_END);
	turn_a_while(&loop);
	starve = 0;
	request(link, &a);
	answer(request_in(got), "200 OK", JSON_TYPE, "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}");
	TURN_UNTIL(&loop, a.finals);
	ok(a.finals == 1 && !seen.dead, "and goes on when it can listen no more");
	done(link, server, got);
}

int main(void)
{
	CLEANUP(buf_release) struct buf got = BUF_INIT((size_t)1 << 20);

	if (!ok(rig_start(), "a loop and an egress"))
		return tap_done();
	streams(&got);
	standing(&got);
	forgotten(&got);
	not_taken_up(&got);
	if (can_starve())
		no_timer(&got);
	rig_stop();
	return tap_done();
}
