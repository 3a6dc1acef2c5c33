/* launcher.c - real processes: what they get, how they end, and that nothing stays. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "jail/launcher.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "tap.h"

enum { WAIT_MS = 20 * 1000, NOBODY = 65534 };

enum variant { NATIVE, AS_NOBODY, NO_NAMESPACES };
static const char *const variant_names[] = { "native", "as nobody", "no namespaces" };

/* Both ends of a launcher under test, and the last message from it. */
struct bench {
	const char *variant;
	int manager, worker;
	pid_t pid;
	struct wire_in in;
	char store[WIRE_MAX_BYTES];
	int stdio[3]; /* of the server that was started last */
	pid_t server;
	char folder[64];
	char marker[32];
};

/* The kernel of somebody who forbids namespaces. */
static void refuse_namespaces(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	uint64_t flags = CLONE_NEWPID | CLONE_NEWUSER;

	for (uint64_t bit = 1; bit <= flags && bit; bit <<= 1)
		if (flags & bit)
			(void)seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
					       SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
	if (seccomp_load(filter) < 0)
		_exit(70);
	seccomp_release(filter);
}

static void become(enum variant variant)
{
	if (variant == AS_NOBODY &&
	    (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)))
		_exit(71);
	if (variant == NO_NAMESPACES)
		refuse_namespaces();
}

static _Noreturn void run_launcher(enum variant variant, int manager, int worker)
{
	struct log log = { .fd = open("/dev/null", O_WRONLY), .level = LOG_DEBUG, .role = "launcher" };
	struct err err = ERR_INIT;

	become(variant);
	(void)setenv("KANMON_LEAK", "yes", 1);
	(void)dup2(1, 50);
	_exit(launcher_main(manager, worker, &log, &err) < 0 ? 72 : 0);
}

static void begin(struct bench *bench, enum variant variant)
{
	static unsigned count;
	int manager[2], worker[2];

	*bench = (struct bench){ .variant = variant_names[variant], .stdio = { -1, -1, -1 } };
	(void)snprintf(bench->marker, sizeof(bench->marker), "600.%d%04u", getpid(), ++count);
	(void)snprintf(bench->folder, sizeof(bench->folder), "/tmp/kanmon-launcher-XXXXXX");
	if (!mkdtemp(bench->folder) || chmod(bench->folder, 0755) < 0)
		exit(1);
	if (wire_pair(manager, NULL) < 0 || wire_pair(worker, NULL) < 0)
		exit(1);
	(void)fflush(stdout);
	bench->pid = fork();
	if (bench->pid == 0) {
		(void)close(manager[0]);
		(void)close(worker[0]);
		run_launcher(variant, manager[1], worker[1]);
	}
	if (bench->pid < 0)
		exit(1);
	(void)close(manager[1]);
	(void)close(worker[1]);
	bench->manager = manager[0];
	bench->worker = worker[0];
}

static void drop_stdio(struct bench *bench)
{
	for (size_t i = 0; i < 3; i++)
		closep(&bench->stdio[i]);
}

/* Ends the launcher and says how it ended. */
static int finish(struct bench *bench)
{
	int status = -1;

	drop_stdio(bench);
	closep(&bench->worker);
	closep(&bench->manager);
	(void)waitpid(bench->pid, &status, 0);
	(void)rmdir(bench->folder);
	return status;
}

static void send_to(int fd, struct wire_out *out)
{
	struct err err = ERR_INIT;

	if (wire_send_wait(fd, out, WAIT_MS, &err) < 0)
		printf("# send: %s\n", err.text);
	wire_out_release(out);
}

static bool receive(struct bench *bench, int fd)
{
	struct err err = ERR_INIT;

	wire_in_release(&bench->in);
	if (wire_recv_wait(fd, bench->store, &bench->in, WAIT_MS, &err) == 0)
		return true;
	printf("# receive: %s\n", err.text);
	bench->in = (struct wire_in){ 0 };
	return false;
}

struct server {
	const char *name, *cwd;
	const char *argv[5];
	const char *env[4];
};

