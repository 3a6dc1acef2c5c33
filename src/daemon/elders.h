/* elders.h - the gates before this one that still have hosts or calls. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "audit/ring.h"
#include "daemon/handover.h"
#include "net/channel.h"

/* As many as may live beside the gate: each has processes and a ring of its own. */
enum { ELDERS_MAX = 8 };

struct elders;

struct elder {
	struct elders *all;
	struct channel *channel; /* NULL: it is gone, and its ring is yet to be read */
	pid_t pid;
	uint64_t hosts, since_ms;
	struct ring_fds ring; /* -1: it has not been handed over yet */
	uint64_t number;      /* of the ring, towards the keeper; our own is 0 */
	bool marked;	      /* elders_mark_gone() */
};

struct elders {
	struct elder *at[ELDERS_MAX];
	size_t n;
	uint64_t last_number;
	struct loop *loop;
	void (*on_message)(void *owner, struct elder *elder, struct wire_in *in);
	void (*on_gone)(void *owner, struct elder *elder); /* its channel is closed already */
	void *owner;
};

/* Takes the descriptor over. NULL: there are too many, or no memory; it is closed then. */
struct elder *elders_add(struct elders *elders, int channel, struct err *err);
/* An elder as it was handed over; takes its descriptors. */
struct elder *elders_take(struct elders *elders, const struct handover_elder *handed, struct err *err);
/* Forgets one, and closes what it has. */
void elders_drop(struct elders *elders, struct elder *elder);
/* The rings of those that are gone by now are to be read to their end, */
void elders_mark_gone(struct elders *elders);
/* and have been: only of these is nothing left that could be lost. */
void elders_drop_marked(struct elders *elders);
void elders_release(struct elders *elders);

/* How many live. */
size_t elders_count(const struct elders *elders);
/* Says a word to each that lives. */
void elders_tell(const struct elders *elders, uint32_t word);
struct elder *elders_find(const struct elders *elders, uint64_t number);
/* Adds [{"pid":…,"hosts":…,"since_ms":…},…]. */
void elders_add_json(const struct elders *elders, struct buf *out);
