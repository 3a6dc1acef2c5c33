/* uri.c - which resources a URI stands for where it is subscribed to. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/uri.h"

/* spec: mcp/2025-11-25 resources: what is updated may be a part of what was subscribed to. */
bool uri_covers(struct span whole, struct span uri)
{
	struct span rest;

	if (!span_starts(uri, whole))
		return false;
	rest = span_skip(uri, whole.n);
	return rest.n == 0 || rest.p[0] == '/' || rest.p[0] == '#' || rest.p[0] == '?' ||
	       (whole.n && whole.p[whole.n - 1] == '/');
}
