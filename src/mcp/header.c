/* header.c - body values mirrored in HTTP headers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/header.h"

#include "base/arena.h"
#include "text/utf8.h"
#include "json/pointer.h"

static const struct span marker_head = SPAN("=?base64?");
static const struct span marker_tail = SPAN("?=");

static bool has_marker(struct span s)
{
	return s.n >= marker_head.n + marker_tail.n && span_starts(s, marker_head) &&
	       span_ends(s, marker_tail);
}

static bool is_plain(struct span s)
{
	if (s.n && (s.p[0] == ' ' || s.p[0] == '\t' || s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c > 0x7e)
			return false;
	}
	return !has_marker(s);
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void add_base64(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i += 3) {
		size_t n = s.n - i < 3 ? s.n - i : 3;
		uint32_t v = (uint32_t)(unsigned char)s.p[i] << 16;

		if (n > 1)
			v |= (uint32_t)(unsigned char)s.p[i + 1] << 8;
		if (n > 2)
			v |= (unsigned char)s.p[i + 2];
		buf_add_char(out, alphabet[v >> 18]);
		buf_add_char(out, alphabet[v >> 12 & 63]);
		buf_add_char(out, n > 1 ? alphabet[v >> 6 & 63] : '=');
		buf_add_char(out, n > 2 ? alphabet[v & 63] : '=');
	}
}

static int digit_of(char c)
{
	const char *at = c ? memchr(alphabet, c, 64) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* Strict: whole groups of four, padding only at the end, unused bits zero. */
static bool add_decoded(struct buf *out, struct span s)
{
	if (s.n % 4 != 0)
		return false;
	for (size_t i = 0; i < s.n; i += 4) {
		bool last = i + 4 == s.n;
		size_t pad = last && s.p[i + 3] == '=' ? (s.p[i + 2] == '=' ? 2 : 1) : 0;
		uint32_t v = 0;

		for (size_t k = 0; k < 4 - pad; k++) {
			int digit = digit_of(s.p[i + k]);

			if (digit < 0)
				return false;
			v = v << 6 | (uint32_t)digit;
		}
		v <<= 6 * pad;
		if ((pad == 1 && (v & 0xff)) || (pad == 2 && (v & 0xffff)))
			return false;
		buf_add_char(out, (char)(v >> 16));
		if (pad < 2)
			buf_add_char(out, (char)(v >> 8 & 0xff));
		if (pad < 1)
			buf_add_char(out, (char)(v & 0xff));
	}
	return buf_ok(out);
}

void header_encode(struct buf *out, struct span value)
{
	if (is_plain(value)) {
		buf_add(out, value);
		return;
	}
	buf_add(out, marker_head);
	add_base64(out, value);
	buf_add(out, marker_tail);
}

bool header_decode(struct span raw, struct buf *scratch, struct span *value)
{
	size_t from = scratch->n;

	if (!has_marker(raw)) {
		*value = raw;
		return true;
	}
	raw = span_of(raw.p + marker_head.n, raw.n - marker_head.n - marker_tail.n);
	if (!add_decoded(scratch, raw))
		return false;
	*value = span_skip(buf_span(scratch), from);
	return utf8_valid(*value);
}

static bool is_token(struct span s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      memchr(others, c, sizeof(others) - 1)))
			return false;
	}
	return s.n > 0;
}

/* Where a walk through nested `properties` stands. */
struct level {
	json_at properties, key;
	size_t pointer_n;
};

struct collector {
	const struct json *json;
	struct arena *arena;
	struct header_param *params;
	size_t n;
	struct buf pointer;
};

