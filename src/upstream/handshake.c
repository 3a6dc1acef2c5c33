/* handshake.c - the greeting of a server: what is asked first, and what its answer means. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/handshake.h"

#include "mcp/translate.h"
#include "upstream/words.h"
#include "json/write.h"

enum {
	HANDSHAKE_TURNS = 2,	   /* one greeting in vain, and one that came too early for its answer */
	HANDSHAKE_PROBE_MS = 8000, /* for the first word of a server that may not know the question */
};

const char handshake_too_long[] =
    "what the client says of itself (capabilities, clientInfo) is over the limit of 256 KiB";

static const char handshake_crowded[] =
    "what the client says of itself is more than `limits.memory` leaves to this token now: let calls end, or raise "
    "the limit";

static const char own_info[] = "{\"name\":\"kanmon\",\"version\":\"" KANMON_VERSION "\"}";

static enum era other_era(enum era era)
{
	return era == ERA_LEGACY ? ERA_MODERN : ERA_LEGACY;
}

/* What the client says of itself, in the words of `link->era`; `said` is in the other era's. */
static bool translate_hello(struct link *link, struct span said)
{
	struct json json = { 0 };
	bool fine = json_parse(&json, said, HANDSHAKE_HELLO_BYTES) && json_is(&json, 0, JSON_OBJECT);

	buf_clear(&link->init_params);
	if (fine && link->era == ERA_LEGACY) {
		translate_hello_to_legacy(&link->init_params, &json, 0, span_str(own_info));
	} else if (fine) {
		buf_add_char(&link->init_params, '{');
		translate_hello_to_modern(&link->init_params, &json, 0);
		buf_add_char(&link->init_params, '}');
	}
	json_release(&json);
	return fine && buf_ok(&link->init_params);
}

bool handshake_prepare(struct link *link, struct span hello)
{
	uint64_t now = loop_now(link->upstream->loop);
	enum era other = other_era(link->era);

	if (!server_may_speak(link->server, link->era, now)) {
		/* Neither, as it seemed: what was learnt may have been an outage. */
		if (!server_may_speak(link->server, other, now))
			server_forget(link->server);
		if (!server_may_speak(link->server, link->era, now)) {
			link->era = other;
			return translate_hello(link, hello);
		}
	}
	buf_add(&link->init_params, hello);
	return buf_ok(&link->init_params);
}

static bool can_turn(const struct link *link)
{
	return link->turns < HANDSHAKE_TURNS &&
	       server_may_speak(link->server, other_era(link->era), loop_now(link->upstream->loop));
}

/* What the client says of itself, again in the words of the other era. */
static bool turn_hello(struct link *link)
{
	struct buf said = link->init_params;
	bool fine;

	link->era = other_era(link->era);
	link->init_params = BUF_CHARGED(HANDSHAKE_HELLO_BYTES, link->budget);
	fine = translate_hello(link, buf_span(&said));
	buf_release(&said);
	return fine;
}

/* There is no room for it: of the gate's own, or in any greeting. */
static void fail_hello(struct link *link)
{
	if (budget_fits(link->budget, HANDSHAKE_HELLO_BYTES))
		link_fail(link, LINK_REFUSED, handshake_too_long);
	else
		link_fail(link, LINK_CROWDED, handshake_crowded);
}

/* Greets it again, in the other era, on the same connection. */
static void turn(struct link *link)
{
	call_forget(&link->handshake);
	link->turns++;
	link->revision = REVISION_NONE;
	if (!turn_hello(link))
		fail_hello(link);
	if (link->state_of != LINK_OPENING)
		return;
	if (link->transport->settled)
		link->transport->settled(link);
	handshake_begin(link);
}

/* It does not know this greeting. `why`: what it said, or what is said of it. */
static void mismatch(struct link *link, const char *why)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(sizeof(link->why) - 1);

	server_learn(link->server, link->era, false, loop_now(link->upstream->loop));
	if (can_turn(link)) {
		turn(link);
		return;
	}
	buf_addf(&text, "the server takes neither initialize nor server/discover: %s", why);
	text.max++; /* the room kept for the NUL */
	link_fail(link, LINK_REFUSED, buf_cstr(&text) ? text.p : "the server takes no greeting");
}

