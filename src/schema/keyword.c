/* keyword.c - one line a keyword. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/keyword.h"

#include "base/cleanup.h"

enum { BOTH = DRAFT_07 | DRAFT_2020_12, NEW = DRAFT_2020_12, OLD = DRAFT_07 };

static const struct {
	struct span name;
	uint8_t drafts;
	uint8_t shape;
} keywords[KEYWORD_COUNT] = {
	[KEYWORD_NONE] = { SPAN(""), 0, SHAPE_NONE },
	[KEYWORD_ID] = { SPAN("$id"), BOTH, SHAPE_NONE },
	[KEYWORD_SCHEMA] = { SPAN("$schema"), BOTH, SHAPE_NONE },
	[KEYWORD_ANCHOR] = { SPAN("$anchor"), NEW, SHAPE_NONE },
	[KEYWORD_DYNAMIC_ANCHOR] = { SPAN("$dynamicAnchor"), NEW, SHAPE_NONE },
	[KEYWORD_DEFS] = { SPAN("$defs"), NEW, SHAPE_MAP },
	[KEYWORD_DEFINITIONS] = { SPAN("definitions"), BOTH, SHAPE_MAP },
	[KEYWORD_TYPE] = { SPAN("type"), BOTH, SHAPE_NONE },
	[KEYWORD_MAX_CONTAINS] = { SPAN("maxContains"), NEW, SHAPE_NONE },
	[KEYWORD_MIN_CONTAINS] = { SPAN("minContains"), NEW, SHAPE_NONE },
	[KEYWORD_REQUIRED] = { SPAN("required"), BOTH, SHAPE_NONE },
	[KEYWORD_MAX_PROPERTIES] = { SPAN("maxProperties"), BOTH, SHAPE_NONE },
	[KEYWORD_MIN_PROPERTIES] = { SPAN("minProperties"), BOTH, SHAPE_NONE },
	[KEYWORD_MAX_ITEMS] = { SPAN("maxItems"), BOTH, SHAPE_NONE },
	[KEYWORD_MIN_ITEMS] = { SPAN("minItems"), BOTH, SHAPE_NONE },
	[KEYWORD_MAX_LENGTH] = { SPAN("maxLength"), BOTH, SHAPE_NONE },
	[KEYWORD_MIN_LENGTH] = { SPAN("minLength"), BOTH, SHAPE_NONE },
	[KEYWORD_MAXIMUM] = { SPAN("maximum"), BOTH, SHAPE_NONE },
	[KEYWORD_EXCLUSIVE_MAXIMUM] = { SPAN("exclusiveMaximum"), BOTH, SHAPE_NONE },
	[KEYWORD_MINIMUM] = { SPAN("minimum"), BOTH, SHAPE_NONE },
	[KEYWORD_EXCLUSIVE_MINIMUM] = { SPAN("exclusiveMinimum"), BOTH, SHAPE_NONE },
	[KEYWORD_MULTIPLE_OF] = { SPAN("multipleOf"), BOTH, SHAPE_NONE },
	[KEYWORD_CONST] = { SPAN("const"), BOTH, SHAPE_NONE },
	[KEYWORD_ENUM] = { SPAN("enum"), BOTH, SHAPE_NONE },
	[KEYWORD_DEPENDENT_REQUIRED] = { SPAN("dependentRequired"), NEW, SHAPE_NONE },
	[KEYWORD_PATTERN] = { SPAN("pattern"), BOTH, SHAPE_NONE },
	[KEYWORD_UNIQUE_ITEMS] = { SPAN("uniqueItems"), BOTH, SHAPE_NONE },
	[KEYWORD_FORMAT] = { SPAN("format"), BOTH, SHAPE_NONE },
	[KEYWORD_PROPERTIES] = { SPAN("properties"), BOTH, SHAPE_MAP },
	[KEYWORD_PATTERN_PROPERTIES] = { SPAN("patternProperties"), BOTH, SHAPE_MAP },
	[KEYWORD_ADDITIONAL_PROPERTIES] = { SPAN("additionalProperties"), BOTH, SHAPE_SCHEMA },
	[KEYWORD_PROPERTY_NAMES] = { SPAN("propertyNames"), BOTH, SHAPE_SCHEMA },
	[KEYWORD_PREFIX_ITEMS] = { SPAN("prefixItems"), NEW, SHAPE_LIST },
	[KEYWORD_ITEMS] = { SPAN("items"), BOTH, SHAPE_ITEMS },
	[KEYWORD_ADDITIONAL_ITEMS] = { SPAN("additionalItems"), OLD, SHAPE_SCHEMA },
	[KEYWORD_CONTAINS] = { SPAN("contains"), BOTH, SHAPE_SCHEMA },
	[KEYWORD_REF] = { SPAN("$ref"), BOTH, SHAPE_NONE },
	[KEYWORD_DYNAMIC_REF] = { SPAN("$dynamicRef"), NEW, SHAPE_NONE },
	[KEYWORD_ALL_OF] = { SPAN("allOf"), BOTH, SHAPE_LIST },
	[KEYWORD_ANY_OF] = { SPAN("anyOf"), BOTH, SHAPE_LIST },
	[KEYWORD_ONE_OF] = { SPAN("oneOf"), BOTH, SHAPE_LIST },
	[KEYWORD_NOT] = { SPAN("not"), BOTH, SHAPE_SCHEMA },
	[KEYWORD_IF] = { SPAN("if"), BOTH, SHAPE_SCHEMA },
	[KEYWORD_THEN] = { SPAN("then"), BOTH, SHAPE_SCHEMA },
	[KEYWORD_ELSE] = { SPAN("else"), BOTH, SHAPE_SCHEMA },
	[KEYWORD_DEPENDENT_SCHEMAS] = { SPAN("dependentSchemas"), NEW, SHAPE_MAP },
	/* No word of 2020-12 any more, but its metaschema still knows it and authors still mean it. */
	[KEYWORD_DEPENDENCIES] = { SPAN("dependencies"), BOTH, SHAPE_DEPENDENCIES },
	[KEYWORD_UNEVALUATED_ITEMS] = { SPAN("unevaluatedItems"), NEW, SHAPE_SCHEMA },
	[KEYWORD_UNEVALUATED_PROPERTIES] = { SPAN("unevaluatedProperties"), NEW, SHAPE_SCHEMA },
};

enum keyword keyword_of(const struct json *json, json_at key, enum draft draft)
{
	bool escaped = json->tokens[key].escaped;
	struct span raw = json_string_raw(json, key);

	for (unsigned i = 1; i < COUNT(keywords); i++) {
		bool same = escaped ? json_string_is(json, key, keywords[i].name)
				    : span_eq(raw, keywords[i].name);

		if (same)
			return keywords[i].drafts & draft ? (enum keyword)i : KEYWORD_NONE;
	}
	return KEYWORD_NONE;
}

enum keyword_shape keyword_shape(enum keyword keyword)
{
	return (enum keyword_shape)keywords[keyword].shape;
}

const char *keyword_name(enum keyword keyword)
{
	return keywords[keyword].name.p;
}
