/* definition.h - what a server is: program, arguments, environment, folder. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "jail/launch.h"

/* Where a bare program name is looked for when the environment names no PATH. Not passed on. */
#define DEFINITION_DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

struct definition {
	struct arena memory;
	struct span name;
	const char *cwd; /* "": stay */
	int folder;	 /* a folder to start in instead of cwd, or -1; owned */
	char **argv;	 /* at least one, NULL at the end */
	char **env;	 /* NULL at the end */
	size_t n_argv, n_env;
	struct span path; /* what PATH says in env, else the default */
};

/*
 * Reads the fields of a LAUNCH_DEFINE message.
 *
 * Owner:   the caller ends `*out` with definition_free(); on failure it is untouched.
 * Errors:  ERR_CONFIG with what is wrong; ERR_LIMIT; ERR_NOMEM.
 */
int definition_read(struct wire_in *in, struct definition **out, struct err *err) MUST_CHECK;

/* Wipes what it held; the environment has secrets. Returns NULL. */
struct definition *definition_free(struct definition *definition);

static inline void definition_freep(struct definition **definition)
{
	*definition = definition_free(*definition);
}
