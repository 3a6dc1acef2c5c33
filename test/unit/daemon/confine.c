/* confine.c - each role tries what it must not, and what it needs; unconfined, all of it works. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/confine.h"

#include <grp.h>
#include <linux/capability.h>
#include <poll.h>

#include "base/file.h"
#include "daemon/filter.h"
#include "jail/landlock.h"
#include "tap.h"
#include "tries.h"

enum { UNCONFINED = -1, WAIT_MS = 20 * 1000 };

enum want { WORKS, REFUSED, KILLED, ANY };

static const struct {
	const char *name;
	int (*run)(struct place *place);
	enum want worker, keeper, egress, starter; /* launcher and manager */
	bool landlock;				   /* where there is none, nothing is promised */
	bool may_fail;				   /* also without confinement: by kernel or user */
} attempts[] = {
	{ "execve", try_execve, KILLED, KILLED, KILLED, WORKS, false, false },
	{ "execveat", try_execveat, KILLED, KILLED, KILLED, WORKS, false, false },
	{ "fork", try_fork, REFUSED, REFUSED, REFUSED, WORKS, false, false },
	{ "a namespace", try_namespace, REFUSED, REFUSED, REFUSED, WORKS, false, true },
	{ "socket", try_socket, KILLED, KILLED, WORKS, WORKS, false, false },
	{ "an odd netlink socket", try_odd_netlink, KILLED, KILLED, REFUSED, WORKS, false, true },
	{ "socketpair", try_socketpair, REFUSED, REFUSED, REFUSED, WORKS, false, false },
	{ "connect", try_connect, KILLED, KILLED, WORKS, WORKS, false, false },
	{ "bind", try_bind, REFUSED, REFUSED, REFUSED, WORKS, true, false },
	{ "listening again", try_listen, WORKS, REFUSED, REFUSED, WORKS, false, false },
	{ "ptrace", try_ptrace, KILLED, KILLED, KILLED, REFUSED, false, false },
	{ "process_vm_readv", try_read_memory, KILLED, KILLED, KILLED, REFUSED, false, false },
	{ "writable code", try_map_write_exec, REFUSED, REFUSED, REFUSED, WORKS, false, false },
	{ "code without a file", try_map_exec, REFUSED, REFUSED, ANY, WORKS, false, false },
	{ "data made code", try_make_exec, REFUSED, REFUSED, REFUSED, WORKS, false, false },
	{ "reading a file", try_read_outside, REFUSED, REFUSED, REFUSED, WORKS, true, false },
	{ "writing a file", try_write_outside, REFUSED, REFUSED, REFUSED, WORKS, true, false },
	{ "truncate", try_truncate, REFUSED, REFUSED, REFUSED, WORKS, false, false },
	{ "chmod", try_chmod, REFUSED, REFUSED, REFUSED, WORKS, false, false },
	{ "symlink", try_symlink, REFUSED, REFUSED, REFUSED, WORKS, false, false },
	{ "mount", try_mount, REFUSED, REFUSED, REFUSED, WORKS, false, true },
	{ "keyctl", try_keyring, REFUSED, REFUSED, REFUSED, REFUSED, false, true },
	{ "bpf", try_bpf, REFUSED, REFUSED, REFUSED, REFUSED, false, true },
	{ "perf_event_open", try_perf, REFUSED, REFUSED, REFUSED, REFUSED, false, true },
	{ "io_uring", try_io_uring, REFUSED, REFUSED, REFUSED, REFUSED, false, true },
	{ "userfaultfd", try_userfault, REFUSED, REFUSED, REFUSED, REFUSED, false, true },
	{ "setting a limit", try_set_limit, REFUSED, REFUSED, REFUSED, WORKS, false, false },
	{ "a signal to the parent", try_signal, REFUSED, REFUSED, REFUSED, WORKS, false, false },
	{ "another user", try_other_user, REFUSED, REFUSED, REFUSED, WORKS, false, true },
	{ "being dumpable", try_dumpable, REFUSED, REFUSED, REFUSED, WORKS, false, false },
	{ "accept", try_accept, WORKS, REFUSED, REFUSED, WORKS, false, false },
	{ "reading " RESOLVER_FILE, try_read_hosts, REFUSED, REFUSED, WORKS, WORKS, true, false },
	{ "keeping files", try_keep, REFUSED, WORKS, REFUSED, WORKS, false, false },
	{ "resolving", try_resolve, ANY, ANY, WORKS, WORKS, false, false },
	{ "passing a descriptor", try_pass, WORKS, WORKS, WORKS, WORKS, false, false },
	{ "a thread", try_thread, REFUSED, WORKS, WORKS, WORKS, false, false },
	{ "timers, epoll, random bytes", try_timer, WORKS, WORKS, WORKS, WORKS, false, false },
	/* libuv ends a process that cannot have its pool; a worker's loops have none. */
	{ "a loop with a pool of threads", try_loop, ANY, WORKS, WORKS, WORKS, false, false },
	{ "a loop with a mailbox", try_mailbox, WORKS, WORKS, WORKS, WORKS, false, false },
	{ "reading a limit", try_get_limit, WORKS, WORKS, WORKS, WORKS, false, false },
};

