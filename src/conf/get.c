/* get.c - questions to a frozen config. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>

#include "base/check.h"
#include "conf/conf.h"
#include "conf/node.h"
#include "conf/shape.h"

const struct conf_node *conf_child(const struct conf_node *node, struct span name)
{
	for (const struct conf_node *child = node->first; child; child = child->next)
		if (span_eq(child->name, name))
			return child;
	return NULL;
}

/* The child of a map whose name is the longest that `path` begins with. */
static const struct conf_node *longest_child(const struct conf_node *map, struct span path)
{
	const struct conf_node *best = NULL;

	for (const struct conf_node *child = map->first; child; child = child->next) {
		bool whole = child->name.n == path.n ||
			     (child->name.n < path.n && path.p[child->name.n] == '.');

		if (whole && span_starts(path, child->name) && (!best || child->name.n > best->name.n))
			best = child;
	}
	return best;
}

const struct conf_node *conf_find(const struct conf_node *from, const char *path)
{
	const struct shape *shape = from->shape;
	struct span rest = span_str(path);
	const struct conf_node *node = from;

	while (rest.n) {
		struct span name;

		if (shape_type(shape) == CONF_STRING_MAP)
			return node ? conf_child(node, rest) : NULL;
		if (shape_type(shape) == CONF_MAP) {
			node = node ? longest_child(node, rest) : NULL;
			if (!node)
				return NULL;
			rest = span_skip(rest, node->name.n + 1);
			shape = node->shape;
			continue;
		}
		name = span_cut(&rest, '.');
		shape = shape_child(shape, name);
		check(shape);
		node = node ? conf_child(node, name) : NULL;
	}
	return node;
}

const struct conf_node *conf_first(const struct conf_node *node)
{
	return node->first;
}

const struct conf_node *conf_next(const struct conf_node *node)
{
	return node->next;
}

size_t conf_count(const struct conf_node *node)
{
	size_t n = 0;

	for (const struct conf_node *child = node->first; child; child = child->next)
		n++;
	return n;
}

struct span conf_name(const struct conf_node *node)
{
	return node->name;
}

uint32_t conf_line(const struct conf_node *node)
{
	return node->written ? source_place(node->source, node->key).line : 0;
}

bool conf_written(const struct conf_node *node)
{
	return node->written;
}

bool conf_has(const struct conf_node *from, const char *path)
{
	const struct conf_node *node = conf_find(from, path);

	return node && node->written;
}

static bool is_list(const struct conf_node *node)
{
	enum conf_type type = shape_type(node->shape);

	return type == CONF_STRING_LIST || type == CONF_ARGV || type == CONF_ADDRESS ||
	       type == CONF_STRING_MAP;
}

struct span conf_text(const struct conf_node *node)
{
	enum conf_type type = shape_type(node->shape);

	check(is_list(node)
		  ? node->element
		  : type == CONF_STRING || type == CONF_ENUM || type == CONF_PATH || type == CONF_URL);
	return node->text;
}

struct conf_address conf_address(const struct conf_node *element)
{
	check(element->element && shape_type(element->shape) == CONF_ADDRESS);
	return (struct conf_address){ .host = element->text,
				      .port = (uint16_t)element->number,
				      .v6 = element->v6 };
}

static bool read_ip(const struct conf_address *address, unsigned char out[16])
{
	char name[64];

	memset(out, 0, 16);
	return span_to_cstr(address->host, name, sizeof(name)) &&
	       inet_pton(address->v6 ? AF_INET6 : AF_INET, name, out) == 1;
}

bool conf_address_same(const struct conf_node *a, const struct conf_node *b)
{
	struct conf_address x = conf_address(a), y = conf_address(b);
	unsigned char p[16], q[16];

	return x.port && x.port == y.port && x.v6 == y.v6 && read_ip(&x, p) && read_ip(&y, q) &&
	       memcmp(p, q, sizeof(p)) == 0;
}

struct span conf_get_text(const struct conf_node *from, const char *path)
{
	const struct conf_node *node = conf_find(from, path);

	return node ? conf_text(node) : S("");
}

static int64_t number_of(const struct conf_node *from, const char *path, enum conf_type type)
{
	const struct conf_node *node = conf_find(from, path);

	check(!node || shape_type(node->shape) == type);
	return node ? node->number : 0;
}

bool conf_get_bool(const struct conf_node *from, const char *path)
{
	return number_of(from, path, CONF_BOOL) != 0;
}

int64_t conf_get_int(const struct conf_node *from, const char *path)
{
	return number_of(from, path, CONF_INT);
}

uint64_t conf_get_bytes(const struct conf_node *from, const char *path)
{
	return (uint64_t)number_of(from, path, CONF_BYTES);
}

uint64_t conf_get_ms(const struct conf_node *from, const char *path)
{
	return (uint64_t)number_of(from, path, CONF_DURATION);
}

unsigned conf_get_word(const struct conf_node *from, const char *path)
{
	return (unsigned)number_of(from, path, CONF_ENUM);
}

const struct conf_node *conf_get_first(const struct conf_node *from, const char *path)
{
	const struct conf_node *node = conf_find(from, path);

	check(!node || is_list(node) || shape_type(node->shape) == CONF_MAP);
	return node ? node->first : NULL;
}
