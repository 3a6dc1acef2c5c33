/* manager.c - the gate's first process: config, sockets, and the life of the others. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/manager.h"

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
#include "conf/source.h"
#include "crypto/digest.h"
#include "daemon/data_lock.h"
#include "daemon/gate_tls.h"
#include "daemon/hosts.h"
#include "daemon/notify.h"
#include "daemon/process.h"
#include "daemon/reload.h"
#include "daemon/watch.h"
#include "jail/launch.h"
#include "json/write.h"

enum {
	MANAGER_PROBLEMS_BYTES = 16 * 1024, /* of a refused file, as JSON; more are not kept */
	MANAGER_RING_BYTES = 4 * 1024 * 1024,
	MANAGER_DRAIN_MS = 10000, /* for calls under way when the gate is told to stop */
	/* For the processes to end after that; the launcher's servers need LAUNCH_END_MS of it. */
	MANAGER_STOP_MS = 8000,
};
_Static_assert((int)LAUNCH_END_MS < (int)MANAGER_STOP_MS && (int)LAUNCH_END_MS < (int)MANAGER_DRAIN_MS,
	       "servers have the time to end that they are promised");

struct manager {
	struct manager_options options;
	struct log *log;
	struct loop loop;
	struct reload reload; /* holds the config in force */
	struct child children[CHILD_ROLES];
	struct ring_fds ring;
	struct listeners clients, metrics;
	struct local_socket local;
	struct briefing briefing;
	struct hosts *hosts;
	struct watch *watch;
	uv_signal_t on_term, on_int, on_hup, on_child;
	uv_timer_t deadline;
	int lock_fd;
	char not_bound[sizeof(((struct err *)NULL)->text)]; /* why it has no address; "": it has */
	bool ready, stopping;
	int exit_code;
};

/* --- what each process is told when it starts --- */

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
	(void)channel_send(manager->children[CHILD_WORKER].channel, &out);
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

	if (manager->stopping && all_gone(manager))
		loop_stop(&manager->loop);
	if (child->role == CHILD_WORKER)
		reload_worker_ended(&manager->reload);
	/* What cannot even start the first time will not start the second. */
	if (!manager->ready && !manager->stopping && child->starts >= 1 && !WIFSIGNALED(status))
		stop(manager, 1);
}

/* --- what they say --- */

static void add_urls(const struct manager *manager, struct buf *out)
{
	for (size_t i = 0; i < manager->clients.n_names; i++) {
		if (i)
			buf_add_char(out, ' ');
		listener_add_url(&manager->clients.names[i], gate_tls_listens(&manager->reload.config), out);
	}
	if (manager->local.fd >= 0)
		buf_addf(out, " unix:%s", manager->local.path);
}

static void check_ready(struct manager *manager)
{
	CLEANUP(buf_release) struct buf urls = BUF_INIT((size_t)8192);
	const struct child *worker = &manager->children[CHILD_WORKER];
	const struct child *keeper = &manager->children[CHILD_KEEPER];

	if (manager->ready || manager->stopping || !worker->ready || !keeper->ready)
		return;
	manager->ready = manager->reload.ready = true;
	notify_systemd("READY=1");
	closep(&manager->options.ready_fd);
	add_urls(manager, &urls);
	log_event(manager->log, LOG_INFO, "gate.ready", "The gate stands.", LFS("version", KANMON_VERSION),
		  LFS("config", manager->reload.config.paths.config[0] ? manager->reload.config.paths.config
								       : "(built in)"),
		  LFS("data", manager->reload.config.paths.data), LF("url", buf_span(&urls)));
	/* Where the log is for programs the event says it all. */
	if (manager->options.on_ready && !manager->log->json)
		manager->options.on_ready(&manager->reload.config, &manager->clients);
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
			refused(manager, child, why);
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

	if (!manager->stopping)
		reload_start(&manager->reload);
}

static void on_reload_asked(void *owner)
{
	struct manager *manager = owner;

	if (manager->stopping)
		hosts_reloaded(manager->hosts, tr("the gate is ending; try again"));
	else
		reload_start(&manager->reload);
}

