/* instance.c - one running server, as the launcher sees it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "jail/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

/* The ends a warden gets; ours are in the instance. */
struct ends {
	int stdio[3];
	int control, status;
};

static void ends_release(struct ends *ends)
{
	for (size_t i = 0; i < 3; i++)
		closep(&ends->stdio[i]);
	closep(&ends->control);
	closep(&ends->status);
}

struct instance *instance_free(struct instance *instance)
{
	if (!instance)
		return NULL;
	for (size_t i = 0; i < 3; i++)
		closep(&instance->stdio[i]);
	closep(&instance->pidfd);
	closep(&instance->control);
	closep(&instance->status);
	free(instance);
	return NULL;
}

static void instance_freep(struct instance **instance)
{
	*instance = instance_free(*instance);
}

static int make_pipe(int *ours, int *theirs, bool we_write, struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	*ours = fds[we_write];
	*theirs = fds[!we_write];
	return file_set_nonblock(*ours, true, err);
}

static int make_pair(int *ours, int *theirs, struct err *err)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(err, "cannot make a socket pair");
	*ours = fds[0];
	*theirs = fds[1];
	return file_set_nonblock(*ours, true, err);
}

static int make_ends(struct instance *instance, struct ends *ends, struct err *err)
{
	int yes = 1;

	for (size_t i = 0; i < 3; i++)
		if (make_pipe(&instance->stdio[i], &ends->stdio[i], i == 0, err) < 0)
			return -1;
	for (size_t i = 0; i < 2; i++)
		(void)fcntl(instance->stdio[i], F_SETPIPE_SZ, INSTANCE_PIPE_BYTES);
	if (make_pair(&instance->control, &ends->control, err) < 0 ||
	    make_pair(&instance->status, &ends->status, err) < 0)
		return -1;
	/* The kernel then names the sender by its pid in our namespace: the server's, for STARTED. */
	if (setsockopt(instance->status, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0)
		return err_sys(err, "cannot ask for credentials");
	return 0;
}

static int fork_warden(struct instance *instance, const struct instance_request *request,
		       const struct ends *ends, struct err *err)
{
	struct warden_job job = {
		.definition = request->definition,
		.fence = request->fence,
		.uid = geteuid(),
		.gid = getegid(),
		.stdio = { ends->stdio[0], ends->stdio[1], ends->stdio[2] },
		.control = ends->control,
		.status = ends->status,
		.forget = request->forget,
		.owner = request->owner,
	};
	sigset_t all, before;
	int sys;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	instance->warden = fence_fork(request->fence, &instance->pidfd);
	sys = errno;
	if (instance->warden == 0)
		warden_run(&job);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	errno = sys;
	return instance->warden < 0 ? err_sys(err, "cannot make a process") : 0;
}

int instance_start(const struct instance_request *request, struct instance **out, struct err *err)
{
	CLEANUP(ends_release) struct ends ends = { { -1, -1, -1 }, -1, -1 };
	CLEANUP(instance_freep) struct instance *instance = calloc(1, sizeof(*instance));

	if (!instance)
		return err_set(err, ERR_NOMEM, "no memory for an instance");
	*instance = (struct instance){ .id = request->id,
				       .worker = request->worker,
				       .question = request->question,
				       .fence = request->fence,
				       .n_server = request->definition->name.n,
				       .pidfd = -1,
				       .control = -1,
				       .status = -1,
				       .stdio = { -1, -1, -1 } };
	list_init(&instance->node);
	memcpy(instance->server, request->definition->name.p, instance->n_server);
	(void)snprintf(instance->program, sizeof(instance->program), "%s", request->definition->argv[0]);
	if (make_ends(instance, &ends, err) < 0 || fork_warden(instance, request, &ends, err) < 0)
		return -1;
	*out = TAKE(instance);
	return 0;
}

/* 1 a report, 0 nothing yet, -1 the end. */
static int read_status(struct instance *instance, struct start_report *report)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control = { 0 };
	struct iovec data = { .iov_base = report, .iov_len = sizeof(*report) };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	ssize_t got = recvmsg(instance->status, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (got != (ssize_t)sizeof(*report))
		return -1;
	c = CMSG_FIRSTHDR(&message);
	if (report->step == START_HELLO && c && c->cmsg_type == SCM_CREDENTIALS) {
		struct ucred who;

		memcpy(&who, CMSG_DATA(c), sizeof(who));
		instance->pid = who.pid;
	}
	return 1;
}

bool instance_progress(struct instance *instance)
{
	struct start_report report;
	int got;

	while ((got = read_status(instance, &report)) > 0) {
		if (report.step == START_HELLO)
			continue;
		instance->failure = report;
		instance->failed = true;
	}
	if (got == 0)
		return false;
	closep(&instance->status);
	if (instance->pid == 0 && !instance->failed) {
		instance->failure = (struct start_report){ START_PROCESS, FENCE_DONE, ECHILD };
		instance->failed = true;
	}
	if (!instance->failed && instance->state == INSTANCE_STARTING)
		instance->state = INSTANCE_RUNNING;
	return true;
}

void instance_reap(struct instance *instance)
{
	struct warden_report report;
	int status = SIGKILL; /* for a child somebody else has reaped */

	if (instance->status >= 0)
		(void)instance_progress(instance);
	if (waitpid(instance->warden, &status, WNOHANG) == 0)
		return;
	if (recv(instance->control, &report, sizeof(report), MSG_DONTWAIT) == (ssize_t)sizeof(report))
		instance->report = report;
	else if (WIFSIGNALED(status))
		instance->report.signal = WTERMSIG(status);
	else
		instance->report.code = WEXITSTATUS(status);
	instance->state = INSTANCE_ENDED;
}

static void order(struct instance *instance, enum warden_order what)
{
	char byte = (char)what;

	(void)!send(instance->control, &byte, sizeof(byte), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void signal_warden(struct instance *instance)
{
	(void)syscall(SYS_pidfd_send_signal, instance->pidfd, SIGKILL, NULL, 0);
}

void instance_kill(struct instance *instance, uint64_t now_ms)
{
	if (instance->killed || instance->state == INSTANCE_ENDED)
		return;
	instance->killed = true;
	instance->canceled = instance->state == INSTANCE_STARTING;
	instance->deadline_ms = 0;
	if (instance->fence.pids) {
		signal_warden(instance);
		return;
	}
	order(instance, WARDEN_KILL);
	instance->deadline_ms = now_ms + INSTANCE_CLEAR_MS;
}

void instance_stop(struct instance *instance, uint64_t grace_ms, uint64_t now_ms)
{
	uint64_t grace = grace_ms > LAUNCH_MAX_GRACE_MS ? LAUNCH_MAX_GRACE_MS : grace_ms;

	if (instance->killed || instance->state == INSTANCE_ENDED)
		return;
	if (instance->state == INSTANCE_STARTING || grace == 0) {
		instance_kill(instance, now_ms);
		return;
	}
	if (!instance->stopping) {
		instance->stopping = true;
		instance->grace_ms = grace;
		instance->deadline_ms = now_ms + LAUNCH_EXIT_MS;
		return;
	}
	if (grace < instance->grace_ms)
		instance->grace_ms = grace;
	if (instance->termed && now_ms + grace < instance->deadline_ms)
		instance->deadline_ms = now_ms + grace;
}

void instance_hurry(struct instance *instance, uint64_t now_ms)
{
	instance->deadline_ms = 0;
	if (instance->killed) {
		signal_warden(instance);
	} else if (instance->termed) {
		instance_kill(instance, now_ms);
	} else {
		order(instance, WARDEN_TERM);
		instance->termed = true;
		instance->deadline_ms = now_ms + instance->grace_ms;
	}
}

void instance_explain(const struct instance *instance, struct buf *out)
{
	const char *reason = strerrordesc_np(instance->failure.sys);

	if (instance->canceled) {
		buf_add(out, S("it was stopped before it ran"));
		return;
	}
	switch ((enum start_step)instance->failure.step) {
	case START_FENCE:
		buf_addf(out, "no %s: ", fence_step_layer((enum fence_step)instance->failure.fence_step));
		break;
	case START_FOLDER:
		buf_add(out, S("its folder cannot be entered: "));
		break;
	case START_PROGRAM:
		if (instance->failure.sys == ENOENT && !strchr(instance->program, '/')) {
			buf_addf(out, "the program '%s' is in no folder of PATH", instance->program);
			return;
		}
		buf_addf(out, "the program '%s' cannot be run: ", instance->program);
		break;
	case START_INTERPRETER:
		buf_addf(out,
			 "the program '%s' is there, but not the interpreter it names: ", instance->program);
		break;
	case START_HELLO:
	case START_PROCESS:
		buf_add(out, S("its process cannot be made: "));
		break;
	}
	buf_add(out, span_str(reason ? reason : "unknown error"));
}
