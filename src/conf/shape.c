/* shape.c - the tables of all rooms as one tree of keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/shape.h"

#include "base/check.h"

static struct shape *find(const struct shape *shape, struct span name)
{
	for (struct shape *child = shape->first; child; child = child->next)
		if (span_eq(child->name, name))
			return child;
	return NULL;
}

static struct shape *find_or_add(struct shape *shape, struct span name, struct arena *arena)
{
	struct shape *child = find(shape, name);

	if (child)
		return child;
	child = arena_alloc(arena, sizeof(*child));
	if (!child)
		return NULL;
	child->name = name;
	child->parent = shape;
	if (shape->last)
		shape->last->next = child;
	else
		shape->first = child;
	shape->last = child;
	return child;
}

static bool add_item(struct shape *root, const struct conf_item *item, struct arena *arena)
{
	struct span rest = span_str(item->path);
	struct shape *shape = root;
	unsigned depth = 0;

	while (rest.n) {
		check(++depth < SHAPE_MAX_DEPTH);
		check(shape_is_open(shape));
		shape = find_or_add(shape, span_cut(&rest, '.'), arena);
		if (!shape)
			return false;
	}
	check(!shape->item);
	shape->item = item;
	return true;
}

struct shape *shape_build(const struct conf_item *const *tables, struct arena *arena)
{
	struct shape *root = arena_alloc(arena, sizeof(*root));

	if (!root)
		return NULL;
	root->name = S("");
	for (size_t i = 0; tables[i]; i++)
		for (const struct conf_item *item = tables[i]; item->path; item++)
			if (!add_item(root, item, arena))
				return NULL;
	for (const struct shape *shape = root; shape; shape = shape_next(shape)) {
		check(shape_is_open(shape) || !shape->first);
		check(shape_type(shape) != CONF_MAP || (find(shape, S("*")) && shape->first == shape->last));
	}
	return root;
}

const struct shape *shape_child(const struct shape *shape, struct span name)
{
	return shape_type(shape) == CONF_MAP ? shape->first : find(shape, name);
}

const struct shape *shape_next(const struct shape *shape)
{
	if (shape->first)
		return shape->first;
	while (shape && !shape->next)
		shape = shape->parent;
	return shape ? shape->next : NULL;
}

bool shape_has_name(const struct shape *root, struct span name)
{
	for (const struct shape *shape = root; shape; shape = shape_next(shape))
		if (span_eq(shape->name, name))
			return true;
	return false;
}
