/* arena.c - memory that dies together. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif

#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
/* A gap after every allocation, so that an overrun inside the arena is reported too. */
#define ARENA_GAP 16U
#define poison(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define unpoison(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define ARENA_GAP 0U
#define poison(p, n) ((void)(p), (void)(n))
#define unpoison(p, n) ((void)(p), (void)(n))
#endif

/* The first is of a size that malloc() has at hand; most hold no more. */
#define ARENA_FIRST_BYTES ((size_t)1024)
#define ARENA_BLOCK_BYTES ((size_t)4096)
#define ARENA_ALIGN alignof(max_align_t)

struct arena_block {
	struct arena_block *before;
	size_t n, cap;
	alignas(max_align_t) char bytes[];
};

static struct arena_block *block_new(struct arena *arena, size_t need)
{
	size_t cap = (arena->last ? ARENA_BLOCK_BYTES : ARENA_FIRST_BYTES) - sizeof(struct arena_block);
	struct arena_block *block;

	if (cap < need)
		cap = need;
	block = malloc(sizeof(*block) + cap);
	if (!block)
		return NULL;
	block->before = arena->last;
	block->n = 0;
	block->cap = cap;
	poison(block->bytes, cap);
	arena->last = block;
	return block;
}

void *arena_alloc(struct arena *arena, size_t n)
{
	struct arena_block *block = arena->last;
	size_t need, total;
	char *p;

	if (arena->over)
		return NULL;
	if (__builtin_add_overflow(n, ARENA_GAP + ARENA_ALIGN - 1, &need))
		goto over;
	need &= ~(ARENA_ALIGN - 1);
	if (__builtin_add_overflow(arena->used, need, &total) || total > arena->max)
		goto over;
	if (!block || block->cap - block->n < need)
		block = block_new(arena, need);
	if (!block)
		goto over;
	p = block->bytes + block->n;
	block->n += need;
	arena->used = total;
	unpoison(p, n);
	memset(p, 0, n);
	return p;
over:
	arena->over = true;
	return NULL;
}

struct span arena_dup(struct arena *arena, struct span bytes)
{
	char *p = arena_alloc(arena, bytes.n + 1);

	if (!p)
		return span_of(NULL, 0);
	if (bytes.n)
		memcpy(p, bytes.p, bytes.n);
	return span_of(p, bytes.n);
}

/* The newest is kept, as what comes next will need as much; but not what is larger than usual. */
void arena_clear(struct arena *arena)
{
	struct arena_block *kept = NULL;

	while (arena->last) {
		struct arena_block *block = arena->last;

		arena->last = block->before;
		if (!kept && sizeof(*block) + block->cap <= ARENA_BLOCK_BYTES) {
			kept = block;
			continue;
		}
		unpoison(block->bytes, block->cap);
		free(block);
	}
	if (kept) {
		poison(kept->bytes, kept->cap);
		kept->n = 0;
		kept->before = NULL;
	}
	arena->last = kept;
	arena->used = 0;
	arena->over = false;
}

void arena_release(struct arena *arena)
{
	arena_clear(arena);
	if (arena->last)
		unpoison(arena->last->bytes, arena->last->cap);
	free(arena->last);
	arena->last = NULL;
}
