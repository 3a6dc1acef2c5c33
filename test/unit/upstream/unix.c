/* unix.c - a server behind a unix socket: the refusals of egress, lines in and out, the end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "wire_rig.h"

static bool hears(const char *words)
{
	size_t end;

	while ((end = span_find(buf_span(&said), '\n')) == said.n)
		if (!more())
			return false;
	if (!span_contains(span_first(buf_span(&said), end), span_str(words)))
		return false;
	buf_consume(&said, end + 1);
	return true;
}

static struct link *ready(struct server *server, enum era era, struct seen *seen)
{
	struct link *link = open_link(server, era, seen);

	ok(link && dialled(NULL) && hears(era == ERA_LEGACY ? "initialize" : "server/discover"),
	   "a server is reached and greeted");
	say(era == ERA_LEGACY ? S(LEGACY "\n") : S(MODERN "\n"));
	is_int(seen->ready, 1, "and greets");
	return link;
}

static void refused(struct server *server)
{
	struct seen seen;
	struct link *link;
	struct channel *egress = upstream.egress;

	upstream.egress = NULL;
	ok(!open_link(server, ERA_LEGACY, &seen), "without an egress process nothing is begun");
	upstream.egress = egress;
	link = open_link(server, ERA_LEGACY, &seen);
	ok(link && dialled("nobody listens at /x"), "egress cannot connect");
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_START && strcmp(seen.why, "nobody listens at /x") == 0,
	   "its sentence is passed on: %s", seen.why);
	link = link_close(link);
	link = open_link(server, ERA_LEGACY, &seen);
	turn_a_while(&loop);
	link = link_close(link);
	ok(dialled(NULL), "given up before the connection comes");
	turn_a_while(&loop);
	ok(!more(), "nothing is said on it");
}

static void speaks(struct server *server)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1 << 16);
	struct asked one, other;
	struct seen seen;
	struct link *link = ready(server, ERA_LEGACY, &seen);

	link_initialized(link);
	ok(hears("notifications/initialized"), "a message is a line");
	ask(link, &one);
	ask(link, &other);
	ok(hears("\"id\":2") && hears("\"id\":3"), "two calls");
	say(S("{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"b\":1}}\n{\"jsonrpc\":\"2.0\",\"id\":2,"));
	ok(other.finals == 1 && one.finals == 0, "the later is answered first");
	say(S("\"result\":{}}\r\n"));
	is_int(one.finals, 1, "an answer in pieces");
	ask(link, &one);
	(void)hears("tools/call");
	memset(buf_reserve(&text, 3000), 'x', 3000);
	text.n = 3000;
	buf_add_char(&text, '\n');
	say(buf_span(&text));
	ok(one.failures == 1 && strstr(one.why, "limits.result") != NULL && seen.dead == 0,
	   "one over the limit fails its call, not its server: %s", one.why);
	ask(link, &one);
	ok(hears("\"id\":5"), "which goes on");
	one.closes = &link;
	say(S(
	    "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}\n{\"jsonrpc\":\"2.0\",\"id\":6,\"result\":{}}\n"));
	ok(one.finals == 1 && !link, "a link that is closed by who is answered");
	ok(!more() && said.n == 0, "ends its connection");
	is_int(budget.used, 0, "and nothing is charged any more");
}

static void ends(struct server *server)
{
	struct asked asked;
	struct seen seen;
	struct link *link = ready(server, ERA_MODERN, &seen);

	ask(link, &asked);
	closep(&server_fd);
	TURN_UNTIL(&loop, seen.dead);
	ok(seen.dead == 1 && seen.failure == LINK_GONE && asked.failures == 1, "a server that goes: %s",
	   seen.why);
	link = link_close(link);
	is_int(budget.used, 0, "nothing is charged");
}

int main(void)
{
	struct server *server = server_of(SERVER_UNIX);

	if (!ok(rig_start(), "a loop and an egress process"))
		return tap_done();
	refused(server);
	speaks(server);
	ends(server);
	(void)server_unref(server);
	closep(&server_fd);
	rig_stop();
	return tap_done();
}
