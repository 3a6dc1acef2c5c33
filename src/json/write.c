/* write.c - building JSON, and emitting a tape with edits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "json/write.h"

#include "base/check.h"
#include "json/scan.h"

/* Adds what one byte is in a string that cannot have it raw. */
static void add_escape(struct buf *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[] = "btn?fr"; /* from U+0008 on; U+000B has no letter */
	char text[6] = { '\\', 'u', '0', '0' };

	if (c == '"' || c == '\\') {
		text[1] = (char)c;
		buf_add(out, span_of(text, 2));
		return;
	}
	if (c >= '\b' && c <= '\r' && c != '\v') {
		text[1] = letters[c - '\b'];
		buf_add(out, span_of(text, 2));
		return;
	}
	text[4] = hex[c >> 4];
	text[5] = hex[c & 15];
	buf_add(out, span_of(text, 6));
}

void json_add_text(struct buf *out, struct span text)
{
	const char *p = text.n > 0 ? text.p : "", *end = p + text.n;

	while (p < end) {
		const char *stop = scan_plain(p, end, false, true);

		buf_add(out, span_of(p, (size_t)(stop - p)));
		p = stop;
		if (p < end)
			add_escape(out, (unsigned char)*p++);
	}
}

void json_add_string(struct buf *out, struct span text)
{
	buf_add_char(out, '"');
	json_add_text(out, text);
	buf_add_char(out, '"');
}

void json_add_comma(struct buf *out)
{
	char last;

	if (out->n == 0)
		return;
	last = out->p[out->n - 1];
	if (last != '{' && last != '[')
		buf_add_char(out, ',');
}

void json_add_key(struct buf *out, struct span name)
{
	json_add_comma(out);
	json_add_string(out, name);
	buf_add_char(out, ':');
}

void json_put_string(struct buf *out, struct span name, struct span text)
{
	json_add_key(out, name);
	json_add_string(out, text);
}

void json_put_u64(struct buf *out, struct span name, uint64_t value)
{
	json_add_key(out, name);
	buf_add_u64(out, value);
}

void json_put_i64(struct buf *out, struct span name, int64_t value)
{
	json_add_key(out, name);
	buf_add_i64(out, value);
}

void json_put_bool(struct buf *out, struct span name, bool value)
{
	json_put_raw(out, name, value ? S("true") : S("false"));
}

void json_put_raw(struct buf *out, struct span name, struct span raw)
{
	json_add_key(out, name);
	buf_add(out, raw);
}

/* The edits not yet come to. */
struct edits {
	const struct json_edit *next;
	size_t n;
};

/* The first edit at `at` or later, or NULL; those before it are past, or inside what is gone. */
static const struct json_edit *edit_from(struct edits *edits, json_at at)
{
	while (edits->n > 0 && edits->next->at < at) {
		edits->next++;
		edits->n--;
	}
	return edits->n > 0 ? edits->next : NULL;
}

static struct edits edits_within(const struct json *json, json_at at, const struct json_edit *edits, size_t n)
{
	struct edits within = { edits, n };

	(void)edit_from(&within, at);
	while (within.n > 0 && within.next[within.n - 1].at >= json->tokens[at].next)
		within.n--;
	return within;
}

/* A dropped name takes its value along. */
static json_at last_of(const struct json *json, const struct json_edit *edit)
{
	bool member = edit->kind == JSON_DROP && json->tokens[edit->at].is_key;

	return edit->at + member;
}

static void check_edit(const struct json *json, const struct json_edit *edit)
{
	uint8_t type = json->tokens[edit->at].type;

	if (edit->kind == JSON_INSERT)
		check(type == JSON_ARRAY || type == JSON_OBJECT);
	/* A member is dropped by its name: without its value the name would be left alone. */
	if (edit->kind == JSON_DROP)
		check(edit->at == 0 || !json->tokens[edit->at - 1].is_key);
}

/* Adds all that is inserted at `at`, whose bracket was added just now; how many edits that were. */
static size_t add_inserts(struct buf *out, const struct json *json, json_at at, struct edits edits)
{
	size_t n = 0;

	for (; n < edits.n && edits.next[n].at == at; n++) {
		check(edits.next[n].kind == JSON_INSERT);
		check_edit(json, &edits.next[n]);
		if (edits.next[n].bytes.n == 0)
			continue;
		json_add_comma(out);
		buf_add(out, edits.next[n].bytes);
	}
	return n;
}

/* From a compact source: everything between two edits is one copy. */
struct copy {
	struct buf *out;
	const struct json *json;
	struct edits edits;
	size_t start;	    /* of the emission, in out */
	uint32_t done, end; /* in the source: gone through so far, and where the value ends */
};

static void copy_to(struct copy *copy, uint32_t off)
{
	check(copy->done <= off && off <= copy->end);
	buf_add(copy->out, span_of(copy->json->src.p + copy->done, off - copy->done));
	copy->done = off;
}

