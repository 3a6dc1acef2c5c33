/* house.c - one process for all clients: its life, and the mail between it and its leases. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/house.h"

#include <stdlib.h>

#include "base/random.h"
#include "mcp/task.h"
#include "upstream/house_calls.h"
#include "upstream/stdio.h"
#include "json/write.h"

enum { HOUSE_TICK_MS = 1000 };

struct house *house_new(struct upstream *upstream, struct server *server)
{
	struct house *house = calloc(1, sizeof(*house));

	if (!house)
		return NULL;
	house->refs = 1;
	house->upstream = upstream;
	house->server = server;
	list_init(&house->leases);
	list_init(&house->topics);
	return house;
}

struct house *house_ref(struct house *house)
{
	house->refs++;
	return house;
}

struct house *house_unref(struct house *house)
{
	if (house && --house->refs == 0)
		free(house);
	return NULL;
}

/* --- to the borrowers --- */

struct packet *packet_new(struct span bytes)
{
	struct packet *packet = malloc(sizeof(*packet) + bytes.n);

	if (!packet)
		return NULL;
	packet->refs = 1;
	packet->n = bytes.n;
	memcpy(packet->bytes, bytes.p, bytes.n);
	return packet;
}

void packet_unref(struct packet *packet)
{
	if (packet && --packet->refs == 0)
		free(packet);
}

/* What travels is bounded by reading no more: threads that are slow stop the server, as a slow client would.
 */
static void count(struct house *house, size_t more, size_t less)
{
	bool held;

	house->travelling += more;
	house->travelling -= less;
	held = house->travelling > (house->held ? HOUSE_TRAVEL_BYTES / 2 : HOUSE_TRAVEL_BYTES);
	if (held != house->held && house->link)
		stdio_hold(house->link, held);
	house->held = held;
}

static size_t weight(const struct parcel *parcel)
{
	return sizeof(*parcel) + parcel->packet->n;
}

static void take_back(struct mail *mail)
{
	struct parcel *parcel = LIST_ENTRY(mail, struct parcel, mail);
	struct house *house = parcel->house;

	count(house, 0, weight(parcel));
	packet_unref(parcel->packet);
	free(parcel);
	(void)house_unref(house);
}

void house_give_back(struct parcel *parcel)
{
	parcel->mail.run = take_back;
	mailbox_post(parcel->house->upstream->loop->mailbox, &parcel->mail);
}

static void post(struct lease *lease, struct parcel *parcel)
{
	parcel->held = lease->holder.bytes;
	parcel->mail.run = lease_take;
	mailbox_post(lease->loop->mailbox, &parcel->mail);
}

/* Without memory it is lost, and its call waits until its time is over. */
bool house_deliver(struct lease *lease, const struct parcel *what)
{
	struct parcel *parcel = what->packet ? malloc(sizeof(*parcel)) : NULL;

	if (!parcel)
		return false;
	*parcel = *what;
	parcel->lease = lease;
	parcel->house = house_ref(lease->house);
	parcel->packet->refs++;
	count(lease->house, weight(parcel), 0);
	post(lease, parcel);
	return true;
}

bool house_deliver_bytes(struct lease *lease, enum parcel_kind kind, uint64_t id, struct span bytes)
{
	struct parcel parcel = { .kind = kind, .id = id, .packet = packet_new(bytes) };
	bool delivered = house_deliver(lease, &parcel);

	packet_unref(parcel.packet);
	return delivered;
}

void house_fail_call(struct lease *lease, uint64_t id, enum link_failure failure, struct span why)
{
	struct parcel parcel = {
		.kind = PARCEL_FAIL, .id = id, .failure = failure, .packet = packet_new(why)
	};

	(void)house_deliver(lease, &parcel);
	packet_unref(parcel.packet);
}

static void end(struct house *house, struct lease *lease, enum link_failure failure, const char *why)
{
	lease_leave(house, lease, false);
	lease->failure = failure;
	(void)snprintf(lease->why, sizeof(lease->why), "%s", why);
	post(lease, &lease->ending);
}

static void end_all(struct house *house, enum link_failure failure, const char *why)
{
	while (!list_empty(&house->leases))
		end(house, LIST_ENTRY(house->leases.next, struct lease, node), failure, why);
}

/* --- the process --- */

static void on_tick_closed(uv_handle_t *handle)
{
	free(handle);
}

