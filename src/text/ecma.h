/* ecma.h - from the pattern syntax of ECMA-262 to the one of PCRE2. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/*
 * Adds to `out` a PCRE2 pattern (to be compiled with PCRE2_DOLLAR_ENDONLY, PCRE2_ALLOW_EMPTY_CLASS
 * and PCRE2_MATCH_UNSET_BACKREF) that means what `pattern` means in ECMA-262.
 *
 * Errors:  ERR_FORMAT names the pattern and the construct that is not ECMA-262. What is left
 *          (unclosed groups, impossible repeats) PCRE2 finds.
 */
int ecma_translate(struct span pattern, struct buf *out, struct err *err) MUST_CHECK;

/* As much of a pattern as a message shows; no character is cut in two. */
static inline struct span ecma_shown(struct span pattern)
{
	size_t n = pattern.n < 120 ? pattern.n : 120;

	while (n > 0 && n < pattern.n && ((unsigned char)pattern.p[n] & 0xC0) == 0x80)
		n--;
	return span_first(pattern, n);
}