/* One of the commas beside the dropped child goes too: the one after it, else the one before it. */
static void copy_without(struct copy *copy, uint32_t off, uint32_t end)
{
	struct buf *out = copy->out;

	copy_to(copy, off);
	copy->done = end;
	if (end < copy->end && copy->json->src.p[end] == ',')
		copy->done++;
	else if (buf_ok(out) && out->n > copy->start && out->p[out->n - 1] == ',')
		out->n--;
}

/* Children that follow get their comma here; where all of them are dropped, it goes with the last. */
static void copy_inserts(struct copy *copy, json_at at)
{
	const struct json_token *token = &copy->json->tokens[at];
	size_t n, before;

	copy_to(copy, token->off + 1);
	before = copy->out->n;
	n = add_inserts(copy->out, copy->json, at, copy->edits);
	copy->edits.next += n;
	copy->edits.n -= n;
	if (copy->out->n > before && token->count > 0)
		buf_add_char(copy->out, ',');
}

/* Applies the next edit; returns the first token that it leaves standing. */
static json_at copy_edit(struct copy *copy)
{
	const struct json_edit *edit = copy->edits.next;
	const struct json_token *token = &copy->json->tokens[edit->at], *last;

	if (edit->kind == JSON_INSERT) {
		copy_inserts(copy, edit->at);
		return edit->at + 1;
	}
	check_edit(copy->json, edit);
	copy->edits.next++;
	copy->edits.n--;
	last = &copy->json->tokens[last_of(copy->json, edit)];
	if (edit->kind == JSON_DROP) {
		copy_without(copy, token->off, last->end);
		return last->next;
	}
	copy_to(copy, token->off);
	buf_add(copy->out, edit->bytes);
	copy->done = token->end;
	return last->next;
}

static void emit_compact(struct buf *out, const struct json *json, json_at at, struct edits edits)
{
	const struct json_token *root = &json->tokens[at];
	struct copy copy = { out, json, edits, .start = out->n, .done = root->off, .end = root->end };
	json_at standing = at;

	while (edit_from(&copy.edits, standing))
		standing = copy_edit(&copy);
	copy_to(&copy, copy.end);
}

/* From a source with white space: token after token. */
struct walk {
	struct buf *out;
	const struct json *json;
	struct edits edits;
	json_at root;
	uint32_t depth;
	json_at open[JSON_DEPTH];
};

static void close_until(struct walk *walk, json_at at)
{
	while (walk->depth > 0 && walk->json->tokens[walk->open[walk->depth - 1]].next <= at) {
		json_at container = walk->open[--walk->depth];

		buf_add_char(walk->out, json_is(walk->json, container, JSON_OBJECT) ? '}' : ']');
	}
}

/* Everything but the root and a member's value may need a comma before it. */
static void lead(const struct walk *walk, json_at at)
{
	if (at != walk->root && !walk->json->tokens[at - 1].is_key)
		json_add_comma(walk->out);
}

static json_at walk_edit(struct walk *walk, const struct json_edit *edit)
{
	check_edit(walk->json, edit);
	if (edit->kind == JSON_REPLACE) {
		lead(walk, edit->at);
		buf_add(walk->out, edit->bytes);
		if (walk->json->tokens[edit->at].is_key)
			buf_add_char(walk->out, ':');
	}
	return walk->json->tokens[last_of(walk->json, edit)].next;
}

static json_at walk_token(struct walk *walk, json_at at)
{
	const struct json_token *token = &walk->json->tokens[at];

	lead(walk, at);
	if (token->type == JSON_ARRAY || token->type == JSON_OBJECT) {
		buf_add_char(walk->out, token->type == JSON_OBJECT ? '{' : '[');
		(void)add_inserts(walk->out, walk->json, at, walk->edits);
		walk->open[walk->depth++] = at;
		return at + 1;
	}
	buf_add(walk->out, json_raw(walk->json, at));
	if (token->is_key)
		buf_add_char(walk->out, ':');
	return at + 1;
}

static void emit_spaced(struct buf *out, const struct json *json, json_at root, struct edits edits)
{
	struct walk walk = { .out = out, .json = json, .edits = edits, .root = root };
	json_at at = root, end = json->tokens[root].next;

	while (at < end) {
		const struct json_edit *edit = edit_from(&walk.edits, at);

		close_until(&walk, at);
		if (edit && edit->at == at && edit->kind != JSON_INSERT)
			at = walk_edit(&walk, edit);
		else
			at = walk_token(&walk, at);
	}
	close_until(&walk, end);
}

void json_emit(struct buf *out, const struct json *json, json_at at, const struct json_edit *edits,
	       size_t n_edits)
{
	struct edits within = edits_within(json, at, edits, n_edits);

	/* One out of order would be passed over, and what it should hide would go out. */
	for (size_t i = 1; i < n_edits; i++)
		check(edits[i - 1].at <= edits[i].at);
	if (json->compact)
		emit_compact(out, json, at, within);
	else
		emit_spaced(out, json, at, within);
}