/* A sentence may hold a path, which is any bytes. */
static void put_shown(struct buf *out, struct span name, const char *text)
{
	CLEANUP(buf_release) struct buf shown = BUF_INIT((size_t)4096);

	source_add_shown(&shown, span_str(text));
	json_put_string(out, name, buf_span(&shown));
}

static void put_refusal(const struct reload *reload, struct buf *out)
{
	if (!reload->refused_ms)
		return;
	json_add_key(out, S("config_refused"));
	buf_add_char(out, '{');
	put_shown(out, S("why"), reload->refused);
	json_put_u64(out, S("at_ms"), reload->refused_ms);
	if (reload->problems.n && buf_ok(&reload->problems))
		json_put_raw(out, S("problems"), buf_span(&reload->problems));
	buf_add_char(out, '}');
}

/* What is bound and in force, whatever the file says by now. */
static void on_state(void *owner, struct buf *out)
{
	const struct manager *manager = owner;

	json_put_string(out, S("started_by"), manager->options.background ? S("run") : S("serve"));
	json_add_key(out, S("listen"));
	buf_add_char(out, '[');
	for (size_t i = 0; i < manager->clients.n_names; i++) {
		CLEANUP(buf_release) struct buf url = BUF_INIT((size_t)128);

		listener_add_url(&manager->clients.names[i], gate_tls_listens(&manager->reload.config), &url);
		json_add_comma(out);
		json_add_string(out, buf_span(&url));
	}
	buf_add_char(out, ']');
	if (manager->local.fd >= 0)
		put_shown(out, S("unix"), manager->local.path);
	if (manager->not_bound[0])
		put_shown(out, S("listen_refused"), manager->not_bound);
	put_refusal(&manager->reload, out);
}

