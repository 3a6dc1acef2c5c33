/* task.c - tasks that the gate keeps. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/task.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"
#include "exchange/account.h"
#include "exchange/heed.h"
#include "exchange/parked.h"
#include "exchange/subscription.h"
#include "exchange/task_own.h"
#include "exchange/task_run.h"
#include "json/write.h"

static uint64_t expiry_of(const struct task_state *state, uint64_t now_ms)
{
	if (!state->has_ttl)
		return now_ms + TASK_UNSAID_MS;
	return now_ms + (state->ttl_ms < TASK_MOST_MS ? state->ttl_ms : (uint64_t)TASK_MOST_MS);
}

static void destroy(struct task *task)
{
	buf_release(&task->kept);
	budget_give(&task->client->account->held, task->weight);
	free(task);
}

static void forget(struct task *task)
{
	call_forget(&task->call);
	questions_clear(&task->questions);
	list_remove(&task->node);
	task->client->n_tasks--;
	task->attachment = NULL;
	if (--task->refs == 0)
		destroy(task);
}

/* It is no longer kept. Who still holds it finds it without an attachment. */
static void drop(struct task *task)
{
	if (!task->attachment)
		return;
	call_cancel(&task->call, S("the task is no longer wanted"));
	if (task->own.n && !task_is_over(task->state.status))
		(void)task_request(task, NULL, METHOD_TASKS_CANCEL, S(""));
	forget(task);
}

/* Rather a new one than one that has ended, and was there for longest. */
static bool make_room(struct client *client)
{
	LIST_EACH(&client->tasks, node) {
		struct task *task = LIST_ENTRY(node, struct task, node);

		if (client->n_tasks < TASKS)
			break;
		if (task_is_over(task->state.status))
			drop(task);
	}
	return client->n_tasks < TASKS;
}

static void name_it(struct task *task)
{
	uint8_t bytes[TASK_ID_BYTES];
	struct buf text = buf_over(task->id, sizeof(task->id));

	random_bytes(bytes, sizeof(bytes));
	buf_add_char(&text, '"');
	buf_add_hex(&text, span_of((const char *)bytes, sizeof(bytes)));
	buf_add_char(&text, '"');
}

struct task *task_new(struct exchange *x, struct span own, const struct task_state *state, bool shown)
{
	struct client *client = x->client;
	struct budget *held = &client->account->held;
	struct task *task;

	if (!make_room(client) || own.n > TASK_OWN_BYTES || !budget_take(held, sizeof(*task) + own.n))
		return NULL;
	task = calloc(1, sizeof(*task) + own.n + 1);
	if (!task) {
		budget_give(held, sizeof(*task) + own.n);
		return NULL;
	}
	if (own.n)
		memcpy(task->bytes, own.p, own.n);
	task->own = span_of(task->bytes, own.n);
	task->weight = sizeof(*task) + own.n;
	task->refs = 2;
	task->client = client;
	task->attachment = x->attachment;
	task->era = x->attachment->link->era;
	task->shown = shown;
	task->declared = x->declared;
	task->state = *state;
	task->expires_ms = expiry_of(state, loop_now(&x->worker->loop));
	task->kept = BUF_CHARGED(x->worker->limits.result_bytes, held);
	questions_init(&task->questions, held);
	name_it(task);
	list_add(&client->tasks, &task->node);
	client->n_tasks++;
	heed_soon(x->attachment);
	return task;
}

struct task *task_unref(struct task *task)
{
	if (!task || --task->refs > 1)
		return NULL;
	if (task->refs == 0)
		destroy(task);
	else if (!task->shown && task->attachment)
		drop(task); /* nobody but the registry would know it */
	return NULL;
}

struct task *task_find(const struct client *client, const struct server *only, struct span id)
{
	LIST_EACH(&client->tasks, node) {
		struct task *task = LIST_ENTRY(node, struct task, node);

		if (task->shown && secret_equal(id, task_id(task)) &&
		    (!only || task->attachment->server == only))
			return task;
	}
	return NULL;
}

static struct task *find_own(const struct attachment *attachment, const struct json *json, json_at id)
{
	if (!json_is(json, id, JSON_STRING))
		return NULL;
	LIST_EACH(&attachment->client->tasks, node) {
		struct task *task = LIST_ENTRY(node, struct task, node);

		if (task->attachment == attachment && task->own.n && json_string_is(json, id, task->own))
			return task;
	}
	return NULL;
}

