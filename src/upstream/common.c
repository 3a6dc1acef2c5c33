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

/* Under the lock. */
static void note_vain(struct server_common *common, const char *reason)
{
	common->vain++;
	common->reason = reason;
	common->ill = true;
}

void common_fault(struct server_common *common, const char *reason, uint64_t now_ms)
{
	(void)pthread_mutex_lock(&common->lock);
	health_fault(&common->health, now_ms, (uint32_t)random_u64());
	note_vain(common, reason);
	(void)pthread_mutex_unlock(&common->lock);
}

void common_vain(struct server_common *common, const char *reason)
{
	(void)pthread_mutex_lock(&common->lock);
	note_vain(common, reason);
	(void)pthread_mutex_unlock(&common->lock);
}

/* Said with each answer of a server, which is mostly well. */
void common_well(struct server_common *common)
{
	if (!common->ill)
		return;
	(void)pthread_mutex_lock(&common->lock);
	health_well(&common->health);
	common->vain = 0;
	common->reason = NULL;
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
	bool rests;

	if (!common->ill)
		return false;
	(void)pthread_mutex_lock(&common->lock);
	rests = health_rests(&common->health, now_ms);
	(void)pthread_mutex_unlock(&common->lock);
	return rests;
}

/* --- who may be to blame --- */

/* Under the lock, as the next one. */
static struct caller_health *caller_of(struct server_common *common, uint64_t key)
{
	for (size_t i = 0; i < COMMON_CALLERS; i++)
		if (common->callers[i].key == key)
			return &common->callers[i];
	return NULL;
}

/* A free place, or that of the one whose pause is over first. */
static struct caller_health *caller_place(struct server_common *common)
{
	struct caller_health *place = &common->callers[0];

	for (size_t i = 0; i < COMMON_CALLERS; i++) {
		struct caller_health *caller = &common->callers[i];

		if (!caller->key)
			return caller;
		if (caller->health.until_ms < place->health.until_ms)
			place = caller;
	}
	return place;
}

void common_caller_fault(struct server_common *common, uint64_t key, uint64_t now_ms)
{
	struct caller_health *caller;

	(void)pthread_mutex_lock(&common->lock);
	caller = caller_of(common, key);
	if (!caller) {
		caller = caller_place(common);
		*caller = (struct caller_health){ .key = key };
	}
	health_fault(&caller->health, now_ms, (uint32_t)random_u64());
	common->blamed = true;
	(void)pthread_mutex_unlock(&common->lock);
}

void common_caller_well(struct server_common *common, uint64_t key)
{
	struct caller_health *caller;
	bool any = false;

	if (!common->blamed)
		return;
	(void)pthread_mutex_lock(&common->lock);
	caller = caller_of(common, key);
	if (caller)
		*caller = (struct caller_health){ 0 };
	for (size_t i = 0; i < COMMON_CALLERS; i++)
		any |= common->callers[i].key != 0;
	common->blamed = any;
	(void)pthread_mutex_unlock(&common->lock);
}

uint64_t common_caller_wait_ms(struct server_common *common, uint64_t key, uint64_t now_ms)
{
	struct caller_health *caller;
	uint64_t wait;

	if (!common->blamed)
		return 0;
	(void)pthread_mutex_lock(&common->lock);
	caller = caller_of(common, key);
	wait = caller ? health_wait_ms(&caller->health, now_ms) : 0;
	(void)pthread_mutex_unlock(&common->lock);
	return wait;
}

struct common_view common_view(struct server_common *common, uint64_t now_ms)
{
	struct common_view view = { 0 };

	if (!common->ill)
		return view;
	(void)pthread_mutex_lock(&common->lock);
	view.vain = common->vain;
	view.reason = common->reason;
	if (health_rests(&common->health, now_ms))
		view.rests_ms = common->health.until_ms - now_ms;
	(void)pthread_mutex_unlock(&common->lock);
	return view;
}
