/* view.c - what a client was shown of servers' lists, and the word that it may have changed. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/view.h"

#include "crypto/digest.h"
#include "exchange/offers.h"
#include "exchange/subscription.h"
#include "json/write.h"

enum method view_method(unsigned view)
{
	if (view == VIEW_TOOLS)
		return METHOD_TOOLS_CHANGED;
	return view == VIEW_PROMPTS ? METHOD_PROMPTS_CHANGED : METHOD_RESOURCES_CHANGED;
}

unsigned view_of_method(enum method method)
{
	if (method == METHOD_TOOLS_CHANGED)
		return VIEW_TOOLS;
	if (method == METHOD_PROMPTS_CHANGED)
		return VIEW_PROMPTS;
	return method == METHOD_RESOURCES_CHANGED ? VIEW_RESOURCES : 0;
}

struct decision view_decide(const struct attachment *attachment, struct span tool)
{
	const struct server *server = attachment->server;
	const struct client *client = attachment->client;
	struct decision decision = tool_rules_decide(&server->rules, tool), narrower;
	const struct selection *view;

	if (decision.verdict != VERDICT_ALLOW || client->view.n == 0)
		return decision;
	view = worker_view(client->worker, client->view);
	if (!view)
		return (struct decision){ VERDICT_DENY, "views", S(""), 0 };
	narrower = selection_decide(view, server->name, tool);
	return narrower.verdict == VERDICT_ALLOW ? decision : narrower;
}

bool view_has(const struct attachment *attachment, const struct tool *tool)
{
	const struct server *server = attachment->server;

	if (view_decide(attachment, tool->name).verdict != VERDICT_ALLOW)
		return false;
	return !(tool->bad_params && attachment->client->era == ERA_MODERN && server_has_requests(server));
}

/* --- what was given --- */

void view_given(struct client *client, unsigned view)
{
	client->given |= view;
	/* Behind a modern principal may be several programs, and this list went to one of them. */
	if (client->kind != CLIENT_CONTEXT)
		client->changed &= ~view;
}

/* The next tool from `i` on that the client is shown among those of all servers; NULL: there is none. */
static const struct tool *next_seen(const struct attachment *attachment, const struct catalogue *catalogue,
				    size_t *i)
{
	while (catalogue && *i < catalogue->n) {
		const struct tool *tool = &catalogue->tools[(*i)++];

		if (tool->omission == OMIT_NOTHING && view_has(attachment, tool))
			return tool;
	}
	return NULL;
}

/* Word for word and in its order what the client is shown of it; the list itself need not be kept for that.
 */
static struct given tools_seen(const struct attachment *attachment, const struct catalogue *catalogue)
{
	struct given seen = { .there = catalogue != NULL };
	const struct tool *tool;
	struct digest digest;
	size_t i = 0;

	digest_start(&digest);
	while ((tool = next_seen(attachment, catalogue, &i)) != NULL) {
		seen.shows = true;
		digest_add(&digest, tool->raw);
		digest_add(&digest, S(","));
	}
	digest_finish(&digest, seen.digest);
	return seen;
}

static struct given offer_seen(const struct offer *offer)
{
	struct given seen = { .there = offer != NULL, .shows = offer && offer->shown };

	if (offer)
		memcpy(seen.digest, offer->digest, sizeof(seen.digest));
	return seen;
}

/* What was left out shows nothing. */
static bool shows_the_same(const struct given *a, const struct given *b)
{
	return a->shows == b->shows && (!a->shows || memcmp(a->digest, b->digest, sizeof(a->digest)) == 0);
}

void view_tools_given(struct attachment *attachment, const struct catalogue *catalogue)
{
	attachment->given_tools = tools_seen(attachment, catalogue);
}

void view_offer_given(struct attachment *attachment, enum offer_kind kind, const struct offer *offer)
{
	struct shelf *shelf = &attachment->shelves[kind];

	shelf->given = offer_seen(offer);
	shelf->told &= !offer;
}

