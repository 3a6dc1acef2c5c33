/* hint.c - a command line for people to run. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/hint.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static bool is_plain(struct span word)
{
	for (size_t i = 0; i < word.n; i++) {
		char c = word.p[i];

		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') &&
		    !memchr("/._-+,:@%", c, 9))
			return false;
	}
	return word.n > 0;
}

static void add_word(struct buf *out, struct span word)
{
	buf_add_char(out, ' ');
	if (is_plain(word)) {
		buf_add(out, word);
		return;
	}
	buf_add_char(out, '\'');
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] == '\'')
			buf_add(out, S("'\\''"));
		else
			buf_add_char(out, word.p[i]);
	buf_add_char(out, '\'');
}

static bool is_own_config(const char *config)
{
	char own[PATH_MAX];

	return !config[0] || (gate_paths_default_config(own, sizeof(own)) && strcmp(own, config) == 0);
}

/* Is the data where the config alone has it? */
static bool is_usual_data(const struct gate_paths *paths)
{
	CLEANUP(freep) struct gate_paths *guesses = calloc(GATE_PATHS_GUESSES, sizeof(*guesses));
	const char *config = is_own_config(paths->config) ? NULL : paths->config;
	struct err err = ERR_INIT;

	return guesses && gate_paths_guess(config, NULL, guesses, &err) > 0 &&
	       strcmp(guesses[0].data, paths->data) == 0;
}

void hint_add_command(struct buf *out, const char *command, const struct gate_paths *paths)
{
	buf_addf(out, "kanmon %s", command);
	if (!is_own_config(paths->config)) {
		buf_add(out, S(" -c"));
		add_word(out, span_str(paths->config));
	}
	if (!is_usual_data(paths)) {
		buf_add(out, S(" --data-dir"));
		add_word(out, span_str(paths->data));
	}
}
