/* number.c - tests: integers, doubles, and the equality of values. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "json/number.h"
#include "base/buf.h"
#include "json/tape.h"

#include "tap.h"

#define MAX_BYTES ((size_t)1 << 20)

static const struct {
	const char *text;
	bool is_i64, is_u64;
	int64_t i64;
	uint64_t u64;
} integers[] = {
	{ "\"1\"", false, false, 0, 0 },
	{ "null", false, false, 0, 0 },
	{ "1.5", false, false, 0, 0 },
	{ "1e-1", false, false, 0, 0 },
	{ "0.1e0", false, false, 0, 0 },
	{ "1e20", false, false, 0, 0 },
	{ "1e400", false, false, 0, 0 },
	{ "1e99999999999999999999", false, false, 0, 0 },
	{ "1e-99999999999999999999", false, false, 0, 0 },
	{ "18446744073709551616", false, false, 0, 0 },
	{ "99999999999999999999", false, false, 0, 0 },
	{ "-9223372036854775809", false, false, 0, 0 },
	{ "9223372036854775808", false, true, 0, 9223372036854775808U },
	{ "18446744073709551615", false, true, 0, UINT64_MAX },
	{ "1844674407370955161.5e1", false, true, 0, UINT64_MAX },
	{ "-1", true, false, -1, 0 },
	{ "-9223372036854775808", true, false, INT64_MIN, 0 },
	{ "9223372036854775807", true, true, INT64_MAX, INT64_MAX },
	{ "0", true, true, 0, 0 },
	{ "-0", true, true, 0, 0 },
	{ "-0.0e-5", true, true, 0, 0 },
	{ "0e99999999999999999999", true, true, 0, 0 },
	{ "1e2", true, true, 100, 100 },
	{ "42.0", true, true, 42, 42 },
	{ "1.5e1", true, true, 15, 15 },
	{ "100e-2", true, true, 1, 1 },
	{ "0.00012E+5", true, true, 12, 12 },
	{ "1E+00000000000000000000002", true, true, 100, 100 },
	{ "9007199254740993", true, true, 9007199254740993, 9007199254740993U },
};

static void test_integers(void)
{
	for (size_t i = 0; i < COUNT(integers); i++) {
		CLEANUP(json_release) struct json json = { .n = 0 };
		int64_t i64 = 77;
		uint64_t u64 = 77;

		ok(json_parse(&json, span_str(integers[i].text), MAX_BYTES), "%s is JSON", integers[i].text);
		ok(json_i64(&json, 0, &i64) == integers[i].is_i64, "%s as i64", integers[i].text);
		ok(i64 == (integers[i].is_i64 ? integers[i].i64 : 77), "its value");
		ok(json_u64(&json, 0, &u64) == integers[i].is_u64, "%s as u64", integers[i].text);
		ok(u64 == (integers[i].is_u64 ? integers[i].u64 : 77), "its value");
	}
}

/* strtod is right; ours must be the same bits whatever way the number takes. */
static void test_doubles(void)
{
	static const char *const texts[] = {
		"0",
		"-0",
		"1",
		"0.1",
		"123456789012345",
		"1e22",
		"1e23",
		"1e-22",
		"1e-23",
		"1.7976931348623157e308",
		"1e308",
		"1e309",
		"-1e400",
		"5e-324",
		"2e-324",
		"1e-400",
		"2.2250738585072014e-308",
		"9007199254740993",
		"0.000001",
		"123456789.123456789",
		"1e99999999999999999999",
		"1e-99999999999999999999",
		"179769313486231580793e289",
		/* Exactly between two doubles, and a hair above: 768 digits and more decide. */
		"9007199254740993.00000000000000000000000000000000000000000000000000000000000000000001",
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		double got = json_number_double(span_str(texts[i])), want = strtod(texts[i], NULL);

		ok(memcmp(&got, &want, sizeof got) == 0, "%.40s is the nearest double: %.17g", texts[i],
		   want);
	}
}

static void test_long_doubles(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(MAX_BYTES);

	buf_add(&text, S("9007199254740993."));
	for (int i = 0; i < 2000; i++)
		buf_add_char(&text, '0');
	ok(json_number_double(buf_span(&text)) == 9007199254740992.0, "the middle goes to the even one");
	buf_add_char(&text, '1');
	ok(json_number_double(buf_span(&text)) == 9007199254740994.0,
	   "a digit two thousand places later sends it up");
}

