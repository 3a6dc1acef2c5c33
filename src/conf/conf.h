/* conf.h - the config: read, checked and frozen. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "conf/item.h"
#include "conf/problem.h"

#define CONF_MAX_BYTES ((size_t)1024 * 1024)

/* An immutable snapshot. References may be taken and dropped by any thread. */
struct conf;
/* A section, a map, a list or a value in it. Borrowed from its conf. */
struct conf_node;

struct conf_options {
	const struct conf_item *const *tables; /* the rooms' tables, ended by NULL */
	struct span home;		       /* the user's home folder; empty: "~/" is refused */
	/*
	 * What is a secret by its name, and what by its looks: lines are shown without it. NULL: only
	 * what the tables say is one.
	 */
	bool (*is_secret_name)(struct span name);
	bool (*has_secret)(struct span text);
};

/*
 * Reads a config. Every problem of the file is reported, up to CONF_MAX_PROBLEMS.
 *
 * Shape:   the subset of YAML 1.2 that older parsers read alike: UTF-8, one document, no anchors,
 *          aliases, tags or merge keys; at most CONF_MAX_BYTES.
 * Owner:   the caller releases `*out` with conf_unref(). On failure (-1) `*out` is untouched and
 *          `problems` holds at least one. `text` (at least CONF_MAX_BYTES) gets the bytes that
 *          were read: the file may be another one a moment later.
 */
int conf_load_file(const char *path, const struct conf_options *options, struct buf *text, struct conf **out,
		   struct conf_problems *problems) MUST_CHECK;
/* The same from text. `name` is shown in problems; relative paths are taken from its folder. */
int conf_load_text(struct span name, struct span text, const struct conf_options *options, struct conf **out,
		   struct conf_problems *problems) MUST_CHECK;

struct conf *conf_ref(struct conf *conf);
struct conf *conf_unref(struct conf *conf);
void conf_unrefp(struct conf **conf);

const struct conf_node *conf_root(const struct conf *conf);

/*
 * The node at a path below `from`, NULL where the file has none and there is no default. A path
 * that no table has is our bug. Where names of the user's own hold dots the longest name wins: to
 * be sure, walk to the node by conf_child() and ask from there.
 */
const struct conf_node *conf_find(const struct conf_node *from, const char *path);
/* The child with exactly this name, or NULL. */
const struct conf_node *conf_child(const struct conf_node *node, struct span name);

/* Children in the order of the file; elements of a list are children too. NULL at the end. */
const struct conf_node *conf_first(const struct conf_node *node);
const struct conf_node *conf_next(const struct conf_node *node);
size_t conf_count(const struct conf_node *node);

struct span conf_name(const struct conf_node *node); /* empty for an element of a list */
uint32_t conf_line(const struct conf_node *node);    /* from 1; 0 for a default */
bool conf_written(const struct conf_node *node);     /* in the file, not a default */

/* Does the file itself hold this path? */
bool conf_has(const struct conf_node *from, const char *path);

/* A node's own value. Asking for another type than its item's is our bug. */
struct span conf_text(const struct conf_node *node); /* also of an element of a list; has a NUL behind */

struct conf_address {
	struct span host; /* without brackets */
	uint16_t port;	  /* 0: any free one */
	bool v6;
};
struct conf_address conf_address(const struct conf_node *element);
/* One address and port, however both are written; not where any free port may be taken. */
bool conf_address_same(const struct conf_node *a, const struct conf_node *b);

/*
 * Values by path. Where the node is absent: empty text, false, 0, no address. CONF_STRING, CONF_ENUM,
 * CONF_PATH (made absolute) and CONF_URL are texts.
 */
struct span conf_get_text(const struct conf_node *from, const char *path);
bool conf_get_bool(const struct conf_node *from, const char *path);
int64_t conf_get_int(const struct conf_node *from, const char *path);
uint64_t conf_get_bytes(const struct conf_node *from, const char *path);
uint64_t conf_get_ms(const struct conf_node *from, const char *path);
/* The index in the item's `words`. */
unsigned conf_get_word(const struct conf_node *from, const char *path);
/* First child of a list, a map or a string map; NULL where it is empty or absent. */
const struct conf_node *conf_get_first(const struct conf_node *from, const char *path);