static bool add_param(struct collector *c, json_at schema, json_at annotation)
{
	const struct json *json = c->json;
	json_at type = json_get(json, schema, S("type"));
	struct header_param *param = &c->params[c->n];
	char store[160];
	struct buf name = BUF_INIT(sizeof(store));

	if (c->n == HEADER_PARAMS || !json_is(json, annotation, JSON_STRING) ||
	    json->tokens[annotation].escaped || !is_token(json_string_raw(json, annotation)) ||
	    !json_is(json, type, JSON_STRING))
		return false;
	if (json_string_is(json, type, S("string")))
		param->type = JSON_STRING;
	else if (json_string_is(json, type, S("integer")))
		param->type = JSON_NUMBER;
	else if (json_string_is(json, type, S("boolean")))
		param->type = JSON_TRUE;
	else
		return false;
	buf_add(&name, S("Mcp-Param-"));
	buf_add(&name, json_string_raw(json, annotation));
	param->header = arena_dup(c->arena, buf_span(&name));
	param->pointer = arena_dup(c->arena, buf_span(&c->pointer));
	if (!buf_ok(&name) || !buf_ok(&c->pointer) || !param->header.p || !param->pointer.p) {
		buf_release(&name);
		return false;
	}
	buf_release(&name);
	for (size_t i = 0; i < c->n; i++)
		if (span_eq_nocase(c->params[i].header, param->header))
			return false;
	c->n++;
	return true;
}

/* One property: its own annotation, then down into its properties. False where a rule is broken. */
static bool visit(struct collector *c, struct level *levels, size_t *depth)
{
	const struct json *json = c->json;
	struct level *here = &levels[*depth - 1];
	json_at schema = here->key + 1;
	json_at annotation, properties;

	c->pointer.n = here->pointer_n;
	if (!json_is(json, schema, JSON_OBJECT))
		return true;
	{
		CLEANUP(buf_release) struct buf name = BUF_INIT((size_t)4096);

		json_pointer_add(&c->pointer, json_string(json, here->key, &name));
	}
	annotation = json_get(json, schema, S("x-mcp-header"));
	if (annotation != JSON_NONE && !add_param(c, schema, annotation))
		return false;
	properties = json_get(json, schema, S("properties"));
	if (json_is(json, properties, JSON_OBJECT) && *depth < JSON_DEPTH)
		levels[(*depth)++] = (struct level){ properties, JSON_NONE, c->pointer.n };
	return true;
}

static bool is_one_of(const struct json *json, json_at key, const struct span *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (json_string_is(json, key, names[i]))
			return true;
	return false;
}

/* Where a walk through everything that may be a schema stands. */
struct place {
	json_at container, child; /* the child that was looked at last; of an object: its name */
	bool names;		  /* an object whose names are anybody's, not keywords */
};

static bool next_child(const struct json *json, struct place *place)
{
	bool object = json_is(json, place->container, JSON_OBJECT);

	if (place->child == JSON_NONE)
		place->child = json_first(json, place->container);
	else if (object)
		place->child = json_next_key(json, place->container, place->child);
	else
		place->child = json_next(json, place->container, place->child);
	return place->child != JSON_NONE;
}

/* Down into the child, where it is or holds schemas. Counts the annotation that it may be itself. */
static void look_at(const struct json *json, struct place *places, size_t *depth, size_t *n)
{
	static const struct span data[] = { SPAN("const"), SPAN("enum"), SPAN("default"), SPAN("examples") };
	static const struct span maps[] = {
		SPAN("properties"),  SPAN("patternProperties"), SPAN("$defs"),
		SPAN("definitions"), SPAN("dependentSchemas"),	SPAN("dependencies")
	};
	const struct place *here = &places[*depth - 1];
	bool keyword = json_is(json, here->container, JSON_OBJECT) && !here->names;
	json_at key = here->child;
	json_at value = json_is(json, here->container, JSON_OBJECT) ? key + 1 : key;

	if (keyword && json_string_is(json, key, S("x-mcp-header"))) {
		(*n)++;
		return;
	}
	if ((keyword && is_one_of(json, key, data, COUNT(data))) || *depth == JSON_DEPTH ||
	    (!json_is(json, value, JSON_OBJECT) && !json_is(json, value, JSON_ARRAY)))
		return;
	places[(*depth)++] = (struct place){ .container = value,
					     .child = JSON_NONE,
					     .names = keyword && json_is(json, value, JSON_OBJECT) &&
						      is_one_of(json, key, maps, COUNT(maps)) };
}

