/* gate_config.c - one config of the gate: its defaults, its refusals, and who is told what of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gate_config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/definitions.h"
#include "jail/definition.h"
#include "net/dial.h"
#include "tap.h"
#include "json/tape.h"

#define V "version: 1\n"
#define SERVER V "servers: { a: { run: cat, "

static char home[64];
static const uint8_t key[DIGEST_KEY_BYTES] = { 1, 2, 3 }, other_key[DIGEST_KEY_BYTES] = { 4 };

static const char *in_home(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned turn;
	char *out = path[turn++ % 4];

	(void)snprintf(out, PATH_MAX, "%s/%s", home, name);
	return out;
}

static const char *file_of(const char *text)
{
	const char *path = in_home("test.yaml");

	if (file_replace(path, span_str(text), 0600, NULL) < 0)
		abort();
	return path;
}

static struct gate_config load(const char *text)
{
	struct conf_problems problems = CONF_PROBLEMS_INIT;
	struct gate_config config = { 0 };
	struct err err = ERR_INIT;

	if (gate_config_load(file_of(text), NULL, &config, &problems, &err) < 0)
		ok(false, "%s: %.*s", err.text, SPAN_ARG(problems.at[0].message));
	conf_problems_release(&problems);
	if (!config.conf)
		exit(tap_done());
	return config;
}

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

/* --- the worker's part --- */

struct part {
	struct buf text;
	struct json json;
};

static struct part part_of(const char *yaml, const uint8_t *with)
{
	struct part part = { .text = BUF_INIT((size_t)1 << 20) };
	struct gate_config config = load(yaml);

	gate_config_worker(&config, with, &part.text);
	ok(json_parse(&part.json, buf_span(&part.text), part.text.max), "the worker's part is JSON");
	gate_config_release(&config);
	return part;
}

static void part_release(struct part *part)
{
	json_release(&part->json);
	buf_release(&part->text);
}

static json_at server_at(const struct part *part, size_t i)
{
	json_at servers = json_get(&part->json, 0, S("servers")), at = json_first(&part->json, servers);

	while (i--)
		at = json_next(&part->json, servers, at);
	return at;
}

static bool has(const struct part *part, json_at object, const char *name, const char *text)
{
	json_at at = json_get(&part->json, object, span_str(name));

	return json_is(&part->json, at, JSON_STRING) && json_string_is(&part->json, at, span_str(text));
}

static uint64_t number(const struct part *part, json_at object, const char *name)
{
	uint64_t value = UINT64_MAX;

	(void)json_u64(&part->json, json_get(&part->json, object, span_str(name)), &value);
	return value;
}

