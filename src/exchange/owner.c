/* owner.c - whose a URI is where all servers stand together. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/owner.h"

#include "exchange/account.h"
#include "exchange/lists.h"
#include "mcp/uri_template.h"
#include "json/write.h"

enum {
	OWNER_LISTS_MS = 30000, /* so old may a list be that is looked at for a URI … */
	OWNER_AGAIN_MS = 2000,	/* … and so old where it is not found */
	OWNER_STEPS = 1 << 24,	/* that comparing all URIs of a request with all templates may take */
	OWNER_SHOWN = 512,	/* bytes of a URI in an error */
};

struct owner {
	struct attachment *first, *second; /* second: contested */
};

/* --- what is asked for --- */

static json_at reference_of(const struct exchange *x)
{
	json_at at = x->message.params == JSON_NONE ? JSON_NONE
						    : json_get(x->message.json, x->message.params, S("ref"));

	return json_is(x->message.json, at, JSON_OBJECT) ? at : JSON_NONE;
}

static bool is_resource_reference(const struct exchange *x)
{
	json_at ref = reference_of(x);

	if (ref == JSON_NONE)
		return false;
	ref = json_get(x->message.json, ref, S("type"));
	return json_is(x->message.json, ref, JSON_STRING) &&
	       json_string_is(x->message.json, ref, S("ref/resource"));
}

bool owner_is_asked(const struct exchange *x)
{
	return x->method == METHOD_RESOURCES_READ || x->method == METHOD_RESOURCES_SUBSCRIBE ||
	       x->method == METHOD_RESOURCES_UNSUBSCRIBE ||
	       (x->method == METHOD_COMPLETE && is_resource_reference(x));
}

json_at owner_name_place(const struct exchange *x)
{
	json_at from = x->message.params;
	struct span member = method_info(x->method)->named_by;

	if (x->method == METHOD_COMPLETE) {
		from = reference_of(x);
		member = is_resource_reference(x) ? S("uri") : S("name");
	} else if (x->method == METHOD_RESOURCES_SUBSCRIBE || x->method == METHOD_RESOURCES_UNSUBSCRIBE) {
		member = S("uri");
	}
	return from == JSON_NONE || member.n == 0 ? JSON_NONE : json_get(x->message.json, from, member);
}

bool owner_take_reference(struct exchange *x)
{
	CLEANUP(buf_release) struct buf scratch = BUF_INIT((size_t)64 * 1024);
	json_at at = owner_name_place(x);

	if (!json_is(x->message.json, at, JSON_STRING))
		return false;
	if (x->name.n == 0) {
		x->name = arena_dup(&x->arena, json_string(x->message.json, at, &scratch));
		x->own_name = x->name;
	}
	return x->name.p != NULL;
}

bool owner_omits(struct exchange *x, struct server *server)
{
	const struct attachment *attachment = lists_attachment(x, server);

	return attachment && offer_omits(attachment->shelves[OFFER_PROMPTS].offer, x->own_name);
}

/* --- whose it is --- */

static void claim(struct owner *owner, struct attachment *attachment)
{
	if (!owner->first)
		owner->first = attachment;
	else if (!owner->second && attachment != owner->first)
		owner->second = attachment;
}

static bool has_template(const struct attachment *attachment, struct span uri, size_t *steps)
{
	const struct offer *offer = attachment->shelves[OFFER_TEMPLATES].offer;

	for (size_t i = 0; offer && i < offer->n; i++)
		if (offer->items[i].omission == OMIT_NOTHING &&
		    uri_template_matches(offer->items[i].key, uri, steps))
			return true;
	return false;
}

/* The ways to own a URI, the strongest first. */
enum title { TITLE_LISTED, TITLE_TEMPLATE_ITSELF, TITLE_TEMPLATE, TITLE_LEARNT, TITLES };

static bool has_title(const struct attachment *attachment, enum title title, struct span uri, size_t *steps)
{
	switch (title) {
	case TITLE_LISTED:
		return offer_find(attachment->shelves[OFFER_RESOURCES].offer, uri) != NULL;
	case TITLE_TEMPLATE_ITSELF:
		return offer_find(attachment->shelves[OFFER_TEMPLATES].offer, uri) != NULL;
	case TITLE_TEMPLATE:
		return has_template(attachment, uri, steps);
	case TITLE_LEARNT:
		return uri_set_has(&attachment->learnt, uri) ||
		       (attachment->link && catalogue_shows(attachment->link->catalogue, uri));
	case TITLES:
		break;
	}
	return false;
}

