/* known.c - the lists of a server that were seen last. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/known.h"

#include <string.h>

#include "mcp/catalogue.h"
#include "mcp/offer.h"

static void let_go(struct known_list *list)
{
	list->tools = catalogue_unref(list->tools);
	list->offer = offer_unref(list->offer);
}

/* What it costs to keep a list that no client has any more; 0: somebody has it, and pays. */
static size_t idle_bytes(const struct known_list *list)
{
	if (list->tools)
		return list->tools->refs == 1 ? catalogue_bytes(list->tools) : 0;
	return list->offer->refs == 1 ? offer_bytes(list->offer) : 0;
}

static void put_first(struct known_lists *known, size_t at, struct known_list list)
{
	memmove(&known->lists[1], &known->lists[0], at * sizeof(list));
	known->lists[0] = list;
}

static void drop_at(struct known_lists *known, size_t at)
{
	let_go(&known->lists[at]);
	known->n--;
	memmove(&known->lists[at], &known->lists[at + 1], (known->n - at) * sizeof(known->lists[0]));
}

static void drop_idle(struct known_lists *known)
{
	size_t sum = 0;

	for (size_t i = 1; i < known->n; i++) {
		size_t bytes = idle_bytes(&known->lists[i]);

		if (bytes && sum + bytes > KNOWN_IDLE_BYTES)
			drop_at(known, i--);
		else
			sum += bytes;
	}
}

const struct known_list *known_find(struct known_lists *known, const uint8_t digest[KNOWN_DIGEST_BYTES])
{
	for (size_t i = 0; i < known->n; i++) {
		if (memcmp(known->lists[i].digest, digest, KNOWN_DIGEST_BYTES) != 0)
			continue;
		put_first(known, i, known->lists[i]);
		drop_idle(known);
		return &known->lists[0];
	}
	return NULL;
}

void known_add(struct known_lists *known, const struct known_list *list)
{
	if (known->n == KNOWN_LISTS)
		drop_at(known, KNOWN_LISTS - 1);
	put_first(known, known->n++, *list);
	drop_idle(known);
}

void known_clear(struct known_lists *known)
{
	while (known->n)
		drop_at(known, known->n - 1);
}
