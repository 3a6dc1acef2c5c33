/* tool_rules.c - which tools of a server may be seen and called. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/tool_rules.h"

#include "text/glob.h"

static const struct tool_rule *first_match(const struct tool_rule *rules, size_t n, struct span tool)
{
	for (size_t i = 0; i < n; i++)
		if (glob_match(rules[i].glob, tool))
			return &rules[i];
	return NULL;
}

struct decision tool_rules_decide(const struct tool_rules *rules, struct span tool)
{
	const struct tool_rule *hit = first_match(rules->deny, rules->n_deny, tool);

	if (hit)
		return (struct decision){ VERDICT_DENY, "tools.deny", hit->glob, hit->line };
	hit = first_match(rules->allow, rules->n_allow, tool);
	if (hit)
		return (struct decision){ VERDICT_ALLOW, "tools.allow", hit->glob, hit->line };
	return (struct decision){ VERDICT_DENY, "default", S(""), 0 };
}
