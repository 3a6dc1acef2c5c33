/* tls.c - two sessions of TLS without a wire: whom they trust, and what they refuse. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include "tls_rig.h"

struct pair {
	struct tls_session *client, *server;
	struct buf got;			      /* what the server read */
	enum tls_step client_end, server_end; /* TLS_MORE while all is well */
};

static void pair_release(struct pair *pair)
{
	pair->client = tls_session_free(pair->client);
	pair->server = tls_session_free(pair->server);
	buf_release(&pair->got);
}

/* Carries what one side says to the other in pieces of `piece` bytes. Did anything move? */
static bool carry(struct tls_session *from, struct tls_session *to, enum tls_step *end, struct buf *got,
		  size_t piece)
{
	CLEANUP(buf_release) struct buf wire = BUF_INIT((size_t)8 << 20);
	struct span rest;

	buf_add(&wire, tls_session_output(from));
	tls_session_sent(from);
	for (rest = buf_span(&wire); rest.n && *end == TLS_MORE; rest = span_skip(rest, piece)) {
		tls_session_feed(to, span_first(rest, piece));
		*end = drive(to, got);
	}
	return wire.n > 0;
}

static void settle(struct pair *pair, size_t piece)
{
	bool moved = true;

	while (moved) {
		moved = carry(pair->client, pair->server, &pair->server_end, &pair->got, piece);
		moved |= carry(pair->server, pair->client, &pair->client_end, NULL, piece);
	}
}

static struct pair meet(struct tls_context *client, struct tls_context *server, const char *host,
			size_t piece)
{
	struct pair pair = { .got = BUF_INIT((size_t)8 << 20) };
	struct err err = ERR_INIT;

	pair.client = tls_session_new(client, span_str(host), &err);
	pair.server = tls_session_new(server, S(""), &err);
	check(pair.client && pair.server);
	pair.client_end = drive(pair.client, NULL);
	settle(&pair, piece);
	return pair;
}

static const struct {
	const char *name, *server, *roots, *more, *host, *why;
} refusals[] = {
	{ "another name", "good", "ca.pem", NULL, "other.example", "not for other.example" },
	{ "another address", "good", "ca.pem", NULL, "192.0.2.9", "not for 192.0.2.9" },
	{ "a certificate for somebody else", "wrong", "ca.pem", NULL, "localhost", "not for localhost" },
	{ "an address of somebody else", "wrong", "ca.pem", NULL, "127.0.0.1", "not for 127.0.0.1" },
	{ "a wildcard is one label", "good", "ca.pem", NULL, "a.b.wild.example", "not for a.b.wild" },
	{ "a wildcard is not none", "good", "ca.pem", NULL, "wild.example", "not for wild.example" },
	{ "a common name does not count", "common", "ca.pem", NULL, "localhost", "not for localhost" },
	{ "an expired certificate", "expired", "ca.pem", NULL, "localhost", "certificate has expired" },
	{ "one signed by itself", "self", "ca.pem", NULL, "localhost", "self-signed certificate" },
	{ "one of an unknown authority", "foreign", "ca.pem", NULL, "localhost", "local issuer" },
	{ "no authority at all", "good", NULL, NULL, "localhost", "local issuer" },
	{ "more authorities, the wrong ones", "good", NULL, "other-ca.pem", "localhost", "local issuer" },
};

static const struct {
	const char *name, *server, *roots, *more, *host;
} acceptances[] = {
	{ "a name", "good", "ca.pem", NULL, "localhost" },
	{ "a name with a dot behind it", "good", "ca.pem", NULL, "localhost." },
	{ "a name in capitals", "good", "ca.pem", NULL, "LocalHost" },
	{ "a wildcard", "good", "ca.pem", NULL, "a.wild.example" },
	{ "an IPv4 address", "good", "ca.pem", NULL, "127.0.0.1" },
	{ "an IPv6 address", "good", "ca.pem", NULL, "::1" },
	{ "an authority among further ones", "good", NULL, "ca.pem", "localhost" },
	{ "further authorities beside the roots", "foreign", "ca.pem", "other-ca.pem", "localhost" },
	{ "the roots beside further ones", "good", "ca.pem", "other-ca.pem", "localhost" },
	{ "an intermediate that the server sends", "chained", "ca.pem", NULL, "localhost" },
	{ "an intermediate that is trusted itself", "chained", NULL, "inter.pem", "localhost" },
	{ "one signed by itself that is named", "self", NULL, "self.pem", "localhost" },
};