static uint32_t define(struct bench *bench, const struct server *server)
{
	struct wire_out out = { 0 };
	size_t n = 0, m = 0;

	while (n < COUNT(server->argv) && server->argv[n])
		n++;
	while (m < COUNT(server->env) && server->env[m])
		m++;
	wire_begin(&out, LAUNCH_DEFINE, 9);
	wire_put_span(&out, span_str(server->name));
	wire_put_span(&out, span_str(server->cwd));
	wire_put_u64(&out, n);
	for (size_t i = 0; i < n; i++)
		wire_put_span(&out, span_str(server->argv[i]));
	wire_put_u64(&out, m);
	for (size_t i = 0; i < m; i++)
		wire_put_span(&out, span_str(server->env[i]));
	send_to(bench->manager, &out);
	/* The manager is told of each end too; those are read elsewhere. */
	while (receive(bench, bench->manager))
		if (bench->in.id == 9)
			return bench->in.kind;
	return 0;
}

static uint32_t define_shell(struct bench *bench, const char *name, const char *script)
{
	struct server server = { name, "", { "sh", "-c", script }, { "PATH=/usr/bin:/bin" } };

	return define(bench, &server);
}

/* Returns the kind of the answer; a started server's pipes are in the bench. */
static uint32_t start(struct bench *bench, const char *server, uint64_t instance)
{
	struct wire_out out = { 0 };

	wire_begin(&out, LAUNCH_START, 7);
	wire_put_span(&out, span_str(server));
	wire_put_u64(&out, instance);
	send_to(bench->worker, &out);
	if (!receive(bench, bench->worker) || bench->in.id != 7)
		return 0;
	if (bench->in.kind != LAUNCH_STARTED)
		return bench->in.kind;
	drop_stdio(bench);
	bench->server = (pid_t)wire_get_u64(&bench->in);
	for (size_t i = 0; i < 3; i++)
		bench->stdio[i] = wire_get_fd(&bench->in);
	return wire_in_done(&bench->in) ? LAUNCH_STARTED : 0;
}

static void stop(struct bench *bench, uint64_t instance, uint64_t grace_ms)
{
	struct wire_out out = { 0 };

	wire_begin(&out, LAUNCH_STOP, 0);
	wire_put_u64(&out, instance);
	wire_put_u64(&out, grace_ms);
	send_to(bench->worker, &out);
}

struct end {
	uint64_t instance, code, signal;
};

static struct end wait_end(struct bench *bench, int fd)
{
	struct end end = { 0 };

	if (!receive(bench, fd) || bench->in.kind != LAUNCH_EXITED)
		return end;
	if (fd == bench->manager)
		(void)wire_get_span(&bench->in);
	end.instance = wire_get_u64(&bench->in);
	end.code = wire_get_u64(&bench->in);
	end.signal = wire_get_u64(&bench->in);
	return wire_in_done(&bench->in) ? end : (struct end){ 0 };
}

/* Reads until the end of the file, or until `stop_at` stood there. */
static struct span read_until(int fd, char *text, size_t size, const char *stop_at)
{
	size_t n = 0;

	while (n < size) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t got;

		if (poll(&p, 1, WAIT_MS) <= 0)
			break;
		got = read(fd, text + n, size - n);
		if (got <= 0)
			break;
		n += (size_t)got;
		if (stop_at && span_contains(span_of(text, n), span_str(stop_at)))
			break;
	}
	return span_of(text, n);
}

/* Processes with `marker` in their arguments. */
static size_t count_marked(const char *marker)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	size_t n = 0;

	while (folder && (entry = readdir(folder)) != NULL) {
		char path[300];
		int fd;
		ssize_t got;
		char line[4096];

		(void)snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		got = read(fd, line, sizeof(line));
		(void)close(fd);
		n += got > 0 && span_contains(span_of(line, (size_t)got), span_str(marker));
	}
	if (folder)
		(void)closedir(folder);
	return n;
}

static bool wait_marked(const char *marker, bool some)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;

	while (clock_mono_ms() < end) {
		if ((count_marked(marker) > 0) == some)
			return true;
		(void)usleep(10 * 1000);
	}
	return false;
}

static pid_t parent_of(pid_t pid)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(4096);
	char path[40];
	struct span rest;
	uint64_t parent = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_read(path, &text, NULL) < 0)
		return 0;
	rest = buf_span(&text);
	while (rest.n > 0) {
		struct span line = span_cut(&rest, '\n');

		if (span_starts(line, S("PPid:")))
			(void)span_u64(span_trim(span_skip(line, 5)), &parent);
	}
	return (pid_t)parent;
}

/* Only what is surely the launcher's child: a wrong number would hit others, and -1 everybody. */
static bool kill_warden(const struct bench *bench)
{
	pid_t warden = bench->server > 1 ? parent_of(bench->server) : -1;

	if (warden <= 1 || parent_of(warden) != bench->pid)
		return false;
	return kill(warden, SIGKILL) == 0;
}

