/* channel_host.h - a host on one channel: both eras, all answers on the way the questions came. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/worker.h"

/*
 * What is one channel for one client: a pair of pipes, a unix socket, a WebSocket, an event stream with posts
 * beside it. Whoever carries the bytes (the carrier) cuts them into messages, gives them in with
 * channel_host_take(), and sends what comes out. The host chooses its era, asks in any order, and is
 * answered in any order.
 */
struct channel_host;

/* What the carrier can do. None of it may call back into the host. */
struct channel_port {
	struct span transport; /* in records: "stdio" */
	const char *full;      /* the event logged where a message was dropped for want of room */
	const char *slow;      /* where the host takes nothing of what waits, and is cut */
	/*
	 * A client's own connection, and not the manager's: `limits.sessions` and `limits.sessions-per-token`
	 * bound how many there are, one that says nothing for LIMIT_HANDSHAKE_MS is ended, and all are told
	 * to leave when the gate shuts down.
	 */
	bool counted;
	/* Its channel is all it needs: it can go on where its process listens no more. */
	bool stays;
	/* Sends a whole message, without its end, whether or not there is room. */
	void (*write)(void *carrier, struct span message);
	/* Bytes that the peer has yet to take. */
	size_t (*waiting)(const void *carrier);
	/* Can the peer no longer hear? What it asked for is for nobody then. NULL: that is told by its end.
	 */
	bool (*is_deaf)(const void *carrier);
	/* False: too much waits for the peer; nothing more of what it says is to be read until true comes. */
	void (*listen)(void *carrier, bool on);
	/* About once a second. May be NULL. It may not free the host. */
	void (*tick)(void *carrier, uint64_t now_ms);
};

struct channel_options {
	struct principal *principal; /* borrowed */
	struct server *only;	     /* NULL: the catalogue; borrowed */
	struct span view;	     /* the view of the catalogue it is kept to; empty: none. Copied */
	const struct channel_port *port;
	void *carrier;
	struct span ref; /* the session in logs and records; empty: none. Borrowed, outlives the host */
	/*
	 * It is over, in a turn of its own: it was told to leave and has what it asked for; its way out
	 * broke; its token is no longer good; or it took nothing of what waits for it, and is `cut`. The
	 * carrier frees it.
	 */
	void (*on_end)(void *carrier, bool cut);
};

/* NULL: `err` says why; ERR_LIMIT where there are too many. */
struct channel_host *channel_host_new(struct worker *worker, const struct channel_options *options,
				      struct err *err);
/*
 * Calls under way are given up, which may still write, and servers stopped. No event follows. May be called
 * from anywhere, also while the host takes a message. Returns NULL.
 */
struct channel_host *channel_host_free(struct channel_host *host, struct span reason);

/* A message has come: the text of one, or of an array where the revision has batches. */
void channel_host_take(struct channel_host *host, struct span text);
/* One came that is longer than `limits.body`; it was dropped. */
void channel_host_take_too_long(struct channel_host *host);

/* Is something it asked for under way? What listens counts, too. */
bool channel_host_is_busy(const struct channel_host *host);

/* What waited has been taken. */
void channel_host_drained(struct channel_host *host);
/* The peer has said all it will say: on_end follows when what it asked for is answered and taken, or when it
   can hear no more. */
void channel_host_leave(struct channel_host *host);
/* The peer is gone, or hears nothing any more: on_end follows. */
void channel_host_end(struct channel_host *host);

/* Tells those who are `counted` to leave: the gate shuts down. */
void channel_hosts_drain(struct worker *worker);
/* The same where another gate goes on: what they listen to is ended; `all`, or only those that cannot stay.
 */
void channel_hosts_retire(struct worker *worker, bool all);

/* Looks who takes nothing, and who has left; called about once a second. */
void channel_hosts_tick(struct worker *worker, uint64_t now_ms);
