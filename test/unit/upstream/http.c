/* http.c - a server over HTTP, with the test as egress and as the server: one text, streams, broken ones. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/client.h"
#include "limits/limits.h"
#include "net/dial.h"
#include "tap.h"
#include "turns.h"
#include "upstream/link.h"

static struct loop loop;
static struct log quiet = { .fd = -1, .level = LOG_ERROR, .role = "test" };
static struct upstream upstream;
static struct limits limits;
static int dials = -1;
static char store[WIRE_MAX_BYTES];

struct seen {
	unsigned ready, dead, messages;
	enum link_failure failure;
};

struct asked {
	struct call call;
	unsigned messages, finals, failures, polls, streaming;
	uint64_t retry_ms;
	enum link_failure failure;
	struct link **closes;
	char why[256]; /* the reason of its failure */
	bool leaves;   /* gives up when it is told to come back */
};

static void on_ready(void *owner, struct link *link)
{
	(void)link;
	((struct seen *)owner)->ready++;
}

static void on_dead(void *owner, struct link *link, enum link_failure failure, struct span why)
{
	(void)link;
	(void)why;
	((struct seen *)owner)->dead++;
	((struct seen *)owner)->failure = failure;
}

static void on_message(void *owner, struct link *link, const struct message *message)
{
	(void)link;
	(void)message;
	((struct seen *)owner)->messages++;
}

static const struct link_events events = { .on_ready = on_ready,
					   .on_dead = on_dead,
					   .on_message = on_message };

static void on_call_message(struct call *call, const struct message *message, bool final)
{
	struct asked *asked = LIST_ENTRY(call, struct asked, call);

	asked->messages += !final;
	asked->finals += final;
	if (asked->closes)
		*asked->closes = link_close(*asked->closes);
	/* What is read after the link was closed must still be there. */
	ok(json_raw(message->json, message->root).n > 0 && message->json->src.p[0] == '{',
	   "the message is there");
}

static void on_call_failed(struct call *call, enum link_failure failure, struct span why)
{
	struct asked *asked = LIST_ENTRY(call, struct asked, call);

	(void)span_to_cstr(why, asked->why, sizeof(asked->why));
	asked->failures++;
	asked->failure = failure;
}

static void on_call_streaming(struct call *call)
{
	LIST_ENTRY(call, struct asked, call)->streaming++;
}

static void on_call_polling(struct call *call, uint64_t retry_ms)
{
	struct asked *asked = LIST_ENTRY(call, struct asked, call);

	asked->polls++;
	asked->retry_ms = retry_ms;
	if (asked->leaves)
		call_cancel(call, S("it takes too long"));
}

static struct server *server_new(void)
{
	const struct http_pool_options options = { .target = S("remote"),
						   .max_connections = 8,
						   .max_waiting = 100,
						   .max_lasting = 1,
						   .limits = { .head_bytes = 4096,
							       .header_line = 1024,
							       .headers = 20,
							       .url = 200,
							       .body_bytes = 100000 } };
	struct server *server = calloc(1, sizeof(*server));
	struct err err = ERR_INIT;

	if (!server)
		abort();
	server->refs = 1;
	server->name = S("remote");
	server->kind = SERVER_HTTP;
	server->authority = S("remote.example");
	server->path = S("/mcp");
	list_init(&server->node);
	server->pool = http_pool_new(&loop, upstream.egress, &options, &err);
	return server;
}

