/* lists.c - the lists of all servers together. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/lists.h"

#include "base/check.h"
#include "exchange/attach_room.h"
#include "exchange/finding.h"
#include "exchange/known.h"
#include "exchange/view.h"
#include "mcp/translate.h"
#include "json/write.h"

enum { LISTS_ITEMS_BYTES = 32 * 1024 * 1024, LISTS_RESULT_BYTES = 64 * 1024 * 1024 };

struct attachment *lists_attachment(struct exchange *x, struct server *server)
{
	return client_sees(x->client, server) ? attachment_for(x, server) : NULL;
}

/* --- what is needed before the answer: links, lists --- */

static bool tools_settled(struct attachment *attachment, uint64_t since_ms)
{
	struct link *link = attachment->link;

	if (!link_has_capability(link, S("tools")) ||
	    (link->catalogue && !link->stale && offers_watched(link, OFFER_TOOLS)))
		return true;
	if (attachment->fetch)
		return false;
	/* Fetched since then: it is as it is now, or it could not be had. */
	if (attachment->fetched_ms >= since_ms)
		return true;
	return !attachment_fetch(attachment);
}

/*
 * One server of a common answer. True: it has come as far as it will. What is begun here (a link,
 * a fetch) is begun once for the exchange: a server that fails is left out, not tried in a circle.
 */
static bool settled(struct exchange *x, struct attachment *attachment, unsigned kinds, uint64_t since_ms)
{
	bool all = true;

	if (!attachment->link && !x->opened)
		(void)attachment_open(attachment);
	/* Nobody waits again for who was late; it is asked all the same, and told of when it comes. */
	if (!attachment->link || x->hurry || loop_now(&x->worker->loop) < attachment->server->late_until_ms)
		return true;
	if (attachment->link->state_of != LINK_READY)
		return known_will_do(x, attachment, kinds);
	for (unsigned i = 0; i < OFFER_KINDS; i++) {
		if (!(kinds & (1U << i)))
			continue;
		if (i == OFFER_TOOLS)
			all &= tools_settled(attachment, since_ms);
		else
			all &= offers_settled(attachment, (enum offer_kind)i, since_ms);
	}
	return all;
}

void lists_hurry(struct exchange *x)
{
	x->hurry = true;
	LIST_EACH(&x->client->attachments, node) {
		struct attachment *attachment = LIST_ENTRY(node, struct attachment, node);

		if (attachment->link && (attachment->link->state_of != LINK_READY || attachment->fetch))
			server_was_late(attachment->server, attachment->fetch != NULL,
					loop_now(&x->worker->loop));
	}
}

enum stage_result lists_settle(struct exchange *x, unsigned kinds, uint64_t since_ms)
{
	struct attachment *open = NULL;
	bool crowded = false, full = false;

	LIST_EACH(&x->worker->servers, node) {
		struct server *server = LIST_ENTRY(node, struct server, node);
		struct attachment *attachment = lists_attachment(x, server);

		full |= !attachment && client_sees(x->client, server) &&
			!attachments_make_room(x->client, server);
		if (attachment && !settled(x, attachment, kinds, since_ms))
			open = attachment;
		crowded |= attachment && !attachment->link && attachment->crowded;
	}
	/* Left out without a word, it would look as if there were no such server. */
	if (crowded && !x->opened)
		return attachment_refuse_crowded(x);
	if (full && !x->opened)
		return attachment_refuse_full(x);
	x->opened = true;
	if (!open)
		return STAGE_NEXT;
	return attachment_park(open, x) ? STAGE_WAIT : STAGE_DONE;
}

/* --- tools --- */

bool lists_has_tool(const struct exchange *x, const struct attachment *attachment, const struct tool *tool)
{
	if (tool->omission == OMIT_TWICE || (!x->only && tool->omission != OMIT_NOTHING))
		return false;
	return view_has(attachment, tool);
}

