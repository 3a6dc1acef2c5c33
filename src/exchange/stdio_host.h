/* stdio_host.h - a host on a pair of pipes, as front_stdio.c and stdio_batch.c share it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"
#include "exchange/front_stdio.h"
#include "exchange/stdio_queue.h"
#include "upstream/lines.h"

enum { STDIO_ERROR_BYTES = 16384 };

struct stdio_front {
	struct list node; /* of worker->stdio_fronts */
	struct worker *worker;
	struct stdio_options options;
	struct principal *principal;
	struct client *client; /* NULL until the first message that is no probe */
	struct outlet outlet;
	struct sink sink;
	struct stream *in;
	struct stdio_queue queue;
	struct lines lines;
	struct later ending, looking;
	bool leaving; /* its input has ended: what is under way is still answered */
	bool cut;     /* it takes nothing */
	struct log_brake brake;
	bool reading, freed, ended;
};

/* A line of its own, whether or not there is room. */
void stdio_host_write(struct stdio_front *front, struct span message);
/* What comes unasked, or before the answer. False: it was dropped. */
bool stdio_host_offer(struct stdio_front *front, struct span message);
/* Adds what stands in place of an answer for which there is no room. */
void stdio_host_no_room(struct buf *out, const struct exchange *x);
/* Answers with an error; `id` empty: null. */
void stdio_host_refuse(struct stdio_front *front, struct span id, int code, const char *kanmon,
		       struct span text);
/* A call has ended. */
void stdio_host_answered(struct stdio_front *front);
/* Takes a line that is an array of `n` messages; the worker has read it. */
void stdio_host_batch(struct stdio_front *front, struct span line, size_t n);
