/* fence.h - what keeps the processes of an instance together: a pid namespace where the kernel allows. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/log.h"

/*
 * Zero is the weakest: a session of its own, and what is below it is looked for in /proc. With
 * `pids` the kernel itself ends everything when the namespace's first process does.
 */
struct fence {
	bool pids; /* a pid namespace and a mount namespace */
	bool user; /* a user namespace around them in which we stay who we are: where we are not root */
	bool proc; /* a /proc that shows this pid namespace */
};

/* Where it stopped. The numbers travel between processes. */
enum fence_step { FENCE_CLONE, FENCE_IDS, FENCE_MOUNTS, FENCE_PROC, FENCE_OTHER, FENCE_DONE };

/* Why the fence is not the strongest: the step that failed and its errno. FENCE_DONE: it is. */
struct fence_gap {
	enum fence_step step;
	int sys;
};

/* "pid namespace", "/proc of its own"…: the layer a step makes. */
const char *fence_step_layer(enum fence_step step);

/* Tries it out with a process of its own, for what a sysctl says is not what the kernel does. */
struct fence fence_probe(struct fence_gap *gap);

/* Says once which fence it is, and why not a better one. */
void fence_report(struct fence fence, const struct fence_gap *gap, const struct log *log);

/*
 * Like fork(2), into the namespaces of `fence`. The child goes on with fence_enter(). Blocked
 * signals stay as they are. The caller has one thread.
 */
pid_t fence_fork(struct fence fence, int *pidfd);

/* In the child: ids, mounts, /proc. `uid` and `gid` are the caller's before the fork. */
enum fence_step fence_enter(struct fence fence, uid_t uid, gid_t gid);
