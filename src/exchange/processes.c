/* processes.c - whose servers run as processes, so that nobody can have them all. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/processes.h"

#include <stdlib.h>

#include "exchange/account.h"

struct running {
	struct list node; /* of worker->processes */
	uint64_t instance;
	struct account *account; /* referenced */
	uint64_t left_ms;	 /* since when its connection is closed; 0: it stands */
};

static struct running *find(const struct worker *worker, uint64_t instance)
{
	LIST_EACH(&worker->processes, node)
		if (LIST_ENTRY(node, struct running, node)->instance == instance)
			return LIST_ENTRY(node, struct running, node);
	return NULL;
}

static void running_free(struct running *running)
{
	list_remove(&running->node);
	running->account->n_processes--;
	running->account = account_unref(running->account);
	free(running);
}

size_t processes_of(const struct worker *worker, const struct principal *principal)
{
	const struct account *account = map_get(&worker->accounts, principal->id);

	return account ? account->n_processes : 0;
}

bool processes_add(struct worker *worker, struct principal *principal, uint64_t instance)
{
	struct running *running = calloc(1, sizeof(*running));

	if (!running)
		return false;
	running->account = account_of(worker, principal->id);
	if (!running->account) {
		free(running);
		return false;
	}
	running->account->n_processes++;
	running->instance = instance;
	list_add(&worker->processes, &running->node);
	return true;
}

void processes_leave(struct worker *worker, uint64_t instance)
{
	struct running *running = find(worker, instance);

	if (running)
		running->left_ms = loop_now(&worker->loop);
}

void processes_remove(struct worker *worker, uint64_t instance)
{
	struct running *running = find(worker, instance);

	if (running)
		running_free(running);
}

void processes_clear(struct worker *worker)
{
	while (!list_empty(&worker->processes))
		running_free(LIST_ENTRY(worker->processes.next, struct running, node));
}

void processes_tick(struct worker *worker, uint64_t now_ms)
{
	LIST_EACH(&worker->processes, node) {
		struct running *running = LIST_ENTRY(node, struct running, node);

		if (running->left_ms && now_ms > running->left_ms + PROCESSES_END_MS)
			running_free(running);
	}
}