static enum want wanted(size_t i, int role)
{
	switch (role) {
	case ROLE_WORKER:
		return attempts[i].worker;
	case ROLE_KEEPER:
		return attempts[i].keeper;
	case ROLE_EGRESS:
		return attempts[i].egress;
	default:
		return attempts[i].starter;
	}
}

static void open_place(struct place *place)
{
	socklen_t size = sizeof(place->address);
	int caller = socket(AF_INET, SOCK_STREAM, 0);

	place->has_hosts = access("/etc/hosts", R_OK) == 0;
	place->address = (struct sockaddr_in){ .sin_family = AF_INET };
	place->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	place->listening = socket(AF_INET, SOCK_STREAM, 0);
	place->fresh = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(place->listening, (struct sockaddr *)&place->address, size) < 0 ||
	    listen(place->listening, 4) < 0 ||
	    getsockname(place->listening, (struct sockaddr *)&place->address, &size) < 0 ||
	    connect(caller, (struct sockaddr *)&place->address, size) < 0 || wire_pair(place->pair, NULL) < 0)
		_exit(99);
}

static void become(int role, struct place *place)
{
	struct confine_options options = { .data_dir = place->inside };
	struct confine_report report;

	if (role != UNCONFINED && confine((enum role)role, &options, &report, NULL) < 0)
		_exit(98);
}

/* Returns the errno, or 1000 and the signal. */
static int attempt(size_t i, int role, struct place *place)
{
	int status = 0;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		open_place(place);
		become(role, place);
		errno = 0;
		_exit(attempts[i].run(place));
	}
	(void)waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void judge(size_t i, int role, int got)
{
	const char *who = role_name((enum role)role), *what = attempts[i].name;

	switch (wanted(i, role)) {
	case WORKS:
		is_int(got, 0, "%s: %s works", who, what);
		break;
	case REFUSED:
		ok(got > 0 && got < 98, "%s: %s is refused (%d)", who, what, got);
		break;
	case KILLED:
		is_int(got, 1000 + SIGSYS, "%s: %s ends it", who, what);
		break;
	case ANY:
		break;
	}
}

static void test_attempts(struct place *place, bool landlock)
{
	static const int roles[] = { ROLE_WORKER, ROLE_KEEPER, ROLE_EGRESS, ROLE_LAUNCHER, ROLE_MANAGER };

	for (size_t i = 0; i < COUNT(attempts); i++) {
		int control = attempt(i, UNCONFINED, place);

		if (control != 0 && attempts[i].may_fail) {
			ok(true, "%s # SKIP unconfined it fails too: %s", attempts[i].name,
			   strerrorname_np(control));
			continue;
		}
		is_int(control, 0, "unconfined: %s works", attempts[i].name);
		for (size_t j = 0; j < COUNT(roles); j++) {
			if (attempts[i].landlock && !landlock && wanted(i, roles[j]) == REFUSED)
				ok(true, "%s: %s # SKIP no Landlock", role_name((enum role)roles[j]),
				   attempts[i].name);
			else
				judge(i, roles[j], attempt(i, roles[j], place));
		}
	}
}

