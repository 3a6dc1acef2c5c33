/* channel_parts.h - a host on one channel, as channel_host.c, channel_take.c and host_batch.c share it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"
#include "exchange/host_queue.h"

enum { HOST_ERROR_BYTES = 16384 };

struct channel_host {
	struct list node; /* of worker->channel_hosts */
	struct worker *worker;
	struct channel_options options;
	char view[64];
	struct principal *principal;
	struct client *client; /* NULL until the first message that is no probe */
	struct outlet outlet;
	struct sink sink;
	struct host_queue queue;
	struct later ending, looking;
	uint64_t begun_ms;
	bool leaving; /* its input has ended: what is under way is still answered */
	bool cut;     /* it takes nothing */
	struct log_brake brake;
	bool taking, freed, ended;
};

/* A message of its own, whether or not there is room. */
void channel_host_write(struct channel_host *host, struct span message);
/* What comes unasked, or before the answer. False: it was dropped. */
bool channel_host_offer(struct channel_host *host, struct span message);
/* Adds what stands in place of an answer for which there is no room. */
void channel_host_no_room(struct buf *out, const struct exchange *x);
/* Answers with an error; `id` empty: null. */
void channel_host_refuse(struct channel_host *host, struct span id, int code, const char *kanmon,
			 struct span text);
/* A call has ended. */
void channel_host_answered(struct channel_host *host);
/* Takes a message; the host stays in memory meanwhile. */
void channel_host_read(struct channel_host *host, struct span text);
/* Takes a text that is an array of `n` messages; the worker has read it. */
void channel_host_batch(struct channel_host *host, struct span text, size_t n);
