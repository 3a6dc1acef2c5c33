/* link.c - a connection to a server: ids, its end, and what a server may not do. The server is the test. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

static void not_started(void)
{
	struct server *server = server_new();
	struct channel *channel = upstream.launcher;
	struct seen seen = { 0 };
	struct link *link;

	upstream.launcher = NULL;
	ok(!open_link(server, ERA_LEGACY, &seen), "without a launcher there is no link");
	upstream.launcher = channel;
	link = open_link(server, ERA_LEGACY, &seen);
	ok(link && launch(false), "the launcher refuses");
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_START && !seen.ready, "which ends the link");
	(void)done(link);
	link = open_link(server, ERA_LEGACY, &seen);
	link_tick(link, loop_now(&loop) + LIMIT_HANDSHAKE_MS + 1);
	is_int(seen.dead, 0, "too late is not told inside the call");
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.failure == LINK_SILENT && strstr(seen.why, "initialize within 30 s") &&
	       strstr(seen.why, "log"),
	   "but told: %s", seen.why);
	(void)done(link);
	server = server_unref(server);
}

static void request(struct link *link, struct asked *asked)
{
	static const struct send_facts facts = { .method = METHOD_TOOLS_CALL };
	CLEANUP(buf_release) struct buf text = BUF_INIT(256);
	struct buf last = asked->last;

	*asked = (struct asked){ .call = { .on_message = on_call_message, .on_failed = on_call_failed },
				 .last = last };
	buf_add(&text, S("{\"id\":"));
	buf_add_u64(&text, link_take_id(link, &asked->call));
	buf_add_char(&text, '}');
	link_request(link, &asked->call, buf_span(&text), &facts);
}

/* The handshake had id 1: the calls get 2, 3, … */
static void answers(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct asked a = { 0 }, b = { 0 };
	struct link *link = ready_link(server, ERA_LEGACY, &seen);

	request(link, &a);
	request(link, &b);
	is_span(hear(), S("{\"id\":2}"), "one");
	is_span(hear(), S("{\"id\":3}"), "two");
	say("{\"jsonrpc\":\"2.0\",\"id\":\"2\",\"result\":{}}\n{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1,\"message\":\"\"}}");
	turn_a_while(&loop);
	ok(!a.finals && !b.finals && !seen.messages, "answers to what was not asked are dropped");
	say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":3,\"progress\":1}}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"2\",\"progress\":1}}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":77,\"progress\":1}}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}");
	TURN_UNTIL(&loop, b.messages);
	turn_a_while(&loop);
	ok(b.messages == 1 && !a.messages && !seen.messages,
	   "progress comes to the call whose token it names");
	say("{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"n\":3}}");
	TURN_UNTIL(&loop, b.finals);
	ok(b.finals == 1 && !a.finals && !call_is_open(&b.call) && call_is_open(&a.call),
	   "the second answered first");
	say("{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":3,\"progress\":2}}");
	say("{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":5,\"message\":\"no\"}}");
	TURN_UNTIL(&loop, a.finals);
	ok(a.finals == 1 && b.finals == 1 && b.messages == 1, "and nothing comes twice, or after the end");
	(void)done(link);
	server = server_unref(server);
	buf_release(&seen.last);
	buf_release(&a.last);
	buf_release(&b.last);
}

#define MARCH                                                                                                \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-03-26\",\"capabilities\":{}}}"
#define RESULT_2 "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}"
#define RESULT_3 "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}"
#define TOLD "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}"

static int log_fds[2];

static void log_begin(void)
{
	static struct log log = { .level = LOG_INFO, .role = "test" };

	if (pipe2(log_fds, O_NONBLOCK | O_CLOEXEC) < 0)
		abort();
	log.fd = log_fds[1];
	upstream.log = &log;
}

