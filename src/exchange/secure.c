/* secure.c - what a worker needs for TLS, made from its config. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/secure.h"

#include "base/buf.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "net/openssl.h"
#include "net/tls_context.h"

int secure_open(struct secure *secure, struct err *err)
{
	secure->lib = openssl_open(err);
	return secure->lib ? 0 : -1;
}

void secure_release(struct secure *secure)
{
	secure->inwards = tls_context_unref(secure->inwards);
	secure->outwards = tls_context_unref(secure->outwards);
	secure->roots = tls_roots_unref(secure->roots);
}

/* What may be a key does not stay behind. */
static void release_wiped(struct buf *buf)
{
	if (buf->p)
		secret_wipe(buf->p, buf->cap);
	buf_release(buf);
}

/* All of it at once, so that growing leaves no copy anywhere. */
static struct span text_of(const struct json *json, json_at object, struct span name, struct buf *scratch)
{
	json_at at = json_get(json, object, name);

	if (!json_is(json, at, JSON_STRING) || !buf_reserve(scratch, json_string_raw(json, at).n))
		return S("");
	return json_string(json, at, scratch);
}

static int read_roots(const struct secure *now, const struct json *json, json_at at, struct secure *next,
		      struct err *err)
{
	CLEANUP(buf_release) struct buf scratch = BUF_INIT(2 * (size_t)TLS_PEM_BYTES);
	json_at digest = json_get(json, at, S("digest"));

	if (!json_is(json, digest, JSON_STRING) ||
	    !span_to_cstr(json_string_raw(json, digest), next->digest, sizeof(next->digest)))
		return err_set(err, ERR_FORMAT, "the certificate authorities cannot be read");
	if (now->roots && strcmp(now->digest, next->digest) == 0)
		next->roots = tls_roots_ref(now->roots);
	else
		next->roots = tls_roots_new(next->lib, text_of(json, at, S("pem"), &scratch), err);
	if (next->roots)
		next->outwards = tls_client_new(next->roots, S(""), err);
	return next->outwards ? 0 : err_wrap(err, "the certificate authorities");
}

/* An empty text, of a file that is gone, is refused: the lock stays as it was. */
static int read_clients(const struct json *json, json_at at, struct secure *next, struct err *err)
{
	CLEANUP(buf_release) struct buf pem = BUF_INIT(2 * (size_t)TLS_PEM_BYTES);
	struct buf mark = { .p = next->clients, .cap = 65, .max = 65 };
	bool must = !json_is(json, json_get(json, at, S("clients_must")), JSON_FALSE);
	struct span authorities = text_of(json, at, S("client_ca"), &pem);
	uint8_t digest[DIGEST_BYTES];

	digest_blake2b(authorities, digest);
	buf_add_char(&mark, must ? 'r' : 'a');
	buf_add_hex(&mark, digest_span(digest));
	next->clients[65] = '\0';
	return tls_server_ask(next->inwards, authorities, must, err) < 0
		   ? err_wrap(err, "the authorities of clients' certificates")
		   : 0;
}

static int read_identity(const struct json *json, json_at at, struct secure *next, struct err *err)
{
	CLEANUP(release_wiped) struct buf chain = BUF_INIT(2 * (size_t)TLS_PEM_BYTES);
	CLEANUP(release_wiped) struct buf key = BUF_INIT(2 * (size_t)TLS_PEM_BYTES);

	next->inwards = tls_server_new(next->lib, text_of(json, at, S("cert"), &chain),
				       text_of(json, at, S("key"), &key), err);
	if (!next->inwards)
		return err_wrap(err, "the listener's certificate and key");
	return json_get(json, at, S("client_ca")) == JSON_NONE ? 0 : read_clients(json, at, next, err);
}

int secure_read(const struct secure *now, const struct json *json, struct secure *next, struct err *err)
{
	json_at roots = json_get(json, 0, S("roots")), identity = json_get(json, 0, S("tls"));

	*next = (struct secure){ .lib = now->lib };
	if (!next->lib && (roots != JSON_NONE || identity != JSON_NONE))
		return err_set(err, ERR_MISSING, "this worker was started without TLS");
	if (roots != JSON_NONE && read_roots(now, json, roots, next, err) < 0)
		return -1;
	return identity != JSON_NONE ? read_identity(json, identity, next, err) : 0;
}

int secure_share(const struct secure *now, struct secure *next)
{
	*next = *now;
	if (next->roots)
		(void)tls_roots_ref(next->roots);
	if (next->outwards)
		(void)tls_context_ref(next->outwards);
	if (next->inwards)
		(void)tls_context_ref(next->inwards);
	return 0;
}

struct tls_context *secure_outwards(const struct secure *secure, struct span ca, struct err *err)
{
	if (!secure->roots) {
		(void)err_set(err, ERR_MISSING, "an https server needs TLS, and this worker has none");
		return NULL;
	}
	return ca.n ? tls_client_new(secure->roots, ca, err) : tls_context_ref(secure->outwards);
}
