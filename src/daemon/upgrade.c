/* upgrade.c - the gate that goes: it starts the one that takes its place, and is its elder then. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/tr.h"
#include "daemon/filter.h"
#include "daemon/manager_parts.h"
#include "daemon/spawn.h"

enum {
	UPGRADE_READY_MS = 45 * 1000, /* for the new gate to have its config and its processes */
	UPGRADE_TAKE_MS = 15 * 1000,  /* for the log to change hands */
	UPGRADE_HEAR_MS = 200,	      /* what it said before its end is heard before it is believed */
	/* For channels, which are told to leave then; hosts on stdio cannot come again, and stay. */
	UPGRADE_STAY_MS = 10 * 60 * 1000,
};

void upgrade_find_program(struct manager *manager)
{
	const char *path = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	ssize_t n;

	/* A link to the program of the day stays a link. */
	if (path && path[0] == '/' &&
	    span_to_cstr(span_str(path), manager->program, sizeof(manager->program)))
		return;
	n = readlink("/proc/self/exe", manager->program, sizeof(manager->program) - 1);
	manager->program[n < 0 ? 0 : n] = '\0';
}

/* Nobody but its owner, who is root or who we are, may say what we execute. */
static int open_program(const struct manager *manager, int *out, struct err *err)
{
	CLEANUP(closep) int fd = open(manager->program, O_PATH | O_CLOEXEC);
	mode_t others = geteuid() == 0 ? S_IWGRP | S_IWOTH : S_IWOTH;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, tr("the program %s cannot be used"), manager->program);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return err_set(err, ERR_CONFIG, tr("%s is no program"), manager->program);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & others))
		return err_set(err, ERR_DENIED, tr("others may write to the program %s: it is not started"),
			       manager->program);
	*out = take_fd(&fd);
	return 0;
}

/* --- back to where we were, or on --- */

static void send_word(struct channel *channel, uint32_t word)
{
	struct wire_out out = { 0 };

	if (!channel)
		return;
	handover_put_word(word, &out);
	(void)channel_send(channel, &out);
	wire_out_release(&out);
}

static void fail(struct manager *manager, const char *why)
{
	struct upgrade *upgrade = &manager->upgrade;

	if (upgrade->stage == UPGRADE_NONE || upgrade->stage == UPGRADE_DONE)
		return;
	upgrade->stage = UPGRADE_NONE;
	(void)uv_timer_stop(&upgrade->timer);
	upgrade->channel = channel_close(upgrade->channel);
	if (upgrade->pid > 0)
		(void)kill(upgrade->pid, SIGKILL);
	upgrade->pid = 0;
	/* It may have said there already that it is the manager. */
	manager_tell_holder(manager);
	closep(&upgrade->holder_fd);
	closep(&upgrade->program_fd);
	if (!manager->briefing.has_log) {
		manager->briefing.has_log = true;
		briefing_log(&manager->briefing, true);
	}
	log_event(manager->log, LOG_ERROR, "upgrade.failed",
		  "The new program did not take over; the gate goes on as it was.", LFS("why", why));
	hosts_upgraded(manager->hosts, why);
}

void upgrade_give_up(struct manager *manager, const char *why)
{
	fail(manager, why);
}

/* --- the elder --- */

static void tell_hosts(struct manager *manager)
{
	struct wire_out out = { 0 };

	if (!manager->upgrade.channel)
		return;
	wire_begin(&out, HANDOVER_HOSTS, 0);
	wire_put_u64(&out, hosts_count(manager->hosts));
	(void)channel_send(manager->upgrade.channel, &out);
	wire_out_release(&out);
}

void upgrade_look(struct manager *manager)
{
	const struct upgrade *upgrade = &manager->upgrade;

	if (upgrade->stage != UPGRADE_DONE || manager->stopping)
		return;
	tell_hosts(manager);
	if (hosts_count(manager->hosts) == 0 && (upgrade->retired || !manager->children[CHILD_WORKER].pid))
		manager_stop(manager, 0);
}

void upgrade_worker_ended(struct manager *manager)
{
	if (!upgrade_is_done(manager))
		return;
	manager->upgrade.retired = true;
	upgrade_look(manager);
}

static void retire_worker(struct manager *manager, bool all)
{
	struct channel *worker = manager->children[CHILD_WORKER].channel;
	struct wire_out out = { 0 };

	if (!worker)
		return;
	wire_begin(&out, WORK_RETIRE, 0);
	wire_put_u64(&out, all);
	(void)channel_send(worker, &out);
	wire_out_release(&out);
}

