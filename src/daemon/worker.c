/* worker.c - the worker process: set up, confined, then driven by its manager's words. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "audit/redact.h"
#include "audit/ring.h"
#include "base/check.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "daemon/confine.h"
#include "daemon/process.h"
#include "daemon/work.h"
#include "exchange/client.h"
#include "exchange/front_http.h"
#include "exchange/front_stdio.h"
#include "exchange/front_unix.h"
#include "exchange/processes.h"
#include "exchange/round_state.h"
#include "exchange/snapshot.h"
#include "exchange/token_cache.h"
#include "http/server.h"
#include "jail/launch.h"
#include "store/ask.h"
#include "text/regex.h"
#include "upstream/stdio.h"

enum { STATE_BYTES = 4 * 1024 * 1024, CONFIG_BYTES = 16 * 1024 * 1024 };
enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* One host on stdio, and the server that was made for it alone. */
struct host {
	struct list node;
	struct process *process;
	uint64_t number;
	struct stdio_front *front;
	struct server *own; /* borrowed from the worker's list; NULL: the catalogue */
};

/* A message of the manager's that waits until calls can be recorded. */
struct deferred {
	struct list node;
	struct wire_in in;
	char bytes[];
};

enum { DEFERRED_MAX = 64 };

struct process {
	struct worker worker;
	struct ring ring;
	struct list hosts;
	struct list deferred;
	size_t n_deferred;
	struct log *log;
	bool configured; /* a config is in force */
};

static void tell_manager(struct process *process, uint32_t kind, uint64_t number, bool with_number)
{
	struct wire_out out = { 0 };

	wire_begin(&out, kind, 0);
	if (with_number)
		wire_put_u64(&out, number);
	channel_send(process->worker.manager, &out);
	wire_out_release(&out);
}

/* --- hosts on stdio --- */

static void host_free(struct host *host)
{
	struct worker *worker = &host->process->worker;

	host->front = stdio_front_free(host->front);
	if (host->own)
		worker_drop_server(worker, host->own);
	list_remove(&host->node);
	free(host);
}

static void tell_host_ended(struct process *process, uint64_t number, bool failed)
{
	struct wire_out out = { 0 };

	wire_begin(&out, WORK_STDIO_ENDED, 0);
	wire_put_u64(&out, number);
	wire_put_u64(&out, failed);
	channel_send(process->worker.manager, &out);
	wire_out_release(&out);
}

static void on_host_end(void *owner, struct stdio_front *front, bool cut)
{
	struct host *host = owner;

	(void)front;
	tell_host_ended(host->process, host->number, cut);
	host_free(host);
}

static struct host *find_host(struct process *process, uint64_t number)
{
	LIST_EACH(&process->hosts, node)
		if (LIST_ENTRY(node, struct host, node)->number == number)
			return LIST_ENTRY(node, struct host, node);
	return NULL;
}

static int start_host(struct process *process, struct wire_in *in, struct err *err)
{
	struct worker *worker = &process->worker;
	struct host *host = calloc(1, sizeof(*host));
	struct stdio_options options = { .on_end = on_host_end, .owner = host };
	struct span id, name, definition;
	CLEANUP(closep) int in_fd = -1;
	CLEANUP(closep) int out_fd = -1;

	if (!host)
		return err_set(err, ERR_NOMEM, "no memory for a host");
	host->process = process;
	list_init(&host->node);
	host->number = wire_get_u64(in);
	id = wire_get_span(in);
	name = wire_get_span(in);
	definition = wire_get_span(in);
	in_fd = wire_get_fd(in);
	out_fd = wire_get_fd(in);
	if (wire_in_done(in) && definition.n)
		host->own = snapshot_add_server(worker, definition, err);
	if (!wire_in_done(in) || (definition.n && !host->own)) {
		free(host);
		return err_set(err, ERR_FORMAT, "the manager's host cannot be read");
	}
	list_add(&process->hosts, &host->node);
	options.only = host->own;
	options.principal = principal_new(id, name, S("mcp"), 0);
	if (options.principal) {
		options.in = in_fd;
		options.out = out_fd;
		in_fd = out_fd = -1;
		host->front = stdio_front_new(worker, &options, err);
	} else {
		(void)err_set(err, ERR_NOMEM, "no memory for a host");
	}
	(void)principal_unref(options.principal);
	if (host->front)
		return 0;
	host_free(host);
	return -1;
}

