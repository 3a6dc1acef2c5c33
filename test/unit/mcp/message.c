/* message.c - what is a message of MCP and what is not, however its members are written. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/message.h"
#include "tap.h"
#include "json/write.h"

static struct json json;

enum { NOT_JSON = 100 };

static int verdict_of(const char *text, struct message *out)
{
	*out = (struct message){ 0 };
	return json_parse(&json, span_str(text), 1 << 20) ? (int)message_read(&json, 0, out) : NOT_JSON;
}

#define R "{\"jsonrpc\":\"2.0\","

static const struct {
	const char *text;
	enum message_verdict verdict;
	bool id; /* an id could still be read */
} refused[] = {
	{ "[]", MESSAGE_NOT_OBJECT, false },
	{ "\"ping\"", MESSAGE_NOT_OBJECT, false },
	{ "null", MESSAGE_NOT_OBJECT, false },
	{ "{}", MESSAGE_NO_VERSION, false },
	{ "{\"id\":1,\"method\":\"ping\"}", MESSAGE_NO_VERSION, true },
	{ "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"ping\"}", MESSAGE_NO_VERSION, true },
	{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", MESSAGE_NO_VERSION, true },
	{ R "\"id\":null,\"method\":\"ping\"}", MESSAGE_BAD_ID, false },
	{ R "\"id\":1.0,\"method\":\"ping\"}", MESSAGE_BAD_ID, false },
	{ R "\"id\":1e2,\"method\":\"ping\"}", MESSAGE_BAD_ID, false },
	{ R "\"id\":1E2,\"method\":\"ping\"}", MESSAGE_BAD_ID, false },
	{ R "\"id\":true,\"method\":\"ping\"}", MESSAGE_BAD_ID, false },
	{ R "\"id\":[1],\"method\":\"ping\"}", MESSAGE_BAD_ID, false },
	{ R "\"id\":{},\"result\":{}}", MESSAGE_BAD_ID, false },
	{ R "\"result\":{}}", MESSAGE_BAD_ID, false },
	{ R "\"id\":null,\"result\":{}}", MESSAGE_BAD_ID, false },
	{ R "\"id\":1,\"method\":7}", MESSAGE_BAD_METHOD, true },
	{ R "\"id\":1,\"method\":null}", MESSAGE_BAD_METHOD, true },
	{ R "\"id\":1,\"method\":\"ping\",\"params\":[]}", MESSAGE_BAD_PARAMS, true },
	{ R "\"id\":1,\"method\":\"ping\",\"params\":null}", MESSAGE_BAD_PARAMS, true },
	{ R "\"id\":1,\"result\":7}", MESSAGE_BAD_PARAMS, true },
	{ R "\"id\":1,\"result\":null}", MESSAGE_BAD_PARAMS, true },
	{ R "\"id\":1,\"error\":\"no\"}", MESSAGE_BAD_PARAMS, true },
	{ R "\"id\":1,\"error\":{\"code\":1.5,\"message\":\"\"}}", MESSAGE_BAD_PARAMS, true },
	{ R "\"id\":1,\"error\":{\"message\":\"\"}}", MESSAGE_BAD_PARAMS, true },
	{ R "\"id\":1,\"error\":{\"code\":1}}", MESSAGE_BAD_PARAMS, true },
	{ R "\"id\":1}", MESSAGE_MIXED, true },
	{ R "\"id\":1,\"result\":{},\"error\":{\"code\":1,\"message\":\"\"}}", MESSAGE_MIXED, true },
	{ R "\"id\":1,\"method\":\"ping\",\"result\":{}}", MESSAGE_MIXED, true },
	{ R "\"method\":\"ping\",\"error\":{}}", MESSAGE_MIXED, false },
	/* Whoever reads it next decodes names: a method that hides behind an escape is a method. */
	{ R "\"id\":1,\"result\":{},\"\\u006dethod\":\"tools/call\",\"params\":{}}", MESSAGE_MIXED, true },
	{ R "\"id\":1,\"m\\u0065thod\":\"ping\",\"\\u0072esult\":{}}", MESSAGE_MIXED, true },
	{ R "\"\\u0069\\u0064\":null,\"method\":\"ping\"}", MESSAGE_BAD_ID, false },
	{ R "\"id\":1,\"method\":\"tools/call\",\"param\\u0073\":7}", MESSAGE_BAD_PARAMS, true },
};

static void refusals(void)
{
	struct message m;

	for (size_t i = 0; i < COUNT(refused); i++) {
		is_int(verdict_of(refused[i].text, &m), refused[i].verdict, "%s", refused[i].text);
		is_int(m.id != JSON_NONE, refused[i].id, "its id %s",
		       refused[i].id ? "can be read" : "cannot");
		ok(message_verdict_text(refused[i].verdict)[0] != '\0', "and there are words for it");
	}
	is_int(verdict_of(R "\"id\":1,\"id\":2,\"method\":\"ping\"}", &m), NOT_JSON,
	       "two ids are no JSON here");
	is_int(verdict_of(R "\"method\":\"ping\",\"\\u006dethod\":\"tools/call\",\"id\":1}", &m), NOT_JSON,
	       "nor two methods, one of them escaped");
}

static void long_ids(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(4096);
	struct message m;

	for (size_t n = 510; n <= 511; n++) {
		buf_clear(&text);
		buf_add(&text, S(R "\"method\":\"ping\",\"id\":\""));
		for (size_t i = 0; i < n; i++)
			buf_add_char(&text, 'x');
		buf_add(&text, S("\"}"));
		is_int(verdict_of(buf_cstr(&text), &m), n == 510 ? MESSAGE_OK : MESSAGE_BAD_ID,
		       "an id of %zu characters", n);
	}
}

static void calls(void)
{
	static const char *const ids[] = { "0",
					   "-7",
					   "\"\"",
					   "\"1\"",
					   "\"a\\u0062\"",
					   "9007199254740993",
					   "123456789012345678901234567890" };
	CLEANUP(buf_release) struct buf text = BUF_INIT(4096);
	struct message m;

	for (size_t i = 0; i < COUNT(ids); i++) {
		buf_clear(&text);
		buf_addf(&text, R "\"id\":%s,\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}", ids[i]);
		is_int(verdict_of(buf_cstr(&text), &m), MESSAGE_OK, "id %s", ids[i]);
		is_span(message_token(&json, m.id), span_str(ids[i]), "is kept as written");
		ok(m.kind == MESSAGE_REQUEST && m.method == METHOD_TOOLS_CALL && m.params != JSON_NONE,
		   "a request");
	}
	is_int(verdict_of(R "\"method\":\"notifications/initialized\"}", &m), MESSAGE_OK, "without an id");
	ok(m.kind == MESSAGE_NOTIFICATION && m.method == METHOD_INITIALIZED && m.params == JSON_NONE &&
	       m.meta == JSON_NONE,
	   "a notification");
	is_int(verdict_of(R "\"method\":\"no/such\",\"id\":1,\"extra\":[1]}", &m), MESSAGE_OK,
	       "an unknown method");
	ok(m.method == METHOD_NONE && span_eq(m.method_raw, S("no/such")), "is still a message");
	is_int(verdict_of("{\"\\u006asonrpc\":\"2.\\u0030\",\"\\u0069d\":5,\"method\":\"ping\"}", &m),
	       MESSAGE_OK, "names and version may be escaped");
	ok(m.kind == MESSAGE_REQUEST && span_eq(message_token(&json, m.id), S("5")), "and are read");
	is_int(verdict_of(R "\"id\":1,\"method\":\"tools\\/call\"}", &m), MESSAGE_OK, "an escaped method");
	ok(m.method == METHOD_NONE, "is none the gate knows");
}

static void answers(void)
{
	struct message m;

	is_int(verdict_of(R "\"id\":\"a\",\"result\":{\"_meta\":{\"x\":1}}}", &m), MESSAGE_OK, "a result");
	ok(m.kind == MESSAGE_RESULT && m.meta != JSON_NONE && m.method == METHOD_NONE, "with its meta");
	is_int(verdict_of(R "\"id\":1,\"error\":{\"code\":-32601,\"message\":\"no\",\"data\":1}}", &m),
	       MESSAGE_OK, "an error");
	ok(m.kind == MESSAGE_ERROR && m.error != JSON_NONE && m.id != JSON_NONE, "with its id");
	is_int(verdict_of(R "\"id\":null,\"error\":{\"code\":1,\"message\":\"\"}}", &m), MESSAGE_OK,
	       "an error answers what had no id");
	ok(m.kind == MESSAGE_ERROR && m.id == JSON_NONE, "with none");
	is_int(verdict_of(R "\"error\":{\"code\":1,\"message\":\"\"}}", &m), MESSAGE_OK,
	       "nor needs it to be there");
}

static void progress_tokens(void)
{
	static const struct {
		const char *meta;
		const char *token;
	} tokens[] = { { "{}", "" },
		       { "{\"progressToken\":null}", "" },
		       { "{\"progressToken\":1.5}", "" },
		       { "{\"progressToken\":[1]}", "" },
		       { "7", "" },
		       { "{\"progressToken\":0}", "0" },
		       { "{\"progressToken\":\"\"}", "\"\"" },
		       { "{\"progressToken\":\"1\"}", "\"1\"" } };
	CLEANUP(buf_release) struct buf text = BUF_INIT(4096);
	struct message m;
	json_at at;

	for (size_t i = 0; i < COUNT(tokens); i++) {
		buf_clear(&text);
		buf_addf(&text, R "\"id\":1,\"method\":\"ping\",\"params\":{\"_meta\":%s}}", tokens[i].meta);
		is_int(verdict_of(buf_cstr(&text), &m), MESSAGE_OK, "_meta %s", tokens[i].meta);
		at = message_progress_token(&m);
		is_span(at == JSON_NONE ? S("") : message_token(&json, at), span_str(tokens[i].token),
			"its token is '%s'", tokens[i].token);
	}
	is_int(verdict_of(R "\"method\":\"ping\",\"params\":{\"_meta\":{\"progressToken\":1}}}", &m),
	       MESSAGE_OK, "a notification");
	ok(message_progress_token(&m) == JSON_NONE, "wants no progress");
}

static struct message_claim claim_of(const char *params, struct message *m)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(4096);
	static char kept[4096];

	buf_addf(&text, R "\"id\":1,\"method\":\"ping\"%s}", params);
	(void)span_to_cstr(buf_span(&text), kept, sizeof(kept));
	if (verdict_of(kept, m) != MESSAGE_OK)
		return (struct message_claim){ 0 };
	return message_claim(m);
}