/* What was logged since log_begin(). */
static void log_end(struct buf *got)
{
	char chunk[4096];
	ssize_t n;

	upstream.log = &quiet;
	while ((n = read(log_fds[0], chunk, sizeof(chunk))) > 0)
		buf_add(got, span_of(chunk, (size_t)n));
	(void)close(log_fds[0]);
	(void)close(log_fds[1]);
}

/* What the log says of it, too. */
static void batches(void)
{
	CLEANUP(buf_release) struct buf got = BUF_INIT(65536);
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct asked a = { 0 }, b = { 0 };
	struct link *link = ready_link(server, ERA_LEGACY, &seen);

	log_begin();
	request(link, &a);
	say("[" RESULT_2 "]");
	turn_a_while(&loop);
	ok(!a.finals, "revisions without batches know none");
	log_end(&got);
	ok(span_contains(buf_span(&got), S("must be a JSON object")) &&
	       !span_contains(buf_span(&got), S("nothing is wrong")),
	   "and the log says what is wrong");
	(void)done(link);
	drop_launcher_words();
	link = open_link(server, ERA_LEGACY, &seen);
	ok(link && launch(true) && hear().n, "a server of 2025-03-26");
	seen.ready = 0;
	say(MARCH);
	TURN_UNTIL(&loop, seen.ready);
	seen.messages = 0;
	request(link, &a);
	request(link, &b);
	(void)hear();
	(void)hear();
	say("[]\n[5, [], {}, [" RESULT_2 "], {\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}]");
	turn_a_while(&loop);
	ok(!a.finals && !b.finals && !seen.dead && !seen.messages, "members that are nothing are dropped");
	say("[" RESULT_3 ", " TOLD ", 7, {\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"ping\"}, " RESULT_2
	    ", " RESULT_2 "]");
	TURN_UNTIL(&loop, a.finals);
	ok(a.finals == 1 && b.finals == 1 && seen.messages == 1, "each of the others finds its way");
	is_span(hear(), S("{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"result\":{}}"), "and its answer");
	request(link, &a);
	request(link, &b);
	a.closes = &link;
	say("[{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}, {\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}]");
	TURN_UNTIL(&loop, a.finals);
	ok(a.finals == 1 && !b.finals && !link, "closed at one member, the rest is nobody's");
	server_ends();
	turn_a_while(&loop);
	drop_launcher_words();
	server = server_unref(server);
	buf_release(&said);
	said = (struct buf){ .max = (size_t)1 << 20 };
	buf_release(&seen.last);
	buf_release(&a.last);
	buf_release(&b.last);
}

static void giving_up(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct asked a = { 0 };
	struct link *link = ready_link(server, ERA_LEGACY, &seen);

	request(link, &a);
	(void)hear();
	call_cancel(&a.call, S("the \"client\" left"));
	is_span(
	    hear(),
	    S("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2,\"reason\":"
	      "\"the \\\"client\\\" left\"}}"),
	    "the server is told");
	call_cancel(&a.call, S("again"));
	ok(is_silent() && !call_is_open(&a.call), "once");
	say("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
	turn_a_while(&loop);
	ok(!a.finals && !a.failures, "what it still answers is nobody's");
	request(link, &a);
	(void)hear();
	call_forget(&a.call);
	ok(is_silent(), "forgotten without a word");
	(void)done(link);
	server = server_unref(server);
	buf_release(&seen.last);
	buf_release(&a.last);
}

static void server_speaks(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = ready_link(server, ERA_LEGACY, &seen);

	say("{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}");
	is_span(hear(), S("{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"result\":{}}"), "ping is answered here");
	say("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"tools/call\"}");
	is_span(
	    hear(),
	    S("{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}"),
	    "a client's method is refused");
	say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"notifications/message\"}");
	ok(span_contains(hear(), S("-32601")), "so is a notification with an id");
	say("{\"jsonrpc\":\"2.0\",\"method\":\"sampling/createMessage\",\"params\":{}}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"no/such\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"roots/list\"}");
	ok(is_silent() && !seen.messages, "a request without an id goes nowhere");
	say("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"roots/list\"}");
	TURN_UNTIL(&loop, seen.messages);
	is_span(buf_span(&seen.last), S("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"roots/list\"}"),
		"one with an id does");
	link->catalogue = catalogue_new();
	say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
	TURN_UNTIL(&loop, seen.messages == 2);
	ok(link->catalogue && link->stale && seen.messages == 2,
	   "a changed list is out of date, and there still");
	(void)done(link);
	link = ready_link(server, ERA_MODERN, &seen);
	say("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"roots/list\"}\n{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"ping\"}");
	ok(is_silent() && !seen.messages, "a modern server asks nothing");
	(void)done(link);
	server = server_unref(server);
	buf_release(&seen.last);
}

