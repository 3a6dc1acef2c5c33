/* tls.c - tests of net/tls.h and of streams that carry TLS. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/check.h"
#include "base/file.h"
#include "net/openssl.h"
#include "net/stream.h"
#include "tap.h"

enum { BIG = 3 * 1000 * 1000, LIMIT_SECONDS = 100 };

struct pem {
	struct buf text;
};

static char folder[64];
static struct openssl *lib;

/* --- certificates, made for this run --- */

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

/* --- two sessions, without a wire --- */

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

/* --- streams --- */

struct end {
	struct stream *stream;
	struct buf got;
	bool secure, ended;
	enum stream_end why;
	char reason[200];
	unsigned drains, pauses;
	size_t pause_every; /* bytes; 0: never */
	size_t next_pause;
	struct later resuming;
	/* Of a raw end: what it does with bytes. */
	struct tls_session *raw;
	/* Of one that moves. */
	struct stream_parcel parcel;
	bool moved;
};

static void run_resuming(struct later *later)
{
	stream_resume(LIST_ENTRY(later, struct end, resuming)->stream);
}

static void on_read(void *owner, struct span bytes)
{
	struct end *end = owner;

	check(end->secure);
	buf_add(&end->got, bytes);
	if (end->pause_every && end->got.n >= end->next_pause) {
		end->next_pause = end->got.n + end->pause_every;
		end->pauses++;
		stream_pause(end->stream);
	}
}

static void on_end(void *owner, enum stream_end why)
{
	struct end *end = owner;

	check(!end->ended);
	end->ended = true;
	end->why = why;
	(void)span_to_cstr(stream_why(end->stream), end->reason, sizeof(end->reason));
}

static void on_drain(void *owner)
{
	((struct end *)owner)->drains++;
}

static void on_secure(void *owner)
{
	struct end *end = owner;

	check(!end->secure && end->got.n == 0);
	end->secure = true;
}

static const struct stream_events events = { on_read, on_end, on_drain, on_secure };

/* A raw end keeps what it hears, or hands it to a session of its own. */
static void on_raw_read(void *owner, struct span bytes)
{
	struct end *end = owner;

	if (!end->raw)
		return;
	tls_session_feed(end->raw, bytes);
	(void)drive(end->raw, &end->got);
	stream_write(end->stream, (struct span[]){ tls_session_output(end->raw) }, 1);
	tls_session_sent(end->raw);
}

static const struct stream_events raw_events = { on_raw_read, on_end, on_drain, NULL };

struct wire {
	struct loop loop;
	struct end client, server;
	struct tls_context *to, *from;
};

static void end_open(struct wire *wire, struct end *end, int fd, const struct stream_events *how)
{
	struct err err = ERR_INIT;

	*end = (struct end){ .got = BUF_INIT((size_t)8 << 20) };
	end->resuming.run = run_resuming;
	end->stream = stream_open(&wire->loop, fd, STREAM_PIPE, how, end, &err);
	check(end->stream != NULL);
}

/* A client with TLS, and a server: with TLS, or raw. */
static void wire_open(struct wire *wire, bool raw)
{
	struct err err = ERR_INIT;
	int fds[2];

	*wire = (struct wire){ .to = client_context("ca.pem", NULL), .from = server_context("good") };
	check(loop_init(&wire->loop, &err) == 0);
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	end_open(wire, &wire->client, fds[0], &events);
	end_open(wire, &wire->server, fds[1], raw ? &raw_events : &events);
	check(stream_start_tls(wire->client.stream, wire->to, S("localhost"), &err) == 0);
	if (!raw)
		check(stream_start_tls(wire->server.stream, wire->from, S(""), &err) == 0);
}

static void wire_close(struct wire *wire)
{
	loop_later_cancel(&wire->client.resuming);
	loop_later_cancel(&wire->server.resuming);
	wire->client.stream = stream_close(wire->client.stream);
	wire->server.stream = stream_close(wire->server.stream);
	wire->server.raw = tls_session_free(wire->server.raw);
	buf_release(&wire->client.got);
	buf_release(&wire->server.got);
	loop_release(&wire->loop);
	(void)tls_context_unref(wire->to);
	(void)tls_context_unref(wire->from);
}

#define turn_until(wire, condition)                                                                          \
	while (!(condition))                                                                                 \
	(void)uv_run(&(wire)->loop.uv, UV_RUN_ONCE)

static char pattern(size_t at, unsigned seed)
{
	return (char)((at * 2654435761U + seed) >> 13);
}

static bool has_pattern(const struct buf *got, size_t n, unsigned seed)
{
	bool same = got->n == n;

	for (size_t i = 0; same && i < n; i++)
		same = got->p[i] == pattern(i, seed);
	return same;
}

