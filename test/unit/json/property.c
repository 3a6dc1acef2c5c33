/* property.c - tests: what holds for every text, tried on random ones from a fixed seed. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "json/canonical.h"
#include "json/write.h"

#include "exact.h"
#include "tap.h"

#define MAX_BYTES ((size_t)1 << 20)

enum { TEXTS = 3000, VALUES = 120 };

struct maker {
	uint64_t state;
	struct buf *out;
	bool spaced;
};

static uint32_t pick(struct maker *m, uint32_t n)
{
	m->state ^= m->state << 13;
	m->state ^= m->state >> 7;
	m->state ^= m->state << 17;
	return (uint32_t)(m->state >> 33) % n;
}

static void add_space(struct maker *m)
{
	static const char kinds[] = " \n\t\r";

	if (!m->spaced || pick(m, 2))
		return;
	for (uint32_t n = pick(m, pick(m, 8) ? 3 : 40); n > 0; n--)
		buf_add_char(m->out, kinds[pick(m, 4)]);
}

static void add_number(struct maker *m)
{
	static const char *const kinds[] = { "0",
					     "-0",
					     "1.0",
					     "1e2",
					     "-12.5E-3",
					     "9007199254740993",
					     "0.1000000000000000055",
					     "1E400",
					     "123456789012345678901234567890" };

	if (pick(m, 3) == 0)
		buf_add(m->out, span_str(kinds[pick(m, COUNT(kinds))]));
	else
		buf_addf(m->out, "%d", (int)pick(m, 100000) - 50000);
}

static void add_characters(struct maker *m, uint32_t n)
{
	static const char *const kinds[] = {
		"\\n",	   "\\\"",	     "\\\\",	 "\\/",		 "\\u0000",
		"\\u00e9", "\\uD83D\\uDE00", "\xc3\xa9", "\xe3\x81\x82", "\xf0\x9f\x98\x80",
		"\x7f"
	};

	while (n-- > 0) {
		if (pick(m, 10) == 0)
			buf_add(m->out, span_str(kinds[pick(m, COUNT(kinds))]));
		else
			buf_add_char(m->out, (char)('a' + pick(m, 26)));
	}
}

static void add_text(struct maker *m)
{
	buf_add_char(m->out, '"');
	add_characters(m, pick(m, pick(m, 5) ? 12 : 60));
	buf_add_char(m->out, '"');
}

/* The number makes it the only one of its object. */
static void add_name(struct maker *m, uint32_t number)
{
	buf_add_char(m->out, '"');
	add_characters(m, pick(m, 10));
	buf_addf(m->out, "_%u\"", number);
	add_space(m);
	buf_add_char(m->out, ':');
	add_space(m);
}

static void add_scalar(struct maker *m)
{
	switch (pick(m, 5)) {
	case 0:
		buf_add(m->out, S("null"));
		break;
	case 1:
		buf_add(m->out, pick(m, 2) ? S("true") : S("false"));
		break;
	case 2:
		add_number(m);
		break;
	default:
		add_text(m);
		break;
	}
}

/* Opens and closes containers at random; `open` holds how each one closes and what it has. */
static void make_text(struct maker *m)
{
	char closing[JSON_DEPTH];
	uint32_t count[JSON_DEPTH] = { 0 }, depth = 0, values = 0;

	do {
		uint32_t kind = depth < JSON_DEPTH && values < VALUES ? pick(m, 5) : 4;

		values++;
		if (depth > 0 && count[depth - 1]++ > 0) {
			buf_add_char(m->out, ',');
			add_space(m);
		}
		if (depth > 0 && closing[depth - 1] == '}')
			add_name(m, values);
		if (kind < 2) {
			buf_add_char(m->out, kind ? '{' : '[');
			closing[depth] = kind ? '}' : ']';
			count[depth++] = 0;
			add_space(m);
			if (pick(m, 4))
				continue;
		} else {
			add_scalar(m);
			add_space(m);
		}
		while (depth > 0 && (values >= VALUES || pick(m, 4) == 0)) {
			buf_add_char(m->out, closing[--depth]);
			add_space(m);
		}
	} while (depth > 0);
}

