/* output.c - how a command prints: its form, its columns, its paragraphs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/tr.h"
#include "text/utf8.h"

int output_form(const struct cmd *cmd, const struct options *options, bool *json)
{
	const char *form = option_value(options, "output");

	*json = form && strcmp(form, "json") == 0;
	if (form && !*json && strcmp(form, "text") != 0)
		return cmd_usage_error(cmd, tr("the output is text or json, not %s"), form);
	return EXIT_OK;
}

void output_cell(struct buf *out, struct span text, size_t columns)
{
	size_t width = utf8_width(text);

	buf_add(out, text);
	do
		buf_add_char(out, ' ');
	while (++width < columns);
}

/* A mark that may not begin a line. */
static bool is_closing(uint32_t point)
{
	static const uint32_t marks[] = { 0x3001, 0x3002, 0x300d, 0x300f, 0xff09, 0x30fc, 0xff0c, 0xff0e };

	for (size_t i = 0; i < COUNT(marks); i++)
		if (marks[i] == point)
			return true;
	return false;
}

static uint32_t point_at(struct span text)
{
	uint32_t point = 0;

	return utf8_decode(text, &point) ? point : 0;
}

/*
 * The next piece that stays together: a word with the spaces behind it, or one wide character with the
 * closing marks behind it.
 */
static size_t piece(struct span text)
{
	size_t n = 0;

	while (n < text.n) {
		uint32_t point = 0;
		size_t step = utf8_decode(span_skip(text, n), &point);
		bool wide = step && utf8_point_width(point) == 2;

		if (n && wide)
			break;
		n += step ? step : 1;
		if (wide || point == ' ')
			break;
	}
	while (n < text.n && (text.p[n] == ' ' || is_closing(point_at(span_skip(text, n))))) {
		uint32_t point;
		size_t step = utf8_decode(span_skip(text, n), &point);

		n += step ? step : 1;
	}
	return n;
}

static struct span without_end_spaces(struct span text)
{
	while (text.n && text.p[text.n - 1] == ' ')
		text.n--;
	return text;
}

static void add_line(struct buf *out, struct span line, size_t indent)
{
	for (size_t i = 0; i < indent; i++)
		buf_add_char(out, ' ');
	buf_add(out, without_end_spaces(line));
	buf_add_char(out, '\n');
}

void output_paragraph(struct buf *out, struct span text, size_t indent)
{
	struct span line = span_first(text, 0);

	while (text.n) {
		size_t n = piece(text);
		struct span longer = span_of(line.p, line.n + n);

		if (line.n && indent + utf8_width(without_end_spaces(longer)) > OUTPUT_COLUMNS) {
			add_line(out, line, indent);
			longer = span_first(text, n);
		}
		line = longer;
		text = span_skip(text, n);
	}
	if (line.n)
		add_line(out, line, indent);
}

int output_print(const struct buf *out)
{
	if (!buf_ok(out))
		return cmd_fail(EXIT_FAILED, "%s", tr("there is too much to print"));
	if (fwrite(out->p ? out->p : "", 1, out->n, stdout) != out->n || fflush(stdout) != 0)
		return cmd_fail(EXIT_FAILED, tr("cannot write to stdout: %s"), strerrordesc_np(errno));
	return EXIT_OK;
}

/* 0 or an errno. */
static int stdout_failure(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(STDOUT_FILENO, &st) < 0)
		return errno;
	if ((flags & O_ACCMODE) == O_RDONLY)
		return EBADF;
	/* /dev/full: every write fails. */
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 7))
		return ENOSPC;
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLNVAL)) ? EPIPE : 0;
}

int output_check(void)
{
	int failure = stdout_failure();

	return failure ? cmd_fail(EXIT_FAILED, tr("stdout cannot be written: %s"), strerrordesc_np(failure))
		       : EXIT_OK;
}

bool output_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < COUNT(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strcasestr(value, "UTF-8") || strcasestr(value, "utf8");
	}
	return false;
}
