/* mailbox.h - what other threads ask of a loop: messages, run on it one after another. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "net/loop.h"

/*
 * One message. Embedded in what it is about, which goes over to the loop that runs it: who posted it does not
 * touch it any more.
 */
struct mail {
	struct mail *next;
	void (*run)(struct mail *mail); /* on the mailbox's loop */
};

/*
 * One for a loop. How much may wait in it is for those to bound who post: each message is one of something
 * that has a ceiling (a connection, a call, a question).
 */
struct mailbox {
	uv_async_t wake;
	pthread_mutex_t lock;
	struct mail *first, *last;
};

/* The loop runs as long as it is open. On the loop's thread, or before there is another. */
int mailbox_open(struct mailbox *mailbox, struct loop *loop, struct err *err) MUST_CHECK;
/* When nobody posts any more: runs what waits, and closes; the loop takes a turn for that. */
void mailbox_close(struct mailbox *mailbox);

/* From any thread. Messages of one thread are run in their order, in a later turn. */
void mailbox_post(struct mailbox *mailbox, struct mail *mail);
