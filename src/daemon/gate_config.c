/* gate_config.c - one config of the gate, cut into what each process may know. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gate_config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/redact.h"
#include "base/check.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/tr.h"
#include "conf/core.h"
#include "conf/url.h"
#include "conf/user.h"
#include "crypto/digest.h"
#include "daemon/gate_tls.h"
#include "exchange/items.h"
#include "jail/launch.h"
#include "net/dial.h"
#include "upstream/items.h"
#include "upstream/server.h"
#include "json/write.h"

enum { WORKER_BYTES = 16 * 1024 * 1024, SECRET_BYTES = 32 * 1024 };

const char gate_default_config[] = "version: 1\n"
				   "listen: 127.0.0.1:7676\n"
				   "servers: {}\n";

const struct conf_item *const gate_tables[] = { conf_core_items, upstream_items, exchange_items, NULL };

static int load_built_in(const struct conf_options *options, struct buf *text, struct conf **out,
			 struct conf_problems *problems)
{
	buf_add(text, span_str(gate_default_config));
	return conf_load_text(S("(built in)"), buf_span(text), options, out, problems);
}

/* Clients and Prometheus are served at addresses of their own. */
static bool check_addresses(const struct conf *conf, struct conf_problems *problems)
{
	const struct conf_node *listen = conf_get_first(conf_root(conf), "listen");
	const struct conf_node *metrics = conf_get_first(conf_root(conf), "metrics");
	size_t before = problems->n;

	for (; metrics; metrics = conf_next(metrics))
		for (const struct conf_node *at = listen; at; at = conf_next(at))
			if (conf_address_same(at, metrics))
				(void)conf_problem_at(
				    problems, metrics, "K104", "%s",
				    tr("`metrics` needs an address that `listen` does not name"));
	return problems->n == before;
}

/* A view of a server that is not there would be shorter than it looks. */
static bool check_views(const struct gate_config *config, struct conf_problems *problems)
{
	size_t before = problems->n;

	for (const struct conf_node *view = conf_get_first(conf_root(config->conf), "views"); view;
	     view = conf_next(view))
		for (const struct conf_node *at = conf_get_first(view, "servers"); at; at = conf_next(at))
			if (!gate_config_server(config, conf_text(at)))
				(void)conf_problem_at(
				    problems, at, "K104",
				    tr("the view %.*s names a server that the config does not have"),
				    SPAN_ARG(conf_name(view)));
	return problems->n == before;
}

int gate_config_load(const char *file, const char *data_dir, struct gate_config *out,
		     struct conf_problems *problems, struct err *err)
{
	struct gate_config config = { 0 };
	const struct conf_options options = {
		.tables = gate_tables,
		.home = gate_paths_home(),
		.is_secret_name = redact_is_secret_name,
		.has_secret = redact_has_secret,
	};
	CLEANUP(buf_release) struct buf text = BUF_INIT(CONF_MAX_BYTES);
	uint8_t digest[DIGEST_BYTES];
	struct buf hex = { .p = config.digest, .cap = 64, .max = 64 };
	int rc;

	if (gate_paths_find_config(file, &config.paths, err) < 0)
		return -1;
	if (config.paths.config[0])
		rc = conf_load_file(config.paths.config, &options, &text, &config.conf, problems);
	else
		rc = load_built_in(&options, &text, &config.conf, problems);
	if (rc < 0)
		return err_set(err, ERR_CONFIG, "the config is not usable");
	digest_blake2b(buf_span(&text), digest);
	buf_add_hex(&hex, digest_span(digest));
	config.digest[64] = '\0';
	if (gate_paths_fill(&config.paths,
			    data_dir ? span_str(data_dir) : conf_get_text(conf_root(config.conf), "data"),
			    err) < 0)
		goto fail;
	if (!check_addresses(config.conf, problems) || !check_views(&config, problems) ||
	    !gate_tls_check(&config, problems)) {
		(void)err_set(err, ERR_CONFIG, "the config is not usable");
		goto fail;
	}
	*out = config;
	return 0;
fail:
	gate_config_release(&config);
	return -1;
}

void gate_config_release(struct gate_config *config)
{
	config->conf = conf_unref(config->conf);
}

/* --- what a reload compares --- */

uint64_t gate_config_threads(const struct gate_config *config)
{
	const struct conf_node *root = conf_root(config->conf);

	return conf_find(root, "threads") ? (uint64_t)conf_get_int(root, "threads") : 0;
}

