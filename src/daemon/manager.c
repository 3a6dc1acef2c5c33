/* manager.c - the gate's first process: config, sockets, and the life of the others. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/random.h"
#include "base/secret.h"
#include "base/tr.h"
#include "conf/core.h"
#include "crypto/digest.h"
#include "daemon/filter.h"
#include "daemon/gate_tls.h"
#include "daemon/manager_parts.h"
#include "daemon/process.h"

enum {
	MANAGER_PROBLEMS_BYTES = 16 * 1024, /* of a refused file, as JSON; more are not kept */
	MANAGER_RING_BYTES = 4 * 1024 * 1024,
};

/* --- each process: what it is told when it starts, and what its end means --- */

static void on_start(void *owner, struct child *child)
{
	struct manager *manager = owner;

	switch (child->role) {
	case CHILD_KEEPER:
		briefing_keeper(&manager->briefing, &manager->reload.config);
		hosts_set_keeper(manager->hosts, child->channel);
		break;
	case CHILD_LAUNCHER:
		briefing_launcher(&manager->briefing, reload_newest(&manager->reload));
		hosts_define(manager->hosts, child->channel);
		hosts_set_launcher(manager->hosts, child->channel);
		break;
	case CHILD_EGRESS:
		briefing_egress(&manager->briefing, reload_newest(&manager->reload));
		break;
	case CHILD_WORKER:
		reload_worker_started(&manager->reload);
		hosts_set_worker(manager->hosts, child->channel);
		break;
	case CHILD_ROLES:
		break;
	}
}

/* Nobody keeps a channel that is closed. */
static void on_lost(void *owner, struct child *child)
{
	struct manager *manager = owner;

	if (child->role == CHILD_WORKER)
		hosts_set_worker(manager->hosts, NULL);
	if (child->role == CHILD_KEEPER) {
		hosts_set_keeper(manager->hosts, NULL);
		/* Also said of each one that the end of this gate ends. */
		if (manager->succession.stage == SUCCESSION_TAKING && !manager->stopping)
			successor_log_taken(manager, S("the keeper of the new program ended"));
		if (!manager->stopping)
			manager_keeper_lost(manager);
	}
	if (child->role == CHILD_LAUNCHER)
		hosts_set_launcher(manager->hosts, NULL);
}

static void on_end(void *owner, struct child *child, int status)
{
	struct manager *manager = owner;

	if (manager->stopping && manager_is_alone(manager))
		loop_stop(&manager->loop);
	if (child->role == CHILD_WORKER) {
		manager_worker_ended(manager);
		reload_worker_ended(&manager->reload);
	}
	/* What cannot even start the first time will not start the second. */
	if (!manager->ready && !manager->stopping && child->starts >= 1 && !WIFSIGNALED(status)) {
		successor_fail(manager, tr("a process of the new program ended; the gate's log says more"));
		manager_stop(manager, 1);
	}
	if (child->role == CHILD_WORKER)
		upgrade_worker_ended(manager);
}

/* --- what they say --- */

void manager_say_ready(struct manager *manager)
{
	CLEANUP(buf_release) struct buf urls = BUF_INIT((size_t)8192);
	const struct gate_config *config = &manager->reload.config;

	manager->ready = manager->reload.ready = true;
	notify_tell(&manager->notify, "READY=1");
	closep(&manager->options.ready_fd);
	manager_add_urls(manager, &urls);
	log_event(manager->log, LOG_INFO, "gate.ready", "The gate stands.", LFS("version", KANMON_VERSION),
		  LFS("config", config->paths.config[0] ? config->paths.config : "(built in)"),
		  LFS("data", config->paths.data), LF("url", buf_span(&urls)));
	/* Where the log is for programs the event says it all. */
	if (manager->options.on_ready && !manager->log->json)
		manager->options.on_ready(config, &manager->clients);
}