bool lists_add_tool(struct buf *out, struct json *json, struct span raw, struct span server)
{
	CLEANUP(buf_release) struct buf name = BUF_INIT((size_t)256);
	struct json_edit edit;
	json_at name_at;

	if (!json_parse(json, raw, raw.n))
		return false;
	name_at = json_get(json, 0, S("name"));
	buf_add_char(&name, '"');
	buf_add(&name, server);
	buf_add(&name, S("__"));
	json_string_add(json, name_at, &name);
	buf_add_char(&name, '"');
	edit = (struct json_edit){ name_at, JSON_REPLACE, buf_span(&name) };
	json_emit(out, json, 0, &edit, 1);
	return buf_ok(&name) && buf_ok(out);
}

/* May a legacy client call the server's tools as tasks, which the gate keeps? */
static bool takes_tasks(const struct exchange *x, const struct link *link)
{
	return x->revision == REVISION_2025_11_25 && link && link->era == ERA_MODERN &&
	       link_takes_tasks(link);
}

/* A server's tools as they are known. */
struct shown {
	struct catalogue *tools; /* NULL: they are not */
	enum revision revision;	 /* what they are in the words of */
	uint64_t ttl_ms;	 /* how long its server says that they hold; 0: ask again each time */
};

static struct shown shown_now(const struct attachment *attachment)
{
	const struct link *link = attachment->link;
	const struct known *known = &attachment->known;
	const struct recent_list *recent;

	if (link && link->catalogue)
		return (struct shown){ link->catalogue, link->revision,
				       link->era == ERA_MODERN ? attachment->shelves[OFFER_TOOLS].ttl_ms
							       : 0 };
	if (known_tools(attachment))
		return (struct shown){ known->tools, known->revision, 0 };
	if (!attachment->server->shown_when_down)
		return (struct shown){ 0 };
	if (known->tools)
		return (struct shown){ known->tools, known->revision, 0 };
	recent = recent_for_all(&attachment->server->recent[OFFER_TOOLS]);
	return recent ? (struct shown){ recent->tools, recent->revision, 0 } : (struct shown){ 0 };
}

struct catalogue *lists_tools(const struct attachment *attachment)
{
	return shown_now(attachment).tools;
}

struct span lists_tool_text(const struct exchange *x, const struct attachment *attachment,
			    const struct tool *tool, struct buf *store)
{
	struct json *json = &x->worker->side;
	struct legs legs = { shown_now(attachment).revision, x->revision };
	struct arena arena = ARENA_INIT((size_t)CATALOGUE_BYTES);
	struct edits edits = { .arena = &arena };
	json_at execution;

	if (legs.from == legs.to || !json_parse(json, tool->raw, tool->raw.n))
		return tool->raw;
	translate_tool(json, 0, legs, &edits);
	if (takes_tasks(x, attachment->link)) {
		execution = json_get(json, 0, S("execution"));
		edits_add(
		    &edits,
		    execution == JSON_NONE
			? (struct json_edit){ 0, JSON_INSERT,
					      S("\"execution\":{\"taskSupport\":\"optional\"}") }
			: (struct json_edit){ execution, JSON_REPLACE, S("{\"taskSupport\":\"optional\"}") });
	}
	buf_clear(store);
	json_emit(store, json, 0, edits.list, edits.n);
	store->over |= edits.over;
	arena_release(&arena);
	return buf_span(store);
}

static size_t add_tools(struct exchange *x, struct buf *out, const struct attachment *attachment)
{
	CLEANUP(buf_release) struct buf store = BUF_INIT(CATALOGUE_BYTES);
	const struct catalogue *catalogue = lists_tools(attachment);
	size_t n = 0;

	for (size_t i = 0; catalogue && i < catalogue->n && buf_ok(out); i++) {
		const struct tool *tool = &catalogue->tools[i];
		struct span text;

		if (!lists_has_tool(x, attachment, tool))
			continue;
		text = lists_tool_text(x, attachment, tool, &store);
		if (out->n)
			buf_add_char(out, ',');
		if (x->only)
			buf_add(out, text);
		/* Of tools all are shown, or the client is told that they are too many. */
		else if (!lists_add_tool(out, &x->worker->side, text, attachment->server->name))
			out->over = true;
		n++;
	}
	return n;
}

