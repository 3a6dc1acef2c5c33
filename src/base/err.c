/* err.c - one error, one sentence. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
	(void)vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
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
	n = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		(void)snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s",
			       reason ? reason : "unknown error");
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
	n = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		(void)snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s", inner);
	return -1;
}