bool gate_config_same_addresses(const struct gate_config *a, const struct gate_config *b, const char *key)
{
	const struct conf_node *x = conf_get_first(conf_root(a->conf), key);
	const struct conf_node *y = conf_get_first(conf_root(b->conf), key);

	for (; x && y; x = conf_next(x), y = conf_next(y)) {
		struct conf_address p = conf_address(x), q = conf_address(y);

		if (p.port != q.port || !span_eq(p.host, q.host))
			return false;
	}
	return !x && !y;
}

bool gate_config_same_socket(const struct gate_config *a, const struct gate_config *b)
{
	const struct conf_node *x = conf_root(a->conf), *y = conf_root(b->conf);

	/* Whether others may knock is in the file's mode. */
	return span_eq(conf_get_text(x, "unix.path"), conf_get_text(y, "unix.path")) &&
	       !conf_get_first(x, "unix.users") == !conf_get_first(y, "unix.users");
}

const struct conf_node *gate_config_server(const struct gate_config *config, struct span name)
{
	for (const struct conf_node *at = conf_get_first(conf_root(config->conf), "servers"); at;
	     at = conf_next(at))
		if (span_eq(conf_name(at), name))
			return at;
	return NULL;
}

/* --- the worker's part --- */

/* The config's check has accepted it. */
static struct conf_url url_of(const struct conf_node *server)
{
	struct conf_url url = { .tls = false };

	check(conf_url_parse(conf_get_text(server, "url"), &url, NULL) == 0);
	return url;
}

bool gate_config_is_program(const struct conf_node *server)
{
	return conf_get_first(server, "run") != NULL;
}