static void claims(void)
{
	struct message m;
	struct message_claim claim = claim_of("", &m);

	ok(!claim.any && claim.version == JSON_NONE, "no params, no claim");
	claim = claim_of(",\"params\":{\"_meta\":{\"progressToken\":1,\"x/protocolVersion\":\"2026-07-28\"}}",
			 &m);
	ok(!claim.any, "other keys of _meta are none");
	claim = claim_of(",\"params\":{\"" META_VERSION "\":\"2026-07-28\"}", &m);
	ok(!claim.any, "nor is one beside _meta");
	claim = claim_of(",\"params\":{\"_meta\":{\"" META_VERSION "\":7}}", &m);
	ok(claim.any && claim.version == JSON_NONE, "one of the wrong type is a claim, of no version");
	claim = claim_of(",\"params\":{\"_meta\":{\"" META_CAPABILITIES "\":[],\"" META_CLIENT "\":\"x\"}}",
			 &m);
	ok(claim.any && claim.capabilities == JSON_NONE && claim.client == JSON_NONE, "so are the others");
	claim = claim_of(
	    ",\"params\":{\"_meta\":{\"io.modelcontextprotocol\\/protocolVersion\":\"2026-07-28\",\"" META_CAPABILITIES
	    "\":{},\"" META_CLIENT "\":{},\"" META_LOG_LEVEL "\":\"info\"}}",
	    &m);
	ok(claim.any && json_string_is(m.json, claim.version, S("2026-07-28")) &&
	       claim.capabilities != JSON_NONE && claim.client != JSON_NONE && claim.log_level != JSON_NONE,
	   "a whole one, with an escape in a name");
}

