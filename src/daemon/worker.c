/* worker.c - the worker process: set up, confined, then driven by its manager's words. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "audit/ring.h"
#include "base/check.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "daemon/process.h"
#include "daemon/thread.h"
#include "exchange/crew_state.h"
#include "exchange/round_state.h"
#include "exchange/snapshot.h"
#include "http/server.h"
#include "net/relay.h"
#include "text/regex.h"

enum { STATE_BYTES = 4 * 1024 * 1024, CONFIG_BYTES = 16 * 1024 * 1024, THREADS_AUTO = 8, LINKS_PARTS = 4 };

/* A message of the manager's that waits until calls can be recorded. */
struct deferred {
	struct list node;
	struct wire_in in;
	char bytes[];
};

enum { DEFERRED_MAX = 64 };

/* One of the process's channels, as its first thread has it. */
struct home {
	struct process *process;
	unsigned peer;
	struct channel *channel;
	struct relay *relay; /* to the other threads; NULL: there are none */
};

/* The same at another thread. */
struct away {
	struct thread *thread;
	unsigned peer;
};

/* A thread says that its last call has ended. */
struct ending {
	struct mail mail;
	struct process *process;
};

/* The first thread is the process's own, and the only one that knows the others. */
struct process {
	struct thread *first, *threads[CREW_MAX];
	size_t n;
	struct crew crew;
	struct home homes[THREAD_PEERS];
	struct away aways[CREW_MAX][THREAD_PEERS];
	struct ending endings[CREW_MAX];
	size_t n_drained;
	uint64_t calls_before; /* numbers of calls that another gate's records have */
	struct ring ring;
	struct list deferred;
	size_t n_deferred;
	struct log *log;
};

static void tell_manager(struct process *process, uint32_t kind, uint64_t number, bool with_number)
{
	struct wire_out out = { 0 };

	wire_begin(&out, kind, 0);
	if (with_number)
		wire_put_u64(&out, number);
	channel_send(process->homes[PEER_MANAGER].channel, &out);
	wire_out_release(&out);
}

/* --- the channels to the other processes --- */

static void hand_on(struct home *home)
{
	thread_set_peer(home->process->first, home->peer, home->channel);
	if (home->relay)
		relay_set(home->relay, home->channel);
}

static void let_in(struct process *process);

static void take_audit_key(struct process *process, struct wire_in *in)
{
	struct crew *crew = &process->crew;
	struct span key = wire_get_span(in);

	if (key.n != sizeof(process->first->worker.audit_key))
		return;
	crew_hold(crew);
	CREW_EACH(crew, worker)
	{
		memcpy(worker->audit_key, key.p, key.n);
		worker->has_audit_key = true;
		round_keys_make(worker);
	}
	crew_release(crew);
	let_in(process);
}

static void on_peer_message(void *owner, struct wire_in *in)
{
	struct home *home = owner;

	if (home->peer == PEER_KEEPER && in->kind == WORK_AUDIT_KEY) {
		take_audit_key(home->process, in);
		return;
	}
	if (home->relay)
		relay_tell(home->relay, in);
	thread_heed_peer(home->process->first, home->peer, in);
}

static void on_peer_gone(void *owner)
{
	struct home *home = owner;
	struct channel *gone = TAKE(home->channel);

	hand_on(home);
	(void)channel_close(gone);
	if (home->peer != PEER_KEEPER)
		tell_manager(home->process, WORK_PEER_LOST, home->peer, true);
}

static const struct channel_events peer_events = { on_peer_message, on_peer_gone };

static void take_peer(struct process *process, struct wire_in *in)
{
	uint64_t which = wire_get_u64(in);
	int fd = wire_get_fd(in);
	struct home *home;
	struct channel *old;

	if (fd < 0)
		return;
	check(which <= PEER_EGRESS);
	home = &process->homes[which];
	old = home->channel;
	home->channel = channel_open(&process->first->worker.loop, fd, &peer_events, home, NULL);
	hand_on(home);
	(void)channel_abandon(old);
}

static void on_away_channel(void *owner, struct channel *channel)
{
	struct away *away = owner;

	thread_set_peer(away->thread, away->peer, channel);
}

static void on_away_message(void *owner, struct wire_in *in)
{
	struct away *away = owner;

	thread_heed_peer(away->thread, away->peer, in);
}

static const struct relay_events away_events = { on_away_channel, on_away_message };

/* --- the manager's words --- */

