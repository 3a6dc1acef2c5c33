/* egress.c - the process that reaches out, on the worker's word, to what the manager named. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/egress.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "egress/dialing.h"
#include "net/channel.h"

/* What hangs in a look-up when the end has come is waited for this long. */
#define END_MS 1000
#define COMPLAINTS_PER_S 5U

struct named_target {
	char name[EGRESS_MAX_NAME];
	size_t n_name;
	struct target target;
};

struct egress {
	struct loop loop;
	struct egress_options options;
	struct log_brake brake;
	struct channel *manager, *worker;
	uint64_t worker_number; /* grows with each worker */
	struct map targets;
	struct list dials;
	size_t n_dials;
	uv_timer_t end_timer;
	bool ending;
};

struct dial {
	struct list node;
	struct egress *egress;
	struct dialing *dialing;
	uint64_t worker;
	uint32_t question;
	char name[EGRESS_MAX_NAME];
	size_t n_name;
};

static void complain(struct egress *egress, const char *text, const struct dial *dial, const char *why)
{
	uint32_t dropped;

	if (!log_brake_pass(&egress->brake, clock_mono_ms(), COMPLAINTS_PER_S, &dropped))
		return;
	log_event(egress->options.log, LOG_WARN, "egress.refused", text,
		  LF("target", dial ? span_of(dial->name, dial->n_name) : S("")), LFS("why", why),
		  LFN("dropped", dropped));
}

static void answer_failed(struct channel *channel, uint32_t question, enum dial_failure failure,
			  const char *why)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };

	wire_begin(&out, DIAL_FAILED, question);
	wire_put_u64(&out, (uint64_t)failure);
	wire_put_span(&out, span_str(why));
	channel_send(channel, &out);
}

static void answer_done(struct channel *channel, uint32_t question, int fd)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };

	wire_begin(&out, DIAL_DONE, question);
	wire_put_u64(&out, 0);
	wire_put_fd(&out, fd);
	channel_send(channel, &out);
}

/* The worker that asked may be gone, and another there. */
static void on_end(void *owner, int fd, enum dial_failure failure, const char *why)
{
	CLEANUP(closep) int socket = fd;
	struct dial *dial = owner;
	struct egress *egress = dial->egress;

	if (socket < 0)
		complain(egress, "A connection was not made.", dial, why);
	if (!egress->worker || dial->worker != egress->worker_number)
		return;
	if (socket >= 0)
		answer_done(egress->worker, dial->question, socket);
	else
		answer_failed(egress->worker, dial->question, failure, why);
}

static void on_free(void *owner)
{
	struct dial *dial = owner;
	struct egress *egress = dial->egress;

	list_remove(&dial->node);
	free(dial);
	egress->n_dials--;
	if (egress->ending && egress->n_dials == 0)
		loop_stop(&egress->loop);
}

static bool begin_dial(struct egress *egress, const struct named_target *named, uint32_t question)
{
	struct dial *dial = calloc(1, sizeof(*dial));
	struct dialing_options options = { .loop = &egress->loop,
					   .target = &named->target,
					   .resolve = egress->options.resolve,
					   .resolve_owner = egress->options.resolve_owner,
					   .timeout_ms = egress->options.timeout_ms,
					   .owner = dial,
					   .on_end = on_end,
					   .on_free = on_free };

	if (!dial)
		return false;
	dial->egress = egress;
	dial->worker = egress->worker_number;
	dial->question = question;
	memcpy(dial->name, named->name, named->n_name);
	dial->n_name = named->n_name;
	dial->dialing = dialing_start(&options);
	if (!dial->dialing) {
		free(dial);
		return false;
	}
	list_add(&egress->dials, &dial->node);
	egress->n_dials++;
	return true;
}

