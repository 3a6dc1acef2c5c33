/* gate.c - how a command reaches the running gate, or starts one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tr.h"
#include "cli/hint.h"
#include "crypto/digest.h"
#include "daemon/control.h"
#include "daemon/data_lock.h"
#include "daemon/manager.h"
#include "store/ask.h"

enum {
	GATE_ANSWER_MS = 15000,
	GATE_START_MS = 15000,
	GATE_IDLE_EXIT_MS = 10 * 60 * 1000,
	GATE_LEAVE_MS = 25000, /* longer than the manager's own deadlines together */
	GATE_LEAVE_STEP_MS = 20,
	GATE_AGAIN_MS = 1000, /* between starts, while another gate has the folder */
};

/* Says what is wrong with the config; `footer` is one more note, may be empty. */
static void print_problems(const struct conf_problems *problems, const struct err *err, struct span footer)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)256 * 1024);
	const struct conf_render render = { .color = isatty(STDERR_FILENO) && !getenv("NO_COLOR"),
					    .footer = footer };

	conf_problems_render(&text, problems, &render);
	if (text.n == 0)
		buf_addf(&text, "%s: %s\n", tr("error"), err->text);
	if (problems->n == 0 && footer.n)
		buf_addf(&text, "%s: %.*s\n", tr("note"), SPAN_ARG(footer));
	(void)!write(STDERR_FILENO, text.p, text.n);
}

bool gate_find_running(const struct options *options, struct gate_paths *paths)
{
	CLEANUP(freep) struct gate_paths *guesses = calloc(GATE_PATHS_GUESSES, sizeof(*guesses));
	struct err err = ERR_INIT;
	int n;

	if (!guesses)
		return false;
	n = gate_paths_guess(option_value(options, "config"), option_value(options, "data-dir"), guesses,
			     &err);
	for (int i = 0; i < n; i++) {
		CLEANUP(closep) int fd = -1;

		if (control_connect(guesses[i].control, &fd, &err) < 0)
			continue;
		*paths = guesses[i];
		return true;
	}
	return false;
}

int gate_load_running(const struct options *options, struct gate_config *config, bool *broken)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	struct err err = ERR_INIT;

	*broken = false;
	if (crypto_init(&err) < 0)
		return cmd_fail(EXIT_FAILED, "%s", err.text);
	if (gate_config_load(option_value(options, "config"), option_value(options, "data-dir"), config,
			     &problems, &err) == 0)
		return EXIT_OK;
	*config = (struct gate_config){ .conf = NULL };
	if (!gate_find_running(options, &config->paths)) {
		print_problems(&problems, &err, S(""));
		return EXIT_USAGE;
	}
	*broken = true;
	print_problems(&problems, &err,
		       span_str(tr("the gate that runs goes on with the config it read before")));
	return EXIT_OK;
}

static pid_t peer_of(int fd)
{
	struct ucred peer = { 0 };
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 ? peer.pid : 0;
}

int gate_connect(struct gate *gate, const struct gate_paths *paths, struct err *err)
{
	*gate = GATE_INIT;
	gate->store = malloc(WIRE_MAX_BYTES);
	if (!gate->store)
		return err_set(err, ERR_NOMEM, "no memory");
	if (control_connect(paths->control, &gate->fd, err) < 0)
		return -1;
	gate->pid = peer_of(gate->fd);
	return 0;
}

void gate_close(struct gate *gate)
{
	closep(&gate->fd);
	freep(&gate->store);
}

int gate_ask(struct gate *gate, const struct wire_out *out, struct wire_in *in, struct err *err)
{
	return gate_ask_for(gate, out, GATE_ANSWER_MS, in, err);
}

int gate_ask_for(struct gate *gate, const struct wire_out *out, int timeout_ms, struct wire_in *in,
		 struct err *err)
{
	char text[sizeof(err->text)];

	if (wire_send_wait(gate->fd, out, GATE_ANSWER_MS, err) < 0 ||
	    wire_recv_wait(gate->fd, gate->store, in, timeout_ms, err) < 0)
		return -1;
	if (in->kind == CONTROL_LEAVING)
		return err_set(err, ERR_CLOSED, "%s", tr("the gate is ending; try again"));
	if (in->kind != CONTROL_FAILED && in->kind != ASK_REFUSED)
		return 0;
	if (!span_to_cstr(span_first(wire_get_span(in), sizeof(text) - 1), text, sizeof(text)))
		(void)snprintf(text, sizeof(text), "the gate refused");
	wire_in_release(in);
	return err_set(err, ERR_DENIED, "%s", text);
}

