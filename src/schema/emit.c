/* emit.c - from the keywords of one schema to its ops. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/compiler.h"

#include "schema/decimal.h"
#include "schema/format.h"

#define REFUSE(c, source, at, ...) library_refuse(&(c)->library, (source)->document, (at), __VA_ARGS__)

/* A size: a whole number, not negative. More than fits is as good as the most that fits. */
static int read_size(struct compiler *c, const struct source *s, enum keyword keyword, uint32_t *out)
{
	json_at at = s->values[keyword];
	uint64_t value;
	struct json_number d;

	if (!json_is(s->json, at, JSON_NUMBER))
		return REFUSE(c, s, at, "%s must be a number", keyword_name(keyword));
	if (json_u64(s->json, at, &value)) {
		*out = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
		return 0;
	}
	d = json_number_of(json_raw(s->json, at));
	if (d.negative || !decimal_is_integer(&d))
		return REFUSE(c, s, at, "%s must be a whole number, not negative", keyword_name(keyword));
	*out = UINT32_MAX;
	return 0;
}

static int emit_size(struct compiler *c, const struct source *s, enum keyword keyword, uint8_t types)
{
	struct op op = { 0 };

	if (read_size(c, s, keyword, &op.n) < 0)
		return -1;
	compiler_op(c, keyword, types, op);
	return 0;
}

static int emit_length(struct compiler *c, const struct source *s, enum keyword keyword)
{
	return emit_size(c, s, keyword, TYPE_STRING);
}

static int emit_items_count(struct compiler *c, const struct source *s, enum keyword keyword)
{
	return emit_size(c, s, keyword, TYPE_ARRAY);
}

static int emit_properties_count(struct compiler *c, const struct source *s, enum keyword keyword)
{
	return emit_size(c, s, keyword, TYPE_OBJECT);
}

static int emit_bound(struct compiler *c, const struct source *s, enum keyword keyword)
{
	json_at at = s->values[keyword];
	struct op op = { .a = VECTOR_N(&c->bounds, struct bound) };
	struct bound bound = { 0 };

	if (!json_is(s->json, at, JSON_NUMBER))
		return REFUSE(c, s, at, "%s must be a number", keyword_name(keyword));
	if (json_number_of(json_raw(s->json, at)).immense)
		return REFUSE(c, s, at, "%s has an exponent out of any range", keyword_name(keyword));
	bound.text = compiler_text(c, json_raw(s->json, at));
	bound.is_integer = json_i64(s->json, at, &bound.integer);
	VECTOR_ADD(&c->bounds, &bound);
	compiler_op(c, keyword, TYPE_NUMBER, op);
	return 0;
}

static int emit_multiple(struct compiler *c, const struct source *s, enum keyword keyword)
{
	json_at at = s->values[keyword];
	struct op op = { .a = VECTOR_N(&c->multiples, struct multiple) };
	struct multiple multiple = { 0 };
	struct json_number d;

	if (!json_is(s->json, at, JSON_NUMBER))
		return REFUSE(c, s, at, "multipleOf must be a number");
	d = json_number_of(json_raw(s->json, at));
	if (d.n == 0 || d.negative || d.immense)
		return REFUSE(c, s, at, "multipleOf must be greater than 0 and in range");
	if (!decimal_digits(&d, &multiple.digits))
		return REFUSE(c, s, at, "multipleOf has more than 18 digits");
	multiple.power = d.scale - (int64_t)d.n;
	if (!json_u64(s->json, at, &multiple.integer))
		multiple.integer = 0;
	VECTOR_ADD(&c->multiples, &multiple);
	compiler_op(c, keyword, TYPE_NUMBER, op);
	return 0;
}