static struct span failure(struct bench *bench, uint64_t *sys)
{
	*sys = wire_get_u64(&bench->in);
	return wire_get_span(&bench->in);
}

static void expect_failed(struct bench *bench, const char *server, int want, const char *words)
{
	uint64_t sys = 0;
	uint32_t kind = start(bench, server, 5);
	struct span sentence = failure(bench, &sys);

	ok(kind == LAUNCH_FAILED && sys == (uint64_t)want && span_contains(sentence, span_str(words)),
	   "%s: %s is refused with errno %d: %.*s", bench->variant, server, want, SPAN_ARG(sentence));
}

static void write_program(struct bench *bench, const char *name, const char *text, mode_t mode)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", bench->folder, name);
	if (file_replace(path, span_str(text), 0600, NULL) < 0 || chmod(path, mode) < 0)
		printf("# cannot write %s\n", path);
}

static void remove_program(struct bench *bench, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", bench->folder, name);
	(void)unlink(path);
}

static void test_refusals(struct bench *bench)
{
	struct server absent = { "absent", "", { "no-such-program" }, { "PATH=/usr/bin:/bin" } };
	struct server absolute = { "absolute", "", { "/no/such/program" }, { 0 } };
	struct server relative = { "relative", "/usr/bin", { "env" }, { "PATH=.::bin" } };
	struct server plain = { "plain", bench->folder, { "./plain" }, { 0 } };
	struct server orphan = { "script", bench->folder, { "./script" }, { 0 } };
	struct server folder = { "folder", "/no/such/folder", { "/bin/true" }, { 0 } };
	struct server broken = { "broken", "", { "/bin/true" }, { "NOVALUE" } };
	struct wire_out out = { 0 };
	uint64_t sys;

	expect_failed(bench, "unknown", ENOENT, "names no such server");
	is_int(define(bench, &broken), LAUNCH_FAILED, "%s: a bad environment is refused", bench->variant);
	expect_failed(bench, "broken", ENOENT, "names no such server");
	is_int(define(bench, &absent), LAUNCH_DEFINED, "%s: defined", bench->variant);
	expect_failed(bench, "absent", ENOENT, "is in no folder of PATH");
	(void)define(bench, &absolute);
	expect_failed(bench, "absolute", ENOENT, "cannot be run");
	(void)define(bench, &relative);
	expect_failed(bench, "relative", ENOENT, "is in no folder of PATH");
	(void)define(bench, &folder);
	expect_failed(bench, "folder", ENOENT, "folder cannot be entered");
	write_program(bench, "plain", "#!/bin/sh\n", 0644);
	(void)define(bench, &plain);
	expect_failed(bench, "plain", EACCES, "cannot be run");
	write_program(bench, "script", "#!/no/such/interpreter\n", 0755);
	(void)define(bench, &orphan);
	expect_failed(bench, "script", ENOENT, "interpreter");
	remove_program(bench, "plain");
	remove_program(bench, "script");

	wire_begin(&out, LAUNCH_START, 3);
	wire_put_span(&out, S("absent"));
	send_to(bench->worker, &out);
	ok(receive(bench, bench->worker) && bench->in.kind == LAUNCH_FAILED && bench->in.id == 3 &&
	       (failure(bench, &sys), sys == EBADMSG),
	   "%s: a start that is cut short is refused", bench->variant);
	wire_begin(&out, LAUNCH_DEFINE, 4);
	wire_put_span(&out, S("evil"));
	send_to(bench->worker, &out);
	expect_failed(bench, "evil", ENOENT, "names no such server");
}

