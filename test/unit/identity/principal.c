/* principal.c - who sends, and what he may use. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/principal.h"
#include "base/cleanup.h"
#include "tap.h"

static const struct {
	const char *scopes, *server;
	bool may;
} cases[] = {
	{ "", "files", false },		{ "mcp:other", "files", false },
	{ "mcp:file", "files", false }, { "mcp:files2", "files", false },
	{ "mcp:", "files", false },	{ "mcpfiles", "files", false },
	{ "MCP", "files", false },	{ "mcp:a  mcp:files", "files", false },
	{ "mcp:files", "", false },	{ "mcp", "files", true },
	{ "mcp:files", "files", true }, { "mcp:a mcp:files", "files", true },
};

int main(void)
{
	char id[] = "token:t-1", name[] = "laptop";
	struct principal *principal = principal_new(span_str(id), span_str(name), S("mcp"), 77);

	memset(id, 'x', sizeof(id) - 1);
	memset(name, 'x', sizeof(name) - 1);
	ok(span_eq(principal->id, S("token:t-1")) && span_eq(principal->name, S("laptop")) &&
	       span_eq(principal->scopes, S("mcp")) && principal->expiry_ms == 77,
	   "it keeps copies of its own");
	ok(principal_ref(principal) == principal && !principal_unref(principal) &&
	       span_eq(principal->scopes, S("mcp")),
	   "a reference keeps it");
	ok(!principal_unref(principal) && !principal_unref(NULL), "gone");
	for (size_t i = 0; i < COUNT(cases); i++) {
		principal = principal_new(S("a"), S(""), span_str(cases[i].scopes), 0);
		is_int(principal_may_use(principal, span_str(cases[i].server)), cases[i].may,
		       "'%s' for %s: %s", cases[i].scopes, cases[i].server, cases[i].may ? "yes" : "no");
		principal = principal_unref(principal);
	}
	return tap_done();
}
