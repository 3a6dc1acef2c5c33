/* hosts.c - the control socket: commands, and hosts on stdio. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/hosts.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/secret.h"
#include "base/tr.h"
#include "daemon/control.h"
#include "daemon/gate_config.h"
#include "daemon/work.h"
#include "jail/launch.h"
#include "store/ask.h"
#include "text/utf8.h"
#include "json/write.h"

enum {
	HOSTS_MAX = 1024,
	HOSTS_OTHER_FILES = 64,
	HOSTS_NAME_BYTES = 32,
	HOSTS_SHOWN_BYTES = 64,
	HOSTS_STATE_BYTES = 32 * 1024, /* the manager's part; with the rest of the message it fits a packet */
	EXIT_OF_GATE = 125,	       /* the gate's own fault, in the exit codes of `kanmon run` */
};

/* One connection to the control socket. */
struct caller {
	struct list node;
	struct hosts *hosts;
	struct channel *channel;
	uint64_t number;       /* as a host; 0: a command */
	struct buf definition; /* LAUNCH_DEFINE of its own server, as sent; empty: the catalogue */
	int folder;	       /* the host's working folder; -1: none */
	char server[HOSTS_NAME_BYTES + 24]; /* what the gate calls it */
	char shown[HOSTS_SHOWN_BYTES + 1];  /* what its host calls it, for people */
	struct question question;	    /* to the keeper or the worker */
	uint32_t asked_id;		    /* of the command's own question */
	bool asked;			    /* it waits for an answer */
	uint32_t reload_id;		    /* of its CONTROL_RELOAD */
	bool reloading;			    /* it waits for the end of one */
	uint32_t upgrade_id;		    /* of its CONTROL_UPGRADE */
	bool upgrading;			    /* it waits for the end of one */
	bool ended;			    /* it was told so */
	bool released;			    /* the worker has closed its pipes */
};

