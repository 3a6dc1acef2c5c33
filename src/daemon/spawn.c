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

#include "base/cleanup.h"
#include "base/tr.h"
#include "daemon/work.h"

enum { PROGRAM_FD = WORK_FD + 1 };

static int fill_actions(posix_spawn_file_actions_t *actions, int channel, int program)
{
	int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	/* dup2 onto itself would leave the close-on-exec flag; glibc's action clears it. */
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, channel, WORK_FD);
	if (rc == 0 && program >= 0)
		rc = posix_spawn_file_actions_adddup2(actions, program, PROGRAM_FD);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(actions,
							      program >= 0 ? PROGRAM_FD + 1 : WORK_FD + 1);
	return rc;
}

/* `program`: -1: our own. Returns the pid, or -1 and errno. */
static pid_t start(char *const *argv, char *const *environment, int channel, int program)
{
	const char *path = program >= 0 ? "/proc/self/fd/4" : "/proc/self/exe";
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	pid_t pid = -1;
	int rc;

	_Static_assert(PROGRAM_FD == 4, "as the path says");
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	if (posix_spawnattr_init(&attributes) != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return -1;
	}
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	(void)posix_spawnattr_setpgroup(&attributes, 0);
	(void)posix_spawnattr_setflags(&attributes,
				       (short)(program >= 0 ? flags | POSIX_SPAWN_SETPGROUP : flags));
	rc = fill_actions(&actions, channel, program);
	if (rc == 0)
		rc = posix_spawn(&pid, path, &actions, &attributes, argv, environment);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	errno = rc;
	return rc == 0 ? pid : -1;
}

pid_t spawn_role(const char *role, int channel, struct err *err)
{
	char *argv[] = { (char *)(uintptr_t) "kanmon", (char *)(uintptr_t) "--role", (char *)(uintptr_t)role,
			 NULL };
	char language[64] = "";
	char *environment[] = { language, NULL };
	pid_t pid;

	/* The keeper is heard by who runs a command, the others by peers: those speak English. */
	(void)snprintf(language, sizeof(language), "KANMON_LANG=%s",
		       tr_get_language() == TR_JA && strcmp(role, "keeper") == 0 ? "ja" : "en");
	pid = start(argv, environment, channel, -1);
	return pid < 0 ? err_sys(err, "cannot start the %s process", role) : pid;
}

char **spawn_environment(struct span without, char *with)
{
	size_t n = 0, kept = 0;
	char **copy;

	while (environ[n])
		n++;
	copy = calloc(n + 2, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++)
		if (!without.n || !span_starts(span_str(environ[i]), without))
			copy[kept++] = environ[i];
	if (copy)
		copy[kept] = with;
	return copy;
}

pid_t spawn_manager(int program, int channel, struct err *err)
{
	char *argv[] = { (char *)(uintptr_t) "kanmon", (char *)(uintptr_t) "--role",
			 (char *)(uintptr_t) "manager", NULL };
	/* Above the places they get. */
	CLEANUP(closep) int high_program = fcntl(program, F_DUPFD_CLOEXEC, PROGRAM_FD + 1);
	CLEANUP(closep) int high_channel = fcntl(channel, F_DUPFD_CLOEXEC, PROGRAM_FD + 1);
	/* systemd hears only the process it knows. */
	char **environment = spawn_environment(S("NOTIFY_SOCKET="), NULL);
	pid_t pid = -1;

	if (high_program >= 0 && high_channel >= 0 && environment)
		pid = start(argv, environment, high_channel, high_program);
	free(environment);
	return pid < 0 ? err_sys(err, "%s", tr("the new program cannot be started")) : pid;
}

bool spawn_follow_parent(void)
{
	pid_t parent = getppid();

	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}
