/* yaml.c - the subset of YAML 1.2 a config is written in; the only file that knows libfyaml. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/yaml.h"

#include <dlfcn.h>

/* Keeps the header from defining its own, which names a banned call. */
#define FY_ALLOCA_COPY_FREE(string, n) (string)
#include <libfyaml.h>

#include "base/tr.h"

/* Brackets one line may open and not close: the parser looks ahead to a line's end. */
#define YAML_MAX_OPEN 64

#define FUNCTIONS(X)                                                                                         \
	X(fy_diag_create)                                                                                    \
	X(fy_diag_destroy)                                                                                   \
	X(fy_diag_cfg_default)                                                                               \
	X(fy_diag_set_collect_errors)                                                                        \
	X(fy_diag_errors_iterate)                                                                            \
	X(fy_parser_create)                                                                                  \
	X(fy_parser_destroy)                                                                                 \
	X(fy_parser_set_string)                                                                              \
	X(fy_parser_parse)                                                                                   \
	X(fy_parser_event_free)                                                                              \
	X(fy_event_start_mark)                                                                               \
	X(fy_event_end_mark)                                                                                 \
	X(fy_token_get_text)                                                                                 \
	X(fy_token_scalar_style)                                                                             \
	X(fy_token_start_mark)                                                                               \
	X(fy_token_end_mark)

struct yaml {
	void *library;
#define MEMBER(name) __typeof__(name) *name;
	FUNCTIONS(MEMBER)
#undef MEMBER
};

/* One parse under way. */
struct build {
	const struct yaml *yaml;
	struct span text;
	struct arena *arena;
	struct yaml_fault *fault;
	struct yaml_node *root, *open; /* `open`: the innermost container that has not ended */
	struct yaml_node *key;	       /* read, its value is still to come */
	unsigned depth, documents;
	bool ended;
};

static bool find_function(struct yaml *yaml, const char *name, void *place)
{
	void *found = dlsym(yaml->library, name);

	memcpy(place, &found, sizeof(found));
	return found != NULL;
}

struct yaml *yaml_open(struct err *err)
{
	CLEANUP(yaml_closep) struct yaml *yaml = calloc(1, sizeof(*yaml));
	bool complete = true;

	if (!yaml) {
		(void)err_set(err, ERR_NOMEM, "%s", tr("no memory for the YAML parser"));
		return NULL;
	}
	yaml->library = dlopen("libfyaml.so.0", RTLD_NOW | RTLD_LOCAL);
	if (!yaml->library) {
		(void)err_set(err, ERR_MISSING, "%s", tr("the library libfyaml.so.0 cannot be loaded"));
		return NULL;
	}
#define FIND(name) complete = find_function(yaml, #name, &yaml->name) && complete;
	FUNCTIONS(FIND)
#undef FIND
	if (!complete) {
		(void)err_set(err, ERR_MISSING, "%s", tr("the library libfyaml.so.0 is too old"));
		return NULL;
	}
	return TAKE(yaml);
}

struct yaml *yaml_close(struct yaml *yaml)
{
	if (yaml && yaml->library)
		(void)dlclose(yaml->library);
	free(yaml);
	return NULL;
}

void yaml_closep(struct yaml **yaml)
{
	*yaml = yaml_close(*yaml);
}

struct yaml_node *yaml_next(const struct yaml_node *top, struct yaml_node *node)
{
	if (node->first)
		return node->first;
	while (node != top && !node->next)
		node = node->parent;
	return node == top ? NULL : node->next;
}

static bool refuse(struct build *build, enum yaml_fault_kind kind, size_t at, size_t n)
{
	if (at > build->text.n)
		at = build->text.n;
	if (n > build->text.n - at)
		n = build->text.n - at;
	*build->fault = (struct yaml_fault){ .kind = kind, .at = { at, n }, .text = S("") };
	return false;
}

static size_t mark_offset(const struct build *build, const struct fy_mark *mark, size_t otherwise)
{
	size_t at = mark ? mark->input_pos : otherwise;

	return at < build->text.n ? at : build->text.n;
}

/* An anchor or a tag: its sign stands before what the token covers. */
static bool refuse_token(struct build *build, enum yaml_fault_kind kind, struct fy_token *token)
{
	size_t at = mark_offset(build, build->yaml->fy_token_start_mark(token), 0);
	size_t end = mark_offset(build, build->yaml->fy_token_end_mark(token), at);

	if (at > 0 && (build->text.p[at - 1] == '&' || build->text.p[at - 1] == '!'))
		at--;
	return refuse(build, kind, at, end > at ? end - at : 1);
}

