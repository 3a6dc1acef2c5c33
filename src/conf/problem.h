/* problem.h - what is wrong with a config, all of it at once, for people and for programs. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

/* More problems than these are counted, not kept. */
#define CONF_MAX_PROBLEMS 20
#define CONF_MAX_NOTES 3

struct conf_node;
struct source;

struct conf_problem {
	const char *code;    /* "K102" */
	struct span message; /* one sentence without a full stop, in the chosen language */
	struct span label;   /* stands after the carets; may be empty */
	struct span notes[CONF_MAX_NOTES];
	unsigned n_notes;
	struct span file;
	struct span key;       /* "limits.calls", or "calls"; empty where it is no one key's */
	uint32_t line, column; /* from 1, in characters; 0 where the problem has no place */
	uint32_t length;       /* characters, at least 1 where there is a place */
	struct span excerpt;   /* the line as it may be shown */
	uint32_t caret_at, caret_columns;
	size_t offset, bytes; /* of the place in the file */
	bool placed;
};

/*
 * Problems in the order of the file. Outlives the config it speaks of.
 *
 * Owner:   conf_problems_release().
 */
struct conf_problems {
	struct arena arena;
	struct conf_problem at[CONF_MAX_PROBLEMS];
	size_t n;
	size_t more; /* found, not kept */
};

#define CONF_PROBLEMS_INIT ((struct conf_problems){ .arena = ARENA_INIT((size_t)1024 * 1024) })

void conf_problems_release(struct conf_problems *problems);

/*
 * Reports a problem at a node's value (or at its name, where it has no value in the file; at the
 * nearest parent that is in the file for a default). The sentence comes from tr() and holds names,
 * never values: a value is shown from its line only, where secrets are masked.
 *
 * Returns where label and notes go: borrowed until the next call; NULL where it was only counted.
 */
struct conf_problem *conf_problem_at(struct conf_problems *problems, const struct conf_node *node,
				     const char *code, const char *format, ...) PRINTF(4, 5);
/* The same at the node's name. */
struct conf_problem *conf_problem_at_name(struct conf_problems *problems, const struct conf_node *node,
					  const char *code, const char *format, ...) PRINTF(4, 5);
/* A problem of the whole file. */
struct conf_problem *conf_problem_of_file(struct conf_problems *problems, struct span file, const char *code,
					  const char *format, ...) PRINTF(4, 5);

/* Both take a NULL problem and do nothing then. */
void conf_problem_label(struct conf_problems *problems, struct conf_problem *problem, const char *format, ...)
    PRINTF(3, 4);
void conf_problem_note(struct conf_problems *problems, struct conf_problem *problem, const char *format, ...)
    PRINTF(3, 4);

struct conf_render {
	bool color;	    /* ANSI colours */
	struct span footer; /* one more note under the last problem; may be empty */
};

/* Adds all problems for a terminal. */
void conf_problems_render(struct buf *out, const struct conf_problems *problems,
			  const struct conf_render *render);

/* Adds a JSON array of {code, message, file, line, column, length, help}. */
void conf_problems_json(struct buf *out, const struct conf_problems *problems);

/* For the room itself: a problem at a range of a source, and sorting once all are known. */
struct conf_problem *conf_problem_in(struct conf_problems *problems, const struct source *source, size_t at,
				     size_t n, const char *code, const char *format, ...) PRINTF(6, 7);
void conf_problems_settle(struct conf_problems *problems, const struct source *source);
