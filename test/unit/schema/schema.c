/* schema.c - what is refused at compile time, what is said to people, and the limits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/schema.h"

#include "base/cleanup.h"
#include "tap.h"

struct parsed {
	struct json json;
};

static void parsed_release(struct parsed *p)
{
	json_release(&p->json);
}

static int compile(const char *text, const struct schema_options *options, struct schema **out,
		   struct err *err)
{
	CLEANUP(parsed_release) struct parsed p = { 0 };

	if (!json_parse(&p.json, span_str(text), 1 << 24))
		return err_set(err, ERR_FORMAT, "the test's own JSON is wrong: %s",
			       json_reason_text(p.json.reason));
	return schema_compile(&p.json, 0, options, out, err);
}

static const struct {
	const char *schema, *says;
} refused[] = {
	{ "5", "a schema must be an object or a boolean" },
	{ "{\"properties\":{\"a\":5}}", "at \"/properties/a\": a schema must be an object or a boolean" },
	{ "{\"properties\":[]}", "properties must be an object" },
	{ "{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}", "draft-04/schema#\" is not known" },
	{ "{\"$schema\":\"https://example.com/mine\"}", "https://example.com/mine" },
	{ "{\"$schema\":5}", "$schema must be a string" },
	{ "{\"$ref\":\"https://example.com/x.json\"}", "\"https://example.com/x.json\" leads out" },
	{ "{\"$ref\":\"http://json-schema.org/draft-07/schema#\"}", "nothing is fetched" },
	{ "{\"$ref\":\"file:///etc/passwd\"}", "file:///etc/passwd" },
	{ "{\"$ref\":\"other.json#/a\"}", "other.json" },
	{ "{\"$ref\":\"#/$defs/none\"}", "\"#/$defs/none\" leads nowhere" },
	{ "{\"$ref\":\"#none\"}", "\"#none\" leads nowhere" },
	{ "{\"$ref\":\"#/x\",\"x\":5}", "a schema must be an object or a boolean" },
	{ "{\"$dynamicRef\":\"#none\"}", "\"#none\" leads nowhere" },
	{ "{\"$ref\":5}", "a reference must be a string" },
	{ "{\"$id\":\"http://a/b#c\"}", "$id must not have a fragment" },
	{ "{\"$defs\":{\"a\":{\"$id\":\"http://a/\"},\"b\":{\"$id\":\"http://a/\"}}}", "the same $id" },
	{ "{\"type\":\"text\"}", "type must be a type" },
	{ "{\"type\":[\"string\",\"text\"]}", "no type" },
	{ "{\"type\":[]}", "type must be a type" },
	{ "{\"required\":\"a\"}", "required must be an array of names" },
	{ "{\"required\":[5]}", "required must be an array of names" },
	{ "{\"enum\":\"a\"}", "enum must be an array" },
	{ "{\"minLength\":-1}", "minLength must be a whole number, not negative" },
	{ "{\"maxItems\":1.5}", "maxItems must be a whole number, not negative" },
	{ "{\"maxItems\":\"1\"}", "maxItems must be a number" },
	{ "{\"maximum\":\"5\"}", "maximum must be a number" },
	{ "{\"maximum\":1e99999999999999999999}", "out of any range" },
	{ "{\"multipleOf\":0}", "multipleOf must be greater than 0" },
	{ "{\"multipleOf\":-2}", "multipleOf must be greater than 0" },
	{ "{\"multipleOf\":0.1234567890123456789}", "more than 18 digits" },
	{ "{\"uniqueItems\":1}", "uniqueItems must be true or false" },
	{ "{\"pattern\":\"(\"}", "the pattern \"(\" cannot be used" },
	{ "{\"pattern\":\"(?R)\"}", "the pattern \"(?R)\" cannot be used" },
	{ "{\"pattern\":5}", "pattern must be a string" },
	{ "{\"patternProperties\":{\"[\":true}}", "the pattern \"[\" cannot be used" },
	{ "{\"format\":5}", "format must be a string" },
	{ "{\"anyOf\":[]}", "anyOf must be an array of at least one schema" },
	{ "{\"allOf\":{}}", "allOf must be an array" },
	{ "{\"items\":[true]}", "prefixItems takes an array" },
	{ "{\"dependentRequired\":[]}", "dependentRequired must be an object" },
	{ "{\"dependentRequired\":{\"a\":5}}", "must be an array" },
	{ "{\"dependentRequired\":{\"a\":[5]}}", "a name must be a string" },
};

static void test_refused(void)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		CLEANUP(schema_freep) struct schema *schema = NULL;
		struct err err = ERR_INIT;
		int result = compile(refused[i].schema, NULL, &schema, &err);

		ok(result < 0 && !schema, "refused: %s", refused[i].schema);
		if (!ok(span_contains(span_str(err.text), span_str(refused[i].says)), "it says why"))
			printf("#   got: %s\n", err.text);
	}
}

static const struct {
	const char *schema, *instance, *text, *pointer, *keyword;
} problems[] = {
	{ "false", "1", "The value is not allowed.", "", "" },
	{ "{\"type\":\"object\"}", "[]", "The value must be an object, not an array.", "", "type" },
	{ "{\"properties\":{\"count\":{\"type\":\"integer\"}}}", "{\"count\":\"5\"}",
	  "\"/count\" must be an integer, not a string.", "/count", "type" },
	{ "{\"items\":{\"type\":[\"integer\",\"null\"]}}", "[1,2.5]",
	  "\"/1\" must be an integer or null, not a number with a fraction.", "/1", "type" },
	{ "{\"required\":[\"path\"]}", "{}", "The value lacks the property \"path\".", "", "required" },
	{ "{\"properties\":{\"a\":{\"required\":[\"b\",\"c\"]}}}", "{\"a\":{\"b\":1}}",
	  "\"/a\" lacks the property \"c\".", "/a", "required" },
	{ "{\"additionalProperties\":false}", "{\"a/b\":1}", "\"/a~1b\" is a property that is not allowed.",
	  "/a~1b", "additionalProperties" },
	{ "{\"allOf\":[{\"properties\":{\"a\":true}}],\"unevaluatedProperties\":false}", "{\"a\":1,\"b\":2}",
	  "\"/b\" is a property that is not allowed.", "/b", "unevaluatedProperties" },
	{ "{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1}",
	  "The name of \"/abc\" must have at most 2 characters.", "/abc", "maxLength" },
	{ "{\"prefixItems\":[true],\"items\":false}", "[1,2]", "\"/1\" is an element that is not allowed.",
	  "/1", "items" },
	{ "{\"minLength\":1}", "\"\"", "The value must have at least 1 character.", "", "minLength" },
	{ "{\"minProperties\":1}", "{}", "The value must have at least 1 property.", "", "minProperties" },
	{ "{\"maxItems\":2}", "[1,2,3]", "The value must have at most 2 elements.", "", "maxItems" },
	{ "{\"maximum\":9007199254740992}", "9007199254740993", "The value must be at most 9007199254740992.",
	  "", "maximum" },
	{ "{\"exclusiveMinimum\":0.5}", "0.50", "The value must be greater than 0.5.", "",
	  "exclusiveMinimum" },
	{ "{\"multipleOf\":0.01}", "0.015", "The value must be a multiple of 1e-2.", "", "multipleOf" },
	{ "{\"enum\":[\"a\",null]}", "\"b\"", "The value must be one of \"a\", null.", "", "enum" },
	{ "{\"const\":{\"a\":1}}", "{\"a\":2}", "The value must be {\"a\":1}.", "", "const" },
	{ "{\"pattern\":\"^a+$\"}", "\"b\"", "The value must match the pattern ^a+$.", "", "pattern" },
	{ "{\"uniqueItems\":true}", "[1,1.0]", "The value must not have equal elements.", "", "uniqueItems" },
	{ "{\"anyOf\":[{\"type\":\"null\"},{\"minimum\":3}]}", "2",
	  "The value has none of the 2 forms of which any one is allowed.", "", "anyOf" },
	{ "{\"oneOf\":[true,true]}", "2",
	  "The value has more than one of the 2 forms of which exactly one is allowed.", "", "oneOf" },
	{ "{\"not\":{}}", "2", "The value has a form that is not allowed.", "", "not" },
	{ "{\"contains\":{\"type\":\"null\"}}", "[1]",
	  "The value must have at least 1 element of the form its schema names.", "", "contains" },
	{ "{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}",
	  "The value has the property \"a\" but lacks \"b\".", "", "dependentRequired" },
	{ "{\"required\":[\"\\u0007\"]}", "{}", "The value lacks the property \"?\".", "", "required" },
};

static void test_problems(void)
{
	for (size_t i = 0; i < COUNT(problems); i++) {
		CLEANUP(schema_freep) struct schema *schema = NULL;
		CLEANUP(parsed_release) struct parsed p = { 0 };
		struct schema_problem problem = { .text = "" };
		struct err err = ERR_INIT;

		if (!ok(compile(problems[i].schema, NULL, &schema, &err) == 0, "%s %s", problems[i].schema,
			err.text))
			continue;
		ok(json_parse(&p.json, span_str(problems[i].instance), 1 << 20) &&
		       schema_check(schema, &p.json, 0, &problem) == SCHEMA_INVALID,
		   "%s is not valid", problems[i].instance);
		is_span(span_str(problem.text), span_str(problems[i].text), "the sentence");
		is_span(span_str(problem.pointer), span_str(problems[i].pointer), "the pointer");
		is_span(span_str(problem.keyword), span_str(problems[i].keyword), "the keyword");
	}
}

/* Below an envelope: the pointer is the one from the value that was checked. */
static void test_inner_value(void)
{
	CLEANUP(schema_freep) struct schema *schema = NULL;
	CLEANUP(parsed_release) struct parsed p = { 0 };
	struct schema_problem problem = { .text = "" };
	struct err err = ERR_INIT;
	json_at at;

	ok(json_parse(
	       &p.json,
	       S("{\"tool\":{\"in\":{\"items\":{\"enum\":[{\"a\":[1,2]}]}}},\"args\":[[{\"a\":[1,3]}]]}"),
	       1 << 20),
	   "a message");
	at = json_get(&p.json, json_get(&p.json, 0, S("tool")), S("in"));
	ok(schema_compile(&p.json, at, NULL, &schema, &err) == 0, "a schema inside a message compiles");
	at = json_get(&p.json, 0, S("args")) + 1;
	ok(schema_check(schema, &p.json, at, &problem) == SCHEMA_INVALID,
	   "a value inside a message is checked");
	is_span(span_str(problem.pointer), S("/0"), "the pointer begins at the value");
}

