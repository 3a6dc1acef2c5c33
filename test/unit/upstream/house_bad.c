/* house_bad.c - one process for all clients: what one of them, or the process, does to the others. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "house_rig.h"
#include "upstream/stdio.h"

/* A call whose message is so long, and only on its way. */
static void long_request(struct link *link, struct asked *asked, size_t bytes)
{
	const struct send_facts facts = { .method = METHOD_TOOLS_CALL };
	CLEANUP(buf_release) struct buf text = BUF_INIT(bytes + 1024);
	struct buf last = asked->last;

	*asked = (struct asked){ .call = { .on_message = on_call_message, .on_failed = on_call_failed },
				 .last = last };
	buf_addf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"tools/call\",\"params\":{\"x\":\"",
		 (unsigned long long)link_take_id(link, &asked->call));
	while (text.n < bytes)
		buf_add(&text, S("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
	buf_add(&text, S("\"}}"));
	link_request(link, &asked->call, buf_span(&text), &facts);
}

/* What the house looks at once a second, now. */
static void tick(struct house *house)
{
	unsigned fired = 0;

	if (!house->tick)
		return;
	(void)uv_timer_set_repeat(house->tick, 1);
	for (int i = 0; i < 5; i++) {
		(void)uv_timer_again(house->tick);
		(void)usleep(2000);
		fired += (unsigned)uv_run(&loop.uv, UV_RUN_NOWAIT);
		if (!house->tick)
			return;
	}
	(void)uv_timer_set_repeat(house->tick, 60000);
	(void)uv_timer_again(house->tick);
	ok(fired, "# the house has looked");
}

/* The server reads all that was written for it. */
static void read_all(struct house *house)
{
	static char chunk[65536];

	for (int turn = 0; house->link && turn < 20000; turn++) {
		while (read(from_gate, chunk, sizeof(chunk)) > 0)
			;
		one_turn(&loop, 0);
		if (house->link && !stdio_queued(house->link))
			return;
	}
}

/* What one client writes while the server reads nothing ends nobody's process but a server's that hangs. */
static void greedy(void)
{
	struct two *two = two_new();
	struct house *house = two->server->house;
	struct asked a = { 0 }, b = { 0 }, more = { 0 };

	long_request(two->links[0], &a, (size_t)9 << 20);
	long_request(two->links[0], &b, (size_t)9 << 20);
	turn_a_while(&loop);
	request(two->links[1], &more, METHOD_TOOLS_CALL, "");
	TURN_UNTIL(&loop, more.failures);
	ok(more.failures == 1 && more.failure == LINK_UNSENT, "16 MiB wait: a call is refused");
	call_cancel(&a.call, S("no more"));
	turn_a_while(&loop);
	ok(!two->seen[0].dead && !two->seen[1].dead, "who gives his own up then ends nobody's process");
	say("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}");
	turn_a_while(&loop);
	ok(!two->seen[1].dead, "nor does the answer to a ping");
	tick(house);
	ok(house->stuck_ms, "since when it does not read is noted");
	read_all(house);
	house->stuck_ms = 1;
	tick(house);
	turn_a_while(&loop);
	ok(!two->seen[0].dead && !two->seen[1].dead,
	   "one that reads again does not hang, though nobody calls");
	long_request(two->links[0], &a, (size_t)17 << 20);
	turn_a_while(&loop);
	tick(house);
	house->stuck_ms = 1;
	tick(house);
	TURN_UNTIL(&loop, two->seen[1].dead);
	ok(two->seen[1].dead == 1 && two->seen[1].failure == LINK_SILENT, "one that never does is ended: %s",
	   two->seen[1].why);
	two_free(two);
}

/* The same resource, asked for twice before the first is answered, which is refused. */
static void refused_twice(void)
{
	struct two *two = two_new();
	struct asked a = { 0 }, b = { 0 };
	uint64_t first, second;
	char line[128];

	request(two->links[0], &a, METHOD_RESOURCES_SUBSCRIBE, "\"uri\":\"u:1\"");
	request(two->links[0], &b, METHOD_RESOURCES_SUBSCRIBE, "\"uri\":\"u:1\"");
	first = id_of(hear());
	second = id_of(hear());
	(void)snprintf(line, sizeof(line),
		       "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"error\":{\"code\":1,\"message\":\"\"}}",
		       (unsigned long long)first);
	say(line);
	TURN_UNTIL(&loop, a.finals);
	say_result(second, "{}");
	TURN_UNTIL(&loop, b.finals);
	ok(a.finals == 1 && b.finals == 1, "each is answered");
	say(UPDATED("u:1"));
	TURN_UNTIL(&loop, two->seen[0].messages);
	is_int((long)two->seen[0].messages, 1, "and what was accepted then is heard of");
	buf_release(&a.last);
	buf_release(&b.last);
	two_free(two);
}

/* What cannot be held may be the late answer to a call that was given up: another's is none the worse. */
static void overlong(void)
{
	struct limits small = limits_default;
	struct two *two = two_new();
	struct asked a = { 0 }, b = { 0 };
	static char line[4096];
	uint64_t id;

	small.result_bytes = 1000;
	upstream.limits = &small;
	memset(line, 'x', sizeof(line) - 1);
	request(two->links[1], &b, METHOD_TOOLS_CALL, "");
	(void)hear();
	say(line);
	TURN_UNTIL(&loop, b.failures);
	ok(b.failure == LINK_GARBAGE, "the only call there was fails with what is too long");
	request(two->links[0], &a, METHOD_TOOLS_CALL, "");
	(void)hear();
	call_cancel(&a.call, S("no more"));
	(void)hear();
	request(two->links[1], &b, METHOD_TOOLS_CALL, "");
	id = id_of(hear());
	say(line);
	say_result(id, "{}");
	TURN_UNTIL(&loop, b.finals || b.failures);
	ok(b.finals == 1 && !b.failures, "but not with the late answer to another's");
	for (int i = 0; i < 4; i++) {
		(void)!write(to_gate, line, sizeof(line) - 1);
		turn_a_while(&loop);
	}
	say("");
	turn_a_while(&loop);
	ok(!two->seen[0].dead && !two->seen[1].dead, "one that is many times too long ends nobody's process");
	for (int i = 0; i < 32; i++) {
		(void)!write(to_gate, line, sizeof(line) - 1);
		turn_a_while(&loop);
	}
	ok(two->seen[0].dead && two->seen[1].dead, "but one without an end does");
	upstream.limits = &limits_default;
	buf_release(&b.last);
	two_free(two);
}

/* What travels is too much already when the process is started: it is not read from. */
static void held(void)
{
	struct server *server = shared_server();
	struct seen seen = { 0 };
	struct link *link = open_link(server, ERA_LEGACY, &seen);

	server->legacy = SPEAKS_YES;
	turn_a_while(&loop);
	server->house->held = true;
	stdio_hold(server->house->link, true);
	ok(launch(true), "# a process");
	say_result(id_of(hear()), AGREED);
	turn_a_while(&loop);
	ok(!seen.ready, "nothing is read of a process that is held before it runs");
	server->house->held = false;
	stdio_hold(server->house->link, false);
	TURN_UNTIL(&loop, seen.ready);
	is_int((long)seen.ready, 1, "until it is let go");
	link = link_close(link);
	house_close(server->house);
	turn_a_while(&loop);
	server = server_unref(server);
	server_ends();
	drop_launcher_words();
}

int main(void)
{
	struct err err = ERR_INIT;

	if (!rig_start() || mailbox_open(&mailbox, &loop, &err) < 0)
		return 1;
	greedy();
	refused_twice();
	overlong();
	held();
	mailbox_close(&mailbox);
	rig_stop();
	return tap_done();
}
