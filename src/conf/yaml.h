/* yaml.h - the subset of YAML 1.2 a config is written in, as a tree with places. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "conf/source.h"

/* Levels of mappings and lists inside each other. */
#define YAML_MAX_DEPTH 32

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAPPING };

struct yaml_node {
	enum yaml_kind kind;
	bool plain;  /* a scalar without quotes and no block of text */
	bool absent; /* nothing stands where a value was expected; `text` is empty */
	struct span text;
	struct range at; /* where a caret points; n == 0 for nothing and for a container without brackets */
	size_t end;	 /* offset after its last byte */
	struct yaml_node *key; /* of a mapping's member */
	struct yaml_node *parent, *next, *first, *last;
};

enum yaml_fault_kind {
	YAML_FAULT_SYNTAX,
	YAML_FAULT_ANCHOR,
	YAML_FAULT_ALIAS,
	YAML_FAULT_TAG,
	YAML_FAULT_DIRECTIVE,
	YAML_FAULT_DOCUMENTS,
	YAML_FAULT_COMPLEX_KEY,
	YAML_FAULT_MERGE_KEY,
	YAML_FAULT_DEPTH,
	YAML_FAULT_MEMORY,
};

/* Why a text gave no tree: the first fault. */
struct yaml_fault {
	enum yaml_fault_kind kind;
	struct range at;
	struct span text; /* YAML_FAULT_SYNTAX: the parser's words (English), else empty */
};

struct yaml;

/*
 * Loads the parser into this process; yaml_close() takes it out again.
 *
 * Errors:  ERR_MISSING where the library is not installed; ERR_NOMEM.
 */
struct yaml *yaml_open(struct err *err) MUST_CHECK;
struct yaml *yaml_close(struct yaml *yaml);
void yaml_closep(struct yaml **yaml);

/*
 * Reads one document. Duplicate keys are the caller's to find. `*out` is NULL where the text holds
 * no value. Nodes live in `arena`; `text` is valid UTF-8 and outlives nothing.
 *
 * Returns false with `*fault` set where the text is refused.
 */
bool yaml_parse(const struct yaml *yaml, struct span text, struct arena *arena, struct yaml_node **out,
		struct yaml_fault *fault) MUST_CHECK;

/* The node after `node`, parents before children; NULL after the last one below `top`. */
struct yaml_node *yaml_next(const struct yaml_node *top, struct yaml_node *node);
