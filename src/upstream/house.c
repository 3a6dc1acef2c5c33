/* house.c - one process for all clients: its life, and whose each message is. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/house.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/random.h"
#include "mcp/task.h"
#include "upstream/stdio.h"
#include "json/write.h"

enum { HOUSE_TICK_MS = 1000 };

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
	uint64_t stuck_ms;    /* since when calls are refused for it does not read; 0: they are not */
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

size_t house_leases(const struct house *house)
{
	size_t n = 0;

	LIST_EACH(&house->leases, node)
		n++;
	return n;
}

/* --- to the borrowers --- */

static struct packet *packet_new(struct span bytes)
{
	struct packet *packet = malloc(sizeof(*packet) + bytes.n);

	if (!packet)
		return NULL;
	packet->refs = 1;
	packet->n = bytes.n;
	memcpy(packet->bytes, bytes.p, bytes.n);
	return packet;
}

static void packet_unref(struct packet *packet)
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
static bool deliver(struct lease *lease, const struct parcel *what)
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

static bool deliver_bytes(struct lease *lease, enum parcel_kind kind, uint64_t id, struct span bytes)
{
	struct parcel parcel = { .kind = kind, .id = id, .packet = packet_new(bytes) };
	bool delivered = deliver(lease, &parcel);

	packet_unref(parcel.packet);
	return delivered;
}

static void fail_call(struct lease *lease, uint64_t id, enum link_failure failure, struct span why)
{
	struct parcel parcel = {
		.kind = PARCEL_FAIL, .id = id, .failure = failure, .packet = packet_new(why)
	};

	(void)deliver(lease, &parcel);
	packet_unref(parcel.packet);
}

/* --- what a lease has --- */

static void loan_free(struct loan *loan)
{
	list_remove(&loan->node);
	free(loan);
}

static void say_unsubscribe(struct house *house, struct span uri)
{
	const struct send_facts facts = { .method = METHOD_RESOURCES_UNSUBSCRIBE,
					  .method_name = method_info(METHOD_RESOURCES_UNSUBSCRIBE)->name };
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)TOPIC_URI_BYTES * 6 + 256);
	struct call quiet = { 0 };

	buf_addf(&out, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%.*s\",\"params\":{\"uri\":",
		 (unsigned long long)link_take_id(house->link, &quiet), SPAN_ARG(facts.method_name));
	json_add_string(&out, uri);
	buf_add(&out, S("}}"));
	if (buf_ok(&out))
		link_send(house->link, buf_span(&out), &facts);
}

/* The most verbose that anybody asked for; the others' lines are left out on the way to them. */
static void renew_level(struct house *house)
{
	static const struct send_facts facts = { .method = METHOD_SET_LEVEL,
						 .method_name = SPAN("logging/setLevel") };
	enum level level = LEVEL_NONE;
	struct call quiet = { 0 };
	char store[160];
	struct buf out = buf_over(store, sizeof(store));

	LIST_EACH(&house->leases, node) {
		const struct lease *lease = LIST_ENTRY(node, struct lease, node);

		if (lease->level && (!level || lease->level < level))
			level = lease->level;
	}
	if (!level || level == house->level)
		return;
	house->level = level;
	buf_addf(&out, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%.*s\",\"params\":{\"level\":",
		 (unsigned long long)link_take_id(house->link, &quiet), SPAN_ARG(facts.method_name));
	json_add_string(&out, level_name(level));
	buf_add(&out, S("}}"));
	link_send(house->link, buf_span(&out), &facts);
}

