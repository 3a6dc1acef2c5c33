/* task_run.h - requests about tasks, and calls that become one: their steps at the server. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/exchange.h"
#include "mcp/translate.h"

struct task;

/* Is it one of tasks/get, result, list, update, cancel? */
bool task_method(enum method method);

/*
 * Whose task it is, for a request that names one: x->task, its attachment and server. STAGE_NEXT: found, or
 * it may be the endpoint's server's own (x->attachment is NULL then).
 */
enum stage_result task_route(struct exchange *x);

/* The last stage of a request about tasks. STAGE_NEXT: it passes on as any other does. */
enum stage_result task_serve(struct exchange *x);
/* tasks/list, of what the gate keeps. */
enum stage_result task_list(struct exchange *x);

/* tools/call: what its message needs to become a task; x->wishes is set. */
void task_edit_call(struct exchange *x, struct edits *edits);
/* Does a legacy client want a task of a modern server that has some? */
bool task_is_wished(const struct exchange *x);

/* The server's answer. True: it was a step of a task's, and there is nothing to pass on. */
bool task_take(struct exchange *x, const struct message *message);
/* The ids in a result that is passed on are the client's. */
void task_edit_result(const struct exchange *x, const struct message *message, struct edits *edits);

/* Asks the server as the request's method says. */
void task_begin(struct exchange *x);
/* Answers with what is known of x->task. */
void task_answer(struct exchange *x);

/* Rests until the server is asked again, or waits for the end: it is not the server that is slow. */
bool task_waits(const struct exchange *x);
/* Once a second. True: it went on, and may be gone. */
bool task_tick(struct exchange *x, uint64_t now_ms);
/* The client has answered what the task's server wanted to know. */
void task_go_on(struct exchange *x);
/* The task has new questions: who waits for them shows them. */
void task_show_questions(struct task *task);

/* A call goes away, and its task waits with it; and comes back. */
struct task *task_lend(struct exchange *x);
void task_take_back(struct exchange *x, struct task *task);
/* The call that waits for it has been answered. */
void task_answered(struct task *task);
