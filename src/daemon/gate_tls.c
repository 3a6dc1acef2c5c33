/* gate_tls.c - certificates, keys and authorities, read where files may be opened. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gate_tls.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret.h"
#include "base/tr.h"
#include "conf/url.h"
#include "crypto/digest.h"
#include "exchange/items.h"
#include "net/openssl.h"
#include "net/tls_context.h"
#include "json/write.h"

/* Where distributions keep the authorities they vouch for. */
static const char *const bundles[] = { "/etc/ssl/certs/ca-certificates.crt",
				       "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem" };

/* What may be a key does not stay behind; read in one piece, so that growing leaves no copy. */
static void release_wiped(struct buf *buf)
{
	if (buf->p)
		secret_wipe(buf->p, buf->cap);
	buf_release(buf);
}

static int read_pem(struct span path, struct buf *out, struct err *err)
{
	char name[PATH_MAX];

	if (!buf_reserve(out, TLS_PEM_BYTES))
		return err_set(err, ERR_NOMEM, "no memory for a certificate");
	if (!span_to_cstr(path, name, sizeof(name)))
		return err_set(err, ERR_LIMIT, "the path is too long");
	return file_read(name, out, err);
}

/* Empty where the machine has none: then nobody is trusted but whom a server's `ca` names. */
static void read_roots(struct buf *out)
{
	const char *own = getenv("SSL_CERT_FILE");

	if (own && own[0] == '/') {
		(void)!read_pem(span_str(own), out, NULL);
		return;
	}
	for (size_t i = 0; i < COUNT(bundles); i++)
		if (read_pem(span_str(bundles[i]), out, NULL) == 0)
			return;
	buf_clear(out);
}

static bool is_secure(const struct conf_node *server)
{
	struct conf_url url;

	return conf_url_parse(conf_get_text(server, "url"), &url, NULL) == 0 && url.tls;
}

static bool has_certificate(struct span pem)
{
	return span_contains(pem, S("-----BEGIN CERTIFICATE-----")) ||
	       span_contains(pem, S("-----BEGIN TRUSTED CERTIFICATE-----"));
}

static const struct conf_node *first_server(const struct gate_config *config)
{
	return conf_get_first(conf_root(config->conf), "servers");
}

static bool any_secure_server(const struct gate_config *config)
{
	for (const struct conf_node *at = first_server(config); at; at = conf_next(at))
		if (is_secure(at))
			return true;
	return false;
}

bool gate_tls_listens(const struct gate_config *config)
{
	return conf_get_text(conf_root(config->conf), "tls.cert").n > 0;
}

bool gate_tls_wanted(const struct gate_config *config)
{
	return gate_tls_listens(config) || any_secure_server(config);
}

int gate_tls_probe(struct err *err)
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return err_sys(err, "cannot start a process");
	if (pid == 0)
		_exit(openssl_open(NULL) ? 0 : 1);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(err, ERR_MISSING, "%s",
		       tr("an https server or `tls` needs the library libssl.so.3 (Debian: libssl3)"));
}

/* --- checks --- */

static bool refuse(const struct conf_node *node, struct conf_problems *problems, const char *what,
		   const struct err *err)
{
	struct conf_problem *problem = conf_problem_at(problems, node, "K112",
						       tr("the file of `%s` cannot be used"), what);

	/* Sentences of the kernel's and of OpenSSL's have no translation and stay as they are. */
	conf_problem_label(problems, problem, "%s", tr(err->text));
	return false;
}

/* Releases the context. */
static bool check_clients(struct tls_context *context, const struct conf_node *root,
			  struct conf_problems *problems)
{
	CLEANUP(buf_release) struct buf pem = BUF_INIT(TLS_PEM_BYTES);
	struct span path = conf_get_text(root, "tls.client-ca");
	struct err err = ERR_INIT;
	bool good = path.n == 0 || (read_pem(path, &pem, &err) == 0 &&
				    tls_server_ask(context, buf_span(&pem), true, &err) == 0);

	(void)tls_context_unref(context);
	return good || refuse(conf_find(root, "tls.client-ca"), problems, "tls.client-ca", &err);
}

static bool check_listener(const struct openssl *lib, const struct conf_node *root,
			   struct conf_problems *problems)
{
	CLEANUP(release_wiped) struct buf chain = BUF_INIT(TLS_PEM_BYTES), key = BUF_INIT(TLS_PEM_BYTES);
	struct tls_context *context;
	struct err err = ERR_INIT;

	if (read_pem(conf_get_text(root, "tls.cert"), &chain, &err) < 0)
		return refuse(conf_find(root, "tls.cert"), problems, "tls.cert", &err);
	if (read_pem(conf_get_text(root, "tls.key"), &key, &err) < 0)
		return refuse(conf_find(root, "tls.key"), problems, "tls.key", &err);
	context = tls_server_new(lib, buf_span(&chain), buf_span(&key), &err);
	if (context)
		return check_clients(context, root, problems);
	if (err.code == ERR_DENIED)
		return refuse(conf_find(root, "tls.key"), problems, "tls.key", &err);
	return refuse(conf_find(root, "tls.cert"), problems, "tls.cert", &err);
}

