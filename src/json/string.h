/* string.h - what a string token means: its bytes without escapes, one by one or in runs. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "json/tape.h"

/*
 * A stretch of decoded bytes: a run of the source, or up to four bytes an escape stands for.
 * Pieces of one string are never empty.
 */
struct json_piece {
	const char *p;
	size_t n;
	char store[4]; /* where an escape's bytes are kept */
	bool escape;
};

/*
 * Takes the next piece out of `*raw`, the source between a string's quotes, already accepted by
 * the parser. False at its end. `piece->p` may point into `piece` itself.
 */
bool json_piece_next(struct span *raw, struct json_piece *piece);

/* json_hash() of what a source with escapes decodes to. */
uint32_t json_escaped_hash(struct span raw);

enum json_collation {
	JSON_BY_BYTES,
	JSON_BY_UTF16, /* as UTF-16 code units order them: U+10000 and up before U+E000 */
};

/* Orders two string tokens, also of different tapes, by their decoded bytes. */
int json_string_compare(const struct json *a, json_at at, const struct json *b, json_at bt,
			enum json_collation collation);
