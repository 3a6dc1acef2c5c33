/* record.c - lines of the audit log: what is in them, and above all what is not. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/record.h"

#include "audit/ring.h"
#include "crypto/digest.h"
#include "tap.h"

static const uint8_t key[RECORD_KEY_BYTES] = "an audit key of thirty-two bytes";

/* Arguments as they come, and as they are recorded. */
static const struct {
	const char *name;
	struct span in, out;
} cases[] = {
	{ "a password", SPAN("{\"user\":\"a\",\"password\":\"hunter2\"}"),
	  SPAN("{\"user\":\"a\",\"password\":{\"redacted\":\"name\"}}") },
	{ "in another case", SPAN("{\"PassWord\":\"x\"}"), SPAN("{\"PassWord\":{\"redacted\":\"name\"}}") },
	{ "a name in escapes", SPAN("{\"\\u0070assword\":\"x\"}"),
	  SPAN("{\"\\u0070assword\":{\"redacted\":\"name\"}}") },
	{ "deep inside", SPAN("{\"a\":[{\"b\":{\"api_key\":\"x\",\"c\":1}}]}"),
	  SPAN("{\"a\":[{\"b\":{\"api_key\":{\"redacted\":\"name\"},\"c\":1}}]}") },
	{ "a number", SPAN("{\"password\":1234}"), SPAN("{\"password\":{\"redacted\":\"name\"}}") },
	{ "an object", SPAN("{\"credentials\":{\"user\":\"a\",\"x\":[1,2]},\"n\":1}"),
	  SPAN("{\"credentials\":{\"redacted\":\"name\"},\"n\":1}") },
	{ "an array", SPAN("{\"cookies\":[\"a\",\"b\"]}"), SPAN("{\"cookies\":{\"redacted\":\"name\"}}") },
	{ "secret in secret", SPAN("{\"secrets\":{\"password\":\"x\"},\"token\":\"y\"}"),
	  SPAN("{\"secrets\":{\"redacted\":\"name\"},\"token\":{\"redacted\":\"name\"}}") },
	{ "a count", SPAN("{\"max_tokens\":100}"), SPAN("{\"max_tokens\":100}") },
	{ "a count that is none", SPAN("{\"max_tokens\":\"x\"}"),
	  SPAN("{\"max_tokens\":{\"redacted\":\"name\"}}") },
	{ "a shape", SPAN("{\"q\":\"ghp_16C7e42F292c6912E7710c838347Ae178B4a\"}"),
	  SPAN("{\"q\":{\"redacted\":\"shape\"}}") },
	{ "a shape in escapes", SPAN("{\"q\":\"\\u0067hp_16C7e42F292c6912E7710c838347Ae178B4a\"}"),
	  SPAN("{\"q\":{\"redacted\":\"shape\"}}") },
	{ "a shape in an array", SPAN("{\"argv\":[\"-H\",\"Authorization: Bearer abc123def\"]}"),
	  SPAN("{\"argv\":[\"-H\",{\"redacted\":\"shape\"}]}") },
	{ "nothing secret",
	  SPAN("{\"path\":\"/tmp/x\",\"n\":1.50,\"e\":1e2,\"t\":true,\"z\":null,\"o\":{},\"a\":[]}"),
	  SPAN("{\"path\":\"/tmp/x\",\"n\":1.50,\"e\":1e2,\"t\":true,\"z\":null,\"o\":{},\"a\":[]}") },
	{ "white space", SPAN("{ \"a\" : [ 1 , 2 ] }"), SPAN("{\"a\":[1,2]}") },
	{ "a line break in a string", SPAN("{\"a\":\"x\\ny\\u0000\"}"), SPAN("{\"a\":\"x\\ny\\u0000\"}") },
	{ "no members", SPAN("{}"), SPAN("{}") },
	{ "a bare string", SPAN("\"AKIAIOSFODNN7EXAMPLE\""), SPAN("{\"redacted\":\"shape\"}") },
};

