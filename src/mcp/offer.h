/* offer.h - one of a server's lists besides its tools, whole: prompts, resources or templates. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "mcp/omission.h"
#include "json/tape.h"

enum {
	OFFER_BYTES = 16 * 1024 * 1024,
	OFFER_ITEMS = 10000,
	OFFER_DIGEST_BYTES = 32,
};

struct offer_item {
	struct span key; /* the prompt's own name, the URI, the template */
	struct span raw; /* the definition as JSON, a prompt's name with its server's before it */
	enum omission omission;
};

/* Made once, then shared and never changed: reference counted. */
struct offer {
	unsigned refs;
	struct list holders; /* struct share: who pays for it */
	enum offer_kind kind;
	struct arena arena;
	struct offer_item *items; /* in the server's order */
	size_t n, cap, shown;
	struct map by_key; /* of a key that stands twice the first */
	size_t omitted[OMISSIONS];
	uint8_t digest[OFFER_DIGEST_BYTES]; /* of the server's list, byte for byte */
};

/*
 * Reads `array` (JSON) as a list of `kind` (not OFFER_TOOLS) of the server; `json` is a tape to use.
 *
 * Errors: NULL past OFFER_ITEMS or OFFER_BYTES, or without memory.
 */
struct offer *offer_read(enum offer_kind kind, struct span server, struct span array, struct json *json);
static inline struct offer *offer_ref(struct offer *offer)
{
	if (offer)
		offer->refs++;
	return offer;
}
/* Returns NULL. */
struct offer *offer_unref(struct offer *offer);

/* Is the key known to be left out? What is in no list may be there all the same. */
bool offer_omits(const struct offer *offer, struct span key);

/* What it holds in memory. */
size_t offer_bytes(const struct offer *offer);

/* NULL where it is not in the list, or left out of it. An offer of NULL has nothing. */
const struct offer_item *offer_find(const struct offer *offer, struct span key);

/* Of a list as offer_read() takes it: what offer->digest is. */
void offer_digest(struct span array, uint8_t out[OFFER_DIGEST_BYTES]);
