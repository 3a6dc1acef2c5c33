/* stdio.c - a server as a child process, started by the launcher, one message a line. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "jail/launch.h"
#include "net/stream.h"
#include "upstream/intake.h"
#include "upstream/stdio.h"
#include "upstream/words.h"

enum {
	STDIO_GRACE_MS = 2000,		      /* between SIGTERM and SIGKILL */
	STDIO_QUEUE_BYTES = 16 * 1024 * 1024, /* a server that does not read its stdin is dead */
	STDIO_NOTE_BYTES = 512,		      /* of a stderr line, in the log */
	STDIO_WORD_MS = 500,		      /* for the launcher to say how a server ended whose pipes did */
};

struct process {
	struct link *link;
	struct question start;
	uint64_t instance;
	struct stream *in, *out, *notes; /* its stdin, stdout, stderr */
	struct intake intake;
	struct lines note_lines;
	struct log_brake note_brake;
	uint64_t pid;
	size_t unsent;	 /* of what waits for its stdin, as far as it is charged */
	bool held;	 /* it is not read from; said before it ran, perhaps */
	uv_timer_t word; /* its pipes have ended; the launcher's word is waited for */
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void process_free(struct intake *intake)
{
	struct process *process = LIST_ENTRY(intake, struct process, intake);

	process->in = stream_close(process->in);
	process->out = stream_close(process->out);
	process->notes = stream_close(process->notes);
	lines_release(&process->note_lines);
	uv_close((uv_handle_t *)&process->word, on_closed);
}

static void on_out(void *owner, struct span bytes)
{
	struct process *process = owner;

	intake_take(&process->intake, bytes);
}

static void on_no_word(uv_timer_t *timer)
{
	struct process *process = timer->data;

	link_fail(
	    process->link, LINK_GONE,
	    "the server closed its stdin or stdout and runs on: it is no MCP server on stdio, or it failed; what it writes to stderr is in the gate's log");
}

/*
 * A server that exits closes its pipes, and then the launcher says with which code: that is worth a
 * moment, for who reads the error and for the exit code of `kanmon run`.
 */
static void await_word(struct process *process)
{
	if (!uv_is_active((uv_handle_t *)&process->word))
		(void)uv_timer_start(&process->word, on_no_word, STDIO_WORD_MS, 0);
}

static void on_out_end(void *owner, enum stream_end why)
{
	(void)why;
	await_word(owner);
}

static void on_in_end(void *owner, enum stream_end why)
{
	/* A pipe's writing end reports EOF at once where it cannot be read: only a break counts. */
	if (why == STREAM_BROKEN)
		await_word(owner);
}

static void charge_unsent(struct process *process, size_t n)
{
	budget_force(process->link->budget, n);
	budget_give(process->link->budget, process->unsent);
	process->unsent = n;
}

static void on_in_drain(void *owner)
{
	charge_unsent(owner, 0);
}

static void on_in_read(void *owner, struct span bytes)
{
	(void)owner;
	(void)bytes;
}

static void on_notes(void *owner, struct span bytes)
{
	struct process *process = owner;
	const struct upstream *upstream = process->link->upstream;
	struct span line;
	enum lines_step step;
	uint32_t missed;

	while ((step = lines_next(&process->note_lines, &bytes, &line)) != LINES_MORE) {
		if (step != LINES_LINE ||
		    !log_brake_pass(&process->note_brake, loop_now(upstream->loop), 20, &missed))
			continue;
		log_event(upstream->log, LOG_INFO, "upstream.stderr", "A server wrote to its standard error.",
			  LF("server", server_shown(process->link->server)),
			  LF("line", span_first(words_shown(upstream, line), STDIO_NOTE_BYTES)),
			  LFN("more", missed));
	}
}

static void on_notes_end(void *owner, enum stream_end why)
{
	struct process *process = owner;

	(void)why;
	process->notes = stream_close(process->notes);
}

static const struct stream_events in_events = { .on_read = on_in_read,
						.on_end = on_in_end,
						.on_drain = on_in_drain };
static const struct stream_events out_events = { .on_read = on_out, .on_end = on_out_end };
static const struct stream_events note_events = { .on_read = on_notes, .on_end = on_notes_end };

static bool open_pipes(struct process *process, struct wire_in *in)
{
	struct loop *loop = process->link->upstream->loop;
	int fds[3];

	process->pid = wire_get_u64(in);
	for (size_t i = 0; i < 3; i++)
		fds[i] = wire_get_fd(in);
	if (!wire_in_done(in)) {
		for (size_t i = 0; i < 3; i++)
			closep(&fds[i]);
		return false;
	}
	process->in = stream_open(loop, fds[0], STREAM_PIPE, &in_events, process, NULL);
	process->out = stream_open(loop, fds[1], STREAM_PIPE, &out_events, process, NULL);
	process->notes = stream_open(loop, fds[2], STREAM_PIPE, &note_events, process, NULL);
	if (process->out && process->held)
		stream_pause(process->out);
	return process->in && process->out && process->notes;
}

static void on_started(struct question *question, struct wire_in *in)
{
	struct process *process = LIST_ENTRY(question, struct process, start);
	struct link *link = process->link;
	char why[sizeof(link->why)];

	if (!in) {
		link_fail(link, LINK_START,
			  "the gate's launcher ended while it started the server; try again in a moment");
		return;
	}
	if (in->kind == LAUNCH_STARTED && open_pipes(process, in)) {
		log_event(link->upstream->log, LOG_INFO, "upstream.started", "A server was started.",
			  LF("server", server_shown(link->server)), LF("as", link->server->name),
			  LFN("pid", process->pid));
		link_up(link);
		return;
	}
	if (in->kind == LAUNCH_FAILED) {
		uint64_t sys = wire_get_u64(in);

		if (link->upstream->on_not_started)
			link->upstream->on_not_started(link->upstream, link->server, sys);
		if (span_to_cstr(span_first(wire_get_span(in), sizeof(why) - 1), why, sizeof(why))) {
			link_fail(link, LINK_START, why);
			return;
		}
	}
	link_fail(link, LINK_START, "the gate's launcher gave no usable answer; see the gate's log");
}

static bool stdio_open(struct link *link, struct err *err)
{
	struct process *process = calloc(1, sizeof(*process));
	struct wire_out out = { 0 };

	if (!process) {
		(void)err_set(err, ERR_NOMEM, "the gate has no memory for a process; try again later");
		return false;
	}
	process->link = link;
	check(uv_timer_init(&link->upstream->loop->uv, &process->word) == 0);
	process->word.data = process;
	process->intake = INTAKE_INIT(link);
	process->note_lines = LINES_INIT((size_t)16384);
	link->upstream->next_instance += 1 + link->upstream->instance_gap;
	process->instance = link->upstream->next_instance;
	process->start.on_answer = on_started;
	link->state = process;
	if (!link->upstream->launcher) {
		(void)err_set(err, ERR_CLOSED,
			      "the gate's launcher is being restarted; try again in a moment");
		return false;
	}
	wire_begin(&out, LAUNCH_START, 0);
	wire_put_span(&out, link->server->name);
	wire_put_u64(&out, process->instance);
	channel_ask(link->upstream->launcher, &out, &process->start);
	wire_out_release(&out);
	return true;
}

static void stdio_send(struct link *link, struct call *call, struct span message,
		       const struct send_facts *facts)
{
	struct process *process = link->state;
	struct span parts[2] = { message, S("\n") };

	(void)facts;
	if (!process->in)
		return;
	/* One message more than that always has room, however long. */
	if (stream_queued(process->in) > STDIO_QUEUE_BYTES) {
		/* Where several use it, the house says when it is given up; what is no call may be lost. */
		if (call || !server_is_shared(link->server))
			link_fail(link, LINK_SILENT,
				  "the server hangs: it no longer reads its stdin, and 16 MiB wait for it");
		return;
	}
	stream_write(process->in, parts, 2);
	charge_unsent(process, stream_queued(process->in));
}

static void stdio_drop(struct link *link, struct call *call)
{
	(void)link;
	(void)call;
}

/* Where one client has the whole process (legacy), its slowness may stop the server's output. */
static void stdio_pause(struct link *link, struct call *call, bool paused)
{
	struct process *process = link->state;

	(void)call;
	if (!process->out || link->era != ERA_LEGACY || server_is_shared(link->server))
		return;
	if (paused)
		stream_pause(process->out);
	else
		stream_resume(process->out);
}

static void stdio_close(struct link *link)
{
	struct process *process = link->state;
	struct wire_out out = { 0 };

	if (!process)
		return;
	question_cancel(&process->start);
	charge_unsent(process, 0);
	process->in = stream_close_flushed(process->in, 500);
	if (link->upstream->launcher) {
		wire_begin(&out, LAUNCH_STOP, 0);
		wire_put_u64(&out, process->instance);
		wire_put_u64(&out, STDIO_GRACE_MS);
		channel_send(link->upstream->launcher, &out);
		wire_out_release(&out);
	}
	link->state = NULL;
	intake_close(&process->intake, process_free);
}

const struct transport transport_stdio = {
	.open = stdio_open,
	.send = stdio_send,
	.drop = stdio_drop,
	.pause = stdio_pause,
	.close = stdio_close,
};

bool stdio_owns(const struct link *link, uint64_t instance)
{
	const struct process *process = link->state;

	return link->transport == &transport_stdio && process && process->instance == instance;
}

size_t stdio_queued(const struct link *link)
{
	const struct process *process = link->state;

	return process && process->in ? stream_queued(process->in) : 0;
}

void stdio_hold(const struct link *link, bool held)
{
	struct process *process = link->state;

	if (!process)
		return;
	process->held = held;
	if (!process->out)
		return;
	if (held)
		stream_pause(process->out);
	else
		stream_resume(process->out);
}
