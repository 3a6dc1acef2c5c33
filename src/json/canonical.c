/* canonical.c - RFC 8785: one way to write a value, for hashes and signatures. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "json/canonical.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/number.h"
#include "json/order.h"
#include "json/string.h"
#include "json/write.h"

enum { DOUBLE_DIGITS = 17 }; /* are enough to tell every double from its neighbours */

/* A positive double as ECMAScript sees it: 0.d1d2d3... x 10^scale, the fewest digits that give it. */
struct shortest {
	char digits[DOUBLE_DIGITS + 1];
	int n, scale;
};

/* What the digits stand for. Without a point, so that no locale has a say in it. */
static double value_of(const struct shortest *s)
{
	char text[DOUBLE_DIGITS + 16];

	(void)snprintf(text, sizeof text, "%.*se%d", s->n, s->digits, s->scale - s->n);
	return strtod(text, NULL);
}

/* The nearest decimal with `n` digits. */
static void round_to(struct shortest *s, double value, int n)
{
	char text[DOUBLE_DIGITS + 32];
	const char *p = text;

	(void)snprintf(text, sizeof text, "%.*e", n - 1, value);
	s->n = 0;
	for (; *p != 'e'; p++) {
		if (*p >= '0' && *p <= '9' && s->n < n)
			s->digits[s->n++] = *p;
	}
	s->scale = (int)strtol(p + 1, NULL, 10) + 1;
}

/* The next larger decimal with as many digits. */
static void step_up(struct shortest *s)
{
	int i = s->n - 1;

	while (i >= 0 && s->digits[i] == '9')
		s->digits[i--] = '0';
	if (i >= 0) {
		s->digits[i]++;
		return;
	}
	s->digits[0] = '1';
	s->scale++;
}

/*
 * Below a power of two doubles lie closer than above it. There the nearest decimal may miss while
 * the next larger one of the same length hits.
 */
static bool hits(struct shortest *s, double value, int n)
{
	round_to(s, value, n);
	if (value_of(s) == value)
		return true;
	step_up(s);
	return value_of(s) == value;
}

/* A normal double keeps any 15 digits, so fewer are 15 that end in zeros; a subnormal does not. */
static struct shortest find_shortest(double value)
{
	struct shortest s;
	int n = value < DBL_MIN ? 1 : DBL_DIG;

	while (n < DOUBLE_DIGITS && !hits(&s, value, n))
		n++;
	if (n == DOUBLE_DIGITS)
		round_to(&s, value, n);
	while (s.n > 1 && s.digits[s.n - 1] == '0')
		s.n--;
	return s;
}

static void add_zeros(struct buf *out, int n)
{
	while (n-- > 0)
		buf_add_char(out, '0');
}

static void add_exponent(struct buf *out, const struct shortest *s)
{
	buf_add_char(out, s->digits[0]);
	if (s->n > 1) {
		buf_add_char(out, '.');
		buf_add(out, span_of(s->digits + 1, (size_t)s->n - 1));
	}
	buf_addf(out, "e%+d", s->scale - 1);
}

/* spec: ECMA-262, Number::toString, radix 10 */
static void add_double(struct buf *out, double value)
{
	struct shortest s;

	if (value == 0) {
		buf_add_char(out, '0'); /* also for -0 */
		return;
	}
	if (value < 0)
		buf_add_char(out, '-');
	s = find_shortest(fabs(value));
	if (s.scale > 21 || s.scale <= -6) {
		add_exponent(out, &s);
	} else if (s.scale >= s.n) {
		buf_add(out, span_of(s.digits, (size_t)s.n));
		add_zeros(out, s.scale - s.n);
	} else if (s.scale > 0) {
		buf_add(out, span_of(s.digits, (size_t)s.scale));
		buf_add_char(out, '.');
		buf_add(out, span_of(s.digits + s.scale, (size_t)(s.n - s.scale)));
	} else {
		buf_add(out, S("0."));
		add_zeros(out, -s.scale);
		buf_add(out, span_of(s.digits, (size_t)s.n));
	}
}

/* Up to 15 digits without point and exponent are written that way already. */
static bool is_plain_integer(struct span raw)
{
	if (raw.n > DBL_DIG || raw.p[0] == '-')
		return false;
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] < '0' || raw.p[i] > '9')
			return false;
	}
	return true;
}