static bool has_same_tools(const struct attachment *attachment, const struct catalogue *catalogue)
{
	struct given now = tools_seen(attachment, catalogue);

	return shows_the_same(&attachment->given_tools, &now);
}

/* --- what was given at one server alone --- */

/* What the client sees of the tools there. Returns `mark`. */
static const uint8_t *mark_tools(const struct attachment *attachment, const struct catalogue *catalogue,
				 uint8_t mark[OFFER_DIGEST_BYTES])
{
	struct digest digest;

	digest_start(&digest);
	for (size_t i = 0; catalogue && i < catalogue->n; i++) {
		const struct tool *tool = &catalogue->tools[i];

		if (tool->omission == OMIT_TWICE || !view_has(attachment, tool))
			continue;
		digest_add(&digest, tool->raw);
		digest_add(&digest, S(","));
	}
	digest_finish(&digest, mark);
	return mark;
}

static bool is_mark(const struct shelf *shelf, const uint8_t *mark)
{
	return shelf->known && mark && memcmp(shelf->mark, mark, OFFER_DIGEST_BYTES) == 0;
}

static void set_mark(struct shelf *shelf, const uint8_t *mark)
{
	shelf->known = mark != NULL;
	if (mark)
		memcpy(shelf->mark, mark, OFFER_DIGEST_BYTES);
}

static void given_alone(struct attachment *attachment, enum offer_kind kind, const uint8_t *mark)
{
	struct shelf *shelf = &attachment->shelves[kind];
	bool several = attachment->client->kind == CLIENT_CONTEXT;

	/* Behind a modern principal may be several programs: of two that have different lists one has an old
	 * one. */
	if (several && shelf->alone && !is_mark(shelf, mark))
		mark = NULL;
	/* It was to be told of just that list. */
	else if (!several && kind == OFFER_TOOLS && is_mark(shelf, mark))
		attachment->changed &= ~(unsigned)VIEW_TOOLS;
	shelf->alone = true;
	set_mark(shelf, mark);
}

void view_alone_tools_given(struct attachment *attachment, const struct catalogue *catalogue)
{
	uint8_t mark[OFFER_DIGEST_BYTES];

	given_alone(attachment, OFFER_TOOLS, mark_tools(attachment, catalogue, mark));
}

void view_alone_passed(const struct exchange *x, const struct message *result)
{
	enum offer_kind kind = offers_kind(x->method);
	const struct json *json = result->json;
	CLEANUP(buf_release) struct buf array = BUF_INIT((size_t)2 * OFFER_BYTES);
	uint8_t mark[OFFER_DIGEST_BYTES];
	json_at items;

	if (!x->only || kind == OFFER_KINDS || !json_is(json, result->result, JSON_OBJECT))
		return;
	items = json_get(json, result->result, method_info(x->method)->items);
	if (!json_is(json, items, JSON_ARRAY))
		return;
	/* As gather.c puts a list together. */
	buf_add_char(&array, '[');
	for (json_at at = json_first(json, items); at != JSON_NONE; at = json_next(json, items, at)) {
		if (array.n > 1)
			buf_add_char(&array, ',');
		json_emit(&array, json, at, NULL, 0);
	}
	buf_add_char(&array, ']');
	offer_digest(buf_span(&array), mark);
	given_alone(x->attachment, kind,
		    x->paged || !buf_ok(&array) ||
			    json_get(json, result->result, S("nextCursor")) != JSON_NONE
			? NULL
			: mark);
}

bool view_alone_is_given(const struct attachment *attachment, unsigned view)
{
	for (unsigned i = 0; i < OFFER_KINDS; i++)
		if (attachment->shelves[i].alone &&
		    view_method(offers_view((enum offer_kind)i)) == view_method(view))
			return true;
	return false;
}

