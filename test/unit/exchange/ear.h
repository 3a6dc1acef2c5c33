/* ear.h - what a client on the rig is told unasked, and servers that give their lists. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/view.h"
#include "rig.h"
#include "words.h"

#define TOOL(name) "{\"name\":\"" name "\",\"inputSchema\":{\"type\":\"object\"}}"
#define TOOLS_CHANGED "notifications/tools/list_changed"
#define RESOURCES_CHANGED "notifications/resources/list_changed"
#define CHANGING "{\"tools\":{\"listChanged\":true}}"
#define PROMPTS_CHANGED "notifications/prompts/list_changed"

/* What a client is told unasked. */
struct ear {
	struct outlet outlet;
	unsigned tools, prompts, resources, other;
	bool full; /* it takes nothing now */
};

static bool ear_send(struct outlet *outlet, struct span message)
{
	struct ear *ear = LIST_ENTRY(outlet, struct ear, outlet);

	if (ear->full)
		return false;
	if (span_contains(message, S("\"method\":\"" TOOLS_CHANGED "\"")))
		ear->tools++;
	else if (span_contains(message, S("\"method\":\"" PROMPTS_CHANGED "\"")))
		ear->prompts++;
	else if (span_contains(message, S("\"method\":\"" RESOURCES_CHANGED "\"")))
		ear->resources++;
	else
		ear->other++;
	return true;
}

static void ear_close(struct outlet *outlet)
{
	(void)outlet;
}

/* What was said since the last look, as "resources tools prompts other". */
static unsigned said(struct client *client, struct ear *ear)
{
	unsigned told;

	turn_a_while(&worker.loop);
	view_tick(client);
	told = ear->resources * 1000 + ear->tools * 100 + ear->prompts * 10 + ear->other;
	ear->resources = ear->tools = ear->prompts = ear->other = 0;
	return told;
}

/* Answers the question for a list. `result` is its inside. */
static void give(struct peer *peer, const char *method, const char *result)
{
	unsigned id = rig_id(rig_hear_of(peer, method));

	ok(id, "# the server is asked for %s", method);
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{%s}}", id, result);
	turn_a_while(&worker.loop);
}

static void give_tools(struct peer *peer, const char *tools)
{
	unsigned id = rig_id(rig_hear_of(peer, "tools/list"));

	ok(id, "# the server is asked for its tools");
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[%s]}}", id, tools);
	turn_a_while(&worker.loop);
}
