/* local.c - answers the gate gives itself: greetings, and lists it has looked at. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/check.h"
#include "exchange/client.h"
#include "exchange/finding.h"
#include "exchange/known.h"
#include "exchange/listening.h"
#include "exchange/lists.h"
#include "exchange/owner.h"
#include "exchange/subscription.h"
#include "exchange/task_run.h"
#include "mcp/task.h"
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
	return method == METHOD_PROMPTS_LIST || method == METHOD_RESOURCES_LIST ||
	       method == METHOD_TEMPLATES_LIST || method == METHOD_SET_LEVEL || method == METHOD_LISTEN ||
	       method == METHOD_TASKS_LIST;
}

bool local_method(const struct exchange *x)
{
	return is_own(x->method) || (!x->only && is_joint(x->method)) || finding_is_asked(x);
}

/* spec: mcp/2025-11-25 tasks: a receiver that declares none processes the request normally. */
json_at local_withheld(const struct exchange *x)
{
	const struct json *json = x->message.json;
	json_at at;

	if ((x->only && !server_is_shared(x->only)) || link_takes_tasks(x->attachment->link))
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

/* --- what is needed before the answer --- */

static enum stage_result route_one(struct exchange *x)
{
	enum stage_result result;

	result = x->attachment ? STAGE_NEXT : attachment_choose(x, x->only);
	if (result != STAGE_NEXT)
		return result;
	if (known_answers(x))
		return STAGE_NEXT;
	result = attachment_need_link(x);
	if (result != STAGE_NEXT || x->method != METHOD_TOOLS_LIST)
		return result;
	if (!link_has_capability(x->attachment->link, S("tools")))
		return not_here(x);
	return attachment_need_catalogue(x, !offers_watched(x->attachment->link, OFFER_TOOLS));
}

static bool all_are_known(const struct exchange *x)
{
	LIST_EACH(&x->worker->servers, node) {
		const struct server *server = LIST_ENTRY(node, struct server, node);

		if (client_sees(x->client, server) && !server->declared)
			return false;
	}
	return true;
}

enum stage_result local_route(struct exchange *x)
{
	if (x->method == METHOD_LISTEN && subscription_names_resources(x))
		return owner_settle(x);
	if (x->method == METHOD_PING || x->method == METHOD_LISTEN || x->method == METHOD_TASKS_LIST ||
	    x->method == METHOD_SET_LEVEL)
		return STAGE_NEXT;
	if (x->only)
		return route_one(x);
	if (x->method == METHOD_TOOLS_CALL)
		return finding_route(x);
	/* Hosts probe, and may leave again: what is known of all servers is answered without one of them. */
	if (x->method == METHOD_DISCOVER && all_are_known(x))
		return STAGE_NEXT;
	return lists_settle(x, offers_kind(x->method) < OFFER_KINDS ? 1U << offers_kind(x->method) : 0,
			    x->started_ms);
}

/* --- the answers --- */

static const struct link *ready_link(const struct client *client, const struct server *server)
{
	LIST_EACH(&client->attachments, node) {
		const struct attachment *attachment = LIST_ENTRY(node, struct attachment, node);

		if (attachment->server == server && attachment->link &&
		    attachment->link->state_of == LINK_READY)
			return attachment->link;
	}
	return NULL;
}

/*
 * DECLARES_…: what one of them has, the whole has. Of a server that is not there now its last greeting
 * counts; who never was greeted may turn out to have lists, and none is as good as an empty one.
 */
static unsigned offered_by_all(const struct exchange *x)
{
	unsigned offered = 0;

	LIST_EACH(&x->worker->servers, node) {
		const struct server *server = LIST_ENTRY(node, struct server, node);
		const struct link *link = ready_link(x->client, server);

		if (!client_sees(x->client, server))
			continue;
		if (link)
			offered |= link_declared(link);
		else
			offered |= server->declared ? server->declared
						    : DECLARES_PROMPTS | DECLARES_RESOURCES;
	}
	return offered;
}

/* Subscriptions are a method of their own in the legacy era, and a part of listening in the modern one. */
static void add_offered(struct buf *out, unsigned offered, bool legacy)
{
	const struct span changes = S("{\"listChanged\":true}");

	buf_add(out, S("{"));
	json_put_raw(out, S("tools"), changes);
	if (offered & DECLARES_PROMPTS)
		json_put_raw(out, S("prompts"), changes);
	if (offered & DECLARES_RESOURCES)
		json_put_raw(out, S("resources"),
			     legacy && (offered & DECLARES_SUBSCRIBE)
				 ? S("{\"subscribe\":true,\"listChanged\":true}")
				 : changes);
	if (offered & DECLARES_COMPLETIONS)
		json_put_raw(out, S("completions"), S("{}"));
	if (offered & DECLARES_LOGGING)
		json_put_raw(out, S("logging"), S("{}"));
	if ((offered & DECLARES_TASKS) && legacy)
		json_put_raw(out, S("tasks"),
			     S("{\"list\":{},\"cancel\":{},\"requests\":{\"tools\":{\"call\":{}}}}"));
	else if (offered & DECLARES_TASKS)
		json_put_raw(out, S("extensions"), S("{\"" TASKS_EXTENSION "\":{}}"));
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
	unsigned offered;

	if (x->only) {
		x->client->revision = asked_revision(x);
		add_greeting(x, &result, x->client->revision);
	} else {
		x->client->revision = asked_revision(x);
		offered = offered_by_all(x);
		if (x->client->revision < REVISION_2025_11_25)
			offered &= ~(unsigned)DECLARES_TASKS;
		buf_addf(&result, "{\"protocolVersion\":\"%.*s\",\"capabilities\":",
			 SPAN_ARG(revision_name(x->client->revision)));
		add_offered(&result, offered, true);
		buf_add(&result, S(",\"serverInfo\":" OWN_INFO "}"));
	}
	exchange_answer(x, &result);
	return STAGE_DONE;
}

static enum stage_result answer_discover(struct exchange *x)
{
	CLEANUP(buf_release) struct buf result = BUF_INIT((size_t)2 << 20);
	unsigned offered;

	if (x->only) {
		add_greeting(x, &result, REVISION_2026_07_28);
		exchange_answer(x, &result);
		return STAGE_DONE;
	}
	offered = offered_by_all(x);
	buf_add(&result,
		S("{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":"));
	add_offered(&result, offered, false);
	buf_add(&result,
		S(",\"ttlMs\":0,\"cacheScope\":\"private\",\"_meta\":{\"" META_SERVER "\":" OWN_INFO "}}"));
	exchange_answer(x, &result);
	return STAGE_DONE;
}

/* The level is per session: every server of the session that logs is told. */
static enum stage_result answer_set_level(struct exchange *x)
{
	if (!listening_take_level(x)) {
		exchange_refuse(x, 200, -32602, "K605", S("Invalid params: no such log level"), S(""));
		return STAGE_DONE;
	}
	LIST_EACH(&x->client->attachments, node)
		listening_renew_level(LIST_ENTRY(node, struct attachment, node));
	exchange_answer(x, NULL);
	return STAGE_DONE;
}

enum stage_result local_answer(struct exchange *x)
{
	if (offers_kind(x->method) < OFFER_KINDS)
		return lists_answer(x);
	if (x->method == METHOD_TOOLS_CALL)
		return finding_answer(x);
	if (x->method == METHOD_INITIALIZE)
		return answer_initialize(x);
	if (x->method == METHOD_DISCOVER)
		return answer_discover(x);
	if (x->method == METHOD_SET_LEVEL)
		return answer_set_level(x);
	if (x->method == METHOD_LISTEN)
		return subscription_begin(x);
	if (x->method == METHOD_TASKS_LIST)
		return task_list(x);
	exchange_answer(x, NULL);
	return STAGE_DONE;
}
