/* seal.c - what must not open: damaged, for another purpose, under an old key. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/seal.h"

#include "crypto/digest.h"
#include "tap.h"

static void fill(uint8_t key[SEAL_KEY_BYTES], uint8_t with)
{
	memset(key, with, SEAL_KEY_BYTES);
}

static struct seal_ring *ring_with(uint32_t from, uint32_t to)
{
	CLEANUP(seal_ring_freep) struct seal_ring *ring = NULL;
	struct err err = ERR_INIT;
	uint8_t key[SEAL_KEY_BYTES];

	if (!ok(seal_ring_new(&ring, &err) == 0, "a ring"))
		return NULL;
	for (uint32_t id = from; id <= to; id++) {
		fill(key, (uint8_t)id);
		ok(seal_ring_add(ring, id, key), "key %u", (unsigned)id);
	}
	return TAKE(ring);
}

static void refusals(struct seal_ring *ring)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(256);
	CLEANUP(buf_release) struct buf small = BUF_INIT(20);
	CLEANUP(seal_ring_freep) struct seal_ring *empty = NULL;
	struct err err = ERR_INIT;
	char purpose[SEAL_PURPOSE_BYTES + 1] = { 0 };
	uint8_t key[SEAL_KEY_BYTES] = { 0 };

	ok(seal_ring_new(&empty, &err) == 0 && seal(empty, S("a"), S("x"), &out, &err) < 0,
	   "no key, no seal");
	is_int(err.code, ERR_MISSING, "and that is why");
	ok(seal(ring, S(""), S("x"), &out, &err) < 0, "no purpose");
	ok(seal(ring, span_of(purpose, sizeof(purpose)), S("x"), &out, &err) < 0, "too long a purpose");
	ok(seal(ring, S("a"), S("x"), &small, &err) < 0 && small.n == 0, "no room");
	is_int(out.n, 0, "nothing was written");
	ok(!seal_ring_add(ring, 0, key), "key 0");
	ok(!seal_ring_add(ring, seal_ring_newest(ring), key), "an id twice");
	ok(!seal_ring_add(ring, seal_ring_newest(ring) - 1, key), "an older id");
}

static void tampering(struct seal_ring *ring)
{
	CLEANUP(buf_release) struct buf sealed = BUF_INIT(256);
	CLEANUP(buf_release) struct buf out = BUF_INIT(256);
	struct err err = ERR_INIT;
	unsigned opened = 0;

	ok(seal(ring, S("session"), S("user 7"), &sealed, &err) == 0, "seals");
	is_int(sealed.n, 6 + SEAL_OVERHEAD, "and says how much it adds");
	for (size_t i = 0; i < sealed.n * 8; i++) {
		sealed.p[i / 8] = (char)(sealed.p[i / 8] ^ (1 << (i % 8)));
		opened += unseal(ring, S("session"), buf_span(&sealed), &out) == SEAL_OPEN;
		sealed.p[i / 8] = (char)(sealed.p[i / 8] ^ (1 << (i % 8)));
	}
	is_int(opened, 0, "no flipped bit passes");
	for (size_t n = 0; n < sealed.n; n++)
		opened += unseal(ring, S("session"), span_of(sealed.p, n), &out) == SEAL_OPEN;
	is_int(opened, 0, "no shortened one passes");
	is_int(out.n, 0, "and nothing came out");
	is_int(unseal(ring, S("cookie"), buf_span(&sealed), &out), SEAL_FORGED, "another purpose");
	is_int(unseal(ring, S(""), buf_span(&sealed), &out), SEAL_FORGED, "no purpose");
	is_int(unseal(ring, S("session"), buf_span(&sealed), &out), SEAL_OPEN, "as it was");
	is_span(buf_span(&out), S("user 7"), "it opens");
}

static void rotation(void)
{
	CLEANUP(seal_ring_freep) struct seal_ring *ring = ring_with(1, 1);
	CLEANUP(buf_release) struct buf first = BUF_INIT(256);
	CLEANUP(buf_release) struct buf again = BUF_INIT(256);
	CLEANUP(buf_release) struct buf out = BUF_INIT(256);
	struct err err = ERR_INIT;
	uint8_t key[SEAL_KEY_BYTES];

	ok(seal(ring, S("p"), S(""), &first, &err) == 0, "seals nothing, under the first key");
	for (uint32_t id = 2; id <= SEAL_KEYS; id++) {
		fill(key, (uint8_t)id);
		ok(seal_ring_add(ring, id, key), "key %u", (unsigned)id);
		is_int(unseal(ring, S("p"), buf_span(&first), &out), SEAL_OPEN, "the first still opens");
	}
	is_int(seal_ring_newest(ring), SEAL_KEYS, "the newest");
	ok(seal(ring, S("p"), S(""), &again, &err) == 0, "seals under it");
	ok(memcmp(first.p + 1, again.p + 1, 4) != 0, "which shows in the id");
	fill(key, 99);
	ok(seal_ring_add(ring, 99, key), "one key more");
	is_int(unseal(ring, S("p"), buf_span(&first), &out), SEAL_UNKNOWN, "the first is too old now");
	is_int(unseal(ring, S("p"), buf_span(&again), &out), SEAL_OPEN, "the third is not");
}

static void no_room_to_open(struct seal_ring *ring)
{
	CLEANUP(buf_release) struct buf sealed = BUF_INIT(256);
	CLEANUP(buf_release) struct buf out = BUF_INIT(4);
	struct err err = ERR_INIT;

	ok(seal(ring, S("p"), S("longer than four"), &sealed, &err) == 0, "seals");
	is_int(unseal(ring, S("p"), buf_span(&sealed), &out), SEAL_FULL, "no room is said so");
}

int main(void)
{
	CLEANUP(seal_ring_freep) struct seal_ring *ring = NULL;
	struct err err = ERR_INIT;

	ok(crypto_init(&err) == 0, "starts");
	ring = ring_with(5, 6);
	refusals(ring);
	tampering(ring);
	rotation();
	no_room_to_open(ring);
	return tap_done();
}
