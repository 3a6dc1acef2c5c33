/* manager.h - the process that reads the config, binds sockets, and keeps the others alive. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/gate_config.h"
#include "daemon/listen.h"

struct manager_options {
	const char *config;   /* path, or NULL */
	const char *data_dir; /* over the config's, or NULL */
	bool background; /* started by a command for its own use: a port that is taken is no reason to end */
	uint64_t idle_exit_ms; /* background: end after so long without a host; 0: never */
	/*
	 * Another gate has the data folder: may it be asked to leave? 0 and the folder's lock; or -1, and
	 * `err` says what is to be done, or stays as it is. NULL: it may not.
	 */
	int (*make_room)(const struct gate_paths *paths, int *lock_fd, struct err *err);
	int ready_fd; /* closed when the gate is ready; -1: none */
	struct log *log;
	/* Told once, when all is up: for `kanmon serve` to print what it has to say. May be NULL. */
	void (*on_ready)(const struct gate_config *config, const struct listeners *clients);
};

/* Runs until SIGTERM or SIGINT and a drained worker. Returns the exit code; problems are printed to stderr.
 */
int manager_main(const struct manager_options *options);

/* `kanmon --role manager`: the same for a gate that an older one starts to take its place: handover.h. */
int successor_main(int fd, struct log *log);
