/* unique.c - finds equal elements: few by comparing each pair, many by their hashes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/decimal.h"
#include "schema/machine.h"

enum { PAIRWISE = 8 };

struct element {
	uint64_t hash;
	json_at at;
};

static enum step compare(struct machine *m, json_at a, json_at b)
{
	const struct json_token *ta = &m->json->tokens[a], *tb = &m->json->tokens[b];
	uint32_t size = ta->next - a;

	if (ta->type != tb->type || ta->count != tb->count || size != tb->next - b)
		return STEP_PASS;
	if (!machine_charge(m, size + (ta->end - ta->off) / 16))
		return STEP_STOP;
	return json_equal(m->json, a, m->json, b) ? STEP_FAIL : STEP_PASS;
}

static enum step compare_pairs(struct machine *m, json_at array)
{
	const struct json_token *tokens = m->json->tokens;

	for (json_at a = array + 1; a < tokens[array].next; a = tokens[a].next) {
		for (json_at b = tokens[a].next; b < tokens[array].next; b = tokens[b].next) {
			enum step step = compare(m, a, b);

			if (step != STEP_PASS)
				return step;
		}
	}
	return STEP_PASS;
}

/*
 * The same for equal values: a sum over all scalars, names and sizes in it, so that the order of
 * members does not count. Two different values may have the same hash; they are compared then.
 */
static uint64_t hash_value(struct machine *m, json_at at)
{
	uint64_t sum = 0;

	for (json_at i = at; i < m->json->tokens[at].next; i++) {
		const struct json_token *t = &m->json->tokens[i];
		struct json_number d;

		if (t->type == JSON_STRING) {
			sum += span_hash(machine_string(m, i), t->is_key);
		} else if (t->type == JSON_NUMBER) {
			d = json_number_of(json_raw(m->json, i));
			sum += decimal_hash(&d, 2);
		} else {
			sum += (t->type + 1U) * 0x9E3779B97F4A7C15U + t->count;
		}
	}
	return sum;
}

static int by_hash(const void *a, const void *b)
{
	const struct element *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Elements with the same hash are neighbours now. */
static enum step compare_neighbours(struct machine *m, const struct element *elements, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t j = i + 1; j < n && elements[j].hash == elements[i].hash; j++) {
			enum step step = machine_charge(m, 1) ? compare(m, elements[i].at, elements[j].at)
							      : STEP_STOP;

			if (step != STEP_PASS)
				return step;
		}
	}
	return STEP_PASS;
}

enum step unique_check(struct machine *m, json_at array)
{
	const struct json_token *t = &m->json->tokens[array];
	CLEANUP(freep) struct element *elements = NULL;
	uint32_t n = 0;

	if (t->count <= PAIRWISE)
		return compare_pairs(m, array);
	if (!machine_charge(m, 4 * (uint64_t)(t->next - array) + (t->end - t->off) / 8))
		return STEP_STOP;
	elements = calloc(t->count, sizeof(*elements));
	if (!elements)
		return STEP_STOP;
	for (json_at e = array + 1; e < t->next; e = m->json->tokens[e].next)
		elements[n++] = (struct element){ .hash = hash_value(m, e), .at = e };
	qsort(elements, n, sizeof(*elements), by_hash);
	return compare_neighbours(m, elements, n);
}