/* The bit of a type's name; 0 for a word that is none. */
static uint8_t type_bit(const struct json *json, json_at at)
{
	static const struct {
		struct span name;
		uint8_t bits;
	} types[] = {
		{ SPAN("array"), TYPE_ARRAY },	   { SPAN("boolean"), 1 << JSON_FALSE | 1 << JSON_TRUE },
		{ SPAN("integer"), TYPE_INTEGER }, { SPAN("null"), 1 << JSON_NULL },
		{ SPAN("number"), TYPE_NUMBER },   { SPAN("object"), TYPE_OBJECT },
		{ SPAN("string"), TYPE_STRING },
	};

	for (size_t i = 0; json_is(json, at, JSON_STRING) && i < COUNT(types); i++) {
		if (json_string_is(json, at, types[i].name))
			return types[i].bits;
	}
	return 0;
}

static int read_types(struct compiler *c, const struct source *s, uint8_t *out)
{
	json_at at = s->values[KEYWORD_TYPE];
	uint8_t types = type_bit(s->json, at);

	if (json_is(s->json, at, JSON_ARRAY)) {
		for (json_at e = json_first(s->json, at); e != JSON_NONE; e = json_next(s->json, at, e)) {
			uint8_t bit = type_bit(s->json, e);

			if (!bit)
				return REFUSE(c, s, e, "type holds a word that is no type");
			types |= bit;
		}
	}
	if (!types)
		return REFUSE(c, s, at, "type must be a type or an array of types");
	*out = types;
	return 0;
}

static void add_constant(struct compiler *c, const struct json *json, json_at at)
{
	buf_add_char(&c->constants, c->n_constants ? ',' : '[');
	buf_add(&c->constants, json_raw(json, at));
	/* Its place in the array for now; its token when all are there. */
	compiler_list_add(c, c->n_constants++);
}

static int emit_const(struct compiler *c, const struct source *s, enum keyword keyword)
{
	struct op op = { .a = compiler_list(c), .n = 1 };

	add_constant(c, s->json, s->values[keyword]);
	compiler_op(c, keyword, TYPES_ALL, op);
	return 0;
}

static int emit_enum(struct compiler *c, const struct source *s, enum keyword keyword)
{
	json_at at = s->values[keyword];
	struct op op = { .a = compiler_list(c) };

	if (!json_is(s->json, at, JSON_ARRAY))
		return REFUSE(c, s, at, "enum must be an array");
	for (json_at e = json_first(s->json, at); e != JSON_NONE; e = json_next(s->json, at, e)) {
		add_constant(c, s->json, e);
		op.n++;
	}
	compiler_op(c, keyword, TYPES_ALL, op);
	return 0;
}

static int emit_pattern(struct compiler *c, const struct source *s, enum keyword keyword)
{
	json_at at = s->values[keyword];
	struct op op = { 0 };

	if (!json_is(s->json, at, JSON_STRING))
		return REFUSE(c, s, at, "pattern must be a string");
	if (compiler_pattern(c, s, at, &op.a) < 0)
		return -1;
	op.b = compiler_name(c, s->json, at);
	compiler_op(c, keyword, TYPE_STRING, op);
	return 0;
}

static int emit_format(struct compiler *c, const struct source *s, enum keyword keyword)
{
	json_at at = s->values[keyword];
	struct op op = { 0 };

	if (!json_is(s->json, at, JSON_STRING))
		return REFUSE(c, s, at, "format must be a string");
	op.a = format_of(json_string_raw(s->json, at));
	if (s->resource->asserts_formats && op.a != FORMAT_UNKNOWN)
		compiler_op(c, keyword, TYPE_STRING, op);
	return 0;
}

static int emit_unique(struct compiler *c, const struct source *s, enum keyword keyword)
{
	json_at at = s->values[keyword];

	if (json_is(s->json, at, JSON_TRUE))
		compiler_op(c, keyword, TYPE_ARRAY, (struct op){ 0 });
	else if (!json_is(s->json, at, JSON_FALSE))
		return REFUSE(c, s, at, "uniqueItems must be true or false");
	return 0;
}

