/* sse.c - a server over HTTP+SSE, with the test as egress and as the server. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http_rig.h"

#define HELLO "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\"}}"
#define ENDPOINT "event: endpoint\ndata: /messages?sessionId=s3cret\n\n"

static void message(int stream, const char *text)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(65536);

	buf_addf(&out, "event: message\ndata: %s\n\n", text);
	event(stream, buf_cstr(&out));
}

static void accepted(int fd)
{
	answer(fd, "202 Accepted", "", "Accepted");
}

static struct server *sse_server(enum server_wire wire)
{
	struct server *server = server_new();

	server->wire = wire;
	server->path = S("/sse?key=k3y");
	return server;
}

static struct link *begin(struct server *server, enum era era, struct seen *seen)
{
	struct err err = ERR_INIT;

	*seen = (struct seen){ 0 };
	return link_open(&upstream, server, era, S("{}"), &events, seen, &err);
}

/* A link that is ready; `*stream` is the server's end of its event stream. */
static struct link *greeted(struct server *server, struct seen *seen, struct buf *got, int *stream)
{
	struct link *link = begin(server, ERA_LEGACY, seen);

	*stream = request_in(got);
	say(*stream, STREAM);
	event(*stream, ENDPOINT);
	accepted(request_in(got));
	message(*stream, HELLO);
	TURN_UNTIL(&loop, seen->ready);
	if (!link || !seen->ready)
		abort();
	return link;
}

/* --- what is refused --- */

static void refused(struct buf *got)
{
	static const struct {
		const char *name, *status, *headers;
		enum link_failure failure;
	} cases[] = {
		{ "credentials", "401 No", "", LINK_REFUSED },
		{ "no such path", "404 No", "", LINK_GONE },
		{ "no event stream", "200 OK", JSON_TYPE, LINK_GONE },
		{ "compressed", "200 OK", "Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n",
		  LINK_GONE },
		{ "ends at once", "200 OK", "Content-Type: text/event-stream\r\n", LINK_GONE },
		{ "a redirect", "307 There", "Location: https://evil.example/\r\n", LINK_GONE },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct server *server = sse_server(WIRE_SSE);
		struct seen seen;
		struct link *link = begin(server, ERA_LEGACY, &seen);

		answer(request_in(got), cases[i].status, cases[i].headers, "");
		TURN_UNTIL(&loop, seen.dead);
		ok(seen.dead == 1 && !seen.ready && seen.failure == cases[i].failure, "the stream, %s: %s",
		   cases[i].name, link_failure_word(seen.failure));
		done(link, server, got);
	}
}

static void bad_endpoint(struct buf *got)
{
	static const struct {
		const char *name, *event;
		enum link_failure failure;
	} cases[] = {
		{ "another host", "event: endpoint\ndata: http://evil.example/m?sessionId=s3cret\n\n",
		  LINK_REFUSED },
		{ "another scheme", "event: endpoint\ndata: https://remote.example:80/m?sessionId=s3cret\n\n",
		  LINK_REFUSED },
		{ "no address", "event: endpoint\ndata: /m n?sessionId=s3cret\n\n", LINK_GARBAGE },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct server *server = sse_server(WIRE_SSE);
		struct seen seen;
		struct link *link = begin(server, ERA_LEGACY, &seen);
		int fd = request_in(got);

		say(fd, STREAM);
		event(fd, cases[i].event);
		TURN_UNTIL(&loop, seen.dead);
		ok(seen.failure == cases[i].failure && !strstr(server->last_failure, "s3cret"),
		   "an endpoint with %s: %s", cases[i].name, server->last_failure);
		is_int(request_in(got), -1, "nothing is sent there");
		done(link, server, got);
	}
}

/* --- what is sent and heard --- */