/* In parts of many lengths, so that records and parts never fall together. */
static void write_pattern(struct stream *stream, size_t n, unsigned seed)
{
	CLEANUP(freep) char *bytes = malloc(n);
	struct span rest;

	check(bytes != NULL);
	for (size_t i = 0; i < n; i++)
		bytes[i] = pattern(i, seed);
	for (rest = span_of(bytes, n); rest.n;) {
		size_t most = 1 + (n - rest.n) % 50001;
		struct span parts[3] = { span_first(rest, most / 3) };

		rest = span_skip(rest, parts[0].n);
		parts[1] = span_first(rest, 0);
		parts[2] = span_first(rest, most - parts[0].n);
		rest = span_skip(rest, parts[2].n);
		stream_write(stream, parts, 3);
	}
}

/* Two records come together; between them the stream moves. */
static void on_read_moves(void *owner, struct span bytes)
{
	struct end *end = owner;

	buf_add(&end->got, bytes);
	end->moved = stream_detach(end->stream, &end->parcel, &(bool){ false });
}

static const struct stream_events moving_events = { on_read_moves, on_end, on_drain, on_secure };

static void test_moving(void)
{
	struct wire wire;
	struct err err = ERR_INIT;
	struct loop other;

	wire_open(&wire, false);
	turn_until(&wire, wire.client.secure && wire.server.secure);
	stream_hand_over(wire.server.stream, &moving_events, &wire.server);
	stream_write(wire.client.stream, (struct span[]){ S("one, ") }, 1);
	stream_write(wire.client.stream, (struct span[]){ S("two") }, 1);
	turn_until(&wire, wire.server.moved);
	is_span(buf_span(&wire.server.got), S("one, "), "a secure stream leaves between two records");
	check(loop_init(&other, &err) == 0);
	wire.server.stream = stream_attach(&other, &wire.server.parcel, &events, &wire.server, &err);
	for (int i = 0; i < 1000 && wire.server.got.n < 8; i++)
		(void)uv_run(&other.uv, UV_RUN_NOWAIT);
	is_span(buf_span(&wire.server.got), S("one, two"), "what it had read and not shown goes with it");
	stream_write(wire.server.stream, (struct span[]){ S("three") }, 1);
	wire.server.stream = stream_close(wire.server.stream);
	loop_release(&other);
	turn_until(&wire, wire.client.ended);
	ok(wire.client.got.n == 5 && wire.client.why == STREAM_EOF, "its answer comes, and its close_notify");
	wire_close(&wire);
}

static void test_transfer(void)
{
	struct wire wire;

	wire_open(&wire, false);
	turn_until(&wire, wire.client.secure && wire.server.secure);
	ok(!wire.client.ended && !wire.server.ended, "two streams over a socket pair");
	wire.client.pause_every = 100000;
	wire.server.pause_every = 70000;
	write_pattern(wire.client.stream, BIG, 1);
	write_pattern(wire.server.stream, BIG, 2);
	ok(stream_queued(wire.client.stream) > BIG / 2, "what the other side does not take waits");
	ok(stream_queued(wire.client.stream) < BIG + BIG / 20, "and is not much longer than what was said");
	while (wire.client.got.n < BIG || wire.server.got.n < BIG || !wire.client.drains ||
	       !wire.server.drains) {
		loop_later(&wire.loop, &wire.client.resuming);
		loop_later(&wire.loop, &wire.server.resuming);
		(void)uv_run(&wire.loop.uv, UV_RUN_ONCE);
	}
	ok(has_pattern(&wire.server.got, BIG, 1), "three megabytes from the client");
	ok(has_pattern(&wire.client.got, BIG, 2), "three megabytes from the server, at the same time");
	ok(wire.client.pauses > 10 && wire.server.pauses > 10, "with pauses in between");
	is_int(stream_queued(wire.client.stream) + stream_queued(wire.server.stream), 0, "nothing waits");
	ok(wire.client.drains && wire.server.drains, "that the queues ran empty was told");
	wire_close(&wire);
}

/* A stop while paused: not a byte comes before the resume, all come after it. */
static void test_pause(void)
{
	struct wire wire;
	size_t first;

	wire_open(&wire, false);
	turn_until(&wire, wire.client.secure && wire.server.secure);
	wire.client.pause_every = 1;
	write_pattern(wire.server.stream, 60000, 3);
	turn_until(&wire, wire.client.pauses > 0);
	first = wire.client.got.n;
	ok(first > 0 && first < 60000, "a pause takes effect after one record");
	for (int i = 0; i < 5; i++)
		(void)uv_run(&wire.loop.uv, UV_RUN_NOWAIT);
	is_int(wire.client.got.n, first, "nothing more comes");
	wire.client.pause_every = 0;
	stream_resume(wire.client.stream);
	is_int(wire.client.got.n, first, "nothing from inside the resume");
	turn_until(&wire, wire.client.got.n == 60000);
	ok(has_pattern(&wire.client.got, 60000, 3), "then the rest of it");
	wire_close(&wire);
}

