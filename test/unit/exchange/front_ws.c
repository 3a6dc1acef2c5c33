/* front_ws.c - hosts on a WebSocket: who is let in, both eras, and when the connection ends. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/socket.h>

#include "loopback.h"
#include "rig.h"

#include "exchange/account.h"
#include "exchange/channel_host.h"
#include "exchange/front_http.h"
#include "http/frames.h"
#include "http/server.h"
#include "identity/token.h"
#include "store/ask.h"
#include "words.h"

#define HELLO                                                                                                \
	REQUEST("1", "initialize",                                                                           \
		"\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"h\","     \
		"\"version\":\"1\"}")
#define TOOLS "{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}]}"

#define HOST "Host: 127.0.0.1\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define MCP "Sec-WebSocket-Protocol: chat, mcp\r\n"

static int keeper = -1;
static struct sockaddr_in address;
static char token[TOKEN_CHARS + 1];
static const char *scopes = "mcp";

static void keeper_gone(void *owner)
{
	(void)owner;
	worker.keeper = channel_close(worker.keeper);
}

static bool begin(void)
{
	static const struct channel_events events = { silent_message, keeper_gone };
	static const struct span hosts[] = { SPAN("127.0.0.1") };
	const struct http_server_options options = {
		.limits = { .head_bytes = LIMIT_HEAD_BYTES,
			    .header_line = LIMIT_HEADER_LINE_BYTES,
			    .headers = LIMIT_HEADERS,
			    .url = LIMIT_URL_BYTES,
			    .body_bytes = 1000 },
		.max_connections = 100,
		.idle_ms = 60000,
		.head_ms = 60000,
		.allow = S("POST, GET, DELETE"),
		.on_head = front_http_on_head,
	};
	struct err err = ERR_INIT;
	int fds[2];

	if (!rig_start() || wire_pair(fds, &err) < 0)
		return false;
	keeper = fds[1];
	worker.keeper = channel_open(&worker.loop, fds[0], &events, NULL, &err);
	worker.front = (struct front_rules){ .hosts = hosts, .n_hosts = 1 };
	worker.limits.body_bytes = 1000;
	worker.http = http_server_new(&worker.loop, &options, front_http_on_request, &worker, &quiet, &err);
	token_make(token);
	return worker.http && http_server_listen(worker.http, loopback_bind(&address), &err) == 0;
}

/* Answers the keeper's next question, if there is one. */
static void keep(bool good)
{
	static char store[WIRE_MAX_BYTES];
	struct wire_out out = { 0 };
	struct wire_in in;

	if (wire_recv(keeper, store, &in, NULL) != 1)
		return;
	wire_begin(&out, ASK_PRINCIPAL, in.id);
	wire_put_u64(&out, good);
	if (good) {
		wire_put_span(&out, S("t-1"));
		wire_put_span(&out, S("laptop"));
		wire_put_span(&out, span_str(scopes));
		wire_put_u64(&out, 0);
	}
	(void)!wire_send_wait(keeper, &out, 1000, NULL);
	wire_out_release(&out);
}

static int dial(void)
{
	return loopback_connect(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), &address);
}

/* A client's side of the connection. */
struct visitor {
	int fd;
	struct frames frames;
	struct buf got;
	struct span in;
};

static struct visitor visitor_new(void)
{
	struct visitor visitor = { .fd = dial(), .got = BUF_INIT((size_t)1 << 20) };

	return visitor;
}

static void leave(struct visitor *visitor)
{
	closep(&visitor->fd);
	frames_release(&visitor->frames);
	buf_release(&visitor->got);
	turn_a_while(&worker.loop);
	(void)rig_starts_nothing();
}

static bool more(struct visitor *visitor, bool good)
{
	char chunk[65536];
	ssize_t n;

	for (int turn = 0; turn < 3000; turn++) {
		one_turn(&worker.loop, turn);
		keep(good);
		n = read(visitor->fd, chunk, sizeof(chunk));
		if (n > 0)
			buf_add(&visitor->got, span_of(chunk, (size_t)n));
		if (n >= 0)
			return n > 0;
	}
	return false;
}

/* The head of the answer to `request`. */
static struct span shake(struct visitor *visitor, const char *request, bool good)
{
	static char head[16384];
	size_t end = 0;

