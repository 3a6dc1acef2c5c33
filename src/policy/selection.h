/* selection.h - a view of the config: some of what all servers offer, by name. Pure. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/tool_rules.h"

/*
 * It only takes away: what it names is still judged by the servers' own lists and by the token's scopes. Its
 * patterns are held against SERVER__TOOL. Borrowed from the config snapshot.
 */
struct selection {
	struct span name;
	const struct span *servers;
	size_t n_servers;
	struct tool_rules rules;
	bool all_tools; /* it has no `tools.allow`: whatever is not denied */
};

bool selection_has_server(const struct selection *selection, struct span server);

/* May the tool of the server be seen and called, as far as the view goes? */
struct decision selection_decide(const struct selection *selection, struct span server, struct span tool);
