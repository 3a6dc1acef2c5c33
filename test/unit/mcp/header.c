/* header.c - values mirrored in headers: the specification's examples, and the rules of the annotations. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/header.h"
#include "base/arena.h"
#include "tap.h"

/* Source: MCP 2026-07-28, basic/transports, "Value encoding". */
static const struct {
	const char *value, *header;
} encodings[] = {
	{ "us-west1", "us-west1" },
	{ "us west 1", "us west 1" },
	{ " padded ", "=?base64?IHBhZGRlZCA=?=" },
	{ "Hello, \xe4\xb8\x96\xe7\x95\x8c", "=?base64?SGVsbG8sIOS4lueVjA==?=" },
	{ "line1\nline2", "=?base64?bGluZTEKbGluZTI=?=" },
	{ "\tindented", "=?base64?CWluZGVudGVk?=" },
	{ "=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=" },
	{ "", "" },
	{ "a\tb", "a\tb" },
	{ "\x7f", "=?base64?fw==?=" },
	{ "~", "~" },
	{ "=?base64?open", "=?base64?open" },
	{ "=?BASE64?x?=", "=?BASE64?x?=" },
	{ "\r\nX-Evil: 1", "=?base64?DQpYLUV2aWw6IDE=?=" },
};

static const char *const broken[] = {
	"=?base64?SGVsbG8?=",	   "=?base64?SGVs!!!bG8=?=", "=?base64?SGVsbG8==?=", "=?base64?=?=",
	"=?base64?SGVsbG9=?=",	   "=?base64?SGVsbF==?=",    "=?base64?SG=sbG8=?=",  "=?base64?SGVs bG8?=",
	"=?base64?SGVsbG8-_w==?=", "=?base64?/w==?=",	     "=?base64?wK8=?=",	     "=?base64?7aCA?=",
};

static const char *const literal[] = { "SGVsbG8=", "=?base64?SGVsbG8=", "=?BASE64?SGVsbG8=?=", "=?base64?=",
				       "SGVsbG8=?=" };

static void encoding(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(4096), scratch = BUF_INIT(4096);
	struct span value;

	for (size_t i = 0; i < COUNT(broken); i++)
		ok(!header_decode(span_str(broken[i]), &scratch, &value), "refused: %s", broken[i]);
	for (size_t i = 0; i < COUNT(literal); i++) {
		buf_clear(&scratch);
		ok(header_decode(span_str(literal[i]), &scratch, &value), "taken: %s",
		   literal[i] ? literal[i] : "");
		is_span(value, span_str(literal[i]), "as it is");
	}
	for (size_t i = 0; i < COUNT(encodings); i++) {
		buf_clear(&out);
		buf_clear(&scratch);
		buf_add(&scratch, S("before"));
		header_encode(&out, span_str(encodings[i].value));
		is_span(buf_span(&out), span_str(encodings[i].header), "encoded: %s", encodings[i].header);
		ok(header_decode(buf_span(&out), &scratch, &value), "decoded");
		is_span(value, span_str(encodings[i].value), "to what it was");
	}
	buf_clear(&scratch);
	ok(header_decode(S("=?base64?"
			   "?="),
			 &scratch, &value) &&
	       value.n == 0,
	   "nothing, encoded, is nothing");
	{
		struct buf tiny = BUF_INIT(2);

		ok(!header_decode(S("=?base64?aGVsbG8=?="), &tiny, &value), "what does not fit is refused");
		buf_release(&tiny);
	}
}

static struct json json;
static struct arena arena = ARENA_INIT((size_t)1 << 20);

static bool params_of(const char *schema, struct header_param **params, size_t *n)
{
	arena_clear(&arena);
	return json_parse(&json, span_str(schema), 1 << 20) && header_params_of(&json, 0, &arena, params, n);
}

#define P(inside) "{\"properties\":{" inside "}}"

static void bad_annotations(void)
{
	static const char *const bad[] = {
		P("\"a\":{\"type\":\"string\",\"x-mcp-header\":\"\"}"),
		P("\"a\":{\"type\":\"string\",\"x-mcp-header\":7}"),
		P("\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A B\"}"),
		P("\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A:\"}"),
		P("\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\\r\\nB\"}"),
		P("\"a\":{\"type\":\"string\",\"x-mcp-header\":\"\\u0041\"}"),
		P("\"a\":{\"type\":\"number\",\"x-mcp-header\":\"A\"}"),
		P("\"a\":{\"type\":\"object\",\"x-mcp-header\":\"A\"}"),
		P("\"a\":{\"type\":[\"string\",\"null\"],\"x-mcp-header\":\"A\"}"),
		P("\"a\":{\"x-mcp-header\":\"A\"}"),
		P("\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"},\"b\":{\"type\":\"string\",\"x-mcp-header\":\"a\"}"),
	};
	CLEANUP(buf_release) struct buf many = BUF_INIT((size_t)1 << 16);
	struct header_param *params;
	size_t n;

	for (size_t i = 0; i < COUNT(bad); i++)
		ok(!params_of(bad[i], &params, &n), "refused: %s", bad[i]);
	for (size_t limit = HEADER_PARAMS; limit <= HEADER_PARAMS + 1; limit++) {
		buf_clear(&many);
		buf_add(&many, S("{\"properties\":{"));
		for (size_t i = 0; i < limit; i++)
			buf_addf(&many, "%s\"p%zu\":{\"type\":\"string\",\"x-mcp-header\":\"H%zu\"}",
				 i ? "," : "", i, i);
		buf_add(&many, S("}}"));
		is_int(params_of(buf_cstr(&many), &params, &n), limit == HEADER_PARAMS, "%zu of them", limit);
	}
	ok(params_of("{}", &params, &n) && n == 0, "no properties, no parameters");
	ok(params_of("{\"properties\":7}", &params, &n) && n == 0, "nor from what is none");
}

