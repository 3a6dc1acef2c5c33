/* manager.c - the gate's first process: config, sockets, and the life of the others. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/manager.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/ring.h"
#include "base/check.h"
#include "base/tr.h"
#include "conf/core.h"
#include "crypto/digest.h"
#include "daemon/child.h"
#include "daemon/data_lock.h"
#include "daemon/gate_tls.h"
#include "daemon/hosts.h"
#include "daemon/listen.h"
#include "daemon/notify.h"
#include "daemon/process.h"
#include "daemon/watch.h"
#include "jail/launch.h"
#include "net/dial.h"

enum {
	MANAGER_RING_BYTES = 4 * 1024 * 1024,
	MANAGER_DRAIN_MS = 10000, /* for calls under way when the gate is told to stop */
	MANAGER_STOP_MS = 5000,	  /* for the processes to end after that */
};

struct manager {
	struct manager_options options;
	struct log *log;
	struct loop loop;
	struct gate_config config;
	struct child children[CHILD_ROLES];
	struct ring_fds ring;
	struct listeners clients, metrics;
	struct hosts *hosts;
	struct watch *watch;
	uv_signal_t on_term, on_int, on_hup, on_child;
	uv_timer_t deadline;
	int lock_fd;
	uint8_t tls_digest[DIGEST_BYTES]; /* of the files the config names for TLS */
	bool worker_tls;		  /* the worker was started with TLS */
	bool ready, stopping;
	int exit_code;
};

/* --- what each process is told when it starts --- */

static void put_setup(const struct manager *manager, struct wire_out *out, bool tls)
{
	wire_begin(out, WORK_SETUP, 0);
	wire_put_u64(out, manager->log->level);
	wire_put_u64(out, manager->log->json);
	wire_put_u64(out, manager->log->stamp);
	wire_put_u64(out, tls);
}

/* A channel between the worker and another: one end goes with `out`, the other to the worker. */
static int join_worker(struct manager *manager, struct wire_out *out, enum work_peer peer, int *theirs)
{
	struct wire_out tell = { 0 };
	struct channel *worker = manager->children[CHILD_WORKER].channel;
	struct err err = ERR_INIT;
	int fds[2];

	*theirs = -1;
	if (wire_pair(fds, &err) < 0) {
		log_event(manager->log, LOG_ERROR, "process.join", "Two processes could not be joined.",
			  LFS("why", err.text));
		return -1;
	}
	wire_put_fd(out, fds[1]);
	*theirs = fds[1];
	if (worker) {
		wire_begin(&tell, WORK_PEER, 0);
		wire_put_u64(&tell, peer);
		wire_put_fd(&tell, fds[0]);
		channel_send(worker, &tell);
		wire_out_release(&tell);
	}
	(void)close(fds[0]);
	return 0;
}

static void set_up_keeper(struct manager *manager, struct child *child)
{
	struct wire_out out = { 0 };
	int theirs;

	put_setup(manager, &out, false);
	wire_put_span(&out, span_str(manager->config.paths.data));
	wire_put_span(&out, span_str(manager->config.paths.audit));
	if (join_worker(manager, &out, PEER_KEEPER, &theirs) == 0) {
		wire_put_fd(&out, manager->ring.memory);
		wire_put_fd(&out, manager->ring.wake);
		channel_send(child->channel, &out);
	}
	closep(&theirs);
	wire_out_release(&out);
}

static void define_servers(struct manager *manager, struct child *child)
{
	const struct conf_node *root = conf_root(manager->config.conf);
	bool programs = child->role == CHILD_LAUNCHER;

	for (const struct conf_node *at = conf_get_first(root, "servers"); at; at = conf_next(at)) {
		struct wire_out out = { 0 };
		struct err err = ERR_INIT;

		if (gate_config_is_program(at) != programs)
			continue;
		if (!programs)
			gate_config_dial(at, &out);
		else if (gate_config_launch(at, &out, &err) < 0)
			log_event(manager->log, LOG_ERROR, "server.undefined",
				  "A server cannot be started as configured.", LF("server", conf_name(at)),
				  LFS("why", err.text));
		if (!err.code)
			channel_send(child->channel, &out);
		wire_out_release(&out);
	}
}

static void set_up_joined(struct manager *manager, struct child *child, enum work_peer peer)
{
	struct wire_out out = { 0 };
	int theirs;

	put_setup(manager, &out, false);
	if (join_worker(manager, &out, peer, &theirs) == 0)
		channel_send(child->channel, &out);
	closep(&theirs);
	wire_out_release(&out);
	define_servers(manager, child);
	if (peer == PEER_LAUNCHER)
		hosts_define(manager->hosts, child->channel);
}

