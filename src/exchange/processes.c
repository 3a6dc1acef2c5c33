/* processes.c - whose servers run as processes, so that nobody can have them all. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/processes.h"

#include <stdlib.h>

struct running {
	struct list node; /* of worker->processes */
	uint64_t instance;
	struct principal *principal; /* referenced */
	uint64_t left_ms;	     /* since when its connection is closed; 0: it stands */
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
	(void)principal_unref(running->principal);
	free(running);
}

size_t processes_of(const struct worker *worker, const struct principal *principal)
{
	size_t n = 0;

	LIST_EACH(&worker->processes, node)
		n += span_eq(LIST_ENTRY(node, struct running, node)->principal->id, principal->id);
	return n;
}

bool processes_add(struct worker *worker, struct principal *principal, uint64_t instance)
{
	struct running *running = calloc(1, sizeof(*running));

	if (!running)
		return false;
	running->instance = instance;
	running->principal = principal_ref(principal);
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
