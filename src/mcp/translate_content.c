/* translate_content.c - blocks of content in the words of an older revision. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/translate_content.h"

#include "mcp/translate_parts.h"

enum content_kind {
	CONTENT_OTHER, /* also what is no block at all */
	CONTENT_TEXT,
	CONTENT_IMAGE,
	CONTENT_AUDIO,
	CONTENT_LINK,
	CONTENT_RESOURCE,
	CONTENT_TOOL_USE,
	CONTENT_TOOL_RESULT,
};

/* Source: MCP, schema of each revision: ContentBlock, SamplingMessageContentBlock. */
static const struct {
	struct span name;
	enum revision since;
} kinds[] = {
	[CONTENT_OTHER] = { SPAN(""), REVISION_NONE },
	[CONTENT_TEXT] = { SPAN("text"), REVISION_NONE },
	[CONTENT_IMAGE] = { SPAN("image"), REVISION_NONE },
	[CONTENT_AUDIO] = { SPAN("audio"), REVISION_2025_03_26 },
	[CONTENT_LINK] = { SPAN("resource_link"), REVISION_2025_06_18 },
	[CONTENT_RESOURCE] = { SPAN("resource"), REVISION_NONE },
	[CONTENT_TOOL_USE] = { SPAN("tool_use"), REVISION_2025_11_25 },
	[CONTENT_TOOL_RESULT] = { SPAN("tool_result"), REVISION_2025_11_25 },
};

static enum content_kind kind_of(const struct json *json, json_at at)
{
	json_at type = json_get(json, at, S("type"));

	if (!json_is(json, type, JSON_STRING))
		return CONTENT_OTHER;
	for (size_t i = CONTENT_TEXT; i < COUNT(kinds); i++)
		if (json_string_is(json, type, kinds[i].name))
			return (enum content_kind)i;
	return CONTENT_OTHER;
}

bool content_known(const struct json *json, json_at at, enum revision to)
{
	return to >= kinds[kind_of(json, at)].since;
}

bool content_of_tools(const struct json *json, json_at at)
{
	enum content_kind kind = kind_of(json, at);

	return kind == CONTENT_TOOL_USE || kind == CONTENT_TOOL_RESULT;
}

/* How many bytes Base64 stands for; what else may be in there (escapes, padding) does not count. */
static size_t base64_bytes(struct span text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] != '=' && text.p[i] != '\\';
	return n / 4 * 3 + n % 4 * 3 / 4;
}

/* "[audio left out: audio/wav, 12345 bytes]" */
static void add_left_out(struct buf *out, const struct json *json, json_at at, struct span kind)
{
	struct span mime = string_member(json, at, S("mimeType"));

	buf_add_char(out, '[');
	buf_add(out, kind);
	buf_add(out, S(" left out: "));
	buf_add(out, mime);
	buf_add(out, mime.n ? S(", ") : S(""));
	buf_add_u64(out, base64_bytes(string_member(json, at, S("data"))));
	buf_add(out, S(" bytes]"));
}

/* "[resource] title: uri (type)", and its description on a line of its own. */
static void add_link(struct buf *out, const struct json *json, json_at at)
{
	struct span name = string_member(json, at, S("title"));
	struct span mime = string_member(json, at, S("mimeType"));
	struct span description = string_member(json, at, S("description"));

	buf_add(out, S("[resource] "));
	buf_add(out, name.n ? name : string_member(json, at, S("name")));
	buf_add(out, S(": "));
	buf_add(out, string_member(json, at, S("uri")));
	if (mime.n) {
		buf_add(out, S(" ("));
		buf_add(out, mime);
		buf_add_char(out, ')');
	}
	if (description.n) {
		buf_add(out, S("\\n"));
		buf_add(out, description);
	}
}

