/* gate_config.c - one config of the gate: its defaults, its refusals, and what a reload compares. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gate_config.h"

#include <sys/inotify.h>
#include <sys/stat.h>

#include "daemon/definitions.h"
#include "home.h"

/* --- what is refused --- */

static void refusals(void)
{
	static const struct {
		const char *text, *code, *label;
		uint32_t line;
	} cases[] = {
		{ "listen: 127.0.0.1:1\n", "K105", "", 1 },
		{ "version: 2\n", "K107", "", 1 },
		{ V "servers: [\n", "K101", "not closed", 2 },
		{ V "listen: 127.0.0.1:7\nmetrics: [\"[::1]:7\", \"127.0.0.1:7\"]\n", "K104", "", 3 },
		{ V "metrics: 127.0.0.1:7676\n", "K104", "", 2 },
		{ V "serves: {}\n", "K102", "servers", 2 },
		{ V "limits: { connection: 5 }\n", "K102", "connections", 2 },
		{ V "servers: { a: { run: cat, tool: {} } }\n", "K102", "tools", 2 },
		{ V "servers: { a: { run: cat, tools: { alow: [x] } } }\n", "K102", "allow", 2 },
		{ V "servers: { a: { run: cat, time_out: 5s } }\n", "K102", "timeout", 2 },
		{ V "limits: { body: 1KiB }\n", "K104", "", 2 },
		{ V "limits: { result: 33MiB }\n", "K104", "", 2 },
		{ V "limits: { connections: 0 }\n", "K104", "", 2 },
		{ V "limits: { session-idle: 5 }\n", "K104", "", 2 },
		{ V "servers: { a: { run: cat, era: old } }\n", "K104", "", 2 },
		{ V "servers: { a: { run: cat, ca: x } }\n", "K104", "", 2 },
		{ V "servers: { a: { url: 'http://h', cwd: / } }\n", "K104", "", 2 },
		{ V "servers: { a: { url: 'ftp://h' } }\n", "K104", "", 2 },
		{ V "servers: { a: { run: cat, instances: one } }\n", "K104", "", 2 },
		{ V "servers: { a: { url: 'http://h', instances: shared } }\n", "K104", "", 2 },
		{ V "servers: { a__b: { run: cat } }\n", "K110", "", 2 },
		{ V "listen: 127.0.0.1:70000\n", "K104", "", 2 },
		{ V "threads: 0\n", "K104", "", 2 },
		{ V "threads: 65\n", "K104", "", 2 },
		{ V "tls: { cert: none.pem, key: none.pem }\n", "K112", "", 2 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf_problems problems = CONF_PROBLEMS_INIT;
		struct gate_config config = { .digest = "untouched" };
		struct err err = ERR_INIT;
		int rc = gate_config_load(file_of(cases[i].text), NULL, &config, &problems, &err);
		const struct conf_problem *first = &problems.at[0];
		bool near = span_contains(first->label, span_str(cases[i].label));

		if (!ok(rc < 0 && problems.n && strcmp(first->code, cases[i].code) == 0 && near &&
			    first->line == cases[i].line && strcmp(config.digest, "untouched") == 0,
			"refused with %s: case %zu", cases[i].code, i) &&
		    problems.n)
			printf("# %s line %u: %.*s / %.*s\n", first->code, first->line,
			       SPAN_ARG(first->message), SPAN_ARG(first->label));
		conf_problems_release(&problems);
	}
}

static void no_file(void)
{
	struct conf_problems problems = CONF_PROBLEMS_INIT;
	struct gate_config config = { 0 };
	struct err err = ERR_INIT;

	ok(gate_config_load(in_home("nowhere.yaml"), NULL, &config, &problems, &err) < 0 && !problems.n &&
	       err.code == ERR_SYSTEM,
	   "a file that was named must be there: %s", err.text);
	conf_problems_release(&problems);
}

/* --- where things are --- */

static struct gate_config load_own(const char *data_dir)
{
	struct conf_problems problems = CONF_PROBLEMS_INIT;
	struct gate_config config = { 0 };
	struct err err = ERR_INIT;

	ok(gate_config_load(NULL, data_dir, &config, &problems, &err) == 0, "the user's own: %s", err.text);
	conf_problems_release(&problems);
	return config;
}

static void defaults(void)
{
	struct gate_config config = load_own(NULL);
	const struct conf_node *root = conf_root(config.conf);
	struct conf_address address = conf_address(conf_get_first(root, "listen"));

	is_span(span_str(config.paths.config), S(""), "without a file there is a config");
	ok(span_eq(address.host, S("127.0.0.1")) && address.port == 7676,
	   "that listens for this machine only");
	ok(!conf_get_first(root, "servers"), "without servers");
	is_int(conf_get_bytes(root, "limits.result"), 16 << 20, "with the limits that are documented");
	is_span(span_str(config.paths.data), span_str(in_home(".local/state/kanmon")),
		"its data is the user's");
	is_span(span_str(config.paths.audit), span_str(in_home(".local/state/kanmon/audit")),
		"the records below");
	is_span(span_str(config.paths.control), span_str(in_home(".local/state/kanmon/control.sock")),
		"and the socket");
	is_int(strlen(config.digest), 64, "it has a digest");
	gate_config_release(&config);
	(void)setenv("XDG_STATE_HOME", in_home("state"), 1);
	config = load_own(NULL);
	is_span(span_str(config.paths.data), span_str(in_home("state/kanmon")), "XDG_STATE_HOME is heeded");
	gate_config_release(&config);
	(void)setenv("XDG_STATE_HOME", "relative", 1);
	config = load_own("/elsewhere");
	is_span(span_str(config.paths.data), S("/elsewhere"), "--data-dir wins");
	gate_config_release(&config);
	(void)unsetenv("XDG_STATE_HOME");
}

static void own_folders(void)
{
	struct gate_config config, again;
	char own[PATH_MAX];

	config = load(V);
	ok(span_starts(span_str(config.paths.data), span_str(in_home(".local/state/kanmon/test.yaml-"))),
	   "another file is another gate, with data of its own: %s", config.paths.data);
	again = load(V "listen: 127.0.0.1:1\n");
	ok(strcmp(config.paths.data, again.paths.data) == 0, "which stays where it is when the file changes");
	ok(strcmp(config.digest, again.digest) != 0, "though the digest is another");
	gate_config_release(&again);
	again = load(V);
	ok(strcmp(config.digest, again.digest) == 0, "the same text has the same digest");
	gate_config_release(&again);
	gate_config_release(&config);
	config = load(V "data: here\n");
	is_span(span_str(config.paths.data), span_str(in_home("here")), "`data` is relative to the file");
	gate_config_release(&config);
	ok(gate_paths_default_config(own, sizeof(own)), "the user's own file has a place");
	is_span(span_str(own), span_str(in_home(".config/kanmon/kanmon.yaml")), "below ~/.config");
	(void)!file_make_dirs(in_home(".config/kanmon"), NULL);
	(void)!file_replace(own, S(V "listen: 127.0.0.1:7\n"), 0600, NULL);
	config = load_own(NULL);
	is_span(span_str(config.paths.config), span_str(own), "which is found");
	is_span(span_str(config.paths.data), span_str(in_home(".local/state/kanmon")),
		"with the user's data");
	gate_config_release(&config);
	(void)unlink(own);
}

/* --- where the gate of a broken config may be --- */

static void guesses(void)
{
	static const struct {
		const char *text, *data; /* "/": below home */
	} cases[] = {
		{ V "data: /d/x\nservers: [\n", "/d/x" },
		{ "data: '/d/y' # why\nbad: [", "/d/y" },
		{ "data: \"/d/z\"\r\n[", "/d/z" },
		{ "data:\t/d/w   # why\n[", "/d/w" },
		{ "data: /d/#v\r\n[", "/d/#v" },
		{ "data: sub\n[", "HOME/sub" },
		{ "data: ~/own\n[", "HOME/own" },
		{ "x:\n  data: /d/no\n[", NULL },
		{ "# data: /d/no\ndatabase: /d/no\n[", NULL },
		{ "data:\n[", NULL },
	};
	struct gate_paths *found = calloc(GATE_PATHS_GUESSES, sizeof(*found));
	struct err err = ERR_INIT;

	for (size_t i = 0; found && i < COUNT(cases); i++) {
		bool below = cases[i].data && strncmp(cases[i].data, "HOME/", 5) == 0;
		int n = gate_paths_guess(file_of(cases[i].text), NULL, found, &err);

		is_int(n, cases[i].data ? 2 : 1, "places for %s", cases[i].data ? cases[i].data : "none");
		if (cases[i].data)
			is_span(span_str(found[0].data),
				span_str(below ? in_home(cases[i].data + 5) : cases[i].data),
				"what it names");
		ok(n > 0 && strstr(found[n - 1].data, "/.local/state/kanmon/test.yaml-"),
		   "the usual one last");
	}
	is_int(gate_paths_guess(file_of("data: /d/x\n["), "/given", found, &err), 1,
	       "a folder that is given");
	is_span(span_str(found[0].control), S("/given/control.sock"), "is the only one");
	is_int(gate_paths_guess(in_home("gone.yaml"), NULL, found, &err), 1, "a file that is gone");
	ok(strstr(found[0].data, "/.local/state/kanmon/gone.yaml-"), "has a place all the same: %s",
	   found[0].data);
	ok(gate_paths_guess("/no/such/folder/x.yaml", NULL, found, &err) < 0 && err.code == ERR_SYSTEM,
	   "unless its folder is gone, too");
	free(found);
}

/* --- what a reload compares --- */

static bool same(const char *a, const char *b)
{
	struct gate_config x = load(a), y = load(b);
	bool equal = gate_config_same_addresses(&x, &y, "listen");

	gate_config_release(&x);
	gate_config_release(&y);
	return equal;
}

static void threads(void)
{
	struct gate_config fit = load(V), three = load(V "threads: 3\n");

	is_int(gate_config_threads(&fit), 0, "as many threads as fit");
	is_int(gate_config_threads(&three), 3, "or as many as are asked for");
	gate_config_release(&fit);
	gate_config_release(&three);
}

static void addresses(void)
{
	ok(!same(V "listen: 127.0.0.1:1\n", V "listen: 127.0.0.1:2\n"), "another port");
	ok(!same(V "listen: 127.0.0.1:1\n", V "listen: ['127.0.0.1:1', '127.0.0.1:2']\n"), "one more");
	ok(!same(V "listen: ['127.0.0.1:1', '127.0.0.1:2']\n", V "listen: 127.0.0.1:1\n"), "one less");
	ok(!same(V "listen: '[::1]:1'\n", V "listen: 127.0.0.1:1\n"), "another host");
	ok(same(V "listen: ['127.0.0.1:1']\n", V "# x\nlisten: 127.0.0.1:1\n"),
	   "the same, written differently");
	ok(same(V, V "listen: 127.0.0.1:7676\n"), "the default, written out");
}

/* --- before a config is handed on --- */

static int checked(const char *yaml, struct err *err)
{
	struct gate_config config = load(yaml);
	int rc;

	*err = ERR_INIT;
	rc = definitions_check(&config, err);
	gate_config_release(&config);
	return rc;
}

static void add_variables(struct buf *yaml, size_t n, const char *value, size_t bytes)
{
	buf_clear(yaml);
	buf_add(yaml, S(SERVER "env: {"));
	for (size_t i = 0; i < n; i++) {
		buf_addf(yaml, "%s V%zu: ", i ? "," : "", i);
		for (size_t k = 0; k < bytes; k++)
			buf_add(yaml, span_str(value));
	}
	buf_add(yaml, S("} } }\n"));
}

static void checking(void)
{
	struct buf yaml = BUF_INIT((size_t)1 << 20);
	struct err err;

	ok(checked(V "servers: { b: { run: cat }, a: { run: cat, env: { K: 'secret:file/no/such' } } }\n",
		   &err) < 0 &&
	       strstr(err.text, "server a: the variable K"),
	   "a missing secret: %s", err.text);
	add_variables(&yaml, 256, "x", 1);
	ok(checked(buf_cstr(&yaml), &err) < 0 && strstr(err.text, "server a: the environment"),
	   "more variables than the launcher takes: %s", err.text);
	add_variables(&yaml, 10, "x", 8000);
	ok(checked(buf_cstr(&yaml), &err) < 0 && strstr(err.text, "server a: ") && err.code == ERR_LIMIT,
	   "more than fits into one message: %s", err.text);
	ok(checked(V "servers: { a: { url: 'http://0x7f.1/' } }\n", &err) < 0 &&
	       strstr(err.text, "server a: "),
	   "an address in disguise: %s", err.text);
	ok(checked(V "servers: { a: { url: 'http://127.0.0.1/' }, b: { run: cat } }\n", &err) == 0,
	   "what can be handed on passes: %s", err.text);
	buf_release(&yaml);
}

/* Text and digest are of the same bytes: between two readings the file may be another. */
static void read_once(void)
{
	const char *path = file_of(V);
	CLEANUP(closep) int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct inotify_event events[8];
	struct gate_config config = { 0 };
	struct conf_problems problems = CONF_PROBLEMS_INIT;
	struct err err = ERR_INIT;
	uint8_t digest[DIGEST_BYTES];
	char hex[65] = "";
	struct buf out = buf_over(hex, 64);

	ok(inotify_add_watch(fd, path, IN_OPEN | IN_CLOSE) >= 0, "the file is watched");
	ok(gate_config_load(path, NULL, &config, &problems, &err) == 0, "a config");
	/* Opened and closed: events that repeat the last one would be lost in it. */
	is_int(read(fd, events, sizeof(events)), 2 * sizeof(*events), "is opened once");
	digest_blake2b(S(V), digest);
	buf_add_hex(&out, digest_span(digest));
	is_span(span_str(config.digest), span_of(hex, 64), "its digest is that of its text");
	conf_problems_release(&problems);
	gate_config_release(&config);
}

static void resolved(void)
{
	const char *secret = in_home("secret");
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1024);
	uint8_t one[DIGEST_BYTES], two[DIGEST_BYTES];
	struct gate_config config;

	buf_addf(&text, SERVER "env: { K: 'secret:file%s' } } }\n", secret);
	ok(file_replace(secret, S("one"), 0600, NULL) == 0, "a secret");
	config = load(buf_cstr(&text));
	gate_config_resolved(&config, key, one);
	gate_config_resolved(&config, key, two);
	ok(memcmp(one, two, sizeof(one)) == 0, "nothing has changed: the same");
	gate_config_resolved(&config, other_key, two);
	ok(memcmp(one, two, sizeof(one)) != 0, "under another key it says nothing");
	ok(file_replace(secret, S("two"), 0600, NULL) == 0, "another secret under the same name");
	gate_config_resolved(&config, key, two);
	ok(memcmp(one, two, sizeof(one)) != 0, "is another config");
	(void)unlink(secret);
	gate_config_resolved(&config, key, two);
	ok(memcmp(one, two, sizeof(one)) != 0, "and so is none");
	gate_config_release(&config);
}

int main(void)
{
	if (!ok(home_begin(), "a home"))
		return tap_done();
	refusals();
	no_file();
	checking();
	defaults();
	own_folders();
	guesses();
	threads();
	addresses();
	read_once();
	resolved();
	home_end();
	return tap_done();
}
