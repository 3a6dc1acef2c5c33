/* task.c - what a task's state is, and how each era says it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/task.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "json/write.h"

static const struct span words[] = {
	[TASK_UNKNOWN] = SPAN(""),
	[TASK_WORKING] = SPAN("working"),
	[TASK_INPUT_REQUIRED] = SPAN("input_required"),
	[TASK_COMPLETED] = SPAN("completed"),
	[TASK_FAILED] = SPAN("failed"),
	[TASK_CANCELLED] = SPAN("cancelled"),
};

static enum task_status status_of(const struct json *json, json_at at)
{
	for (size_t i = TASK_WORKING; json_is(json, at, JSON_STRING) && i < COUNT(words); i++)
		if (json_string_is(json, at, words[i]))
			return (enum task_status)i;
	return TASK_UNKNOWN;
}

static void write_time(char store[TASK_TIME_BYTES], uint64_t now_ms)
{
	struct buf text = buf_over(store, TASK_TIME_BYTES - 1);

	clock_add_rfc3339(&text, now_ms);
	store[text.n] = '\0';
}

/* Digits and the few marks of RFC 3339: it is passed on between quotes. */
static bool is_time(struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((text.p[i] < '0' || text.p[i] > '9') && !memchr("TtZz:.+-", text.p[i], 8))
			return false;
	return text.n > 0;
}

static void take_time(const struct json *json, json_at at, uint64_t now_ms, char store[TASK_TIME_BYTES])
{
	if (!json_is(json, at, JSON_STRING) || !is_time(json_string_raw(json, at)) ||
	    !span_to_cstr(json_string_raw(json, at), store, TASK_TIME_BYTES))
		write_time(store, now_ms);
}

static bool take_number(const struct json *json, json_at at, json_at other, uint64_t *out)
{
	json_at place = json_is(json, at, JSON_NUMBER) ? at : other;

	return json_is(json, place, JSON_NUMBER) && json_u64(json, place, out);
}

bool task_state_read(const struct json *json, json_at at, uint64_t now_ms, struct task_state *out)
{
	enum task_status status = json_is(json, at, JSON_OBJECT)
				      ? status_of(json, json_get(json, at, S("status")))
				      : TASK_UNKNOWN;
	json_at text;

	if (status == TASK_UNKNOWN)
		return false;
	*out = (struct task_state){ .status = status };
	take_time(json, json_get(json, at, S("createdAt")), now_ms, out->created);
	take_time(json, json_get(json, at, S("lastUpdatedAt")), now_ms, out->updated);
	out->has_ttl = take_number(json, json_get(json, at, S("ttlMs")), json_get(json, at, S("ttl")),
				   &out->ttl_ms);
	out->has_poll = take_number(json, json_get(json, at, S("pollIntervalMs")),
				    json_get(json, at, S("pollInterval")), &out->poll_ms);
	text = json_get(json, at, S("statusMessage"));
	if (json_is(json, text, JSON_STRING) &&
	    !span_to_cstr(json_raw(json, text), out->words, sizeof(out->words)))
		out->words[0] = '\0';
	return true;
}

struct task_state task_state_new(enum task_status status, uint64_t now_ms)
{
	struct task_state state = { .status = status };

	write_time(state.created, now_ms);
	write_time(state.updated, now_ms);
	return state;
}

void task_state_add(struct buf *out, const struct task_state *state, enum era era, struct span id)
{
	bool modern = era == ERA_MODERN;

	json_put_string(out, S("taskId"), id);
	json_put_string(out, S("status"), words[state->status]);
	if (state->words[0])
		json_put_raw(out, S("statusMessage"), span_str(state->words));
	json_put_string(out, S("createdAt"), span_str(state->created));
	json_put_string(out, S("lastUpdatedAt"), span_str(state->updated));
	if (state->has_ttl)
		json_put_u64(out, modern ? S("ttlMs") : S("ttl"), state->ttl_ms);
	else
		json_put_raw(out, modern ? S("ttlMs") : S("ttl"), S("null"));
	if (state->has_poll)
		json_put_u64(out, modern ? S("pollIntervalMs") : S("pollInterval"), state->poll_ms);
}
