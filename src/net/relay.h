/* relay.h - a channel that one thread has and others use as if each had its own. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/channel.h"

/*
 * The thread at home has the channel. Every other has an end, on which it has a channel of the same kind:
 * what it sends and asks goes to home's mailbox and out there; answers, with their descriptors, come back to
 * the end that asked. What comes unasked is for home to hand on.
 */
struct relay;

/* On the end's thread. */
struct relay_events {
	/*
	 * Another channel takes the place of the one before; NULL: there is none now. Whoever waits for an
	 * answer of the old one is told after the call that none will come.
	 */
	void (*on_channel)(void *owner, struct channel *channel);
	/* As a channel's. */
	void (*on_message)(void *owner, struct wire_in *in);
};

/* For `n` ends besides home, which has a mailbox. NULL without memory. */
struct relay *relay_new(struct loop *home, size_t n);
/* When the other threads have ended. NULL is harmless. Returns NULL. */
struct relay *relay_free(struct relay *relay);

/* Before the threads begin: who is at end `i`. */
void relay_join(struct relay *relay, size_t i, struct loop *loop, const struct relay_events *events,
		void *owner);

/* At home: the channel is another one, or there is none (NULL). It stays home's. */
void relay_set(struct relay *relay, struct channel *channel);
/* At home: hands a message without descriptors to all ends. `in` is not used up. */
void relay_tell(struct relay *relay, const struct wire_in *in);