void manager_tell_holder(const struct manager *manager)
{
	struct wire_out out = { 0 };

	if (!manager->holder_channel)
		return;
	wire_begin(&out, HOLD_MANAGER, 0);
	wire_put_u64(&out, (uint64_t)getpid());
	(void)channel_send(manager->holder_channel, &out);
	wire_out_release(&out);
}

static void check_ready(struct manager *manager)
{
	if (manager->ready || manager->stopping || !manager->children[CHILD_WORKER].ready ||
	    !manager->children[CHILD_KEEPER].ready)
		return;
	if (manager->succession.stage == SUCCESSION_NONE)
		manager_say_ready(manager);
	else
		successor_ready(manager);
}

void manager_refused(struct manager *manager, const struct child *child, struct span why)
{
	char text[sizeof(((struct err *)NULL)->text)];

	log_event(manager->log, LOG_ERROR, "process.refused", "A process of the gate cannot do its work.",
		  LFS("process", child_name(child->role)), LF("why", why));
	(void)snprintf(text, sizeof(text), "%.*s", SPAN_ARG(span_first(why, sizeof(text) - 1)));
	successor_fail(manager, text);
}

/* One that has ended is started again, and joined to the worker then. */
static void peer_lost(struct manager *manager, const struct child *child, uint64_t peer)
{
	enum child_role role = peer == PEER_LAUNCHER ? CHILD_LAUNCHER : CHILD_EGRESS;
	pid_t pid = manager->children[role].pid;

	if (child->role != CHILD_WORKER || manager->stopping)
		return;
	child_reap(&manager->children[role]);
	if (pid && manager->children[role].pid == pid)
		briefing_join(&manager->briefing, role);
}

static void on_message(void *owner, struct child *child, struct wire_in *in)
{
	struct manager *manager = owner;
	struct span why;

	switch ((enum work_kind)in->kind) {
	case WORK_READY:
		child->ready = true;
		check_ready(manager);
		if (child->role == CHILD_WORKER)
			(void)reload_answered(&manager->reload, true, S(""));
		break;
	case WORK_REFUSED:
		why = wire_get_span(in);
		if (child->role != CHILD_WORKER || !reload_answered(&manager->reload, false, why))
			manager_refused(manager, child, why);
		break;
	case WORK_STDIO_ENDED:
	case WORK_STDIO_SERVER:
		hosts_from_worker(manager->hosts, in);
		break;
	case WORK_DRAINED:
		if (manager->stopping)
			manager_stop_children(manager);
		break;
	case WORK_RETIRED:
		manager->upgrade.retired = true;
		upgrade_look(manager);
		break;
	case WORK_LOG_DONE:
		if (!manager->stopping)
			manager_log_done(manager, in);
		break;
	case WORK_RING_BROKEN:
		manager_ring_broken(manager, wire_get_u64(in));
		break;
	case WORK_WORKER_CUT:
		if (child->role == CHILD_KEEPER)
			briefing_join(&manager->briefing, CHILD_KEEPER);
		break;
	case WORK_PEER_LOST:
		peer_lost(manager, child, wire_get_u64(in));
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
	case WORK_RETIRE:
	case WORK_RING:
	case WORK_LOG:
		break;
	}
}

static const struct child_events child_events = {
	.on_start = on_start, .on_message = on_message, .on_lost = on_lost, .on_end = on_end
};

/* --- what happens outside --- */

static void on_config_changed(void *owner)
{
	struct manager *manager = owner;

	if (manager->stopping)
		return;
	reload_start(&manager->reload);
	elders_tell(&manager->elders, HANDOVER_RELOAD);
}

static void on_reload_asked(void *owner)
{
	struct manager *manager = owner;

	if (manager->stopping)
		hosts_reloaded(manager->hosts, tr("the gate is ending; try again"));
	else
		on_config_changed(manager);
}

static const char *on_upgrade(void *owner)
{
	return upgrade_start(owner);
}