/* --- taking one's place --- */

/* The sentence of the lock, with a command that finds the gate which has it. */
static int stay_out(const struct gate_paths *paths, struct err *err)
{
	CLEANUP(buf_release) struct buf command = BUF_INIT((size_t)PATH_MAX * 4);

	hint_add_command(&command, "status", paths);
	/* A command that is cut would mislead. */
	if (!buf_ok(&command) || command.n + strlen(paths->data) + 64 > sizeof(err->text))
		return -1;
	return err_set(err, ERR_DENIED, tr("another gate uses %s; see `%s`"), paths->data,
		       buf_cstr(&command));
}

static int keep(const struct gate *gate, const struct gate_paths *paths, struct wire_in *in, struct err *err)
{
	bool background = wire_get_u64(in);
	unsigned long long hosts = wire_get_u64(in);
	int pid = (int)gate->pid;

	if (!background || in->bad)
		return stay_out(paths, err);
	return err_set(
	    err, ERR_DENIED,
	    tr("a gate started by `kanmon run` has %s (pid %d), and hosts use it: %llu; end it with `kill "
	       "%d` and start this one again: what connects after that comes to this one"),
	    paths->data, pid, hosts, pid);
}

static bool is_answering(const struct gate_paths *paths)
{
	CLEANUP(closep) int fd = -1;

	return control_connect(paths->control, &fd, NULL) == 0;
}

/* It lets the lock go when all its processes are gone. 1: another gate was there first. */
static int wait_lock(const struct gate_paths *paths, int *lock_fd, struct err *err)
{
	for (int waited = 0; waited < GATE_LEAVE_MS; waited += GATE_LEAVE_STEP_MS) {
		if (data_lock(paths->data, lock_fd, err) == 0)
			return 0;
		closep(lock_fd);
		if (err->code != ERR_DENIED)
			return -1;
		if (is_answering(paths))
			return 1;
		(void)poll(NULL, 0, GATE_LEAVE_STEP_MS);
	}
	return stay_out(paths, err);
}

static int ask_room(const struct gate_paths *paths, int *lock_fd, struct err *err)
{
	CLEANUP(gate_close) struct gate gate = GATE_INIT;
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	struct wire_in in = { 0 };
	struct err unheard = ERR_INIT;
	int rc;

	wire_begin(&out, CONTROL_YIELD, 0);
	/* One that ends listens no more, or has no answer; then its place is waited for. */
	if (gate_connect(&gate, paths, &unheard) < 0)
		return unheard.code == ERR_MISSING ? wait_lock(paths, lock_fd, err) : stay_out(paths, err);
	if (gate_ask(&gate, &out, &in, &unheard) < 0)
		return unheard.code == ERR_CLOSED ? wait_lock(paths, lock_fd, err) : stay_out(paths, err);
	rc = in.kind == CONTROL_DONE ? wait_lock(paths, lock_fd, err) : keep(&gate, paths, &in, err);
	wire_in_release(&in);
	return rc;
}

int gate_make_room(const struct gate_paths *paths, int *lock_fd, struct err *err)
{
	int rc = 1;

	for (int gates = 0; rc > 0 && gates < GATES_ASKED; gates++)
		rc = ask_room(paths, lock_fd, err);
	return rc > 0 ? stay_out(paths, err) : rc;
}

/* --- starting one --- */

/*
 * The gate leaves our folder and reads its config again at each reload: it gets a path that is good from
 * everywhere. A symbolic link stays one, so that it may lead elsewhere by then. NULL stays NULL.
 */
static int make_absolute(const char **path, char out[PATH_MAX], struct err *err)
{
	char here[PATH_MAX];
	int n;

	if (!*path || **path == '/')
		return 0;
	if (!getcwd(here, sizeof(here)))
		return err_sys(err, "cannot tell the current folder");
	n = snprintf(out, PATH_MAX, "%s/%s", here, *path);
	if (n < 0 || n >= PATH_MAX)
		return err_set(err, ERR_LIMIT, "the path %s is too long", *path);
	*path = out;
	return 0;
}

