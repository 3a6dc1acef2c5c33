/* level.h - how grave a log message of a server is. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/* From the least grave on; zero is "none was asked for". Source: MCP, LoggingLevel (RFC 5424). */
enum level {
	LEVEL_NONE,
	LEVEL_DEBUG,
	LEVEL_INFO,
	LEVEL_NOTICE,
	LEVEL_WARNING,
	LEVEL_ERROR,
	LEVEL_CRITICAL,
	LEVEL_ALERT,
	LEVEL_EMERGENCY,
};

/* LEVEL_NONE for a word that names none. */
enum level level_of(struct span word);
struct span level_name(enum level level);
