/* house.h - one process of a server for all clients of the gate, and who has a part in it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "mcp/level.h"
#include "net/mailbox.h"
#include "upstream/link.h"
#include "upstream/topic.h"

/*
 * The house has the process: a link to it, greeted once in the gate's own name, with no capability for which
 * somebody would have to be asked. It lives on one thread. A client's link to the server is a lease
 * (shared.c): what is sent on it goes to the house by mail, under an id that no other lease has, and what the
 * server answers to that id, or says of it, comes back to the one who used it. What the server says to
 * nobody in particular goes to all of them; what it asks, nobody can tell of whom, is refused.
 */
struct house;

enum {
	HOUSE_QUEUE_BYTES = 16 * 1024 * 1024,  /* wait for its stdin, before a call is refused … */
	HOUSE_STUCK_MS = 60000,		       /* … and for so long, before the process is given up */
	HOUSE_TRAVEL_BYTES = 32 * 1024 * 1024, /* on the way to other threads, before it is not read from */
};

/* For a server of `upstream`, whose thread is the house's. With one reference. NULL without memory. */
struct house *house_new(struct upstream *upstream, struct server *server);
/* From any thread. */
struct house *house_ref(struct house *house);
/* NULL is harmless. Returns NULL. */
struct house *house_unref(struct house *house);

/* On its own thread: the server is gone from the config. Every lease ends, and the process with them. */
void house_close(struct house *house);
/* On its own thread: the launcher says that the instance has ended. False: it is not the house's. */
bool house_exited(struct house *house, uint64_t instance, const char *why);

/* --- between the two threads --- */

enum parcel_kind {
	PARCEL_OPEN,  /* to the house: somebody wants a part in the process */
	PARCEL_SAY,   /* a message for the server */
	PARCEL_DROP,  /* the call `id` is no longer wanted */
	PARCEL_CLOSE, /* the lease ends; it is free when this comes back */
	PARCEL_LENT,  /* from the house: it is greeted; the bytes are its result */
	PARCEL_HEAR,  /* a message of the server's */
	PARCEL_FAIL,  /* the call `id` has failed; the bytes say why */
	PARCEL_END,   /* the process has ended, or could not be started */
};

/* Bytes that several parcels carry. Made, counted and freed by the house. */
struct packet {
	size_t refs, n;
	char bytes[];
};

/*
 * What goes over to the other thread. It comes back to who sent it and is freed there: so each thread frees
 * what it has made and knows how much of it is under way.
 */
struct parcel {
	struct mail mail;
	enum parcel_kind kind;
	struct lease *lease;
	struct house *house; /* from the house: referenced */
	enum method method;  /* SAY */
	uint64_t id;	     /* SAY: 0 where it is no request; DROP, FAIL */
	enum link_failure failure;
	enum era era; /* LENT */
	enum revision revision;
	size_t held; /* what the house keeps for the lease from now on; the borrower is charged */
	struct packet *packet;
	struct span bytes; /* SAY: the message, which stands behind the parcel */
};

/* One client's part, in two halves: each thread looks at its own only. */
struct lease {
	struct house *house; /* referenced */
	struct loop *loop;   /* the borrower's */

	/* The borrower's. */
	struct link *link; /* NULL: closed */
	size_t charged;	   /* of parcels under way */
	size_t held;	   /* of what the house keeps */

	/* The house's. */
	struct list node;
	bool in; /* it has a part in the process that runs, or is being started */
	struct list loans;
	struct holder holder;
	enum level level; /* what it wants to hear of the server's log */

	enum link_failure failure; /* of its end; said by `ending` */
	char why[200];
	struct parcel opening, closing, ending;
};

/* On the borrower's thread: sends one of its own, or the house's back; it is the house's from then on. */
void house_post(struct parcel *parcel);
void house_give_back(struct parcel *parcel);
/* Of shared.c, on the borrower's thread: a parcel of the house's has come, or one of its own is back. */
void lease_take(struct mail *mail);
void lease_take_back(struct mail *mail);
