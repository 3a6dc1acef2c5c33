/* taking.c - who takes next to nothing of what waits for him is found out; who takes his share is not. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/taking.h"

#include "tap.h"

enum { PERIOD = 100, ALL = 32000 };

/* After how many periods one who takes `share` in each is found slow; 0: he had all of it before. */
static unsigned slow_after(size_t share)
{
	struct taking taking = { 0 };
	size_t queued = ALL;
	uint64_t now = 1;

	(void)taking_is_slow(&taking, 0, queued, now, PERIOD);
	for (unsigned period = 1; queued; period++) {
		queued -= share < queued ? share : queued;
		now += PERIOD + 1;
		if (taking_is_slow(&taking, ALL - queued, queued, now, PERIOD))
			return period;
	}
	return 0;
}

int main(void)
{
	struct taking taking = { 0 };

	is_int(slow_after(0), 1, "nothing is taken");
	is_int(slow_after(1), 1, "a byte in each period");
	is_int(slow_after(ALL / TAKING_PERIODS - 1), 1, "a little too little");
	is_int(slow_after(ALL / TAKING_PERIODS), 0, "just enough");
	is_int(slow_after(ALL), 0, "all at once");
	ok(!taking_is_slow(&taking, 0, 1000, 5, PERIOD) &&
	       !taking_is_slow(&taking, 0, 1000, 5 + PERIOD, PERIOD),
	   "before a period is over nobody is slow");
	ok(!taking_is_slow(&taking, 40, 4000, 50, PERIOD) && taking_is_slow(&taking, 40, 4000, 106, PERIOD),
	   "what has come since counts, too");
	ok(!taking_is_slow(&taking, 4040, 0, 300, PERIOD) && taking.begun_ms == 0,
	   "nothing waits: all is forgotten");
	ok(!taking_is_slow(&taking, 4040, 1, 301, PERIOD) && !taking_is_slow(&taking, 4041, 1, 500, PERIOD),
	   "of very little, one byte is enough");
	ok(taking_is_slow(&taking, 4000, 50, 700, PERIOD), "what went backwards is nothing");
	return tap_done();
}