static uint64_t count_elsewhere(void *owner)
{
	const struct manager *manager = owner;
	uint64_t n = 0;

	for (size_t i = 0; i < manager->elders.n; i++)
		n += manager->elders.at[i]->channel ? manager->elders.at[i]->hosts : 0;
	return n;
}

static void on_count(void *owner)
{
	upgrade_look(owner);
}

static void on_idle_end(void *owner)
{
	struct manager *manager = owner;

	/* Said again, it is no reason to hurry. */
	if (!manager->stopping)
		manager_stop(manager, 0);
}

static void reap(struct manager *manager)
{
	pid_t pid;

	for (size_t i = 0; i < CHILD_ROLES; i++)
		child_reap(&manager->children[i]);
	/* The gate, or one that was: who holds the place waits for it, as whose child it ends when we have.
	 */
	if (upgrade_is_done(manager) && !holder_holds(&manager->holder))
		return;
	/* Others are gates that did not become one, or that are none any more. */
	while ((pid = holder_look()) > 0) {
		struct child *child = NULL;

		for (size_t i = 0; i < CHILD_ROLES; i++)
			if (manager->children[i].pid == pid)
				child = &manager->children[i];
		if (child) {
			child_reap(child);
			continue;
		}
		holder_bury(&manager->holder, pid);
		upgrade_ended(manager, pid);
	}
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct manager *manager = handle->data;

	if (number == SIGCHLD) {
		reap(manager);
		return;
	}
	/* The gate is another process, which says what becomes of us. */
	if (upgrade_is_done(manager) && holder_holds(&manager->holder) &&
	    holder_forward(&manager->holder, number))
		return;
	if (number == SIGHUP)
		on_config_changed(manager);
	else if (number == SIGUSR2)
		(void)upgrade_start(manager);
	else
		manager_stop(manager, 0);
}

/* The gate has ended after all, and with it what it held. */
static void on_held_end(void *owner)
{
	struct manager *manager = owner;

	if (!manager->stopping)
		manager_stop(manager, manager->holder.code);
}

/* --- the beginning --- */

static void watch_signal(struct manager *manager, uv_signal_t *handle, int number)
{
	check(uv_signal_init(&manager->loop.uv, handle) == 0);
	handle->data = manager;
	(void)uv_signal_start(handle, on_signal, number);
}

static int open_hosts(struct manager *manager, struct err *err)
{
	const struct hosts_options options = { .loop = &manager->loop,
					       .log = manager->log,
					       .control = manager->reload.config.paths.control,
					       .control_fd =
						   take_fd(&manager->succession.handover.control_fd),
					       .idle_exit_ms = manager->options.idle_exit_ms,
					       .on_reload = on_reload_asked,
					       .on_upgrade = on_upgrade,
					       .on_count = on_count,
					       .elsewhere = count_elsewhere,
					       .makes_room = manager->options.background,
					       .on_idle = on_idle_end,
					       .on_state = manager_add_state,
					       .owner = manager };

	manager->hosts = hosts_new(&options, err);
	manager->reload.hosts = manager->hosts;
	return manager->hosts ? 0 : -1;
}

/* A filter that an older gate has put on itself is on us, too: another would only cost. */
static int confine_manager(struct manager *manager, struct err *err)
{
	const uint8_t *inherited = manager->succession.handover.filter;
	struct confine_options options = { .filtered = false };
	struct err unknown = ERR_INIT;

	if (filter_digest(ROLE_MANAGER, manager->filter, &unknown) < 0)
		memset(manager->filter, 0, sizeof(manager->filter));
	else
		options.filtered = memcmp(manager->filter, inherited, sizeof(manager->filter)) == 0;
	return process_confine(ROLE_MANAGER, &options, manager->log, err);
}