#define ANNOTATED "{\"type\":\"string\",\"x-mcp-header\":\"A\"}"

/*
 * spec: mcp/2026-07-28 transports: only a chain of `properties` leads to a parameter. An annotation
 * anywhere else makes the whole definition invalid; what merely looks like one does not.
 */
static void out_of_reach(void)
{
	static const char *const bad[] = {
		"{\"x-mcp-header\":\"A\",\"type\":\"string\"}",
		"{\"x-mcp-header\":7}",
		P("\"a\":{\"type\":\"array\",\"items\":" ANNOTATED "}"),
		P("\"a\":{\"items\":{\"properties\":{\"b\":" ANNOTATED "}}}"),
		P("\"a\":{\"prefixItems\":[{}," ANNOTATED "]}"),
		P("\"a\":{\"contains\":" ANNOTATED "}"),
		"{\"oneOf\":[{},{\"properties\":{\"a\":" ANNOTATED "}}]}",
		"{\"anyOf\":[{\"properties\":{\"a\":" ANNOTATED "}}]}",
		"{\"allOf\":[{\"properties\":{\"a\":" ANNOTATED "}}]}",
		"{\"not\":{\"properties\":{\"a\":" ANNOTATED "}}}",
		"{\"if\":{\"properties\":{\"a\":" ANNOTATED "}}}",
		"{\"then\":{\"properties\":{\"a\":" ANNOTATED "}}}",
		"{\"else\":{\"properties\":{\"a\":" ANNOTATED "}}}",
		"{\"$defs\":{\"a\":" ANNOTATED "}}",
		"{\"definitions\":{\"a\":" ANNOTATED "}}",
		"{\"patternProperties\":{\"^a\":" ANNOTATED "}}",
		"{\"additionalProperties\":" ANNOTATED "}",
		"{\"dependentSchemas\":{\"a\":{\"properties\":{\"b\":" ANNOTATED "}}}}",
		P("\"a\":" ANNOTATED ",\"b\":{\"oneOf\":[{\"type\":\"string\",\"x-mcp-header\":\"B\"}]}"),
		P("\"a\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"x-mcp-\\u0068eader\":\"A\"}}"),
		P("\"default\":{\"items\":" ANNOTATED "}"),
	};
	static const char *const good[] = {
		P("\"x-mcp-header\":{\"type\":\"string\"}"),
		P("\"a\":{\"default\":{\"x-mcp-header\":\"A\"}}"),
		P("\"a\":{\"const\":{\"x-mcp-header\":\"A\"}}"),
		P("\"a\":{\"enum\":[{\"x-mcp-header\":\"A\"}]}"),
		"{\"examples\":[{\"x-mcp-header\":\"A\"}]}",
		"{\"$defs\":{\"x-mcp-header\":{\"type\":\"string\"}}}",
		"{\"oneOf\":[{\"required\":[\"x-mcp-header\"]}]}",
	};
	CLEANUP(buf_release) struct buf deep = BUF_INIT((size_t)1 << 16);
	struct header_param *params;
	size_t n;

	for (size_t i = 0; i < COUNT(bad); i++)
		ok(!params_of(bad[i], &params, &n), "refused: %s", bad[i]);
	for (size_t i = 0; i < COUNT(good); i++)
		ok(params_of(good[i], &params, &n) && n == 0, "taken: %s", good[i]);
	for (int i = 0; i < JSON_DEPTH - 3; i++)
		buf_add(&deep, S("{\"not\":"));
	buf_add(&deep, S(ANNOTATED));
	for (int i = 0; i < JSON_DEPTH - 3; i++)
		buf_add_char(&deep, '}');
	ok(!params_of(buf_cstr(&deep), &params, &n), "also at the bottom of the deepest text there is");
}