static void send_config(struct manager *manager)
{
	CLEANUP(closep) int fd = -1;
	struct wire_out out = { 0 };
	struct err err = ERR_INIT;

	fd = gate_config_seal(&manager->config, &err);
	if (fd < 0) {
		log_event(manager->log, LOG_ERROR, "config.send", "The config could not be handed on.",
			  LFS("why", err.text));
		return;
	}
	wire_begin(&out, WORK_CONFIG, 0);
	wire_put_fd(&out, fd);
	channel_send(manager->children[CHILD_WORKER].channel, &out);
	wire_out_release(&out);
}

static void send_listeners(struct channel *worker, const struct listeners *listeners, uint64_t kind)
{
	for (size_t i = 0; i < listeners->n; i++) {
		struct wire_out out = { 0 };

		wire_begin(&out, WORK_LISTEN, 0);
		wire_put_u64(&out, kind);
		wire_put_fd(&out, listeners->fds[i]);
		channel_send(worker, &out);
		wire_out_release(&out);
	}
}

/* A peer that stands already gets the channel of the new worker. */
static void rejoin(struct manager *manager, enum child_role role, enum work_peer peer, uint32_t kind)
{
	struct child *child = &manager->children[role];
	struct wire_out out = { 0 };
	int theirs;

	if (!child->channel)
		return;
	wire_begin(&out, kind, 0);
	if (kind == WORK_PEER)
		wire_put_u64(&out, peer);
	if (join_worker(manager, &out, peer, &theirs) == 0)
		channel_send(child->channel, &out);
	closep(&theirs);
	wire_out_release(&out);
}

static void set_up_worker(struct manager *manager, struct child *child)
{
	struct wire_out out = { 0 };

	manager->worker_tls = gate_tls_wanted(&manager->config);
	put_setup(manager, &out, manager->worker_tls);
	wire_put_fd(&out, manager->ring.memory);
	wire_put_fd(&out, manager->ring.wake);
	channel_send(child->channel, &out);
	wire_out_release(&out);
	/* Listening comes last: what the kernel queued meanwhile finds a gate that is whole. */
	send_config(manager);
	rejoin(manager, CHILD_KEEPER, PEER_KEEPER, WORK_PEER);
	rejoin(manager, CHILD_LAUNCHER, PEER_LAUNCHER, LAUNCH_WORKER);
	rejoin(manager, CHILD_EGRESS, PEER_EGRESS, DIAL_WORKER);
	send_listeners(child->channel, &manager->clients, 0);
	send_listeners(child->channel, &manager->metrics, 1);
	hosts_set_worker(manager->hosts, child->channel);
}

static void on_start(void *owner, struct child *child)
{
	struct manager *manager = owner;

	switch (child->role) {
	case CHILD_KEEPER:
		set_up_keeper(manager, child);
		hosts_set_keeper(manager->hosts, child->channel);
		break;
	case CHILD_LAUNCHER:
		set_up_joined(manager, child, PEER_LAUNCHER);
		hosts_set_launcher(manager->hosts, child->channel);
		break;
	case CHILD_EGRESS:
		set_up_joined(manager, child, PEER_EGRESS);
		break;
	case CHILD_WORKER:
		set_up_worker(manager, child);
		break;
	case CHILD_ROLES:
		break;
	}
}

/* --- the end --- */

static bool all_gone(const struct manager *manager)
{
	for (size_t i = 0; i < CHILD_ROLES; i++)
		if (manager->children[i].pid)
			return false;
	return true;
}

static void kill_all(uv_timer_t *timer)
{
	struct manager *manager = timer->data;

	for (size_t i = 0; i < CHILD_ROLES; i++)
		if (manager->children[i].pid)
			(void)kill(manager->children[i].pid, SIGKILL);
}

/* The worker first, then those it leans on, the keeper last: what was decided is on the disk. */
static void stop_children(struct manager *manager)
{
	for (size_t i = CHILD_ROLES; i-- > 0;)
		child_stop(&manager->children[i]);
	(void)uv_timer_start(&manager->deadline, kill_all, MANAGER_STOP_MS, 0);
	if (all_gone(manager))
		loop_stop(&manager->loop);
}