static const struct {
	const char *a, *b;
	bool equal;
} pairs[] = {
	{ "9007199254740992", "9007199254740993", false },
	{ "0.1", "0.10000000000000000555", false },
	{ "1", "-1", false },
	{ "1", "10", false },
	{ "1", "\"1\"", false },
	{ "1e1", "1e2", false },
	{ "12", "21", false },
	{ "1e99999999999999999999", "1e99999999999999999998", false },
	{ "1e99999999999999999999", "1e-99999999999999999999", false },
	{ "0", "1e-99999999999999999999", false },
	{ "true", "false", false },
	{ "null", "false", false },
	{ "[]", "{}", false },
	{ "[1]", "[1,2]", false },
	{ "[1,2]", "[2,1]", false },
	{ "\"a\"", "\"b\"", false },
	{ "\"a\"", "\"aa\"", false },
	{ "\"\\u00e9\"", "\"e\\u0301\"", false },
	{ "{\"a\":1}", "{\"b\":1}", false },
	{ "{\"a\":1}", "{\"a\":2}", false },
	{ "{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false },
	{ "[[[1,{\"a\":[]}]]]", "[[[1,{\"a\":{}}]]]", false },
	{ "1", "1.0", true },
	{ "100", "1E+2", true },
	{ "0.001", "1e-3", true },
	{ "-0", "0", true },
	{ "0e5", "0.00", true },
	{ "0e99999999999999999999", "0", true },
	{ "1e99999999999999999999", "1e99999999999999999999", true },
	{ "120.50", "1.205e2", true },
	{ "10.01e1", "100.1", true },
	{ "\"\\u0061\\ud83d\\ude00\"", "\"a\xf0\x9f\x98\x80\"", true },
	{ "{\"a\":1,\"b\":[2,{}]}", "{ \"\\u0062\" : [2.0, { } ], \"a\" : 1 }", true },
	{ "{}", "{ }", true },
};

static void test_equality(void)
{
	for (size_t i = 0; i < COUNT(pairs); i++) {
		CLEANUP(json_release) struct json a = { .n = 0 }, b = { .n = 0 };

		ok(json_parse(&a, span_str(pairs[i].a), MAX_BYTES) &&
		       json_parse(&b, span_str(pairs[i].b), MAX_BYTES) &&
		       json_equal(&a, 0, &b, 0) == pairs[i].equal &&
		       json_equal(&b, 0, &a, 0) == pairs[i].equal,
		   "%s and %s are %s", pairs[i].a, pairs[i].b, pairs[i].equal ? "equal" : "different");
	}
}

/* Objects inside objects, all in the opposite order: names are looked up in sorted lists. */
static void add_nest(struct buf *out, bool backwards, const char *last)
{
	buf_add_char(out, '{');
	for (int i = 0; i < 200; i++) {
		int name = backwards ? 199 - i : i;

		buf_addf(out, "%s\"name %d\":{", i ? "," : "", name);
		for (int k = 0; k < 50; k++)
			buf_addf(out, "%s\"%d\":%d", k ? "," : "", backwards ? 49 - k : k,
				 backwards ? 49 - k : k);
		buf_addf(out, ",\"last\":%s}", name == 100 ? last : "[]");
	}
	buf_add_char(out, '}');
}

static void test_large_equality(void)
{
	CLEANUP(buf_release)
	struct buf x = BUF_INIT(MAX_BYTES), y = BUF_INIT(MAX_BYTES), z = BUF_INIT(MAX_BYTES);
	CLEANUP(json_release) struct json a = { .n = 0 }, b = { .n = 0 }, c = { .n = 0 };

	add_nest(&x, false, "[1]");
	add_nest(&y, true, "[1]");
	add_nest(&z, true, "[2]");
	ok(json_parse(&a, buf_span(&x), MAX_BYTES) && json_parse(&b, buf_span(&y), MAX_BYTES) &&
	       json_parse(&c, buf_span(&z), MAX_BYTES),
	   "large objects are accepted");
	ok(!json_equal(&a, 0, &c, 0) && !json_equal(&c, 0, &a, 0),
	   "one number deep inside makes a difference");
	ok(json_equal(&a, 0, &b, 0) && json_equal(&b, 0, &a, 0), "their order makes none");
	ok(json_equal(&a, json_get(&a, 0, S("name 3")), &b, json_get(&b, 0, S("name 4"))),
	   "values inside are compared too");
}

int main(void)
{
	test_integers();
	test_doubles();
	test_long_doubles();
	test_equality();
	test_large_equality();
	return tap_done();
}
