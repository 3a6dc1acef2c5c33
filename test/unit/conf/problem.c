/* problem.c - tests of how problems look. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/problem.h"

#include "audit/redact.h"
#include "base/tr.h"
#include "conf/conf.h"
#include "conf/core.h"
#include "tap.h"
#include "upstream/items.h"
#include "json/tape.h"

static const struct conf_item *const tables[] = { conf_core_items, upstream_items, NULL };
static const struct conf_options options = {
	.tables = tables,
	.home = SPAN("/home/a"),
	.is_secret_name = redact_is_secret_name,
	.has_secret = redact_has_secret,
};

#define BEFORE                                                                                               \
	"version: 1\n\n\n\n\n\n\n\n\n\n"                                                                     \
	"servers:\n  files:\n    run: npx\n    env: { A: b }\n    tools:\n"

static const struct {
	const char *name;
	enum tr_language language;
	struct span text, shown;
} looks[] = {
	{ "a typing mistake", TR_EN, SPAN(BEFORE "     # here\n      alow: [\"*\"]\n"),
	  SPAN("error[K102]: unknown key `alow` in servers.files.tools\n"
	       "  ┌─ /home/a/kanmon.yaml:17:7\n"
	       "17│       alow: ***\n"
	       "  │       ^^^^ did you mean `allow`?\n"
	       "  = the keys here are: allow, deny\n"
	       "  = this file was not loaded\n"
	       "help: kanmon explain K102\n") },
	{ "the same in Japanese", TR_JA, SPAN(BEFORE "     # here\n      alow: [\"*\"]\n"),
	  SPAN("エラー[K102]: 不明なキー `alow` が servers.files.tools にあります\n"
	       "  ┌─ /home/a/kanmon.yaml:17:7\n"
	       "17│       alow: ***\n"
	       "  │       ^^^^ `allow` の誤りではありませんか\n"
	       "  = ここで使えるキー: allow, deny\n"
	       "  = this file was not loaded\n"
	       "ヘルプ: kanmon explain K102\n") },
	{ "two, the footer once", TR_EN, SPAN("version: 1\nlog: { level: x, format: y }\n"),
	  SPAN("error[K104]: log.level must be one of: debug, info, warn, error\n"
	       "  ┌─ /home/a/kanmon.yaml:2:15\n"
	       " 2│ log: { level: x, format: y }\n"
	       "  │               ^\n"
	       "help: kanmon explain K104\n"
	       "\n"
	       "error[K104]: log.format must be one of: text, json\n"
	       "  ┌─ /home/a/kanmon.yaml:2:26\n"
	       " 2│ log: { level: x, format: y }\n"
	       "  │                          ^\n"
	       "  = this file was not loaded\n"
	       "help: kanmon explain K104\n") },
	{ "wide characters before and under the carets, a tab", TR_EN,
	  SPAN("version: 1\nlog: {\t関門サーバー: か\xE3\x82\x99 }\n"),
	  SPAN("error[K102]: unknown key `関門サーバー` in log\n"
	       "  ┌─ /home/a/kanmon.yaml:2:8\n"
	       " 2│ log: { 関門サーバー: *** }\n"
	       "  │        ^^^^^^^^^^^^\n"
	       "  = the keys here are: level, format\n"
	       "  = this file was not loaded\n"
	       "help: kanmon explain K102\n") },
	{ "carets after wide characters", TR_EN, SPAN("version: 1\nservers: { 関門: { run: x } }\n"),
	  SPAN("error[K110]: this name cannot be used in servers\n"
	       "  ┌─ /home/a/kanmon.yaml:2:12\n"
	       " 2│ servers: { 関門: { run: x } }\n"
	       "  │            ^^^^ it must begin with a letter or a digit\n"
	       "  = a server's name has 1 to 32 letters, digits, `_`, `.` or `-`\n"
	       "  = this file was not loaded\n"
	       "help: kanmon explain K110\n") },
	{ "a secret", TR_EN, SPAN("version: 1\nservers: { a: { env: { T: s3cret }, run: x, timeout: 5 } }\n"),
	  SPAN(
	      "error[K104]: servers.a.timeout must be a duration such as 30s, 5m or 400d\n"
	      "  ┌─ /home/a/kanmon.yaml:2:54\n"
	      " 2│ servers: { a: { env: ***, run: x, timeout: 5 } }\n"
	      "  │                                            ^ write a number and ms, s, m, h or d, such as 30s "
	      "or 1h30m\n"
	      "  = this file was not loaded\n"
	      "help: kanmon explain K104\n") },
	{ "an unknown key's value, a URL's query and its user", TR_EN,
	  SPAN("version: 1\nservers: { a: { url: \"http://u:p@h/m?k=v\", tols: [x], era: auto } }\n"),
	  SPAN(
	      "error[K104]: servers.a.url must be an http or https URL\n"
	      "  ┌─ /home/a/kanmon.yaml:2:22\n"
	      " 2│ servers: { a: { url: \"http://***@h/m?***\", tols: ***, era: auto } }\n"
	      "  │                      ^^^^^^^^^^^^^^^^^^^^ leave out user name and password\n"
	      "help: kanmon explain K104\n"
	      "\n"
	      "error[K102]: unknown key `tols` in servers.a\n"
	      "  ┌─ /home/a/kanmon.yaml:2:44\n"
	      " 2│ servers: { a: { url: \"http://***@h/m?***\", tols: ***, era: auto } }\n"
	      "  │                                            ^^^^ did you mean `tools`?\n"
	      "  = the keys here are: run, url, cwd, env, era, transport, tools, timeout, idle, instances, calls, when-down, ca\n"
	      "  = this file was not loaded\n"
	      "help: kanmon explain K102\n") },
	{ "a command's secrets", TR_EN,
	  SPAN("version: 1\nservers:\n  a: { run: [x, --token, s, \"B=t\", API_KEY=t], timeout: 5 }\n"),
	  SPAN(
	      "error[K104]: servers.a.timeout must be a duration such as 30s, 5m or 400d\n"
	      "  ┌─ /home/a/kanmon.yaml:3:57\n"
	      " 3│   a: { run: [x, --token, ***, \"B=t\", API_KEY=***], timeout: 5 }\n"
	      "  │                                                             ^ write a number and ms, s, m, h "
	      "or d, such as 30s or 1h30m\n"
	      "  = this file was not loaded\n"
	      "help: kanmon explain K104\n") },
	{ "known keys of a file that is no YAML", TR_EN,
	  SPAN("version: 1\nservers:\n  a: { run: x, tools: { allow: [*] } }\n"),
	  SPAN("error[K108]: aliases (*name) are not used here\n"
	       "  ┌─ /home/a/kanmon.yaml:3:33\n"
	       " 3│   a: { run: x, tools: { allow: [*] } }\n"
	       "  │                                 ^ put a pattern that begins with * in quotes: \"*\"\n"
	       "  = this file was not loaded\n"
	       "help: kanmon explain K108\n") },
	{ "an unclosed bracket in Japanese", TR_JA,
	  SPAN("version: 1\nservers:\n  a:\n    run: [x, y\n    timeout: 5s\n"),
	  SPAN("エラー[K101]: YAML として正しくありません\n"
	       "  ┌─ /home/a/kanmon.yaml:4:10\n"
	       " 4│     run: [x, y\n"
	       "  │          ^ この括弧が閉じられていません\n"
	       "  = this file was not loaded\n"
	       "ヘルプ: kanmon explain K101\n") },
	{ "an escape sequence in a key", TR_EN, SPAN("version: 1\n\"a\\e[31m\\nb\": x\n"),
	  SPAN("error[K102]: unknown key `a\xEF\xBF\xBD[31m\xEF\xBF\xBD"
	       "b`\n"
	       "  ┌─ /home/a/kanmon.yaml:2:1\n"
	       " 2│ \"a\\e[31m\\nb\": ***\n"
	       "  │ ^^^^^^^^^^^^\n"
	       "  = the keys here are: version, listen, threads, data, log, servers\n"
	       "  = this file was not loaded\n"
	       "help: kanmon explain K102\n") },
};

static void test_looks(void)
{
	for (size_t i = 0; i < COUNT(looks); i++) {
		CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
		CLEANUP(buf_release) struct buf out = BUF_INIT(10000);
		CLEANUP(conf_unrefp) struct conf *conf = NULL;

		tr_set_language(looks[i].language);
		ok(conf_load_text(S("/home/a/kanmon.yaml"), looks[i].text, &options, &conf, &problems) < 0,
		   "refused: %s", looks[i].name);
		conf_problems_render(&out, &problems,
				     &(struct conf_render){ .footer = S("this file was not loaded") });
		is_span(buf_span(&out), looks[i].shown, "shown: %s", looks[i].name);
		tr_set_language(TR_EN);
	}
}

static size_t longest_line(struct span text)
{
	size_t longest = 0;

	while (text.n) {
		struct span line = span_cut(&text, '\n');

		longest = line.n > longest ? line.n : longest;
	}
	return longest;
}

/* A line of 4,000 columns is cut around the carets. */
static void test_long_line(void)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(buf_release) struct buf text = BUF_INIT(10000), out = BUF_INIT(10000);
	CLEANUP(conf_unrefp) struct conf *conf = NULL;

	buf_add(&text, S("version: 1\nlog: { level: info,"));
	for (int i = 0; i < 2000; i++)
		buf_add_char(&text, ' ');
	buf_add(&text, S("form: text, "));
	for (int i = 0; i < 2000; i++)
		buf_add_char(&text, ' ');
	buf_add(&text, S("}\n"));
	ok(conf_load_text(S("k"), buf_span(&text), &options, &conf, &problems) < 0,
	   "a problem far to the right");
	is_int(problems.at[0].column, 2020, "has its real column");
	ok(problems.at[0].caret_at < 60, "and carets near the left");
	conf_problems_render(&out, &problems, &(struct conf_render){ .footer = S("") });
	ok(span_contains(buf_span(&out), S("form: ***")), "what they point at is shown");
	ok(longest_line(buf_span(&out)) < 150, "the line is cut");
}