/* The next request, wherever it comes: answers dials on the way. -1: none. */
static int request_in(struct buf *got)
{
	static int open[64];
	static size_t n;

	for (int turn = 0; turn < 1500; turn++) {
		struct wire_in in;
		char chunk[65536];
		int fds[2];

		one_turn(&loop, turn);
		if (wire_recv(dials, store, &in, NULL) == 1 && n < COUNT(open)) {
			struct wire_out out = { 0 };

			if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
				abort();
			wire_begin(&out, DIAL_DONE, in.id);
			wire_put_u64(&out, 0);
			wire_put_fd(&out, fds[0]);
			(void)!wire_send_wait(dials, &out, 1000, NULL);
			wire_out_release(&out);
			(void)close(fds[0]);
			open[n++] = fds[1];
		}
		for (size_t i = 0; i < n; i++) {
			ssize_t r = read(open[i], chunk, sizeof(chunk));
			int fd = open[i];

			if (r == 0) {
				(void)close(fd);
				open[i--] = open[--n];
			}
			if (r <= 0)
				continue;
			buf_clear(got);
			buf_add(got, span_of(chunk, (size_t)r));
			return fd;
		}
	}
	return -1;
}

static void say(int fd, const char *text)
{
	(void)!write(fd, text, strlen(text));
}

static void answer(int fd, const char *status, const char *headers, const char *body)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(65536);

	buf_addf(&out, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body), headers, body);
	say(fd, buf_cstr(&out));
}

static void request(struct link *link, struct asked *asked)
{
	static const struct send_facts facts = { .method = METHOD_TOOLS_CALL,
						 .method_name = SPAN("tools/call"),
						 .name = SPAN(" x\xc3\xbc"),
						 .headers = SPAN("Mcp-Param-A: 1\r\n") };
	CLEANUP(buf_release) struct buf text = BUF_INIT(256);

	*asked = (struct asked){ .call = { .on_message = on_call_message,
					   .on_failed = on_call_failed,
					   .on_streaming = on_call_streaming,
					   .on_polling = on_call_polling } };
	buf_addf(&text, "{\"id\":%llu}", (unsigned long long)link_take_id(link, &asked->call));
	link_request(link, &asked->call, buf_span(&text), &facts);
}

#define JSON_TYPE "Content-Type: application/json; charset=utf-8\r\n"
#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNK_END "0\r\n\r\n"

static void event(int fd, const char *text)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(65536);

	buf_addf(&out, "%zx\r\n%s\r\n", strlen(text), text);
	say(fd, buf_cstr(&out));
}

static struct link *ready(struct server *server, enum era era, struct seen *seen, struct buf *got,
			  const char *headers)
{
	struct err err = ERR_INIT;
	struct link *link = link_open(&upstream, server, era, S("{}"), &events, seen, &err);
	int fd = request_in(got);

	answer(fd, "200 OK", headers,
	       era == ERA_LEGACY
		   ? "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\"}}"
		   : "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"supportedVersions\":[\"2026-07-28\"]}}");
	TURN_UNTIL(&loop, seen->ready);
	if (!link || !seen->ready)
		abort();
	return link;
}

static void done(struct link *link, struct server *server, struct buf *got)
{
	(void)link_close(link);
	(void)server_unref(server);
	(void)request_in(got);
	turn_a_while(&loop);
}

static void refused(struct buf *got)
{
	static const struct {
		const char *status, *headers, *body;
		enum link_failure failure;
		const char *says, *and;
	} cases[] = {
		{ "401 No", "", "", LINK_REFUSED, "HTTP status 401", "credentials" },
		{ "403 No", JSON_TYPE, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}", LINK_REFUSED,
		  "HTTP status 403", "credentials" },
		{ "404 No", "", "", LINK_GONE, "HTTP status 404", "`url`" },
		{ "418 No", "", "", LINK_GONE, "HTTP status 418", "refused the request" },
		{ "429 No", "", "", LINK_GONE, "HTTP status 429", "later" },
		{ "500 No", JSON_TYPE, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}", LINK_GONE,
		  "HTTP status 500", "its own log" },
		{ "302 Moved", "Location: http://evil.example/\r\n", "", LINK_GONE, "HTTP status 302",
		  "`url`" },
		{ "200 OK", "Content-Type: text/html\r\n", "<p>", LINK_GONE, "HTTP status 200", "no MCP" },
		{ "200 OK", JSON_TYPE, "not JSON", LINK_GONE, "HTTP status 200", "`url`" },
		{ "200 OK", JSON_TYPE, "", LINK_GONE, "HTTP status 200", "no MCP" },
		{ "200 OK", JSON_TYPE "Content-Encoding: gzip\r\n", "packed", LINK_GONE, "Content-Encoding",
		  "not ask" },
		{ "202 Accepted", "", "", LINK_GONE, "HTTP status 202", "no MCP" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct server *server = server_new();
		struct seen seen = { 0 };
		struct link *link = ready(server, ERA_MODERN, &seen, got, JSON_TYPE);
		struct asked a;

		request(link, &a);
		answer(request_in(got), cases[i].status, cases[i].headers, cases[i].body);
		TURN_UNTIL(&loop, a.failures);
		ok(a.failures == 1 && !a.finals && a.failure == cases[i].failure && !seen.dead,
		   "%s %s: the call fails", cases[i].status, cases[i].body);
		ok(strstr(a.why, cases[i].says) && strstr(a.why, cases[i].and), "and is told why: %s", a.why);
		done(link, server, got);
	}
}

