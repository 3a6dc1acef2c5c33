/* finding.c - a list too long to be read whole: find_tool and call_tool. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/finding.h"

#include <stdlib.h>

#include "base/check.h"
#include "exchange/lists.h"
#include "mcp/search.h"
#include "schema/schema.h"
#include "json/write.h"

#define FIND_NAME "find_tool"
#define CALL_NAME "call_tool"

enum {
	FINDING_BYTES = 256 * 1024, /* of what is found; the best comes in any case */
	FINDING_FALLBACK = 5,
	FINDING_MOST = 20,
};

static const char definitions[] =
    "[{\"name\":\"" FIND_NAME
    "\",\"title\":\"Find a tool\",\"description\":\"Finds tools by words that say what "
    "they do. Gives the names, descriptions and input schemas of those that fit best; call one of them with "
    "call_tool. Search again with other words where nothing fits.\",\"inputSchema\":{\"type\":\"object\","
    "\"properties\":{\"query\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":1024,\"description\":\"Words "
    "about what the tool should do\"},\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":20,"
    "\"description\":\"How many tools at most; 5 where it is left out\"}},\"required\":[\"query\"],"
    "\"additionalProperties\":false},\"annotations\":{\"readOnlyHint\":true,\"openWorldHint\":false}},"
    "{\"name\":\"" CALL_NAME "\",\"title\":\"Call a tool\",\"description\":\"Calls a tool that find_tool has "
    "found, by its name, with arguments that fit its input schema.\",\"inputSchema\":{\"type\":\"object\","
    "\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":1,\"description\":\"The tool's name as "
    "find_tool gives it\"},\"arguments\":{\"type\":\"object\",\"description\":\"The tool's arguments\"}},"
    "\"required\":[\"name\"],\"additionalProperties\":false}}]";

/* Made at the first use. NULL without memory. */
static struct catalogue *own_tools(struct worker *worker)
{
	struct json *json = &worker->side;

	if (worker->finding.tools)
		return worker->finding.tools;
	worker->finding.tools = catalogue_new();
	if (!worker->finding.tools || !json_parse(json, span_str(definitions), sizeof(definitions)) ||
	    !catalogue_add(worker->finding.tools, json, 0))
		worker->finding.tools = catalogue_unref(worker->finding.tools);
	return worker->finding.tools;
}

void finding_release(struct worker *worker)
{
	worker->finding.tools = catalogue_unref(worker->finding.tools);
	json_release(&worker->finding.json);
}

bool finding_replaces(const struct exchange *x, size_t n)
{
	return !x->only && x->worker->finding.on && n > x->worker->finding.above;
}

void finding_add_tools(struct worker *worker, struct buf *out)
{
	const struct catalogue *own = own_tools(worker);

	out->over |= !own;
	for (size_t i = 0; own && i < own->n; i++) {
		if (i)
			buf_add_char(out, ',');
		buf_add(out, own->tools[i].raw);
	}
}

/* --- call_tool --- */

static bool is_call_of(const struct exchange *x, struct span name)
{
	return !x->only && x->method == METHOD_TOOLS_CALL && x->worker->finding.on && span_eq(x->name, name);
}

bool finding_is_call(const struct exchange *x)
{
	return is_call_of(x, S(CALL_NAME));
}

static bool fits_own(struct exchange *x, json_at arguments, struct buf *fault)
{
	struct catalogue *own = own_tools(x->worker);
	struct tool *tool = own ? catalogue_find(own, S(CALL_NAME)) : NULL;
	const struct schema *schema = tool ? catalogue_schema(own, tool) : NULL;
	struct schema_problem problem = { 0 };

	if (!schema)
		return false;
	if (arguments == JSON_NONE)
		buf_add(fault, S("Invalid arguments for tool " CALL_NAME ": name is missing"));
	else if (schema_check(schema, x->message.json, arguments, &problem) != SCHEMA_VALID)
		buf_addf(fault, "Invalid arguments for tool " CALL_NAME ": %s", problem.text);
	return fault->n == 0;
}

