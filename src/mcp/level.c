/* level.c - the words for how grave a log message is. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/level.h"

#include "base/cleanup.h"

static const struct span names[] = {
	[LEVEL_NONE] = SPAN(""),
	[LEVEL_DEBUG] = SPAN("debug"),
	[LEVEL_INFO] = SPAN("info"),
	[LEVEL_NOTICE] = SPAN("notice"),
	[LEVEL_WARNING] = SPAN("warning"),
	[LEVEL_ERROR] = SPAN("error"),
	[LEVEL_CRITICAL] = SPAN("critical"),
	[LEVEL_ALERT] = SPAN("alert"),
	[LEVEL_EMERGENCY] = SPAN("emergency"),
};

enum level level_of(struct span word)
{
	for (size_t i = LEVEL_DEBUG; i < COUNT(names); i++)
		if (span_eq(word, names[i]))
			return (enum level)i;
	return LEVEL_NONE;
}

struct span level_name(enum level level)
{
	return names[level];
}
