/* tries.h - what a confined process tries: each returns 0 where it works, else the errno. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "egress/resolve.h"
#include "net/mailbox.h"
#include "net/wire.h"

enum { NOBODY = 65534 };

/* What a name look-up reads, on every machine. */
#define RESOLVER_FILE "/etc/nsswitch.conf"

/* What is open, or lies on the disk, before a role is confined. */
struct place {
	char inside[64], outside[64]; /* folders; the first is the keeper's */
	char file[96];		      /* a file in the second */
	int listening, fresh;	      /* a socket with a caller waiting; one that is nothing yet */
	int pair[2];
	struct sockaddr_in address; /* of `listening` */
	bool has_hosts;		    /* there is /etc/hosts */
};

static int done(long result)
{
	return result < 0 ? errno : 0;
}

static int try_execve(struct place *place)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	(void)place;
	return done(execve("/bin/true", argv, argv + 1));
}

static int try_execveat(struct place *place)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	(void)place;
	return done(syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, argv + 1, 0));
}

static int try_fork(struct place *place)
{
	pid_t pid = fork();

	(void)place;
	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : done(waitpid(pid, NULL, 0));
}

static int try_namespace(struct place *place)
{
	(void)place;
	return done(unshare(CLONE_NEWUSER));
}

static int try_socket(struct place *place)
{
	(void)place;
	return done(socket(AF_INET, SOCK_STREAM, 0));
}

static int try_odd_netlink(struct place *place)
{
	(void)place;
	return done(socket(AF_NETLINK, SOCK_RAW, 15));
}

static int try_socketpair(struct place *place)
{
	int fds[2];

	(void)place;
	return done(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
}

static int try_connect(struct place *place)
{
	return done(connect(place->fresh, (struct sockaddr *)&place->address, sizeof(place->address)));
}

static int try_bind(struct place *place)
{
	struct sockaddr_in any = { .sin_family = AF_INET };

	return done(bind(place->fresh, (struct sockaddr *)&any, sizeof(any)));
}

static int try_listen(struct place *place)
{
	return done(listen(place->listening, 4));
}

static int try_accept(struct place *place)
{
	return done(accept4(place->listening, NULL, NULL, SOCK_CLOEXEC));
}

static int try_pass(struct place *place)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	char *store = malloc(WIRE_MAX_BYTES);
	struct wire_in in;

	wire_begin(&out, 1, 1);
	wire_put_fd(&out, place->pair[0]);
	if (wire_send(place->pair[0], &out, NULL) != 1 || wire_recv(place->pair[1], store, &in, NULL) != 1)
		return EIO;
	return in.n_fds == 1 ? 0 : EBADMSG;
}