void content_add_said(struct buf *out, const struct json *json, json_at at)
{
	switch (kind_of(json, at)) {
	case CONTENT_TEXT:
		buf_add(out, string_member(json, at, S("text")));
		return;
	case CONTENT_IMAGE:
		add_left_out(out, json, at, S("image"));
		return;
	case CONTENT_AUDIO:
		add_left_out(out, json, at, S("audio"));
		return;
	case CONTENT_LINK:
		add_link(out, json, at);
		return;
	case CONTENT_RESOURCE:
	case CONTENT_TOOL_USE:
	case CONTENT_TOOL_RESULT:
	case CONTENT_OTHER:
		buf_add(out, S("[content left out: "));
		buf_add(out, string_member(json, at, S("type")));
		buf_add_char(out, ']');
		return;
	}
}

void content_add(struct buf *out, const struct json *json, json_at at, enum revision to)
{
	static const struct span kept[] = { SPAN("annotations"), SPAN("_meta") };

	if (content_known(json, at, to)) {
		json_emit(out, json, at, NULL, 0);
		return;
	}
	buf_add(out, S("{\"type\":\"text\",\"text\":\""));
	content_add_said(out, json, at);
	buf_add_char(out, '"');
	for (size_t i = 0; i < COUNT(kept); i++) {
		json_at value = json_get(json, at, kept[i]);

		if (value == JSON_NONE)
			continue;
		json_add_key(out, kept[i]);
		json_emit(out, json, value, NULL, 0);
	}
	buf_add_char(out, '}');
}

static void translate_block(const struct json *json, json_at at, enum revision to, struct edits *edits)
{
	/* The block's own strings, raw, and a frame around them. */
	CLEANUP(buf_release) struct buf made = BUF_INIT(json_raw(json, at).n + 256);

	if (content_known(json, at, to))
		return;
	content_add(&made, json, at, to);
	edits_make(edits, at, JSON_REPLACE, &made);
}

void content_translate(const struct json *json, json_at at, enum revision to, struct edits *edits)
{
	/* Since then there was nothing new. */
	if (to >= REVISION_2025_11_25)
		return;
	if (json_is(json, at, JSON_OBJECT))
		translate_block(json, at, to, edits);
	if (!json_is(json, at, JSON_ARRAY))
		return;
	for (json_at block = json_first(json, at); block != JSON_NONE; block = json_next(json, at, block))
		translate_block(json, block, to, edits);
}

/* The value as the text of a block, in `content` where there is one. */
static void structured_as_text(const struct json *json, json_at at, json_at value, struct edits *edits)
{
	/* A value's source has no control characters but between tokens, so a byte becomes two at most. */
	size_t ceiling = 2 * json_raw(json, value).n + 64;
	CLEANUP(buf_release) struct buf plain = BUF_INIT(ceiling);
	CLEANUP(buf_release) struct buf made = BUF_INIT(ceiling);
	json_at content = json_get(json, at, S("content"));

	json_emit(&plain, json, value, NULL, 0);
	buf_add(&made, content == JSON_NONE ? S("\"content\":[") : S(""));
	buf_add(&made, S("{\"type\":\"text\",\"text\":"));
	json_add_string(&made, buf_span(&plain));
	buf_add(&made, content == JSON_NONE ? S("}]") : S("}"));
	if (!buf_ok(&plain))
		made.over = true;
	edits_make(edits, content == JSON_NONE ? at : content, JSON_INSERT, &made);
}

void content_translate_structured(const struct json *json, json_at at, enum revision to, struct edits *edits)
{
	json_at value = json_get(json, at, S("structuredContent"));
	json_at content = json_get(json, at, S("content"));
	bool object = json_is(json, value, JSON_OBJECT);
	bool alone = content == JSON_NONE ||
		     (json_is(json, content, JSON_ARRAY) && json->tokens[content].count == 0);

	if (value == JSON_NONE || is_modern(to))
		return;
	/* Before 2025-06-18 nobody looks at it, an object or not. */
	if (alone && (!object || to < REVISION_2025_06_18))
		structured_as_text(json, at, value, edits);
	if (!object)
		edits_drop(edits, value);
}