struct task *task_related(const struct attachment *attachment, const struct message *message)
{
	const struct json *json = message->json;
	json_at at = json_get(json, message->meta, S(META_RELATED_TASK));

	return find_own(attachment, json, json_get(json, at, S("taskId")));
}

/* --- what is known of it --- */

bool task_is_wanted(const struct task *task)
{
	if (task_is_over(task->state.status) || !task->shown || !task->own.n || task->era != ERA_MODERN)
		return false;
	return task->client->era == ERA_LEGACY ? task->client->ready : task->listeners;
}

static void tell(const struct task *task)
{
	struct client *client = task->client;
	CLEANUP(buf_release) struct buf out = BUF_INIT(sizeof(*task) + 1024);
	const struct method_info *info = method_info(METHOD_TASK_STATUS);

	if (!task->shown)
		return;
	if (client->era == ERA_MODERN) {
		task_state_add(&out, &task->state, ERA_MODERN, task_id(task));
		buf_add_char(&out, ',');
		subscriptions_task(task, buf_span(&out));
		return;
	}
	buf_addf(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"%.*s\",\"params\":{", SPAN_ARG(info->name));
	task_state_add(&out, &task->state, ERA_LEGACY, task_id(task));
	buf_add(&out, S("}}"));
	client->worker->metrics.notifications++;
	if (buf_ok(&out))
		(void)client_tell(client, buf_span(&out));
}

void task_learn(struct task *task, const struct task_state *state)
{
	bool changed = state->status != task->state.status || strcmp(state->words, task->state.words) != 0;

	/* What has ended stays so, whatever comes late. */
	if (!task->attachment || task_is_over(task->state.status))
		return;
	task->state = *state;
	if (!state->has_ttl)
		task->expires_ms = expiry_of(state, loop_now(&task->client->worker->loop));
	if (!changed)
		return;
	tell(task);
	if (task_is_over(state->status))
		heed_soon(task->attachment);
}

bool task_heard(struct attachment *attachment, const struct message *message)
{
	const struct json *json = message->json;
	struct task_state state;
	struct task *task;

	if ((message->method != METHOD_TASK_STATUS && message->method != METHOD_TASK_CHANGED) ||
	    message->params == JSON_NONE)
		return false;
	task = find_own(attachment, json, json_get(json, message->params, S("taskId")));
	if (!task)
		return attachment->link->era != attachment->client->era ||
		       !task_own_hears(attachment, json, message->params);
	if (task_state_read(json, message->params, clock_wall_ms(), &state))
		task_learn(task, &state);
	if (task->attachment && task->state.status == TASK_INPUT_REQUIRED && task->listeners)
		task_ask(task);
	return true;
}

/* --- what the server is told --- */

void task_add_meta(struct buf *out, const struct link *link)
{
	static const char extension[] = "\"" TASKS_EXTENSION "\":{}";
	struct json json = { 0 };
	json_at capabilities, extensions;
	struct json_edit edit;

	if (!json_parse(&json, buf_span(&link->init_params), link->init_params.n)) {
		out->over = true;
		return;
	}
	capabilities = json_get(&json, 0, S(META_CAPABILITIES));
	extensions = json_get(&json, capabilities, S("extensions"));
	if (json_is(&json, extensions, JSON_OBJECT) &&
	    json_get(&json, extensions, S(TASKS_EXTENSION)) == JSON_NONE)
		edit = (struct json_edit){ extensions, JSON_INSERT,
					   span_of(extension, sizeof(extension) - 1) };
	else if (json_is(&json, capabilities, JSON_OBJECT) && extensions == JSON_NONE)
		edit = (struct json_edit){ capabilities, JSON_INSERT,
					   S("\"extensions\":{\"" TASKS_EXTENSION "\":{}}") };
	else
		edit = (struct json_edit){ 0, JSON_INSERT, S("") };
	json_emit(out, &json, 0, &edit, edit.bytes.n ? 1 : 0);
	json_release(&json);
}