static int try_ptrace(struct place *place)
{
	(void)place;
	return done(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int try_read_memory(struct place *place)
{
	char from[8] = "", to[8];
	struct iovec local = { to, sizeof(to) }, remote = { from, sizeof(from) };

	(void)place;
	return done(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
}

static int map(int protection)
{
	return mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int try_map_write_exec(struct place *place)
{
	(void)place;
	return map(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int try_map_exec(struct place *place)
{
	(void)place;
	return map(PROT_READ | PROT_EXEC);
}

static int try_make_exec(struct place *place)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)place;
	return page == MAP_FAILED ? EIO : done(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int try_read_outside(struct place *place)
{
	return done(open(place->file, O_RDONLY));
}

static int try_read_hosts(struct place *place)
{
	(void)place;
	return done(open(RESOLVER_FILE, O_RDONLY));
}

static int try_write_outside(struct place *place)
{
	return done(open(place->file, O_WRONLY));
}

static int try_truncate(struct place *place)
{
	return done(truncate(place->file, 0));
}

static int try_chmod(struct place *place)
{
	return done(chmod(place->inside, 0700));
}

static int try_symlink(struct place *place)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/link", place->inside);
	(void)unlink(path);
	return done(symlink("/etc", path));
}

/* What a store and a log do: make, lock, write, map, sync, rename, remove. */
static int try_keep(struct place *place)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	char folder[100], path[128], other[128];
	void *page;
	int fd;

	(void)snprintf(folder, sizeof(folder), "%s/segments", place->inside);
	(void)snprintf(path, sizeof(path), "%s/a", folder);
	(void)snprintf(other, sizeof(other), "%s/b", place->inside);
	(void)mkdir(folder, 0700);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0 || ftruncate(fd, 8192) < 0 ||
	    pwrite(fd, "x", 1, 4096) != 1 || fsync(fd) < 0 || fdatasync(fd) < 0)
		return errno;
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED || munmap(page, 8192) < 0)
		return errno;
	(void)close(fd);
	if (rename(path, other) < 0 || access(other, R_OK) < 0 || unlink(other) < 0 || rmdir(folder) < 0)
		return errno;
	return 0;
}

static int try_mount(struct place *place)
{
	int sys = done(mount("tmpfs", place->inside, "tmpfs", 0, NULL));

	if (sys == 0)
		(void)umount2(place->inside, MNT_DETACH);
	return sys;
}

static int try_keyring(struct place *place)
{
	(void)place;
	return done(syscall(SYS_keyctl, 0, -3, 1));
}

static int try_bpf(struct place *place)
{
	uint32_t attr[32] = { 2, 4, 4, 1 }; /* an array of one number */

	(void)place;
	return done(syscall(SYS_bpf, 0, attr, sizeof(attr)));
}

static int try_perf(struct place *place)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_CPU_CLOCK,
					.exclude_kernel = 1 };

	(void)place;
	return done(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int try_io_uring(struct place *place)
{
	char parameters[120] = { 0 };

	(void)place;
	return done(syscall(SYS_io_uring_setup, 1, parameters));
}

static int try_userfault(struct place *place)
{
	(void)place;
	return done(syscall(SYS_userfaultfd, 1));
}

static int try_get_limit(struct place *place)
{
	struct rlimit limit;

	(void)place;
	return done(getrlimit(RLIMIT_STACK, &limit));
}

static int try_set_limit(struct place *place)
{
	struct rlimit limit = { 64, 64 };

	(void)place;
	return done(setrlimit(RLIMIT_NOFILE, &limit));
}

static int try_signal(struct place *place)
{
	(void)place;
	return done(kill(getppid(), 0));
}

static int try_other_user(struct place *place)
{
	(void)place;
	return done(setuid(NOBODY));
}

static int try_dumpable(struct place *place)
{
	(void)place;
	return done(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static void *run_thread(void *p)
{
	(void)p;
	free(malloc(1 << 20));
	return NULL;
}

static int try_thread(struct place *place)
{
	pthread_t thread;
	int rc = pthread_create(&thread, NULL, run_thread, NULL);

	(void)place;
	return rc ? rc : pthread_join(thread, NULL);
}

static int try_timer(struct place *place)
{
	struct itimerspec soon = { .it_value = { .tv_nsec = 1 } };
	struct epoll_event event = { .events = EPOLLIN };
	int loop = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	char random[8];

	(void)place;
	if (loop < 0 || timer < 0 || eventfd(0, EFD_CLOEXEC) < 0 ||
	    timerfd_settime(timer, 0, &soon, NULL) < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, timer, &event) < 0 ||
	    epoll_wait(loop, &event, 1, 5000) != 1)
		return errno ? errno : EIO;
	return getrandom(random, sizeof(random), 0) == sizeof(random) ? 0 : errno;
}

static void on_work(uv_work_t *work)
{
	(void)work;
}

static void on_worked(uv_work_t *work, int status)
{
	struct loop *loop = work->data;

	(void)status;
	loop_stop(loop);
}

static int try_loop(struct place *place)
{
	struct loop loop;
	uv_work_t work = { .data = &loop };

	(void)place;
	if (loop_init(&loop, NULL) < 0 || uv_queue_work(&loop.uv, &work, on_work, on_worked) != 0)
		return EIO;
	loop_run(&loop);
	loop_release(&loop);
	return 0;
}

static void run_mail(struct mail *mail)
{
	(void)mail;
}

static int try_mailbox(struct place *place)
{
	struct loop loop;
	struct mailbox mailbox;
	struct mail mail = { .run = run_mail };

	(void)place;
	if (loop_init(&loop, NULL) < 0 || mailbox_open(&mailbox, &loop, NULL) < 0)
		return EIO;
	mailbox_post(&mailbox, &mail);
	(void)uv_run(&loop.uv, UV_RUN_ONCE);
	mailbox_close(&mailbox);
	loop_release(&loop);
	return 0;
}

static int try_resolve(struct place *place)
{
	struct addrinfo *found = NULL;
	struct address own[8];

	if (resolve_own(own, 8, NULL) <= 0)
		return EIO;
	/* The only name that can be looked up here stands in a file; a bare machine has none. */
	if (place->has_hosts && getaddrinfo("localhost", NULL, NULL, &found) != 0)
		return EHOSTUNREACH;
	if (found)
		freeaddrinfo(found);
	return 0;
}
