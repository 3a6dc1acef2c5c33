/* launcher.h - the process that starts servers. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/log.h"
#include "jail/launch.h"

/* The grace of a server whose worker is gone, or that is no longer configured. */
enum { LAUNCHER_ORPHAN_GRACE_MS = 1000 };
/* When the manager is gone all servers are stopped; what does not die of that is waited for this long. */
enum { LAUNCHER_END_MS = LAUNCH_END_MS + 5 * 1000 };

/*
 * Runs until the manager's channel closes; then nothing it started is left. Both channels speak
 * launch.h and are taken over; `worker_fd` may be -1 (LAUNCH_WORKER brings one later). The
 * process has one thread, and no children but those it makes here.
 *
 * Each server has a warden (warden.h) as its parent. In a pid namespace the kernel ends
 * everything below a warden with it, and a warden ends with the launcher. Where the kernel
 * refuses that, the warden and then the launcher look for what is left and kill it; only
 * SIGKILL to both at the same moment can leave a process that made itself a daemon.
 *
 * Errors:  ERR_SYSTEM, ERR_NOMEM: it could not begin.
 */
int launcher_main(int manager_fd, int worker_fd, const struct log *log, struct err *err) MUST_CHECK;
