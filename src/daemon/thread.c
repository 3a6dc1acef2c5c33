/* thread.c - one thread of the worker. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/redact.h"
#include "base/check.h"
#include "exchange/client.h"
#include "exchange/front_http.h"
#include "exchange/front_stdio.h"
#include "exchange/front_unix.h"
#include "exchange/processes.h"
#include "exchange/snapshot.h"
#include "exchange/token_cache.h"
#include "http/server.h"
#include "jail/launch.h"
#include "store/ask.h"
#include "upstream/house.h"
#include "upstream/stdio.h"

enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* One host on stdio, and the server that was made for it alone. */
struct host {
	struct list node;
	struct thread *thread;
	uint64_t number;
	struct stdio_front *front;
	struct server *own; /* borrowed from the worker's list; NULL: the catalogue */
};

/* --- hosts on stdio --- */

static void host_free(struct host *host)
{
	struct worker *worker = &host->thread->worker;

	host->front = stdio_front_free(host->front);
	if (host->own)
		worker_drop_server(worker, host->own);
	list_remove(&host->node);
	free(host);
}

/* The manager lives as long as we do; only the first words of a thread may come before its channel. */
static void tell_manager(struct thread *thread, const struct wire_out *out)
{
	if (thread->worker.manager)
		(void)channel_send(thread->worker.manager, out);
}

void thread_tell_host_ended(struct thread *thread, uint64_t number, bool failed)
{
	struct wire_out out = { 0 };

	wire_begin(&out, WORK_STDIO_ENDED, 0);
	wire_put_u64(&out, number);
	wire_put_u64(&out, failed);
	tell_manager(thread, &out);
	wire_out_release(&out);
}

static void on_host_end(void *owner, struct stdio_front *front, bool cut)
{
	struct host *host = owner;

	(void)front;
	thread_tell_host_ended(host->thread, host->number, cut);
	host_free(host);
}

static struct host *find_host(struct thread *thread, uint64_t number)
{
	LIST_EACH(&thread->hosts, node)
		if (LIST_ENTRY(node, struct host, node)->number == number)
			return LIST_ENTRY(node, struct host, node);
	return NULL;
}

static int start_host(struct thread *thread, struct wire_in *in, struct err *err)
{
	struct worker *worker = &thread->worker;
	struct host *host = calloc(1, sizeof(*host));
	struct stdio_options options = { .on_end = on_host_end, .owner = host };
	struct span id, name, definition;
	CLEANUP(closep) int in_fd = -1;
	CLEANUP(closep) int out_fd = -1;

	if (!host)
		return err_set(err, ERR_NOMEM, "no memory for a host");
	host->thread = thread;
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
	list_add(&thread->hosts, &host->node);
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

static void take_host(struct thread *thread, struct wire_in *in)
{
	struct err err = ERR_INIT;
	uint64_t number = 0;

	if (in->rest.n >= sizeof(number))
		memcpy(&number, in->rest.p, sizeof(number));
	if (start_host(thread, in, &err) == 0)
		return;
	log_event(thread->worker.log, LOG_ERROR, "host.failed", "A host could not be served.",
		  LFS("why", err.text));
	thread_tell_host_ended(thread, number, true);
}

static void end_host(struct thread *thread, uint64_t number)
{
	struct host *host = find_host(thread, number);

	if (host)
		host_free(host);
}

/* --- the launcher's and the keeper's unasked words --- */

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

static void tell_exit(struct thread *thread, const struct server *server, uint64_t code, uint64_t signal)
{
	LIST_EACH(&thread->hosts, node) {
		const struct host *host = LIST_ENTRY(node, struct host, node);
		struct wire_out out = { 0 };

		if (host->own != server)
			continue;
		wire_begin(&out, WORK_STDIO_SERVER, 0);
		wire_put_u64(&out, host->number);
		wire_put_u64(&out, code);
		wire_put_u64(&out, signal);
		tell_manager(thread, &out);
		wire_out_release(&out);
	}
}

static struct thread *thread_of(struct upstream *upstream)
{
	return LIST_ENTRY(LIST_ENTRY(upstream, struct worker, upstream), struct thread, worker);
}

/* As a shell says it, in the exit codes of `kanmon run`. */
static void on_not_started(struct upstream *upstream, const struct server *server, uint64_t sys)
{
	tell_exit(thread_of(upstream), server, sys == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE, 0);
}

/* A process that all clients have together is the first thread's. */
static bool tell_houses(const struct worker *worker, uint64_t instance, const char *why)
{
	if (worker->index)
		return false;
	LIST_EACH(&worker->servers, node)
		if (house_exited(LIST_ENTRY(node, struct server, node)->house, instance, why))
			return true;
	return false;
}

/* One that is another thread's is not found here. */
static void heed_launcher(struct thread *thread, struct wire_in *in)
{
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
	processes_remove(&thread->worker, instance);
	if (signal)
		(void)snprintf(why, sizeof(why), "the server was ended by signal %u", (unsigned)signal);
	else
		(void)snprintf(why, sizeof(why), "the server exited with code %u", (unsigned)code);
	if (tell_houses(&thread->worker, instance, why))
		return;
	attachment = attachment_of(&thread->worker, instance);
	if (!attachment)
		return;
	tell_exit(thread, attachment->server, code, signal);
	link_fail(attachment->link, LINK_GONE, why);
}

void thread_heed_peer(struct thread *thread, unsigned peer, struct wire_in *in)
{
	if (peer == PEER_LAUNCHER)
		heed_launcher(thread, in);
	if (peer == PEER_KEEPER && in->kind == ASK_EPOCH)
		token_cache_forget(thread->worker.tokens);
}

void thread_set_peer(struct thread *thread, unsigned peer, struct channel *channel)
{
	struct worker *worker = &thread->worker;

	switch (peer) {
	case PEER_KEEPER:
		worker->keeper = channel;
		if (channel)
			token_cache_forget(worker->tokens);
		break;
	case PEER_LAUNCHER:
		/* Its servers die with it; their links see their pipes close. */
		processes_clear(worker);
		worker->upstream.launcher = channel;
		break;
	case PEER_EGRESS:
		worker_set_egress(worker, channel);
		break;
	default:
		worker->manager = channel;
	}
}

/* --- sockets --- */

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
					     .share = &worker->crew->clients,
					     .max_connections = worker->limits.connections,
					     .bodies_bytes = LIMIT_BODIES_BYTES,
					     .unsent_bytes = LIMIT_UNSENT_BYTES / worker->crew->n,
					     .on_connection = on_connection,
					     .idle_ms = worker->limits.idle_ms,
					     .head_ms = worker->limits.head_ms };
}

