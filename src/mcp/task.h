/* task.h - what a task's state is, and how each era says it. Pure. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "mcp/revision.h"
#include "json/tape.h"

enum task_status {
	TASK_UNKNOWN, /* no word for it is known */
	TASK_WORKING,
	TASK_INPUT_REQUIRED,
	TASK_COMPLETED,
	TASK_FAILED,
	TASK_CANCELLED,
};

enum {
	TASK_TIME_BYTES = 40,
	TASK_WORDS_BYTES = 1024, /* of a message; a longer one is left out */
};

/* Source: MCP 2025-11-25, `Task`; the extension io.modelcontextprotocol/tasks of 2026-07-28. */
struct task_state {
	enum task_status status;
	bool has_ttl, has_poll;
	uint64_t ttl_ms;	       /* since it was created; without it, it is not said */
	uint64_t poll_ms;	       /* how long to wait before it is asked for again */
	char created[TASK_TIME_BYTES]; /* as the server wrote it */
	char updated[TASK_TIME_BYTES];
	char words[TASK_WORDS_BYTES]; /* its message as JSON, quotes and all; empty: none */
};

#define TASKS_EXTENSION "io.modelcontextprotocol/tasks"
#define META_RELATED_TASK "io.modelcontextprotocol/related-task"

/* May it change no more? */
static inline bool task_is_over(enum task_status status)
{
	return status == TASK_COMPLETED || status == TASK_FAILED || status == TASK_CANCELLED;
}

/*
 * Reads the members of the object at `at`, in the names of either era. A time that is none is `now_ms`.
 * False: it is no task's state, and `*out` is as it was.
 */
bool task_state_read(const struct json *json, json_at at, uint64_t now_ms, struct task_state *out);

/* One that begins at `now_ms`. */
struct task_state task_state_new(enum task_status status, uint64_t now_ms);

/* Adds the members of a task, its id (text) among them, in the names of `era`. */
void task_state_add(struct buf *out, const struct task_state *state, enum era era, struct span id);