static void stop(struct house *house)
{
	uv_timer_t *tick = TAKE(house->tick);

	house->link = link_close(house->link);
	house->level = LEVEL_NONE;
	house->stuck_ms = 0;
	if (tick)
		uv_close((uv_handle_t *)tick, on_tick_closed);
}

static bool hangs(struct house *house, uint64_t now)
{
	if (stdio_queued(house->link) <= HOUSE_QUEUE_BYTES)
		house->stuck_ms = 0;
	else if (!house->stuck_ms)
		house->stuck_ms = now;
	return house->stuck_ms && now > house->stuck_ms + HOUSE_STUCK_MS;
}

static void on_tick(uv_timer_t *tick)
{
	struct house *house = tick->data;
	uint64_t now = loop_now(house->upstream->loop);

	link_tick(house->link, now);
	if (house->link->state_of != LINK_READY)
		return;
	if (hangs(house, now)) {
		link_fail(house->link, LINK_SILENT,
			  "the server hangs: it no longer reads its stdin, and 16 MiB wait for it");
		return;
	}
	if (!list_empty(&house->leases) || now < house->link->used_ms + house->server->idle_ms)
		return;
	log_event(house->upstream->log, LOG_INFO, "upstream.idle",
		  "A program without work was ended; the next request starts it again.",
		  LF("server", server_shown(house->server)));
	stop(house);
}

static bool start_tick(struct house *house)
{
	if (!house->tick)
		house->tick = calloc(1, sizeof(*house->tick));
	if (!house->tick || house->tick->data)
		return house->tick != NULL;
	(void)uv_timer_init(&house->upstream->loop->uv, house->tick);
	house->tick->data = house;
	(void)uv_timer_start(house->tick, on_tick, HOUSE_TICK_MS, HOUSE_TICK_MS);
	return true;
}

/*
 * What a server offers as a whole is one client's as well as the other's, except tasks: they outlive their
 * call, and who knows a task's id could end another's.
 */
static struct packet *greeting(const struct link *link)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(link->init_result.max);
	struct json json = { 0 };
	struct json_edit edits[2];
	size_t n = 0;
	json_at at, capabilities;

	if (!json_parse(&json, buf_span(&link->init_result), link->init_result.max))
		return NULL;
	capabilities = json_get(&json, 0, S("capabilities"));
	if (json_is(&json, capabilities, JSON_OBJECT)) {
		at = json_get(&json, capabilities, S("tasks"));
		if (at != JSON_NONE)
			edits[n++] = (struct json_edit){ at - 1, JSON_DROP, S("") };
		at = json_get(&json, capabilities, S("extensions"));
		at = json_is(&json, at, JSON_OBJECT) ? json_get(&json, at, S(TASKS_EXTENSION)) : JSON_NONE;
		if (at != JSON_NONE)
			edits[n++] = (struct json_edit){ at - 1, JSON_DROP, S("") };
	}
	if (n == 2 && edits[0].at > edits[1].at) {
		struct json_edit first = edits[1];

		edits[1] = edits[0];
		edits[0] = first;
	}
	json_emit(&out, &json, 0, edits, n);
	json_release(&json);
	return buf_ok(&out) ? packet_new(buf_span(&out)) : NULL;
}

static void lend_part(struct house *house, struct lease *lease)
{
	struct parcel parcel = { .kind = PARCEL_LENT,
				 .era = house->link->era,
				 .revision = house->link->revision,
				 .packet = greeting(house->link) };

	if (!house_deliver(lease, &parcel))
		end(house, lease, LINK_GONE, "the gate has no memory for a connection; try again later");
	packet_unref(parcel.packet);
}

static void on_ready(void *owner, struct link *link)
{
	struct house *house = owner;

	link_initialized(link);
	LIST_EACH(&house->leases, node)
		lend_part(house, LIST_ENTRY(node, struct lease, node));
}

static bool start(struct house *house, struct err *err);

/* Some legacy servers end at a word they do not know: that shows their era as well as an answer would. */
static bool begins_again(struct house *house, const struct link *link, enum link_failure failure)
{
	uint64_t now = loop_now(house->upstream->loop);

	if (failure != LINK_GONE || link->era != ERA_MODERN || link->init_result.n ||
	    house->server->modern != SPEAKS_UNKNOWN || !server_may_speak(house->server, ERA_LEGACY, now))
		return false;
	server_learn(house->server, ERA_MODERN, false, now);
	return true;
}