static void on_connect(struct egress *egress, struct wire_in *in)
{
	struct span name = wire_get_span(in);
	bool whole = wire_in_done(in);
	const struct named_target *named = whole ? map_get(&egress->targets, name) : NULL;

	if (!named) {
		complain(egress, "The worker asked for what the config does not name.", NULL, "");
		answer_failed(egress->worker, in->id, DIAL_UNKNOWN_TARGET,
			      whole ? "the configuration names no such target" : "the request is malformed");
		return;
	}
	if (egress->n_dials >= EGRESS_MAX_UNDER_WAY || !begin_dial(egress, named, in->id))
		answer_failed(egress->worker, in->id, DIAL_BUSY, "too many connections are being made");
}

static void on_cancel(struct egress *egress, uint32_t question)
{
	LIST_EACH(&egress->dials, node) {
		struct dial *dial = LIST_ENTRY(node, struct dial, node);

		if (dial->question == question && dial->worker == egress->worker_number)
			dialing_cancel(dial->dialing);
	}
}

static void cancel_all(struct egress *egress)
{
	LIST_EACH(&egress->dials, node)
		dialing_cancel(LIST_ENTRY(node, struct dial, node)->dialing);
}

static void on_worker_message(void *owner, struct wire_in *in)
{
	struct egress *egress = owner;

	if (in->kind == DIAL_CONNECT)
		on_connect(egress, in);
	else if (in->kind == DIAL_CANCEL)
		on_cancel(egress, in->id);
	else
		complain(egress, "The worker sent what is not its to send.", NULL, "");
}

static void drop_worker(struct egress *egress)
{
	egress->worker = channel_close(egress->worker);
	egress->worker_number++;
	cancel_all(egress);
}

static void on_worker_gone(void *owner)
{
	drop_worker(owner);
}

static int read_path(struct span path, uint64_t port, struct target *out, struct err *err)
{
	if (port != 0 || !span_starts(path, S("/")) || !span_to_cstr(path, out->path, sizeof(out->path)))
		return err_set(err, ERR_CONFIG,
			       "the path of a unix socket is absolute, and has at most %zu bytes",
			       sizeof(out->path) - 1);
	return 0;
}

static int read_target(struct wire_in *in, struct named_target *out, struct err *err)
{
	struct span name = wire_get_span(in);
	struct span host = wire_get_span(in);
	uint64_t port = wire_get_u64(in);
	uint64_t flags = wire_get_u64(in);

	if (!wire_in_done(in))
		return err_set(err, ERR_FORMAT, "the definition is malformed");
	if (name.n == 0 || name.n > EGRESS_MAX_NAME)
		return err_set(err, ERR_LIMIT, "a target's name has 1 to %d bytes", EGRESS_MAX_NAME);
	memcpy(out->name, name.p, name.n);
	out->n_name = name.n;
	if (flags == DIAL_UNIX)
		return read_path(host, port, &out->target, err);
	if (port == 0 || port > UINT16_MAX)
		return err_set(err, ERR_CONFIG, "a port is a number from 1 to 65535");
	if (flags & ~(uint64_t)DIAL_ALLOW_PRIVATE)
		return err_set(err, ERR_FORMAT, "the definition has unknown flags");
	if (host_parse(host, &out->target.host, err) < 0)
		return err_wrap(err, "host '%.*s'", SPAN_ARG(span_first(host, HOST_MAX_CHARS)));
	out->target.port = (uint16_t)port;
	out->target.allow_private = flags & DIAL_ALLOW_PRIVATE;
	return 0;
}

static int define(struct egress *egress, struct wire_in *in, struct err *err)
{
	CLEANUP(freep) struct named_target *named = calloc(1, sizeof(*named));
	struct span key;

	if (!named)
		return err_set(err, ERR_NOMEM, "no memory for a target");
	if (read_target(in, named, err) < 0)
		return -1;
	key = span_of(named->name, named->n_name);
	free(map_remove(&egress->targets, key));
	if (egress->targets.n >= EGRESS_MAX_TARGETS)
		return err_set(err, ERR_LIMIT, "more than %d targets", EGRESS_MAX_TARGETS);
	if (!map_put(&egress->targets, key, named))
		return err_set(err, ERR_NOMEM, "no memory for a target");
	(void)TAKE(named);
	return 0;
}

