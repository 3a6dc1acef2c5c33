/* tool_rules.c - which tools may be used: what nobody names may not. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/tool_rules.h"
#include "base/cleanup.h"
#include "tap.h"

static const struct tool_rule everything[] = { { SPAN("*"), 1 } };
static const struct tool_rule reads[] = { { SPAN("read_*"), 3 }, { SPAN("list"), 4 } };
static const struct tool_rule secrets[] = { { SPAN("*secret*"), 7 } };

static const struct {
	struct tool_rules rules;
	const char *tool, *list;
	enum verdict verdict;
	uint32_t line;
} cases[] = {
	{ { NULL, NULL, 0, 0 }, "x", "default", VERDICT_DENY, 0 },
	{ { reads, NULL, COUNT(reads), 0 }, "write", "default", VERDICT_DENY, 0 },
	{ { reads, NULL, COUNT(reads), 0 }, "Read_a", "default", VERDICT_DENY, 0 },
	{ { reads, NULL, COUNT(reads), 0 }, "listing", "default", VERDICT_DENY, 0 },
	{ { reads, NULL, COUNT(reads), 0 }, "", "default", VERDICT_DENY, 0 },
	{ { everything, secrets, 1, 1 }, "read_secret", "tools.deny", VERDICT_DENY, 7 },
	{ { secrets, everything, 1, 1 }, "read_secret", "tools.deny", VERDICT_DENY, 1 },
	{ { NULL, secrets, 0, 1 }, "x", "default", VERDICT_DENY, 0 },
	{ { reads, NULL, COUNT(reads), 0 }, "read_a", "tools.allow", VERDICT_ALLOW, 3 },
	{ { reads, NULL, COUNT(reads), 0 }, "list", "tools.allow", VERDICT_ALLOW, 4 },
	{ { everything, secrets, 1, 1 }, "x", "tools.allow", VERDICT_ALLOW, 1 },
};

int main(void)
{
	is_int(VERDICT_UNDECIDED, 0, "a decision nobody made is zero, which is no allow");
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct decision d = tool_rules_decide(&cases[i].rules, span_str(cases[i].tool));

		is_int(d.verdict, cases[i].verdict, "'%s' is %s", cases[i].tool,
		       cases[i].verdict == VERDICT_ALLOW ? "allowed" : "denied");
		ok(strcmp(d.list, cases[i].list) == 0 && d.line == cases[i].line &&
		       (d.line == 0) == (d.glob.n == 0),
		   "by %s, line %u", d.list, d.line);
	}
	return tap_done();
}
