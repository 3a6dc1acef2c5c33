/* core.h - the keys of a config that belong to no room. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/item.h"

/* version, listen, data, log, servers. */
extern const struct conf_item conf_core_items[];

/* In the order of the words of log.level (enum log_level) and log.format. */
enum conf_log_format { CONF_LOG_TEXT, CONF_LOG_JSON };

/*
 * May this be the name of a server? Letters, digits, `_`, `.` and `-`, at most 32, the first a
 * letter or a digit, no "__" (it parts server and tool in the name of a tool).
 *
 * Errors: ERR_CONFIG.
 */
int conf_check_server_name(struct span name, struct err *err);
