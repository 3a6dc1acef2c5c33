/* value.h - texts of a config as numbers, sizes, durations and addresses. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"

/* What older YAML parsers, or this one's readers, take for something else than a text. */
enum value_trap {
	VALUE_PLAIN,	/* nothing of that */
	VALUE_NULL,	/* nothing, ~, null */
	VALUE_BOOL,	/* true, false */
	VALUE_OLD_BOOL, /* yes, no, on, off: a boolean in YAML 1.1, a text in 1.2 */
};
enum value_trap value_trap(struct span text);

/* Decimal digits with an optional "-"; no "+", no leading zero, no underscore. */
bool value_int(struct span text, int64_t *out);

/* "4096", "256M", "4MiB". Errors: ERR_CONFIG, what to write instead. */
int value_bytes(struct span text, int64_t *out, struct err *err) MUST_CHECK;
/* "30s", "1h30m"; units ms, s, m, h, d, the greater ones first. Milliseconds. */
int value_duration(struct span text, int64_t *out, struct err *err) MUST_CHECK;
/* "127.0.0.1:7676", "[::1]:0"; numbers only, no names. */
int value_address(struct span text, struct conf_address *out, struct err *err) MUST_CHECK;

bool value_is_ip(struct span text, bool v6);

/* The shortest form that reads back the same: "4MiB", "90s". */
void value_add_bytes(struct buf *out, int64_t bytes);
void value_add_duration(struct buf *out, int64_t ms);
