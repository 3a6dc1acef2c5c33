/* task_serve.c - requests about tasks: whose each is, what may be asked, and what is answered from here. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/task.h"
#include "exchange/task_own.h"
#include "exchange/task_run.h"
#include "json/write.h"

bool task_method(enum method method)
{
	return method == METHOD_TASKS_GET || method == METHOD_TASKS_RESULT || method == METHOD_TASKS_LIST ||
	       method == METHOD_TASKS_UPDATE || method == METHOD_TASKS_CANCEL;
}

static enum stage_result denied(struct exchange *x, int error, const char *text)
{
	x->worker->metrics.denied++;
	exchange_refuse(x, 200, error, "K605", span_str(text), S(""));
	return STAGE_DONE;
}

/* spec: the extension: who has not declared it gets no tasks, and may not ask for them. */
static bool is_undeclared(const struct exchange *x)
{
	return x->client->era == ERA_MODERN && !(x->declared & CLIENT_TAKES_TASKS);
}

static enum stage_result refuse_undeclared(struct exchange *x)
{
	x->worker->metrics.denied++;
	exchange_refuse(x, 400, -32021, "K605", S("The request does not declare the extension for tasks"),
			S("\"requiredCapabilities\":{\"extensions\":{\"" TASKS_EXTENSION "\":{}}}"));
	return STAGE_DONE;
}

enum stage_result task_route(struct exchange *x)
{
	struct task *task = task_find(x->client, x->only, x->name);

	if (!x->only && is_undeclared(x))
		return refuse_undeclared(x);
	if (!task || !client_sees(x->client, task->attachment->server))
		return x->only ? STAGE_NEXT : denied(x, -32602, "Unknown task");
	x->task = task_ref(task);
	x->attachment = task->attachment;
	x->server = task->attachment->server;
	x->own_name = task->own;
	return STAGE_NEXT;
}

enum stage_result task_list(struct exchange *x)
{
	CLEANUP(buf_release) struct buf result = BUF_INIT((size_t)TASKS * sizeof(struct task));

	buf_add(&result, S("{\"tasks\":["));
	LIST_EACH(&x->client->tasks, node) {
		const struct task *task = LIST_ENTRY(node, struct task, node);

		if (!task->shown || (x->only && task->attachment->server != x->only))
			continue;
		json_add_comma(&result);
		buf_add_char(&result, '{');
		task_state_add(&result, &task->state, ERA_LEGACY, task_id(task));
		buf_add_char(&result, '}');
	}
	buf_add(&result, S("]}"));
	exchange_answer(x, &result);
	return STAGE_DONE;
}

/* The server has nothing (more) of it: what there is to say is known here. */
static enum stage_result serve_kept(struct exchange *x)
{
	struct json *json = &x->worker->side;
	struct task *task = x->task;
	struct message message;

	if (x->method == METHOD_TASKS_GET || x->client->era == ERA_MODERN) {
		task_answer(x);
		return STAGE_DONE;
	}
	if (x->method == METHOD_TASKS_CANCEL)
		return denied(x, -32602, "The task has ended, and cannot be cancelled");
	if (task->kept.n && json_parse(json, buf_span(&task->kept), task->kept.n) &&
	    message_read(json, 0, &message) == MESSAGE_OK) {
		exchange_reply(x, &message);
		return STAGE_DONE;
	}
	exchange_refuse(x, 200, -32603, "K702", S("The server with the task has ended"), S(""));
	return STAGE_DONE;
}

static enum stage_result update(struct exchange *x)
{
	const struct message *message = &x->message;

	questions_answer(&x->task->questions, x->attachment->link, message->json,
			 json_get(message->json, message->params, S("inputResponses")),
			 x->worker->limits.body_bytes);
	if (!x->task->questions.n && x->task->state.status == TASK_INPUT_REQUIRED)
		x->task->state.status = TASK_WORKING;
	task_answer(x);
	return STAGE_DONE;
}

enum stage_result task_serve(struct exchange *x)
{
	bool bridged = x->attachment->link->era != x->client->era;

