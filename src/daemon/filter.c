/* filter.c - which system calls each role has. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

/* Asked for by name, since the numbers of a machine are not all known to every libseccomp. */
static const char *const base_calls[] = {
	"read",
	"write",
	"readv",
	"writev",
	"close",
	"fstat",
	"newfstatat",
	"lseek",
	/* memory */
	"munmap",
	"mremap",
	"madvise",
	"brk",
	/* signals of our own */
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigpending",
	"rt_sigtimedwait",
	"sigaltstack",
	"signalfd4",
	"restart_syscall",
	/* sockets that are there */
	"sendmsg",
	"recvmsg",
	"sendto",
	"recvfrom",
	"shutdown",
	"getsockname",
	"getpeername",
	"setsockopt",
	"getsockopt",
	"fcntl",
	"dup",
	"dup2",
	"dup3",
	"pipe2",
	/* the loop */
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"poll",
	"ppoll",
	"eventfd2",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
	/* threads */
	"futex",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"membarrier",
	"sched_yield",
	"sched_getaffinity",
	"gettid",
	"exit",
	"exit_group",
	/* time, chance, and who we are */
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	"time",
	"getrandom",
	"getpid",
	"getppid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getrusage",
	"times",
	"sysinfo",
	"uname",
};

/* listen: libuv says it again for the sockets the manager made; here nobody can make another. */
static const char *const worker_calls[] = { "accept4", "accept", "listen" };

static const char *const keeper_calls[] = {
	"open",	      "openat",	   "creat",	      "pread64",    "pwrite64",	 "preadv",    "pwritev",
	"fsync",      "fdatasync", "sync_file_range", "ftruncate",  "fallocate", "fadvise64", "flock",
	"stat",	      "lstat",	   "statx",	      "fstatfs",    "statfs",	 "access",    "faccessat",
	"faccessat2", "readlink",  "readlinkat",      "getdents64", "getcwd",	 "rename",    "renameat",
	"renameat2",  "link",	   "linkat",	      "unlink",	    "unlinkat",	 "mkdir",     "mkdirat",
	"rmdir",      "fchmod",	   "fchown",	      "utimensat",  "umask",	 "msync",     "mlock",
	"munlock",
};

static const char *const egress_calls[] = {
	"connect",    "bind",	  "sendmmsg",	"recvmmsg",   "pread64", "stat",
	"lstat",      "statx",	  "fstatfs",	"statfs",     "access",	 "faccessat",
	"faccessat2", "readlink", "readlinkat", "getdents64", "getcwd",
};

/* Nothing of ours calls these: who does has taken the process over. */
static const char *const deadly_calls[] = { "execve", "execveat", "ptrace", "process_vm_readv",
					    "process_vm_writev" };
static const char *const deadly_network[] = { "socket", "connect" };

/* What neither a starter of programs nor the programs need. */
static const char *const starter_refused[] = {
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"pidfd_getfd",
	"kcmp",
	"kexec_load",
	"kexec_file_load",
	"init_module",
	"finit_module",
	"delete_module",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"add_key",
	"request_key",
	"keyctl",
	"swapon",
	"swapoff",
	"reboot",
	"acct",
	"settimeofday",
	"clock_settime",
	"clock_adjtime",
	"adjtimex",
	"iopl",
	"ioperm",
	"quotactl",
	"quotactl_fd",
	"lookup_dcookie",
	"nfsservctl",
	"sysfs",
	"uselib",
	"vhangup",
	"syslog",
	"open_by_handle_at",
	"fanotify_init",
	"move_pages",
	"migrate_pages",
};

struct builder {
	scmp_filter_ctx filter;
	struct err *err;
	bool failed;
};

/* One rule with at most two conditions. A call the machine does not have needs none. */
static void rule(struct builder *builder, uint32_t action, const char *name, unsigned n,
		 const struct scmp_arg_cmp *conditions)
{
	int call = seccomp_syscall_resolve_name(name), rc;

	if (builder->failed || call == __NR_SCMP_ERROR)
		return;
	rc = seccomp_rule_add_array(builder->filter, action, call, n, conditions);
	if (rc == 0)
		return;
	builder->failed = true;
	errno = -rc;
	(void)err_sys(builder->err, "seccomp: no rule for %s", name);
}

