/* conf.c - tests of the config: what is refused and where, what is read. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include <stdio.h>

#include "audit/redact.h"
#include "base/file.h"
#include "base/log.h"
#include "conf/core.h"
#include "tap.h"
#include "upstream/items.h"

static const char *const colors[] = { "red", "green", NULL };

/* What no room's items have yet: the other types, and defaults that are lists. */
static const struct conf_item more_items[] = {
	{ .path = "more.on", .type = CONF_BOOL, .fallback = "true" },
	{ .path = "more.size", .type = CONF_BYTES, .min = 1024, .max = 1048576, .fallback = "4KiB" },
	{ .path = "more.count", .type = CONF_INT, .min = -5, .max = 5 },
	{ .path = "more.least", .type = CONF_INT, .min = 3 },
	{ .path = "more.color", .type = CONF_ENUM, .words = colors, .fallback = "green" },
	{ .path = "more.names", .type = CONF_STRING_LIST, .min = 1, .max = 2, .fallback = "[a, b c]" },
	{ .path = "more.title", .type = CONF_STRING },
	{ .path = "strict.key", .type = CONF_STRING, .required = true },
	{ .path = NULL },
};

static const struct conf_item *const tables[] = { conf_core_items, upstream_items, more_items, NULL };
static const struct conf_options options = {
	.tables = tables,
	.home = SPAN("/home/a"),
	.is_secret_name = redact_is_secret_name,
	.has_secret = redact_has_secret,
};

#define V "version: 1\n"

