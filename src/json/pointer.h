/* pointer.h - JSON Pointer (RFC 6901). */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "json/tape.h"

/* The value `pointer` names below `from`; JSON_NONE where there is none or the pointer is wrong. */
json_at json_pointer(const struct json *json, json_at from, struct span pointer);

/* Adds "/token" with ~ and / escaped. */
void json_pointer_add(struct buf *out, struct span token);

/* Adds the pointer from the root to `at`, a value of the tape. */
void json_pointer_to(const struct json *json, json_at at, struct buf *out);