/* Nothing has left where there is no connection: whoever asked may ask again. */
static void not_sent(struct buf *got)
{
	struct server *server = server_new();
	struct channel *egress = upstream.egress;
	struct seen seen = { 0 };
	struct link *link = ready(server, ERA_MODERN, &seen, got, JSON_TYPE "Connection: close\r\n");
	struct asked a;

	http_pool_set_egress(server->pool, NULL);
	request(link, &a);
	TURN_UNTIL(&loop, a.failures);
	ok(a.failures == 1 && a.failure == LINK_UNSENT && strstr(a.why, "try again"), "without egress: %s",
	   a.why);
	http_pool_set_egress(server->pool, egress);
	done(link, server, got);
}

/* What older servers say to a greeting they do not know; and what says nothing about it. */
static void probed(struct buf *got)
{
	static const struct {
		enum era era;
		const char *status, *headers, *body;
		enum link_failure failure;
		enum speaks modern;
	} cases[] = {
		{ ERA_MODERN, "401 No", "", "", LINK_REFUSED, SPEAKS_UNKNOWN },
		{ ERA_MODERN, "403 No", JSON_TYPE, "{}", LINK_REFUSED, SPEAKS_UNKNOWN },
		{ ERA_MODERN, "429 Later", "", "", LINK_GONE, SPEAKS_UNKNOWN },
		{ ERA_MODERN, "429 Later", JSON_TYPE,
		  "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"later\"}}",
		  LINK_GONE, SPEAKS_UNKNOWN },
		{ ERA_MODERN, "500 No", "", "", LINK_GONE, SPEAKS_UNKNOWN },
		{ ERA_MODERN, "302 Moved", "", "", LINK_GONE, SPEAKS_UNKNOWN },
		{ ERA_MODERN, "200 OK", "Content-Type: text/html\r\n", "<p>", LINK_GONE, SPEAKS_UNKNOWN },
		{ ERA_LEGACY, "400 No", "", "", LINK_GONE, SPEAKS_UNKNOWN },
		{ ERA_MODERN, "400 No", "", "", LINK_MISMATCH, SPEAKS_NO },
		{ ERA_MODERN, "404 Not Found", "Content-Type: text/html\r\n", "<p>", LINK_MISMATCH,
		  SPEAKS_NO },
		{ ERA_MODERN, "405 No", "Allow: GET\r\n", "no", LINK_MISMATCH, SPEAKS_NO },
		{ ERA_MODERN, "406 No", JSON_TYPE, "{\"error\":\"no\"}", LINK_MISMATCH, SPEAKS_NO },
		{ ERA_MODERN, "415 No", JSON_TYPE "Content-Encoding: gzip\r\n", "packed", LINK_MISMATCH,
		  SPEAKS_NO },
		{ ERA_MODERN, "400 No", JSON_TYPE,
		  "{\"jsonrpc\":\"2.0\",\"id\":\"server-error\",\"error\":{\"code\":-32600,\"message\":\"no\"}}",
		  LINK_MISMATCH, SPEAKS_NO },
		{ ERA_MODERN, "400 No", JSON_TYPE,
		  "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"no\"}}",
		  LINK_MISMATCH, SPEAKS_NO },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct server *server = server_new();
		struct seen seen = { 0 };
		struct err err = ERR_INIT;
		struct link *link = link_open(&upstream, server, cases[i].era, S("{}"), &events, &seen, &err);

		answer(request_in(got), cases[i].status, cases[i].headers, cases[i].body);
		TURN_UNTIL(&loop, seen.dead);
		ok(seen.dead == 1 && !seen.ready && seen.failure == cases[i].failure &&
		       server->modern == cases[i].modern && server->legacy == SPEAKS_UNKNOWN,
		   "greeted %s, it says %s %s: %s", era_name(cases[i].era), cases[i].status, cases[i].body,
		   link_failure_word(seen.failure));
		done(link, server, got);
	}
}