/*
 * What the modern era says beside a list. What a token may see is its own affair: no cache may hand it to
 * another.
 */
static void add_words(const struct exchange *x, struct buf *out, uint64_t ttl_ms)
{
	if (revision_era(x->revision) != ERA_MODERN)
		return;
	buf_add(out, S(",\"resultType\":\"complete\",\"ttlMs\":"));
	buf_add_u64(out, ttl_ms);
	buf_add(out, S(",\"cacheScope\":\"private\""));
}

/* The server's own result with the tools that may be seen. */
static void tools_of_one(struct exchange *x, struct buf *out)
{
	struct json *json = &x->worker->side;
	const struct shown shown = shown_now(x->attachment);
	CLEANUP(buf_release) struct buf tools = BUF_INIT(LISTS_ITEMS_BYTES);
	CLEANUP(buf_release) struct buf head = BUF_INIT(LISTS_RESULT_BYTES);

	view_alone_tools_given(x->attachment, shown.tools);
	(void)add_tools(x, &tools, x->attachment);
	buf_add(&head, S("\"tools\":["));
	buf_add(&head, buf_span(&tools));
	buf_add_char(&head, ']');
	add_words(x, &head, shown.ttl_ms);
	/* What is there besides the tools may be of the other era. */
	if (!shown.tools ||
	    (revision_era(x->revision) == ERA_LEGACY && revision_era(shown.revision) == ERA_MODERN) ||
	    !json_parse(json, shown.tools->result, shown.tools->result.n))
		check(json_parse(json, S("{}"), 2));
	json_emit(out, json, 0, &(struct json_edit){ 0, JSON_INSERT, buf_span(&head) }, 1);
	out->over |= !buf_ok(&tools) || !buf_ok(&head);
}

/* --- all together --- */

/* A list of several: their items, and how long it may be kept. */
struct joint {
	struct exchange *x;
	enum offer_kind kind;
	struct buf items;
	uint64_t ttl_ms;
	size_t n_tools;
	bool any;
};

/* What could not be had was logged when that was known; what is still under way is left out now. */
static void note_missing(const struct joint *joint, const struct attachment *attachment)
{
	bool open = joint->kind == OFFER_TOOLS ? attachment->fetch != NULL
					       : attachment->shelves[joint->kind].fetch != NULL;

	if (!attachment->link || attachment->link->state_of != LINK_READY ||
	    !offers_declared(attachment->link, joint->kind))
		return;
	if (joint->kind != OFFER_TOOLS && !open)
		return;
	log_event(joint->x->worker->log, LOG_WARN, "catalogue.partial",
		  "A server's list is missing from an answer.",
		  LF("server", server_shown(attachment->server)), LF("list", offer_word(joint->kind)),
		  LFS("why", open ? "it has not answered yet" : attachment->why));
}

static void join_ttl(struct joint *joint, uint64_t ttl_ms)
{
	if (!joint->any || ttl_ms < joint->ttl_ms)
		joint->ttl_ms = ttl_ms;
	joint->any = true;
}

static void join_tools(struct joint *joint, struct attachment *attachment)
{
	const struct shown shown = shown_now(attachment);

	view_tools_given(attachment, shown.tools);
	if (shown.tools) {
		joint->n_tools += add_tools(joint->x, &joint->items, attachment);
		join_ttl(joint, shown.ttl_ms);
		return;
	}
	note_missing(joint, attachment);
	/* Soon it may be there. */
	if (!attachment->link || offers_declared(attachment->link, OFFER_TOOLS))
		join_ttl(joint, 0);
}

bool lists_is_contested(struct exchange *x, const struct attachment *attachment, enum offer_kind kind,
			struct span key)
{
	LIST_EACH(&x->client->attachments, node) {
		const struct attachment *other = LIST_ENTRY(node, struct attachment, node);

		if (other->server != attachment->server && client_sees(x->client, other->server) &&
		    offer_find(other->shelves[kind].offer, key))
			return true;
	}
	return false;
}