static bool same_tape(const struct json *a, const struct json *b)
{
	return a->n == b->n && a->compact == b->compact && a->reason == b->reason &&
	       a->reason_off == b->reason_off &&
	       (a->n == 0 || memcmp(a->tokens, b->tokens, a->n * sizeof *a->tokens) == 0);
}

/* The same but for places in the source. */
static bool same_shape(const struct json *a, const struct json *b)
{
	if (a->n != b->n)
		return false;
	for (json_at i = 0; i < a->n; i++) {
		const struct json_token *x = &a->tokens[i], *y = &b->tokens[i];

		if (x->type != y->type || x->next != y->next || x->count != y->count ||
		    x->is_key != y->is_key || x->escaped != y->escaped || x->hash != y->hash)
			return false;
		if (x->type < JSON_ARRAY && !span_eq(json_raw(a, i), json_raw(b, i)))
			return false;
	}
	return true;
}

static bool parses_alike(struct json *json, struct span text)
{
	CLEANUP(freep) char *copy = exact_copy(text);
	CLEANUP(json_release) struct json plain = { .n = 0 };
	bool a = json_parse(json, span_of(copy, text.n), MAX_BYTES);
	bool b = json_parse_scalar(&plain, span_of(copy, text.n), MAX_BYTES);
	bool same = a == b && same_tape(json, &plain);

	json->src = text;
	return same;
}

static bool emits_itself(const struct json *json)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(MAX_BYTES);
	CLEANUP(json_release) struct json again = { .n = 0 };

	json_emit(&out, json, 0, NULL, 0);
	return json_parse(&again, buf_span(&out), MAX_BYTES) && again.compact && same_shape(json, &again) &&
	       json_equal(json, 0, &again, 0) && json_equal(&again, 0, json, 0);
}

/* Sorted names and other spellings are still the same value, where doubles can hold its numbers. */
static bool survives_canonical(const struct json *json)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(MAX_BYTES), twice = BUF_INIT(MAX_BYTES);
	CLEANUP(json_release) struct json again = { .n = 0 };
	struct err err = ERR_INIT;

	if (json_canonical(&out, json, 0, &err) < 0)
		return err.code == ERR_FORMAT;
	return json_parse(&again, buf_span(&out), MAX_BYTES) && again.n == json->n &&
	       json_canonical(&twice, &again, 0, &err) == 0 && span_eq(buf_span(&out), buf_span(&twice));
}

static size_t make_edits(struct maker *m, const struct json *json, struct json_edit *edits, size_t max)
{
	size_t n = 0;

	for (json_at at = 1; at < json->n && n < max; at++) {
		bool value = json->tokens[at - 1].is_key, container = json->tokens[at].type >= JSON_ARRAY;
		uint32_t kind = pick(m, 12);

		if (kind == 0 && !value)
			edits[n++] = (struct json_edit){ at, JSON_DROP, S("") };
		else if (kind == 1 && !json->tokens[at].is_key)
			edits[n++] = (struct json_edit){ at, JSON_REPLACE, S("[null,{}]") };
		else if (kind == 2 && container)
			edits[n++] = (struct json_edit){ at, JSON_INSERT,
							 json_is(json, at, JSON_OBJECT) ? S("\"new\":[0]")
											: S("\"new\"") };
	}
	return n;
}

/* From a compact source and from the one it was made of, edits give the same valid text. */
static bool edits_alike(struct maker *m, const struct json *json)
{
	CLEANUP(buf_release)
	struct buf compact = BUF_INIT(MAX_BYTES), a = BUF_INIT(MAX_BYTES), b = BUF_INIT(MAX_BYTES);
	CLEANUP(json_release) struct json small = { .n = 0 }, again = { .n = 0 };
	struct json_edit edits[40];
	size_t n = make_edits(m, json, edits, COUNT(edits));

	json_emit(&compact, json, 0, NULL, 0);
	if (!json_parse(&small, buf_span(&compact), MAX_BYTES))
		return false;
	json_emit(&a, json, 0, edits, n);
	json_emit(&b, &small, 0, edits, n);
	return span_eq(buf_span(&a), buf_span(&b)) && json_parse(&again, buf_span(&a), MAX_BYTES);
}

