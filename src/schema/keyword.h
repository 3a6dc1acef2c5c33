/* keyword.h - the words of the two dialects, and where they hold schemas. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "json/tape.h"

enum draft { DRAFT_07 = 1, DRAFT_2020_12 = 2 };

/*
 * In the order in which a schema's keywords are evaluated: cheap assertions first, then what
 * applies schemas, last what needs to know what the others have seen.
 */
enum keyword {
	KEYWORD_NONE = 0,
	KEYWORD_ID,
	KEYWORD_SCHEMA,
	KEYWORD_ANCHOR,
	KEYWORD_DYNAMIC_ANCHOR,
	KEYWORD_DEFS,
	KEYWORD_DEFINITIONS,
	/* The validation vocabulary. */
	KEYWORD_TYPE,
	KEYWORD_MAX_CONTAINS,
	KEYWORD_MIN_CONTAINS,
	KEYWORD_REQUIRED,
	KEYWORD_MAX_PROPERTIES,
	KEYWORD_MIN_PROPERTIES,
	KEYWORD_MAX_ITEMS,
	KEYWORD_MIN_ITEMS,
	KEYWORD_MAX_LENGTH,
	KEYWORD_MIN_LENGTH,
	KEYWORD_MAXIMUM,
	KEYWORD_EXCLUSIVE_MAXIMUM,
	KEYWORD_MINIMUM,
	KEYWORD_EXCLUSIVE_MINIMUM,
	KEYWORD_MULTIPLE_OF,
	KEYWORD_CONST,
	KEYWORD_ENUM,
	KEYWORD_DEPENDENT_REQUIRED,
	KEYWORD_PATTERN,
	KEYWORD_UNIQUE_ITEMS,
	/* Others. */
	KEYWORD_FORMAT,
	KEYWORD_PROPERTIES,
	KEYWORD_PATTERN_PROPERTIES,
	KEYWORD_ADDITIONAL_PROPERTIES,
	KEYWORD_PROPERTY_NAMES,
	KEYWORD_PREFIX_ITEMS,
	KEYWORD_ITEMS,
	KEYWORD_ADDITIONAL_ITEMS,
	KEYWORD_CONTAINS,
	KEYWORD_REF,
	KEYWORD_DYNAMIC_REF,
	KEYWORD_ALL_OF,
	KEYWORD_ANY_OF,
	KEYWORD_ONE_OF,
	KEYWORD_NOT,
	KEYWORD_IF,
	KEYWORD_THEN,
	KEYWORD_ELSE,
	KEYWORD_DEPENDENT_SCHEMAS,
	KEYWORD_DEPENDENCIES,
	KEYWORD_UNEVALUATED_ITEMS,
	KEYWORD_UNEVALUATED_PROPERTIES,
	KEYWORD_COUNT,
};

/* Where in a keyword's value schemas stand. */
enum keyword_shape {
	SHAPE_NONE = 0,
	SHAPE_SCHEMA,
	SHAPE_LIST,	    /* an array of schemas, not empty */
	SHAPE_MAP,	    /* an object of schemas */
	SHAPE_ITEMS,	    /* a schema or, in draft-07, an array of them */
	SHAPE_DEPENDENCIES, /* an object of schemas and arrays of names */
};

/* The keyword a member name is in a dialect; KEYWORD_NONE for others. */
enum keyword keyword_of(const struct json *json, json_at key, enum draft draft);

enum keyword_shape keyword_shape(enum keyword keyword);
const char *keyword_name(enum keyword keyword);

static inline bool keyword_validates(enum keyword keyword)
{
	return keyword >= KEYWORD_TYPE && keyword <= KEYWORD_UNIQUE_ITEMS;
}
