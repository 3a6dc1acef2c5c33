/* fill.h - one value of the file, checked, into its node. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/node.h"
#include "conf/problem.h"
#include "conf/yaml.h"

/* What reading needs on the way; all borrowed. */
struct reading {
	struct arena *arena;   /* of the config */
	struct arena *scratch; /* of the reading */
	struct conf_problems *problems;
	const struct source *source;
	struct span home, folder; /* for paths; empty: there is none */
};

/* Reports a problem at a node of the tree, or at its key where it has no bytes itself. */
struct conf_problem *fill_problem(const struct reading *reading, const struct yaml_node *yaml,
				  const char *code, const char *format, ...) PRINTF(4, 5);

/* K103: the value at `node` is no value of its type. */
struct conf_problem *fill_wrong_type(const struct reading *reading, const struct conf_node *node,
				     const struct yaml_node *yaml);

/* Reads a value of any type but a section or a map; what is wrong is reported. */
void fill_value(const struct reading *reading, struct conf_node *node, const struct yaml_node *yaml);

/*
 * Checks a name of the user's own below `node` (a map or a string map); K110 or K108 where it is
 * refused, and false.
 */
bool fill_name(const struct reading *reading, const struct conf_node *node, const struct yaml_node *key);

/* A path as people write it, NUL-terminated: for a sentence. */
struct path_text {
	char text[320];
};
struct path_text fill_path(const struct conf_node *node);
