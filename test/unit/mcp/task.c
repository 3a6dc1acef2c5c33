/* task.c - a task's state, read in the words of either era and said in those of the other. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/task.h"

#include "base/cleanup.h"
#include "tap.h"

#define NOW ((uint64_t)1795246459255) /* 2026-11-21T07:34:19.255Z */
#define TIMES "\"createdAt\":\"2026-11-21T07:34:19.255Z\",\"lastUpdatedAt\":\"2026-11-21T07:34:19.255Z\""

static const struct {
	const char *name, *text, *legacy, *modern; /* NULL: it is none */
} items[] = {
	{ "no object", "[]", NULL, NULL },
	{ "no status", "{\"taskId\":\"1\"}", NULL, NULL },
	{ "a status of nobody's", "{\"status\":\"sleeping\"}", NULL, NULL },
	{ "a status that is no word", "{\"status\":1}", NULL, NULL },
	{ "the least", "{\"status\":\"working\"}",
	  "\"taskId\":\"i\",\"status\":\"working\"," TIMES ",\"ttl\":null",
	  "\"taskId\":\"i\",\"status\":\"working\"," TIMES ",\"ttlMs\":null" },
	{ "of 2025-11-25",
	  "{\"status\":\"input_required\",\"ttl\":5,\"pollInterval\":6,\"statusMessage\":\"a\\n\"}",
	  "\"taskId\":\"i\",\"status\":\"input_required\",\"statusMessage\":\"a\\n\"," TIMES
	  ",\"ttl\":5,\"pollInterval\":6",
	  "\"taskId\":\"i\",\"status\":\"input_required\",\"statusMessage\":\"a\\n\"," TIMES
	  ",\"ttlMs\":5,\"pollIntervalMs\":6" },
	{ "of the extension", "{\"status\":\"failed\",\"ttlMs\":null,\"pollIntervalMs\":6}",
	  "\"taskId\":\"i\",\"status\":\"failed\"," TIMES ",\"ttl\":null,\"pollInterval\":6",
	  "\"taskId\":\"i\",\"status\":\"failed\"," TIMES ",\"ttlMs\":null,\"pollIntervalMs\":6" },
	{ "times that are none",
	  "{\"status\":\"cancelled\",\"createdAt\":\"\\\"\",\"lastUpdatedAt\":7,\"ttl\":-1}",
	  "\"taskId\":\"i\",\"status\":\"cancelled\"," TIMES ",\"ttl\":null",
	  "\"taskId\":\"i\",\"status\":\"cancelled\"," TIMES ",\"ttlMs\":null" },
};

static void one(size_t i)
{
	struct json json = { 0 };
	struct task_state state = { .status = TASK_UNKNOWN };
	CLEANUP(buf_release) struct buf legacy = BUF_INIT((size_t)8192);
	CLEANUP(buf_release) struct buf modern = BUF_INIT((size_t)8192);
	bool is = json_parse(&json, span_str(items[i].text), 4096) && task_state_read(&json, 0, NOW, &state);

	ok(is == (items[i].legacy != NULL), "%s", items[i].name);
	if (is && items[i].legacy) {
		task_state_add(&legacy, &state, ERA_LEGACY, S("i"));
		task_state_add(&modern, &state, ERA_MODERN, S("i"));
		is_span(buf_span(&legacy), span_str(items[i].legacy), "%s, of 2025-11-25", items[i].name);
		is_span(buf_span(&modern), span_str(items[i].modern), "%s, of 2026-07-28", items[i].name);
	}
	json_release(&json);
}

static void long_words(void)
{
	struct json json = { 0 };
	struct task_state state = { 0 };
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)8192);

	buf_add(&text, S("{\"status\":\"working\",\"statusMessage\":\""));
	for (unsigned i = 0; i < TASK_WORDS_BYTES; i++)
		buf_add_char(&text, 'a');
	buf_add(&text, S("\"}"));
	ok(json_parse(&json, buf_span(&text), text.n) && task_state_read(&json, 0, NOW, &state) &&
	       state.words[0] == '\0',
	   "a message that is too long is left out");
	json_release(&json);
}

int main(void)
{
	for (size_t i = 0; i < COUNT(items); i++)
		one(i);
	long_words();
	ok(task_is_over(TASK_COMPLETED) && task_is_over(TASK_FAILED) && task_is_over(TASK_CANCELLED) &&
	       !task_is_over(TASK_WORKING) && !task_is_over(TASK_INPUT_REQUIRED),
	   "three states are final");
	return tap_done();
}
