/* gate_tls.h - the certificates, keys and authorities a config names, read for the worker. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "crypto/digest.h"
#include "daemon/gate_config.h"

/* Does the listener speak TLS? */
bool gate_tls_listens(const struct gate_config *config);
/* Does the worker need the library: for its listener, or for a server that is https? */
bool gate_tls_wanted(const struct gate_config *config);

/* Could the library be opened? Tried in a process of its own: once opened it would stay. */
int gate_tls_probe(struct err *err) MUST_CHECK;

/*
 * Are `tls.cert`, `tls.key` and every server's `ca` there and what they should be? A certificate
 * that has expired is taken: whether it is trusted is for clients to say.
 */
bool gate_tls_check(const struct gate_config *config, struct conf_problems *problems) MUST_CHECK;

/*
 * Are there authorities to judge the https servers by? True also where there is no such server, or
 * each has a `ca` of its own.
 *
 * Errors: ERR_MISSING with the file that is missing or has no certificate.
 */
bool gate_tls_roots_there(const struct gate_config *config, struct err *err);

/*
 * What the worker gets, which opens no files: "roots" and "tls" of secure.h. `out` holds a key
 * after it. `roots` becomes the digest of the roots in hex, or empty.
 */
void gate_tls_add(const struct gate_config *config, char roots[65], struct buf *out);
/* What one https server's definition gets: its "ca", and the digest of the roots. */
void gate_tls_add_server(const struct conf_node *server, const char *roots, struct buf *out);
