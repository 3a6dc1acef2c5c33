/* view.c - what a client of all servers was shown of their lists, and the word that it may have changed. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/view.h"

#include "exchange/offers.h"
#include "exchange/subscription.h"

enum method view_method(unsigned view)
{
	if (view == VIEW_TOOLS)
		return METHOD_TOOLS_CHANGED;
	return view == VIEW_PROMPTS ? METHOD_PROMPTS_CHANGED : METHOD_RESOURCES_CHANGED;
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

void view_tools_given(struct attachment *attachment, struct catalogue *catalogue)
{
	struct catalogue *before = attachment->given_tools;

	attachment->given_tools = catalogue ? catalogue_ref(catalogue) : NULL;
	(void)catalogue_unref(before);
}

void view_offer_given(struct attachment *attachment, enum offer_kind kind, struct offer *offer)
{
	struct shelf *shelf = &attachment->shelves[kind];
	struct offer *before = shelf->given;

	shelf->given = offer_ref(offer);
	shelf->told &= !offer;
	(void)offer_unref(before);
}

/* --- what may have changed it --- */

static bool watches(const struct attachment *attachment, unsigned view)
{
	return !attachment->client->only && (attachment->client->given & view);
}

/* The next tool from `i` on that the client is shown; NULL: there is none. */
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

/* Do both show the same tools, word for word and in the same order? No catalogue shows none. */
static bool shows_the_same(const struct attachment *attachment, const struct catalogue *a,
			   const struct catalogue *b)
{
	const struct tool *left, *right;
	size_t i = 0, k = 0;

	if (a == b)
		return true;
	do {
		left = next_seen(attachment, a, &i);
		right = next_seen(attachment, b, &k);
	} while (left && right && span_eq(left->raw, right->raw));
	return !left && !right;
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

/* A server that the last list left out, or had as it was before: its own is fetched, so that nobody is told
 * of what he cannot see. */
void view_ready(struct attachment *attachment)
{
	const struct link *link = attachment->link;

	if (((watches(attachment, VIEW_TOOLS) && (!attachment->given_tools || attachment->known.ms)) ||
	     attachment->known.given || is_awaited(attachment->client, OFFER_TOOLS)) &&
	    !link->catalogue && link_has_capability(link, S("tools")))
		(void)attachment_fetch(attachment);
	for (unsigned i = OFFER_PROMPTS; i < OFFER_KINDS; i++)
		if ((watches(attachment, offers_view((enum offer_kind)i)) &&
		     (!attachment->shelves[i].given || attachment->shelves[i].known_ms)) ||
		    is_awaited(attachment->client, (enum offer_kind)i))
			(void)offers_fetch(attachment, (enum offer_kind)i);
}

/*
 * Of what the last list left out the client is told once until it is given it: a server that greets and dies
 * must not have it ask again and again.
 */
void view_offered(struct attachment *attachment, enum offer_kind kind)
{
	struct shelf *shelf = &attachment->shelves[kind];
	unsigned view = offers_view(kind);

	if (!watches(attachment, view) || offer_same(shelf->given, offers_now(attachment, kind)) ||
	    (!shelf->given && shelf->told))
		return;
	shelf->told = true;
	attachment->client->changed |= view;
}

void view_fetched(struct attachment *attachment)
{
	if (watches(attachment, VIEW_TOOLS) &&
	    !shows_the_same(attachment, attachment->given_tools, attachment->link->catalogue))
		attachment->client->changed |= VIEW_TOOLS;
}

bool view_told(struct attachment *attachment, enum method method)
{
	if (attachment->client->only || (method != METHOD_TOOLS_CHANGED && method != METHOD_PROMPTS_CHANGED &&
					 method != METHOD_RESOURCES_CHANGED))
		return false;
	if (method == METHOD_TOOLS_CHANGED && watches(attachment, VIEW_TOOLS))
		attachment->stale = true;
	if (method == METHOD_PROMPTS_CHANGED)
		offers_changed(attachment, OFFER_PROMPTS);
	if (method == METHOD_RESOURCES_CHANGED) {
		offers_changed(attachment, OFFER_RESOURCES);
		offers_changed(attachment, OFFER_TEMPLATES);
	}
	return true;
}

void view_dropped(struct attachment *attachment)
{
	if (watches(attachment, VIEW_TOOLS) && !shows_the_same(attachment, attachment->given_tools, NULL))
		attachment->client->changed |= VIEW_TOOLS;
	for (unsigned i = OFFER_PROMPTS; i < OFFER_KINDS; i++)
		if (watches(attachment, offers_view((enum offer_kind)i)) &&
		    !offer_same(attachment->shelves[i].given, NULL))
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

static void tell(struct client *client, unsigned view)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)256);

	if (client->era == ERA_MODERN) {
		LIST_EACH(&client->exchanges, node)
			subscription_tell(LIST_ENTRY(node, struct exchange, in_client), view);
		return;
	}
	buf_addf(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"%.*s\"}",
		 SPAN_ARG(method_info(view_method(view))->name));
	client->worker->metrics.notifications++;
	(void)client_tell(client, buf_span(&out));
}

/* What has changed, and the client was shown, is fetched: it is told where it sees another list. */
static void refresh(struct attachment *attachment)
{
	if (!attachment->link || attachment->link->state_of != LINK_READY)
		return;
	if (attachment->stale && !attachment->fetch)
		(void)attachment_fetch(attachment);
	for (unsigned i = OFFER_PROMPTS; i < OFFER_KINDS; i++)
		if (attachment->shelves[i].stale && watches(attachment, offers_view((enum offer_kind)i)))
			(void)offers_fetch(attachment, (enum offer_kind)i);
}

void view_tick(struct client *client)
{
	unsigned changed = client->changed;

	LIST_EACH(&client->attachments, node)
		refresh(LIST_ENTRY(node, struct attachment, node));
	/* A session without an event stream hears of it when it has one: once, however much changed. */
	if (!changed || (client->era == ERA_LEGACY && !client->outlet))
		return;
	client->changed = 0;
	if (changed & VIEW_TOOLS)
		tell(client, VIEW_TOOLS);
	if (changed & VIEW_PROMPTS)
		tell(client, VIEW_PROMPTS);
	if (changed & (VIEW_RESOURCES | VIEW_TEMPLATES))
		tell(client, VIEW_RESOURCES);
}
