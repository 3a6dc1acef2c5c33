/* compile.c - a schema becomes a program: one node a schema, references resolved, tables frozen. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/compiler.h"

#include "text/regex.h"

/* Reads which keywords a schema has, as far as its dialect lets them count. */
static void read_keywords(struct source *s, json_at at)
{
	for (size_t i = 0; i < KEYWORD_COUNT; i++)
		s->values[i] = JSON_NONE;
	for (json_at k = json_first(s->json, at); k != JSON_NONE; k = json_next_key(s->json, at, k)) {
		enum keyword keyword = keyword_of(s->json, k, s->resource->draft);

		if (s->resource->validates || !keyword_validates(keyword))
			s->values[keyword] = k + 1;
	}
	if (s->resource->draft != DRAFT_07 || s->values[KEYWORD_REF] == JSON_NONE)
		return;
	/* draft-07, core 8.3: all other properties of an object with $ref must be ignored. */
	for (size_t i = 0; i < KEYWORD_COUNT; i++) {
		if (i != KEYWORD_REF)
			s->values[i] = JSON_NONE;
	}
}

/* What the machine wants to know of a node before it looks at its ops. */
static void finish_node(struct compiler *c, struct node *node)
{
	node->flags |= NODE_SIMPLE;
	for (uint32_t i = node->first_op; i < node->first_op + node->n_ops; i++) {
		const struct op *op = &VECTOR(&c->ops, struct op)[i];

		if (op->keyword > KEYWORD_FORMAT)
			node->flags &= (uint8_t)~NODE_SIMPLE;
		if (op->keyword >= KEYWORD_UNEVALUATED_ITEMS)
			node->flags |= NODE_TRACKS;
		if (op->keyword == KEYWORD_REF && node->n_ops == 1 && node->types == TYPES_ALL)
			node->other = op->a;
	}
}

static int compile_place(struct compiler *c, uint32_t index)
{
	const struct place place = *library_place(&c->library, index);
	struct node node = { .flags = NODE_READY, .other = NODE_NONE, .resource = place.resource };
	/* Emitting may read more documents and move the table: a copy. */
	const struct resource resource = *library_resource(&c->library, place.resource);
	struct source source = { .place = index, .document = place.document, .resource = &resource };

	source.json = library_document(&c->library, place.document)->json;
	node.first_op = VECTOR_N(&c->ops, struct op);
	if (json_is(source.json, place.at, JSON_OBJECT)) {
		read_keywords(&source, place.at);
		if (emit_keywords(c, &source, &node) < 0)
			return -1;
	} else if (json_is(source.json, place.at, JSON_TRUE)) {
		node.types = TYPES_ALL;
	} else {
		node.flags |= NODE_REFUSES;
	}
	if (!buf_ok(&c->ops))
		return err_set(c->err, ERR_LIMIT, "a schema is too large");
	node.n_ops = (uint16_t)(VECTOR_N(&c->ops, struct op) - node.first_op);
	finish_node(c, &node);
	VECTOR(&c->nodes, struct node)[index] = node;
	return 0;
}

static int compile_queue(struct compiler *c)
{
	while (c->queue.n) {
		uint32_t place;

		c->queue.n -= sizeof(place);
		memcpy(&place, c->queue.p + c->queue.n, sizeof(place));
		if (compile_place(c, place) < 0)
			return -1;
	}
	if (!buf_ok(&c->queue) || !buf_ok(&c->nodes))
		return err_set(c->err, ERR_LIMIT, "a schema is too large");
	return 0;
}

/* Is the anchor one that some $dynamicRef asks for? Then `*name` is the name they share. */
static bool is_wanted(const struct compiler *c, const struct anchor *anchor, uint32_t *name)
{
	const uint32_t *wanted = VECTOR(&c->wanted, uint32_t);

	for (uint32_t i = 0; anchor->dynamic && i < VECTOR_N(&c->wanted, uint32_t); i++) {
		struct name known = VECTOR(&c->names, struct name)[wanted[i]];

		*name = wanted[i];
		if (span_eq(span_of(c->texts.p + known.off, known.n), anchor->name))
			return true;
	}
	return false;
}

static void need_dynamics(struct compiler *c)
{
	uint32_t name;

	for (uint32_t i = 0; i < VECTOR_N(&c->library.anchors, struct anchor); i++) {
		const struct anchor *anchor = &VECTOR(&c->library.anchors, struct anchor)[i];

		if (is_wanted(c, anchor, &name))
			compiler_need(c, anchor->place);
	}
}

/*
 * Every anchor a $dynamicRef may lead to is compiled; that may bring new documents, new
 * $dynamicRefs and new anchors, until nothing is new.
 */