static const struct {
	struct span text;
	const char *code;
	uint32_t line, column, length;
	const char *words; /* in the message, the label or a note */
} refused[] = {
	/* not YAML */
	{ SPAN("version: [1"), "K101", 1, 12, 1, "`]` is missing" },
	{ SPAN(V "a: b: c\n"), "K101", 2, 5, 1, "two keys on one line" },
	{ SPAN(V "log:\n\tlevel: info\n"), "K101", 3, 1, 1, "spaces, not with tabs" },
	{ SPAN(V " log: {}\n"), "K101", 1, 10, 1, "indented" },
	{ SPAN(V "log\n"), "K101", 2, 1, 3, "colon" },
	{ SPAN(V "data: \"abc\n"), "K101", 2, 8, 3, "not closed" },
	{ SPAN(V "data: @x\n"), "K101", 2, 7, 1, "in quotes" },
	{ SPAN(V "# \xE2\x80\xAE\n"), "K101", 2, 3, 1, "U+202E" },
	{ SPAN(V "data: \x1B[2J\n"), "K101", 2, 7, 1, "U+001B" },
	{ SPAN(V "listen: [a\nservers: {}\n"), "K101", 2, 9, 1, "this bracket is not closed" },
	{ SPAN(V "log: { level: info\nservers: {}\n"), "K101", 2, 6, 1, "this bracket is not closed" },
	{ SPAN(V "data: a[b # {\nmore:\n  names: [a, \"]\"\n  on: true\n"), "K101", 4, 10, 1,
	  "this bracket is not closed" },
	{ SPAN(V "more: { names: [\na\n] }\n"), "K101", 3, 1, 1, "indented further than the key" },
	{ SPAN(V "data: \"a\" b\n"), "K101", 2, 11, 1, "follows the closing quote" },
	{ SPAN(V "more: { names: [a,, b] }\n"), "K101", 2, 19, 1, "a comma too many" },
	{ SPAN(V "data: !<x y\n"), "K101", 2, 10, 1, "cannot be read as YAML: missing '>'" },
	/* the subset */
	{ SPAN("%YAML 1.1\n---\n" V), "K108", 1, 1, 1, "directives" },
	{ SPAN(V "---\n" V), "K108", 2, 1, 3, "one document" },
	{ SPAN(V "...\n" V), "K108", 0, 0, 0, "one document" },
	{ SPAN(V "log: &x {}\n"), "K108", 2, 6, 2, "anchors" },
	{ SPAN(V "log: *x\n"), "K108", 2, 6, 1, "aliases" },
	{ SPAN(V "servers: { a: { run: x, tools: { allow: [*] } } }\n"), "K108", 2, 42, 1, "in quotes" },
	{ SPAN(V "data: !!str x\n"), "K108", 2, 7, 5, "tags" },
	{ SPAN(V "log: !x {}\n"), "K108", 2, 6, 2, "tags" },
	{ SPAN(V "<<: { a: b }\n"), "K108", 2, 1, 2, "merge" },
	{ SPAN(V "? [a]\n: b\n"), "K108", 2, 3, 1, "a key must be a text" },
	{ SPAN(V "more: { title: on }\n"), "K108", 2, 16, 2, "put it in quotes" },
	{ SPAN(V "servers: { no: { run: x } }\n"), "K108", 2, 12, 2, "needs quotes" },
	/* the version */
	{ SPAN(""), "K105", 1, 1, 1, "`version` is missing" },
	{ SPAN("# nothing\n"), "K105", 1, 1, 1, "`version` is missing" },
	{ SPAN("version: 2\nanything: else\n"), "K107", 1, 10, 1, "version must be 1" },
	{ SPAN("version: 0\n"), "K107", 1, 10, 1, "version must be 1" },
	{ SPAN("version: one\n"), "K103", 1, 10, 3, "a whole number" },
	{ SPAN("version: \"1\"\n"), "K103", 1, 10, 3, "leave out the quotes" },
	/* keys */
	{ SPAN(V "listne: x\n"), "K102", 2, 1, 6, "did you mean `listen`?" },
	{ SPAN(V "zebra: x\n"), "K102", 2, 1, 5, "the keys here are: version, listen" },
	{ SPAN(V "servers:\n  a:\n    run: x\n    allow: [\"*\"]\n"), "K102", 5, 5, 5,
	  "did you mean `tools: { allow" },
	{ SPAN(V "servers:\n  a:\n    run: x\n    tools: { alow: [] }\n"), "K102", 5, 14, 4,
	  "unknown key `alow` in servers.a.tools" },
	{ SPAN(V "mcpServers: {}\n"), "K102", 2, 1, 10, "did you mean `servers`?" },
	{ SPAN(V "servers: { a: { run: x, command: y } }\n"), "K102", 2, 25, 7, "write run: [command, args" },
	{ SPAN(V "servers: { a: { run: x, args: [y] } }\n"), "K102", 2, 25, 4, "write run: [command, args" },
	{ SPAN(V "servers: { a: { url: http://h, headers: {} } }\n"), "K102", 2, 32, 7, "not supported yet" },
	{ SPAN(V "command: x\n"), "K102", 2, 1, 7, "the keys here are" },
	{ SPAN(V "ghp_abcdefghijklmnopqrstuvwxyz: x\n"), "K102", 2, 1, 30, "unknown key `***`" },
	{ SPAN(V "関門: x\n"), "K102", 2, 1, 2, "unknown key `関門`" },
	{ SPAN(V "log: {}\nlog: {}\n"), "K106", 3, 1, 3, "it stands on line 2 already" },
	{ SPAN(V "servers: { a: { run: x }, a: { run: y } }\n"), "K106", 2, 27, 1, "in servers" },
	{ SPAN(V "servers: { a: { run: x, env: { A: b, A: c } } }\n"), "K106", 2, 38, 1, "in servers.a.env" },
	{ SPAN(V "strict: {}\n"), "K105", 2, 1, 6, "`key` is missing in strict" },
	{ SPAN(V "servers: { a: {} }\n"), "K105", 2, 12, 1, "needs one of: `run`, `url`" },
	{ SPAN(V "servers: { a: { run: x, url: http://h } }\n"), "K104", 2, 25, 3, "only one of" },
	{ SPAN(V "servers: { a: { url: http://h, cwd: / } }\n"), "K104", 2, 32, 3, "without `run`" },
	{ SPAN(V "servers: { a: { url: http://h, ca: / } }\n"), "K104", 2, 32, 2, "write https" },
	{ SPAN(V "servers: { a: { run: x, ca: / } }\n"), "K104", 2, 25, 2, "without `url`" },
	/* names */
	{ SPAN(V "servers: { a__b: { run: x } }\n"), "K110", 2, 12, 4, "`__` parts" },
	{ SPAN(V "servers: { a_: { run: x } }\n"), "K110", 2, 12, 2, "end with `_`" },
	{ SPAN(V "servers: { -a: { run: x } }\n"), "K110", 2, 12, 2, "begin with" },
	{ SPAN(V "servers: { a b: { run: x } }\n"), "K110", 2, 12, 3, "only letters" },
	{ SPAN(V "servers: { \"\": { run: x } }\n"), "K110", 2, 12, 2, "it is empty" },
	{ SPAN(V "servers: { a23456789012345678901234567890123: { run: x } }\n"), "K110", 2, 12, 33, "32" },
	{ SPAN(V "servers: { a: { run: x, env: { A=B: c } } }\n"), "K110", 2, 32, 3, "no `=`" },
	/* kinds of values */
	{ SPAN("- version\n"), "K103", 1, 1, 1, "the file must be a mapping" },
	{ SPAN("version\n"), "K103", 1, 1, 7, "the file must be a mapping" },
	{ SPAN(V "log:\n"), "K103", 2, 1, 3, "log must be a mapping" },
	{ SPAN(V "log: [a]\n"), "K103", 2, 6, 1, "log must be a mapping" },
	{ SPAN(V "listen: { port: 1 }\n"), "K103", 2, 9, 1, "write the address itself" },
	{ SPAN(V "servers: x\n"), "K103", 2, 10, 1, "a mapping of names" },
	{ SPAN(V "servers: { a: x }\n"), "K103", 2, 15, 1, "servers.a must be a mapping" },
	{ SPAN(V "data:\n  - x\n"), "K103", 2, 1, 4, "data must be a path" },
	{ SPAN(V "data:\n"), "K103", 2, 1, 4, "nothing is written here" },
	{ SPAN(V "data: null\n"), "K103", 2, 7, 4, "data must be a path" },
	{ SPAN(V "more: { title: true }\n"), "K103", 2, 16, 4, "in quotes" },
	{ SPAN(V "more: { on: yes }\n"), "K103", 2, 13, 3, "write true or false" },
	{ SPAN(V "more: { on: Off }\n"), "K103", 2, 13, 3, "write true or false" },
	{ SPAN(V "more: { on: \"true\" }\n"), "K103", 2, 13, 6, "leave out the quotes" },
	{ SPAN(V "more: { on: True }\n"), "K103", 2, 13, 4, "true or false" },
	{ SPAN(V "more: { on: {} }\n"), "K103", 2, 13, 1, "true or false" },
	{ SPAN(V "more: { count: 0x1 }\n"), "K103", 2, 16, 3, "a whole number" },
	{ SPAN(V "more: { names: a }\n"), "K103", 2, 16, 1, "write it as a list" },
	{ SPAN(V "more: { names: [[a]] }\n"), "K103", 2, 17, 1, "a list of texts" },
	{ SPAN(V "servers: { a: { run: { x: y } } }\n"), "K103", 2, 22, 1, "a command line" },
	{ SPAN(V "servers: { a: { run: x, env: [A] } }\n"), "K103", 2, 30, 1, "names to texts" },
	{ SPAN(V "servers: { a: { run: x, env: { A: [b] } } }\n"), "K103", 2, 35, 1, "env.A must be a text" },
	/* values */
	{ SPAN(V "more: { count: 6 }\n"), "K104", 2, 16, 1, "from -5 to 5" },
	{ SPAN(V "more: { count: -6 }\n"), "K104", 2, 16, 2, "from -5 to 5" },
	{ SPAN(V "more: { least: 2 }\n"), "K104", 2, 16, 1, "at least 3" },
	{ SPAN(V "more: { size: 1023 }\n"), "K104", 2, 15, 4, "from 1KiB to 1MiB" },
	{ SPAN(V "more: { size: 2MB }\n"), "K104", 2, 15, 3, "MiB" },
	{ SPAN(V "more: { color: gren }\n"), "K104", 2, 16, 4, "did you mean `green`?" },
	{ SPAN(V "more: { color: x }\n"), "K104", 2, 16, 1, "one of: red, green" },
	{ SPAN(V "log: { level: warning }\n"), "K104", 2, 15, 7, "did you mean `warn`?" },
	{ SPAN(V "log: { level: err }\n"), "K104", 2, 15, 3, "did you mean `error`?" },
	{ SPAN(V "more: { names: [] }\n"), "K104", 2, 16, 1, "not be empty" },
	{ SPAN(V "more: { names: [a, b, c] }\n"), "K104", 2, 16, 1, "at most 2" },
	{ SPAN(V "more: { title: \"a\\0b\" }\n"), "K104", 2, 16, 6, "control character" },
	{ SPAN(V "listen: localhost:80\n"), "K104", 2, 9, 12, "the number of an address" },
	{ SPAN(V "listen: [\"127.0.0.1:1\", \"127.0.0.1:99999\"]\n"), "K104", 2, 25, 17, "port" },
	{ SPAN(V "listen: [\"127.0.0.1:1\", \"[::1]:1\", \"127.0.0.1:1\"]\n"), "K104", 2, 36, 13,
	  "listen names this address twice" },
	{ SPAN(V "listen: [\"[::1]:1\", \"[0::1]:1\"]\n"), "K104", 2, 21, 10, "twice" },
	{ SPAN(V "listen: []\n"), "K104", 2, 9, 1, "not be empty" },
	{ SPAN(V "data: \"\"\n"), "K104", 2, 7, 2, "empty" },
	{ SPAN(V "data: \"a\\nb\"\n"), "K104", 2, 7, 6, "line break" },
	{ SPAN(V "servers: { a: { run: \"\" } }\n"), "K104", 2, 22, 2, "names no program" },
	{ SPAN(V "servers: { a: { run: [] } }\n"), "K104", 2, 22, 1, "not be empty" },
	{ SPAN(V "servers: { a: { run: [\"\"] } }\n"), "K104", 2, 22, 1, "names no program" },
	{ SPAN(V "servers: { a: { run: a | b } }\n"), "K104", 2, 22, 5, "no shell" },
	{ SPAN(V "servers: { a: { url: ftp://x } }\n"), "K104", 2, 22, 7, "begin it with https" },
	{ SPAN(V "servers: { a: { url: \"ws:/x\" } }\n"), "K104", 2, 22, 7, "begin it with https" },
	{ SPAN(V "servers: { a: { url: \"wss://u:p@x\" } }\n"), "K104", 2, 22, 13, "user name" },
	{ SPAN(V "servers: { a: { url: \"unix:x\" } }\n"), "K104", 2, 22, 8, "from / on" },
	{ SPAN(V "servers: { a: { url: \"unix://x\" } }\n"), "K104", 2, 22, 10, "from / on" },
	{ SPAN(V "servers: { a: { url: \"unix:/x/\" } }\n"), "K104", 2, 22, 10, "no path of a socket" },
	{ SPAN(V "servers: { a: { run: x, timeout: 60 } }\n"), "K104", 2, 34, 2, "30s" },
	{ SPAN(V "servers: { a: { run: x, timeout: 0s } }\n"), "K104", 2, 34, 2, "from 1ms to 1d" },
	{ SPAN(V "servers: { a: { run: x, timeout: 25h } }\n"), "K104", 2, 34, 3, "from 1ms to 1d" },
	{ SPAN(V "servers: { a: { run: x, tools: { deny: [\"\"] } } }\n"), "K104", 2, 41, 2, "empty" },
	{ SPAN(V "servers: { a: { run: x, env: { A: secret:vault/x } } }\n"), "K104", 2, 35, 14,
	  "secret:env/NAME" },
	{ SPAN(V "servers: { a: { run: x, env: { A: secret:env/1A } } }\n"), "K104", 2, 35, 13,
	  "secret:env/NAME" },
	{ SPAN(V "servers: { a: { run: x, env: { A: \"secret:file/\" } } }\n"), "K104", 2, 35, 14,
	  "file/PATH" },
	/* the whole file */
	{ SPAN(V "data: \xFF\n"), "K109", 2, 7, 1, "not UTF-8" },
	{ SPAN(V "data: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"), "K109", 2, 38,
	  1, "too deeply" },
};

