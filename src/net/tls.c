/* tls.c - TLS between two flows of bytes, over OpenSSL's memory BIOs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "net/openssl.h"

enum {
	TLS_FEED_BYTES = 1024 * 1024, /* of one feed */
	TLS_OUT_KEEP = 4096,	      /* more is given back once it is sent */
	TLS_OUT_BYTES = 1024 * 1024,  /* nobody takes what we say: not even a handshake is that long */
	TLS_HOST_BYTES = 256,
};

struct tls_session {
	struct tls_context *context;
	SSL *ssl;
	BIO *in, *out; /* the SSL's own */
	struct span fed;
	char *kept; /* a copy of what `in` reads from, or NULL */
	bool secure, failed, said_bye;
	char host[TLS_HOST_BYTES];
	char why[200];
};

static bool is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/*
 * Source: RFC 9110, 4.3.4 (the name of the URL must be the certificate's); RFC 9525 (its subject's
 * common name does not count); RFC 6066, 3 (no literal address in SNI).
 */
static bool expect_host(struct tls_session *session, struct span host)
{
	const struct openssl *lib = session->context->lib;
	X509_VERIFY_PARAM *param = lib->SSL_get0_param(session->ssl);

	if (span_ends(host, S(".")))
		host.n--;
	if (host.n == 0 || !span_to_cstr(host, session->host, sizeof(session->host)))
		return false;
	if (is_address(session->host))
		return lib->X509_VERIFY_PARAM_set1_ip_asc(param, session->host) == 1;
	lib->X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
							X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return lib->X509_VERIFY_PARAM_set1_host(param, session->host, host.n) == 1 &&
	       lib->SSL_ctrl(session->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			     session->host) == 1;
}

static BIO *input_of(const struct openssl *lib, struct span bytes)
{
	BIO *bio = lib->BIO_new_mem_buf(bytes.n ? bytes.p : "", (int)bytes.n);

	/* Its end is not the connection's: more may come. */
	if (bio)
		(void)lib->BIO_ctrl(bio, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, NULL);
	return bio;
}

static bool set_up(struct tls_session *session)
{
	const struct openssl *lib = session->context->lib;

	session->ssl = lib->SSL_new(session->context->ssl);
	if (!session->ssl)
		return false;
	session->in = input_of(lib, S(""));
	if (session->in)
		lib->SSL_set0_rbio(session->ssl, session->in);
	session->out = lib->BIO_new(lib->BIO_s_mem());
	if (session->out)
		lib->SSL_set0_wbio(session->ssl, session->out);
	if (session->context->inwards)
		lib->SSL_set_accept_state(session->ssl);
	else
		lib->SSL_set_connect_state(session->ssl);
	return session->in && session->out;
}

struct tls_session *tls_session_new(struct tls_context *context, struct span host, struct err *err)
{
	struct tls_session *session = calloc(1, sizeof(*session));

	if (!session) {
		(void)err_set(err, ERR_NOMEM, "no memory for a TLS connection");
		return NULL;
	}
	session->context = tls_context_ref(context);
	session->fed = S("");
	if (set_up(session) && (context->inwards || expect_host(session, host)))
		return session;
	(void)err_set(err, ERR_NOMEM, "no memory for a TLS connection, or no host to connect to");
	return tls_session_free(session);
}

struct tls_session *tls_session_free(struct tls_session *session)
{
	if (!session)
		return NULL;
	if (session->ssl)
		session->context->lib->SSL_free(session->ssl);
	(void)tls_context_unref(session->context);
	free(session->kept);
	free(session);
	return NULL;
}

static enum tls_step fail(struct tls_session *session, const char *why)
{
	session->failed = true;
	if (!session->why[0])
		(void)snprintf(session->why, sizeof(session->why), "%s", why);
	return TLS_FAILED;
}

static size_t unread(const struct tls_session *session)
{
	long n = session->context->lib->BIO_ctrl(session->in, BIO_CTRL_PENDING, 0, NULL);

	return n > 0 ? (size_t)n : 0;
}

static void replace_input(struct tls_session *session, struct span bytes)
{
	const struct openssl *lib = session->context->lib;
	BIO *in = input_of(lib, bytes);

	if (!in) {
		(void)fail(session, "no memory for a TLS connection");
		return;
	}
	lib->SSL_set0_rbio(session->ssl, in);
	session->in = in;
	session->fed = bytes;
}

void tls_session_feed(struct tls_session *session, struct span bytes)
{
	check(unread(session) == 0 && bytes.n <= TLS_FEED_BYTES);
	replace_input(session, bytes);
	free(session->kept);
	session->kept = NULL;
}

