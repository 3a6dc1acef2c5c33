/* offer.c - one of a server's lists besides its tools. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/offer.h"

#include <stdlib.h>

#include "crypto/digest.h"
#include "json/write.h"

static struct span key_member(enum offer_kind kind)
{
	static const struct span members[] = { [OFFER_TOOLS] = SPAN("name"),
					       [OFFER_PROMPTS] = SPAN("name"),
					       [OFFER_RESOURCES] = SPAN("uri"),
					       [OFFER_TEMPLATES] = SPAN("uriTemplate"),
					       [OFFER_KINDS] = SPAN("") };

	return members[kind];
}

struct offer *offer_unref(struct offer *offer)
{
	if (!offer || --offer->refs)
		return NULL;
	map_release(&offer->by_key);
	free(offer->items);
	arena_release(&offer->arena);
	free(offer);
	return NULL;
}

size_t offer_bytes(const struct offer *offer)
{
	return sizeof(*offer) + offer->arena.used + offer->cap * sizeof(*offer->items);
}

static struct offer_item *next_item(struct offer *offer)
{
	size_t cap = offer->cap ? offer->cap * 2 : 16;
	struct offer_item *items;

	if (offer->n >= OFFER_ITEMS)
		return NULL;
	if (offer->n == offer->cap) {
		items = realloc(offer->items, cap * sizeof(*items));
		if (!items)
			return NULL;
		offer->items = items;
		offer->cap = cap;
	}
	return &offer->items[offer->n];
}

/* The definition as it will be shown: of a prompt under the name it is asked for by. */
static struct span shown_as(struct offer *offer, struct span server, const struct json *json, json_at at,
			    json_at key_at)
{
	CLEANUP(buf_release) struct buf raw = BUF_INIT(OFFER_BYTES);
	CLEANUP(buf_release) struct buf name = BUF_INIT((size_t)4096);
	struct json_edit edit;

	if (offer->kind == OFFER_PROMPTS) {
		buf_add_char(&name, '"');
		buf_add(&name, server);
		buf_add(&name, S("__"));
		json_string_add(json, key_at, &name);
		buf_add_char(&name, '"');
	}
	edit = (struct json_edit){ key_at, JSON_REPLACE, buf_span(&name) };
	json_emit(&raw, json, at, &edit, offer->kind == OFFER_PROMPTS ? 1 : 0);
	return buf_ok(&raw) && buf_ok(&name) ? arena_dup(&offer->arena, buf_span(&raw)) : (struct span){ 0 };
}

static enum omission omission_of(const struct offer *offer, struct span server, struct span key)
{
	if (offer->kind == OFFER_PROMPTS)
		return omission_of_name(server.n, key);
	return omission_of_uri(key, offer->kind == OFFER_TEMPLATES);
}

static void omit(struct offer *offer, struct offer_item *item, enum omission omission)
{
	offer->shown -= item->omission == OMIT_NOTHING;
	item->omission = omission;
	offer->omitted[omission]++;
}

/* Two prompts of one name are nobody's; a URI that stands twice leads to the same server both times. */
static bool add_key(struct offer *offer, struct offer_item *item)
{
	uintptr_t place = (uintptr_t)map_get(&offer->by_key, item->key);

	if (place && offer->kind == OFFER_PROMPTS) {
		if (offer->items[place - 1].omission == OMIT_NOTHING)
			omit(offer, &offer->items[place - 1], OMIT_TWICE);
		omit(offer, item, OMIT_TWICE);
	}
	/* The map holds places, not pointers: the array moves while it grows. A place is kept plus one. */
	return place || map_put(&offer->by_key, item->key, (void *)(uintptr_t)(offer->n + 1));
}

static bool add_item(struct offer *offer, struct span server, const struct json *json, json_at at)
{
	CLEANUP(buf_release) struct buf scratch = BUF_INIT((size_t)64 * 1024);
	json_at key_at = json_is(json, at, JSON_OBJECT) ? json_get(json, at, key_member(offer->kind))
							: JSON_NONE;
	struct offer_item *item = next_item(offer);
	enum omission omission = OMIT_UNNAMED;
	struct span key = S("");

	if (!item)
		return false;
	if (json_is(json, key_at, JSON_STRING)) {
		key = json_string(json, key_at, &scratch);
		omission = key.p ? omission_of(offer, server, key) : OMIT_LONG;
	}
	*item = (struct offer_item){ .key = S(""), .raw = S("") };
	offer->shown++;
	if (omission != OMIT_NOTHING) {
		omit(offer, item, omission);
		item->key = arena_dup(&offer->arena, span_first(key, 128));
	} else {
		item->key = arena_dup(&offer->arena, key);
		item->raw = shown_as(offer, server, json, at, key_at);
		if (!item->key.p || !item->raw.p || !add_key(offer, item))
			return false;
	}
	offer->n++;
	return true;
}

bool offer_omits(const struct offer *offer, struct span key)
{
	uintptr_t place = offer ? (uintptr_t)map_get(&offer->by_key, key) : 0;

	return place && offer->items[place - 1].omission != OMIT_NOTHING;
}

void offer_digest(struct span array, uint8_t out[OFFER_DIGEST_BYTES])
{
	digest_blake2b(array, out);
}

struct offer *offer_read(enum offer_kind kind, struct span server, struct span array, struct json *json)
{
	struct offer *offer = calloc(1, sizeof(*offer));

	if (!offer)
		return NULL;
	offer->refs = 1;
	list_init(&offer->holders);
	offer->kind = kind;
	offer->arena = ARENA_INIT(OFFER_BYTES);
	offer_digest(array, offer->digest);
	if (!json_parse(json, array, array.n) || !json_is(json, 0, JSON_ARRAY))
		return offer_unref(offer);
	for (json_at at = json_first(json, 0); at != JSON_NONE; at = json_next(json, 0, at))
		if (!add_item(offer, server, json, at))
			return offer_unref(offer);
	return offer;
}

const struct offer_item *offer_find(const struct offer *offer, struct span key)
{
	uintptr_t place = offer ? (uintptr_t)map_get(&offer->by_key, key) : 0;

	return place && offer->items[place - 1].omission == OMIT_NOTHING ? &offer->items[place - 1] : NULL;
}
