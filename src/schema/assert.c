/* assert.c - keywords that look at one value and apply no other schema. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/decimal.h"
#include "schema/format.h"
#include "schema/machine.h"
#include "text/regex.h"

bool assert_is_whole(const struct json *json, json_at at)
{
	struct span raw = json_raw(json, at);
	struct json_number d;

	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] != '-' && (raw.p[i] < '0' || raw.p[i] > '9')) {
			d = json_number_of(raw);
			return decimal_is_integer(&d);
		}
	}
	return true;
}

struct span machine_string(struct machine *m, json_at at)
{
	buf_clear(&m->scratch);
	return json_string(m->json, at, &m->scratch);
}

/* Code points of the decoded string, counted where it stands. */
static uint32_t count_characters(const struct json *json, json_at at)
{
	struct span raw = json_string_raw(json, at);
	uint32_t n = 0;

	for (size_t i = 0; i < raw.n; i++) {
		n += ((unsigned char)raw.p[i] & 0xC0) != 0x80;
		if (raw.p[i] != '\\')
			continue;
		i++;
		if (raw.p[i] != 'u')
			continue;
		/* The second half of a surrogate pair (\uDC00 to \uDFFF) is no character of its own. */
		if ((raw.p[i + 1] | 0x20) == 'd' && (raw.p[i + 2] | 0x20) >= 'c')
			n--;
		i += 4;
	}
	return n;
}

static enum step verdict(struct machine *m, const struct op *op, json_at at, bool holds)
{
	return holds ? STEP_PASS : machine_fail(m, (enum keyword)op->keyword, op, NULL, at);
}

static enum step check_length(struct machine *m, const struct op *op, json_at at)
{
	const struct json_token *t = &m->json->tokens[at];
	uint32_t bytes = t->end - t->off - 2, n;

	/* A character is one to four bytes, six or twelve as an escape: the count may not matter. */
	if (op->keyword == KEYWORD_MAX_LENGTH && bytes <= op->n)
		return STEP_PASS;
	if (op->keyword == KEYWORD_MIN_LENGTH && bytes / 12 >= op->n)
		return STEP_PASS;
	if (!machine_charge(m, bytes / 16))
		return STEP_STOP;
	n = count_characters(m->json, at);
	return verdict(m, op, at, op->keyword == KEYWORD_MAX_LENGTH ? n <= op->n : n >= op->n);
}

static enum step check_count(struct machine *m, const struct op *op, json_at at)
{
	uint32_t n = m->json->tokens[at].count;
	bool most = op->keyword == KEYWORD_MAX_ITEMS || op->keyword == KEYWORD_MAX_PROPERTIES;

	return verdict(m, op, at, most ? n <= op->n : n >= op->n);
}

static enum step check_bound(struct machine *m, const struct op *op, json_at at)
{
	const struct bound *bound = &m->schema->bounds[op->a];
	struct json_number a, b;
	int64_t value;
	int order;

	if (!machine_charge(m, json_raw(m->json, at).n / 16))
		return STEP_STOP;
	if (bound->is_integer && json_i64(m->json, at, &value)) {
		order = (value > bound->integer) - (value < bound->integer);
	} else {
		if (!machine_charge(m, bound->text.n / 16))
			return STEP_STOP;
		a = json_number_of(json_raw(m->json, at));
		b = json_number_of(schema_name(m->schema, bound->text));
		order = decimal_cmp(&a, &b);
	}
	if (op->keyword == KEYWORD_MAXIMUM)
		return verdict(m, op, at, order <= 0);
	if (op->keyword == KEYWORD_MINIMUM)
		return verdict(m, op, at, order >= 0);
	return verdict(m, op, at, op->keyword == KEYWORD_EXCLUSIVE_MAXIMUM ? order < 0 : order > 0);
}

static enum step check_multiple(struct machine *m, const struct op *op, json_at at)
{
	const struct multiple *multiple = &m->schema->multiples[op->a];
	struct json_number d;
	uint64_t value;

	if (multiple->integer && json_u64(m->json, at, &value))
		return verdict(m, op, at, value % multiple->integer == 0);
	/* A division of 128 bits for each digit, and one for each bit of the exponent. */
	if (!machine_charge(m, 8 + json_raw(m->json, at).n))
		return STEP_STOP;
	d = json_number_of(json_raw(m->json, at));
	return verdict(m, op, at, decimal_is_multiple(&d, multiple->digits, multiple->power));
}

