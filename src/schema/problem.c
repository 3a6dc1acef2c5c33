/* problem.c - a failure in words: what must be, where, in terms the schema's reader knows. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/format.h"
#include "schema/machine.h"
#include "json/pointer.h"

enum {
	SHOWN_BYTES = 60,      /* of a name, a pattern, a number */
	SHOWN_LIST_BYTES = 90, /* of the values of an enum */
	POINTER_BYTES = 1 << 16,
	LOOKUPS_MAX = 1 << 18, /* names compared to find the one to speak of */
};

/* Adds at most `max` bytes, no character cut in two, nothing that steers a terminal. */
static void add_shown(struct buf *out, struct span text, size_t max)
{
	size_t n = text.n;

	if (n > max) {
		for (n = max; n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80;)
			n--;
	}
	for (size_t i = 0; i < n; i++)
		buf_add_char(out, (unsigned char)text.p[i] < ' ' || text.p[i] == 127 ? '?' : text.p[i]);
	if (n < text.n)
		buf_add(out, S("..."));
}

/* The pointer from the value that was checked to `at`. */
static void add_pointer(const struct machine *m, json_at root, json_at at, struct buf *out)
{
	CLEANUP(buf_release) struct buf above = BUF_INIT(POINTER_BYTES), all = BUF_INIT(POINTER_BYTES);
	/* A name is spoken of by the place of its value. */
	json_at value = m->json->tokens[at].is_key ? at + 1 : at;

	json_pointer_to(m->json, root, &above);
	json_pointer_to(m->json, value, &all);
	if (buf_ok(&above) && buf_ok(&all))
		add_shown(out, span_skip(buf_span(&all), above.n),
			  sizeof((struct schema_problem){ 0 }.pointer) - 4);
}

static const char *type_name(const struct machine *m, json_at at)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",	     [JSON_FALSE] = "a boolean", [JSON_TRUE] = "a boolean",
		[JSON_NUMBER] = "a number",  [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object",
	};

	return names[json_type_of(m->json, at)];
}

static void add_types(struct buf *out, uint8_t types)
{
	static const struct {
		uint8_t bits;
		const char *name;
	} names[] = {
		{ TYPE_STRING, "a string" },	 { TYPE_INTEGER, "an integer" }, { TYPE_NUMBER, "a number" },
		{ 1 << JSON_TRUE, "a boolean" }, { TYPE_OBJECT, "an object" },	 { TYPE_ARRAY, "an array" },
		{ 1 << JSON_NULL, "null" },
	};
	const char *between = "";

	for (size_t i = 0; i < COUNT(names); i++) {
		if (!(types & names[i].bits))
			continue;
		buf_addf(out, "%s%s", between, names[i].name);
		between = " or ";
	}
}

static void say_type(const struct machine *m, struct buf *out, const char *words)
{
	const struct failure *f = &m->failure;
	bool whole = json_is(m->json, f->at, JSON_NUMBER);

	buf_add(out, span_str(words));
	add_types(out, f->node->types);
	buf_addf(out, ", not %s",
		 whole && (f->node->types & TYPE_INTEGER) ? "a number with a fraction" : type_name(m, f->at));
}

/* Is looking up `n` names in the value at hand cheap enough to say which one it is? */
static bool is_small(const struct machine *m, uint32_t n)
{
	return (uint64_t)n * m->json->tokens[m->failure.at].count < LOOKUPS_MAX;
}

/* Of the names that are required, the first one that is not there. */
static void say_required(const struct machine *m, struct buf *out, const char *words)
{
	const struct object_rules *rules = &m->schema->rules[m->failure.op->a];

	for (uint32_t i = 0; i <= rules->mask && is_small(m, rules->n_required); i++) {
		const struct slot *slot = &m->schema->slots[rules->slots + i];
		struct span name = schema_name(m->schema, slot->name);

		if (!slot->used || !slot->required || json_get(m->json, m->failure.at, name) != JSON_NONE)
			continue;
		buf_addf(out, "%s\"", words);
		add_shown(out, name, SHOWN_BYTES);
		buf_add_char(out, '"');
		return;
	}
	buf_add(out, S("lacks a property that it must have"));
}

