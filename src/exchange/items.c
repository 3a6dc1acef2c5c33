/* items.c - the keys of a config about clients. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/items.h"

#include "base/tr.h"
#include "conf/conf.h"
#include "conf/core.h"
#include "conf/url.h"
#include "conf/user.h"
#include "limits/limits.h"

static int check_host(struct span text, struct err *err)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '[' ||
		      c == ']' || c == ':'))
			return err_set(
			    err, ERR_CONFIG, "%s",
			    tr("it must be a host name in small letters, without scheme and port"));
	}
	return text.n ? 0 : err_set(err, ERR_CONFIG, "%s", tr("it is empty"));
}

static int check_origin(struct span text, struct err *err)
{
	struct span rest = text;

	if (span_starts(text, S("https://")))
		rest = span_skip(text, 8);
	else if (span_starts(text, S("http://")))
		rest = span_skip(text, 7);
	if (rest.n == text.n || rest.n == 0 || span_find(rest, '/') != rest.n ||
	    span_find(rest, '@') != rest.n)
		return err_set(err, ERR_CONFIG, "%s",
			       tr("it must be a scheme and a host, like https://app.example.com"));
	return 0;
}

static const char *const tls_clients[] = { "none", "ask", "require", NULL };

/* A lock that is half described is none. */
static void check_tls_clients(const struct conf_node *tls, struct conf_problems *problems)
{
	const struct conf_node *ca = conf_child(tls, S("client-ca")),
			       *clients = conf_child(tls, S("clients"));
	bool asked = conf_get_word(tls, "clients") != TLS_CLIENTS_NONE;

	if (asked && !ca)
		(void)conf_problem_at_name(problems, clients, "K105", "%s",
					   tr("`tls.clients` needs `tls.client-ca`"));
	if (ca && !asked)
		(void)conf_problem_at_name(problems, ca, "K105", "%s",
					   tr("`tls.client-ca` needs `tls.clients`: write ask or require"));
	if (ca && asked && !conf_child(tls, S("cert")))
		(void)conf_problem_at_name(problems, ca, "K105", "%s",
					   tr("`tls.client-ca` needs `tls.cert` and `tls.key`"));
}

static int check_user(struct span text, struct err *err)
{
	uint32_t uid;

	return conf_user_id(text, &uid, err);
}

static void check_unix(const struct conf_node *section, struct conf_problems *problems)
{
	const struct conf_node *users = conf_child(section, S("users"));

	if (users && !conf_child(section, S("path")))
		(void)conf_problem_at_name(problems, users, "K105", "%s",
					   tr("`unix.users` needs `unix.path`"));
}

static void check_tls(const struct conf_node *tls, struct conf_problems *problems)
{
	const struct conf_node *cert = conf_child(tls, S("cert")), *key = conf_child(tls, S("key"));

	if (cert && !key)
		(void)conf_problem_at_name(problems, cert, "K105", "%s", tr("`tls.cert` needs `tls.key`"));
	if (key && !cert)
		(void)conf_problem_at_name(problems, key, "K105", "%s", tr("`tls.key` needs `tls.cert`"));
	check_tls_clients(tls, problems);
}

static int check_search(struct span text, struct err *err)
{
	uint64_t n;

	if (span_eq(text, S("never")) || span_eq(text, S("always")) ||
	    (span_u64(text, &n) && n >= 1 && n <= 100000))
		return 0;
	return err_set(err, ERR_CONFIG, "%s",
		       tr("it is `never`, `always`, or a number of tools from 1 to 100000"));
}

static int check_view_pattern(struct span pattern, struct err *err)
{
	if (pattern.n == 0)
		return err_set(err, ERR_CONFIG, "%s", tr("a tool's name cannot be empty"));
	if (pattern.n > 256)
		return err_set(err, ERR_CONFIG, "%s", tr("a tool's name has at most 256 bytes"));
	return 0;
}

