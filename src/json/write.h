/* write.h - JSON out: escaping, and the emission of a tape with edits. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "json/tape.h"

/* Adds `text` as a JSON string with quotes. `text` is valid UTF-8; only what must be is escaped. */
void json_add_string(struct buf *out, struct span text);

/* What stands between the quotes: for text that comes in pieces, cut between characters. */
void json_add_text(struct buf *out, struct span text);

/* Adds `,` unless the last byte opened a container or nothing was written yet, then "name":. */
void json_add_key(struct buf *out, struct span name);
/* Adds `,` where an element needs one. */
void json_add_comma(struct buf *out);
/* json_add_key() and a value. */
void json_put_string(struct buf *out, struct span name, struct span text);
void json_put_u64(struct buf *out, struct span name, uint64_t value);
void json_put_i64(struct buf *out, struct span name, int64_t value);
void json_put_bool(struct buf *out, struct span name, bool value);
/* `raw` is JSON already. */
void json_put_raw(struct buf *out, struct span name, struct span raw);

/*
 * What to do at one place while emitting. Edits are sorted by `at`, without overlaps: both that and
 * their kinds fitting their places are checked. Those outside the emitted value do nothing.
 *   JSON_REPLACE  `bytes` (JSON) stand instead of the value at `at`
 *   JSON_DROP     the member whose name token, or the element, at `at` is left out
 *   JSON_INSERT   `bytes` (`"name":value` for an object, a value for an array) become the first
 *                 child of the container at `at`
 */
enum json_edit_kind { JSON_REPLACE, JSON_DROP, JSON_INSERT };
struct json_edit {
	json_at at;
	enum json_edit_kind kind;
	struct span bytes;
};

/*
 * Emits the value at `at` from the tape, without white space between tokens; number and string
 * tokens exactly as they were read. What the stages saw is what this writes.
 */
void json_emit(struct buf *out, const struct json *json, json_at at, const struct json_edit *edits,
	       size_t n_edits);