static void test_surroundings(struct bench *bench)
{
	struct server env = { "env", "", { "env" }, { "PATH=/usr/bin:/bin", "B=2", "A=x y" } };
	struct server fds = { "fds", "", { "ls", "/proc/self/fd" }, { "PATH=/usr/bin:/bin" } };
	struct server where = { "where", bench->folder, { "/bin/pwd" }, { 0 } };
	char text[4096];
	struct span out;

	(void)define(bench, &env);
	is_int(start(bench, "env", 1), LAUNCH_STARTED, "%s: started", bench->variant);
	is_span(read_until(bench->stdio[1], text, sizeof(text), NULL), S("PATH=/usr/bin:/bin\nB=2\nA=x y\n"),
		"the environment is the definition's and nothing else");
	is_int(wait_end(bench, bench->worker).instance, 1, "its end is told");
	(void)define(bench, &fds);
	(void)start(bench, "fds", 2);
	is_span(read_until(bench->stdio[1], text, sizeof(text), NULL), S("0\n1\n2\n3\n"),
		"no descriptor but 0, 1, 2 (3 is the listing itself)");
	is_int(wait_end(bench, bench->worker).instance, 2, "its end is told");
	(void)define(bench, &where);
	(void)start(bench, "where", 3);
	out = read_until(bench->stdio[1], text, sizeof(text), "\n");
	is_span(span_trim(span_first(out, out.n ? out.n - 1 : 0)), span_str(bench->folder),
		"it starts in its folder");
	is_int(wait_end(bench, bench->worker).instance, 3, "its end is told");

	(void)define_shell(bench, "self",
			   "ulimit -c; grep -c '^NoNewPrivs:.1$' /proc/self/status; "
			   "grep '^SigBlk' /proc/self/status | tr -d '\t'; "
			   "test $(cut -d' ' -f6 /proc/$$/stat) = $$ && echo session");
	(void)start(bench, "self", 4);
	is_span(read_until(bench->stdio[1], text, sizeof(text), NULL),
		S("0\n1\nSigBlk:0000000000000000\nsession\n"),
		"no core files, no new privileges, no blocked "
		"signals, a session of its own");
	is_int(wait_end(bench, bench->worker).instance, 4, "its end is told");
}