/* Adds the pairs (trigger, name) for an array of names. */
static int add_required_pairs(struct compiler *c, const struct source *s, uint32_t trigger, json_at names,
			      uint32_t *n)
{
	if (!json_is(s->json, names, JSON_ARRAY))
		return REFUSE(c, s, names, "names that depend on another must be an array");
	for (json_at e = json_first(s->json, names); e != JSON_NONE; e = json_next(s->json, names, e)) {
		if (!json_is(s->json, e, JSON_STRING))
			return REFUSE(c, s, e, "a name must be a string");
		compiler_list_add(c, trigger);
		compiler_list_add(c, compiler_name(c, s->json, e));
		(*n)++;
	}
	return 0;
}

/* The arrays in dependentRequired or dependencies. */
static int emit_dependent_required(struct compiler *c, const struct source *s, enum keyword keyword)
{
	json_at at = s->values[keyword];
	struct op op = { .a = compiler_list(c) };

	if (!json_is(s->json, at, JSON_OBJECT))
		return REFUSE(c, s, at, "%s must be an object", keyword_name(keyword));
	for (json_at k = json_first(s->json, at); k != JSON_NONE; k = json_next_key(s->json, at, k)) {
		if (keyword == KEYWORD_DEPENDENCIES && !json_is(s->json, k + 1, JSON_ARRAY))
			continue;
		if (add_required_pairs(c, s, compiler_name(c, s->json, k), k + 1, &op.n) < 0)
			return -1;
	}
	if (op.n)
		compiler_op(c, KEYWORD_DEPENDENT_REQUIRED, TYPE_OBJECT, op);
	return 0;
}

/* The schemas in dependentSchemas or dependencies. */
static int emit_dependent_schemas(struct compiler *c, const struct source *s, enum keyword keyword)
{
	json_at at = s->values[keyword];
	struct op op = { .a = compiler_list(c) };

	for (json_at k = json_first(s->json, at); k != JSON_NONE; k = json_next_key(s->json, at, k)) {
		if (json_is(s->json, k + 1, JSON_ARRAY))
			continue;
		compiler_list_add(c, compiler_name(c, s->json, k));
		compiler_list_add(c, compiler_child(c, s, k + 1));
		op.n++;
	}
	if (op.n)
		compiler_op(c, KEYWORD_DEPENDENT_SCHEMAS, TYPE_OBJECT, op);
	return 0;
}

static int emit_dependencies(struct compiler *c, const struct source *s, enum keyword keyword)
{
	if (emit_dependent_required(c, s, keyword) < 0)
		return -1;
	return emit_dependent_schemas(c, s, keyword);
}

/* The slot of a name, new where it is not there yet. The table is larger than the names are many. */
static struct slot *slot_of(struct compiler *c, const struct object_rules *rules, const struct json *json,
			    json_at at)
{
	struct slot *slots = VECTOR(&c->slots, struct slot) + rules->slots;
	struct span text = compiler_string(c, json, at);
	uint32_t hash, i;

	if (!text.p)
		return NULL;
	hash = json_hash(text);
	for (i = hash & rules->mask; slots[i].used; i = (i + 1) & rules->mask) {
		struct span name = span_of(c->texts.p + slots[i].name.off, slots[i].name.n);

		if (slots[i].hash == hash && span_eq(name, text))
			return &slots[i];
	}
	slots[i] = (struct slot){ .hash = hash,
				  .name = compiler_text(c, text),
				  .node = NODE_NONE,
				  .used = true,
				  .required = false };
	return buf_ok(&c->texts) ? &slots[i] : NULL;
}

static uint32_t count_of(const struct source *s, enum keyword keyword)
{
	json_at at = s->values[keyword];

	return at == JSON_NONE ? 0 : s->json->tokens[at].count;
}