static void test_refusals(void)
{
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct tls_context *client = client_context(refusals[i].roots, refusals[i].more);
		struct tls_context *server = server_context(refusals[i].server);
		struct pair pair = meet(client, server, refusals[i].host, 100000);
		struct span why = tls_session_why(pair.client);

		is_int(pair.client_end, TLS_FAILED, "refused: %s", refusals[i].name);
		ok(!tls_session_is_secure(pair.client), "  it was never secure");
		ok(span_contains(why, span_str(refusals[i].why)), "  because: %.*s", SPAN_ARG(why));
		/* With TLS 1.3 the server is done before the client has judged; it hears of it. */
		is_int(pair.server_end, TLS_FAILED, "  and the server is told");
		pair_release(&pair);
		(void)tls_context_unref(client);
		(void)tls_context_unref(server);
	}
}

static void test_acceptances(void)
{
	for (size_t i = 0; i < COUNT(acceptances); i++) {
		struct tls_context *client = client_context(acceptances[i].roots, acceptances[i].more);
		struct tls_context *server = server_context(acceptances[i].server);
		struct pair pair = meet(client, server, acceptances[i].host, 100000);

		ok(tls_session_is_secure(pair.client) && tls_session_is_secure(pair.server), "accepted: %s",
		   acceptances[i].name);
		if (!tls_session_is_secure(pair.client))
			printf("# %.*s\n", SPAN_ARG(tls_session_why(pair.client)));
		pair_release(&pair);
		(void)tls_context_unref(client);
		(void)tls_context_unref(server);
	}
}

/* --- certificates of clients --- */

/* The client shows this certificate, with what stands behind it. */
static void show(const struct tls_context *client, const char *name)
{
	char file[64];

	(void)snprintf(file, sizeof(file), "%s.pem", name);
	CLEANUP(pem_release) struct pem chain = pem(file);
	(void)snprintf(file, sizeof(file), "%s.key", name);
	CLEANUP(pem_release) struct pem key = pem(file);
	BIO *chain_bio = lib->BIO_new_mem_buf(chain.text.p, (int)chain.text.n);
	BIO *key_bio = lib->BIO_new_mem_buf(key.text.p, (int)key.text.n);
	X509 *own = lib->PEM_read_bio_X509(chain_bio, NULL, NULL, NULL);
	X509 *next = lib->PEM_read_bio_X509(chain_bio, NULL, NULL, NULL);
	EVP_PKEY *pkey = lib->PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);

	check(lib->SSL_CTX_use_certificate(client->ssl, own) == 1);
	check(lib->SSL_CTX_use_PrivateKey(client->ssl, pkey) == 1);
	if (next)
		check(lib->SSL_CTX_ctrl(client->ssl, SSL_CTRL_CHAIN_CERT, 0, next) == 1);
	lib->X509_free(own);
	lib->EVP_PKEY_free(pkey);
	(void)lib->BIO_free(chain_bio);
	(void)lib->BIO_free(key_bio);
}

enum asks { ASKS_NOBODY, ASKS, ASKS_ALL };

static const struct {
	const char *name, *shown;
	enum asks asks;
	const char *why; /* NULL: accepted */
} clients[] = {
	{ "none where one is a must", NULL, ASKS_ALL, "peer did not return a certificate" },
	{ "one of another authority", "foreign", ASKS_ALL, "not trusted: unable to get local issuer" },
	{ "an expired one", "expired", ASKS_ALL, "not trusted: certificate has expired" },
	{ "one signed by itself", "self", ASKS_ALL, "not trusted: self-signed certificate" },
	{ "one for servers only", "serving", ASKS_ALL, "not trusted: unsuitable certificate purpose" },
	{ "one of another authority where none would do", "foreign", ASKS, "not trusted: unable to get" },
	{ "an expired one where none would do", "expired", ASKS, "not trusted: certificate has expired" },
	{ "a good one", "client", ASKS_ALL, NULL },
	{ "one with its intermediate", "chained", ASKS_ALL, NULL },
	{ "a good one where none would do", "client", ASKS, NULL },
	{ "none where none is needed", NULL, ASKS, NULL },
	{ "none where nobody asks", NULL, ASKS_NOBODY, NULL },
	{ "a foreign one where nobody asks", "foreign", ASKS_NOBODY, NULL },
};

