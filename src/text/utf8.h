/* utf8.h - UTF-8: decoding, validity, width on a terminal. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/*
 * Reads the first character of `text` into `*point`. Returns its bytes, 0 where there is none or
 * where the bytes are not UTF-8 (too long a form, a surrogate, past U+10FFFF, cut off).
 */
size_t utf8_decode(struct span text, uint32_t *point);

/* Is all of it UTF-8? The empty span is. */
bool utf8_valid(struct span text);

/* The offset of the first byte that is not UTF-8, or text.n. */
size_t utf8_bad_at(struct span text);

/* Number of characters; a byte that is not UTF-8 counts as one. */
size_t utf8_count(struct span text);

/*
 * Columns of a terminal: 2 for East Asian wide and full-width characters and for emoji, 0 for
 * marks that combine with the one before, for format characters and for controls, else 1. Does
 * not depend on the locale.
 */
unsigned utf8_point_width(uint32_t point);
size_t utf8_width(struct span text);
