/* watch.h - a resource of a server that somebody wants to hear of, once for all who do. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"

enum { WATCHES = 1024 /* of one client */, WATCH_URI_BYTES = 8192, WATCH_REFUSAL_BYTES = 4096 };

enum watch_state {
	WATCH_ASKED,
	WATCH_ON,
	WATCH_REFUSED, /* the server does not tell of it */
};

/* Reference counted by who wants to hear of it. A legacy server is subscribed to each, a modern one's by
 * heed.c. */
struct watch {
	struct list node; /* of attachment->watches */
	struct attachment *attachment;
	unsigned refs;
	bool held; /* one of them is a legacy session's, until it unsubscribes */
	enum watch_state state;
	bool named;	    /* in the newest subscription to a modern server */
	struct call call;   /* resources/subscribe, with a legacy server */
	struct buf refusal; /* the JSON-RPC error it answered with; empty: it did not */
	struct span uri;
	char bytes[];
};

/* One more who wants to hear of it. NULL: too many, or no memory. What comes of it is in `state`, later. */
struct watch *watch_add(struct attachment *attachment, struct span uri);
/* The one there is; NULL: none. */
struct watch *watch_find(const struct attachment *attachment, struct span uri);
/* One less; with the last the server is told. Returns NULL. */
struct watch *watch_drop(struct watch *watch);

/* The server's word on it has come; whoever waits for it goes on, in a turn of the loop of its own. */
void watch_settle(struct watch *watch, enum watch_state state);

/* The connection is there again: what is watched is asked for anew. */
void watches_renew(struct attachment *attachment);
/* The connection died before the server answered for some: they are refused, until watches_renew() asks anew.
 */
void watches_lost(struct attachment *attachment);
/* The attachment goes: whoever held a watch of it must have let go of it, or does so now. */
void watches_drop_all(struct attachment *attachment);