static enum schema_verdict verdict_of(const char *schema_text, struct span instance,
				      const struct schema_options *options)
{
	CLEANUP(schema_freep) struct schema *schema = NULL;
	CLEANUP(parsed_release) struct parsed p = { 0 };
	struct schema_problem problem = { .text = "" };
	struct err err = ERR_INIT;

	if (compile(schema_text, options, &schema, &err) < 0 || !json_parse(&p.json, instance, 1 << 24)) {
		printf("#   %s\n", err.text);
		return (enum schema_verdict) - 1;
	}
	return schema_check(schema, &p.json, 0, &problem);
}

static struct span repeated(struct buf *out, const char *head, const char *unit, size_t n, const char *tail)
{
	buf_clear(out);
	buf_add(out, span_str(head));
	for (size_t i = 0; i < n; i++)
		buf_add(out, span_str(unit));
	buf_add(out, span_str(tail));
	return buf_span(out);
}

static void test_costs(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 24);
	const struct schema_options few = { .max_steps = 100 };

	is_int(verdict_of("{\"$ref\":\"#\"}", S("1"), NULL), SCHEMA_TOO_COSTLY, "a reference to itself");
	is_int(verdict_of("{\"allOf\":[{\"$ref\":\"#/$defs/a\"}],\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},"
			  "\"b\":{\"$ref\":\"#/$defs/a\"}}}",
			  S("1"), NULL),
	       SCHEMA_TOO_COSTLY, "a circle of references");
	is_int(verdict_of("{\"$dynamicAnchor\":\"x\",\"$dynamicRef\":\"#x\"}", S("1"), NULL),
	       SCHEMA_TOO_COSTLY, "a dynamic reference to itself");
	is_int(verdict_of("{\"items\":{\"type\":\"integer\"}}", repeated(&text, "[0", ",1", 200, "]"), &few),
	       SCHEMA_TOO_COSTLY, "more elements than steps");
	is_int(verdict_of("{\"pattern\":\"^(a+)+$\"}", repeated(&text, "\"", "a", 60, "b\""), NULL),
	       SCHEMA_TOO_COSTLY, "a pattern that backtracks without end");
	is_int(verdict_of("{\"pattern\":\"(x+x+)+[yz]\"}", repeated(&text, "\"", "x", 100000, "\""), NULL),
	       SCHEMA_TOO_COSTLY, "the same at every position of a long text");
	is_int(verdict_of("{\"pattern\":\"^[a-z]+$\"}", repeated(&text, "\"", "x", 100000, "\""), NULL),
	       SCHEMA_VALID, "a harmless pattern over a long text");
	is_int(verdict_of("{\"uniqueItems\":true}", repeated(&text, "[0", ",[1]", 20000, "]"), NULL),
	       SCHEMA_INVALID, "many equal elements are found");
}

