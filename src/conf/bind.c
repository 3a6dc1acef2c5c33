/* bind.c - the tree of a file, matched with the tree of keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/bind.h"

#include "base/check.h"
#include "base/map.h"
#include "base/tr.h"
#include "text/near.h"

#define MAX_KEYS_SHOWN 64

/* A section or a map that is being read. */
struct frame {
	struct conf_node *node;
	const struct yaml_node *next; /* of the file's members */
	const struct shape *missing;  /* of the keys that may be absent */
	struct map seen;	      /* names to children */
	size_t problems;	      /* how many there were before */
};

struct bind {
	const struct reading *reading;
	const struct yaml *parser;
	struct frame frames[SHAPE_MAX_DEPTH + 1];
	size_t depth;
};

void conf_node_add(struct conf_node *parent, struct conf_node *child)
{
	child->parent = parent;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

void conf_node_add_path(struct buf *out, const struct conf_node *node)
{
	const struct conf_node *way[SHAPE_MAX_DEPTH + 2];
	size_t n = 0;
	bool first = true;

	for (; node->parent && n < COUNT(way); node = node->parent)
		way[n++] = node;
	while (n > 0) {
		struct span name = way[--n]->name;

		if (name.n == 0)
			continue;
		if (!first)
			buf_add_char(out, '.');
		first = false;
		buf_add(out, span_first(name, 40));
		if (name.n > 40)
			buf_add(out, S("…"));
	}
}

static size_t count_problems(const struct bind *bind)
{
	return bind->reading->problems->n + bind->reading->problems->more;
}

static struct conf_node *node_new(struct bind *bind, struct conf_node *parent, const struct shape *shape,
				  struct span name, const struct yaml_node *yaml)
{
	struct conf_node *node = arena_alloc(bind->reading->arena, sizeof(*node));

	if (!node)
		return NULL;
	*node = (struct conf_node){
		.name = yaml ? arena_dup(bind->reading->arena, name) : name,
		.text = S(""),
		.written = yaml != NULL,
		.shape = shape,
		.source = bind->reading->source,
	};
	if (yaml) {
		node->value = yaml->at;
		node->key = yaml->key ? yaml->key->at : yaml->at;
	}
	if (parent)
		conf_node_add(parent, node);
	return node;
}

static void push(struct bind *bind, struct conf_node *node, const struct yaml_node *yaml)
{
	check(bind->depth < COUNT(bind->frames));
	bind->frames[bind->depth++] = (struct frame){
		.node = node,
		.next = yaml ? yaml->first : NULL,
		.missing = shape_type(node->shape) == CONF_SECTION ? node->shape->first : NULL,
		.problems = count_problems(bind),
	};
}

/* A key that stands one level deeper: "allow" where "tools.allow" is meant. */
static const struct shape *find_deeper(const struct shape *shape, struct span name)
{
	for (const struct shape *child = shape->first; child; child = child->next) {
		const struct shape *hit = shape_type(child) == CONF_SECTION ? shape_child(child, name) : NULL;

		if (hit)
			return hit;
	}
	return NULL;
}

static void note_keys(const struct bind *bind, struct conf_problem *problem, const struct span *names,
		      size_t n)
{
	CLEANUP(buf_release) struct buf list = BUF_INIT(900);

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add(&list, S(", "));
		buf_add(&list, names[i]);
	}
	conf_problem_note(bind->reading->problems, problem, tr("the keys here are: %s"), buf_cstr(&list));
}

/* A name as a sentence may hold it. */
static struct span shown_name(const struct bind *bind, const struct yaml_node *key)
{
	return source_hides(bind->reading->source, key->at) ? S("***") : span_first(key->text, 64);
}

/* Keys of a server in the configs of clients, which are what people have. */
static const char *advice_for(const struct shape *section, struct span name)
{
	static const struct {
		struct span name;
		const char *advice;
	} table[] = {
		{ SPAN("command"), TR_MARK("write run: [command, args…]") },
		{ SPAN("args"), TR_MARK("write run: [command, args…]") },
		{ SPAN("headers"),
		  TR_MARK("headers are not supported yet: a server behind `url` gets no credentials; a "
			  "program behind `run` gets them through `env`") },
	};

	if (!shape_child(section, S("run")) || shape_type(section) != CONF_SECTION)
		return NULL;
	for (size_t i = 0; i < COUNT(table); i++)
		if (span_eq(table[i].name, name))
			return table[i].advice;
	return NULL;
}

