/* principal.h - who sends: what every rule, limit and record speaks of. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/* Immutable, reference counted; made from a token or from a process of this machine's user. */
struct principal {
	unsigned refs;
	struct span id;	    /* "token:t-3fa9c1d2", "local:1000:files": stable, unique, no secret */
	struct span name;   /* for people */
	struct span scopes; /* space separated: "mcp" or "mcp:SERVER"…, and perhaps "view:VIEW" */
	uint64_t expiry_ms; /* wall; 0: never */
	uint8_t token[32];  /* the hash of the token it was made from, where `has_token` */
	bool has_token;
	char bytes[];
};

/* NULL without memory. The caller releases it with principal_unref(). */
struct principal *principal_new(struct span id, struct span name, struct span scopes, uint64_t expiry_ms);
static inline struct principal *principal_ref(struct principal *principal)
{
	principal->refs++;
	return principal;
}
/* Returns NULL. */
struct principal *principal_unref(struct principal *principal);

/* Has its time run out? */
static inline bool principal_is_over(const struct principal *principal, uint64_t wall_ms)
{
	return principal->expiry_ms && wall_ms >= principal->expiry_ms;
}

/* The view of the config it is bound to; empty: none. */
struct span principal_view(const struct principal *principal);

/* May it use the server? */
bool principal_may_use(const struct principal *principal, struct span server);
