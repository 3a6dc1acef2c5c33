/* machine.c - applies a compiled schema to a value: a stack of frames instead of recursion. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/machine.h"

#include "text/regex.h"

/*
 * How it runs: the frame on top has an op at work. The op's handler is called with MOVE_START and
 * then once more for each child it had to wait for, with that child's outcome. A handler that
 * gets STEP_WAIT from apply() has left everything it needs in its frame and returns at once: the
 * frames may have moved. Every call takes from the budget, so every check ends.
 */
enum move { MOVE_START, MOVE_PASSED, MOVE_FAILED };

enum {
	MARKS_MAX = 1 << 18,
	SCRATCH_BYTES = 4 << 20, /* a string with escapes that is looked into */
};

static bool type_allows(const struct machine *m, const struct node *node, json_at at)
{
	unsigned bit = 1U << m->json->tokens[at].type;

	if (node->types & bit)
		return true;
	return bit == TYPE_NUMBER && (node->types & TYPE_INTEGER) && assert_is_whole(m->json, at);
}

static bool push_frame(struct machine *m, const struct node *node, json_at at, bool in_place)
{
	struct frame *frame;
	bool below_tracks = m->n_frames && in_place && m->frames[m->n_frames - 1].tracks;

	if (m->n_frames == m->cap_frames) {
		uint32_t cap = m->cap_frames * 2 < SCHEMA_FRAMES ? m->cap_frames * 2 : SCHEMA_FRAMES;
		bool first = m->frames == m->first_frames;
		struct frame *more;

		if (m->n_frames == SCHEMA_FRAMES)
			return false;
		more = realloc(first ? NULL : m->frames, cap * sizeof(*more));
		if (!more)
			return false;
		if (first)
			memcpy(more, m->first_frames, sizeof(m->first_frames));
		m->frames = more;
		m->cap_frames = cap;
	}
	frame = &m->frames[m->n_frames++];
	*frame = (struct frame){
		.node = node,
		.at = at,
		.op = node->first_op,
		.end = node->first_op + node->n_ops,
		.marks = m->n_marks,
		.type = (uint8_t)(1U << m->json->tokens[at].type),
		.tracks = below_tracks || (node->flags & NODE_TRACKS),
		.in_place = in_place,
	};
	return true;
}

/* Applies a node to a value; one that applies no other is done at once. */
static enum step apply(struct machine *m, uint32_t index, json_at at, bool in_place)
{
	const struct node *node = &m->schema->nodes[index];
	const struct json_token *token = &m->json->tokens[at];
	unsigned bit = 1U << token->type;

	/* Whether a number is whole may be for its last digit to say. */
	if (!machine_charge(m, 1 + (bit == TYPE_NUMBER ? (token->end - token->off) / 16 : 0)))
		return STEP_STOP;
	if (!type_allows(m, node, at)) {
		bool refuses = node->flags & NODE_REFUSES;

		return machine_fail(m, refuses ? m->via : KEYWORD_TYPE, NULL, node, at);
	}
	if (!(node->flags & NODE_SIMPLE))
		return push_frame(m, node, at, in_place) ? STEP_WAIT : STEP_STOP;
	for (uint32_t i = node->first_op; i < node->first_op + node->n_ops; i++) {
		const struct op *op = &m->schema->ops[i];
		enum step step = op->types & bit ? assert_op(m, op, at) : STEP_PASS;

		if (step != STEP_PASS)
			return step;
	}
	return STEP_PASS;
}

/* Notes that a member (by its name token), an element, or with JSON_NONE all were evaluated. */
static bool mark(struct machine *m, const struct frame *frame, json_at at)
{
	uint32_t *more;
	uint32_t cap;

	if (!frame->tracks)
		return true;
	if (m->n_marks == m->cap_marks) {
		cap = m->cap_marks ? m->cap_marks * 2 : 64;
		if (cap > MARKS_MAX)
			return false;
		more = realloc(m->marks, cap * sizeof(*more));
		if (!more)
			return false;
		m->marks = more;
		m->cap_marks = cap;
	}
	m->marks[m->n_marks++] = at;
	return machine_charge(m, 1);
}

static bool name_is(const struct json *json, json_at key, struct span name)
{
	if (json->tokens[key].escaped)
		return json_string_is(json, key, name);
	return span_eq(json_string_raw(json, key), name);
}