static void take_host(struct process *process, struct wire_in *in)
{
	struct err err = ERR_INIT;
	uint64_t number = 0;

	if (in->rest.n >= sizeof(number))
		memcpy(&number, in->rest.p, sizeof(number));
	if (start_host(process, in, &err) == 0)
		return;
	log_event(process->log, LOG_ERROR, "host.failed", "A host could not be served.",
		  LFS("why", err.text));
	tell_host_ended(process, number, true);
}

/* --- the launcher's, the keeper's and the egress process's unasked words --- */

static struct attachment *attachment_of(struct worker *worker, uint64_t instance)
{
	LIST_EACH(&worker->clients, node) {
		struct client *client = LIST_ENTRY(node, struct client, node);

		LIST_EACH(&client->attachments, entry) {
			struct attachment *attachment = LIST_ENTRY(entry, struct attachment, node);

			if (attachment->link && stdio_owns(attachment->link, instance))
				return attachment;
		}
	}
	return NULL;
}

static void tell_exit(struct process *process, const struct server *server, uint64_t code, uint64_t signal)
{
	LIST_EACH(&process->hosts, node) {
		const struct host *host = LIST_ENTRY(node, struct host, node);
		struct wire_out out = { 0 };

		if (host->own != server)
			continue;
		wire_begin(&out, WORK_STDIO_SERVER, 0);
		wire_put_u64(&out, host->number);
		wire_put_u64(&out, code);
		wire_put_u64(&out, signal);
		channel_send(process->worker.manager, &out);
		wire_out_release(&out);
	}
}

/* As a shell says it, in the exit codes of `kanmon run`. */
static void on_not_started(struct upstream *upstream, const struct server *server, uint64_t sys)
{
	struct worker *worker = LIST_ENTRY(upstream, struct worker, upstream);

	tell_exit(worker->process, server, sys == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE, 0);
}

static void on_launcher_message(void *owner, struct wire_in *in)
{
	struct process *process = owner;
	struct attachment *attachment;
	uint64_t instance, code, signal;
	char why[120];

	if (in->kind != LAUNCH_EXITED)
		return;
	instance = wire_get_u64(in);
	code = wire_get_u64(in);
	signal = wire_get_u64(in);
	if (!wire_in_done(in))
		return;
	processes_remove(&process->worker, instance);
	attachment = attachment_of(&process->worker, instance);
	if (!attachment)
		return;
	if (signal)
		(void)snprintf(why, sizeof(why), "the server was ended by signal %u", (unsigned)signal);
	else
		(void)snprintf(why, sizeof(why), "the server exited with code %u", (unsigned)code);
	tell_exit(process, attachment->server, code, signal);
	link_fail(attachment->link, LINK_GONE, why);
}

static void on_launcher_gone(void *owner)
{
	struct process *process = owner;
	struct upstream *upstream = &process->worker.upstream;

	upstream->launcher = channel_close(upstream->launcher);
	processes_clear(&process->worker);
	/* Its servers die with it; their links see their pipes close. */
	tell_manager(process, WORK_PEER_LOST, PEER_LAUNCHER, true);
}

static void let_in(struct process *process);

static void on_keeper_message(void *owner, struct wire_in *in)
{
	struct process *process = owner;
	struct span key;

	if (in->kind == ASK_EPOCH)
		token_cache_forget(process->worker.tokens);
	if (in->kind != WORK_AUDIT_KEY)
		return;
	key = wire_get_span(in);
	if (key.n != sizeof(process->worker.audit_key))
		return;
	memcpy(process->worker.audit_key, key.p, key.n);
	process->worker.has_audit_key = true;
	round_keys_make(&process->worker);
	let_in(process);
}

static void on_keeper_gone(void *owner)
{
	struct process *process = owner;

	process->worker.keeper = channel_close(process->worker.keeper);
}

static void on_egress_message(void *owner, struct wire_in *in)
{
	(void)owner;
	(void)in;
}

static void on_egress_gone(void *owner)
{
	struct process *process = owner;
	struct channel *gone = process->worker.upstream.egress;

	worker_set_egress(&process->worker, NULL);
	(void)channel_close(gone);
	tell_manager(process, WORK_PEER_LOST, PEER_EGRESS, true);
}

