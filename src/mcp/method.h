/* method.h - every method of MCP: who may send it, in which era, and what it names. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "mcp/revision.h"

enum method {
	METHOD_NONE, /* not a method of MCP */
	/* client to server */
	METHOD_INITIALIZE,
	METHOD_DISCOVER,
	METHOD_PING,
	METHOD_TOOLS_LIST,
	METHOD_TOOLS_CALL,
	METHOD_RESOURCES_LIST,
	METHOD_TEMPLATES_LIST,
	METHOD_RESOURCES_READ,
	METHOD_RESOURCES_SUBSCRIBE,
	METHOD_RESOURCES_UNSUBSCRIBE,
	METHOD_LISTEN,
	METHOD_PROMPTS_LIST,
	METHOD_PROMPTS_GET,
	METHOD_COMPLETE,
	METHOD_SET_LEVEL,
	METHOD_TASKS_GET,
	METHOD_TASKS_RESULT,
	METHOD_TASKS_LIST,
	METHOD_TASKS_UPDATE,
	METHOD_TASKS_CANCEL,
	METHOD_SKILLS_LIST, /* of the extension io.modelcontextprotocol/skills, as the next two */
	METHOD_SKILLS_GET,
	METHOD_DIRECTORY_READ,
	/* server to client */
	METHOD_ROOTS_LIST,
	METHOD_SAMPLING,
	METHOD_ELICITATION,
	/* notifications */
	METHOD_INITIALIZED,
	METHOD_CANCELLED,
	METHOD_PROGRESS,
	METHOD_MESSAGE,
	METHOD_TOOLS_CHANGED,
	METHOD_PROMPTS_CHANGED,
	METHOD_RESOURCES_CHANGED,
	METHOD_RESOURCE_UPDATED,
	METHOD_LISTEN_ACKNOWLEDGED,
	METHOD_ROOTS_CHANGED,
	METHOD_ELICITATION_COMPLETE,
	METHOD_TASK_STATUS,
	METHOD_TASK_CHANGED,
	METHOD_COUNT,
};

enum {
	METHOD_FROM_CLIENT = 1 << 0,
	METHOD_FROM_SERVER = 1 << 1,
	METHOD_NOTIFICATION = 1 << 2,
	METHOD_LIST = 1 << 3,	     /* answers with pages */
	METHOD_MULTI_ROUND = 1 << 4, /* may answer input_required in the modern era */
	METHOD_CACHED = 1 << 5,	     /* its complete result carries ttlMs and cacheScope in the modern era */
	METHOD_READS = 1 << 6,	     /* it changes nothing at the server: to ask twice does no harm */
};

struct method_info {
	struct span name;
	enum revision since, until; /* inclusive */
	unsigned flags;
	struct span named_by; /* the member of params that Mcp-Name mirrors; empty: none */
	struct span items;    /* METHOD_LIST: the member of the result that holds the items */
};

/* METHOD_NONE has an empty name and no flags. */
const struct method_info *method_info(enum method method);

enum method method_of(struct span name);

/* Does `method` exist in `revision`, sent from `side` (METHOD_FROM_*)? */
bool method_allowed(enum method method, enum revision revision, unsigned side);