/* Each level doubles the work of the one below: 2^30 in all. */
static void test_doubling(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 16);

	buf_add(&text, S("{\"$ref\":\"#/$defs/a0\",\"$defs\":{"));
	for (int i = 0; i < 30; i++)
		buf_addf(&text,
			 "\"a%d\":{\"allOf\":[{\"$ref\":\"#/$defs/a%d\"},{\"$ref\":\"#/$defs/a%d\"}]},", i,
			 i + 1, i + 1);
	buf_add(&text, S("\"a30\":{\"type\":\"integer\"}}}"));
	is_int(verdict_of(buf_cstr(&text), S("1"), NULL), SCHEMA_TOO_COSTLY,
	       "work that doubles thirty times");
}

static void test_compile_limits(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 24);
	CLEANUP(schema_freep) struct schema *schema = NULL;
	struct err err = ERR_INIT;

	repeated(&text, "{\"allOf\":[{}", ",{}", SCHEMA_SUBSCHEMAS, "]}");
	ok(compile(buf_cstr(&text), NULL, &schema, &err) < 0 && err.code == ERR_LIMIT,
	   "too many subschemas: %s", err.text);
	repeated(&text, "{\"allOf\":[{}", ",{\"pattern\":\"a\"}", SCHEMA_PATTERNS + 1, "]}");
	ok(compile(buf_cstr(&text), NULL, &schema, &err) < 0 && err.code == ERR_LIMIT,
	   "too many patterns: %s", err.text);
	repeated(&text, "{\"pattern\":\"", "a", 9000, "\"}");
	ok(compile(buf_cstr(&text), NULL, &schema, &err) < 0 && err.code == ERR_LIMIT,
	   "too long a pattern: %s", err.text);
	repeated(&text, "{\"allOf\":[{}", ",{\"$anchor\":\"a\"}", SCHEMA_RESOURCES + 1, "]}");
	ok(compile(buf_cstr(&text), NULL, &schema, &err) < 0 && err.code == ERR_LIMIT, "too many anchors: %s",
	   err.text);
}