/* Builds a record around `text` and gives its line and its parsed form. */
static bool build(struct span text, struct buf *out, struct json *line)
{
	struct audit_record record = AUDIT_RECORD_INIT;
	struct json json = { 0 };
	bool done;

	if (!json_parse(&json, text, 1 << 24))
		return false;
	record.kind = S("call");
	record.json = &json;
	record.arguments = 0;
	buf_clear(out);
	done = record_add(&record, key, out);
	json_release(&json);
	return done && json_parse(line, buf_span(out), RING_RECORD_MAX);
}

static void is_keyed(const struct json *line, json_at at, struct span bytes, const char *name)
{
	CLEANUP(buf_release) struct buf hex = BUF_INIT(64);
	uint8_t digest[DIGEST_BYTES];

	digest_keyed(key, bytes, digest);
	buf_add_hex(&hex, digest_span(digest));
	ok(at != JSON_NONE && json_string_is(line, at, buf_span(&hex)), "the keyed digest of %s", name);
}

/* {"bytes":N} of these bytes? */
static void is_length(const struct json *line, json_at at, struct span bytes, const char *name)
{
	uint64_t n = 0;

	ok(json_u64(line, json_get(line, at, S("bytes")), &n) && n == bytes.n, "the length of %s", name);
}

static void arguments(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	CLEANUP(json_release) struct json line = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		if (!ok(build(cases[i].in, &out, &line), "%s", cases[i].name))
			continue;
		is_span(json_raw(&line, json_get(&line, 0, S("args"))), cases[i].out, "as recorded");
		is_keyed(&line, json_get(&line, 0, S("args_blake2b")), cases[i].in, "the source");
	}
}

/* Adds {"k":"xxx…"} with `n` times `c`. */
static void long_string(struct buf *out, char c, size_t n)
{
	buf_clear(out);
	buf_add(out, S("{\"k\":\""));
	for (size_t i = 0; i < n; i++)
		buf_add_char(out, c);
	buf_add(out, S("\"}"));
}

static void long_strings(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	CLEANUP(buf_release) struct buf in = BUF_INIT(1 << 24);
	CLEANUP(json_release) struct json line = { 0 };

	long_string(&in, 'x', RECORD_TEXT_BYTES);
	ok(build(buf_span(&in), &out, &line), "a string of 256 bytes");
	is_span(json_raw(&line, json_get(&line, 0, S("args"))), buf_span(&in), "stands as it is");
	long_string(&in, 'x', RECORD_TEXT_BYTES + 1);
	ok(build(buf_span(&in), &out, &line), "one more");
	is_length(&line, json_get(&line, json_get(&line, 0, S("args")), S("k")),
		  span_of(in.p + 6, RECORD_TEXT_BYTES + 1), "the string");
	long_string(&in, 'x', 3000000);
	ok(build(buf_span(&in), &out, &line) && out.n < 500, "three million");
}

/* Arguments that cannot be shown in parts: only their length. */
static void is_whole_length(struct span in, const char *name)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	CLEANUP(json_release) struct json line = { 0 };

	ok(build(in, &out, &line), "%s", name);
	is_length(&line, json_get(&line, 0, S("args")), in, name);
}

static void many(struct buf *in, const char *member, unsigned n)
{
	buf_clear(in);
	buf_add_char(in, '{');
	for (unsigned i = 0; i < n; i++)
		buf_addf(in, "%s\"%c%u%s", i ? "," : "", 'k', i, member);
	buf_add_char(in, '}');
}