static bool says(const struct conf_problem *problem, const char *words)
{
	struct span needle = span_str(words);
	bool hit = span_contains(problem->message, needle) || span_contains(problem->label, needle);

	for (unsigned i = 0; i < problem->n_notes; i++)
		hit = hit || span_contains(problem->notes[i], needle);
	return hit;
}

static void print(const struct conf_problems *problems)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)1 << 20);

	conf_problems_render(&out, problems, &(struct conf_render){ .footer = S("") });
	for (struct span rest = buf_span(&out); rest.n;) {
		struct span line = span_cut(&rest, '\n');

		printf("# %.*s\n", SPAN_ARG(line));
	}
}

static void test_refused(size_t i)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(conf_unrefp) struct conf *conf = NULL;
	int outcome = conf_load_text(S("/etc/k.yaml"), refused[i].text, &options, &conf, &problems);
	const struct conf_problem *first = &problems.at[0];
	bool same = outcome == -1 && !conf && problems.n == 1 && strcmp(first->code, refused[i].code) == 0 &&
		    says(first, refused[i].words);

	if (refused[i].line)
		same = same && first->line == refused[i].line && first->column == refused[i].column &&
		       first->length == refused[i].length;
	if (!ok(same, "refused with %s at %u:%u+%u", refused[i].code, refused[i].line, refused[i].column,
		refused[i].length)) {
		printf("# length %u\n", problems.n ? first->length : 0);
		print(&problems);
	}
}

