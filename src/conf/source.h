/* source.h - the text of a config: places, and lines as they may be shown. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

/* Bytes of a text: where they begin and how many. */
struct range {
	size_t at, n;
};

/*
 * A text with its name and its line starts. Hidden bytes are of secrets: they are never shown.
 *
 * Owner:   everything lives in the arena that source_init() was given.
 */
struct source {
	struct span name, text;
	const uint32_t *line_starts; /* offsets; the first is 0 */
	size_t n_lines;		     /* at least 1 */
	uint8_t *hidden;	     /* a bit for each byte of the text */
	bool settled;		     /* what is hidden is known */
};

/* Where a range begins. */
struct place {
	uint32_t line, column; /* from 1; a column is a character */
	uint32_t length;       /* characters on that line, at least 1 */
};

/* One line for a terminal, secrets masked, cut where it is very long. */
struct excerpt {
	struct span text;
	size_t caret_at, caret_n; /* columns */
};

/* Copies `name` and `text` (less than 4 GiB). False without memory. */
bool source_init(struct source *source, struct arena *arena, struct span name, struct span text) MUST_CHECK;

/* Both take what lies within the text. */
void source_hide(struct source *source, struct range range);
/* Is a part of it hidden? */
bool source_hides(const struct source *source, struct range range);

/* The line's index (from 0) that holds `offset`, and its bytes without the line end. */
size_t source_line_at(const struct source *source, size_t offset);
struct span source_line(const struct source *source, size_t line);

struct place source_place(const struct source *source, struct range range);

/* The line where `range` begins; text in `arena`, empty without memory. */
struct excerpt source_excerpt(const struct source *source, struct range range, struct arena *arena);

/*
 * Adds `text` so that a terminal shows it and does nothing else: controls, characters that change
 * the writing direction and bytes that are not UTF-8 become U+FFFD, a tab becomes a space.
 */
void source_add_shown(struct buf *out, struct span text);
bool source_is_unshowable(uint32_t point);
