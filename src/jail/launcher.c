/* launcher.c - starts servers on the worker's word, with what the manager says they are. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "jail/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/secret.h"
#include "jail/instance.h"
#include "jail/lane.h"
#include "jail/tree.h"

/* Two channels, and for each instance its status and its pidfd. */
#define POLL_MAX ((size_t)2 + 2 * LAUNCH_MAX_INSTANCES)
/* Complaints about a peer that reach the log in one second. */
#define COMPLAINTS_PER_S 5U

struct launcher {
	const struct log *log;
	struct log_brake brake;
	struct lane manager, worker;
	uint64_t worker_number; /* grows with each worker */
	struct map definitions;
	struct list instances;
	size_t n_instances;
	struct fence fence;
	bool ending;
	uint64_t end_ms;
	struct pollfd polls[POLL_MAX];
	struct instance *owners[POLL_MAX]; /* NULL: a channel */
	size_t n_polls;
	char store[WIRE_MAX_BYTES];
};

static void forget_definitions(void *owner)
{
	struct launcher *launcher = owner;
	struct definition *definition;

	for (size_t at = 0; (definition = map_next(&launcher->definitions, &at)) != NULL;) {
		(void)map_remove(&launcher->definitions, definition->name);
		(void)definition_free(definition);
	}
	map_release(&launcher->definitions);
}

static void complain(struct launcher *launcher, const char *text, uint64_t kind)
{
	uint32_t dropped;

	if (!log_brake_pass(&launcher->brake, clock_mono_ms(), COMPLAINTS_PER_S, &dropped))
		return;
	log_event(launcher->log, LOG_WARN, "launcher.message", text, LFN("kind", kind),
		  LFN("dropped", dropped));
}

static void answer_failed(struct lane *lane, uint32_t question, int sys, struct span sentence)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };

	wire_begin(&out, LAUNCH_FAILED, question);
	wire_put_u64(&out, (uint64_t)sys);
	wire_put_span(&out, sentence);
	lane_send(lane, &out);
}

/* Sends to the worker that started it; there may be none, or another, by now. */
static void send_to_owner(struct launcher *launcher, const struct instance *instance, struct wire_out *out)
{
	if (instance->worker == launcher->worker_number) {
		lane_send(&launcher->worker, out);
		return;
	}
	for (size_t i = 0; i < out->n_fds; i++)
		(void)close(out->fds[i]);
	out->n_fds = 0;
}

/*
 * Ours stays open to the server's end: what it writes while it cleans up does not end it by SIGPIPE, though
 * the worker reads no more. Where no descriptor is left, it goes.
 */
static int share_fd(int *fd)
{
	int copy = fcntl(*fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 ? take_fd(fd) : copy;
}

static void tell_started(struct launcher *launcher, struct instance *instance)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };

	wire_begin(&out, LAUNCH_STARTED, instance->question);
	wire_put_u64(&out, (uint64_t)instance->pid);
	wire_put_fd(&out, take_fd(&instance->stdio[0]));
	for (size_t i = 1; i < 3; i++)
		wire_put_fd(&out, share_fd(&instance->stdio[i]));
	send_to_owner(launcher, instance, &out);
	log_event(launcher->log, LOG_DEBUG, "launcher.started", "A server runs.",
		  LF("server", instance_server(instance)), LFN("pid", instance->pid));
}

static void tell_failed(struct launcher *launcher, struct instance *instance)
{
	CLEANUP(buf_release) struct buf sentence = BUF_INIT(1024);

	instance_explain(instance, &sentence);
	if (instance->worker == launcher->worker_number)
		answer_failed(&launcher->worker, instance->question,
			      instance->canceled ? ECANCELED : instance->failure.sys, buf_span(&sentence));
	log_event(launcher->log, LOG_WARN, "launcher.failed", "A server did not start.",
		  LF("server", instance_server(instance)), LF("why", buf_span(&sentence)));
}

static void put_exit(struct wire_out *out, const struct instance *instance)
{
	wire_put_u64(out, instance->id);
	wire_put_u64(out, (uint64_t)instance->report.code);
	wire_put_u64(out, (uint64_t)instance->report.signal);
}

static void tell_exited(struct launcher *launcher, const struct instance *instance)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };

	wire_begin(&out, LAUNCH_EXITED, 0);
	put_exit(&out, instance);
	send_to_owner(launcher, instance, &out);
	wire_begin(&out, LAUNCH_EXITED, 0);
	wire_put_span(&out, instance_server(instance));
	put_exit(&out, instance);
	lane_send(&launcher->manager, &out);
	log_event(launcher->log, LOG_DEBUG, "launcher.exited", "A server ended.",
		  LF("server", instance_server(instance)), LFN("code", instance->report.code),
		  LFN("signal", instance->report.signal));
}