static void errors(void)
{
	static const struct {
		struct message_error error;
		const char *want, *name;
	} cases[] = {
		{ { .code = -32700, .text = SPAN("a \"b\"") },
		  "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"a \\\"b\\\"\"}}",
		  "no id: none is made up" },
		{ { .id = SPAN("\"1\""), .code = 1, .text = SPAN(""), .kanmon = "K702" },
		  "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"error\":{\"code\":1,\"message\":\"\",\"data\":{\"kanmon\":\"K702\"}}}",
		  "our code" },
		{ { .id = SPAN("null"), .code = 1, .text = SPAN("x"), .data = SPAN("\"a\":1") },
		  "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,\"message\":\"x\",\"data\":{\"a\":1}}}",
		  "more data" },
		{ { .id = SPAN("0"), .code = 1, .text = SPAN("x"), .kanmon = "K1", .data = SPAN("\"a\":1") },
		  "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":1,\"message\":\"x\",\"data\":{\"kanmon\":\"K1\",\"a\":1}}}",
		  "both" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)1024);

		message_write_error(&out, &cases[i].error);
		is_span(buf_span(&out), span_str(cases[i].want), "an error is written: %s", cases[i].name);
	}
}

int main(void)
{
	errors();
	refusals();
	long_ids();
	calls();
	answers();
	progress_tokens();
	claims();
	json_release(&json);
	return tap_done();
}
