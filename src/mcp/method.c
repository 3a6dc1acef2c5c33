/* method.c - the table of methods. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/method.h"

#include "base/cleanup.h"

#define FIRST REVISION_2024_10_07
#define LEGACY REVISION_LAST_LEGACY
#define MODERN REVISION_2026_07_28
#define LAST REVISION_LAST
#define C METHOD_FROM_CLIENT
#define V METHOD_FROM_SERVER
#define N METHOD_NOTIFICATION
#define R METHOD_READS

/*
 * Source: MCP specification, schema.ts of each revision. Tasks stand twice in the protocol's
 * history: in the core of 2025-11-25, and as an extension from 2026-07-28 on.
 */
static const struct method_info methods[METHOD_COUNT] = {
	[METHOD_NONE] = { .name = SPAN("") },
	[METHOD_INITIALIZE] = { SPAN("initialize"), FIRST, LEGACY, C, SPAN(""), SPAN("") },
	[METHOD_DISCOVER] = { SPAN("server/discover"), MODERN, LAST, C | R | METHOD_CACHED, SPAN(""),
			      SPAN("") },
	[METHOD_PING] = { SPAN("ping"), FIRST, LEGACY, C | V | R, SPAN(""), SPAN("") },
	[METHOD_TOOLS_LIST] = { SPAN("tools/list"), FIRST, LAST, C | R | METHOD_LIST | METHOD_CACHED,
				SPAN(""), SPAN("tools") },
	[METHOD_TOOLS_CALL] = { SPAN("tools/call"), FIRST, LAST, C | METHOD_MULTI_ROUND, SPAN("name"),
				SPAN("") },
	[METHOD_RESOURCES_LIST] = { SPAN("resources/list"), FIRST, LAST, C | R | METHOD_LIST | METHOD_CACHED,
				    SPAN(""), SPAN("resources") },
	[METHOD_TEMPLATES_LIST] = { SPAN("resources/templates/list"), FIRST, LAST,
				    C | R | METHOD_LIST | METHOD_CACHED, SPAN(""),
				    SPAN("resourceTemplates") },
	[METHOD_RESOURCES_READ] = { SPAN("resources/read"), FIRST, LAST,
				    C | R | METHOD_MULTI_ROUND | METHOD_CACHED, SPAN("uri"), SPAN("") },
	[METHOD_RESOURCES_SUBSCRIBE] = { SPAN("resources/subscribe"), FIRST, LEGACY, C, SPAN(""), SPAN("") },
	[METHOD_RESOURCES_UNSUBSCRIBE] = { SPAN("resources/unsubscribe"), FIRST, LEGACY, C, SPAN(""),
					   SPAN("") },
	[METHOD_LISTEN] = { SPAN("subscriptions/listen"), MODERN, LAST, C, SPAN(""), SPAN("") },
	[METHOD_PROMPTS_LIST] = { SPAN("prompts/list"), FIRST, LAST, C | R | METHOD_LIST | METHOD_CACHED,
				  SPAN(""), SPAN("prompts") },
	[METHOD_PROMPTS_GET] = { SPAN("prompts/get"), FIRST, LAST, C | R | METHOD_MULTI_ROUND, SPAN("name"),
				 SPAN("") },
	[METHOD_COMPLETE] = { SPAN("completion/complete"), FIRST, LAST, C | R, SPAN(""), SPAN("") },
	[METHOD_SET_LEVEL] = { SPAN("logging/setLevel"), FIRST, LEGACY, C, SPAN(""), SPAN("") },
	[METHOD_TASKS_GET] = { SPAN("tasks/get"), REVISION_2025_11_25, LAST, C | V | R, SPAN("taskId"),
			       SPAN("") },
	[METHOD_TASKS_RESULT] = { SPAN("tasks/result"), REVISION_2025_11_25, LEGACY, C | V | R,
				  SPAN("taskId"), SPAN("") },
	[METHOD_TASKS_LIST] = { SPAN("tasks/list"), REVISION_2025_11_25, LEGACY, C | V | R | METHOD_LIST,
				SPAN(""), SPAN("tasks") },
	[METHOD_TASKS_UPDATE] = { SPAN("tasks/update"), MODERN, LAST, C, SPAN("taskId"), SPAN("") },
	[METHOD_TASKS_CANCEL] = { SPAN("tasks/cancel"), REVISION_2025_11_25, LAST, C | V, SPAN("taskId"),
				  SPAN("") },
	[METHOD_SKILLS_LIST] = { SPAN("skills/list"), REVISION_2025_11_25, LAST, C | R, SPAN(""), SPAN("") },
	[METHOD_SKILLS_GET] = { SPAN("skills/get"), REVISION_2025_11_25, LAST, C | R, SPAN(""), SPAN("") },
	[METHOD_DIRECTORY_READ] = { SPAN("resources/directory/read"), REVISION_2025_11_25, LAST, C | R,
				    SPAN(""), SPAN("") },
	[METHOD_ROOTS_LIST] = { SPAN("roots/list"), FIRST, LEGACY, V, SPAN(""), SPAN("") },
	[METHOD_SAMPLING] = { SPAN("sampling/createMessage"), FIRST, LEGACY, V, SPAN(""), SPAN("") },
	[METHOD_ELICITATION] = { SPAN("elicitation/create"), REVISION_2025_06_18, LEGACY, V, SPAN(""),
				 SPAN("") },
	[METHOD_INITIALIZED] = { SPAN("notifications/initialized"), FIRST, LEGACY, C | N, SPAN(""),
				 SPAN("") },
	[METHOD_CANCELLED] = { SPAN("notifications/cancelled"), FIRST, LAST, C | V | N, SPAN(""), SPAN("") },
	[METHOD_PROGRESS] = { SPAN("notifications/progress"), FIRST, LAST, C | V | N, SPAN(""), SPAN("") },
	[METHOD_MESSAGE] = { SPAN("notifications/message"), FIRST, LAST, V | N, SPAN(""), SPAN("") },
	[METHOD_TOOLS_CHANGED] = { SPAN("notifications/tools/list_changed"), FIRST, LAST, V | N, SPAN(""),
				   SPAN("") },
	[METHOD_PROMPTS_CHANGED] = { SPAN("notifications/prompts/list_changed"), FIRST, LAST, V | N, SPAN(""),
				     SPAN("") },
	[METHOD_RESOURCES_CHANGED] = { SPAN("notifications/resources/list_changed"), FIRST, LAST, V | N,
				       SPAN(""), SPAN("") },
	[METHOD_RESOURCE_UPDATED] = { SPAN("notifications/resources/updated"), FIRST, LAST, V | N, SPAN(""),
				      SPAN("") },
	[METHOD_LISTEN_ACKNOWLEDGED] = { SPAN("notifications/subscriptions/acknowledged"), MODERN, LAST,
					 V | N, SPAN(""), SPAN("") },
	[METHOD_ROOTS_CHANGED] = { SPAN("notifications/roots/list_changed"), FIRST, LEGACY, C | N, SPAN(""),
				   SPAN("") },
	[METHOD_ELICITATION_COMPLETE] = { SPAN("notifications/elicitation/complete"), REVISION_2025_11_25,
					  LEGACY, V | N, SPAN(""), SPAN("") },
	[METHOD_TASK_STATUS] = { SPAN("notifications/tasks/status"), REVISION_2025_11_25, LEGACY, C | V | N,
				 SPAN(""), SPAN("") },
	[METHOD_TASK_CHANGED] = { SPAN("notifications/tasks"), MODERN, LAST, V | N, SPAN(""), SPAN("") },
};

const struct method_info *method_info(enum method method)
{
	return &methods[method];
}

/* Three dozen short names: lengths differ so much that few comparisons reach memcmp. */
enum method method_of(struct span name)
{
	if (span_eq(name, methods[METHOD_TOOLS_CALL].name))
		return METHOD_TOOLS_CALL;
	for (size_t i = 1; i < COUNT(methods); i++)
		if (span_eq(name, methods[i].name))
			return (enum method)i;
	return METHOD_NONE;
}

bool method_allowed(enum method method, enum revision revision, unsigned side)
{
	const struct method_info *info = &methods[method];

	return (info->flags & side) && revision >= info->since && revision <= info->until;
}