/* It has no part any more. `lives`: the process goes on, and is told what nobody wants of it now. */
static void leave(struct house *house, struct lease *lease, bool lives)
{
	lease->in = false;
	list_remove(&lease->node);
	while (!list_empty(&lease->loans)) {
		struct loan *loan = LIST_ENTRY(lease->loans.next, struct loan, node);

		if (lives)
			call_cancel(&loan->call, S("no longer needed"));
		else
			call_forget(&loan->call);
		loan_free(loan);
	}
	while (!list_empty(&lease->holder.holds)) {
		struct topic *topic = LIST_ENTRY(lease->holder.holds.next, struct hold, in_holder)->topic;

		if (lives && topic_is_only(topic, &lease->holder))
			say_unsubscribe(house, topic->uri);
		topic_let_go(topic, &lease->holder);
	}
	if (lives)
		renew_level(house);
}

static void end(struct house *house, struct lease *lease, enum link_failure failure, const char *why)
{
	leave(house, lease, false);
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

static void on_tick(uv_timer_t *tick)
{
	struct house *house = tick->data;
	uint64_t now = loop_now(house->upstream->loop);

	link_tick(house->link, now);
	if (house->link->state_of != LINK_READY)
		return;
	if (house->stuck_ms && now > house->stuck_ms + HOUSE_STUCK_MS) {
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

	if (!deliver(lease, &parcel))
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

static void refuse(struct house *house, struct link *link, const struct message *message)
{
	static const struct send_facts facts = { .method = METHOD_NONE };
	CLEANUP(buf_release) struct buf answer = BUF_INIT((size_t)8192);

	message_write_error(&answer, &(struct message_error){
					 .id = message_token(message->json, message->id),
					 .code = -32601,
					 .text = S("Several clients share this server: nobody can tell which "
						   "one this is for") });
	if (buf_ok(&answer))
		link_send(link, buf_span(&answer), &facts);
	if (house->refused)
		return;
	house->refused = true;
	log_event(house->upstream->log, LOG_WARN, "upstream.refused",
		  "A server that clients share has asked for one of them; it was refused, as all such "
		  "requests of it will be.",
		  LF("server", server_shown(house->server)), LF("method", message->method_raw));
}

static enum level level_in(const struct message *message)
{
	json_at at = message->params == JSON_NONE ? JSON_NONE
						  : json_get(message->json, message->params, S("level"));

	return json_is(message->json, at, JSON_STRING) ? level_of(json_string_raw(message->json, at))
						       : LEVEL_NONE;
}

static bool uri_in(const struct message *message, struct buf *uri)
{
	json_at at = message->params == JSON_NONE ? JSON_NONE
						  : json_get(message->json, message->params, S("uri"));

	if (!json_is(message->json, at, JSON_STRING))
		return false;
	json_string_add(message->json, at, uri);
	return buf_ok(uri);
}

static bool holds_topic_of(const struct holder *holder, struct span uri)
{
	LIST_EACH(&holder->holds, node)
		if (topic_covers(LIST_ENTRY(node, struct hold, in_holder)->topic, uri))
			return true;
	return false;
}

/* Whom is a notification for that belongs to no call? */
static bool concerns(const struct lease *lease, const struct message *message, struct span uri)
{
	enum level level;

	if (message->method == METHOD_RESOURCE_UPDATED)
		return holds_topic_of(&lease->holder, uri);
	if (message->method == METHOD_MESSAGE) {
		level = level_in(message);
		return !lease->level || !level || level >= lease->level;
	}
	return message->method == METHOD_TOOLS_CHANGED || message->method == METHOD_PROMPTS_CHANGED ||
	       message->method == METHOD_RESOURCES_CHANGED;
}

static void on_message(void *owner, struct link *link, const struct message *message)
{
	struct house *house = owner;
	CLEANUP(buf_release) struct buf uri = BUF_INIT((size_t)TOPIC_URI_BYTES * 2);
	struct parcel parcel = { .kind = PARCEL_HEAR };

	if (message->kind == MESSAGE_REQUEST) {
		refuse(house, link, message);
		return;
	}
	if (message->method == METHOD_RESOURCE_UPDATED && !uri_in(message, &uri))
		return;
	parcel.packet = packet_new(json_raw(message->json, message->root));
	LIST_EACH(&house->leases, node) {
		struct lease *lease = LIST_ENTRY(node, struct lease, node);

		if (concerns(lease, message, buf_span(&uri)))
			(void)deliver(lease, &parcel);
	}
	packet_unref(parcel.packet);
}

static const struct link_events events = { .on_ready = on_ready,
					   .on_dead = on_dead,
					   .on_message = on_message };

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

	if (!start_tick(house)) {
		(void)err_set(err, ERR_NOMEM, "the gate has no memory for a process; try again later");
		return false;
	}
	house->link = link_open_over(&transport_stdio, house->upstream, house->server,
				     old ? ERA_LEGACY : ERA_MODERN, span_str(old ? legacy : modern), &events,
				     house, err);
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

/* --- calls --- */

/* The answer to a subscription: whoever else wants the same need not ask. */
static void note_topic(struct loan *loan, bool accepted)
{
	struct topic *topic = TAKE(loan->topic);

	if (!topic)
		return;
	if (accepted)
		topic->on = true;
	else
		topic_let_go(topic, &loan->lease->holder);
}

static void on_answer(struct call *call, const struct message *message, bool final)
{
	struct loan *loan = LIST_ENTRY(call, struct loan, call);
	struct lease *lease = loan->lease;

	if (final) {
		health_well(&lease->house->health);
		note_topic(loan, message->kind == MESSAGE_RESULT);
		loan_free(loan);
	}
	(void)deliver_bytes(lease, PARCEL_HEAR, 0, json_raw(message->json, message->root));
}

static void on_failed(struct call *call, enum link_failure failure, struct span why)
{
	struct loan *loan = LIST_ENTRY(call, struct loan, call);

	note_topic(loan, false);
	fail_call(loan->lease, call->id, failure, why);
	loan_free(loan);
}

static struct loan *loan_of(const struct house *house, const struct lease *lease, uint64_t id)
{
	struct call *call = map_get(&house->link->by_id, span_of((const char *)&id, sizeof(id)));
	struct loan *loan = call && call != &house->link->handshake ? LIST_ENTRY(call, struct loan, call)
								    : NULL;

	return loan && loan->lease == lease ? loan : NULL;
}

static void ask(struct house *house, const struct parcel *parcel, struct topic *topic)
{
	struct lease *lease = parcel->lease;
	const struct send_facts facts = { .method = parcel->method,
					  .method_name = method_info(parcel->method)->name };
	struct loan *loan = calloc(1, sizeof(*loan));

	if (!loan || stdio_queued(house->link) > HOUSE_QUEUE_BYTES) {
		if (loan && !house->stuck_ms)
			house->stuck_ms = loop_now(house->upstream->loop);
		free(loan);
		if (topic)
			topic_let_go(topic, &lease->holder);
		fail_call(lease, parcel->id, LINK_UNSENT,
			  S("the server does not read its stdin fast enough, and 16 MiB wait for it"));
		return;
	}
	house->stuck_ms = 0;
	loan->lease = lease;
	loan->topic = topic && !topic->on ? topic : NULL;
	loan->call = (struct call){ .id = parcel->id, .on_message = on_answer, .on_failed = on_failed };
	loan->call.id_key = span_of((const char *)&loan->call.id, sizeof(loan->call.id));
	list_add(&lease->loans, &loan->node);
	link_request(house->link, &loan->call, parcel->bytes, &facts);
}

static void answer(const struct parcel *parcel, struct span rest)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)512);

	if (!parcel->id)
		return;
	buf_add(&out, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add_u64(&out, parcel->id);
	buf_add(&out, rest);
	(void)deliver_bytes(parcel->lease, PARCEL_HEAR, 0, buf_span(&out));
}

static void subscribe(struct house *house, const struct parcel *parcel, struct span uri)
{
	struct topic *topic = topic_hold(&house->topics, &parcel->lease->holder, uri);

	if (!topic)
		answer(parcel, S(",\"error\":{\"code\":-32603,\"message\":\"Too many subscriptions\"}}"));
	else if (topic->on)
		answer(parcel, S(",\"result\":{}}"));
	else
		ask(house, parcel, topic);
}

/* Its subscription may not have been answered yet. */
static void let_go(struct lease *lease, struct topic *topic)
{
	LIST_EACH(&lease->loans, node) {
		struct loan *loan = LIST_ENTRY(node, struct loan, node);

		if (loan->topic == topic)
			loan->topic = NULL;
	}
	topic_let_go(topic, &lease->holder);
}

static void unsubscribe(struct house *house, const struct parcel *parcel, struct span uri)
{
	struct topic *topic = topic_find(&house->topics, uri);
	bool last = topic && topic_is_only(topic, &parcel->lease->holder);

	if (topic)
		let_go(parcel->lease, topic);
	if (topic && !last)
		answer(parcel, S(",\"result\":{}}"));
	else if (parcel->id)
		ask(house, parcel, NULL);
	else if (last)
		say_unsubscribe(house, uri);
}

static void set_level(struct house *house, const struct parcel *parcel, enum level level)
{
	if (!level || !link_has_capability(house->link, S("logging"))) {
		if (parcel->id)
			ask(house, parcel, NULL);
		return;
	}
	parcel->lease->level = level;
	renew_level(house);
	answer(parcel, S(",\"result\":{}}"));
}

/* Only what is the lease's own is taken back. */
static void cancel(struct house *house, const struct parcel *parcel, const struct message *message)
{
	const struct send_facts facts = { .method = METHOD_CANCELLED,
					  .method_name = method_info(METHOD_CANCELLED)->name };
	struct span token = message_cancelled(message);
	json_at at = message->params == JSON_NONE ? JSON_NONE
						  : json_get(message->json, message->params, S("requestId"));
	uint64_t id;

	if (token.n && json_is(message->json, at, JSON_NUMBER) && json_u64(message->json, at, &id) &&
	    loan_of(house, parcel->lease, id))
		link_send(house->link, parcel->bytes, &facts);
}

/* What counts for more than its own call is looked at; the rest goes out as it is. */
static void say(struct house *house, const struct parcel *parcel)
{
	CLEANUP(buf_release) struct buf uri = BUF_INIT((size_t)TOPIC_URI_BYTES * 2);
	struct json *json = &house->upstream->json;
	struct message message = { 0 };
	enum method method = parcel->method;
	bool looked_at = method == METHOD_RESOURCES_SUBSCRIBE || method == METHOD_RESOURCES_UNSUBSCRIBE ||
			 method == METHOD_SET_LEVEL || method == METHOD_CANCELLED;

	if (!looked_at) {
		ask(house, parcel, NULL);
		return;
	}
	if (!json_parse(json, parcel->bytes, UINT32_MAX) || message_read(json, 0, &message) != MESSAGE_OK)
		return;
	if (method == METHOD_CANCELLED)
		cancel(house, parcel, &message);
	else if (method == METHOD_SET_LEVEL)
		set_level(house, parcel, level_in(&message));
	else if (!uri_in(&message, &uri))
		ask(house, parcel, NULL);
	else if (method == METHOD_RESOURCES_SUBSCRIBE)
		subscribe(house, parcel, buf_span(&uri));
	else
		unsubscribe(house, parcel, buf_span(&uri));
}

static void drop(struct house *house, const struct parcel *parcel)
{
	struct loan *loan = loan_of(house, parcel->lease, parcel->id);

	if (!loan)
		return;
	call_forget(&loan->call);
	loan_free(loan);
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
			say(house, parcel);
		break;
	case PARCEL_DROP:
		if (lease->in)
			drop(house, parcel);
		break;
	case PARCEL_CLOSE:
		if (lease->in)
			leave(house, lease, house->link && house->link->state_of == LINK_READY);
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