static void on_drain_deadline(uv_timer_t *timer)
{
	stop_children(timer->data);
}

static void stop(struct manager *manager, int code)
{
	struct wire_out out = { 0 };

	if (manager->stopping) {
		stop_children(manager);
		return;
	}
	manager->stopping = true;
	manager->exit_code = code;
	notify_systemd("STOPPING=1");
	log_note(manager->log, LOG_INFO, "gate.stopping",
		 "The gate stops: no new calls, those under way may end.");
	hosts_close(manager->hosts);
	if (!manager->children[CHILD_WORKER].channel || !manager->ready) {
		stop_children(manager);
		return;
	}
	wire_begin(&out, WORK_DRAIN, 0);
	channel_send(manager->children[CHILD_WORKER].channel, &out);
	wire_out_release(&out);
	(void)uv_timer_start(&manager->deadline, on_drain_deadline, MANAGER_DRAIN_MS, 0);
}

/* Nobody keeps a channel that is closed. */
static void on_lost(void *owner, struct child *child)
{
	struct manager *manager = owner;

	if (child->role == CHILD_WORKER)
		hosts_set_worker(manager->hosts, NULL);
	if (child->role == CHILD_KEEPER)
		hosts_set_keeper(manager->hosts, NULL);
	if (child->role == CHILD_LAUNCHER)
		hosts_set_launcher(manager->hosts, NULL);
}

static void on_end(void *owner, struct child *child, int status)
{
	struct manager *manager = owner;

	(void)status;
	if (manager->stopping && all_gone(manager))
		loop_stop(&manager->loop);
	/* What cannot even start the first time will not start the second. */
	if (!manager->ready && !manager->stopping && child->starts >= 1 && !WIFSIGNALED(status))
		stop(manager, 1);
}

/* --- what they say --- */

static void check_ready(struct manager *manager)
{
	const struct child *worker = &manager->children[CHILD_WORKER];
	const struct child *keeper = &manager->children[CHILD_KEEPER];

	if (manager->ready || manager->stopping || !worker->ready || !keeper->ready)
		return;
	manager->ready = true;
	notify_systemd("READY=1");
	closep(&manager->options.ready_fd);
	log_event(
	    manager->log, LOG_INFO, "gate.ready", "The gate stands.", LFS("version", KANMON_VERSION),
	    LFS("config", manager->config.paths.config[0] ? manager->config.paths.config : "(built in)"),
	    LFS("data", manager->config.paths.data));
	if (manager->options.on_ready)
		manager->options.on_ready(&manager->config,
					  conf_get_first(conf_root(manager->config.conf), "listen"));
}

static void refused(struct manager *manager, const struct child *child, struct span why)
{
	log_event(manager->log, LOG_ERROR, "process.refused", "A process of the gate cannot do its work.",
		  LFS("process", child_name(child->role)), LF("why", why));
}

/* A worker that writes nonsense into the ring is not to be trusted with anything. */
static void ring_broken(struct manager *manager)
{
	struct err err = ERR_INIT;

	log_note(manager->log, LOG_ERROR, "audit.broken",
		 "The worker wrote nonsense to the audit ring; it is ended.");
	if (manager->children[CHILD_WORKER].pid)
		(void)kill(manager->children[CHILD_WORKER].pid, SIGKILL);
	if (ring_reset(&manager->ring, &err) < 0)
		log_event(manager->log, LOG_ERROR, "audit.reset", "The audit ring cannot be reset.",
			  LFS("why", err.text));
}

static void on_message(void *owner, struct child *child, struct wire_in *in)
{
	struct manager *manager = owner;

	switch ((enum work_kind)in->kind) {
	case WORK_READY:
		child->ready = true;
		check_ready(manager);
		break;
	case WORK_REFUSED:
		refused(manager, child, wire_get_span(in));
		break;
	case WORK_STDIO_ENDED:
	case WORK_STDIO_SERVER:
		hosts_from_worker(manager->hosts, in);
		break;
	case WORK_DRAINED:
		if (manager->stopping)
			stop_children(manager);
		break;
	case WORK_RING_BROKEN:
		ring_broken(manager);
		break;
	case WORK_SETUP:
	case WORK_PEER:
	case WORK_CONFIG:
	case WORK_LISTEN:
	case WORK_STDIO:
	case WORK_STDIO_END:
	case WORK_STATUS:
	case WORK_STATE:
	case WORK_DRAIN:
	case WORK_AUDIT_KEY:
		break;
	}
}

