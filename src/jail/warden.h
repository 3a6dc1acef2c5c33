/* warden.h - the first process of an instance: starts the server, reaps, and ends everything. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "jail/definition.h"
#include "jail/fence.h"

/* What the launcher says to a warden, one byte a message. EOF says WARDEN_KILL. */
enum warden_order {
	WARDEN_TERM = 1, /* SIGTERM to the server's process group */
	WARDEN_KILL,	 /* SIGKILL to everything below */
};

/* What a warden says when the server has ended. */
struct warden_report {
	int32_t code;	/* exit code; 0 where a signal ended it */
	int32_t signal; /* 0: none */
};

/* How far a start came. */
enum start_step {
	START_HELLO,	   /* the server's process exists (its pid is beside the message) */
	START_FENCE,	   /* plus the fence_step */
	START_PROCESS,	   /* no second process */
	START_FOLDER,	   /* the folder cannot be entered */
	START_PROGRAM,	   /* not found, or not executable */
	START_INTERPRETER, /* the program is there, what should run it is not */
};

/*
 * On the status socket: START_HELLO, then either a failure or the end of the file, which means
 * that the server runs.
 */
struct start_report {
	int32_t step; /* enum start_step */
	int32_t fence_step;
	int32_t sys; /* errno */
};

struct warden_job {
	const struct definition *definition;
	struct fence fence;
	uid_t uid; /* the launcher's, for the fence */
	gid_t gid;
	int stdio[3]; /* the server's 0, 1, 2 */
	int control;  /* a SOCK_SEQPACKET end: orders in, one report out */
	int status;   /* a SOCK_SEQPACKET end: start_report */
	/* Wipes the secrets of other servers out of the memory that was copied from the launcher. */
	void (*forget)(void *owner);
	void *owner;
};

/* In the child of fence_fork(). All signals are blocked. Every other descriptor is closed. */
_Noreturn void warden_run(const struct warden_job *job);
