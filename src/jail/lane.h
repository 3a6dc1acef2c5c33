/* lane.h - one channel of a process without a loop: what cannot go now waits in order. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/list.h"
#include "net/wire.h"

/* More than this waiting, and the other side counts as gone. */
enum { LANE_QUEUE = 4096 };

struct lane {
	int fd; /* owned; -1: closed */
	struct list queue;
	size_t n_queue;
	bool gone; /* the other side is, or does not read */
};

/* Takes `fd` over; -1 makes a lane that is closed. */
void lane_init(struct lane *lane, int fd);
void lane_close(struct lane *lane);

/* Sends or queues. The descriptors beside the message are the lane's from here on. */
void lane_send(struct lane *lane, struct wire_out *out);

/* Goes on sending; call it when the descriptor is writable. */
void lane_flush(struct lane *lane);

/* While something waits, do not read further questions: their answers would wait too. */
static inline bool lane_is_full(const struct lane *lane)
{
	return !list_empty(&lane->queue);
}
