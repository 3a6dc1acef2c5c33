/* equal.c - are two values the same as JSON? */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "json/number.h"
#include "json/order.h"
#include "json/string.h"
#include "json/tape.h"

enum { FEW_NAMES = 32 }; /* more are looked up in a sorted list */

/* A pair of open containers of the same type and count. */
struct pair {
	json_at a, b;
	json_at at_a, at_b;  /* the child at hand: an element or a name */
	uint32_t names, all; /* where b's sorted names are in `order`, and how many; 0: not sorted */
};

struct comparison {
	const struct json *a, *b;
	struct json_order order;
	uint32_t depth;
	struct pair pairs[JSON_DEPTH];
};

static json_at search(const struct comparison *c, const struct pair *pair, json_at name)
{
	uint32_t hash = c->a->tokens[name].hash;

	for (json_at k = json_first(c->b, pair->b); k != JSON_NONE; k = json_next_key(c->b, pair->b, k)) {
		if (c->b->tokens[k].hash == hash &&
		    json_string_compare(c->a, name, c->b, k, JSON_BY_BYTES) == 0)
			return k;
	}
	return JSON_NONE;
}

/* b's name that is the same as a's `name`. Most often both objects have the same order. */
static json_at find_name(struct comparison *c, struct pair *pair, json_at name, json_at guess)
{
	if (guess != JSON_NONE && c->a->tokens[name].hash == c->b->tokens[guess].hash &&
	    json_string_compare(c->a, name, c->b, guess, JSON_BY_BYTES) == 0)
		return guess;
	if (c->b->tokens[pair->b].count <= FEW_NAMES)
		return search(c, pair, name);
	if (pair->all == 0) {
		uint32_t below = c->order.n;

		if (!json_order_push(&c->order, c->b, pair->b, JSON_ORDER_HASH))
			return search(c, pair, name);
		pair->names = below;
		pair->all = c->order.n - below;
	}
	return json_order_find(c->b, c->order.names + pair->names, pair->all, c->a, name);
}

/* Two values at hand: are they equal so far? Containers are pushed, to be gone through. */
static bool meet(struct comparison *c, json_at at, json_at bt)
{
	const struct json_token *x = &c->a->tokens[at], *y = &c->b->tokens[bt];

	if (x->type != y->type || x->count != y->count)
		return false;
	switch ((enum json_type)x->type) {
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE:
		return true;
	case JSON_NUMBER:
		return json_number_equal(json_raw(c->a, at), json_raw(c->b, bt));
	case JSON_STRING:
		return json_string_compare(c->a, at, c->b, bt, JSON_BY_BYTES) == 0;
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	if (x->count > 0)
		c->pairs[c->depth++] =
		    (struct pair){ .a = at, .b = bt, .at_a = JSON_NONE, .at_b = JSON_NONE };
	return true;
}

static json_at step(const struct json *json, json_at container, json_at child)
{
	if (child == JSON_NONE)
		return json_first(json, container);
	return json_is(json, container, JSON_OBJECT) ? json_next_key(json, container, child)
						     : json_next(json, container, child);
}

/* One step in the innermost pair: false where it shows a difference. */
static bool advance(struct comparison *c)
{
	struct pair *pair = &c->pairs[c->depth - 1];

	pair->at_a = step(c->a, pair->a, pair->at_a);
	pair->at_b = step(c->b, pair->b, pair->at_b);
	if (pair->at_a == JSON_NONE) {
		if (pair->all > 0)
			c->order.n = pair->names;
		c->depth--;
		return true;
	}
	if (json_is(c->a, pair->a, JSON_ARRAY))
		return meet(c, pair->at_a, pair->at_b);
	pair->at_b = find_name(c, pair, pair->at_a, pair->at_b);
	return pair->at_b != JSON_NONE && meet(c, pair->at_a + 1, pair->at_b + 1);
}

static void comparison_release(struct comparison *c)
{
	json_order_release(&c->order);
}

bool json_equal(const struct json *a, json_at at, const struct json *b, json_at bt)
{
	CLEANUP(comparison_release) struct comparison c;

	c.a = a;
	c.b = b;
	c.order = (struct json_order){ .names = NULL };
	c.depth = 0;
	if (!meet(&c, at, bt))
		return false;
	while (c.depth > 0) {
		if (!advance(&c))
			return false;
	}
	return true;
}