/* The same request with the inner name and arguments in the places of the outer ones. */
static bool write_inner(struct exchange *x, json_at arguments)
{
	const struct json *json = x->message.json;
	json_at name = json_get(json, x->message.params, S("name"));
	json_at inner = json_get(json, arguments, S("arguments"));
	struct json_edit edits[2] = {
		{ name, JSON_REPLACE, json_raw(json, json_get(json, arguments, S("name"))) },
		{ arguments, JSON_REPLACE, inner == JSON_NONE ? S("") : json_raw(json, inner) },
	};

	if (inner == JSON_NONE) {
		edits[1].at = arguments - 1;
		edits[1].kind = JSON_DROP;
	}
	if (edits[1].at < edits[0].at) {
		struct json_edit first = edits[0];

		edits[0] = edits[1];
		edits[1] = first;
	}
	json_emit(&x->body, json, x->message.root, edits, 2);
	return buf_ok(&x->body);
}

/* The tape of the client's message may be a front's, which is not done with it: this one has its own. */
bool finding_unwrap(struct exchange *x, struct buf *fault)
{
	CLEANUP(buf_release) struct buf scratch = BUF_INIT((size_t)64 * 1024);
	struct json *json = &x->worker->finding.json;
	json_at arguments = json_get(x->message.json, x->message.params, S("arguments"));

	if (!fits_own(x, arguments, fault) || !write_inner(x, arguments) ||
	    !json_parse(json, buf_span(&x->body), x->body.n) ||
	    message_read(json, 0, &x->message) != MESSAGE_OK)
		return false;
	x->name = arena_dup(&x->arena,
			    json_string(json, json_get(json, x->message.params, S("name")), &scratch));
	x->own_name = x->name;
	/* Who calls it so knows nothing of its mirrored headers. */
	x->headers_checked = false;
	return x->name.p != NULL;
}

/* --- find_tool --- */

bool finding_is_asked(const struct exchange *x)
{
	return is_call_of(x, S(FIND_NAME));
}

enum stage_result finding_route(struct exchange *x)
{
	enum stage_result result = lists_settle(x, 1U << OFFER_TOOLS, x->started_ms);
	struct catalogue *own;

	if (result != STAGE_NEXT)
		return result;
	own = own_tools(x->worker);
	if (!own) {
		exchange_refuse(x, 503, -32603, "K803", S("The gate has no memory to look for tools"), S(""));
		return STAGE_DONE;
	}
	x->catalogue = catalogue_ref(own);
	x->tool = catalogue_find(own, S(FIND_NAME));
	return STAGE_NEXT;
}

/* A tool that may be found, in the order of the list. */
struct candidate {
	const struct attachment *attachment;
	const struct tool *tool;
};

struct candidates {
	struct candidate *all;
	size_t n, cap;
};

static bool add_candidate(struct candidates *candidates, const struct attachment *attachment,
			  const struct tool *tool)
{
	size_t cap = candidates->cap ? candidates->cap * 2 : 64;
	struct candidate *all;

	if (candidates->n == candidates->cap) {
		all = realloc(candidates->all, cap * sizeof(*all));
		if (!all)
			return false;
		candidates->all = all;
		candidates->cap = cap;
	}
	candidates->all[candidates->n++] = (struct candidate){ attachment, tool };
	return true;
}

static void add_words(const struct json *json, json_at object, struct span member, struct buf *text)
{
	json_at at = json_get(json, object, member);

	if (json_is(json, at, JSON_STRING)) {
		json_string_add(json, at, text);
		buf_add_char(text, ' ');
	}
}

static void look_at(struct search *search, struct json *json, const struct candidate *candidate)
{
	CLEANUP(buf_release) struct buf name = BUF_INIT((size_t)256);
	CLEANUP(buf_release) struct buf text = BUF_INIT(CATALOGUE_BYTES);

	buf_add(&name, candidate->attachment->server->name);
	buf_add_char(&name, ' ');
	buf_add(&name, candidate->tool->name);
	if (json_parse(json, candidate->tool->raw, candidate->tool->raw.n)) {
		add_words(json, 0, S("title"), &text);
		add_words(json, 0, S("description"), &text);
	}
	search_add(search, buf_span(&name), buf_span(&text));
}

/* Those that the list of all tools would show. */
static bool collect(struct exchange *x, struct candidates *candidates, struct search *search)
{
	LIST_EACH(&x->worker->servers, node) {
		struct attachment *attachment = lists_attachment(x, LIST_ENTRY(node, struct server, node));
		const struct catalogue *catalogue = attachment ? lists_tools(attachment) : NULL;

		for (size_t i = 0; catalogue && i < catalogue->n; i++) {
			if (!lists_has_tool(x, attachment, &catalogue->tools[i]))
				continue;
			if (!add_candidate(candidates, attachment, &catalogue->tools[i]))
				return false;
			look_at(search, &x->worker->side, &candidates->all[candidates->n - 1]);
		}
	}
	return !search->over;
}