static void add_globs(struct buf *out, struct span name, const struct conf_node *first)
{
	json_add_key(out, name);
	buf_add_char(out, '[');
	for (const struct conf_node *at = first; at; at = conf_next(at)) {
		json_add_comma(out);
		buf_add_char(out, '{');
		json_put_string(out, S("glob"), conf_text(at));
		json_put_u64(out, S("line"), conf_line(at));
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void add_address(struct buf *out, const struct conf_node *server)
{
	static const struct span wires[] = { SPAN("auto"), SPAN("streamable"), SPAN("sse") };
	static const enum server_kind kinds[] = {
		[CONF_URL_HTTP] = SERVER_HTTP, [CONF_URL_WS] = SERVER_WS, [CONF_URL_UNIX] = SERVER_UNIX
	};
	struct conf_url url = url_of(server);

	json_put_string(out, S("kind"), server_kind_name(kinds[url.kind]));
	if (url.kind == CONF_URL_HTTP)
		json_put_string(out, S("transport"), wires[conf_get_word(server, "transport")]);
	json_put_string(out, S("authority"), url.authority);
	json_put_string(out, S("path"), url.kind == CONF_URL_UNIX ? S("") : url.target);
	json_put_string(out, S("host"), url.host);
	json_put_bool(out, S("tls"), url.tls);
}

/* What every server's definition holds, besides its own. */
struct own {
	const uint8_t *key;
	const char *roots;
};

/* Where it cannot be told (a secret is missing), the digest is that of what could. */
static void add_command(struct buf *out, const struct conf_node *server, const uint8_t key[DIGEST_KEY_BYTES])
{
	char text[2 * DIGEST_BYTES];
	struct buf hex = buf_over(text, sizeof(text));
	struct wire_out launch = { 0 };
	uint8_t digest[DIGEST_BYTES];

	(void)!gate_config_launch(server, &launch, NULL);
	digest_keyed(key, buf_span(&launch.bytes), digest);
	buf_add_hex(&hex, digest_span(digest));
	json_put_string(out, S("command"), buf_span(&hex));
	if (launch.bytes.p)
		secret_wipe(launch.bytes.p, launch.bytes.n);
	wire_out_release(&launch);
}

static void add_server(struct buf *out, const struct conf_node *server, const struct own *own)
{
	static const struct span eras[] = { SPAN("auto"), SPAN("legacy"), SPAN("modern") };

	json_add_comma(out);
	buf_add_char(out, '{');
	json_put_string(out, S("name"), conf_name(server));
	if (gate_config_is_program(server)) {
		json_put_string(out, S("kind"), S("stdio"));
		add_command(out, server, own->key);
	} else {
		add_address(out, server);
		gate_tls_add_server(server, own->roots, out);
	}
	json_put_string(out, S("era"), eras[conf_get_word(server, "era")]);
	json_put_u64(out, S("timeout_ms"), conf_get_ms(server, "timeout"));
	json_put_u64(out, S("idle_ms"), gate_config_is_program(server) ? conf_get_ms(server, "idle") : 0);
	json_put_bool(out, S("shared"),
		      gate_config_is_program(server) &&
			  conf_get_word(server, "instances") == UPSTREAM_SHARED);
	json_put_u64(out, S("calls"), (uint64_t)conf_get_int(server, "calls"));
	json_put_bool(out, S("shown_when_down"), conf_get_word(server, "when-down") == UPSTREAM_DOWN_LIST);
	add_globs(out, S("allow"), conf_get_first(server, "tools.allow"));
	add_globs(out, S("deny"), conf_get_first(server, "tools.deny"));
	buf_add_char(out, '}');
}

static bool is_loopback(struct span host)
{
	return span_eq(host, S("localhost")) || span_starts(host, S("127.")) || span_eq(host, S("::1"));
}

/* The names the gate answers to: its own addresses, the loopback names where it listens there, the
 * configured. */
static void add_hosts(struct buf *out, const struct conf_node *root)
{
	bool loopback = false;

	json_add_key(out, S("hosts"));
	buf_add_char(out, '[');
	for (const struct conf_node *at = conf_get_first(root, "listen"); at; at = conf_next(at)) {
		struct conf_address address = conf_address(at);
		CLEANUP(buf_release) struct buf name = BUF_INIT((size_t)300);

		loopback |= is_loopback(address.host);
		if (span_eq(address.host, S("0.0.0.0")) || span_eq(address.host, S("::"))) {
			loopback = true;
			continue;
		}
		buf_addf(&name, address.v6 ? "[%.*s]" : "%.*s", SPAN_ARG(address.host));
		json_add_comma(out);
		json_add_string(out, buf_span(&name));
	}
	if (loopback) {
		json_add_comma(out);
		buf_add(out, S("\"localhost\",\"127.0.0.1\",\"[::1]\""));
	}
	for (const struct conf_node *at = conf_get_first(root, "hosts"); at; at = conf_next(at)) {
		json_add_comma(out);
		json_add_string(out, conf_text(at));
	}
	buf_add_char(out, ']');
}

/* Who may use the unix socket: the gate's user and root, and whom the config names. */
static void add_uids(struct buf *out, const struct conf_node *root)
{
	uint32_t uid;

	json_add_key(out, S("uids"));
	buf_addf(out, "[0,%u", (unsigned)geteuid());
	for (const struct conf_node *at = conf_get_first(root, "unix.users"); at; at = conf_next(at))
		if (conf_user_id(conf_text(at), &uid, NULL) == 0)
			buf_addf(out, ",%u", uid);
	buf_add_char(out, ']');
}

static void add_limits(struct buf *out, const struct conf_node *root)
{
	json_add_key(out, S("limits"));
	buf_add_char(out, '{');
	json_put_u64(out, S("body_bytes"), conf_get_bytes(root, "limits.body"));
	json_put_u64(out, S("result_bytes"), conf_get_bytes(root, "limits.result"));
	json_put_i64(out, S("connections"), conf_get_int(root, "limits.connections"));
	json_put_i64(out, S("sessions"), conf_get_int(root, "limits.sessions"));
	json_put_i64(out, S("sessions_per_principal"), conf_get_int(root, "limits.sessions-per-token"));
	json_put_i64(out, S("processes_per_principal"), conf_get_int(root, "limits.processes-per-token"));
	json_put_i64(out, S("calls"), conf_get_int(root, "limits.calls"));
	json_put_i64(out, S("calls_per_client"), conf_get_int(root, "limits.calls-per-session"));
	json_put_i64(out, S("calls_per_principal"), conf_get_int(root, "limits.calls-per-token"));
	json_put_u64(out, S("held_bytes"), conf_get_bytes(root, "limits.memory"));
	json_put_u64(out, S("session_idle_ms"), conf_get_ms(root, "limits.session-idle"));
	json_put_u64(out, S("call_total_ms"), conf_get_ms(root, "limits.call-total"));
	buf_add_char(out, '}');
}

static void add_view(struct buf *out, const struct conf_node *view)
{
	json_add_comma(out);
	buf_add_char(out, '{');
	json_put_string(out, S("name"), conf_name(view));
	json_add_key(out, S("servers"));
	buf_add_char(out, '[');
	for (const struct conf_node *at = conf_get_first(view, "servers"); at; at = conf_next(at)) {
		json_add_comma(out);
		json_add_string(out, conf_text(at));
	}
	buf_add_char(out, ']');
	/* Without the key all are allowed; an empty list allows none. */
	if (conf_has(view, "tools.allow"))
		add_globs(out, S("allow"), conf_get_first(view, "tools.allow"));
	add_globs(out, S("deny"), conf_get_first(view, "tools.deny"));
	buf_add_char(out, '}');
}

static void add_views(struct buf *out, const struct conf_node *root)
{
	json_add_key(out, S("views"));
	buf_add_char(out, '[');
	for (const struct conf_node *at = conf_get_first(root, "views"); at; at = conf_next(at))
		add_view(out, at);
	buf_add_char(out, ']');
}

/* The number of tools above which they are to be searched; absent where they never are. */
static void add_search(struct buf *out, const struct conf_node *root)
{
	struct span text = conf_get_text(root, "catalogue.search");
	uint64_t above = 0;

	if (!span_eq(text, S("never")) && (span_eq(text, S("always")) || span_u64(text, &above)))
		json_put_u64(out, S("search_above"), above);
}

void gate_config_worker(const struct gate_config *config, const uint8_t key[DIGEST_KEY_BYTES],
			struct buf *out)
{
	const struct conf_node *root = conf_root(config->conf);
	char roots[65];
	const struct own own = { .key = key, .roots = roots };

	buf_add_char(out, '{');
	json_put_string(out, S("config"), span_str(config->digest));
	add_hosts(out, root);
	json_add_key(out, S("origins"));
	buf_add_char(out, '[');
	for (const struct conf_node *at = conf_get_first(root, "origins"); at; at = conf_next(at)) {
		json_add_comma(out);
		json_add_string(out, conf_text(at));
	}
	buf_add_char(out, ']');
	add_uids(out, root);
	add_search(out, root);
	add_limits(out, root);
	gate_tls_add(config, roots, out);
	add_views(out, root);
	json_add_key(out, S("servers"));
	buf_add_char(out, '[');
	for (const struct conf_node *at = conf_get_first(root, "servers"); at; at = conf_next(at))
		add_server(out, at, &own);
	buf_add(out, S("]}"));
}

/* It may hold a key. */
static void release_wiped(struct buf *text)
{
	if (text->p)
		secret_wipe(text->p, text->n);
	buf_release(text);
}

void gate_config_resolved(const struct gate_config *config, const uint8_t key[DIGEST_KEY_BYTES],
			  uint8_t out[DIGEST_BYTES])
{
	CLEANUP(release_wiped) struct buf text = BUF_INIT(WORKER_BYTES);

	/* In one piece, so that growing leaves no copy of a key behind. */
	if (gate_tls_wanted(config))
		(void)buf_reserve(&text, WORKER_BYTES / 4);
	gate_config_worker(config, key, &text);
	digest_keyed(key, buf_span(&text), out);
}

int gate_config_seal(const struct gate_config *config, const uint8_t key[DIGEST_KEY_BYTES], struct err *err)
{
	CLEANUP(release_wiped) struct buf text = BUF_INIT(WORKER_BYTES);
	CLEANUP(closep) int fd = memfd_create("kanmon-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_sys(err, "cannot make a memory file");
	/* In one piece, so that growing leaves no copy of a key behind. */
	if (gate_tls_wanted(config))
		(void)buf_reserve(&text, WORKER_BYTES / 4);
	gate_config_worker(config, key, &text);
	if (!buf_ok(&text))
		return err_set(err, ERR_LIMIT, "the worker's part of the config is too long");
	if (file_write_fd(fd, "the config", buf_span(&text), err) < 0)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return err_sys(err, "cannot seal a memory file");
	return take_fd(&fd);
}

/* What a person starts by hand on his own machine shows all its tools to his own host. */
void gate_config_host_server(struct span name, struct span shown, struct buf *out)
{
	buf_add_char(out, '{');
	json_put_string(out, S("name"), name);
	json_put_string(out, S("shown"), shown);
	json_put_string(out, S("kind"), S("stdio"));
	json_put_bool(out, S("ephemeral"), true);
	json_put_string(out, S("era"), S("auto"));
	json_put_u64(out, S("timeout_ms"), 60000);
	json_put_raw(out, S("allow"), S("[{\"glob\":\"*\",\"line\":0}]"));
	json_put_raw(out, S("deny"), S("[]"));
	buf_add_char(out, '}');
}

/* --- the launcher's and the egress process's parts --- */

static int add_secret_file(const char *path, struct buf *out, struct err *err)
{
	CLEANUP(release_wiped) struct buf text = BUF_INIT(SECRET_BYTES);
	struct span secret;

	/* In one piece, so that growing leaves no copy behind. */
	if (!buf_reserve(&text, SECRET_BYTES))
		return err_set(err, ERR_NOMEM, "no memory for a secret");
	if (file_read(path, &text, err) < 0)
		return -1;
	secret = buf_span(&text);
	while (secret.n && (secret.p[secret.n - 1] == '\n' || secret.p[secret.n - 1] == '\r'))
		secret.n--;
	buf_add(out, secret);
	return 0;
}

/* Adds what a reference stands for. */
static int resolve_secret(struct span reference, struct buf *out, struct err *err)
{
	char name[PATH_MAX];
	const char *value;

	if (span_starts(reference, S("env/"))) {
		if (!span_to_cstr(span_skip(reference, 4), name, sizeof(name)))
			return err_set(err, ERR_CONFIG, "a secret's name is too long");
		value = getenv(name);
		if (!value)
			return err_set(err, ERR_MISSING, "the environment has no %s", name);
		buf_add(out, span_str(value));
		return 0;
	}
	if (!span_starts(reference, S("file/")) || !span_to_cstr(span_skip(reference, 4), name, sizeof(name)))
		return err_set(err, ERR_CONFIG, "a secret is secret:env/NAME or secret:file/PATH");
	return add_secret_file(name, out, err);
}

/* What a program needs to find itself and its user; nothing else of ours reaches a server. */
static const char *const base_environment[] = { "HOME",	 "LANG", "LC_ALL", "LOGNAME", "PATH",
						"SHELL", "TERM", "TZ",	   "USER" };

static size_t put_base(struct wire_out *out, const struct conf_node *own, bool count_only)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT(base_environment); i++) {
		const char *value = getenv(base_environment[i]);
		CLEANUP(buf_release) struct buf entry = BUF_INIT((size_t)32768);

		if (own && conf_child(own, span_str(base_environment[i])))
			continue;
		if (!value && strcmp(base_environment[i], "PATH") == 0)
			value = "/usr/local/bin:/usr/bin:/bin";
		/* A value that a shell would take for a function is not passed on. */
		if (!value || strncmp(value, "()", 2) == 0)
			continue;
		n++;
		if (count_only)
			continue;
		buf_addf(&entry, "%s=", base_environment[i]);
		buf_add(&entry, span_str(value));
		wire_put_span(out, buf_span(&entry));
	}
	return n;
}

static int put_own(struct wire_out *out, const struct conf_node *own, struct err *err)
{
	for (const struct conf_node *at = own ? conf_first(own) : NULL; at; at = conf_next(at)) {
		CLEANUP(release_wiped) struct buf entry = BUF_INIT((size_t)32768);
		struct span value = conf_text(at);

		buf_add(&entry, conf_name(at));
		buf_add_char(&entry, '=');
		if (span_starts(value, S("secret:"))) {
			if (resolve_secret(span_skip(value, 7), &entry, err) < 0)
				return err_wrap(err, "the variable %.*s", SPAN_ARG(conf_name(at)));
		} else {
			buf_add(&entry, value);
		}
		if (!buf_ok(&entry))
			return err_set(err, ERR_LIMIT, "the variable %.*s is too long",
				       SPAN_ARG(conf_name(at)));
		wire_put_span(out, buf_span(&entry));
	}
	return 0;
}

int gate_config_launch(const struct conf_node *server, struct wire_out *out, struct err *err)
{
	const struct conf_node *argv = conf_find(server, "run");
	const struct conf_node *own = conf_find(server, "env");

	wire_begin(out, LAUNCH_DEFINE, 0);
	wire_put_span(out, conf_name(server));
	wire_put_span(out, conf_get_text(server, "cwd"));
	wire_put_u64(out, conf_count(argv));
	for (const struct conf_node *at = conf_first(argv); at; at = conf_next(at))
		wire_put_span(out, conf_text(at));
	wire_put_u64(out, put_base(out, own, true) + (own ? conf_count(own) : 0));
	(void)put_base(out, own, false);
	return put_own(out, own, err);
}

void gate_config_dial(const struct conf_node *server, struct wire_out *out)
{
	struct conf_url url = url_of(server);

	wire_begin(out, DIAL_DEFINE, 0);
	wire_put_span(out, conf_name(server));
	wire_put_span(out, url.kind == CONF_URL_UNIX ? url.target : url.host);
	wire_put_u64(out, url.port);
	wire_put_u64(out, url.kind == CONF_URL_UNIX ? DIAL_UNIX : 0);
}