/* Equal values, where the cheap ways to see that they are not have been tried. */
static enum step check_equal(struct machine *m, json_at constant, json_at at)
{
	const struct json *constants = &m->schema->constants;
	const struct json_token *a = &constants->tokens[constant], *b = &m->json->tokens[at];
	uint64_t size = a->next - constant;

	if (a->type != b->type || a->count != b->count || size != b->next - at)
		return STEP_FAIL;
	if (a->type == JSON_STRING && !a->escaped && !b->escaped) {
		if (a->end - a->off != b->end - b->off)
			return STEP_FAIL;
		if (!machine_charge(m, (a->end - a->off) / 64))
			return STEP_STOP;
		return span_eq(json_string_raw(constants, constant), json_string_raw(m->json, at))
			   ? STEP_PASS
			   : STEP_FAIL;
	}
	if (!machine_charge(m, size + (b->end - b->off) / 16))
		return STEP_STOP;
	return json_equal(constants, constant, m->json, at) ? STEP_PASS : STEP_FAIL;
}

static enum step check_enum(struct machine *m, const struct op *op, json_at at)
{
	if (!machine_charge(m, op->n / 8))
		return STEP_STOP;
	for (uint32_t i = 0; i < op->n; i++) {
		enum step step = check_equal(m, m->schema->lists[op->a + i], at);

		if (step != STEP_FAIL)
			return step;
	}
	return verdict(m, op, at, false);
}

static enum step check_pattern(struct machine *m, const struct op *op, json_at at)
{
	struct span text = machine_string(m, at);

	if (!text.p)
		return STEP_STOP;
	switch (regex_match(m->schema->patterns[op->a], text, &m->steps)) {
	case REGEX_LIMIT:
		return STEP_STOP;
	case REGEX_NO:
		return verdict(m, op, at, false);
	case REGEX_YES:
		return STEP_PASS;
	}
	return STEP_STOP;
}

static enum step check_format(struct machine *m, const struct op *op, json_at at)
{
	struct span text = machine_string(m, at);
	/* Compiling a pattern costs as much as thousands of other steps. */
	uint64_t price = op->a == FORMAT_REGEX ? 1000 + 10 * text.n : text.n / 8;

	if (!text.p || !machine_charge(m, price))
		return STEP_STOP;
	return verdict(m, op, at, format_check((enum format)op->a, text));
}

static bool has_member(const struct machine *m, json_at object, uint32_t name)
{
	return json_get(m->json, object, schema_name(m->schema, m->schema->names[name])) != JSON_NONE;
}

static enum step check_dependent_required(struct machine *m, const struct op *op, json_at at)
{
	const uint32_t *pairs = m->schema->lists + op->a;

	for (uint32_t i = 0; i < op->n; i++) {
		if (!machine_charge(m, 1 + m->json->tokens[at].count / 4))
			return STEP_STOP;
		if (has_member(m, at, pairs[2 * i]) && !has_member(m, at, pairs[2 * i + 1]))
			return verdict(m, op, at, false);
	}
	return STEP_PASS;
}

static enum step check_unique(struct machine *m, const struct op *op, json_at at)
{
	enum step step = unique_check(m, at);

	return step == STEP_FAIL ? verdict(m, op, at, false) : step;
}

static enum step (*const checks[])(struct machine *, const struct op *, json_at) = {
	[KEYWORD_MAX_LENGTH] = check_length,
	[KEYWORD_MIN_LENGTH] = check_length,
	[KEYWORD_MAX_ITEMS] = check_count,
	[KEYWORD_MIN_ITEMS] = check_count,
	[KEYWORD_MAX_PROPERTIES] = check_count,
	[KEYWORD_MIN_PROPERTIES] = check_count,
	[KEYWORD_MAXIMUM] = check_bound,
	[KEYWORD_MINIMUM] = check_bound,
	[KEYWORD_EXCLUSIVE_MAXIMUM] = check_bound,
	[KEYWORD_EXCLUSIVE_MINIMUM] = check_bound,
	[KEYWORD_MULTIPLE_OF] = check_multiple,
	[KEYWORD_CONST] = check_enum,
	[KEYWORD_ENUM] = check_enum,
	[KEYWORD_DEPENDENT_REQUIRED] = check_dependent_required,
	[KEYWORD_PATTERN] = check_pattern,
	[KEYWORD_UNIQUE_ITEMS] = check_unique,
	[KEYWORD_FORMAT] = check_format,
};

enum step assert_op(struct machine *m, const struct op *op, json_at at)
{
	return checks[op->keyword](m, op, at);
}
