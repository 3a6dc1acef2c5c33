/* selection.c - a view of the config: some of what all servers offer. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/selection.h"

#include "base/buf.h"

enum { SELECTION_NAME_BYTES = 64 * 1024 /* of SERVER__TOOL; a longer one is denied */ };

bool selection_has_server(const struct selection *selection, struct span server)
{
	for (size_t i = 0; i < selection->n_servers; i++)
		if (span_eq(selection->servers[i], server))
			return true;
	return false;
}

/* The record is to say whose list it was. */
static struct decision renamed(struct decision decision)
{
	static const char *const lists[][2] = { { "tools.deny", "views.tools.deny" },
						{ "tools.allow", "views.tools.allow" } };

	for (size_t i = 0; i < COUNT(lists); i++)
		if (span_eq(span_str(decision.list), span_str(lists[i][0]))) {
			decision.list = lists[i][1];
			return decision;
		}
	decision.list = "views.default";
	return decision;
}

struct decision selection_decide(const struct selection *selection, struct span server, struct span tool)
{
	static const struct tool_rule any = { .glob = SPAN("*") };
	struct tool_rules rules = selection->rules;
	CLEANUP(buf_release) struct buf name = BUF_INIT(SELECTION_NAME_BYTES);

	buf_add(&name, server);
	buf_add(&name, S("__"));
	buf_add(&name, tool);
	if (!buf_ok(&name) || !selection_has_server(selection, server))
		return (struct decision){ VERDICT_DENY, "views.servers", S(""), 0 };
	if (selection->all_tools) {
		rules.allow = &any;
		rules.n_allow = 1;
	}
	return renamed(tool_rules_decide(&rules, buf_span(&name)));
}
