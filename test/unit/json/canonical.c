/* canonical.c - tests: RFC 8785. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "json/canonical.h"

#include <math.h>

#include "tap.h"

#define MAX_BYTES ((size_t)4 << 20)

/* RFC 8785, appendix B, without those that are no numbers. */
static const struct {
	uint64_t bits;
	const char *text;
} numbers[] = {
	{ 0x0000000000000000, "0" },
	{ 0x8000000000000000, "0" },
	{ 0x0000000000000001, "5e-324" },
	{ 0x8000000000000001, "-5e-324" },
	{ 0x7fefffffffffffff, "1.7976931348623157e+308" },
	{ 0xffefffffffffffff, "-1.7976931348623157e+308" },
	{ 0x4340000000000000, "9007199254740992" },
	{ 0xc340000000000000, "-9007199254740992" },
	{ 0x4430000000000000, "295147905179352830000" },
	{ 0x44b52d02c7e14af5, "9.999999999999997e+22" },
	{ 0x44b52d02c7e14af6, "1e+23" },
	{ 0x44b52d02c7e14af7, "1.0000000000000001e+23" },
	{ 0x444b1ae4d6e2ef4e, "999999999999999700000" },
	{ 0x444b1ae4d6e2ef4f, "999999999999999900000" },
	{ 0x444b1ae4d6e2ef50, "1e+21" },
	{ 0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7" },
	{ 0x3eb0c6f7a0b5ed8d, "0.000001" },
	{ 0x41b3de4355555553, "333333333.3333332" },
	{ 0x41b3de4355555554, "333333333.33333325" },
	{ 0x41b3de4355555555, "333333333.3333333" },
	{ 0x41b3de4355555556, "333333333.3333334" },
	{ 0x41b3de4355555557, "333333333.33333343" },
	{ 0xbecbf647612f3696, "-0.0000033333333333333333" },
	{ 0x43143ff3c1cb0959, "1424953923781206.2" },
	/* Ours: powers of two, where doubles lie closer below than above; subnormals; edges of form. */
	{ 0x3cb0000000000000, "2.220446049250313e-16" },
	{ 0x4430000000000001, "295147905179352900000" },
	{ 0x3e70000000000000, "5.960464477539063e-8" },
	{ 0x4580000000000000, "6.189700196426902e+26" },
	{ 0x0010000000000000, "2.2250738585072014e-308" },
	{ 0x000fffffffffffff, "2.225073858507201e-308" },
	{ 0x0000000000000002, "1e-323" },
	{ 0x0000000000000003, "1.5e-323" },
	{ 0x3ff0000000000001, "1.0000000000000002" },
	{ 0x3fb999999999999a, "0.1" },
	{ 0x3e7ad7f29abcaf48, "1e-7" },
};

static bool canonical(struct span text, struct buf *out, struct err *err)
{
	CLEANUP(json_release) struct json json = { .n = 0 };

	return json_parse(&json, text, MAX_BYTES) && json_canonical(out, &json, 0, err) == 0;
}

static void test_refusals(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(100), tight = BUF_INIT(8);
	struct err err = ERR_INIT;

	ok(!canonical(S("[1e309]"), &out, &err) && err.code == ERR_FORMAT,
	   "a number beyond doubles is refused");
	ok(!canonical(S("{\"a\":-1e99999999999999999999}"), &out, &err) && err.code == ERR_FORMAT,
	   "one far beyond too");
	ok(!canonical(S("[1,2,3,4,5,6]"), &tight, &err) && err.code == ERR_LIMIT, "a full buffer is refused");
}

static void test_numbers(void)
{
	for (size_t i = 0; i < COUNT(numbers); i++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(100), text = BUF_INIT(100);
		struct err err = ERR_INIT;
		double value;

		memcpy(&value, &numbers[i].bits, sizeof value);
		buf_addf(&text, "%.17e", value);
		ok(canonical(buf_span(&text), &out, &err), "%.17e has a form", value);
		is_span(buf_span(&out), span_str(numbers[i].text), "it is %s", numbers[i].text);
	}
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int digits_in(struct span text)
{
	int n = 0, zeros = 0;

	for (size_t i = 0; i < text.n && text.p[i] != 'e'; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || (n == 0 && text.p[i] == '0'))
			continue;
		n++;
		zeros = text.p[i] == '0' ? zeros + 1 : 0;
	}
	return n - zeros;
}

/* Any double: reads back as itself, and no shorter decimal near it does. */
static bool round_trips(double value)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(100), text = BUF_INIT(100);
	struct err err = ERR_INIT;
	char shorter[40];
	int n;

	buf_addf(&text, "%.17e", value);
	if (!canonical(buf_span(&text), &out, &err) || strtod(buf_cstr(&out), NULL) != value)
		return false;
	n = digits_in(buf_span(&out));
	if (n < 2)
		return true;
	(void)snprintf(shorter, sizeof shorter, "%.*e", n - 2, value);
	return strtod(shorter, NULL) != value;
}

