/* successor.c - the gate that comes: it gets ready beside the old one, and takes its place. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/random.h"
#include "base/tr.h"
#include "daemon/manager_parts.h"

enum { SUCCESSOR_READ_MS = 10 * 1000 };

/* --- what is handed over before there is a loop --- */

static bool keep_socket(struct succession *succession, struct wire_in *in)
{
	struct listeners *kept = &succession->clients;
	struct handover_socket socket;

	if (!handover_get_socket(in, &socket))
		return false;
	if (socket.kind == LISTEN_UNIX) {
		local_socket_close(&succession->local);
		succession->local = (struct local_socket){
			.fd = socket.fd, .device = socket.device, .inode = socket.inode, .lent = true
		};
		return span_to_cstr(socket.path, succession->local.path, sizeof(succession->local.path));
	}
	if (socket.kind == LISTEN_METRICS)
		kept = &succession->metrics;
	if (kept->n == LISTENERS_MAX) {
		closep(&socket.fd);
		return false;
	}
	kept->fds[kept->n++] = socket.fd;
	return true;
}

/* 1: another is to come; 0: that was the last. */
static int read_one(struct succession *succession, struct wire_in *in, bool begun, struct err *err)
{
	if (!begun)
		return handover_get(in, &succession->handover, err) < 0 ? -1 : 1;
	if (in->kind == HANDOVER_READ)
		return 0;
	if (in->kind == HANDOVER_SOCKET && keep_socket(succession, in))
		return 1;
	return err_set(err, ERR_FORMAT, "the hand-over cannot be read");
}

static int read_all(struct succession *succession, struct err *err)
{
	CLEANUP(freep) char *store = malloc(WIRE_MAX_BYTES);
	bool begun = false;
	int rc = 1;

	if (!store)
		return err_set(err, ERR_NOMEM, "no memory for the hand-over");
	for (; rc > 0; begun = true) {
		struct wire_in in;

		if (wire_recv_wait(succession->fd, store, &in, SUCCESSOR_READ_MS, err) < 0)
			return -1;
		rc = read_one(succession, &in, begun, err);
		wire_in_release(&in);
	}
	return rc;
}

static void refuse(int fd, const char *why)
{
	struct wire_out out = { 0 };

	wire_begin(&out, HANDOVER_REFUSED, 0);
	wire_put_span(&out, span_str(why));
	(void)!wire_send_wait(fd, &out, SUCCESSOR_READ_MS, NULL);
	wire_out_release(&out);
}

void successor_fail(struct manager *manager, const char *why)
{
	struct succession *succession = &manager->succession;
	struct wire_out out = { 0 };

	if (succession->stage == SUCCESSION_NONE || succession->failed)
		return;
	succession->failed = true;
	if (succession->fd >= 0) {
		refuse(succession->fd, why);
		return;
	}
	wire_begin(&out, HANDOVER_REFUSED, 0);
	wire_put_span(&out, span_str(why));
	if (succession->before && succession->before->channel)
		(void)channel_send(succession->before->channel, &out);
	wire_out_release(&out);
}

