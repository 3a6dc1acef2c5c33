/* core.c - the keys of a config that belong to no room. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/core.h"

#include "base/tr.h"

#define MAX_SERVER_NAME 32

static const char *const log_levels[] = { "debug", "info", "warn", "error", NULL };
static const char *const log_formats[] = { "text", "json", NULL };

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int conf_check_server_name(struct span name, struct err *err)
{
	if (name.n == 0 || !is_alnum(name.p[0]))
		return err_set(err, ERR_CONFIG, "%s", tr("it must begin with a letter or a digit"));
	if (name.n > MAX_SERVER_NAME)
		return err_set(err, ERR_CONFIG, "%s", tr("it is longer than 32 characters"));
	for (size_t i = 0; i < name.n; i++)
		if (!is_alnum(name.p[i]) && name.p[i] != '_' && name.p[i] != '.' && name.p[i] != '-')
			return err_set(err, ERR_CONFIG, "%s",
				       tr("only letters, digits, `_`, `.` and `-` may stand in it"));
	if (span_contains(name, S("__")))
		return err_set(err, ERR_CONFIG, "%s",
			       tr("`__` parts the server from the tool in a tool's name"));
	/* `a_` and its tool `b` would be called as `a` and its tool `_b` are. */
	if (name.p[name.n - 1] == '_')
		return err_set(err, ERR_CONFIG, "%s", tr("it must not end with `_`"));
	return 0;
}

const struct conf_item conf_core_items[] = {
	{
	    .path = "version",
	    .type = CONF_INT,
	    .min = 1,
	    .max = 1,
	    .required = true,
	    .code = "K107",
	    .text = TR_MARK("The version of the config's format."),
	    .hint = TR_MARK("this kanmon reads configs with `version: 1`"),
	},
	{
	    .path = "listen",
	    .type = CONF_ADDRESS,
	    .min = 1,
	    .max = 16,
	    .fallback = "127.0.0.1:7676",
	    .text = TR_MARK("Where clients reach the gateway over HTTP."),
	},
	{
	    .path = "threads",
	    .type = CONF_INT,
	    .min = 1,
	    .max = 64,
	    .text = TR_MARK(
		"How many threads serve clients; without it as many as the gate has processors, at "
		"most 8."),
	},
	{
	    .path = "data",
	    .type = CONF_PATH,
	    .text = TR_MARK("The folder for the store and the audit log."),
	},
	{
	    .path = "log.level",
	    .type = CONF_ENUM,
	    .words = log_levels,
	    .fallback = "info",
	    .text = TR_MARK("The least important events that are still logged."),
	},
	{
	    .path = "log.format",
	    .type = CONF_ENUM,
	    .words = log_formats,
	    .fallback = "text",
	    .text = TR_MARK("Log lines for people or as JSON for programs."),
	},
	{
	    .path = "servers",
	    .type = CONF_MAP,
	    .text = TR_MARK("The MCP servers behind the gateway, each under a name of its own."),
	    .hint = TR_MARK("a server's name has 1 to 32 letters, digits, `_`, `.` or `-`"),
	    .name_pattern = "^(?!.*(__|_$))[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$",
	    .check_name = conf_check_server_name,
	},
	{ .path = NULL },
};