/* The slot of a member's name, NULL where the schema does not name it. */
static const struct slot *find_slot(struct machine *m, const struct object_rules *rules, json_at key)
{
	const struct slot *slots = m->schema->slots + rules->slots;
	uint32_t hash = m->json->tokens[key].hash;

	for (uint32_t i = hash & rules->mask; slots[i].used; i = (i + 1) & rules->mask) {
		if (slots[i].hash == hash && name_is(m->json, key, schema_name(m->schema, slots[i].name)))
			return &slots[i];
		/* Names that were chosen to collide are paid for. */
		if (!machine_charge(m, 1))
			return NULL;
	}
	return NULL;
}

static enum step apply_property(struct machine *m, struct frame *f, const struct slot *slot)
{
	f->count += slot->required;
	if (slot->node == NODE_NONE)
		return STEP_PASS;
	f->matched = true;
	if (!mark(m, f, f->cursor))
		return STEP_STOP;
	m->via = KEYWORD_PROPERTIES;
	return apply(m, slot->node, f->cursor + 1, false);
}

/* Applies the node of the pattern at work where the name matches. */
static enum step apply_pattern(struct machine *m, struct frame *f, const uint32_t *pair)
{
	struct span name = machine_string(m, f->cursor);

	if (!name.p)
		return STEP_STOP;
	switch (regex_match(m->schema->patterns[pair[0]], name, &m->steps)) {
	case REGEX_LIMIT:
		return STEP_STOP;
	case REGEX_NO:
		return STEP_PASS;
	case REGEX_YES:
		break;
	}
	f->matched = true;
	if (!mark(m, f, f->cursor))
		return STEP_STOP;
	m->via = KEYWORD_PATTERN_PROPERTIES;
	return apply(m, pair[1], f->cursor + 1, false);
}

/* What is left to do for one member: its property, each pattern, then additionalProperties. */
static enum step run_member(struct machine *m, struct frame *f, const struct object_rules *rules)
{
	enum step step = STEP_PASS;

	if (f->stage == 0) {
		const struct slot *slot = find_slot(m, rules, f->cursor);

		f->stage = 1;
		if (slot)
			step = apply_property(m, f, slot);
	}
	while (step == STEP_PASS && f->stage <= rules->n_patterns) {
		f->stage++;
		step = apply_pattern(m, f, m->schema->lists + rules->patterns + 2 * (size_t)(f->stage - 2));
	}
	if (step != STEP_PASS || f->stage != rules->n_patterns + 1)
		return step;
	f->stage++;
	if (f->matched || rules->additional == NODE_NONE)
		return STEP_PASS;
	if (!mark(m, f, f->cursor))
		return STEP_STOP;
	m->via = KEYWORD_ADDITIONAL_PROPERTIES;
	return apply(m, rules->additional, f->cursor + 1, false);
}

static enum step run_members(struct machine *m, struct frame *f, const struct op *op, enum move move)
{
	const struct object_rules *rules = &m->schema->rules[op->a];
	const struct json_token *tokens = m->json->tokens;
	json_at end = tokens[f->at].next;

	if (move == MOVE_FAILED)
		return STEP_FAIL;
	if (move == MOVE_START) {
		f->cursor = f->at + 1;
		f->matched = false;
	}
	while (f->cursor < end) {
		enum step step = run_member(m, f, rules);

		if (step != STEP_PASS)
			return step;
		if (!machine_charge(m, 1))
			return STEP_STOP;
		f->cursor = tokens[f->cursor + 1].next;
		f->stage = 0;
		f->matched = false;
	}
	if (f->count < rules->n_required)
		return machine_fail(m, KEYWORD_REQUIRED, op, NULL, f->at);
	return STEP_PASS;
}

static enum step run_names(struct machine *m, struct frame *f, const struct op *op, enum move move)
{
	const struct json_token *tokens = m->json->tokens;

	if (move == MOVE_FAILED)
		return STEP_FAIL;
	if (move == MOVE_START)
		f->cursor = f->at + 1;
	while (f->cursor < tokens[f->at].next) {
		json_at key = f->cursor;
		enum step step;

		f->cursor = tokens[key + 1].next;
		m->via = KEYWORD_PROPERTY_NAMES;
		step = apply(m, op->a, key, false);
		if (step != STEP_PASS)
			return step;
	}
	return STEP_PASS;
}

