/* tape.c - tests: what the parser refuses, where, and what it makes of what it accepts. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "json/tape.h"

#include "exact.h"
#include "tap.h"

#define MAX_BYTES ((size_t)64 << 20)

static const struct {
	struct span text;
	enum json_reason reason;
	uint32_t off;
} refused[] = {
	{ SPAN(""), JSON_EMPTY, 0 },
	{ SPAN(" \n\t\r"), JSON_EMPTY, 4 },
	{ SPAN("\xef\xbb\xbf{}"), JSON_SYNTAX, 0 },
	{ SPAN("\xff"), JSON_SYNTAX, 0 },
	{ SPAN("\0"), JSON_SYNTAX, 0 },
	{ SPAN("[\0]"), JSON_SYNTAX, 1 },
	{ SPAN("[\f1]"), JSON_SYNTAX, 1 },
	{ SPAN("]"), JSON_SYNTAX, 0 },
	{ SPAN("[1,]"), JSON_SYNTAX, 3 },
	{ SPAN("[,1]"), JSON_SYNTAX, 1 },
	{ SPAN("[1 2]"), JSON_SYNTAX, 3 },
	{ SPAN("[1}"), JSON_SYNTAX, 2 },
	{ SPAN("{]"), JSON_SYNTAX, 1 },
	{ SPAN("{1:2}"), JSON_SYNTAX, 1 },
	{ SPAN("{\"a\" 1}"), JSON_SYNTAX, 5 },
	{ SPAN("{\"a\":}"), JSON_SYNTAX, 5 },
	{ SPAN("{\"a\":1,}"), JSON_SYNTAX, 7 },
	{ SPAN("{\"a\":1 \"b\":2}"), JSON_SYNTAX, 7 },
	{ SPAN("{\"a\":1]"), JSON_SYNTAX, 6 },
	{ SPAN("'a'"), JSON_SYNTAX, 0 },
	{ SPAN("NaN"), JSON_SYNTAX, 0 },
	{ SPAN("+1"), JSON_SYNTAX, 0 },
	{ SPAN(".5"), JSON_SYNTAX, 0 },
	{ SPAN("trux"), JSON_SYNTAX, 3 },
	{ SPAN("nil"), JSON_SYNTAX, 1 },
	{ SPAN("[falsy]"), JSON_SYNTAX, 5 },
	{ SPAN("/**/1"), JSON_SYNTAX, 0 },
	{ SPAN("True"), JSON_SYNTAX, 0 },
	{ SPAN("tru"), JSON_CUT, 3 },
	{ SPAN("["), JSON_CUT, 1 },
	{ SPAN("[1"), JSON_CUT, 2 },
	{ SPAN("[1,"), JSON_CUT, 3 },
	{ SPAN("{\"a\""), JSON_CUT, 4 },
	{ SPAN("\""), JSON_CUT, 1 },
	{ SPAN("\"\\"), JSON_CUT, 2 },
	{ SPAN("\"\\u12"), JSON_CUT, 5 },
	{ SPAN("\"\\ud800"), JSON_CUT, 7 },
	{ SPAN("\"\\ud800\\"), JSON_CUT, 8 },
	{ SPAN("\"\xe3\x81"), JSON_CUT, 3 },
	{ SPAN("-"), JSON_CUT, 1 },
	{ SPAN("1."), JSON_CUT, 2 },
	{ SPAN("1e"), JSON_CUT, 2 },
	{ SPAN("1e+"), JSON_CUT, 3 },
	{ SPAN("1 2"), JSON_TRAILING, 2 },
	{ SPAN("{}}"), JSON_TRAILING, 2 },
	{ SPAN("1a"), JSON_TRAILING, 1 },
	{ SPAN("nullx"), JSON_TRAILING, 4 },
	{ SPAN("\"\"\0"), JSON_TRAILING, 2 },
	{ SPAN("01"), JSON_BAD_NUMBER, 1 },
	{ SPAN("-01"), JSON_BAD_NUMBER, 2 },
	{ SPAN("[-]"), JSON_BAD_NUMBER, 2 },
	{ SPAN("-Infinity"), JSON_BAD_NUMBER, 1 },
	{ SPAN("[1.]"), JSON_BAD_NUMBER, 3 },
	{ SPAN("[1.e1]"), JSON_BAD_NUMBER, 3 },
	{ SPAN("[1e]"), JSON_BAD_NUMBER, 3 },
	{ SPAN("[1e+]"), JSON_BAD_NUMBER, 4 },
	{ SPAN("[1e--1]"), JSON_BAD_NUMBER, 4 },
	{ SPAN("\"\\x41\""), JSON_BAD_ESCAPE, 1 },
	{ SPAN("\"a\\\0\""), JSON_BAD_ESCAPE, 2 },
	{ SPAN("\"\\n\\a\""), JSON_BAD_ESCAPE, 3 },
	{ SPAN("\"\\u12g4\""), JSON_BAD_ESCAPE, 1 },
	{ SPAN("\"\\U0041\""), JSON_BAD_ESCAPE, 1 },
	{ SPAN("\"\\ud800\\uzzzz\""), JSON_BAD_ESCAPE, 7 },
	{ SPAN("\"a\nb\""), JSON_CONTROL, 2 },
	{ SPAN("\"\0\""), JSON_CONTROL, 1 },
	{ SPAN("\"\x1f\""), JSON_CONTROL, 1 },
	{ SPAN("\"a\x80\""), JSON_BAD_UTF8, 2 },
	{ SPAN("\"\xc0\xaf\""), JSON_BAD_UTF8, 1 },
	{ SPAN("\"\xc1\xbf\""), JSON_BAD_UTF8, 1 },
	{ SPAN("\"\xc3\""), JSON_BAD_UTF8, 1 },
	{ SPAN("\"\xe0\x9f\xbf\""), JSON_BAD_UTF8, 1 },
	{ SPAN("\"\xe3\x81\x82\xe0\x80\x80 \""), JSON_BAD_UTF8, 4 },
	{ SPAN("\"\xe3\x81\""), JSON_BAD_UTF8, 1 },
	{ SPAN("\"\xe3\x81\xc0zz\""), JSON_BAD_UTF8, 1 },
	{ SPAN("\"\xed\xa0\x80\""), JSON_BAD_UTF8, 1 },
	{ SPAN("\"\xed\xbf\xbf \""), JSON_BAD_UTF8, 1 },
	{ SPAN("\"\xf0\x8f\xbf\xbf\""), JSON_BAD_UTF8, 1 },
	{ SPAN("\"\xf4\x90\x80\x80\""), JSON_BAD_UTF8, 1 },
	{ SPAN("\"\xf5\x80\x80\x80\""), JSON_BAD_UTF8, 1 },
	{ SPAN("{\"\xff\":1}"), JSON_BAD_UTF8, 2 },
	{ SPAN("\"\\udc00\""), JSON_LONE_SURROGATE, 1 },
	{ SPAN("\"a\\ud800\""), JSON_LONE_SURROGATE, 2 },
	{ SPAN("\"\\ud800x\""), JSON_LONE_SURROGATE, 1 },
	{ SPAN("\"\\ud800\\n\""), JSON_LONE_SURROGATE, 1 },
	{ SPAN("\"\\ud800\\u0041\""), JSON_LONE_SURROGATE, 1 },
	{ SPAN("\"\\ud800\\ud800\""), JSON_LONE_SURROGATE, 1 },
	{ SPAN("\"\\ud83d\\ude00\\ude00\""), JSON_LONE_SURROGATE, 13 },
	{ SPAN("{\"a\":1,\"a\":1}"), JSON_DUPLICATE_KEY, 7 },
	{ SPAN("{\"a\":1,\"b\":{},\"\\u0061\":1}"), JSON_DUPLICATE_KEY, 14 },
	{ SPAN("{\"\":1,\"\":1}"), JSON_DUPLICATE_KEY, 6 },
	{ SPAN("{\"\\u00e9\":1,\"\xc3\xa9\":1}"), JSON_DUPLICATE_KEY, 12 },
	{ SPAN("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":1}"), JSON_DUPLICATE_KEY, 18 },
	{ SPAN("[{\"x\":{\"a\":[1,{}],\"b\":2,\"a\":3}}]"), JSON_DUPLICATE_KEY, 24 },
};