static void test_several(void)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(buf_release) struct buf text = BUF_INIT(10000);
	CLEANUP(conf_unrefp) struct conf *conf = NULL;

	for (int i = 0; i < 30; i++)
		buf_addf(&text, "key%d: x\n", i);
	ok(conf_load_text(S("k"), buf_span(&text), &options, &conf, &problems) < 0, "many problems");
	is_int(problems.n, CONF_MAX_PROBLEMS, "twenty are kept");
	is_int(problems.more, 11, "the others are counted");
	is_int(problems.at[0].line, 1, "in the order of the file");
	is_int(problems.at[19].line, 20, "to the last one");
}

static void test_files(void)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(buf_release) struct buf text = BUF_INIT(2 * CONF_MAX_BYTES);
	CLEANUP(conf_unrefp) struct conf *conf = NULL;

	ok(conf_load_file("/nonexistent/kanmon.yaml", &options, &text, &conf, &problems) < 0, "no such file");
	ok(problems.n == 1 && strcmp(problems.at[0].code, "K109") == 0 && problems.at[0].line == 0,
	   "a problem without a place");
	conf_problems_release(&problems);
	ok(conf_load_file("/", &options, &text, &conf, &problems) < 0 &&
	       strcmp(problems.at[0].code, "K109") == 0,
	   "a folder");
	conf_problems_release(&problems);
	buf_add(&text, S(V "#"));
	while (text.n <= CONF_MAX_BYTES)
		buf_add_char(&text, '#');
	ok(conf_load_text(S("k"), buf_span(&text), &options, &conf, &problems) < 0 &&
	       says(&problems.at[0], "larger than 1048576 bytes"),
	   "a file that is too large");
	conf_problems_release(&problems);
	text.n = CONF_MAX_BYTES;
	ok(conf_load_text(S("k"), buf_span(&text), &options, &conf, &problems) == 0, "one that is just not");
}