static const struct {
	const char *schema, *instance;
	bool valid;
} cases[] = {
	{ "{\"const\":9007199254740993}", "9007199254740992", false },
	{ "{\"const\":9007199254740993}", "9007199254740993.0", true },
	{ "{\"type\":\"integer\"}", "1e2", true },
	{ "{\"type\":\"integer\"}", "12.50e1", true },
	{ "{\"type\":\"integer\"}", "1e-2", false },
	{ "{\"type\":\"integer\"}", "1e99999999999999999999", true },
	{ "{\"maximum\":5}", "1e99999999999999999999", false },
	{ "{\"minimum\":5}", "-1e99999999999999999999", false },
	{ "{\"maximum\":0}", "1e-99999999999999999999", false },
	{ "{\"maximum\":0.1}", "0.1000000000000000000000000000001", false },
	{ "{\"minimum\":-0.1}", "-0.10000000000000000000000001", false },
	{ "{\"minimum\":-0.0}", "0", true },
	{ "{\"multipleOf\":3}", "1000000000000000000000000000002", true },
	{ "{\"multipleOf\":3}", "1000000000000000000000000000001", false },
	{ "{\"multipleOf\":0.1}", "0.3", true },
	{ "{\"multipleOf\":0.1}", "0.30000000000000004", false },
	{ "{\"multipleOf\":7}", "7e400", true },
	{ "{\"maxLength\":1}", "\"\\ud83d\\ude00\"", true },
	{ "{\"minLength\":2}", "\"\\ud83d\\ude00\"", false },
	{ "{\"maxLength\":2}", "\"\\n\\u0041\\\"\"", false },
	{ "{\"maxLength\":3}", "\"\\n\\u0041\\\"\"", true },
	{ "{\"maxLength\":1}", "\"\xe3\x81\x82\"", true },
	{ "{\"properties\":{\"a\\u0062\":false}}", "{\"\\u0061b\":1}", false },
	{ "{\"required\":[\"a\\u0062\"]}", "{\"\\u0061b\":1}", true },
	{ "{\"enum\":[\"a\\u0062\"]}", "\"\\u0061b\"", true },
	{ "{\"pattern\":\"^ab$\"}", "\"\\u0061b\"", true },
	{ "{\"uniqueItems\":true}", "[1,2,3,4,5,6,7,8,9,{\"a\":1,\"b\":2},{\"b\":2,\"a\":1.0}]", false },
	{ "{\"uniqueItems\":true}", "[1,2,3,4,5,6,7,8,9,{\"a\":1,\"b\":2},{\"b\":1,\"a\":2},\"1\"]", true },
	{ "{\"format\":\"ipv4\"}", "\"x\"", true },
	{ "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"$ref\":\"#/definitions/a\",\"type\":\"null\","
	  "\"definitions\":{\"a\":{\"type\":\"string\"}}}",
	  "\"x\"", true },
	{ "{\"$schema\":\"https://json-schema.org/draft-07/schema\",\"items\":[{\"type\":\"null\"}],"
	  "\"additionalItems\":false}",
	  "[null,1]", false },
	{ "{\"additionalProperties\":false,\"properties\":{\"a\":true},\"patternProperties\":{\"^x-\":true}}",
	  "{\"a\":1,\"x-y\":2}", true },
	{ "{\"required\":[\"a\",\"a\"]}", "{\"a\":1}", true },
	{ "true", "1", true },
	{ "{\"$id\":\"http://e/a/b\",\"$ref\":\"c#x\",\"$defs\":{\"c\":{\"$id\":\"c\",\"$defs\":{\"x\":"
	  "{\"$anchor\":\"x\",\"type\":\"null\"}}}}}",
	  "1", false },
	{ "{\"$ref\":\"#/$defs/a%25b~1c\",\"$defs\":{\"a%b/c\":{\"type\":\"null\"}}}", "1", false },
	{ "{\"$ref\":\"#/components/schemas/T\",\"components\":{\"schemas\":{\"T\":{\"items\":{\"$ref\":"
	  "\"#/components/schemas/U\"}},\"U\":{\"type\":\"null\"}}}}",
	  "[1]", false },
	{ "{\"$id\":\"http://e/tree\",\"$dynamicAnchor\":\"n\",\"$ref\":\"base\",\"type\":[\"array\",\"null\"],"
	  "\"$defs\":{\"b\":{\"$id\":\"base\",\"$dynamicAnchor\":\"n\",\"items\":{\"$dynamicRef\":\"#n\"}}}}",
	  "[null,[1]]", false },
	{ "{\"anyOf\":[{\"properties\":{\"a\":{\"const\":1}},\"required\":[\"a\"]},{\"properties\":{\"b\":true}}],"
	  "\"unevaluatedProperties\":false}",
	  "{\"a\":2,\"b\":1}", false },
	{ "{\"anyOf\":[{\"properties\":{\"a\":true}},{\"properties\":{\"b\":true}}],"
	  "\"unevaluatedProperties\":false}",
	  "{\"a\":2,\"b\":1}", true },
	{ "{\"prefixItems\":[true],\"contains\":{\"type\":\"null\"},\"unevaluatedItems\":{\"type\":\"string\"}}",
	  "[1,null,\"a\",2]", false },
	{ "{\"prefixItems\":[true],\"contains\":{\"type\":\"null\"},\"unevaluatedItems\":{\"type\":\"string\"}}",
	  "[1,null,\"a\"]", true },
	{ "{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":false}", "{\"b\":1}",
	  false },
	{ "{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":false}",
	  "{\"a\":1,\"b\":1}", true },
	{ "{\"contains\":{\"const\":1},\"minContains\":2,\"maxContains\":3}", "[1,1,1,1]", false },
	{ "{\"contains\":{\"const\":1},\"minContains\":0}", "[]", true },
};

