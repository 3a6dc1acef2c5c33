/* header.h - how body values are mirrored in the HTTP headers of 2026-07-28. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "json/tape.h"

/*
 * Adds `value` as Mcp-Name and Mcp-Param-* carry it: plain where it is visible ASCII, spaces and
 * tabs without white space at the ends; else `=?base64?…?=`. A plain value that looks like the
 * marker is encoded too.
 *
 * Source: MCP 2026-07-28, basic/transports, "Value encoding".
 */
void header_encode(struct buf *out, struct span value);

/*
 * The value a header stands for. Borrowed from `raw`, or from `scratch` where it was encoded.
 * False for broken Base64 or bytes that are not UTF-8: the message is refused with -32020.
 */
bool header_decode(struct span raw, struct buf *scratch, struct span *value);

/* One parameter of a tool that is mirrored in a header. Borrows the arena it was made in. */
struct header_param {
	struct span header;  /* "Mcp-Param-Region" */
	struct span pointer; /* where the value is in `arguments`, a JSON pointer */
	enum json_type type; /* JSON_STRING, JSON_NUMBER (an integer) or JSON_TRUE (a boolean) */
};

enum { HEADER_PARAMS = 32 };

struct arena;

/*
 * Collects the `x-mcp-header` annotations of an inputSchema: reachable through `properties` only
 * (no items, no combinations, no $defs, not the root), on string, integer or boolean, names unique
 * without case. What is data in a schema (const, enum, default, examples) holds no annotations.
 *
 * Shape:  at most HEADER_PARAMS; `*n` is 0 where there are none.
 * Errors: false where an annotation breaks the rules; the tool is not to be used over HTTP then.
 * Source: MCP 2026-07-28, basic/transports, "Custom headers from tool parameters".
 */
bool header_params_of(const struct json *json, json_at schema, struct arena *arena, struct header_param **out,
		      size_t *n);

/* Adds the value of a parameter in header form. False where it is absent or null: no header. */
bool header_param_value(const struct header_param *param, const struct json *json, json_at arguments,
			struct buf *out);

/* Does a decoded header value stand for what the arguments hold? Integers compare as numbers. */
bool header_param_matches(const struct header_param *param, const struct json *json, json_at arguments,
			  struct span value);
