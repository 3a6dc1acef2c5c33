/* fuzz_message.c - messages of anybody: read, claimed, mirrored in headers, and sent on with our ids. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "base/arena.h"
#include "base/check.h"
#include "mcp/header.h"
#include "mcp/message.h"
#include "mcp/uri_template.h"
#include "json/write.h"

enum { FUZZ_BYTES = 1 << 20 };

/* What is sent on reads like what came in, with another id and progress token. */
static void send_on(const struct message *message, const struct message *back)
{
	const struct json *a = message->json, *b = back->json;
	json_at token = message_progress_token(message), arguments;

	check(back->kind == message->kind && back->method == message->method);
	check(span_eq(back->method_raw, message->method_raw));
	check((back->params == JSON_NONE) == (message->params == JSON_NONE));
	check((back->meta == JSON_NONE) == (message->meta == JSON_NONE));
	if (message->id != JSON_NONE)
		check(span_eq(message_token(b, back->id), S("\"ours\"")));
	if (token != JSON_NONE)
		check(span_eq(message_token(b, message_progress_token(back)), S("7")));
	if (message->error != JSON_NONE)
		check(json_equal(a, message->error, b, back->error));
	if (message->result != JSON_NONE)
		check(json_equal(a, message->result, b, back->result));
	arguments = message->params == JSON_NONE ? JSON_NONE : json_get(a, message->params, S("arguments"));
	if (arguments != JSON_NONE)
		check(json_equal(a, arguments, b, json_get(b, back->params, S("arguments"))));
}

static void emit(const struct message *message)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)2 * FUZZ_BYTES);
	struct json_edit edits[2];
	struct json json = { 0 };
	struct message back;
	json_at token = message_progress_token(message);
	size_t n = 0;

	if (message->id != JSON_NONE)
		edits[n++] = (struct json_edit){ message->id, JSON_REPLACE, S("\"ours\"") };
	if (token != JSON_NONE)
		edits[n++] = (struct json_edit){ token, JSON_REPLACE, S("7") };
	if (n == 2 && edits[1].at < edits[0].at) {
		struct json_edit first = edits[0];

		edits[0] = edits[1];
		edits[1] = first;
	}
	json_emit(&out, message->json, message->root, edits, n);
	check(buf_ok(&out));
	check(json_parse(&json, buf_span(&out), out.n));
	check(json.compact);
	check(message_read(&json, 0, &back) == MESSAGE_OK);
	send_on(message, &back);
	json_release(&json);
}

/* Where nothing is changed, every token stays as it was written. */
static void keep(const struct message *message)
{
	CLEANUP(buf_release) struct buf once = BUF_INIT((size_t)2 * FUZZ_BYTES);
	CLEANUP(buf_release) struct buf twice = BUF_INIT((size_t)2 * FUZZ_BYTES);
	struct json json = { 0 };
	struct message back;

	json_emit(&once, message->json, message->root, NULL, 0);
	check(json_parse(&json, buf_span(&once), once.n) && message_read(&json, 0, &back) == MESSAGE_OK);
	if (message->id != JSON_NONE)
		check(span_eq(message_token(&json, back.id), message_token(message->json, message->id)));
	json_emit(&twice, &json, 0, NULL, 0);
	check(span_eq(buf_span(&once), buf_span(&twice)));
	json_release(&json);
}

/* A value mirrored in a header is plain ASCII, on one line, and stands for what it was made from. */
static void mirror(const struct header_param *param, const struct json *json, json_at arguments)
{
	CLEANUP(buf_release) struct buf header = BUF_INIT((size_t)2 * FUZZ_BYTES);
	CLEANUP(buf_release) struct buf scratch = BUF_INIT((size_t)2 * FUZZ_BYTES);
	struct span value;

	if (!header_param_value(param, json, arguments, &header) || !buf_ok(&header))
		return;
	for (size_t i = 0; i < header.n; i++)
		check((header.p[i] >= ' ' && header.p[i] <= '~') || header.p[i] == '\t');
	check(header_decode(buf_span(&header), &scratch, &value));
	if (value.n <= 60000)
		check(header_param_matches(param, json, arguments, value));
}

static void headers(const struct message *message)
{
	const struct json *json = message->json;
	json_at schema = json_get(json, message->params, S("inputSchema"));
	json_at arguments = json_get(json, message->params, S("arguments"));
	struct arena arena = ARENA_INIT((size_t)1 << 20);
	struct header_param *params;
	size_t n;

	if (json_is(json, schema, JSON_OBJECT) && header_params_of(json, schema, &arena, &params, &n))
		for (size_t i = 0; i < n; i++)
			mirror(&params[i], json, arguments);
	arena_release(&arena);
}

static void claims(const struct message *message)
{
	struct message_claim claim = message_claim(message);
	json_at places[] = { claim.version, claim.capabilities, claim.client, claim.log_level };

	for (size_t i = 0; i < COUNT(places); i++) {
		check(places[i] == JSON_NONE || claim.any);
		check(places[i] == JSON_NONE || places[i] < message->json->n);
	}
}

static void raw_header(struct span raw)
{
	CLEANUP(buf_release) struct buf scratch = BUF_INIT((size_t)FUZZ_BYTES);
	CLEANUP(buf_release) struct buf second = BUF_INIT((size_t)FUZZ_BYTES);
	CLEANUP(buf_release) struct buf again = BUF_INIT((size_t)2 * FUZZ_BYTES);
	struct span value, back;

	if (!header_decode(raw, &scratch, &value))
		return;
	header_encode(&again, value);
	/* Bytes that are no UTF-8 cannot stand in a body, so nothing has to stand for them. */
	if (header_decode(buf_span(&again), &second, &back))
		check(span_eq(back, value));
}

/* "template\nURI": a template without expressions gives itself; and no answer costs more than it may. */
static void template(struct span uri)
{
	struct span first = span_cut(&uri, '\n');
	size_t steps = 100000, before = steps;
	bool plain = span_find(first, '{') == first.n && span_find(first, '}') == first.n;
	bool matches = uri_template_matches(first, uri, &steps);

	check(steps <= before);
	check(!matches || uri_template_is_good(first));
	if (plain && first.n <= URI_TEMPLATE_BYTES && uri.n <= URI_TEMPLATE_URI_BYTES)
		check(matches == span_eq(first, uri));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of((const char *)data, size);
	struct json json = { 0 };
	struct message message;

	raw_header(text);
	template(text);
	if (json_parse(&json, text, FUZZ_BYTES)) {
		if (message_read(&json, 0, &message) == MESSAGE_OK) {
			claims(&message);
			emit(&message);
			keep(&message);
			if (message.params != JSON_NONE)
				headers(&message);
		} else {
			check(message.id == JSON_NONE || message_token(&json, message.id).n);
		}
	}
	json_release(&json);
	return 0;
}
