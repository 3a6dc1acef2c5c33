/* catalogue.c - the tools of a server: what is left out, what is kept, what is compiled. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/catalogue.h"
#include "schema/schema.h"
#include "tap.h"

static struct json json;

static bool add(struct catalogue *catalogue, const char *tools)
{
	return json_parse(&json, span_str(tools), (size_t)64 << 20) && catalogue_add(catalogue, &json, 0);
}

static void left_out(void)
{
	struct catalogue *catalogue = catalogue_new();

	ok(add(catalogue, "[7,null,[],{},{\"name\":7},{\"name\":\"\"},{\"name\":null},\"x\"]"),
	   "a page of nonsense");
	ok(catalogue->n == 0 && catalogue->omitted[OMIT_UNNAMED] == 8, "is left out and counted");
	ok(add(catalogue, "[{\"name\":\"a\",\"first\":1},{\"name\":\"\\u0061\",\"second\":1}]"),
	   "one name twice");
	ok(!catalogue_find(catalogue, S("a")) && catalogue->omitted[OMIT_TWICE] == 2, "is nobody's");
	ok(add(catalogue, "[{\"name\":\"a\",\"third\":1}]") && !catalogue_find(catalogue, S("a")) &&
	       catalogue->omitted[OMIT_TWICE] == 3,
	   "also on the next page");
	ok(add(catalogue, "[{\"name\":\"with space\"}]") && catalogue->omitted[OMIT_CHARACTERS] == 1 &&
	       catalogue_find(catalogue, S("with space"))->omission == OMIT_CHARACTERS,
	   "a name of other characters is marked");
	ok(add(catalogue,
	       "[{\"name\":\"bad\",\"inputSchema\":{\"oneOf\":[{\"properties\":{\"a\":{\"type\":\"string\","
	       "\"x-mcp-header\":\"A\"}}}]}}]") &&
	       catalogue->bad_params == 1 && catalogue_find(catalogue, S("bad"))->bad_params,
	   "one whose annotations break the rules is marked and counted");
	ok(!catalogue_find(catalogue, S("b")) && !catalogue_find(catalogue, S("A")) &&
	       !catalogue_find(catalogue, S("")),
	   "nothing else is found");
	ok(!catalogue_unref(catalogue), "gone");
}

static void kept(void)
{
	struct catalogue *catalogue = catalogue_new();
	CLEANUP(buf_release) struct buf page = BUF_INIT((size_t)4 << 20);
	bool fine = true;

	buf_add_char(&page, '[');
	for (int i = 0; i < 1000; i++)
		buf_addf(&page, "%s{ \"name\" : \"t%d\" , \"n\": 1.50 }", i ? "," : "", i);
	buf_add_char(&page, ']');
	ok(add(catalogue, buf_cstr(&page)) && catalogue->n == 1000, "a thousand tools");
	memset(page.p, 'z', page.n);
	for (int i = 0; i < 1000; i++) {
		struct tool *tool;

		buf_clear(&page);
		buf_addf(&page, "t%d", i);
		tool = catalogue_find(catalogue, buf_span(&page));
		fine = fine && tool && span_eq(tool->name, buf_span(&page)) && tool == &catalogue->tools[i] &&
		       span_ends(tool->raw, S("\"n\":1.50}"));
	}
	ok(fine, "each is found, in the server's order, its numbers as written");
	ok(catalogue_set_result(catalogue, S("{\"ttlMs\":5}")) &&
	       span_eq(catalogue->result, S("{\"ttlMs\":5}")),
	   "with what the list says of itself");
	ok(catalogue_ref(catalogue) == catalogue && !catalogue_unref(catalogue) && catalogue->n == 1000,
	   "a reference keeps it");
	(void)catalogue_unref(catalogue);
	ok(!catalogue_ref(NULL) && !catalogue_unref(NULL), "none is harmless");
}

static void limits(void)
{
	struct catalogue *catalogue = catalogue_new();
	CLEANUP(buf_release) struct buf page = BUF_INIT((size_t)8 << 20);

	buf_add_char(&page, '[');
	for (int i = 0; i < CATALOGUE_TOOLS; i++)
		buf_addf(&page, "%s{\"name\":\"t%d\"}", i ? "," : "", i);
	buf_add_char(&page, ']');
	ok(add(catalogue, buf_cstr(&page)) && catalogue->n == CATALOGUE_TOOLS, "as many as there may be");
	ok(!add(catalogue, "[{\"name\":\"one-more\"}]"), "one more is refused");
	(void)catalogue_unref(catalogue);
	catalogue = catalogue_new();
	buf_clear(&page);
	buf_add(&page, S("[{\"name\":\"a\",\"d\":\""));
	for (int i = 0; i < 6 << 20; i++)
		buf_add_char(&page, 'x');
	buf_add(&page, S("\"}]"));
	ok(add(catalogue, buf_cstr(&page)), "six MiB");
	page.p[10] = 'b';
	ok(add(catalogue, page.p), "twice");
	page.p[10] = 'c';
	ok(!add(catalogue, page.p), "three times are more than fit");
	(void)catalogue_unref(catalogue);
}

static void digests(struct catalogue *catalogue)
{
	struct tool *none = catalogue_find(catalogue, S("none"));
	struct span digest = catalogue_digest(catalogue, none);

	/* b2sum -l 256 of the definition. */
	is_span(digest, S("168b84b4b5c2d9b66b6c6f2af871da0e39f5bfdb0fd0b09a20e67c5be5c8f03f"),
		"the digest of a definition");
	ok(catalogue_digest(catalogue, none).p == digest.p, "is made once");
	ok(!span_eq(catalogue_digest(catalogue, catalogue_find(catalogue, S("bad"))), digest),
	   "another definition has another one");
}

