/* house.c - one process for all clients: whose each message is. The server is the test. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "house_rig.h"

static void not_started(void)
{
	struct server *server = shared_server();
	struct channel *channel = upstream.launcher;
	struct seen a = { 0 }, b = { 0 };
	struct link *one = open_link(server, ERA_LEGACY, &a), *other = open_link(server, ERA_LEGACY, &b);

	ok(one && other && launch(false), "the launcher refuses");
	TURN_UNTIL(&loop, a.dead && b.dead);
	ok(a.failure == LINK_START && b.failure == LINK_START && strstr(a.why, "no such program"),
	   "and each learns why: %s", a.why);
	is_int(server->own.health.faults, 1, "which is one attempt in vain, however many wait");
	one = link_close(one);
	other = link_close(other);
	upstream.launcher = NULL;
	one = open_link(server, ERA_LEGACY, &a);
	TURN_UNTIL(&loop, a.dead);
	ok(a.dead == 1 && a.failure == LINK_START, "without a launcher, too");
	one = link_close(one);
	upstream.launcher = channel;
	house_close(server->house);
	one = open_link(server, ERA_LEGACY, &a);
	TURN_UNTIL(&loop, a.dead);
	ok(a.dead == 1 && a.failure == LINK_GONE, "and of a server that was removed");
	one = link_close(one);
	turn_a_while(&loop);
	server = server_unref(server);
	drop_launcher_words();
}

static void own_answers(void)
{
	struct two *two = two_new();
	struct asked a = { 0 }, b = { 0 };
	uint64_t first, second;
	char line[256];

	ok(link_has_capability(two->links[0], S("tools")) &&
	       !link_has_capability(two->links[0], S("tasks")) &&
	       !span_contains(buf_span(&two->links[1]->init_result), S(TASKS)),
	   "both know what it offers, but no tasks");
	request(two->links[0], &a, METHOD_TOOLS_CALL, "\"name\":\"a\"");
	request(two->links[1], &b, METHOD_TOOLS_CALL, "\"name\":\"b\"");
	first = id_of(hear());
	second = id_of(hear());
	ok(first && second && first != second, "two requests have two ids");
	say_result(first + second, "{}");
	(void)snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":\"%llu\",\"result\":{}}",
		       (unsigned long long)first);
	say(line);
	turn_a_while(&loop);
	ok(!a.finals && !b.finals, "answers to what nobody asked are nobody's");
	(void)snprintf(
	    line, sizeof(line),
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%llu,"
	    "\"progress\":1}}",
	    (unsigned long long)second);
	say(line);
	TURN_UNTIL(&loop, b.messages);
	ok(b.messages == 1 && !a.messages && !two->seen[0].messages,
	   "progress is the caller's whose token it is");
	say_result(second, "{\"of\":\"b\"}");
	TURN_UNTIL(&loop, b.finals);
	ok(b.finals == 1 && !a.finals && span_contains(buf_span(&b.last), S("\"of\":\"b\"")),
	   "his is the answer");
	say_result(second, "{\"of\":\"again\"}");
	request(two->links[1], &b, METHOD_TOOLS_CALL, "");
	ok(id_of(hear()) > second && !b.finals, "a number that was used is not used again");
	say_result(first, "{\"of\":\"a\"}");
	TURN_UNTIL(&loop, a.finals);
	ok(span_contains(buf_span(&a.last), S("\"of\":\"a\"")) && !b.finals, "and the other's comes later");
	buf_release(&a.last);
	buf_release(&b.last);
	two_free(two);
}

static void cancelling(void)
{
	static const struct send_facts facts = { .method = METHOD_CANCELLED };
	struct two *two = two_new();
	struct asked a = { 0 }, b = { 0 };
	uint64_t id;
	char line[256];

	request(two->links[0], &a, METHOD_TOOLS_CALL, "");
	id = id_of(hear());
	(void)snprintf(
	    line, sizeof(line),
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%llu}}",
	    (unsigned long long)id);
	link_send(two->links[1], span_str(line), &facts);
	ok(is_silent(), "another's call cannot be cancelled, even by its very number");
	link_send(two->links[0], span_str(line), &facts);
	ok(span_contains(hear(), S("notifications/cancelled")), "his own can");
	call_cancel(&a.call, S("no more"));
	ok(span_contains(hear(), S("no more")) && is_silent(), "and the gate does so, once");
	say_result(id, "{}");
	turn_a_while(&loop);
	ok(!a.finals && !a.failures, "its answer is nobody's then");
	request(two->links[0], &a, METHOD_TOOLS_CALL, "");
	request(two->links[1], &b, METHOD_TOOLS_CALL, "");
	(void)hear();
	id = id_of(hear());
	two->links[0] = link_close(two->links[0]);
	ok(span_contains(hear(), S("notifications/cancelled")),
	   "who leaves gives his calls up at the server");
	say_result(id, "{}");
	TURN_UNTIL(&loop, b.finals);
	is_int((long)b.finals, 1, "and the other's goes on");
	buf_release(&b.last);
	two_free(two);
}

static void questions(void)
{
	struct two *two = two_new();
	struct asked a = { 0 };

	request(two->links[0], &a, METHOD_TOOLS_CALL, "");
	(void)hear();
	say("{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"sampling/createMessage\",\"params\":{}}");
	ok(span_contains(hear(), S("\"id\":\"q\",\"error\":{\"code\":-32601")), "what it asks is refused");
	say("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}");
	ok(span_contains(hear(), S("\"id\":9,\"result\":{}")), "a ping is answered");
	say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/elicitation/complete\",\"params\":{\"elicitationId\":\"e\"}}");
	turn_a_while(&loop);
	ok(!a.messages && !two->seen[0].messages && !two->seen[1].messages, "and nobody hears of it");
	buf_release(&a.last);
	two_free(two);
}

static void news(void)
{
	struct two *two = two_new();
	struct asked a = { 0 }, b = { 0 };
	uint64_t id;

	say(UPDATED("u:1"));
	say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\"}");
	say(CHANGED);
	TURN_UNTIL(&loop, two->seen[0].messages && two->seen[1].messages);
	turn_a_while(&loop);
	ok(two->seen[0].messages == 1 && two->seen[1].messages == 1,
	   "of a list all hear, of a resource nobody");
	request(two->links[0], &a, METHOD_RESOURCES_SUBSCRIBE, "\"uri\":\"u:1\"");
	id = id_of(hear());
	say_result(id, "{}");
	TURN_UNTIL(&loop, a.finals);
	request(two->links[1], &b, METHOD_RESOURCES_SUBSCRIBE, "\"uri\":\"u:1\"");
	TURN_UNTIL(&loop, b.finals);
	ok(b.finals == 1 && is_silent(), "the second subscriber is answered without asking");
	say(UPDATED("u:1/part"));
	TURN_UNTIL(&loop, two->seen[1].messages == 2);
	ok(two->seen[0].messages == 2 && two->seen[1].messages == 2, "both hear, also of a part");
	request(two->links[0], &a, METHOD_RESOURCES_UNSUBSCRIBE, "\"uri\":\"u:1\"");
	TURN_UNTIL(&loop, a.finals);
	ok(a.finals == 1 && is_silent(), "one who leaves is answered, and the server not told");
	say(UPDATED("u:1"));
	TURN_UNTIL(&loop, two->seen[1].messages == 3);
	is_int((long)two->seen[0].messages, 2, "he hears no more of it");
	request(two->links[0], &a, METHOD_SET_LEVEL, "\"level\":\"error\"");
	ok(span_contains(hear(), S("\"level\":\"error\"")), "a level is asked for");
	request(two->links[1], &b, METHOD_SET_LEVEL, "\"level\":\"info\"");
	ok(span_contains(hear(), S("\"level\":\"info\"")), "and a more verbose one");
	request(two->links[0], &a, METHOD_SET_LEVEL, "\"level\":\"warning\"");
	ok(is_silent() && a.finals == 1, "but not one that is less");
	say(LOGGED("info"));
	say(LOGGED("warning"));
	TURN_UNTIL(&loop, two->seen[0].messages == 3);
	turn_a_while(&loop);
	ok(two->seen[0].messages == 3 && two->seen[1].messages == 5, "each hears as much as he asked for");
	two->links[1] = link_close(two->links[1]);
	ok(span_contains(hear(), S("resources/unsubscribe")), "with the last one the subscription ends");
	ok(span_contains(hear(), S("\"level\":\"warning\"")), "and the level follows who is left");
	buf_release(&a.last);
	buf_release(&b.last);
	two_free(two);
}

static void refusals(void)
{
	struct two *two = two_new();
	struct asked a = { 0 }, odd[3] = { 0 };
	uint64_t id;
	char params[64];

	request(two->links[0], &a, METHOD_RESOURCES_SUBSCRIBE, "\"uri\":\"u:no\"");
	id = id_of(hear());
	(void)snprintf(params, sizeof(params),
		       "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"error\":{\"code\":1,\"message\":\"\"}}",
		       (unsigned long long)id);
	say(params);
	TURN_UNTIL(&loop, a.finals);
	say(UPDATED("u:no"));
	turn_a_while(&loop);
	is_int((long)two->seen[0].messages, 0, "a subscription that is refused is none");
	request(two->links[0], &odd[0], METHOD_RESOURCES_SUBSCRIBE, "\"uri\":7");
	ok(id_of(hear()), "one that names nothing is the server's to refuse");
	request(two->links[0], &odd[1], METHOD_SET_LEVEL, "\"level\":\"loud\"");
	ok(id_of(hear()), "and so is a level that is none");
	request(two->links[0], &odd[2], METHOD_RESOURCES_SUBSCRIBE, "\"uri\":\"u:gone\"");
	(void)hear();
	request(two->links[0], &a, METHOD_RESOURCES_UNSUBSCRIBE, "\"uri\":\"u:gone\"");
	say_result(id_of(hear()), "{}");
	TURN_UNTIL(&loop, a.finals);
	say_result(odd[2].call.id, "{}");
	TURN_UNTIL(&loop, odd[2].finals);
	say(UPDATED("u:gone"));
	turn_a_while(&loop);
	ok(a.finals == 1 && odd[2].finals == 1 && !two->seen[0].messages,
	   "one may be taken back before it is answered");
	for (int i = 0; i < TOPICS_MOST; i++) {
		(void)snprintf(params, sizeof(params), "\"uri\":\"n:%d\"", i);
		request(two->links[0], &a, METHOD_RESOURCES_SUBSCRIBE, params);
		say_result(id_of(hear()), "{}");
		TURN_UNTIL(&loop, a.finals);
	}
	request(two->links[0], &a, METHOD_RESOURCES_SUBSCRIBE, "\"uri\":\"n:more\"");
	TURN_UNTIL(&loop, a.finals);
	ok(is_silent() && span_contains(buf_span(&a.last), S("-32603")), "there is a ceiling for one client");
	buf_release(&a.last);
	buf_release(&odd[2].last);
	two_free(two);
}

static void deaths(void)
{
	struct two *two = two_new();
	struct asked a = { 0 }, b = { 0 };

	request(two->links[0], &a, METHOD_TOOLS_CALL, "");
	request(two->links[1], &b, METHOD_TOOLS_CALL, "");
	(void)hear();
	(void)hear();
	server_ends();
	TURN_UNTIL(&loop, two->seen[0].dead && two->seen[1].dead);
	ok(a.failures == 1 && b.failures == 1 && a.failure == LINK_GONE && b.failure == LINK_GONE,
	   "every call of a process that ends fails, once");
	ok(two->seen[0].failure == LINK_GONE && two->seen[1].failure == LINK_GONE, "and every lease ends");
	for (int i = 0; i < 2; i++)
		two->links[i] = link_close(two->links[i]);
	drop_launcher_words();
	two->links[0] = open_link(two->server, ERA_LEGACY, &two->seen[0]);
	greet(AGREED);
	TURN_UNTIL(&loop, two->seen[0].ready);
	request(two->links[0], &a, METHOD_TOOLS_CALL, "");
	say_result(id_of(hear()), "{}");
	TURN_UNTIL(&loop, a.finals);
	is_int((long)a.finals, 1, "the next one starts it anew");
	house_close(two->server->house);
	TURN_UNTIL(&loop, two->seen[0].dead);
	is_int((long)two->seen[0].dead, 1, "a server that is removed ends for all");
	buf_release(&a.last);
	buf_release(&b.last);
	two_free(two);
}

/* One that dies before it has answered anybody is left alone for a while, whoever asks. */
static void again_and_again(void)
{
	struct server *server = shared_server();
	struct seen seen = { 0 };
	struct link *link;

	server->legacy = SPEAKS_YES;
	for (int i = 0; i < HEALTH_FAULTS; i++) {
		link = open_link(server, ERA_LEGACY, &seen);
		if (!launch(true))
			abort();
		server_ends();
		TURN_UNTIL(&loop, seen.dead);
		link = link_close(link);
		turn_a_while(&loop);
		drop_launcher_words();
	}
	link = open_link(server, ERA_LEGACY, &seen);
	TURN_UNTIL(&loop, seen.dead);
	drop_launcher_words();
	ok(seen.dead == 1 && strstr(seen.why, "closed its stdin"), "then nobody tries, and hears why: %s",
	   seen.why);
	link = link_close(link);
	house_close(server->house);
	turn_a_while(&loop);
	server = server_unref(server);
}

