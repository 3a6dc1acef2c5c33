/* schema.h - JSON Schema (2020-12 and draft-07), compiled once, checked within a budget. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "json/tape.h"

enum schema_limit {
	SCHEMA_SUBSCHEMAS = 16384, /* schemas in all documents of one schema */
	SCHEMA_RESOURCES = 1024,   /* $id in them; anchors too */
	SCHEMA_PATTERNS = 256,
	SCHEMA_MEMORY = 16 << 20,	/* bytes of one table of a compiled schema */
	SCHEMA_FRAMES = 512,		/* schemas applied within each other, $ref included */
	SCHEMA_STEPS = 1 << 20,		/* work of one check where the options name none */
	SCHEMA_COMPILE_STEPS = 1 << 22, /* work of resolving all references */
};

/* Compiled and immutable: threads may share it. Nothing of the source tape is kept. */
struct schema;

/* A document that references may lead to. The gate hands over none: nothing is ever fetched. */
struct schema_document {
	struct span uri; /* absolute, without fragment */
	const struct json *json;
	json_at at;
};

enum schema_dialect { SCHEMA_2020_12 = 0, SCHEMA_DRAFT_07 };

/* Zero is legal: no documents, formats as annotations, the limits above. */
struct schema_options {
	const struct schema_document *documents;
	size_t n_documents;
	bool assert_formats;	     /* hold strings to the formats of format.h */
	uint32_t max_steps;	     /* work of one check; 0 is SCHEMA_STEPS */
	enum schema_dialect dialect; /* of a schema that does not say */
};

/*
 * Compiles the schema at `at`. Its dialect is its `$schema`, else the one in the options.
 *
 * Owner:   the caller releases `*out` with schema_free(); on failure it is untouched. The tape and
 *          the options may go away.
 * Errors:  ERR_FORMAT where a keyword's value is not what it must be, where a reference leads
 *          nowhere (it is named), where a pattern cannot be used, where the dialect is unknown;
 *          ERR_LIMIT past a limit; ERR_NOMEM; ERR_MISSING where patterns need a library that is
 *          not there.
 */
int schema_compile(const struct json *json, json_at at, const struct schema_options *options,
		   struct schema **out, struct err *err) MUST_CHECK;
struct schema *schema_free(struct schema *schema);
static inline void schema_freep(struct schema **schema)
{
	*schema = schema_free(*schema);
}

/* Why a value is not valid, for a person or an agent. It holds names, never values of the instance. */
struct schema_problem {
	char text[256];	     /* "/count must be an integer, not a string." */
	char pointer[128];   /* JSON Pointer below the instance; cut with "..." where it is longer */
	const char *keyword; /* static; "type", "required", … */
};

/* Zero is no permission: what could not be judged is not valid. */
enum schema_verdict { SCHEMA_TOO_COSTLY = 0, SCHEMA_INVALID, SCHEMA_VALID };

/*
 * Checks the value at `at` of `instance`. `problem` may be NULL; it is filled where the verdict
 * is not SCHEMA_VALID. SCHEMA_TOO_COSTLY also says that memory was missing: deny.
 */
enum schema_verdict schema_check(const struct schema *schema, const struct json *instance, json_at at,
				 struct schema_problem *problem) MUST_CHECK;
