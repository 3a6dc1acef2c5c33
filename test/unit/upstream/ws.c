/* ws.c - a server behind a WebSocket: what its handshake must be, messages as frames, the end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "wire_rig.h"

#include "crypto/digest.h"
#include "http/frames.h"
#include "http/upgrade.h"

static struct frames frames;
static char request[4096];

/* The gate's request, up to its empty line. */
static bool hears_request(void)
{
	while (!span_ends(buf_span(&said), S("\r\n\r\n")))
		if (!more())
			return false;
	return span_to_cstr(buf_span(&said), request, sizeof(request));
}

/* "101…" with the accept of the gate's key, and more fields. */
static void accept_it(const char *more_fields)
{
	CLEANUP(buf_release) struct buf answer = BUF_INIT((size_t)4096);
	const char *key = strstr(request, "Sec-WebSocket-Key: ");
	char accept[UPGRADE_ACCEPT_CHARS];

	if (!key)
		return;
	upgrade_accept(span_of(key + strlen("Sec-WebSocket-Key: "), UPGRADE_KEY_CHARS), accept);
	buf_add(&answer, S("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			   "Sec-WebSocket-Accept: "));
	buf_add(&answer, span_of(accept, sizeof(accept)));
	buf_addf(&answer, "\r\n%s\r\n", more_fields);
	buf_clear(&said);
	say(buf_span(&answer));
}

static void say_text(struct span text)
{
	CLEANUP(buf_release) struct buf frame = BUF_INIT((size_t)1 << 16);

	frames_write(&frames, &frame, FRAMES_SEND_TEXT, text);
	say(buf_span(&frame));
}

static enum frames_step next(void)
{
	for (;;) {
		struct span in = buf_span(&said);
		size_t before = in.n;
		enum frames_step step = frames_next(&frames, &in);

		buf_consume(&said, before - in.n);
		if (step != FRAMES_MORE || !more())
			return step;
	}
}

static bool hears(const char *words)
{
	return next() == FRAMES_MESSAGE && span_contains(frames.payload, span_str(words));
}

static bool begin(struct server *server, enum era era, struct seen *seen, struct link **link)
{
	*link = open_link(server, era, seen);
	frames_release(&frames);
	if (frames_init(&frames, FRAMES_SERVER, 10000, NULL, NULL) < 0)
		abort();
	return *link && dialled(NULL) && hears_request();
}

/* --- the handshake --- */

static const struct {
	const char *name, *answer, *words;
	enum link_failure failure;
} answers[] = {
	{ "no WebSocket", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404", LINK_START },
	{ "a page", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "status 200", LINK_START },
	{ "no entry", "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "status 401", LINK_REFUSED },
	{ "junk", "SSH-2.0-OpenSSH\r\n\r\n", "HTTP", LINK_GARBAGE },
	{ "an answer to another's key",
	  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mcp\r\n\r\n",
	  "handshake", LINK_START },
};

static void refused(struct server *server)
{
	struct seen seen;
	struct link *link;

	for (size_t i = 0; i < COUNT(answers); i++) {
		ok(begin(server, ERA_LEGACY, &seen, &link), "asked");
		say(span_str(answers[i].answer));
		TURN_UNTIL(&loop, seen.dead);
		ok(seen.dead == 1 && seen.failure == answers[i].failure &&
		       strstr(seen.why, answers[i].words) != NULL && seen.ready == 0,
		   "%s: %s", answers[i].name, seen.why);
		link = link_close(link);
	}
	ok(begin(server, ERA_LEGACY, &seen, &link), "asked");
	accept_it("");
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && strstr(seen.why, "subprotocol") != NULL, "no subprotocol: %s", seen.why);
	link = link_close(link);
	ok(begin(server, ERA_LEGACY, &seen, &link), "asked");
	accept_it("Sec-WebSocket-Protocol: mcp\r\nSec-WebSocket-Extensions: permessage-deflate\r\n");
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && strstr(seen.why, "extension") != NULL, "an extension: %s", seen.why);
	link = link_close(link);
	ok(begin(server, ERA_LEGACY, &seen, &link), "asked");
	closep(&server_fd);
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_START, "gone meanwhile: %s", seen.why);
	link = link_close(link);
}

static struct link *ready(struct server *server, enum era era, struct seen *seen)
{
	struct link *link;

	ok(begin(server, era, seen, &link), "asked");
	ok(span_starts(span_str(request), S("GET /mcp?x=1 HTTP/1.1\r\nHost: example.test:81\r\n")) &&
	       strstr(request, "\r\nUpgrade: websocket\r\n") &&
	       strstr(request, "\r\nConnection: Upgrade\r\n") &&
	       strstr(request, "\r\nSec-WebSocket-Version: 13\r\n") &&
	       strstr(request, "\r\nSec-WebSocket-Protocol: mcp\r\n") && !strstr(request, "Extensions"),
	   "what the gate asks for");
	accept_it("Sec-WebSocket-Protocol: mcp\r\n");
	ok(hears(era == ERA_LEGACY ? "initialize" : "server/discover"), "and greets, in a masked frame");
	say_text(era == ERA_LEGACY ? S(LEGACY) : S(MODERN));
	is_int(seen->ready, 1, "and is greeted");
	return link;
}

/* --- messages --- */

static void speaks(struct server *server)
{
	static char text[6000];
	struct asked one, other;
	struct seen seen;
	struct link *link = ready(server, ERA_LEGACY, &seen);

	memset(text, 'x', sizeof(text));
	ask(link, &one);
	ask(link, &other);
	ok(hears("\"id\":2") && hears("\"id\":3"), "two calls");
	say(S("\x01\x0f{\"jsonrpc\":\"2.0\x89\x01?\x80\x16\",\"id\":3,\"result\":{}} "));
	ok(other.finals == 1 && one.finals == 0, "an answer in two frames, with a ping between");
	ok(next() == FRAMES_PONG && span_eq(frames.payload, S("?")), "which is answered");
	say_text(span_of(text, 1500));
	is_int(seen.dead + one.failures, 1, "one over the limit fails the only call there is");
	ok(one.failures == 1 && strstr(one.why, "limits.result") != NULL, "%s", one.why);
	ask(link, &one);
	ok(hears("\"id\":4"), "the server goes on");
	one.closes = &link;
	say_text(S("{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}"));
	ok(one.finals == 1 && !link, "a link that is closed by who is answered");
	ok(next() == FRAMES_CLOSE && frames.code == FRAMES_NORMAL, "says goodbye");
	say(S("\x88\x02\x03\xe8"));
	is_int(budget.used, 0, "nothing is charged any more");
	link = ready(server, ERA_LEGACY, &seen);
	say_text(span_of(text, sizeof(text)));
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_GARBAGE && strstr(seen.why, "limits.result"),
	   "a message without an end ends the link: %s", seen.why);
	link = link_close(link);
}

static void ends(struct server *server)
{
	struct asked asked;
	struct seen seen;
	struct link *link = ready(server, ERA_MODERN, &seen);

	ask(link, &asked);
	say(S("\x88\x02\x03\xe9"));
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_GONE && asked.failures == 1 && strstr(seen.why, "1001"),
	   "a server that says goodbye: %s", seen.why);
	link = link_close(link);
	link = ready(server, ERA_MODERN, &seen);
	say(S("\x82\x02hi"));
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_GARBAGE, "one that speaks binary: %s", seen.why);
	link = link_close(link);
	link = ready(server, ERA_MODERN, &seen);
	closep(&server_fd);
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_GONE, "one that is gone: %s", seen.why);
	link = link_close(link);
	is_int(budget.used, 0, "nothing is charged");
}

int main(void)
{
	struct server *server = server_of(SERVER_WS);

	if (!ok(crypto_init(NULL) == 0 && rig_start(), "a loop and an egress process"))
		return tap_done();
	refused(server);
	speaks(server);
	ends(server);
	(void)server_unref(server);
	closep(&server_fd);
	frames_release(&frames);
	rig_stop();
	return tap_done();
}