/* Looked at again, the list is that of `mark`; NULL: it could not be had, and may be another. */
static void compare_alone(struct attachment *attachment, enum offer_kind kind, const uint8_t *mark)
{
	struct shelf *shelf = &attachment->shelves[kind];
	bool same = is_mark(shelf, mark);

	shelf->looked_at = false;
	if (same)
		return;
	set_mark(shelf, mark);
	attachment->changed |= kind == OFFER_TEMPLATES ? VIEW_RESOURCES : offers_view(kind);
}

/* --- what may have changed it --- */

static bool watches(const struct attachment *attachment, unsigned view)
{
	return !attachment->client->only && (attachment->client->given & view);
}

/* A list of all servers that waits for another one, which may be slow, is no reason to wait with this one. */
static bool is_awaited(const struct client *client, enum offer_kind kind)
{
	LIST_EACH(&client->exchanges, node) {
		const struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (offers_kind(x->method) == kind && !x->only && x->waiting.next)
			return true;
	}
	return false;
}

/*
 * A server that the last list left out, or that has other lists than when it was there before: they are
 * fetched, so that nobody is told of what he cannot see. Where it has none any more, there is nothing to
 * fetch.
 */
static void look_again(struct attachment *attachment, enum offer_kind kind)
{
	if (!watches(attachment, offers_view(kind)) && !is_awaited(attachment->client, kind))
		return;
	if (kind == OFFER_TOOLS && !offers_declared(attachment->link, kind))
		view_fetched(attachment, true);
	else if (!offers_declared(attachment->link, kind))
		view_offered(attachment, kind);
	else if (kind != OFFER_TOOLS)
		(void)offers_fetch(attachment, kind);
	else if (!attachment->link->catalogue)
		(void)attachment_fetch(attachment);
}

void view_ready(struct attachment *attachment)
{
	const struct link *link = attachment->link;
	/* Of the others it is said later that they are heard: view_missed(). */
	bool heard = link->era == ERA_LEGACY && !link_has_requests(link);

	for (unsigned i = 0; i < OFFER_KINDS; i++) {
		struct shelf *shelf = &attachment->shelves[i];

		/* It was given by another process, or on another connection. */
		if (heard && shelf->alone && offers_are_told(link, (enum offer_kind)i))
			shelf->doubted = true;
		look_again(attachment, (enum offer_kind)i);
	}
}

/*
 * Of what the last list left out the client is told once until it is given it: a server that greets and dies
 * must not have it ask again and again.
 */
void view_offered(struct attachment *attachment, enum offer_kind kind)
{
	struct shelf *shelf = &attachment->shelves[kind];
	struct offer *offer = offers_now(attachment, kind);
	struct given now = offer_seen(offer);
	unsigned view = offers_view(kind);

	if (shelf->looked_at)
		compare_alone(attachment, kind, offer ? offer->digest : NULL);
	if (!watches(attachment, view) || shows_the_same(&shelf->given, &now) ||
	    (!shelf->given.there && shelf->told))
		return;
	shelf->told = true;
	attachment->client->changed |= view;
}

void view_fetched(struct attachment *attachment, bool fine)
{
	uint8_t mark[OFFER_DIGEST_BYTES];

	if (fine && watches(attachment, VIEW_TOOLS) &&
	    !has_same_tools(attachment, attachment->link->catalogue))
		attachment->client->changed |= VIEW_TOOLS;
	if (attachment->shelves[OFFER_TOOLS].looked_at)
		compare_alone(attachment, OFFER_TOOLS,
			      fine ? mark_tools(attachment, attachment->link->catalogue, mark) : NULL);
}

static void doubt(struct attachment *attachment, enum offer_kind kind)
{
	struct shelf *shelf = &attachment->shelves[kind];

	shelf->doubted |= shelf->alone;
	if (kind != OFFER_TOOLS)
		offers_changed(attachment, kind);
	else if (attachment->link)
		attachment->link->stale = true;
}

void view_told(struct attachment *attachment, enum method method)
{
	for (unsigned i = 0; i < OFFER_KINDS; i++)
		if (view_method(offers_view((enum offer_kind)i)) == method)
			doubt(attachment, (enum offer_kind)i);
}