/* Runs `body` in a child; true where it returns 0. */
static int in_child(int (*body)(struct place *), struct place *place)
{
	int status = 0;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(body(place));
	(void)waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool status_says(const char *text)
{
	CLEANUP(buf_release) struct buf status = BUF_INIT(8192);

	return file_read("/proc/self/status", &status, NULL) == 0 &&
	       span_contains(buf_span(&status), span_str(text));
}

/* The launcher's confinement lets us look. */
static int check_flags(struct place *place)
{
	struct confine_options options = { .parent = getppid() };
	struct confine_report report;
	struct rlimit core, files, few = { 100, 200 };

	(void)place;
	if (setrlimit(RLIMIT_NOFILE, &few) < 0 || confine(ROLE_LAUNCHER, &options, &report, NULL) < 0 ||
	    report.n != 0)
		return 1;
	if (getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_cur != 0 || core.rlim_max != 0)
		return 2;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur != 100)
		return 3;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 4;
	return status_says("NoNewPrivs:\t1") && status_says("Seccomp:\t2") ? 0 : 5;
}

static int check_capabilities(struct place *place)
{
	int status = open("/proc/self/status", O_RDONLY);
	struct confine_report report;
	struct rlimit files = { 100, 200 };
	char text[8192];
	ssize_t got;

	(void)place;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || confine(ROLE_WORKER, NULL, &report, NULL) < 0)
		return 1;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur != 200)
		return 3;
	got = read(status, text, sizeof(text));
	return got > 0 && span_contains(span_of(text, (size_t)got), S("CapEff:\t0000000000000000")) ? 0 : 2;
}

static int check_orphan(struct place *place)
{
	struct confine_options options = { .parent = 1 + getppid() };
	struct confine_report report;
	struct err err = ERR_INIT;

	(void)place;
	return confine(ROLE_WORKER, &options, &report, &err) < 0 && err.code == ERR_CLOSED ? 0 : 1;
}

static int check_no_folder(struct place *place)
{
	struct confine_options options = { .data_dir = "/no/such/folder" };
	struct confine_report report;
	struct err err = ERR_INIT;

	(void)place;
	return confine(ROLE_KEEPER, &options, &report, &err) < 0 &&
		       span_contains(span_str(err.text), S("/no/such/folder"))
		   ? 0
		   : 1;
}

/* What /proc says of us after confine(): the file was opened before, for a worker can open none. */
static int check_who(enum role role, unsigned uid, const char *groups)
{
	int status = open("/proc/self/status", O_RDONLY);
	struct confine_report report;
	char text[8192], want[128];
	ssize_t got;

	/* Were there groups to lose? */
	if (setgroups(1, (gid_t[]){ 4 }) < 0)
		return 1;
	if (confine(role, NULL, &report, NULL) < 0)
		return 2;
	got = read(status, text, sizeof(text));
	if (got <= 0)
		return 3;
	(void)snprintf(want, sizeof(want), "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid,
		       uid, uid, uid, uid);
	if (!span_contains(span_of(text, (size_t)got), span_str(want)))
		return 4;
	(void)snprintf(want, sizeof(want), "Groups:\t%s \n", groups);
	return span_contains(span_of(text, (size_t)got), span_str(want)) ? 0 : 5;
}

static int check_worker(struct place *place)
{
	(void)place;
	return check_who(ROLE_WORKER, CONFINE_WORKER_UID, "");
}

static int check_egress(struct place *place)
{
	(void)place;
	return check_who(ROLE_EGRESS, CONFINE_EGRESS_UID, "");
}

/* A change of the user makes the kernel forget it. The process comes to us when its parent is gone. */
static int check_follows(struct place *place)
{
	struct confine_report report;
	int status = 0, ready[2];
	char byte;
	pid_t child, parent;

	(void)place;
	if (pipe(ready) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return 1;
	parent = fork();
	if (parent == 0) {
		child = fork();
		if (child == 0) {
			if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
			    confine(ROLE_EGRESS, NULL, &report, NULL) < 0 || write(ready[1], "", 1) != 1)
				_exit(2);
			(void)poll(NULL, 0, WAIT_MS);
			_exit(3);
		}
		_exit(read(ready[0], &byte, 1) != 1);
	}
	if (waitpid(parent, &status, 0) != parent || status != 0)
		return 4;
	child = waitpid(-1, &status, 0);
	return child > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : 5;
}