/* Calls under way may end, those over HTTP as well: the worker says when the last one has. */
static void on_stayed(uv_timer_t *timer)
{
	retire_worker(timer->data, true);
}

/* Nothing that another gate has by now is ours to remove. */
static void leave_places(struct manager *manager)
{
	manager->owns = false;
	manager->briefing.listens = false;
	manager->local.lent = true;
	listeners_close(&manager->clients);
	listeners_close(&manager->metrics);
	local_socket_close(&manager->local);
	hosts_close(manager->hosts);
}

static void hold(struct manager *manager)
{
	struct upgrade *upgrade = &manager->upgrade;
	struct err err = ERR_INIT;

	manager->notify.quiet = true;
	if (upgrade->holder_fd < 0) {
		manager->notify.holder = NULL;
		manager->holder_channel = channel_close(manager->holder_channel);
		return;
	}
	if (holder_open(&manager->holder, &manager->loop, take_fd(&upgrade->holder_fd), upgrade->pid, &err) <
	    0)
		log_event(manager->log, LOG_ERROR, "holder.failed", "The gate's first process cannot wait.",
			  LFS("why", err.text));
}

static void become_elder(struct manager *manager)
{
	struct upgrade *upgrade = &manager->upgrade;

	upgrade->stage = UPGRADE_DONE;
	log_event(manager->log, LOG_INFO, "gate.handed-over",
		  "Another process is the gate now; this one ends with its last call and its last host.",
		  LFN("manager", upgrade->pid), LFN("hosts", hosts_count(manager->hosts)));
	hosts_upgraded(manager->hosts, NULL);
	leave_places(manager);
	hold(manager);
	elders_release(&manager->elders);
	retire_worker(manager, false);
	/* With the worker its clients are gone; one that is started yet never has any. */
	upgrade->retired = !manager->children[CHILD_WORKER].channel;
	(void)uv_timer_start(&upgrade->timer, on_stayed, UPGRADE_STAY_MS, 0);
	upgrade_look(manager);
}

/* --- what the new gate says --- */

static const char ended[] = TR_MARK("the new program ended before it was ready; the gate's log says more");

static void on_too_late(uv_timer_t *timer)
{
	fail(timer->data, tr("the new program did not become ready in time"));
}

/* Where it was this process that stood still, what the other one has said meanwhile is heard first. */
static void on_late(uv_timer_t *timer)
{
	(void)uv_timer_start(timer, on_too_late, UPGRADE_HEAR_MS, 0);
}

static void on_ended(uv_timer_t *timer)
{
	fail(timer->data, tr(ended));
}

void upgrade_ended(struct manager *manager, pid_t pid)
{
	struct upgrade *upgrade = &manager->upgrade;

	/* It was killed, and until now it could still say that it is the manager. */
	if (upgrade->stage == UPGRADE_NONE)
		manager_tell_holder(manager);
	if (pid != upgrade->pid || upgrade->stage == UPGRADE_NONE || upgrade->stage == UPGRADE_DONE)
		return;
	/* From here on it may be another's. */
	upgrade->pid = 0;
	(void)uv_timer_start(&upgrade->timer, on_ended, UPGRADE_HEAR_MS, 0);
}

static void hand_elder(struct channel *to, const struct elder *elder)
{
	const struct handover_elder handed = { .pid = elder->channel ? (uint64_t)elder->pid : 0,
					       .hosts = elder->hosts,
					       .since_ms = elder->since_ms,
					       .ring_memory = elder->ring.memory,
					       .ring_wake = elder->ring.wake,
					       .channel = elder->channel ? channel_fd(elder->channel) : -1 };
	struct wire_out out = { 0 };

	handover_put_elder(HANDOVER_ELDER, &handed, &out);
	(void)channel_send(to, &out);
	wire_out_release(&out);
}

static void commit(struct manager *manager)
{
	const struct handover_elder ours = { .pid = (uint64_t)getpid(),
					     .hosts = hosts_count(manager->hosts),
					     .since_ms = clock_wall_ms(),
					     .ring_memory = manager->ring.memory,
					     .ring_wake = manager->ring.wake,
					     .channel = -1 };
	struct upgrade *upgrade = &manager->upgrade;
	struct wire_out out = { 0 };

	upgrade->stage = UPGRADE_TAKING;
	for (size_t i = 0; i < manager->elders.n; i++)
		hand_elder(upgrade->channel, manager->elders.at[i]);
	handover_put_elder(HANDOVER_COMMIT, &ours, &out);
	(void)channel_send(upgrade->channel, &out);
	wire_out_release(&out);
}

