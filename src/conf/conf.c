/* conf.c - the config: read, checked and frozen. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include <limits.h>
#include <stdatomic.h>

#include "base/check.h"
#include "base/file.h"
#include "base/tr.h"
#include "conf/bind.h"
#include "conf/fault.h"
#include "conf/hide.h"
#include "conf/yaml.h"
#include "text/utf8.h"

#define CONF_ARENA_BYTES ((size_t)32 * 1024 * 1024)
#define SCRATCH_BYTES ((size_t)128 * 1024 * 1024)

struct conf {
	atomic_uint refs;
	struct arena arena;
	struct source source;
	struct shape *shape;
	struct conf_node *root;
};

/* One load under way. */
struct load {
	struct conf *conf;
	struct arena scratch;
	const struct conf_options *options;
	struct span folder;
	struct conf_problems *problems;
};

static struct conf *conf_new(void)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (conf) {
		atomic_init(&conf->refs, 1);
		conf->arena = ARENA_INIT(CONF_ARENA_BYTES);
	}
	return conf;
}

struct conf *conf_ref(struct conf *conf)
{
	atomic_fetch_add_explicit(&conf->refs, 1, memory_order_relaxed);
	return conf;
}

struct conf *conf_unref(struct conf *conf)
{
	if (conf && atomic_fetch_sub_explicit(&conf->refs, 1, memory_order_acq_rel) == 1) {
		arena_release(&conf->arena);
		free(conf);
	}
	return NULL;
}

void conf_unrefp(struct conf **conf)
{
	*conf = conf_unref(*conf);
}

const struct conf_node *conf_root(const struct conf *conf)
{
	return conf->root;
}

static bool refuse_memory(const struct load *load)
{
	(void)conf_problem_of_file(load->problems, load->conf->source.name, "K109", "%s",
				   tr("the file needs too much memory to be read"));
	return false;
}

/* Bytes and characters that a person could not see or read. */
static bool check_characters(const struct load *load)
{
	const struct source *source = &load->conf->source;
	struct span text = source->text;
	size_t at = 0;

	while (at < text.n) {
		uint32_t point = 0;
		size_t n = utf8_decode(span_skip(text, at), &point);

		if (n == 0) {
			(void)conf_problem_in(load->problems, source, at, 1, "K109", "%s",
					      tr("the file is not UTF-8"));
			return false;
		}
		if (source_is_unshowable(point) && point != '\n' && point != '\t' && point != '\r') {
			(void)conf_problem_in(load->problems, source, at, n, "K101",
					      tr("a character that cannot be seen stands here: U+%04X"),
					      point);
			return false;
		}
		at += n;
	}
	return true;
}

/* In a file of another version everything else may be right. */
static void keep_version_problem(struct conf_problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		if (strcmp(problems->at[i].code, "K107") != 0)
			continue;
		problems->at[0] = problems->at[i];
		problems->n = 1;
		problems->more = 0;
		return;
	}
}

static bool read_tree(struct load *load, const struct yaml *yaml)
{
	struct conf *conf = load->conf;
	struct reading reading = {
		.arena = &conf->arena,
		.scratch = &load->scratch,
		.problems = load->problems,
		.source = &conf->source,
		.home = load->options->home,
		.folder = load->folder,
	};
	struct yaml_node *tree = NULL;
	struct yaml_fault fault = { .kind = YAML_FAULT_SYNTAX };

	if (!yaml_parse(yaml, conf->source.text, &load->scratch, &tree, &fault)) {
		if (fault.kind == YAML_FAULT_MEMORY)
			return refuse_memory(load);
		fault_report(load->problems, &conf->source, &fault);
		return false;
	}
	if (tree)
		hide_secrets(&conf->source, conf->shape, tree, load->options);
	conf->root = bind_tree(&reading, yaml, conf->shape, tree);
	if (!conf->root || conf->arena.over || load->scratch.over)
		return refuse_memory(load);
	return load->problems->n == 0;
}

static bool read_source(struct load *load)
{
	CLEANUP(yaml_closep) struct yaml *yaml = NULL;
	struct err err = ERR_INIT;

	if (!check_characters(load))
		return false;
	yaml = yaml_open(&err);
	if (!yaml) {
		struct conf_problem *problem = conf_problem_of_file(
		    load->problems, load->conf->source.name, "K109", "%s", tr("the config cannot be read"));

		conf_problem_note(load->problems, problem, "%s", err.text);
		return false;
	}
	return read_tree(load, yaml);
}

static int load_source(struct span name, struct span text, struct span folder,
		       const struct conf_options *options, struct conf **out, struct conf_problems *problems)
{
	CLEANUP(conf_unrefp) struct conf *conf = conf_new();
	struct load load = {
		.conf = conf,
		.scratch = ARENA_INIT(SCRATCH_BYTES),
		.options = options,
		.folder = folder,
		.problems = problems,
	};
	bool good;

	if (text.n > CONF_MAX_BYTES) {
		(void)conf_problem_of_file(problems, name, "K109", tr("the file is larger than %zu bytes"),
					   CONF_MAX_BYTES);
		return -1;
	}
	if (span_starts(text, S("\xEF\xBB\xBF")))
		text = span_skip(text, 3);
	if (!conf || !source_init(&conf->source, &conf->arena, name, text) ||
	    !(conf->shape = shape_build(options->tables, &conf->arena))) {
		(void)conf_problem_of_file(problems, name, "K109", "%s",
					   tr("the file needs too much memory to be read"));
		return -1;
	}
	good = read_source(&load);
	keep_version_problem(problems);
	if (!conf->source.settled)
		hide_secrets(&conf->source, conf->shape, NULL, options);
	conf_problems_settle(problems, &conf->source);
	arena_release(&load.scratch);
	if (!good)
		return -1;
	*out = TAKE(conf);
	return 0;
}

/* Everything before the last slash; "/" for a file in the root; empty where there is no slash. */
static struct span folder_of(struct span path)
{
	size_t n = path.n;

	while (n > 0 && path.p[n - 1] != '/')
		n--;
	return n > 1 ? span_first(path, n - 1) : span_first(path, n);
}

int conf_load_text(struct span name, struct span text, const struct conf_options *options, struct conf **out,
		   struct conf_problems *problems)
{
	struct span folder = span_starts(name, S("/")) ? folder_of(name) : S("");

	return load_source(name, text, folder, options, out, problems);
}

static void refuse_file(const char *path, size_t max, const struct err *err, struct conf_problems *problems)
{
	struct conf_problem *problem;

	if (err->code == ERR_LIMIT) {
		(void)conf_problem_of_file(problems, span_str(path), "K109",
					   tr("the file is larger than %zu bytes"), max);
		return;
	}
	problem = conf_problem_of_file(problems, span_str(path), "K109", "%s", tr("the file cannot be read"));
	conf_problem_note(problems, problem, "%s", err->text);
}

int conf_load_file(const char *path, const struct conf_options *options, struct buf *text, struct conf **out,
		   struct conf_problems *problems)
{
	CLEANUP(buf_release) struct buf folder = BUF_INIT(2 * PATH_MAX);
	struct err err = ERR_INIT;
	char here[PATH_MAX];

	if (file_read(path, text, &err) < 0) {
		refuse_file(path, text->max, &err, problems);
		return -1;
	}
	if (path[0] != '/' && getcwd(here, sizeof(here))) {
		buf_add(&folder, span_str(here));
		buf_add_char(&folder, '/');
	}
	buf_add(&folder, folder_of(span_str(path)));
	return load_source(span_str(path), buf_span(text), buf_span(&folder), options, out, problems);
}