static void one_text(struct buf *got)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = ready(server, ERA_MODERN, &seen, got,
				  JSON_TYPE "Mcp-Session-Id: not-in-this-era\r\n");
	struct asked a, b;
	int fd;

	request(link, &a);
	fd = request_in(got);
	ok(span_starts(buf_span(got), S("POST /mcp HTTP/1.1\r\nHost: remote.example\r\n")), "to its address");
	ok(span_contains(buf_span(got), S("\r\nMCP-Protocol-Version: 2026-07-28\r\n")) &&
	       span_contains(buf_span(got), S("\r\nMcp-Method: tools/call\r\n")) &&
	       span_contains(buf_span(got), S("\r\nMcp-Name: =?base64?IHjDvA==?=\r\n")) &&
	       span_contains(buf_span(got), S("\r\nMcp-Param-A: 1\r\n")) &&
	       span_contains(buf_span(got), S("\r\nAccept: application/json, text/event-stream\r\n")),
	   "with what the modern era asks for");
	ok(!span_contains(buf_span(got), S("Mcp-Session-Id")), "and no session");
	ok(span_ends(buf_span(got), S("Content-Length: 8\r\n\r\n{\"id\":2}")), "and the message");
	answer(fd, "200 OK", JSON_TYPE, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
	TURN_UNTIL(&loop, a.finals);
	is_int(a.finals, 1, "answered");
	request(link, &a);
	request(link, &b);
	fd = request_in(got);
	answer(fd, "404 Not Found", JSON_TYPE,
	       "{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32601,\"message\":\"no\"}}");
	TURN_UNTIL(&loop, a.finals);
	ok(a.finals == 1 && !a.failures && !seen.dead, "an error with the status of its kind is the answer");
	fd = request_in(got);
	answer(fd, "200 OK", JSON_TYPE, "{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}");
	TURN_UNTIL(&loop, b.failures);
	ok(b.failures == 1 && !b.finals, "another's answer is none");
	done(link, server, got);
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

static void lost_session(struct buf *got)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = ready(server, ERA_LEGACY, &seen, got, JSON_TYPE "Mcp-Session-Id: abc\r\n");
	struct asked a, b;

	request(link, &a);
	(void)request_in(got);
	request(link, &b);
	answer(request_in(got), "404 Not Found", "", "");
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_REFUSED && a.failures == 1 && b.failures == 1,
	   "a lost session ends the link and all its calls");
	done(link, server, got);
}