/* All annotations, wherever they stand: what `properties` alone do not lead to breaks the rules. */
static size_t count_annotations(const struct json *json, json_at schema)
{
	struct place places[JSON_DEPTH];
	size_t depth = 0, n = 0;

	places[depth++] = (struct place){ .container = schema, .child = JSON_NONE };
	while (depth) {
		if (next_child(json, &places[depth - 1]))
			look_at(json, places, &depth, &n);
		else
			depth--;
	}
	return n;
}

bool header_params_of(const struct json *json, json_at schema, struct arena *arena, struct header_param **out,
		      size_t *n)
{
	CLEANUP(buf_release) struct buf pointer = BUF_INIT((size_t)16384);
	struct header_param found[HEADER_PARAMS];
	struct collector c = { .json = json, .arena = arena, .params = found, .pointer = pointer };
	struct level levels[JSON_DEPTH];
	size_t depth = 0;
	json_at properties = json_get(json, schema, S("properties"));
	bool fine = true;

	*out = NULL;
	*n = 0;
	if (json_is(json, properties, JSON_OBJECT))
		levels[depth++] = (struct level){ properties, JSON_NONE, 0 };
	while (depth && fine) {
		struct level *here = &levels[depth - 1];

		here->key = here->key == JSON_NONE ? json_first(json, here->properties)
						   : json_next_key(json, here->properties, here->key);
		if (here->key == JSON_NONE)
			depth--;
		else
			fine = visit(&c, levels, &depth);
	}
	pointer = c.pointer;
	if (!fine || count_annotations(json, schema) != c.n)
		return false;
	if (c.n == 0)
		return true;
	*out = arena_alloc(arena, c.n * sizeof(**out));
	if (!*out)
		return false;
	memcpy(*out, found, c.n * sizeof(**out));
	*n = c.n;
	return true;
}

static json_at value_of(const struct header_param *param, const struct json *json, json_at arguments)
{
	json_at at = arguments == JSON_NONE ? JSON_NONE : json_pointer(json, arguments, param->pointer);

	return json_is(json, at, JSON_NULL) ? JSON_NONE : at;
}

bool header_param_value(const struct header_param *param, const struct json *json, json_at arguments,
			struct buf *out)
{
	json_at at = value_of(param, json, arguments);
	int64_t number;

	if (at == JSON_NONE)
		return false;
	if (json_is(json, at, JSON_STRING)) {
		CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)65536);

		header_encode(out, json_string(json, at, &text));
		return true;
	}
	if (json_is(json, at, JSON_TRUE) || json_is(json, at, JSON_FALSE)) {
		buf_add(out, json_is(json, at, JSON_TRUE) ? S("true") : S("false"));
		return true;
	}
	if (!json_i64(json, at, &number))
		return false;
	buf_add_i64(out, number);
	return true;
}

/* A header's text as an integer, "42.0" and "4.2e1" included: parsed as the JSON number it looks like. */
static bool integer_of(struct span text, int64_t *out)
{
	struct json json = { 0 };
	bool fine = json_parse(&json, text, 64) && json_i64(&json, 0, out);

	json_release(&json);
	return fine;
}

bool header_param_matches(const struct header_param *param, const struct json *json, json_at arguments,
			  struct span value)
{
	json_at at = value_of(param, json, arguments);
	int64_t body, header;

	if (at == JSON_NONE)
		return false;
	if (json_is(json, at, JSON_STRING))
		return json_string_is(json, at, value);
	if (json_is(json, at, JSON_TRUE))
		return span_eq(value, S("true"));
	if (json_is(json, at, JSON_FALSE))
		return span_eq(value, S("false"));
	return json_i64(json, at, &body) && integer_of(value, &header) && body == header;
}
