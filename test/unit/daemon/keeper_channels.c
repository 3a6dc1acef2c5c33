/* keeper_channels.c - who does not take the keeper's answers loses the channel, not an answer. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "audit/ring.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/work.h"
#include "store/ask.h"
#include "tap.h"

enum { WAIT_MS = 30 * 1000 };

struct bench {
	char folder[64];
	int manager, worker;
	pid_t pid;
	struct ring_fds ring;
	struct wire_in in;
	char store[WIRE_MAX_BYTES];
};

static _Noreturn void run_keeper(int manager)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct log log = { .fd = null, .level = LOG_ERROR, .role = "keeper" };

	_exit(keeper_main(manager, &log));
}

static enum err_code send_to(int fd, struct wire_out *out)
{
	struct err err = ERR_INIT;

	if (wire_send_wait(fd, out, WAIT_MS, &err) == 0)
		err.code = ERR_NONE;
	wire_out_release(out);
	return err.code;
}

/* The next message of this kind; others are passed over. */
static bool await(struct bench *b, int fd, uint32_t kind)
{
	for (int i = 0; i < 100000; i++) {
		wire_in_release(&b->in);
		if (wire_recv_wait(fd, b->store, &b->in, WAIT_MS, NULL) < 0)
			return false;
		if (b->in.kind == kind)
			return true;
	}
	return false;
}

static bool begin(struct bench *b)
{
	struct wire_out out = { 0 };
	int manager[2], worker[2];

	*b = (struct bench){ .folder = "/tmp/kanmon-keeper-XXXXXX", .ring = RING_FDS_INIT };
	if (!mkdtemp(b->folder) || wire_pair(manager, NULL) < 0 || wire_pair(worker, NULL) < 0 ||
	    ring_create(RING_BYTES_MIN, &b->ring, NULL) < 0)
		return false;
	b->manager = manager[0];
	b->worker = worker[0];
	(void)fflush(stdout);
	b->pid = fork();
	if (b->pid == 0) {
		(void)close(manager[0]);
		(void)close(worker[0]);
		(void)close(worker[1]);
		run_keeper(manager[1]);
	}
	wire_begin(&out, WORK_SETUP, 0);
	wire_put_u64(&out, LOG_ERROR);
	wire_put_u64(&out, 0);
	wire_put_u64(&out, 0);
	wire_put_u64(&out, 0);
	wire_put_u64(&out, 0);
	wire_put_u64(&out, 0);
	wire_put_span(&out, span_str(b->folder));
	wire_put_span(&out, span_str(b->folder));
	wire_put_fd(&out, worker[1]);
	wire_put_fd(&out, b->ring.memory);
	wire_put_fd(&out, b->ring.wake);
	if (send_to(b->manager, &out) != ERR_NONE)
		return false;
	(void)close(manager[1]);
	(void)close(worker[1]);
	return b->pid > 0 && await(b, b->manager, WORK_READY);
}

/* The store and the log stand in one folder, which has no other below it. */
static void remove_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		(void)closedir(dir);
	(void)rmdir(folder);
}

static void end(struct bench *b)
{
	closep(&b->worker);
	closep(&b->manager);
	wire_in_release(&b->in);
	ring_fds_release(&b->ring);
	remove_folder(b->folder);
}

static enum err_code ask_key(int fd, uint32_t id)
{
	struct wire_out out = { 0 };

	wire_begin(&out, ASK_GATE_KEY, id);
	wire_put_span(&out, GATE_KEY_AUDIT);
	return send_to(fd, &out);
}

/* Asks and asks and takes no answer, until the other side is gone; false where that never comes. */
static bool press(int fd)
{
	enum err_code code = ERR_NONE;

	for (uint32_t id = 1; code == ERR_NONE && id < 1000000; id++)
		code = ask_key(fd, id);
	return code == ERR_CLOSED;
}

static void give_worker(struct bench *b)
{
	struct wire_out out = { 0 };
	int fds[2];

	if (wire_pair(fds, NULL) < 0)
		return;
	closep(&b->worker);
	b->worker = fds[0];
	wire_begin(&out, WORK_PEER, 0);
	wire_put_u64(&out, PEER_KEEPER);
	wire_put_fd(&out, fds[1]);
	(void)send_to(b->manager, &out);
	(void)close(fds[1]);
}

static void deaf_worker(struct bench *b)
{
	if (!ok(await(b, b->worker, WORK_AUDIT_KEY), "the worker gets the key"))
		return;
	ok(ask_key(b->worker, 7) == ERR_NONE && await(b, b->worker, ASK_KEY) && b->in.id == 7,
	   "and its answers");
	ok(press(b->worker), "a worker that takes no answers loses its channel");
	ok(await(b, b->manager, WORK_WORKER_CUT), "the manager is told");
	give_worker(b);
	ok(await(b, b->worker, WORK_AUDIT_KEY), "with another channel it begins anew");
	ok(ask_key(b->worker, 8) == ERR_NONE && await(b, b->worker, ASK_KEY) && b->in.id == 8,
	   "and gets its answers");
}

static void deaf_manager(struct bench *b)
{
	uint64_t end_ms = clock_mono_ms() + WAIT_MS;
	int status = -1;
	pid_t ended;

	ok(press(b->manager), "a manager that takes no answers loses the keeper");
	while ((ended = waitpid(b->pid, &status, WNOHANG)) == 0 && clock_mono_ms() < end_ms)
		(void)usleep(1000);
	ok(ended == b->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0, "which ends in order");
	if (ended == 0)
		(void)kill(b->pid, SIGKILL);
}

int main(void)
{
	static struct bench bench;

	(void)signal(SIGPIPE, SIG_IGN);
	if (ok(begin(&bench), "a keeper")) {
		deaf_worker(&bench);
		deaf_manager(&bench);
	}
	end(&bench);
	return tap_done();
}
