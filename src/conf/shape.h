/* shape.h - the tables of all rooms as one tree of keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "conf/item.h"

/* Sections and maps inside each other. */
#define SHAPE_MAX_DEPTH 8

struct shape {
	struct span name;	      /* "*" below a map */
	const struct conf_item *item; /* NULL for a section that no item names */
	struct shape *parent, *next, *first, *last;
};

/*
 * Builds the tree; it lives in `arena` and borrows the tables. NULL without memory. Tables that
 * contradict each other are our bug.
 */
struct shape *shape_build(const struct conf_item *const *tables, struct arena *arena) MUST_CHECK;

static inline enum conf_type shape_type(const struct shape *shape)
{
	return shape->item ? shape->item->type : CONF_SECTION;
}

/* A section or a map: has children of its own in the tree. */
static inline bool shape_is_open(const struct shape *shape)
{
	return shape_type(shape) == CONF_SECTION || shape_type(shape) == CONF_MAP;
}

/* The child with this name; below a map the one for every name. NULL where there is none. */
const struct shape *shape_child(const struct shape *shape, struct span name);

/* The shape after `shape`, parents first; NULL after the last one. */
const struct shape *shape_next(const struct shape *shape);

/* Has any key of the tree this name? */
bool shape_has_name(const struct shape *root, struct span name);