static void the_end(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct asked a = { 0 }, b = { 0 }, c = { 0 };
	struct link *link = ready_link(server, ERA_LEGACY, &seen);

	request(link, &a);
	request(link, &b);
	link_fail(link, LINK_GONE, "it fell");
	link_fail(link, LINK_SILENT, "twice");
	request(link, &c);
	ok(!a.failures && !seen.dead, "no failure is told inside the call");
	TURN_UNTIL(&loop, seen.dead);
	ok(a.failures == 1 && b.failures == 1 && c.failures == 1 && a.failure == LINK_GONE &&
	       seen.dead == 1 && seen.failure == LINK_GONE,
	   "every call fails, also one that came later, then the link, once, for the first reason");
	(void)done(link);
	link = ready_link(server, ERA_LEGACY, &seen);
	request(link, &a);
	request(link, &b);
	a.closes = &link;
	(void)hear();
	say("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
	TURN_UNTIL(&loop, a.finals);
	turn_a_while(&loop);
	ok(a.finals == 1 && !link && !b.finals && !b.failures && !seen.dead,
	   "closed inside an answer: nothing follows");
	(void)done(NULL);
	link = ready_link(server, ERA_LEGACY, &seen);
	request(link, &a);
	closep(&to_gate);
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && a.failures == 1 && seen.failure == LINK_GONE,
	   "a server that ends takes its calls along");
	(void)done(link);
	is_int(server->started, 3, "what was started is counted");
	is_int(server->failed, 2, "so is what failed");
	server = server_unref(server);
	buf_release(&seen.last);
	buf_release(&a.last);
	buf_release(&b.last);
	buf_release(&c.last);
}

/* Three calls on a link that dies; the first one's failure does something to it. */
static struct link *dying_link(struct server *server, struct seen *seen, struct asked asked[3])
{
	struct link *link = ready_link(server, ERA_LEGACY, seen);

	for (size_t i = 0; i < 3; i++) {
		request(link, &asked[i]);
		(void)hear();
	}
	again = link;
	return link;
}

static void told_and_closed(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct asked asked[3] = { 0 };
	struct link *link = dying_link(server, &seen, asked);

	/* The link was the last to hold it. */
	server = server_unref(server);
	asked[0].closes = &link;
	link_fail(link, LINK_GONE, "it fell");
	TURN_UNTIL(&loop, asked[0].failures);
	turn_a_while(&loop);
	ok(asked[0].failures == 1 && !link && !asked[1].failures && !asked[2].failures && !seen.dead,
	   "closed by who is told first: nobody else is told");
	ok(!call_is_open(&asked[1].call) && !call_is_open(&asked[2].call), "and no call hangs on it");
	call_cancel(&asked[1].call, S("late"));
	(void)done(NULL);
}

static void told_and_given_up(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct asked asked[3] = { 0 };
	struct link *link = dying_link(server, &seen, asked);

	asked[0].other = &asked[1];
	asked[0].cancels = true;
	asked[2].other = &asked[2];
	link_fail(link, LINK_GONE, "it fell");
	TURN_UNTIL(&loop, seen.dead);
	ok(asked[0].failures == 1 && !asked[1].failures && asked[2].failures == 1 && seen.dead == 1,
	   "a call that another one's failure gives up is not told");
	(void)done(link);
	server = server_unref(server);
}