static int add_required(struct compiler *c, const struct source *s, struct object_rules *rules)
{
	json_at at = s->values[KEYWORD_REQUIRED];

	for (json_at e = json_first(s->json, at); e != JSON_NONE; e = json_next(s->json, at, e)) {
		struct slot *slot;

		if (!json_is(s->json, e, JSON_STRING))
			return REFUSE(c, s, e, "required must be an array of names");
		slot = slot_of(c, rules, s->json, e);
		if (!slot)
			return err_set(c->err, ERR_LIMIT, "a schema is too large");
		rules->n_required += !slot->required;
		slot->required = true;
	}
	return 0;
}

/* Makes the hash table: at most half of it is in use. */
static int add_slots(struct compiler *c, const struct source *s, struct object_rules *rules)
{
	uint32_t n = count_of(s, KEYWORD_PROPERTIES) + count_of(s, KEYWORD_REQUIRED), size = 2;
	json_at at = s->values[KEYWORD_PROPERTIES];
	const struct slot none = { .used = false };

	while (size < 2 * n)
		size *= 2;
	rules->slots = VECTOR_N(&c->slots, struct slot);
	rules->mask = size - 1;
	for (uint32_t i = 0; i < size && buf_ok(&c->slots); i++)
		VECTOR_ADD(&c->slots, &none);
	if (!buf_ok(&c->slots))
		return err_set(c->err, ERR_LIMIT, "a schema has too many properties");
	for (json_at k = at == JSON_NONE ? at : json_first(s->json, at); k != JSON_NONE;
	     k = json_next_key(s->json, at, k)) {
		struct slot *slot = slot_of(c, rules, s->json, k);

		if (!slot)
			return err_set(c->err, ERR_LIMIT, "a schema is too large");
		slot->node = compiler_child(c, s, k + 1);
	}
	return s->values[KEYWORD_REQUIRED] == JSON_NONE ? 0 : add_required(c, s, rules);
}

static int add_pattern_properties(struct compiler *c, const struct source *s, struct object_rules *rules)
{
	json_at at = s->values[KEYWORD_PATTERN_PROPERTIES];

	rules->patterns = compiler_list(c);
	if (at == JSON_NONE)
		return 0;
	for (json_at k = json_first(s->json, at); k != JSON_NONE; k = json_next_key(s->json, at, k)) {
		uint32_t pattern;

		if (compiler_pattern(c, s, k, &pattern) < 0)
			return -1;
		compiler_list_add(c, pattern);
		compiler_list_add(c, compiler_child(c, s, k + 1));
		rules->n_patterns++;
	}
	return 0;
}

static int emit_members(struct compiler *c, const struct source *s)
{
	struct op op = { .a = VECTOR_N(&c->rules, struct object_rules) };
	struct object_rules rules = { .additional = NODE_NONE };
	json_at required = s->values[KEYWORD_REQUIRED];
	json_at additional = s->values[KEYWORD_ADDITIONAL_PROPERTIES];

	if (required != JSON_NONE && !json_is(s->json, required, JSON_ARRAY))
		return REFUSE(c, s, required, "required must be an array of names");
	if (add_slots(c, s, &rules) < 0 || add_pattern_properties(c, s, &rules) < 0)
		return -1;
	if (additional != JSON_NONE)
		rules.additional = compiler_child(c, s, additional);
	VECTOR_ADD(&c->rules, &rules);
	compiler_op(c, KEYWORD_PROPERTIES, TYPE_OBJECT, op);
	return 0;
}

static void add_children(struct compiler *c, const struct source *s, json_at array, uint32_t *n)
{
	for (json_at e = json_first(s->json, array); e != JSON_NONE; e = json_next(s->json, array, e)) {
		compiler_list_add(c, compiler_child(c, s, e));
		(*n)++;
	}
}