/* Nothing but nesting, long runs, many parts: all must end soon with a problem. */
static void test_hostile(void)
{
	static const char *const parts[] = { "[",  "{",	  "- ",	 "? ",	"[[{a: ", "a: {", "''",
					     "a,", "#\n", "&a ", "!a ", "a:",	  "\"",	  "|\n" };

	for (size_t i = 0; i < COUNT(parts); i++) {
		CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
		CLEANUP(buf_release) struct buf text = BUF_INIT(CONF_MAX_BYTES);
		CLEANUP(conf_unrefp) struct conf *conf = NULL;

		while (text.n + 10 < CONF_MAX_BYTES / 4)
			buf_add(&text, span_str(parts[i]));
		ok(conf_load_text(S("k"), buf_span(&text), &options, &conf, &problems) < 0 && problems.n > 0,
		   "a file of nothing but '%s'",
		   strcmp(parts[i], "#\n") == 0 ? "comments"
		   : parts[i][0] == '|'		? "|"
						: parts[i]);
	}
}

static const char *const leaky[] = {
	V "servers: { a: { run: x, tols: y, env: { T: s3cret } } }\n",
	V "servers: { a: { run: x, env: { T: s3cret }, tols: y } }\n",
	V "servers: { a: { run: x, evn: { T: s3cret } } }\n",
	V "servers: { a: { run: x, ENV: { T: s3cret } } }\n",
	V "servers: { a: { run: x, env: { T: [s3cret] } } }\n",
	V "servers: { a: { run: x, env: [s3cret] } }\n",
	V "servers: { a: { run: x, env: s3cret } }\n",
	V "servers: { a: { run: x, env: { T: \"secret:s3cret\" } } }\n",
	V "servers: { a: { run: x, env: { \"T=s3cret\": y } } }\n",
	V "servers: { a: { run: x, env: { T: a }, env: { T: s3cret } } }\n",
	V "servers:\n  a:\n    run: x\n    env:\n      T: \"s3cret\n      U: y\n",
	V "servers:\n  a:\n    run: x\n    env:\n      T: s3cret: b\n",
	V "servers:\n  a:\n    run: x\n    env:\n      T: @s3cret\n",
	V "servers:\n  a:\n    run: x\n    env:\n    - T: *s3cret\n",
	V "servers:\n  a:\n    run: x\n    env:\n      T: &s3cret x\n",
	V "servers:\n  a:\n    run: x\n    env:\n      T: !s3cret x\n",
	V "servers:\n  a:\n    run: x\n    env:\n      T: >\n\ts3cret\n",
	V "servers:\n  a: { run: x, env: { T:\n  s3cret, U: } ]\n",
	"{\"version\": 1, \"servers\": {\"a\": {\"run\": \"x\",\n\"env\": {\n\"T\": \"s3cret\",, \n}}}}",
	V "servers:\n  a:\n    env: { T: \"s3cret\xFF\" }\n",
	V "env: s3cret\n",
	V "servers: { a: { env: s3cret, run: x",
	/* what hosts' configs have */
	V "servers:\n  a:\n    url: http://h\n    headers: {Authorization: \"Bearer s3cret\"}\n",
	V "servers:\n  a:\n    url: http://h\n    headers: { X: s3cret }\n    timeout: 5\n",
	V "servers:\n  a:\n    run: x\n    token: s3cret\n",
	V "servers:\n  a:\n    run: x\n    era: s3 # token: s3cret\n",
	V "token: s3cret\n",
	V "servers:\n  a:\n    run: x\n    env:\n      A: b\n    GITHUB_TOKEN: s3cret\n",
	V "servers:\n  a:\n    run: x\n    env:\n  GITHUB_TOKEN: s3cret\n",
	V "servers:\n  a:\n    run: x\n    env:\n\tGITHUB_TOKEN: s3cret\n",
	V "servers:\n  a:\n    run: x\n    env:\n\tlevel: s3cret\n",
	V "servers:\n  a:\n    command: x\n    args: [\"--api-key\", \"s3cret\"]\n",
	V "servers:\n  a: { args: [\"--api-key\", \"s3cret\"], run: x\n",
	V "servers:\n  a:\n    args:\n      - \"s3cret\n",
	V "servers:\n  a:\n    run: \"x --token s3cret | tee\"\n",
	V "servers:\n  a:\n    run: x --token 's3cret\n",
	V "servers:\n  a: { run: [x, --api-key, \"my s3cret\"], timeout: 5 }\n",
	V "servers:\n  a: { run: x --api-key=s3cret, timeout: 5 }\n",
	V "servers:\n  a: { run: \"x \\\"--api-key=my s3cret\\\"\", timeout: 5 }\n",
	V "servers:\n  a: { run: env DB_PASSWORD=s3cret x, timeout: 5 }\n",
	V "servers:\n  a: { run: [x, -H, \"Authorization: s3cret\"], timeout: 5 }\n",
	V "servers:\n  a: { run: [x, --token,\n    s3cret], era: *x }\n",
	V "servers:\n  a: { run: [x, --token,\n    s3cret, &x y] }\n",
	V "servers:\n  a: { url: \"https://u:s3cret@h/\" }\n",
	V "servers:\n  a: { url: \"https://u:s3/s3cret@h/\" }\n",
	V "servers:\n  a: { url: \"https://s3cret@h:port/\" }\n",
	V "servers:\n  a: { url: \"https://h/mcp?api=s3cret\", timeout: 5 }\n",
	V "servers:\n  a: { url: \"https://h/mcp#s3cret\" }\n",
	V "servers:\n  a: { run: x db://u:s3cret@h/, timeout: 5 }\n",
	V "servers: { a: { run: x, timeout: 5 } } # ghp_s3cretabcdefghijklmnop\n",
	V "servers: { ghp_s3cretabcdefghijklmnop1234567890: { run: x } }\n",
	V "ghp_s3cretabcdefghijklmnop1234567890: { run: x }\n",
	V "servers:\n  a: { run: [x, \"--password=4f\\\"s3cret\"], timeout: 5 }\n",
	V "servers:\n  a: { run: [x, '--password=it''s3cret'], timeout: 5 }\n",
	V "servers:\n  a: { run: [x, \"--password\", \"it\\\"s s3cret\"], timeout: 5 }\n",
	V "servers:\n  a: { run: [x, --passphrase, correct horse s3cret], timeout: 5 }\n",
	V "servers:\n  a: { run: [x, -e, DB_PASSWORD=hunter2 s3cret], timeout: 5 }\n",
	V
	"servers:\n  a:\n    run:\n      - x\n      - --token\n      - my s3cret\n    timeout: 5\n    era: *a\n",
	V "servers:\n  a: { run: [x, --config, \"{\\\"password\\\":\\\"s3cret\\\"}\", {}] }\n",
	V "servers:\n  a: { run: [x, --config, \"{\\\"exaApiKey\\\":\\\"s3cret-9b0d-4c1e\\\"}\", {}] }\n",
	V "servers: [ { name: s3cret } ]\n",
	V "listen: { token: s3cret }\n",
	V "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"args\": [\"s3cret\"]}}}\n",
	"{\"mcpServers\": {\n\"a\": {\n\"args\": [\"s3cret\"],, }}}\n",
};