static int begin(struct manager *manager, struct err *err)
{
	if (successor_adopt(manager, err) < 0 || manager_take_places(manager, err) < 0 ||
	    ring_create(MANAGER_RING_BYTES, &manager->ring, err) < 0 || open_hosts(manager, err) < 0)
		return -1;
	manager->owns = manager->succession.stage == SUCCESSION_NONE;
	manager->briefing.has_log = manager->briefing.listens = manager->owns;
	watch_signal(manager, &manager->on_child, SIGCHLD);
	watch_signal(manager, &manager->on_term, SIGTERM);
	watch_signal(manager, &manager->on_int, SIGINT);
	watch_signal(manager, &manager->on_hup, SIGHUP);
	watch_signal(manager, &manager->on_usr2, SIGUSR2);
	for (size_t i = 0; i < CHILD_ROLES; i++)
		child_init(&manager->children[i], (enum child_role)i, &manager->loop, manager->log,
			   &child_events, manager);
	if (manager->reload.config.paths.config[0])
		manager->watch = watch_new(&manager->loop, manager->reload.config.paths.config,
					   on_config_changed, manager);
	for (size_t i = 0; i < CHILD_ROLES; i++)
		if (child_start(&manager->children[i], err) < 0)
			return -1;
	return confine_manager(manager, err);
}

static int load(struct manager *manager)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)256 * 1024);
	const struct conf_render render = { .color = isatty(STDERR_FILENO) && !getenv("NO_COLOR"),
					    .footer = span_str(tr("the gate was not started")) };
	struct err err = ERR_INIT;

	if (gate_config_load(manager->options.config, manager->options.data_dir, &manager->reload.config,
			     &problems, &err) == 0 &&
	    (!gate_tls_wanted(&manager->reload.config) || gate_tls_probe(&err) == 0))
		return 0;
	conf_problems_render(&text, &problems, &render);
	if (text.n == 0)
		buf_addf(&text, "%s: %s\n", tr("error"), err.text);
	(void)!write(STDERR_FILENO, text.p, text.n);
	(void)reload_name_first(&problems, &err);
	successor_fail(manager, err.text);
	return -1;
}

static void apply_log(struct manager *manager)
{
	const struct conf_node *root = conf_root(manager->reload.config.conf);

	manager->log->level = (enum log_level)conf_get_word(root, "log.level");
	manager->log->json = conf_get_word(root, "log.format") == CONF_LOG_JSON;
}

static void close_handle(uv_handle_t *handle)
{
	if (handle->type != UV_UNKNOWN_HANDLE)
		uv_close(handle, NULL);
}

static void close_loop(struct manager *manager)
{
	uv_signal_t *signals[] = { &manager->on_term, &manager->on_int, &manager->on_hup, &manager->on_usr2,
				   &manager->on_child };

	for (size_t i = 0; i < CHILD_ROLES; i++)
		if (manager->children[i].loop)
			child_release(&manager->children[i]);
	manager->hosts = hosts_free(manager->hosts);
	manager->watch = watch_free(manager->watch);
	upgrade_release(manager);
	elders_release(&manager->elders);
	holder_close(&manager->holder);
	manager->holder_channel = channel_close(manager->holder_channel);
	for (size_t i = 0; i < COUNT(signals); i++)
		close_handle((uv_handle_t *)signals[i]);
	close_handle((uv_handle_t *)&manager->deadline);
	loop_release(&manager->loop);
}

/* Also of a manager that came only half the way. */
static void manager_free(struct manager *manager)
{
	if (manager->loop.chunk)
		close_loop(manager);
	listeners_close(&manager->clients);
	listeners_close(&manager->metrics);
	local_socket_close(&manager->local);
	listeners_close(&manager->succession.clients);
	listeners_close(&manager->succession.metrics);
	local_socket_close(&manager->succession.local);
	handover_release(&manager->succession.handover);
	closep(&manager->holder_fd);
	closep(&manager->upgrade.program_fd);
	ring_fds_release(&manager->ring);
	closep(&manager->lock_fd);
	reload_release(&manager->reload);
	secret_wipe(manager->briefing.launch_key, sizeof(manager->briefing.launch_key));
	free(manager);
}

