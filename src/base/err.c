/* err.c - one error, one sentence. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/tr.h"

/* How many bytes a character has that begins so; a byte that begins none stands for itself. */
static size_t length_of(unsigned char first)
{
	if (first < 0xC0)
		return 1;
	if (first < 0xE0)
		return 2;
	return first < 0xF0 ? 3 : 4;
}

/* What was too long for `text` is cut once more, to end with a whole character. */
static void end_whole(struct err *err)
{
	size_t n = strlen(err->text), at = n;

	if (n < sizeof(err->text) - 1)
		return;
	while (at > 0 && n - at < 3 && ((unsigned char)err->text[at - 1] & 0xC0) == 0x80)
		at--;
	if (at > 0 && length_of((unsigned char)err->text[at - 1]) > n - at + 1)
		err->text[at - 1] = '\0';
}

int err_set_at(struct err *err, enum err_code code, int sys, const char *file, int line, const char *format,
	       ...)
{
	va_list args;

	if (!err)
		return -1;
	err->code = code;
	err->sys = sys;
	err->file = file;
	err->line = line;
	va_start(args, format);
	(void)vsnprintf(err->text, sizeof(err->text), tr(format), args);
	va_end(args);
	end_whole(err);
	return -1;
}

int err_sys_at(struct err *err, const char *file, int line, const char *format, ...)
{
	int sys = errno;
	const char *reason = strerrordesc_np(sys);
	va_list args;
	int n;

	if (!err)
		return -1;
	err->code = ERR_SYSTEM;
	err->sys = sys;
	err->file = file;
	err->line = line;
	va_start(args, format);
	n = vsnprintf(err->text, sizeof(err->text), tr(format), args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		(void)snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s",
			       reason ? reason : "unknown error");
	end_whole(err);
	return -1;
}

int err_wrap(struct err *err, const char *format, ...)
{
	char inner[sizeof(err->text)];
	va_list args;
	int n;

	if (!err)
		return -1;
	memcpy(inner, err->text, sizeof(inner));
	va_start(args, format);
	n = vsnprintf(err->text, sizeof(err->text), tr(format), args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		(void)snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s", inner);
	end_whole(err);
	return -1;
}
