/* starved.h - memory of one size cannot be had: the C library's calloc() is replaced in the test. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static size_t starve; /* the size; 0: all can be had */

void *starved_calloc(size_t n, size_t size) __asm__("calloc");
void *starved_calloc(size_t n, size_t size)
{
	void *p = n == 1 && size == starve ? NULL : reallocarray(NULL, n ? n : 1, size ? size : 1);

	return p ? memset(p, 0, n * size) : NULL;
}

/* Valgrind puts its own calloc() before this one. */
static bool can_starve(void)
{
	void *p;

	starve = 12345;
	p = calloc(1, starve);
	starve = 0;
	free(p);
	return !p;
}
