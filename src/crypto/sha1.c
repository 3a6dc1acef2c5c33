/* sha1.c - SHA-1. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sha1.h"

enum { BLOCK_BYTES = 64, LENGTH_BYTES = 8, ROUNDS = 80 };

static uint32_t turn_left(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static uint32_t choose(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
	switch (round / 20) {
	case 0:
		return (b & c) | (~b & d);
	case 2:
		return (b & c) | (b & d) | (c & d);
	default:
		return b ^ c ^ d;
	}
}

static void add_block(uint32_t state[5], const uint8_t block[BLOCK_BYTES])
{
	static const uint32_t constants[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
	uint32_t w[ROUNDS], s[5];

	for (size_t i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (size_t i = 16; i < ROUNDS; i++)
		w[i] = turn_left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	memcpy(s, state, sizeof(s));
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t next = turn_left(s[0], 5) + choose(i, s[1], s[2], s[3]) + s[4] + w[i] +
				constants[i / 20];

		s[4] = s[3];
		s[3] = s[2];
		s[2] = turn_left(s[1], 30);
		s[1] = s[0];
		s[0] = next;
	}
	for (size_t i = 0; i < 5; i++)
		state[i] += s[i];
}

void sha1(struct span bytes, uint8_t out[SHA1_BYTES])
{
	uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	uint8_t last[2 * BLOCK_BYTES] = { 0 };
	uint64_t bits = (uint64_t)bytes.n * 8;
	struct span rest = bytes;
	size_t n;

	for (; rest.n >= BLOCK_BYTES; rest = span_skip(rest, BLOCK_BYTES))
		add_block(state, (const uint8_t *)rest.p);
	if (rest.n)
		memcpy(last, rest.p, rest.n);
	last[rest.n] = 0x80;
	n = rest.n + 1 + LENGTH_BYTES <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
	for (size_t i = 0; i < LENGTH_BYTES; i++)
		last[n - 1 - i] = (uint8_t)(bits >> (8 * i));
	for (size_t at = 0; at < n; at += BLOCK_BYTES)
		add_block(state, last + at);
	for (size_t i = 0; i < SHA1_BYTES; i++)
		out[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}
