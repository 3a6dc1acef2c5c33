/* declared.c - what a server says of itself in its greeting: its capabilities. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/task.h"
#include "upstream/link.h"

static json_at capability(const struct link *link, struct json *json, struct span name)
{
	json_at capabilities;

	if (!json_parse(json, buf_span(&link->init_result), link->init_result.max))
		return JSON_NONE;
	capabilities = json_get(json, 0, S("capabilities"));
	return json_is(json, capabilities, JSON_OBJECT) ? json_get(json, capabilities, name) : JSON_NONE;
}

bool link_has_capability(const struct link *link, struct span name)
{
	struct json json = { 0 };
	bool has = json_is(&json, capability(link, &json, name), JSON_OBJECT);

	json_release(&json);
	return has;
}

bool link_declares(const struct link *link, struct span name, struct span member)
{
	struct json json = { 0 };
	json_at at = capability(link, &json, name);
	bool declares = json_is(&json, at, JSON_OBJECT) &&
			json_is(&json, json_get(&json, at, member), JSON_TRUE);

	json_release(&json);
	return declares;
}

bool link_takes_tasks(const struct link *link)
{
	bool modern = link->era == ERA_MODERN;
	struct json json = { 0 };
	json_at at = capability(link, &json, modern ? S("extensions") : S("tasks"));

	if (modern) {
		at = json_get(&json, at, S(TASKS_EXTENSION));
	} else {
		at = json_get(&json, json_get(&json, at, S("requests")), S("tools"));
		at = json_get(&json, at, S("call"));
	}
	modern = json_is(&json, at, JSON_OBJECT) && (modern || link->revision >= REVISION_2025_11_25);
	json_release(&json);
	return modern;
}

unsigned link_declared(const struct link *link)
{
	static const struct {
		struct span name;
		unsigned flag;
	} known[] = { { SPAN("tools"), DECLARES_TOOLS },
		      { SPAN("prompts"), DECLARES_PROMPTS },
		      { SPAN("resources"), DECLARES_RESOURCES },
		      { SPAN("completions"), DECLARES_COMPLETIONS },
		      { SPAN("logging"), DECLARES_LOGGING } };
	unsigned declared = DECLARES_GREETED;

	for (size_t i = 0; i < COUNT(known); i++)
		declared |= link_has_capability(link, known[i].name) ? known[i].flag : 0;
	declared |= link_declares(link, S("resources"), S("subscribe")) ? DECLARES_SUBSCRIBE : 0;
	declared |= link_takes_tasks(link) ? DECLARES_TASKS : 0;
	return declared;
}
