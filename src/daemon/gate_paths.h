/* gate_paths.h - where a gate keeps what is its own. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

#include "base/err.h"
#include "base/span.h"

/* One config file is one gate. */
struct gate_paths {
	char config[PATH_MAX]; /* empty: the embedded default */
	char data[PATH_MAX];   /* store, audit log, control socket */
	char audit[PATH_MAX];
	char control[PATH_MAX]; /* the control socket; may be longer than a socket's name: see control.h */
};

/* The home folder of the environment, with a NUL behind it; empty where there is none. */
struct span gate_paths_home(void);

/* The path a user's own config has; false where there is no home. */
bool gate_paths_default_config(char *out, size_t size);

/*
 * Fills in `config`: the real path of `file`, which must be there; with NULL the user's own where there
 * is one, else empty.
 *
 * Errors: ERR_SYSTEM.
 */
int gate_paths_find_config(const char *file, struct gate_paths *paths, struct err *err) MUST_CHECK;

/* Fills in the others. `data` may be empty: then the folder that goes with the config's path. */
int gate_paths_fill(struct gate_paths *paths, struct span data, struct err *err) MUST_CHECK;

enum { GATE_PATHS_GUESSES = 2 };

/*
 * For who wants to reach a gate whose config has been broken since it started: the places where it may
 * have its data, the likeliest first. A config that cannot be read as one is looked at line by line.
 *
 * Shape:  how many; -1 where nothing can be said.
 */
int gate_paths_guess(const char *file, const char *data_dir, struct gate_paths out[GATE_PATHS_GUESSES],
		     struct err *err);