static const struct channel_events launcher_events = { on_launcher_message, on_launcher_gone };
static const struct channel_events keeper_events = { on_keeper_message, on_keeper_gone };
static const struct channel_events egress_events = { on_egress_message, on_egress_gone };

static void take_peer(struct process *process, struct wire_in *in)
{
	struct worker *worker = &process->worker;
	uint64_t which = wire_get_u64(in);
	int fd = wire_get_fd(in);
	struct channel *old;

	if (fd < 0)
		return;
	switch ((enum work_peer)which) {
	case PEER_KEEPER:
		old = TAKE(worker->keeper);
		(void)channel_abandon(old);
		worker->keeper = channel_open(&worker->loop, fd, &keeper_events, process, NULL);
		token_cache_forget(worker->tokens);
		break;
	case PEER_LAUNCHER:
		old = TAKE(worker->upstream.launcher);
		(void)channel_abandon(old);
		processes_clear(worker);
		worker->upstream.launcher = channel_open(&worker->loop, fd, &launcher_events, process, NULL);
		break;
	case PEER_EGRESS:
		old = worker->upstream.egress;
		worker_set_egress(worker, channel_open(&worker->loop, fd, &egress_events, process, NULL));
		(void)channel_abandon(old);
		break;
	}
}

/* --- the manager's words --- */

/* It may hold the listener's key. */
static void release_config(struct buf *text)
{
	if (text->p)
		secret_wipe(text->p, text->n);
	buf_release(text);
}

static void on_connection(void *owner)
{
	worker_need_tick(owner);
}

static struct http_server_options http_options(const struct worker *worker)
{
	return (struct http_server_options){ .limits = { .head_bytes = LIMIT_HEAD_BYTES,
							 .header_line = LIMIT_HEADER_LINE_BYTES,
							 .headers = LIMIT_HEADERS,
							 .url = LIMIT_URL_BYTES,
							 .body_bytes = worker->limits.body_bytes },
					     .max_connections = worker->limits.connections,
					     .bodies_bytes = LIMIT_BODIES_BYTES,
					     .unsent_bytes = LIMIT_UNSENT_BYTES,
					     .on_connection = on_connection,
					     .idle_ms = worker->limits.idle_ms,
					     .head_ms = worker->limits.head_ms };
}

/* What listens already is told of new limits. */
static void hand_on_limits(const struct worker *worker)
{
	const struct http_server_options options = http_options(worker);

	if (worker->http)
		http_server_set_limits(worker->http, &options.limits, options.max_connections);
	if (worker->metrics_http)
		http_server_set_limits(worker->metrics_http, &options.limits, options.max_connections);
}

/* Half of the descriptors there can be: servers, hosts and their pipes need the others. */
static void fit_connections(struct worker *worker)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur / 2 >= worker->limits.connections)
		return;
	log_event(worker->log, LOG_WARN, "limits.files",
		  "Fewer connections fit than `limits.connections` says: raise the hard limit of open files.",
		  LFN("configured", worker->limits.connections), LFN("fit", files.rlim_cur / 2),
		  LFN("files", files.rlim_cur));
	worker->limits.connections = files.rlim_cur / 2;
}

static void take_config(struct process *process, struct wire_in *in)
{
	CLEANUP(closep) int fd = wire_get_fd(in);
	CLEANUP(release_config) struct buf text = BUF_INIT(CONFIG_BYTES);
	struct err err = ERR_INIT;
	struct wire_out out = { 0 };

	/* In one piece, so that growing leaves no copy of a key behind. */
	if (process->worker.secure.lib)
		(void)buf_reserve(&text, CONFIG_BYTES / 4);
	if (fd >= 0 && file_read_fd(fd, "the config", &text, &err) == 0 &&
	    snapshot_apply(&process->worker, buf_span(&text), &err) == 0) {
		process->configured = true;
		fit_connections(&process->worker);
		hand_on_limits(&process->worker);
		tell_manager(process, WORK_READY, 0, false);
		return;
	}
	wire_begin(&out, WORK_REFUSED, 0);
	wire_put_span(&out, span_str(err.text));
	channel_send(process->worker.manager, &out);
	wire_out_release(&out);
}

static void take_unix(struct process *process, int fd)
{
	struct err err = ERR_INIT;

	if (front_unix_listen(&process->worker, fd, &err) < 0)
		log_event(process->log, LOG_ERROR, "listen.failed", "A listening socket cannot be used.",
			  LFS("why", err.text));
}