int successor_main(int fd, struct log *log)
{
	CLEANUP(freep) struct succession *succession = calloc(1, sizeof(*succession));
	struct manager_options options = { .ready_fd = -1, .log = log };
	struct handover *handover;
	struct err err = ERR_INIT;

	/* Not only when it is confined: servers of the older gate run meanwhile, as the same user. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (!succession)
		return 1;
	(void)close_range(WORK_FD + 1, ~0U, 0);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)prctl(PR_SET_NAME, "kanmon");
	log->stamp = true;
	handover = &succession->handover;
	*handover = HANDOVER_INIT;
	succession->local = LOCAL_SOCKET_INIT;
	succession->fd = fd;
	if (crypto_init(&err) < 0 || read_all(succession, &err) < 0) {
		refuse(fd, err.text);
		return 1;
	}
	succession->stage = SUCCESSION_WAITING;
	options.config = handover->config[0] ? handover->config : NULL;
	options.data_dir = handover->data_dir[0] ? handover->data_dir : NULL;
	options.background = handover->background;
	options.idle_exit_ms = handover->idle_exit_ms;
	return manager_succeed(&options, succession);
}

/* --- getting ready --- */

static int share(struct manager *manager, struct err *err)
{
	struct succession *succession = &manager->succession;

	manager->elders.loop = &manager->loop;
	manager->elders.on_message = successor_on_message;
	manager->elders.on_gone = successor_on_gone;
	manager->elders.owner = manager;
	if (succession->stage == SUCCESSION_NONE)
		return 0;
	succession->before = elders_add(&manager->elders, take_fd(&succession->fd), err);
	if (!succession->before)
		return -1;
	succession->before->pid = getppid();
	return 0;
}

int successor_adopt(struct manager *manager, struct err *err)
{
	struct handover *handover = &manager->succession.handover;

	if (share(manager, err) < 0)
		return -1;
	if (manager->succession.stage == SUCCESSION_NONE)
		return 0;
	if (strcmp(manager->reload.config.paths.data, handover->data) != 0)
		return err_set(err, ERR_CONFIG,
			       tr("%s can change with a restart only; the new config was not loaded"),
			       "`data`");
	manager->briefing.generation = handover->generation;
	manager->lock_fd = take_fd(&handover->lock_fd);
	manager->holder_fd = take_fd(&handover->holder_fd);
	(void)snprintf(manager->program, sizeof(manager->program), "%s", handover->program);
	return 0;
}

static void say(struct manager *manager, uint32_t word)
{
	struct elder *before = manager->succession.before;
	struct wire_out out = { 0 };

	handover_put_word(word, &out);
	if (before && before->channel)
		(void)channel_send(before->channel, &out);
	wire_out_release(&out);
}

void successor_ready(struct manager *manager)
{
	if (manager->succession.told)
		return;
	manager->succession.told = true;
	say(manager, HANDOVER_READY);
}

/* --- taking over --- */

static int take_elder(struct manager *manager, struct wire_in *in, struct err *err)
{
	struct handover_elder handed;

	if (!handover_get_elder(in, &handed))
		return err_set(err, ERR_FORMAT, "the hand-over cannot be read");
	return elders_take(&manager->elders, &handed, err) ? 0 : -1;
}

static int take_place(struct manager *manager, struct wire_in *in, struct err *err)
{
	struct elder *before = manager->succession.before;
	struct handover_elder handed;

	if (!manager->succession.told || !handover_get_elder(in, &handed))
		return err_set(err, ERR_FORMAT, "the hand-over cannot be read");
	closep(&handed.channel);
	before->pid = (pid_t)handed.pid;
	before->hosts = handed.hosts;
	before->since_ms = handed.since_ms;
	before->ring = (struct ring_fds){ .memory = handed.ring_memory, .wake = handed.ring_wake };
	if (!manager->children[CHILD_KEEPER].channel)
		return err_set(err, ERR_CLOSED, "the keeper of the new program ended");
	manager->succession.stage = SUCCESSION_TAKING;
	briefing_log(&manager->briefing, true);
	return 0;
}

static void give_up(struct manager *manager, const char *why)
{
	successor_fail(manager, why);
	manager_stop(manager, 1);
}

/* Sockets that this config does not name are closed with the old gate's; a file that is nobody's goes. */
static void take_sockets(struct manager *manager)
{
	struct succession *succession = &manager->succession;
	struct err err = ERR_INIT;

	listeners_close(&succession->clients);
	listeners_close(&succession->metrics);
	succession->local.lent = false;
	local_socket_close(&succession->local);
	manager->local.lent = false;
	if (local_socket_share(&manager->local, conf_root(manager->reload.config.conf), &err) < 0)
		log_event(manager->log, LOG_WARN, "unix.mode",
			  "The unix socket may be used by others than before.", LFS("why", err.text));
}

static void on_holder_message(void *owner, struct wire_in *in)
{
	(void)owner;
	(void)in;
}

/* Whoever started the gate waits for a process that is gone. */
static void on_holder_gone(void *owner)
{
	struct manager *manager = owner;

	manager->notify.holder = NULL;
	manager->holder_channel = channel_close(manager->holder_channel);
	if (!manager->stopping)
		manager_stop(manager, 1);
}

static void greet_holder(struct manager *manager)
{
	static const struct channel_events events = { .on_message = on_holder_message,
						      .on_gone = on_holder_gone };
	int fd = fcntl(manager->holder_fd, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0)
		manager->holder_channel = channel_open(&manager->loop, fd, &events, manager, NULL);
	manager->notify.holder = manager->holder_channel;
	manager_tell_holder(manager);
}

void successor_log_taken(struct manager *manager, struct span why)
{
	char text[sizeof(((struct err *)NULL)->text)];

	if (why.n) {
		(void)snprintf(text, sizeof(text), "%.*s", SPAN_ARG(span_first(why, sizeof(text) - 1)));
		give_up(manager, text);
		return;
	}
	manager->succession.stage = SUCCESSION_NONE;
	manager->owns = manager->briefing.has_log = manager->briefing.listens = true;
	take_sockets(manager);
	briefing_listen(&manager->briefing);
	hosts_begin(manager->hosts);
	/* What has changed since it was read, the old gate alone was told. */
	reload_start(&manager->reload);
	greet_holder(manager);
	say(manager, HANDOVER_TAKEN);
	manager->succession.before = NULL;
	elders_tell(&manager->elders, HANDOVER_ASK);
	manager_say_ready(manager);
}

void successor_on_message(void *owner, struct elder *elder, struct wire_in *in)
{
	struct manager *manager = owner;
	struct err err = ERR_INIT;
	int rc = 0;

	if (in->kind == HANDOVER_HOSTS)
		elder->hosts = wire_get_u64(in);
	else if (elder == manager->succession.before && in->kind == HANDOVER_ELDER)
		rc = take_elder(manager, in, &err);
	else if (elder == manager->succession.before && in->kind == HANDOVER_COMMIT)
		rc = take_place(manager, in, &err);
	if (rc < 0)
		give_up(manager, err.text);
}

void successor_on_gone(void *owner, struct elder *elder)
{
	struct manager *manager = owner;

	if (manager->succession.stage != SUCCESSION_NONE) {
		if (elder == manager->succession.before)
			manager_stop(manager, 1);
		return;
	}
	log_event(manager->log, LOG_INFO, "elder.ended", "An older gate has ended.",
		  LFN("manager", elder->pid));
	manager_elder_ended(manager);
}
