/* host_queue.h - what waits for a host on one channel, and whether the host takes it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/account.h"
#include "exchange/channel_host.h"

enum {
	HOST_PAUSE_BYTES = 1024 * 1024,	      /* that wait: what feeds the host waits, too */
	HOST_FULL_BYTES = 16 * 1024 * 1024,   /* and what the host says is no longer read */
	HOST_QUEUE_BYTES = 128 * 1024 * 1024, /* the most that waits, errors aside */
};

/* Zero is legal: there is no host. */
struct host_queue {
	const struct channel_port *port; /* NULL: the host is gone */
	void *carrier;
	struct account *account; /* whose budget it is charged to; referenced by the owner */
	size_t gathered;	 /* bytes of answers to batches that are not whole yet */
	size_t charged;		 /* of these and of what the carrier holds */
	uint64_t written;	 /* bytes in all */
	uint64_t taken;		 /* of them, when it was last looked at */
	uint64_t taken_ms;	 /* when the host last took some, or had nothing to take */
};

/* Bytes the host has yet to take. */
size_t host_queue_waiting(const struct host_queue *queue);

/*
 * Is there room for a message of `n` bytes? One more than what is no burden always has some, however
 * long; beyond that the queue has a ceiling, and its account a budget.
 */
bool host_queue_has_room(struct host_queue *queue, size_t n);

/* Writes a message, whether or not there is room. */
void host_queue_write(struct host_queue *queue, struct span message);

/* Charges what there is now; to be called when `gathered` has changed, or some was taken. */
void host_queue_count(struct host_queue *queue);

/*
 * Looks again: has the host taken nothing of what waits for longer than `patience_ms`? Who takes a little
 * at a time may have all of it.
 */
bool host_queue_is_stuck(struct host_queue *queue, uint64_t now_ms, uint64_t patience_ms);