/* Are these the words of one who does not know the method, or wants the modern era's metadata with it? */
static bool is_no_such_greeting(int64_t code)
{
	return code == -32601 || (code <= -32020 && code >= -32022);
}

static bool names_modern(const struct json *json, json_at versions)
{
	if (!json_is(json, versions, JSON_ARRAY))
		return false;
	for (json_at at = json_first(json, versions); at != JSON_NONE; at = json_next(json, versions, at))
		if (json_is(json, at, JSON_STRING) &&
		    json_string_is(json, at, revision_name(REVISION_2026_07_28)))
			return true;
	return false;
}

/*
 * spec: mcp/2026-07-28 versioning: one who does not take the version names those he takes. Where ours is
 * among them, it is said again, once.
 */
static bool asks_again(struct link *link, const struct message *message, int64_t code)
{
	const struct json *json = message->json;
	json_at data = json_get(json, message->error, S("data"));

	if (link->era != ERA_MODERN || code != -32022 || link->asked_again ||
	    !json_is(json, data, JSON_OBJECT) || !names_modern(json, json_get(json, data, S("supported"))))
		return false;
	link->asked_again = true;
	handshake_begin(link);
	return true;
}

static void handshake_error(struct link *link, const struct message *message)
{
	CLEANUP(buf_release) struct buf why = BUF_INIT(sizeof(link->why) - 1);
	int64_t code = 0;

	(void)json_i64(message->json, json_get(message->json, message->error, S("code")), &code);
	if (asks_again(link, message, code))
		return;
	words_add_error(&why, link->upstream, message);
	/*
	 * A modern client's probe is answered by legacy servers with all kinds of errors: any of them
	 * means "not modern".
	 */
	if (link->era == ERA_MODERN || is_no_such_greeting(code)) {
		why.max++;
		mismatch(link, buf_cstr(&why) ? why.p : "");
		return;
	}
	/* What some modern servers say to `initialize`, and legacy ones who do not want this client. */
	if (can_turn(link) && (code == -32600 || code == -32602)) {
		turn(link);
		return;
	}
	buf_clear(&why);
	buf_add(&why, S("the server refused to start a session: "));
	words_add_error(&why, link->upstream, message);
	why.max++;
	link_fail(link, LINK_REFUSED, buf_cstr(&why) ? why.p : "the server refused to start a session");
}

static bool take_revision(struct link *link, const struct message *message)
{
	const struct json *json = message->json;
	json_at at;

	if (link->era == ERA_MODERN) {
		link->revision = REVISION_2026_07_28;
		return names_modern(json, json_get(json, message->result, S("supportedVersions")));
	}
	at = json_get(json, message->result, S("protocolVersion"));
	if (json_is(json, at, JSON_STRING))
		link->revision = revision_of(json_string_raw(json, at));
	return revision_era(link->revision) == ERA_LEGACY;
}

static void fail_answer(struct link *link, size_t bytes)
{
	if (bytes > link->init_result.max)
		link_fail(link, LINK_GARBAGE,
			  "the server's answer to the greeting is over the limit of 1 MiB");
	else
		link_fail(link, LINK_CROWDED, link_crowded);
}

static void on_handshake(struct call *call, const struct message *message, bool final)
{
	struct link *link = LIST_ENTRY(call, struct link, handshake);

	if (!final)
		return;
	if (message->kind == MESSAGE_ERROR) {
		handshake_error(link, message);
		return;
	}
	buf_clear(&link->init_result);
	json_emit(&link->init_result, message->json, message->result, NULL, 0);
	if (!take_revision(link, message)) {
		mismatch(link, "it answers with a revision nobody knows");
		return;
	}
	if (!buf_ok(&link->init_result)) {
		fail_answer(link, json_raw(message->json, message->result).n);
		return;
	}
	server_learn(link->server, link->era, true, loop_now(link->upstream->loop));
	if (link->server->kind == SERVER_HTTP)
		link->server->met = link_has_requests(link) ? WIRE_STREAMABLE : WIRE_SSE;
	link->state_of = LINK_READY;
	common_well(server_common(link->server));
	if (link->transport->settled)
		link->transport->settled(link);
	link->events->on_ready(link->owner, link);
}

