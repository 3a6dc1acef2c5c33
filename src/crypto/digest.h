/* digest.h - hashes: BLAKE2b where we choose, SHA-256 where a standard names it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/span.h"

enum {
	DIGEST_BYTES = 32,     /* of every digest here */
	DIGEST_KEY_BYTES = 32, /* of a keyed one */
};

/*
 * Prepares the cryptographic library. Call it once in each process, before a second thread exists
 * and before confinement; a second call does nothing.
 */
int crypto_init(struct err *err) MUST_CHECK;

/* BLAKE2b-256 (RFC 7693) of `bytes`. */
void digest_blake2b(struct span bytes, uint8_t out[DIGEST_BYTES]);

/* Keyed BLAKE2b-256: who lacks the key can neither make it nor test a guess against it. */
void digest_keyed(const uint8_t key[DIGEST_KEY_BYTES], struct span bytes, uint8_t out[DIGEST_BYTES]);

/* BLAKE2b-256 in steps. The state is plain memory: copying it forks the digest. */
struct digest {
	_Alignas(64) uint8_t state[384];
};
void digest_start(struct digest *digest);
void digest_add(struct digest *digest, struct span bytes);
/* Ends it and wipes the state. */
void digest_finish(struct digest *digest, uint8_t out[DIGEST_BYTES]);

/*
 * What the store keeps of a token: BLAKE2b-256 under a personalisation of its own, so that no
 * digest made elsewhere can be presented as one. Tokens hold 256 random bits; no stretching needed.
 */
void token_hash(struct span token, uint8_t out[DIGEST_BYTES]);

static inline struct span digest_span(const uint8_t digest[DIGEST_BYTES])
{
	return span_of((const char *)digest, DIGEST_BYTES);
}
