/* gate_config_parts.c - who is told what of a config: the worker, the launcher, the egress process. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/definitions.h"
#include "home.h"
#include "jail/definition.h"
#include "net/dial.h"
#include "json/tape.h"

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

int main(void)
{
	if (!home_begin())
		abort();
	missing_secrets();
	worker_part();
	changes();
	launching();
	dialling();
	home_end();
	return tap_done();
}
