/* hash.h - the hash of a name: the same for its plain bytes and for escapes that mean them. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/*
 * The words of a text, as little-endian numbers with zeros after the last byte, are mixed one
 * after the other. A table keyed with it must bound its own work: who writes a text can choose
 * names of equal hash.
 */
#define HASH_FACTOR 0x9fb21c651e98df25U

static inline uint64_t hash_start(size_t n)
{
	return n * 0xa24baed4963ee407U;
}

static inline uint64_t hash_word(uint64_t state, uint64_t word)
{
	state = (state ^ word) * HASH_FACTOR;
	return state ^ state >> 32;
}

static inline uint32_t hash_end(uint64_t state)
{
	return (uint32_t)(state * HASH_FACTOR >> 32);
}

static inline uint64_t hash_load(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* The last `n` bytes, 1 to 8 of them; nothing at or past `end` is read. */
static inline uint64_t hash_load_tail(const char *p, size_t n, const char *end)
{
	uint64_t word = 0;

	if (__builtin_expect(end - p >= 8, 1))
		return hash_load(p) & UINT64_MAX >> (64 - 8 * n);
	for (size_t i = 0; i < n; i++)
		word |= (uint64_t)(unsigned char)p[i] << 8 * i;
	return word;
}

/* `end` is where the memory around the text ends, so that whole words can be read. */
static inline uint32_t hash_text(const char *p, size_t n, const char *end)
{
	uint64_t state = hash_start(n);

	for (; n > 8; n -= 8, p += 8)
		state = hash_word(state, hash_load(p));
	if (n > 0)
		state = hash_word(state, hash_load_tail(p, n, end));
	return hash_end(state);
}
