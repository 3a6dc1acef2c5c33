/* translate_parts.h - what the files of the translation share; nobody else includes it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"
#include "mcp/translate.h"

/* A translation that writes its own bytes keeps its edits no longer than that. */
enum { TRANSLATE_ARENA_BYTES = 8 * 1024 * 1024 };

static inline bool is_modern(enum revision revision)
{
	return revision_era(revision) == ERA_MODERN;
}

static inline bool crosses_eras(struct legs legs)
{
	return revision_era(legs.from) != revision_era(legs.to);
}

/* The member whose value is at `value` leaves; JSON_NONE: nothing does. */
void edits_drop(struct edits *edits, json_at value);

/* Every member of the object that has one of `names` leaves. */
void edits_drop_named(struct edits *edits, const struct json *json, json_at object, const struct span *names,
		      size_t n);

/* `made` moves into the edits' arena; empty, and marked, where it does not fit. */
struct span edits_keep(struct edits *edits, const struct buf *made);

/* An edit whose bytes were made just now. */
void edits_make(struct edits *edits, json_at at, enum json_edit_kind kind, const struct buf *made);

/* The keys of `_meta` that MCP itself gives a meaning in one era only. */
void edits_drop_meta(struct edits *edits, const struct json *json, json_at meta);

/* Emits with edits that are needed no more; what did not fit into them is marked in `out`. */
void edits_emit(struct edits *edits, struct buf *out, const struct json *json, json_at at);

/* An object's member as the bytes between its quotes, still escaped; empty where it is no string. */
static inline struct span string_member(const struct json *json, json_at object, struct span name)
{
	json_at at = json_get(json, object, name);

	return json_is(json, at, JSON_STRING) ? json_string_raw(json, at) : S("");
}

static inline bool has_string(const struct json *json, json_at object, struct span name)
{
	return json_is(json, json_get(json, object, name), JSON_STRING);
}
