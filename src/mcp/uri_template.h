/* uri_template.h - does a URI look like one of a template (RFC 6570)? Pure, and bounded. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

enum {
	URI_TEMPLATE_BYTES = 1024, /* a longer template is none */
	URI_TEMPLATE_URI_BYTES = 4096,
};

/* Can it be matched: its braces close, its expressions are ones of RFC 6570, it is no longer than that? */
bool uri_template_is_good(struct span text);

/*
 * May the template have given this URI? All operators of RFC 6570 are known; of a modifier `{x:3}` the length
 * is not looked at, and values need not be percent-encoded, for the servers' own matchers take more than
 * the standard gives. The variables of a path, and those of a query in the order of the template, may be
 * absent; a plain `{x}` and `{+x}` are at least one byte. Bytes are compared as they are.
 *
 * `steps` is what the answer may cost, in looks at a place of the template; it is counted down, and at 0 the
 * answer is no.
 *
 * Source: RFC 6570, sections 2 and 3.2.
 */
bool uri_template_matches(struct span text, struct span uri, size_t *steps);