static enum step run_elements(struct machine *m, struct frame *f, const struct op *op, enum move move)
{
	const struct json_token *tokens = m->json->tokens;

	if (move == MOVE_FAILED)
		return STEP_FAIL;
	if (move == MOVE_START)
		f->cursor = f->at + 1;
	while (f->cursor < tokens[f->at].next) {
		bool prefix = f->stage < op->n;
		uint32_t node = prefix ? m->schema->lists[op->a + f->stage] : op->b;
		json_at element = f->cursor;
		enum step step;

		if (node == NODE_NONE)
			return STEP_PASS;
		if ((prefix || f->stage == op->n) && !mark(m, f, prefix ? element : JSON_NONE))
			return STEP_STOP;
		f->cursor = tokens[element].next;
		f->stage++;
		m->via = KEYWORD_ITEMS;
		step = apply(m, node, element, false);
		if (step != STEP_PASS)
			return step;
	}
	return STEP_PASS;
}

static enum move move_of(enum step step)
{
	return step == STEP_PASS ? MOVE_PASSED : MOVE_FAILED;
}

static enum step end_contains(struct machine *m, const struct frame *f, const struct op *op)
{
	if (f->count > op->b)
		return machine_fail(m, KEYWORD_MAX_CONTAINS, op, NULL, f->at);
	if (f->count < op->n)
		return machine_fail(m, op->n == 1 ? KEYWORD_CONTAINS : KEYWORD_MIN_CONTAINS, op, NULL, f->at);
	return STEP_PASS;
}

/* f->stage is the element at work. */
static enum step run_contains(struct machine *m, struct frame *f, const struct op *op, enum move move)
{
	const struct json_token *tokens = m->json->tokens;
	enum step step;

	f->cursor = move == MOVE_START ? f->at + 1 : f->cursor;
	for (;;) {
		if (move == MOVE_PASSED) {
			f->count++;
			if (!mark(m, f, f->stage))
				return STEP_STOP;
			if (f->count >= op->n && op->b == UINT32_MAX && !f->tracks)
				return STEP_PASS;
		}
		if (f->cursor >= tokens[f->at].next)
			return end_contains(m, f, op);
		f->stage = f->cursor;
		f->cursor = tokens[f->stage].next;
		m->via = KEYWORD_CONTAINS;
		step = apply(m, op->a, f->stage, false);
		if (step == STEP_WAIT || step == STEP_STOP)
			return step;
		move = move_of(step);
	}
}

static enum step run_ref(struct machine *m, struct frame *f, const struct op *op, enum move move)
{
	if (move != MOVE_START)
		return move == MOVE_PASSED ? STEP_PASS : STEP_FAIL;
	m->via = KEYWORD_REF;
	return apply(m, op->a, f->at, true);
}

/* The outermost resource of the dynamic scope that has the anchor decides where it leads. */
static enum step run_dynamic_ref(struct machine *m, struct frame *f, const struct op *op, enum move move)
{
	const struct schema *schema = m->schema;
	uint32_t node = op->a;
	bool found = false;

	if (move != MOVE_START)
		return move == MOVE_PASSED ? STEP_PASS : STEP_FAIL;
	if (!machine_charge(m, 1 + (uint64_t)m->n_frames * schema->n_dynamics / 8))
		return STEP_STOP;
	for (uint32_t i = 0; i < m->n_frames && !found; i++) {
		for (uint32_t j = 0; j < schema->n_dynamics && !found; j++) {
			const struct dynamic *d = &schema->dynamics[j];

			found = d->name == op->n && d->resource == m->frames[i].node->resource;
			node = found ? d->node : node;
		}
	}
	m->via = KEYWORD_DYNAMIC_REF;
	return apply(m, node, f->at, true);
}

/* Applies the next node of a list to the frame's value. */
static enum step apply_next(struct machine *m, struct frame *f, const struct op *op)
{
	m->via = (enum keyword)op->keyword;
	return apply(m, m->schema->lists[op->a + f->stage++], f->at, true);
}

static enum step run_all(struct machine *m, struct frame *f, const struct op *op, enum move move)
{
	if (move == MOVE_FAILED)
		return STEP_FAIL;
	while (f->stage < op->n) {
		enum step step = apply_next(m, f, op);

		if (step != STEP_PASS)
			return step;
	}
	return STEP_PASS;
}

