/* house_rig.h - two clients of one process. The server is the test. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "rig.h"
#include "upstream/house_calls.h"

static struct mailbox mailbox;

#define MORE "\"tools\":{},\"logging\":{},\"tasks\":{},\"extensions\":{\"x\":{},\"" TASKS "\":{}}"
#define TASKS "io.modelcontextprotocol/tasks"

static struct server *shared_server(void)
{
	struct server *server = server_new();

	server->house = house_new(&upstream, server);
	if (!server->house)
		abort();
	return server;
}

static void request(struct link *link, struct asked *asked, enum method method, const char *params)
{
	const struct send_facts facts = { .method = method, .method_name = method_info(method)->name };
	CLEANUP(buf_release) struct buf text = BUF_INIT(1024);
	struct buf last = asked->last;

	*asked = (struct asked){ .call = { .on_message = on_call_message, .on_failed = on_call_failed },
				 .last = last };
	buf_addf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%.*s\",\"params\":{%s}}",
		 (unsigned long long)link_take_id(link, &asked->call), SPAN_ARG(facts.method_name), params);
	link_request(link, &asked->call, buf_span(&text), &facts);
}

static uint64_t id_of(struct span line)
{
	struct json json = { 0 };
	uint64_t id = 0;

	if (json_parse(&json, line, line.n))
		(void)json_u64(&json, json_get(&json, 0, S("id")), &id);
	json_release(&json);
	return id;
}

static void say_result(uint64_t id, const char *result)
{
	char line[512];

	(void)snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":%s}",
		       (unsigned long long)id, result);
	say(line);
}

/* The house greets in the modern era first; this server knows the other one only. */
static void greet(const char *answer)
{
	struct span line;
	char refusal[128];

	ok(launch(true), "one process is started");
	line = hear();
	if (span_contains(line, S("server/discover"))) {
		(void)snprintf(
		    refusal, sizeof(refusal),
		    "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"error\":{\"code\":-32601,\"message\":\"?\"}}",
		    (unsigned long long)id_of(line));
		say(refusal);
		line = hear();
	}
	ok(span_contains(line, S("\"initialize\"")) && span_contains(line, S("\"capabilities\":{},")),
	   "and greeted with nothing that somebody would have to be asked for");
	say_result(id_of(line), answer);
	ok(span_contains(hear(), S("notifications/initialized")), "and told that it may begin");
}

#define AGREED "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{" MORE "}}"

struct two {
	struct server *server;
	struct seen seen[2];
	struct link *links[2];
};

/* Two clients of one process. */
static struct two *two_new(void)
{
	struct two *two = calloc(1, sizeof(*two));

	if (!two)
		abort();
	two->server = shared_server();
	for (int i = 0; i < 2; i++)
		two->links[i] = open_link(two->server, i ? ERA_MODERN : ERA_LEGACY, &two->seen[i]);
	greet(AGREED);
	TURN_UNTIL(&loop, two->seen[0].ready && two->seen[1].ready);
	return two;
}

static void two_free(struct two *two)
{
	for (int i = 0; i < 2; i++) {
		two->links[i] = link_close(two->links[i]);
		buf_release(&two->seen[i].last);
	}
	house_close(two->server->house);
	turn_a_while(&loop);
	two->server = server_unref(two->server);
	server_ends();
	drop_launcher_words();
	free(two);
}

#define LOGGED(level)                                                                                        \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"" level "\"}}"
#define UPDATED(uri)                                                                                         \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"" uri     \
	"\"}}"
#define CHANGED "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}"
