/* definition.c - what a server is, read from the manager's message. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "jail/definition.h"

#include "base/secret.h"

/* The bytes of one message, a NUL for each string, and the arrays. */
#define DEFINITION_BYTES ((size_t)WIRE_MAX_BYTES + (LAUNCH_MAX_ARGS + LAUNCH_MAX_ENV + 8) * 32)

/* A copy with a NUL. NULL where the text has a NUL of its own, or no memory is left. */
static char *take_text(struct definition *definition, struct wire_in *in)
{
	struct span text = wire_get_span(in);
	size_t n = text.n;
	char *copy;

	if (in->bad || span_find(text, '\0') < n)
		return NULL;
	copy = arena_alloc(&definition->memory, n + 1);
	if (copy && n)
		memcpy(copy, text.p, n);
	return copy;
}

/* Reads a count and as many strings. */
static char **take_list(struct definition *definition, struct wire_in *in, size_t max, size_t *count)
{
	uint64_t n = wire_get_u64(in);
	char **list;

	if (in->bad || n > max)
		return NULL;
	list = arena_alloc(&definition->memory, ((size_t)n + 1) * sizeof(*list));
	if (!list)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		list[i] = take_text(definition, in);
		if (!list[i])
			return NULL;
		*count = i + 1;
	}
	return list;
}

static int check_env(struct definition *definition, struct err *err)
{
	definition->path = S(DEFINITION_DEFAULT_PATH);
	for (size_t i = 0; i < definition->n_env; i++) {
		struct span entry = span_str(definition->env[i]);
		size_t equals = span_find(entry, '=');

		if (equals == 0 || equals == entry.n)
			return err_set(err, ERR_CONFIG, "environment entry %zu is not NAME=value", i + 1);
		if (span_starts(entry, S("PATH=")))
			definition->path = span_skip(entry, 5);
	}
	return 0;
}

static int fill(struct definition *definition, struct wire_in *in, struct err *err)
{
	struct span name = wire_get_span(in);

	if (in->bad || name.n == 0 || name.n > LAUNCH_MAX_NAME)
		return err_set(err, ERR_LIMIT, "a server's name has 1 to %d bytes", LAUNCH_MAX_NAME);
	definition->name = arena_dup(&definition->memory, name);
	definition->cwd = take_text(definition, in);
	if (!definition->cwd)
		return err_set(err, ERR_CONFIG, "the folder is not a path");
	definition->argv = take_list(definition, in, LAUNCH_MAX_ARGS, &definition->n_argv);
	if (!definition->argv || definition->n_argv == 0 || definition->argv[0][0] == '\0')
		return err_set(err, ERR_CONFIG, "the command has 1 to %d words, the first a program's name",
			       LAUNCH_MAX_ARGS);
	definition->env = take_list(definition, in, LAUNCH_MAX_ENV, &definition->n_env);
	if (!definition->env)
		return err_set(err, ERR_CONFIG, "the environment has at most %d entries", LAUNCH_MAX_ENV);
	if (in->n_fds > 0)
		definition->folder = wire_get_fd(in);
	if (!wire_in_done(in))
		return err_set(err, ERR_FORMAT, "the definition is followed by something else");
	return check_env(definition, err);
}

int definition_read(struct wire_in *in, struct definition **out, struct err *err)
{
	CLEANUP(definition_freep) struct definition *definition = calloc(1, sizeof(*definition));

	if (!definition)
		return err_set(err, ERR_NOMEM, "no memory for a server's definition");
	definition->memory = ARENA_INIT(DEFINITION_BYTES);
	definition->folder = -1;
	if (fill(definition, in, err) < 0)
		return -1;
	if (definition->memory.over)
		return err_set(err, ERR_NOMEM, "no memory for a server's definition");
	*out = TAKE(definition);
	return 0;
}

static void wipe_list(char **list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		secret_wipe(list[i], strlen(list[i]));
}

struct definition *definition_free(struct definition *definition)
{
	if (!definition)
		return NULL;
	wipe_list(definition->argv, definition->n_argv);
	wipe_list(definition->env, definition->n_env);
	closep(&definition->folder);
	arena_release(&definition->memory);
	free(definition);
	return NULL;
}