static void worker_part(void)
{
	struct part part = part_of(
	    V
	    "listen: ['127.0.0.1:1', '192.0.2.1:2']\nhosts: [gate.test]\n"
	    "limits: { result: 1MiB, body: 5000, calls: 7 }\n"
	    "servers:\n"
	    "  prog: { run: [cat, --secret-argument], cwd: /srv, env: { K: hush }, timeout: 5s, era: legacy }\n"
	    "  near: { url: 'http://h.test:81/mcp?x', tools: { allow: ['a*'], deny: [b] } }\n"
	    "  far: { url: 'https://[::1]' }\n"
	    "  socket: { url: 'wss://h.test/ws' }\n"
	    "  local: { url: 'unix:/run/x.sock' }\n"
	    "  common: { run: cat, instances: shared }\n",
	    key);
	json_at prog = server_at(&part, 0), near = server_at(&part, 1), far = server_at(&part, 2);
	json_at limits = json_get(&part.json, 0, S("limits"));

	ok(has(&part, prog, "name", "prog") && has(&part, prog, "kind", "stdio") &&
	       has(&part, prog, "era", "legacy") && number(&part, prog, "timeout_ms") == 5000,
	   "a program is a server on stdio");
	ok(!span_contains(buf_span(&part.text), S("hush")) &&
	       !span_contains(buf_span(&part.text), S("--secret")) &&
	       !span_contains(buf_span(&part.text), S("/srv")),
	   "of which the worker knows neither command, folder nor environment");
	ok(has(&part, server_at(&part, 3), "kind", "ws") && has(&part, server_at(&part, 3), "path", "/ws") &&
	       json_is(&part.json, json_get(&part.json, server_at(&part, 3), S("tls")), JSON_TRUE),
	   "a WebSocket");
	ok(has(&part, server_at(&part, 4), "kind", "unix") &&
	       !span_contains(buf_span(&part.text), S("x.sock")),
	   "a unix socket, whose path is egress's");
	ok(json_is(&part.json, json_get(&part.json, server_at(&part, 5), S("shared")), JSON_TRUE) &&
	       json_is(&part.json, json_get(&part.json, prog, S("shared")), JSON_FALSE) &&
	       json_is(&part.json, json_get(&part.json, near, S("shared")), JSON_FALSE),
	   "one process for all is only where it is asked for");
	ok(has(&part, near, "kind", "http") && has(&part, near, "authority", "h.test:81") &&
	       has(&part, near, "path", "/mcp?x") && has(&part, near, "host", "h.test") &&
	       has(&part, near, "era", "auto"),
	   "an address is a server over HTTP");
	ok(json_is(&part.json, json_get(&part.json, far, S("tls")), JSON_TRUE) &&
	       json_is(&part.json, json_get(&part.json, near, S("tls")), JSON_FALSE) &&
	       has(&part, far, "host", "::1") && has(&part, far, "path", "/"),
	   "and https is TLS");
	ok(span_contains(buf_span(&part.text),
			 S("\"allow\":[{\"glob\":\"a*\",\"line\":7}],\"deny\":[{\"glob\":\"b\"")),
	   "rules keep their lines");
	ok(number(&part, limits, "result_bytes") == 1 << 20 && number(&part, limits, "body_bytes") == 5000 &&
	       number(&part, limits, "calls") == 7 && number(&part, limits, "connections") == 4096,
	   "limits come along, in bytes, with their defaults");
	ok(span_contains(
	       buf_span(&part.text),
	       S("\"hosts\":[\"127.0.0.1\",\"192.0.2.1\",\"localhost\",\"127.0.0.1\",\"[::1]\",\"gate.test\"]")),
	   "so do the names the gate answers to");
	part_release(&part);
}

/* Is the first server of both the same one to the worker? */
static bool same_server(const char *a, const char *b, const uint8_t *with)
{
	struct part x = part_of(a, key), y = part_of(b, with);
	bool equal = span_eq(json_raw(&x.json, server_at(&x, 0)), json_raw(&y.json, server_at(&y, 0)));

	part_release(&x);
	part_release(&y);
	return equal;
}

static void changes(void)
{
	const char *plain = SERVER "env: { K: v } } }\n";

	ok(!same_server(plain, V "servers: { a: { run: [cat, x], env: { K: v } } }\n", key),
	   "another command is another server");
	ok(!same_server(plain, SERVER "env: { K: w } } }\n", key), "another variable too");
	ok(!same_server(plain, SERVER "env: { K: v }, cwd: / } }\n", key), "and another folder");
	ok(same_server(plain, V "limits: { result: 5MiB }\nservers: { a: { run: cat, env: { K: v } } }\n",
		       key),
	   "another limit leaves it as it is");
	ok(!same_server(plain, plain, other_key),
	   "what stands for the command cannot be guessed without the key");
	ok(same_server(plain, V "limits: { body: 5MiB }\nservers: { a: { run: cat, env: { K: v } } }\n", key),
	   "what does not concern it leaves it alone");
}

/* --- the launcher's and the egress process's parts --- */

static struct definition *launched(const char *yaml, struct err *err)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	struct definition *definition = NULL;
	struct gate_config config = load(yaml);
	struct wire_in in;

	*err = ERR_INIT;
	if (gate_config_launch(gate_config_server(&config, S("a")), &out, err) == 0) {
		in = wire_in_of(&out);
		if (definition_read(&in, &definition, err) < 0)
			definition = NULL;
	}
	gate_config_release(&config);
	return definition;
}

static const char *variable(const struct definition *definition, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; definition && i < definition->n_env; i++)
		if (strncmp(definition->env[i], name, n) == 0 && definition->env[i][n] == '=')
			return definition->env[i] + n + 1;
	return "(none)";
}