static void schemas(void)
{
	struct catalogue *catalogue = catalogue_new();
	const struct schema *schema;
	struct tool *tool;

	ok(add(catalogue,
	       "[{\"name\":\"none\"},{\"name\":\"bad\",\"inputSchema\":{\"type\":\"strin\"}},"
	       "{\"name\":\"number\",\"inputSchema\":7},"
	       "{\"name\":\"good\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"r\":{\"type\":\"string\","
	       "\"x-mcp-header\":\"R\"}}}},"
	       "{\"name\":\"mark\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"r\":{\"type\":\"number\","
	       "\"x-mcp-header\":\"R\"}}}}]"),
	   "five tools");
	for (size_t i = 0; i < 3; i++) {
		tool = &catalogue->tools[i];
		ok(!catalogue_schema(catalogue, tool) && tool->problem.n, "%.*s cannot be used: %.*s",
		   SPAN_ARG(tool->name), SPAN_ARG(tool->problem));
		ok(!catalogue_schema(catalogue, tool) && tool->compiled, "nor the second time");
	}
	tool = catalogue_find(catalogue, S("good"));
	schema = catalogue_schema(catalogue, tool);
	ok(schema && tool->problem.n == 0 && !tool->bad_params && tool->n_params == 1, "one can");
	ok(catalogue_schema(catalogue, tool) == schema, "and is compiled once");
	ok(catalogue_find(catalogue, S("mark"))->bad_params, "one has an annotation that breaks the rules");
	digests(catalogue);
	(void)catalogue_unref(catalogue);
}

static void pages(void)
{
	struct catalogue *catalogue = catalogue_new();
	CLEANUP(buf_release) struct buf page = BUF_INIT((size_t)1 << 20);

	ok(add(catalogue,
	       "[{\"name\":\"a\",\"_meta\":7},{\"name\":\"b\",\"_meta\":{\"ui\":\"ui://no\"}},{\"name\":\"c\","
	       "\"_meta\":{\"ui\":{\"resourceUri\":7},\"ui/resourceUri\":null}},{\"name\":\"d\",\"resourceUri\":\"ui://no\"}"
	       "]") &&
	       !catalogue_shows(catalogue, S("ui://no")) && !catalogue_shows(catalogue, S("")) &&
	       !catalogue_shows(NULL, S("ui://no")),
	   "what only looks like a page is none");
	buf_add(&page, S("[{\"name\":\"e\",\"_meta\":{\"ui\":{\"resourceUri\":\"ui://"));
	while (page.n < (size_t)2 * OMISSION_URI_BYTES)
		buf_add_char(&page, 'x');
	buf_add(&page, S("\"}}}]"));
	ok(add(catalogue, buf_cstr(&page)) && catalogue->n == 5 && catalogue->pages.n == 0,
	   "one that is too long is none; its tool is kept");
	ok(add(catalogue,
	       "[{\"name\":\"f\",\"_meta\":{\"ui\":{\"resourceUri\":\"ui:\\/\\/one\"}}},{\"name\":\"g\",\"_meta\":{"
	       "\"ui/resourceUri\":\"ui://two\"}},{\"name\":\"h\",\"_meta\":{\"ui\":{\"resourceUri\":\"ui://one\"}}}]") &&
	       catalogue_shows(catalogue, S("ui://one")) && catalogue_shows(catalogue, S("ui://two")) &&
	       !catalogue_shows(catalogue, S("ui://three")),
	   "what its tools are shown with is known");
	(void)catalogue_unref(catalogue);
}

int main(void)
{
	left_out();
	kept();
	limits();
	schemas();
	pages();
	json_release(&json);
	return tap_done();
}
