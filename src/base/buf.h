/* buf.h - owned bytes that grow to a ceiling and no further. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"
#include "base/span.h"

/*
 * What many buffers may hold together, whatever the ceiling of each. A part of a larger one where it
 * has a parent. It outlives all that is charged to it.
 */
struct budget {
	size_t used, max;
	struct budget *parent;
	/* Several threads take of it: `used` is counted in one step, and may for a moment be a little more
	   than `max`. */
	bool shared;
};

/* Would `n` bytes more fit, here and in what it is a part of? NULL: always. */
bool budget_fits(const struct budget *budget, size_t n);
/* Takes `n` bytes, all or none. */
bool budget_take(struct budget *budget, size_t n) MUST_CHECK;
/* Takes them also where they do not fit: for what is there already. */
void budget_force(struct budget *budget, size_t n);
void budget_give(struct budget *budget, size_t n);

/*
 * Adding past the ceiling or the budget, or without memory, adds nothing and sets `over`, which stays set
 * until buf_clear() or buf_cut(): write a whole message, then ask once. Zero is not legal, for a buffer
 * without a ceiling is a bug; start with BUF_INIT.
 */
struct buf {
	char *p;
	size_t n;   /* bytes in use */
	size_t cap; /* bytes allocated */
	size_t max; /* ceiling */
	bool over;  /* something did not fit */
	/*
	 * What it is charged to, by `cap`; NULL: nothing. Set while it holds no memory; moved along with it.
	 */
	struct budget *budget;
};

#define BUF_INIT(ceiling) ((struct buf){ .max = (ceiling) })
#define BUF_CHARGED(ceiling, to) ((struct buf){ .max = (ceiling), .budget = (to) })

/* A buffer over memory of the caller's: it never grows, and is never released. */
static inline struct buf buf_over(char *p, size_t size)
{
	return (struct buf){ .p = p, .cap = size, .max = size };
}

void buf_release(struct buf *buf);

/* Empties for reuse; keeps the memory, clears `over`. */
void buf_clear(struct buf *buf);

/* Back to its first `n` bytes: what was begun after them, and did not fit, is dropped whole. Clears `over`.
 */
void buf_cut(struct buf *buf, size_t n);

/* Makes room for `more` bytes after the last; returns where they go, NULL past the ceiling. */
char *buf_reserve(struct buf *buf, size_t more);

void buf_add(struct buf *buf, struct span bytes);
void buf_add_char(struct buf *buf, char c);
void buf_add_u64(struct buf *buf, uint64_t value);
void buf_add_i64(struct buf *buf, int64_t value);
void buf_add_hex(struct buf *buf, struct span bytes);
void buf_addf(struct buf *buf, const char *format, ...) PRINTF(2, 3);

/* Adds a NUL that is not counted in `n`, for the kernel or a library. NULL past the ceiling. */
const char *buf_cstr(struct buf *buf);

/* Drops the first `n` bytes and moves the rest to the front. */
void buf_consume(struct buf *buf, size_t n);

/* Gives memory back where more than `keep` bytes are allocated and none are in use. */
void buf_shrink(struct buf *buf, size_t keep);

static inline struct span buf_span(const struct buf *buf)
{
	return span_of(buf->p ? buf->p : "", buf->n);
}

static inline bool buf_ok(const struct buf *buf)
{
	return !buf->over;
}