/* It may hold the listener's key. */
static void release_config(struct buf *text)
{
	if (text->p)
		secret_wipe(text->p, text->n);
	buf_release(text);
}

/* Half of the descriptors there can be: servers, hosts and their pipes need the others. */
static void fit_connections(struct worker *worker)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	/* Who may have so many sessions has a server behind each; but nobody alone has all that fit. */
	if (worker->limits.links_per_principal < worker->limits.sessions_per_principal)
		worker->limits.links_per_principal = worker->limits.sessions_per_principal;
	if (files.rlim_cur / LINKS_PARTS < worker->limits.links_per_principal)
		worker->limits.links_per_principal = files.rlim_cur / LINKS_PARTS;
	if (files.rlim_cur / 2 >= worker->limits.connections)
		return;
	log_event(worker->log, LOG_WARN, "limits.files",
		  "Fewer connections fit than `limits.connections` says: raise the hard limit of open files.",
		  LFN("configured", worker->limits.connections), LFN("fit", files.rlim_cur / 2),
		  LFN("files", files.rlim_cur));
	worker->limits.connections = files.rlim_cur / 2;
}

/* What one thread takes, all take; one that has no memory for it ends them all, and the manager begins anew.
 */
static void follow(struct process *process, struct span text)
{
	struct worker *first = &process->first->worker;
	struct err err = ERR_INIT;

	for (size_t i = 1; i < process->n; i++) {
		struct worker *worker = &process->threads[i]->worker;

		if (snapshot_apply(worker, text, &err) == 0) {
			worker->limits.connections = first->limits.connections;
			worker->limits.links_per_principal = first->limits.links_per_principal;
			continue;
		}
		log_event(process->log, LOG_ERROR, "worker.config", "A thread cannot take the config over.",
			  LFS("why", err.text));
		_exit(1);
	}
	for (size_t i = 0; i < process->n; i++)
		thread_take_limits(process->threads[i]);
	for (size_t i = 0; i < process->n && process->n > 1; i++)
		http_server_set_sibling(process->threads[i]->worker.http,
					process->threads[(i + 1) % process->n]->worker.http);
}

/* All threads stand still meanwhile, so that none judges by another config than the rest. */
static int apply(struct process *process, struct span text, struct err *err)
{
	int rc;

	crew_hold(&process->crew);
	rc = snapshot_apply(&process->first->worker, text, err);
	if (rc == 0) {
		fit_connections(&process->first->worker);
		follow(process, text);
	}
	crew_release(&process->crew);
	return rc;
}

static void take_config(struct process *process, struct wire_in *in)
{
	CLEANUP(closep) int fd = wire_get_fd(in);
	CLEANUP(release_config) struct buf text = BUF_INIT(CONFIG_BYTES);
	struct err err = ERR_INIT;
	struct wire_out out = { 0 };

	/* In one piece, so that growing leaves no copy of a key behind. */
	if (process->first->worker.secure.lib)
		(void)buf_reserve(&text, CONFIG_BYTES / 4);
	if (fd >= 0 && file_read_fd(fd, "the config", &text, &err) == 0 &&
	    apply(process, buf_span(&text), &err) == 0) {
		tell_manager(process, WORK_READY, 0, false);
		return;
	}
	wire_begin(&out, WORK_REFUSED, 0);
	wire_put_span(&out, span_str(err.text));
	channel_send(process->homes[PEER_MANAGER].channel, &out);
	wire_out_release(&out);
}

static void answer_status(struct process *process, struct wire_in *in)
{
	CLEANUP(buf_release) struct buf state = BUF_INIT(STATE_BYTES);
	CLEANUP(closep) int fd = wire_get_fd(in);
	struct wire_out out = { 0 };

	crew_hold(&process->crew);
	crew_state_add(&process->first->worker, &state);
	crew_release(&process->crew);
	wire_begin(&out, WORK_STATE, in->id);
	if (fd >= 0 && buf_ok(&state) && file_write_fd(fd, "the state", buf_span(&state), NULL) == 0)
		wire_put_fd(&out, fd);
	channel_send(process->homes[PEER_MANAGER].channel, &out);
	wire_out_release(&out);
}

static void to_all(struct process *process, struct wire_in *in)
{
	for (size_t i = 1; i < process->n; i++)
		thread_send(process->threads[i], in);
	thread_heed(process->first, in);
}

/* Clients are accepted by whichever thread is awake; the others' sockets are the first one's. */
static void spread_listener(struct process *process, struct wire_in *in)
{
	struct wire_in look = *in;

	if (wire_get_u64(&look) == LISTEN_CLIENTS)
		to_all(process, in);
	else
		thread_heed(process->first, in);
}

