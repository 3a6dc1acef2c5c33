/* health.h - whether a server can be reached at all, known once for all who want to. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	HEALTH_FAULTS = 3,	     /* openings in vain, in a row, before anybody is told to wait … */
	HEALTH_PAUSE_MS = 1000,	     /* … for so long, and twice as long after each further one … */
	HEALTH_PAUSE_MAX_MS = 60000, /* … and no longer */
};

/*
 * Counts what says that nobody can reach the server: its program cannot be started, or one that all have
 * together ends or hangs before it has answered the gate's greeting; nothing answers at its address. Never a
 * refusal, nor the end of a program that was greeted in the words of one client, nor that the gate has no
 * room for him: or one of them could have it closed to all. What may be one client's doing is counted for him
 * alone (common.h). Zero is legal.
 */
struct health {
	unsigned faults;   /* in a row */
	uint64_t until_ms; /* nobody tries before, but one at a time after it */
	uint64_t since_ms; /* when the first of them was */
};

/* An attempt to reach it was in vain. `jitter`: any number; many gates must not try in step. */
void health_fault(struct health *health, uint64_t now_ms, uint32_t jitter);
/* It was reached. */
void health_well(struct health *health);
/* How long nobody is to try; 0: now. Who is told 0 after a pause is the one who tries. */
uint64_t health_wait_ms(struct health *health, uint64_t now_ms);
/* The same without a claim to be that one. */
bool health_rests(const struct health *health, uint64_t now_ms);
