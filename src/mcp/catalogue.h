/* catalogue.h - what a server offers: its tools as it defined them, and what is compiled from them. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "mcp/header.h"
#include "mcp/omission.h"

struct schema;

enum {
	CATALOGUE_BYTES = 16 * 1024 * 1024,
	CATALOGUE_TOOLS = 10000,
	CATALOGUE_PAGES = 1000,
};

struct tool {
	struct span name;
	struct span raw; /* the definition, as JSON without white space */
	struct header_param *params;
	size_t n_params;
	bool bad_params;       /* its x-mcp-header annotations break the rules */
	bool as_task;	       /* it says that it can only be called as a task */
	bool compiled;	       /* `schema` or `problem` is settled */
	struct schema *schema; /* of inputSchema */
	struct span problem;   /* why inputSchema cannot be used; empty where it can */
	struct span digest;    /* of `raw`; empty until it is asked for */
	/* OMIT_TWICE: it is nobody's. What else is wrong with its name matters where all servers stand
	 * together. */
	enum omission omission;
};

/* Filled page by page, then shared: reference counted. Only the compiled schemas are still added. */
struct catalogue {
	unsigned refs;
	struct list holders; /* struct share: who pays for it */
	struct arena arena;
	struct tool *tools;
	size_t n, cap;
	struct map by_name;
	struct map pages;   /* URIs that tools name as theirs to show: catalogue_shows() */
	struct span result; /* the list's own members besides its tools: a JSON object */
	size_t server_n;    /* the length of its server's name */
	size_t omitted[OMISSIONS];
	size_t bad_params; /* definitions that are left out of the modern era over HTTP */
};

struct catalogue *catalogue_new(void);
struct catalogue *catalogue_ref(struct catalogue *catalogue);
/* What it holds in memory, without the compiled schemas. */
static inline size_t catalogue_bytes(const struct catalogue *catalogue)
{
	return catalogue->arena.used + catalogue->cap * sizeof(*catalogue->tools);
}

/* Returns NULL. */
struct catalogue *catalogue_unref(struct catalogue *catalogue);

/*
 * Adds the tools of one page (`tools` is the array of a tools/list result). A definition without a name is
 * left out and counted; those of one name are counted and not found; a name that cannot stand behind the
 * server's is counted and marked.
 *
 * Errors: false past CATALOGUE_TOOLS or CATALOGUE_BYTES, or without memory.
 */
bool catalogue_add(struct catalogue *catalogue, const struct json *json, json_at tools) MUST_CHECK;

/* Keeps the list's own members (a JSON object without "tools" and "nextCursor"). */
bool catalogue_set_result(struct catalogue *catalogue, struct span result) MUST_CHECK;

/* NULL where there is none of that name, or more than one. */
struct tool *catalogue_find(const struct catalogue *catalogue, struct span name);

/*
 * Does one of its tools name the URI as the resource that shows it? It need be in no list of resources.
 * Source: the extension MCP Apps, `_meta.ui.resourceUri`, and `ui/resourceUri` of its drafts.
 */
bool catalogue_shows(const struct catalogue *catalogue, struct span uri);

/*
 * The compiled inputSchema, made at the first use. NULL where it cannot be used; tool->problem
 * says why, and the gate refuses the call: what cannot be checked does not pass.
 */
const struct schema *catalogue_schema(struct catalogue *catalogue, struct tool *tool);

/* BLAKE2b-256 of tool->raw in hex, made at the first use; empty without memory. */
struct span catalogue_digest(struct catalogue *catalogue, struct tool *tool);
