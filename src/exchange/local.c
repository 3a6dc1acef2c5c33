/* local.c - answers the gate gives itself: greetings, and lists it has looked at. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/check.h"
#include "exchange/client.h"
#include "exchange/roundup.h"
#include "exchange/subscription.h"
#include "exchange/view.h"
#include "mcp/translate.h"
#include "json/write.h"

#define OWN_INFO "{\"name\":\"kanmon\",\"title\":\"Kanmon\",\"version\":\"" KANMON_VERSION "\"}"

/* Answered by the gate at every endpoint; and only where all servers stand together. */
static bool is_own(enum method method)
{
	return method == METHOD_INITIALIZE || method == METHOD_DISCOVER || method == METHOD_PING ||
	       method == METHOD_TOOLS_LIST;
}

static bool is_joint(enum method method)
{
	return method == METHOD_PROMPTS_LIST || method == METHOD_SET_LEVEL || method == METHOD_LISTEN;
}

/* URIs and the ids of tasks carry no server's name: where all stand together, nobody could tell whose they
 * are. */
static bool is_absent(const struct exchange *x)
{
	return !x->only && !is_own(x->method) && !is_joint(x->method) && x->method != METHOD_PROMPTS_GET &&
	       x->method != METHOD_TOOLS_CALL;
}

bool local_method(const struct exchange *x)
{
	return is_own(x->method) || (!x->only && is_joint(x->method)) || is_absent(x);
}

/* spec: mcp/2025-11-25 tasks: a receiver that declares none processes the request normally. */
json_at local_withheld(const struct exchange *x)
{
	const struct json *json = x->message.json;
	json_at at;

	if (x->only)
		return JSON_NONE;
	if (x->revision < REVISION_2026_07_28)
		return x->method == METHOD_TOOLS_CALL ? json_get(json, x->message.params, S("task"))
						      : JSON_NONE;
	at = message_claim(&x->message).capabilities;
	at = at == JSON_NONE ? at : json_get(json, at, S("extensions"));
	return json_is(json, at, JSON_OBJECT) ? json_get(json, at, S(META_PREFIX "tasks")) : JSON_NONE;
}

static enum stage_result not_here(struct exchange *x)
{
	exchange_refuse(x, exchange_status(x, -32601), -32601, "K601", S("Method not found"), S(""));
	return STAGE_DONE;
}

static enum stage_result absent(struct exchange *x)
{
	x->worker->metrics.denied++;
	exchange_refuse(
	    x, exchange_status(x, -32601), -32601, "K601",
	    S("Method not found: all servers together offer tools and prompts; for the rest ask one "
	      "server alone (/mcp/SERVER)"),
	    S(""));
	return STAGE_DONE;
}

/* --- what is needed before the answer: links, catalogues --- */

/* Else a list may have changed without a word, and is fetched anew for who asks. */
static bool list_is_watched(const struct link *link)
{
	return link->era == ERA_LEGACY && link_declares(link, S("tools"), S("listChanged"));
}

/*
 * One server of a common answer. True: it has come as far as it will. What is begun here (a link,
 * a fetch) is begun once for the exchange: a server that fails is left out, not tried in a circle.
 */
static bool settled(struct exchange *x, struct attachment *attachment)
{
	bool tools = x->method == METHOD_TOOLS_LIST;
	struct link *link;

	if (!attachment->link && !x->opened)
		(void)attachment_open(attachment);
	link = attachment->link;
	if (!link || x->hurry)
		return true;
	if (link->state_of != LINK_READY)
		return false;
	if (!tools || !link_has_capability(link, S("tools")) || (link->catalogue && list_is_watched(link)))
		return true;
	if (attachment->fetch)
		return false;
	/* Fetched since the exchange began: it is as it is now, or it could not be had. */
	if (attachment->fetched_ms >= x->started_ms)
		return true;
	return !attachment_fetch(attachment);
}

static enum stage_result settle_all(struct exchange *x)
{
	struct attachment *open = NULL;
	bool crowded = false;

