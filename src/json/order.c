/* order.c - sorting the names of an object. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "json/order.h"

#include <stdlib.h>

#include "json/string.h"

enum { TABLE_PATIENCE = 8 }; /* slots met in vain, for each name: more is no accident */

static int compare_hashed(const struct json *a, json_at at, const struct json *b, json_at bt)
{
	uint32_t x = a->tokens[at].hash, y = b->tokens[bt].hash;

	if (x != y)
		return x < y ? -1 : 1;
	return json_string_compare(a, at, b, bt, JSON_BY_BYTES);
}

static int by_hash(const void *left, const void *right, void *context)
{
	const json_at *a = left, *b = right;
	int order = compare_hashed(context, *a, context, *b);

	return order != 0 ? order : (*a > *b) - (*a < *b);
}

static int by_utf16(const void *left, const void *right, void *context)
{
	const json_at *a = left, *b = right;

	return json_string_compare(context, *a, context, *b, JSON_BY_UTF16);
}

static bool make_room(struct json_order *order, uint32_t more)
{
	uint32_t need = order->n + more, cap = order->cap ? order->cap : 64;
	json_at *names;

	if (need <= order->cap)
		return true;
	while (cap < need)
		cap *= 2;
	names = realloc(order->names, cap * sizeof *names);
	if (!names)
		return false;
	order->names = names;
	order->cap = cap;
	return true;
}

bool json_order_push(struct json_order *order, const struct json *json, json_at object,
		     enum json_ordering ordering)
{
	uint32_t first = order->n;

	if (!make_room(order, json->tokens[object].count))
		return false;
	for (json_at k = json_first(json, object); k != JSON_NONE; k = json_next_key(json, object, k))
		order->names[order->n++] = k;
	if (order->n > first)
		qsort_r(order->names + first, order->n - first, sizeof *order->names,
			ordering == JSON_ORDER_HASH ? by_hash : by_utf16, (void *)(uintptr_t)json);
	return true;
}

json_at json_order_find(const struct json *json, const json_at *names, uint32_t n, const struct json *other,
			json_at at)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = compare_hashed(other, at, json, names[middle]);

		if (order == 0)
			return names[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return JSON_NONE;
}

/* The slow way, which no choice of names makes slower. */
static bool find_repeated_sorted(const struct json *json, json_at object, json_at *name)
{
	CLEANUP(json_order_release) struct json_order order = { .names = NULL };
	json_at first = JSON_NONE;

	if (!json_order_push(&order, json, object, JSON_ORDER_HASH))
		return false;
	for (uint32_t i = 1; i < order.n; i++) {
		json_at name_here = order.names[i];

		if (name_here < first && compare_hashed(json, order.names[i - 1], json, name_here) == 0)
			first = name_here;
	}
	*name = first;
	return true;
}

bool json_find_repeated(const struct json *json, json_at object, json_at *name)
{
	CLEANUP(freep) json_at *slots = NULL; /* 0 is free: the root is no name */
	uint32_t count = json->tokens[object].count, size = 64, strange = 0;

	while (size < 2 * count)
		size *= 2;
	slots = calloc(size, sizeof *slots);
	if (!slots)
		return false;
	for (json_at k = json_first(json, object); k != JSON_NONE; k = json_next_key(json, object, k)) {
		uint32_t slot = json->tokens[k].hash & (size - 1);

		for (; slots[slot] != 0; slot = (slot + 1) & (size - 1)) {
			if (++strange > TABLE_PATIENCE * count)
				return find_repeated_sorted(json, object, name);
			if (compare_hashed(json, slots[slot], json, k) == 0) {
				*name = k;
				return true;
			}
		}
		slots[slot] = k;
	}
	*name = JSON_NONE;
	return true;
}

void json_order_release(struct json_order *order)
{
	free(order->names);
	*order = (struct json_order){ .names = NULL };
}
