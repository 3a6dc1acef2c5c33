/* tls_context.c - who we are in TLS, and whom we trust. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_context.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/tr.h"
#include "net/openssl.h"

enum { TLS_SECURITY_LEVEL = 2 }; /* RSA from 2048 bits, no SHA-1 in signatures */

/* TLS 1.2: forward secrecy and AEAD only. What TLS 1.3 has is all of that kind. */
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const char groups[] = "X25519:P-256:P-384";
/* The one protocol spoken here, in ALPN's form. */
static const struct span alpn = SPAN("\x08http/1.1");

struct tls_roots {
	_Atomic unsigned refs;
	const struct openssl *lib;
	X509_STORE *store;
	X509 **certs;
	size_t n;
};

/* --- PEM --- */

/* Encrypted keys would make OpenSSL ask on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *user)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)user;
	return -1;
}

static BIO *pem_open(const struct openssl *lib, struct span pem, struct err *err)
{
	BIO *bio;

	if (pem.n > TLS_PEM_BYTES) {
		(void)err_set(err, ERR_LIMIT, "the file is larger than %d bytes", TLS_PEM_BYTES);
		return NULL;
	}
	bio = lib->BIO_new_mem_buf(pem.n ? pem.p : "", (int)pem.n);
	if (!bio)
		(void)err_set(err, ERR_NOMEM, "no memory for a certificate");
	return bio;
}

/* 1: `*out` is the next certificate; 0: no more; -1: one that cannot be read. */
static int pem_next(const struct openssl *lib, BIO *bio, X509 **out)
{
	unsigned long code;

	lib->ERR_clear_error();
	*out = lib->PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	if (*out)
		return 1;
	code = lib->ERR_peek_last_error();
	lib->ERR_clear_error();
	return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE ? 0 : -1;
}

/* --- roots --- */

static bool keep_root(struct tls_roots *roots, X509 *cert)
{
	if (roots->n < TLS_MAX_ROOTS && roots->lib->X509_STORE_add_cert(roots->store, cert) == 1) {
		roots->certs[roots->n++] = cert;
		return true;
	}
	roots->lib->X509_free(cert);
	return false;
}

static int read_roots(struct tls_roots *roots, struct span pem, struct err *err)
{
	const struct openssl *lib = roots->lib;
	BIO *bio = pem_open(lib, pem, err);
	X509 *cert;
	int got;

	if (!bio)
		return -1;
	while ((got = pem_next(lib, bio, &cert)) != 0) {
		if (got > 0 && !keep_root(roots, cert))
			break;
	}
	(void)lib->BIO_free(bio);
	return got == 0
		   ? 0
		   : err_set(err, ERR_LIMIT, "more than %d certificate authorities, or no memory for them",
			     TLS_MAX_ROOTS);
}

static X509_STORE *store_new(const struct openssl *lib)
{
	X509_STORE *store = lib->X509_STORE_new();

	/* Whatever an operator put there is trusted, an intermediate authority too. */
	if (store)
		(void)lib->X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	return store;
}

struct tls_roots *tls_roots_new(const struct openssl *lib, struct span pem, struct err *err)
{
	struct tls_roots *roots = calloc(1, sizeof(*roots));

	if (roots) {
		roots->refs = 1;
		roots->lib = lib;
		roots->certs = calloc(TLS_MAX_ROOTS, sizeof(X509 *));
		roots->store = store_new(lib);
	}
	if (!roots || !roots->certs || !roots->store) {
		(void)err_set(err, ERR_NOMEM, "no memory for certificate authorities");
		return tls_roots_unref(roots);
	}
	return read_roots(roots, pem, err) < 0 ? tls_roots_unref(roots) : roots;
}

struct tls_roots *tls_roots_ref(struct tls_roots *roots)
{
	roots->refs++;
	return roots;
}

struct tls_roots *tls_roots_unref(struct tls_roots *roots)
{
	if (!roots || --roots->refs)
		return NULL;
	for (size_t i = 0; i < roots->n; i++)
		roots->lib->X509_free(roots->certs[i]);
	free(roots->certs);
	if (roots->store)
		roots->lib->X509_STORE_free(roots->store);
	free(roots);
	return NULL;
}

size_t tls_roots_count(const struct tls_roots *roots)
{
	return roots->n;
}

/* --- contexts --- */