/* Names and values that are nobody's secret: a sentence without them would help nobody. */
static const struct {
	const char *text, *line;
} readable[] = {
	{ V "listen: localhost:80\n", "listen: localhost:80" },
	{ V "log: { level: loud }\n", "log: { level: loud }" },
	{ V "more: { names: [a, b, tokens] }\n", "more: { names: [a, b, tokens] }" },
	{ V "servers: { a_token-server: { run: x y --port 80, timeout: 5 } }\n",
	  "servers: { a_token-server: { run: x y --port 80, timeout: 5 } }" },
	{ V "servers:\n  a:\n    run: npx -y \"x\n", "    run: npx -y \"x" },
	{ V "servers:\n  a:\n    run x\n    era: auto\n", "    run x" },
	{ V "servers:\n  a:\n    tools:\n      allow:\n        - read_*\n        - *\n", "        - *" },
	{ V "servers: { a: { url: ftp://h:80/mcp/@x } }\n", "servers: { a: { url: ftp://h:80/mcp/@x } }" },
	{ V "servers:\n  a:\n    env: { A: b }\n    token: x\n    era: old\n    run: x\n", "    token: ***" },
};

static void test_readable(void)
{
	for (size_t i = 0; i < COUNT(readable); i++) {
		CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
		CLEANUP(conf_unrefp) struct conf *conf = NULL;

		ok(conf_load_text(S("k"), span_str(readable[i].text), &options, &conf, &problems) < 0,
		   "refused: %s", readable[i].line);
		is_span(problems.at[0].excerpt, span_str(readable[i].line), "and shown");
	}
}

static void test_secrets(void)
{
	for (size_t i = 0; i < COUNT(leaky); i++) {
		CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
		CLEANUP(buf_release) struct buf out = BUF_INIT(100000);
		CLEANUP(conf_unrefp) struct conf *conf = NULL;
		int outcome = conf_load_text(S("k"), span_str(leaky[i]), &options, &conf, &problems);

		conf_problems_render(&out, &problems, &(struct conf_render){ .footer = S("") });
		conf_problems_json(&out, &problems);
		if (!ok(outcome < 0 && buf_ok(&out) && !span_contains(buf_span(&out), S("s3cret")),
			"secret %zu is not shown", i))
			print(&problems);
	}
}

