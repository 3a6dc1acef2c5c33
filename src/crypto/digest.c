/* digest.c - hashes over libsodium. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"

#include <sodium.h>

#include "base/check.h"

_Static_assert(sizeof(crypto_generichash_blake2b_state) <= sizeof(((struct digest *)0)->state),
	       "BLAKE2b state");
_Static_assert(DIGEST_KEY_BYTES <= crypto_generichash_blake2b_KEYBYTES_MAX, "BLAKE2b key");

static const uint8_t token_personal[crypto_generichash_blake2b_PERSONALBYTES] = "kanmon.token.v1";

int crypto_init(struct err *err)
{
	if (sodium_init() < 0)
		return err_set(err, ERR_SYSTEM, "libsodium cannot be started on this machine");
	return 0;
}

static const uint8_t *bytes_of(struct span s)
{
	return (const uint8_t *)s.p;
}

static crypto_generichash_blake2b_state *blake2b_of(struct digest *digest)
{
	return (crypto_generichash_blake2b_state *)(void *)digest->state;
}

void digest_blake2b(struct span bytes, uint8_t out[DIGEST_BYTES])
{
	check(crypto_generichash_blake2b(out, DIGEST_BYTES, bytes_of(bytes), bytes.n, NULL, 0) == 0);
}

void digest_keyed(const uint8_t key[DIGEST_KEY_BYTES], struct span bytes, uint8_t out[DIGEST_BYTES])
{
	check(crypto_generichash_blake2b(out, DIGEST_BYTES, bytes_of(bytes), bytes.n, key,
					 DIGEST_KEY_BYTES) == 0);
}

void digest_start(struct digest *digest)
{
	check(crypto_generichash_blake2b_init(blake2b_of(digest), NULL, 0, DIGEST_BYTES) == 0);
}

void digest_add(struct digest *digest, struct span bytes)
{
	check(crypto_generichash_blake2b_update(blake2b_of(digest), bytes_of(bytes), bytes.n) == 0);
}

void digest_finish(struct digest *digest, uint8_t out[DIGEST_BYTES])
{
	check(crypto_generichash_blake2b_final(blake2b_of(digest), out, DIGEST_BYTES) == 0);
	sodium_memzero(digest->state, sizeof(digest->state));
}

void token_hash(struct span token, uint8_t out[DIGEST_BYTES])
{
	check(crypto_generichash_blake2b_salt_personal(out, DIGEST_BYTES, bytes_of(token), token.n, NULL, 0,
						       NULL, token_personal) == 0);
}
