/* uri.h - URI references taken apart, put together, checked (RFC 3986). Nothing is ever fetched. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/* The parts of a reference, borrowed from it, without their separators. */
struct uri {
	struct span scheme; /* empty in a relative reference */
	struct span authority, path, query, fragment;
	bool has_authority, has_query, has_fragment;
};

/* Cannot fail: RFC 3986, appendix B, splits any text. */
struct uri uri_split(struct span text);

/*
 * Adds what `reference` means seen from `base`, its fragment left out. A base without a path of
 * segments (urn:…) stands only for references that are nothing but a fragment.
 */
void uri_resolve(struct span base, struct span reference, struct buf *out);

/* Adds `text` with %XX resolved; a % without two hexadecimal digits stays as it is. */
void uri_unescape(struct span text, struct buf *out);

/* Does `text` keep to the grammar of a URI, or (`relative`) of a URI reference? */
bool uri_is_valid(struct span text, bool relative);