/* A pointer that did not fit would point at something else. */
static void long_pointers(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1 << 20);
	struct header_param *params;
	size_t n;

	for (int level = 0; level < 5; level++) {
		buf_add(&text, S("{\"properties\":{\""));
		for (int i = 0; i < 4000; i++)
			buf_add_char(&text, 'n');
		buf_add(&text, S("\":"));
	}
	buf_add(&text, S("{\"type\":\"string\",\"x-mcp-header\":\"A\"}"));
	for (int level = 0; level < 5; level++)
		buf_add(&text, S("}}"));
	ok(!params_of(buf_cstr(&text), &params, &n), "a place whose pointer is too long is refused");
}

#define SCHEMA                                                                                                  \
	P("\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},"                                       \
	  "\"o\":{\"type\":\"object\",\"properties\":{\"n/1\":{\"type\":\"integer\",\"x-mcp-header\":\"N\"}}}," \
	  "\"i\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"                                         \
	  "\"b\":{\"type\":\"boolean\",\"x-mcp-header\":\"Flag\"}")

static const struct {
	size_t param;
	const char *arguments, *header; /* header NULL: none */
} values[] = {
	{ 0, "{}", NULL },
	{ 0, "{\"region\":null}", NULL },
	{ 0, "{\"region\":\"\"}", "" },
	{ 0, "{\"region\":\" x\"}", "=?base64?IHg=?=" },
	{ 0, "{\"region\":\"a\\u000ab\"}", "=?base64?YQpi?=" },
	{ 1, "{\"o\":{}}", NULL },
	{ 1, "{\"o\":7}", NULL },
	{ 1, "{\"o\":{\"n/1\":1.5}}", NULL },
	{ 1, "{\"o\":{\"n/1\":42}}", "42" },
	{ 1, "{\"o\":{\"n/1\":42.0}}", "42" },
	{ 1, "{\"o\":{\"n/1\":-9007199254740991}}", "-9007199254740991" },
	{ 2, "{\"b\":true}", "true" },
	{ 2, "{\"b\":false}", "false" },
};

static const struct {
	size_t param;
	const char *arguments, *value;
	bool fits;
} matches[] = {
	{ 0, "{}", "", false },
	{ 0, "{\"region\":null}", "null", false },
	{ 0, "{\"region\":\"a\"}", "A", false },
	{ 0, "{\"region\":\"a\"}", "a ", false },
	{ 0, "{\"region\":\"\\u0061\"}", "a", true },
	{ 1, "{\"o\":{\"n/1\":42}}", "43", false },
	{ 1, "{\"o\":{\"n/1\":42}}", "0x2a", false },
	{ 1, "{\"o\":{\"n/1\":42}}", " 42x", false },
	{ 1, "{\"o\":{\"n/1\":42}}", "\"42\"", false },
	{ 1, "{\"o\":{\"n/1\":42}}", "", false },
	{ 1, "{\"o\":{\"n/1\":1e400}}", "1e400", false },
	{ 1, "{\"o\":{\"n/1\":42}}", "42.0", true },
	{ 1, "{\"o\":{\"n/1\":42.0}}", "42", true },
	{ 1, "{\"o\":{\"n/1\":[1]}}", "1", false },
	{ 2, "{\"b\":true}", "True", false },
	{ 2, "{\"b\":true}", "false", false },
	{ 2, "{\"b\":true}", "true", true },
	{ 2, "{\"b\":false}", "false", true },
};

static void parameters(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(4096);
	struct header_param *params = NULL;
	struct json arguments = { 0 };
	size_t n = 0;

	ok(params_of(SCHEMA, &params, &n) && n == 3, "three parameters");
	is_span(params[0].header, S("Mcp-Param-Region"), "the first one's header");
	is_span(params[1].pointer, S("/o/n~11"), "the nested one's place");
	is_int(params[2].type, JSON_TRUE, "the boolean");
	ok(!header_param_value(&params[0], &json, JSON_NONE, &out), "no arguments, no header");
	for (size_t i = 0; i < COUNT(values); i++) {
		buf_clear(&out);
		ok(json_parse(&arguments, span_str(values[i].arguments), 4096), "%s", values[i].arguments);
		is_int(header_param_value(&params[values[i].param], &arguments, 0, &out),
		       values[i].header != NULL, "has %s header", values[i].header ? "a" : "no");
		is_span(buf_span(&out), span_str(values[i].header), "which is '%s'",
			values[i].header ? values[i].header : "");
	}
	for (size_t i = 0; i < COUNT(matches); i++) {
		ok(json_parse(&arguments, span_str(matches[i].arguments), 4096), "%s", matches[i].arguments);
		is_int(header_param_matches(&params[matches[i].param], &arguments, 0,
					    span_str(matches[i].value)),
		       matches[i].fits, "'%s' %s", matches[i].value,
		       matches[i].fits ? "stands for it" : "does not");
	}
	json_release(&arguments);
}

int main(void)
{
	encoding();
	bad_annotations();
	out_of_reach();
	long_pointers();
	parameters();
	json_release(&json);
	arena_release(&arena);
	return tap_done();
}
