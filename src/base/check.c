/* check.c - the end of a process whose own promise broke. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void check_failed(const char *condition, const char *file, int line)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "kanmon: internal check failed: %s (%s:%d)\n", condition, file,
			 line);

	if (n > 0)
		(void)!write(STDERR_FILENO, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
	abort();
}
