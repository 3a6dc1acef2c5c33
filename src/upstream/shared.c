/* shared.c - one client's part in a process that all clients use: its half of a lease, house.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "upstream/handshake.h"
#include "upstream/house.h"

static void charge(struct lease *lease, size_t held)
{
	budget_force(lease->link->budget, held);
	budget_give(lease->link->budget, lease->held);
	lease->held = held;
}

/* --- to the house --- */

static bool send_parcel(struct lease *lease, enum parcel_kind kind, enum method method, uint64_t id,
			struct span bytes)
{
	struct parcel *parcel = calloc(1, sizeof(*parcel) + bytes.n);
	char *behind = (char *)(parcel + 1);

	if (!parcel)
		return false;
	if (bytes.n)
		memcpy(behind, bytes.p, bytes.n);
	*parcel = (struct parcel){
		.kind = kind, .lease = lease, .method = method, .id = id, .bytes = span_of(behind, bytes.n)
	};
	budget_force(lease->link->budget, bytes.n);
	lease->charged += bytes.n;
	house_post(parcel);
	return true;
}

void lease_take_back(struct mail *mail)
{
	struct parcel *parcel = LIST_ENTRY(mail, struct parcel, mail);
	struct lease *lease = parcel->lease;

	if (parcel->kind == PARCEL_CLOSE) {
		lease->house = house_unref(lease->house);
		free(lease);
		return;
	}
	if (lease->link) {
		budget_give(lease->link->budget, parcel->bytes.n);
		lease->charged -= parcel->bytes.n;
		charge(lease, parcel->held);
	}
	if (parcel != &lease->opening)
		free(parcel);
}

static bool shared_open(struct link *link, struct err *err)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	if (!lease) {
		(void)err_set(err, ERR_NOMEM, "the gate has no memory for a connection; try again later");
		return false;
	}
	lease->house = house_ref(link->server->house);
	lease->loop = link->upstream->loop;
	lease->link = link;
	lease->opening = (struct parcel){ .kind = PARCEL_OPEN, .lease = lease };
	lease->closing = (struct parcel){ .kind = PARCEL_CLOSE, .lease = lease };
	lease->ending = (struct parcel){ .kind = PARCEL_END, .lease = lease };
	link->state = lease;
	/* How long the greeting may take is the house's to say, which answers in any case. */
	link->deadline_ms = UINT64_MAX;
	house_post(&lease->opening);
	return true;
}

/*
 * What one client says to a server besides requests concerns the session that the server has with it; this
 * one has it with the gate. What is passed on counts for the client's own calls and subscriptions only.
 */
static bool is_passed_on(const struct call *call, enum method method)
{
	return call || method == METHOD_CANCELLED || method == METHOD_SET_LEVEL ||
	       method == METHOD_RESOURCES_UNSUBSCRIBE;
}

static void shared_send(struct link *link, struct call *call, struct span message,
			const struct send_facts *facts)
{
	struct lease *lease = link->state;

	if (is_passed_on(call, facts->method) &&
	    !send_parcel(lease, PARCEL_SAY, facts->method, call ? call->id : 0, message))
		link_fail(link, LINK_GONE, "the gate has no memory for the request; try again later");
}

/* Without memory for it an answer comes that nobody waits for. */
static void shared_drop(struct link *link, struct call *call)
{
	(void)send_parcel(link->state, PARCEL_DROP, METHOD_NONE, call->id, S(""));
}

/* The process is not one client's to stop. */
static void shared_pause(struct link *link, struct call *call, bool paused)
{
	(void)link;
	(void)call;
	(void)paused;
}

static void shared_close(struct link *link)
{
	struct lease *lease = link->state;

	if (!lease)
		return;
	budget_give(link->budget, lease->charged + lease->held);
	lease->link = NULL;
	link->state = NULL;
	house_post(&lease->closing);
}

const struct transport transport_shared = {
	.open = shared_open,
	.send = shared_send,
	.drop = shared_drop,
	.pause = shared_pause,
	.close = shared_close,
};

/* --- from the house --- */

static void fail_call(struct link *link, const struct parcel *parcel)
{
	struct call *call = map_get(&link->by_id, span_of((const char *)&parcel->id, sizeof(parcel->id)));

	if (call)
		link_fail_call(link, call, parcel->failure,
			       span_of(parcel->packet->bytes, parcel->packet->n));
}

static void take(struct link *link, const struct parcel *parcel)
{
	struct span bytes = parcel->packet ? span_of(parcel->packet->bytes, parcel->packet->n) : S("");

	switch (parcel->kind) {
	case PARCEL_LENT:
		handshake_adopt(link, parcel->era, parcel->revision, bytes);
		break;
	case PARCEL_HEAR:
		(void)link_receive(link, NULL, bytes);
		break;
	case PARCEL_FAIL:
		fail_call(link, parcel);
		break;
	case PARCEL_END:
		link_fail(link, parcel->lease->failure, parcel->lease->why);
		break;
	case PARCEL_OPEN:
	case PARCEL_SAY:
	case PARCEL_DROP:
	case PARCEL_CLOSE:
		break;
	}
}

/* The link may be closed in it, and the lease then ends; it is there until that has come back. */
void lease_take(struct mail *mail)
{
	struct parcel *parcel = LIST_ENTRY(mail, struct parcel, mail);
	struct lease *lease = parcel->lease;

	if (lease->link) {
		charge(lease, parcel->held);
		take(lease->link, parcel);
	}
	if (parcel != &lease->ending)
		house_give_back(parcel);
}
