/* log.c - one event, one line, one write. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <unistd.h>

#include "base/clock.h"

#define LOG_LINE_BYTES ((size_t)16384)
#define LOG_VALUE_BYTES ((size_t)1024)

static const char *const level_names[] = { "debug", "info", "warn", "error" };

/* Escapes as JSON does; in a text line that keeps a value on its line and off the terminal. */
static void add_escaped(struct buf *out, struct span text)
{
	struct span cut = span_first(text, LOG_VALUE_BYTES);

	for (size_t i = 0; i < cut.n; i++) {
		unsigned char c = (unsigned char)cut.p[i];

		if (c == '"' || c == '\\') {
			buf_add_char(out, '\\');
			buf_add_char(out, (char)c);
		} else if (c < 0x20 || c == 0x7f) {
			buf_addf(out, "\\u%04x", c);
		} else {
			buf_add_char(out, (char)c);
		}
	}
	if (cut.n < text.n)
		buf_add(out, S("..."));
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
	for (size_t i = 0; i < n; i++) {
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
	for (size_t i = 0; i < n; i++) {
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
	line.over = false;
	if (line.n == line.max)
		line.n--;
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
