/* write.c - tests: escaping, building, and the emission of a tape with edits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "json/write.h"

#include "base/cleanup.h"

#include "tap.h"

#define MAX_BYTES ((size_t)1 << 20)

static void test_strings(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(1000), tight = BUF_INIT(10);

	json_add_string(&tight, S("0123456789"));
	ok(!buf_ok(&tight), "a full buffer says so");
	json_add_string(&out, S("\0\x01\b\t\n\v\f\r\x1f\"\\/\x7f\xe3\x81\x82"));
	is_span(buf_span(&out), S("\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\x7f\xe3\x81\x82\""),
		"only what must be is escaped");
	buf_clear(&out);
	json_add_string(&out, span_of(NULL, 0));
	is_span(buf_span(&out), S("\"\""), "the empty string");
	buf_clear(&out);
	json_add_string(&out, S("0123456789abcde\nABCDEFGHIJKLMNOPQRSTUVWXYZ\"0123456789"));
	is_span(buf_span(&out), S("\"0123456789abcde\\nABCDEFGHIJKLMNOPQRSTUVWXYZ\\\"0123456789\""),
		"at the edge of a block");
}

static void test_building(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(1000);

	json_add_comma(&out);
	ok(out.n == 0, "nothing needs no comma");
	buf_add_char(&out, '{');
	json_put_string(&out, S("a\n"), S("{"));
	json_put_u64(&out, S("b"), UINT64_MAX);
	json_put_i64(&out, S("c"), INT64_MIN);
	json_put_bool(&out, S("d"), true);
	json_put_bool(&out, S("e"), false);
	json_put_raw(&out, S("f"), S("[null]"));
	json_add_key(&out, S("g"));
	buf_add_char(&out, '[');
	json_add_comma(&out);
	buf_add_char(&out, '1');
	json_add_comma(&out);
	buf_add(&out, S("2]}"));
	is_span(
	    buf_span(&out),
	    S("{\"a\\n\":\"{\",\"b\":18446744073709551615,\"c\":-9223372036854775808,\"d\":true,\"e\":false,"
	      "\"f\":[null],\"g\":[1,2]}"),
	    "an object member by member");
}

/* Places in `source`, which is given compact; the test makes the spaced one of it. */
static const struct {
	const char *name;
	struct span source;
	json_at root;
	struct json_edit edits[4];
	size_t n;
	struct span want;
} cases[] = {
	{ "drops all members",
	  SPAN("{\"a\":1,\"b\":[2],\"c\":{}}"),
	  0,
	  { { 1, JSON_DROP, SPAN("") }, { 3, JSON_DROP, SPAN("") }, { 6, JSON_DROP, SPAN("") } },
	  3,
	  SPAN("{}") },
	{ "drops all elements",
	  SPAN("[1,[2,3],\"x\"]"),
	  0,
	  { { 1, JSON_DROP, SPAN("") }, { 2, JSON_DROP, SPAN("") }, { 5, JSON_DROP, SPAN("") } },
	  3,
	  SPAN("[]") },
	{ "drops the first", SPAN("[1,2,3]"), 0, { { 1, JSON_DROP, SPAN("") } }, 1, SPAN("[2,3]") },
	{ "drops the middle", SPAN("[1,2,3]"), 0, { { 2, JSON_DROP, SPAN("") } }, 1, SPAN("[1,3]") },
	{ "drops the last", SPAN("[1,2,3]"), 0, { { 3, JSON_DROP, SPAN("") } }, 1, SPAN("[1,2]") },
	{ "drops first and last",
	  SPAN("[1,2,3]"),
	  0,
	  { { 1, JSON_DROP, SPAN("") }, { 3, JSON_DROP, SPAN("") } },
	  2,
	  SPAN("[2]") },
	{ "drops the last two",
	  SPAN("{\"a\":\",\",\"b\":2,\"c\":3}"),
	  0,
	  { { 3, JSON_DROP, SPAN("") }, { 5, JSON_DROP, SPAN("") } },
	  2,
	  SPAN("{\"a\":\",\"}") },
	{ "drops a member with its value",
	  SPAN("{\"a\":{\"b\":[1,2,{}]},\"c\":3}"),
	  0,
	  { { 1, JSON_DROP, SPAN("") }, { 3, JSON_DROP, SPAN("") } },
	  2,
	  SPAN("{\"c\":3}") },
	{ "replaces the root", SPAN("[1,2]"), 0, { { 0, JSON_REPLACE, SPAN("null") } }, 1, SPAN("null") },
	{ "replaces values",
	  SPAN("{\"a\":1,\"b\":[2,[3]],\"c\":\"x\"}"),
	  0,
	  { { 2, JSON_REPLACE, SPAN("[9,9]") },
	    { 4, JSON_REPLACE, SPAN("{}") },
	    { 9, JSON_REPLACE, SPAN("0") } },
	  3,
	  SPAN("{\"a\":[9,9],\"b\":{},\"c\":0}") },
	{ "replaces a name",
	  SPAN("[{\"a\":1,\"b\":2}]"),
	  0,
	  { { 4, JSON_REPLACE, SPAN("\"B\"") } },
	  1,
	  SPAN("[{\"a\":1,\"B\":2}]") },
	{ "inserts into empty ones",
	  SPAN("{\"a\":{},\"b\":[]}"),
	  0,
	  { { 2, JSON_INSERT, SPAN("\"x\":1") }, { 4, JSON_INSERT, SPAN("7") } },
	  2,
	  SPAN("{\"a\":{\"x\":1},\"b\":[7]}") },
	{ "inserts before others",
	  SPAN("{\"a\":[1]}"),
	  0,
	  { { 0, JSON_INSERT, SPAN("\"x\":1") }, { 2, JSON_INSERT, SPAN("7") } },
	  2,
	  SPAN("{\"x\":1,\"a\":[7,1]}") },
	{ "inserts twice and nothing",
	  SPAN("[1]"),
	  0,
	  { { 0, JSON_INSERT, SPAN("8") }, { 0, JSON_INSERT, SPAN("") }, { 0, JSON_INSERT, SPAN("9") } },
	  3,
	  SPAN("[8,9,1]") },
	{ "inserts nothing", SPAN("[]"), 0, { { 0, JSON_INSERT, SPAN("") } }, 1, SPAN("[]") },
	{ "inserts and drops the rest",
	  SPAN("{\"a\":1,\"b\":2}"),
	  0,
	  { { 0, JSON_INSERT, SPAN("\"x\":1") }, { 1, JSON_DROP, SPAN("") }, { 3, JSON_DROP, SPAN("") } },
	  3,
	  SPAN("{\"x\":1}") },
	{ "inserts and drops the first",
	  SPAN("[1,2]"),
	  0,
	  { { 0, JSON_INSERT, SPAN("0") }, { 1, JSON_DROP, SPAN("") } },
	  2,
	  SPAN("[0,2]") },
	{ "leaves edits outside alone",
	  SPAN("[[1,2],[3,4],[5]]"),
	  4,
	  { { 0, JSON_INSERT, SPAN("0") },
	    { 2, JSON_DROP, SPAN("") },
	    { 5, JSON_DROP, SPAN("") },
	    { 7, JSON_DROP, SPAN("") } },
	  4,
	  SPAN("[4]") },
	{ "leaves edits inside a replaced value alone",
	  SPAN("[[1,2],3]"),
	  0,
	  { { 1, JSON_REPLACE, SPAN("0") }, { 2, JSON_DROP, SPAN("") }, { 4, JSON_DROP, SPAN("") } },
	  3,
	  SPAN("[0]") },
	{ "emits a member's value",
	  SPAN("{\"a\":{\"b\":1}}"),
	  2,
	  { { 3, JSON_DROP, SPAN("") } },
	  1,
	  SPAN("{}") },
	{ "keeps tokens as they are",
	  SPAN("[1.50,-0,1E5,\"\\u0041\\/\",9007199254740993]"),
	  0,
	  { { 0 } },
	  0,
	  SPAN("[1.50,-0,1E5,\"\\u0041\\/\",9007199254740993]") },
};

