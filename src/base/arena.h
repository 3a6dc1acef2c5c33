/* arena.h - memory that dies together. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"
#include "base/span.h"

struct arena_block;

/*
 * A bump allocator with a ceiling. Past the ceiling, or without memory, an allocation is NULL and
 * `over` stays set: callers may check once at the end of a stage.
 */
struct arena {
	struct arena_block *last;
	size_t used; /* bytes handed out */
	size_t max;  /* ceiling on bytes handed out */
	bool over;
};

#define ARENA_INIT(ceiling) ((struct arena){ .max = (ceiling) })

/* Zeroed memory aligned for any type; lives until arena_release() or arena_clear(). */
void *arena_alloc(struct arena *arena, size_t n);

/* Copies; the copy has a NUL after its last byte. On failure the empty span with p == NULL. */
struct span arena_dup(struct arena *arena, struct span bytes);

/* Forgets everything, keeps the first block for reuse. */
void arena_clear(struct arena *arena);
void arena_release(struct arena *arena);