static void test_client(size_t i, bool twelve)
{
	CLEANUP(pem_release) struct pem ca = pem("ca.pem");
	struct tls_context *client = client_context("ca.pem", NULL), *server = server_context("good");
	const char *version = twelve ? "TLS 1.2" : "TLS 1.3";
	struct err err = ERR_INIT;
	struct pair pair;

	if (twelve)
		(void)lib->SSL_CTX_ctrl(client->ssl, SSL_CTRL_SET_MAX_PROTO_VERSION, TLS1_2_VERSION, NULL);
	if (clients[i].shown)
		show(client, clients[i].shown);
	if (clients[i].asks != ASKS_NOBODY)
		check(tls_server_ask(server, buf_span(&ca.text), clients[i].asks == ASKS_ALL, &err) == 0);
	pair = meet(client, server, "localhost", 100000);
	/* A client of TLS 1.3 is done before it hears of its refusal: what it says is not read. */
	if (tls_session_is_secure(pair.client) && pair.client_end == TLS_MORE)
		(void)tls_session_write(pair.client, S("GET / HTTP/1.1\r\n"));
	settle(&pair, 100000);
	if (clients[i].why) {
		ok(pair.server_end == TLS_FAILED && !tls_session_is_secure(pair.server) && !pair.got.n,
		   "%s, a client is refused unread: %s", version, clients[i].name);
		ok(span_contains(tls_session_why(pair.server), span_str(clients[i].why)), "  because: %.*s",
		   SPAN_ARG(tls_session_why(pair.server)));
		is_int(pair.client_end, TLS_FAILED, "  and told");
	} else {
		ok(tls_session_is_secure(pair.server) && pair.got.n, "%s, a client is heard: %s", version,
		   clients[i].name);
	}
	pair_release(&pair);
	(void)tls_context_unref(client);
	(void)tls_context_unref(server);
}

static void test_clients(void)
{
	CLEANUP(pem_release) struct pem key = pem("good.key");
	struct tls_context *server = server_context("good");
	struct err err = ERR_INIT;

	ok(tls_server_ask(server, S(""), true, &err) < 0 && err.code == ERR_FORMAT, "no authority: %s",
	   err.text);
	ok(tls_server_ask(server, buf_span(&key.text), false, &err) < 0, "a key is none: %s", err.text);
	(void)tls_context_unref(server);
	for (size_t i = 0; i < COUNT(clients); i++) {
		test_client(i, false);
		test_client(i, true);
	}
}

static void refuse_server(const char *chain, const char *key, const char *why)
{
	CLEANUP(pem_release) struct pem first = pem(chain);
	CLEANUP(pem_release) struct pem second = pem(key);
	struct err err = ERR_INIT;
	struct tls_context *context = tls_server_new(lib, buf_span(&first.text), buf_span(&second.text),
						     &err);

	ok(!context && strstr(err.text, why), "%s with %s: %s", chain, key, err.text);
	(void)tls_context_unref(context);
}

