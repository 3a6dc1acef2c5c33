/* tls_context.h - who we are in TLS, and whom we trust. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

struct openssl;
struct tls_roots;

enum {
	TLS_PEM_BYTES = 1 << 20, /* of one PEM text */
	TLS_MAX_ROOTS = 2000,
	TLS_MAX_CHAIN = 16,
};

/*
 * One side of TLS: for connections inwards or outwards. For tls.c; others hold it only. Several threads may
 * hold one.
 */
struct tls_context {
	_Atomic unsigned refs;
	const struct openssl *lib;
	struct ssl_ctx_st *ssl; /* OpenSSL's */
	bool inwards;
};

/*
 * The certificate authorities of a PEM text; of one that holds none, nobody is trusted. A
 * certificate of the system's bundle that cannot be read is passed over.
 *
 * Owner:   tls_roots_unref(); `lib` outlives it.
 * Errors:  ERR_NOMEM, ERR_LIMIT.
 */
struct tls_roots *tls_roots_new(const struct openssl *lib, struct span pem, struct err *err);
struct tls_roots *tls_roots_ref(struct tls_roots *roots);
/* NULL is harmless. Returns NULL. */
struct tls_roots *tls_roots_unref(struct tls_roots *roots);
size_t tls_roots_count(const struct tls_roots *roots);

/*
 * For connections outwards: the other side's certificate must lead to one of `roots` or of `more`
 * (PEM, may be empty), and carry the name that was asked for. TLS 1.2 and 1.3 only.
 *
 * Owner:   tls_context_unref().
 * Errors:  ERR_FORMAT: `more` is not empty and holds no certificate, or one that cannot be read;
 *          ERR_NOMEM, ERR_LIMIT.
 */
struct tls_context *tls_client_new(struct tls_roots *roots, struct span more, struct err *err);

/*
 * For connections inwards. `chain` is PEM: the server's certificate, then those that lead to its
 * root; `key` is PEM, without a passphrase. Neither is needed after the call.
 *
 * Owner:   tls_context_unref().
 * Errors:  ERR_FORMAT: a certificate; ERR_DENIED: the key, or it is another certificate's;
 *          ERR_NOMEM, ERR_LIMIT.
 */
struct tls_context *tls_server_new(const struct openssl *lib, struct span chain, struct span key,
				   struct err *err);

/*
 * A context for connections inwards asks for a certificate that leads to one of `authorities` (PEM). One
 * that is shown and does not fails the handshake, and so does none where it is a must: then nothing is read
 * of who shows none.
 *
 * Errors:  ERR_FORMAT: there is no certificate in it, or one that cannot be read; ERR_NOMEM, ERR_LIMIT. The
 *          context is of no use then.
 */
int tls_server_ask(struct tls_context *context, struct span authorities, bool must, struct err *err)
    MUST_CHECK;
struct tls_context *tls_context_ref(struct tls_context *context);
/* NULL is harmless. Returns NULL. */
struct tls_context *tls_context_unref(struct tls_context *context);
