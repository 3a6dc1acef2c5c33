/* offers.c - what the servers of a client offer besides tools. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/offers.h"

#include "exchange/account.h"
#include "exchange/gather.h"
#include "exchange/known.h"
#include "exchange/listening.h"
#include "exchange/view.h"
#include "upstream/words.h"

/* A common answer waits no longer for its slowest server, which is left out then. */
enum { OFFERS_MOST_MS = 8000 };

static const struct {
	enum method method;
	struct span capability;
	unsigned view;
} kinds[OFFER_KINDS] = {
	[OFFER_TOOLS] = { METHOD_TOOLS_LIST, SPAN("tools"), VIEW_TOOLS },
	[OFFER_PROMPTS] = { METHOD_PROMPTS_LIST, SPAN("prompts"), VIEW_PROMPTS },
	[OFFER_RESOURCES] = { METHOD_RESOURCES_LIST, SPAN("resources"), VIEW_RESOURCES },
	[OFFER_TEMPLATES] = { METHOD_TEMPLATES_LIST, SPAN("resources"), VIEW_TEMPLATES },
};

enum offer_kind offers_kind(enum method method)
{
	for (size_t i = 0; i < OFFER_KINDS; i++)
		if (kinds[i].method == method)
			return (enum offer_kind)i;
	return OFFER_KINDS;
}

unsigned offers_view(enum offer_kind kind)
{
	return kinds[kind].view;
}

bool offers_declared(const struct link *link, enum offer_kind kind)
{
	return link_has_capability(link, kinds[kind].capability);
}

bool offers_are_told(const struct link *link, enum offer_kind kind)
{
	return link_declares(link, kinds[kind].capability, S("listChanged"));
}

void offers_look(struct shelf *shelf)
{
	shelf->looked_at |= shelf->doubted;
	shelf->doubted = false;
}

bool offers_watched(const struct link *link, enum offer_kind kind)
{
	return link->era == ERA_LEGACY && offers_are_told(link, kind);
}

bool offers_settled(struct attachment *attachment, enum offer_kind kind, uint64_t since_ms)
{
	const struct shelf *shelf = &attachment->shelves[kind];

	if (shelf->fetch)
		return false;
	if (shelf->tried_ms && shelf->tried_ms >= since_ms)
		return true;
	if (!offers_declared(attachment->link, kind) ||
	    (shelf->current && !shelf->stale && offers_watched(attachment->link, kind)))
		return true;
	return !offers_fetch(attachment, kind);
}

/* --- what has come --- */

void offers_note(struct attachment *attachment, enum offer_kind kind, enum omission omission, size_t n,
		 struct span first)
{
	struct worker *worker = attachment->client->worker;
	struct server *server = attachment->server;
	bool more = n > server->omitted[kind][omission];

	server->omitted[kind][omission] = n;
	if (more)
		log_event(worker->log, LOG_WARN, "catalogue.refused",
			  "What cannot be named without doubt was left out of a server's list.",
			  LF("server", server_shown(server)), LF("list", offer_word(kind)),
			  LF("reason", omission_word(omission)), LFN("count", n),
			  LF("first", span_first(words_shown(&worker->upstream, first), 128)));
}

static struct span first_of(const struct offer *offer, enum omission omission)
{
	for (size_t i = 0; i < offer->n; i++)
		if (offer->items[i].omission == omission)
			return offer->items[i].key;
	return S("");
}

static void note_omitted(struct attachment *attachment, const struct offer *offer)
{
	for (unsigned i = OMIT_NOTHING + 1; i < OMIT_CONTESTED; i++)
		offers_note(attachment, offer->kind, (enum omission)i, offer->omitted[i],
			    first_of(offer, (enum omission)i));
}

/* A list seen before, byte for byte, is not read again: clients of one server share it. */
static struct offer *read_offer(struct attachment *attachment, enum offer_kind kind, struct span items)
{
	struct server *server = attachment->server;
	CLEANUP(buf_release) struct buf array = BUF_INIT(items.n + 2);
	uint8_t digest[OFFER_DIGEST_BYTES];
	struct recent_list list = { .revision = attachment->link->revision };
	const struct recent_list *recent;
	struct offer *offer;

	buf_add_char(&array, '[');
	buf_add(&array, items);
	buf_add_char(&array, ']');
	if (!buf_ok(&array))
		return NULL;
	offer_digest(buf_span(&array), digest);
	recent = recent_find(&server->recent[kind], digest);
	if (recent)
		return offer_ref(recent->offer);
	offer = offer_read(kind, server->name, buf_span(&array), &attachment->client->worker->side);
	if (!offer)
		return NULL;
	list.offer = offer_ref(offer);
	memcpy(list.digest, digest, sizeof(digest));
	recent_add(&server->recent[kind], &list);
	note_omitted(attachment, offer);
	return offer;
}

static void drop(struct attachment *attachment, enum offer_kind kind)
{
	struct shelf *shelf = &attachment->shelves[kind];

	if (shelf->offer)
		share_leave(&shelf->offer->holders, &shelf->share);
	shelf->offer = offer_unref(shelf->offer);
}

