/* front_stdio.c - hosts on a pair of pipes: one message a line. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/front_stdio.h"

#include <stdlib.h>
#include <unistd.h>

#include "exchange/channel_host.h"
#include "net/stream.h"
#include "upstream/lines.h"

enum { STDIO_FLUSH_MS = 1000 }; /* for what is left to be taken at the end */

struct stdio_front {
	struct worker *worker;
	struct channel_host *host;
	struct stream *in, *out;
	struct lines lines;
	void (*on_end)(void *owner, struct stdio_front *front, bool cut);
	void *owner;
	bool reading, freed;
};

static void front_destroy(struct stdio_front *front)
{
	lines_release(&front->lines);
	free(front);
}

/* --- towards the host --- */

static void port_write(void *carrier, struct span message)
{
	struct stdio_front *front = carrier;

	if (front->out)
		stream_write(front->out, (struct span[]){ message, S("\n") }, 2);
}

static size_t port_waiting(const void *carrier)
{
	const struct stdio_front *front = carrier;

	return front->out ? stream_queued(front->out) : 0;
}

static void port_listen(void *carrier, bool on)
{
	struct stdio_front *front = carrier;

	if (front->in && on)
		stream_resume(front->in);
	else if (front->in)
		stream_pause(front->in);
}

static const struct channel_port port = { .transport = SPAN("stdio"),
					  .full = "stdio.full",
					  .slow = "stdio.slow",
					  .write = port_write,
					  .waiting = port_waiting,
					  .listen = port_listen };

static void on_host_end(void *carrier, bool cut)
{
	struct stdio_front *front = carrier;

	front->on_end(front->owner, front, cut);
}

static void on_out_read(void *owner, struct span bytes)
{
	(void)owner;
	(void)bytes;
}

static void on_out_end(void *owner, enum stream_end why)
{
	struct stdio_front *front = owner;

	if (why == STREAM_BROKEN)
		channel_host_end(front->host);
}

static void on_drain(void *owner)
{
	struct stdio_front *front = owner;

	channel_host_drained(front->host);
}

/* --- from the host --- */

static void take(struct stdio_front *front, struct span bytes)
{
	enum lines_step step;
	struct span line;

	front->reading = true;
	lines_set_ceiling(&front->lines, front->worker->limits.body_bytes);
	while (!front->freed && (step = lines_next(&front->lines, &bytes, &line)) != LINES_MORE) {
		if (step == LINES_TOO_LONG)
			channel_host_take_too_long(front->host);
		else
			channel_host_take(front->host, line);
	}
	front->reading = false;
}

static void on_in(void *owner, struct span bytes)
{
	struct stdio_front *front = owner;

	take(front, bytes);
	if (front->freed)
		front_destroy(front);
}

static void on_in_end(void *owner, enum stream_end why)
{
	struct stdio_front *front = owner;

	if (why != STREAM_EOF) {
		channel_host_end(front->host);
		return;
	}
	/* The last line may lack its end. */
	take(front, S("\n"));
	if (front->freed)
		front_destroy(front);
	else
		channel_host_leave(front->host);
}

static const struct stream_events in_events = { .on_read = on_in, .on_end = on_in_end };
static const struct stream_events out_events = { .on_read = on_out_read,
						 .on_end = on_out_end,
						 .on_drain = on_drain };

static struct channel_host *host_of(struct stdio_front *front, const struct stdio_options *options,
				    struct err *err)
{
	const struct channel_options host = { .principal = options->principal,
					      .only = options->only,
					      .port = &port,
					      .carrier = front,
					      .on_end = on_host_end };

	return channel_host_new(front->worker, &host, err);
}

struct stdio_front *stdio_front_new(struct worker *worker, const struct stdio_options *options,
				    struct err *err)
{
	struct stdio_front *front = calloc(1, sizeof(*front));

	if (!front)
		(void)err_set(err, ERR_NOMEM, "no memory for a host's connection");
	if (front)
		*front = (struct stdio_front){ .worker = worker,
					       .lines = LINES_INIT(worker->limits.body_bytes),
					       .on_end = options->on_end,
					       .owner = options->owner };
	if (front)
		front->host = host_of(front, options, err);
	if (!front || !front->host) {
		(void)close(options->in);
		(void)close(options->out);
		free(front);
		return NULL;
	}
	front->out = stream_open(&worker->loop, options->out, STREAM_PIPE, &out_events, front, err);
	front->in = stream_open(&worker->loop, options->in, STREAM_PIPE, &in_events, front, err);
	if (!front->in || !front->out)
		return stdio_front_free(front);
	return front;
}

struct stdio_front *stdio_front_free(struct stdio_front *front)
{
	if (!front || front->freed)
		return NULL;
	front->freed = true;
	front->host = channel_host_free(front->host, S("the host closed its input"));
	front->in = stream_close(front->in);
	front->out = stream_close_flushed(front->out, STDIO_FLUSH_MS);
	if (!front->reading)
		front_destroy(front);
	return NULL;
}
