/* egress.c - the egress process against listeners on the loopback interface. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/egress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "net/dial.h"
#include "tap.h"

enum { WAIT_MS = 20 * 1000, SHORT_MS = 300 };

struct bench {
	int manager, worker;
	pid_t pid;
	struct wire_in in;
	char store[WIRE_MAX_BYTES];
};

static const struct {
	const char *host;
	const char *addresses[3];
} names[] = {
	{ "loop.test", { "127.0.0.1" } },
	{ "meta.test", { "169.254.169.254" } },
	{ "private.test", { "10.0.0.1" } },
	{ "mapped.test", { "::ffff:127.0.0.1" } },
	{ "nat64.test", { "64:ff9b::7f00:1" } },
	/* The first is fine, and nothing listens there; the second is what it is about. */
	{ "mixed.test", { "::ffff:8.8.8.8", "127.0.0.1" } },
	{ "empty.test", { NULL } },
	{ "second.test", { "127.0.0.2", "127.0.0.1" } },
};

/* The resolver of the test: no packet leaves the machine. */
static int resolve(void *owner, const char *host, struct address out[RESOLVE_MAX], struct err *err)
{
	(void)owner;
	if (strcmp(host, "hang.test") == 0)
		(void)sleep(1);
	for (size_t i = 0; i < COUNT(names); i++) {
		int n = 0;

		if (strcmp(names[i].host, host) != 0)
			continue;
		for (; n < 3 && names[i].addresses[n]; n++) {
			out[n] = (struct address){ .v6 = strchr(names[i].addresses[n], ':') != NULL };
			(void)inet_pton(out[n].v6 ? AF_INET6 : AF_INET, names[i].addresses[n], out[n].bytes);
		}
		return n;
	}
	return err_set(err, ERR_MISSING, "%s does not resolve", host);
}

static void begin(struct bench *bench, uint64_t timeout_ms)
{
	int manager[2], worker[2];

	*bench = (struct bench){ 0 };
	if (wire_pair(manager, NULL) < 0 || wire_pair(worker, NULL) < 0)
		exit(1);
	(void)fflush(stdout);
	bench->pid = fork();
	if (bench->pid == 0) {
		struct log log = { .fd = open("/dev/null", O_WRONLY), .level = LOG_DEBUG, .role = "egress" };
		struct egress_options options = { .log = &log, .resolve = resolve, .timeout_ms = timeout_ms };

		(void)close(manager[0]);
		(void)close(worker[0]);
		exit(egress_main(manager[1], worker[1], &options, NULL) < 0);
	}
	if (bench->pid < 0)
		exit(1);
	(void)close(manager[1]);
	(void)close(worker[1]);
	bench->manager = manager[0];
	bench->worker = worker[0];
}

static void finish(struct bench *bench, const char *when)
{
	int status = -1;

	wire_in_release(&bench->in);
	closep(&bench->manager);
	(void)waitpid(bench->pid, &status, 0);
	closep(&bench->worker);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "without a manager it ends %s", when);
}

static void send_to(int fd, struct wire_out *out)
{
	if (wire_send_wait(fd, out, WAIT_MS, NULL) < 0)
		printf("# cannot send\n");
	wire_out_release(out);
}

static uint32_t receive(struct bench *bench, int fd)
{
	struct err err = ERR_INIT;

	wire_in_release(&bench->in);
	if (wire_recv_wait(fd, bench->store, &bench->in, WAIT_MS, &err) == 0)
		return bench->in.kind;
	printf("# receive: %s\n", err.text);
	bench->in = (struct wire_in){ 0 };
	return 0;
}

static uint32_t define(struct bench *bench, const char *name, const char *host, uint64_t port, uint64_t flags)
{
	struct wire_out out = { 0 };

	wire_begin(&out, DIAL_DEFINE, 9);
	wire_put_span(&out, span_str(name));
	wire_put_span(&out, span_str(host));
	wire_put_u64(&out, port);
	wire_put_u64(&out, flags);
	send_to(bench->manager, &out);
	return receive(bench, bench->manager);
}

static void ask(struct bench *bench, const char *name, uint32_t id)
{
	struct wire_out out = { 0 };

	wire_begin(&out, DIAL_CONNECT, id);
	wire_put_span(&out, span_str(name));
	send_to(bench->worker, &out);
}

