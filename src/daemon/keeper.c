/* keeper.c - the keeper process: answers from the store, and writes the audit log. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "audit/writer.h"
#include "base/clock.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "daemon/process.h"
#include "identity/token.h"
#include "store/keeper.h"
#include "store/keys.h"

enum {
	LOG_WAIT_MS = 20,
	LOG_WAIT_TRIES = 250,
	KEEPER_SEND_MS = 1000, /* for the other side to take an answer */
};

struct process {
	struct log *log;
	struct store *store;
	struct keeper *keeper;
	struct ring
	    rings[WRITER_RINGS_MAX]; /* of this gate's worker, and of those that other gates still have */
	uint64_t numbers[WRITER_RINGS_MAX]; /* what the manager calls them */
	size_t n_rings;
	const char *log_folder;
	struct writer *writer;
	pthread_t thread;
	bool writing; /* the log is ours, and the thread runs */
	int manager_fd, worker_fd;
	uint64_t told_epoch;
	uint8_t audit_key[GATE_KEY_BYTES];
	bool ring_missing; /* one was told that cannot be read */
	bool cut;	   /* the worker's channel was closed here, and the manager is to bring another */
	atomic_bool ending;
	atomic_bool broken[WRITER_RINGS_MAX];
	int end_fd; /* an eventfd: wakes the writer's thread for the end */
	char store_bytes[WIRE_MAX_BYTES];
};

/* --- the writer's thread: it blocks in fdatasync, so it has nothing else to do --- */

static void *run_writer(void *argument)
{
	struct process *process = argument;
	struct pollfd fds[WRITER_RINGS_MAX + 1] = { { .fd = process->end_fd, .events = POLLIN } };

	for (size_t i = 0; i < process->n_rings; i++)
		fds[i + 1] = (struct pollfd){ .fd = process->rings[i].wake_fd, .events = POLLIN };
	while (!atomic_load(&process->ending)) {
		int wait = writer_turn(process->writer, clock_mono_ms());

		for (size_t i = 0; i < process->n_rings; i++)
			if (writer_is_broken(process->writer, i))
				atomic_store(&process->broken[i], true);
		/* The rings' descriptors are watched only while the writer sleeps on them. */
		(void)poll(fds, wait < 0 ? process->n_rings + 1 : 1, wait);
	}
	process->writer = writer_close(process->writer);
	return NULL;
}

/* --- questions --- */

/* False: it was not taken. An answer is never lost alone: its channel ends with it. */
static bool send_all(struct process *process, int fd, const struct wire_out *out)
{
	struct err err = ERR_INIT;

	if (wire_send_wait(fd, out, KEEPER_SEND_MS, &err) == 0)
		return true;
	if (err.code != ERR_CLOSED)
		log_event(process->log, LOG_WARN, "keeper.send",
			  "An answer could not be sent; its channel is closed.", LFS("why", err.text));
	return false;
}

static bool tell_manager(struct process *process, uint32_t kind, const char *text)
{
	struct wire_out out = { 0 };
	bool sent;

	wire_begin(&out, kind, 0);
	if (text)
		wire_put_span(&out, span_str(text));
	sent = send_all(process, process->manager_fd, &out);
	wire_out_release(&out);
	return sent;
}

/* To the worker it is as if this process had ended: it asks again when it has another channel. */
static void cut_worker(struct process *process)
{
	closep(&process->worker_fd);
	process->cut = true;
}

static void send_worker(struct process *process, const struct wire_out *out)
{
	if (process->worker_fd >= 0 && !send_all(process, process->worker_fd, out))
		cut_worker(process);
}

static void announce(struct process *process)
{
	struct wire_out out = { 0 };
	uint64_t epoch = keeper_epoch(process->keeper);

	if (epoch == process->told_epoch)
		return;
	process->told_epoch = epoch;
	keeper_announce(process->keeper, &out);
	send_worker(process, &out);
	wire_out_release(&out);
}

static void send_audit_key(struct process *process)
{
	struct wire_out out = { 0 };

	wire_begin(&out, WORK_AUDIT_KEY, 0);
	wire_put_span(&out, span_of((const char *)process->audit_key, sizeof(process->audit_key)));
	send_worker(process, &out);
	wire_out_release(&out);
}

static void take_worker(struct process *process, struct wire_in *in)
{
	(void)wire_get_u64(in);
	closep(&process->worker_fd);
	process->worker_fd = wire_get_fd(in);
	process->cut = false;
	send_audit_key(process);
}

/* --- the log, which one keeper of all gates on this folder has --- */