static void on_define(struct egress *egress, struct wire_in *in)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	struct err err = ERR_INIT;
	int defined = define(egress, in, &err);

	if (defined < 0)
		log_event(egress->options.log, LOG_ERROR, "egress.definition", "A target cannot be defined.",
			  LFS("why", err.text));
	if (in->id == 0)
		return;
	if (defined < 0) {
		answer_failed(egress->manager, in->id, DIAL_BAD_TARGET, err.text);
		return;
	}
	wire_begin(&out, DIAL_DEFINED, in->id);
	channel_send(egress->manager, &out);
}

static const struct channel_events worker_events = { .on_message = on_worker_message,
						     .on_gone = on_worker_gone };

static void on_new_worker(struct egress *egress, struct wire_in *in)
{
	struct err err = ERR_INIT;
	int fd = wire_get_fd(in);

	if (fd < 0)
		return;
	drop_worker(egress);
	egress->worker = channel_open(&egress->loop, fd, &worker_events, egress, &err);
	if (!egress->worker)
		log_event(egress->options.log, LOG_ERROR, "egress.worker", "A worker cannot be attached.",
			  LFS("why", err.text));
}

static void on_manager_message(void *owner, struct wire_in *in)
{
	struct egress *egress = owner;

	switch (in->kind) {
	case DIAL_DEFINE:
		on_define(egress, in);
		break;
	case DIAL_FORGET:
		free(map_remove(&egress->targets, wire_get_span(in)));
		break;
	case DIAL_WORKER:
		on_new_worker(egress, in);
		break;
	default:
		complain(egress, "The manager sent an unknown message.", NULL, "");
	}
}

static void on_late(uv_timer_t *timer)
{
	(void)timer;
	_exit(0);
}

static void on_manager_gone(void *owner)
{
	struct egress *egress = owner;

	egress->ending = true;
	egress->manager = channel_close(egress->manager);
	drop_worker(egress);
	if (egress->n_dials == 0)
		loop_stop(&egress->loop);
	else
		(void)uv_timer_start(&egress->end_timer, on_late, END_MS, 0);
}

static const struct channel_events manager_events = { .on_message = on_manager_message,
						      .on_gone = on_manager_gone };

static int open_channels(struct egress *egress, int manager_fd, int worker_fd, struct err *err)
{
	egress->manager = channel_open(&egress->loop, manager_fd, &manager_events, egress, err);
	if (worker_fd >= 0)
		egress->worker = channel_open(&egress->loop, worker_fd, &worker_events, egress, err);
	return egress->manager && (worker_fd < 0 || egress->worker) ? 0 : -1;
}

static void release(struct egress *egress)
{
	struct named_target *named;

	egress->manager = channel_close(egress->manager);
	egress->worker = channel_close(egress->worker);
	for (size_t at = 0; (named = map_next(&egress->targets, &at)) != NULL;) {
		(void)map_remove(&egress->targets, span_of(named->name, named->n_name));
		free(named);
	}
	map_release(&egress->targets);
	uv_close((uv_handle_t *)&egress->end_timer, NULL);
	loop_release(&egress->loop);
}

int egress_main(int manager_fd, int worker_fd, const struct egress_options *options, struct err *err)
{
	CLEANUP(freep) struct egress *egress = calloc(1, sizeof(*egress));
	int opened;

	if (!egress)
		return err_set(err, ERR_NOMEM, "no memory for the egress process");
	egress->options = *options;
	if (!egress->options.resolve)
		egress->options.resolve = resolve_system;
	if (egress->options.timeout_ms == 0)
		egress->options.timeout_ms = EGRESS_TIMEOUT_MS;
	list_init(&egress->dials);
	if (loop_init(&egress->loop, err) < 0)
		return -1;
	(void)uv_timer_init(&egress->loop.uv, &egress->end_timer);
	opened = open_channels(egress, manager_fd, worker_fd, err);
	if (opened == 0)
		loop_run(&egress->loop);
	release(egress);
	return opened;
}
