/* health.c - pauses between attempts to reach a server that cannot be reached. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/health.h"

enum { HEALTH_TRIAL_MS = 5000 /* for the one who tries, before the next may */ };

void health_fault(struct health *health, uint64_t now_ms, uint32_t jitter)
{
	uint64_t pause = HEALTH_PAUSE_MS;

	if (health->faults == 0)
		health->since_ms = now_ms;
	health->faults++;
	if (health->faults < HEALTH_FAULTS)
		return;
	for (unsigned i = HEALTH_FAULTS; i < health->faults && pause < HEALTH_PAUSE_MAX_MS; i++)
		pause *= 2;
	if (pause > HEALTH_PAUSE_MAX_MS)
		pause = HEALTH_PAUSE_MAX_MS;
	/* Up to a fifth less. */
	health->until_ms = now_ms + pause - pause / 5 * (jitter % 256) / 256;
}

void health_well(struct health *health)
{
	*health = (struct health){ 0 };
}

bool health_rests(const struct health *health, uint64_t now_ms)
{
	return health->faults >= HEALTH_FAULTS && now_ms < health->until_ms;
}

uint64_t health_wait_ms(struct health *health, uint64_t now_ms)
{
	if (health->faults < HEALTH_FAULTS)
		return 0;
	if (now_ms < health->until_ms)
		return health->until_ms - now_ms;
	health->until_ms = now_ms + HEALTH_TRIAL_MS;
	return 0;
}