/* Both parsers on a copy of exactly that size. */
static void refuses(struct span text, enum json_reason reason, uint32_t off, const char *name)
{
	CLEANUP(freep) char *copy = exact_copy(text);
	CLEANUP(json_release) struct json wide = { .n = 0 }, plain = { .n = 0 };
	struct span src = span_of(copy, text.n);
	bool a = json_parse(&wide, src, MAX_BYTES), b = json_parse_scalar(&plain, src, MAX_BYTES);

	ok(!a && wide.reason == reason && wide.reason_off == off && wide.n == 0,
	   "%s is refused: reason %d at %u (got %d at %u)", name, (int)reason, off, (int)wide.reason,
	   wide.reason_off);
	ok(!b && plain.reason == reason && plain.reason_off == off && plain.n == 0, "%s, without SSE2", name);
}

static bool accepts(struct span text)
{
	CLEANUP(freep) char *copy = exact_copy(text);
	CLEANUP(json_release) struct json wide = { .n = 0 }, plain = { .n = 0 };
	struct span src = span_of(copy, text.n);

	if (!json_parse(&wide, src, MAX_BYTES) || !json_parse_scalar(&plain, src, MAX_BYTES))
		return false;
	return wide.n == plain.n && memcmp(wide.tokens, plain.tokens, wide.n * sizeof *wide.tokens) == 0;
}