/* In the child: a session of its own, its log in the data folder, and the manager's work. */
static _Noreturn void become_gate(const char *file, const char *data_dir, const struct gate_config *config,
				  int ready_fd)
{
	struct log log = { .fd = STDERR_FILENO, .level = LOG_INFO, .stamp = true, .role = "manager" };
	struct manager_options manager = { .config = file,
					   .data_dir = data_dir,
					   .background = true,
					   .idle_exit_ms = GATE_IDLE_EXIT_MS,
					   .ready_fd = ready_fd,
					   .log = &log };
	char path[PATH_MAX];
	struct err err = ERR_INIT;
	int null, out;
	int n = snprintf(path, sizeof(path), "%s/kanmon.log", config->paths.data);

	/* Of the command's own nothing else stays open here: its host waits for the ends of its pipes. */
	(void)close_range(STDERR_FILENO + 1, (unsigned)ready_fd - 1, 0);
	(void)close_range((unsigned)ready_fd + 1, ~0U, 0);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	(void)setsid();
	if (null < 0 || n < 0 || (size_t)n >= sizeof(path) || file_make_dirs(config->paths.data, &err) < 0)
		_exit(EXIT_FAILED);
	out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	(void)dup2(out < 0 ? null : out, STDERR_FILENO);
	if (chdir("/") < 0)
		_exit(EXIT_FAILED);
	_exit(manager_main(&manager));
}

/* Waits for the end of the pipe: the new gate closes it when it is ready, or ends. */
static int wait_ready(int fd, struct err *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, GATE_START_MS);
	while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : err_set(err, ERR_LIMIT, "%s", tr("the gate did not become ready in time"));
}

static int start_gate(const struct options *options, const struct gate_config *config, struct err *err)
{
	CLEANUP(closep) int reader = -1;
	const char *file = option_value(options, "config");
	/* In the config's paths it is absolute. */
	const char *data_dir = option_value(options, "data-dir") ? config->paths.data : NULL;
	char absolute[PATH_MAX];
	int fds[2];
	pid_t pid;

	if (make_absolute(&file, absolute, err) < 0)
		return -1;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	reader = fds[0];
	pid = fork();
	if (pid == 0) {
		/* Twice, so that the gate is nobody's child. */
		pid = fork();
		if (pid == 0)
			become_gate(file, data_dir, config, fds[1]);
		_exit(pid < 0);
	}
	(void)close(fds[1]);
	if (pid < 0)
		return err_sys(err, "cannot start a gate");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return wait_ready(reader, err);
}

static bool is_taken(const struct gate_paths *paths)
{
	CLEANUP(closep) int fd = -1;
	struct err err = ERR_INIT;

	return data_lock(paths->data, &fd, &err) < 0 && err.code == ERR_DENIED;
}

int gate_connect_or_start(struct gate *gate, const struct options *options, const struct gate_config *config,
			  bool next, struct err *err)
{
	bool taken = next;

	if (gate_connect(gate, &config->paths, err) == 0)
		return 0;
	gate_close(gate);
	if (err->code != ERR_MISSING)
		return -1;
	/*
	 * Another command may have been faster: then its gate holds the lock, and ours has ended. Or the gate
	 * of before holds it until all its processes are gone.
	 */
	for (int waited = next ? GATE_LEAVE_STEP_MS : 0; waited < GATE_LEAVE_MS;
	     waited += GATE_LEAVE_STEP_MS) {
		if (waited % GATE_AGAIN_MS == 0) {
			bool was_taken = taken;

			taken = is_taken(&config->paths);
			/* Nobody was in its way, and it is not there: it will say why in its log. */
			if (waited && !taken && !was_taken)
				break;
			*err = ERR_INIT;
			if (start_gate(options, config, err) < 0)
				return -1;
		}
		if (gate_connect(gate, &config->paths, err) == 0)
			return 0;
		gate_close(gate);
		(void)poll(NULL, 0, GATE_LEAVE_STEP_MS);
	}
	return err_wrap(err, "%s",
			tr("a gate was started and cannot be reached; see kanmon.log in its data folder"));
}
