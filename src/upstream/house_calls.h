/* house_calls.h - what is inside a house, and whose each message of its process is. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "upstream/house.h"

struct house {
	_Atomic unsigned refs;
	struct upstream *upstream;
	struct server *server; /* borrowed until house_close(); NULL: closed */
	struct link *link;     /* to the process; NULL: there is none now */
	struct list leases;    /* that have a part in it, or wait for it */
	struct list topics;
	struct health health; /* of processes that end before they have answered anybody */
	enum level level;     /* the process was asked to log from */
	size_t travelling;    /* bytes of parcels on their way */
	uint64_t stuck_ms;    /* since when it was seen not to read, and calls are refused; 0: it reads */
	bool held;	      /* it is not read from: too much travels */
	bool refused;	      /* it has asked something, which was logged */
	char why[200];	      /* it ended */
	uv_timer_t *tick;
};

/* One request under way. */
struct loan {
	struct call call;
	struct list node; /* of lease->loans */
	struct lease *lease;
	struct topic *topic; /* SUBSCRIBE: until its answer is there */
};

/* house.c: sends what is made of `what`, whose packet stays the caller's. False: without memory it is lost.
 */
bool house_deliver(struct lease *lease, const struct parcel *what);
bool house_deliver_bytes(struct lease *lease, enum parcel_kind kind, uint64_t id, struct span bytes);
void house_fail_call(struct lease *lease, uint64_t id, enum link_failure failure, struct span why);
struct packet *packet_new(struct span bytes);
/* NULL is harmless. */
void packet_unref(struct packet *packet);

/* A message for the server; and the end of a call. */
void lease_say(struct house *house, const struct parcel *parcel);
void lease_drop(struct house *house, const struct parcel *parcel);
/* It has no part any more. `lives`: the process goes on, and is told what nobody wants of it now. */
void lease_leave(struct house *house, struct lease *lease, bool lives);

/* What the server says that belongs to no call. */
void house_heard(void *owner, struct link *link, const struct message *message);
