/* fuzz_schema.c - any schema against any value: a verdict within the limits, always the same. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/schema.h"

#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_BYTES = 1 << 16, STEPS = 1 << 16 };

static void check_instance(const struct schema *schema, struct span text)
{
	struct schema_problem problem = { .keyword = NULL };
	struct json instance = { .tokens = NULL };
	enum schema_verdict verdict;

	if (json_parse(&instance, text, TEXT_BYTES)) {
		verdict = schema_check(schema, &instance, 0, &problem);
		check(verdict == schema_check(schema, &instance, 0, NULL));
		check((verdict == SCHEMA_VALID) == (problem.keyword == NULL));
		check(verdict == SCHEMA_VALID ||
		      (problem.text[0] && strlen(problem.text) < sizeof(problem.text)));
	}
	json_release(&instance);
}

/* Dialect and formats by the first byte, then the schema up to NUL or line end, then the value. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct schema_options options = { .max_steps = STEPS };
	struct span text = span_of((const char *)data, size), schema_text;
	struct json json = { .tokens = NULL };
	struct schema *schema = NULL;
	struct err err = ERR_INIT;
	size_t end = 0;

	if (size == 0)
		return 0;
	options.dialect = text.p[0] & 1 ? SCHEMA_DRAFT_07 : SCHEMA_2020_12;
	options.assert_formats = (text.p[0] & 2) != 0;
	text = span_skip(text, 1);
	while (end < text.n && text.p[end] != '\0' && text.p[end] != '\n')
		end++;
	schema_text = span_first(text, end);
	if (json_parse(&json, schema_text, TEXT_BYTES)) {
		if (schema_compile(&json, 0, &options, &schema, &err) == 0)
			check_instance(schema, span_skip(text, end + 1));
		else
			check(err.code != ERR_NONE && err.text[0]);
	}
	schema_free(schema);
	json_release(&json);
	return 0;
}