static void told_and_asked_again(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct asked asked[3] = { 0 }, late = { 0 };
	struct link *link = dying_link(server, &seen, asked);

	asked[0].retries = 3;
	link_fail(link, LINK_GONE, "it fell");
	(void)uv_run(&loop.uv, UV_RUN_NOWAIT);
	ok(asked[0].failures == 1 && asked[2].failures == 1 && !seen.dead,
	   "asked again while it dies: the second failure comes in a turn of its own");
	TURN_UNTIL(&loop, seen.dead);
	ok(asked[0].failures == 4 && asked[1].failures == 1 && seen.dead == 1,
	   "every time, and the link's owner hears of it when all are told");
	request(link, &late);
	TURN_UNTIL(&loop, late.failures);
	ok(late.failures == 1 && seen.dead == 1, "also who comes after that is told, the owner not twice");
	(void)done(link);
	link = dying_link(server, &seen, asked);
	asked[0].retries = 1;
	asked[1].closes = &link;
	link_fail(link, LINK_GONE, "it fell");
	TURN_UNTIL(&loop, asked[1].failures);
	turn_a_while(&loop);
	ok(asked[0].failures == 1 && !call_is_open(&asked[0].call) && !asked[2].failures && !seen.dead,
	   "closed after it was asked again: nothing hangs on it");
	(void)done(NULL);
	server = server_unref(server);
}

/* spec: mcp/2026-07-28 cancellation: on a pipe a server ends a subscription so. */
static void server_cancels(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct asked a = { 0 };
	struct link *link = ready_link(server, ERA_MODERN, &seen);

	request(link, &a);
	(void)hear();
	say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{}}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"2\"}}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":77}}");
	turn_a_while(&loop);
	ok(!a.messages && !seen.messages, "what names no call goes nowhere");
	say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}");
	TURN_UNTIL(&loop, a.messages);
	ok(a.messages == 1 && !a.finals && call_is_open(&a.call),
	   "modern: the call that it names hears of it");
	(void)done(link);
	link = ready_link(server, ERA_LEGACY, &seen);
	request(link, &a);
	(void)hear();
	say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}");
	TURN_UNTIL(&loop, seen.messages);
	ok(!a.messages && seen.messages == 1, "legacy: it is about a question of the server's own");
	link_tick(link, 4711);
	is_int(seen.tick_ms, 4711, "the owner's deadlines are looked at with the link's");
	(void)done(link);
	server = server_unref(server);
	buf_release(&seen.last);
	buf_release(&a.last);
}