/* A thread that is there when the worker is confined: what it may, and may not, is tried after that. */
struct early {
	pthread_t thread;
	int ready[2], go[2];
	bool connects;
};

static bool has_nothing(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct have[2] = { 0 };

	return syscall(SYS_capget, &head, have) == 0 && have[0].effective == 0 && have[1].effective == 0 &&
	       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

/* What it has lost is looked at as it begins; that it is under the filter, when that is on. */
static void *run_early(void *argument)
{
	struct early *early = argument;
	int pair[2];
	char byte;

	if (!has_nothing())
		_exit(11);
	if (write(early->ready[1], "", 1) != 1 || read(early->go[0], &byte, 1) != 1)
		_exit(12);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 || errno != EPERM)
		_exit(13);
	if (early->connects)
		(void)socket(AF_INET, SOCK_STREAM, 0);
	return NULL;
}

static int start_early(void *owner, struct err *err)
{
	struct early *early = owner;
	char byte;

	if (pthread_create(&early->thread, NULL, run_early, early) == 0 &&
	    read(early->ready[0], &byte, 1) == 1)
		return 0;
	return err_set(err, ERR_SYSTEM, "cannot start a thread");
}

static int check_early(bool connects)
{
	struct early early = { .connects = connects };
	const struct confine_options options = { .start_threads = start_early, .owner = &early };
	struct confine_report report;

	if (pipe(early.go) < 0 || pipe(early.ready) < 0 || confine(ROLE_WORKER, &options, &report, NULL) < 0)
		return 1;
	if (write(early.go[1], "", 1) != 1)
		return 2;
	return pthread_join(early.thread, NULL);
}

static int check_threads(struct place *place)
{
	(void)place;
	return check_early(false);
}

static int check_thread_connects(struct place *place)
{
	(void)place;
	return check_early(true);
}

static int no_threads(void *owner, struct err *err)
{
	(void)owner;
	return err_set(err, ERR_SYSTEM, "cannot start a thread");
}

static int check_no_threads(struct place *place)
{
	const struct confine_options options = { .start_threads = no_threads };
	struct confine_report report;
	struct err err = ERR_INIT;

	(void)place;
	return confine(ROLE_WORKER, &options, &report, &err) < 0 && err.code == ERR_SYSTEM ? 0 : 1;
}

static int check_keeper(struct place *place)
{
	(void)place;
	return check_who(ROLE_KEEPER, 0, "");
}

static int check_launcher(struct place *place)
{
	(void)place;
	return check_who(ROLE_LAUNCHER, 0, "4");
}

static bool write_map(const char *map)
{
	CLEANUP(closep) int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, map, strlen(map)) == (ssize_t)strlen(map);
}

/* Root of a user namespace in which nobody else is: it is said, and the rest holds. */
static int check_unmapped(struct place *place)
{
	struct confine_report report;
	char map[64];
	size_t i = 0;

	(void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)geteuid());
	if (unshare(CLONE_NEWUSER) < 0 || !write_map(map))
		return 77;
	if (confine(ROLE_WORKER, NULL, &report, NULL) < 0)
		return 1;
	while (i < report.n && strcmp(report.missing[i].layer, "a user of its own") != 0)
		i++;
	if (i == report.n || report.missing[i].sys != EINVAL)
		return 2;
	return try_symlink(place) > 0 ? 0 : 3;
}

/* The manager could not end it then. */
static int check_no_kill(struct place *place)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct have[2] = { 0 };
	struct confine_report report;

	(void)place;
	if (syscall(SYS_capget, &head, have) < 0)
		return 1;
	have[0].effective &= ~(1U << CAP_KILL);
	if (syscall(SYS_capset, &head, have) < 0 || confine(ROLE_WORKER, NULL, &report, NULL) < 0)
		return 2;
	return geteuid() == 0 && report.n > 0 && strcmp(report.missing[0].layer, "a user of its own") == 0
		   ? 0
		   : 3;
}