static void conversation(struct buf *got)
{
	struct server *server = sse_server(WIRE_SSE);
	struct seen seen;
	struct link *link = begin(server, ERA_LEGACY, &seen);
	struct asked a, b;
	int stream = request_in(got), fd;

	ok(span_starts(buf_span(got), S("GET /sse?key=k3y HTTP/1.1\r\nHost: remote.example\r\n")) &&
	       span_contains(buf_span(got), S("\r\nAccept: text/event-stream\r\n")),
	   "the stream is asked for first");
	say(stream, STREAM);
	message(stream, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}");
	event(stream, ": a comment\n\nevent: endpoint\ndata: /mess");
	event(stream, "ages?sessionId=s3cret\n\nevent: endpoint\ndata: /other\n\n");
	fd = request_in(got);
	ok(span_starts(buf_span(got), S("POST /messages?sessionId=s3cret HTTP/1.1\r\n")) &&
	       span_contains(buf_span(got), S("\"method\":\"initialize\"")),
	   "the greeting goes to the first endpoint");
	ok(!seen.messages, "what is said before is not heard");
	accepted(fd);
	message(stream, HELLO);
	TURN_UNTIL(&loop, seen.ready);
	ok(seen.ready == 1 && server->met == WIRE_SSE && !server_has_requests(server), "ready");
	request(link, &a);
	fd = request_in(got);
	ok(span_contains(buf_span(got), S("\r\nMCP-Protocol-Version: 2025-11-25\r\n")) &&
	       !span_contains(buf_span(got), S("Mcp-Name")),
	   "a call, with no more in its head than the session has");
	request(link, &b);
	accepted(request_in(got));
	message(stream, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
	message(stream, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
	message(stream, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
	TURN_UNTIL(&loop, a.finals && b.finals);
	ok(a.finals == 1 && b.finals == 1 && seen.messages == 1,
	   "answers in any order, one before its POST is taken");
	answer(fd, "500 Oops", "", "");
	turn_a_while(&loop);
	ok(!a.failures && !seen.dead, "and nobody minds what becomes of that");
	link = link_close(link);
	turn_a_while(&loop);
	ok(read(stream, store, 1) == 0, "the stream is closed with the link");
	done(link, server, got);
}

static void post_fails(struct buf *got)
{
	struct server *server = sse_server(WIRE_SSE);
	struct seen seen;
	int stream;
	struct link *link = greeted(server, &seen, got, &stream);
	struct asked a, b;

	request(link, &a);
	request(link, &b);
	answer(request_in(got), "413 Long", "", "");
	TURN_UNTIL(&loop, a.failures);
	ok(a.failures == 1 && a.failure == LINK_GONE && strstr(a.why, "HTTP status 413") && !b.failures &&
	       !seen.dead && !strstr(a.why, "s3cret"),
	   "a message that is refused fails its call alone: %s", a.why);
	accepted(request_in(got));
	message(stream, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
	TURN_UNTIL(&loop, b.finals);
	ok(b.finals == 1, "the other one is answered");
	done(link, server, got);
}

static void stream_ends(struct buf *got)
{
	struct server *server = sse_server(WIRE_UNKNOWN);
	struct seen seen;
	struct link *link;
	struct asked a;
	int stream;

	server->met = WIRE_SSE;
	link = greeted(server, &seen, got, &stream);
	request(link, &a);
	accepted(request_in(got));
	say(stream, CHUNK_END);
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_GONE && a.failures == 1 && server->met == WIRE_UNKNOWN,
	   "the stream's end is the link's, and what was learnt is forgotten");
	done(link, server, got);
}

static void closed_inside(struct buf *got)
{
	struct server *server = sse_server(WIRE_SSE);
	struct seen seen;
	int stream;
	struct link *link = greeted(server, &seen, got, &stream);
	struct asked a;

	request(link, &a);
	a.closes = &link;
	accepted(request_in(got));
	/* The server is no longer configured: its pool goes with its last link. */
	server = server_unref(server);
	event(
	    stream,
	    "data: {\"jsonrpc\":\"2.0\",\ndata: \"id\":2,\"result\":{}}\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n\n");
	TURN_UNTIL(&loop, a.finals);
	turn_a_while(&loop);
	ok(a.finals == 1 && !link && !seen.dead, "closed inside an event: nothing follows");
	done(NULL, NULL, got);
}

/* Some servers refuse a request that comes before notifications/initialized. */
static void in_order(struct buf *got)
{
	struct server *server = sse_server(WIRE_SSE);
	struct seen seen;
	int stream, fd;
	struct link *link = greeted(server, &seen, got, &stream);
	struct asked a, b;

	link_initialized(link);
	fd = request_in(got);
	ok(span_contains(buf_span(got), S("notifications/initialized")), "the session is begun");
	request(link, &a);
	request(link, &b);
	is_int(request_in(got), -1, "what comes after it waits until it is taken");
	call_cancel(&b.call, S("no"));
	accepted(fd);
	fd = request_in(got);
	ok(span_ends(buf_span(got), S("{\"id\":2}")), "the first of it");
	accepted(fd);
	fd = request_in(got);
	ok(span_contains(buf_span(got), S("notifications/cancelled")),
	   "and the next, without what was given up");
	answer(fd, "500 Oops", "", "");
	message(stream, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
	TURN_UNTIL(&loop, a.finals);
	ok(a.finals == 1 && !seen.dead, "and so on");
	done(link, server, got);
}

static void held_up(struct buf *got)
{
	static const struct send_facts facts = { .method = METHOD_PROGRESS };
	struct server *server = sse_server(WIRE_SSE);
	struct seen seen;
	int stream;
	struct link *link = greeted(server, &seen, got, &stream);

	link_initialized(link);
	(void)request_in(got);
	for (int i = 0; i < 64; i++)
		link_send(link, S("{}"), &facts);
	turn_a_while(&loop);
	ok(!seen.dead, "so many messages wait for a server that does not take notifications/initialized");
	link_send(link, S("{}"), &facts);
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1, "and no more");
	done(link, server, got);
}

/* --- what is too much --- */

static void too_large(struct buf *got)
{
	CLEANUP(buf_release) struct buf large = BUF_INIT((size_t)65536);
	struct server *server = sse_server(WIRE_SSE);
	struct seen seen;
	int stream;
	struct link *link;
	struct asked a, b;

	limits.result_bytes = 1000;
	link = greeted(server, &seen, got, &stream);
	request(link, &a);
	accepted(request_in(got));
	buf_add(&large, S("data: "));
	while (large.n < 3000)
		buf_add(&large, S("xxxxxxxxxx"));
	buf_add(&large, S("\n\n"));
	event(stream, buf_cstr(&large));
	TURN_UNTIL(&loop, a.failures);
	ok(a.failures == 1 && a.failure == LINK_GARBAGE && strstr(a.why, "(limits.result): ask for less") &&
	       !seen.dead,
	   "an event over the limit fails the one call there is");
	request(link, &a);
	accepted(request_in(got));
	message(stream, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
	TURN_UNTIL(&loop, a.finals);
	ok(a.finals == 1, "the next one is answered");
	request(link, &a);
	request(link, &b);
	event(stream, buf_cstr(&large));
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_GARBAGE, "of two nobody knows whose it was");
	done(link, server, got);
	server = sse_server(WIRE_SSE);
	link = greeted(server, &seen, got, &stream);
	request(link, &a);
	accepted(request_in(got));
	large.n -= 2;
	for (int i = 0; i < 10 && !seen.dead; i++) {
		event(stream, buf_cstr(&large));
		turn_a_while(&loop);
	}
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_GARBAGE, "one that has no end ends the link");
	limits.result_bytes = limits_default.result_bytes;
	done(link, server, got);
}

static void crowded(struct buf *got)
{
	struct budget budget = { .max = 4000 };
	CLEANUP(buf_release) struct buf large = BUF_INIT((size_t)65536);
	struct server *server = sse_server(WIRE_SSE);
	struct seen seen;
	struct link *link = begin(server, ERA_LEGACY, &seen);
	struct asked a;
	int stream;

	link_charge(link, &a, &budget);
	stream = request_in(got);
	say(stream, STREAM);
	event(stream, ENDPOINT);
	accepted(request_in(got));
	message(stream, HELLO);
	TURN_UNTIL(&loop, seen.ready);
	request(link, &a);
	accepted(request_in(got));
	buf_add(&large, S("data: "));
	while (large.n < 9000)
		buf_add(&large, S("xxxxxxxxxx"));
	event(stream, buf_cstr(&large));
	turn_a_while(&loop);
	event(stream, "\n\n");
	TURN_UNTIL(&loop, a.failures);
	ok(a.failures == 1 && a.failure == LINK_GARBAGE && strstr(a.why, "limits.memory"),
	   "an event that would be more than may be held: %s", a.why);
	(void)link_close(link);
	turn_a_while(&loop);
	is_int((int)budget.used, 0, "nothing is held for a link that is closed");
	done(NULL, server, got);
}

/* --- finding out --- */

static void finding_out(struct buf *got)
{
	static const char *const fitting[] = { "400 Bad", "404 No", "405 No" };

	for (size_t i = 0; i < COUNT(fitting); i++) {
		struct server *server = sse_server(WIRE_UNKNOWN);
		struct seen seen;
		struct link *link = begin(server, ERA_LEGACY, &seen);
		int stream = request_in(got), fd;

		ok(span_starts(buf_span(got), S("POST /sse?key=k3y ")), "the newer way is tried first");
		answer(stream, fitting[i], "", "Cannot POST /sse");
		stream = request_in(got);
		ok(span_starts(buf_span(got), S("GET /sse?key=k3y ")), "%s: then the older", fitting[i]);
		say(stream, STREAM);
		event(stream, ENDPOINT);
		fd = request_in(got);
		ok(span_contains(buf_span(got), S("\"id\":2,\"method\":\"initialize\"")),
		   "the greeting again");
		accepted(fd);
		message(stream,
			"{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"protocolVersion\":\"2024-11-05\"}}");
		TURN_UNTIL(&loop, seen.ready);
		ok(seen.ready == 1 && server->met == WIRE_SSE && server->legacy == SPEAKS_YES, "ready");
		done(link, server, got);
	}
}

static void not_found_out(struct buf *got)
{
	static const struct {
		const char *name, *status, *headers, *body;
		enum server_wire wire;
		enum link_failure failure;
	} cases[] = {
		{ "another status", "500 Oops", "", "", WIRE_UNKNOWN, LINK_GONE },
		{ "credentials", "401 No", "", "", WIRE_UNKNOWN, LINK_REFUSED },
		{ "an error that says why", "400 Bad", JSON_TYPE,
		  "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"no\"}}",
		  WIRE_UNKNOWN, LINK_REFUSED },
		{ "only the newer is configured", "405 No", "", "", WIRE_STREAMABLE, LINK_GONE },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct server *server = sse_server(cases[i].wire);
		struct seen seen;
		struct link *link = begin(server, ERA_LEGACY, &seen);

		answer(request_in(got), cases[i].status, cases[i].headers, cases[i].body);
		TURN_UNTIL(&loop, seen.dead);
		ok(seen.dead == 1 && seen.failure == cases[i].failure && server->met == WIRE_UNKNOWN,
		   "%s: %s", cases[i].name, link_failure_word(seen.failure));
		is_int(request_in(got), -1, "no stream is asked for");
		done(link, server, got);
	}
}

/* The other era's probe says nothing of the transport: only the greeting that follows it does. */
static void after_a_probe(struct buf *got)
{
	struct server *server = sse_server(WIRE_UNKNOWN);
	struct seen seen;
	struct link *link = begin(server, ERA_MODERN, &seen);
	int fd = request_in(got);

	ok(span_contains(buf_span(got), S("server/discover")), "the probe");
	answer(fd, "405 No", "", "");
	fd = request_in(got);
	ok(span_starts(buf_span(got), S("POST /sse")) && span_contains(buf_span(got), S("initialize")),
	   "then the greeting, in the newer way");
	answer(fd, "405 No", "", "");
	fd = request_in(got);
	ok(span_starts(buf_span(got), S("GET /sse?key=k3y ")), "then the older");
	say(fd, STREAM);
	event(fd, ENDPOINT);
	accepted(request_in(got));
	message(fd, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"protocolVersion\":\"2024-11-05\"}}");
	TURN_UNTIL(&loop, seen.ready);
	ok(seen.ready == 1 && server->met == WIRE_SSE && server->modern == SPEAKS_NO, "ready");
	done(link, server, got);
}

/*
 * A server that is only being reached is not asked in another era yet: there is nowhere to send that.
 */
static void slow_to_begin(struct buf *got)
{
	struct server *server = sse_server(WIRE_SSE);
	struct seen seen;
	struct link *link = begin(server, ERA_MODERN, &seen);
	int fd = request_in(got);

	say(fd, STREAM);
	link_tick(link, loop_now(&loop) + LIMIT_HANDSHAKE_MS - 1000);
	event(fd, ENDPOINT);
	fd = request_in(got);
	ok(span_contains(buf_span(got), S("POST /messages")) &&
	       span_contains(buf_span(got), S("server/discover")),
	   "a stream that comes late is waited for, and then asked");
	link_tick(link, loop_now(&loop) + LIMIT_HANDSHAKE_MS - 1000);
	fd = request_in(got);
	ok(span_contains(buf_span(got), S("initialize")), "who then says nothing is asked in the other era");
	link_tick(link, loop_now(&loop) + LIMIT_HANDSHAKE_MS + 1000);
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_SILENT, "and no more");
	done(link, server, got);
	server = sse_server(WIRE_SSE);
	link = begin(server, ERA_MODERN, &seen);
	fd = request_in(got);
	say(fd, STREAM);
	link_tick(link, loop_now(&loop) + LIMIT_HANDSHAKE_MS + 1000);
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_SILENT, "one that never comes ends the link");
	is_int(request_in(got), -1, "and nothing was sent to nowhere");
	done(link, server, got);
}

/* Neither way: what the first one was refused for is what is told. */
static void neither(struct buf *got)
{
	struct server *server = sse_server(WIRE_UNKNOWN);
	struct seen seen;
	struct link *link = begin(server, ERA_LEGACY, &seen);

	answer(request_in(got), "404 Not Found", "", "");
	answer(request_in(got), "405 No", "", "");
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.failure == LINK_GONE && strstr(server->last_failure, "HTTP status 404"), "%s",
	   server->last_failure);
	done(link, server, got);
}

int main(void)
{
	CLEANUP(buf_release) struct buf got = BUF_INIT((size_t)1 << 20);

	if (!ok(rig_start(), "a loop and an egress"))
		return tap_done();
	refused(&got);
	bad_endpoint(&got);
	conversation(&got);
	post_fails(&got);
	stream_ends(&got);
	closed_inside(&got);
	in_order(&got);
	held_up(&got);
	too_large(&got);
	crowded(&got);
	finding_out(&got);
	not_found_out(&got);
	after_a_probe(&got);
	slow_to_begin(&got);
	neither(&got);
	rig_stop();
	return tap_done();
}
