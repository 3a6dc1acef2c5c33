/* seal.h - bytes that only we can make and open: AEAD under a ring of keys that turns. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

enum {
	SEAL_KEY_BYTES = 32,
	SEAL_KEYS = 3,			 /* the newest seals, all of them open */
	SEAL_PURPOSE_BYTES = 64,	 /* longest purpose */
	SEAL_OVERHEAD = 1 + 4 + 24 + 16, /* version, key id, nonce, tag */
};

/*
 * Keys by age, the newest first. They live in guarded, locked memory that is wiped when it is
 * given back.
 */
struct seal_ring;

int seal_ring_new(struct seal_ring **out, struct err *err) MUST_CHECK;
/* Wipes the keys. Returns NULL. */
struct seal_ring *seal_ring_free(struct seal_ring *ring);
static inline void seal_ring_freep(struct seal_ring **ring)
{
	*ring = seal_ring_free(*ring);
}

/*
 * Puts a key in front; the oldest falls out where SEAL_KEYS are there. `id` is greater than every
 * id in the ring, else false and nothing changes.
 */
bool seal_ring_add(struct seal_ring *ring, uint32_t id, const uint8_t key[SEAL_KEY_BYTES]) MUST_CHECK;

/* The newest key's id; 0 where there is none. */
uint32_t seal_ring_newest(const struct seal_ring *ring);

/*
 * Adds `plain` sealed under the newest key (XChaCha20-Poly1305): version byte, key id, nonce,
 * ciphertext with its tag. What was sealed for one purpose does not open for another.
 *
 * Errors: ERR_LIMIT (purpose too long or empty, `out` full), ERR_MISSING (no key).
 */
int seal(const struct seal_ring *ring, struct span purpose, struct span plain, struct buf *out,
	 struct err *err) MUST_CHECK;

enum seal_outcome {
	SEAL_OPEN,    /* ours; `out` has the plain bytes */
	SEAL_FORGED,  /* not ours, damaged, or made for another purpose */
	SEAL_UNKNOWN, /* under a key that is not in the ring: too old, or newer than the ring */
	SEAL_FULL,    /* `out` has no room */
};

/* Adds the plain bytes to `out`; unless SEAL_OPEN, `out` holds what it held. */
enum seal_outcome unseal(const struct seal_ring *ring, struct span purpose, struct span sealed,
			 struct buf *out) MUST_CHECK;
