/* cmd_run.c - kanmon run: one stdio server behind the gate. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tr.h"
#include "cli/attach.h"
#include "cli/cmd.h"

static const struct option table[] = {
	OPTION_CONFIG,
	OPTION_DATA,
	{ 0, "name", "NAME", false, TR_MARK("what the server is called in rules and records") },
	{ 0, "env", "NAME[=VALUE]", true,
	  TR_MARK("pass a variable to the server; without a value, the one of this environment") },
	{ 0 },
};

static const char *const examples[] = {
	TR_MARK("What a host's configuration calls instead of the server itself:"),
	"kanmon run --name files -- npx -y @modelcontextprotocol/server-filesystem ~/work",
	TR_MARK("Hand on one variable:"),
	"kanmon run --name github --env GITHUB_TOKEN -- github-mcp-server stdio", NULL
};

const struct cmd cmd_run = { .name = "run",
			     .summary =
				 TR_MARK("one stdio server behind the gate, for a host's configuration"),
			     .usage = "[--name NAME] [--env NAME[=VALUE]]… [-c FILE] -- CMD…",
			     .examples = examples,
			     .options = table,
			     .takes_command = true,
			     .run = attach_server };