static void charges(void)
{
	struct two *two = two_new();
	struct budget budget = { .max = 1 << 20 };
	struct seen seen = { 0 };
	struct asked a = { 0 }, b = { 0 };
	struct link *link = open_link(two->server, ERA_LEGACY, &seen);
	size_t before;

	link_charge(link, &seen, &budget);
	TURN_UNTIL(&loop, seen.ready);
	before = budget.used;
	request(link, &a, METHOD_TOOLS_CALL, "\"name\":\"a\"");
	ok(budget.used > before, "what is on its way is the caller's");
	(void)hear();
	turn_a_while(&loop);
	is_int((long)budget.used, (long)before, "until the server has it");
	request(link, &b, METHOD_RESOURCES_SUBSCRIBE, "\"uri\":\"u:1\"");
	say_result(id_of(hear()), "{}");
	TURN_UNTIL(&loop, b.finals);
	turn_a_while(&loop);
	ok(budget.used > before, "a subscription is charged as long as it stands");
	link = link_close(link);
	is_int((long)budget.used, 0, "and nothing is left when the link is closed");
	turn_a_while(&loop);
	buf_release(&a.last);
	buf_release(&b.last);
	buf_release(&seen.last);
	two_free(two);
}

int main(void)
{
	struct err err = ERR_INIT;

	if (!rig_start() || mailbox_open(&mailbox, &loop, &err) < 0)
		return 1;
	not_started();
	own_answers();
	cancelling();
	questions();
	news();
	refusals();
	deaths();
	again_and_again();
	charges();
	mailbox_close(&mailbox);
	rig_stop();
	return tap_done();
}
