/* line.h - a fast pen for the fixed part of a record: room is asked for once. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "json/scan.h"

/*
 * Writes into room that line_open() reserved in a buffer, and hands it over with line_close(). A
 * line that is longer than its room writes no further than that and sets the buffer's `over`.
 */
struct line {
	struct buf *out;
	char *p, *end;
	bool over;
};

static inline struct line line_open(struct buf *out, size_t room)
{
	size_t left = out->max > out->n ? out->max - out->n : 0;
	char *p;

	/* `room` is for the worst case: a fuller buffer may do. */
	room = room < left ? room : left;
	p = buf_reserve(out, room);
	return (struct line){ .out = out, .p = p, .end = p ? p + room : p, .over = p == NULL };
}

static inline void line_close(struct line *line)
{
	if (line->over)
		line->out->over = true;
	else
		line->out->n = (size_t)(line->p - line->out->p);
}

static inline bool line_has(struct line *line, size_t n)
{
	if (!line->over && (size_t)(line->end - line->p) >= n)
		return true;
	line->over = true;
	return false;
}

/* Bytes as they are. Inlined, a constant costs two moves. */
static inline __attribute__((always_inline)) void line_add(struct line *line, struct span bytes)
{
	if (!line_has(line, bytes.n))
		return;
	memcpy(line->p, bytes.p, bytes.n);
	line->p += bytes.n;
}

/* The most that line_text() adds for `n` bytes. */
#define LINE_TEXT_ROOM(n) ((size_t)(n)*6)

/* `text`, valid UTF-8, as the inside of a JSON string. */
void line_text(struct line *line, struct span text);
void line_u64(struct line *line, uint64_t value);
void line_hex(struct line *line, struct span bytes);