static void test_ends(struct bench *bench)
{
	struct end end;
	char text[256];
	uint64_t sys;

	(void)define_shell(bench, "seven", "exit 7");
	(void)start(bench, "seven", 1);
	end = wait_end(bench, bench->worker);
	ok(end.instance == 1 && end.code == 7 && end.signal == 0, "%s: exit code", bench->variant);
	(void)define_shell(bench, "killed", "kill -9 $$");
	(void)start(bench, "killed", 2);
	end = wait_end(bench, bench->worker);
	ok(end.instance == 2 && end.code == 0 && end.signal == SIGKILL, "%s: signal", bench->variant);

	(void)define_shell(bench, "tidy",
			   "trap 'exit 5' TERM; echo ready; cat >/dev/null; sleep 0.3; exit 6");
	(void)start(bench, "tidy", 6);
	(void)read_until(bench->stdio[1], text, sizeof(text), "ready");
	closep(&bench->stdio[0]);
	stop(bench, 6, WAIT_MS);
	end = wait_end(bench, bench->worker);
	ok(end.instance == 6 && end.code == 6, "%s: who leaves when stdin ends gets no signal (code %d)",
	   bench->variant, (int)end.code);

	(void)define_shell(bench, "polite", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done");
	(void)start(bench, "polite", 3);
	(void)read_until(bench->stdio[1], text, sizeof(text), "ready");
	is_int(start(bench, "polite", 3), LAUNCH_FAILED, "a number that is in use is refused");
	(void)failure(bench, &sys);
	is_int(sys, EEXIST, "with EEXIST");
	stop(bench, 4711, 1);
	stop(bench, 3, WAIT_MS);
	end = wait_end(bench, bench->worker);
	ok(end.instance == 3 && end.code == 5, "%s: SIGTERM comes before SIGKILL", bench->variant);
	(void)define_shell(bench, "deaf", "trap '' TERM; echo ready; while :; do sleep 0.05; done");
	(void)start(bench, "deaf", 4);
	(void)read_until(bench->stdio[1], text, sizeof(text), "ready");
	stop(bench, 4, 50);
	end = wait_end(bench, bench->worker);
	ok(end.instance == 4 && end.signal == SIGKILL, "%s: SIGKILL after the grace", bench->variant);

	(void)define_shell(bench, "echo", "exec cat");
	(void)start(bench, "echo", 5);
	(void)!write(bench->stdio[0], "hello\n", 6);
	closep(&bench->stdio[0]);
	is_span(read_until(bench->stdio[1], text, sizeof(text), NULL), S("hello\n"),
		"stdin and stdout reach it, and the end of stdin");
	is_int(wait_end(bench, bench->worker).instance, 5, "its end is told");
}

/* A server that leaves a daemon behind: another session, another parent. */
static void define_daemon(struct bench *bench, const char *name, const char *then)
{
	char script[256];

	(void)snprintf(
	    script, sizeof(script),
	    "trap '' PIPE; (setsid sleep %s </dev/null >/dev/null 2>&1 &); sleep %s & echo ready; %s",
	    bench->marker, bench->marker, then);
	(void)define_shell(bench, name, script);
}

static void start_daemon(struct bench *bench, const char *name, uint64_t instance)
{
	char text[64];

	is_int(start(bench, name, instance), LAUNCH_STARTED, "%s: a server with a daemon starts",
	       bench->variant);
	(void)read_until(bench->stdio[1], text, sizeof(text), "ready");
	ok(wait_marked(bench->marker, true), "its daemon runs");
}

static void test_daemon(struct bench *bench)
{
	define_daemon(bench, "leaves", "exit 3");
	(void)start(bench, "leaves", 1);
	is_int(wait_end(bench, bench->worker).code, 3, "%s: it ends by itself", bench->variant);
	ok(wait_marked(bench->marker, false), "and its daemon with it");

	define_daemon(bench, "stays", "exec sleep 600");
	start_daemon(bench, "stays", 2);
	stop(bench, 2, 0);
	is_int(wait_end(bench, bench->worker).signal, SIGKILL, "%s: it is killed", bench->variant);
	ok(wait_marked(bench->marker, false), "and its daemon with it");

	start_daemon(bench, "stays", 3);
	ok(kill_warden(bench), "%s: its warden is killed", bench->variant);
	is_int(wait_end(bench, bench->worker).signal, SIGKILL, "its end is told");
	ok(wait_marked(bench->marker, false), "and nothing is left");
}

static void test_many(struct bench *bench)
{
	size_t started = 0, ended = 0;

	define_daemon(bench, "many", "exec sleep 600");
	for (uint64_t i = 1; i <= 20; i++)
		started += start(bench, "many", i) == LAUNCH_STARTED;
	is_int(started, 20, "%s: twenty instances", bench->variant);
	for (uint64_t i = 1; i <= 20; i++)
		stop(bench, i, 0);
	for (uint64_t i = 1; i <= 20; i++)
		ended += wait_end(bench, bench->worker).instance != 0;
	is_int(ended, 20, "twenty ends");
	ok(wait_marked(bench->marker, false), "and nothing is left");
}

static void test_new_worker(struct bench *bench)
{
	struct wire_out out = { 0 };
	uint64_t ended = 0;
	int fds[2];

	start_daemon(bench, "stays", 77);
	closep(&bench->worker);
	/* The manager has not read the ends before. */
	for (int i = 0; i < 100 && ended != 77; i++)
		ended = wait_end(bench, bench->manager).instance;
	is_int(ended, 77, "%s: a worker that goes takes its servers along", bench->variant);
	ok(wait_marked(bench->marker, false), "and nothing is left");
	if (wire_pair(fds, NULL) < 0)
		return;
	wire_begin(&out, LAUNCH_WORKER, 0);
	wire_put_fd(&out, fds[1]);
	send_to(bench->manager, &out);
	(void)close(fds[1]);
	bench->worker = fds[0];
	start_daemon(bench, "stays", 1);
	wire_begin(&out, LAUNCH_FORGET, 0);
	wire_put_span(&out, S("stays"));
	send_to(bench->manager, &out);
	is_int(wait_end(bench, bench->worker).instance, 1, "%s: a server that is forgotten is stopped",
	       bench->variant);
	expect_failed(bench, "stays", ENOENT, "names no such server");
}

static void test_manager_gone(struct bench *bench)
{
	int status;

	define_daemon(bench, "stays", "trap '' TERM; sleep 600");
	start_daemon(bench, "stays", 8);
	status = finish(bench);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: without a manager the launcher ends",
	   bench->variant);
	is_int(count_marked(bench->marker), 0, "and nothing is left by then");
}

static void test_launcher_killed(enum variant variant)
{
	struct bench bench;

	begin(&bench, variant);
	define_daemon(&bench, "stays", "trap '' TERM; sleep 600");
	start_daemon(&bench, "stays", 1);
	(void)kill(bench.pid, SIGKILL);
	ok(wait_marked(bench.marker, false), "%s: SIGKILL to the launcher leaves nothing", bench.variant);
	(void)finish(&bench);
}

static void test_variant(enum variant variant)
{
	struct bench bench;

	begin(&bench, variant);
	test_refusals(&bench);
	test_surroundings(&bench);
	test_ends(&bench);
	test_daemon(&bench);
	test_many(&bench);
	test_new_worker(&bench);
	test_manager_gone(&bench);
	test_launcher_killed(variant);
}

int main(void)
{
	test_variant(NATIVE);
	test_variant(NO_NAMESPACES);
	if (geteuid() == 0)
		test_variant(AS_NOBODY);
	else
		ok(true, "as nobody # SKIP only root can change its user");
	return tap_done();
}
