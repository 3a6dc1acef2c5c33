/* node.h - the inside of a frozen config: one section, map, list or value. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/item.h"
#include "conf/source.h"

struct shape;

struct conf_node {
	struct span name;
	struct span text;	   /* of a value with a text, and of an element; has a NUL behind */
	int64_t number;		   /* of bool, int, bytes, duration, enum; an address' port */
	bool v6;		   /* an address in brackets */
	bool element;		   /* of a list or of a string map */
	bool written;		   /* in the file */
	const struct shape *shape; /* an element has its list's */
	const struct source *source;
	const struct conf_node *parent;
	struct conf_node *next, *first, *last;
	struct range key, value; /* where it is written; a value without a place has n == 0 */
};

/* Hangs `child` behind the last one. */
void conf_node_add(struct conf_node *parent, struct conf_node *child);

/* Adds the path as people write it: "servers.files.tools"; long names are cut. Nothing for the root. */
void conf_node_add_path(struct buf *out, const struct conf_node *node);
