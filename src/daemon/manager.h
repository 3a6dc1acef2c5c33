/* manager.h - the process that reads the config, binds sockets, and keeps the others alive. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/gate_config.h"

struct manager_options {
	const char *config;   /* path, or NULL */
	const char *data_dir; /* over the config's, or NULL */
	bool background; /* started by a command for its own use: a port that is taken is no reason to end */
	uint64_t idle_exit_ms; /* background: end after so long without a host; 0: never */
	int ready_fd;	       /* closed when the gate is ready; -1: none */
	struct log *log;
	/* Told once, when all is up: for `kanmon serve` to print what it has to say. May be NULL. */
	void (*on_ready)(const struct gate_config *config, const struct conf_node *first_listen);
};

/* Runs until SIGTERM or SIGINT and a drained worker. Returns the exit code; problems are printed to stderr.
 */
int manager_main(const struct manager_options *options);