static bool put_found(struct buf *out, const struct exchange *x, const struct candidate *candidate)
{
	static const struct span members[] = { SPAN("title"), SPAN("description"), SPAN("inputSchema") };
	CLEANUP(buf_release) struct buf name = BUF_INIT((size_t)256);
	CLEANUP(buf_release) struct buf store = BUF_INIT(CATALOGUE_BYTES);
	struct span text = lists_tool_text(x, candidate->attachment, candidate->tool, &store);
	struct json *json = &x->worker->side;

	if (!buf_ok(&store) || !json_parse(json, text, text.n))
		return false;
	buf_add(&name, candidate->attachment->server->name);
	buf_add(&name, S("__"));
	buf_add(&name, candidate->tool->name);
	json_add_comma(out);
	buf_add_char(out, '{');
	json_put_string(out, S("name"), buf_span(&name));
	for (size_t i = 0; i < COUNT(members); i++) {
		json_at at = json_get(json, 0, members[i]);

		if (at != JSON_NONE)
			json_put_raw(out, members[i], json_raw(json, at));
	}
	buf_add_char(out, '}');
	return true;
}

/* As JSON: what the answer's text is. */
static bool write_found(struct exchange *x, const struct candidates *candidates, const size_t *best, size_t n,
			struct buf *out)
{
	buf_add(out, S("{\"tools\":["));
	for (size_t i = 0; i < n; i++) {
		size_t had = out->n;

		if (best[i] >= candidates->n || !put_found(out, x, &candidates->all[best[i]]))
			return false;
		if (i > 0 && out->n > FINDING_BYTES) {
			buf_cut(out, had);
			break;
		}
	}
	buf_add_char(out, ']');
	if (n == 0)
		buf_add(out, S(",\"note\":\"No tool fits these words; try others.\""));
	buf_add_char(out, '}');
	return buf_ok(out);
}

static size_t asked_for(const struct exchange *x, json_at arguments)
{
	json_at at = json_get(x->message.json, arguments, S("limit"));
	uint64_t limit = FINDING_FALLBACK;

	if (json_is(x->message.json, at, JSON_NUMBER) && !json_u64(x->message.json, at, &limit))
		limit = FINDING_FALLBACK;
	return limit < FINDING_MOST ? (size_t)limit : FINDING_MOST;
}

static bool find(struct exchange *x, struct buf *out)
{
	CLEANUP(buf_release) struct buf query = BUF_INIT((size_t)64 * 1024);
	json_at arguments = json_get(x->message.json, x->message.params, S("arguments"));
	struct candidates candidates = { 0 };
	size_t best[FINDING_MOST], n;
	struct search search;
	bool fine;

	json_string_add(x->message.json, json_get(x->message.json, arguments, S("query")), &query);
	search_begin(&search, buf_span(&query));
	fine = collect(x, &candidates, &search);
	n = fine && candidates.all ? search_best(&search, asked_for(x, arguments), best) : 0;
	fine = fine && write_found(x, &candidates, best, n, out);
	search_release(&search);
	free(candidates.all);
	return fine;
}

enum stage_result finding_answer(struct exchange *x)
{
	CLEANUP(buf_release) struct buf found = BUF_INIT((size_t)2 * CATALOGUE_BYTES);
	CLEANUP(buf_release) struct buf result = BUF_INIT((size_t)5 * CATALOGUE_BYTES);

	if (!find(x, &found)) {
		exchange_refuse(x, 503, -32603, "K803", S("The gate has no memory to look for tools"), S(""));
		return STAGE_DONE;
	}
	buf_add(&result, S("{\"content\":[{\"type\":\"text\",\"text\":"));
	json_add_string(&result, buf_span(&found));
	buf_add(&result, S("}]"));
	if (x->revision >= REVISION_2026_07_28)
		buf_add(&result, S(",\"resultType\":\"complete\""));
	buf_add_char(&result, '}');
	exchange_answer(x, &result);
	return STAGE_DONE;
}