static void rules(struct builder *builder, uint32_t action, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		rule(builder, action, names[i], 0, NULL);
}

static void allow_if(struct builder *builder, const char *name, struct scmp_arg_cmp condition)
{
	rule(builder, SCMP_ACT_ALLOW, name, 1, &condition);
}

static struct scmp_arg_cmp equals(unsigned argument, uint64_t value)
{
	return (struct scmp_arg_cmp){ .arg = argument, .op = SCMP_CMP_EQ, .datum_a = value };
}

static struct scmp_arg_cmp masked(unsigned argument, uint64_t mask, uint64_t value)
{
	return (struct scmp_arg_cmp){
		.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value
	};
}

static void add_memory(struct builder *builder, bool libraries)
{
	const uint64_t both = PROT_WRITE | PROT_EXEC;

	/* Two conditions on one argument do not fit in one rule, so each good value has its own. */
	allow_if(builder, "mmap", masked(2, both, 0));
	allow_if(builder, "mmap", masked(2, both, PROT_WRITE));
	if (libraries)
		allow_if(builder, "mmap", masked(2, both, PROT_EXEC));
	allow_if(builder, "mprotect", masked(2, PROT_EXEC, 0));
}

static void add_base(struct builder *builder)
{
	static const unsigned long ioctls[] = { FIONBIO, FIOCLEX, FIONCLEX, FIONREAD, TCGETS, TIOCGWINSZ };
	struct scmp_arg_cmp read_limit[] = { equals(0, 0), equals(2, 0) };

	rules(builder, SCMP_ACT_ALLOW, base_calls, COUNT(base_calls));
	for (size_t i = 0; i < COUNT(ioctls); i++)
		allow_if(builder, "ioctl", equals(1, ioctls[i]));
	rule(builder, SCMP_ACT_ALLOW, "prlimit64", 2, read_limit);
	allow_if(builder, "prctl", equals(0, PR_SET_NAME));
	/* abort(3) */
	allow_if(builder, "tgkill", equals(0, (uint64_t)getpid()));
	rules(builder, SCMP_ACT_KILL_PROCESS, deadly_calls, COUNT(deadly_calls));
}

/* Threads, not processes. clone3 hides its flags behind a pointer; libc then takes clone. */
static void add_threads(struct builder *builder)
{
	allow_if(builder, "clone", masked(0, CLONE_THREAD, CLONE_THREAD));
	rule(builder, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL);
}

/* Sockets to reach out with, to ask a resolver, and to list this machine's addresses; read files. */
static void add_egress(struct builder *builder)
{
	static const int domains[] = { AF_INET, AF_INET6, AF_UNIX };
	const uint64_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
	struct scmp_arg_cmp route[] = { equals(0, AF_NETLINK), equals(2, 0) };

	rules(builder, SCMP_ACT_ALLOW, egress_calls, COUNT(egress_calls));
	for (size_t i = 0; i < COUNT(domains); i++)
		allow_if(builder, "socket", equals(0, (uint64_t)domains[i]));
	rule(builder, SCMP_ACT_ALLOW, "socket", 2, route);
	allow_if(builder, "open", masked(1, writing, 0));
	allow_if(builder, "openat", masked(2, writing, 0));
}

