/* items.c - the keys of a config that describe a server. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/items.h"

#include "base/tr.h"
#include "conf/conf.h"
#include "conf/url.h"
#include "jail/launch.h"

#define MAX_TOOL_PATTERNS 1000

static const char *const eras[] = { "auto", "legacy", "modern", NULL };
static const char *const wires[] = { "auto", "streamable", "sse", NULL };
static const char *const instances[] = { "client", "shared", NULL };
static const char *const when_down[] = { "hide", "list", NULL };
static const char *const run_or_url[] = { "run", "url", NULL };

static bool is_variable(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

		if (!letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return name.n > 0;
}

static int check_variable_name(struct span name, struct err *err)
{
	if (span_find(name, '=') < name.n)
		return err_set(err, ERR_CONFIG, "%s", tr("a variable's name holds no `=`"));
	return 0;
}

/* A literal, or a reference to where a secret is kept. */
static int check_variable(struct span value, struct err *err)
{
	if (!span_starts(value, S("secret:")))
		return 0;
	value = span_skip(value, 7);
	if (span_starts(value, S("env/")) && is_variable(span_skip(value, 4)))
		return 0;
	if (span_starts(value, S("file/")) && value.n > 5)
		return 0;
	return err_set(err, ERR_CONFIG, "%s", tr("a secret is written secret:env/NAME or secret:file/PATH"));
}

static int check_pattern(struct span pattern, struct err *err)
{
	if (pattern.n == 0)
		return err_set(err, ERR_CONFIG, "%s", tr("a tool's name cannot be empty"));
	if (pattern.n > 256)
		return err_set(err, ERR_CONFIG, "%s", tr("a tool's name has at most 256 bytes"));
	return 0;
}

static void only_with(const struct conf_node *server, const char *key, const char *other,
		      struct conf_problems *problems)
{
	const struct conf_node *node = conf_child(server, span_str(key));
	struct span name = conf_name(server);

	if (node && conf_written(node))
		(void)conf_problem_at_name(problems, node, "K104",
					   tr("`%s` has no effect in servers.%.*s without `%s`"), key,
					   SPAN_ARG(name), other);
}

/* Keys that fit only one of the two ways to reach a server. */
static void check_server(const struct conf_node *server, struct conf_problems *problems)
{
	const struct conf_node *ca = conf_child(server, S("ca"));
	const struct conf_node *transport = conf_child(server, S("transport"));
	struct conf_url url;
	struct err err = ERR_INIT;

	if (conf_has(server, "run")) {
		only_with(server, "ca", "url", problems);
		only_with(server, "transport", "url", problems);
		return;
	}
	only_with(server, "cwd", "run", problems);
	only_with(server, "idle", "run", problems);
	only_with(server, "instances", "run", problems);
	only_with(server, "env", "run", problems);
	if (conf_url_parse(conf_get_text(server, "url"), &url, &err) < 0)
		return;
	if (transport && conf_written(transport) && url.kind != CONF_URL_HTTP)
		(void)conf_problem_at_name(
		    problems, transport, "K104", "%s",
		    tr("`transport` has no effect with this URL; it is for http and https"));
	if (ca && !url.tls)
		(void)conf_problem_at_name(problems, ca, "K104", "%s",
					   tr("`ca` has no effect without TLS; write https, or wss"));
}