static const struct child_events child_events = {
	.on_start = on_start, .on_message = on_message, .on_lost = on_lost, .on_end = on_end
};

/* --- reload --- */

/* Definitions of the old config that the new one does not have are taken back. */
static void forget_missing(struct manager *manager, const struct gate_config *old)
{
	for (const struct conf_node *at = conf_get_first(conf_root(old->conf), "servers"); at;
	     at = conf_next(at)) {
		bool program = gate_config_is_program(at);
		struct channel *to = manager->children[program ? CHILD_LAUNCHER : CHILD_EGRESS].channel;
		const struct conf_node *now = gate_config_server(&manager->config, conf_name(at));
		struct wire_out out = { 0 };

		if (!to || (now && gate_config_is_program(now) == program))
			continue;
		wire_begin(&out, program ? (uint32_t)LAUNCH_FORGET : (uint32_t)DIAL_FORGET, 0);
		wire_put_span(&out, conf_name(at));
		channel_send(to, &out);
		wire_out_release(&out);
	}
}

/* A confined worker can open no library: where TLS is new to it, another takes its place. */
static void hand_on_config(struct manager *manager)
{
	const struct child *worker = &manager->children[CHILD_WORKER];

	if (!gate_tls_wanted(&manager->config) || manager->worker_tls) {
		if (worker->channel)
			send_config(manager);
		return;
	}
	log_note(manager->log, LOG_WARN, "worker.replaced",
		 "The new config needs TLS, for which the worker was not prepared: another is started, and "
		 "clients must begin again.");
	if (worker->pid > 0)
		(void)kill(worker->pid, SIGKILL);
}

static int reload(struct manager *manager, struct err *err)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)256 * 1024);
	struct gate_config fresh, old = manager->config;
	const struct conf_render render = { .footer =
						span_str(tr("this file was not loaded; the config that is in "
							    "force stays in force")) };

	if (gate_config_load(manager->options.config, manager->options.data_dir, &fresh, &problems, err) <
	    0) {
		conf_problems_render(&text, &problems, &render);
		(void)!write(STDERR_FILENO, text.p, text.n);
		return -1;
	}
	if (!gate_config_same_addresses(&old, &fresh, "listen") ||
	    !gate_config_same_addresses(&old, &fresh, "metrics") ||
	    strcmp(old.paths.data, fresh.paths.data) != 0) {
		gate_config_release(&fresh);
		return err_set(
		    err, ERR_CONFIG, "%s",
		    tr("`listen`, `metrics` and `data` change with a restart only; the new config was not "
		       "loaded"));
	}
	if (strcmp(old.digest, fresh.digest) == 0 && gate_tls_is_same(&fresh, manager->tls_digest)) {
		gate_config_release(&fresh);
		return 0;
	}
	if (gate_tls_wanted(&fresh) && gate_tls_probe(err) < 0) {
		gate_config_release(&fresh);
		return -1;
	}
	manager->config = fresh;
	gate_tls_digest(&manager->config, manager->tls_digest);
	for (size_t i = 0; i < CHILD_ROLES; i++)
		if ((i == CHILD_LAUNCHER || i == CHILD_EGRESS) && manager->children[i].channel)
			define_servers(manager, &manager->children[i]);
	hand_on_config(manager);
	forget_missing(manager, &old);
	gate_config_release(&old);
	log_event(manager->log, LOG_INFO, "config.loaded", "A new config is in force.",
		  LFS("config", fresh.digest));
	return 0;
}

static void reload_and_log(struct manager *manager)
{
	struct err err = ERR_INIT;

	notify_systemd("RELOADING=1");
	if (reload(manager, &err) < 0)
		log_event(manager->log, LOG_ERROR, "config.refused", "The new config was not loaded.",
			  LFS("why", err.text));
	notify_systemd("READY=1");
}

static int on_reload_asked(void *owner, struct err *err)
{
	return reload(owner, err);
}

static void on_config_changed(void *owner)
{
	struct manager *manager = owner;

	if (!manager->stopping)
		reload_and_log(manager);
}

static void on_idle_end(void *owner)
{
	stop(owner, 0);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct manager *manager = handle->data;

	if (number == SIGHUP)
		on_config_changed(manager);
	else if (number == SIGCHLD)
		for (size_t i = 0; i < CHILD_ROLES; i++)
			child_reap(&manager->children[i]);
	else
		stop(manager, 0);
}

/* --- the beginning --- */