/* A kernel without Landlock: what is missing is said, and the rest holds. */
static int check_report(struct place *place)
{
	struct confine_options options = { .data_dir = place->inside };
	struct confine_report report;
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), 444, 0) < 0 || seccomp_load(filter) < 0)
		return 1;
	if (confine(ROLE_KEEPER, &options, &report, NULL) < 0 || report.n != 1 || report.landlock_abi != 0)
		return 2;
	if (strcmp(report.missing[0].layer, "landlock") != 0 || report.missing[0].sys != ENOSYS ||
	    strcmp(report.missing[0].why, "ENOSYS") != 0)
		return 3;
	return try_symlink(place) == EPERM ? 0 : 4;
}

static void test_users(struct place *place)
{
	int got = in_child(check_unmapped, place);

	if (got == 77)
		ok(true, "no other users # SKIP no user namespaces here");
	else
		is_int(got, 0, "where there is no other user, that is said, and the rest holds");
	if (geteuid() != 0) {
		ok(true, "users of their own # SKIP only root can change its user");
		return;
	}
	is_int(in_child(check_no_kill, place), 0, "nobody becomes whom the manager cannot end");
	is_int(in_child(check_worker, place), 0, "of root, the worker becomes a user of its own");
	is_int(in_child(check_egress, place), 0, "the egress process another");
	is_int(in_child(check_follows, place), 0, "and it still ends with its parent");
	is_int(in_child(check_keeper, place), 0, "the keeper stays, without further groups");
	is_int(in_child(check_launcher, place), 0, "the launcher stays as it is");
}

static int check_abort(struct place *place)
{
	become(ROLE_WORKER, place);
	abort();
}

/* The other machine's filter cannot run here, but its rules must be accepted. */
static void test_machines(void)
{
	static const uint32_t machines[] = { SCMP_ARCH_X86_64, SCMP_ARCH_AARCH64 };

	for (size_t i = 0; i < COUNT(machines); i++)
		for (int role = ROLE_MANAGER; role <= ROLE_KEEPER; role++) {
			scmp_filter_ctx filter = NULL;
			struct err err = ERR_INIT;

			ok(filter_build((enum role)role, machines[i], &filter, &err) == 0,
			   "%s: the filter for machine %zu is accepted %s", role_name((enum role)role), i,
			   err.text);
			seccomp_release(filter);
		}
}

int main(void)
{
	struct place place = { .inside = "/tmp/kanmon-inside-XXXXXX",
			       .outside = "/tmp/kanmon-outside-XXXXXX" };
	char link[128];

	if (!mkdtemp(place.inside) || !mkdtemp(place.outside))
		return 1;
	(void)snprintf(place.file, sizeof(place.file), "%s/file", place.outside);
	if (file_replace(place.file, S("text"), 0600, NULL) < 0)
		return 1;
	test_attempts(&place, landlock_abi() >= 4);
	is_int(in_child(check_flags, &place), 0,
	       "no core files, fewer files, not dumpable, no new privileges");
	is_int(in_child(check_capabilities, &place), 0, "the worker has no capability");
	is_int(in_child(check_no_threads, &place), 0, "a worker that cannot have its threads does not begin");
	is_int(in_child(check_thread_connects, &place), 1000 + SIGSYS,
	       "its threads, started before the filter, are under it");
	is_int(in_child(check_threads, &place), 0, "and have lost what it has lost");
	is_int(in_child(check_orphan, &place), 0, "without its parent it does not begin");
	is_int(in_child(check_no_folder, &place), 0, "a folder that is not there is an error");
	is_int(in_child(check_report, &place), 0, "what the kernel lacks is reported, and the rest holds");
	is_int(in_child(check_abort, &place), 1000 + SIGABRT, "a failed check still ends it by SIGABRT");
	test_users(&place);
	test_machines();
	(void)snprintf(link, sizeof(link), "%s/link", place.inside);
	(void)unlink(link);
	(void)unlink(place.file);
	(void)rmdir(place.inside);
	(void)rmdir(place.outside);
	return tap_done();
}
