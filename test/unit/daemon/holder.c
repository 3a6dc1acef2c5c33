/* holder.c - the process that holds the gate's place: what it hears of its manager, and of its end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/holder.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "net/wire.h"
#include "tap.h"
#include "turns.h"

static struct loop loop;
static unsigned ends;

static void on_end(void *owner)
{
	(void)owner;
	ends++;
}

/* Ends with this code when it is let go. */
static pid_t start(int code, int *let_go)
{
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe(fds) < 0)
		abort();
	pid = fork();
	if (pid == 0) {
		(void)close(fds[1]);
		(void)!read(fds[0], &byte, 1);
		_exit(code);
	}
	(void)close(fds[0]);
	*let_go = fds[1];
	return pid;
}

/* Is there still somebody at the other end? */
static bool is_held(int fd)
{
	static char store[WIRE_MAX_BYTES];
	struct wire_in in;

	return wire_recv(fd, store, &in, NULL) == 0;
}

static void say_manager(int fd, pid_t pid)
{
	struct wire_out out = { 0 };

	wire_begin(&out, HOLD_MANAGER, 0);
	wire_put_u64(&out, (uint64_t)pid);
	if (wire_send_wait(fd, &out, 1000, NULL) < 0)
		abort();
	wire_out_release(&out);
}

/* `deaf`: there is no descriptor left for a channel. */
static void holds(bool deaf)
{
	struct holder holder = { .on_end = on_end };
	struct rlimit all, none;
	struct err err = ERR_INIT;
	int fds[2], let_go, opened;
	pid_t manager = start(7, &let_go);

	ends = 0;
	if (wire_pair(fds, &err) < 0 || getrlimit(RLIMIT_NOFILE, &all) < 0)
		abort();
	none = all;
	/* Room for nothing behind what is open. */
	none.rlim_cur = 0;
	if (deaf && setrlimit(RLIMIT_NOFILE, &none) < 0)
		abort();
	opened = holder_open(&holder, &loop, fds[0], manager, &err);
	(void)setrlimit(RLIMIT_NOFILE, &all);
	ok(opened == 0 && holder_holds(&holder) && holder.fd >= 0 && (holder.channel == NULL) == deaf,
	   "it holds the place%s", deaf ? ", though it can hear nothing" : "");
	turn_a_while(&loop);
	ok(!ends && is_held(fds[1]), "who is held sees that it is");
	(void)close(let_go);
	for (pid_t pid = 0; pid != manager; pid = holder_look())
		turn_a_while(&loop);
	holder_bury(&holder, manager);
	TURN_UNTIL(&loop, ends);
	ok(ends == 1 && holder.code == 7, "it hears of the manager's end, and how it was");
	holder_close(&holder);
	turn_a_while(&loop);
	ok(holder.fd < 0 && !is_held(fds[1]), "then it lets go of all");
	(void)close(fds[1]);
}

static void another(void)
{
	struct holder holder = { .on_end = on_end };
	struct err err = ERR_INIT;
	int fds[2], let_go;
	pid_t manager = start(0, &let_go);

	if (wire_pair(fds, &err) < 0 || holder_open(&holder, &loop, fds[0], 1 << 30, &err) < 0)
		abort();
	say_manager(fds[1], 1);
	turn_a_while(&loop);
	is_int(holder.manager, 1 << 30, "init is no manager");
	say_manager(fds[1], manager);
	TURN_UNTIL(&loop, holder.manager == manager);
	is_int(holder.manager, manager, "who says it is the manager is held");
	ok(holder_forward(&holder, 0), "and reached");
	holder_close(&holder);
	turn_a_while(&loop);
	(void)close(fds[1]);
	(void)close(let_go);
	(void)waitpid(manager, NULL, 0);
}

int main(void)
{
	struct err err = ERR_INIT;

	if (!ok(loop_init(&loop, &err) == 0, "a loop"))
		return tap_done();
	holds(false);
	holds(true);
	another();
	loop_release(&loop);
	return tap_done();
}