static bool check_authorities(const struct openssl *lib, const struct conf_node *server,
			      struct conf_problems *problems)
{
	CLEANUP(buf_release) struct buf pem = BUF_INIT(TLS_PEM_BYTES);
	struct tls_context *context = NULL;
	struct tls_roots *none;
	struct err err = ERR_INIT;

	none = tls_roots_new(lib, S(""), &err);
	if (none && read_pem(conf_get_text(server, "ca"), &pem, &err) == 0) {
		context = tls_client_new(none, buf_span(&pem), &err);
		if (!pem.n)
			err_set(&err, ERR_FORMAT, TR_MARK("it holds no certificate in PEM form"));
	}
	(void)tls_roots_unref(none);
	(void)tls_context_unref(context);
	return (context && pem.n) || refuse(conf_find(server, "ca"), problems, "ca", &err);
}

static bool no_library(const struct conf_node *node, struct conf_problems *problems, const struct err *err)
{
	conf_problem_label(problems,
			   conf_problem_at_name(problems, node, "K112", "%s", tr("TLS cannot be used here")),
			   "%s", err->text);
	return false;
}

bool gate_tls_check(const struct gate_config *config, struct conf_problems *problems)
{
	CLEANUP(openssl_closep) struct openssl *lib = NULL;
	const struct conf_node *root = conf_root(config->conf);
	struct err err = ERR_INIT;
	bool good = true, any = gate_tls_listens(config);

	for (const struct conf_node *at = first_server(config); at; at = conf_next(at))
		any |= conf_get_text(at, "ca").n > 0;
	if (!any)
		return true;
	lib = openssl_open(&err);
	if (!lib)
		return no_library(conf_find(root, gate_tls_listens(config) ? "tls" : "servers"), problems,
				  &err);
	if (gate_tls_listens(config))
		good = check_listener(lib, root, problems);
	for (const struct conf_node *at = first_server(config); at; at = conf_next(at))
		if (conf_get_text(at, "ca").n && !check_authorities(lib, at, problems))
			good = false;
	return good;
}

static bool any_leans_on_roots(const struct gate_config *config)
{
	for (const struct conf_node *at = first_server(config); at; at = conf_next(at))
		if (is_secure(at) && conf_get_text(at, "ca").n == 0)
			return true;
	return false;
}

bool gate_tls_roots_there(const struct gate_config *config, struct err *err)
{
	CLEANUP(buf_release) struct buf roots = BUF_INIT(TLS_PEM_BYTES);
	const char *own = getenv("SSL_CERT_FILE");

	if (!any_leans_on_roots(config))
		return true;
	read_roots(&roots);
	if (has_certificate(buf_span(&roots)))
		return true;
	if (own && own[0] == '/')
		(void)err_set(err, ERR_MISSING,
			      tr("the file that SSL_CERT_FILE names has no certificate: %s"), own);
	else
		(void)err_set(err, ERR_MISSING, "%s",
			      tr("no file of this system has certificate authorities (Debian: "
				 "ca-certificates)"));
	return false;
}

/* --- the worker's part --- */

/* Adds the authorities; `digest` gets their digest in hex. */
static void add_roots(struct buf *out, char digest[65])
{
	CLEANUP(buf_release) struct buf pem = BUF_INIT(TLS_PEM_BYTES);
	struct buf hex = { .p = digest, .cap = 64, .max = 64 };
	uint8_t bytes[DIGEST_BYTES];

	read_roots(&pem);
	digest_blake2b(buf_span(&pem), bytes);
	buf_add_hex(&hex, digest_span(bytes));
	digest[64] = '\0';
	json_add_key(out, S("roots"));
	buf_add_char(out, '{');
	json_put_string(out, S("digest"), span_str(digest));
	json_put_string(out, S("pem"), buf_span(&pem));
	buf_add_char(out, '}');
}

/* A file that is gone since it was checked makes an empty text, which the worker refuses. */
static void put_file(struct buf *out, struct span name, struct span path)
{
	CLEANUP(release_wiped) struct buf pem = BUF_INIT(TLS_PEM_BYTES);

	(void)!read_pem(path, &pem, NULL);
	json_put_string(out, name, buf_span(&pem));
}

void gate_tls_add(const struct gate_config *config, char roots[65], struct buf *out)
{
	const struct conf_node *root = conf_root(config->conf);

	roots[0] = '\0';
	if (any_secure_server(config))
		add_roots(out, roots);
	if (!gate_tls_listens(config))
		return;
	json_add_key(out, S("tls"));
	buf_add_char(out, '{');
	put_file(out, S("cert"), conf_get_text(root, "tls.cert"));
	put_file(out, S("key"), conf_get_text(root, "tls.key"));
	if (conf_get_word(root, "tls.clients") != TLS_CLIENTS_NONE) {
		put_file(out, S("client_ca"), conf_get_text(root, "tls.client-ca"));
		json_put_bool(out, S("clients_must"),
			      conf_get_word(root, "tls.clients") == TLS_CLIENTS_REQUIRE);
	}
	buf_add_char(out, '}');
}

void gate_tls_add_server(const struct conf_node *server, const char *roots, struct buf *out)
{
	struct span ca = conf_get_text(server, "ca");

	if (!is_secure(server))
		return;
	if (ca.n)
		put_file(out, S("ca"), ca);
	json_put_string(out, S("roots"), span_str(roots));
}