static void say_dependent(const struct machine *m, struct buf *out, const char *words)
{
	const struct op *op = m->failure.op;

	for (uint32_t i = 0; i < op->n && is_small(m, op->n); i++) {
		const uint32_t *pair = m->schema->lists + op->a + 2 * (size_t)i;
		struct span has = schema_name(m->schema, m->schema->names[pair[0]]);
		struct span lacks = schema_name(m->schema, m->schema->names[pair[1]]);

		if (json_get(m->json, m->failure.at, has) == JSON_NONE ||
		    json_get(m->json, m->failure.at, lacks) != JSON_NONE)
			continue;
		buf_addf(out, "%s\"", words);
		add_shown(out, has, SHOWN_BYTES / 2);
		buf_add(out, S("\" but lacks \""));
		add_shown(out, lacks, SHOWN_BYTES / 2);
		buf_add_char(out, '"');
		return;
	}
	buf_add(out, S("lacks a property that another one needs"));
}

static void say_values(const struct machine *m, struct buf *out, const char *words)
{
	CLEANUP(buf_release) struct buf values = BUF_INIT(1024);
	const struct op *op = m->failure.op;

	for (uint32_t i = 0; i < op->n && values.n <= SHOWN_LIST_BYTES; i++) {
		buf_add(&values, i ? S(", ") : S(""));
		add_shown(&values, json_raw(&m->schema->constants, m->schema->lists[op->a + i]), SHOWN_BYTES);
	}
	buf_add(out, span_str(words));
	add_shown(out, buf_span(&values), SHOWN_LIST_BYTES);
}

static void say_bound(const struct machine *m, struct buf *out, const char *words)
{
	const struct bound *bound = &m->schema->bounds[m->failure.op->a];

	buf_addf(out, "must be %s ", words);
	add_shown(out, schema_name(m->schema, bound->text), SHOWN_BYTES);
}

/* `words` end in what is counted, in the singular. */
static void say_size(const struct machine *m, struct buf *out, const char *words)
{
	struct span what = span_str(words);
	struct span how = span_cut(&what, '|');
	uint32_t n = m->failure.op->n;
	const char *plural = span_ends(what, S("y")) ? "ies" : "s";

	if (n == 1)
		plural = span_ends(what, S("y")) ? "y" : "";
	if (span_ends(what, S("y")))
		what.n--;
	buf_addf(out, "must have %.*s %u %.*s%s", SPAN_ARG(how), n, SPAN_ARG(what), plural);
}

static void say_multiple(const struct machine *m, struct buf *out, const char *words)
{
	const struct multiple *multiple = &m->schema->multiples[m->failure.op->a];

	buf_add(out, span_str(words));
	buf_add_u64(out, multiple->digits);
	if (multiple->power) {
		buf_add_char(out, 'e');
		buf_add_i64(out, multiple->power);
	}
}

static void say_pattern(const struct machine *m, struct buf *out, const char *words)
{
	buf_add(out, span_str(words));
	add_shown(out, schema_name(m->schema, m->schema->names[m->failure.op->b]), SHOWN_BYTES);
}

static void say_format(const struct machine *m, struct buf *out, const char *words)
{
	buf_addf(out, "%s%s", words, format_name((enum format)m->failure.op->a));
}

static void say_contains(const struct machine *m, struct buf *out, const char *words)
{
	const struct op *op = m->failure.op;
	uint32_t n = m->failure.keyword == KEYWORD_MAX_CONTAINS ? op->b : op->n;

	buf_addf(out, "must have %s %u element%s of the form its schema names", words, n, n == 1 ? "" : "s");
}

static void say_forms(const struct machine *m, struct buf *out, const char *words)
{
	buf_addf(out, "has %s of the %u forms of which %s one is allowed",
		 m->failure.several ? "more than one" : "none", m->failure.op->n, words);
}

static void say_words(const struct machine *m, struct buf *out, const char *words)
{
	(void)m;
	buf_add(out, span_str(words));
}

