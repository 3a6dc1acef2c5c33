/* payer.c - whose calls use a pool, and who of them waits: nobody may have all of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/payer.h"

#include <stdlib.h>

void payers_init(struct payers *payers)
{
	list_init(&payers->turn);
}

void payers_release(struct payers *payers)
{
	map_release(&payers->by_key);
}

static struct span key_of(const void *const *key)
{
	return span_of((const char *)key, sizeof(*key));
}

struct payer *payer_join(struct payers *payers, const void *key)
{
	struct payer *payer = map_get(&payers->by_key, key_of(&key));

	if (!payer) {
		payer = calloc(1, sizeof(*payer));
		if (!payer)
			return NULL;
		payer->key = key;
		list_init(&payer->node);
		list_init(&payer->waiting);
		if (!map_put(&payers->by_key, key_of(&payer->key), payer)) {
			free(payer);
			return NULL;
		}
	}
	payer->n_calls++;
	return payer;
}

void payer_leave(struct payers *payers, struct payer *payer)
{
	if (--payer->n_calls)
		return;
	(void)map_remove(&payers->by_key, key_of(&payer->key));
	free(payer);
}

void payer_wait(struct payers *payers, struct payer *payer, struct list *call, bool first)
{
	list_add(first ? payer->waiting.next : &payer->waiting, call);
	if (!payer->n_waiting++)
		list_add(&payers->turn, &payer->node);
	payers->n_waiting++;
}

void payer_unwait(struct payers *payers, struct payer *payer, struct list *call)
{
	list_remove(call);
	*call = (struct list){ 0 };
	payers->n_waiting--;
	list_remove(&payer->node);
	if (--payer->n_waiting)
		list_add(&payers->turn, &payer->node);
}