/* False: it is none that this program can read. Its descriptors are the ring's, or closed. */
static bool add_ring(struct process *process, uint64_t number, struct ring_fds *fds, struct err *err)
{
	struct ring *ring = &process->rings[process->n_rings];
	int rc = -1;

	if (process->writing || process->n_rings == WRITER_RINGS_MAX)
		(void)err_set(err, ERR_LIMIT, "there are more than %d audit rings", WRITER_RINGS_MAX);
	else
		rc = ring_map(ring, fds, RING_CONSUMER, err);
	closep(&fds->memory);
	if (rc < 0) {
		closep(&fds->wake);
		return false;
	}
	process->numbers[process->n_rings++] = number;
	return true;
}

/*
 * The keeper of a gate that was killed, or that has just let go of it, still writes what it was given, with
 * its lock on the log: the next gate waits for it, instead of ending because of it.
 */
static int open_log(struct process *process, struct err *err)
{
	const struct writer_options options = { .folder = process->log_folder,
						.rings = process->rings,
						.n_rings = process->n_rings,
						.log = process->log };
	struct err last = ERR_INIT;

	for (int tries = 0; tries < LOG_WAIT_TRIES; tries++) {
		last = ERR_INIT;
		if (writer_open(&options, &process->writer, &last) == 0)
			return 0;
		if (last.code != ERR_DENIED)
			break;
		(void)poll(NULL, 0, LOG_WAIT_MS);
	}
	*err = last;
	return -1;
}

static int begin_writing(struct process *process, struct err *err)
{
	if (process->writing)
		return 0;
	atomic_store(&process->ending, false);
	if (pthread_create(&process->thread, NULL, run_writer, process) != 0)
		return err_set(err, ERR_SYSTEM, "cannot start the audit writer's thread");
	process->writing = true;
	return 0;
}

static int take_log(struct process *process, struct err *err)
{
	if (process->writing)
		return 0;
	if (open_log(process, err) < 0)
		return err_wrap(err, "the audit log");
	if (begin_writing(process, err) == 0)
		return 0;
	process->writer = writer_close(process->writer);
	return -1;
}

/* What waits is written first, if it can be. Returns what could not. */
static uint64_t leave_log(struct process *process)
{
	uint64_t waiting = 0;
	eventfd_t woken;

	if (process->writing) {
		atomic_store(&process->ending, true);
		(void)eventfd_write(process->end_fd, 1);
		(void)pthread_join(process->thread, NULL);
		(void)eventfd_read(process->end_fd, &woken);
		process->writing = false;
	}
	while (process->n_rings) {
		struct ring *ring = &process->rings[--process->n_rings];

		waiting += ring_waiting(ring);
		closep(&ring->wake_fd);
		ring_unmap(ring);
		atomic_store(&process->broken[process->n_rings], false);
	}
	return waiting;
}

static void heed_ring(struct process *process, struct wire_in *in)
{
	uint64_t number = wire_get_u64(in);
	struct ring_fds fds = RING_FDS_INIT;
	struct err err = ERR_INIT;

	fds.memory = wire_get_fd(in);
	fds.wake = wire_get_fd(in);

	/* That one is missing is said when the log is to be taken. */
	if (!add_ring(process, number, &fds, &err)) {
		process->ring_missing = true;
		log_event(process->log, LOG_ERROR, "audit.ring", "An audit ring cannot be used.",
			  LFS("why", err.text));
	}
}

static bool heed_log(struct process *process, struct wire_in *in)
{
	bool take = wire_get_u64(in) != 0, sent;
	struct wire_out out = { 0 };
	struct err err = ERR_INIT;
	uint64_t waiting = 0;

	if (!take) {
		waiting = leave_log(process);
		process->ring_missing = false;
	} else if (process->ring_missing) {
		(void)err_set(&err, ERR_FORMAT, "an audit ring is of another form");
	} else {
		(void)!take_log(process, &err);
	}
	wire_begin(&out, WORK_LOG_DONE, 0);
	wire_put_u64(&out, take);
	wire_put_u64(&out, waiting);
	wire_put_span(&out, span_str(err.text));
	sent = send_all(process, process->manager_fd, &out);
	wire_out_release(&out);
	return sent;
}

/* False: the other side is gone, or does not take its answers. */
static bool serve(struct process *process, int fd, enum side side)
{
	struct wire_in in;
	struct wire_out out = { 0 };
	bool sent = true;
	int got = wire_recv(fd, process->store_bytes, &in, NULL);

	if (got <= 0)
		return got == 0;
	if (side == FROM_MANAGER && in.kind == WORK_PEER) {
		take_worker(process, &in);
	} else if (side == FROM_MANAGER && in.kind == WORK_RING) {
		heed_ring(process, &in);
	} else if (side == FROM_MANAGER && in.kind == WORK_LOG) {
		sent = heed_log(process, &in);
	} else {
		keeper_answer(process->keeper, side, &in, &out);
		/* The worker first: who is told that a token is revoked may count on it. */
		announce(process);
		if (side == FROM_WORKER)
			send_worker(process, &out);
		else
			sent = send_all(process, fd, &out);
		wire_out_release(&out);
	}
	wire_in_release(&in);
	secret_wipe(process->store_bytes, 4096);
	return sent;
}

