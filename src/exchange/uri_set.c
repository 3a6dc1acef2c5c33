/* uri_set.c - some URIs of one server that were seen. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/uri_set.h"

#include <stdlib.h>

#include "mcp/omission.h"

struct seen_uri {
	struct list node;
	size_t n;
	char bytes[];
};

static size_t cost(size_t n)
{
	return sizeof(struct seen_uri) + n;
}

static void drop(struct uri_set *set, struct budget *budget, struct seen_uri *seen)
{
	(void)map_remove(&set->by_uri, span_of(seen->bytes, seen->n));
	list_remove(&seen->node);
	budget_give(budget, cost(seen->n));
	set->n--;
	free(seen);
}

void uri_set_add(struct uri_set *set, struct budget *budget, struct span uri)
{
	struct seen_uri *seen = map_get(&set->by_uri, uri);

	if (seen) {
		list_remove(&seen->node);
		list_add(&set->order, &seen->node);
		return;
	}
	if (uri.n == 0 || uri.n > OMISSION_URI_BYTES || !budget_take(budget, cost(uri.n)))
		return;
	if (!set->order.next)
		list_init(&set->order);
	seen = malloc(sizeof(*seen) + uri.n);
	if (seen) {
		seen->n = uri.n;
		memcpy(seen->bytes, uri.p, uri.n);
	}
	if (!seen || !map_put(&set->by_uri, span_of(seen->bytes, seen->n), seen)) {
		budget_give(budget, cost(uri.n));
		free(seen);
		return;
	}
	list_add(&set->order, &seen->node);
	set->n++;
	if (set->n > URI_SET_MAX)
		drop(set, budget, LIST_ENTRY(set->order.next, struct seen_uri, node));
}

bool uri_set_has(const struct uri_set *set, struct span uri)
{
	return map_get(&set->by_uri, uri) != NULL;
}

void uri_set_clear(struct uri_set *set, struct budget *budget)
{
	while (set->n)
		drop(set, budget, LIST_ENTRY(set->order.next, struct seen_uri, node));
	map_release(&set->by_uri);
	*set = (struct uri_set){ 0 };
}
