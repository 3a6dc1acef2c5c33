/* turns.h - turns a loop until something is so; gives up after some seconds, so that a test can fail. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <unistd.h>

#include "net/loop.h"

static inline void one_turn(struct loop *loop, int turn)
{
	(void)uv_run(&loop->uv, UV_RUN_NOWAIT);
	if (turn > 100)
		(void)usleep(200);
}

#define TURN_UNTIL(loop, condition)                                                                          \
	for (int turn_ = 0; turn_ < 20000 && !(condition); turn_++)                                          \
	one_turn((loop), turn_)

/* For what must not happen: enough turns for everything that is under way. */
static inline void turn_a_while(struct loop *loop)
{
	for (int turn = 0; turn < 50; turn++)
		one_turn(loop, turn);
}
