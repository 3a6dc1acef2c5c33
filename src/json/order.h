/* order.h - the names of objects, sorted; a stack, for objects inside objects. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"
#include "json/tape.h"

enum json_ordering {
	JSON_ORDER_HASH,  /* by hash, then by decoded bytes; equal names by where they stand */
	JSON_ORDER_UTF16, /* as RFC 8785 orders names */
};

/* Zero is legal and empty. */
struct json_order {
	json_at *names;
	uint32_t n, cap;
};

/* Pushes all names of `object`, sorted, on top. False without memory. */
bool json_order_push(struct json_order *order, const struct json *json, json_at object,
		     enum json_ordering ordering) MUST_CHECK;

/*
 * The name among the sorted `names` (JSON_ORDER_HASH) that decodes to the same as the name at
 * `at` of `other`; JSON_NONE where there is none.
 */
json_at json_order_find(const struct json *json, const json_at *names, uint32_t n, const struct json *other,
			json_at at);

/*
 * The first name of `object` that repeats an earlier one, or JSON_NONE, in `*name`. No
 * choice of names makes the time grow with the square of their number. False without memory.
 */
bool json_find_repeated(const struct json *json, json_at object, json_at *name) MUST_CHECK;

void json_order_release(struct json_order *order);
