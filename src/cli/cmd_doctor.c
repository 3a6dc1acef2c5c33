/* cmd_doctor.c - kanmon doctor: what keeps a gate from working, and what to do about it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include "base/tr.h"
#include "cli/doctor.h"
#include "cli/output.h"
#include "crypto/digest.h"

enum { DOCTOR_BYTES = 4 * 1024 * 1024, PROBLEMS_BYTES = 256 * 1024 };

static size_t count_servers(const struct gate_config *config)
{
	size_t n = 0;

	for (const struct conf_node *at = conf_get_first(conf_root(config->conf), "servers"); at;
	     at = conf_next(at))
		n++;
	return n;
}

static bool load_config(struct doctor *doctor, const struct options *options, struct gate_config *config,
			struct buf *shown)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	const struct conf_render render = { .color = doctor->color };
	struct err err = ERR_INIT;

	if (gate_config_load(option_value(options, "config"), option_value(options, "data-dir"), config,
			     &problems, &err) == 0)
		return true;
	if (problems.n == 0) {
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("config"), NULL, "%s", err.text);
		return false;
	}
	doctor_add(doctor, FINDING_PROBLEM, TR_MARK("config"), tr("see below"), tr("%.*s: problems: %zu"),
		   SPAN_ARG(problems.at[0].file), problems.n + problems.more);
	conf_problems_render(shown, &problems, &render);
	return false;
}

static void describe_config(struct doctor *doctor, const struct gate_config *config)
{
	if (config->paths.config[0]) {
		doctor_add(doctor, FINDING_GOOD, TR_MARK("config"), NULL, tr("%s; servers: %zu"),
			   config->paths.config, count_servers(config));
		return;
	}
	doctor_add(doctor, FINDING_WARNING, TR_MARK("config"), tr("write ~/.config/kanmon/kanmon.yaml"), "%s",
		   tr("there is none; the built-in defaults are used"));
}

static void ask_gate(struct doctor *doctor)
{
	struct err err = ERR_INIT;

	doctor->running = state_ask(&doctor->state, &doctor->config->paths, &err) == 0;
	doctor->silent = !doctor->running && err.code != ERR_MISSING;
	if (doctor->silent)
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("gate"), tr("see the gate's log"), "%s",
			   err.text);
}

/* The checks that need the config's own words, and those that need its folders only. */
static void look_at_gate(struct doctor *doctor)
{
	static void (*const folders[])(struct doctor * doctor) = { check_data, check_audit, check_gate,
								   check_users };
	static void (*const words[])(struct doctor * doctor) = { check_address, check_tokens, check_servers,
								 check_authorities };

	ask_gate(doctor);
	for (size_t i = 0; i < COUNT(folders); i++)
		folders[i](doctor);
	if (!doctor->config->conf)
		check_tokens(doctor);
	for (size_t i = 0; doctor->config->conf && i < COUNT(words); i++)
		words[i](doctor);
}

static void examine(struct doctor *doctor, const struct options *options, struct buf *shown)
{
	struct gate_config config = { .conf = NULL };
	bool loaded = load_config(doctor, options, &config, shown);

	if (loaded || gate_find_running(options, &config.paths))
		doctor->config = &config;
	if (loaded)
		describe_config(doctor, &config);
	check_program(doctor);
	if (doctor->config)
		look_at_gate(doctor);
	check_kernel(doctor);
	check_user(doctor);
	check_clock(doctor);
	doctor->config = NULL;
	gate_config_release(&config);
}

static int run(const struct options *options)
{
	CLEANUP(buf_release) struct buf shown = BUF_INIT((size_t)PROBLEMS_BYTES);
	struct doctor doctor = { .utf8 = output_utf8() || tr_get_language() == TR_JA,
				 .color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
				 .try_servers = option_value(options, "servers") != NULL,
				 .state = STATE_INIT,
				 .out = BUF_INIT((size_t)DOCTOR_BYTES) };
	struct err err = ERR_INIT;
	int rc = output_form(&cmd_doctor, options, &doctor.json);

	if (rc)
		return rc;
	if (options->n_words)
		return cmd_usage_error(&cmd_doctor, tr("doctor takes no further words: %s"),
				       options->words[0]);
	if (crypto_init(&err) < 0)
		return cmd_fail(EXIT_FAILED, "%s", err.text);
	examine(&doctor, options, &shown);
	doctor_finish(&doctor);
	if (shown.n && !doctor.json) {
		buf_add_char(&doctor.out, '\n');
		buf_add(&doctor.out, buf_span(&shown));
	}
	rc = output_print(&doctor.out);
	if (rc == EXIT_OK && doctor.problems)
		rc = EXIT_FINDINGS;
	state_release(&doctor.state);
	buf_release(&doctor.out);
	return rc;
}

static const struct option table[] = {
	OPTION_CONFIG, OPTION_DATA,
	OPTION_OUTPUT, { 0, "servers", NULL, false, TR_MARK("connect to the servers that have a `url`") },
	{ 0 },
};

static const char *const examples[] = { TR_MARK("Why does it not work?"), "kanmon doctor",
					TR_MARK("Can the servers be reached from here?"),
					"kanmon doctor --servers", NULL };

const struct cmd cmd_doctor = { .name = "doctor",
				.summary = TR_MARK("what keeps the gate from working, and what to do"),
				.usage = "[-c FILE] [--servers] [-o FORM]",
				.examples = examples,
				.options = table,
				.run = run };