	if (!bridged && !x->task)
		return task_own_allows(x) ? STAGE_NEXT : denied(x, -32602, "Unknown task");
	if (is_undeclared(x))
		return refuse_undeclared(x);
	if (x->method == METHOD_TASKS_LIST)
		return task_list(x);
	if (!x->task || !x->task->attachment || x->task->era != x->attachment->link->era)
		return denied(x, -32602, "Unknown task");
	if (!x->task->own.n)
		return serve_kept(x);
	if (!bridged)
		return STAGE_NEXT;
	if (x->method == METHOD_TASKS_UPDATE)
		return update(x);
	if (x->method == METHOD_TASKS_CANCEL && x->client->era == ERA_LEGACY &&
	    task_is_over(x->task->state.status))
		return denied(x, -32602, "The task has ended, and cannot be cancelled");
	x->message = (struct message){ 0 };
	buf_release(&x->body);
	task_begin(x);
	return STAGE_WAIT;
}

/* --- a call --- */

bool task_is_wished(const struct exchange *x)
{
	const struct json *json = x->message.json;

	return x->method == METHOD_TOOLS_CALL && x->client->era == ERA_LEGACY &&
	       x->revision >= REVISION_2025_11_25 && x->attachment->link->era == ERA_MODERN &&
	       json_is(json, json_get(json, x->message.params, S("task")), JSON_OBJECT) &&
	       link_takes_tasks(x->attachment->link);
}

void task_edit_call(struct exchange *x, struct edits *edits)
{
	const struct json *json = x->message.json;
	const struct link *link = x->attachment->link;
	json_at wish;

	if (x->method != METHOD_TOOLS_CALL)
		return;
	if (x->client->era == ERA_MODERN && link->era == ERA_LEGACY && x->tool->as_task &&
	    link_takes_tasks(link))
		edits_add(edits, (struct json_edit){ x->message.params, JSON_INSERT, S("\"task\":{}") });
	x->wishes = task_is_wished(x);
	if (!x->wishes)
		return;
	wish = json_get(json, json_get(json, x->message.params, S("task")), S("ttl"));
	if (!json_is(json, wish, JSON_NUMBER) || !json_u64(json, wish, &x->wish_ms))
		x->wish_ms = 0;
}

/* --- what is passed on --- */

static void edit_related(const struct exchange *x, const struct message *message, bool bridged,
			 struct edits *edits)
{
	const struct json *json = message->json;
	json_at meta = json_get(json, message->result, S("_meta"));
	json_at related = json_get(json, meta, S(META_RELATED_TASK));
	CLEANUP(buf_release) struct buf made = BUF_INIT((size_t)256);
	struct span id = task_id_json(x->task), bytes;

	if (related == JSON_NONE || bridged)
		buf_addf(&made, "%s\"" META_RELATED_TASK "\":{\"taskId\":%.*s}%s",
			 meta == JSON_NONE ? "\"_meta\":{" : "", SPAN_ARG(id), meta == JSON_NONE ? "}" : "");
	else
		buf_addf(&made, "{\"taskId\":%.*s}", SPAN_ARG(id));
	bytes = arena_dup(edits->arena, buf_span(&made));
	if (!bytes.p || (meta != JSON_NONE && !json_is(json, meta, JSON_OBJECT))) {
		edits->over = true;
		return;
	}
	if (meta == JSON_NONE)
		edits_add(edits, (struct json_edit){ message->result, JSON_INSERT, bytes });
	else if (related == JSON_NONE || bridged)
		edits_add(edits, (struct json_edit){ meta, JSON_INSERT, bytes });
	else
		edits_add(edits, (struct json_edit){ related, JSON_REPLACE, bytes });
}

void task_edit_result(const struct exchange *x, const struct message *message, struct edits *edits)
{
	const struct json *json = message->json;
	bool bridged = x->attachment->link->era != x->client->era;
	json_at at;

	if (x->method == METHOD_TASKS_LIST && !bridged)
		task_own_edit_list(x, message, edits);
	if (!x->task || !x->task->shown)
		return;
	if (x->method == METHOD_TASKS_RESULT) {
		edit_related(x, message, bridged, edits);
		return;
	}
	at = json_get(json, message->result, S("taskId"));
	if (at == JSON_NONE)
		at = json_get(json, json_get(json, message->result, S("task")), S("taskId"));
	if (at != JSON_NONE && !bridged)
		edits_add(edits, (struct json_edit){ at, JSON_REPLACE, task_id_json(x->task) });
}
