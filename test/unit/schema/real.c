/* real.c - schemas that are in use: the protocol's own with its examples, and those of servers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "schema/schema.h"
#include "tap.h"

enum { FILE_BYTES = 8 << 20 };

struct text {
	struct buf bytes;
	struct json json;
};

static void text_release(struct text *text)
{
	json_release(&text->json);
	buf_release(&text->bytes);
}

static bool load(const char *path, struct text *text)
{
	struct err err = ERR_INIT;

	text->bytes = BUF_INIT(FILE_BYTES);
	return file_read(path, &text->bytes, &err) == 0 &&
	       json_parse(&text->json, buf_span(&text->bytes), FILE_BYTES);
}

/* Opens a folder of test data, NULL where it is absent. */
static DIR *open_data(const char *folder, char *path, size_t size)
{
	const char *root = getenv("KANMON_SOURCE_ROOT");

	snprintf(path, size, "%s/../shared/data/%s", root ? root : ".", folder);
	return opendir(path);
}

static const char *next_json(DIR *dir)
{
	for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		if (span_ends(span_str(e->d_name), S(".json")))
			return e->d_name;
	}
	return NULL;
}

/* Every example of one definition is valid by it. Returns how many there were. */
static int check_examples(const char *folder, const char *name, const struct schema_options *options)
{
	CLEANUP(schema_freep) struct schema *schema = NULL;
	CLEANUP(text_release) struct text reference = { .bytes = BUF_INIT(256) };
	struct err err = ERR_INIT;
	char path[1100], inner[1400];
	DIR *dir;
	int n = 0;

	buf_addf(&reference.bytes, "{\"$ref\":\"mcp:schema#/$defs/%s\"}", name);
	if (!json_parse(&reference.json, buf_span(&reference.bytes), 256) ||
	    schema_compile(&reference.json, 0, options, &schema, &err) < 0)
		return ok(false, "%s compiles: %s", name, err.text), 0;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	dir = opendir(path);
	for (const char *file = dir ? next_json(dir) : NULL; file; file = next_json(dir)) {
		CLEANUP(text_release) struct text example = { .bytes = BUF_INIT(1) };
		struct schema_problem problem = { .text = "" };

		snprintf(inner, sizeof(inner), "%s/%s", path, file);
		ok(load(inner, &example) && schema_check(schema, &example.json, 0, &problem) == SCHEMA_VALID,
		   "%s/%s is valid %s", name, file, problem.text);
		n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

static int check_protocol(void)
{
	CLEANUP(text_release) struct text schema = { .bytes = BUF_INIT(1) };
	struct schema_document document = { .uri = S("mcp:schema"), .json = &schema.json };
	struct schema_options options = { .documents = &document, .n_documents = 1 };
	char path[768], file[900];
	int n = 0;
	DIR *dir = open_data("mcp-schema/2026-07-28/examples", path, sizeof(path));

	if (!dir)
		return 0;
	snprintf(file, sizeof(file), "%s/../schema.json", path);
	ok(load(file, &schema), "the schema of 2026-07-28 can be read");
	for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		if (e->d_name[0] != '.')
			n += check_examples(path, e->d_name, &options);
	}
	closedir(dir);
	ok(n > 50, "%d examples were checked", n);
	return n;
}

/* Tool definitions, each with the schemas it has. */
static int check_tools(const struct json *json, json_at tools, const char *file)
{
	static const char *const members[] = { "inputSchema", "outputSchema" };
	int n = 0;

	for (json_at t = json_first(json, tools); t != JSON_NONE; t = json_next(json, tools, t)) {
		for (size_t i = 0; i < COUNT(members); i++) {
			CLEANUP(schema_freep) struct schema *schema = NULL;
			json_at at = json_get(json, t, span_str(members[i]));
			struct err err = ERR_INIT;

			if (at == JSON_NONE)
				continue;
			if (schema_compile(json, at, NULL, &schema, &err) < 0)
				ok(false, "%s: %s", file, err.text);
			n++;
		}
	}
	return n;
}

static int check_servers(void)
{
	char path[768], inner[1100];
	DIR *dir = open_data("tools", path, sizeof(path));
	int n = 0;

	for (const char *file = dir ? next_json(dir) : NULL; file; file = next_json(dir)) {
		CLEANUP(text_release) struct text text = { .bytes = BUF_INIT(1) };
		json_at tools;

		snprintf(inner, sizeof(inner), "%s/%s", path, file);
		if (!ok(load(inner, &text), "%s can be read", file))
			continue;
		tools = json_get(&text.json,
				 json_get(&text.json, json_get(&text.json, 0, S("tools/list")), S("result")),
				 S("tools"));
		if (tools != JSON_NONE)
			n += check_tools(&text.json, tools, file);
	}
	if (dir) {
		closedir(dir);
		ok(n > 30, "%d schemas of captured tools compile", n);
	}
	return n;
}

int main(void)
{
	if (check_protocol() + check_servers() == 0) {
		printf("1..0 # SKIP there is no test data at ../shared/data\n");
		return 0;
	}
	return tap_done();
}
