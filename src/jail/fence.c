/* fence.c - namespaces around an instance, as many as the kernel allows. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "jail/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

const char *fence_step_layer(enum fence_step step)
{
	switch (step) {
	case FENCE_CLONE:
	case FENCE_IDS:
		return "pid namespace";
	case FENCE_MOUNTS:
		return "mount namespace";
	case FENCE_PROC:
		return "/proc of its own";
	case FENCE_OTHER:
	case FENCE_DONE:
		break;
	}
	return "fence";
}

pid_t fence_fork(struct fence fence, int *pidfd)
{
	unsigned long flags = CLONE_PIDFD | SIGCHLD;
	int fd = -1;
	long pid;

	if (fence.pids)
		flags |= CLONE_NEWPID | CLONE_NEWNS;
	if (fence.user)
		flags |= CLONE_NEWUSER;
	/* Not clone3(2): containers refuse it because its arguments cannot be filtered. */
	pid = syscall(SYS_clone, flags, NULL, &fd, NULL, NULL);
	if (pid > 0)
		*pidfd = fd;
	return (pid_t)pid;
}

static int write_file(const char *path, const char *text)
{
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);

	if (fd < 0)
		return -1;
	return write(fd, text, n) == (ssize_t)n ? 0 : -1;
}

/*
 * We stay who we are inside, so files keep their owner and nobody becomes root. The files in
 * /proc belong to root while the process is not dumpable; nothing runs in it yet but we.
 */
static int map_ids(uid_t uid, gid_t gid)
{
	char line[64];

	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return -1;
	if (write_file("/proc/self/setgroups", "deny") < 0 && errno != ENOENT)
		return -1;
	(void)snprintf(line, sizeof(line), "%u %u 1\n", (unsigned)uid, (unsigned)uid);
	if (write_file("/proc/self/uid_map", line) < 0)
		return -1;
	(void)snprintf(line, sizeof(line), "%u %u 1\n", (unsigned)gid, (unsigned)gid);
	if (write_file("/proc/self/gid_map", line) < 0)
		return -1;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

enum fence_step fence_enter(struct fence fence, uid_t uid, gid_t gid)
{
	if (fence.user && map_ids(uid, gid) < 0)
		return FENCE_IDS;
	if (!fence.pids)
		return FENCE_DONE;
	/* What is mounted outside later still shows up inside; nothing goes the other way. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return FENCE_MOUNTS;
	if (fence.proc && mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return FENCE_PROC;
	return FENCE_DONE;
}

/* One try: a process that enters the fence, says how far it came, and ends. */
static struct fence_gap try(struct fence fence)
{
	struct fence_gap gap = { .step = FENCE_OTHER };
	CLEANUP(closep) int pidfd = -1;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return (struct fence_gap){ FENCE_OTHER, errno };
	pid = fence_fork(fence, &pidfd);
	if (pid < 0)
		gap = (struct fence_gap){ FENCE_CLONE, errno };
	if (pid == 0) {
		gap.step = fence_enter(fence, uid, gid);
		gap.sys = gap.step == FENCE_DONE ? 0 : errno;
		_exit(write(fds[1], &gap, sizeof(gap)) != (ssize_t)sizeof(gap));
	}
	(void)close(fds[1]);
	if (pid > 0 && read(fds[0], &gap, sizeof(gap)) != (ssize_t)sizeof(gap))
		gap = (struct fence_gap){ FENCE_OTHER, ECHILD };
	(void)close(fds[0]);
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	return gap;
}

struct fence fence_probe(struct fence_gap *gap)
{
	struct fence fence = { .pids = true, .user = geteuid() != 0, .proc = true };

	*gap = try(fence);
	if (gap->step == FENCE_DONE)
		return fence;
	if (gap->step == FENCE_PROC) {
		struct fence_gap second;

		fence.proc = false;
		second = try(fence);
		if (second.step == FENCE_DONE)
			return fence;
		*gap = second;
	}
	return (struct fence){ 0 };
}

void fence_report(struct fence fence, const struct fence_gap *gap, const struct log *log)
{
	char text[160];
	const char *name = strerrorname_np(gap->sys);

	if (gap->step == FENCE_DONE) {
		log_event(log, LOG_INFO, "launcher.fence", "Each server has a pid namespace of its own.",
			  LFN("user_namespace", fence.user));
		return;
	}
	(void)snprintf(text, sizeof(text), "%s: not available: %s", fence_step_layer(gap->step),
		       name ? name : "unknown error");
	log_event(log, LOG_WARN, "launcher.fence", text, LFN("pid_namespace", fence.pids),
		  LFS("consequence",
		      fence.pids ? "servers see the process list of this machine"
				 : "a server's processes are found in /proc and killed when it ends"));
}