static void test_color(void)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(buf_release) struct buf out = BUF_INIT(10000);

	(void)conf_problem_of_file(&problems, S("/etc/\033[2Jk"), "K109", "%s", "the file cannot be read");
	conf_problem_note(&problems, &problems.at[0], "%s", "cannot open it");
	conf_problem_note(&problems, NULL, "%s", "nobody hears this");
	conf_problem_label(&problems, NULL, "%s", "nor this");
	conf_problems_render(&out, &problems, &(struct conf_render){ .color = false, .footer = S("") });
	is_span(buf_span(&out),
		S("error[K109]: the file cannot be read\n"
		  "  ┌─ /etc/\xEF\xBF\xBD[2Jk\n"
		  "  = cannot open it\n"
		  "help: kanmon explain K109\n"),
		"a problem without a place");
	buf_clear(&out);
	conf_problems_render(&out, &problems, &(struct conf_render){ .color = true, .footer = S("") });
	ok(span_starts(buf_span(&out), S("\033[1;31merror[K109]\033[0m")), "in colour");
	ok(!span_contains(buf_span(&out), S("\033[2J")), "with no colours but ours");
}

/* The key is named where its value is hidden, and hidden where it is the secret. */
static void test_key(void)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(conf_unrefp) struct conf *conf = NULL;

	ok(conf_load_text(
	       S("k"),
	       S("version: 1\nghp_abcdefghijklmnopqrstuvwxyz: x\nservers: { a: { url: \"http://u:p@h\" } }\n"),
	       &options, &conf, &problems) < 0,
	   "a secret as a key, a secret in a URL");
	is_span(problems.at[0].key, S(""), "the one is no key to name");
	is_span(problems.at[1].key, S("url"), "the other's key is named");
}

