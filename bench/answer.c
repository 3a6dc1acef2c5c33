/* answer.c - what an MCP server of simple tools says to one message. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/answer.h"

#define TEXT_BYTES_MAX (8U * 1024U * 1024U)
#define LIST_BYTES_MAX (8U * 1024U * 1024U)
/* An answer to tools/call without its text, in the middle of what the eras need. */
#define ENVELOPE_BYTES 82U

static const struct span server_info = SPAN("{\"name\":\"bench-echo\",\"version\":\"1.0.0\"}");

/* A tool behind its name. */
static const struct span tool_rest = SPAN(
    "\",\"title\":\"Echo\",\"description\":\"Takes a text and returns the matching "
    "entries of the order book.\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"text\":{"
    "\"type\":\"string\",\"description\":\"What to look for.\"},\"n\":{\"type\":\"integer\","
    "\"minimum\":0,\"maximum\":1000000,\"description\":\"How many entries at most.\"}},"
    "\"required\":[\"text\"]}}");

static const struct span versions[] = {
	SPAN("2025-11-25"),
	SPAN("2025-06-18"),
	SPAN("2025-03-26"),
	SPAN("2024-11-05"),
};

/* What of a message decides its answer. */
struct view {
	struct span method;
	struct span id; /* the token as it came; empty in a notification */
	bool modern;
};

/* Behind the quote that ends the string whose first character is at `at`; the end where none does. */
static size_t string_end(struct span s, size_t at)
{
	while (at < s.n) {
		size_t quote = at + span_find(span_skip(s, at), '"');
		size_t slashes = 0;

		if (quote == s.n)
			break;
		while (quote - slashes > at && s.p[quote - slashes - 1] == '\\')
			slashes++;
		if (slashes % 2 == 0)
			return quote + 1;
		at = quote + 1;
	}
	return s.n;
}

/* Behind the value that begins at `at`. */
static size_t value_end(struct span s, size_t at)
{
	size_t depth = 0;

	while (at < s.n) {
		char c = s.p[at];

		if (depth == 0 && (c == ',' || c == '}'))
			return at;
		at++;
		if (c == '"')
			at = string_end(s, at);
		else if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
	}
	return at;
}

static size_t skip_space(struct span s, size_t at)
{
	while (at < s.n && (s.p[at] == ' ' || s.p[at] == '\t' || s.p[at] == '\n' || s.p[at] == '\r'))
		at++;
	return at;
}

/*
 * `,"id":123}` at the very end of a valid message can only be its own id: the last brace closes the
 * message. Most hosts put it there, behind arguments of any length.
 */
static struct span id_at_end(struct span message)
{
	static const struct span mark = SPAN(",\"id\":");
	size_t end = message.n ? message.n - 1 : 0;
	size_t at = end;

	if (message.n == 0 || message.p[end] != '}')
		return S("");
	while (at > 0 && message.p[at - 1] >= '0' && message.p[at - 1] <= '9')
		at--;
	if (at == end || !span_ends(span_first(message, at), mark))
		return S("");
	return span_of(message.p + at, end - at);
}

/* A string, or a whole number; what is neither is not echoed. */
static bool is_id(struct span value)
{
	uint64_t number;

	if (value.n >= 2 && value.p[0] == '"')
		return value.p[value.n - 1] == '"';
	return span_u64(span_starts(value, S("-")) ? span_skip(value, 1) : value, &number);
}

static void take_member(struct view *view, struct span key, struct span value)
{
	if (span_eq(key, S("method")) && value.n >= 2)
		view->method = span_of(value.p + 1, value.n - 2);
	else if (span_eq(key, S("id")) && is_id(value))
		view->id = value;
}