static void closed_inside(struct buf *got)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = ready(server, ERA_MODERN, &seen, got, JSON_TYPE);
	struct asked a;
	int fd;

	request(link, &a);
	a.closes = &link;
	fd = request_in(got);
	/* The server is no longer configured: its pool goes with its last link. */
	server = server_unref(server);
	say(fd, STREAM);
	event(
	    fd,
	    "data: {\"jsonrpc\":\"2.0\",\ndata: \"id\":2,\"result\":{}}\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n\n");
	TURN_UNTIL(&loop, a.finals);
	turn_a_while(&loop);
	ok(a.finals == 1 && !link && !seen.dead, "closed inside an event: nothing follows");
	server = server_new();
	link = ready(server, ERA_MODERN, &seen, got, JSON_TYPE);
	request(link, &a);
	fd = request_in(got);
	call_cancel(&a.call, S("left"));
	turn_a_while(&loop);
	ok(read(fd, store, 1) == 0 && !a.failures && !a.finals,
	   "given up: the stream is closed, which says it");
	done(link, server, got);
	server = server_new();
	link = ready(server, ERA_LEGACY, &seen, got, JSON_TYPE);
	request(link, &a);
	a.leaves = true;
	fd = request_in(got);
	say(fd, STREAM);
	event(fd, "id: 7\nretry: 5\ndata: \n\n");
	say(fd, CHUNK_END);
	TURN_UNTIL(&loop, a.polls);
	turn_a_while(&loop);
	ok(a.polls == 1 && !call_is_open(&a.call) && !a.failures,
	   "given up while it is told to come back: nothing comes back");
	done(link, server, got);
}

static void too_large(struct buf *got)
{
	CLEANUP(buf_release) struct buf large = BUF_INIT(20000);
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link;
	struct asked a;
	int fd;

	limits.result_bytes = 1000;
	link = ready(server, ERA_MODERN, &seen, got, JSON_TYPE);
	request(link, &a);
	fd = request_in(got);
	say(fd, STREAM);
	buf_add(&large, S("data: "));
	while (large.n < 10000)
		buf_add(&large, S("xxxxxxxxxx"));
	event(fd, buf_cstr(&large));
	TURN_UNTIL(&loop, a.failures);
	ok(a.failures == 1 && a.failure == LINK_GARBAGE && strstr(a.why, "(limits.result): ask for less"),
	   "an event over the configured limit");
	request(link, &a);
	answer(request_in(got), "200 OK\r\nX: y", JSON_TYPE, "not MCP");
	TURN_UNTIL(&loop, a.failures);
	ok(a.failures == 1 && !strstr(a.why, "limits.result"), "other garbage is not laid to it");
	request(link, &a);
	fd = request_in(got);
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n" JSON_TYPE "\r\n");
	TURN_UNTIL(&loop, a.failures);
	ok(a.failures == 1 && a.failure == LINK_GARBAGE && strstr(a.why, "(limits.result): ask for less"),
	   "and so for one text");
	limits.result_bytes = limits_default.result_bytes;
	done(link, server, got);
}

static void nothing_message(void *owner, struct wire_in *in)
{
	(void)owner;
	(void)in;
}

static void nothing_gone(void *owner)
{
	(void)owner;
}

int main(void)
{
	static const struct channel_events nothing = { nothing_message, nothing_gone };
	CLEANUP(buf_release) struct buf got = BUF_INIT((size_t)1 << 20);
	struct err err = ERR_INIT;
	int fds[2];

	(void)signal(SIGPIPE, SIG_IGN);
	if (!ok(loop_init(&loop, &err) == 0 && wire_pair(fds, &err) == 0, "a loop and an egress"))
		return tap_done();
	limits = limits_default;
	dials = fds[1];
	upstream = (struct upstream){ .loop = &loop, .log = &quiet, .limits = &limits };
	upstream.egress = channel_open(&loop, fds[0], &nothing, NULL, &err);
	refused(&got);
	not_sent(&got);
	probed(&got);
	one_text(&got);
	streams(&got);
	standing(&got);
	lost_session(&got);
	closed_inside(&got);
	too_large(&got);
	upstream.egress = channel_close(upstream.egress);
	json_release(&upstream.json);
	(void)close(dials);
	turn_a_while(&loop);
	loop_release(&loop);
	return tap_done();
}