static int add_number(struct buf *out, struct span raw, struct err *err)
{
	double value;

	if (is_plain_integer(raw)) {
		buf_add(out, raw);
		return 0;
	}
	value = json_number_double(raw);
	if (!isfinite(value))
		return err_set(err, ERR_FORMAT,
			       "The number %.*s is outside the range of doubles and has no canonical form",
			       SPAN_ARG(span_first(raw, 40)));
	add_double(out, value);
	return 0;
}

/* What needs no escape has none; what an escape stands for may still need one. */
static void add_string(struct buf *out, const struct json *json, json_at at)
{
	struct span raw = json_string_raw(json, at);
	struct json_piece piece;

	if (!json->tokens[at].escaped) {
		buf_add(out, json_raw(json, at));
		return;
	}
	buf_add_char(out, '"');
	while (json_piece_next(&raw, &piece))
		json_add_text(out, span_of(piece.p, piece.n));
	buf_add_char(out, '"');
}

/* An open container. */
struct frame {
	json_at container;
	json_at element; /* array: the next one */
	uint32_t below;	 /* object: where its sorted names begin */
	uint32_t at;	 /* object: the next of them */
};

struct canonical {
	struct buf *out;
	const struct json *json;
	struct json_order order;
	uint32_t depth;
	struct frame frames[JSON_DEPTH];
};

static int open_container(struct canonical *c, json_at at, struct err *err)
{
	bool object = json_is(c->json, at, JSON_OBJECT);
	uint32_t below = c->order.n;

	buf_add_char(c->out, object ? '{' : '[');
	if (object && !json_order_push(&c->order, c->json, at, JSON_ORDER_UTF16))
		return err_set(err, ERR_NOMEM, "There is no memory to sort the names of an object");
	c->frames[c->depth++] = (struct frame){
		.container = at,
		.element = json_first(c->json, at),
		.below = below,
		.at = below,
	};
	return 0;
}

static int add_value(struct canonical *c, json_at at, struct err *err)
{
	switch (json_type_of(c->json, at)) {
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE:
		buf_add(c->out, json_raw(c->json, at));
		return 0;
	case JSON_NUMBER:
		return add_number(c->out, json_raw(c->json, at), err);
	case JSON_STRING:
		add_string(c->out, c->json, at);
		return 0;
	case JSON_ARRAY:
	case JSON_OBJECT:
		return open_container(c, at, err);
	}
	return 0;
}

static int next_member(struct canonical *c, struct frame *frame, struct err *err)
{
	json_at name;

	if (frame->at == c->order.n) {
		buf_add_char(c->out, '}');
		c->order.n = frame->below;
		c->depth--;
		return 0;
	}
	name = c->order.names[frame->at];
	if (frame->at++ > frame->below)
		buf_add_char(c->out, ',');
	add_string(c->out, c->json, name);
	buf_add_char(c->out, ':');
	return add_value(c, name + 1, err);
}

static int next_element(struct canonical *c, struct frame *frame, struct err *err)
{
	json_at element = frame->element;

	if (element == JSON_NONE) {
		buf_add_char(c->out, ']');
		c->depth--;
		return 0;
	}
	if (element != frame->container + 1)
		buf_add_char(c->out, ',');
	frame->element = json_next(c->json, frame->container, element);
	return add_value(c, element, err);
}

static void canonical_release(struct canonical *c)
{
	json_order_release(&c->order);
}

int json_canonical(struct buf *out, const struct json *json, json_at at, struct err *err)
{
	CLEANUP(canonical_release) struct canonical c;

	c.out = out;
	c.json = json;
	c.order = (struct json_order){ .names = NULL };
	c.depth = 0;
	if (add_value(&c, at, err) < 0)
		return -1;
	while (c.depth > 0 && buf_ok(out)) {
		struct frame *frame = &c.frames[c.depth - 1];
		bool object = json_is(json, frame->container, JSON_OBJECT);

		if ((object ? next_member(&c, frame, err) : next_element(&c, frame, err)) < 0)
			return -1;
	}
	if (!buf_ok(out))
		return err_set(err, ERR_LIMIT, "The canonical form is longer than %zu bytes", out->max);
	return 0;
}
