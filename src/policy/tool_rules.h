/* tool_rules.h - which tools of a server may be seen and called. Pure: facts in, decision out. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

enum verdict {
	VERDICT_UNDECIDED = 0, /* treated as deny */
	VERDICT_DENY,
	VERDICT_ALLOW,
};

/* One glob and where it stands in the config. */
struct tool_rule {
	struct span glob;
	uint32_t line; /* in the config file; 0 for a built-in default */
};

/* Borrowed from the config snapshot. `deny` is read first, then `allow`; what neither names is denied. */
struct tool_rules {
	const struct tool_rule *allow, *deny;
	size_t n_allow, n_deny;
};

struct decision {
	enum verdict verdict;
	const char *list; /* "tools.deny", "tools.allow", or "default" */
	struct span glob; /* what matched; empty for the default */
	uint32_t line;
};

struct decision tool_rules_decide(const struct tool_rules *rules, struct span tool);
