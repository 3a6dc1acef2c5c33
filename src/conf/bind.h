/* bind.h - the tree of a file, matched with the tree of keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/fill.h"
#include "conf/shape.h"

/*
 * Makes nodes for what the file holds and for the defaults of what it does not; reports all that
 * is wrong. `yaml` is NULL for an empty file; `parser` reads the defaults that are no plain text.
 *
 * Returns the root, NULL without memory.
 */
struct conf_node *bind_tree(const struct reading *reading, const struct yaml *parser,
			    const struct shape *shape, const struct yaml_node *yaml);