bool tls_session_keep(struct tls_session *session)
{
	size_t n = unread(session);
	char *copy;

	if (n == 0 || session->kept)
		return true;
	copy = malloc(n);
	if (!copy)
		return false;
	memcpy(copy, session->fed.p + session->fed.n - n, n);
	replace_input(session, span_of(copy, n));
	session->kept = copy;
	return !session->failed;
}

/* A sentence out of the library's words; the first of its errors is the cause of the others. */
static void explain(struct tls_session *session)
{
	const struct openssl *lib = session->context->lib;
	long verdict = lib->SSL_get_verify_result(session->ssl);
	unsigned long code = lib->ERR_peek_error();
	const char *words = code ? lib->ERR_reason_error_string(code) : NULL;

	if (session->context->inwards &&
	    !(ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED))
		verdict = X509_V_OK;
	if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
		(void)snprintf(session->why, sizeof(session->why),
			       "the certificate is not trusted: it is not for %.100s", session->host);
	else if (!session->secure && ERR_GET_LIB(code) == ERR_LIB_SSL &&
		 (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER ||
		  ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST))
		(void)snprintf(session->why, sizeof(session->why),
			       "the TLS handshake failed: the other side does not speak TLS");
	else if (verdict != X509_V_OK)
		(void)snprintf(session->why, sizeof(session->why), "the certificate is not trusted: %.120s",
			       lib->X509_verify_cert_error_string(verdict));
	else
		(void)snprintf(session->why, sizeof(session->why), "%s: %.120s",
			       session->secure ? "TLS is broken" : "the TLS handshake failed",
			       words ? words : "no more is known");
	lib->ERR_clear_error();
}

/* What a call of the library that did not succeed means. */
static enum tls_step outcome(struct tls_session *session, int rc)
{
	switch (session->context->lib->SSL_get_error(session->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return TLS_MORE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	default:
		explain(session);
		return fail(session, "");
	}
}

enum tls_step tls_session_step(struct tls_session *session, char *plain, size_t size, size_t *n)
{
	const struct openssl *lib = session->context->lib;
	int rc;

	if (session->failed)
		return TLS_FAILED;
	lib->ERR_clear_error();
	if (!session->secure) {
		rc = lib->SSL_do_handshake(session->ssl);
		session->secure = rc == 1;
		return rc == 1 ? TLS_SECURE : outcome(session, rc);
	}
	rc = lib->SSL_read_ex(session->ssl, plain, size, n);
	return rc == 1 ? TLS_DATA : outcome(session, rc);
}

bool tls_session_write(struct tls_session *session, struct span plain)
{
	const struct openssl *lib = session->context->lib;
	size_t taken = 0;

	check(session->secure);
	if (session->failed || plain.n == 0)
		return !session->failed;
	if (tls_session_output(session).n > TLS_OUT_BYTES) {
		(void)fail(session, "TLS is broken: too much waits to be sent");
		return false;
	}
	lib->ERR_clear_error();
	if (lib->SSL_write_ex(session->ssl, plain.p, plain.n, &taken) == 1 && taken == plain.n)
		return true;
	explain(session);
	(void)fail(session, "");
	return false;
}

void tls_session_bye(struct tls_session *session)
{
	if (!session->secure || session->failed || session->said_bye)
		return;
	session->said_bye = true;
	session->context->lib->ERR_clear_error();
	(void)session->context->lib->SSL_shutdown(session->ssl);
}

bool tls_session_is_secure(const struct tls_session *session)
{
	return session->secure;
}

struct span tls_session_output(const struct tls_session *session)
{
	char *bytes = NULL;
	long n = session->context->lib->BIO_ctrl(session->out, BIO_CTRL_INFO, 0, &bytes);

	return n > 0 ? span_of(bytes, (size_t)n) : S("");
}

void tls_session_sent(struct tls_session *session)
{
	const struct openssl *lib = session->context->lib;
	size_t n = tls_session_output(session).n;
	BIO *fresh = n > TLS_OUT_KEEP ? lib->BIO_new(lib->BIO_s_mem()) : NULL;

	if (!fresh) {
		if (n)
			(void)lib->BIO_ctrl(session->out, BIO_CTRL_RESET, 0, NULL);
		return;
	}
	lib->SSL_set0_wbio(session->ssl, fresh);
	session->out = fresh;
}

struct span tls_session_why(const struct tls_session *session)
{
	return span_str(session->why);
}
