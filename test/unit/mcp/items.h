/* items.h - messages between revisions, as tables: what comes in, and what goes out. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "reading.h"

typedef bool translate_fn(const struct message *message, enum method method, struct legs legs,
			  struct edits *edits);

struct item {
	const char *name;
	struct legs legs;
	enum method method;
	const char *in, *out;
};

static void one(translate_fn *translate, const struct item *item, bool spaced)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)65536);
	struct arena arena = ARENA_INIT((size_t)1 << 20);
	struct edits edits = { .arena = &arena };
	struct reading reading = { 0 };

	ok(reading_open(&reading, item->in, spaced), "%s is read", item->name);
	if (translate(&reading.message, item->method, item->legs, &edits))
		json_emit(&out, &reading.json, 0, edits.list, edits.n);
	else
		buf_add(&out, S(NO_WORDS));
	ok(!edits.over, "%s fits", item->name);
	is_text(buf_span(&out), item->out, item->name, spaced);
	json_release(&reading.json);
	arena_release(&arena);
}

static void each(translate_fn *translate, const struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		one(translate, &items[i], false);
		one(translate, &items[i], true);
	}
}