static void missing_secrets(void)
{
	struct err err;

	(void)unsetenv("KANMON_TEST_SECRET");
	ok(!launched(SERVER "env: { K: 'secret:env/KANMON_TEST_SECRET' } } }\n", &err) &&
	       err.code == ERR_MISSING && strstr(err.text, "the variable K"),
	   "a secret that the environment lacks: %s", err.text);
	ok(!launched(SERVER "env: { K: 'secret:file/no/such/file' } } }\n", &err) &&
	       strstr(err.text, "the variable K"),
	   "a secret whose file is missing: %s", err.text);
}

static void launching(void)
{
	struct definition *definition;
	char yaml[300];
	struct err err;

	(void)setenv("PATH", "/usr/bin:/bin", 1);
	(void)setenv("LANG", "() { evil; }", 1);
	(void)setenv("KANMON_LEAK", "yes", 1);
	(void)setenv("KANMON_TEST_SECRET", "from the environment", 1);
	(void)!file_replace(in_home("secret"), S("A=from a file\r\n\n"), 0600, NULL);
	(void)snprintf(yaml, sizeof(yaml),
		       V "servers: { a: { run: \"cat -u 'two words'\", cwd: sub, env: { PATH: /own, "
			 "E: 'secret:env/KANMON_TEST_SECRET', F: 'secret:file%s', G: plain } } }\n",
		       in_home("secret"));
	definition = launched(yaml, &err);
	if (!ok(definition, "a program's definition: %s", err.text))
		return;
	ok(definition->n_argv == 3 && strcmp(definition->argv[0], "cat") == 0 &&
	       strcmp(definition->argv[2], "two words") == 0,
	   "its command, word by word");
	is_span(span_str(definition->cwd), span_str(in_home("sub")), "its folder, from the file's");
	is_span(span_str(variable(definition, "PATH")), S("/own"),
		"its own variables come before the gate's");
	is_span(span_str(variable(definition, "HOME")), span_str(home), "the gate's base comes along");
	is_span(span_str(variable(definition, "LANG")), S("(none)"), "but for what a shell would run");
	is_span(span_str(variable(definition, "KANMON_LEAK")), S("(none)"), "and nothing else");
	is_span(span_str(variable(definition, "E")), S("from the environment"),
		"a secret of the environment");
	is_span(span_str(variable(definition, "F")), S("A=from a file"),
		"a secret in a file, without its last line ends");
	is_span(span_str(variable(definition, "G")), S("plain"), "a plain value");
	definition = definition_free(definition);
	(void)unlink(in_home("secret"));
}

static void dialling(void)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	struct gate_config config = load(V "servers: { a: { url: 'https://H.test/x' }, b: { run: cat } }\n");
	const struct conf_node *server = gate_config_server(&config, S("a"));
	struct wire_in in;

	ok(!gate_config_server(&config, S("c")), "a server that is not there");
	ok(gate_config_is_program(gate_config_server(&config, S("b"))) && !gate_config_is_program(server),
	   "programs and addresses are told apart");
	gate_config_dial(server, &out);
	in = wire_in_of(&out);
	ok(in.kind == DIAL_DEFINE && span_eq(wire_get_span(&in), S("a")) &&
	       span_eq_nocase(wire_get_span(&in), S("h.test")) && wire_get_u64(&in) == 443 &&
	       wire_get_u64(&in) == 0 && wire_in_done(&in),
	   "egress is told name, host and port");
	gate_config_release(&config);
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
	struct err err = ERR_INIT;

	(void)snprintf(home, sizeof(home), "/tmp/kanmon-config-XXXXXX");
	if (!ok(mkdtemp(home) && crypto_init(&err) == 0, "a home"))
		return tap_done();
	(void)setenv("HOME", home, 1);
	(void)unsetenv("XDG_STATE_HOME");
	(void)unsetenv("XDG_CONFIG_HOME");
	refusals();
	no_file();
	missing_secrets();
	checking();
	defaults();
	own_folders();
	guesses();
	threads();
	addresses();
	worker_part();
	changes();
	launching();
	dialling();
	read_once();
	resolved();
	(void)unlink(in_home("test.yaml"));
	(void)rmdir(in_home(".config/kanmon"));
	(void)rmdir(in_home(".config"));
	(void)rmdir(home);
	return tap_done();
}