static enum step run_any(struct machine *m, struct frame *f, const struct op *op, enum move move)
{
	for (;;) {
		enum step step;

		/* Where somebody wants to know what was evaluated, each one that holds counts. */
		f->count += move == MOVE_PASSED;
		if (f->count && !f->tracks)
			return STEP_PASS;
		if (f->stage == op->n)
			return f->count ? STEP_PASS : machine_fail(m, KEYWORD_ANY_OF, op, NULL, f->at);
		step = apply_next(m, f, op);
		if (step == STEP_WAIT || step == STEP_STOP)
			return step;
		move = move_of(step);
	}
}

static enum step run_one(struct machine *m, struct frame *f, const struct op *op, enum move move)
{
	for (;;) {
		enum step step;

		f->count += move == MOVE_PASSED;
		if (f->count > 1 || (f->count == 0 && f->stage == op->n)) {
			machine_fail(m, KEYWORD_ONE_OF, op, NULL, f->at);
			m->failure.several = f->count > 1;
			return STEP_FAIL;
		}
		if (f->stage == op->n)
			return STEP_PASS;
		step = apply_next(m, f, op);
		if (step == STEP_WAIT || step == STEP_STOP)
			return step;
		move = move_of(step);
	}
}

static enum step run_not(struct machine *m, struct frame *f, const struct op *op, enum move move)
{
	if (move == MOVE_START) {
		enum step step = apply(m, op->a, f->at, true);

		if (step == STEP_WAIT || step == STEP_STOP)
			return step;
		move = move_of(step);
	}
	return move == MOVE_FAILED ? STEP_PASS : machine_fail(m, KEYWORD_NOT, op, NULL, f->at);
}

static enum step run_if(struct machine *m, struct frame *f, const struct op *op, enum move move)
{
	uint32_t branch;
	enum step step;

	if (f->stage == 0 && move == MOVE_START) {
		step = apply(m, op->a, f->at, true);
		if (step == STEP_WAIT || step == STEP_STOP)
			return step;
		move = move_of(step);
	}
	if (f->stage == 1)
		return move == MOVE_PASSED ? STEP_PASS : STEP_FAIL;
	f->stage = 1;
	branch = move == MOVE_PASSED ? op->n : op->b;
	m->via = move == MOVE_PASSED ? KEYWORD_THEN : KEYWORD_ELSE;
	return branch == NODE_NONE ? STEP_PASS : apply(m, branch, f->at, true);
}

static enum step run_dependent_schemas(struct machine *m, struct frame *f, const struct op *op,
				       enum move move)
{
	if (move == MOVE_FAILED)
		return STEP_FAIL;
	while (f->stage < op->n) {
		const uint32_t *pair = m->schema->lists + op->a + 2 * (size_t)f->stage++;
		struct span name = schema_name(m->schema, m->schema->names[pair[0]]);
		enum step step;

		if (!machine_charge(m, 1 + m->json->tokens[f->at].count / 8))
			return STEP_STOP;
		if (json_get(m->json, f->at, name) == JSON_NONE)
			continue;
		m->via = KEYWORD_DEPENDENT_SCHEMAS;
		step = apply(m, pair[1], f->at, true);
		if (step != STEP_PASS)
			return step;
	}
	return STEP_PASS;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* The next member or element that nobody has evaluated; the marks of the frame are sorted. */
static json_at next_unmarked(const struct machine *m, struct frame *f, bool object)
{
	const struct json_token *tokens = m->json->tokens;

	while (f->cursor < tokens[f->at].next) {
		json_at at = f->cursor;

		while (f->stage < m->n_marks && m->marks[f->stage] < at)
			f->stage++;
		f->cursor = tokens[at + object].next;
		if (f->stage == m->n_marks || m->marks[f->stage] != at)
			return at;
	}
	return JSON_NONE;
}

/* For properties and for items; f->stage walks through the marks. */
static enum step run_unevaluated(struct machine *m, struct frame *f, const struct op *op, enum move move)
{
	bool object = op->keyword == KEYWORD_UNEVALUATED_PROPERTIES;
	uint32_t n = m->n_marks - f->marks;
	json_at at;

