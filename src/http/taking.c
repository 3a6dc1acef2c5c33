/* taking.c - how fast somebody takes what waits for him: who takes too little is not waited for. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/taking.h"

bool taking_is_slow(struct taking *taking, uint64_t sent, size_t queued, uint64_t now_ms, uint64_t period_ms)
{
	uint64_t taken;

	if (queued == 0) {
		*taking = (struct taking){ 0 };
		return false;
	}
	if (taking->begun_ms == 0) {
		*taking =
		    (struct taking){ .begun_ms = now_ms, .since_ms = now_ms, .sent = sent, .most = queued };
		return false;
	}
	if (queued > taking->most)
		taking->most = queued;
	if (now_ms <= taking->since_ms + period_ms)
		return false;
	taken = sent > taking->sent ? sent - taking->sent : 0;
	taking->since_ms = now_ms;
	taking->sent = sent;
	return taken == 0 || taken < taking->most / TAKING_PERIODS;
}
