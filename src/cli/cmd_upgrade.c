/* cmd_upgrade.c - kanmon upgrade: the program that is installed now takes the running gate's place. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdio.h>

#include "base/tr.h"
#include "cli/hint.h"
#include "cli/output.h"
#include "cli/state.h"
#include "daemon/control.h"

enum {
	UPGRADE_ANSWER_MS = 90 * 1000, /* longer than the gate itself waits */
	UPGRADE_LOOK_MS = 500,
};

static int ask(const struct gate_paths *paths, struct err *err)
{
	CLEANUP(gate_close) struct gate gate = GATE_INIT;
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	struct wire_in in = { 0 };

	if (gate_connect(&gate, paths, err) < 0)
		return -1;
	wire_begin(&out, CONTROL_UPGRADE, 0);
	if (gate_ask_for(&gate, &out, UPGRADE_ANSWER_MS, &in, err) < 0)
		return -1;
	wire_in_release(&in);
	return 0;
}

/* 1: older gates live; 0: none does any more. */
static int has_elders(const struct gate_paths *paths, struct err *err)
{
	CLEANUP(state_release) struct state state = STATE_INIT;

	if (state_ask(&state, paths, err) < 0)
		return -1;
	return json_get(&state.json, 0, S("older")) != JSON_NONE;
}

static int wait_elders(const struct gate_paths *paths)
{
	struct err err = ERR_INIT;
	int rc;

	/* A gate that has to start a process again says so, and answers later. */
	while ((rc = has_elders(paths, &err)) > 0 || (rc < 0 && err.code == ERR_DENIED)) {
		err = ERR_INIT;
		(void)poll(NULL, 0, UPGRADE_LOOK_MS);
	}
	if (rc < 0)
		return cmd_fail(EXIT_FAILED, "%s", err.text);
	(void)puts(tr("The gate before has ended."));
	return EXIT_OK;
}

static int tell(const struct gate_paths *paths, bool wait)
{
	struct err err = ERR_INIT;
	int elders = has_elders(paths, &err);

	(void)puts(tr("The gate is the program that is installed now."));
	if (wait)
		return wait_elders(paths);
	if (elders > 0)
		(void)puts(tr("The one before serves what it had until that ends; see `kanmon status`."));
	return EXIT_OK;
}

static int upgrade(const struct gate_config *config, bool wait)
{
	CLEANUP(buf_release) struct buf command = BUF_INIT((size_t)PATH_MAX * 4);
	struct err err = ERR_INIT;

	if (ask(&config->paths, &err) == 0)
		return tell(&config->paths, wait);
	if (err.code != ERR_MISSING)
		return cmd_fail(EXIT_FAILED, tr("the gate goes on as it was: %s"), err.text);
	hint_add_command(&command, "serve", &config->paths);
	return cmd_fail(EXIT_UNREACHABLE, tr("no gate is running for %s; start it with `%s`"),
			config->paths.config[0] ? config->paths.config : tr("the built-in defaults"),
			buf_cstr(&command));
}

static int run(const struct options *options)
{
	struct gate_config config;
	bool broken;
	int rc;

	if (options->n_words)
		return cmd_usage_error(&cmd_upgrade, tr("upgrade takes no further words: %s"),
				       options->words[0]);
	rc = gate_load_running(options, &config, &broken);
	if (rc)
		return rc;
	rc = upgrade(&config, option_value(options, "wait") != NULL);
	gate_config_release(&config);
	return rc;
}

static const struct option table[] = {
	OPTION_CONFIG,
	OPTION_DATA,
	{ 0, "wait", NULL, false, TR_MARK("until the gate before has ended, too") },
	{ 0 },
};

static const char *const examples[] = { TR_MARK("After a new version was installed:"), "kanmon upgrade",
					NULL };

const struct cmd cmd_upgrade = { .name = "upgrade",
				 .summary = TR_MARK("the installed program takes the running gate's place"),
				 .usage = "[--wait] [-c FILE] [--data-dir DIR]",
				 .examples = examples,
				 .options = table,
				 .run = run };
