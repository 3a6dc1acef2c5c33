/* check.h - assertions that stay in every build. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * States what only our own bug could make untrue. No input of a peer may reach a failing check:
 * it ends the process, and the manager starts another.
 */
#define check(condition)                                                                                     \
	do {                                                                                                 \
		if (__builtin_expect(!(condition), 0))                                                       \
			check_failed(#condition, __FILE__, __LINE__);                                        \
	} while (0)

_Noreturn void check_failed(const char *condition, const char *file, int line);
