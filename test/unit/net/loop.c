/* loop.c - when a loop rests: after nothing was to do for a while, and again. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include <unistd.h>

#include "tap.h"

enum { LONG_MS = 60 * 60 * 1000 };

static struct loop loop;
static uv_timer_t far;
static size_t n_made;

static void on_far(uv_timer_t *timer)
{
	(void)timer;
}

/* A loop in use waits for something; what it waits for here does not come. */
static bool begin(void)
{
	struct err err = ERR_INIT;

	if (loop_init(&loop, &err) < 0)
		return false;
	loop.rest_ms = LONG_MS;
	return uv_timer_init(&loop.uv, &far) == 0 && uv_timer_start(&far, on_far, LONG_MS, 0) == 0;
}

static void end(void)
{
	uv_close((uv_handle_t *)&far, NULL);
	loop_release(&loop);
}

static void count(struct later *later)
{
	(void)later;
	n_made++;
}

static void do_something(void)
{
	struct later later = { .run = count };
	size_t before = n_made;

	loop_later(&loop, &later);
	while (n_made == before)
		(void)uv_run(&loop.uv, UV_RUN_NOWAIT);
}

static bool waits_for_rest(void)
{
	return uv_is_active((const uv_handle_t *)&loop.rest);
}

/* It has waited for long enough. */
static void come_to_its_end(void)
{
	(void)uv_timer_start(&loop.rest, loop.rest.timer_cb, 1, 0);
	(void)usleep(2000);
	(void)uv_run(&loop.uv, UV_RUN_NOWAIT);
}

static void test_rest(void)
{
	if (!ok(begin(), "a loop begins"))
		return;
	do_something();
	ok(waits_for_rest(), "when something was to do, the loop waits for its rest");
	do_something();
	do_something();
	come_to_its_end();
	is_int(loop.n_rests, 0, "what was to do meanwhile puts it off");
	ok(waits_for_rest(), "and it is waited for again");
	come_to_its_end();
	is_int(loop.n_rests, 1, "when nothing was to do, the loop rests");
	do_something();
	come_to_its_end();
	is_int(loop.n_rests, 2, "and again after it had something to do");
	end();
}

int main(void)
{
	test_rest();
	return tap_done();
}