static void take_listener(struct process *process, struct wire_in *in)
{
	struct worker *worker = &process->worker;
	uint64_t kind = wire_get_u64(in);
	int fd = wire_get_fd(in);
	struct http_server **server = kind ? &worker->metrics_http : &worker->http;
	struct http_server_options options = http_options(worker);
	struct err err = ERR_INIT;

	if (fd < 0)
		return;
	/* Without a config it is not known whether to speak TLS: nobody is answered in plain by accident. */
	if (!process->configured) {
		(void)close(fd);
		return;
	}
	if (kind == LISTEN_UNIX) {
		take_unix(process, fd);
		return;
	}
	options.allow = kind ? S("GET") : S("POST, GET, DELETE");
	options.tls = kind ? NULL : worker->secure.inwards;
	options.on_head = kind ? front_metrics_on_head : front_http_on_head;
	if (!*server)
		*server = http_server_new(&worker->loop, &options,
					  kind ? front_metrics_on_request : front_http_on_request, worker,
					  worker->log, &err);
	if (!*server || http_server_listen(*server, fd, &err) < 0)
		log_event(process->log, LOG_ERROR, "listen.failed", "A listening socket cannot be used.",
			  LFS("why", err.text));
}

static void answer_status(struct process *process, struct wire_in *in)
{
	CLEANUP(buf_release) struct buf state = BUF_INIT(STATE_BYTES);
	CLEANUP(closep) int fd = wire_get_fd(in);
	struct wire_out out = { 0 };

	snapshot_state(&process->worker, &state);
	wire_begin(&out, WORK_STATE, in->id);
	if (fd >= 0 && buf_ok(&state) && file_write_fd(fd, "the state", buf_span(&state), NULL) == 0)
		wire_put_fd(&out, fd);
	channel_send(process->worker.manager, &out);
	wire_out_release(&out);
}

static void end_host(struct process *process, uint64_t number)
{
	struct host *host = find_host(process, number);

	if (host)
		host_free(host);
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
		take_listener(process, in);
		break;
	case WORK_STDIO:
		take_host(process, in);
		break;
	case WORK_STDIO_END:
		end_host(process, wire_get_u64(in));
		break;
	case WORK_STATUS:
		answer_status(process, in);
		break;
	case WORK_DRAIN:
		worker_drain(&process->worker);
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
			tell_host_ended(process, wire_get_u64(in), true);
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
	if (brings_calls && !process->worker.has_audit_key)
		defer(process, in);
	else
		heed(process, in);
}

/* Without a manager there is nobody to serve for. */
static void on_manager_gone(void *owner)
{
	struct process *process = owner;

	loop_stop(&process->worker.loop);
}

static const struct channel_events manager_events = { on_manager_message, on_manager_gone };

static void on_drained(struct worker *worker)
{
	struct process *process = worker->process;

	worker->on_drained = NULL;
	tell_manager(process, WORK_DRAINED, 0, false);
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
	if (crypto_init(err) < 0 || worker_init(&process->worker, process->log, err) < 0)
		return -1;
	if (setup.tls && secure_open(&process->worker.secure, err) < 0)
		return -1;
	process->worker.ring = &process->ring;
	process->worker.process = process;
	process->worker.upstream.on_not_started = on_not_started;
	process->worker.upstream.has_secret = redact_has_secret;
	process->worker.on_drained = on_drained;
	process->worker.manager = channel_open(&process->worker.loop, manager_fd, &manager_events, process,
					       err);
	return process->worker.manager ? 0 : -1;
}

int worker_main(int manager_fd, struct log *log)
{
	struct process *process = calloc(1, sizeof(*process));
	struct err err = ERR_INIT;

	if (!process)
		return 1;
	process->log = log;
	process->ring = RING_INIT;
	list_init(&process->hosts);
	list_init(&process->deferred);
	if (set_up(process, manager_fd, &err) < 0 || process_confine(ROLE_WORKER, NULL, log, &err) < 0) {
		log_event(log, LOG_ERROR, "worker.failed", "The worker could not start.",
			  LFS("why", err.text));
		return 1;
	}
	loop_run(&process->worker.loop);
	/* The manager is gone: the kernel takes everything back at once. */
	_exit(0);
}
