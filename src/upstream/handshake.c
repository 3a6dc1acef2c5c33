/* handshake.c - the greeting of a server: what is asked first, and what its answer means. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/handshake.h"

#include "upstream/words.h"
#include "json/write.h"

const char handshake_too_long[] =
    "what the client says of itself (capabilities, clientInfo) is over the limit of 256 KiB";

const char *handshake_mismatch_text(enum era era)
{
	return era == ERA_LEGACY ? "the server speaks only revisions from 2026-07-28 on, the client asks for "
				   "an older one: update the client"
				 : "the server speaks only revisions before 2026-07-28: let the client begin "
				   "with initialize, or update the server";
}

static void mismatch(struct link *link)
{
	server_learn(link->server, link->era, false, loop_now(link->upstream->loop));
	link_fail(link, LINK_MISMATCH, handshake_mismatch_text(link->era));
}

static void handshake_error(struct link *link, const struct message *message)
{
	CLEANUP(buf_release) struct buf why = BUF_INIT(sizeof(link->why) - 1);
	int64_t code = 0;

	(void)json_i64(message->json, json_get(message->json, message->error, S("code")), &code);
	/*
	 * A modern client's probe is answered by legacy servers with all kinds of errors: any of them
	 * means "not modern". The other way round it is -32022, or that there is no such method.
	 */
	if (link->era == ERA_MODERN || code == -32022 || code == -32601) {
		mismatch(link);
		return;
	}
	buf_add(&why, S("the server refused to start a session: "));
	words_add_error(&why, link->upstream, message);
	why.max++; /* the room kept for the NUL */
	link_fail(link, LINK_REFUSED, buf_cstr(&why) ? why.p : "the server refused to start a session");
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
		mismatch(link);
		return;
	}
	if (!buf_ok(&link->init_result)) {
		link_fail(link, LINK_GARBAGE,
			  "the server's answer to the greeting is over the limit of 1 MiB");
		return;
	}
	server_learn(link->server, link->era, true, loop_now(link->upstream->loop));
	if (link->server->kind == SERVER_HTTP)
		link->server->met = link_has_requests(link) ? WIRE_STREAMABLE : WIRE_SSE;
	link->state_of = LINK_READY;
	if (link->transport->ready)
		link->transport->ready(link);
	link->events->on_ready(link->owner, link);
}

static void on_handshake_failed(struct call *call, enum link_failure failure, struct span why)
{
	struct link *link = LIST_ENTRY(call, struct link, handshake);
	char text[sizeof(link->why)];

	if (failure == LINK_MISMATCH) {
		mismatch(link);
		return;
	}
	(void)span_to_cstr(span_first(why, sizeof(text) - 1), text, sizeof(text));
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
		link_fail(link, LINK_START, handshake_too_long);
		return;
	}
	link_request(link, &link->handshake, buf_span(&message), &facts);
}

void handshake_late(struct link *link)
{
	char why[LINK_WHY_BYTES];

	(void)snprintf(
	    why, sizeof(why), "the server did not answer %s within %u s%s",
	    link->era == ERA_LEGACY ? "initialize" : "server/discover", (unsigned)(LIMIT_HANDSHAKE_MS / 1000),
	    server_is_started(link->server) ? "; what it writes to stderr is in the gate's log" : "");
	link_fail(link, LINK_SILENT, why);
}
