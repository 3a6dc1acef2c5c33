/* map.c - byte keys to pointers: open addressing, linear probing, tombstones. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdlib.h>

#include "base/random.h"

struct map_slot {
	struct span key;
	uint64_t hash;
	void *value; /* NULL: free, or a tombstone where key.p is set */
};

/* Most maps are of one connection or session, and there are many of those. */
#define MAP_FIRST_SLOTS ((size_t)4)

static struct map_slot *find(const struct map *map, struct span key, uint64_t hash)
{
	size_t mask = map->cap - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct map_slot *slot = &map->slots[i];

		if (!slot->value && !slot->key.p)
			return NULL;
		if (slot->value && slot->hash == hash && span_eq(slot->key, key))
			return slot;
	}
}

void *map_get(const struct map *map, struct span key)
{
	struct map_slot *slot;

	if (map->n == 0)
		return NULL;
	slot = find(map, key, span_hash(key, map->seed));
	return slot ? slot->value : NULL;
}

static void place(struct map *map, struct map_slot entry)
{
	size_t mask = map->cap - 1;
	size_t i = entry.hash & mask;

	while (map->slots[i].value)
		i = (i + 1) & mask;
	if (!map->slots[i].key.p)
		map->used++;
	map->slots[i] = entry;
	map->n++;
}

/* Keeps the load, tombstones included, under three quarters. */
static bool make_room(struct map *map)
{
	struct map old = *map;
	size_t cap = old.cap ? old.cap : MAP_FIRST_SLOTS;

	if (old.cap && (old.used + 1) * 4 <= old.cap * 3)
		return true;
	while ((old.n + 1) * 2 > cap)
		cap *= 2;
	map->slots = calloc(cap, sizeof(*map->slots));
	if (!map->slots) {
		map->slots = old.slots;
		return false;
	}
	if (!old.cap)
		map->seed = random_u64();
	map->cap = cap;
	map->n = 0;
	map->used = 0;
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].value)
			place(map, old.slots[i]);
	free(old.slots);
	return true;
}

bool map_put(struct map *map, struct span key, void *value)
{
	uint64_t hash;
	struct map_slot *slot;

	if (key.p == NULL)
		key.p = "";
	if (!make_room(map))
		return false;
	hash = span_hash(key, map->seed);
	slot = find(map, key, hash);
	if (slot) {
		slot->key = key;
		slot->value = value;
		return true;
	}
	place(map, (struct map_slot){ .key = key, .hash = hash, .value = value });
	return true;
}

/* Where a search ends behind it anyway, a slot may be free again, and so may the tombstones before it. */
static void bury(struct map *map, struct map_slot *slot)
{
	size_t mask = map->cap - 1;
	size_t i = (size_t)(slot - map->slots);
	const struct map_slot *next = &map->slots[(i + 1) & mask];

	slot->value = NULL;
	slot->key = S("");
	if (next->value || next->key.p)
		return;
	for (; !map->slots[i].value && map->slots[i].key.p; i = (i - 1) & mask) {
		map->slots[i].key.p = NULL;
		map->used--;
	}
}

void *map_remove(struct map *map, struct span key)
{
	struct map_slot *slot;
	void *value;

	if (map->n == 0)
		return NULL;
	slot = find(map, key, span_hash(key, map->seed));
	if (!slot)
		return NULL;
	value = slot->value;
	bury(map, slot);
	map->n--;
	return value;
}

void *map_next(const struct map *map, size_t *at)
{
	while (*at < map->cap) {
		void *value = map->slots[(*at)++].value;

		if (value)
			return value;
	}
	return NULL;
}

void map_release(struct map *map)
{
	free(map->slots);
	*map = (struct map){ 0 };
}