static const struct {
	const char *format, *text;
	bool valid;
} format_cases[] = {
	{ "date", "2023-02-29", false },
	{ "date", "2024-02-29", true },
	{ "time", "23:58:60Z", false },
	{ "time", "00:59:60+01:00", true },
	{ "date-time", "2026-11-21 09:07:35Z", false },
	{ "date-time", "2026-11-21t09:07:35.1-08:00", true },
	{ "duration", "P1Y2D", false },
	{ "duration", "P1DT2H3M", true },
	{ "email", "a..b@example.com", false },
	{ "email", "\\\"a\\\\\\\"@example.com", false },
	{ "email", "\\\"a b\\\"@[IPv6:::1]", true },
	{ "hostname", "-a.example", false },
	{ "hostname", "a-b.example", true },
	{ "ipv4", "1.2.3.04", false },
	{ "ipv4", "1.2.3.255", true },
	{ "ipv6", "1::2::3", false },
	{ "ipv6", "::ffff:1.2.3.4", true },
	{ "uri", "//example.com/a", false },
	{ "uri", "http://a/%zz", false },
	{ "uri", "http://[::1]:80/a?b#c", true },
	{ "uri-reference", "a b", false },
	{ "uri-reference", "../a?b#c", true },
	{ "uuid", "00000000-0000-0000-0000-00000000000g", false },
	{ "uuid", "00000000-0000-0000-0000-00000000000F", true },
	{ "json-pointer", "/a~2", false },
	{ "json-pointer", "/a~1b", true },
	{ "relative-json-pointer", "01/a", false },
	{ "relative-json-pointer", "1#", true },
	{ "regex", "(", false },
	{ "regex", "^a$", true },
	{ "iri", "not held to anything", true },
};

static void test_formats(void)
{
	const struct schema_options options = { .assert_formats = true };
	char schema[64], text[128];

	for (size_t i = 0; i < COUNT(format_cases); i++) {
		snprintf(schema, sizeof(schema), "{\"format\":\"%s\"}", format_cases[i].format);
		snprintf(text, sizeof(text), "\"%s\"", format_cases[i].text);
		is_int(verdict_of(schema, span_str(text), &options),
		       format_cases[i].valid ? SCHEMA_VALID : SCHEMA_INVALID, "%s %s", format_cases[i].format,
		       text);
	}
}

static void test_cases(void)
{
	for (size_t i = 0; i < COUNT(cases); i++)
		is_int(verdict_of(cases[i].schema, span_str(cases[i].instance), NULL),
		       cases[i].valid ? SCHEMA_VALID : SCHEMA_INVALID, "%s with %s", cases[i].schema,
		       cases[i].instance);
}

int main(void)
{
	test_refused();
	test_compile_limits();
	test_costs();
	test_doubling();
	test_problems();
	test_inner_value();
	test_cases();
	test_formats();
	return tap_done();
}