/* A warden that did not end by itself may have left something behind, which is ours now. */
static void clear_orphans(struct launcher *launcher)
{
	pid_t wardens[LAUNCH_MAX_INSTANCES];
	size_t n = 0;

	LIST_EACH(&launcher->instances, node) {
		struct instance *instance = LIST_ENTRY(node, struct instance, node);

		if (instance->state != INSTANCE_ENDED)
			wardens[n++] = instance->warden;
	}
	if (!tree_clear(getpid(), wardens, n))
		log_note(launcher->log, LOG_WARN, "launcher.orphans",
			 "Processes of a server could not be ended.");
}

static void end_instance(struct launcher *launcher, struct instance *instance)
{
	bool ran;

	instance_reap(instance);
	if (instance->state != INSTANCE_ENDED)
		return;
	ran = !instance->failed && !instance->canceled;
	if (!instance->fence.pids)
		clear_orphans(launcher);
	if (ran && instance->stdio[0] >= 0)
		tell_started(launcher, instance);
	if (ran)
		tell_exited(launcher, instance);
	else
		tell_failed(launcher, instance);
	list_remove(&instance->node);
	launcher->n_instances--;
	(void)instance_free(instance);
}

static void stop_all(struct launcher *launcher, uint64_t grace_ms)
{
	LIST_EACH(&launcher->instances, node)
		instance_stop(LIST_ENTRY(node, struct instance, node), grace_ms, clock_mono_ms());
}

static struct instance *find_instance(struct launcher *launcher, uint64_t id)
{
	LIST_EACH(&launcher->instances, node) {
		struct instance *instance = LIST_ENTRY(node, struct instance, node);

		if (instance->id == id && instance->worker == launcher->worker_number)
			return instance;
	}
	return NULL;
}

/* NULL where it may be started. */
static const char *refuse_start(struct launcher *launcher, const struct definition *definition, uint64_t id,
				int *sys)
{
	if (!definition) {
		*sys = ENOENT;
		return "the configuration names no such server";
	}
	if (find_instance(launcher, id)) {
		*sys = EEXIST;
		return "an instance with this number is running";
	}
	if (launcher->n_instances >= LAUNCH_MAX_INSTANCES) {
		*sys = EAGAIN;
		return "too many instances are running";
	}
	return NULL;
}

static void on_start(struct launcher *launcher, struct wire_in *in)
{
	struct span server = wire_get_span(in);
	uint64_t id = wire_get_u64(in);
	struct instance_request request = { .fence = launcher->fence,
					    .id = id,
					    .worker = launcher->worker_number,
					    .question = in->id,
					    .forget = forget_definitions,
					    .owner = launcher };
	struct instance *instance = NULL;
	const char *refusal;
	struct err err = ERR_INIT;
	int sys = 0;

	if (!wire_in_done(in)) {
		complain(launcher, "The worker sent a malformed start.", in->kind);
		answer_failed(&launcher->worker, in->id, EBADMSG, S("the request is malformed"));
		return;
	}
	request.definition = map_get(&launcher->definitions, server);
	refusal = refuse_start(launcher, request.definition, id, &sys);
	if (refusal) {
		answer_failed(&launcher->worker, in->id, sys, span_str(refusal));
		return;
	}
	if (instance_start(&request, &instance, &err) < 0) {
		answer_failed(&launcher->worker, in->id, err.sys ? err.sys : ENOMEM, span_str(err.text));
		return;
	}
	list_add(&launcher->instances, &instance->node);
	launcher->n_instances++;
}

static void on_stop(struct launcher *launcher, struct wire_in *in)
{
	uint64_t id = wire_get_u64(in);
	uint64_t grace_ms = wire_get_u64(in);
	struct instance *instance;

	if (!wire_in_done(in)) {
		complain(launcher, "The worker sent a malformed stop.", in->kind);
		return;
	}
	/* It may have ended while the word was on its way. */
	instance = find_instance(launcher, id);
	if (instance)
		instance_stop(instance, grace_ms, clock_mono_ms());
}

static void on_worker_message(struct launcher *launcher, struct wire_in *in)
{
	if (in->kind == LAUNCH_START)
		on_start(launcher, in);
	else if (in->kind == LAUNCH_STOP)
		on_stop(launcher, in);
	else
		complain(launcher, "The worker sent what is not its to send.", in->kind);
}