static void leave_log(struct manager *manager)
{
	struct upgrade *upgrade = &manager->upgrade;

	upgrade->stage = UPGRADE_READY;
	/* It asks again when it has done what it is at. */
	if (manager->relogging)
		return;
	upgrade->stage = UPGRADE_LEAVING;
	(void)uv_timer_start(&upgrade->timer, on_late, UPGRADE_TAKE_MS, 0);
	manager->briefing.has_log = false;
	briefing_log(&manager->briefing, false);
	if (!manager->children[CHILD_KEEPER].channel)
		commit(manager);
}

void upgrade_log_left(struct manager *manager)
{
	if (manager->upgrade.stage == UPGRADE_READY)
		leave_log(manager);
	else if (manager->upgrade.stage == UPGRADE_LEAVING)
		commit(manager);
}

static void refused(struct manager *manager, struct wire_in *in)
{
	char why[sizeof(((struct err *)NULL)->text)];
	struct span text = wire_get_span(in);

	if (!span_to_cstr(span_first(text, sizeof(why) - 1), why, sizeof(why)))
		(void)snprintf(why, sizeof(why), "the new program cannot be understood");
	fail(manager, why);
}

/* Its worker wrote nonsense. */
static void end_worker(struct manager *manager)
{
	struct err err = ERR_INIT;

	if (manager->children[CHILD_WORKER].pid > 0)
		(void)kill(manager->children[CHILD_WORKER].pid, SIGKILL);
	if (ring_reset(&manager->ring, &err) < 0)
		log_event(manager->log, LOG_ERROR, "audit.reset", "The audit ring cannot be reset.",
			  LFS("why", err.text));
}

static void heed_younger(struct manager *manager, uint32_t word)
{
	if (word == HANDOVER_STOP)
		manager_stop(manager, 0);
	else if (word == HANDOVER_RELOAD && !manager->stopping)
		reload_start(&manager->reload);
	else if (word == HANDOVER_RING)
		end_worker(manager);
	else if (word == HANDOVER_ASK)
		tell_hosts(manager);
}

static void on_message(void *owner, struct wire_in *in)
{
	struct manager *manager = owner;
	enum upgrade_stage stage = manager->upgrade.stage;

	if (stage == UPGRADE_DONE)
		heed_younger(manager, in->kind);
	else if (in->kind == HANDOVER_REFUSED)
		refused(manager, in);
	else if (in->kind == HANDOVER_READY && stage == UPGRADE_STARTING)
		leave_log(manager);
	else if (in->kind == HANDOVER_TAKEN && stage == UPGRADE_TAKING)
		become_elder(manager);
}

static void on_gone(void *owner)
{
	struct manager *manager = owner;

	if (manager->upgrade.stage != UPGRADE_DONE) {
		fail(manager, tr(ended));
		return;
	}
	/* With the gate its elders end. */
	manager->upgrade.channel = channel_close(manager->upgrade.channel);
	if (!manager->stopping)
		manager_stop(manager, 0);
}

static const struct channel_events events = { .on_message = on_message, .on_gone = on_gone };

/* --- the beginning --- */

static void send_socket(struct channel *to, enum work_listen kind, int fd)
{
	const struct handover_socket socket = { .kind = kind, .path = S(""), .fd = fd };
	struct wire_out out = { 0 };

	handover_put_socket(&socket, &out);
	(void)channel_send(to, &out);
	wire_out_release(&out);
}

static void send_sockets(const struct manager *manager, struct channel *to)
{
	const struct handover_socket local = { .kind = LISTEN_UNIX,
					       .path = span_str(manager->local.path),
					       .device = manager->local.device,
					       .inode = manager->local.inode,
					       .fd = manager->local.fd };
	struct wire_out out = { 0 };

	for (size_t i = 0; i < manager->clients.n; i++)
		send_socket(to, LISTEN_CLIENTS, manager->clients.fds[i]);
	for (size_t i = 0; i < manager->metrics.n; i++)
		send_socket(to, LISTEN_METRICS, manager->metrics.fds[i]);
	if (manager->local.fd < 0)
		return;
	handover_put_socket(&local, &out);
	(void)channel_send(to, &out);
	wire_out_release(&out);
}

