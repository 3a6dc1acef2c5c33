/* task_own.c - whose tasks are that pass as they are, at a server to which all principals are one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/task_own.h"

#include "base/clock.h"
#include "exchange/account.h"
#include "exchange/task.h"

enum { TASK_KEY_BYTES = TASK_OWN_BYTES + 256 };

/* Does it know principals only as the gate? A process of a client's own knows that one client. */
static bool has_one_for_all(const struct server *server)
{
	return !server_is_started(server) || server_is_shared(server);
}

/* Names hold no NUL. */
static bool add_key(struct buf *key, const struct server *server, struct span id)
{
	if (id.n == 0 || id.n > TASK_OWN_BYTES)
		return false;
	buf_add(key, server->name);
	buf_add_char(key, '\0');
	buf_add(key, id);
	return buf_ok(key);
}

static bool has(const struct account *account, const struct server *server, struct span id)
{
	char store[TASK_KEY_BYTES];
	struct buf key = buf_over(store, sizeof(store));

	return add_key(&key, server, id) && uri_set_has(&account->tasks, buf_span(&key));
}

/* The id that stands in the object at `at`. */
static bool has_at(const struct account *account, const struct server *server, const struct json *json,
		   json_at at)
{
	char store[TASK_OWN_BYTES];
	struct buf id = buf_over(store, sizeof(store));
	json_at place = json_is(json, at, JSON_OBJECT) ? json_get(json, at, S("taskId")) : JSON_NONE;

	if (!json_is(json, place, JSON_STRING))
		return false;
	json_string_add(json, place, &id);
	return buf_ok(&id) && has(account, server, buf_span(&id));
}

static uint64_t lasts_ms(const struct message *message, json_at task)
{
	struct task_state state;

	if (task_state_read(message->json, task, clock_wall_ms(), &state) && state.has_ttl &&
	    state.ttl_ms < TASK_MOST_MS)
		return state.ttl_ms;
	return TASK_MOST_MS;
}

bool task_own_note(struct exchange *x, const struct message *message, json_at task, struct span id)
{
	const struct server *server = x->attachment->server;
	char store[TASK_KEY_BYTES];
	struct buf key = buf_over(store, sizeof(store));

	if (!has_one_for_all(server))
		return true;
	return add_key(&key, server, id) &&
	       account_note_task(x->client->account, buf_span(&key),
				 loop_now(&x->worker->loop) + lasts_ms(message, task));
}

bool task_own_allows(const struct exchange *x)
{
	const struct server *server = x->attachment->server;

	return !has_one_for_all(server) || x->method == METHOD_TASKS_LIST ||
	       has(x->client->account, server, x->name);
}

bool task_own_hears(const struct attachment *attachment, const struct json *json, json_at params)
{
	return !has_one_for_all(attachment->server) ||
	       has_at(attachment->client->account, attachment->server, json, params);
}

void task_own_edit_list(const struct exchange *x, const struct message *message, struct edits *edits)
{
	const struct json *json = message->json;
	json_at tasks = json_get(json, message->result, S("tasks"));

	if (!has_one_for_all(x->attachment->server))
		return;
	/* What is no list could be anything. */
	if (!json_is(json, tasks, JSON_ARRAY)) {
		if (tasks != JSON_NONE)
			edits_add(edits, (struct json_edit){ tasks, JSON_REPLACE, S("[]") });
		return;
	}
	for (json_at at = json_first(json, tasks); at != JSON_NONE; at = json_next(json, tasks, at))
		if (!has_at(x->client->account, x->attachment->server, json, at))
			edits_add(edits, (struct json_edit){ at, JSON_DROP, S("") });
}
