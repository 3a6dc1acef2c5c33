/* near.h - the name somebody meant. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/* Longer names are compared with nothing. */
#define NEAR_MAX_BYTES 64

/*
 * Edits from `a` to `b`: a byte added, dropped or changed, or two neighbours swapped; the case of
 * ASCII letters is no edit. Anything above `limit`, or a name past NEAR_MAX_BYTES, gives limit + 1.
 */
unsigned near_distance(struct span a, struct span b, unsigned limit);

/*
 * The candidate with the fewest edits from `wrong`, the first among equals; the empty span where
 * none is close: 1 edit for names under 5 bytes, 2 under 9, a third of the length from there.
 */
struct span near_name(struct span wrong, const struct span *candidates, size_t n);
