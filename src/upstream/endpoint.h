/* endpoint.h - where a server on HTTP+SSE takes messages: its `endpoint` event, resolved. Pure. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

enum { ENDPOINT_BYTES = 2048 };

/* The address of the event stream. */
struct endpoint_base {
	bool tls;
	struct span authority;
	struct span target; /* path and query; begins with "/" */
};

enum endpoint_verdict {
	ENDPOINT_FINE,
	ENDPOINT_BAD,	  /* no URI reference, or one that cannot be a request's target */
	ENDPOINT_FOREIGN, /* of another scheme, host or port: messages and credentials do not go there */
};

/*
 * Adds the target (path and query) that `reference` names.
 *
 * Shape:  the query holds the session's id: `out` is a secret. Nothing is added unless it is fine.
 * Source: MCP 2024-11-05, basic/transports, "HTTP with SSE"; RFC 3986, section 5.2.
 */
enum endpoint_verdict endpoint_resolve(struct buf *out, const struct endpoint_base *base,
				       struct span reference);