	LIST_EACH(&x->worker->servers, node) {
		struct server *server = LIST_ENTRY(node, struct server, node);
		struct attachment *attachment = client_sees(x->client, server) ? attachment_for(x, server)
									       : NULL;

		if (attachment && !settled(x, attachment))
			open = attachment;
		crowded |= attachment && !attachment->link && attachment->crowded;
	}
	/* Left out without a word, it would look as if there were no such server. */
	if (crowded && !x->opened)
		return attachment_refuse_crowded(x);
	x->opened = true;
	if (!open)
		return STAGE_NEXT;
	return attachment_park(open, x) ? STAGE_WAIT : STAGE_DONE;
}

static enum stage_result route_one(struct exchange *x)
{
	enum stage_result result;

	if (!x->attachment) {
		x->attachment = attachment_for(x, x->only);
		x->server = x->only;
	}
	if (!x->attachment) {
		exchange_refuse(x, 503, -32603, "K803", S("The gate has no memory for a connection"), S(""));
		return STAGE_DONE;
	}
	result = attachment_need_link(x);
	if (result != STAGE_NEXT || x->method != METHOD_TOOLS_LIST)
		return result;
	if (!link_has_capability(x->attachment->link, S("tools")))
		return not_here(x);
	return attachment_need_catalogue(x, !list_is_watched(x->attachment->link));
}

enum stage_result local_route(struct exchange *x)
{
	if (is_absent(x))
		return absent(x);
	if (x->method == METHOD_PING || x->method == METHOD_LISTEN || x->method == METHOD_SET_LEVEL)
		return STAGE_NEXT;
	if (x->only)
		return route_one(x);
	return settle_all(x);
}

/* --- the answers --- */

/* A tool's definition in the words of the client's revision; `store` holds it where it is not the server's
 * own. */
static struct span tool_text(const struct exchange *x, const struct attachment *attachment,
			     const struct tool *tool, struct buf *store)
{
	struct json *json = &x->worker->side;
	struct legs legs = { attachment->link->revision, x->revision };
	struct arena arena = ARENA_INIT((size_t)CATALOGUE_BYTES);
	struct edits edits = { .arena = &arena };

	if (legs.from == legs.to || !json_parse(json, tool->raw, tool->raw.n))
		return tool->raw;
	translate_tool(json, 0, legs, &edits);
	json_emit(store, json, 0, edits.list, edits.n);
	store->over |= edits.over;
	arena_release(&arena);
	return buf_span(store);
}

static void add_visible(struct exchange *x, struct buf *out, struct attachment *attachment)
{
	const struct catalogue *catalogue = attachment->link->catalogue;
	struct json *json = &x->worker->side;
	bool first = true;

	for (size_t i = 0; i < catalogue->n; i++) {
		const struct tool *tool = &catalogue->tools[i];
		CLEANUP(buf_release) struct buf array = BUF_INIT(CATALOGUE_BYTES);
		CLEANUP(buf_release) struct buf text = BUF_INIT(CATALOGUE_BYTES);

		if (!view_has(attachment, tool))
			continue;
		if (x->only) {
			if (!first)
				buf_add_char(out, ',');
			buf_add(out, tool_text(x, attachment, tool, &text));
			first = false;
			continue;
		}
		buf_add_char(&array, '[');
		buf_add(&array, tool_text(x, attachment, tool, &text));
		buf_add_char(&array, ']');
		if (!roundup_add(out, json, buf_span(&array), attachment->server->name)) {
			/* Of tools all are shown, or the client is told that they are too many. */
			out->over = true;
			return;
		}
	}
}

/*
 * The server's own result with the tools that may be seen. What a token may see is its own affair:
 * no cache may hand it to another.
 */
static void tools_of_one(struct exchange *x, struct buf *out, struct span tools)
{
	struct json *json = &x->worker->side;
	const struct catalogue *catalogue = x->attachment->link->catalogue;
	CLEANUP(buf_release) struct buf head = BUF_INIT((size_t)64 * 1024 * 1024);
	struct json_edit edits[2];
	size_t n = 0;
	json_at scope;

	buf_add(&head, S("\"tools\":["));
	buf_add(&head, tools);
	buf_add_char(&head, ']');
	if (!json_parse(json, catalogue->result, catalogue->result.n))
		check(json_parse(json, S("{}"), 2));
	scope = json_get(json, 0, S("cacheScope"));
	if (x->revision < REVISION_2026_07_28 && x->attachment->link->era == ERA_MODERN) {
		if (!json_parse(json, S("{}"), 2))
			return;
		scope = JSON_NONE;
	}
	if (x->revision >= REVISION_2026_07_28) {
		if (json_get(json, 0, S("resultType")) == JSON_NONE)
			buf_add(&head, S(",\"resultType\":\"complete\""));
		if (json_get(json, 0, S("ttlMs")) == JSON_NONE)
			buf_add(&head, S(",\"ttlMs\":0"));
		if (scope == JSON_NONE)
			buf_add(&head, S(",\"cacheScope\":\"private\""));
	}
	edits[n++] = (struct json_edit){ 0, JSON_INSERT, buf_span(&head) };
	if (scope != JSON_NONE)
		edits[n++] = (struct json_edit){ scope, JSON_REPLACE, S("\"private\"") };
	json_emit(out, json, 0, edits, n);
}

