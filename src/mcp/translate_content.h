/* translate_content.h - blocks of content in the words of an older revision. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "mcp/translate.h"

/* Is the block at `at` of a kind that is also there in `to`? What no revision knows counts as known. */
bool content_known(const struct json *json, json_at at, enum revision to);

/* Is it one of those that only sampling has, from 2025-11-25 on? */
bool content_of_tools(const struct json *json, json_at at);

/* Adds what a block says, or what it was, as it stands between the quotes of a JSON string. */
void content_add_said(struct buf *out, const struct json *json, json_at at);

/* Adds the block, as text where `to` does not know it. */
void content_add(struct buf *out, const struct json *json, json_at at, enum revision to);

/* A block, or an array of blocks: those that `to` does not know become text. */
void content_translate(const struct json *json, json_at at, enum revision to, struct edits *edits);

/*
 * `structuredContent` of the object at `at` (a tool's result, or a tool_result): where `to` has no words for
 * it, it leaves, and stands as text where there is no other content.
 */
void content_translate_structured(const struct json *json, json_at at, enum revision to, struct edits *edits);
