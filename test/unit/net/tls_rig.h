/* tls_rig.h - certificates for tests of TLS, made for each run, and the contexts they are used in. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/check.h"
#include "base/file.h"
#include "net/openssl.h"
#include "net/tls.h"
#include "tap.h"

enum { LIMIT_SECONDS = 100 };

struct pem {
	struct buf text;
};

static char folder[64];
static struct openssl *lib;

static void run_program(const char *program, const char *argument)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execlp(program, program, argument, (char *)NULL);
		_exit(127);
	}
	check(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static bool has_openssl(void)
{
	return access("/usr/bin/openssl", X_OK) == 0;
}

static void make_certificates(void)
{
	const char *root = getenv("KANMON_SOURCE_ROOT");
	char path[4096];

	(void)snprintf(folder, sizeof(folder), "%s", "/tmp/kanmon-tls-XXXXXX");
	check(mkdtemp(folder) != NULL);
	(void)snprintf(path, sizeof(path), "%s/test/wire/tls/certificates", root ? root : "../..");
	run_program(path, folder);
}

static void remove_certificates(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-r", "--", folder, (char *)NULL);
		_exit(127);
	}
	(void)waitpid(pid, &status, 0);
}

static struct pem pem(const char *name)
{
	struct pem pem = { BUF_INIT(TLS_PEM_BYTES) };
	struct err err = ERR_INIT;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	check(file_read(path, &pem.text, &err) == 0);
	return pem;
}

static void pem_release(struct pem *pem)
{
	buf_release(&pem->text);
}

static struct tls_context *server_context(const char *name)
{
	char file[64];
	struct err err = ERR_INIT;
	struct tls_context *context;

	(void)snprintf(file, sizeof(file), "%s.pem", name);
	CLEANUP(pem_release) struct pem chain = pem(file);
	(void)snprintf(file, sizeof(file), "%s.key", name);
	CLEANUP(pem_release) struct pem key = pem(file);

	context = tls_server_new(lib, buf_span(&chain.text), buf_span(&key.text), &err);
	if (!context)
		printf("# %s: %s\n", name, err.text);
	return context;
}

/* Trusts `roots`, and `more`; either may be NULL. */
static struct tls_context *client_context(const char *roots, const char *more)
{
	CLEANUP(pem_release) struct pem first = roots ? pem(roots) : (struct pem){ BUF_INIT(1) };
	CLEANUP(pem_release) struct pem second = more ? pem(more) : (struct pem){ BUF_INIT(1) };
	struct err err = ERR_INIT;
	struct tls_roots *trusted = tls_roots_new(lib, buf_span(&first.text), &err);
	struct tls_context *context = tls_client_new(trusted, buf_span(&second.text), &err);

	check(context != NULL);
	(void)tls_roots_unref(trusted);
	return context;
}

static enum tls_step drive(struct tls_session *session, struct buf *got)
{
	char plain[1000];

	for (;;) {
		size_t n = 0;
		enum tls_step step = tls_session_step(session, plain, sizeof(plain), &n);

		if (step == TLS_DATA && got)
			buf_add(got, span_of(plain, n));
		else if (step != TLS_SECURE && step != TLS_DATA)
			return step;
	}
}

/* False: there is no OpenSSL here, and the test has said so. */
static bool tls_begin(void)
{
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	lib = has_openssl() ? openssl_open(&err) : NULL;
	if (!lib) {
		printf("1..0 # SKIP the openssl command or its library is not installed: %s\n", err.text);
		return false;
	}
	(void)alarm(LIMIT_SECONDS);
	make_certificates();
	return true;
}

static void tls_end(void)
{
	lib = openssl_close(lib);
	remove_certificates();
}
