/* crew.c - the threads of the worker. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/crew.h"

#include <stdlib.h>

#include "base/check.h"
#include "exchange/worker.h"
#include "net/mailbox.h"

void crew_init(struct crew *crew, struct worker *first)
{
	*crew = (struct crew){ .n = 1, .members = { first } };
	(void)pthread_mutex_init(&crew->ring_lock, NULL);
	(void)pthread_mutex_init(&crew->lock, NULL);
	(void)pthread_cond_init(&crew->changed, NULL);
}

/* FNV-1a, and the upper half mixed in: ids of tokens are chance, and nobody chooses the thread of another. */
static uint64_t hash_of(struct span id)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < id.n; i++)
		hash = (hash ^ (unsigned char)id.p[i]) * 0x100000001b3ULL;
	return hash ^ (hash >> 32);
}

struct worker *crew_home(struct worker *worker, struct span principal_id)
{
	const struct crew *crew = worker->crew;

	return crew->n == 1 ? worker : crew->members[hash_of(principal_id) % crew->n];
}

struct holding {
	struct mail mail;
	struct crew *crew;
	uint64_t number;
};

static void run_holding(struct mail *mail)
{
	struct holding *holding = LIST_ENTRY(mail, struct holding, mail);
	struct crew *crew = holding->crew;

	(void)pthread_mutex_lock(&crew->lock);
	crew->n_waiting++;
	(void)pthread_cond_broadcast(&crew->changed);
	while (crew->holding && crew->holds == holding->number)
		(void)pthread_cond_wait(&crew->changed, &crew->lock);
	(void)pthread_mutex_unlock(&crew->lock);
	free(holding);
}

void crew_hold(struct crew *crew)
{
	if (crew->n == 1)
		return;
	(void)pthread_mutex_lock(&crew->lock);
	check(!crew->holding);
	crew->holding = true;
	crew->holds++;
	crew->n_waiting = 0;
	for (size_t i = 1; i < crew->n; i++) {
		struct holding *holding = calloc(1, sizeof(*holding));

		/* Without memory for this nothing else would go well. */
		check(holding != NULL);
		*holding = (struct holding){ { .run = run_holding }, crew, crew->holds };
		mailbox_post(crew->members[i]->loop.mailbox, &holding->mail);
	}
	while (crew->n_waiting < crew->n - 1)
		(void)pthread_cond_wait(&crew->changed, &crew->lock);
	(void)pthread_mutex_unlock(&crew->lock);
}

void crew_release(struct crew *crew)
{
	if (crew->n == 1)
		return;
	(void)pthread_mutex_lock(&crew->lock);
	crew->holding = false;
	(void)pthread_cond_broadcast(&crew->changed);
	(void)pthread_mutex_unlock(&crew->lock);
}
