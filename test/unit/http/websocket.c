/* websocket.c - WebSocket: broken frames, messages in pieces, ceilings, the end; the handshake. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/websocket.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "http/message.h"
#include "http/upgrade.h"
#include "tap.h"
#include "turns.h"

enum { CEILING = 1000 };

/* --- frames, as bytes --- */

/* A mask of zeros leaves the payload readable. */
#define MASK "\0\0\0\0"

static const struct {
	const char *name;
	enum frames_role role;
	struct span bytes;
	unsigned code;
} broken[] = {
	{ "not masked, from a client", FRAMES_SERVER, SPAN("\x81\x02hi"), FRAMES_PROTOCOL },
	{ "masked, from a server", FRAMES_CLIENT, SPAN("\x81\x82" MASK "hi"), FRAMES_PROTOCOL },
	{ "a reserved bit", FRAMES_CLIENT, SPAN("\xc1\x02hi"), FRAMES_PROTOCOL },
	{ "another reserved bit", FRAMES_CLIENT, SPAN("\xa1\x02hi"), FRAMES_PROTOCOL },
	{ "the third", FRAMES_CLIENT, SPAN("\x91\x02hi"), FRAMES_PROTOCOL },
	{ "an unknown data frame", FRAMES_CLIENT, SPAN("\x83\x02hi"), FRAMES_PROTOCOL },
	{ "an unknown control frame", FRAMES_CLIENT, SPAN("\x8b\x02hi"), FRAMES_PROTOCOL },
	{ "binary", FRAMES_CLIENT, SPAN("\x82\x02hi"), FRAMES_UNSUPPORTED },
	{ "a continuation of nothing", FRAMES_CLIENT, SPAN("\x80\x02hi"), FRAMES_PROTOCOL },
	{ "a message inside a message", FRAMES_CLIENT, SPAN("\x01\x02hi\x81\x02ho"), FRAMES_PROTOCOL },
	{ "binary inside a message", FRAMES_CLIENT, SPAN("\x01\x02hi\x82\x02ho"), FRAMES_PROTOCOL },
	{ "a ping in pieces", FRAMES_CLIENT, SPAN("\x09\x02hi"), FRAMES_PROTOCOL },
	{ "a long ping", FRAMES_CLIENT, SPAN("\x89\x7e\x00\x7e"), FRAMES_PROTOCOL },
	{ "a length in more bytes than it needs", FRAMES_CLIENT, SPAN("\x81\x7e\x00\x02hi"),
	  FRAMES_PROTOCOL },
	{ "a length in far more", FRAMES_CLIENT, SPAN("\x81\x7f\0\0\0\0\0\0\xff\xff"), FRAMES_PROTOCOL },
	{ "a length beyond all numbers", FRAMES_CLIENT, SPAN("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"),
	  FRAMES_PROTOCOL },
	{ "half a close code", FRAMES_CLIENT, SPAN("\x88\x01\x03"), FRAMES_PROTOCOL },
	{ "a close code nobody may send", FRAMES_CLIENT, SPAN("\x88\x02\x03\xed"), FRAMES_PROTOCOL },
	{ "a close code of another range", FRAMES_CLIENT, SPAN("\x88\x02\x07\xd0"), FRAMES_PROTOCOL },
};

/* All of it, `step` bytes at a time; the story is what was told. */
static void tell(struct buf *story, enum frames_role role, struct span bytes, size_t step)
{
	struct frames frames;
	enum frames_step told = FRAMES_MORE;

	if (frames_init(&frames, role, CEILING, NULL, NULL) < 0)
		abort();
	for (; bytes.n && told != FRAMES_BAD; bytes = span_skip(bytes, step)) {
		struct span in = span_first(bytes, step);

		while ((told = frames_next(&frames, &in)) != FRAMES_MORE && told != FRAMES_BAD) {
			static const char letters[] = {
				[FRAMES_MESSAGE] = 'm', [FRAMES_LONG] = 'l', [FRAMES_LONG_END] = 'e',
				[FRAMES_PING] = 'i',	[FRAMES_PONG] = 'o', [FRAMES_CLOSE] = 'c'
			};

			buf_add_char(story, letters[told]);
			if (told == FRAMES_CLOSE)
				buf_add_u64(story, frames.code);
			if (told != FRAMES_LONG && told != FRAMES_LONG_END)
				buf_add(story, frames.payload);
			buf_add_char(story, ' ');
		}
	}
	if (told == FRAMES_BAD)
		buf_addf(story, "bad %u", frames.code);
	frames_release(&frames);
}

