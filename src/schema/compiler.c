/* compiler.c - adds to the tables of a schema. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/compiler.h"

#include "text/regex.h"

uint32_t compiler_child(struct compiler *c, const struct source *source, json_at at)
{
	uint32_t place = library_place_at(&c->library, source->document, at);

	compiler_need(c, place);
	return place;
}

void compiler_need(struct compiler *c, uint32_t place)
{
	const struct node empty = { .other = NODE_NONE };
	struct node *node;

	while (VECTOR_N(&c->nodes, struct node) <= place && buf_ok(&c->nodes))
		VECTOR_ADD(&c->nodes, &empty);
	if (!buf_ok(&c->nodes))
		return;
	node = &VECTOR(&c->nodes, struct node)[place];
	if (node->flags & NODE_READY)
		return;
	node->flags = NODE_READY;
	VECTOR_ADD(&c->queue, &place);
}

void compiler_op(struct compiler *c, enum keyword keyword, uint8_t types, struct op op)
{
	op.keyword = (uint8_t)keyword;
	op.types = types;
	VECTOR_ADD(&c->ops, &op);
}

uint32_t compiler_list(const struct compiler *c)
{
	return VECTOR_N(&c->lists, uint32_t);
}

void compiler_list_add(struct compiler *c, uint32_t value)
{
	VECTOR_ADD(&c->lists, &value);
}

struct name compiler_text(struct compiler *c, struct span text)
{
	struct name name = { .off = (uint32_t)c->texts.n, .n = (uint32_t)text.n };

	buf_add(&c->texts, text);
	return name;
}

struct span compiler_string(struct compiler *c, const struct json *json, json_at at)
{
	buf_clear(&c->scratch);
	return json_string(json, at, &c->scratch);
}

uint32_t compiler_name(struct compiler *c, const struct json *json, json_at at)
{
	struct span text = compiler_string(c, json, at);
	struct name name = compiler_text(c, text.p ? text : S(""));

	if (!text.p)
		c->texts.over = true;
	VECTOR_ADD(&c->names, &name);
	return VECTOR_N(&c->names, struct name) - 1;
}

int compiler_pattern(struct compiler *c, const struct source *s, json_at at, uint32_t *out)
{
	struct span text = compiler_string(c, s->json, at);
	struct regex *regex = NULL;

	if (!text.p)
		return err_set(c->err, ERR_LIMIT, "a pattern is too long");
	if (regex_compile(text, &regex, c->err) < 0)
		return -1;
	*out = VECTOR_N(&c->patterns, struct regex *);
	VECTOR_ADD(&c->patterns, &regex);
	if (buf_ok(&c->patterns))
		return 0;
	regex_free(regex);
	return err_set(c->err, ERR_LIMIT, "a schema has more than %d patterns", SCHEMA_PATTERNS);
}