/* The connected socket, or -1 with the failure and its sentence. */
static int dial(struct bench *bench, const char *name, uint64_t *failure, struct span *why)
{
	int fd = -1;

	*failure = 0;
	*why = S("");
	ask(bench, name, 5);
	if (receive(bench, bench->worker) == 0 || bench->in.id != 5)
		return -1;
	*failure = wire_get_u64(&bench->in);
	if (bench->in.kind == DIAL_DONE)
		fd = wire_get_fd(&bench->in);
	else
		*why = wire_get_span(&bench->in);
	return wire_in_done(&bench->in) ? fd : -1;
}

static int listener(const char *text, int backlog, uint16_t *port)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	socklen_t size = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)inet_pton(AF_INET, text, &name.sin_addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)(void *)&name, size) < 0 || listen(fd, backlog) < 0 ||
	    getsockname(fd, (struct sockaddr *)(void *)&name, &size) < 0)
		exit(1);
	*port = ntohs(name.sin_port);
	return fd;
}

static void expect_refused(struct bench *bench, const char *name, enum dial_failure want, const char *words)
{
	uint64_t failure;
	struct span why;
	int fd = dial(bench, name, &failure, &why);

	ok(fd < 0 && failure == (uint64_t)want && span_contains(why, span_str(words)),
	   "%s is refused (%d): %.*s", name, (int)want, SPAN_ARG(why));
	closep(&fd);
}

static bool nobody_came(int listening)
{
	struct pollfd p = { .fd = listening, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

static void test_definitions(struct bench *bench)
{
	static const char *const bad[] = { "0x7f.1", "2130706433", "127.1",    "0177.0.0.1",
					   "",	     "a b",	   "fe80::1%1" };

	for (size_t i = 0; i < COUNT(bad); i++)
		is_int(define(bench, "bad", bad[i], 80, 0), DIAL_FAILED, "host '%s' cannot be defined",
		       bad[i]);
	is_int(define(bench, "bad", "127.0.0.1", 0, 0), DIAL_FAILED, "nor port 0");
	is_int(define(bench, "bad", "127.0.0.1", 65536, 0), DIAL_FAILED, "nor port 65536");
	is_int(define(bench, "bad", "127.0.0.1", 80, 4), DIAL_FAILED, "nor an unknown flag");
	is_int(define(bench, "", "127.0.0.1", 80, 0), DIAL_FAILED, "nor an empty name");
	expect_refused(bench, "bad", DIAL_UNKNOWN_TARGET, "names no such target");
}

static void test_refused(struct bench *bench, uint16_t port, int listening)
{
	static const struct {
		const char *host, *words;
		bool also_loose;
	} cases[] = {
		{ "loop.test", "loopback", false },   { "meta.test", "metadata", true },
		{ "private.test", "private", false }, { "mapped.test", "loopback", false },
		{ "nat64.test", "loopback", false },  { "mixed.test", "127.0.0.1", false },
		{ "second.test", "loopback", false },
	};
	struct wire_out out = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		is_int(define(bench, "t", cases[i].host, port, 0), DIAL_DEFINED, "%s is defined",
		       cases[i].host);
		expect_refused(bench, "t", DIAL_ADDRESS_REFUSED, cases[i].words);
		if (!cases[i].also_loose)
			continue;
		(void)define(bench, "t", cases[i].host, port, DIAL_ALLOW_PRIVATE);
		expect_refused(bench, "t", DIAL_ADDRESS_REFUSED, cases[i].words);
	}
	(void)define(bench, "t", "empty.test", port, DIAL_ALLOW_PRIVATE);
	expect_refused(bench, "t", DIAL_NO_NAME, "no address");
	(void)define(bench, "t", "absent.test", port, DIAL_ALLOW_PRIVATE);
	expect_refused(bench, "t", DIAL_NO_NAME, "does not resolve");
	ok(nobody_came(listening), "nobody came to the listener");

	wire_begin(&out, DIAL_CONNECT, 6);
	send_to(bench->worker, &out);
	ok(receive(bench, bench->worker) == DIAL_FAILED && bench->in.id == 6 &&
	       wire_get_u64(&bench->in) == DIAL_UNKNOWN_TARGET,
	   "a question without a name is refused");
	wire_begin(&out, DIAL_DEFINE, 6);
	wire_put_span(&out, S("evil"));
	wire_put_span(&out, S("127.0.0.1"));
	wire_put_u64(&out, port);
	wire_put_u64(&out, 0);
	send_to(bench->worker, &out);
	expect_refused(bench, "evil", DIAL_UNKNOWN_TARGET, "names no such target");
}

static void expect_connected(struct bench *bench, const char *host, uint16_t port, uint64_t flags,
			     int listening)
{
	int fd, there, value = 0;
	socklen_t size = sizeof(value);
	uint64_t failure;
	struct span why;
	char text[8] = "";

	is_int(define(bench, "t", host, port, flags), DIAL_DEFINED, "%s is defined", host);
	fd = dial(bench, "t", &failure, &why);
	if (!ok(fd >= 0, "%s is connected %.*s", host, SPAN_ARG(why)))
		return;
	there = accept(listening, NULL, NULL);
	ok(write(fd, "hello", 5) == 5 && read(there, text, sizeof(text)) == 5, "and bytes go through");
	ok(fcntl(fd, F_GETFL) & O_NONBLOCK, "it is non-blocking");
	ok(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size) == 0 && value, "without delay");
	ok(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &size) == 0 && value, "kept alive");
	closep(&fd);
	is_int(read(there, text, sizeof(text)), 0, "egress kept no copy of it");
	closep(&there);
}