static void breaks(void)
{
	for (size_t i = 0; i < COUNT(broken); i++)
		for (size_t step = 1; step <= 64; step *= 64) {
			CLEANUP(buf_release) struct buf story = BUF_INIT((size_t)4096);
			char want[32];

			(void)snprintf(want, sizeof(want), "bad %u", broken[i].code);
			tell(&story, broken[i].role, broken[i].bytes, step);
			is_span(buf_span(&story), span_str(want), "%s, %zu bytes at a time", broken[i].name,
				step);
		}
}

static const struct {
	const char *name;
	enum frames_role role;
	struct span bytes;
	const char *story;
} whole[] = {
	{ "a message", FRAMES_CLIENT, SPAN("\x81\x02hi"), "mhi " },
	{ "a masked one", FRAMES_SERVER, SPAN("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "mHello " },
	{ "an empty one", FRAMES_CLIENT, SPAN("\x81\x00"), "m " },
	{ "an empty masked one", FRAMES_SERVER, SPAN("\x81\x80" MASK), "m " },
	{ "two", FRAMES_CLIENT, SPAN("\x81\x02hi\x81\x02ho"), "mhi mho " },
	{ "one in three pieces, with a ping between", FRAMES_CLIENT,
	  SPAN("\x01\x02he\x00\x02ll\x89\x01?\x80\x01o"), "i? mhello " },
	{ "one in pieces of nothing", FRAMES_CLIENT, SPAN("\x01\x00\x00\x00\x80\x01o"), "mo " },
	{ "a ping and a pong of nothing", FRAMES_CLIENT, SPAN("\x89\x00\x8a\x00"), "i o " },
	{ "a close without a code", FRAMES_CLIENT, SPAN("\x88\x00"), "c1005 " },
	{ "a close with words", FRAMES_CLIENT,
	  SPAN("\x88\x05\x03\xe8"
	       "bye"),
	  "c1000bye " },
	{ "a code of an application's own", FRAMES_CLIENT, SPAN("\x88\x02\x0f\xa0"), "c4000 " },
};

static void reads(void)
{
	for (size_t i = 0; i < COUNT(whole); i++)
		for (size_t step = 1; step <= 64; step *= 64) {
			CLEANUP(buf_release) struct buf story = BUF_INIT((size_t)4096);

			tell(&story, whole[i].role, whole[i].bytes, step);
			is_span(buf_span(&story), span_str(whole[i].story), "%s, %zu bytes at a time",
				whole[i].name, step);
		}
}

/* What is written by one role is read by the other. */
static void written(struct buf *out, enum frames_role role, size_t n)
{
	static char text[70000];
	struct frames frames;

	memset(text, 'x', sizeof(text));
	if (frames_init(&frames, role, CEILING, NULL, NULL) < 0)
		abort();
	frames_write(&frames, out, FRAMES_SEND_TEXT, span_of(text, n));
	frames_release(&frames);
}

static void ceilings(void)
{
	for (enum frames_role role = FRAMES_SERVER; role <= FRAMES_CLIENT; role++) {
		enum frames_role other = role == FRAMES_SERVER ? FRAMES_CLIENT : FRAMES_SERVER;
		CLEANUP(buf_release) struct buf bytes = BUF_INIT((size_t)1 << 20);
		CLEANUP(buf_release) struct buf story = BUF_INIT((size_t)4096);

		written(&bytes, other, CEILING + 1);
		written(&bytes, other, 4000);
		written(&bytes, other, 2);
		tell(&story, role, buf_span(&bytes), 100);
		is_span(buf_span(&story), S("l e l e mxx "), "what is too long is dropped, the next is read");
		buf_clear(&story);
		buf_clear(&bytes);
		written(&bytes, other, 70000);
		tell(&story, role, buf_span(&bytes), 100);
		is_span(buf_span(&story), S("l bad 1009"), "one that has no end ends the connection");
		buf_clear(&story);
		tell(&story, role, span_first(buf_span(&bytes), 4090), SIZE_MAX);
		is_span(buf_span(&story), S("l bad 1009"), "also when that is seen in one piece");
		buf_clear(&story);
		buf_clear(&bytes);
		written(&bytes, other, CEILING);
		tell(&story, role, buf_span(&bytes), 7);
		is_int(story.n, CEILING + 2, "as long as the ceiling, byte for byte");
	}
}

/* A message in many pieces that is too long only together; and one for which there is no budget. */
static void together(void)
{
	CLEANUP(buf_release) struct buf bytes = BUF_INIT((size_t)1 << 20);
	CLEANUP(buf_release) struct buf story = BUF_INIT((size_t)4096);
	struct budget budget = { .max = 100 };
	struct frames frames;
	struct span in;
	bool crowded;

	for (int i = 0; i < 11; i++) {
		buf_add(&bytes, i ? S("\x00\x64") : S("\x01\x64"));
		memset(buf_reserve(&bytes, 100), 'x', 100);
		bytes.n += 100;
	}
	buf_add(&bytes, S("\x80\x00"));
	tell(&story, FRAMES_CLIENT, buf_span(&bytes), SIZE_MAX);
	is_span(buf_span(&story), S("l e "), "pieces count together");
	if (frames_init(&frames, FRAMES_CLIENT, CEILING, &budget, NULL) < 0)
		abort();
	in = span_first(buf_span(&bytes), 306);
	crowded = frames_next(&frames, &in) == FRAMES_LONG && frames.crowded;
	ok(crowded, "past the budget a message is dropped, too");
	is_int(budget.used, 0, "and nothing is charged any more");
	frames_release(&frames);
}

/* --- a live one; the test is the other side --- */

struct seen {
	struct websocket *websocket;
	struct buf texts;
	unsigned ends;
	struct websocket_end end;
	bool closes;
};

static struct loop loop;

static void on_message(void *owner, struct span text)
{
	struct seen *seen = owner;

	buf_add(&seen->texts, text);
	buf_add_char(&seen->texts, '|');
	if (seen->closes)
		seen->websocket = websocket_close(seen->websocket, FRAMES_NORMAL, S("enough"));
}

static void on_ws_end(void *owner, const struct websocket_end *end)
{
	struct seen *seen = owner;

	seen->ends++;
	seen->end = *end;
}

static const struct websocket_events ws_events = { .on_message = on_message, .on_end = on_ws_end };

static void ignore_read(void *owner, struct span bytes)
{
	(void)owner;
	(void)bytes;
}

static void ignore_end(void *owner, enum stream_end why)
{
	(void)owner;
	(void)why;
}

static const struct stream_events before = { .on_read = ignore_read, .on_end = ignore_end };

static int begin(struct seen *seen, struct span ahead, struct budget *budget)
{
	const struct websocket_options options = {
		.loop = &loop, .role = FRAMES_SERVER, .ceiling = CEILING, .budget = budget, .ahead = ahead
	};
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		abort();
	*seen = (struct seen){ .texts = BUF_INIT((size_t)4096) };
	seen->websocket = websocket_new(stream_open(&loop, fds[0], STREAM_PIPE, &before, NULL, NULL),
					&options, &ws_events, seen, NULL);
	return seen->websocket ? fds[1] : -1;
}

static void say(int fd, struct span bytes)
{
	(void)!write(fd, bytes.p, bytes.n);
	turn_a_while(&loop);
}

/* What came, or "end". */
static struct span hear(int fd)
{
	static char got[4096];
	ssize_t n = -1;

	TURN_UNTIL(&loop, (n = read(fd, got, sizeof(got))) >= 0);
	return n > 0 ? span_of(got, (size_t)n) : n == 0 ? S("end") : S("nothing");
}

static void done(struct seen *seen, int fd)
{
	seen->websocket = websocket_close(seen->websocket, FRAMES_GOING, S(""));
	buf_release(&seen->texts);
	(void)close(fd);
	turn_a_while(&loop);
}

static void refuses(const char *name, struct span bytes, struct span answer, unsigned code)
{
	struct seen seen;
	int fd = begin(&seen, S(""), NULL);

	say(fd, bytes);
	is_span(hear(fd), answer, "%s: the peer is told", name);
	ok(seen.ends == 1 && seen.end.how == WEBSOCKET_BROKEN && seen.end.code == code && seen.texts.n == 0,
	   "and the owner: %.*s", SPAN_ARG(seen.end.why));
	say(fd, S("\x81\x82" MASK "hi"));
	websocket_send(seen.websocket, S("more"));
	turn_a_while(&loop);
	ok(seen.ends == 1 && seen.texts.n == 0, "nothing follows");
	seen.websocket = websocket_close(seen.websocket, FRAMES_GOING, S(""));
	(void)shutdown(fd, SHUT_WR);
	is_span(hear(fd), S("end"), "not even another goodbye");
	done(&seen, fd);
}

static void refused(void)
{
	struct budget budget = { .max = 1 };
	struct seen seen;
	int fd;

	refuses("binary", S("\x82\x82" MASK "hi"), S("\x88\x27\x03\xebit sent a binary message: MCP is text"),
		FRAMES_UNSUPPORTED);
	refuses("not masked", S("\x81\x02hi"), S("\x88\x21\x03\xeait broke the rules of WebSocket"),
		FRAMES_PROTOCOL);
	refuses("too long", S("\x81\xfe\x10\x00" MASK "hi"),
		S("\x88\x26\x03\xf1its message is longer than the limit"), FRAMES_TOO_BIG);
	fd = begin(&seen, S(""), &budget);
	say(fd, S("\x01\x82" MASK "hi"));
	ok(seen.ends == 1 && seen.end.code == FRAMES_TRY_LATER, "more than its budget");
	done(&seen, fd);
}

static void speaks(void)
{
	struct seen seen;
	int fd = begin(&seen, S("\x81\x82" MASK "hi\x81"), NULL);

	is_int(seen.texts.n, 0, "nobody is called back at once");
	turn_a_while(&loop);
	is_span(buf_span(&seen.texts), S("hi|"), "what came behind the handshake is read first");
	say(fd, S("\x82" MASK "ho\x89\x81" MASK "?"));
	is_span(buf_span(&seen.texts), S("hi|ho|"), "and goes on with what came later");
	is_span(hear(fd), S("\x8a\x01?"), "a ping is answered");
	websocket_send(seen.websocket, S("{}"));
	is_span(hear(fd), S("\x81\x02{}"), "a message goes out, not masked");
	say(fd, S("\x88\x82" MASK "\x03\xe8\x81\x82" MASK "hi"));
	is_span(hear(fd), S("\x88\x02\x03\xe8"), "goodbye is answered with goodbye");
	ok(seen.ends == 1 && seen.end.how == WEBSOCKET_LEFT && seen.end.code == 1000, "the owner is told");
	is_span(buf_span(&seen.texts), S("hi|ho|"), "what follows it is not read");
	done(&seen, fd);
}

static void leaves(void)
{
	struct seen seen;
	char byte;
	int fd = begin(&seen, S(""), NULL);

	websocket_send(seen.websocket, S("{}"));
	seen.websocket = websocket_close(seen.websocket, FRAMES_GOING, S("bye"));
	is_span(hear(fd),
		S("\x81\x02{}\x88\x05\x03\xe9"
		  "bye"),
		"our goodbye comes behind what was said");
	say(fd, S("\x81\x82" MASK "hi"));
	ok(read(fd, &byte, 1) < 0, "theirs is waited for");
	is_int(seen.texts.n, 0, "what they say meanwhile is nobody's");
	say(fd, S("\x88\x80" MASK));
	is_span(hear(fd), S("end"), "then the connection ends");
	is_int(seen.ends, 0, "who closed it is told nothing");
	done(&seen, fd);
	fd = begin(&seen, S(""), NULL);
	seen.closes = true;
	say(fd, S("\x81\x82" MASK "hi\x81\x82" MASK "ho"));
	is_span(buf_span(&seen.texts), S("hi|"), "closed while a message is taken: no other comes");
	buf_release(&seen.texts);
	(void)close(fd);
	turn_a_while(&loop);
	fd = begin(&seen, S(""), NULL);
	(void)close(fd);
	TURN_UNTIL(&loop, seen.ends);
	ok(seen.ends == 1 && seen.end.how == WEBSOCKET_LOST, "a connection that just ends");
	buf_release(&seen.texts);
	seen.websocket = websocket_close(seen.websocket, FRAMES_GOING, S(""));
	turn_a_while(&loop);
}

/* --- the handshake --- */

#define ANSWER(more)                                                                                         \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" more "\r\n"
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define MCP "Sec-WebSocket-Protocol: mcp\r\n"

static const struct {
	const char *name;
	struct span answer;
	bool fine;
} answers[] = {
	{ "a plain answer", SPAN("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), false },
	{ "no accept", SPAN(ANSWER(MCP)), false },
	{ "another key's", SPAN(ANSWER(MCP "Sec-WebSocket-Accept: t3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")),
	  false },
	{ "no subprotocol", SPAN(ANSWER(ACCEPT)), false },
	{ "another", SPAN(ANSWER(ACCEPT "Sec-WebSocket-Protocol: chat\r\n")), false },
	{ "an extension", SPAN(ANSWER(ACCEPT MCP "Sec-WebSocket-Extensions: permessage-deflate\r\n")),
	  false },
	{ "no Connection: Upgrade",
	  SPAN("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" ACCEPT MCP "\r\n"), false },
	{ "another protocol",
	  SPAN("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n" ACCEPT MCP
	       "\r\n"),
	  false },
	{ "all of it", SPAN(ANSWER(ACCEPT MCP)), true },
};

static void handshakes(void)
{
	static const struct http_limits limits = HTTP_LIMITS_INIT;
	char key[UPGRADE_KEY_CHARS];
	struct http_parser parser;
	struct span in;

	ok(!upgrade_is_key(S("")) && !upgrade_is_key(S("dGhlIHNhbXBsZSBub25jZQ")) &&
	       !upgrade_is_key(S("dGhlIHNhbXBsZSBub25jZ===")) &&
	       !upgrade_is_key(S("dGhlIHNhbXBsZSBub2-jZQ==")) &&
	       upgrade_is_key(S("dGhlIHNhbXBsZSBub25jZQ==")),
	   "what a key is");
	upgrade_make_key(key);
	ok(upgrade_is_key(span_of(key, sizeof(key))), "one of ours is one");
	for (size_t i = 0; i < COUNT(answers); i++) {
		http_init(&parser, HTTP_RESPONSES, &limits);
		parser.upgrade = true;
		in = answers[i].answer;
		if (!ok(http_feed(&parser, &in) == HTTP_HEAD, "%s is an answer", answers[i].name))
			printf("# %s\n", http_reason_text(parser.reason));
		ok((upgrade_refusal(&parser.head, S("dGhlIHNhbXBsZSBub25jZQ=="), S("mcp")) == NULL) ==
		       answers[i].fine,
		   "%s", answers[i].fine ? "and is taken" : "and is not taken");
		http_release(&parser);
	}
	http_init(&parser, HTTP_RESPONSES, &limits);
	in = answers[COUNT(answers) - 1].answer;
	ok(http_feed(&parser, &in) == HTTP_BAD, "101 where nobody asked for it is none");
	http_release(&parser);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (!ok(crypto_init(NULL) == 0 && loop_init(&loop, NULL) == 0, "a loop"))
		return tap_done();
	breaks();
	reads();
	ceilings();
	together();
	refused();
	speaks();
	leaves();
	handshakes();
	turn_a_while(&loop);
	loop_release(&loop);
	return tap_done();
}
