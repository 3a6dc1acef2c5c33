/* library.h - the documents of one compilation: where schemas stand and what references name. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "schema/keyword.h"
#include "schema/schema.h"

#define LIBRARY_NONE UINT32_MAX

/* A schema in a document. Its index is its node's index in the program. */
struct place {
	uint32_t document;
	json_at at;
	uint32_t resource;
};

/* A document, or a part of one with its own $id. */
struct resource {
	struct span uri;       /* absolute, without fragment; empty for a document without a name */
	struct span retrieval; /* the name it was asked for by, where that is another */
	uint32_t document;
	json_at root;
	enum draft draft;
	bool validates; /* the validation vocabulary is in force */
	bool asserts_formats;
};

struct anchor {
	struct span name;
	uint32_t resource, place;
	bool dynamic;
};

struct document {
	const struct json *json;
	json_at root;
	uint32_t *places; /* by token from the root on: index of the place + 1, 0 where there is none */
};

struct library {
	const struct schema_options *options;
	struct arena texts;
	struct buf documents, resources, anchors, places; /* vectors */
	struct buf pending;				  /* what the scan has before it */
	struct buf scratch;
	uint64_t steps;
	struct err *err; /* borrowed; where every failure goes */
};

/* Where a reference leads. */
struct target {
	uint32_t place;
	uint32_t anchor; /* the dynamic anchor that was named, or LIBRARY_NONE */
};

/* Reads the document at `at` as place 0 and what it embeds. -1 with `err` set; release in any case. */
int library_open(struct library *library, const struct json *json, json_at at,
		 const struct schema_options *options, struct err *err) MUST_CHECK;
void library_release(struct library *library);

const struct place *library_place(const struct library *library, uint32_t place);
const struct resource *library_resource(const struct library *library, uint32_t resource);
const struct document *library_document(const struct library *library, uint32_t document);

/* The place of a schema that the scan has seen. */
uint32_t library_place_at(const struct library *library, uint32_t document, json_at at);

/* Follows the reference at `ref`, a string inside `from`. Documents handed over are read when named. */
int library_resolve(struct library *library, uint32_t from, json_at ref, struct target *out) MUST_CHECK;

/* Takes from what resolving may cost in all. False, with the error set, where nothing is left. */
bool library_charge(struct library *library, uint64_t price) MUST_CHECK;

/* Sets the error to "at POINTER: " and the sentence. Returns -1. */
int library_refuse(struct library *library, uint32_t document, json_at at, const char *format, ...)
    PRINTF(4, 5);
