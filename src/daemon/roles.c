/* roles.c - the launcher and the egress process: set up, confined, handed to their rooms. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/process.h"
#include "egress/egress.h"
#include "jail/launcher.h"

static int begin(int manager_fd, enum role role, struct process_setup *setup, struct log *log)
{
	struct err err = ERR_INIT;

	if (process_setup_read(manager_fd, setup, log, &err) < 0 ||
	    process_confine(role, NULL, log, &err) < 0) {
		log_event(log, LOG_ERROR, "process.failed", "A process of the gate could not start.",
			  LFS("why", err.text));
		return -1;
	}
	return 0;
}

int launcher_role_main(int manager_fd, struct log *log)
{
	struct process_setup setup;
	struct err err = ERR_INIT;

	if (begin(manager_fd, ROLE_LAUNCHER, &setup, log) < 0)
		return 1;
	if (launcher_main(manager_fd, setup.fds[0], log, &err) == 0)
		return 0;
	log_event(log, LOG_ERROR, "launcher.failed", "The launcher ended.", LFS("why", err.text));
	return 1;
}

int egress_role_main(int manager_fd, struct log *log)
{
	const struct egress_options options = { .log = log };
	struct process_setup setup;
	struct err err = ERR_INIT;

	if (begin(manager_fd, ROLE_EGRESS, &setup, log) < 0)
		return 1;
	if (egress_main(manager_fd, setup.fds[0], &options, &err) == 0)
		return 0;
	log_event(log, LOG_ERROR, "egress.failed", "The egress process ended.", LFS("why", err.text));
	return 1;
}
