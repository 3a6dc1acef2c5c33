/* map.h - byte keys to pointers, open addressing. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"
#include "base/span.h"

struct map_slot;

/*
 * Keys are borrowed: they must live as long as their entry (keep them inside the value). Zero is
 * an empty map. The hash is seeded at first use, so a peer cannot choose collisions.
 */
struct map {
	struct map_slot *slots;
	size_t n, cap, used; /* used counts tombstones too */
	uint64_t seed;
};

/* NULL where there is none. */
void *map_get(const struct map *map, struct span key);

/* Adds or replaces. False without memory; the map is unchanged then. `value` is not NULL. */
bool map_put(struct map *map, struct span key, void *value) MUST_CHECK;

/* Removes and returns what stood there, or NULL. */
void *map_remove(struct map *map, struct span key);

/* Walks in no order: start with *at = 0; NULL at the end. Removing what was returned is allowed. */
void *map_next(const struct map *map, size_t *at);

void map_release(struct map *map);