void handshake_adopt(struct link *link, enum era era, enum revision revision, struct span result)
{
	if (link->state_of != LINK_OPENING)
		return;
	if (link->era != era && !turn_hello(link)) {
		fail_hello(link);
		return;
	}
	link->revision = revision;
	buf_add(&link->init_result, result);
	if (!buf_ok(&link->init_result)) {
		link_fail(link, LINK_CROWDED, link_crowded);
		return;
	}
	server_learn(link->server, era, true, loop_now(link->upstream->loop));
	link->initialized_sent = true;
	link->state_of = LINK_READY;
	link->events->on_ready(link->owner, link);
}

static void on_handshake_failed(struct call *call, enum link_failure failure, struct span why)
{
	struct link *link = LIST_ENTRY(call, struct link, handshake);
	char text[sizeof(link->why)];

	(void)span_to_cstr(span_first(why, sizeof(text) - 1), text, sizeof(text));
	if (failure == LINK_MISMATCH) {
		mismatch(link, text);
		return;
	}
	link_fail(link, failure == LINK_UNSENT ? LINK_START : failure, text);
}

void handshake_begin(struct link *link)
{
	CLEANUP(buf_release) struct buf message = BUF_INIT((size_t)1 << 20);
	enum method method = link->era == ERA_LEGACY ? METHOD_INITIALIZE : METHOD_DISCOVER;
	struct send_facts facts = { .method = method,
				    .method_name = method_info(method)->name,
				    .repeatable = true };

	link->handshake = (struct call){ .on_message = on_handshake, .on_failed = on_handshake_failed };
	buf_add(&message, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add_u64(&message, link_take_id(link, &link->handshake));
	buf_add(&message, S(",\"method\":\""));
	buf_add(&message, facts.method_name);
	buf_add(&message, link->era == ERA_LEGACY ? S("\",\"params\":") : S("\",\"params\":{\"_meta\":"));
	buf_add(&message, buf_span(&link->init_params));
	buf_add(&message, link->era == ERA_LEGACY ? S("}") : S("}}"));
	if (!buf_ok(&message)) {
		link_fail(link, LINK_REFUSED, handshake_too_long);
		return;
	}
	link_request(link, &link->handshake, buf_span(&message), &facts);
	link->deadline_ms = handshake_deadline(link);
}

uint64_t handshake_deadline(const struct link *link)
{
	/* Until it is asked, the server is only being reached. */
	bool probe = call_is_open(&link->handshake) && link->era == ERA_MODERN && !link_has_requests(link) &&
		     can_turn(link) && link->server->modern != SPEAKS_YES;

	return loop_now(link->upstream->loop) + (probe ? HANDSHAKE_PROBE_MS : LIMIT_HANDSHAKE_MS);
}

void handshake_late(struct link *link)
{
	char why[LINK_WHY_BYTES];

	/*
	 * Some legacy servers say nothing to what they do not know; others have not come up yet. Nothing is
	 * learnt from silence, and both get the other greeting.
	 */
	if (call_is_open(&link->handshake) && link->era == ERA_MODERN && !link_has_requests(link) &&
	    can_turn(link)) {
		turn(link);
		return;
	}
	(void)snprintf(
	    why, sizeof(why), "the server did not answer %s within %u s%s",
	    link->era == ERA_LEGACY ? "initialize" : "server/discover", (unsigned)(LIMIT_HANDSHAKE_MS / 1000),
	    server_is_started(link->server) ? "; what it writes to stderr is in the gate's log" : "");
	link_fail(link, LINK_SILENT, why);
}