/* Walks the members of the outermost object until method and id are known. False: not an object. */
static bool look(struct span message, struct view *view)
{
	size_t at = skip_space(message, 0);

	*view = (struct view){ .id = id_at_end(message) };
	if (at == message.n || message.p[at] != '{')
		return false;
	while (!view->method.n || !view->id.n) {
		size_t key, value, end;

		key = skip_space(message, at + 1);
		if (key == message.n || message.p[key] != '"')
			break;
		end = string_end(message, key + 1);
		value = skip_space(message, end);
		if (value == message.n || message.p[value] != ':')
			return false;
		value = skip_space(message, value + 1);
		at = value_end(message, value);
		take_member(view, span_of(message.p + key + 1, end - key - 2),
			    span_trim(span_of(message.p + value, at - value)));
		if (at == message.n)
			return false;
	}
	view->modern = span_contains(message,
				     S("\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""));
	return true;
}

/* One order, as a tool would return it: an object inside a JSON string, so its quotes are escaped. */
static void add_record(struct buf *text, unsigned number)
{
	static const char *const states[] = { "open", "paid", "packed", "shipped", "returned" };
	static const char *const cities[] = { "Kyoto", "Lyon", "Porto", "Gdansk", "Austin", "Nairobi" };

	buf_addf(
	    text,
	    "%s{\\\"order\\\": %u, \\\"customer\\\": \\\"customer-%05u\\\", \\\"city\\\": \\\"%s\\\", "
	    "\\\"state\\\": \\\"%s\\\", \\\"total\\\": %u.%02u, \\\"items\\\": [{\\\"sku\\\": \\\"A-%04u\\\", "
	    "\\\"count\\\": %u}], \\\"note\\\": \\\"call before delivery, second floor\\\"}",
	    number ? ", " : "", 10000 + number, number * 7919U % 100000U, cities[number % COUNT(cities)],
	    states[number % COUNT(states)], number * 37U % 900U, number * 13U % 100U, number * 101U % 10000U,
	    1 + number % 9);
}

static void add_tools(struct buf *list, size_t n)
{
	buf_add_char(list, '[');
	for (size_t i = 1; i < n; i++) {
		buf_addf(list, "{\"name\":\"lookup_%04zu", i);
		buf_add(list, tool_rest);
		buf_add_char(list, ',');
	}
	buf_add(list, S("{\"name\":\"echo"));
	buf_add(list, tool_rest);
	buf_add_char(list, ']');
}

bool server_init(struct server *server, enum answer_era eras, size_t size, size_t tools)
{
	size_t wanted = size > ENVELOPE_BYTES ? size - ENVELOPE_BYTES : 1;

	*server = (struct server){ .eras = eras,
				   .text = BUF_INIT(TEXT_BYTES_MAX),
				   .tools = BUF_INIT(LIST_BYTES_MAX) };
	add_tools(&server->tools, tools);
	buf_add_char(&server->text, '[');
	for (unsigned i = 0; server->text.n < wanted && buf_ok(&server->text); i++) {
		size_t before = server->text.n;

		add_record(&server->text, i);
		if (server->text.n + 1 > wanted) {
			server->text.n = before;
			break;
		}
	}
	buf_add_char(&server->text, ']');
	while (server->text.n < wanted && buf_ok(&server->text))
		buf_add_char(&server->text, ' ');
	return buf_ok(&server->text) && buf_ok(&server->tools);
}

void server_release(struct server *server)
{
	buf_release(&server->text);
	buf_release(&server->tools);
}

static void add_id(struct buf *out, const struct view *view)
{
	buf_add(out, S(",\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add(out, view->id);
	buf_add_char(out, '}');
}

static void add_error(struct buf *out, const struct view *view, int code, const char *text)
{
	buf_addf(out, "{\"error\":{\"code\":%d,\"message\":\"%s\"}", code, text);
	if (view->id.n)
		add_id(out, view);
	else
		buf_add(out, S(",\"jsonrpc\":\"2.0\",\"id\":null}"));
}

/* What every result of the modern era ends with, and the end of the message. */
static void add_end(struct buf *out, const struct view *view, bool cached)
{
	if (view->modern) {
		buf_add(out, S(",\"resultType\":\"complete\""));
		if (cached)
			buf_add(out, S(",\"ttlMs\":300000,\"cacheScope\":\"private\""));
		buf_add(out, S(",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":"));
		buf_add(out, server_info);
		buf_add_char(out, '}');
	}
	buf_add_char(out, '}');
	add_id(out, view);
}

static enum answer_kind answer_initialize(const struct server *server, struct span message,
					  const struct view *view, struct buf *out)
{
	static const struct span mark = SPAN("\"protocolVersion\":\"");
	const char *hit = memmem(message.p, message.n, mark.p, mark.n);
	struct span asked = S(""), version = versions[0];

	if (hit) {
		asked = span_skip(message, (size_t)(hit - message.p) + mark.n);
		asked = span_first(asked, span_find(asked, '"'));
	}
	for (size_t i = 0; i < COUNT(versions); i++)
		if (span_eq(asked, versions[i]))
			version = versions[i];
	buf_addf(
	    out,
	    "{\"result\":{\"protocolVersion\":\"%.*s\",\"capabilities\":{\"tools\":{%s}},\"serverInfo\":%.*s}",
	    SPAN_ARG(version), server->changes ? "\"listChanged\":true" : "", SPAN_ARG(server_info));
	add_id(out, view);
	return ANSWER_SESSION;
}

static enum answer_kind answer_request(const struct server *server, struct span message,
				       const struct view *view, struct buf *out)
{
	bool legacy = !view->modern && (server->eras & ERA_LEGACY);
	bool modern = view->modern && (server->eras & ERA_MODERN);

	if (span_eq(view->method, S("tools/call")) && (legacy || modern)) {
		buf_add(out, S("{\"result\":{\"content\":[{\"type\":\"text\",\"text\":\""));
		buf_add(out, buf_span(&server->text));
		buf_add(out, S("\"}]"));
		add_end(out, view, false);
	} else if (span_eq(view->method, S("tools/list")) && (legacy || modern)) {
		buf_add(out, S("{\"result\":{\"tools\":"));
		buf_add(out, buf_span(&server->tools));
		add_end(out, view, true);
	} else if (span_eq(view->method, S("server/discover")) && modern) {
		buf_add(
		    out,
		    S("{\"result\":{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}}"));
		add_end(out, view, true);
	} else if (span_eq(view->method, S("initialize")) && legacy) {
		return answer_initialize(server, message, view, out);
	} else if (span_eq(view->method, S("ping")) && legacy) {
		buf_add(out, S("{\"result\":{}"));
		add_id(out, view);
	} else {
		add_error(out, view, -32601, "Method not found");
		return ANSWER_UNKNOWN;
	}
	return ANSWER_RESULT;
}

enum answer_kind server_answer(const struct server *server, struct span message, struct buf *out)
{
	struct view view;

	if (!look(message, &view)) {
		view = (struct view){ 0 };
		add_error(out, &view, -32700, "Parse error");
		return ANSWER_INVALID;
	}
	if (!view.id.n || !view.method.n)
		return ANSWER_NONE;
	if (server->holds && span_eq(view.method, S("tools/call")) &&
	    span_contains(message, S("\"text\":\"hold\"")))
		return ANSWER_HELD;
	return answer_request(server, message, &view, out);
}
