/* spawn.h - starting the gate's own processes. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"

/*
 * Starts `kanmon --role NAME` with `channel` as its descriptor 3, stdin from /dev/null, stdout and
 * stderr as ours, and nothing else open. Its environment is empty but for what chooses its language.
 *
 * Owner:  `channel` stays the caller's. Returns the pid; -1: ERR_SYSTEM.
 */
pid_t spawn_role(const char *role, int channel, struct err *err);

/*
 * Starts `kanmon --role manager` of the program that is open as `program` (O_PATH will do), with `channel` as
 * its descriptor 3, stdin from /dev/null, stdout and stderr and the environment as ours, but for what systemd
 * told us alone, and in a process group of its own: a terminal's signals are for the process that was started
 * there.
 */
pid_t spawn_manager(int program, int channel, struct err *err);

/*
 * Our environment, without what begins so ("": all of it), and with one more entry (NULL: none).
 *
 * Owner:  the array is the caller's, to be freed; the entries are borrowed. NULL without memory.
 */
char **spawn_environment(struct span without, char *with);

/*
 * In the started process: dies with its parent from here on. False where the parent is gone already.
 */
bool spawn_follow_parent(void);