/* The exit code of a gate that could not begin. */
static int give_up(struct manager *manager, const struct err *err)
{
	successor_fail(manager, err->text);
	if (manager->log->json)
		log_event(manager->log, LOG_ERROR, "gate.failed", "The gate cannot begin.",
			  LFS("why", err->text));
	else
		(void)fprintf(stderr, "%s: %s\n", tr("error"), err->text);
	for (size_t i = 0; i < CHILD_ROLES; i++)
		if (manager->children[i].pid > 0)
			(void)kill(manager->children[i].pid, SIGKILL);
	return 1;
}

static int run(struct manager *manager)
{
	struct err err = ERR_INIT;

	if (load(manager) < 0)
		return 2;
	apply_log(manager);
	reload_begin(&manager->reload);
	if (loop_init(&manager->loop, &err) < 0)
		return give_up(manager, &err);
	check(uv_timer_init(&manager->loop.uv, &manager->deadline) == 0);
	manager->deadline.data = manager;
	upgrade_init(manager);
	if (begin(manager, &err) < 0)
		return give_up(manager, &err);
	loop_run(&manager->loop);
	if (manager->owns)
		(void)unlink(manager->reload.config.paths.control);
	return manager->exit_code;
}

static struct manager *manager_new(const struct manager_options *options)
{
	struct manager *manager = calloc(1, sizeof(*manager));

	if (!manager)
		return NULL;
	manager->options = *options;
	manager->log = options->log;
	manager->ring = RING_FDS_INIT;
	manager->lock_fd = manager->holder_fd = -1;
	manager->local = manager->succession.local = LOCAL_SOCKET_INIT;
	manager->succession.handover = HANDOVER_INIT;
	manager->upgrade.holder_fd = manager->upgrade.program_fd = -1;
	manager->holder = (struct holder){ .fd = -1, .on_end = on_held_end, .owner = manager };
	manager->briefing = (struct briefing){ .log = options->log,
					       .children = manager->children,
					       .ring = &manager->ring,
					       .clients = &manager->clients,
					       .metrics = &manager->metrics,
					       .local = &manager->local,
					       .elders = &manager->elders };
	manager->reload = (struct reload){ .problems = BUF_INIT((size_t)MANAGER_PROBLEMS_BYTES),
					   .file = options->config,
					   .data_dir = options->data_dir,
					   .briefing = &manager->briefing,
					   .notify = &manager->notify };
	random_bytes(manager->briefing.launch_key, sizeof(manager->briefing.launch_key));
	return manager;
}

/* Who was started as the gate, and is it no more, waits for the one that is. */
static int live(struct manager *manager)
{
	struct log *log = manager->log;
	int code = run(manager), program, fd;
	bool holds = holder_holds(&manager->holder);
	pid_t held;

	/* A signal that has come is passed on now; one that comes after this, by what we become. */
	if (holds) {
		holder_begin_change();
		(void)uv_run(&manager->loop.uv, UV_RUN_NOWAIT);
	}
	held = manager->holder.manager;
	if (holds && !held)
		code = manager->holder.code;
	if (!holds || !held) {
		manager_free(manager);
		return code;
	}
	program = take_fd(&manager->upgrade.program_fd);
	fd = take_fd(&manager->holder.fd);
	manager_free(manager);
	return holder_become(fd, held, program, log);
}

int manager_main(const struct manager_options *options)
{
	struct manager *manager = manager_new(options);

	if (!manager)
		return 1;
	upgrade_find_program(manager);
	return live(manager);
}

int manager_succeed(const struct manager_options *options, const struct succession *succession)
{
	struct manager *manager = manager_new(options);

	if (!manager)
		return 1;
	manager->succession = *succession;
	return live(manager);
}