static void test_contexts(void)
{
	CLEANUP(pem_release) struct pem key = pem("good.key");
	CLEANUP(pem_release) struct pem ca = pem("ca.pem");
	struct span cut = span_first(buf_span(&ca.text), ca.text.n / 2);
	struct err err = ERR_INIT;
	struct tls_roots *roots;

	refuse_server("good.key", "good.key", "no certificate");
	refuse_server("good.pem", "good.pem", "no private key");
	refuse_server("good.pem", "wrong.key", "does not belong");
	refuse_server("good.pem", "locked.key", "passphrase");
	refuse_server("weak.pem", "weak.key", "cannot be used");
	roots = tls_roots_new(lib, S("nothing of the kind"), &err);
	is_int(roots ? tls_roots_count(roots) : 99, 0, "a text without certificates has no roots");
	ok(!tls_client_new(roots, S("nothing of the kind"), &err) && err.code == ERR_FORMAT,
	   "further authorities that are none: %s", err.text);
	ok(!tls_client_new(roots, buf_span(&key.text), &err), "a key is no authority: %s", err.text);
	ok(!tls_client_new(roots, cut, &err), "half a certificate is none: %s", err.text);
	(void)tls_roots_unref(roots);
	roots = tls_roots_new(lib, buf_span(&ca.text), &err);
	is_int(roots ? tls_roots_count(roots) : 99, 1, "one root");
	(void)tls_roots_unref(roots);
}

/* What a server says to bytes that begin no handshake of ours. */
static void speak_to_server(const char *name, struct span bytes, const char *why, struct span alert)
{
	struct tls_context *server = server_context("good");
	struct err err = ERR_INIT;
	struct tls_session *session = tls_session_new(server, S(""), &err);
	enum tls_step step;

	tls_session_feed(session, bytes);
	step = drive(session, NULL);
	is_int(step, TLS_FAILED, "a server refuses %s", name);
	ok(span_contains(tls_session_why(session), span_str(why)), "  because: %.*s",
	   SPAN_ARG(tls_session_why(session)));
	ok(span_ends(tls_session_output(session), alert), "  and says so");
	(void)tls_session_free(session);
	(void)tls_context_unref(server);
}

/* A client's first words: version 1.1 at most, two of its ciphers, no extension. */
static const struct span hello_11 = SPAN("\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x02"
					 "0123456789abcdef0123456789abcdef"
					 "\x00\x00\x04\xc0\x14\x00\x2f\x01\x00");

static void test_strangers(void)
{
	speak_to_server("TLS 1.1", hello_11, "unsupported protocol", S("\x02\x46"));
	speak_to_server("plain HTTP", S("GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n"), "does not speak TLS",
			S(""));
	speak_to_server("garbage", S("\xff\xfe\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09"), "failed", S(""));
}

/* One byte at a time, and broken in the middle. */
static void test_pieces(void)
{
	struct tls_context *client = client_context("ca.pem", NULL), *server = server_context("good");
	struct pair pair = meet(client, server, "localhost", 1);
	char wrong[64];
	size_t n;

	ok(tls_session_is_secure(pair.client) && tls_session_is_secure(pair.server),
	   "a handshake byte by byte");
	ok(tls_session_write(pair.client, S("hello, ")) && tls_session_write(pair.client, S("world")),
	   "two writes");
	settle(&pair, 1);
	is_span(buf_span(&pair.got), S("hello, world"), "and their bytes, one by one");
	ok(tls_session_write(pair.client, S("more")), "another");
	n = tls_session_output(pair.client).n;
	check(n <= sizeof(wrong));
	memcpy(wrong, tls_session_output(pair.client).p, n);
	wrong[n - 1] = (char)(wrong[n - 1] ^ 1);
	tls_session_feed(pair.server, span_of(wrong, n));
	is_int(drive(pair.server, &pair.got), TLS_FAILED, "a bit that is not what was sent: %.*s",
	       SPAN_ARG(tls_session_why(pair.server)));
	is_span(buf_span(&pair.got), S("hello, world"), "nothing of it is used");
	ok(!tls_session_write(pair.server, S("x")), "nothing is said after it");
	pair_release(&pair);
	pair = meet(client, server, "localhost", 7);
	tls_session_bye(pair.client);
	tls_session_bye(pair.client);
	settle(&pair, 7);
	is_int(pair.server_end, TLS_CLOSED, "a close_notify is an end");
	pair_release(&pair);
	(void)tls_context_unref(client);
	(void)tls_context_unref(server);
}

int main(void)
{
	if (!tls_begin())
		return 0;
	test_contexts();
	test_clients();
	test_refusals();
	test_strangers();
	test_acceptances();
	test_pieces();
	tls_end();
	return tap_done();
}