static void send_host_home(struct process *process, struct wire_in *in)
{
	struct wire_in look = *in;
	struct worker *home;

	(void)wire_get_u64(&look);
	home = crew_home(&process->first->worker, wire_get_span(&look));
	if (home == &process->first->worker)
		thread_heed(process->first, in);
	else
		thread_send(process->threads[home->index], in);
}

static void heed(struct process *process, struct wire_in *in)
{
	switch ((enum work_kind)in->kind) {
	case WORK_PEER:
		take_peer(process, in);
		break;
	case WORK_CONFIG:
		take_config(process, in);
		break;
	case WORK_LISTEN:
		spread_listener(process, in);
		break;
	case WORK_STDIO:
		send_host_home(process, in);
		break;
	case WORK_STDIO_END:
	case WORK_DRAIN:
	case WORK_RETIRE:
		to_all(process, in);
		break;
	case WORK_STATUS:
		answer_status(process, in);
		break;
	case WORK_SETUP:
	case WORK_STATE:
	case WORK_READY:
	case WORK_REFUSED:
	case WORK_STDIO_ENDED:
	case WORK_STDIO_SERVER:
	case WORK_DRAINED:
	case WORK_RING_BROKEN:
	case WORK_AUDIT_KEY:
	case WORK_WORKER_CUT:
	case WORK_PEER_LOST:
	case WORK_RETIRED:
	case WORK_RING:
	case WORK_LOG:
	case WORK_LOG_DONE:
		break;
	}
}

static void defer(struct process *process, struct wire_in *in)
{
	struct deferred *deferred = NULL;

	if (process->n_deferred < DEFERRED_MAX)
		deferred = malloc(sizeof(*deferred) + in->rest.n);
	if (!deferred) {
		if (in->kind == WORK_STDIO)
			thread_tell_host_ended(process->first, wire_get_u64(in), true);
		return;
	}
	*deferred = (struct deferred){ .in = *in };
	memcpy(deferred->bytes, in->rest.p, in->rest.n);
	deferred->in.rest = span_of(deferred->bytes, in->rest.n);
	in->taken = in->n_fds;
	list_add(&process->deferred, &deferred->node);
	process->n_deferred++;
}

/* In the order they came. */
static void let_in(struct process *process)
{
	while (!list_empty(&process->deferred)) {
		struct deferred *deferred = LIST_ENTRY(process->deferred.next, struct deferred, node);

		list_remove(&deferred->node);
		process->n_deferred--;
		heed(process, &deferred->in);
		wire_in_release(&deferred->in);
		free(deferred);
	}
}

static void on_manager_message(void *owner, struct wire_in *in)
{
	struct process *process = owner;
	bool brings_calls = in->kind == WORK_LISTEN || in->kind == WORK_STDIO || in->kind == WORK_STDIO_END;

	/* Who calls comes in when calls can be recorded: before, every one would be refused. */
	if (brings_calls && !process->first->worker.has_audit_key)
		defer(process, in);
	else
		heed(process, in);
}

/* Without a manager there is nobody to serve for. */
static void on_manager_gone(void *owner)
{
	struct process *process = owner;

	loop_stop(&process->first->worker.loop);
}

static const struct channel_events manager_events = { on_manager_message, on_manager_gone };

static void ended(struct process *process)
{
	if (++process->n_drained == process->n)
		tell_manager(process, WORK_DRAINED, 0, false);
}

static void run_ending(struct mail *mail)
{
	ended(LIST_ENTRY(mail, struct ending, mail)->process);
}

/* On the thread whose last call has ended. */
static void on_drained(struct worker *worker)
{
	struct process *process = worker->process;

	worker->on_drained = NULL;
	if (worker->index == 0)
		ended(process);
	else
		mailbox_post(&process->first->mailbox, &process->endings[worker->index].mail);
}

/* On the first thread. */
static void on_retired(struct worker *worker)
{
	tell_manager(worker->process, WORK_RETIRED, 0, false);
}

/* --- the beginning --- */

/* 0: as many as there are processors for us, but no more than bring something. */
static size_t how_many(uint64_t asked)
{
	cpu_set_t cpus;
	int n;

	if (asked)
		return asked < CREW_MAX ? asked : CREW_MAX;
	n = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
	return n < 1 ? 1 : n < THREADS_AUTO ? (size_t)n : THREADS_AUTO;
}

