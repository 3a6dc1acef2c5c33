/* thread.h - one thread of the worker: its part of the traffic, and the hosts on stdio that are its own. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "daemon/work.h"
#include "exchange/worker.h"
#include "net/mailbox.h"

/* The channels of the first thread that all threads use: those of work_peer, and the manager's. */
enum { THREAD_PEERS = PEER_EGRESS + 2, PEER_MANAGER = PEER_EGRESS + 1 };

struct thread {
	struct worker worker;
	struct mailbox mailbox; /* where there is more than one thread */
	struct list hosts;
	pthread_t id; /* not the first's: that is the process's own */
};

/* As the next of the crew, which is empty at first; before any of them runs. */
int thread_init(struct thread *thread, struct crew *crew, struct log *log, struct err *err) MUST_CHECK;

/* Starts the loop of one that is not the first. */
int thread_start(struct thread *thread, struct err *err) MUST_CHECK;

/* The thread's worker has another channel to a peer, or none (NULL). Whoever had the old one closes it. */
void thread_set_peer(struct thread *thread, unsigned peer, struct channel *channel);
/* A peer's unasked word. */
void thread_heed_peer(struct thread *thread, unsigned peer, struct wire_in *in);

/*
 * The manager's word to this thread: WORK_LISTEN, WORK_STDIO, WORK_STDIO_END or WORK_DRAIN; `in` stays the
 * caller's to release. On the thread.
 */
void thread_heed(struct thread *thread, struct wire_in *in);
/* The same from the first thread to another: a copy, with the descriptors' duplicates. */
void thread_send(struct thread *thread, const struct wire_in *in);

/* While the thread is held, or on it: limits of the config in force reach what listens. */
void thread_take_limits(struct thread *thread);

/* Of a WORK_STDIO that could not be served. */
void thread_tell_host_ended(struct thread *thread, uint64_t number, bool failed);