const struct conf_item exchange_items[] = {
	{
	    .path = "hosts",
	    .type = CONF_STRING_LIST,
	    .max = 64,
	    .text = TR_MARK(
		"Further names the gateway answers to in the Host header, besides its own addresses."),
	    .check = check_host,
	},
	{
	    .path = "origins",
	    .type = CONF_STRING_LIST,
	    .max = 64,
	    .text = TR_MARK("Web origins whose pages may speak to the gateway."),
	    .check = check_origin,
	},
	{
	    .path = "unix",
	    .type = CONF_SECTION,
	    .text = TR_MARK(
		"A unix socket on which programs of this machine reach the gateway, one message a "
		"line, without a token."),
	    .check_section = check_unix,
	},
	{
	    .path = "unix.path",
	    .type = CONF_PATH,
	    .text = TR_MARK("The socket's file, in a folder that only the gateway's user may write in."),
	    .check = conf_unix_check,
	},
	{
	    .path = "unix.users",
	    .type = CONF_STRING_LIST,
	    .max = 64,
	    .text = TR_MARK("Users who may use the socket, by name or number, besides root and the user the "
			    "gateway runs as."),
	    .check = check_user,
	},
	{
	    .path = "tls",
	    .type = CONF_SECTION,
	    .text =
		TR_MARK("Makes the gateway speak https: both files are needed. Read again with each reload."),
	    .check_section = check_tls,
	},
	{
	    .path = "tls.cert",
	    .type = CONF_PATH,
	    .text = TR_MARK("A PEM file with the gateway's certificate, then those that lead to its root."),
	},
	{
	    .path = "tls.key",
	    .type = CONF_PATH,
	    .text = TR_MARK("A PEM file with the certificate's private key, without a passphrase."),
	},
	{
	    .path = "tls.client-ca",
	    .type = CONF_PATH,
	    .text = TR_MARK("A PEM file with the certificate authorities that vouch for clients."),
	},
	{
	    .path = "tls.clients",
	    .type = CONF_ENUM,
	    .words = tls_clients,
	    .fallback = "none",
	    .text = TR_MARK(
		"Whether clients show a certificate of `client-ca`, besides their token: `require` lets nobody "
		"speak who shows none, and `ask` refuses only bad ones. When this changes, connections "
		"that are open end with the request at hand."),
	},
	{
	    .path = "catalogue.search",
	    .type = CONF_STRING,
	    .fallback = "never",
	    .pattern = "^(never|always|[1-9][0-9]{0,5})$",
	    .text = TR_MARK(
		"Whether clients of all servers together are shown two tools to find and call the "
		"others with, instead of all tools: `never`, `always`, or a number: where there are more "
		"tools than that."),
	    .check = check_search,
	},
	{
	    .path = "views",
	    .type = CONF_MAP,
	    .text = TR_MARK("Views of what all servers offer together, each under a name of its own, at "
			    "/mcp/view/NAME. A view only takes away: the servers' own lists and the token's "
			    "scopes hold, too."),
	    .name_pattern = "^(?!.*(__|_$))[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$",
	    .check_name = conf_check_server_name,
	},
	{
	    .path = "views.*.servers",
	    .type = CONF_STRING_LIST,
	    .min = 1,
	    .max = 1000,
	    .required = true,
	    .text = TR_MARK("The servers whose tools, prompts and resources it has."),
	},
	{
	    .path = "views.*.tools.allow",
	    .type = CONF_STRING_LIST,
	    .max = 1000,
	    .text =
		TR_MARK("Patterns of the tools it has, as `SERVER__TOOL`; absent: all that are not denied."),
	    .check = check_view_pattern,
	},
	{
	    .path = "views.*.tools.deny",
	    .type = CONF_STRING_LIST,
	    .max = 1000,
	    .text = TR_MARK("Patterns of the tools it has not; they win over `allow`."),
	    .check = check_view_pattern,
	},
	{
	    .path = "metrics",
	    .type = CONF_ADDRESS,
	    .max = 4,
	    .text = TR_MARK("Where Prometheus reads the metrics; absent: nowhere."),
	},
	{
	    .path = "limits.body",
	    .type = CONF_BYTES,
	    .min = 4096,
	    .max = LIMIT_MESSAGE_BYTES,
	    .fallback = "4MiB",
	    .text = TR_MARK("The largest message of a client."),
	},
	{
	    .path = "limits.result",
	    .type = CONF_BYTES,
	    .min = 4096,
	    .max = LIMIT_MESSAGE_BYTES,
	    .fallback = "16MiB",
	    .text = TR_MARK("The largest message of a server."),
	},
	{
	    .path = "limits.connections",
	    .type = CONF_INT,
	    .min = 1,
	    .max = 100000,
	    .fallback = "4096",
	    .text = TR_MARK("How many HTTP connections of clients may be open."),
	},
	{
	    .path = "limits.sessions",
	    .type = CONF_INT,
	    .min = 1,
	    .max = 1000000,
	    .fallback = "10000",
	    .text = TR_MARK("How many sessions may be open, all clients together."),
	},
	{
	    .path = "limits.sessions-per-token",
	    .type = CONF_INT,
	    .min = 1,
	    .max = 1000000,
	    .fallback = "1000",
	    .text = TR_MARK("How many sessions one token may have open."),
	},
	{
	    .path = "limits.processes-per-token",
	    .type = CONF_INT,
	    .min = 1,
	    .max = 1024,
	    .fallback = "256",
	    .text = TR_MARK("How many server processes one token may have running, in all its sessions."),
	},
	{
	    .path = "limits.calls",
	    .type = CONF_INT,
	    .min = 1,
	    .max = 100000,
	    .fallback = "4096",
	    .text = TR_MARK("How many calls may be under way, all clients together."),
	},
	{
	    .path = "limits.calls-per-session",
	    .type = CONF_INT,
	    .min = 1,
	    .max = 100000,
	    .fallback = "256",
	    .text = TR_MARK("How many calls one session may have under way."),
	},
	{
	    .path = "limits.calls-per-token",
	    .type = CONF_INT,
	    .min = 1,
	    .max = 100000,
	    .fallback = "1024",
	    .text = TR_MARK("How many calls one token may have under way, in all its sessions."),
	},
	{
	    .path = "limits.memory",
	    .type = CONF_BYTES,
	    .min = INT64_C(64) * 1024 * 1024,
	    .max = INT64_C(1) << 40,
	    .fallback = "512MiB",
	    .text = TR_MARK("How much memory may hold what waits for a client or a server: messages that are "
			    "not whole yet, requests, answers. One token may have a quarter of it."),
	},
	{
	    .path = "limits.session-idle",
	    .type = CONF_DURATION,
	    .min = 1000,
	    .max = INT64_C(30) * 24 * 3600 * 1000,
	    .fallback = "30m",
	    .text = TR_MARK("How long a session lives without a message."),
	},
	{
	    .path = "limits.call-total",
	    .type = CONF_DURATION,
	    .min = 1000,
	    .max = INT64_C(24) * 3600 * 1000,
	    .fallback = "10m",
	    .text = TR_MARK("How long a call may take in all, whatever progress it reports."),
	},
	{ .path = NULL },
};
