/* health.c - the pauses before a server that cannot be reached is tried again. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/health.h"
#include "tap.h"

static void few(void)
{
	struct health health = { 0 };

	is_int(health_wait_ms(&health, 1000), 0, "a server nobody knows is tried at once");
	for (unsigned i = 1; i < HEALTH_FAULTS; i++) {
		health_fault(&health, 1000, 0);
		ok(health_wait_ms(&health, 1000) == 0 && !health_rests(&health, 1000), "also after fault %u",
		   i);
	}
}

static void pauses(void)
{
	struct health health = { 0 };
	uint64_t now = 1000, pause = HEALTH_PAUSE_MS;

	for (unsigned i = 0; i < HEALTH_FAULTS; i++)
		health_fault(&health, now, 0);
	for (int i = 0; i < 12; i++) {
		ok(health_rests(&health, now + pause - 1) && !health_rests(&health, now + pause),
		   "it rests for %u ms", (unsigned)pause);
		is_int(health_wait_ms(&health, now), pause, "and says so");
		now += pause;
		is_int(health_wait_ms(&health, now), 0, "then one may try");
		ok(health_wait_ms(&health, now) > 0, "and only one");
		health_fault(&health, now, 0);
		pause = pause * 2 < HEALTH_PAUSE_MAX_MS ? pause * 2 : HEALTH_PAUSE_MAX_MS;
	}
	is_int(pause, HEALTH_PAUSE_MAX_MS, "no pause is longer than the longest");
	is_int(health.since_ms, 1000, "it is known since when");
	health_well(&health);
	ok(!health_rests(&health, now) && health_wait_ms(&health, now) == 0,
	   "who was reached is tried at once");
}

static void jitter(void)
{
	struct health a = { 0 }, b = { 0 };

	for (unsigned i = 0; i < HEALTH_FAULTS; i++) {
		health_fault(&a, 0, 0);
		health_fault(&b, 0, 255);
	}
	ok(b.until_ms < a.until_ms && b.until_ms >= a.until_ms - HEALTH_PAUSE_MS / 5,
	   "gates do not try in step, and none much earlier");
}

static void forever(void)
{
	struct health health = { 0 };

	for (unsigned i = 0; i < 100000; i++)
		health_fault(&health, i, i);
	ok(health.until_ms <= 100000 + HEALTH_PAUSE_MAX_MS, "however often it fails");
}

int main(void)
{
	few();
	pauses();
	jitter();
	forever();
	return tap_done();
}