static const char good[] = V "listen: [\"127.0.0.1:7676\", \"[::1]:0\"]\n"
			     "data: state\n"
			     "log: { level: debug }\n"
			     "servers:\n"
			     "  files:\n"
			     "    run: npx -y '@acme/files' \"--root=$HOME x\"\n"
			     "    cwd: ~/work\n"
			     "    env: { TOKEN: secret:env/GH, PORT: 8080, MODE: \"yes\", EMPTY: \"\" }\n"
			     "    tools:\n"
			     "      allow:\n"
			     "        - read_*\n"
			     "        - \"*\"\n"
			     "      deny: [delete_*]\n"
			     "    timeout: 5m\n"
			     "  crm.v2: # a name with a dot\n"
			     "    url: https://crm.internal/mcp\n"
			     "    ca: /etc/ca.pem\n"
			     "    era: modern\n"
			     "  crm:\n"
			     "    run: [node, 'it''s.js', 8080]\n"
			     "more: { on: false, size: 1M, count: -5, color: red }\n";

static void check_servers(const struct conf_node *root)
{
	const struct conf_node *server = conf_get_first(root, "servers"), *word, *env;

	is_span(conf_name(server), S("files"), "the first server");
	is_int(conf_line(server), 6, "its line");
	word = conf_get_first(server, "run");
	is_span(conf_text(word), S("npx"), "the first word of its command");
	word = conf_next(conf_next(conf_next(word)));
	is_span(conf_text(word), S("--root=$HOME x"), "the last one, expanded in no way");
	ok(!conf_next(word), "no more words");
	is_span(conf_get_text(server, "cwd"), S("/home/a/work"), "its folder is under home");
	env = conf_get_first(root, "servers.files.env");
	is_span(conf_name(env), S("TOKEN"), "a variable's name");
	is_span(conf_text(env), S("secret:env/GH"), "its value");
	is_span(conf_text(conf_next(env)), S("8080"), "a number is a text as it is written");
	is_int(conf_count(conf_find(server, "env")), 4, "four variables");
	word = conf_next(conf_get_first(server, "tools.allow"));
	is_span(conf_text(word), S("*"), "a quoted star is a pattern");
	is_int(conf_line(word), 13, "the line of a pattern");
	is_int(conf_get_ms(server, "timeout"), 300000, "five minutes");
	server = conf_next(server);
	is_span(conf_name(server), S("crm.v2"), "the second server");
	is_span(conf_get_text(root, "servers.crm.v2.url"), S("https://crm.internal/mcp"),
		"found by the longer name");
	is_int(conf_get_word(server, "era"), UPSTREAM_ERA_MODERN, "its era");
	is_int(conf_get_ms(server, "timeout"), 60000, "the default of its timeout");
	ok(!conf_written(conf_find(server, "timeout")) && !conf_has(server, "timeout"),
	   "which is not written");
	ok(!conf_get_first(server, "tools.allow") && !conf_find(server, "run"), "what is absent has no node");
	is_span(conf_get_text(server, "cwd"), S(""), "and an empty text");
	server = conf_child(conf_find(root, "servers"), S("crm"));
	word = conf_next(conf_get_first(server, "run"));
	is_span(conf_text(word), S("it's.js"), "single quotes");
	is_span(conf_text(conf_next(word)), S("8080"), "a number as a word");
	ok(!conf_next(server), "no more servers");
	ok(!conf_find(root, "servers.none.run"), "a server that does not exist");
}

static void test_good(void)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(conf_unrefp) struct conf *conf = NULL, *second = NULL;
	const struct conf_node *root, *address, *name;

	if (!ok(conf_load_text(S("/etc/kanmon/k.yaml"), span_str(good), &options, &conf, &problems) == 0,
		"a good config is read")) {
		print(&problems);
		return;
	}
	is_int(problems.n, 0, "without problems");
	second = conf_ref(conf);
	conf = conf_unref(conf);
	root = conf_root(second);
	is_int(conf_get_int(root, "version"), 1, "a number");
	address = conf_get_first(root, "listen");
	is_span(conf_address(address).host, S("127.0.0.1"), "an address");
	is_int(conf_address(address).port, 7676, "its port");
	ok(conf_address(conf_next(address)).v6 && conf_address(conf_next(address)).port == 0, "a second one");
	is_span(conf_get_text(root, "data"), S("/etc/kanmon/state"), "a path beside the config");
	is_int(conf_get_word(root, "log.level"), LOG_DEBUG, "a word");
	is_int(conf_get_word(root, "log.format"), CONF_LOG_TEXT, "the default of its neighbour");
	is_span(conf_get_text(root, "log.level"), S("debug"), "a word as text");
	ok(!conf_get_bool(root, "more.on"), "false");
	is_int(conf_get_bytes(root, "more.size"), 1048576, "a size");
	is_int(conf_get_int(root, "more.count"), -5, "a number below zero");
	name = conf_next(conf_get_first(root, "more.names"));
	is_span(conf_text(name), S("b c"), "a default that is a list");
	is_int(conf_line(name), 0, "has no line");
	ok(!conf_find(root, "strict.key"), "a required key of an absent section is not missed");
	check_servers(root);
}