struct hosts {
	struct hosts_options options;
	int fd;
	uv_poll_t poll;
	uv_timer_t idle;
	struct list callers;
	size_t n, n_hosts, most;
	unsigned n_handles; /* being closed, at the end */
	bool begun;	    /* it hears who comes */
	bool leaving;	    /* the next gate has room for who comes now */
	uint64_t next;
	struct channel *worker, *keeper, *launcher;
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

static void watch_idle(struct hosts *hosts)
{
	if (hosts->options.idle_exit_ms && hosts->n_hosts == 0 && !hosts->leaving && hosts->begun)
		(void)uv_timer_start(&hosts->idle, on_idle, hosts->options.idle_exit_ms, 0);
	else
		(void)uv_timer_stop(&hosts->idle);
}

static void count(struct hosts *hosts, int by)
{
	hosts->n_hosts += (size_t)by;
	if (by && hosts->options.on_count)
		hosts->options.on_count(hosts->options.owner);
}

static void forget_server(struct caller *caller)
{
	struct wire_out out = { 0 };

	if (!caller->hosts->launcher || !caller->server[0])
		return;
	wire_begin(&out, LAUNCH_FORGET, 0);
	wire_put_span(&out, span_str(caller->server));
	channel_send(caller->hosts->launcher, &out);
	wire_out_release(&out);
}

/* It holds the server's environment. */
static void drop_definition(struct caller *caller)
{
	if (caller->definition.p)
		secret_wipe(caller->definition.p, caller->definition.n);
	buf_release(&caller->definition);
	caller->definition = (struct buf){ 0 };
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
	forget_server(caller);
	count(hosts, caller->number ? -1 : 0);
	list_remove(&caller->node);
	hosts->n--;
	caller->channel = channel_close(caller->channel);
	closep(&caller->folder);
	drop_definition(caller);
	free(caller);
	watch_idle(hosts);
}

static void reply(struct caller *caller, uint32_t kind, uint32_t id, struct span text)
{
	struct wire_out out = { 0 };

	wire_begin(&out, kind, id);
	if (kind == CONTROL_FAILED)
		wire_put_span(&out, text);
	channel_send(caller->channel, &out);
	wire_out_release(&out);
}

/* --- hosts --- */

static void end_host(struct caller *caller, uint64_t code)
{
	struct wire_out out = { 0 };

	if (caller->ended)
		return;
	caller->ended = true;
	wire_begin(&out, CONTROL_ENDED, 0);
	wire_put_u64(&out, code);
	channel_send(caller->channel, &out);
	wire_out_release(&out);
}

static void send_definition(struct caller *caller, struct channel *launcher)
{
	struct wire_out out = { .bytes = caller->definition };

	if (caller->definition.n == 0)
		return;
	if (caller->folder >= 0)
		wire_put_fd(&out, caller->folder);
	channel_send(launcher, &out);
}

/* A short name of letters the catalogue's rules allow; what a host calls itself may be anything. */
static void clean_name(struct span name, char out[HOSTS_NAME_BYTES])
{
	size_t n = 0;

	for (size_t i = 0; i < name.n && n + 1 < HOSTS_NAME_BYTES; i++) {
		char c = name.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			     c == '.' || c == '-';

		out[n++] = plain ? c : '-';
	}
	out[n] = '\0';
	if (n == 0)
		(void)snprintf(out, HOSTS_NAME_BYTES, "server");
}

/* The name as it was given, in whole characters; what cannot be shown is a dash. */
static void take_shown(struct caller *caller, struct span name)
{
	struct buf out = { .p = caller->shown, .cap = HOSTS_SHOWN_BYTES, .max = HOSTS_SHOWN_BYTES };
	uint32_t point;

	while (name.n) {
		size_t n = utf8_decode(name, &point);
		bool plain = n && point >= ' ' && !(point >= 0x7f && point < 0xa0);
		struct span part = plain ? span_first(name, n) : S("-");

		if (out.n + part.n > HOSTS_SHOWN_BYTES)
			break;
		buf_add(&out, part);
		name = span_skip(name, n ? n : 1);
	}
	caller->shown[out.n] = '\0';
}

/* Nothing of a request that was refused stays behind: the next one begins anew. */
static void drop_request(struct caller *caller)
{
	caller->server[0] = '\0';
	drop_definition(caller);
	closep(&caller->folder);
}

/* The launcher's words are the command's own: argv and environment pass through, the name is ours. */
static bool take_definition(struct caller *caller, struct wire_in *in)
{
	struct wire_out out = { .bytes = BUF_INIT(WIRE_MAX_BYTES) };
	uint64_t n;

	wire_begin(&out, LAUNCH_DEFINE, 0);
	wire_put_span(&out, span_str(caller->server));
	wire_put_span(&out, S(""));
	for (int part = 0; part < 2; part++) {
		n = wire_get_u64(in);
		if (in->bad || n > LAUNCH_MAX_ARGS)
			break;
		wire_put_u64(&out, n);
		for (uint64_t i = 0; i < n; i++)
			wire_put_span(&out, wire_get_span(in));
	}
	caller->definition = out.bytes;
	return !in->bad && buf_ok(&out.bytes);
}

static void send_host(struct caller *caller, struct span principal, struct span name, int in_fd, int out_fd)
{
	CLEANUP(buf_release) struct buf definition = BUF_INIT((size_t)4096);
	struct wire_out out = { 0 };

	if (caller->server[0])
		gate_config_host_server(span_str(caller->server), span_str(caller->shown), &definition);
	wire_begin(&out, WORK_STDIO, 0);
	wire_put_u64(&out, caller->number);
	wire_put_span(&out, principal);
	wire_put_span(&out, name);
	wire_put_span(&out, buf_span(&definition));
	wire_put_fd(&out, in_fd);
	wire_put_fd(&out, out_fd);
	channel_send(caller->hosts->worker, &out);
	wire_out_release(&out);
}

/* A stdio client's principal is its user and the entry of its configuration. */
static void begin_host(struct caller *caller, struct wire_in *in, bool run)
{
	struct hosts *hosts = caller->hosts;
	CLEANUP(buf_release) struct buf principal = BUF_INIT((size_t)256);
	CLEANUP(closep) int in_fd = -1;
	CLEANUP(closep) int out_fd = -1;
	char clean[HOSTS_NAME_BYTES];
	struct span name = run ? wire_get_span(in) : S("");
	struct span host = wire_get_span(in);

	if (hosts->leaving) {
		reply(caller, CONTROL_LEAVING, 0, S(""));
		return;
	}
	if (caller->number || !hosts->worker || !hosts->launcher || hosts->n_hosts >= HOSTS_MAX) {
		reply(caller, CONTROL_FAILED, 0, span_str(tr("the gate cannot take another host now")));
		return;
	}
	clean_name(run ? name : S("catalogue"), clean);
	take_shown(caller, run && name.n ? name : span_str(clean));
	if (run)
		(void)snprintf(caller->server, sizeof(caller->server), "%s~%llu", clean,
			       (unsigned long long)hosts->next + 1);
	if (run && !take_definition(caller, in))
		in->bad = true;
	in_fd = wire_get_fd(in);
	out_fd = wire_get_fd(in);
	if (run)
		caller->folder = wire_get_fd(in);
	if (!wire_in_done(in)) {
		drop_request(caller);
		reply(caller, CONTROL_FAILED, 0,
		      span_str(tr("the command and its environment are too long, or malformed")));
		return;
	}
	caller->number = ++hosts->next;
	count(hosts, 1);
	watch_idle(hosts);
	buf_addf(&principal, "local:%u:%s", (unsigned)getuid(), clean);
	send_definition(caller, hosts->launcher);
	send_host(caller, buf_span(&principal), host.n ? span_first(host, 64) : span_str(clean), in_fd,
		  out_fd);
	reply(caller, CONTROL_RUNNING, 0, S(""));
}

static struct caller *host_of(struct hosts *hosts, uint64_t number)
{
	LIST_EACH(&hosts->callers, node) {
		struct caller *caller = LIST_ENTRY(node, struct caller, node);

		if (caller->number == number && number)
			return caller;
	}
	return NULL;
}

void hosts_from_worker(struct hosts *hosts, struct wire_in *in)
{
	struct caller *caller = host_of(hosts, wire_get_u64(in));
	uint64_t code, signal;

	if (!caller)
		return;
	if (in->kind == WORK_STDIO_ENDED) {
		caller->released = true;
		end_host(caller, wire_get_u64(in) ? EXIT_OF_GATE : 0);
		return;
	}
	code = wire_get_u64(in);
	signal = wire_get_u64(in);
	end_host(caller, signal ? 128 + signal : code);
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
		reply(caller, CONTROL_FAILED, caller->asked_id,
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
		reply(caller, CONTROL_FAILED, in->id, span_str(tr("the gate cannot answer now; try again")));
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
	reply(caller, CONTROL_FAILED, id, span_str(why));
}

static void yield(struct caller *caller, uint32_t id)
{
	struct hosts *hosts = caller->hosts;
	struct wire_out out = { 0 };

	if (hosts->options.makes_room && count_all(hosts) == 0) {
		/* Who hears it finds nobody listening here any more. */
		hosts->options.on_idle(hosts->options.owner);
		reply(caller, CONTROL_DONE, id, S(""));
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
			reply(caller, why ? CONTROL_FAILED : CONTROL_DONE, caller->reload_id, span_str(why));
		caller->reloading = false;
	}
}

/* Whoever comes meanwhile is told that one is under way. */
void hosts_upgraded(struct hosts *hosts, const char *why)
{
	LIST_EACH(&hosts->callers, node) {
		struct caller *caller = LIST_ENTRY(node, struct caller, node);

		if (caller->upgrading)
			reply(caller, why ? CONTROL_FAILED : CONTROL_DONE, caller->upgrade_id, span_str(why));
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
		begin_host(caller, in, in->kind == CONTROL_RUN);
	else
		reply(caller, CONTROL_FAILED, in->id, span_str(tr("the gate does not know this question")));
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
	watch_idle(hosts);
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
			reply(caller, CONTROL_FAILED, caller->asked_id,
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
		end_host(caller, EXIT_OF_GATE);
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

void hosts_define(struct hosts *hosts, struct channel *launcher)
{
	LIST_EACH(&hosts->callers, node)
		send_definition(LIST_ENTRY(node, struct caller, node), launcher);
}