static void tools_of_all(struct exchange *x, struct buf *tools)
{
	view_given(x->client, VIEW_TOOLS);
	LIST_EACH(&x->worker->servers, node) {
		struct server *server = LIST_ENTRY(node, struct server, node);
		struct attachment *attachment = client_sees(x->client, server) ? attachment_for(x, server)
									       : NULL;
		struct catalogue *catalogue = attachment && attachment->link ? attachment->link->catalogue
									     : NULL;

		if (attachment)
			view_tools_given(attachment, catalogue);
		if (catalogue)
			add_visible(x, tools, attachment);
	}
}

static enum stage_result answer_tools(struct exchange *x)
{
	CLEANUP(buf_release) struct buf tools = BUF_INIT((size_t)32 * 1024 * 1024);
	CLEANUP(buf_release) struct buf result = BUF_INIT((size_t)64 * 1024 * 1024);

	if (x->message.params != JSON_NONE &&
	    json_get(x->message.json, x->message.params, S("cursor")) != JSON_NONE) {
		exchange_refuse(x, 200, -32602, "K610", S("Invalid cursor: lists come whole"), S(""));
		return STAGE_DONE;
	}
	if (x->only) {
		add_visible(x, &tools, x->attachment);
		tools_of_one(x, &result, buf_span(&tools));
	} else {
		tools_of_all(x, &tools);
		buf_add(&result, S("{\"tools\":["));
		buf_add(&result, buf_span(&tools));
		buf_add_char(&result, ']');
		if (x->revision >= REVISION_2026_07_28)
			buf_add(&result,
				S(",\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\""));
		buf_add_char(&result, '}');
	}
	if (buf_ok(&result) && buf_ok(&tools))
		exchange_answer(x, &result);
	else
		exchange_refuse(x, 200, -32603, "K803", S("The list is too large"), S(""));
	return STAGE_DONE;
}

struct offered {
	bool tools, prompts, logging;
	size_t servers;
};

static struct offered offered_by_all(const struct exchange *x)
{
	struct offered offered = { 0 };

	LIST_EACH(&x->client->attachments, node) {
		const struct link *link = LIST_ENTRY(node, struct attachment, node)->link;

		if (!link || link->state_of != LINK_READY)
			continue;
		offered.servers++;
		offered.tools |= link_has_capability(link, S("tools"));
		offered.prompts |= link_has_capability(link, S("prompts"));
		offered.logging |= link_has_capability(link, S("logging"));
	}
	return offered;
}

static void add_offered(struct buf *out, const struct offered *offered)
{
	const struct span changes = S("{\"listChanged\":true}");

	buf_add(out, S("{"));
	json_put_raw(out, S("tools"), changes);
	if (offered->prompts)
		json_put_raw(out, S("prompts"), changes);
	if (offered->logging)
		json_put_raw(out, S("logging"), S("{}"));
	buf_add_char(out, '}');
}

static enum revision asked_revision(const struct exchange *x)
{
	json_at at = x->message.params == JSON_NONE
			 ? JSON_NONE
			 : json_get(x->message.json, x->message.params, S("protocolVersion"));
	enum revision revision = json_is(x->message.json, at, JSON_STRING)
				     ? revision_of(json_string_raw(x->message.json, at))
				     : REVISION_NONE;

	return revision_era(revision) == ERA_LEGACY ? revision : REVISION_LAST_LEGACY;
}

