/* tls.h - TLS as a machine between two flows of bytes: no socket, no file, no wait. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/tls_context.h"

struct tls_session;

enum { TLS_RECORD_BYTES = 16 * 1024 }; /* of plain bytes in one record */

/*
 * One connection's state. `host` is who must answer: a name (sent as SNI) or a literal address;
 * empty for a context inwards.
 *
 * Owner:   tls_session_free(). It holds a reference on its context.
 */
struct tls_session *tls_session_new(struct tls_context *context, struct span host, struct err *err);
struct tls_session *tls_session_free(struct tls_session *session);

/* Encrypted bytes from the other side. Borrowed until a step says TLS_MORE, or tls_session_keep(). */
void tls_session_feed(struct tls_session *session, struct span bytes);
/* Copies what no step has used yet. False without memory. */
bool tls_session_keep(struct tls_session *session);

enum tls_step {
	TLS_MORE,   /* all that was fed is used */
	TLS_SECURE, /* the handshake is done: the other side is who it should be. Said once. */
	TLS_DATA,   /* plain bytes have come */
	TLS_CLOSED, /* the other side says that it has said all (close_notify) */
	TLS_FAILED, /* for good; see tls_session_why() */
};

/*
 * Goes on with what was fed. After every step there may be output. `plain` takes `size` bytes;
 * `*n` is set with TLS_DATA.
 */
enum tls_step tls_session_step(struct tls_session *session, char *plain, size_t size, size_t *n);

/* Encrypts; false where the session has failed. Not before TLS_SECURE. */
bool tls_session_write(struct tls_session *session, struct span plain);
/* Says close_notify, once, where the handshake is done and nothing has failed. */
void tls_session_bye(struct tls_session *session);
/* Was TLS_SECURE said? Also after a failure that came later. */
bool tls_session_is_secure(const struct tls_session *session);

/* What has to be sent; valid until tls_session_sent() or the next step. */
struct span tls_session_output(const struct tls_session *session);
void tls_session_sent(struct tls_session *session);

/* Why it failed, as a sentence without a full stop; borrowed from the session. */
struct span tls_session_why(const struct tls_session *session);
