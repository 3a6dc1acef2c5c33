/* hosts.c - the control socket: who comes and goes, and the commands. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/hosts_parts.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/tr.h"
#include "daemon/control.h"
#include "daemon/work.h"
#include "store/ask.h"
#include "json/write.h"

enum {
	HOSTS_OTHER_FILES = 64,
	HOSTS_STATE_BYTES = 32 * 1024, /* the manager's part; with the rest of the message it fits a packet */
};

static uint64_t count_all(const struct hosts *hosts)
{
	return hosts->n_hosts +
	       (hosts->options.elsewhere ? hosts->options.elsewhere(hosts->options.owner) : 0);
}

static void on_idle(uv_timer_t *timer)
{
	struct hosts *hosts = timer->data;

	if (count_all(hosts) == 0)
		hosts->options.on_idle(hosts->options.owner);
	else
		(void)uv_timer_start(timer, on_idle, hosts->options.idle_exit_ms, 0);
}

void hosts_watch_idle(struct hosts *hosts)
{
	if (hosts->options.idle_exit_ms && hosts->n_hosts == 0 && !hosts->leaving && hosts->begun)
		(void)uv_timer_start(&hosts->idle, on_idle, hosts->options.idle_exit_ms, 0);
	else
		(void)uv_timer_stop(&hosts->idle);
}

void hosts_add(struct hosts *hosts, int by)
{
	hosts->n_hosts += (size_t)by;
	if (by && hosts->options.on_count)
		hosts->options.on_count(hosts->options.owner);
}

static void caller_free(struct caller *caller)
{
	struct hosts *hosts = caller->hosts;
	struct wire_out out = { 0 };

	question_cancel(&caller->question);
	if (caller->number && !caller->released && hosts->worker) {
		wire_begin(&out, WORK_STDIO_END, 0);
		wire_put_u64(&out, caller->number);
		channel_send(hosts->worker, &out);
		wire_out_release(&out);
	}
	caller_forget_server(caller);
	hosts_add(hosts, caller->number ? -1 : 0);
	list_remove(&caller->node);
	hosts->n--;
	caller->channel = channel_close(caller->channel);
	closep(&caller->folder);
	caller_drop_definition(caller);
	free(caller);
	hosts_watch_idle(hosts);
}

void caller_reply(struct caller *caller, uint32_t kind, uint32_t id, struct span text)
{
	struct wire_out out = { 0 };

	wire_begin(&out, kind, id);
	if (kind == CONTROL_FAILED)
		wire_put_span(&out, text);
	channel_send(caller->channel, &out);
	wire_out_release(&out);
}

/* --- commands --- */

/* What the worker cannot know. */
static void put_state(const struct hosts *hosts, struct wire_out *out)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)HOSTS_STATE_BYTES);

	buf_add_char(&text, '{');
	json_put_u64(&text, S("hosts"), hosts->n_hosts);
	if (hosts->options.on_state)
		hosts->options.on_state(hosts->options.owner, &text);
	buf_add_char(&text, '}');
	wire_put_span(out, buf_ok(&text) ? buf_span(&text) : S("{}"));
}

static void hand_on(struct question *question, struct wire_in *in)
{
	struct caller *caller = LIST_ENTRY(question, struct caller, question);
	struct wire_out out = { 0 };

	caller->asked = false;
	if (!in) {
		caller_reply(caller, CONTROL_FAILED, caller->asked_id,
			     span_str(tr("a process of the gate is being restarted; try again")));
		return;
	}
	wire_begin(&out, in->kind == WORK_STATE ? (uint32_t)CONTROL_STATE : in->kind, caller->asked_id);
	buf_add(&out.bytes, in->rest);
	if (in->kind == WORK_STATE)
		put_state(caller->hosts, &out);
	for (size_t i = 0; i < in->n_fds; i++)
		wire_put_fd(&out, in->fds[i]);
	channel_send(caller->channel, &out);
	wire_out_release(&out);
}