	(void)!write(visitor->fd, request, strlen(request));
	while (!span_contains(buf_span(&visitor->got), S("\r\n\r\n")) && more(visitor, good))
		;
	while (end < visitor->got.n && !span_starts(span_skip(buf_span(&visitor->got), end), S("\r\n\r\n")))
		end++;
	end = end + 4 < visitor->got.n ? end + 4 : visitor->got.n;
	memcpy(head, visitor->got.p, end);
	buf_consume(&visitor->got, end);
	return span_of(head, end);
}

/* "GET PATH" with a token, and what else there is. */
static const char *asking(const char *path, const char *more_headers)
{
	static char text[4096];

	(void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nAuthorization: Bearer %s\r\n%s\r\n", path,
		       token, more_headers);
	return text;
}

#define GOOD HOST UPGRADE KEY VERSION MCP

static void enter(struct visitor *visitor, const char *path)
{
	*visitor = visitor_new();

	ok(span_starts(shake(visitor, asking(path, GOOD), true), S("HTTP/1.1 101 ")), "a WebSocket at %s",
	   path);
	if (frames_init(&visitor->frames, FRAMES_CLIENT, (size_t)1 << 20, NULL, NULL) < 0)
		abort();
}

static void say(struct visitor *visitor, const char *text)
{
	CLEANUP(buf_release) struct buf frame = BUF_INIT((size_t)1 << 20);

	frames_write(&visitor->frames, &frame, FRAMES_SEND_TEXT, span_str(text));
	(void)!write(visitor->fd, frame.p, frame.n);
}

static enum frames_step next(struct visitor *visitor)
{
	enum frames_step step;

	for (;;) {
		struct span in = buf_span(&visitor->got);
		size_t before = in.n;

		step = frames_next(&visitor->frames, &in);
		buf_consume(&visitor->got, before - in.n);
		if (step != FRAMES_MORE || !more(visitor, true))
			return step;
	}
}

static bool hears(struct visitor *visitor, const char *first, const char *second)
{
	bool found = next(visitor) == FRAMES_MESSAGE &&
		     span_contains(visitor->frames.payload, span_str(first)) &&
		     span_contains(visitor->frames.payload, span_str(second));

	if (!found)
		printf("# %.*s\n", SPAN_ARG(visitor->frames.payload));
	return found;
}

/* --- who is let in --- */

static const struct {
	const char *name, *path, *headers, *answer, *words;
	bool good;
} refusals[] = {
	{ "a foreign Host", "/mcp", "Host: evil.example\r\n" UPGRADE KEY VERSION MCP, "HTTP/1.1 403", "K504",
	  true },
	{ "a foreign page", "/mcp", GOOD "Origin: https://evil.example\r\n", "HTTP/1.1 403", "K504", true },
	{ "a page that hides", "/mcp", GOOD "Origin: null\r\n", "HTTP/1.1 403", "K504", true },
	{ "a token in the URL", "/mcp?token=x", GOOD, "HTTP/1.1 400", "K510", true },
	{ "an unknown token", "/mcp", GOOD, "HTTP/1.1 401", "K502", false },
	{ "no such server", "/mcp/other", GOOD, "HTTP/1.1 404", "K503", true },
	{ "another path", "/ws", GOOD, "HTTP/1.1 404", "not_found", true },
	{ "no version", "/mcp", HOST UPGRADE KEY MCP, "HTTP/1.1 426", "Sec-WebSocket-Version: 13", true },
	{ "an old version", "/mcp", HOST UPGRADE KEY MCP "Sec-WebSocket-Version: 8\r\n", "HTTP/1.1 426",
	  "K511", true },
	{ "no key", "/mcp", HOST UPGRADE VERSION MCP, "HTTP/1.1 400", "K511", true },
	{ "a short key", "/mcp", HOST UPGRADE VERSION MCP "Sec-WebSocket-Key: abc=\r\n", "HTTP/1.1 400",
	  "K511", true },
	{ "no subprotocol", "/mcp", HOST UPGRADE KEY VERSION, "HTTP/1.1 400", "mcp", true },
	{ "another subprotocol", "/mcp", HOST UPGRADE KEY VERSION "Sec-WebSocket-Protocol: mcp2, MCP\r\n",
	  "HTTP/1.1 400", "K511", true },
};

