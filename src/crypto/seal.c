/* seal.c - authenticated encryption under a ring of keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/seal.h"

#include <sodium.h>

#include "base/check.h"

#define SEAL_VERSION 1

enum {
	HEAD_BYTES = 1 + 4,
	NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
};
_Static_assert(HEAD_BYTES + NONCE_BYTES + TAG_BYTES == SEAL_OVERHEAD, "the published overhead");
_Static_assert(SEAL_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key size");

struct seal_key {
	uint8_t bytes[SEAL_KEY_BYTES];
	uint32_t id;
};

struct seal_ring {
	struct seal_key keys[SEAL_KEYS]; /* newest first */
	size_t n;
};

/* What is authenticated beside the ciphertext: version, key id, purpose. */
struct seal_label {
	uint8_t bytes[HEAD_BYTES + SEAL_PURPOSE_BYTES];
	size_t n;
};

int seal_ring_new(struct seal_ring **out, struct err *err)
{
	struct seal_ring *ring = sodium_malloc(sizeof(*ring));

	if (!ring)
		return err_set(err, ERR_NOMEM, "no guarded memory for the sealing keys");
	sodium_memzero(ring, sizeof(*ring));
	*out = ring;
	return 0;
}

struct seal_ring *seal_ring_free(struct seal_ring *ring)
{
	sodium_free(ring); /* wipes */
	return NULL;
}

bool seal_ring_add(struct seal_ring *ring, uint32_t id, const uint8_t key[SEAL_KEY_BYTES])
{
	size_t kept = ring->n < SEAL_KEYS ? ring->n : SEAL_KEYS - 1;

	if (id == 0 || id <= seal_ring_newest(ring))
		return false;
	memmove(&ring->keys[1], &ring->keys[0], kept * sizeof(ring->keys[0]));
	ring->keys[0].id = id;
	memcpy(ring->keys[0].bytes, key, SEAL_KEY_BYTES);
	ring->n = kept + 1;
	return true;
}

uint32_t seal_ring_newest(const struct seal_ring *ring)
{
	return ring->n ? ring->keys[0].id : 0;
}

static void put_u32(uint8_t *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static bool label_make(struct seal_label *label, uint32_t id, struct span purpose)
{
	if (purpose.n == 0 || purpose.n > SEAL_PURPOSE_BYTES)
		return false;
	label->bytes[0] = SEAL_VERSION;
	put_u32(label->bytes + 1, id);
	memcpy(label->bytes + HEAD_BYTES, purpose.p, purpose.n);
	label->n = HEAD_BYTES + purpose.n;
	return true;
}

int seal(const struct seal_ring *ring, struct span purpose, struct span plain, struct buf *out,
	 struct err *err)
{
	struct seal_label label;
	unsigned long long got;
	uint8_t *at;
	size_t need;

	if (ring->n == 0)
		return err_set(err, ERR_MISSING, "there is no key to seal with");
	if (!label_make(&label, ring->keys[0].id, purpose))
		return err_set(err, ERR_LIMIT, "the purpose of a seal has 1 to %d bytes", SEAL_PURPOSE_BYTES);
	if (__builtin_add_overflow(plain.n, (size_t)SEAL_OVERHEAD, &need))
		return err_set(err, ERR_LIMIT, "what is to be sealed is too large");
	at = (uint8_t *)buf_reserve(out, need);
	if (!at)
		return err_set(err, ERR_LIMIT, "no room for %zu sealed bytes", need);
	memcpy(at, label.bytes, HEAD_BYTES);
	randombytes_buf(at + HEAD_BYTES, NONCE_BYTES);
	check(crypto_aead_xchacha20poly1305_ietf_encrypt(
		  at + HEAD_BYTES + NONCE_BYTES, &got, (const uint8_t *)plain.p, plain.n, label.bytes,
		  label.n, NULL, at + HEAD_BYTES, ring->keys[0].bytes) == 0);
	out->n += need;
	return 0;
}

static const struct seal_key *key_of(const struct seal_ring *ring, uint32_t id)
{
	for (size_t i = 0; i < ring->n; i++)
		if (ring->keys[i].id == id)
			return &ring->keys[i];
	return NULL;
}

enum seal_outcome unseal(const struct seal_ring *ring, struct span purpose, struct span sealed,
			 struct buf *out)
{
	const uint8_t *in = (const uint8_t *)sealed.p;
	const struct seal_key *key;
	struct seal_label label;
	unsigned long long got = 0;
	uint8_t *at;

	if (sealed.n < SEAL_OVERHEAD || in[0] != SEAL_VERSION)
		return SEAL_FORGED;
	key = key_of(ring, get_u32(in + 1));
	if (!key)
		return SEAL_UNKNOWN;
	if (!label_make(&label, key->id, purpose))
		return SEAL_FORGED;
	/* One byte more, so that a reserve of nothing is not NULL. */
	at = (uint8_t *)buf_reserve(out, sealed.n - SEAL_OVERHEAD + 1);
	if (!at)
		return SEAL_FULL;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(at, &got, NULL, in + HEAD_BYTES + NONCE_BYTES,
						       sealed.n - HEAD_BYTES - NONCE_BYTES, label.bytes,
						       label.n, in + HEAD_BYTES, key->bytes) != 0)
		return SEAL_FORGED;
	out->n += (size_t)got;
	return SEAL_OPEN;
}