static void test_refusals(void)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		char name[80];

		(void)snprintf(name, sizeof name, "text %zu '%.*s'", i, SPAN_ARG(refused[i].text));
		for (char *c = name; *c; c++)
			*c = *c < ' ' ? '?' : *c;
		refuses(refused[i].text, refused[i].reason, refused[i].off, name);
	}
}

/* What is wrong stands at every distance from the edge of a block of sixteen. */
static void test_boundaries(void)
{
	static const struct {
		const char *bad;
		enum json_reason reason;
	} kinds[] = {
		{ "\n", JSON_CONTROL },
		{ "\x1f", JSON_CONTROL },
		{ "\x7f\x80", JSON_BAD_UTF8 },
		{ "\\q", JSON_BAD_ESCAPE },
		{ "\\udfff", JSON_LONE_SURROGATE },
		{ "\xf4\xbf\x80\x80", JSON_BAD_UTF8 },
		{ "", JSON_CUT },
	};

	for (size_t kind = 0; kind < COUNT(kinds); kind++) {
		for (uint32_t at = 0; at <= 40; at++) {
			CLEANUP(buf_release) struct buf text = BUF_INIT(200);
			uint32_t off = at + 1 + (kinds[kind].bad[0] == '\x7f');

			buf_addf(&text, "\"%.*s%s", (int)at, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ",
				 kinds[kind].bad);
			if (kinds[kind].reason != JSON_CUT)
				buf_add(&text, S("tail of some length\""));
			refuses(buf_span(&text), kinds[kind].reason, off, "a string's boundary");
		}
	}
	for (int at = 0; at <= 40; at++) {
		CLEANUP(buf_release) struct buf text = BUF_INIT(200);

		buf_addf(&text, "[%*sx%*s]", at, "", 20, "");
		refuses(buf_span(&text), JSON_SYNTAX, (uint32_t)at + 1, "white space's boundary");
	}
}

