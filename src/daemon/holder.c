/* holder.c - the process that was started as the gate, while others do its work. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "daemon/notify.h"
#include "daemon/spawn.h"
#include "daemon/work.h"

enum {
	HOLDER_LOOK_MS = 200, /* what a manager said before its end is heard before it is believed */
	HOLDER_STATE_BYTES = 1024,
	HOLDER_UNKNOWN = 1, /* the exit code, where nobody heard how the manager ended */
};

#define HOLDER_ENVIRONMENT "KANMON_HOLDS"

static void on_message(void *owner, struct wire_in *in)
{
	struct holder *holder = owner;
	char state[HOLDER_STATE_BYTES];
	uint64_t pid;

	if (in->kind == HOLD_MANAGER) {
		pid = wire_get_u64(in);
		if (wire_in_done(in) && pid > 1 && pid <= INT_MAX)
			holder->manager = (pid_t)pid;
	} else if (in->kind == HOLD_NOTIFY && span_to_cstr(wire_get_span(in), state, sizeof(state))) {
		notify_systemd(state);
	}
}

static void on_look(uv_timer_t *timer)
{
	struct holder *holder = timer->data;

	/* Another has buried it: nobody can say any more how it ended. */
	if (!holder->channel && holder->manager && kill(holder->manager, 0) < 0 && errno == ESRCH)
		holder->manager = 0;
	if (holder->manager == 0)
		holder->on_end(holder->owner);
	else if (!holder->channel)
		(void)uv_timer_start(timer, on_look, HOLDER_LOOK_MS, 0);
}

/* All managers are gone; SIGCHLD says how the last one went. */
static void on_gone(void *owner)
{
	struct holder *holder = owner;

	holder->channel = channel_close(holder->channel);
	(void)uv_timer_start(&holder->timer, on_look, HOLDER_LOOK_MS, 0);
}

static const struct channel_events events = { .on_message = on_message, .on_gone = on_gone };

int holder_open(struct holder *holder, struct loop *loop, int fd, pid_t manager, struct err *err)
{
	int copy;

	/* A manager whose own predecessor has ended is ours to wait for. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
		(void)close(fd);
		return err_sys(err, "cannot wait for processes of processes");
	}
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy >= 0)
		holder->channel = channel_open(loop, copy, &events, holder, NULL);
	holder->fd = fd;
	holder->loop = loop;
	holder->manager = manager;
	holder->code = HOLDER_UNKNOWN;
	check(uv_timer_init(&loop->uv, &holder->timer) == 0);
	holder->timer.data = holder;
	/* The gate ends where nobody holds its place: who hears nothing holds it, too, and looks. */
	if (!holder->channel)
		(void)uv_timer_start(&holder->timer, on_look, HOLDER_LOOK_MS, 0);
	return 0;
}

void holder_close(struct holder *holder)
{
	holder->channel = channel_close(holder->channel);
	if (holder->loop)
		uv_close((uv_handle_t *)&holder->timer, NULL);
	if (holder->loop)
		closep(&holder->fd);
	holder->loop = NULL;
}

bool holder_forward(const struct holder *holder, int number)
{
	return holder->manager > 1 && kill(holder->manager, number) == 0;
}

pid_t holder_look(void)
{
	siginfo_t info = { 0 };

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info.si_pid : 0;
}

void holder_bury(struct holder *holder, pid_t pid)
{
	int status = 0;

	if (waitpid(pid, &status, WNOHANG) != pid || pid != holder->manager || !holder->loop)
		return;
	holder->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	holder->manager = 0;
	(void)uv_timer_start(&holder->timer, on_look, HOLDER_LOOK_MS, 0);
}

/* --- the process that does nothing else --- */

struct process {
	struct loop loop;
	struct holder holder;
	uv_signal_t signals[5];
	struct log *log;
};

static const int passed_on[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD };

static void block(int how)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < COUNT(passed_on); i++)
		(void)sigaddset(&set, passed_on[i]);
	(void)sigprocmask(how, &set, NULL);
}

static void on_end(void *owner)
{
	struct process *process = owner;

	loop_stop(&process->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct process *process = handle->data;
	pid_t pid;

	if (number != SIGCHLD) {
		(void)holder_forward(&process->holder, number);
		return;
	}
	while ((pid = holder_look()) > 0)
		holder_bury(&process->holder, pid);
}

static int hold(int fd, pid_t manager, struct log *log)
{
	struct process *process = calloc(1, sizeof(*process));
	struct err err = ERR_INIT;

	if (!process)
		return 1;
	process->log = log;
	process->holder = (struct holder){ .on_end = on_end, .owner = process };
	if (loop_init(&process->loop, &err) < 0 ||
	    holder_open(&process->holder, &process->loop, fd, manager, &err) < 0) {
		log_event(log, LOG_ERROR, "holder.failed", "The gate's first process cannot wait.",
			  LFS("why", err.text));
		return 1;
	}
	for (size_t i = 0; i < COUNT(passed_on); i++) {
		check(uv_signal_init(&process->loop.uv, &process->signals[i]) == 0);
		process->signals[i].data = process;
		(void)uv_signal_start(&process->signals[i], on_signal, passed_on[i]);
	}
	block(SIG_UNBLOCK);
	/* One that ended before there was anybody to hear of it. */
	on_signal(&process->signals[4], SIGCHLD);
	loop_run(&process->loop);
	return process->holder.code;
}

int holder_main(int manager_fd, struct log *log)
{
	const char *text = getenv(HOLDER_ENVIRONMENT);
	uint64_t pid = 0;

	/* The environment of the gate, which execve(2) has opened to other programs of its user again. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (!text || !span_u64(span_str(text), &pid) || pid <= 1 || pid > INT_MAX)
		return 2;
	(void)prctl(PR_SET_NAME, "kanmon");
	(void)close_range(WORK_FD + 1, ~0U, 0);
	(void)fcntl(manager_fd, F_SETFD, FD_CLOEXEC);
	return hold(manager_fd, (pid_t)pid, log);
}

void holder_begin_change(void)
{
	block(SIG_BLOCK);
}

int holder_become(int fd, pid_t manager, int program, struct log *log)
{
	char entry[64];
	char *argv[] = { (char *)(uintptr_t) "kanmon", (char *)(uintptr_t) "--role",
			 (char *)(uintptr_t) "holder", NULL };
	int high = program < 0 ? -1 : fcntl(program, F_DUPFD_CLOEXEC, WORK_FD + 1);
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, WORK_FD + 1);
	char **environment;

	(void)snprintf(entry, sizeof(entry), HOLDER_ENVIRONMENT "=%d", (int)manager);
	environment = spawn_environment(S(HOLDER_ENVIRONMENT "="), entry);
	closep(&fd);
	closep(&program);
	if (copy < 0)
		return 1;
	if (high >= 0 && environment && dup2(copy, WORK_FD) == WORK_FD)
		(void)fexecve(high, argv, environment);
	log_event(log, LOG_WARN, "holder.same", "The gate's first process stays the program it was.",
		  LFS("why", strerrordesc_np(errno)));
	free(environment);
	closep(&high);
	return hold(copy, manager, log);
}
