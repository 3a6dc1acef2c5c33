/* map.c - the table and the list: against a plain array, with removals in between. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/list.h"
#include "base/map.h"
#include "tap.h"

enum { KEYS = 500, STEPS = 20000 };

struct thing {
	struct list node;
	char key[8];
	int number;
};

static struct thing things[KEYS];

static struct span key_of(size_t i)
{
	return span_str(things[i].key);
}

static void absent(void)
{
	struct map map = { 0 };
	size_t at = 0;

	ok(!map_get(&map, S("a")), "an empty map holds nothing");
	ok(!map_remove(&map, S("a")), "and gives nothing back");
	ok(!map_next(&map, &at), "and has nothing to walk");
	ok(map_put(&map, span_of(NULL, 0), &things[0]) && map_get(&map, S("")) == &things[0],
	   "the empty key is a key");
	ok(map_put(&map, S(""), &things[1]) && map.n == 1 && map_get(&map, S("")) == &things[1],
	   "a second value replaces the first");
	ok(map_remove(&map, S("")) == &things[1] && !map_get(&map, S("")) && map.n == 0, "removed");
	map_release(&map);
}

/* A small generator of our own: the same steps in every run. */
static unsigned next_random(unsigned *state)
{
	*state = *state * 1664525U + 1013904223U;
	return *state >> 8;
}

static void against_an_array(void)
{
	struct map map = { 0 };
	bool in[KEYS] = { false }, fine = true;
	unsigned state = 42;
	size_t n = 0, walked = 0, at = 0;

	for (size_t step = 0; step < STEPS; step++) {
		size_t i = next_random(&state) % KEYS;

		if (next_random(&state) % 3) {
			fine = fine && map_put(&map, key_of(i), &things[i]);
			n += !in[i];
			in[i] = true;
		} else {
			fine = fine && map_remove(&map, key_of(i)) == (in[i] ? &things[i] : NULL);
			n -= in[i];
			in[i] = false;
		}
		i = next_random(&state) % KEYS;
		fine = fine && map_get(&map, key_of(i)) == (in[i] ? &things[i] : NULL) && map.n == n;
	}
	ok(fine, "%d steps agree with the array", STEPS);
	ok(map.cap <= 4 * KEYS, "removals do not make it grow for ever");
	while (map_next(&map, &at))
		walked++;
	is_int(walked, n, "a walk meets every entry once");
	at = 0;
	for (struct thing *thing; (thing = map_next(&map, &at)) != NULL;)
		fine = fine && map_remove(&map, span_str(thing->key)) == thing;
	ok(fine && map.n == 0, "what is walked over may be removed");
	map_release(&map);
}

/* As the calls of one connection: there is one at a time, and each has another key. */
static void one_after_another(void)
{
	struct map map = { 0 };
	bool fine = true;

	for (size_t i = 0; i < KEYS; i++)
		fine = fine && map_put(&map, key_of(i), &things[i]) &&
		       map_remove(&map, key_of(i)) == &things[i];
	ok(fine && map.n == 0, "%d come and go", KEYS);
	is_int(map.used, 0, "what has gone leaves no tombstone where no search goes on behind it");
	map_release(&map);
}

static void lists(void)
{
	struct list head;
	size_t seen = 0;

	list_init(&head);
	ok(list_empty(&head), "empty");
	for (size_t i = 0; i < 5; i++)
		list_add(&head, &things[i].node);
	LIST_EACH(&head, node) {
		struct thing *thing = LIST_ENTRY(node, struct thing, node);

		if (thing->number != (int)seen++)
			seen = 100;
		list_remove(node);
	}
	is_int(seen, 5, "in order, while each is removed");
	ok(list_empty(&head) && list_empty(&things[0].node), "nothing is left; who is out points at himself");
	list_remove(&things[0].node);
	ok(list_empty(&things[0].node), "removing twice is harmless");
}

int main(void)
{
	for (int i = 0; i < KEYS; i++) {
		things[i].number = i;
		(void)snprintf(things[i].key, sizeof(things[i].key), "k%d", i);
	}
	absent();
	against_an_array();
	one_after_another();
	lists();
	return tap_done();
}
