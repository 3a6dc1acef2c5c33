/* instance.h - one running server: its warden, and what the launcher knows of both. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/list.h"
#include "jail/warden.h"

/* A warden without a pid namespace gets this long to clear away what is below it. */
enum { INSTANCE_CLEAR_MS = 3000 };

/* Asked of the kernel for stdin and stdout; it may give less. */
enum { INSTANCE_PIPE_BYTES = 1024 * 1024 };

enum instance_state {
	INSTANCE_STARTING, /* not yet known whether execve(2) succeeds */
	INSTANCE_RUNNING,
	INSTANCE_ENDED, /* the warden was reaped */
};

struct instance {
	struct list node;
	char server[LAUNCH_MAX_NAME];
	size_t n_server;
	char program[128]; /* for sentences */
	uint64_t id;	   /* the worker's number */
	uint64_t worker;   /* which worker started it */
	uint32_t question; /* id of its LAUNCH_START */
	struct fence fence;
	enum instance_state state;
	bool stopping;	      /* its stdin has ended; SIGTERM follows */
	bool termed;	      /* SIGTERM was sent; SIGKILL follows */
	bool killed;	      /* SIGKILL, or the order for it, was sent */
	bool canceled;	      /* stopped before it ran */
	uint64_t deadline_ms; /* of the next step towards its end; 0: none */
	uint64_t grace_ms;    /* from SIGTERM to SIGKILL */
	pid_t warden, pid;    /* pid: the server's, 0 until it says hello */
	int pidfd, control, status;
	int stdio[3]; /* our ends; stdin's is -1 once they were handed over, of the others a copy stays */
	struct start_report failure;
	bool failed;
	struct warden_report report;
};

struct instance_request {
	const struct definition *definition;
	struct fence fence;
	uint64_t id, worker;
	uint32_t question;
	void (*forget)(void *owner);
	void *owner;
};

/*
 * Makes pipes and processes. What comes of it is read with instance_progress().
 *
 * Owner:   the caller ends `*out` with instance_free() once it has ended.
 * Errors:  ERR_SYSTEM, ERR_NOMEM.
 */
int instance_start(const struct instance_request *request, struct instance **out, struct err *err) MUST_CHECK;
struct instance *instance_free(struct instance *instance);

/* Reads the status socket; true when the state changed or the start has failed. */
bool instance_progress(struct instance *instance);

/* Reads the warden's report and reaps it. To be called when the pidfd is readable. */
void instance_reap(struct instance *instance);

/*
 * Its stdin has ended, for who was handed it has closed it: LAUNCH_EXIT_MS later SIGTERM to the server's
 * group, SIGKILL to all after the grace. Asked again, the shorter grace holds.
 */
void instance_stop(struct instance *instance, uint64_t grace_ms, uint64_t now_ms);
void instance_kill(struct instance *instance, uint64_t now_ms);

/* The deadline has come. */
void instance_hurry(struct instance *instance, uint64_t now_ms);

/* "The program 'x' was not found …": why it did not start, in a sentence without its full stop. */
void instance_explain(const struct instance *instance, struct buf *out);

static inline struct span instance_server(const struct instance *instance)
{
	return span_of(instance->server, instance->n_server);
}