static void ask_on(struct caller *caller, struct channel *to, const struct wire_in *in, uint32_t kind)
{
	CLEANUP(closep) int state = -1;
	struct wire_out out = { 0 };

	if (!to || caller->asked) {
		caller_reply(caller, CONTROL_FAILED, in->id,
			     span_str(tr("the gate cannot answer now; try again")));
		return;
	}
	caller->asked = true;
	caller->asked_id = in->id;
	caller->question.on_answer = hand_on;
	wire_begin(&out, kind, 0);
	buf_add(&out.bytes, in->rest);
	/* The worker can make no file, not even one in memory: it is handed what it writes its state into. */
	if (kind == WORK_STATUS && (state = memfd_create("kanmon-state", MFD_CLOEXEC)) >= 0)
		wire_put_fd(&out, state);
	channel_ask(to, &out, &caller->question);
	wire_out_release(&out);
}

static void reload(struct caller *caller, uint32_t id)
{
	caller->reloading = true;
	caller->reload_id = id;
	caller->hosts->options.on_reload(caller->hosts->options.owner);
}

static void upgrade(struct caller *caller, uint32_t id)
{
	const struct hosts_options *options = &caller->hosts->options;
	const char *why;

	caller->upgrading = true;
	caller->upgrade_id = id;
	why = options->on_upgrade ? options->on_upgrade(options->owner)
				  : tr("the gate cannot answer now; try again");
	if (!why)
		return;
	caller->upgrading = false;
	caller_reply(caller, CONTROL_FAILED, id, span_str(why));
}

static void yield(struct caller *caller, uint32_t id)
{
	struct hosts *hosts = caller->hosts;
	struct wire_out out = { 0 };

	if (hosts->options.makes_room && count_all(hosts) == 0) {
		/* Who hears it finds nobody listening here any more. */
		hosts->options.on_idle(hosts->options.owner);
		caller_reply(caller, CONTROL_DONE, id, S(""));
		return;
	}
	wire_begin(&out, CONTROL_KEPT, id);
	wire_put_u64(&out, hosts->options.makes_room);
	wire_put_u64(&out, count_all(hosts));
	channel_send(caller->channel, &out);
	wire_out_release(&out);
}

void hosts_reloaded(struct hosts *hosts, const char *why)
{
	LIST_EACH(&hosts->callers, node) {
		struct caller *caller = LIST_ENTRY(node, struct caller, node);

		if (caller->reloading)
			caller_reply(caller, why ? CONTROL_FAILED : CONTROL_DONE, caller->reload_id,
				     span_str(why));
		caller->reloading = false;
	}
}

/* Whoever comes meanwhile is told that one is under way. */
void hosts_upgraded(struct hosts *hosts, const char *why)
{
	LIST_EACH(&hosts->callers, node) {
		struct caller *caller = LIST_ENTRY(node, struct caller, node);

		if (caller->upgrading)
			caller_reply(caller, why ? CONTROL_FAILED : CONTROL_DONE, caller->upgrade_id,
				     span_str(why));
		caller->upgrading = false;
	}
}

size_t hosts_count(const struct hosts *hosts)
{
	return hosts->n_hosts;
}

int hosts_control_fd(const struct hosts *hosts)
{
	return hosts->fd;
}

static void on_message(void *owner, struct wire_in *in)
{
	struct caller *caller = owner;

	if (in->kind == ASK_TOKEN_CREATE || in->kind == ASK_TOKEN_LIST || in->kind == ASK_TOKEN_ROTATE ||
	    in->kind == ASK_TOKEN_REVOKE)
		ask_on(caller, caller->hosts->keeper, in, in->kind);
	else if (in->kind == CONTROL_STATUS)
		ask_on(caller, caller->hosts->worker, in, WORK_STATUS);
	else if (in->kind == CONTROL_RELOAD)
		reload(caller, in->id);
	else if (in->kind == CONTROL_UPGRADE)
		upgrade(caller, in->id);
	else if (in->kind == CONTROL_YIELD)
		yield(caller, in->id);
	else if (in->kind == CONTROL_RUN || in->kind == CONTROL_ATTACH)
		caller_begin_host(caller, in, in->kind == CONTROL_RUN);
	else
		caller_reply(caller, CONTROL_FAILED, in->id,
			     span_str(tr("the gate does not know this question")));
}

static void on_gone(void *owner)
{
	caller_free(owner);
}

static const struct channel_events caller_events = { .on_message = on_message, .on_gone = on_gone };

