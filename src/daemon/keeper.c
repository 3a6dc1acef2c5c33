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
	struct ring ring;
	struct writer *writer;
	pthread_t thread;
	int manager_fd, worker_fd;
	uint64_t told_epoch;
	uint8_t audit_key[GATE_KEY_BYTES];
	bool cut; /* the worker's channel was closed here, and the manager is to bring another */
	atomic_bool ending;
	atomic_bool broken;
	int end_fd; /* an eventfd: wakes the writer's thread for the end */
	char store_bytes[WIRE_MAX_BYTES];
};

/* --- the writer's thread: it blocks in fdatasync, so it has nothing else to do --- */

static void *run_writer(void *argument)
{
	struct process *process = argument;

	while (!atomic_load(&process->ending)) {
		int wait = writer_turn(process->writer, clock_mono_ms());
		struct pollfd fds[2] = { { .fd = process->end_fd, .events = POLLIN },
					 { .fd = process->ring.wake_fd, .events = POLLIN } };

		if (writer_is_broken(process->writer, 0))
			atomic_store(&process->broken, true);
		/* The ring's descriptor is watched only while the writer sleeps on it. */
		(void)poll(fds, wait < 0 ? 2 : 1, wait);
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

/* False: the manager is gone. */
static bool tick(struct process *process)
{
	struct err err = ERR_INIT;

	if (keeper_tick(process->keeper, &err) < 0)
		log_event(process->log, LOG_WARN, "store.failed", "The store could not be written.",
			  LFS("why", err.text));
	announce(process);
	if (atomic_exchange(&process->broken, false) && !tell_manager(process, WORK_RING_BROKEN, NULL))
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

/*
 * The keeper of a gate that was killed still writes what it was given, with its lock on the log: the
 * next gate waits for it, instead of ending because of it.
 */
static int open_log(struct process *process, const struct writer_options *options, struct err *err)
{
	struct err last = ERR_INIT;

	for (int tries = 0; tries < LOG_WAIT_TRIES; tries++) {
		last = ERR_INIT;
		if (writer_open(options, &process->writer, &last) == 0)
			return 0;
		if (last.code != ERR_DENIED)
			break;
		(void)poll(NULL, 0, LOG_WAIT_MS);
	}
	*err = last;
	return -1;
}

static int open_all(struct process *process, const struct process_setup *setup, struct err *err)
{
	const struct ring_fds fds = { .memory = setup->fds[1], .wake = setup->fds[2] };
	const struct writer_options options = {
		.folder = setup->texts[1], .rings = &process->ring, .n_rings = 1, .log = process->log
	};
	struct keeper_options keeper = { .mint = &token_mint };

	if (crypto_init(err) < 0 || store_open(setup->texts[0], &process->store, err) < 0)
		return -1;
	keeper.store = process->store;
	if (keeper_new(&keeper, &process->keeper, err) < 0 ||
	    keys_gate(process->store, S("audit"), clock_wall_ms(), process->audit_key, err) < 0)
		return -1;
	if (ring_map(&process->ring, &fds, RING_CONSUMER, err) < 0 ||
	    file_make_dirs(setup->texts[1], err) < 0 || open_log(process, &options, err) < 0)
		return err_wrap(err, "the audit log");
	process->end_fd = eventfd(0, EFD_CLOEXEC);
	return process->end_fd < 0 ? err_sys(err, "cannot make an eventfd") : 0;
}

static int start(struct process *process, struct process_setup *setup, struct err *err)
{
	const struct confine_options confinement = { .data_dir = setup->texts[0],
						     .audit_dir = setup->texts[1] };

	if (process_setup_read(process->manager_fd, setup, process->log, err) < 0)
		return -1;
	if (setup->n_fds != 3)
		return err_set(err, ERR_FORMAT, "the keeper's set-up lacks descriptors");
	process->worker_fd = setup->fds[0];
	if (open_all(process, setup, err) < 0 ||
	    process_confine(ROLE_KEEPER, &confinement, process->log, err) < 0)
		return -1;
	if (pthread_create(&process->thread, NULL, run_writer, process) != 0)
		return err_set(err, ERR_SYSTEM, "cannot start the audit writer's thread");
	return 0;
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
	process->ring = RING_INIT;
	if (start(process, setup, &err) < 0) {
		log_event(log, LOG_ERROR, "keeper.failed", "The keeper could not start.",
			  LFS("why", err.text));
		(void)tell_manager(process, WORK_REFUSED, err.text);
		return 1;
	}
	send_audit_key(process);
	if (tell_manager(process, WORK_READY, NULL))
		run(process);
	atomic_store(&process->ending, true);
	(void)eventfd_write(process->end_fd, 1);
	(void)pthread_join(process->thread, NULL);
	process->keeper = keeper_free(process->keeper);
	process->store = store_close(process->store);
	return 0;
}