void view_missed(struct attachment *attachment)
{
	for (unsigned i = 0; i < OFFER_KINDS; i++)
		if (offers_are_told(attachment->link, (enum offer_kind)i))
			doubt(attachment, (enum offer_kind)i);
}

void view_dropped(struct attachment *attachment)
{
	if (watches(attachment, VIEW_TOOLS) && attachment->given_tools.shows)
		attachment->client->changed |= VIEW_TOOLS;
	for (unsigned i = OFFER_PROMPTS; i < OFFER_KINDS; i++)
		if (watches(attachment, offers_view((enum offer_kind)i)) &&
		    attachment->shelves[i].given.shows)
			attachment->client->changed |= offers_view((enum offer_kind)i);
}

/* It is not started for that: whoever wants to know asks for the list. */
void view_added(struct worker *worker, const struct server *server)
{
	LIST_EACH(&worker->clients, node) {
		struct client *client = LIST_ENTRY(node, struct client, node);

		if (client->only || !client_sees(client, server))
			continue;
		client->changed |= client->given & (VIEW_PROMPTS | VIEW_RESOURCES | VIEW_TEMPLATES);
		if (server->rules.n_allow)
			client->changed |= client->given & VIEW_TOOLS;
	}
}

/* --- the word --- */

/* False: a session has no event stream, or one that does not take it now. */
static bool tell(struct client *client, unsigned view)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)256);

	if (client->era == ERA_MODERN) {
		LIST_EACH(&client->exchanges, node)
			subscription_tell(LIST_ENTRY(node, struct exchange, in_client), view);
		return true;
	}
	buf_addf(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"%.*s\"}",
		 SPAN_ARG(method_info(view_method(view))->name));
	if (!client->outlet || !client_tell(client, buf_span(&out)))
		return false;
	client->worker->metrics.notifications++;
	return true;
}

static bool is_to_be_looked_at(const struct shelf *shelf)
{
	return shelf->doubted || shelf->looked_at;
}

/* Of who was late for all others it is enough when the pause is over. */
static bool are_tools_wanted(const struct attachment *attachment)
{
	if (is_to_be_looked_at(&attachment->shelves[OFFER_TOOLS]))
		return true;
	return attachment->link->stale && watches(attachment, VIEW_TOOLS) &&
	       offers_declared(attachment->link, OFFER_TOOLS) &&
	       loop_now(&attachment->client->worker->loop) >= attachment->server->late_until_ms;
}

/* What has changed, and the client was shown, is fetched: it is told where it sees another list. */
static void refresh(struct attachment *attachment)
{
	if (!attachment->link || attachment->link->state_of != LINK_READY)
		return;
	if (are_tools_wanted(attachment) && !attachment->fetch && !attachment_fetch(attachment))
		compare_alone(attachment, OFFER_TOOLS, NULL);
	for (unsigned i = OFFER_PROMPTS; i < OFFER_KINDS; i++) {
		struct shelf *shelf = &attachment->shelves[i];
		enum offer_kind kind = (enum offer_kind)i;

		if (shelf->fetch)
			continue;
		if (is_to_be_looked_at(shelf) && !offers_fetch(attachment, kind))
			compare_alone(attachment, kind, NULL);
		else if (shelf->stale && watches(attachment, offers_view(kind)))
			(void)offers_fetch(attachment, kind);
	}
}

void view_tick(struct client *client)
{
	static const unsigned words[] = { VIEW_TOOLS, VIEW_PROMPTS, VIEW_RESOURCES | VIEW_TEMPLATES };
	unsigned changed = client->changed;

	LIST_EACH(&client->attachments, node)
		refresh(LIST_ENTRY(node, struct attachment, node));
	if (!changed)
		return;
	client->changed &= ~changed;
	/* Who cannot be told now hears of it later: once, however much changed. */
	for (size_t i = 0; i < COUNT(words); i++)
		if ((changed & words[i]) && !tell(client, words[i]))
			client->changed |= changed & words[i];
}
