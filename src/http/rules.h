/* rules.h - what a head must be, beyond what its bytes look like. Pure. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "http/head.h"

/*
 * Reads the start line and the fields of a request whose fields are cut, and fills the rest of
 * `head`. Everything that two readers could take in two ways is refused.
 *
 * Source: RFC 9112 sections 2 to 6 and 11; RFC 9110 sections 7.2, 7.8, 8.6, 10.1.1.
 */
enum http_reason http_rules_request(struct span start, const struct http_limits *limits,
				    struct http_head *head);

/*
 * The same for a response. `to_end` says whether a body that ends with its connection is
 * acceptable.
 */
enum http_reason http_rules_response(struct span start, const struct http_limits *limits, bool to_end,
				     struct http_head *head);

/*
 * Is it a host with an optional port: a name of letters, digits, "-", "." and "_", an IPv4
 * address, or an IPv6 address in brackets; the port 1 to 65535, in decimal?
 */
bool http_is_host(struct span s);

/* Is it a path with an optional query, of the characters RFC 3986 allows, whole escapes, no "#"? */
bool http_is_target(struct span s);
