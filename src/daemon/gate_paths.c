/* gate_paths.c - where a gate keeps what is its own. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gate_paths.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "conf/conf.h"
#include "crypto/digest.h"

struct span gate_paths_home(void)
{
	const char *path = getenv("HOME");

	return path && path[0] == '/' ? span_str(path) : S("");
}

static bool join(char *out, size_t size, const char *a, const char *b)
{
	int n = snprintf(out, size, "%s/%s", a, b);

	return n > 0 && (size_t)n < size;
}

/* $XDG_…_HOME/kanmon, or the place below the home folder that stands for it. */
static bool user_folder(char *out, size_t size, const char *variable, const char *below_home)
{
	const char *base = getenv(variable);
	char fallback[PATH_MAX];

	if (base && base[0] == '/')
		return join(out, size, base, "kanmon");
	if (gate_paths_home().n == 0)
		return false;
	/* What was taken from the environment ends with a NUL. */
	return join(fallback, sizeof(fallback), gate_paths_home().p, below_home) &&
	       join(out, size, fallback, "kanmon");
}

bool gate_paths_default_config(char *out, size_t size)
{
	char folder[PATH_MAX];

	return user_folder(folder, sizeof(folder), "XDG_CONFIG_HOME", ".config") &&
	       join(out, size, folder, "kanmon.yaml");
}

/*
 * A config file other than the user's own is a gate of its own: its data stands under a name made
 * of the file's, so that two gates never share a store by accident.
 */
static int default_data(const char *config, struct gate_paths *paths, struct err *err)
{
	char base[PATH_MAX], own[PATH_MAX], name[80];
	uint8_t digest[DIGEST_BYTES];
	const char *file = strrchr(config, '/');

	if (!user_folder(base, sizeof(base), "XDG_STATE_HOME", ".local/state"))
		return err_set(
		    err, ERR_CONFIG,
		    "there is no home folder to keep data in; set HOME, or name a folder with --data-dir or "
		    "`data:` in the config");
	if (!config[0] || (gate_paths_default_config(own, sizeof(own)) && strcmp(own, config) == 0)) {
		(void)snprintf(paths->data, sizeof(paths->data), "%s", base);
		return 0;
	}
	digest_blake2b(span_str(config), digest);
	(void)snprintf(name, sizeof(name), "%.40s-%02x%02x%02x%02x", file ? file + 1 : config, digest[0],
		       digest[1], digest[2], digest[3]);
	if (!join(paths->data, sizeof(paths->data), base, name))
		return err_set(err, ERR_LIMIT, "the path of the data folder is too long");
	return 0;
}

int gate_paths_find_config(const char *file, struct gate_paths *paths, struct err *err)
{
	char path[PATH_MAX];
	struct stat st;

	paths->config[0] = '\0';
	if (!file) {
		if (gate_paths_default_config(path, sizeof(path)) && stat(path, &st) == 0)
			(void)snprintf(paths->config, sizeof(paths->config), "%s", path);
		return 0;
	}
	if (!realpath(file, paths->config))
		return err_sys(err, "cannot read the config %s", file);
	return 0;
}

int gate_paths_fill(struct gate_paths *paths, struct span data, struct err *err)
{
	if (data.n) {
		if (!span_to_cstr(data, paths->data, sizeof(paths->data)))
			return err_set(err, ERR_LIMIT, "the path of the data folder is too long");
	} else if (default_data(paths->config, paths, err) < 0) {
		return -1;
	}
	if (paths->data[0] != '/') {
		char relative[PATH_MAX], here[PATH_MAX];

		memcpy(relative, paths->data, sizeof(relative));
		if (!getcwd(here, sizeof(here)) || !join(paths->data, sizeof(paths->data), here, relative))
			return err_set(err, ERR_LIMIT, "the path of the data folder is too long");
	}
	if (!join(paths->audit, sizeof(paths->audit), paths->data, "audit") ||
	    !join(paths->control, sizeof(paths->control), paths->data, "control.sock"))
		return err_set(err, ERR_LIMIT, "the path of the data folder is too long");
	return 0;
}

/* --- where the config cannot be used --- */

/* The value of a top-level key, as one writes it on one line; empty where there is none to see. */
static struct span value_on_line(struct span text, struct span key)
{
	while (text.n) {
		struct span line = span_cut(&text, '\n');

		if (!span_starts(line, key) || !span_starts(span_skip(line, key.n), S(":")))
			continue;
		line = span_trim(span_skip(line, key.n + 1));
		if (line.n && (line.p[0] == '"' || line.p[0] == '\''))
			return span_first(span_skip(line, 1), span_find(span_skip(line, 1), line.p[0]));
		for (size_t i = 1; i < line.n; i++)
			if (line.p[i] == '#' && (line.p[i - 1] == ' ' || line.p[i - 1] == '\t'))
				return span_trim(span_first(line, i));
		return span_ends(line, S("\r")) ? span_first(line, line.n - 1) : line;
	}
	return S("");
}

/* As the config's reader makes it absolute. */
static void add_resolved(struct buf *out, struct span path, const char *config)
{
	const char *slash = strrchr(config, '/');

	if (span_eq(path, S("~")) || span_starts(path, S("~/"))) {
		buf_add(out, gate_paths_home());
		path = span_skip(path, 1);
	} else if (path.p[0] != '/' && slash) {
		buf_add(out, span_of(config, (size_t)(slash - config) + 1));
	}
	buf_add(out, path);
}

/* The file may be gone: then its folder may still be there. */
static int name_config(const char *file, struct gate_paths *paths, struct err *err)
{
	const char *slash = file ? strrchr(file, '/') : NULL;
	char folder[PATH_MAX], real[PATH_MAX];

	if (gate_paths_find_config(file, paths, err) == 0)
		return 0;
	(void)snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - file + 1) : 1,
		       slash ? file : ".");
	if (!realpath(folder, real) || !join(paths->config, sizeof(paths->config),
					     strcmp(real, "/") == 0 ? "" : real, slash ? slash + 1 : file))
		return -1;
	*err = ERR_INIT;
	return 0;
}

int gate_paths_guess(const char *file, const char *data_dir, struct gate_paths out[GATE_PATHS_GUESSES],
		     struct err *err)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(CONF_MAX_BYTES), data = BUF_INIT((size_t)PATH_MAX);
	struct gate_paths paths = { 0 };
	struct span value;
	int n = 0;

	if (name_config(file, &paths, err) < 0)
		return -1;
	out[0] = out[1] = paths;
	if (data_dir)
		return gate_paths_fill(&out[0], span_str(data_dir), err) < 0 ? -1 : 1;
	if (paths.config[0])
		(void)!file_read(paths.config, &text, NULL);
	value = value_on_line(buf_span(&text), S("data"));
	if (value.n)
		add_resolved(&data, value, paths.config);
	if (data.n && gate_paths_fill(&out[0], buf_span(&data), NULL) == 0)
		n = 1;
	return gate_paths_fill(&out[n], S(""), err) < 0 && n == 0 ? -1 : n + 1;
}