/* A socket of this machine is reached by its path alone, and only where the manager named it. */
static void test_path(struct bench *bench)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/kanmon-egress-XXXXXX", path[64], file[64], longest[109] = "";
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	uint64_t failure;
	struct span why;

	if (!mkdtemp(folder))
		exit(1);
	(void)snprintf(path, sizeof(path), "%s/s", folder);
	(void)snprintf(file, sizeof(file), "%s/file", folder);
	is_int(define(bench, "p", "relative", 0, DIAL_UNIX), DIAL_FAILED, "a path that is not absolute");
	is_int(define(bench, "p", path, 80, DIAL_UNIX), DIAL_FAILED, "one with a port");
	is_int(define(bench, "p", path, 0, DIAL_UNIX | DIAL_ALLOW_PRIVATE), DIAL_FAILED,
	       "one with another flag");
	memset(longest, '/', sizeof(longest) - 1);
	is_int(define(bench, "p", longest, 0, DIAL_UNIX), DIAL_FAILED, "one of 108 bytes");
	longest[107] = '\0';
	is_int(define(bench, "p", longest, 0, DIAL_UNIX), DIAL_DEFINED, "but one of 107");
	is_int(define(bench, "p", path, 0, DIAL_UNIX), DIAL_DEFINED, "a socket is named");
	expect_refused(bench, "p", DIAL_NO_CONNECTION, "there is no socket");
	(void)snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	if (bind(listening, (struct sockaddr *)&name, sizeof(name)) < 0)
		exit(1);
	expect_refused(bench, "p", DIAL_NO_CONNECTION, "nobody listens");
	if (listen(listening, 4) < 0)
		exit(1);
	fd = dial(bench, "p", &failure, &why);
	ok(fd >= 0 && !nobody_came(listening), "it is reached");
	closep(&fd);
	(void)close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	(void)define(bench, "p", file, 0, DIAL_UNIX);
	expect_refused(bench, "p", DIAL_NO_CONNECTION, "nobody listens");
	(void)unlink(path);
	(void)unlink(file);
	(void)rmdir(folder);
	closep(&listening);
}

static void test_new_worker(struct bench *bench, uint16_t port, int listening)
{
	struct wire_out out = { 0 };
	int fds[2];

	closep(&bench->worker);
	if (wire_pair(fds, NULL) < 0)
		return;
	wire_begin(&out, DIAL_WORKER, 0);
	wire_put_fd(&out, fds[1]);
	send_to(bench->manager, &out);
	(void)close(fds[1]);
	bench->worker = fds[0];
	expect_connected(bench, "127.0.0.1", port, 0, listening);
	wire_begin(&out, DIAL_FORGET, 0);
	wire_put_span(&out, S("t"));
	send_to(bench->manager, &out);
	is_int(define(bench, "other", "127.0.0.1", port, 0), DIAL_DEFINED, "another is defined");
	expect_refused(bench, "t", DIAL_UNKNOWN_TARGET, "names no such target");
}