static struct owner find_owner(struct exchange *x, struct span uri)
{
	struct owner owner = { 0 };
	size_t steps = OWNER_STEPS - x->owner_steps;

	for (unsigned title = 0; title < TITLES && steps && !owner.first; title++) {
		/* Only a completion is about the template itself. */
		if (title == TITLE_TEMPLATE_ITSELF && x->method != METHOD_COMPLETE)
			continue;
		LIST_EACH(&x->worker->servers, node) {
			struct attachment *attachment =
			    lists_attachment(x, LIST_ENTRY(node, struct server, node));

			if (attachment && has_title(attachment, (enum title)title, uri, &steps))
				claim(&owner, attachment);
		}
	}
	x->owner_steps = OWNER_STEPS - steps;
	/* Where the steps did not do, who else has it is not known. */
	return steps ? owner : (struct owner){ 0 };
}

/* spec: mcp resources: a resource that is not there is -32002, from 2026-07-28 on -32602. */
static enum stage_result refuse_uri(struct exchange *x, const char *code, struct span text)
{
	CLEANUP(buf_release) struct buf data = BUF_INIT((size_t)8 * OWNER_SHOWN);
	bool missing = x->revision < REVISION_2026_07_28 && x->method != METHOD_COMPLETE;
	struct span shown = x->name;

	/* Cut between characters. */
	if (shown.n > OWNER_SHOWN)
		shown = span_first(shown, OWNER_SHOWN);
	while (shown.n && shown.n < x->name.n && ((unsigned char)x->name.p[shown.n] & 0xc0) == 0x80)
		shown.n--;
	buf_add(&data, S("\"uri\":"));
	json_add_string(&data, shown);
	x->worker->metrics.denied++;
	exchange_refuse(x, 200, missing ? -32002 : -32602, code, text, buf_span(&data));
	return STAGE_DONE;
}

static enum stage_result refuse_contested(struct exchange *x, const struct owner *owner)
{
	struct span a = server_shown(owner->first->server), b = server_shown(owner->second->server);
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1024);
	struct link *link = owner->first->link;
	uint32_t missed;

	if (link && log_brake_pass(&link->brake, loop_now(&x->worker->loop), 3, &missed))
		log_event(x->worker->log, LOG_WARN, "catalogue.contested",
			  "A resource that two servers offer was asked for, and is neither's.",
			  LF("server", a), LF("other", b), LF("uri", span_first(x->name, 128)),
			  LFN("more", missed));
	buf_addf(
	    &text,
	    "The servers %.*s and %.*s both offer this resource, so it is neither's here; ask one of them "
	    "alone (/mcp/SERVER)",
	    SPAN_ARG(a), SPAN_ARG(b));
	return refuse_uri(x, "K617", buf_span(&text));
}

enum stage_result owner_settle(struct exchange *x)
{
	uint64_t most = x->refetched ? OWNER_AGAIN_MS : OWNER_LISTS_MS;

	return lists_settle(x, 1U << OFFER_RESOURCES | 1U << OFFER_TEMPLATES,
			    x->started_ms > most ? x->started_ms - most : 1);
}

struct attachment *owner_of(struct exchange *x, struct span uri)
{
	struct owner owner = find_owner(x, uri);

	return owner.second ? NULL : owner.first;
}

enum stage_result owner_choose(struct exchange *x)
{
	enum stage_result result = owner_settle(x);
	struct owner owner;

	if (result != STAGE_NEXT)
		return result;
	owner = find_owner(x, x->name);
	if (!owner.first && !x->refetched) {
		x->refetched = true;
		result = owner_settle(x);
		if (result != STAGE_NEXT)
			return result;
		owner = find_owner(x, x->name);
	}
	if (!owner.first)
		return refuse_uri(x, NULL,
				  x->method == METHOD_COMPLETE ? S("Unknown resource or template")
							       : S("Resource not found"));
	if (owner.second)
		return refuse_contested(x, &owner);
	x->attachment = owner.first;
	x->server = owner.first->server;
	/* From now on it is the server's time that runs. */
	x->last_ms = loop_now(&x->worker->loop);
	return STAGE_NEXT;
}

