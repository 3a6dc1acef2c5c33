/* crew.h - the threads of the worker: who has whose calls, and what all count together. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "base/buf.h"
#include "http/server.h"

struct worker;

enum { CREW_MAX = 64 };

/*
 * Each thread has a struct worker and a loop of its own, and all that a principal holds (sessions, calls,
 * limits, links to servers) is one thread's: crew_home(). They share what stands here, and the ring. The
 * first member speaks with the manager and the other processes; nothing of a member is touched by another but
 * while it is held. Of one member there is nobody to share with, and nothing here costs more than a count.
 */
struct crew {
	size_t n;
	struct worker *members[CREW_MAX];	       /* each with a mailbox, where there is more than one */
	_Atomic size_t n_clients, n_calls, n_channels; /* as the workers' own counts */
	_Atomic size_t n_retired;		       /* worker_retire() */
	_Atomic uint64_t noted;		    /* the config, by its number, that is on record whole */
	struct budget held;		    /* what waits in memory for somebody */
	struct http_share clients, metrics; /* connections and bodies */
	pthread_mutex_t ring_lock;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	uint64_t holds; /* how often they were held */
	size_t n_waiting;
	bool holding;
};

/* Of one worker; for worker_join(), which adds the others. */
void crew_init(struct crew *crew, struct worker *first);

/* Whose a principal's calls are. */
struct worker *crew_home(struct worker *worker, struct span principal_id);

/* Each struct worker of a crew. */
#define CREW_EACH(crew, member)                                                                              \
	for (struct worker *const *at_ = (crew)->members, *member = *at_;                                    \
	     at_ < (crew)->members + (crew)->n && (member = *at_, true); at_++)

/*
 * On the first member's thread: the others stop where they are, between two things they do, until
 * crew_release(). Meanwhile everything of theirs may be read, and their functions called in their place. For
 * what is rare: a config, a look at the state.
 */
void crew_hold(struct crew *crew);
void crew_release(struct crew *crew);
