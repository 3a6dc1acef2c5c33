/* http.c - a server over HTTP, with the test as egress and as the server: one text, refusals, broken ones. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http_rig.h"

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

/* What says nothing about the era a server speaks. */
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
		   "greeted %s, it says %s %s: %s", cases[i].era == ERA_MODERN ? "modern" : "legacy",
		   cases[i].status, cases[i].body, link_failure_word(seen.failure));
		done(link, server, got);
	}
}

/* What a server says that does not know `server/discover`: it is greeted with initialize, and the connection
 * is one of that era. */
static void not_modern(struct buf *got)
{
	static const struct {
		const char *status, *headers, *body;
	} cases[] = {
		{ "400 No", "", "" },
		{ "404 Not Found", "Content-Type: text/html\r\n", "<p>" },
		{ "405 No", "Allow: GET\r\n", "no" },
		{ "406 No", JSON_TYPE, "{\"error\":\"no\"}" },
		{ "415 No", JSON_TYPE "Content-Encoding: gzip\r\n", "packed" },
		{ "400 No", JSON_TYPE,
		  "{\"jsonrpc\":\"2.0\",\"id\":\"server-error\",\"error\":{\"code\":-32600,\"message\":\"no\"}}" },
		{ "400 No", JSON_TYPE,
		  "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"no\"}}" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct server *server = server_new();
		struct seen seen = { 0 };
		struct err err = ERR_INIT;
		struct link *link = link_open(&upstream, server, ERA_MODERN, S("{}"), &events, &seen, &err);
		int fd = request_in(got);

		ok(span_contains(buf_span(got), S("\r\nMcp-Method: server/discover\r\n")), "probed");
		answer(fd, cases[i].status, cases[i].headers, cases[i].body);
		fd = request_in(got);
		ok(span_contains(buf_span(got), S("\"method\":\"initialize\"")) &&
		       !span_contains(buf_span(got), S("Mcp-Method")) &&
		       !span_contains(buf_span(got), S("2026-07-28")) && server->modern == SPEAKS_NO,
		   "%s %s: greeted with initialize, in no words of the other era", cases[i].status,
		   cases[i].body);
		answer(fd, "200 OK", JSON_TYPE "Mcp-Session-Id: s1\r\n",
		       "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"protocolVersion\":\"2025-06-18\","
		       "\"capabilities\":{}}}");
		TURN_UNTIL(&loop, seen.ready);
		ok(seen.ready == 1 && link->era == ERA_LEGACY && server->legacy == SPEAKS_YES, "ready");
		link_initialized(link);
		fd = request_in(got);
		ok(span_contains(buf_span(got), S("\r\nMCP-Protocol-Version: 2025-06-18\r\n")) &&
		       span_contains(buf_span(got), S("\r\nMcp-Session-Id: s1\r\n")),
		   "and goes on in that era");
		answer(fd, "202 Accepted", "", "");
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
	ok(seen.dead == 1 && seen.failure == LINK_LOST && a.failures == 1 && b.failures == 1,
	   "a lost session ends the link and all its calls");
	ok(b.failure == LINK_LOST, "the one that was not looked at is told so");
	ok(a.failure == LINK_GONE, "of the one that came before nobody knows what became of it");
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

/* An answer of `n` bytes, in pieces of these lengths; their end is where there is a 0. */
static void in_pieces(const struct asked *asked, size_t n, const size_t *pieces, struct buf *got)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)8192);
	CLEANUP(buf_release) struct buf head = BUF_INIT((size_t)512);
	int fd = request_in(got);

	buf_addf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":{\"text\":\"",
		 (unsigned long long)asked->call.id);
	while (text.n < n - 3)
		buf_add_char(&text, 'x');
	buf_add(&text, S("\"}}"));
	buf_addf(&head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n" JSON_TYPE "\r\n", n);
	say(fd, buf_cstr(&head));
	for (size_t at = 0; *pieces; at += *pieces++) {
		turn_a_while(&loop);
		(void)!write(fd, text.p + at, *pieces);
	}
	turn_a_while(&loop);
}

/* The limit may change while a call is under way: the answer is whole, or it is none. */
static void limit_changes(struct buf *got)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link;
	struct asked a;

	limits.result_bytes = 1000;
	link = ready(server, ERA_MODERN, &seen, got, JSON_TYPE);
	request(link, &a);
	in_pieces(&a, 2000, (const size_t[]){ 600, 1000, 400, 0 }, got);
	ok(a.failures == 1 && !a.finals && a.failure == LINK_GARBAGE && strstr(a.why, "(limits.result)"),
	   "a piece that does not fit: the rest is not taken for the whole (%zu)", a.bytes);
	request(link, &a);
	limits.result_bytes = 5000;
	in_pieces(&a, 3000, (const size_t[]){ 900, 2000, 100, 0 }, got);
	ok(a.finals == 1 && !a.failures && a.bytes == 3000, "raised before the answer begins: it holds (%zu)",
	   a.bytes);
	request(link, &a);
	limits.result_bytes = 1000;
	in_pieces(&a, 3000, (const size_t[]){ 100, 2800, 100, 0 }, got);
	ok(a.failures == 1 && !a.finals, "lowered before: as well");
	limits.result_bytes = limits_default.result_bytes;
	done(link, server, got);
}