/* Of those who have it one pays for it. False: he may not hold so much. */
static bool keep(struct attachment *attachment, enum offer_kind kind, struct offer *offer)
{
	struct shelf *shelf = &attachment->shelves[kind];
	struct budget *held = &attachment->client->account->held;
	size_t bytes = offer_bytes(offer);

	if (offer == shelf->offer) {
		(void)offer_unref(offer);
		return true;
	}
	/* What is too much leaves him the old one. */
	if (list_empty(&offer->holders) && !budget_fits(held, bytes)) {
		(void)offer_unref(offer);
		return false;
	}
	drop(attachment, kind);
	if (!share_take(&offer->holders, &shelf->share, held, bytes)) {
		(void)offer_unref(offer);
		return false;
	}
	shelf->offer = offer;
	return true;
}

static bool take(struct attachment *attachment, struct gather *gather, enum offer_kind kind, struct span *why)
{
	struct offer *offer = read_offer(attachment, kind, gather_items(gather));

	if (!offer) {
		*why = S("the list is too large");
		return false;
	}
	if (!keep(attachment, kind, offer)) {
		*why = span_str(link_crowded);
		return false;
	}
	attachment->shelves[kind].ttl_ms = gather_ttl_ms(gather);
	return true;
}

static void on_fetched(void *owner, struct gather *gather, bool fine, struct span why)
{
	struct attachment *attachment = owner;
	enum offer_kind kind = offers_kind(gather_method(gather));
	struct shelf *shelf = &attachment->shelves[kind];
	struct worker *worker = attachment->client->worker;

	shelf->fetch = NULL;
	if (attachment_begins_anew(attachment)) {
		(void)gather_free(gather);
		return;
	}
	shelf->tried_ms = loop_now(&worker->loop);
	/* Many that have resources know nothing of templates: they have none. */
	fine = (fine || gather_is_unknown(gather)) && take(attachment, gather, kind, &why);
	shelf->current = fine;
	shelf->known_ms = 0;
	if (!fine)
		log_event(worker->log, LOG_WARN, "catalogue.partial",
			  "A server's list could not be had, and is missing where it is asked for.",
			  LF("server", server_shown(attachment->server)), LF("list", offer_word(kind)),
			  LF("why", why));
	(void)gather_free(gather);
	view_offered(attachment, kind);
	/* At one server alone the lists are its own; this one was only looked at. */
	if (attachment->client->only) {
		drop(attachment, kind);
		shelf->current = false;
	}
	listening_fetched(attachment);
}

bool offers_fetch(struct attachment *attachment, enum offer_kind kind)
{
	struct shelf *shelf = &attachment->shelves[kind];
	struct link *link = attachment->link;

	if (shelf->fetch)
		return true;
	shelf->stale = false;
	offers_look(shelf);
	if (!offers_declared(link, kind))
		return false;
	link_initialized(link);
	shelf->fetch = gather_start(link, kinds[kind].method,
				    link->era == ERA_MODERN ? buf_span(&link->init_params) : S(""),
				    on_fetched, attachment);
	return shelf->fetch != NULL;
}

struct offer *offers_now(const struct attachment *attachment, enum offer_kind kind)
{
	const struct shelf *shelf = &attachment->shelves[kind];

	if (shelf->current)
		return shelf->offer;
	return known_is_shown(attachment, shelf->known_ms) ? shelf->offer : NULL;
}

void offers_changed(struct attachment *attachment, enum offer_kind kind)
{
	attachment->shelves[kind].stale = true;
}

bool offers_tick(struct attachment *attachment, uint64_t now_ms)
{
	uint64_t most_ms = attachment->server->timeout_ms;

	most_ms = most_ms < OFFERS_MOST_MS ? most_ms : OFFERS_MOST_MS;
	for (size_t i = 0; i < OFFER_KINDS; i++)
		if (attachment->shelves[i].fetch &&
		    gather_tick(attachment->shelves[i].fetch, now_ms, most_ms))
			return true;
	return false;
}

/* What is known of the list from now on, when its process has ended. */
static void remember(struct attachment *attachment, enum offer_kind kind)
{
	struct shelf *shelf = &attachment->shelves[kind];
	const struct link *link = attachment->link;

	if (!link || !link->init_result.n || !server_is_started(attachment->server))
		return;
	if (!offers_declared(link, kind)) {
		drop(attachment, kind);
		shelf->known_ms = loop_now(link->upstream->loop);
	} else if (shelf->current) {
		shelf->known_ms = shelf->stale		       ? 0
				  : offers_watched(link, kind) ? loop_now(link->upstream->loop)
							       : shelf->tried_ms;
	}
}

void offers_stop(struct attachment *attachment)
{
	for (size_t i = 0; i < OFFER_KINDS; i++) {
		struct shelf *shelf = &attachment->shelves[i];

		remember(attachment, (enum offer_kind)i);
		shelf->fetch = gather_free(shelf->fetch);
		shelf->current = false;
		shelf->stale = false;
		shelf->tried_ms = 0;
	}
}

void offers_release(struct attachment *attachment)
{
	offers_stop(attachment);
	for (size_t i = 0; i < OFFER_KINDS; i++)
		drop(attachment, (enum offer_kind)i);
}
