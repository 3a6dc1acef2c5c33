/* lines.h - messages divided by newlines, as stdio carries them. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/* Zero is not legal: LINES_INIT. Holds memory only while a line is unfinished. */
struct lines {
	struct buf part;
	size_t ceiling;
	bool skipping;	/* inside a line that was too long */
	size_t skipped; /* and so many bytes of it have come since */
	bool crowded;	/* the last that was too long was so only for what its buffer is charged to */
};

/* With room for the newline. */
#define LINES_INIT(most) ((struct lines){ .part = BUF_INIT((most) + 1), .ceiling = (most) })

enum lines_step { LINES_MORE, LINES_LINE, LINES_TOO_LONG };

/*
 * Takes the next line out of `*in`, without its end (LF or CR LF). The line is borrowed from `*in`
 * or from the gatherer, until the next call. LINES_TOO_LONG is told once for each such line, which
 * is dropped whole. Empty lines are passed over.
 */
enum lines_step lines_next(struct lines *lines, struct span *in, struct span *line);

/* Another ceiling; a line that has begun keeps the one it began under. The last line is gone with it. */
void lines_set_ceiling(struct lines *lines, size_t ceiling);

/* What unfinished lines are charged to; harmless where that is known. */
void lines_charge(struct lines *lines, struct budget *budget);

void lines_release(struct lines *lines);
