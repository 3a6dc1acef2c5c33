/* program.h - a compiled schema: flat tables that the machine walks. Only this room looks inside. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/keyword.h"
#include "schema/schema.h"

struct regex;

#define NODE_NONE UINT32_MAX

/* Types as a set: 1 << enum json_type, and whole numbers as a type of their own. */
enum type_set {
	TYPES_ALL = 0x7F,
	TYPE_NUMBER = 1 << JSON_NUMBER,
	TYPE_STRING = 1 << JSON_STRING,
	TYPE_ARRAY = 1 << JSON_ARRAY,
	TYPE_OBJECT = 1 << JSON_OBJECT,
	TYPE_INTEGER = 0x80,
};

enum node_flag {
	NODE_SIMPLE = 1,  /* applies no other schema: checked without a frame */
	NODE_TRACKS = 2,  /* needs to know which members or elements were evaluated */
	NODE_REFUSES = 4, /* false: nothing is valid */
	NODE_READY = 8,	  /* compiled; others are never reached */
};

/* One schema. */
struct node {
	uint32_t first_op;
	uint16_t n_ops;
	uint8_t types;
	uint8_t flags;
	uint32_t resource;
	uint32_t other; /* a node that consists of a $ref to this one, else NODE_NONE */
};

/*
 * One keyword at work. What the fields hold depends on it:
 *
 *   min… max… of sizes          n the bound
 *   minimum and its kin         a the bound's index
 *   multipleOf                  a the multiple's index
 *   const, enum                 a where its n constants begin in the lists
 *   dependentRequired           a where n pairs (name, required name) begin in the lists
 *   pattern                     a the regex's index, b the pattern among the names
 *   format                      a the enum format
 *   properties                  a the index of the object rules
 *   propertyNames, not, $ref    a the node
 *   items                       a where n prefix nodes begin in the lists, b the node for the rest
 *   contains                    a the node, n and b the bounds on how many
 *   allOf, anyOf, oneOf         a where n nodes begin in the lists
 *   if                          a, n, b the nodes of if, then and else
 *   dependentSchemas            a where n pairs (name, node) begin in the lists
 *   $dynamicRef                 a the node without a dynamic scope, n the name
 *   unevaluated…                a the node
 */
struct op {
	uint8_t keyword; /* enum keyword */
	uint8_t types;	 /* types of instances it looks at */
	uint16_t reserved;
	uint32_t n, a, b;
};

/* A name in the texts. */
struct name {
	uint32_t off, n;
};

/* A slot of a hash table of property names; free where `used` is not set. */
struct slot {
	uint32_t hash;
	struct name name;
	uint32_t node; /* NODE_NONE for a name that is only required */
	bool used, required;
};

/* properties, patternProperties, additionalProperties and required of one schema. */
struct object_rules {
	uint32_t slots, mask;	       /* first slot; a power of two less one */
	uint32_t patterns, n_patterns; /* where pairs (regex, node) begin in the lists */
	uint32_t additional;
	uint32_t n_required;
};

struct bound {
	struct name text; /* the number as it was written */
	int64_t integer;  /* its value where `is_integer` */
	bool is_integer;
};

/* digits × 10^power. */
struct multiple {
	uint64_t digits;
	int64_t power;
	uint64_t integer; /* the same as one number; 0 where it is none or does not fit */
};

/* Where a dynamic reference to `name` leads while `resource` is in the dynamic scope. */
struct dynamic {
	uint32_t name, resource, node;
};

/* Tables of one schema; each has its own memory. */
struct schema {
	struct node *nodes;
	struct op *ops;
	struct slot *slots;
	struct object_rules *rules;
	struct name *names;
	struct bound *bounds;
	struct multiple *multiples;
	struct dynamic *dynamics;
	uint32_t *lists;
	char *texts;
	struct regex **patterns;
	uint32_t n_patterns, n_dynamics;
	uint32_t max_steps;
	uint32_t root;
	struct json constants; /* one array with what const and enum allow */
	char *constants_text;
};

static inline struct span schema_name(const struct schema *schema, struct name name)
{
	return span_of(schema->texts + name.off, name.n);
}