/* Prompts have their server's name before their own; a URI has nothing of that. */
static void add_items(struct joint *joint, struct attachment *attachment, const struct offer *offer)
{
	bool global = joint->kind != OFFER_PROMPTS;
	struct span first = S("");
	size_t had, contested = 0;

	had = joint->items.n;
	for (size_t i = 0; i < offer->n; i++) {
		const struct offer_item *item = &offer->items[i];

		if (item->omission != OMIT_NOTHING)
			continue;
		if (global && lists_is_contested(joint->x, attachment, joint->kind, item->key)) {
			first = contested++ ? first : item->key;
			continue;
		}
		if (joint->items.n)
			buf_add_char(&joint->items, ',');
		buf_add(&joint->items, item->raw);
	}
	if (global)
		offers_note(attachment, joint->kind, OMIT_CONTESTED, contested, first);
	if (buf_ok(&joint->items))
		return;
	/* All of a server's, or none. */
	buf_cut(&joint->items, had);
	log_event(joint->x->worker->log, LOG_WARN, "catalogue.partial",
		  "A server's list is missing from an answer.",
		  LF("server", server_shown(attachment->server)), LF("list", offer_word(joint->kind)),
		  LFS("why", "the list of all servers would be too large"));
}

static void join_offers(struct joint *joint, struct attachment *attachment)
{
	struct offer *offer = attachment->link ? offers_now(attachment, joint->kind) : NULL;

	view_offer_given(attachment, joint->kind, offer);
	if (offer) {
		add_items(joint, attachment, offer);
		join_ttl(joint, attachment->shelves[joint->kind].known_ms
				    ? 0
				    : attachment->shelves[joint->kind].ttl_ms);
		return;
	}
	note_missing(joint, attachment);
	if (!attachment->link || offers_declared(attachment->link, joint->kind))
		join_ttl(joint, 0);
}

static void add_joint(struct joint *joint, struct buf *out)
{
	buf_addf(out, "{\"%.*s\":[", SPAN_ARG(method_info(joint->x->method)->items));
	buf_add(out, buf_span(&joint->items));
	buf_add_char(out, ']');
	add_words(joint->x, out, joint->ttl_ms);
	buf_add_char(out, '}');
	out->over |= !buf_ok(&joint->items);
}

static void list_of_all(struct exchange *x, struct buf *out)
{
	struct joint joint = { .x = x, .kind = offers_kind(x->method) };

	joint.items = BUF_INIT(LISTS_ITEMS_BYTES);
	view_given(x->client, offers_view(joint.kind));
	LIST_EACH(&x->worker->servers, node) {
		struct attachment *attachment = lists_attachment(x, LIST_ENTRY(node, struct server, node));

		if (attachment && joint.kind == OFFER_TOOLS)
			join_tools(&joint, attachment);
		else if (attachment)
			join_offers(&joint, attachment);
	}
	if (joint.kind == OFFER_TOOLS && finding_replaces(x, joint.n_tools)) {
		/* Its own never change: who has them is told of no other's change. */
		x->client->given &= ~(unsigned)VIEW_TOOLS;
		buf_clear(&joint.items);
		finding_add_tools(x->worker, &joint.items);
	}
	add_joint(&joint, out);
	buf_release(&joint.items);
}

enum stage_result lists_answer(struct exchange *x)
{
	CLEANUP(buf_release) struct buf result = BUF_INIT(LISTS_RESULT_BYTES);

	if (x->message.params != JSON_NONE &&
	    json_get(x->message.json, x->message.params, S("cursor")) != JSON_NONE) {
		exchange_refuse(x, 200, -32602, "K610", S("Invalid cursor: lists come whole"), S(""));
		return STAGE_DONE;
	}
	if (x->only)
		tools_of_one(x, &result);
	else
		list_of_all(x, &result);
	if (buf_ok(&result))
		exchange_answer(x, &result);
	else
		exchange_refuse(x, 200, -32603, "K803", S("The list is too large"), S(""));
	return STAGE_DONE;
}
