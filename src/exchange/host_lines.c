/* host_lines.c - a host's messages, divided by newlines. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/host_lines.h"

void host_lines_init(struct host_lines *from, struct worker *worker, void (*on_gone)(struct host_lines *from))
{
	from->worker = worker;
	from->lines = LINES_INIT(worker->limits.body_bytes);
	from->on_gone = on_gone;
}

static void destroy(struct host_lines *from)
{
	lines_release(&from->lines);
	from->on_gone(from);
}

/* What it is given may end the host, and the front with it. */
static void take(struct host_lines *from, struct span bytes)
{
	enum lines_step step;
	struct span line;

	from->reading = true;
	lines_set_ceiling(&from->lines, from->worker->limits.body_bytes);
	while (!from->stopped && (step = lines_next(&from->lines, &bytes, &line)) != LINES_MORE) {
		if (step == LINES_TOO_LONG)
			channel_host_take_too_long(from->host);
		else
			channel_host_take(from->host, line);
	}
	from->reading = false;
}

static void on_read(void *owner, struct span bytes)
{
	struct host_lines *from = owner;

	take(from, bytes);
	if (from->stopped)
		destroy(from);
}

static void on_end(void *owner, enum stream_end why)
{
	struct host_lines *from = owner;

	if (why != STREAM_EOF) {
		channel_host_end(from->host);
		return;
	}
	/* The last line may lack its end. */
	take(from, S("\n"));
	if (from->stopped)
		destroy(from);
	else
		channel_host_leave(from->host);
}

static void on_drain(void *owner)
{
	struct host_lines *from = owner;

	channel_host_drained(from->host);
}

const struct stream_events host_lines_events = { .on_read = on_read, .on_end = on_end, .on_drain = on_drain };

void host_lines_stop(struct host_lines *from, struct span reason)
{
	from->stopped = true;
	from->host = channel_host_free(from->host, reason);
}

void host_lines_release(struct host_lines *from)
{
	if (!from->reading)
		destroy(from);
}