/* What a refusal says is an answer if it is whole. */
static void long_refusal(struct buf *got)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)256 * 1024);
	CLEANUP(buf_release) struct buf head = BUF_INIT((size_t)512);
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = ready(server, ERA_MODERN, &seen, got, JSON_TYPE);
	struct asked a;
	int fd;

	request(link, &a);
	fd = request_in(got);
	buf_addf(&text, "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32000,\"message\":\"");
	while (text.n < 90000)
		buf_add(&text, S("xxxxxxxxxx"));
	buf_add(&text, S("\"}}"));
	buf_addf(&head, "HTTP/1.1 400 No\r\nContent-Length: %zu\r\n\r\n", text.n);
	say(fd, buf_cstr(&head));
	for (size_t at = 0; at < text.n; at += 30000) {
		(void)!write(fd, text.p + at, text.n - at < 30000 ? text.n - at : 30000);
		turn_a_while(&loop);
	}
	ok(a.failures == 1 && !a.finals && strstr(a.why, "HTTP status 400"),
	   "a refusal that is too long is only a refusal: %s", a.why);
	done(link, server, got);
}

/* The session's own stream is none of what is looked for. */
static int post_in(struct buf *got)
{
	int fd = request_in(got);

	if (fd >= 0 && span_starts(buf_span(got), S("GET "))) {
		answer(fd, "405 Method Not Allowed", "", "");
		fd = request_in(got);
	}
	return fd;
}

/* Each message has a connection of its own, on which it could overtake. */
static void in_order(struct buf *got)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = ready(server, ERA_LEGACY, &seen, got, JSON_TYPE "Mcp-Session-Id: s1\r\n");
	struct asked a, b, c;
	int fd, first;

	link_initialized(link);
	fd = request_in(got);
	ok(span_contains(buf_span(got), S("notifications/initialized")), "the session is begun");
	request(link, &a);
	request(link, &b);
	request(link, &c);
	is_int(request_in(got), -1, "what comes after it waits until the server has taken it");
	call_forget(&b.call);
	answer(fd, "202 Accepted", "", "");
	first = post_in(got);
	ok(span_ends(buf_span(got), S("{\"id\":2}")), "then the first goes on its way");
	fd = post_in(got);
	ok(span_ends(buf_span(got), S("{\"id\":4}")), "and the next, without what was given up");
	answer(first, "200 OK", JSON_TYPE, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
	answer(fd, "200 OK", JSON_TYPE, "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}");
	TURN_UNTIL(&loop, a.finals && c.finals);
	ok(a.finals == 1 && c.finals == 1 && b.finals == 0 && !seen.dead, "both are answered");
	done(link, server, got);
}

/* A server that refuses the word, and goes on all the same. */
static void in_order_refused(struct buf *got)
{
	static const struct send_facts facts = { .method = METHOD_PROGRESS };
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = ready(server, ERA_LEGACY, &seen, got, JSON_TYPE);
	struct asked a;
	int fd;

	link_initialized(link);
	fd = request_in(got);
	request(link, &a);
	answer(fd, "500 Oops", "", "");
	fd = post_in(got);
	ok(span_ends(buf_span(got), S("{\"id\":2}")), "what waited goes on where the word was refused");
	answer(fd, "200 OK", JSON_TYPE, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
	TURN_UNTIL(&loop, a.finals);
	is_int(a.finals, 1, "and is answered");
	done(link, server, got);
	seen = (struct seen){ 0 };
	server = server_new();
	link = ready(server, ERA_LEGACY, &seen, got, JSON_TYPE);
	link_initialized(link);
	(void)request_in(got);
	for (int i = 0; i < 64; i++)
		link_send(link, S("{}"), &facts);
	turn_a_while(&loop);
	ok(!seen.dead, "so many messages wait");
	link_send(link, S("{}"), &facts);
	TURN_UNTIL(&loop, seen.dead);
	is_int(seen.dead, 1, "and no more");
	done(link, server, got);
}

int main(void)
{
	CLEANUP(buf_release) struct buf got = BUF_INIT((size_t)1 << 20);

	if (!ok(rig_start(), "a loop and an egress"))
		return tap_done();
	refused(&got);
	not_sent(&got);
	probed(&got);
	not_modern(&got);
	one_text(&got);
	lost_session(&got);
	closed_inside(&got);
	too_large(&got);
	limit_changes(&got);
	long_refusal(&got);
	in_order(&got);
	in_order_refused(&got);
	rig_stop();
	return tap_done();
}
