/* exact.h - a text in memory of exactly its size, so that a sanitizer sees a byte too far. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/check.h"
#include "base/cleanup.h"
#include "base/span.h"

/* The caller frees the result. */
static inline char *exact_copy(struct span text)
{
	char *copy = malloc(text.n ? text.n : 1);

	check(copy);
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	return copy;
}