static void too_much(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	CLEANUP(buf_release) struct buf in = BUF_INIT(1 << 24);
	CLEANUP(json_release) struct json line = { 0 };

	many(&in, "\":\"some text of a value\"", 200);
	is_whole_length(buf_span(&in), "over four KiB");
	many(&in, "\":1", 4000);
	is_whole_length(buf_span(&in), "numbers over four KiB");
	many(&in, "_password\":1", RECORD_REDACTIONS + 1);
	is_whole_length(buf_span(&in), "too many redactions");
	many(&in, "_password\":1", RECORD_REDACTIONS);
	ok(build(buf_span(&in), &out, &line) && span_contains(buf_span(&out), S("redacted")),
	   "as many as fit");
	buf_clear(&in);
	buf_add(&in, S("{\"a\":["));
	for (int i = 0; i < RECORD_REDACTIONS + 1; i++) {
		buf_add_char(&in, i ? ',' : ' ');
		buf_add_char(&in, '"');
		for (int k = 0; k < 300; k++)
			buf_add_char(&in, 'y');
		buf_add_char(&in, '"');
	}
	buf_add(&in, S("]}"));
	is_whole_length(buf_span(&in), "many long strings");
	is_whole_length(S("{\"ghp_16C7e42F292c6912E7710c838347Ae178B4a\":1}"), "a secret for a name");
	buf_clear(&in);
	buf_add(&in, S("{\""));
	for (int i = 0; i < 300; i++)
		buf_add_char(&in, 'n');
	buf_add(&in, S("\":1}"));
	is_whole_length(buf_span(&in), "a long name");
	buf_clear(&in);
	for (int i = 0; i < 60; i++)
		buf_add(&in, S("{\"a\":"));
	buf_add_char(&in, '1');
	for (int i = 0; i < 60; i++)
		buf_add_char(&in, '}');
	ok(build(buf_span(&in), &out, &line), "sixty levels");
}

static void forwarded(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	CLEANUP(json_release) struct json json = { 0 };
	CLEANUP(json_release) struct json line = { 0 };
	struct audit_record record = AUDIT_RECORD_INIT;
	uint8_t other[RECORD_KEY_BYTES] = { 0 };
	size_t n;

	ok(json_parse(&json, S("{\"params\":{ \"name\":\"t\",\"arguments\":{ \"a\":1 } }}"), 1000),
	   "a message");
	record.json = &json;
	record.arguments = json_get(&json, json_get(&json, 0, S("params")), S("arguments"));
	record.forwarded = S("{\"a\":1}");
	ok(record_add(&record, key, &out) && json_parse(&line, buf_span(&out), RING_RECORD_MAX),
	   "its record");
	is_span(json_raw(&line, json_get(&line, 0, S("args"))), S("{\"a\":1}"), "only the arguments");
	is_keyed(&line, json_get(&line, 0, S("args_blake2b")), S("{\"a\":1}"), "what leaves the gate");
	n = out.n;
	ok(record_add(&record, other, &out) && out.n == 2 * n, "under another key");
	ok(memcmp(out.p, out.p + n, n) != 0, "it is another digest");
}

static void fields(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	struct audit_record record = { .wall_ms = 1795252055123U,
				       .call = 77,
				       .kind = S("call"),
				       .principal = S("t-abcd2345"),
				       .client = S("Cursor 1.2"),
				       .transport = S("http"),
				       .revision = S("2025-11-25"),
				       .session = S("0a1b2c3d"),
				       .server = S("files"),
				       .method = S("tools/call"),
				       .name = S("read_file"),
				       .arguments = JSON_NONE,
				       .decision = RECORD_DENY,
				       .code = S("K1203"),
				       .rule = S("deny files.write if path outside \"/srv\""),
				       .rule_line = 12,
				       .config = S("00ff"),
				       .definition = S("11ee"),
				       .scopes = S("mcp:a mcp:b"),
				       .request_bytes = 1024,
				       .result_bytes = 88,
				       .duration_us = 1500,
				       .outcome = S("refused") };

	ok(record_add(&record, key, &out), "a record");
	is_span(
	    buf_span(&out),
	    S("{\"t\":\"2026-11-21T09:07:35.123Z\",\"kind\":\"call\",\"call\":77,\"principal\":\"t-abcd2345\",\"client\":\"Cursor "
	      "1.2\",\"transport\":\"http\",\"revision\":\"2025-11-25\",\"session\":\"0a1b2c3d\",\"server\":\"files\","
	      "\"method\":\"tools/call\",\"name\":\"read_file\",\"decision\":\"deny\",\"code\":\"K1203\",\"rule\":"
	      "\"deny files.write if path outside \\\"/srv\\\"\",\"rule_line\":12,\"config\":\"00ff\","
	      "\"definition\":\"11ee\",\"scopes\":\"mcp:a mcp:b\",\"request_bytes\":1024,\"result_bytes\":88,\"duration_us\":1500,\"outcome\":\"refused\"}"),
	    "with everything in it");
	buf_clear(&out);
	record = AUDIT_RECORD_INIT;
	ok(record_add(&record, key, &out), "an empty one");
	is_span(buf_span(&out), S("{\"t\":\"1970-01-01T00:00:00.000Z\"}"), "has its time");
}

