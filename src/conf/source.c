/* source.c - the text of a config: places, and lines as they may be shown. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/source.h"

#include "text/utf8.h"

/* Columns of a line that are shown, and how many of them stand before a caret far to the right. */
#define SHOWN_COLUMNS ((size_t)110)
#define SHOWN_BEFORE ((size_t)40)

#define MASK_TEXT "***"
#define BAD_CHARACTER "\xEF\xBF\xBD"
#define CUT_SIGN "\xE2\x80\xA6"

bool source_init(struct source *source, struct arena *arena, struct span name, struct span text)
{
	size_t lines = 1, line = 1;
	uint32_t *starts;

	*source = (struct source){ .name = arena_dup(arena, name), .text = arena_dup(arena, text) };
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	source->hidden = arena_alloc(arena, text.n / 8 + 1);
	starts = arena_alloc(arena, lines * sizeof(*starts));
	if (!starts || !source->hidden)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\n')
			starts[line++] = (uint32_t)(i + 1);
	source->line_starts = starts;
	source->n_lines = lines;
	return true;
}

static bool is_hidden(const struct source *source, size_t offset)
{
	return source->hidden[offset / 8] & (1U << offset % 8);
}

void source_hide(struct source *source, struct range range)
{
	for (size_t i = range.at; i < range.at + range.n && i < source->text.n; i++)
		source->hidden[i / 8] |= (uint8_t)(1U << i % 8);
}

bool source_hides(const struct source *source, struct range range)
{
	for (size_t i = range.at; i < range.at + range.n && i < source->text.n; i++)
		if (is_hidden(source, i))
			return true;
	return false;
}

size_t source_line_at(const struct source *source, size_t offset)
{
	size_t low = 0, high = source->n_lines;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (source->line_starts[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

struct span source_line(const struct source *source, size_t line)
{
	size_t first = source->line_starts[line];
	size_t end = line + 1 < source->n_lines ? source->line_starts[line + 1] - 1 : source->text.n;

	if (end > first && source->text.p[end - 1] == '\r')
		end--;
	return span_of(source->text.p + first, end - first);
}

/* The range inside its first line, offsets from the line's first byte. */
static struct range on_line(const struct source *source, struct range range, struct span line)
{
	size_t at = range.at - (size_t)(line.p - source->text.p);

	if (at > line.n)
		at = line.n;
	return (struct range){ at, range.n < line.n - at ? range.n : line.n - at };
}

struct place source_place(const struct source *source, struct range range)
{
	size_t index = source_line_at(source, range.at), length;
	struct span line = source_line(source, index);
	struct range part = on_line(source, range, line);

	length = utf8_count(span_of(line.p + part.at, part.n));
	return (struct place){
		.line = (uint32_t)(index + 1),
		.column = (uint32_t)(utf8_count(span_first(line, part.at)) + 1),
		.length = length ? (uint32_t)length : 1,
	};
}

bool source_is_unshowable(uint32_t point)
{
	return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x061C || point == 0xFEFF ||
	       (point >= 0x200E && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
	       (point >= 0x2066 && point <= 0x2069);
}

/* One character at the front of `text` as it may be shown; `*n` is how many bytes it took. */
static struct span shown(struct span text, size_t *n)
{
	uint32_t point = 0;

	*n = utf8_decode(text, &point);
	if (*n == 0) {
		*n = 1;
		return S(BAD_CHARACTER);
	}
	if (point == '\t')
		return S(" ");
	return source_is_unshowable(point) ? S(BAD_CHARACTER) : span_first(text, *n);
}

void source_add_shown(struct buf *out, struct span text)
{
	while (text.n) {
		size_t n;

		buf_add(out, shown(text, &n));
		text = span_skip(text, n);
	}
}

/* Walks a line piece by piece; a masked stretch is one piece. */
struct walk {
	const struct source *source;
	size_t base; /* offset of the line in the text */
	struct span line;
	size_t at;	   /* offset in the line of the next piece */
	size_t column;	   /* of the next piece, from 0 */
	struct span piece; /* what was read last, and where it stands */
	size_t piece_at, piece_end, piece_column;
};

static bool walk_next(struct walk *walk)
{
	size_t n = 0;

	if (walk->at >= walk->line.n)
		return false;
	walk->piece_at = walk->at;
	walk->piece_column = walk->column;
	while (walk->at + n < walk->line.n && is_hidden(walk->source, walk->base + walk->at + n))
		n++;
	walk->piece = n ? S(MASK_TEXT) : shown(span_skip(walk->line, walk->at), &n);
	walk->at += n;
	walk->piece_end = walk->at;
	walk->column += utf8_width(walk->piece);
	return true;
}

/* Which columns a range of the line's bytes takes. */
static struct range columns_of(struct walk walk, struct range part)
{
	size_t first = 0, end = 0;
	bool found = false;

	while (walk_next(&walk)) {
		if (walk.piece_end <= part.at)
			continue;
		if (found && walk.piece_at >= part.at + part.n)
			break;
		if (!found)
			first = walk.piece_column;
		found = true;
		end = walk.column;
	}
	if (!found)
		first = end = walk.column;
	return (struct range){ first, end > first ? end - first : 1 };
}

struct excerpt source_excerpt(const struct source *source, struct range range, struct arena *arena)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(4096);
	size_t index = source_line_at(source, range.at), from, to;
	struct span line = source_line(source, index);
	struct walk walk = { .source = source, .base = source->line_starts[index], .line = line };
	struct range caret = columns_of(walk, on_line(source, range, line));
	struct excerpt excerpt;

	from = caret.at + SHOWN_BEFORE > SHOWN_COLUMNS ? caret.at - SHOWN_BEFORE : 0;
	to = from + SHOWN_COLUMNS;
	if (from > 0)
		buf_add(&out, S(CUT_SIGN));
	while (walk_next(&walk) && walk.column <= to)
		if (walk.piece_column >= from)
			buf_add(&out, walk.piece);
	if (walk.column > to)
		buf_add(&out, S(CUT_SIGN));
	excerpt.text = arena_dup(arena, buf_span(&out));
	excerpt.caret_at = caret.at - from + (from > 0);
	excerpt.caret_n = caret.at + caret.n > to ? to - caret.at : caret.n;
	if (!excerpt.text.p)
		return (struct excerpt){ .text = S(""), .caret_n = 1 };
	return excerpt;
}