bool task_request(struct task *task, struct call *call, enum method method, struct span more)
{
	struct link *link = task->attachment ? task->attachment->link : NULL;
	const struct method_info *info = method_info(method);
	const struct send_facts facts = { .method = method, .method_name = info->name, .name = task->own };
	struct call quiet = { 0 };
	CLEANUP(buf_release) struct buf out = BUF_INIT(more.n + 6 * (size_t)TASK_OWN_BYTES + 512 * 1024);

	if (!link || link->state_of != LINK_READY)
		return false;
	buf_add(&out, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add_u64(&out, link_take_id(link, call ? call : &quiet));
	buf_addf(&out, ",\"method\":\"%.*s\",\"params\":{", SPAN_ARG(info->name));
	json_put_string(&out, S("taskId"), task->own);
	if (more.n) {
		buf_add_char(&out, ',');
		buf_add(&out, more);
	}
	if (link->era == ERA_MODERN) {
		json_add_key(&out, S("_meta"));
		task_add_meta(&out, link);
	}
	buf_add(&out, S("}}"));
	if (!buf_ok(&out))
		return false;
	if (call)
		link_request(link, call, buf_span(&out), &facts);
	else
		link_send(link, buf_span(&out), &facts);
	return true;
}

/* --- what a legacy server asks --- */

static void take_question(struct task *task, const struct message *message)
{
	struct task_state state = task->state;

	task->client->worker->metrics.server_requests++;
	if (!client_takes(task->declared, message)) {
		client_refuse_ask(task->attachment->link, message, -32601,
				  S("The client does not offer this"));
		return;
	}
	if (!questions_put(&task->questions, message)) {
		client_refuse_ask(task->attachment->link, message, -32603,
				  S("This cannot be asked of the client, or too much waits for it"));
		return;
	}
	state.status = TASK_INPUT_REQUIRED;
	task_learn(task, &state);
	task_show_questions(task);
}

static void on_message(struct call *call, const struct message *message, bool final)
{
	struct task *task = LIST_ENTRY(call, struct task, call);

	/* What it ended with is asked for again when the client asks. */
	if (final)
		questions_clear(&task->questions);
	else if (message->kind == MESSAGE_REQUEST)
		take_question(task, message);
	else
		(void)task_heard(task->attachment, message);
}

static void on_failed(struct call *call, enum link_failure failure, struct span why)
{
	(void)failure;
	(void)why;
	questions_clear(&LIST_ENTRY(call, struct task, call)->questions);
}

void task_ask(struct task *task)
{
	if (task->era != ERA_LEGACY || task->client->era != ERA_MODERN || call_is_open(&task->call))
		return;
	task->call = (struct call){ .on_message = on_message, .on_failed = on_failed };
	(void)task_request(task, &task->call, METHOD_TASKS_RESULT, S(""));
}

static struct exchange *holder_of(const struct task *task)
{
	LIST_EACH(&task->client->exchanges, node) {
		struct exchange *x = LIST_ENTRY(node, struct exchange, in_client);

		if (x->task == task && call_is_open(&x->call))
			return x;
	}
	return NULL;
}

bool task_asked(struct attachment *attachment, const struct message *message)
{
	struct task *task = task_related(attachment, message);
	struct parked *parked;

	if (!task)
		return false;
	parked = parked_with(attachment->client, task);
	if (attachment->client->era == ERA_MODERN && task->shown)
		take_question(task, message);
	else if (parked)
		parked_take(parked, message);
	else
		client_ask(attachment->client, attachment, holder_of(task), message);
	return true;
}

/* --- its end --- */

void tasks_drop_all(struct client *client, const struct attachment *attachment)
{
	LIST_EACH(&client->tasks, node) {
		struct task *task = LIST_ENTRY(node, struct task, node);

		if (!attachment || task->attachment == attachment)
			drop(task);
	}
}

bool tasks_are_on(const struct attachment *attachment)
{
	LIST_EACH(&attachment->client->tasks, node) {
		const struct task *task = LIST_ENTRY(node, struct task, node);

		if (task->attachment == attachment && task->own.n)
			return true;
	}
	return false;
}

void tasks_lost(struct attachment *attachment)
{
	LIST_EACH(&attachment->client->tasks, node) {
		struct task *task = LIST_ENTRY(node, struct task, node);
		struct task_state state = task_state_new(TASK_FAILED, clock_wall_ms());

		if (task->attachment != attachment || !task->own.n || !server_is_started(attachment->server))
			continue;
		if (task_is_over(task->state.status)) {
			forget(task);
			continue;
		}
		task->own = S("");
		memcpy(state.created, task->state.created, sizeof(state.created));
		(void)span_to_cstr(S("\"The server has ended\""), state.words, sizeof(state.words));
		task_learn(task, &state);
	}
}

void tasks_tick(struct client *client, uint64_t now_ms)
{
	LIST_EACH(&client->tasks, node) {
		struct task *task = LIST_ENTRY(node, struct task, node);
		struct attachment *attachment = task->attachment;

		if (!task->shown || now_ms < task->expires_ms)
			continue;
		drop(task);
		heed_soon(attachment);
	}
}