/* prefixItems and items, or the two forms that draft-07 writes as items and additionalItems. */
static void emit_elements(struct compiler *c, const struct source *s)
{
	struct op op = { .a = compiler_list(c), .b = NODE_NONE };
	json_at prefix = s->values[KEYWORD_PREFIX_ITEMS], rest = s->values[KEYWORD_ITEMS];

	if (rest != JSON_NONE && json_is(s->json, rest, JSON_ARRAY)) {
		prefix = rest;
		rest = s->values[KEYWORD_ADDITIONAL_ITEMS];
	}
	if (prefix != JSON_NONE)
		add_children(c, s, prefix, &op.n);
	if (rest != JSON_NONE)
		op.b = compiler_child(c, s, rest);
	compiler_op(c, KEYWORD_ITEMS, TYPE_ARRAY, op);
}

static int emit_contains(struct compiler *c, const struct source *s, enum keyword keyword)
{
	struct op op = { .a = compiler_child(c, s, s->values[keyword]), .n = 1, .b = UINT32_MAX };

	if (s->values[KEYWORD_MIN_CONTAINS] != JSON_NONE && read_size(c, s, KEYWORD_MIN_CONTAINS, &op.n) < 0)
		return -1;
	if (s->values[KEYWORD_MAX_CONTAINS] != JSON_NONE && read_size(c, s, KEYWORD_MAX_CONTAINS, &op.b) < 0)
		return -1;
	compiler_op(c, keyword, TYPE_ARRAY, op);
	return 0;
}

static int emit_one_child(struct compiler *c, const struct source *s, enum keyword keyword, uint8_t types)
{
	struct op op = { .a = compiler_child(c, s, s->values[keyword]) };

	compiler_op(c, keyword, types, op);
	return 0;
}

static int emit_not(struct compiler *c, const struct source *s, enum keyword keyword)
{
	return emit_one_child(c, s, keyword, TYPES_ALL);
}

static int emit_of_object(struct compiler *c, const struct source *s, enum keyword keyword)
{
	return emit_one_child(c, s, keyword, TYPE_OBJECT);
}

static int emit_of_array(struct compiler *c, const struct source *s, enum keyword keyword)
{
	return emit_one_child(c, s, keyword, TYPE_ARRAY);
}

static int emit_list(struct compiler *c, const struct source *s, enum keyword keyword)
{
	struct op op = { .a = compiler_list(c) };

	add_children(c, s, s->values[keyword], &op.n);
	compiler_op(c, keyword, TYPES_ALL, op);
	return 0;
}

static int emit_if(struct compiler *c, const struct source *s, enum keyword keyword)
{
	json_at then = s->values[KEYWORD_THEN], otherwise = s->values[KEYWORD_ELSE];
	struct op op = { .n = NODE_NONE, .b = NODE_NONE };

	op.a = compiler_child(c, s, s->values[keyword]);
	if (then != JSON_NONE)
		op.n = compiler_child(c, s, then);
	if (otherwise != JSON_NONE)
		op.b = compiler_child(c, s, otherwise);
	compiler_op(c, keyword, TYPES_ALL, op);
	return 0;
}

/* The name an op shares with the dynamic anchors it may lead to. */
static uint32_t wanted_name(struct compiler *c, struct span text)
{
	const uint32_t *wanted = VECTOR(&c->wanted, uint32_t);
	struct name name;
	uint32_t index;

	for (uint32_t i = 0; i < VECTOR_N(&c->wanted, uint32_t); i++) {
		name = VECTOR(&c->names, struct name)[wanted[i]];
		if (span_eq(span_of(c->texts.p + name.off, name.n), text))
			return wanted[i];
	}
	name = compiler_text(c, text);
	index = VECTOR_N(&c->names, struct name);
	VECTOR_ADD(&c->names, &name);
	VECTOR_ADD(&c->wanted, &index);
	return index;
}

static int emit_ref(struct compiler *c, const struct source *s, enum keyword keyword)
{
	struct target target;
	struct op op = { 0 };

	if (library_resolve(&c->library, s->place, s->values[keyword], &target) < 0)
		return -1;
	compiler_need(c, target.place);
	op.a = target.place;
	if (keyword == KEYWORD_DYNAMIC_REF && target.anchor != LIBRARY_NONE)
		op.n = wanted_name(c, VECTOR(&c->library.anchors, struct anchor)[target.anchor].name);
	else
		keyword = KEYWORD_REF;
	compiler_op(c, keyword, TYPES_ALL, op);
	return 0;
}

