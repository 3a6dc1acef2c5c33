/* loop.h - one event loop and what everything on it shares. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <uv.h>

#include "base/err.h"
#include "base/list.h"
#include "base/span.h"

/*
 * One read takes at most this much; the buffer is shared by everything on the loop. A loop that was asked for
 * nothing for so long gives memory that is free back to the system.
 */
enum { LOOP_CHUNK_BYTES = 64 * 1024, LOOP_REST_MS = 2000 };

/*
 * A call to make in the next turn of the loop, so that nobody is called back from inside a call
 * of his own. Embedded in its owner; zero is legal and means "not waiting".
 */
struct later {
	struct list node;
	void (*run)(struct later *later);
};

struct mailbox;

struct loop {
	uv_loop_t uv;
	uv_idle_t idle; /* active while something waits in `pending` */
	struct list pending;
	struct list last; /* what waits for the end of this turn */
	size_t n_held;	  /* streams of which something waits for it */
	size_t n_written; /* writes in this turn */
	bool crowded;	  /* the turn before had more than one */
	uv_prepare_t prepare;
	uv_check_t check;
	uv_timer_t rest;	/* active from the first turn after a rest until the next one */
	uint64_t rest_ms;	/* LOOP_REST_MS */
	size_t n_turns, waited; /* all turns; those that had been when `rest` began to wait */
	size_t n_rests;
	char *chunk;		 /* LOOP_CHUNK_BYTES; valid only inside a read callback */
	struct mailbox *mailbox; /* for other threads; NULL: none asks anything of it */
};

int loop_init(struct loop *loop, struct err *err) MUST_CHECK;
/* Everything on it must be closed before. */
void loop_release(struct loop *loop);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Asks for one call of later->run in the next turn; asking twice is asking once. */
void loop_later(struct loop *loop, struct later *later);
/*
 * Asks for one call of later->run at the end of this turn: when everything that was ready has been looked
 * at, before the loop waits again. Asking twice is asking once; a `later` waits in one place only.
 */
void loop_at_end(struct loop *loop, struct later *later);
/* Makes the calls that wait for the end of this turn now. */
void loop_end_now(struct loop *loop);
/* Takes either request back; harmless where there is none. */
void loop_later_cancel(struct later *later);

/* Milliseconds, monotonic, as of this turn of the loop. */
static inline uint64_t loop_now(const struct loop *loop)
{
	return uv_now(&loop->uv);
}