/* Texts of peers that are too long, no text, or secret. */
static void texts(void)
{
	static const struct span names[] = {
		SPAN("kmn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_1iqKfL"),
		SPAN("a\nb"),
		SPAN("a\xff"),
		SPAN("\xed\xa0\x80"),
		SPAN("\xc0\xaf"),
		SPAN("\xf4\x90\x80\x80"),
		SPAN("\xe3\x81"),
		SPAN("\0"),
	};
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	CLEANUP(json_release) struct json line = { 0 };
	struct audit_record record = AUDIT_RECORD_INIT;
	char rule[300];

	for (size_t i = 0; i < COUNT(names); i++) {
		record.name = names[i];
		record.client = names[i];
		record.method = names[i];
		buf_clear(&out);
		ok(record_add(&record, key, &out) && json_parse(&line, buf_span(&out), RING_RECORD_MAX),
		   "a line in spite of name %zu", i);
		ok(json_is(&line, json_get(&line, 0, S("name")), JSON_OBJECT) &&
		       json_is(&line, json_get(&line, 0, S("client")), JSON_OBJECT) &&
		       json_is(&line, json_get(&line, 0, S("method")), JSON_OBJECT),
		   "which is not in it");
	}
	memset(rule, 'r', sizeof(rule));
	memcpy(rule + 255, "\xe3\x81\x82", 3);
	record = AUDIT_RECORD_INIT;
	record.rule = span_of(rule, sizeof(rule));
	buf_clear(&out);
	ok(record_add(&record, key, &out) && json_parse(&line, buf_span(&out), RING_RECORD_MAX),
	   "a long rule is cut between characters");
}

/* All of them, or none: one scope less would be another decision. */
static void scopes(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	CLEANUP(json_release) struct json line = { 0 };
	struct audit_record record = AUDIT_RECORD_INIT;
	char text[RECORD_SCOPES_BYTES + 1];
	struct span all = span_of(text, RECORD_SCOPES_BYTES), more = span_of(text, sizeof(text));

	memset(text, 's', sizeof(text));
	record.scopes = more;
	ok(record_add(&record, key, &out) && json_parse(&line, buf_span(&out), RING_RECORD_MAX),
	   "scopes that no token has");
	is_keyed(&line, json_get(&line, json_get(&line, 0, S("scopes")), S("blake2b")), more, "all of them");
	record.scopes = all;
	buf_clear(&out);
	ok(record_add(&record, key, &out) && json_parse(&line, buf_span(&out), RING_RECORD_MAX),
	   "as many as there may be");
	ok(json_string_is(&line, json_get(&line, 0, S("scopes")), all), "stand as they are");
}

static void no_room(void)
{
	CLEANUP(json_release) struct json json = { 0 };
	struct audit_record record = AUDIT_RECORD_INIT;
	unsigned wrong = 0;

	ok(json_parse(&json, S("{\"a\":\"b\",\"password\":1}"), 100), "arguments");
	record.json = &json;
	record.arguments = 0;
	record.kind = S("call");
	for (size_t max = 1; max < 160; max++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(max);

		buf_add_char(&out, '#');
		wrong += record_add(&record, key, &out) || !out.over || out.n != 1 || out.max != max;
	}
	is_int(wrong, 0, "a full buffer is said so and keeps what it held");
}

int main(void)
{
	struct err err = ERR_INIT;

	ok(crypto_init(&err) == 0, "starts");
	arguments();
	long_strings();
	too_much();
	forwarded();
	fields();
	texts();
	scopes();
	no_room();
	return tap_done();
}
