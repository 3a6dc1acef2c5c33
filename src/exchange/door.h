/* door.h - the front door: what a request must bring before its body is looked at. Pure. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/worker.h"
#include "http/message.h"

/* The host part of "host:port", "[::1]:80", without its port. */
struct span door_host_name(struct span host);

/* Is the Host header one this gate answers to? */
bool door_host_allowed(const struct front_rules *rules, struct span host);

/*
 * Is the Host header an address, or localhost? A foreign page's name cannot be made to lead here and
 * be one. For what listens beside the endpoints, on an address of its own.
 */
bool door_host_is_address(struct span host);

/*
 * Is the Origin header one whose pages may speak to this gate? "null" never is. An origin of the
 * configured list must match exactly; a host of our own (localhost) may come with any port.
 */
bool door_origin_allowed(const struct front_rules *rules, struct span origin);

/* The token of "Bearer TOKEN"; empty where the header is another scheme or malformed. */
struct span door_bearer(struct span authorization);

/* Does an Accept header (absent: p == NULL) take this media type? */
bool door_accepts(struct span accept, struct span type);

/* Is a Content-Type JSON (with or without parameters)? */
bool door_is_json(struct span type);

/*
 * "/mcp" gives true and an empty server, "/mcp/NAME" the name (not decoded: names need no
 * encoding). False: another path.
 */
bool door_endpoint(struct span path, struct span *server);