static int compile_dynamics(struct compiler *c)
{
	for (;;) {
		uint64_t price = 1 +
				 (uint64_t)VECTOR_N(&c->library.anchors, struct anchor) * c->wanted.n / 64;

		if (!library_charge(&c->library, price))
			return -1;
		need_dynamics(c);
		if (c->queue.n == 0)
			break;
		if (compile_queue(c) < 0)
			return -1;
	}
	for (uint32_t i = 0; i < VECTOR_N(&c->library.anchors, struct anchor); i++) {
		const struct anchor *anchor = &VECTOR(&c->library.anchors, struct anchor)[i];
		struct dynamic dynamic = { .resource = anchor->resource, .node = anchor->place };

		if (!is_wanted(c, anchor, &dynamic.name))
			continue;
		VECTOR_ADD(&c->dynamics, &dynamic);
	}
	return 0;
}

/* A schema that is only a $ref costs no frame: who applies it applies its target. */
static uint32_t behind_refs(const struct node *nodes, uint32_t node)
{
	/* A circle of references has no end; its length is bounded here and it stays a $ref. */
	for (int i = 0; i < 16 && node != NODE_NONE && nodes[node].other != NODE_NONE; i++)
		node = nodes[node].other;
	return node;
}

static void shorten_list(struct compiler *c, uint32_t first, uint32_t n, uint32_t step)
{
	uint32_t *lists = VECTOR(&c->lists, uint32_t);

	for (uint32_t i = first + step - 1; i < first + n * step; i += step)
		lists[i] = behind_refs(VECTOR(&c->nodes, struct node), lists[i]);
}

static void shorten_op(struct compiler *c, struct op *op)
{
	const struct node *nodes = VECTOR(&c->nodes, struct node);

	switch (op->keyword) {
	case KEYWORD_ALL_OF:
	case KEYWORD_ANY_OF:
	case KEYWORD_ONE_OF:
		shorten_list(c, op->a, op->n, 1);
		break;
	case KEYWORD_DEPENDENT_SCHEMAS:
		shorten_list(c, op->a, op->n, 2);
		break;
	case KEYWORD_ITEMS:
		shorten_list(c, op->a, op->n, 1);
		op->b = behind_refs(nodes, op->b);
		break;
	case KEYWORD_IF:
		op->n = behind_refs(nodes, op->n);
		op->b = behind_refs(nodes, op->b);
		op->a = behind_refs(nodes, op->a);
		break;
	case KEYWORD_NOT:
	case KEYWORD_REF:
	case KEYWORD_CONTAINS:
	case KEYWORD_PROPERTY_NAMES:
	case KEYWORD_UNEVALUATED_ITEMS:
	case KEYWORD_UNEVALUATED_PROPERTIES:
		op->a = behind_refs(nodes, op->a);
		break;
	}
}

/* Frames are the dynamic scope: where a $dynamicRef may look through them, each $ref keeps its own. */
static void shorten_refs(struct compiler *c)
{
	const struct node *nodes = VECTOR(&c->nodes, struct node);

	if (c->dynamics.n)
		return;
	for (uint32_t i = 0; i < VECTOR_N(&c->ops, struct op); i++)
		shorten_op(c, &VECTOR(&c->ops, struct op)[i]);
	for (uint32_t i = 0; i < VECTOR_N(&c->slots, struct slot); i++) {
		struct slot *slot = &VECTOR(&c->slots, struct slot)[i];

		if (slot->used)
			slot->node = behind_refs(nodes, slot->node);
	}
	for (uint32_t i = 0; i < VECTOR_N(&c->rules, struct object_rules); i++) {
		struct object_rules *rules = &VECTOR(&c->rules, struct object_rules)[i];

		shorten_list(c, rules->patterns, rules->n_patterns, 2);
		rules->additional = behind_refs(nodes, rules->additional);
	}
}

/* Parses the constants and puts their tokens into the lists. */
static int freeze_constants(struct compiler *c, struct schema *schema)
{
	CLEANUP(freep) json_at *tokens = NULL;
	uint32_t *lists = VECTOR(&c->lists, uint32_t);
	uint32_t n = 0;

	if (c->n_constants == 0)
		return 0;
	buf_add_char(&c->constants, ']');
	tokens = calloc(c->n_constants, sizeof(*tokens));
	if (!buf_ok(&c->constants) || !tokens ||
	    !json_parse(&schema->constants, buf_span(&c->constants), SCHEMA_MEMORY))
		return err_set(c->err, ERR_LIMIT, "the values of const and enum are too large");
	for (json_at e = json_first(&schema->constants, 0); e != JSON_NONE;
	     e = json_next(&schema->constants, 0, e))
		tokens[n++] = e;
	for (uint32_t i = 0; i < VECTOR_N(&c->ops, struct op); i++) {
		const struct op *op = &VECTOR(&c->ops, struct op)[i];

		if (op->keyword != KEYWORD_CONST && op->keyword != KEYWORD_ENUM)
			continue;
		for (uint32_t j = op->a; j < op->a + op->n; j++)
			lists[j] = tokens[lists[j]];
	}
	schema->constants_text = TAKE(c->constants.p);
	return 0;
}