static void refused(void)
{
	struct visitor visitor;
	struct span head;

	for (size_t i = 0; i < COUNT(refusals); i++) {
		visitor = visitor_new();
		head = shake(&visitor, asking(refusals[i].path, refusals[i].headers), refusals[i].good);
		ok(span_starts(head, span_str(refusals[i].answer)) &&
		       (span_contains(head, span_str(refusals[i].words)) ||
			span_contains(buf_span(&visitor.got), span_str(refusals[i].words))),
		   "%s: %s", refusals[i].name, refusals[i].answer);
		leave(&visitor);
		token_cache_forget(worker.tokens);
	}
	visitor = visitor_new();
	head = shake(&visitor, "GET /mcp HTTP/1.1\r\n" GOOD "\r\n", true);
	ok(span_starts(head, S("HTTP/1.1 401")), "no token");
	leave(&visitor);
	visitor = visitor_new();
	head = shake(&visitor, "GET /mcp HTTP/1.1\r\n" GOOD "Sec-WebSocket-Protocol: bearer.x\r\n\r\n", true);
	ok(span_starts(head, S("HTTP/1.1 401")), "a token among the subprotocols is none");
	leave(&visitor);
	is_int(worker.n_clients, 0, "nobody came in");
	is_int(worker.n_channels, 0, "and nobody is counted");
}

static void many(void)
{
	struct visitor one, other;
	size_t most = worker.limits.sessions_per_principal;

	worker.limits.sessions_per_principal = 1;
	enter(&one, "/mcp");
	other = visitor_new();
	ok(span_starts(shake(&other, asking("/mcp", GOOD), true), S("HTTP/1.1 503")) &&
	       span_contains(buf_span(&other.got), S("K801")),
	   "more than one may have");
	leave(&other);
	leave(&one);
	is_int(worker.n_channels, 0, "it leaves");
	enter(&one, "/mcp");
	leave(&one);
	worker.limits.sessions_per_principal = most;
}

/* --- what is said --- */

static void legacy(struct server *server)
{
	struct visitor visitor;
	struct peer peer;
	unsigned first, second;

	enter(&visitor, "/mcp/files");
	server->modern = SPEAKS_NO;
	say(&visitor, "junk");
	ok(hears(&visitor, "-32700", "K613"), "what is no JSON");
	say(&visitor, REQUEST("1", "tools/list", ""));
	ok(hears(&visitor, "\"id\":1", "K505"), "no request before the greeting");
	say(&visitor, HELLO);
	if (!ok(rig_launch(&peer), "it greets: the server is started"))
		return;
	rig_say(
	    &peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{"
	    "\"tools\":{}}}}",
	    rig_id(rig_hear_of(&peer, "initialize")));
	ok(hears(&visitor, "\"id\":1", "2025-11-25"), "and is greeted");
	is_int(worker.n_clients, 1, "a session");
	say(&visitor, REQUEST("2", "tools/call", "\"name\":\"t\""));
	say(&visitor, REQUEST("3", "tools/call", "\"name\":\"t\""));
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":" TOOLS "}",
		rig_id(rig_hear_of(&peer, "tools/list")));
	first = rig_id(rig_hear_of(&peer, "tools/call"));
	second = rig_id(rig_hear_of(&peer, "tools/call"));
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", second);
	ok(hears(&visitor, "\"id\":3", "content"), "answers come in any order");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", first);
	ok(hears(&visitor, "\"id\":2", "content"), "all of them");
	leave(&visitor);
	is_int(worker.n_clients, 0, "the connection is the session");
	is_int(worker.held.used, 0, "and nothing is held for it any more");
	rig_end(&peer);
}

static void modern(struct server *server)
{
	struct visitor visitor;
	struct peer peer;

	enter(&visitor, "/mcp/files");
	server->modern = SPEAKS_UNKNOWN;
	say(&visitor, REQUEST("1", "tools/call", "\"name\":\"t\"," META));
	if (!ok(rig_greet(&peer, "{\"tools\":{}}"), "a modern host"))
		return;
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":" TOOLS "}",
		rig_id(rig_hear_of(&peer, "tools/list")));
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}",
		rig_id(rig_hear_of(&peer, "tools/call")));
	ok(hears(&visitor, "\"id\":1", "content"), "is answered, too");
	leave(&visitor);
	rig_end(&peer);
}

