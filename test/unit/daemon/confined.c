/* confined.c - the launcher and the egress process do their work inside their confinement. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/confine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>

#include "egress/egress.h"
#include "jail/fence.h"
#include "jail/launcher.h"
#include "net/dial.h"
#include "tap.h"

enum { WAIT_MS = 20 * 1000, NOBODY = 65534 };

struct bench {
	const char *who;
	int manager, worker, log;
	pid_t pid;
	struct wire_in in;
	char store[WIRE_MAX_BYTES];
};

/* No packet leaves the machine. */
static int resolve(void *owner, const char *host, struct address out[RESOLVE_MAX], struct err *err)
{
	(void)owner;
	(void)host;
	(void)err;
	out[0] = (struct address){ .bytes = { 127, 0, 0, 1 } };
	return 1;
}

static _Noreturn void run(enum role role, int manager, int worker, int log_fd)
{
	struct log log = { .fd = log_fd, .level = LOG_DEBUG, .role = role_name(role) };
	struct egress_options options = { .log = &log, .resolve = resolve };
	struct confine_report report;
	struct err err = ERR_INIT;
	int rc;

	if (confine(role, NULL, &report, &err) < 0)
		_exit(98);
	if (role == ROLE_LAUNCHER)
		rc = launcher_main(manager, worker, &log, &err);
	else
		rc = egress_main(manager, worker, &options, &err);
	_exit(rc < 0);
}

static void begin(struct bench *bench, enum role role, bool as_nobody)
{
	int manager[2], worker[2], log[2];

	*bench = (struct bench){ .who = as_nobody ? "as nobody" : "as we are" };
	if (wire_pair(manager, NULL) < 0 || wire_pair(worker, NULL) < 0 || pipe2(log, O_CLOEXEC) < 0)
		exit(1);
	(void)fflush(stdout);
	bench->pid = fork();
	if (bench->pid == 0) {
		(void)close(manager[0]);
		(void)close(worker[0]);
		if (as_nobody && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
				  setresuid(NOBODY, NOBODY, NOBODY)))
			_exit(97);
		run(role, manager[1], worker[1], log[1]);
	}
	if (bench->pid < 0)
		exit(1);
	(void)close(manager[1]);
	(void)close(worker[1]);
	(void)close(log[1]);
	bench->manager = manager[0];
	bench->worker = worker[0];
	bench->log = log[0];
}

static void finish(struct bench *bench)
{
	int status = -1;

	wire_in_release(&bench->in);
	closep(&bench->manager);
	(void)waitpid(bench->pid, &status, 0);
	closep(&bench->worker);
	closep(&bench->log);
	is_int(status, 0, "%s: it ends when the manager does", bench->who);
}

static uint32_t ask(struct bench *bench, int fd, struct wire_out *out)
{
	struct err err = ERR_INIT;

	wire_in_release(&bench->in);
	if (wire_send_wait(fd, out, WAIT_MS, &err) < 0 ||
	    wire_recv_wait(fd, bench->store, &bench->in, WAIT_MS, &err) < 0) {
		printf("# %s\n", err.text);
		bench->in = (struct wire_in){ 0 };
	}
	wire_out_release(out);
	return bench->in.kind;
}

/* What the first line of its log says of the fence, against what is possible here unconfined. */
static bool same_fence(struct bench *bench, const struct fence *fence)
{
	char text[1024];
	ssize_t got = read(bench->log, text, sizeof(text));
	struct span line = span_of(text, got > 0 ? (size_t)got : 0);

	return span_contains(line, S("Each server has a pid namespace")) == (fence->pids && fence->proc);
}

static void test_launcher(bool as_nobody)
{
	struct fence_gap gap;
	struct fence fence = fence_probe(&gap);
	struct wire_out out = { 0 };
	struct bench bench;

	begin(&bench, ROLE_LAUNCHER, as_nobody);
	wire_begin(&out, LAUNCH_DEFINE, 1);
	wire_put_span(&out, S("true"));
	wire_put_span(&out, S(""));
	wire_put_u64(&out, 1);
	wire_put_span(&out, S("true"));
	wire_put_u64(&out, 0);
	is_int(ask(&bench, bench.manager, &out), LAUNCH_DEFINED, "%s: a server is defined", bench.who);
	wire_begin(&out, LAUNCH_START, 2);
	wire_put_span(&out, S("true"));
	wire_put_u64(&out, 1);
	is_int(ask(&bench, bench.worker, &out), LAUNCH_STARTED, "%s: and started", bench.who);
	wire_in_release(&bench.in);
	ok(wire_recv_wait(bench.worker, bench.store, &bench.in, WAIT_MS, NULL) == 0 &&
	       bench.in.kind == LAUNCH_EXITED,
	   "%s: and ends", bench.who);
	ok(same_fence(&bench, &fence), "%s: confinement costs no fence", bench.who);
	finish(&bench);
}

static void test_egress(bool as_nobody)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	socklen_t size = sizeof(name);
	struct wire_out out = { 0 };
	struct bench bench;
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listening, (struct sockaddr *)&name, size) < 0 || listen(listening, 4) < 0 ||
	    getsockname(listening, (struct sockaddr *)&name, &size) < 0)
		exit(1);
	begin(&bench, ROLE_EGRESS, as_nobody);
	wire_begin(&out, DIAL_DEFINE, 1);
	wire_put_span(&out, S("t"));
	wire_put_span(&out, S("localhost"));
	wire_put_u64(&out, ntohs(name.sin_port));
	wire_put_u64(&out, 0);
	is_int(ask(&bench, bench.manager, &out), DIAL_DEFINED, "%s: a target is defined", bench.who);
	wire_begin(&out, DIAL_CONNECT, 2);
	wire_put_span(&out, S("t"));
	is_int(ask(&bench, bench.worker, &out), DIAL_DONE, "%s: and connected", bench.who);
	/* A thread, and the list of this machine's addresses. */
	wire_begin(&out, DIAL_DEFINE, 3);
	wire_put_span(&out, S("n"));
	wire_put_span(&out, S("name.test"));
	wire_put_u64(&out, 1);
	wire_put_u64(&out, 0);
	(void)ask(&bench, bench.manager, &out);
	wire_begin(&out, DIAL_CONNECT, 4);
	wire_put_span(&out, S("n"));
	ok(ask(&bench, bench.worker, &out) == DIAL_FAILED && wire_get_u64(&bench.in) == DIAL_ADDRESS_REFUSED,
	   "%s: a name is looked up and its address judged", bench.who);
	finish(&bench);
	closep(&listening);
}

int main(void)
{
	test_launcher(false);
	test_egress(false);
	if (geteuid() == 0) {
		test_launcher(true);
		test_egress(true);
	} else {
		ok(true, "as nobody # SKIP only root can change its user");
	}
	return tap_done();
}
