/* secure.h - what a worker needs for TLS: the library, whom it trusts, who it is. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "json/tape.h"

struct openssl;
struct tls_roots;
struct tls_context;

/* Zero is a worker that was started without TLS. */
struct secure {
	struct openssl *lib;	 /* stays for good; NULL: none */
	struct tls_roots *roots; /* whom an https server must be vouched for by; NULL: no server is https */
	struct tls_context *outwards; /* for servers without authorities of their own */
	struct tls_context *inwards;  /* for the listener; NULL: it is plain */
	char digest[65];	      /* of the text `roots` were read from */
	char clients[66]; /* of what certificates of clients are held to; empty: none is asked for */
};

/*
 * Opens the library: to be called before the process confines itself.
 *
 * Errors:  ERR_MISSING, ERR_NOMEM.
 */
int secure_open(struct secure *secure, struct err *err) MUST_CHECK;

/*
 * Makes what a config asks for: {"roots":{"digest","pem"},"tls":{"cert","key","client_ca","clients_must"}},
 * both optional, and the last two. Roots whose digest is that of `now` are shared with it.
 *
 * Owner:   the caller releases `next` with secure_release(), also after a failure.
 * Errors:  ERR_MISSING: TLS is asked for and the library was not opened; what tls_context.h says.
 */
int secure_read(const struct secure *now, const struct json *json, struct secure *next, struct err *err)
    MUST_CHECK;
/* What another thread of the same config has: all of it may be shared. Returns 0. */
int secure_share(const struct secure *now, struct secure *next);
/* All but the library. */
void secure_release(struct secure *secure);

/* For connections to one server; `ca` is PEM of further authorities, or empty. A new reference. */
struct tls_context *secure_outwards(const struct secure *secure, struct span ca, struct err *err);