/* --- what results tell --- */

static void learn(struct attachment *attachment, const struct json *json, json_at object)
{
	CLEANUP(buf_release) struct buf scratch = BUF_INIT((size_t)64 * 1024);
	json_at at = json_is(json, object, JSON_OBJECT) ? json_get(json, object, S("uri")) : JSON_NONE;

	if (json_is(json, at, JSON_STRING))
		uri_set_add(&attachment->learnt, &attachment->client->account->held,
			    json_string(json, at, &scratch));
}

/* A block of content: a link to a resource, or one that stands in it. */
static void learn_block(struct attachment *attachment, const struct json *json, json_at block)
{
	json_at type = json_is(json, block, JSON_OBJECT) ? json_get(json, block, S("type")) : JSON_NONE;

	if (!json_is(json, type, JSON_STRING))
		return;
	if (json_string_is(json, type, S("resource_link")))
		learn(attachment, json, block);
	if (json_string_is(json, type, S("resource")))
		learn(attachment, json, json_get(json, block, S("resource")));
}

typedef void learn_item(struct attachment *attachment, const struct json *json, json_at at);

static void learn_each(struct attachment *attachment, const struct json *json, json_at array,
		       learn_item *each)
{
	if (!json_is(json, array, JSON_ARRAY))
		return;
	for (json_at at = json_first(json, array); at != JSON_NONE; at = json_next(json, array, at))
		each(attachment, json, at);
}

static void learn_message(struct attachment *attachment, const struct json *json, json_at message)
{
	json_at content = json_is(json, message, JSON_OBJECT) ? json_get(json, message, S("content"))
							      : JSON_NONE;

	if (json_is(json, content, JSON_ARRAY))
		learn_each(attachment, json, content, learn_block);
	else
		learn_block(attachment, json, content);
}

static void learn_outcome(struct attachment *attachment, const struct json *json, json_at result)
{
	if (json_is(json, result, JSON_OBJECT))
		learn_each(attachment, json, json_get(json, result, S("content")), learn_block);
}

void owner_learn(struct exchange *x, const struct message *message)
{
	const struct json *json = message->json;
	struct attachment *attachment = x->attachment;

	if (x->only || !attachment || message->kind != MESSAGE_RESULT ||
	    !json_is(json, message->result, JSON_OBJECT))
		return;
	if (x->method == METHOD_TOOLS_CALL || x->method == METHOD_TASKS_RESULT ||
	    x->method == METHOD_TASKS_GET)
		learn_outcome(attachment, json, message->result);
	/* In the modern era what a task ended with stands in its state. */
	if (x->method == METHOD_TASKS_GET)
		learn_outcome(attachment, json, json_get(json, message->result, S("result")));
	if (x->method == METHOD_PROMPTS_GET)
		learn_each(attachment, json, json_get(json, message->result, S("messages")), learn_message);
	if (x->method == METHOD_RESOURCES_READ)
		learn_each(attachment, json, json_get(json, message->result, S("contents")), learn);
}

static bool is_anothers(const struct attachment *attachment, struct span uri)
{
	LIST_EACH(&attachment->client->attachments, node) {
		const struct attachment *other = LIST_ENTRY(node, struct attachment, node);

		if (other->server != attachment->server &&
		    offer_find(other->shelves[OFFER_RESOURCES].offer, uri))
			return true;
	}
	return false;
}

/* spec: mcp resources: the URI may be that of a sub-resource of the one that was subscribed to. */
bool owner_hears(struct attachment *attachment, const struct message *message)
{
	const struct json *json = message->json;
	CLEANUP(buf_release) struct buf scratch = BUF_INIT((size_t)64 * 1024);
	json_at at = message->params == JSON_NONE ? JSON_NONE : json_get(json, message->params, S("uri"));
	struct span uri;

	if (attachment->client->only || message->method != METHOD_RESOURCE_UPDATED)
		return true;
	if (list_empty(&attachment->watches) || !json_is(json, at, JSON_STRING))
		return false;
	uri = json_string(json, at, &scratch);
	if (!uri.p || is_anothers(attachment, uri))
		return false;
	uri_set_add(&attachment->learnt, &attachment->client->account->held, uri);
	return true;
}