static void label_unknown(const struct bind *bind, struct conf_problem *problem, const struct shape *section,
			  struct span name, const struct span *names, size_t n)
{
	struct conf_problems *problems = bind->reading->problems;
	const char *advice = advice_for(section, name);
	struct span near = near_name(name, names, n);
	const struct shape *deeper = find_deeper(section, name);

	if (advice)
		conf_problem_label(problems, problem, "%s", tr(advice));
	else if (near.n)
		conf_problem_label(problems, problem, tr("did you mean `%.*s`?"), SPAN_ARG(near));
	else if (deeper)
		conf_problem_label(problems, problem, tr("did you mean `%.*s: { %.*s: … }`?"),
				   SPAN_ARG(deeper->parent->name), SPAN_ARG(deeper->name));
}

static void unknown_key(const struct bind *bind, const struct conf_node *node, const struct yaml_node *key)
{
	struct path_text path = fill_path(node);
	struct span name = shown_name(bind, key), names[MAX_KEYS_SHOWN];
	struct conf_problem *problem;
	size_t n = 0;

	problem = node->parent
		      ? fill_problem(bind->reading, key, "K102", tr("unknown key `%.*s` in %s"),
				     SPAN_ARG(name), path.text)
		      : fill_problem(bind->reading, key, "K102", tr("unknown key `%.*s`"), SPAN_ARG(name));
	if (!problem)
		return;
	for (const struct shape *child = node->shape->first; child && n < COUNT(names); child = child->next)
		names[n++] = child->name;
	label_unknown(bind, problem, node->shape, key->text, names, n);
	note_keys(bind, problem, names, n);
}

static void duplicate_key(const struct bind *bind, const struct conf_node *node,
			  const struct conf_node *before, const struct yaml_node *key)
{
	const struct reading *reading = bind->reading;
	struct path_text path = fill_path(node);
	struct span name = shown_name(bind, key);
	struct conf_problem *problem;

	problem = node->parent
		      ? fill_problem(reading, key, "K106", tr("duplicate key `%.*s` in %s"), SPAN_ARG(name),
				     path.text)
		      : fill_problem(reading, key, "K106", tr("duplicate key `%.*s`"), SPAN_ARG(name));
	conf_problem_note(reading->problems, problem, tr("it stands on line %u already"),
			  source_place(reading->source, before->key).line);
}

/* One member of the file. False without memory. */
static bool take_member(struct bind *bind, struct frame *frame, const struct yaml_node *yaml)
{
	const struct shape *shape = shape_child(frame->node->shape, yaml->key->text);
	struct conf_node *before = map_get(&frame->seen, yaml->key->text), *node;

	if (!shape) {
		unknown_key(bind, frame->node, yaml->key);
		return true;
	}
	if (before) {
		duplicate_key(bind, frame->node, before, yaml->key);
		return true;
	}
	if (shape_type(frame->node->shape) == CONF_MAP && !fill_name(bind->reading, frame->node, yaml->key))
		return true;
	node = node_new(bind, frame->node, shape, yaml->key->text, yaml);
	if (!node || !map_put(&frame->seen, yaml->key->text, node))
		return false;
	if (!shape_is_open(shape)) {
		fill_value(bind->reading, node, yaml);
		return true;
	}
	if (yaml->kind == YAML_MAPPING)
		push(bind, node, yaml);
	else if (!yaml->absent || shape_type(shape) != CONF_MAP)
		(void)fill_wrong_type(bind->reading, node, yaml);
	return true;
}

/* A default, written as YAML in the table. */
static bool fill_default(struct bind *bind, struct conf_node *node, const char *text)
{
	struct yaml_node plain = { .kind = YAML_SCALAR, .plain = true, .text = span_str(text) };
	struct yaml_node *tree = &plain;
	struct yaml_fault fault;
	size_t problems = count_problems(bind);

	if (strchr("[{\"'", text[0]) &&
	    !yaml_parse(bind->parser, span_str(text), bind->reading->scratch, &tree, &fault)) {
		check(fault.kind == YAML_FAULT_MEMORY);
		return false;
	}
	fill_value(bind->reading, node, tree);
	check(count_problems(bind) == problems);
	return true;
}

