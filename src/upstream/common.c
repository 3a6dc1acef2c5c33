/* common.c - what the worker's threads know and count of one server together. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/common.h"

#include <stdlib.h>

#include "base/random.h"

struct server_common *server_common_new(void)
{
	struct server_common *common = calloc(1, sizeof(*common));

	if (!common)
		return NULL;
	common->refs = 1;
	(void)pthread_mutex_init(&common->lock, NULL);
	return common;
}

struct server_common *server_common_ref(struct server_common *common)
{
	common->refs++;
	return common;
}

struct server_common *server_common_unref(struct server_common *common)
{
	if (!common || --common->refs)
		return NULL;
	(void)pthread_mutex_destroy(&common->lock);
	free(common);
	return NULL;
}

void common_fault(struct server_common *common, uint64_t now_ms)
{
	(void)pthread_mutex_lock(&common->lock);
	health_fault(&common->health, now_ms, (uint32_t)random_u64());
	common->ill = true;
	(void)pthread_mutex_unlock(&common->lock);
}

/* Said with each answer of a server, which is mostly well. */
void common_well(struct server_common *common)
{
	if (!common->ill)
		return;
	(void)pthread_mutex_lock(&common->lock);
	health_well(&common->health);
	common->ill = false;
	(void)pthread_mutex_unlock(&common->lock);
}

uint64_t common_wait_ms(struct server_common *common, uint64_t now_ms)
{
	uint64_t wait;

	if (!common->ill)
		return 0;
	(void)pthread_mutex_lock(&common->lock);
	wait = health_wait_ms(&common->health, now_ms);
	(void)pthread_mutex_unlock(&common->lock);
	return wait;
}

bool common_rests(struct server_common *common, uint64_t now_ms)
{
	const struct health health = common_health(common);

	return health_rests(&health, now_ms);
}

struct health common_health(struct server_common *common)
{
	struct health health = { 0 };

	if (!common->ill)
		return health;
	(void)pthread_mutex_lock(&common->lock);
	health = common->health;
	(void)pthread_mutex_unlock(&common->lock);
	return health;
}
