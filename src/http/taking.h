/* taking.h - how fast somebody takes what waits for him: who takes too little is not waited for. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * That bytes move is not enough: a few at a time would hold the rest of an answer in memory for as long
 * as one likes. In each period a part of the most that has waited must be taken, so that all of it is
 * gone after TAKING_PERIODS of them. Zero is legal: nothing waits.
 */
enum { TAKING_PERIODS = 32 };

struct taking {
	uint64_t begun_ms; /* since when something has waited; 0: nothing does */
	uint64_t since_ms; /* of the period */
	uint64_t sent;	   /* when it began */
	size_t most;
};

/*
 * Looks again: `sent` bytes have been taken in all so far, `queued` wait. True, once a period: in the one
 * that is over, too little was taken.
 */
bool taking_is_slow(struct taking *taking, uint64_t sent, size_t queued, uint64_t now_ms, uint64_t period_ms);