/* Made with the first config, which says whether to speak TLS; what moves here from another thread finds it.
 */
static void make_http(struct worker *worker)
{
	struct http_server_options options = http_options(worker);
	struct err err = ERR_INIT;

	options.allow = S("POST, GET, DELETE");
	options.tls = worker->secure.inwards;
	options.on_head = front_http_on_head;
	worker->http = http_server_new(&worker->loop, &options, front_http_on_request, worker, worker->log,
				       &err);
	check(worker->http != NULL);
}

static void make_metrics(struct worker *worker)
{
	struct http_server_options options = http_options(worker);

	options.share = &worker->crew->metrics;
	options.allow = S("GET");
	options.on_head = front_metrics_on_head;
	worker->metrics_http = http_server_new(&worker->loop, &options, front_metrics_on_request, worker,
					       worker->log, NULL);
}

void thread_take_limits(struct thread *thread)
{
	struct worker *worker = &thread->worker;
	const struct http_server_options options = http_options(worker);

	if (!worker->http)
		make_http(worker);
	http_server_set_limits(worker->http, &options.limits, options.max_connections);
	if (worker->metrics_http)
		http_server_set_limits(worker->metrics_http, &options.limits, options.max_connections);
}

static int listen_at(struct worker *worker, uint64_t kind, int fd, struct err *err)
{
	if (kind == LISTEN_UNIX)
		return front_unix_listen(worker, fd, err);
	if (kind == LISTEN_CLIENTS)
		return http_server_listen(worker->http, fd, err);
	if (!worker->metrics_http)
		make_metrics(worker);
	if (worker->metrics_http)
		return http_server_listen(worker->metrics_http, fd, err);
	(void)close(fd);
	return err_set(err, ERR_NOMEM, "no memory for an HTTP server");
}

static void take_listener(struct thread *thread, struct wire_in *in)
{
	struct worker *worker = &thread->worker;
	uint64_t kind = wire_get_u64(in);
	int fd = wire_get_fd(in);
	struct err err = ERR_INIT;

	if (fd < 0)
		return;
	/* Without a config it is not known whether to speak TLS: nobody is answered in plain by accident. */
	if (!worker->http) {
		(void)close(fd);
		return;
	}
	if (listen_at(worker, kind, fd, &err) < 0)
		log_event(worker->log, LOG_ERROR, "listen.failed", "A listening socket cannot be used.",
			  LFS("why", err.text));
}

/* --- the manager's words --- */

void thread_heed(struct thread *thread, struct wire_in *in)
{
	if (in->kind == WORK_LISTEN)
		take_listener(thread, in);
	else if (in->kind == WORK_STDIO)
		take_host(thread, in);
	else if (in->kind == WORK_STDIO_END)
		end_host(thread, wire_get_u64(in));
	else if (in->kind == WORK_RETIRE)
		worker_retire(&thread->worker, wire_get_u64(in) != 0);
	else if (in->kind == WORK_DRAIN)
		worker_drain(&thread->worker);
}

struct letter {
	struct mail mail;
	struct thread *thread;
	struct wire_in in;
	char bytes[];
};

static void run_letter(struct mail *mail)
{
	struct letter *letter = LIST_ENTRY(mail, struct letter, mail);

	thread_heed(letter->thread, &letter->in);
	wire_in_release(&letter->in);
	free(letter);
}

void thread_send(struct thread *thread, const struct wire_in *in)
{
	struct letter *letter = calloc(1, sizeof(*letter) + in->rest.n);

	/* A thread that misses a word of the manager's is none any more. */
	check(letter != NULL);
	letter->mail.run = run_letter;
	letter->thread = thread;
	letter->in = (struct wire_in){ .kind = in->kind, .rest = span_of(letter->bytes, in->rest.n) };
	memcpy(letter->bytes, in->rest.p, in->rest.n);
	for (size_t i = in->taken; i < in->n_fds; i++) {
		int fd = fcntl(in->fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd >= 0)
			letter->in.fds[letter->in.n_fds++] = fd;
	}
	mailbox_post(&thread->mailbox, &letter->mail);
}

/* --- the thread --- */

int thread_init(struct thread *thread, struct crew *crew, struct log *log, struct err *err)
{
	list_init(&thread->hosts);
	if (worker_init(&thread->worker, log, err) < 0)
		return -1;
	worker_join(&thread->worker, crew);
	thread->worker.upstream.on_not_started = on_not_started;
	thread->worker.upstream.has_secret = redact_has_secret;
	return 0;
}

static void *run(void *argument)
{
	struct thread *thread = argument;

	loop_run(&thread->worker.loop);
	return NULL;
}

int thread_start(struct thread *thread, struct err *err)
{
	if (pthread_create(&thread->id, NULL, run, thread) != 0)
		return err_set(err, ERR_SYSTEM, "cannot start a thread");
	return 0;
}