static void test_random_numbers(void)
{
	uint64_t state = 88172645463325252U;
	bool all = true;

	for (int i = 0; i < 20000 && all; i++) {
		uint64_t bits = next_random(&state);
		double value;

		if (i % 4 == 1)
			bits &= 0xfff0000000000000U;
		if (i % 4 == 2)
			bits &= 0x800fffffffffffffU;
		memcpy(&value, &bits, sizeof value);
		if (isfinite(value) && value != 0)
			all = round_trips(value);
		if (!all)
			printf("# %.17g\n", value);
	}
	ok(all, "random doubles, powers of two and subnormals keep their value in the fewest digits");
}

static const struct {
	const char *name;
	struct span text, want;
} texts[] = {
	{ "white space goes", SPAN(" { \"b\" : [ 1 , 2.50 , { } ] , \"a\" : [ ] } "),
	  SPAN("{\"a\":[],\"b\":[1,2.5,{}]}") },
	{ "RFC 8785, section 3.2.2",
	  SPAN(
	      "{\"numbers\":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"
	      "\"string\":\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\"literals\":[null,true,false]}"),
	  SPAN("{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
	       "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}") },
	{ "RFC 8785, section 3.2.3: names by UTF-16 code units",
	  SPAN(
	      "{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,\"\\u0080\":6,\"\\u00f6\":7}"),
	  SPAN(
	      "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,\"\xe2\x82\xac\":1,\"\xf0\x9f\x98\x80\":5,\"\xef\xac\xb3\":3}") },
	{ "a name before those it begins", SPAN("{\"aa\":1,\"a\":2,\"\":3,\"\\u0061b\":4}"),
	  SPAN("{\"\":3,\"a\":2,\"aa\":1,\"ab\":4}") },
	{ "objects in objects",
	  SPAN("{\"z\":{\"y\":{\"b\":1,\"a\":2},\"x\":[{\"d\":1,\"c\":2}]},\"a\":-0.0}"),
	  SPAN("{\"a\":0,\"z\":{\"x\":[{\"c\":2,\"d\":1}],\"y\":{\"a\":2,\"b\":1}}}") },
	{ "U+2028 and DEL stay", SPAN("[\"\\u2028\\u007f\"]"), SPAN("[\"\xe2\x80\xa8\x7f\"]") },
	{ "large integers lose what doubles lose", SPAN("[9007199254740993,123456789012345678901234567890]"),
	  SPAN("[9007199254740992,1.2345678901234568e+29]") },
	{ "small ones are written out", SPAN("[-12,1e2,100000000000000000000,-1e-6,12e-8]"),
	  SPAN("[-12,100,100000000000000000000,-0.000001,1.2e-7]") },
};

static void test_texts(void)
{
	for (size_t i = 0; i < COUNT(texts); i++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(1000), again = BUF_INIT(1000);
		struct err err = ERR_INIT;

		ok(canonical(texts[i].text, &out, &err), "%s", texts[i].name);
		is_span(buf_span(&out), texts[i].want, "%s: the form", texts[i].name);
		ok(canonical(buf_span(&out), &again, &err) && span_eq(buf_span(&out), buf_span(&again)),
		   "%s: stays as it is", texts[i].name);
	}
}

int main(void)
{
	test_refusals();
	test_numbers();
	test_random_numbers();
	test_texts();
	return tap_done();
}