static void limits(void)
{
	struct limits small = limits_default;
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct asked a = { 0 }, b = { 0 };
	char line[4096];
	struct link *link;

	small.result_bytes = 1000;
	upstream.limits = &small;
	link = ready_link(server, ERA_LEGACY, &seen);
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	say(line);
	turn_a_while(&loop);
	ok(!seen.dead, "a line over the configured limit that nobody waits for is dropped");
	request(link, &a);
	say(line);
	TURN_UNTIL(&loop, a.failures);
	ok(a.failures == 1 && a.failure == LINK_GARBAGE && !seen.dead,
	   "the only call there is fails with it");
	request(link, &a);
	say("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
	TURN_UNTIL(&loop, a.finals);
	ok(a.finals == 1 && !a.failures, "and the next one is answered");
	request(link, &a);
	(void)!write(to_gate, line, sizeof(line) - 1);
	turn_a_while(&loop);
	call_cancel(&a.call, S("no more"));
	request(link, &b);
	say("");
	say("{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}");
	TURN_UNTIL(&loop, b.finals || b.failures);
	ok(b.finals == 1 && !seen.dead,
	   "of a call that was given up meanwhile: another one is none the worse");
	request(link, &a);
	request(link, &b);
	say(line);
	TURN_UNTIL(&loop, seen.dead);
	ok(a.failures == 1 && b.failures == 1 && seen.dead == 1 && seen.failure == LINK_GARBAGE &&
	       strstr(seen.why, "over the limit of 1000 bytes (limits.result): ask for less"),
	   "of two nobody can tell whose it was: the link ends, and the reason names the limit");
	(void)done(link);
	seen = (struct seen){ 0 };
	link = ready_link(server, ERA_LEGACY, &seen);
	for (int i = 0; i < 2; i++) {
		(void)!write(to_gate, line, sizeof(line) - 1);
		turn_a_while(&loop);
		is_int(seen.dead, i, i ? "a line without an end ends the link" : "a line goes on");
	}
	(void)done(link);
	buf_release(&a.last);
	buf_release(&b.last);
	upstream.limits = &limits_default;
	server = server_unref(server);
	buf_release(&seen.last);
}

static void echo(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct link *link = open_link(server, ERA_LEGACY, &seen);
	char line[4096];

	ok(link && launch(true), "a program that repeats what it is sent");
	(void)span_to_cstr(hear(), line, sizeof(line));
	say(line);
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.failure == LINK_GARBAGE && strstr(seen.why, "no MCP server"), "is no MCP server (%s)",
	   seen.why);
	(void)done(link);
	(void)server_unref(server);
	buf_release(&seen.last);
}

/* What a server says on its standard error, and what of it stands in the log. */
static void notes_in_the_log(void)
{
	CLEANUP(buf_release) struct buf got = BUF_INIT(65536);
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct err err = ERR_INIT;
	struct link *link;

	log_begin();
	upstream.has_secret = NULL;
	link = link_open(&upstream, server, ERA_LEGACY, S("{}"), &events, &seen, &err);
	ok(link && launch(true), "a server that writes to its standard error");
	(void)!write(notes, "first\n", 6);
	turn_a_while(&loop);
	upstream.has_secret = redact_has_secret;
	(void)!write(notes, "GITHUB_TOKEN=ghp_0123456789abcdefghijklmnopqrstuvwxyz\nlistening\n", 64);
	turn_a_while(&loop);
	log_end(&got);
	ok(span_contains(buf_span(&got), S("upstream.stderr")) && !span_contains(buf_span(&got), S("ghp_")),
	   "a secret is not logged");
	ok(!span_contains(buf_span(&got), S("first")), "nor anything while nobody can tell");
	ok(span_contains(buf_span(&got), S("listening")) && span_contains(buf_span(&got), S("withheld")),
	   "other lines are, and that one was withheld");
	(void)link_close(link);
	server_ends();
	(void)server_unref(server);
	turn_a_while(&loop);
	drop_launcher_words();
}

/* A call that had the server's output stopped must not leave it stopped for the others. */
static void back_pressure(void)
{
	struct server *server = server_new();
	struct seen seen = { 0 };
	struct asked a = { 0 }, b = { 0 };
	struct link *link = ready_link(server, ERA_LEGACY, &seen);

	request(link, &a);
	request(link, &b);
	call_pause(&a.call, true);
	say("{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
	turn_a_while(&loop);
	is_int(b.finals, 0, "stopped");
	call_cancel(&a.call, S(""));
	TURN_UNTIL(&loop, b.finals);
	is_int(b.finals, 1, "the call that stopped it is over: it goes on");
	(void)done(link);
	server = server_unref(server);
	buf_release(&seen.last);
	buf_release(&b.last);
}

int main(void)
{
	if (!ok(rig_start(), "a loop and a launcher"))
		return tap_done();
	not_started();
	answers();
	batches();
	giving_up();
	server_speaks();
	the_end();
	told_and_closed();
	told_and_given_up();
	told_and_asked_again();
	server_cancels();
	limits();
	echo();
	notes_in_the_log();
	back_pressure();
	rig_stop();
	return tap_done();
}