/* A byte is changed: whatever becomes of it, both parsers say the same. */
static bool survives_damage(struct maker *m, struct buf *text)
{
	CLEANUP(json_release) struct json json = { .n = 0 };
	bool all = true;

	for (int i = 0; i < 8 && all; i++) {
		uint32_t at = pick(m, (uint32_t)text->n);
		char kept = text->p[at];

		text->p[at] = (char)(pick(m, 2) ? "\"\\{}[],:0eu \n\x80\xe3"[pick(m, 15)]
						: (char)pick(m, 256));
		all = parses_alike(&json, buf_span(text));
		text->p[at] = kept;
	}
	return all;
}

/* A long string in which backslashes abound, in rows of every length and at every place of a block. */
static void make_escapes(struct maker *m)
{
	static const char rare[] = "/bfrtux\x01\x1f\x80\xe3";
	uint32_t n = 40 + pick(m, 400), wild = pick(m, 3);

	buf_clear(m->out);
	buf_add(m->out, span_first(S("[[[[[[[[[[[[[[[["), pick(m, 16)));
	buf_add_char(m->out, '"');
	while (n-- > 0) {
		uint32_t kind = pick(m, 12);

		if (kind == 0)
			for (uint32_t k = pick(m, pick(m, 10) ? 4 : 130); k > 0; k--)
				buf_add(m->out, S("\\\\"));
		else if (kind == 1)
			buf_add(m->out, S("\\\""));
		else if (kind == 2)
			buf_add(m->out, S("\\n"));
		else if (kind == 3 && wild)
			buf_add(m->out, pick(m, 2) ? S("\\u00e9") : S("\\t"));
		else if (kind == 4 && wild == 2 && pick(m, 20) == 0)
			buf_add_char(m->out, pick(m, 2) ? '\\' : rare[pick(m, sizeof(rare) - 1)]);
		else
			buf_add_char(m->out, (char)('a' + pick(m, 26)));
	}
	buf_add_char(m->out, '"');
	for (size_t i = 0; m->out->p[i] == '['; i++)
		buf_add_char(m->out, ']');
}

static void test_escapes(struct maker *m)
{
	CLEANUP(json_release) struct json json = { .n = 0 };
	unsigned taken = 0, refused = 0;
	bool alike = true;

	for (int i = 0; i < TEXTS && alike; i++) {
		make_escapes(m);
		alike = parses_alike(&json, buf_span(m->out));
		taken += json.n > 0;
		refused += json.n == 0;
	}
	ok(alike, "with and without SSE2: the same of strings full of escapes");
	ok(taken > TEXTS / 4 && refused > TEXTS / 20, "of which some are good and some are not: %u, %u",
	   taken, refused);
}

int main(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(MAX_BYTES);
	CLEANUP(json_release) struct json json = { .n = 0 };
	struct maker m = { .state = 0x9e3779b97f4a7c15U, .out = &text };
	bool accepted = true, alike = true, emitted = true, canonical = true, edited = true, damaged = true;

	for (int i = 0; i < TEXTS; i++) {
		buf_clear(&text);
		m.spaced = i % 2 == 1;
		make_text(&m);
		alike &= parses_alike(&json, buf_span(&text));
		accepted &= json.n > 0;
		if (json.n == 0)
			continue;
		emitted &= emits_itself(&json);
		canonical &= survives_canonical(&json);
		edited &= edits_alike(&m, &json);
		damaged &= survives_damage(&m, &text);
	}
	ok(accepted, "random texts are accepted");
	ok(alike, "with and without SSE2 the tape is the same");
	ok(emitted, "what is emitted is the same value, token by token");
	ok(canonical, "the canonical form is its own canonical form");
	ok(edited, "edits give the same on compact and spaced sources");
	ok(damaged, "a changed byte is judged the same with and without SSE2");
	test_escapes(&m);
	return tap_done();
}
