/* front_stdio.c - hosts on a pair of pipes: one message a line. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/front_stdio.h"

#include <stdlib.h>
#include <unistd.h>

#include "exchange/host_lines.h"

enum { STDIO_FLUSH_MS = 1000 }; /* for what is left to be taken at the end */

struct stdio_front {
	struct host_lines from;
	struct stream *in, *out;
	void (*on_end)(void *owner, struct stdio_front *front, bool cut);
	void *owner;
};

static void on_gone(struct host_lines *from)
{
	free(LIST_ENTRY(from, struct stdio_front, from));
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

static bool port_is_deaf(const void *carrier)
{
	const struct stdio_front *front = carrier;

	return front->out && stream_is_deaf(front->out);
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
					  .is_deaf = port_is_deaf,
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
		channel_host_end(front->from.host);
}

static void on_drain(void *owner)
{
	struct stdio_front *front = owner;

	channel_host_drained(front->from.host);
}

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

	return channel_host_new(front->from.worker, &host, err);
}

struct stdio_front *stdio_front_new(struct worker *worker, const struct stdio_options *options,
				    struct err *err)
{
	struct stdio_front *front = calloc(1, sizeof(*front));

	if (!front)
		(void)err_set(err, ERR_NOMEM, "no memory for a host's connection");
	if (front) {
		*front = (struct stdio_front){ .on_end = options->on_end, .owner = options->owner };
		host_lines_init(&front->from, worker, on_gone);
		front->from.host = host_of(front, options, err);
	}
	if (!front || !front->from.host) {
		(void)close(options->in);
		(void)close(options->out);
		free(front);
		return NULL;
	}
	front->out = stream_open(&worker->loop, options->out, STREAM_PIPE, &out_events, front, err);
	front->in = stream_open(&worker->loop, options->in, STREAM_PIPE, &host_lines_events, &front->from,
				err);
	if (!front->in || !front->out)
		return stdio_front_free(front);
	return front;
}

struct stdio_front *stdio_front_free(struct stdio_front *front)
{
	if (!front || front->from.stopped)
		return NULL;
	host_lines_stop(&front->from, S("the host closed its input"));
	front->in = stream_close(front->in);
	front->out = stream_close_flushed(front->out, STDIO_FLUSH_MS);
	host_lines_release(&front->from);
	return NULL;
}
