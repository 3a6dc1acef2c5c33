/* pointer.c - finding a value by its JSON Pointer, and naming it by one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "json/pointer.h"

#include "json/string.h"

/* Takes one byte out of a pointer's token, ~0 and ~1 decoded; -1 where ~ means nothing. */
static int take_byte(struct span *token)
{
	unsigned char c = (unsigned char)token->p[0];

	*token = span_skip(*token, 1);
	if (c != '~')
		return c;
	if (token->n == 0 || (token->p[0] != '0' && token->p[0] != '1'))
		return -1;
	c = token->p[0] == '0' ? '~' : '/';
	*token = span_skip(*token, 1);
	return c;
}

static bool is_well_formed(struct span token)
{
	while (token.n > 0) {
		if (take_byte(&token) < 0)
			return false;
	}
	return true;
}

/* Does a name decode to what the token decodes to? */
static bool name_is(const struct json *json, json_at name, struct span token)
{
	struct span raw = json_string_raw(json, name);
	struct json_piece piece;

	while (json_piece_next(&raw, &piece)) {
		for (size_t i = 0; i < piece.n; i++) {
			if (token.n == 0 || take_byte(&token) != (unsigned char)piece.p[i])
				return false;
		}
	}
	return token.n == 0;
}

static json_at find_member(const struct json *json, json_at object, struct span token)
{
	if (span_find(token, '~') == token.n)
		return json_get(json, object, token);
	if (!is_well_formed(token))
		return JSON_NONE;
	for (json_at k = json_first(json, object); k != JSON_NONE; k = json_next_key(json, object, k)) {
		if (name_is(json, k, token))
			return k + 1;
	}
	return JSON_NONE;
}

/* "-" names the element after the last one: there is none. */
static json_at find_element(const struct json *json, json_at array, struct span token)
{
	uint64_t index;
	json_at at;

	if ((token.n > 1 && token.p[0] == '0') || !span_u64(token, &index))
		return JSON_NONE;
	if (index >= json->tokens[array].count)
		return JSON_NONE;
	at = json_first(json, array);
	while (index-- > 0)
		at = json_next(json, array, at);
	return at;
}

json_at json_pointer(const struct json *json, json_at from, struct span pointer)
{
	json_at at = from;

	if (pointer.n > 0 && pointer.p[0] != '/')
		return JSON_NONE;
	while (at != JSON_NONE && pointer.n > 0) {
		struct span rest = span_skip(pointer, 1);
		size_t n = span_find(rest, '/');
		struct span token = span_first(rest, n);

		pointer = span_skip(rest, n);
		if (json_is(json, at, JSON_OBJECT))
			at = find_member(json, at, token);
		else if (json_is(json, at, JSON_ARRAY))
			at = find_element(json, at, token);
		else
			at = JSON_NONE;
	}
	return at;
}

static void add_escaped(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '~')
			buf_add(out, S("~0"));
		else if (text.p[i] == '/')
			buf_add(out, S("~1"));
		else
			buf_add_char(out, text.p[i]);
	}
}

void json_pointer_add(struct buf *out, struct span token)
{
	buf_add_char(out, '/');
	add_escaped(out, token);
}

static void add_name(struct buf *out, const struct json *json, json_at name)
{
	struct span raw = json_string_raw(json, name);
	struct json_piece piece;

	buf_add_char(out, '/');
	while (json_piece_next(&raw, &piece))
		add_escaped(out, span_of(piece.p, piece.n));
}

/* The child of `container` that is or holds `at`; its token of the pointer is added. */
static json_at enter(const struct json *json, json_at container, json_at at, struct buf *out)
{
	json_at child = json_first(json, container);
	uint64_t index = 0;

	if (json_is(json, container, JSON_OBJECT)) {
		while (json->tokens[child + 1].next <= at)
			child = json_next_key(json, container, child);
		add_name(out, json, child);
		return child + 1;
	}
	for (; json->tokens[child].next <= at; index++)
		child = json_next(json, container, child);
	buf_add_char(out, '/');
	buf_add_u64(out, index);
	return child;
}

void json_pointer_to(const struct json *json, json_at at, struct buf *out)
{
	json_at here = 0;

	while (here < at)
		here = enter(json, here, at, out);
}
