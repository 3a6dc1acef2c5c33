/* keys.h - the keys that the store keeps: sealing keys by age, and the gate's own by name. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "crypto/seal.h"
#include "store/store.h"

#define SEAL_KEY_AGE_MS ((uint64_t)24 * 3600 * 1000)
enum { GATE_KEY_BYTES = 32 };

/* Adds to `ring` every key of the store that is newer than its newest. */
int keys_load(const struct store *store, struct seal_ring *ring, struct err *err) MUST_CHECK;

/*
 * Makes a new sealing key where the newest in the store is older than SEAL_KEY_AGE_MS (or comes
 * from the future, or there is none), drops what is older than the SEAL_KEYS newest, and loads the
 * ring. Two programs that turn at the same moment end with the same keys.
 */
int keys_turn(const struct store *store, struct seal_ring *ring, uint64_t now, struct err *err) MUST_CHECK;

/* The gate's key of this name; made at the first question and the same ever after. */
int keys_gate(const struct store *store, struct span name, uint64_t now, uint8_t out[GATE_KEY_BYTES],
	      struct err *err) MUST_CHECK;
