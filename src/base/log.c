/* log.c - one event, one line, one write. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <unistd.h>

#include "base/clock.h"

#define LOG_LINE_BYTES ((size_t)16384)
#define LOG_VALUE_BYTES ((size_t)1024) /* as it is written, escapes and all */
/* A field with a value of that length, its key and the end of the line. */
#define LOG_FIELD_BYTES (LOG_VALUE_BYTES + 128)
#define POINT_BAD UINT32_C(0xFFFD)

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static bool is_between(uint32_t point, uint32_t first, uint32_t last)
{
	return point >= first && point <= last;
}

/* Controls, what begins a line, and what turns the direction of writing: a terminal or a reader obeys them.
 */
static bool is_unshowable(uint32_t point)
{
	return point < 0x20 || is_between(point, 0x7F, 0x9F) || point == 0x061C ||
	       is_between(point, 0x200E, 0x200F) || is_between(point, 0x2028, 0x202E) ||
	       is_between(point, 0x2066, 0x2069) || point == 0xFEFF || point == POINT_BAD;
}

/* How many bytes a character has that begins so; 0: none begins so. */
static size_t length_of(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (is_between(first, 0xC2, 0xDF))
		return 2;
	if (is_between(first, 0xE0, 0xEF))
		return 3;
	return is_between(first, 0xF0, 0xF4) ? 4 : 0;
}

/* The first character of `text`, which is not empty, and its bytes; POINT_BAD for a byte that is none. */
static uint32_t first_point(struct span text, size_t *n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)text.p[0];
	size_t length = length_of(first);
	uint32_t point = length > 1 ? first & (0xFFU >> (length + 1)) : first;

	*n = 1;
	if (length == 0 || length > text.n)
		return POINT_BAD;
	for (size_t i = 1; i < length; i++) {
		unsigned char next = (unsigned char)text.p[i];

		if ((next & 0xC0) != 0x80)
			return POINT_BAD;
		point = point << 6 | (next & 0x3F);
	}
	if (point < least[length] || point > 0x10FFFF || is_between(point, 0xD800, 0xDFFF))
		return POINT_BAD;
	*n = length;
	return point;
}

/*
 * Escapes as JSON does; in a text line that keeps a value on its line and off the terminal. What is
 * too long is cut between two characters, so that the line stays whole.
 */
static void add_escaped(struct buf *out, struct span text)
{
	size_t end = out->n + LOG_VALUE_BYTES;

	while (text.n) {
		char store[8];
		struct buf one = buf_over(store, sizeof(store));
		size_t n;
		uint32_t point = first_point(text, &n);

		if (is_unshowable(point)) {
			buf_addf(&one, "\\u%04x", (unsigned)point);
		} else {
			if (point == '"' || point == '\\')
				buf_add_char(&one, '\\');
			buf_add(&one, span_first(text, n));
		}
		if (out->n + one.n > end) {
			buf_add(out, S("..."));
			return;
		}
		buf_add(out, buf_span(&one));
		text = span_skip(text, n);
	}
}

static bool has_room(const struct buf *out)
{
	return out->max - out->n >= LOG_FIELD_BYTES;
}

static bool is_plain(struct span text)
{
	if (text.n == 0)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c <= 0x20 || c == '"' || c == '\\' || c == '=' || c >= 0x7f)
			return false;
	}
	return true;
}

static void add_text(struct buf *out, const struct log *log, enum log_level level, const char *event,
		     const char *text, const struct log_field *fields, size_t n)
{
	if (log->stamp) {
		clock_add_rfc3339(out, clock_wall_ms());
		buf_add_char(out, ' ');
	}
	buf_addf(out, "%-5s %s %s: %s", level_names[level], log->role, event, text);
	for (size_t i = 0; i < n && has_room(out); i++) {
		buf_addf(out, "%s%s=", i ? " " : "  ", fields[i].key);
		if (fields[i].kind == LOG_NUMBER) {
			buf_add_i64(out, fields[i].number);
		} else if (is_plain(fields[i].text)) {
			buf_add(out, span_first(fields[i].text, LOG_VALUE_BYTES));
		} else {
			buf_add_char(out, '"');
			add_escaped(out, fields[i].text);
			buf_add_char(out, '"');
		}
	}
}

static void add_json(struct buf *out, const struct log *log, enum log_level level, const char *event,
		     const char *text, const struct log_field *fields, size_t n)
{
	buf_add(out, S("{\"time\":\""));
	clock_add_rfc3339(out, clock_wall_ms());
	buf_addf(out, "\",\"level\":\"%s\",\"role\":\"%s\",\"event\":\"%s\",\"text\":\"", level_names[level],
		 log->role, event);
	add_escaped(out, span_str(text));
	buf_add_char(out, '"');
	for (size_t i = 0; i < n && has_room(out); i++) {
		buf_addf(out, ",\"%s\":", fields[i].key);
		if (fields[i].kind == LOG_NUMBER) {
			buf_add_i64(out, fields[i].number);
			continue;
		}
		buf_add_char(out, '"');
		add_escaped(out, fields[i].text);
		buf_add_char(out, '"');
	}
	buf_add_char(out, '}');
}

void log_write(const struct log *log, enum log_level level, const char *event, const char *text,
	       const struct log_field *fields, size_t n)
{
	CLEANUP(buf_release) struct buf line = BUF_INIT(LOG_LINE_BYTES);

	if (!log || level < log->level)
		return;
	if (log->json)
		add_json(&line, log, level, event, text, fields, n);
	else
		add_text(&line, log, level, event, text, fields, n);
	buf_add_char(&line, '\n');
	/* A log that cannot be written has nowhere to say so. */
	(void)!write(log->fd, line.p, line.n);
}

bool log_brake_pass(struct log_brake *brake, uint64_t mono_ms, uint32_t burst, uint32_t *dropped)
{
	uint64_t second = mono_ms / 1000;

	*dropped = 0;
	if (brake->second != second) {
		*dropped = brake->missed;
		brake->second = second;
		brake->count = 0;
		brake->missed = 0;
	}
	if (brake->count < burst) {
		brake->count++;
		return true;
	}
	brake->missed++;
	return false;
}