static int define(struct launcher *launcher, struct wire_in *in, struct err *err)
{
	CLEANUP(definition_freep) struct definition *definition = NULL;
	struct definition *old;

	if (definition_read(in, &definition, err) < 0)
		return -1;
	old = map_remove(&launcher->definitions, definition->name);
	(void)definition_free(old);
	if (launcher->definitions.n >= LAUNCH_MAX_SERVERS)
		return err_set(err, ERR_LIMIT, "more than %d servers", LAUNCH_MAX_SERVERS);
	if (!map_put(&launcher->definitions, definition->name, definition))
		return err_set(err, ERR_NOMEM, "no memory for a server's definition");
	(void)TAKE(definition);
	return 0;
}

static void on_define(struct launcher *launcher, struct wire_in *in)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	struct err err = ERR_INIT;
	int defined = define(launcher, in, &err);

	if (defined < 0)
		log_event(launcher->log, LOG_ERROR, "launcher.definition", "A server cannot be defined.",
			  LFS("why", err.text));
	if (in->id == 0)
		return;
	if (defined < 0) {
		answer_failed(&launcher->manager, in->id, EINVAL, span_str(err.text));
		return;
	}
	wire_begin(&out, LAUNCH_DEFINED, in->id);
	lane_send(&launcher->manager, &out);
}

static void on_forget(struct launcher *launcher, struct wire_in *in)
{
	struct span server = wire_get_span(in);
	struct definition *definition = in->bad ? NULL : map_remove(&launcher->definitions, server);

	if (!definition)
		return;
	LIST_EACH(&launcher->instances, node) {
		struct instance *instance = LIST_ENTRY(node, struct instance, node);

		if (span_eq(instance_server(instance), server))
			instance_stop(instance, LAUNCHER_ORPHAN_GRACE_MS, clock_mono_ms());
	}
	(void)definition_free(definition);
}

/* What the worker that is gone started ends, for its pipes have; a new one begins with nothing. */
static void drop_worker(struct launcher *launcher, uint64_t grace_ms)
{
	lane_close(&launcher->worker);
	launcher->worker_number++;
	stop_all(launcher, grace_ms);
}

static void on_manager_message(struct launcher *launcher, struct wire_in *in)
{
	int fd;

	switch (in->kind) {
	case LAUNCH_DEFINE:
		on_define(launcher, in);
		/* The environment has secrets; it lives on in the definition only. */
		secret_wipe(launcher->store, sizeof(launcher->store));
		break;
	case LAUNCH_FORGET:
		on_forget(launcher, in);
		break;
	case LAUNCH_WORKER:
		fd = wire_get_fd(in);
		if (fd < 0)
			break;
		drop_worker(launcher, LAUNCHER_ORPHAN_GRACE_MS);
		lane_init(&launcher->worker, fd);
		break;
	default:
		complain(launcher, "The manager sent an unknown message.", in->kind);
	}
}

/* One message: of the worker one a turn, so that it does not starve the rest. */
static void on_lane(struct launcher *launcher, struct lane *lane, short events)
{
	struct wire_in in;
	int got;

	lane_flush(lane);
	if (lane->gone || lane_is_full(lane) || !(events & (POLLIN | POLLHUP | POLLERR)))
		return;
	got = wire_recv(lane->fd, launcher->store, &in, NULL);
	if (got < 0)
		lane->gone = true;
	if (got <= 0)
		return;
	if (lane == &launcher->manager)
		on_manager_message(launcher, &in);
	else
		on_worker_message(launcher, &in);
	wire_in_release(&in);
}

static void begin_end(struct launcher *launcher)
{
	if (launcher->ending)
		return;
	launcher->ending = true;
	launcher->end_ms = clock_mono_ms() + LAUNCHER_END_MS;
	lane_close(&launcher->manager);
	drop_worker(launcher, LAUNCH_TERM_MS);
}

static void watch_fd(struct launcher *launcher, int fd, short events, struct instance *owner)
{
	launcher->polls[launcher->n_polls] = (struct pollfd){ .fd = fd, .events = events };
	launcher->owners[launcher->n_polls++] = owner;
}

static short lane_events(const struct lane *lane)
{
	return lane_is_full(lane) ? POLLOUT : POLLIN;
}

