/* recent.c - the lists of a server that were seen last. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/recent.h"

#include <string.h>

#include "mcp/catalogue.h"
#include "mcp/offer.h"

static void let_go(struct recent_list *list)
{
	list->tools = catalogue_unref(list->tools);
	list->offer = offer_unref(list->offer);
}

/* What it costs to keep a list that no client has any more; 0: somebody has it, and pays. */
static size_t idle_bytes(const struct recent_list *list)
{
	if (list->tools)
		return list->tools->refs == 1 ? catalogue_bytes(list->tools) : 0;
	return list->offer->refs == 1 ? offer_bytes(list->offer) : 0;
}

static void put_first(struct recent_lists *recent, size_t at, struct recent_list list)
{
	memmove(&recent->lists[1], &recent->lists[0], at * sizeof(list));
	recent->lists[0] = list;
}

static void drop_at(struct recent_lists *recent, size_t at)
{
	let_go(&recent->lists[at]);
	recent->n--;
	memmove(&recent->lists[at], &recent->lists[at + 1], (recent->n - at) * sizeof(recent->lists[0]));
}

static void drop_idle(struct recent_lists *recent)
{
	size_t sum = 0;

	for (size_t i = 1; i < recent->n; i++) {
		size_t bytes = idle_bytes(&recent->lists[i]);

		if (bytes && sum + bytes > RECENT_IDLE_BYTES)
			drop_at(recent, i--);
		else
			sum += bytes;
	}
}

struct recent_list *recent_find(struct recent_lists *recent, const uint8_t digest[RECENT_DIGEST_BYTES])
{
	for (size_t i = 0; i < recent->n; i++) {
		if (memcmp(recent->lists[i].digest, digest, RECENT_DIGEST_BYTES) != 0)
			continue;
		put_first(recent, i, recent->lists[i]);
		drop_idle(recent);
		return &recent->lists[0];
	}
	return NULL;
}

const struct recent_list *recent_for_all(const struct recent_lists *recent)
{
	for (size_t i = 0; i < recent->n; i++)
		if (recent->lists[i].for_all)
			return &recent->lists[i];
	return NULL;
}

void recent_add(struct recent_lists *recent, const struct recent_list *list)
{
	if (recent->n == RECENT_LISTS)
		drop_at(recent, RECENT_LISTS - 1);
	put_first(recent, recent->n++, *list);
	drop_idle(recent);
}

void recent_clear(struct recent_lists *recent)
{
	while (recent->n)
		drop_at(recent, recent->n - 1);
}