static int make_thread(struct process *process, size_t i, struct err *err)
{
	struct thread *thread = calloc(1, sizeof(*thread));

	if (!thread)
		return err_set(err, ERR_NOMEM, "no memory for a thread");
	process->threads[i] = thread;
	if (thread_init(thread, &process->crew, process->log, err) < 0)
		return -1;
	thread->worker.process = process;
	thread->worker.on_drained = on_drained;
	thread->worker.on_retired = i == 0 ? on_retired : NULL;
	process->endings[i] = (struct ending){ .mail.run = run_ending, .process = process };
	return mailbox_open(&thread->mailbox, &thread->worker.loop, err);
}

static int make_relays(struct process *process, struct err *err)
{
	for (unsigned peer = 0; peer < THREAD_PEERS && process->n > 1; peer++) {
		struct relay *relay = relay_new(&process->first->worker.loop, process->n - 1);

		if (!relay)
			return err_set(err, ERR_NOMEM, "no memory for a relay");
		process->homes[peer].relay = relay;
		for (size_t i = 1; i < process->n; i++) {
			process->aways[i][peer] = (struct away){ process->threads[i], peer };
			relay_join(relay, i - 1, &process->threads[i]->worker.loop, &away_events,
				   &process->aways[i][peer]);
		}
	}
	return 0;
}

static int make_threads(struct process *process, bool tls, struct err *err)
{
	if (make_thread(process, 0, err) < 0)
		return -1;
	process->first = process->threads[0];
	process->first->worker.ring = &process->ring;
	if (tls && secure_open(&process->first->worker.secure, err) < 0)
		return -1;
	for (size_t i = 1; i < process->n; i++)
		if (make_thread(process, i, err) < 0)
			return -1;
	CREW_EACH(&process->crew, worker)
	{
		worker_count_in_turns(worker);
		worker->exchange_number += process->calls_before;
	}
	return make_relays(process, err);
}

static int join_manager(struct process *process, int manager_fd, struct err *err)
{
	struct home *home = &process->homes[PEER_MANAGER];

	home->channel = channel_open(&process->first->worker.loop, manager_fd, &manager_events, process, err);
	if (!home->channel)
		return -1;
	hand_on(home);
	return 0;
}

static int set_up(struct process *process, int manager_fd, struct err *err)
{
	struct process_setup setup;
	struct ring_fds fds = RING_FDS_INIT;

	if (process_setup_read(manager_fd, &setup, process->log, err) < 0)
		return -1;
	fds.memory = setup.fds[0];
	fds.wake = setup.fds[1];
	if (setup.n_fds != 2 || ring_map(&process->ring, &fds, RING_PRODUCER, err) < 0)
		return err_wrap(err, "the audit ring");
	(void)close(fds.memory);
	/* Opened now: once confined, the worker opens no files. */
	if (regex_preload(err) < 0) {
		log_event(process->log, LOG_WARN, "worker.regex",
			  "Tools whose schema has a pattern cannot be used.", LFS("why", err->text));
		*err = ERR_INIT;
	}
	process->n = how_many(setup.threads);
	process->calls_before = setup.calls_before;
	if (crypto_init(err) < 0 || make_threads(process, setup.tls, err) < 0)
		return -1;
	return join_manager(process, manager_fd, err);
}

/* All but the first begin when they have lost what they do not need; the last layer they get with the first.
 */
static int start_threads(void *owner, struct err *err)
{
	struct process *process = owner;

	for (size_t i = 1; i < process->n; i++)
		if (thread_start(process->threads[i], err) < 0)
			return -1;
	return 0;
}

int worker_main(int manager_fd, struct log *log)
{
	struct process *process = calloc(1, sizeof(*process));
	const struct confine_options confinement = { .start_threads = start_threads, .owner = process };
	struct err err = ERR_INIT;

	if (!process)
		return 1;
	process->log = log;
	process->ring = RING_INIT;
	list_init(&process->deferred);
	for (unsigned peer = 0; peer < THREAD_PEERS; peer++)
		process->homes[peer] = (struct home){ .process = process, .peer = peer };
	if (set_up(process, manager_fd, &err) < 0 ||
	    process_confine(ROLE_WORKER, &confinement, log, &err) < 0) {
		log_event(log, LOG_ERROR, "worker.failed", "The worker could not start.",
			  LFS("why", err.text));
		return 1;
	}
	loop_run(&process->first->worker.loop);
	/* The manager is gone: the kernel takes everything back at once. */
	_exit(0);
}
