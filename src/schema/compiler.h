/* compiler.h - the tables of a schema while they grow. Only for this room. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/library.h"
#include "schema/program.h"
#include "schema/vector.h"

struct compiler {
	struct library library;
	struct err *err;
	struct buf nodes, ops, slots, rules, names, bounds, multiples, dynamics, lists, texts,
	    patterns;	      /* vectors */
	struct buf constants; /* JSON: an array */
	uint32_t n_constants;
	struct buf queue;  /* vector of places that wait to be compiled */
	struct buf wanted; /* vector of names that $dynamicRef asks for, as index in `names` */
	struct buf scratch;
};

/* The schema at work: its keywords' values, JSON_NONE where absent. */
struct source {
	uint32_t place, document;
	const struct json *json;
	const struct resource *resource;
	json_at values[KEYWORD_COUNT];
};

/* The node of the schema at `at` of the source's document; it will be compiled. */
uint32_t compiler_child(struct compiler *c, const struct source *source, json_at at);

/* Makes sure that the node of a place will be compiled. */
void compiler_need(struct compiler *c, uint32_t place);

/* Adds an op. */
void compiler_op(struct compiler *c, enum keyword keyword, uint8_t types, struct op op);

/* Where the next value of the lists will stand; adding one. */
uint32_t compiler_list(const struct compiler *c);
void compiler_list_add(struct compiler *c, uint32_t value);

/* Adds a text to the texts. */
struct name compiler_text(struct compiler *c, struct span text);

/* The decoded string at `at`; borrowed until the next call. p == NULL past the ceiling. */
struct span compiler_string(struct compiler *c, const struct json *json, json_at at);

/* Adds the decoded string at `at` as a name and returns its index. */
uint32_t compiler_name(struct compiler *c, const struct json *json, json_at at);

/* Compiles the string at `at` as a pattern; `*out` is its index. -1 with the error set. */
int compiler_pattern(struct compiler *c, const struct source *s, json_at at, uint32_t *out) MUST_CHECK;

/* Emits the ops of one schema. -1 with the error set. */
int emit_keywords(struct compiler *c, const struct source *source, struct node *node) MUST_CHECK;