/* What the one server said when it was greeted, in the client's words; no cache may hand it to another. */
static void add_greeting(struct exchange *x, struct buf *out, enum revision to)
{
	const struct link *link = x->attachment->link;
	struct json *json = &x->worker->side;
	struct json_edit edit = { JSON_NONE, JSON_REPLACE, S("\"private\"") };
	char store[32];
	struct buf version = buf_over(store, sizeof(store));

	if (!json_parse(json, buf_span(&link->init_result), link->init_result.max))
		return;
	if (revision_era(to) != link->era) {
		translate_greeting(out, json, 0, (struct legs){ link->revision, to }, S(OWN_INFO));
		return;
	}
	edit.at = json_get(json, 0, link->era == ERA_MODERN ? S("cacheScope") : S("protocolVersion"));
	if (link->era == ERA_LEGACY) {
		json_add_string(&version, revision_name(to));
		edit.bytes = buf_span(&version);
	}
	json_emit(out, json, 0, &edit, edit.at == JSON_NONE ? 0 : 1);
}

static enum stage_result answer_initialize(struct exchange *x)
{
	CLEANUP(buf_release) struct buf result = BUF_INIT((size_t)2 << 20);
	struct offered offered;

	if (x->only) {
		x->client->revision = asked_revision(x);
		add_greeting(x, &result, x->client->revision);
	} else {
		x->client->revision = asked_revision(x);
		offered = offered_by_all(x);
		buf_addf(&result, "{\"protocolVersion\":\"%.*s\",\"capabilities\":",
			 SPAN_ARG(revision_name(x->client->revision)));
		add_offered(&result, &offered);
		buf_add(&result, S(",\"serverInfo\":" OWN_INFO "}"));
	}
	exchange_answer(x, &result);
	return STAGE_DONE;
}

static enum stage_result answer_discover(struct exchange *x)
{
	CLEANUP(buf_release) struct buf result = BUF_INIT((size_t)2 << 20);
	struct offered offered;

	if (x->only) {
		add_greeting(x, &result, REVISION_2026_07_28);
		exchange_answer(x, &result);
		return STAGE_DONE;
	}
	offered = offered_by_all(x);
	buf_add(&result,
		S("{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":"));
	add_offered(&result, &offered);
	buf_add(&result,
		S(",\"ttlMs\":0,\"cacheScope\":\"private\",\"_meta\":{\"" META_SERVER "\":" OWN_INFO "}}"));
	exchange_answer(x, &result);
	return STAGE_DONE;
}

/* The level is per session: every server of the session that logs is told. */
static enum stage_result answer_set_level(struct exchange *x)
{
	LIST_EACH(&x->client->attachments, node) {
		struct link *link = LIST_ENTRY(node, struct attachment, node)->link;
		const struct send_facts facts = { .method = METHOD_SET_LEVEL,
						  .method_name = method_info(METHOD_SET_LEVEL)->name };
		struct call quiet = { 0 };
		char store[24];
		struct buf number = { .p = store, .cap = sizeof(store), .max = sizeof(store) };
		struct json_edit edit;

		if (!link || link->state_of != LINK_READY || !link_has_capability(link, S("logging")))
			continue;
		/* Its answer says nothing the client needs; it is dropped as one nobody waits for. */
		buf_add_u64(&number, link_take_id(link, &quiet));
		edit = (struct json_edit){ x->message.id, JSON_REPLACE, buf_span(&number) };
		buf_clear(&x->worker->out);
		json_emit(&x->worker->out, x->message.json, x->message.root, &edit, 1);
		if (buf_ok(&x->worker->out))
			link_send(link, buf_span(&x->worker->out), &facts);
	}
	exchange_answer(x, NULL);
	return STAGE_DONE;
}

enum stage_result local_answer(struct exchange *x)
{
	if (x->method == METHOD_TOOLS_LIST)
		return answer_tools(x);
	if (x->method == METHOD_INITIALIZE)
		return answer_initialize(x);
	if (x->method == METHOD_DISCOVER)
		return answer_discover(x);
	if (x->method == METHOD_PROMPTS_LIST)
		return roundup_begin(x);
	if (x->method == METHOD_SET_LEVEL)
		return answer_set_level(x);
	if (x->method == METHOD_LISTEN)
		return subscription_begin(x);
	exchange_answer(x, NULL);
	return STAGE_DONE;
}
