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

/* Stands before a view's name where a server's would stand; no server's name has a slash. */
#define DOOR_VIEW S("view/")

enum door_way {
	DOOR_NOWHERE,
	DOOR_MCP,      /* Streamable HTTP, WebSocket */
	DOOR_SSE,      /* HTTP+SSE: its event stream */
	DOOR_MESSAGES, /* HTTP+SSE: what goes the other way */
};

/*
 * Where a path leads: "/mcp" and "/sse" give an empty server, "/mcp/NAME" and "/sse/NAME" the name (not
 * decoded: names need no encoding), "/mcp/view/NAME" and "/sse/view/NAME" the name behind DOOR_VIEW.
 */
enum door_way door_way(struct span path, struct span *server);

enum { DOOR_SESSION_CHARS = 43 /* 32 bytes in base64url */ };

/*
 * The session's id of a query that is `sessionId=ID` and nothing else; empty where it is not.
 *
 * Shape:  it is a secret, as all of the query.
 */
struct span door_session(struct span query);