/* Returns how long to wait. */
static int prepare(struct launcher *launcher)
{
	uint64_t now = clock_mono_ms(), next = launcher->ending ? launcher->end_ms : UINT64_MAX;

	launcher->n_polls = 0;
	watch_fd(launcher, launcher->manager.fd, lane_events(&launcher->manager), NULL);
	watch_fd(launcher, launcher->worker.fd, lane_events(&launcher->worker), NULL);
	LIST_EACH(&launcher->instances, node) {
		struct instance *instance = LIST_ENTRY(node, struct instance, node);

		if (instance->status >= 0)
			watch_fd(launcher, instance->status, POLLIN, instance);
		watch_fd(launcher, instance->pidfd, POLLIN, instance);
		if (instance->deadline_ms && instance->deadline_ms < next)
			next = instance->deadline_ms;
	}
	if (next == UINT64_MAX)
		return -1;
	return next <= now ? 0 : (int)(next - now);
}

static void hurry(struct launcher *launcher)
{
	uint64_t now = clock_mono_ms();

	LIST_EACH(&launcher->instances, node) {
		struct instance *instance = LIST_ENTRY(node, struct instance, node);

		if (instance->deadline_ms && instance->deadline_ms <= now)
			instance_hurry(instance, now);
	}
}

/* Its two descriptors stand one after the other; the end of it frees it, so that comes last. */
static void on_instance(struct launcher *launcher, struct instance *instance, int fd)
{
	if (fd == instance->pidfd) {
		end_instance(launcher, instance);
		return;
	}
	if (instance_progress(instance) && instance->state == INSTANCE_RUNNING && !instance->canceled)
		tell_started(launcher, instance);
}

/*
 * The manager defines a server before the worker hears of it, on another channel: whatever it has
 * said is read before anything of the worker's is.
 */
static void hear_manager(struct launcher *launcher)
{
	for (int n = 0; n < LAUNCH_MAX_SERVERS && launcher->manager.fd >= 0 && !launcher->manager.gone; n++) {
		struct pollfd p = { .fd = launcher->manager.fd, .events = lane_events(&launcher->manager) };

		if (poll(&p, 1, 0) <= 0)
			return;
		on_lane(launcher, &launcher->manager, p.revents);
	}
}

static void turn(struct launcher *launcher)
{
	int timeout_ms = prepare(launcher);

	if (poll(launcher->polls, launcher->n_polls, timeout_ms) < 0)
		return;
	for (size_t i = 2; i < launcher->n_polls; i++)
		if (launcher->polls[i].revents)
			on_instance(launcher, launcher->owners[i], launcher->polls[i].fd);
	hurry(launcher);
	if (launcher->polls[0].revents || launcher->polls[1].revents)
		hear_manager(launcher);
	if (launcher->polls[1].revents && launcher->worker.fd == launcher->polls[1].fd)
		on_lane(launcher, &launcher->worker, launcher->polls[1].revents);
	if (launcher->worker.gone)
		drop_worker(launcher, LAUNCHER_ORPHAN_GRACE_MS);
	if (launcher->manager.gone)
		begin_end(launcher);
}

/* Five descriptors an instance, and a few; a warden lowers it again for its server. */
static void allow_descriptors(void)
{
	const rlim_t wanted = (rlim_t)5 * LAUNCH_MAX_INSTANCES + 64;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= wanted)
		return;
	files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

static int begin(struct launcher *launcher, struct err *err)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	struct fence_gap gap;
	int fd;

	/* 0, 1 and 2 must not become pipes of a server. */
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3);
	if (fd < 0)
		return err_sys(err, "cannot open /dev/null");
	(void)close(fd);
	/* An inherited "ignore" would make the kernel reap for us. */
	(void)sigaction(SIGCHLD, &action, NULL);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	allow_descriptors();
	launcher->fence = fence_probe(&gap);
	fence_report(launcher->fence, &gap, launcher->log);
	return 0;
}

int launcher_main(int manager_fd, int worker_fd, const struct log *log, struct err *err)
{
	CLEANUP(freep) struct launcher *launcher = calloc(1, sizeof(*launcher));

	if (!launcher)
		return err_set(err, ERR_NOMEM, "no memory for the launcher");
	launcher->log = log;
	list_init(&launcher->instances);
	lane_init(&launcher->manager, manager_fd);
	lane_init(&launcher->worker, worker_fd);
	if (begin(launcher, err) < 0)
		return -1;
	while (!launcher->ending || !list_empty(&launcher->instances)) {
		turn(launcher);
		if (launcher->ending && clock_mono_ms() >= launcher->end_ms)
			break;
	}
	forget_definitions(launcher);
	return 0;
}
