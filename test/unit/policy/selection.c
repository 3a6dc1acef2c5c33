/* selection.c - a view takes away, and gives nothing. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/selection.h"

#include "base/cleanup.h"
#include "tap.h"

static const struct span servers[] = { SPAN("files"), SPAN("mail") };
static const struct tool_rule allow[] = { { SPAN("files__read_*"), 7 } },
			      deny[] = { { SPAN("*__read_secret"), 9 } };

static void refused(const struct selection *view)
{
	static const struct {
		struct span server, tool;
		const char *list;
	} cases[] = {
		{ SPAN("files"), SPAN("read_secret"), "views.tools.deny" },
		{ SPAN("files"), SPAN("write_file"), "views.default" },
		{ SPAN("mail"), SPAN("read_mail"), "views.default" },
		{ SPAN("calendar"), SPAN("read_file"), "views.servers" },
		{ SPAN("file"), SPAN("s__read_file"), "views.servers" },
		{ SPAN(""), SPAN("files__read_file"), "views.servers" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct decision decision = selection_decide(view, cases[i].server, cases[i].tool);

		ok(decision.verdict == VERDICT_DENY &&
		       span_eq(span_str(decision.list), span_str(cases[i].list)),
		   "%.*s of %.*s is not in it: %s", SPAN_ARG(cases[i].tool), SPAN_ARG(cases[i].server),
		   decision.list);
	}
}

int main(void)
{
	struct selection view = { .name = S("v"),
				  .servers = servers,
				  .n_servers = COUNT(servers),
				  .rules = { .allow = allow, .n_allow = 1, .deny = deny, .n_deny = 1 } };
	struct selection none = { .name = S("n") };
	struct decision decision;

	refused(&view);
	ok(!selection_has_server(&none, S("files")) &&
	       selection_decide(&none, S("files"), S("read_file")).verdict == VERDICT_DENY,
	   "an empty one has nothing");
	decision = selection_decide(&view, S("files"), S("read_file"));
	ok(decision.verdict == VERDICT_ALLOW && decision.line == 7, "what it names it has");
	view.rules.n_allow = 0;
	ok(selection_decide(&view, S("files"), S("read_file")).verdict == VERDICT_DENY,
	   "an empty list allows nothing");
	view.all_tools = true;
	ok(selection_decide(&view, S("mail"), S("write")).verdict == VERDICT_ALLOW &&
	       selection_decide(&view, S("mail"), S("read_secret")).verdict == VERDICT_DENY,
	   "without one all are allowed but what is denied");
	return tap_done();
}