static void test_accepted_boundaries(void)
{
	static const char *const good[] = {
		"", "\\n", "\\\"", "\xc3\xa9", "\xe3\x81\x82", "\xf0\x9f\x98\x80", "\\ud83d\\ude00", "\x7f"
	};
	bool all = true;

	for (size_t kind = 0; kind < COUNT(good); kind++) {
		for (int before = 0; before <= 40; before++) {
			for (int after = 0; after <= 20; after++) {
				CLEANUP(buf_release) struct buf text = BUF_INIT(200);

				buf_addf(&text, "\"%.*s%s%.*s\"", before,
					 "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ", good[kind], after,
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
				all &= accepts(buf_span(&text));
			}
		}
	}
	ok(all, "what is right is accepted at every distance from a block's edge");
}

static void test_prefixes(void)
{
	static const struct span text = SPAN(
	    "{\"a\":[1.5e+3,true,false,null,{}],\"\\u00e9\xe3\x81\x82\xf0\x9f\x98"
	    "\x80\":\"\\ud83d\\ude00\\n\",\"b\":-0}");
	bool all = true;

	ok(accepts(text), "a text with everything is accepted");
	for (size_t n = 1; n < text.n; n++) {
		CLEANUP(freep) char *copy = exact_copy(span_first(text, n));
		CLEANUP(json_release) struct json json = { .n = 0 };

		all &= !json_parse(&json, span_of(copy, n), MAX_BYTES) && json.reason == JSON_CUT &&
		       json.reason_off == n;
	}
	ok(all, "each beginning of it is cut, at its end");
}

/* An object of `n` names, then `extra` before its brace. */
static void add_object(struct buf *out, uint32_t n, const char *extra)
{
	buf_add_char(out, '{');
	for (uint32_t i = 0; i < n; i++)
		buf_addf(out, "%s\"name %u\":[{}]", i ? "," : "", i);
	buf_addf(out, "%s}", extra);
}

static void test_limits(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(MAX_BYTES);
	CLEANUP(json_release) struct json json = { .n = 0 };

	for (int i = 0; i < JSON_DEPTH + 1; i++)
		buf_add(&text, i % 2 ? S("{\"a\":") : S("[ "));
	refuses(buf_span(&text), JSON_TOO_DEEP, 32 * 7, "one level too many");
	buf_clear(&text);
	for (int i = 0; i < JSON_DEPTH; i++)
		buf_add_char(&text, '[');
	for (int i = 0; i < JSON_DEPTH; i++)
		buf_add_char(&text, ']');
	ok(accepts(buf_span(&text)), "the deepest text is accepted");
	buf_clear(&text);
	add_object(&text, JSON_KEYS, ",\"x\":1");
	refuses(buf_span(&text), JSON_TOO_BIG, (uint32_t)text.n - 6, "one name too many");
	buf_clear(&text);
	add_object(&text, JSON_KEYS, "");
	ok(accepts(buf_span(&text)), "an object with the most names is accepted");
	buf_clear(&text);
	buf_add_char(&text, '[');
	for (int i = 0; i < JSON_TOKENS - 1; i++)
		buf_add(&text, S("0,"));
	text.p[text.n - 1] = ']';
	ok(accepts(buf_span(&text)), "the most tokens are accepted");
	text.p[text.n - 1] = ',';
	buf_add(&text, S("0]"));
	refuses(buf_span(&text), JSON_TOO_BIG, (uint32_t)text.n - 2, "one token too many");
	ok(!json_parse(&json, S("[1,2]"), 4) && json.reason == JSON_TOO_BIG && json.reason_off == 4,
	   "a text one byte too long is refused");
	ok(json_parse(&json, S("[1,2]"), 5), "a text as long as allowed is accepted");
	ok(!json_parse(&json, span_of(NULL, 0), 5) && json.reason == JSON_EMPTY, "no text at all is empty");
}

static void test_large_objects(void)
{
	bool all = true;

	for (uint32_t n = 20; n < 200; n += 3) {
		for (uint32_t which = 0; which < n; which += 7) {
			CLEANUP(buf_release) struct buf text = BUF_INIT(MAX_BYTES);
			CLEANUP(json_release) struct json json = { .n = 0 };
			char extra[60];

			(void)snprintf(extra, sizeof extra, ",\"name\\u0020%u\":1", which);
			add_object(&text, n, extra);
			all &= !json_parse(&json, buf_span(&text), MAX_BYTES) &&
			       json.reason == JSON_DUPLICATE_KEY && json.reason_off == text.n - strlen(extra);
		}
	}
	ok(all, "a repeated name is found among any number of names");
}

/* Names whose hashes end alike, so that they all want one place in a table. */
static void add_unlucky(struct buf *out, uint32_t n, const char *extra)
{
	uint32_t found = 0;
	char name[20];

	buf_add_char(out, '{');
	for (uint32_t i = 0; found < n; i++) {
		(void)snprintf(name, sizeof name, "n%u", i);
		if ((json_hash(span_str(name)) & 0x3ff) != 7)
			continue;
		buf_addf(out, "%s\"%s\":0", found++ ? "," : "", name);
		if (found == 3)
			buf_addf(out, ",\"!\":%u", i);
	}
	buf_addf(out, "%s}", extra);
}

static void test_unlucky_names(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(MAX_BYTES);

	add_unlucky(&text, 200, ",\"\\u0021\":1,\"!\":2");
	refuses(buf_span(&text), JSON_DUPLICATE_KEY, (uint32_t)text.n - 17,
		"a repeated name among unlucky ones");
	buf_clear(&text);
	add_unlucky(&text, 200, "");
	ok(accepts(buf_span(&text)), "names that collide in a table are accepted");
}

struct hashed {
	uint32_t hash, i;
};

static int by_hash(const void *a, const void *b)
{
	const struct hashed *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

static void test_equal_hashes(void)
{
	enum { TRIES = 400000 };
	CLEANUP(freep) struct hashed *all = calloc(TRIES, sizeof *all);
	uint32_t pairs = 0;
	bool good = all != NULL;

	for (uint32_t i = 0; good && i < TRIES; i++) {
		char name[24];

		(void)snprintf(name, sizeof name, "%09u name", i * 7919U);
		all[i] = (struct hashed){ json_hash(span_str(name)), i };
	}
	if (good)
		qsort(all, TRIES, sizeof *all, by_hash);
	for (uint32_t i = 1; good && i < TRIES; i++) {
		CLEANUP(buf_release) struct buf text = BUF_INIT(200);

		if (all[i].hash != all[i - 1].hash)
			continue;
		pairs++;
		buf_addf(&text, "{\"%09u name\":1,\"%09u name\":2}", all[i].i * 7919U, all[i - 1].i * 7919U);
		good = accepts(buf_span(&text));
	}
	ok(good && pairs > 2, "%u pairs of names with one hash are told apart", pairs);
}

static void test_hashes(void)
{
	static const struct span names[] = { SPAN(""),
					     SPAN("a"),
					     SPAN("jsonrpc"),
					     SPAN("12345678"),
					     SPAN("123456789"),
					     SPAN("1234567890123456"),
					     SPAN("12345678901234567"),
					     SPAN("\xe3\x81\x82") };
	bool all = true;

	for (size_t i = 0; i < COUNT(names); i++) {
		CLEANUP(buf_release) struct buf text = BUF_INIT(200);
		CLEANUP(json_release) struct json json = { .n = 0 };

		buf_addf(&text, "{\"%.*s\":1}", SPAN_ARG(names[i]));
		all &= json_parse(&json, buf_span(&text), MAX_BYTES) &&
		       json.tokens[1].hash == json_hash(names[i]);
		buf_clear(&text);
		buf_add(&text, S("{\""));
		for (size_t k = 0; k < names[i].n && names[i].p[0] > 0; k++)
			buf_addf(&text, "\\u%04x", (unsigned)names[i].p[k]);
		if (names[i].n > 0 && names[i].p[0] < 0)
			buf_add(&text, S("\\u3042"));
		buf_add(&text, S("\":1}"));
		all &= json_parse(&json, buf_span(&text), MAX_BYTES) &&
		       json.tokens[1].hash == json_hash(names[i]) && json_string_is(&json, 1, names[i]);
	}
	ok(all, "a name has one hash, however it is written");
}

static void test_tokens(void)
{
	CLEANUP(json_release) struct json json = { .n = 0 };
	static const struct span text = SPAN(" {\"a\":[1,\"x\\n\"],\"b\":{},\"c\":[[]]}\n");
	json_at a, b, c;

	ok(json_parse(&json, text, MAX_BYTES) && json.n == 10, "a small text has its tokens");
	ok(json.compact, "white space around the value leaves it compact");
	is_span(json_raw(&json, 0), S("{\"a\":[1,\"x\\n\"],\"b\":{},\"c\":[[]]}"), "the root's source");
	is_int(json.tokens[0].count, 3, "its members");
	a = json_get(&json, 0, S("a"));
	b = json_get(&json, 0, S("b"));
	c = json_get(&json, 0, S("c"));
	ok(json_get(&json, 0, S("d")) == JSON_NONE && json_get(&json, 0, S("")) == JSON_NONE,
	   "what is no member is not found");
	ok(json_get(&json, JSON_NONE, S("a")) == JSON_NONE && json_get(&json, a, S("a")) == JSON_NONE,
	   "nor in what is no object");
	is_span(json_raw(&json, a), S("[1,\"x\\n\"]"), "an array's source");
	is_int(json_next(&json, a, json_first(&json, a)), a + 2, "its second element");
	is_int(json_next(&json, a, a + 2), JSON_NONE, "no third one");
	is_int(json_first(&json, b), JSON_NONE, "an empty object has no first name");
	is_int(json_first(&json, json_first(&json, c)), JSON_NONE, "nor has an empty array an element");
	is_int(json_next_key(&json, 0, json_first(&json, 0)), b - 1, "the next name");
	is_int(json_next_key(&json, 0, c - 1), JSON_NONE, "no name after the last");
	ok(json.tokens[1].is_key && !json.tokens[a].is_key && json.tokens[a + 2].escaped, "the flags");
	ok(json_parse(&json, S("[1, 2]"), MAX_BYTES) && !json.compact, "a space between tokens is seen");
	ok(json_parse(&json, S("{\"a\":1 }"), MAX_BYTES) && !json.compact, "also before a brace");
	ok(json_parse(&json, S("[ ]"), MAX_BYTES) && !json.compact, "also in an empty array");
}

static void test_strings(void)
{
	static const struct {
		struct span text, decoded;
	} strings[] = {
		{ SPAN("\"\""), SPAN("") },
		{ SPAN("\"plain\""), SPAN("plain") },
		{ SPAN("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), SPAN("\"\\/\b\f\n\r\t") },
		{ SPAN("\"a\\u0000b\""), SPAN("a\0b") },
		{ SPAN("\"\\u007F\\u0080\\u07ff\\u0800\\uFFFF\""),
		  SPAN("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf") },
		{ SPAN("\"\\ud800\\udc00\\uDBFF\\uDFFF\""), SPAN("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf") },
		{ SPAN("\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\""),
		  SPAN("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf") },
	};
	CLEANUP(json_release) struct json json = { .n = 0 };
	CLEANUP(buf_release) struct buf tight = BUF_INIT(2);

	ok(json_parse(&json, S("\"\\n\\n\\n\""), MAX_BYTES) && json_string(&json, 0, &tight).p == NULL,
	   "a string past the scratch's ceiling is NULL");
	for (size_t i = 0; i < COUNT(strings); i++) {
		CLEANUP(buf_release) struct buf scratch = BUF_INIT(100);

		buf_add_char(&scratch, '.');
		ok(json_parse(&json, strings[i].text, MAX_BYTES), "string %zu is accepted", i);
		is_span(json_string(&json, 0, &scratch), strings[i].decoded, "string %zu decodes", i);
		ok(json_string_is(&json, 0, strings[i].decoded), "and is what it decodes to");
		ok(!json_string_is(&json, 0, S("other")), "and nothing else");
		ok(!json_string_is(&json, 0, span_skip(strings[i].decoded, 1)) || i == 0, "nor a part of it");
	}
	ok(json_parse(&json, S("12"), MAX_BYTES) && !json_string_is(&json, 0, S("")),
	   "a number is no string");
}

static void test_reuse(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(MAX_BYTES);
	CLEANUP(json_release) struct json json = { .n = 0 };

	buf_add_char(&text, '[');
	for (int i = 0; i < 4 * JSON_KEEP_TOKENS; i++)
		buf_add(&text, S("0,"));
	text.p[text.n - 1] = ']';
	ok(json_parse(&json, buf_span(&text), MAX_BYTES) && json.cap > JSON_KEEP_TOKENS, "a large text");
	ok(json_parse(&json, S("[]"), MAX_BYTES) && json.cap <= JSON_KEEP_TOKENS,
	   "its memory is given back with the next small one");
	ok(!json_parse(&json, S("["), MAX_BYTES) && json.n == 0 && json.reason == JSON_CUT, "a refusal");
	ok(json_parse(&json, S("[1]"), MAX_BYTES) && json.reason == JSON_OK,
	   "is forgotten with the next text");
	for (int r = JSON_OK; r <= JSON_NO_MEMORY; r++)
		ok(json_reason_text((enum json_reason)r)[0] != '\0', "reason %d has a text", r);
}

int main(void)
{
	test_refusals();
	test_boundaries();
	test_limits();
	test_large_objects();
	test_unlucky_names();
	test_accepted_boundaries();
	test_prefixes();
	test_equal_hashes();
	test_hashes();
	test_tokens();
	test_strings();
	test_reuse();
	return tap_done();
}