/* A frame in the same packet as the handshake, and while the keeper is asked. */
static void ahead(void)
{
	for (int known = 0; known < 2; known++) {
		struct visitor visitor = visitor_new();
		CLEANUP(buf_release) struct buf both = BUF_INIT((size_t)1 << 16);

		if (!known)
			token_cache_forget(worker.tokens);
		if (frames_init(&visitor.frames, FRAMES_CLIENT, (size_t)1 << 20, NULL, NULL) < 0)
			abort();
		buf_add(&both, span_str(asking("/mcp", GOOD)));
		frames_write(&visitor.frames, &both, FRAMES_SEND_TEXT, S(REQUEST("5", "no/such", META)));
		(void)!write(visitor.fd, both.p, both.n);
		ok(span_starts(shake(&visitor, "", true), S("HTTP/1.1 101 ")), "a hasty host");
		ok(hears(&visitor, "\"id\":5", "K601"), "what came behind its handshake is taken");
		leave(&visitor);
	}
}

/* --- the end --- */

static bool is_closed_with(struct visitor *visitor, unsigned code)
{
	enum frames_step step = next(visitor);

	if (step == FRAMES_CLOSE && visitor->frames.code == code)
		return true;
	printf("# step %d, code %u\n", (int)step, visitor->frames.code);
	return false;
}

static void ends(void)
{
	static char large[2000];
	struct visitor visitor;
	uint64_t now = loop_now(&worker.loop);

	enter(&visitor, "/mcp/files");
	memset(large, 'x', sizeof(large) - 1);
	say(&visitor, large);
	ok(is_closed_with(&visitor, FRAMES_TOO_BIG), "a message over the limit ends the connection");
	leave(&visitor);
	enter(&visitor, "/mcp/files");
	(void)!write(visitor.fd, "\x82\x80\0\0\0\0", 6);
	ok(is_closed_with(&visitor, FRAMES_UNSUPPORTED), "so does a binary one");
	leave(&visitor);
	enter(&visitor, "/mcp");
	channel_hosts_tick(&worker, now + LIMIT_HANDSHAKE_MS / 2);
	turn_a_while(&worker.loop);
	is_int(worker.n_channels, 1, "who says nothing may think for a while");
	channel_hosts_tick(&worker, now + 2 * LIMIT_HANDSHAKE_MS);
	ok(is_closed_with(&visitor, FRAMES_GOING), "and not for ever");
	leave(&visitor);
	enter(&visitor, "/mcp");
	channel_hosts_drain(&worker);
	ok(is_closed_with(&visitor, FRAMES_GOING), "a gate that shuts down says goodbye");
	leave(&visitor);
}

static void revoked(void)
{
	struct visitor visitor;

	enter(&visitor, "/mcp");
	say(&visitor, REQUEST("1", "no/such", META));
	ok(hears(&visitor, "\"id\":1", "K601"), "a host with a token");
	token_cache_forget(worker.tokens);
	for (int turn = 0; turn < 300 && worker.n_clients; turn++) {
		one_turn(&worker.loop, turn);
		keep(false);
	}
	is_int(worker.n_clients, 0, "its token is revoked: it is cut");
	ok(is_closed_with(&visitor, FRAMES_GOING), "and its connection closed");
	leave(&visitor);
	enter(&visitor, "/mcp");
	token_cache_forget(worker.tokens);
	say(&visitor, REQUEST("1", "no/such", META));
	for (int turn = 0; turn < 300 && worker.n_channels; turn++) {
		one_turn(&worker.loop, turn);
		keep(false);
	}
	is_int(worker.n_channels, 0, "revoked before it said anything: it is cut, too");
	leave(&visitor);
}

int main(void)
{
	struct server *server;

	if (!ok(begin(), "a worker that listens"))
		return tap_done();
	server = rig_server("files");
	refused();
	many();
	legacy(server);
	modern(server);
	ahead();
	ends();
	revoked();
	worker_drop_server(&worker, server);
	worker.http = http_server_free(worker.http);
	(void)close(keeper);
	worker.keeper = channel_close(worker.keeper);
	rig_stop();
	return tap_done();
}
