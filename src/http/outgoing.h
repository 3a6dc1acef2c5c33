/* outgoing.h - a connection to a server, between its pool and its calls. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "http/client.h"
#include "http/payer.h"

/* For client.c and outgoing.c alone. */

enum { POOL_NAME_BYTES = 256 };

struct outgoing {
	struct list node; /* of pool->idle or pool->used */
	struct http_pool *pool;
	struct stream *stream;
	struct http_parser parser;
	struct http_call *call; /* NULL: idle */
	uint64_t idle_ms;	/* since when */
	struct question dial;
	const struct channel *asked; /* whom for it: only compared */
	uv_timer_t *limit;	     /* of the TLS handshake; NULL: none is going on */
	bool fresh;		     /* no answer has come on it yet */
	bool lasting;		     /* its call is; it does not count among the pool's `n` */
	bool busy, dead;
};

struct http_call {
	struct list node; /* of payer->waiting, or unlinked */
	struct http_pool *pool;
	struct payer *payer;
	struct outgoing *connection;
	const struct http_call_events *events;
	void *owner;
	struct buf again; /* the request, where it has to wait or may be repeated */
	bool lasting, repeatable, answering;
	struct budget *budget;
	size_t unsent; /* in the stream's queue, as far as it is charged */
	bool placed;   /* counts among what its payer uses */
	enum http_failure failure;
	struct span why;
	struct later failing;
	uv_timer_t *deadline; /* see http_call_expire() */
};

struct http_pool {
	struct loop *loop;
	struct channel *egress;
	struct http_pool_options options;
	struct list idle, used; /* idle: who was used last comes last */
	struct payers payers;
	size_t n;
	size_t n_lasting; /* calls, whether they have a connection or not */
	struct later freeing;
	char names[2 * POOL_NAME_BYTES];
};

/* client.c */

/* Does it use one of the connections that its payer has a share of? What lasts never does. */
void http_call_place(struct http_call *call, bool placed);
/* So much of it waits in a connection's queue. */
void http_call_charge(struct http_call *call, size_t unsent);
void http_call_free(struct http_call *call);
/* Tells its owner, and frees it. */
void http_call_fail(struct http_call *call, enum http_failure failure, struct span why);
void http_call_enqueue(struct http_call *call);
/* Of those that are free the one that was used last, so that the others can grow old. */
struct outgoing *http_pool_idle(const struct http_pool *pool);
/* Gives what is free to those who wait. */
void http_pool_serve(struct http_pool *pool);

/* outgoing.c */

/* Closes a timer that was allocated, if there is one. */
void outgoing_end_timer(uv_timer_t **timer);
/* Asks egress for a connection; the call goes out on it. NULL without memory. */
struct outgoing *outgoing_dial(struct http_pool *pool, struct http_call *call);
/* The call goes out on it now. */
void outgoing_take(struct outgoing *connection, struct http_call *call);
/* Is what it carries a call that lasts? Then it does not count. */
void outgoing_set_lasting(struct outgoing *connection, bool lasting);
/* Where a callback of its own is up the stack: soon. */
void outgoing_free(struct outgoing *connection);