/* Hangs a node where its container waits for one. */
static bool place(struct build *build, struct yaml_node *node)
{
	struct yaml_node *open = build->open;

	node->parent = open;
	if (!open) {
		build->root = node;
		return true;
	}
	if (open->kind == YAML_MAPPING && !build->key) {
		if (node->kind != YAML_SCALAR)
			return refuse(build, YAML_FAULT_COMPLEX_KEY, node->at.at, 1);
		if (node->plain && span_eq(node->text, S("<<")))
			return refuse(build, YAML_FAULT_MERGE_KEY, node->at.at, node->at.n);
		build->key = node;
		return true;
	}
	if (open->kind == YAML_MAPPING)
		node->key = TAKE(build->key);
	if (node->absent && node->key)
		node->at.at = node->end = node->key->end;
	if (open->last)
		open->last->next = node;
	else
		open->first = node;
	open->last = node;
	return true;
}

static struct yaml_node *node_new(struct build *build, enum yaml_kind kind)
{
	struct yaml_node *node = arena_alloc(build->arena, sizeof(*node));

	if (!node) {
		(void)refuse(build, YAML_FAULT_MEMORY, 0, 0);
		return NULL;
	}
	node->kind = kind;
	node->text = S("");
	return node;
}

/* Line breaks and the white space around them: one is a space, each further one stays a line break. */
static struct span fold_lines(struct span rest, struct buf *out)
{
	size_t breaks = 0;

	while (out->n && (out->p[out->n - 1] == ' ' || out->p[out->n - 1] == '\t'))
		out->n--;
	while (rest.n && strchr(" \t\r\n", rest.p[0])) {
		breaks += rest.p[0] == '\n';
		rest = span_skip(rest, 1);
	}
	if (breaks == 1)
		buf_add_char(out, ' ');
	for (; breaks > 1; breaks--)
		buf_add_char(out, '\n');
	return rest;
}

/*
 * Single quotes are taken from the source: the library loses memory over a text of nothing but
 * doubled quotes (0.7.12).
 */
static struct span single_quoted(struct build *build, const struct yaml_node *node)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(node->at.n);
	struct span rest = span_of(build->text.p + node->at.at + 1, node->at.n - 2);

	while (rest.n) {
		if (rest.p[0] == '\n' || rest.p[0] == '\r') {
			rest = fold_lines(rest, &out);
			continue;
		}
		buf_add_char(&out, rest.p[0]);
		rest = span_skip(rest, rest.p[0] == '\'' ? 2 : 1);
	}
	return buf_ok(&out) ? arena_dup(build->arena, buf_span(&out)) : span_of(NULL, 0);
}

static struct span scalar_text(struct build *build, struct fy_token *token, const struct yaml_node *node)
{
	size_t n = 0;
	const char *text;

	if (!token)
		return S("");
	if (build->yaml->fy_token_scalar_style(token) == FYSS_SINGLE_QUOTED && node->at.n >= 2)
		return single_quoted(build, node);
	text = build->yaml->fy_token_get_text(token, &n);
	return text ? arena_dup(build->arena, span_of(text, n)) : span_of(NULL, 0);
}

static bool add_scalar(struct build *build, struct fy_event *event)
{
	const struct yaml *yaml = build->yaml;
	struct fy_token *token = event->scalar.value;
	const struct fy_mark *mark = yaml->fy_token_start_mark(token);
	struct yaml_node *node = node_new(build, YAML_SCALAR);
	enum fy_scalar_style style = yaml->fy_token_scalar_style(token);

	if (!node)
		return false;
	node->plain = style == FYSS_PLAIN;
	node->absent = !mark;
	node->at.at = mark_offset(build, mark, 0);
	node->end = mark_offset(build, yaml->fy_token_end_mark(token), node->at.at);
	if (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) {
		node->at.at -= node->at.at > 0;
		node->end += node->end < build->text.n;
	}
	node->at.n = node->end - node->at.at;
	node->text = scalar_text(build, token, node);
	if (!node->text.p)
		return refuse(build, YAML_FAULT_MEMORY, 0, 0);
	return place(build, node);
}

static bool add_container(struct build *build, struct fy_event *event, enum yaml_kind kind)
{
	struct yaml_node *node = node_new(build, kind);
	size_t at = mark_offset(build, build->yaml->fy_event_start_mark(event), 0);
	size_t end = mark_offset(build, build->yaml->fy_event_end_mark(event), at);

	if (!node)
		return false;
	if (++build->depth > YAML_MAX_DEPTH)
		return refuse(build, YAML_FAULT_DEPTH, at, 1);
	node->at = (struct range){ at, end - at };
	node->end = end;
	if (!place(build, node))
		return false;
	build->open = node;
	return true;
}

static bool end_container(struct build *build, struct fy_event *event)
{
	struct yaml_node *node = build->open;

	node->end = mark_offset(build, build->yaml->fy_event_end_mark(event), node->end);
	build->open = node->parent;
	build->depth--;
	return true;
}

static bool start_document(struct build *build, struct fy_event *event)
{
	size_t at = mark_offset(build, build->yaml->fy_event_start_mark(event), build->text.n);

	if (build->documents++ > 0)
		return refuse(build, YAML_FAULT_DOCUMENTS, at, 3);
	return true;
}