static void report_missing(const struct bind *bind, const struct conf_node *node, const struct shape *shape)
{
	struct conf_problems *problems = bind->reading->problems;
	struct path_text path = fill_path(node);
	struct conf_problem *problem;

	if (node->parent)
		problem = conf_problem_at_name(problems, node, "K105", tr("`%.*s` is missing in %s"),
					       SPAN_ARG(shape->name), path.text);
	else
		problem = conf_problem_in(problems, bind->reading->source, 0, 1, "K105",
					  tr("`%.*s` is missing"), SPAN_ARG(shape->name));
	if (shape->item->hint)
		conf_problem_note(problems, problem, "%s", tr(shape->item->hint));
}

/* One key that a section may lack. False without memory. */
static bool take_missing(struct bind *bind, struct frame *frame, const struct shape *shape)
{
	const struct conf_item *item = shape->item;
	bool must = item && item->required && (frame->node->written || !frame->node->parent);
	struct conf_node *node;

	if (map_get(&frame->seen, shape->name))
		return true;
	if (must)
		report_missing(bind, frame->node, shape);
	if (must || (!shape_is_open(shape) && !item->fallback))
		return true;
	node = node_new(bind, frame->node, shape, shape->name, NULL);
	if (!node)
		return false;
	if (!shape_is_open(shape))
		return fill_default(bind, node, item->fallback);
	push(bind, node, NULL);
	return true;
}

static void check_exactly_one(const struct bind *bind, const struct frame *frame, const char *const *keys)
{
	struct conf_problems *problems = bind->reading->problems;
	CLEANUP(buf_release) struct buf list = BUF_INIT(256);
	struct path_text path = fill_path(frame->node);
	const struct conf_node *first = NULL, *second = NULL;

	for (size_t i = 0; keys[i]; i++) {
		const struct conf_node *hit = map_get(&frame->seen, span_str(keys[i]));

		buf_addf(&list, "%s`%s`", i > 0 ? ", " : "", keys[i]);
		if (hit && first && !second)
			second = hit;
		else if (hit && !first)
			first = hit;
	}
	if (!first)
		(void)conf_problem_at_name(problems, frame->node, "K105", tr("%s needs one of: %s"),
					   path.text, buf_cstr(&list));
	else if (second)
		(void)conf_problem_at_name(problems, second, "K104", tr("%s can have only one of: %s"),
					   path.text, buf_cstr(&list));
}

static void finish(struct bind *bind, struct frame *frame)
{
	const struct conf_item *item = frame->node->shape->item;

	if (item && item->exactly_one && frame->node->written)
		check_exactly_one(bind, frame, item->exactly_one);
	if (item && item->check_section && count_problems(bind) == frame->problems)
		item->check_section(frame->node, bind->reading->problems);
	map_release(&frame->seen);
	bind->depth--;
}

static bool step(struct bind *bind)
{
	struct frame *frame = &bind->frames[bind->depth - 1];

	if (frame->next) {
		const struct yaml_node *member = frame->next;

		frame->next = member->next;
		return take_member(bind, frame, member);
	}
	if (frame->missing) {
		const struct shape *shape = frame->missing;

		frame->missing = shape->next;
		return take_missing(bind, frame, shape);
	}
	finish(bind, frame);
	return true;
}

struct conf_node *bind_tree(const struct reading *reading, const struct yaml *parser,
			    const struct shape *shape, const struct yaml_node *yaml)
{
	struct bind bind = { .reading = reading, .parser = parser };
	struct conf_node *root = node_new(&bind, NULL, shape, S(""), yaml);
	bool good = root != NULL;

	if (yaml && yaml->kind != YAML_MAPPING && root) {
		(void)fill_wrong_type(reading, root, yaml);
		return root;
	}
	if (good)
		push(&bind, root, yaml);
	while (good && bind.depth > 0)
		good = step(&bind);
	while (bind.depth > 0)
		map_release(&bind.frames[--bind.depth].seen);
	return good ? root : NULL;
}