/* The same tokens with white space around each. */
static void add_spaced(struct buf *out, const struct json *json)
{
	uint32_t from = 0;

	for (uint32_t i = 0; i < json->src.n; i++) {
		bool structural = true;

		for (json_at t = 0; t < json->n; t++)
			structural &= json->tokens[t].type >= JSON_ARRAY || i < json->tokens[t].off ||
				      i >= json->tokens[t].end;
		if (!structural)
			continue;
		buf_add(out, span_of(json->src.p + from, i - from));
		buf_addf(out, " \n%c\t", json->src.p[i]);
		from = i + 1;
	}
	buf_add(out, span_skip(json->src, from));
}

static void test_emission(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(json_release) struct json json = { .n = 0 }, spaced = { .n = 0 };
		CLEANUP(buf_release) struct buf out = BUF_INIT(1000), text = BUF_INIT(1000);

		ok(json_parse(&json, cases[i].source, MAX_BYTES) && json.compact, "%s: compact",
		   cases[i].name);
		buf_add(&out, S("before,"));
		json_emit(&out, &json, cases[i].root, cases[i].edits, cases[i].n);
		is_span(span_skip(buf_span(&out), 7), cases[i].want, "%s", cases[i].name);
		add_spaced(&text, &json);
		ok(json_parse(&spaced, buf_span(&text), MAX_BYTES) && !spaced.compact, "%s: spaced",
		   cases[i].name);
		buf_clear(&out);
		buf_add(&out, S("before,"));
		json_emit(&out, &spaced, cases[i].root, cases[i].edits, cases[i].n);
		is_span(span_skip(buf_span(&out), 7), cases[i].want, "%s, from a spaced source",
			cases[i].name);
	}
}

static void test_ceiling(void)
{
	CLEANUP(json_release) struct json json = { .n = 0 };
	static const struct json_edit drop[] = { { 1, JSON_DROP, SPAN("") }, { 3, JSON_DROP, SPAN("") } };

	for (size_t max = 0; max < 6; max++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(max);

		ok(json_parse(&json, S("[1,22,3]"), MAX_BYTES), "a text");
		json_emit(&out, &json, 0, drop, 2);
		ok(buf_ok(&out) == (max >= 4), "%zu bytes are %s", max, max >= 4 ? "enough" : "too few");
		buf_clear(&out);
		ok(json_parse(&json, S("[1, 22, 3]"), MAX_BYTES), "a spaced text");
		json_emit(&out, &json, 0, drop, 2);
		ok(buf_ok(&out) == (max >= 4), "%zu bytes are %s", max, max >= 4 ? "enough" : "too few");
	}
}

int main(void)
{
	test_strings();
	test_building();
	test_emission();
	test_ceiling();
	return tap_done();
}
