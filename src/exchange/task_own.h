/* task_own.h - whose tasks are that pass as they are, at a server to which all principals are one. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"
#include "mcp/translate.h"

/*
 * A server that the gate reaches over a network or a socket sees one identity, the gate's: whoever names a
 * task's id there is answered. So it is the gate that knows which principal was given which id, in all its
 * sessions; as long as the task may last, and 1024 of them at most.
 *
 * Source: MCP 2025-11-25, "Tasks", Security: tasks are bound to the authorization context.
 */

/* The server has made a task for x, of this id. False: that cannot be noted. */
bool task_own_note(struct exchange *x, const struct message *message, json_at task, struct span id);
/* May x, which passes as it is, be about the task that it names? */
bool task_own_allows(const struct exchange *x);
/* Is a word about the task that stands at `params` for this client? */
bool task_own_hears(const struct attachment *attachment, const struct json *json, json_at params);
/* Leaves the tasks of others out of the answer to tasks/list. */
void task_own_edit_list(const struct exchange *x, const struct message *message, struct edits *edits);