const struct conf_item upstream_items[] = {
	{
	    .path = "servers.*",
	    .type = CONF_SECTION,
	    .text = TR_MARK("One MCP server: a program to start (`run`) or an address to call (`url`)."),
	    .exactly_one = run_or_url,
	    .check_section = check_server,
	},
	{
	    .path = "servers.*.run",
	    .type = CONF_ARGV,
	    .min = 1,
	    .max = LAUNCH_MAX_ARGS,
	    .text = TR_MARK("The command that starts the server on stdio; no shell reads it."),
	},
	{
	    .path = "servers.*.url",
	    .type = CONF_URL,
	    .text = TR_MARK(
		"The address of the server's MCP endpoint: http or https for Streamable HTTP, ws or wss for "
		"WebSocket, `unix:/path` for a socket of this machine with one message a line."),
	},
	{
	    .path = "servers.*.cwd",
	    .type = CONF_PATH,
	    .text = TR_MARK("The folder the command is started in."),
	},
	{
	    .path = "servers.*.env",
	    .type = CONF_STRING_MAP,
	    .max = LAUNCH_MAX_ENV,
	    .secret = true,
	    .text = TR_MARK(
		"Environment variables of the command; `secret:env/NAME` and `secret:file/PATH` are "
		"read when it starts."),
	    .name_pattern = "^[^=]+$",
	    .check = check_variable,
	    .check_name = check_variable_name,
	},
	{
	    .path = "servers.*.era",
	    .type = CONF_ENUM,
	    .words = eras,
	    .fallback = "auto",
	    .text = TR_MARK("Which generation of the protocol the server speaks; `auto` finds out."),
	},
	{
	    .path = "servers.*.transport",
	    .type = CONF_ENUM,
	    .words = wires,
	    .fallback = "auto",
	    .text = TR_MARK(
		"How the address is spoken to: `streamable` is Streamable HTTP, `sse` the older HTTP+SSE, and "
		"`auto` tries the first and then the second."),
	},
	{
	    .path = "servers.*.tools.allow",
	    .type = CONF_STRING_LIST,
	    .max = MAX_TOOL_PATTERNS,
	    .text =
		TR_MARK("Patterns of the tools that may be seen and called; `*` is any run of characters."),
	    .check = check_pattern,
	},
	{
	    .path = "servers.*.tools.deny",
	    .type = CONF_STRING_LIST,
	    .max = MAX_TOOL_PATTERNS,
	    .text = TR_MARK("Patterns of the tools that may not; they win over `allow`."),
	    .check = check_pattern,
	},
	{
	    .path = "servers.*.timeout",
	    .type = CONF_DURATION,
	    .min = 1,
	    .max = (int64_t)24 * 60 * 60 * 1000,
	    .fallback = "60s",
	    .text = TR_MARK("How long a call may take without a word from the server."),
	},
	{
	    .path = "servers.*.idle",
	    .type = CONF_DURATION,
	    .min = 0,
	    .max = (int64_t)30 * 24 * 60 * 60 * 1000,
	    .fallback = "30m",
	    .text = TR_MARK(
		"How long a program without work runs on, before it is ended and started again with the "
		"next request; 0s: as long as its client."),
	},
	{
	    .path = "servers.*.instances",
	    .type = CONF_ENUM,
	    .words = instances,
	    .fallback = "client",
	    .text = TR_MARK(
		"Whether each client has a process of the program of its own (`client`), or all have one "
		"together (`shared`): for programs that keep nothing of one client that another must not "
		"see. A shared one cannot ask anything of a client, and has no tasks."),
	},
	{
	    .path = "servers.*.calls",
	    .type = CONF_INT,
	    .min = 0,
	    .max = 100000,
	    .fallback = "0",
	    .text = TR_MARK(
		"How many requests the server works on at once, those of all clients together; others "
		"wait their turn. 0: as many as come."),
	},
	{
	    .path = "servers.*.when-down",
	    .type = CONF_ENUM,
	    .words = when_down,
	    .fallback = "hide",
	    .text = TR_MARK(
		"What the list of all servers' tools shows of a server that cannot be reached: nothing "
		"(`hide`), or the tools it had last (`list`), whose calls then fail with the reason. Tools "
		"that the server marks as one client's own (`cacheScope` other than `public`) are shown to "
		"no other client."),
	},
	{
	    .path = "servers.*.ca",
	    .type = CONF_PATH,
	    .text = TR_MARK(
		"A PEM file with the certificate authorities to trust for an https or wss `url`, besides "
		"the system's."),
	},
	{ .path = NULL },
};
