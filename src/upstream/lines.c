/* lines.c - messages divided by newlines. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/lines.h"

enum { LINES_KEEP_BYTES = 16384 };

static bool add(struct lines *lines, struct span more)
{
	lines->crowded = false;
	if (lines->skipping || more.n > lines->ceiling - lines->part.n)
		return false;
	buf_add(&lines->part, more);
	lines->crowded = !buf_ok(&lines->part);
	return buf_ok(&lines->part);
}

/* The unfinished end of the input: kept until the rest comes, unless it grows too long. */
static enum lines_step keep(struct lines *lines, struct span *in)
{
	bool was_skipping = lines->skipping, fits = add(lines, *in);

	lines->skipped = was_skipping ? lines->skipped + in->n : 0;
	*in = span_skip(*in, in->n);
	if (was_skipping || fits)
		return LINES_MORE;
	lines->skipping = true;
	buf_release(&lines->part);
	return LINES_TOO_LONG;
}

static void drop_handed_out(struct lines *lines)
{
	if (lines->part.n == 0 || lines->part.p[lines->part.n - 1] != '\n')
		return;
	buf_clear(&lines->part);
	buf_shrink(&lines->part, LINES_KEEP_BYTES);
}

enum lines_step lines_next(struct lines *lines, struct span *in, struct span *line)
{
	drop_handed_out(lines);
	while (in->n) {
		size_t end = span_find(*in, '\n');
		struct span head = span_first(*in, end);
		bool skipped = lines->skipping;

		if (end == in->n)
			return keep(lines, in);
		*in = span_skip(*in, end + 1);
		lines->skipping = false;
		lines->skipped = 0;
		if (skipped)
			continue;
		if (lines->part.n) {
			bool fits = add(lines, head);

			/* The newline stays in the buffer: it marks the line as handed out. */
			buf_add_char(&lines->part, '\n');
			if (!fits || !buf_ok(&lines->part)) {
				lines->crowded |= fits;
				buf_release(&lines->part);
				return LINES_TOO_LONG;
			}
			head = span_first(buf_span(&lines->part), lines->part.n - 1);
		} else if (head.n > lines->ceiling) {
			lines->crowded = false;
			return LINES_TOO_LONG;
		}
		if (head.n && head.p[head.n - 1] == '\r')
			head.n--;
		if (head.n == 0) {
			buf_clear(&lines->part);
			continue;
		}
		*line = head;
		return LINES_LINE;
	}
	return LINES_MORE;
}

void lines_set_ceiling(struct lines *lines, size_t ceiling)
{
	drop_handed_out(lines);
	if (lines->part.n)
		return;
	lines->ceiling = ceiling;
	lines->part.max = ceiling + 1;
}

void lines_charge(struct lines *lines, struct budget *budget)
{
	if (!lines->part.cap)
		lines->part.budget = budget;
}

void lines_release(struct lines *lines)
{
	buf_release(&lines->part);
}
