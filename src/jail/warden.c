/* warden.c - the first process of an instance, and the server it turns its child into. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "jail/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail/tree.h"

/* Where the descriptors stand after they were put in order. */
enum { FD_CONTROL = 3, FD_STATUS, FD_FOLDER, FD_FIRST_FREE };

/* Soft limit of open files for a server; programs that select(2) break with more. */
#define SERVER_OPEN_FILES ((rlim_t)1024)

#define CLOSE_ON_EXEC_FLAG 4U /* CLOSE_RANGE_CLOEXEC */
#define OLD_KERNEL_FDS 65536

static _Noreturn void fail(int status, enum start_step step, enum fence_step fence_step, int sys)
{
	struct start_report report = { (int32_t)step, (int32_t)fence_step, sys };

	(void)!send(status, &report, sizeof(report), MSG_NOSIGNAL);
	_exit(127);
}

/* Closes all from `first` on, or marks them to be closed by execve(2). */
static void close_from(unsigned first, bool on_exec)
{
	if (syscall(SYS_close_range, first, ~0U, on_exec ? CLOSE_ON_EXEC_FLAG : 0) == 0)
		return;
	for (unsigned fd = first; fd < OLD_KERNEL_FDS; fd++) {
		if (on_exec)
			(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
		else
			(void)close((int)fd);
	}
}

/* First all out of the way, then each to its place. */
static int arrange(const struct warden_job *job)
{
	int from[] = { job->stdio[0], job->stdio[1], job->stdio[2],
		       job->control,  job->status,   job->definition->folder };

	for (size_t i = 0; i < COUNT(from); i++) {
		if (from[i] < 0)
			continue;
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 16);
		if (from[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < COUNT(from); i++) {
		if (from[i] < 0)
			(void)close((int)i);
		else if (dup3(from[i], (int)i, i < 3 ? 0 : O_CLOEXEC) < 0)
			return -1;
	}
	close_from(FD_FIRST_FREE, false);
	return 0;
}

static void reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int s = 1; s < _NSIG; s++)
		(void)sigaction(s, &action, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void set_limits(void)
{
	struct rlimit core = { 0 }, files;

	(void)setrlimit(RLIMIT_CORE, &core);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > SERVER_OPEN_FILES) {
		files.rlim_cur = SERVER_OPEN_FILES;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int enter_folder(const struct definition *definition)
{
	if (definition->folder >= 0)
		return fchdir(FD_FOLDER);
	return definition->cwd[0] ? chdir(definition->cwd) : 0;
}

/* Returns only on failure: the errno, and in `*found` whether the file was there. */
static int try_program(const struct definition *definition, const char *path, bool *found)
{
	int sys;

	(void)execve(path, definition->argv, definition->env);
	sys = errno;
	*found = (sys == ENOENT || sys == ENOTDIR) && access(path, F_OK) == 0;
	return sys;
}

/* A bare name is looked for in the absolute folders of the definition's PATH, and nowhere else. */
static int search_program(const struct definition *definition, bool *found)
{
	struct span rest = definition->path;
	const char *name = definition->argv[0];
	char path[PATH_MAX];
	int worst = ENOENT;

	while (rest.n > 0 && !*found) {
		struct span folder = span_cut(&rest, ':');
		int n, sys;

		if (folder.n == 0 || folder.p[0] != '/')
			continue;
		n = snprintf(path, sizeof(path), "%.*s/%s", SPAN_ARG(folder), name);
		if (n < 0 || (size_t)n >= sizeof(path))
			continue;
		sys = try_program(definition, path, found);
		if (sys != ENOENT && sys != ENOTDIR)
			worst = sys;
		/* What is wrong with the file that was found will not be better elsewhere. */
		if (worst != ENOENT && worst != EACCES)
			return worst;
	}
	return worst;
}

static _Noreturn void serve(const struct warden_job *job, pid_t warden)
{
	const struct definition *definition = job->definition;
	struct start_report hello = { .step = START_HELLO };
	bool found = false;
	int sys;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* It may have died before we asked to be told. */
	if (getppid() != warden)
		_exit(127);
	(void)!send(FD_STATUS, &hello, sizeof(hello), MSG_NOSIGNAL);
	(void)setsid();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail(FD_STATUS, START_PROCESS, FENCE_DONE, errno);
	set_limits();
	if (enter_folder(definition) < 0)
		fail(FD_STATUS, START_FOLDER, FENCE_DONE, errno);
	close_from(3, true);
	reset_signals();
	if (strchr(definition->argv[0], '/'))
		sys = try_program(definition, definition->argv[0], &found);
	else
		sys = search_program(definition, &found);
	fail(FD_STATUS, found ? START_INTERPRETER : START_PROGRAM, FENCE_DONE, sys);
}

/* Reaps; true once the server itself was among them. */
static bool reap(pid_t server, struct warden_report *report)
{
	bool ended = false;

	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid <= 0)
			return ended;
		if (pid != server)
			continue;
		ended = true;
		report->code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
		report->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	}
}

/* False when it is time to end. */
static bool obey(pid_t server)
{
	char order = 0;
	ssize_t got = recv(FD_CONTROL, &order, sizeof(order), MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 0 || order == WARDEN_KILL)
		return false;
	/* -1 would be everybody. */
	if (order == WARDEN_TERM && server > 1)
		(void)kill(-server, SIGTERM);
	return true;
}

/* Ends when the server does, or when told to, or when the launcher is gone. */
static void watch(pid_t server, int signals, struct warden_report *report)
{
	struct pollfd fds[] = { { .fd = FD_CONTROL, .events = POLLIN }, { .fd = signals, .events = POLLIN } };

	for (;;) {
		struct signalfd_siginfo info;

		if (poll(fds, COUNT(fds), -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents && read(signals, &info, sizeof(info)) > 0 && reap(server, report))
			return;
		if (fds[0].revents && !obey(server))
			return;
	}
}

/* The launcher's memory came along, with what other servers are told. Nobody may look at it. */
static void hide(const struct fence *fence)
{
	(void)prctl(PR_SET_NAME, "kanmon-warden", 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/*
	 * Without a pid namespace dying at once would leave orphans: there the end of the control
	 * socket is the sign, and what is below is cleared away first.
	 */
	if (fence->pids)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	else
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static _Noreturn void finish(const struct warden_job *job, const struct warden_report *report)
{
	if (!job->fence.pids)
		(void)tree_clear(getpid(), NULL, 0);
	(void)!send(FD_CONTROL, report, sizeof(*report), MSG_NOSIGNAL | MSG_DONTWAIT);
	_exit(report->signal ? 128 + report->signal : report->code);
}

_Noreturn void warden_run(const struct warden_job *job)
{
	struct warden_report report = { .signal = SIGKILL };
	enum fence_step step;
	sigset_t child;
	pid_t server, self = getpid();
	int signals;

	(void)setsid();
	if (arrange(job) < 0)
		fail(job->status, START_PROCESS, FENCE_DONE, errno);
	step = fence_enter(job->fence, job->uid, job->gid);
	if (step != FENCE_DONE)
		fail(FD_STATUS, START_FENCE, step, errno);
	hide(&job->fence);
	server = fork();
	if (server < 0)
		fail(FD_STATUS, START_PROCESS, FENCE_DONE, errno);
	if (server == 0)
		serve(job, self);
	job->forget(job->owner);
	for (int fd = 0; fd < 3; fd++)
		(void)close(fd);
	(void)close(FD_STATUS);
	(void)close(FD_FOLDER);
	(void)!chdir("/");
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	/* SIGCHLD is blocked, so none was lost until here. */
	signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals >= 0)
		watch(server, signals, &report);
	finish(job, &report);
}