/* A listener whose queue is full does not answer: the only silence the loopback interface has. */
static void test_silence(void)
{
	struct bench bench;
	uint16_t port;
	int listening = listener("127.0.0.1", 0, &port), fds[8];
	uint64_t failure;
	struct span why;
	int got;

	begin(&bench, SHORT_MS);
	(void)define(&bench, "silent", "127.0.0.1", port, 0);
	for (size_t i = 0; i < COUNT(fds); i++) {
		struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(port) };

		name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(fds[i], (struct sockaddr *)(void *)&name, sizeof(name));
	}
	got = dial(&bench, "silent", &failure, &why);
	ok(got < 0 && failure == DIAL_TIMEOUT, "silence is a timeout: %.*s", SPAN_ARG(why));
	for (size_t i = 0; i < COUNT(fds); i++)
		closep(&fds[i]);
	closep(&listening);

	(void)define(&bench, "hang", "hang.test", port, 0);
	got = dial(&bench, "hang", &failure, &why);
	ok(got < 0 && failure == DIAL_TIMEOUT, "so is a resolver that hangs: %.*s", SPAN_ARG(why));
	finish(&bench, "with a look-up that hangs");
}

/* More than 256 at a time: the rest is told so, and a cancelled one gets no answer. */
static void test_many(void)
{
	struct bench bench;
	size_t busy = 0;
	struct wire_out out = { 0 };

	begin(&bench, WAIT_MS);
	(void)define(&bench, "hang", "hang.test", 80, 0);
	for (uint32_t i = 1; i <= EGRESS_MAX_UNDER_WAY + 4; i++)
		ask(&bench, "hang", i);
	for (size_t i = 0; i < 4; i++)
		busy += receive(&bench, bench.worker) == DIAL_FAILED && bench.in.id > EGRESS_MAX_UNDER_WAY &&
			wire_get_u64(&bench.in) == DIAL_BUSY;
	is_int(busy, 4, "what is too many is refused at once");
	for (uint32_t i = 1; i <= EGRESS_MAX_UNDER_WAY; i++) {
		wire_begin(&out, DIAL_CANCEL, i);
		send_to(bench.worker, &out);
	}
	ask(&bench, "unknown", 999);
	ok(receive(&bench, bench.worker) == DIAL_FAILED && bench.in.id == 999,
	   "what was cancelled is silent");
	finish(&bench, "with many under way");
}

/* Without /etc/hosts, and whatever a name server would say. */
static void test_localhost(void)
{
	static const char *const own_names[] = { "localhost", "LocalHost", "app.localhost" };

	for (size_t i = 0; i < COUNT(own_names); i++) {
		struct address out[RESOLVE_MAX];

		ok(resolve_system(NULL, own_names[i], out, NULL) == 2 && !out[0].v6 &&
		       memcmp(out[0].bytes, "\x7f\0\0\1", 4) == 0 && out[1].v6 && out[1].bytes[15] == 1,
		   "%s is this machine", own_names[i]);
	}
}

int main(void)
{
	struct bench bench;
	uint16_t port, closed_port;
	int listening = listener("127.0.0.1", 8, &port), closed = listener("127.0.0.1", 1, &closed_port);

	closep(&closed);
	begin(&bench, 0);
	test_definitions(&bench);
	test_refused(&bench, port, listening);
	(void)define(&bench, "closed", "127.0.0.1", closed_port, 0);
	expect_refused(&bench, "closed", DIAL_NO_CONNECTION, "refused");
	expect_connected(&bench, "127.0.0.1", port, 0, listening);
	expect_connected(&bench, "::ffff:127.0.0.1", port, 0, listening);
	expect_connected(&bench, "localhost", port, 0, listening);
	expect_connected(&bench, "loop.test", port, DIAL_ALLOW_PRIVATE, listening);
	expect_connected(&bench, "second.test", port, DIAL_ALLOW_PRIVATE, listening);
	test_path(&bench);
	test_new_worker(&bench, port, listening);
	finish(&bench, "at once");
	closep(&listening);
	test_silence();
	test_many();
	test_localhost();
	return tap_done();
}