static void add_role(struct builder *builder, enum role role)
{
	switch (role) {
	case ROLE_WORKER:
		add_base(builder);
		add_memory(builder, false);
		rules(builder, SCMP_ACT_ALLOW, worker_calls, COUNT(worker_calls));
		rules(builder, SCMP_ACT_KILL_PROCESS, deadly_network, COUNT(deadly_network));
		break;
	case ROLE_KEEPER:
		add_base(builder);
		add_memory(builder, false);
		add_threads(builder);
		rules(builder, SCMP_ACT_ALLOW, keeper_calls, COUNT(keeper_calls));
		rules(builder, SCMP_ACT_KILL_PROCESS, deadly_network, COUNT(deadly_network));
		break;
	case ROLE_EGRESS:
		add_base(builder);
		add_memory(builder, true);
		add_threads(builder);
		add_egress(builder);
		break;
	case ROLE_MANAGER:
	case ROLE_LAUNCHER:
		rules(builder, SCMP_ACT_ERRNO(EPERM), starter_refused, COUNT(starter_refused));
		break;
	}
}

static bool starts_programs(enum role role)
{
	return role == ROLE_MANAGER || role == ROLE_LAUNCHER;
}

/* A 32-bit program would otherwise pass by the list, or be killed for being one. */
static int add_siblings(scmp_filter_ctx filter, uint32_t arch)
{
	int rc = 0;

	if (arch == SCMP_ARCH_X86_64) {
		rc = seccomp_arch_add(filter, SCMP_ARCH_X86);
		if (rc == 0)
			rc = seccomp_arch_add(filter, SCMP_ARCH_X32);
	} else if (arch == SCMP_ARCH_AARCH64) {
		rc = seccomp_arch_add(filter, SCMP_ARCH_ARM);
	}
	return rc;
}

static int set_up(scmp_filter_ctx filter, enum role role, uint32_t arch)
{
	uint32_t native = seccomp_arch_native();
	uint32_t wanted = arch == SCMP_ARCH_NATIVE ? native : arch;
	int rc = 0;

	if (wanted != native) {
		rc = seccomp_arch_add(filter, wanted);
		if (rc == 0)
			rc = seccomp_arch_remove(filter, native);
	}
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0 && starts_programs(role))
		rc = add_siblings(filter, wanted);
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	/* A tree of comparisons instead of a row: the worker's calls pass through it each time. */
	if (rc == 0 && !starts_programs(role))
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return rc;
}

int filter_build(enum role role, uint32_t arch, scmp_filter_ctx *out, struct err *err)
{
	struct builder builder = { .err = err };
	int rc;

	builder.filter = seccomp_init(starts_programs(role) ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
	if (!builder.filter)
		return err_set(err, ERR_NOMEM, "no memory for a seccomp filter");
	rc = set_up(builder.filter, role, arch);
	if (rc != 0) {
		builder.failed = true;
		errno = -rc;
		(void)err_sys(err, "seccomp: the filter cannot be set up");
	}
	add_role(&builder, role);
	if (builder.failed) {
		seccomp_release(builder.filter);
		return -1;
	}
	*out = builder.filter;
	return 0;
}

int filter_load(enum role role, struct err *err)
{
	scmp_filter_ctx filter = NULL;
	int rc;

	if (filter_build(role, SCMP_ARCH_NATIVE, &filter, err) < 0)
		return -1;
	rc = seccomp_load(filter);
	seccomp_release(filter);
	if (rc == 0)
		return 0;
	errno = -rc;
	return err_sys(err, "seccomp: the filter cannot be loaded");
}

enum { FILTER_BYTES = 256 * 1024 };

int filter_digest(enum role role, uint8_t out[DIGEST_BYTES], struct err *err)
{
	CLEANUP(buf_release) struct buf program = BUF_INIT((size_t)FILTER_BYTES);
	CLEANUP(closep) int fd = memfd_create("kanmon-filter", MFD_CLOEXEC);
	scmp_filter_ctx filter = NULL;
	int rc;

	if (fd < 0)
		return err_sys(err, "no memory file for a seccomp filter");
	if (filter_build(role, SCMP_ARCH_NATIVE, &filter, err) < 0)
		return -1;
	rc = seccomp_export_bpf(filter, fd);
	seccomp_release(filter);
	errno = -rc;
	if (rc != 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, "seccomp: the filter cannot be read");
	if (file_read_fd(fd, "a seccomp filter", &program, err) < 0)
		return -1;
	digest_blake2b(buf_span(&program), out);
	return 0;
}