/* Takes the memory out of a vector, without what it has to spare. */
static void *freeze(struct buf *buf)
{
	void *all = TAKE(buf->p);
	void *exact = buf->n ? realloc(all, buf->n) : all;

	return exact ? exact : all;
}

static bool all_fit(const struct compiler *c)
{
	return buf_ok(&c->nodes) && buf_ok(&c->ops) && buf_ok(&c->slots) && buf_ok(&c->rules) &&
	       buf_ok(&c->names) && buf_ok(&c->bounds) && buf_ok(&c->multiples) && buf_ok(&c->dynamics) &&
	       buf_ok(&c->lists) && buf_ok(&c->texts) && buf_ok(&c->wanted);
}

static int freeze_all(struct compiler *c, struct schema *schema)
{
	if (!all_fit(c))
		return err_set(c->err, ERR_LIMIT, "a schema is too large");
	shorten_refs(c);
	if (freeze_constants(c, schema) < 0)
		return -1;
	schema->root = c->dynamics.n ? 0 : behind_refs(VECTOR(&c->nodes, struct node), 0);
	schema->n_dynamics = VECTOR_N(&c->dynamics, struct dynamic);
	schema->n_patterns = VECTOR_N(&c->patterns, struct regex *);
	schema->nodes = freeze(&c->nodes);
	schema->ops = freeze(&c->ops);
	schema->slots = freeze(&c->slots);
	schema->rules = freeze(&c->rules);
	schema->names = freeze(&c->names);
	schema->bounds = freeze(&c->bounds);
	schema->multiples = freeze(&c->multiples);
	schema->dynamics = freeze(&c->dynamics);
	schema->lists = freeze(&c->lists);
	schema->texts = freeze(&c->texts);
	schema->patterns = freeze(&c->patterns);
	return 0;
}

static void compiler_init(struct compiler *c, struct err *err)
{
	const struct buf table = BUF_INIT(SCHEMA_MEMORY);

	*c = (struct compiler){
		.err = err,
		.nodes = table,
		.ops = table,
		.slots = table,
		.rules = table,
		.names = table,
		.bounds = table,
		.multiples = table,
		.dynamics = table,
		.lists = table,
		.texts = table,
		.patterns = BUF_INIT(SCHEMA_PATTERNS * sizeof(struct regex *)),
		.constants = table,
		.queue = BUF_INIT(SCHEMA_SUBSCHEMAS * sizeof(uint32_t)),
		.wanted = BUF_INIT(SCHEMA_RESOURCES * sizeof(uint32_t)),
		.scratch = BUF_INIT(1 << 16),
	};
}

static void compiler_release(struct compiler *c)
{
	struct buf *all[] = { &c->nodes,     &c->ops,	&c->slots,    &c->rules,     &c->names,
			      &c->bounds,    &c->lists, &c->texts,    &c->multiples, &c->dynamics,
			      &c->constants, &c->queue, &c->patterns, &c->wanted,    &c->scratch };

	for (uint32_t i = 0; c->patterns.p && i < VECTOR_N(&c->patterns, struct regex *); i++)
		regex_free(VECTOR(&c->patterns, struct regex *)[i]);
	for (size_t i = 0; i < COUNT(all); i++)
		buf_release(all[i]);
	library_release(&c->library);
}

int schema_compile(const struct json *json, json_at at, const struct schema_options *options,
		   struct schema **out, struct err *err)
{
	CLEANUP(compiler_release) struct compiler c;
	CLEANUP(schema_freep) struct schema *schema = NULL;
	const struct schema_options none = { .documents = NULL };

	compiler_init(&c, err);
	if (library_open(&c.library, json, at, options ? options : &none, err) < 0)
		return -1;
	schema = calloc(1, sizeof(*schema));
	if (!schema)
		return err_set(err, ERR_NOMEM, "no memory for a schema");
	compiler_need(&c, 0);
	if (compile_queue(&c) < 0 || compile_dynamics(&c) < 0 || freeze_all(&c, schema) < 0)
		return -1;
	schema->max_steps = options && options->max_steps ? options->max_steps : SCHEMA_STEPS;
	*out = TAKE(schema);
	return 0;
}

struct schema *schema_free(struct schema *schema)
{
	if (!schema)
		return NULL;
	for (uint32_t i = 0; i < schema->n_patterns; i++)
		regex_free(schema->patterns[i]);
	free(schema->nodes);
	free(schema->ops);
	free(schema->slots);
	free(schema->rules);
	free(schema->names);
	free(schema->bounds);
	free(schema->multiples);
	free(schema->dynamics);
	free(schema->lists);
	free(schema->texts);
	free(schema->patterns);
	json_release(&schema->constants);
	free(schema->constants_text);
	free(schema);
	return NULL;
}