static void test_ends(void)
{
	struct wire wire;

	wire_open(&wire, false);
	turn_until(&wire, wire.client.secure && wire.server.secure);
	write_pattern(wire.server.stream, BIG, 4);
	wire.server.stream = stream_close_flushed(wire.server.stream, 60000);
	turn_until(&wire, wire.client.ended);
	ok(has_pattern(&wire.client.got, BIG, 4), "everything that waited comes before the end");
	is_int(wire.client.why, STREAM_EOF, "and the end is a good one");
	wire_close(&wire);

	wire_open(&wire, false);
	turn_until(&wire, wire.client.secure && wire.server.secure);
	wire.client.stream = stream_close(wire.client.stream);
	turn_until(&wire, wire.server.ended);
	is_int(wire.server.why, STREAM_EOF, "a plain close says close_notify too");
	wire_close(&wire);
}

static void test_cuts(void)
{
	struct err err = ERR_INIT;
	struct wire wire;

	wire_open(&wire, true);
	wire.server.raw = tls_session_new(wire.from, S(""), &err);
	turn_until(&wire, wire.client.secure && tls_session_is_secure(wire.server.raw));
	check(tls_session_write(wire.server.raw, S("half of it")));
	stream_write(wire.server.stream, (struct span[]){ tls_session_output(wire.server.raw) }, 1);
	wire.server.stream = stream_close(wire.server.stream);
	turn_until(&wire, wire.client.ended);
	is_span(buf_span(&wire.client.got), S("half of it"), "what came before the cut");
	is_int(wire.client.why, STREAM_BROKEN, "an end without close_notify is no good end");
	wire_close(&wire);

	wire_open(&wire, true);
	wire.server.raw = tls_session_new(wire.from, S(""), &err);
	turn_until(&wire, wire.client.secure && tls_session_is_secure(wire.server.raw));
	stream_write(wire.server.stream, (struct span[]){ S("this is no record of anything") }, 1);
	turn_until(&wire, wire.client.ended);
	is_int(wire.client.why, STREAM_BROKEN, "garbage after the handshake: %s", wire.client.reason);
	wire_close(&wire);
}

static void test_bad_handshakes(void)
{
	struct err err = ERR_INIT;
	struct wire wire;

	wire_open(&wire, true);
	stream_write(wire.server.stream, (struct span[]){ S("HTTP/1.1 400 Bad Request\r\n\r\n") }, 1);
	turn_until(&wire, wire.client.ended);
	ok(wire.client.why == STREAM_INSECURE && !wire.client.secure, "garbage instead of a handshake: %s",
	   wire.client.reason);
	ok(wire.client.reason[0], "the reason is told");
	wire_close(&wire);

	wire_open(&wire, true);
	wire.server.stream = stream_close(wire.server.stream);
	turn_until(&wire, wire.client.ended);
	ok(wire.client.why == STREAM_INSECURE && wire.client.reason[0], "no handshake at all: %s",
	   wire.client.reason);
	wire_close(&wire);

	wire_open(&wire, true);
	(void)tls_context_unref(wire.from);
	wire.from = server_context("wrong");
	wire.server.raw = tls_session_new(wire.from, S(""), &err);
	turn_until(&wire, wire.client.ended);
	is_int(wire.client.why, STREAM_INSECURE, "a server with another's certificate: %s",
	       wire.client.reason);
	turn_until(&wire, tls_session_why(wire.server.raw).n);
	ok(wire.server.got.n == 0, "it got not one byte, but the alert: %.*s",
	   SPAN_ARG(tls_session_why(wire.server.raw)));
	wire_close(&wire);
}

int main(void)
{
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	lib = has_openssl() ? openssl_open(&err) : NULL;
	if (!lib) {
		printf("1..0 # SKIP the openssl command or its library is not installed: %s\n", err.text);
		return 0;
	}
	(void)alarm(LIMIT_SECONDS);
	make_certificates();
	test_contexts();
	test_clients();
	test_refusals();
	test_strangers();
	test_acceptances();
	test_pieces();
	test_bad_handshakes();
	test_cuts();
	test_transfer();
	test_moving();
	test_pause();
	test_ends();
	lib = openssl_close(lib);
	remove_certificates();
	return tap_done();
}