static bool tell_broken(struct process *process, uint64_t number)
{
	struct wire_out out = { 0 };
	bool sent;

	wire_begin(&out, WORK_RING_BROKEN, 0);
	wire_put_u64(&out, number);
	sent = send_all(process, process->manager_fd, &out);
	wire_out_release(&out);
	return sent;
}

/* False: the manager is gone. */
static bool tick(struct process *process)
{
	struct err err = ERR_INIT;

	if (keeper_tick(process->keeper, &err) < 0)
		log_event(process->log, LOG_WARN, "store.failed", "The store could not be written.",
			  LFS("why", err.text));
	announce(process);
	for (size_t i = 0; i < process->n_rings; i++)
		if (atomic_exchange(&process->broken[i], false) && !tell_broken(process, process->numbers[i]))
			return false;
	if (!process->cut)
		return true;
	process->cut = false;
	return tell_manager(process, WORK_WORKER_CUT, NULL);
}

static void run(struct process *process)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = process->manager_fd, .events = POLLIN },
					 { .fd = process->worker_fd, .events = POLLIN } };
		int n = poll(fds, 2, KEEPER_TICK_MS);

		if (n < 0 && errno != EINTR)
			return;
		if (fds[0].revents && !serve(process, process->manager_fd, FROM_MANAGER))
			return;
		if (fds[1].revents && !serve(process, process->worker_fd, FROM_WORKER))
			closep(&process->worker_fd);
		if (!tick(process))
			return;
	}
}

/* --- beginning and end --- */

static int open_all(struct process *process, const struct process_setup *setup, struct err *err)
{
	struct keeper_options keeper = { .mint = &token_mint };

	if (crypto_init(err) < 0 || store_open(setup->texts[0], &process->store, err) < 0)
		return -1;
	keeper.store = process->store;
	if (keeper_new(&keeper, &process->keeper, err) < 0 ||
	    keys_gate(process->store, S("audit"), clock_wall_ms(), process->audit_key, err) < 0)
		return -1;
	if (file_make_dirs(setup->texts[1], err) < 0)
		return err_wrap(err, "the audit log");
	process->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return process->end_fd < 0 ? err_sys(err, "cannot make an eventfd") : 0;
}

/* With a ring, the log is to be had from the beginning: a gate without one ends. */
static int open_first_log(struct process *process, const struct process_setup *setup, struct err *err)
{
	struct ring_fds fds = { .memory = setup->fds[1], .wake = setup->fds[2] };

	if (setup->n_fds == 1)
		return 0;
	if (!add_ring(process, 0, &fds, err) || open_log(process, err) < 0)
		return err_wrap(err, "the audit log");
	return 0;
}

static int start(struct process *process, struct process_setup *setup, struct err *err)
{
	const struct confine_options confinement = { .data_dir = setup->texts[0],
						     .audit_dir = setup->texts[1] };

	if (process_setup_read(process->manager_fd, setup, process->log, err) < 0)
		return -1;
	if (setup->n_fds != 3 && setup->n_fds != 1)
		return err_set(err, ERR_FORMAT, "the keeper's set-up lacks descriptors");
	process->worker_fd = setup->fds[0];
	process->log_folder = setup->texts[1];
	if (open_all(process, setup, err) < 0 || open_first_log(process, setup, err) < 0 ||
	    process_confine(ROLE_KEEPER, &confinement, process->log, err) < 0)
		return -1;
	return process->writer ? begin_writing(process, err) : 0;
}

int keeper_main(int manager_fd, struct log *log)
{
	struct process *process = calloc(1, sizeof(*process));
	struct process_setup *setup = calloc(1, sizeof(*setup));
	struct err err = ERR_INIT;

	if (!process || !setup)
		return 1;
	process->log = log;
	process->manager_fd = manager_fd;
	process->worker_fd = -1;
	for (size_t i = 0; i < WRITER_RINGS_MAX; i++)
		process->rings[i] = RING_INIT;
	if (start(process, setup, &err) < 0) {
		log_event(log, LOG_ERROR, "keeper.failed", "The keeper could not start.",
			  LFS("why", err.text));
		(void)tell_manager(process, WORK_REFUSED, err.text);
		return 1;
	}
	send_audit_key(process);
	if (tell_manager(process, WORK_READY, NULL))
		run(process);
	(void)leave_log(process);
	process->keeper = keeper_free(process->keeper);
	process->store = store_close(process->store);
	return 0;
}