/* What it is told; `holder_fd` is where it speaks to whoever holds it. */
static void send_all(const struct manager *manager, int holder_fd)
{
	CLEANUP(freep) struct handover *handover = malloc(sizeof(*handover));
	struct wire_out out = { 0 };

	check(handover != NULL);
	*handover = (struct handover){ .generation = manager->briefing.generation + 1,
				       .background = manager->options.background,
				       .idle_exit_ms = manager->options.idle_exit_ms,
				       .lock_fd = manager->lock_fd,
				       .control_fd = hosts_control_fd(manager->hosts),
				       .holder_fd = holder_fd };
	(void)snprintf(handover->config, sizeof(handover->config), "%s",
		       manager->options.config ? manager->options.config : "");
	(void)snprintf(handover->data_dir, sizeof(handover->data_dir), "%s",
		       manager->options.data_dir ? manager->options.data_dir : "");
	(void)snprintf(handover->data, sizeof(handover->data), "%s", manager->reload.config.paths.data);
	(void)snprintf(handover->program, sizeof(handover->program), "%s", manager->program);
	if (prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER)
		memcpy(handover->filter, manager->filter, sizeof(handover->filter));
	handover_put(handover, &out);
	(void)channel_send(manager->upgrade.channel, &out);
	wire_out_release(&out);
	send_sockets(manager, manager->upgrade.channel);
	send_word(manager->upgrade.channel, HANDOVER_READ);
}

static int start(struct manager *manager, struct err *err)
{
	struct upgrade *upgrade = &manager->upgrade;
	CLEANUP(closep) int theirs = -1;
	CLEANUP(closep) int speaks = -1;
	int fds[2], hold[2];

	if (open_program(manager, &upgrade->program_fd, err) < 0 || wire_pair(fds, err) < 0)
		return -1;
	theirs = fds[1];
	upgrade->channel = channel_open(&manager->loop, fds[0], &events, manager, err);
	if (!upgrade->channel)
		return -1;
	/* Who has a holder hands the way to it on; who has none will be one. */
	if (manager->holder_fd < 0) {
		if (wire_pair(hold, err) < 0)
			return -1;
		upgrade->holder_fd = hold[0];
		speaks = hold[1];
	}
	upgrade->pid = spawn_manager(upgrade->program_fd, theirs, err);
	if (upgrade->pid < 0)
		return -1;
	send_all(manager, speaks >= 0 ? speaks : manager->holder_fd);
	return 0;
}

static const char *why_not(const struct manager *manager)
{
	if (manager->stopping || manager->succession.stage != SUCCESSION_NONE ||
	    manager->upgrade.stage == UPGRADE_DONE)
		return tr("the gate is ending; try again");
	if (manager->upgrade.stage != UPGRADE_NONE)
		return tr("an upgrade is under way already");
	if (!manager->ready)
		return tr("the gate is not ready yet; try again");
	if (manager->elders.n + 1 >= ELDERS_MAX)
		return tr("too many older gates still have hosts; see `kanmon status`");
	return NULL;
}

const char *upgrade_start(struct manager *manager)
{
	struct upgrade *upgrade = &manager->upgrade;
	const char *why = why_not(manager);
	struct err err = ERR_INIT;

	if (why) {
		log_event(manager->log, LOG_WARN, "upgrade.refused",
			  "An upgrade was asked for and not begun.", LFS("why", why));
		return why;
	}
	upgrade->stage = UPGRADE_STARTING;
	log_event(manager->log, LOG_INFO, "upgrade.begun", "The program that is installed now is started.",
		  LFS("program", manager->program));
	(void)uv_timer_start(&upgrade->timer, on_late, UPGRADE_READY_MS, 0);
	if (start(manager, &err) < 0)
		fail(manager, err.text);
	return NULL;
}

void upgrade_init(struct manager *manager)
{
	check(uv_timer_init(&manager->loop.uv, &manager->upgrade.timer) == 0);
	manager->upgrade.timer.data = manager;
}

void upgrade_release(struct manager *manager)
{
	struct upgrade *upgrade = &manager->upgrade;

	upgrade->channel = channel_close(upgrade->channel);
	closep(&upgrade->holder_fd);
	uv_close((uv_handle_t *)&upgrade->timer, NULL);
}
