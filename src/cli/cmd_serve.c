/* cmd_serve.c - kanmon serve: the gateway. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "base/tr.h"
#include "cli/attach.h"
#include "cli/cmd.h"
#include "cli/gate.h"
#include "crypto/digest.h"
#include "daemon/gate_tls.h"
#include "daemon/manager.h"

static void print_ready(const struct gate_config *config, const struct listeners *clients)
{
	for (size_t i = 0; i < clients->n_names; i++) {
		CLEANUP(buf_release) struct buf url = BUF_INIT((size_t)128);

		listener_add_url(&clients->names[i], gate_tls_listens(config), &url);
		(void)fprintf(stderr, "kanmon: %.*s\n", SPAN_ARG(buf_span(&url)));
	}
	(void)fprintf(stderr, "kanmon: %s %s\n", tr("config:"),
		      config->paths.config[0] ? config->paths.config : tr("the built-in defaults"));
}

static int run(const struct options *options)
{
	struct log log = { .fd = STDERR_FILENO, .level = LOG_INFO, .stamp = true, .role = "manager" };
	struct manager_options manager = { .config = option_value(options, "config"),
					   .data_dir = option_value(options, "data-dir"),
					   .make_room = gate_make_room,
					   .ready_fd = -1,
					   .log = &log,
					   .on_ready = print_ready };
	struct err err = ERR_INIT;

	if (options->n_words)
		return cmd_usage_error(&cmd_serve, tr("serve takes no further words: %s"), options->words[0]);
	if (option_value(options, "stdio"))
		return attach_catalogue(options);
	if (crypto_init(&err) < 0)
		return cmd_fail(EXIT_FAILED, "%s", err.text);
	return manager_main(&manager);
}

static const struct option table[] = {
	OPTION_CONFIG,
	OPTION_DATA,
	{ 0, "stdio", NULL, false,
	  TR_MARK("serve the catalogue of all servers to one host on stdin and stdout") },
	{ 0 },
};

static const char *const examples[] = { TR_MARK("Serve the servers of the user's own config:"),
					"kanmon serve", TR_MARK("Serve another config:"),
					"kanmon serve -c ./kanmon.yaml", NULL };

const struct cmd cmd_serve = { .name = "serve",
			       .summary = TR_MARK("the gateway: one authenticated endpoint for many servers"),
			       .usage = "[-c FILE] [--data-dir DIR] [--stdio]",
			       .examples = examples,
			       .options = table,
			       .run = run };
