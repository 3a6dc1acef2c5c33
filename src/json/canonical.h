/* canonical.h - the canonical form of JSON (RFC 8785). */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "json/tape.h"

/*
 * Adds the RFC 8785 form of the value at `at`: names ordered by UTF-16 code units, numbers as
 * ECMAScript prints the nearest double, strings minimally escaped.
 *
 * Errors: ERR_FORMAT for a number outside the range of doubles; ERR_LIMIT past the ceiling.
 */
int json_canonical(struct buf *out, const struct json *json, json_at at, struct err *err) MUST_CHECK;
