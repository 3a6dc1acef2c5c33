/* fuzz_json.c - the parser against its twin, against itself, and against jansson. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "json_second.h"
#include "json/canonical.h"
#include "json/number.h"
#include "json/pointer.h"
#include "json/write.h"

#define MAX_BYTES ((size_t)1 << 20)

static void check_same_tape(const struct json *a, const struct json *b)
{
	check(a->n == b->n && a->compact == b->compact);
	check(a->reason == b->reason && a->reason_off == b->reason_off);
	check(a->n == 0 || memcmp(a->tokens, b->tokens, a->n * sizeof *a->tokens) == 0);
}

static void check_tokens(const struct json *json)
{
	for (json_at i = 0; i < json->n; i++) {
		const struct json_token *t = &json->tokens[i];

		check(t->off < t->end && t->end <= json->src.n);
		check(t->next > i && t->next <= json->n);
		check(i == 0 || json->tokens[i - 1].off < t->off);
		check(t->type >= JSON_ARRAY || (t->next == i + 1 && t->count == 0));
	}
}

/* What we write of it is the same value, token by token. */
static void check_emission(const struct json *json)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(MAX_BYTES);
	CLEANUP(json_release) struct json again = { .n = 0 };

	json_emit(&out, json, 0, NULL, 0);
	check(json_parse(&again, buf_span(&out), MAX_BYTES) && again.compact && again.n == json->n);
	for (json_at i = 0; i < json->n; i++) {
		check(again.tokens[i].type == json->tokens[i].type &&
		      again.tokens[i].next == json->tokens[i].next);
		if (json->tokens[i].type < JSON_ARRAY)
			check(span_eq(json_raw(json, i), json_raw(&again, i)));
	}
	check(json_equal(json, 0, &again, 0) && json_equal(&again, 0, json, 0));
}

static void check_canonical(const struct json *json)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(8 * MAX_BYTES), twice = BUF_INIT(8 * MAX_BYTES);
	CLEANUP(json_release) struct json again = { .n = 0 };
	struct err err = ERR_INIT;

	if (json_canonical(&out, json, 0, &err) < 0) {
		check(err.code == ERR_FORMAT);
		return;
	}
	check(json_parse(&again, buf_span(&out), 8 * MAX_BYTES) && again.n == json->n);
	check(json_canonical(&twice, &again, 0, &err) == 0 && span_eq(buf_span(&out), buf_span(&twice)));
}

/* The way to a value and back; a few values are enough. */
static void check_pointers(const struct json *json)
{
	for (json_at i = 0; i < json->n; i += 1 + i / 8) {
		CLEANUP(buf_release) struct buf pointer = BUF_INIT(8 * MAX_BYTES);

		if (json->tokens[i].is_key)
			continue;
		json_pointer_to(json, i, &pointer);
		check(json_pointer(json, 0, buf_span(&pointer)) == i);
	}
}

/* Everything dropped that can be, one after the other: what stays is a text. */
static void check_drops(const struct json *json)
{
	for (json_at i = 1; i < json->n && i < 64; i++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(MAX_BYTES);
		CLEANUP(json_release) struct json rest = { .n = 0 };
		struct json_edit edits[2] = { { 0, JSON_INSERT, S("") }, { i, JSON_DROP, S("") } };

		if (json->tokens[i - 1].is_key)
			continue;
		json_emit(&out, json, 0, edits, 2);
		check(json_parse(&rest, buf_span(&out), MAX_BYTES) && rest.n < json->n);
	}
}

#ifdef HAVE_JANSSON
static bool same_number(const struct json *a, const struct json *b, json_at at)
{
	int64_t x, y;

	if (json_i64(a, at, &x) && json_i64(b, at, &y) && x == y)
		return true;
	return json_is(a, at, JSON_NUMBER) && json_is(b, at, JSON_NUMBER) &&
	       json_number_double(json_raw(a, at)) == json_number_double(json_raw(b, at));
}

/* jansson keeps the order of names, writes integers exactly and doubles with 17 digits. */
static void check_rewritten(const struct json *json, struct span text)
{
	CLEANUP(json_release) struct json other = { .n = 0 };

	check(json_parse(&other, text, 8 * MAX_BYTES) && other.n == json->n);
	for (json_at i = 0; i < json->n; i++) {
		CLEANUP(buf_release) struct buf x = BUF_INIT(MAX_BYTES), y = BUF_INIT(MAX_BYTES);

		check(json->tokens[i].type == other.tokens[i].type &&
		      json->tokens[i].next == other.tokens[i].next);
		if (json_is(json, i, JSON_STRING))
			check(span_eq(json_string(json, i, &x), json_string(&other, i, &y)));
		if (json_is(json, i, JSON_NUMBER))
			check(same_number(json, &other, i));
	}
}

/*
 * jansson never sees a NUL byte that follows a number or a word directly: it puts the byte back to
 * where a NUL means that nothing was put back.
 */
static bool is_lost_nul(const struct json *json, struct span text)
{
	return json->reason_off < text.n && text.p[json->reason_off] == '\0';
}

/*
 * The two agree, but for that and for limits. Ours: 64 levels, 4096 names (tokens and size are out
 * of reach of a fuzzer's text). jansson's: integers of 64 bits, numbers within doubles, no U+0000
 * in names.
 */
static void check_second(const struct json *json, bool accepted, struct span text)
{
	CLEANUP(freep) char *rewritten = NULL;
	enum json_second second = json_second(text, &rewritten);
	bool limit = json->reason == JSON_TOO_DEEP || json->reason == JSON_TOO_BIG;

	if (!accepted) {
		check(second != SECOND_ACCEPTS || limit || is_lost_nul(json, text));
		return;
	}
	check(second != SECOND_REFUSES);
	if (rewritten)
		check_rewritten(json, span_str(rewritten));
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(json_release) struct json json = { .n = 0 }, plain = { .n = 0 };
	struct span text = span_of((const char *)data, size);
	bool accepted = json_parse(&json, text, MAX_BYTES);

	check(json_parse_scalar(&plain, text, MAX_BYTES) == accepted);
	check_same_tape(&json, &plain);
	check(json.reason_off <= size);
#ifdef HAVE_JANSSON
	check_second(&json, accepted, text);
#endif
	if (!accepted)
		return 0;
	check_tokens(&json);
	check_emission(&json);
	check_canonical(&json);
	check_pointers(&json);
	check_drops(&json);
	return 0;
}
