/* home.h - a home of the test's own, and configs in it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/gate_config.h"
#include "tap.h"

#define V "version: 1\n"
#define SERVER V "servers: { a: { run: cat, "

static char home[64];
static const uint8_t key[DIGEST_KEY_BYTES] = { 1, 2, 3 }, other_key[DIGEST_KEY_BYTES] = { 4 };

static const char *in_home(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned turn;
	char *out = path[turn++ % 4];

	(void)snprintf(out, PATH_MAX, "%s/%s", home, name);
	return out;
}

static const char *file_of(const char *text)
{
	const char *path = in_home("test.yaml");

	if (file_replace(path, span_str(text), 0600, NULL) < 0)
		abort();
	return path;
}

static struct gate_config load(const char *text)
{
	struct conf_problems problems = CONF_PROBLEMS_INIT;
	struct gate_config config = { 0 };
	struct err err = ERR_INIT;

	if (gate_config_load(file_of(text), NULL, &config, &problems, &err) < 0)
		ok(false, "%s: %.*s", err.text, SPAN_ARG(problems.at[0].message));
	conf_problems_release(&problems);
	if (!config.conf)
		exit(tap_done());
	return config;
}

static bool home_begin(void)
{
	struct err err = ERR_INIT;

	(void)snprintf(home, sizeof(home), "/tmp/kanmon-config-XXXXXX");
	if (!mkdtemp(home) || crypto_init(&err) < 0)
		return false;
	(void)setenv("HOME", home, 1);
	(void)unsetenv("XDG_STATE_HOME");
	(void)unsetenv("XDG_CONFIG_HOME");
	return true;
}

static void home_end(void)
{
	(void)unlink(in_home("test.yaml"));
	(void)rmdir(in_home(".config/kanmon"));
	(void)rmdir(in_home(".config"));
	(void)rmdir(home);
}