static const struct {
	void (*say)(const struct machine *m, struct buf *out, const char *words);
	const char *words;
} sentences[KEYWORD_COUNT] = {
	[KEYWORD_NONE] = { say_words, "could not be checked within the limits" },
	[KEYWORD_TYPE] = { say_type, "must be " },
	[KEYWORD_REQUIRED] = { say_required, "lacks the property " },
	[KEYWORD_DEPENDENT_REQUIRED] = { say_dependent, "has the property " },
	[KEYWORD_MAX_PROPERTIES] = { say_size, "at most|property" },
	[KEYWORD_MIN_PROPERTIES] = { say_size, "at least|property" },
	[KEYWORD_MAX_ITEMS] = { say_size, "at most|element" },
	[KEYWORD_MIN_ITEMS] = { say_size, "at least|element" },
	[KEYWORD_MAX_LENGTH] = { say_size, "at most|character" },
	[KEYWORD_MIN_LENGTH] = { say_size, "at least|character" },
	[KEYWORD_MAXIMUM] = { say_bound, "at most" },
	[KEYWORD_MINIMUM] = { say_bound, "at least" },
	[KEYWORD_EXCLUSIVE_MAXIMUM] = { say_bound, "less than" },
	[KEYWORD_EXCLUSIVE_MINIMUM] = { say_bound, "greater than" },
	[KEYWORD_MULTIPLE_OF] = { say_multiple, "must be a multiple of " },
	[KEYWORD_CONST] = { say_values, "must be " },
	[KEYWORD_ENUM] = { say_values, "must be one of " },
	[KEYWORD_PATTERN] = { say_pattern, "must match the pattern " },
	[KEYWORD_FORMAT] = { say_format, "must have the format " },
	[KEYWORD_UNIQUE_ITEMS] = { say_words, "must not have equal elements" },
	[KEYWORD_CONTAINS] = { say_contains, "at least" },
	[KEYWORD_MIN_CONTAINS] = { say_contains, "at least" },
	[KEYWORD_MAX_CONTAINS] = { say_contains, "at most" },
	[KEYWORD_ANY_OF] = { say_forms, "any" },
	[KEYWORD_ONE_OF] = { say_forms, "exactly" },
	[KEYWORD_NOT] = { say_words, "has a form that is not allowed" },
	[KEYWORD_PROPERTIES] = { say_words, "is a property that is not allowed" },
	[KEYWORD_PATTERN_PROPERTIES] = { say_words, "is a property that is not allowed" },
	[KEYWORD_ADDITIONAL_PROPERTIES] = { say_words, "is a property that is not allowed" },
	[KEYWORD_UNEVALUATED_PROPERTIES] = { say_words, "is a property that is not allowed" },
	[KEYWORD_ITEMS] = { say_words, "is an element that is not allowed" },
	[KEYWORD_UNEVALUATED_ITEMS] = { say_words, "is an element that is not allowed" },
};

/* The part of the sentence behind its subject. */
static void say(const struct machine *m, struct buf *out)
{
	enum keyword keyword = m->failure.keyword;

	/* The whole schema is false: no keyword, but a node. */
	if (sentences[keyword].say && (keyword || !m->failure.node))
		sentences[keyword].say(m, out, sentences[keyword].words);
	else
		buf_add(out, S("is not allowed"));
}

void problem_describe(const struct machine *m, json_at root, struct schema_problem *problem)
{
	CLEANUP(buf_release) struct buf pointer = BUF_INIT(sizeof(problem->pointer) - 1);
	CLEANUP(buf_release) struct buf text = BUF_INIT(sizeof(problem->text) - 1);
	bool name = m->json->tokens[m->failure.at].is_key;

	add_pointer(m, root, m->failure.at, &pointer);
	if (pointer.n)
		buf_addf(&text, "%s\"%.*s\" ", name ? "The name of " : "", SPAN_ARG(buf_span(&pointer)));
	else
		buf_add(&text, S("The value "));
	say(m, &text);
	buf_add_char(&text, '.');
	(void)span_to_cstr(buf_span(&text), problem->text, sizeof(problem->text));
	(void)span_to_cstr(buf_span(&pointer), problem->pointer, sizeof(problem->pointer));
	problem->keyword = keyword_name(m->failure.keyword);
}
