/* child.c - one process of the gate, kept alive. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/child.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "daemon/spawn.h"

enum {
	CHILD_BACKOFF_MS = 50,
	CHILD_BACKOFF_MAX_MS = 5000,
	CHILD_STEADY_MS = 10000, /* one that lived so long is started anew at once */
};

const char *child_name(enum child_role role)
{
	static const char *const names[CHILD_ROLES] = { "keeper", "launcher", "egress", "worker" };

	return names[role];
}

static void on_message(void *owner, struct wire_in *in)
{
	struct child *child = owner;

	child->events->on_message(child->owner, child, in);
}

/* Its end of the channel is closed: it has ended or is about to. SIGCHLD says the rest. */
static void on_gone(void *owner)
{
	struct child *child = owner;

	child->channel = channel_close(child->channel);
	child->events->on_lost(child->owner, child);
	/* Launcher and keeper have something to finish: servers to end, records to write. */
	if (child->pid > 0 && child->role != CHILD_LAUNCHER && child->role != CHILD_KEEPER)
		(void)kill(child->pid, SIGKILL);
}

static const struct channel_events channel_events = { .on_message = on_message, .on_gone = on_gone };

void child_init(struct child *child, enum child_role role, struct loop *loop, struct log *log,
		const struct child_events *events, void *owner)
{
	*child = (struct child){ .role = role, .loop = loop, .log = log, .events = events, .owner = owner };
	check(uv_timer_init(&loop->uv, &child->timer) == 0);
	child->timer.data = child;
	child->backoff_ms = CHILD_BACKOFF_MS;
}

int child_start(struct child *child, struct err *err)
{
	int fds[2];
	pid_t pid;

	if (wire_pair(fds, err) < 0)
		return -1;
	pid = spawn_role(child_name(child->role), fds[1], err);
	(void)close(fds[1]);
	if (pid < 0) {
		(void)close(fds[0]);
		return -1;
	}
	child->pid = pid;
	child->ready = false;
	child->starts++;
	child->started_ms = loop_now(child->loop);
	child->channel = channel_open(child->loop, fds[0], &channel_events, child, err);
	if (!child->channel)
		return -1;
	child->events->on_start(child->owner, child);
	return 0;
}

static void on_retry(uv_timer_t *timer)
{
	struct child *child = timer->data;
	struct err err = ERR_INIT;

	if (child->stopping || child->pid)
		return;
	if (child_start(child, &err) == 0)
		return;
	log_event(child->log, LOG_ERROR, "process.failed", "A process of the gate cannot be started.",
		  LFS("process", child_name(child->role)), LFS("why", err.text));
	(void)uv_timer_start(timer, on_retry, CHILD_BACKOFF_MAX_MS, 0);
}

void child_reap(struct child *child)
{
	uint64_t now = loop_now(child->loop);
	int status;

	if (child->pid <= 0 || waitpid(child->pid, &status, WNOHANG) != child->pid)
		return;
	child->pid = 0;
	child->ready = false;
	child->channel = channel_close(child->channel);
	child->events->on_lost(child->owner, child);
	if (now > child->started_ms + CHILD_STEADY_MS)
		child->backoff_ms = CHILD_BACKOFF_MS;
	if (!child->stopping) {
		log_event(child->log, LOG_ERROR, "process.ended",
			  "A process of the gate ended; another is started.",
			  LFS("process", child_name(child->role)),
			  LFN("code", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
			  LFN("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0));
		(void)uv_timer_start(&child->timer, on_retry, child->backoff_ms, 0);
		if (child->backoff_ms < CHILD_BACKOFF_MAX_MS)
			child->backoff_ms *= 2;
	}
	child->events->on_end(child->owner, child, status);
}

void child_is_last(struct child *child)
{
	child->stopping = true;
	(void)uv_timer_stop(&child->timer);
}

void child_stop(struct child *child)
{
	child_is_last(child);
	child->channel = channel_close(child->channel);
	child->events->on_lost(child->owner, child);
}

void child_release(struct child *child)
{
	child->stopping = true;
	child->channel = channel_close(child->channel);
	uv_close((uv_handle_t *)&child->timer, NULL);
}