static void on_idle_end(void *owner)
{
	struct manager *manager = owner;

	/* Said again, it is no reason to hurry. */
	if (!manager->stopping)
		stop(manager, 0);
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

/* A gate in the background is there for hosts on stdio: it can do without an address. */
static int open_sockets(struct manager *manager, struct err *err)
{
	const struct conf_node *root = conf_root(manager->reload.config.conf);

	if (listeners_open(&manager->clients, conf_get_first(root, "listen"), err) < 0) {
		if (!manager->options.background)
			return -1;
		log_event(manager->log, LOG_WARN, "listen.taken",
			  "The gate serves hosts on stdio only: its address cannot be used.",
			  LFS("why", err->text));
		(void)snprintf(manager->not_bound, sizeof(manager->not_bound), "%s", err->text);
		*err = ERR_INIT;
	}
	if (listeners_open(&manager->metrics, conf_get_first(root, "metrics"), err) < 0) {
		if (!manager->options.background)
			return -1;
		log_event(manager->log, LOG_WARN, "metrics.taken",
			  "The gate gives no metrics: their address cannot be used.", LFS("why", err->text));
		*err = ERR_INIT;
	}
	if (local_socket_open(&manager->local, root, err) == 0)
		return 0;
	if (!manager->options.background)
		return -1;
	log_event(manager->log, LOG_WARN, "unix.taken",
		  "The gate serves nobody on its unix socket: it cannot be used.", LFS("why", err->text));
	*err = ERR_INIT;
	return 0;
}

static int lock_data(struct manager *manager, struct err *err)
{
	const struct gate_paths *paths = &manager->reload.config.paths;

	if (data_lock(paths->data, &manager->lock_fd, err) == 0)
		return 0;
	closep(&manager->lock_fd);
	if (err->code != ERR_DENIED || !manager->options.make_room ||
	    manager->options.make_room(paths, &manager->lock_fd, err) < 0)
		return -1;
	*err = ERR_INIT;
	log_note(manager->log, LOG_INFO, "gate.takeover",
		 "A gate that `kanmon run` had started, and that no host used, has ended to make room.");
	return 0;
}

static int begin(struct manager *manager, struct err *err)
{
	const struct hosts_options options = { .loop = &manager->loop,
					       .log = manager->log,
					       .control = manager->reload.config.paths.control,
					       .idle_exit_ms = manager->options.idle_exit_ms,
					       .on_reload = on_reload_asked,
					       .makes_room = manager->options.background,
					       .on_idle = on_idle_end,
					       .on_state = on_state,
					       .owner = manager };

	if (lock_data(manager, err) < 0 || open_sockets(manager, err) < 0 ||
	    ring_create(MANAGER_RING_BYTES, &manager->ring, err) < 0)
		return -1;
	manager->hosts = hosts_new(&options, err);
	if (!manager->hosts)
		return -1;
	manager->reload.hosts = manager->hosts;
	watch_signal(manager, &manager->on_child, SIGCHLD);
	watch_signal(manager, &manager->on_term, SIGTERM);
	watch_signal(manager, &manager->on_int, SIGINT);
	watch_signal(manager, &manager->on_hup, SIGHUP);
	for (size_t i = 0; i < CHILD_ROLES; i++)
		child_init(&manager->children[i], (enum child_role)i, &manager->loop, manager->log,
			   &child_events, manager);
	if (manager->reload.config.paths.config[0])
		manager->watch = watch_new(&manager->loop, manager->reload.config.paths.config,
					   on_config_changed, manager);
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

	if (gate_config_load(manager->options.config, manager->options.data_dir, &manager->reload.config,
			     &problems, &err) == 0 &&
	    (!gate_tls_wanted(&manager->reload.config) || gate_tls_probe(&err) == 0))
		return 0;
	conf_problems_render(&text, &problems, &render);
	if (text.n == 0)
		buf_addf(&text, "%s: %s\n", tr("error"), err.text);
	(void)!write(STDERR_FILENO, text.p, text.n);
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
	uv_signal_t *signals[] = { &manager->on_term, &manager->on_int, &manager->on_hup,
				   &manager->on_child };

	for (size_t i = 0; i < CHILD_ROLES; i++)
		if (manager->children[i].loop)
			child_release(&manager->children[i]);
	manager->hosts = hosts_free(manager->hosts);
	manager->watch = watch_free(manager->watch);
	for (size_t i = 0; i < COUNT(signals); i++)
		close_handle((uv_handle_t *)signals[i]);
	close_handle((uv_handle_t *)&manager->deadline);
	loop_release(&manager->loop);
}

static void close_listeners(struct listeners *listeners)
{
	while (listeners->n)
		closep(&listeners->fds[--listeners->n]);
}

/* Also of a manager that came only half the way. */
static void manager_free(struct manager *manager)
{
	if (manager->loop.chunk)
		close_loop(manager);
	close_listeners(&manager->clients);
	close_listeners(&manager->metrics);
	local_socket_close(&manager->local);
	ring_fds_release(&manager->ring);
	closep(&manager->lock_fd);
	reload_release(&manager->reload);
	secret_wipe(manager->briefing.launch_key, sizeof(manager->briefing.launch_key));
	free(manager);
}

/* The exit code of a gate that could not begin. */
static int give_up(const struct manager *manager, const struct err *err)
{
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
	if (begin(manager, &err) < 0)
		return give_up(manager, &err);
	loop_run(&manager->loop);
	(void)unlink(manager->reload.config.paths.control);
	return manager->exit_code;
}

int manager_main(const struct manager_options *options)
{
	struct manager *manager = calloc(1, sizeof(*manager));
	int code;

	if (!manager)
		return 1;
	manager->options = *options;
	manager->log = options->log;
	manager->ring = RING_FDS_INIT;
	manager->lock_fd = -1;
	manager->local = LOCAL_SOCKET_INIT;
	manager->briefing = (struct briefing){ .log = options->log,
					       .children = manager->children,
					       .ring = &manager->ring,
					       .clients = &manager->clients,
					       .metrics = &manager->metrics,
					       .local = &manager->local };
	manager->reload = (struct reload){ .problems = BUF_INIT((size_t)MANAGER_PROBLEMS_BYTES),
					   .file = options->config,
					   .data_dir = options->data_dir,
					   .briefing = &manager->briefing };
	random_bytes(manager->briefing.launch_key, sizeof(manager->briefing.launch_key));
	code = run(manager);
	manager_free(manager);
	return code;
}