/* Only the gate's own user, and root, may speak here. */
static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	       (peer.uid == getuid() || peer.uid == 0);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct hosts *hosts = poll->data;
	int fd = accept4(hosts->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct caller *caller;

	(void)status;
	(void)events;
	if (fd < 0)
		return;
	caller = hosts->n < hosts->most && is_ours(fd) ? calloc(1, sizeof(*caller)) : NULL;
	if (!caller) {
		(void)close(fd);
		return;
	}
	caller->hosts = hosts;
	caller->folder = -1;
	caller->channel = channel_open(hosts->options.loop, fd, &caller_events, caller, NULL);
	if (!caller->channel) {
		free(caller);
		return;
	}
	list_add(&hosts->callers, &caller->node);
	hosts->n++;
}

/* Each has two descriptors, its socket and a host's folder; the manager has others of its own. */
static size_t most_callers(void)
{
	struct rlimit files;
	size_t most = HOSTS_MAX * 2;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 2 < most + HOSTS_OTHER_FILES)
		most = files.rlim_cur / 2 -
		       (files.rlim_cur / 4 < HOSTS_OTHER_FILES ? files.rlim_cur / 4 : HOSTS_OTHER_FILES);
	return most;
}

struct hosts *hosts_new(const struct hosts_options *options, struct err *err)
{
	struct hosts *hosts = calloc(1, sizeof(*hosts));

	if (!hosts) {
		(void)err_set(err, ERR_NOMEM, "no memory for the control socket");
		return NULL;
	}
	hosts->options = *options;
	hosts->most = most_callers();
	list_init(&hosts->callers);
	hosts->fd = options->control_fd;
	if (hosts->fd <= 0 && control_listen(options->control, &hosts->fd, err) < 0) {
		free(hosts);
		return NULL;
	}
	check(uv_poll_init(&options->loop->uv, &hosts->poll, hosts->fd) == 0);
	check(uv_timer_init(&options->loop->uv, &hosts->idle) == 0);
	hosts->poll.data = hosts;
	hosts->idle.data = hosts;
	if (options->control_fd <= 0)
		hosts_begin(hosts);
	return hosts;
}

void hosts_begin(struct hosts *hosts)
{
	hosts->begun = true;
	(void)uv_poll_start(&hosts->poll, UV_READABLE, on_connection);
	hosts_watch_idle(hosts);
}

static void on_closed(uv_handle_t *handle)
{
	struct hosts *hosts = handle->data;

	if (--hosts->n_handles == 0)
		free(hosts);
}

struct hosts *hosts_free(struct hosts *hosts)
{
	if (!hosts)
		return NULL;
	hosts->worker = hosts->launcher = NULL;
	while (!list_empty(&hosts->callers))
		caller_free(LIST_ENTRY(hosts->callers.next, struct caller, node));
	hosts_close(hosts);
	hosts->n_handles = 2;
	uv_close((uv_handle_t *)&hosts->poll, on_closed);
	uv_close((uv_handle_t *)&hosts->idle, on_closed);
	return NULL;
}

void hosts_close(struct hosts *hosts)
{
	hosts->leaving = true;
	/* Its number may be another's by now, who would not be polled any more. */
	if (hosts->fd < 0)
		return;
	(void)uv_poll_stop(&hosts->poll);
	(void)uv_timer_stop(&hosts->idle);
	closep(&hosts->fd);
}

/* A process is gone, and with its channel the answers it owed. */
static void fail_questions(struct hosts *hosts)
{
	LIST_EACH(&hosts->callers, node) {
		struct caller *caller = LIST_ENTRY(node, struct caller, node);

		question_cancel(&caller->question);
		if (caller->asked)
			caller_reply(caller, CONTROL_FAILED, caller->asked_id,
				     span_str(tr("a process of the gate is being restarted; try again")));
		caller->asked = false;
	}
}

void hosts_set_worker(struct hosts *hosts, struct channel *worker)
{
	hosts->worker = worker;
	if (worker)
		return;
	fail_questions(hosts);
	/* Their pipes ended with the worker. */
	LIST_EACH(&hosts->callers, node) {
		struct caller *caller = LIST_ENTRY(node, struct caller, node);

		if (!caller->number)
			continue;
		caller->released = true;
		caller_end_host(caller, EXIT_OF_GATE);
	}
}

void hosts_set_keeper(struct hosts *hosts, struct channel *keeper)
{
	hosts->keeper = keeper;
	if (!keeper)
		fail_questions(hosts);
}

void hosts_set_launcher(struct hosts *hosts, struct channel *launcher)
{
	hosts->launcher = launcher;
}
