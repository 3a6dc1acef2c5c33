/* host_lines.h - what a host says on a stream of bytes, one message a line, given to its channel_host. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/channel_host.h"
#include "net/stream.h"
#include "upstream/lines.h"

/* Embedded in a front. */
struct host_lines {
	struct worker *worker;
	struct channel_host *host; /* who is given them; NULL: stopped */
	struct lines lines;
	bool reading, stopped;
	void (*on_gone)(struct host_lines *from);
};

/* Zeroed before. `on_gone` frees the front, the last thing that happens: see host_lines_release(). */
void host_lines_init(struct host_lines *from, struct worker *worker,
		     void (*on_gone)(struct host_lines *from));

/* For the stream that they come on; its owner is the struct host_lines. */
extern const struct stream_events host_lines_events;

/* Ends the host: it is given nothing more. */
void host_lines_stop(struct host_lines *from, struct span reason);

/* After that: on_gone() is called, now, or where this is inside of a line's reading, at the end of it. */
void host_lines_release(struct host_lines *from);