static int (*const emitters[KEYWORD_COUNT])(struct compiler *, const struct source *, enum keyword) = {
	[KEYWORD_MAX_PROPERTIES] = emit_properties_count,
	[KEYWORD_MIN_PROPERTIES] = emit_properties_count,
	[KEYWORD_MAX_ITEMS] = emit_items_count,
	[KEYWORD_MIN_ITEMS] = emit_items_count,
	[KEYWORD_MAX_LENGTH] = emit_length,
	[KEYWORD_MIN_LENGTH] = emit_length,
	[KEYWORD_MAXIMUM] = emit_bound,
	[KEYWORD_EXCLUSIVE_MAXIMUM] = emit_bound,
	[KEYWORD_MINIMUM] = emit_bound,
	[KEYWORD_EXCLUSIVE_MINIMUM] = emit_bound,
	[KEYWORD_MULTIPLE_OF] = emit_multiple,
	[KEYWORD_CONST] = emit_const,
	[KEYWORD_ENUM] = emit_enum,
	[KEYWORD_DEPENDENT_REQUIRED] = emit_dependent_required,
	[KEYWORD_PATTERN] = emit_pattern,
	[KEYWORD_UNIQUE_ITEMS] = emit_unique,
	[KEYWORD_FORMAT] = emit_format,
	[KEYWORD_PROPERTY_NAMES] = emit_of_object,
	[KEYWORD_CONTAINS] = emit_contains,
	[KEYWORD_REF] = emit_ref,
	[KEYWORD_DYNAMIC_REF] = emit_ref,
	[KEYWORD_ALL_OF] = emit_list,
	[KEYWORD_ANY_OF] = emit_list,
	[KEYWORD_ONE_OF] = emit_list,
	[KEYWORD_NOT] = emit_not,
	[KEYWORD_IF] = emit_if,
	[KEYWORD_DEPENDENT_SCHEMAS] = emit_dependent_schemas,
	[KEYWORD_DEPENDENCIES] = emit_dependencies,
	[KEYWORD_UNEVALUATED_ITEMS] = emit_of_array,
	[KEYWORD_UNEVALUATED_PROPERTIES] = emit_of_object,
};

/* What several keywords say together becomes one op, in the place of `keyword`. */
static int emit_joined(struct compiler *c, const struct source *s, enum keyword keyword)
{
	const json_at *v = s->values;

	if (keyword == KEYWORD_PROPERTIES &&
	    (v[KEYWORD_PROPERTIES] != JSON_NONE || v[KEYWORD_PATTERN_PROPERTIES] != JSON_NONE ||
	     v[KEYWORD_ADDITIONAL_PROPERTIES] != JSON_NONE || v[KEYWORD_REQUIRED] != JSON_NONE))
		return emit_members(c, s);
	if (keyword == KEYWORD_ITEMS &&
	    (v[KEYWORD_PREFIX_ITEMS] != JSON_NONE || v[KEYWORD_ITEMS] != JSON_NONE))
		emit_elements(c, s);
	return 0;
}

int emit_keywords(struct compiler *c, const struct source *source, struct node *node)
{
	node->types = TYPES_ALL;
	if (source->values[KEYWORD_TYPE] != JSON_NONE && read_types(c, source, &node->types) < 0)
		return -1;
	for (unsigned k = 1; k < KEYWORD_COUNT; k++) {
		enum keyword keyword = (enum keyword)k;

		if (emit_joined(c, source, keyword) < 0)
			return -1;
		if (source->values[k] == JSON_NONE || !emitters[k])
			continue;
		if (emitters[k](c, source, keyword) < 0)
			return -1;
	}
	return 0;
}