	if (move == MOVE_FAILED)
		return STEP_FAIL;
	if (move == MOVE_START) {
		if (!machine_charge(m, n + m->json->tokens[f->at].count))
			return STEP_STOP;
		if (n)
			qsort(m->marks + f->marks, n, sizeof(*m->marks), by_number);
		f->cursor = f->at + 1;
		f->stage = f->marks;
	}
	if (n && m->marks[m->n_marks - 1] == JSON_NONE)
		return STEP_PASS;
	while ((at = next_unmarked(m, f, object)) != JSON_NONE) {
		enum step step;

		m->via = (enum keyword)op->keyword;
		step = apply(m, op->a, at + object, false);
		if (step != STEP_PASS)
			return step;
	}
	return mark(m, f, JSON_NONE) ? STEP_PASS : STEP_STOP;
}

static enum step (*const handlers[KEYWORD_COUNT])(struct machine *, struct frame *, const struct op *,
						  enum move) = {
	[KEYWORD_PROPERTIES] = run_members,
	[KEYWORD_PROPERTY_NAMES] = run_names,
	[KEYWORD_ITEMS] = run_elements,
	[KEYWORD_CONTAINS] = run_contains,
	[KEYWORD_REF] = run_ref,
	[KEYWORD_DYNAMIC_REF] = run_dynamic_ref,
	[KEYWORD_ALL_OF] = run_all,
	[KEYWORD_ANY_OF] = run_any,
	[KEYWORD_ONE_OF] = run_one,
	[KEYWORD_NOT] = run_not,
	[KEYWORD_IF] = run_if,
	[KEYWORD_DEPENDENT_SCHEMAS] = run_dependent_schemas,
	[KEYWORD_UNEVALUATED_ITEMS] = run_unevaluated,
	[KEYWORD_UNEVALUATED_PROPERTIES] = run_unevaluated,
};

static enum step run_op(struct machine *m, struct frame *f, enum move move)
{
	const struct op *op = &m->schema->ops[f->op];

	if (!(op->types & f->type))
		return STEP_PASS;
	if (!handlers[op->keyword])
		return assert_op(m, op, f->at);
	if (move == MOVE_START) {
		f->stage = 0;
		f->count = 0;
	}
	return handlers[op->keyword](m, f, op, move);
}

/* Takes the top frame off. What it evaluated counts below only in place, and only where it holds. */
static enum move pop_frame(struct machine *m, bool passed)
{
	const struct frame *frame = &m->frames[--m->n_frames];

	if (!passed || !frame->in_place)
		m->n_marks = frame->marks;
	return passed ? MOVE_PASSED : MOVE_FAILED;
}

/* Runs until the frames are gone. */
static enum step run(struct machine *m)
{
	enum move move = MOVE_START;

	while (m->n_frames) {
		struct frame *frame = &m->frames[m->n_frames - 1];
		enum step step;

		if (frame->op == frame->end) {
			move = pop_frame(m, true);
			continue;
		}
		step = run_op(m, frame, move);
		move = MOVE_START;
		if (step == STEP_STOP)
			return STEP_STOP;
		if (step == STEP_PASS)
			frame->op++;
		else if (step == STEP_FAIL)
			move = pop_frame(m, false);
	}
	return move == MOVE_PASSED ? STEP_PASS : STEP_FAIL;
}

enum schema_verdict schema_check(const struct schema *schema, const struct json *instance, json_at at,
				 struct schema_problem *problem)
{
	struct machine m;
	enum step step;

	/* Not the frames: clearing them would cost more than many checks. */
	memset(&m, 0, offsetof(struct machine, first_frames));
	m.schema = schema;
	m.json = instance;
	m.frames = m.first_frames;
	m.cap_frames = COUNT(m.first_frames);
	m.steps = schema->max_steps;
	m.scratch = BUF_INIT(SCRATCH_BYTES);
	step = apply(&m, schema->root, at, false);
	if (step == STEP_WAIT)
		step = run(&m);
	if (step == STEP_STOP)
		m.failure = (struct failure){ .keyword = KEYWORD_NONE, .at = at };
	if (step != STEP_PASS && problem)
		problem_describe(&m, at, problem);
	if (m.frames != m.first_frames)
		free(m.frames);
	free(m.marks);
	buf_release(&m.scratch);
	if (step == STEP_STOP)
		return SCHEMA_TOO_COSTLY;
	return step == STEP_PASS ? SCHEMA_VALID : SCHEMA_INVALID;
}