static void watch_signal(struct manager *manager, uv_signal_t *handle, int number)
{
	check(uv_signal_init(&manager->loop.uv, handle) == 0);
	handle->data = manager;
	(void)uv_signal_start(handle, on_signal, number);
}

static int open_sockets(struct manager *manager, struct err *err)
{
	const struct conf_node *root = conf_root(manager->config.conf);

	if (listeners_open(&manager->clients, conf_get_first(root, "listen"), err) < 0) {
		if (!manager->options.background)
			return -1;
		log_event(manager->log, LOG_WARN, "listen.taken",
			  "The gate serves hosts on stdio only: its address cannot be used.",
			  LFS("why", err->text));
		*err = ERR_INIT;
	}
	return listeners_open(&manager->metrics, conf_get_first(root, "metrics"), err);
}

static int begin(struct manager *manager, struct err *err)
{
	const struct hosts_options options = { .loop = &manager->loop,
					       .log = manager->log,
					       .control = manager->config.paths.control,
					       .idle_exit_ms = manager->options.idle_exit_ms,
					       .on_reload = on_reload_asked,
					       .on_idle = on_idle_end,
					       .owner = manager };

	if (data_lock(manager->config.paths.data, &manager->lock_fd, err) < 0 ||
	    open_sockets(manager, err) < 0 || ring_create(MANAGER_RING_BYTES, &manager->ring, err) < 0)
		return -1;
	manager->hosts = hosts_new(&options, err);
	if (!manager->hosts)
		return -1;
	watch_signal(manager, &manager->on_child, SIGCHLD);
	watch_signal(manager, &manager->on_term, SIGTERM);
	watch_signal(manager, &manager->on_int, SIGINT);
	watch_signal(manager, &manager->on_hup, SIGHUP);
	for (size_t i = 0; i < CHILD_ROLES; i++)
		child_init(&manager->children[i], (enum child_role)i, &manager->loop, manager->log,
			   &child_events, manager);
	if (manager->config.paths.config[0])
		manager->watch = watch_new(&manager->loop, manager->config.paths.config, on_config_changed,
					   manager);
	for (size_t i = 0; i < CHILD_ROLES; i++)
		if (child_start(&manager->children[i], err) < 0)
			return -1;
	return process_confine(ROLE_MANAGER, NULL, manager->log, err);
}

static int load(struct manager *manager)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)256 * 1024);
	const struct conf_render render = { .color = isatty(STDERR_FILENO) && !getenv("NO_COLOR"),
					    .footer = span_str(tr("the gate was not started")) };
	struct err err = ERR_INIT;

	if (gate_config_load(manager->options.config, manager->options.data_dir, &manager->config, &problems,
			     &err) == 0 &&
	    (!gate_tls_wanted(&manager->config) || gate_tls_probe(&err) == 0))
		return 0;
	conf_problems_render(&text, &problems, &render);
	if (text.n == 0)
		buf_addf(&text, "%s: %s\n", tr("error"), err.text);
	(void)!write(STDERR_FILENO, text.p, text.n);
	return -1;
}

static void apply_log(struct manager *manager)
{
	const struct conf_node *root = conf_root(manager->config.conf);

	manager->log->level = (enum log_level)conf_get_word(root, "log.level");
	manager->log->json = conf_get_word(root, "log.format") == CONF_LOG_JSON;
}

int manager_main(const struct manager_options *options)
{
	struct manager *manager = calloc(1, sizeof(*manager));
	struct err err = ERR_INIT;

	if (!manager)
		return 1;
	manager->options = *options;
	manager->log = options->log;
	manager->ring = RING_FDS_INIT;
	manager->lock_fd = -1;
	if (load(manager) < 0)
		return 2;
	apply_log(manager);
	gate_tls_digest(&manager->config, manager->tls_digest);
	if (loop_init(&manager->loop, &err) < 0)
		return 1;
	check(uv_timer_init(&manager->loop.uv, &manager->deadline) == 0);
	manager->deadline.data = manager;
	if (begin(manager, &err) < 0) {
		(void)fprintf(stderr, "%s: %s\n", tr("error"), err.text);
		for (size_t i = 0; i < CHILD_ROLES; i++)
			if (manager->children[i].pid > 0)
				(void)kill(manager->children[i].pid, SIGKILL);
		return 1;
	}
	loop_run(&manager->loop);
	if (manager->hosts)
		(void)unlink(manager->config.paths.control);
	return manager->exit_code;
}