static void test_json(void)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(buf_release) struct buf out = BUF_INIT(10000), scratch = BUF_INIT(1000);
	CLEANUP(conf_unrefp) struct conf *conf = NULL;
	CLEANUP(json_release) struct json json = { .n = 0 };
	json_at first;
	uint64_t number = 0;

	conf_problems_json(&out, &problems);
	is_span(buf_span(&out), S("[]"), "no problems are an empty list");
	buf_clear(&out);
	ok(conf_load_text(S("/k\".yaml"), S("version: 1\nlog: { levle: \"x\" }\nfoo: 1\n"), &options, &conf,
			  &problems) < 0,
	   "two problems");
	conf_problems_json(&out, &problems);
	if (!ok(json_parse(&json, buf_span(&out), 10000), "are valid JSON"))
		return;
	is_int(json.tokens[0].count, 2, "with two elements");
	first = json_first(&json, 0);
	ok(json_string_is(&json, json_get(&json, first, S("code")), S("K102")), "code");
	ok(json_string_is(&json, json_get(&json, first, S("file")), S("/k\".yaml")), "file");
	ok(json_u64(&json, json_get(&json, first, S("line")), &number) && number == 2, "line");
	ok(json_u64(&json, json_get(&json, first, S("column")), &number) && number == 8, "column");
	ok(json_u64(&json, json_get(&json, first, S("length")), &number) && number == 5, "length");
	is_span(json_string(&json, json_get(&json, first, S("help")), &scratch),
		S("did you mean `level`?\nthe keys here are: level, format"), "help");
	ok(json_string_is(&json, json_get(&json, first, S("message")), S("unknown key `levle` in log")),
	   "message");
}

int main(void)
{
	test_looks();
	test_long_line();
	test_color();
	test_key();
	test_json();
	return tap_done();
}