static bool refuse_properties(struct build *build, struct fy_token *anchor, struct fy_token *tag)
{
	if (anchor)
		return refuse_token(build, YAML_FAULT_ANCHOR, anchor);
	return tag ? refuse_token(build, YAML_FAULT_TAG, tag) : true;
}

static bool take_event(struct build *build, struct fy_event *event)
{
	switch (event->type) {
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_DOCUMENT_END:
		return true;
	case FYET_STREAM_END:
		build->ended = true;
		return true;
	case FYET_DOCUMENT_START:
		return start_document(build, event);
	case FYET_MAPPING_START:
		return refuse_properties(build, event->mapping_start.anchor, event->mapping_start.tag) &&
		       add_container(build, event, YAML_MAPPING);
	case FYET_SEQUENCE_START:
		return refuse_properties(build, event->sequence_start.anchor, event->sequence_start.tag) &&
		       add_container(build, event, YAML_LIST);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		return end_container(build, event);
	case FYET_SCALAR:
		return refuse_properties(build, event->scalar.anchor, event->scalar.tag) &&
		       add_scalar(build, event);
	case FYET_ALIAS:
		return refuse(
		    build, YAML_FAULT_ALIAS,
		    mark_offset(build, build->yaml->fy_token_start_mark(event->alias.anchor), 1) - 1, 1);
	}
	return true;
}

/* The first error the parser collected. */
static void take_error(struct build *build, struct fy_diag *diag)
{
	void *at = NULL;
	struct fy_diag_error *error = build->yaml->fy_diag_errors_iterate(diag, &at);
	size_t first = build->text.n, end;

	if (error && error->fyt)
		first = mark_offset(build, build->yaml->fy_token_start_mark(error->fyt), first);
	end = error && error->fyt ? mark_offset(build, build->yaml->fy_token_end_mark(error->fyt), first)
				  : first;
	(void)refuse(build, YAML_FAULT_SYNTAX, first, end > first ? end - first : 1);
	if (error && error->msg)
		build->fault->text = arena_dup(build->arena, span_str(error->msg));
	if (first > 0 && build->text.p[first - 1] == '*')
		build->fault->at.at--;
	if (span_contains(build->fault->text, S("alias")))
		build->fault->kind = YAML_FAULT_ALIAS;
}

static bool build_tree(struct build *build, struct fy_parser *parser, struct fy_diag *diag)
{
	struct fy_event *event;
	bool good = true;

	while (good && (event = build->yaml->fy_parser_parse(parser)) != NULL) {
		good = take_event(build, event);
		build->yaml->fy_parser_event_free(parser, event);
	}
	if (good && !build->ended) {
		take_error(build, diag);
		good = false;
	}
	return good;
}

/* A line that begins with `%` before the document does. */
static bool has_directive(struct span text, size_t *at)
{
	struct span rest = text;

	while (rest.n) {
		struct span line = span_cut(&rest, '\n');

		*at = (size_t)(line.p - text.p);
		if (line.n && line.p[0] == '%')
			return true;
		line = span_trim(line);
		if (line.n && line.p[0] != '#' && line.p[0] != '\r')
			return false;
	}
	return false;
}

static bool opens_too_much(struct span text, size_t *at)
{
	unsigned open = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		*at = i;
		if (c == '\n')
			open = 0;
		else if (c == '[' || c == '{')
			open++;
		else if ((c == ']' || c == '}') && open > 0)
			open--;
		if (open > YAML_MAX_OPEN)
			return true;
	}
	return false;
}

bool yaml_parse(const struct yaml *yaml, struct span text, struct arena *arena, struct yaml_node **out,
		struct yaml_fault *fault)
{
	struct build build = { .yaml = yaml, .text = text, .arena = arena, .fault = fault };
	struct fy_diag_cfg diag_options;
	struct fy_diag *diag;
	struct fy_parser *parser;
	size_t at = 0;
	bool good = false;

	if (has_directive(text, &at))
		return refuse(&build, YAML_FAULT_DIRECTIVE, at, 1);
	if (opens_too_much(text, &at))
		return refuse(&build, YAML_FAULT_DEPTH, at, 1);
	yaml->fy_diag_cfg_default(&diag_options);
	diag_options.fp = NULL;
	diag = yaml->fy_diag_create(&diag_options);
	if (!diag)
		return refuse(&build, YAML_FAULT_MEMORY, 0, 0);
	yaml->fy_diag_set_collect_errors(diag, true);
	parser = yaml->fy_parser_create(&(struct fy_parse_cfg){
	    .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
	    .diag = diag,
	});
	if (parser && yaml->fy_parser_set_string(parser, text.n ? text.p : "\n", text.n ? text.n : 1) == 0)
		good = build_tree(&build, parser, diag);
	else
		(void)refuse(&build, YAML_FAULT_MEMORY, 0, 0);
	yaml->fy_parser_destroy(parser);
	yaml->fy_diag_destroy(diag);
	if (good)
		*out = build.root;
	return good;
}