/* Only what is spoken here, whatever the library's defaults are. */
static bool harden(const struct openssl *lib, SSL_CTX *ssl)
{
	const uint64_t options = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
				 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;
	char list[sizeof(groups)];

	memcpy(list, groups, sizeof(list));
	lib->SSL_CTX_set_security_level(ssl, TLS_SECURITY_LEVEL);
	(void)lib->SSL_CTX_set_options(ssl, options);
	(void)lib->SSL_CTX_ctrl(ssl, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, NULL);
	(void)lib->SSL_CTX_ctrl(ssl, SSL_CTRL_SET_READ_AHEAD, 1, NULL);
	/* No resumption: a ticket's key would outlive what it protects. */
	(void)lib->SSL_CTX_ctrl(ssl, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
	return lib->SSL_CTX_set_num_tickets(ssl, 0) == 1 &&
	       lib->SSL_CTX_ctrl(ssl, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL) == 1 &&
	       lib->SSL_CTX_ctrl(ssl, SSL_CTRL_SET_GROUPS_LIST, 0, list) == 1 &&
	       lib->SSL_CTX_set_cipher_list(ssl, ciphers) == 1;
}

static struct tls_context *context_new(const struct openssl *lib, bool inwards, struct err *err)
{
	struct tls_context *context = calloc(1, sizeof(*context));

	if (context) {
		context->refs = 1;
		context->lib = lib;
		context->inwards = inwards;
		lib->ERR_clear_error();
		context->ssl = lib->SSL_CTX_new(inwards ? lib->TLS_server_method()
							: lib->TLS_client_method());
	}
	if (context && context->ssl && harden(lib, context->ssl))
		return context;
	(void)err_set(err, ERR_NOMEM, "TLS cannot be set up: no memory, or a library without its algorithms");
	return tls_context_unref(context);
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
	context->refs++;
	return context;
}

struct tls_context *tls_context_unref(struct tls_context *context)
{
	if (!context || --context->refs)
		return NULL;
	if (context->ssl)
		context->lib->SSL_CTX_free(context->ssl);
	free(context);
	return NULL;
}

static int add_authorities(const struct openssl *lib, X509_STORE *store, struct span pem, struct err *err)
{
	BIO *bio = pem_open(lib, pem, err);
	size_t n = 0;
	X509 *cert;
	int got;

	if (!bio)
		return -1;
	while ((got = pem_next(lib, bio, &cert)) > 0 && n < TLS_MAX_ROOTS) {
		n += lib->X509_STORE_add_cert(store, cert) == 1;
		lib->X509_free(cert);
	}
	if (got > 0)
		lib->X509_free(cert);
	(void)lib->BIO_free(bio);
	if (got > 0)
		return err_set(err, ERR_LIMIT, "it holds more than %d certificates", TLS_MAX_ROOTS);
	if (got < 0)
		return err_set(err, ERR_FORMAT, TR_MARK("a certificate in it cannot be read"));
	return n ? 0 : err_set(err, ERR_FORMAT, TR_MARK("it holds no certificate in PEM form"));
}

/* The same roots and some more: certificates are shared, only the table of them is new. */
static X509_STORE *store_with(const struct tls_roots *roots, struct span more, struct err *err)
{
	const struct openssl *lib = roots->lib;
	X509_STORE *store = store_new(lib);

	if (!store) {
		(void)err_set(err, ERR_NOMEM, "no memory for certificate authorities");
		return NULL;
	}
	for (size_t i = 0; i < roots->n; i++)
		(void)lib->X509_STORE_add_cert(store, roots->certs[i]);
	if (add_authorities(lib, store, more, err) == 0)
		return store;
	lib->X509_STORE_free(store);
	return NULL;
}

struct tls_context *tls_client_new(struct tls_roots *roots, struct span more, struct err *err)
{
	const struct openssl *lib = roots->lib;
	struct tls_context *context = context_new(lib, false, err);
	X509_STORE *store = roots->store;

	if (!context)
		return NULL;
	if (more.n)
		store = store_with(roots, more, err);
	if (!store)
		return tls_context_unref(context);
	lib->SSL_CTX_set1_cert_store(context->ssl, store);
	if (more.n)
		lib->X509_STORE_free(store);
	lib->SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
	/* 0 is success here. */
	if (lib->SSL_CTX_set_alpn_protos(context->ssl, (const unsigned char *)alpn.p, (unsigned)alpn.n) == 0)
		return context;
	(void)err_set(err, ERR_NOMEM, "no memory for TLS");
	return tls_context_unref(context);
}

/* A client that names protocols and not ours meant to reach something else. */
static int pick_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
			 unsigned in_n, void *user)
{
	struct span rest = span_of((const char *)in, in_n);

	(void)ssl;
	(void)user;
	while (rest.n) {
		size_t n = 1U + (unsigned char)rest.p[0];

		if (n <= rest.n && span_eq(span_first(rest, n), alpn)) {
			*out = (const unsigned char *)rest.p + 1;
			*out_n = (unsigned char)(n - 1);
			return SSL_TLSEXT_ERR_OK;
		}
		rest = span_skip(rest, n);
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int no_chain(struct err *err, int got)
{
	if (got == 0)
		return err_set(err, ERR_FORMAT, TR_MARK("it holds no certificate in PEM form"));
	return err_set(err, ERR_FORMAT, TR_MARK("a certificate in it cannot be read"));
}

/* The first is the server's own; the library refuses one that is weaker than our level. */
static int use_chain(const struct tls_context *context, BIO *bio, X509 **own, struct err *err)
{
	const struct openssl *lib = context->lib;
	X509 *cert;
	int got = pem_next(lib, bio, own);

	if (got <= 0)
		return no_chain(err, got);
	if (lib->SSL_CTX_use_certificate(context->ssl, *own) != 1)
		return err_set(err, ERR_FORMAT, "the certificate cannot be used: %s",
			       lib->ERR_reason_error_string(lib->ERR_peek_last_error()));
	for (size_t n = 0; (got = pem_next(lib, bio, &cert)) > 0; n++) {
		if (n < TLS_MAX_CHAIN && lib->SSL_CTX_ctrl(context->ssl, SSL_CTRL_CHAIN_CERT, 0, cert) == 1)
			continue;
		lib->X509_free(cert);
		return err_set(err, ERR_FORMAT, "it holds more than %d certificates, or a weak one",
			       TLS_MAX_CHAIN);
	}
	return got < 0 ? no_chain(err, got) : 0;
}

static int use_key(const struct tls_context *context, const X509 *own, struct span pem, struct err *err)
{
	const struct openssl *lib = context->lib;
	BIO *bio = pem_open(lib, pem, err);
	EVP_PKEY *key;
	int rc = 0;

	if (!bio)
		return -1;
	lib->ERR_clear_error();
	key = lib->PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	(void)lib->BIO_free(bio);
	if (!key)
		return err_set(err, ERR_DENIED,
			       TR_MARK("it holds no private key in PEM form, or one with a passphrase"));
	if (lib->X509_check_private_key(own, key) != 1)
		rc = err_set(err, ERR_DENIED, TR_MARK("the key does not belong to the certificate"));
	else if (lib->SSL_CTX_use_PrivateKey(context->ssl, key) != 1)
		rc = err_set(err, ERR_DENIED, TR_MARK("the key cannot be used"));
	lib->EVP_PKEY_free(key);
	return rc;
}

struct tls_context *tls_server_new(const struct openssl *lib, struct span chain, struct span key,
				   struct err *err)
{
	struct tls_context *context = context_new(lib, true, err);
	X509 *own = NULL;
	BIO *bio = NULL;
	int rc = -1;

	if (context)
		bio = pem_open(lib, chain, err);
	if (bio)
		rc = use_chain(context, bio, &own, err);
	if (rc == 0)
		rc = use_key(context, own, key, err);
	if (own)
		lib->X509_free(own);
	if (bio)
		(void)lib->BIO_free(bio);
	if (rc < 0)
		return tls_context_unref(context);
	lib->SSL_CTX_set_alpn_select_cb(context->ssl, pick_protocol, NULL);
	return context;
}

int tls_server_ask(struct tls_context *context, struct span authorities, bool must, struct err *err)
{
	const struct openssl *lib = context->lib;
	X509_STORE *store = store_new(lib);
	int rc;

	check(context->inwards);
	if (!store)
		return err_set(err, ERR_NOMEM, "no memory for certificate authorities");
	rc = add_authorities(lib, store, authorities, err);
	if (rc == 0) {
		lib->SSL_CTX_set1_cert_store(context->ssl, store);
		lib->SSL_CTX_set_verify(context->ssl,
					SSL_VERIFY_PEER | (must ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
	}
	lib->X509_STORE_free(store);
	return rc;
}