static void test_defaults(void)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(conf_unrefp) struct conf *conf = NULL;
	const struct conf_node *root;

	ok(conf_load_text(S("built-in"), S("\xEF\xBB\xBFversion: 1\r\n"), &options, &conf, &problems) == 0,
	   "the least config, with a byte order mark and a carriage return");
	root = conf_root(conf);
	is_int(conf_address(conf_get_first(root, "listen")).port, 7676, "listen");
	is_span(conf_get_text(root, "log.level"), S("info"), "log.level");
	ok(conf_get_bool(root, "more.on"), "more.on");
	ok(!conf_get_first(root, "servers"), "no servers");
	ok(!conf_find(root, "data"), "no data folder");
}

/* A key whose entries are all still to come, or commented out. */
static void test_empty_map(void)
{
	static const struct span texts[] = { SPAN(V "servers:\n"), SPAN(V "servers:\n#  a: { run: x }\n"),
					     SPAN(V "servers: {}\n"),
					     SPAN(V "servers:\nlisten: 127.0.0.1:1\n") };

	for (size_t i = 0; i < COUNT(texts); i++) {
		CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
		CLEANUP(conf_unrefp) struct conf *conf = NULL;

		ok(conf_load_text(S("k"), texts[i], &options, &conf, &problems) == 0 &&
		       !conf_get_first(conf_root(conf), "servers"),
		   "no servers: %.*s", SPAN_ARG(texts[i]));
	}
}

static void test_later(void)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(conf_unrefp) struct conf *conf = NULL;
	const struct conf_node *root, *server;

	if (!ok(conf_load_text(S("/k"), span_str(good), &options, &conf, &problems) == 0, "a good config"))
		return;
	root = conf_root(conf);
	server = conf_get_first(root, "servers");
	(void)conf_problem_at(&problems, conf_next(conf_get_first(server, "tools.allow")), "K131",
			      "never matches");
	is_int(problems.at[0].line, 13, "a problem found later has the line of an element");
	is_int(problems.at[0].column, 11, "and its column");
	is_span(problems.at[0].excerpt, S("        - \"*\""), "and its text");
	(void)conf_problem_at(&problems, conf_find(conf_next(server), "timeout"), "K132", "too short");
	is_int(problems.at[1].line, 16, "of a default: the line of what it belongs to");
	(void)conf_problem_at(&problems, conf_get_first(server, "env"), "K133", "no such secret");
	ok(!span_contains(problems.at[2].excerpt, S("GH")), "of a secret: masked");
	(void)conf_problem_at_name(&problems, server, "K134", "unused");
	is_int(problems.at[3].column, 3, "of a name");
}

/* An idle gateway keeps its config, not the parser. */
static void test_unmapped(void)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(buf_release) struct buf maps = BUF_INIT((size_t)4 << 20);
	CLEANUP(conf_unrefp) struct conf *conf = NULL;
	struct err err = ERR_INIT;

	ok(conf_load_text(S("/k"), span_str(good), &options, &conf, &problems) == 0, "a config is kept");
	ok(file_read("/proc/self/maps", &maps, &err) == 0 && span_contains(buf_span(&maps), S("libc.so")),
	   "the process' libraries are known");
	ok(!span_contains(buf_span(&maps), S("libfyaml")), "the parser is none of them");
}

static void test_places(void)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	const struct conf_options no_home = { .tables = tables, .home = S("") };
	CLEANUP(conf_unrefp) struct conf *conf = NULL;

	ok(conf_load_text(S("built-in"), S(V "data: state\n"), &options, &conf, &problems) < 0,
	   "a path beside a text that is in no folder");
	conf_problems_release(&problems);
	ok(conf_load_text(S("k"), S(V "data: ~/x\n"), &no_home, &conf, &problems) < 0,
	   "home, where there is none");
	conf_problems_release(&problems);
	ok(conf_load_text(S("k"), S(V "data: ~\n"), &options, &conf, &problems) == 0, "a lone tilde");
	is_span(conf_get_text(conf_root(conf), "data"), S("/home/a"), "is home");
	conf = conf_unref(conf);
	ok(conf_load_text(S("k"), S(V "data: '/x ''y''\n\n  z  \n  w'\nmore: { title: '''''''''''''''''' }"),
			  &options, &conf, &problems) < 0,
	   "a quoted text over lines");
	conf_problems_release(&problems);
	ok(conf_load_text(S("k"), S(V "more:\n  title: 'a ''b''\n\n    c  \n    d'\n"), &options, &conf,
			  &problems) == 0,
	   "a text over lines");
	is_span(conf_get_text(conf_root(conf), "more.title"), S("a 'b'\nc d"), "is folded");
}

int main(void)
{
	for (size_t i = 0; i < COUNT(refused); i++)
		test_refused(i);
	test_several();
	test_files();
	test_hostile();
	test_secrets();
	test_readable();
	test_good();
	test_defaults();
	test_empty_map();
	test_later();
	test_unmapped();
	test_places();
	return tap_done();
}
