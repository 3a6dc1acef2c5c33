/* child.h - one process of the gate, kept alive by the manager. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "base/log.h"
#include "net/channel.h"

enum child_role { CHILD_KEEPER, CHILD_LAUNCHER, CHILD_EGRESS, CHILD_WORKER, CHILD_ROLES };

struct child;

struct child_events {
	/* A new process of this role stands; its channel is open. Send its set-up and tell its peers. */
	void (*on_start)(void *owner, struct child *child);
	void (*on_message)(void *owner, struct child *child, struct wire_in *in);
	/* Its channel is closed: nothing can be told it any more, though it may not have ended yet. */
	void (*on_lost)(void *owner, struct child *child);
	/* It has ended; another follows by itself. */
	void (*on_end)(void *owner, struct child *child, int status);
};

struct child {
	enum child_role role;
	struct loop *loop;
	struct log *log;
	const struct child_events *events;
	void *owner;
	pid_t pid; /* 0: none now */
	struct channel *channel;
	uv_timer_t timer;
	uint64_t started_ms, backoff_ms;
	bool stopping; /* no other follows */
	bool ready;    /* has said WORK_READY (keeper, worker) */
	unsigned starts;
};

const char *child_name(enum child_role role);
void child_init(struct child *child, enum child_role role, struct loop *loop, struct log *log,
		const struct child_events *events, void *owner);
int child_start(struct child *child, struct err *err) MUST_CHECK;
/* For SIGCHLD: has this process ended? Then on_end is called and a new start is planned. */
void child_reap(struct child *child);
/* Gives back what it holds of the loop; the process is left alone. To be called once, at the end. */
void child_release(struct child *child);
/* No other follows when it ends; it is not told to. */
void child_is_last(struct child *child);
/* Ends it for good: its channel is closed, which is its order to go. */
void child_stop(struct child *child);
