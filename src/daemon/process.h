/* process.h - what every process of the gate does first: its set-up, and its own confinement. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

#include "base/file.h"
#include "base/log.h"
#include "daemon/confine.h"
#include "daemon/work.h"

struct process_setup {
	char texts[2][PATH_MAX]; /* by role: keeper: data folder, audit folder */
	int fds[WIRE_MAX_FDS];
	size_t n_fds;
	bool tls;	       /* the worker: open the library now, it will be needed */
	uint64_t threads;      /* the worker; 0: as many as fit */
	uint64_t calls_before; /* the worker */
};

/* Waits for WORK_SETUP and takes it; the log's level and form are set from it. */
int process_setup_read(int manager_fd, struct process_setup *setup, struct log *log, struct err *err)
    MUST_CHECK;

/* Confines this process to its role, and logs each layer that is missing. */
int process_confine(enum role role, const struct confine_options *options, const struct log *log,
		    struct err *err) MUST_CHECK;
