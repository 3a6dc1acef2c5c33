/* stdio_host.h - a host on a pair of pipes, what it says, and how it is greeted. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/channel_host.h"
#include "exchange/front_stdio.h"
#include "rig.h"
#include "words.h"

#define PROBE(id) REQUEST(id, "server/discover", META)
#define HELLO(id, revision)                                                                                  \
	REQUEST(id, "initialize",                                                                            \
		"\"protocolVersion\":\"" revision "\",\"capabilities\":{},\"clientInfo\":{\"name\":\"h\","   \
		"\"version\":\"1\"}")
#define TOOLS "{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}]}"

/* The host's ends of the pipes, as a peer: what the gate writes comes in. */
struct host {
	struct peer pipes;
	struct stdio_front *front;
	bool ended, cut;
};

static void on_host_end(void *owner, struct stdio_front *front, bool cut)
{
	struct host *host = owner;

	(void)front;
	host->ended = true;
	host->cut = cut;
}

static bool begin(struct host *host, struct server *only)
{
	struct principal *principal = principal_new(S("local:1:h"), S("h"), S("mcp"), 0);
	struct err err = ERR_INIT;
	int a[2], b[2];

	if (pipe2(a, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(b, O_CLOEXEC | O_NONBLOCK) < 0)
		abort();
	*host =
	    (struct host){ .pipes = { .in = b[0], .out = a[1], .notes = -1, .said = { .max = 1 << 20 } } };
	host->front = stdio_front_new(&worker,
				      &(struct stdio_options){ .principal = principal,
							       .only = only,
							       .in = a[0],
							       .out = b[1],
							       .on_end = on_host_end,
							       .owner = host },
				      &err);
	(void)principal_unref(principal);
	return host->front != NULL;
}

static void leave(struct host *host)
{
	host->front = stdio_front_free(host->front);
	rig_end(&host->pipes);
	turn_a_while(&worker.loop);
	(void)rig_starts_nothing();
}

static void say(struct host *host, const char *text)
{
	rig_say(&host->pipes, "%s", text);
}

static bool hears(struct host *host, const char *first, const char *second)
{
	struct span line = rig_hear(&host->pipes);
	bool found = span_contains(line, span_str(first)) && span_contains(line, span_str(second));

	if (!found)
		printf("# %.*s\n", SPAN_ARG(line));
	return found;
}

static bool greeted(struct host *host, struct server *server, struct peer *peer, const char *hello,
		    const char *revision)
{
	server->legacy = SPEAKS_YES;
	server->modern = SPEAKS_NO;
	server->modern_until_ms = 0;
	if (!begin(host, server))
		return false;
	say(host, "[" REQUEST("1", "ping", "") "]");
	ok(hears(host, "-32600", "K614"), "no batch before the greeting");
	say(host, REQUEST("0", "initialize", "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}"));
	ok(hears(host, "\"id\":0", "K605"), "nor a greeting without a name");
	say(host, hello);
	if (!rig_launch(peer))
		return false;
	rig_say(peer,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"protocolVersion\":\"%s\",\"capabilities\":{"
		"\"tools\":{}}}}",
		rig_id(rig_hear_of(peer, "initialize")), revision);
	return hears(host, "\"id\":1", revision);
}