static void on_dead(void *owner, struct link *link, enum link_failure failure, struct span why)
{
	struct house *house = owner;
	struct err err = ERR_INIT;
	bool again = begins_again(house, link, failure);

	(void)span_to_cstr(span_first(why, sizeof(house->why) - 1), house->why, sizeof(house->why));
	stop(house);
	if (again && start(house, &err))
		return;
	health_fault(&house->health, loop_now(house->upstream->loop), (uint32_t)random_u64());
	end_all(house, failure, house->why);
}

static const struct link_events events = { .on_ready = on_ready,
					   .on_dead = on_dead,
					   .on_message = house_heard };

/*
 * In the modern era each request says whose capabilities count, which fits many clients at one process: it is
 * tried first, unless it is known that the server speaks only the other.
 */
static bool start(struct house *house, struct err *err)
{
	static const char modern[] = "{\"" META_VERSION "\":\"2026-07-28\",\"" META_CLIENT
				     "\":{\"name\":\"kanmon\",\"version\":\"" KANMON_VERSION
				     "\"},\"" META_CAPABILITIES "\":{}}";
	static const char legacy[] = "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},"
				     "\"clientInfo\":{\"name\":\"kanmon\",\"version\":\"" KANMON_VERSION
				     "\"}}";
	bool old = house->server->legacy == SPEAKS_YES && house->server->modern != SPEAKS_YES;
	const struct link_plan plan = { .transport = &transport_stdio,
					.upstream = house->upstream,
					.server = house->server,
					.era = old ? ERA_LEGACY : ERA_MODERN,
					.hello = span_str(old ? legacy : modern),
					.events = &events,
					.owner = house };

	if (!start_tick(house)) {
		(void)err_set(err, ERR_NOMEM, "the gate has no memory for a process; try again later");
		return false;
	}
	house->link = link_open_over(&plan, err);
	if (house->link && house->held)
		stdio_hold(house->link, true);
	if (!house->link)
		stop(house);
	return house->link != NULL;
}

static void enter(struct house *house, struct lease *lease)
{
	struct err err = ERR_INIT;

	list_init(&lease->loans);
	holder_init(&lease->holder);
	lease->in = true;
	list_add(&house->leases, &lease->node);
	if (!house->server)
		end(house, lease, LINK_GONE, "the server was changed or removed");
	else if (house->link && house->link->state_of == LINK_READY)
		lend_part(house, lease);
	else if (!house->link && health_wait_ms(&house->health, loop_now(house->upstream->loop)))
		end(house, lease, LINK_GONE, house->why);
	else if (!house->link && !start(house, &err))
		end_all(house, LINK_START, err.text);
}

void house_close(struct house *house)
{
	if (!house)
		return;
	house->server = NULL;
	end_all(house, LINK_GONE, "the server was changed or removed");
	stop(house);
}

bool house_exited(struct house *house, uint64_t instance, const char *why)
{
	if (!house || !house->link || !stdio_owns(house->link, instance))
		return false;
	link_fail(house->link, LINK_GONE, why);
	return true;
}

/* --- the mail --- */

/* Of a process that has ended since it was sent nothing is meant for the next one. */
static void take(struct house *house, struct parcel *parcel)
{
	struct lease *lease = parcel->lease;

	switch (parcel->kind) {
	case PARCEL_OPEN:
		enter(house, lease);
		break;
	case PARCEL_SAY:
		if (lease->in)
			lease_say(house, parcel);
		break;
	case PARCEL_DROP:
		if (lease->in)
			lease_drop(house, parcel);
		break;
	case PARCEL_CLOSE:
		if (lease->in)
			lease_leave(house, lease, house->link && house->link->state_of == LINK_READY);
		break;
	case PARCEL_LENT:
	case PARCEL_HEAR:
	case PARCEL_FAIL:
	case PARCEL_END:
		break;
	}
}

static void run(struct mail *mail)
{
	struct parcel *parcel = LIST_ENTRY(mail, struct parcel, mail);
	struct lease *lease = parcel->lease;

	take(lease->house, parcel);
	parcel->held = lease->holder.bytes;
	parcel->mail.run = lease_take_back;
	mailbox_post(lease->loop->mailbox, &parcel->mail);
}

void house_post(struct parcel *parcel)
{
	parcel->mail.run = run;
	mailbox_post(parcel->lease->house->upstream->loop->mailbox, &parcel->mail);
}
