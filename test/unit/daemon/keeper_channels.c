/* keeper_channels.c - the keeper's channels lose no answer, and its log changes hands. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "audit/ring.h"
#include "audit/segment.h"
#include "base/clock.h"
#include "base/file.h"
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

static void say_ring(struct bench *b, uint64_t number, const struct ring_fds *ring)
{
	struct wire_out out = { 0 };

	wire_begin(&out, WORK_RING, 0);
	wire_put_u64(&out, number);
	wire_put_fd(&out, ring->memory);
	wire_put_fd(&out, ring->wake);
	(void)send_to(b->manager, &out);
}

/* Has the keeper the log, or let it go? The bytes that still wait. */
static bool say_log(struct bench *b, bool take, uint64_t *waiting)
{
	struct wire_out out = { 0 };
	uint64_t taken;

	wire_begin(&out, WORK_LOG, 0);
	wire_put_u64(&out, take);
	(void)send_to(b->manager, &out);
	if (!await(b, b->manager, WORK_LOG_DONE))
		return false;
	taken = wire_get_u64(&b->in);
	*waiting = wire_get_u64(&b->in);
	return taken == take && wire_get_span(&b->in).n == 0 && wire_in_done(&b->in);
}

static bool log_has(const struct bench *b, const char *text)
{
	CLEANUP(buf_release) struct buf log = BUF_INIT((size_t)65536);
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", b->folder, SEGMENT_FILE);
	return file_read(path, &log, NULL) == 0 && span_contains(buf_span(&log), span_str(text));
}

static bool log_gets(const struct bench *b, const char *text)
{
	uint64_t end_ms = clock_mono_ms() + WAIT_MS;

	while (!log_has(b, text) && clock_mono_ms() < end_ms)
		(void)usleep(1000);
	return log_has(b, text);
}

/* Two rings, as of this gate and an older one; the log is another's meanwhile. */
static void log_changes_hands(struct bench *b)
{
	struct segment segment = SEGMENT_INIT;
	struct segment_repair repair;
	struct ring_fds other = RING_FDS_INIT, none = { .memory = b->worker, .wake = b->worker };
	struct ring ours = RING_INIT, theirs = RING_INIT;
	uint64_t waiting = 1;

	if (!ok(ring_create(RING_BYTES_MIN, &other, NULL) == 0 &&
		    ring_map(&ours, &b->ring, RING_PRODUCER, NULL) == 0 &&
		    ring_map(&theirs, &other, RING_PRODUCER, NULL) == 0,
		"two rings"))
		return;
	ok(segment_open(&segment, b->folder, &repair, NULL) < 0, "the log is the keeper's");
	ok(ring_put(&ours, S("{\"a\":1}")), "a record");
	ok(say_log(b, false, &waiting) && waiting == 0 && log_has(b, "\"a\":1"),
	   "let go of, with what waited written");
	ok(segment_open(&segment, b->folder, &repair, NULL) == 0, "it is anybody's");
	segment_release(&segment);
	say_ring(b, 0, &none);
	ok(!say_log(b, true, &waiting), "what is no ring is refused");
	ok(segment_open(&segment, b->folder, &repair, NULL) == 0, "and the log not taken");
	segment_release(&segment);
	ok(ring_put(&ours, S("{\"b\":2}")) && ring_put(&theirs, S("{\"c\":3}")), "records of both wait");
	ok(say_log(b, false, &waiting), "begun anew");
	say_ring(b, 0, &b->ring);
	say_ring(b, 5, &other);
	ok(say_log(b, true, &waiting), "the log is taken again, with both");
	ok(log_gets(b, "\"b\":2") && log_gets(b, "\"c\":3"), "both are written");
	ok(ring_put(&theirs, S("{\"d\":4}")) && log_gets(b, "\"d\":4"), "the writer hears of either");
	ok(log_has(b, "{\"seq\":4,"), "and their numbers are one row");
	ring_unmap(&ours);
	ring_unmap(&theirs);
	ring_fds_release(&other);
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
		log_changes_hands(&bench);
		deaf_manager(&bench);
	}
	end(&bench);
	return tap_done();
}
