/* spawn.c - starting the gate's own processes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/tr.h"
#include "daemon/work.h"

static int fill_actions(posix_spawn_file_actions_t *actions, int channel)
{
	int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	/* dup2 onto itself would leave the close-on-exec flag; glibc's action clears it. */
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, channel, WORK_FD);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(actions, WORK_FD + 1);
	return rc;
}

pid_t spawn_role(const char *role, int channel, struct err *err)
{
	char *argv[] = { (char *)(uintptr_t) "kanmon", (char *)(uintptr_t) "--role", (char *)(uintptr_t)role,
			 NULL };
	char language[64] = "";
	char *environment[] = { language, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	pid_t pid = -1;
	int rc;

	/* The keeper is heard by who runs a command, the others by peers: those speak English. */
	(void)snprintf(language, sizeof(language), "KANMON_LANG=%s",
		       tr_get_language() == TR_JA && strcmp(role, "keeper") == 0 ? "ja" : "en");
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return err_set(err, ERR_NOMEM, "no memory to start a process");
	if (posix_spawnattr_init(&attributes) != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return err_set(err, ERR_NOMEM, "no memory to start a process");
	}
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	rc = fill_actions(&actions, channel);
	if (rc == 0)
		rc = posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, argv, environment);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	if (rc == 0)
		return pid;
	errno = rc;
	return err_sys(err, "cannot start the %s process", role);
}

bool spawn_follow_parent(void)
{
	pid_t parent = getppid();

	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}
