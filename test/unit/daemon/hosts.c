/* hosts.c - the control socket: what is refused leaves nothing behind, what is taken is taken once. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/hosts.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/control.h"
#include "daemon/work.h"
#include "jail/launch.h"
#include "store/ask.h"
#include "tap.h"
#include "turns.h"

static struct loop loop;
static char store[WIRE_MAX_BYTES];
static char folder[64], path[80];
static unsigned reloads, idle, heard;

/* One of the gate's processes, with the test at its other end. */
struct peer {
	struct channel *channel;
	int fd;
};

static void on_message(void *owner, struct wire_in *in)
{
	(void)owner;
	(void)in;
	heard++;
}

static void on_gone(void *owner)
{
	(void)owner;
}

static void on_reload(void *owner)
{
	(void)owner;
	reloads++;
}

static void on_idle(void *owner)
{
	(void)owner;
	idle++;
}

static struct peer peer_open(void)
{
	static const struct channel_events events = { .on_message = on_message, .on_gone = on_gone };
	struct peer peer;
	int fds[2];

	if (wire_pair(fds, NULL) < 0)
		abort();
	peer.channel = channel_open(&loop, fds[0], &events, NULL, NULL);
	peer.fd = fds[1];
	return peer;
}

static void peer_close(struct peer *peer)
{
	peer->channel = channel_close(peer->channel);
	closep(&peer->fd);
}

static int dial(void)
{
	int fd = -1;

	if (control_connect(path, &fd, NULL) < 0)
		abort();
	return fd;
}

/* The next message at a descriptor; kind 0 where none comes. */
static struct wire_in next(int fd)
{
	struct wire_in in = { 0 };
	int got = 0;

	TURN_UNTIL(&loop, (got = wire_recv(fd, store, &in, NULL)) != 0);
	return got == 1 ? in : (struct wire_in){ 0 };
}

static bool is_silent(int fd)
{
	struct wire_in in;

	turn_a_while(&loop);
	return wire_recv(fd, store, &in, NULL) == 0;
}

static void send_to(int fd, struct wire_out *out)
{
	(void)!wire_send_wait(fd, out, 1000, NULL);
	wire_out_release(out);
}

/* Asks for a server of its own; with a word too many it is malformed. */
static void ask_run(int fd, bool whole)
{
	struct wire_out out = { 0 };
	int ends[2];

	if (pipe(ends) < 0)
		abort();
	wire_begin(&out, CONTROL_RUN, 0);
	wire_put_span(&out, S("files"));
	wire_put_span(&out, S(""));
	wire_put_u64(&out, 1);
	wire_put_span(&out, S("cat"));
	wire_put_u64(&out, 0);
	if (!whole)
		wire_put_u64(&out, 1);
	wire_put_fd(&out, ends[0]);
	wire_put_fd(&out, ends[1]);
	wire_put_fd(&out, ends[0]);
	send_to(fd, &out);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static size_t open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (dir && readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

static uint32_t kind_of(int fd)
{
	struct wire_in in = next(fd);

	wire_in_release(&in);
	return in.kind;
}

static void unknown(void)
{
	struct wire_out out = { 0 };
	int fd = dial();

	wire_begin(&out, 999, 5);
	send_to(fd, &out);
	is_int(kind_of(fd), CONTROL_FAILED, "an unknown question is refused");
	wire_begin(&out, ASK_TOKEN_LIST, 6);
	send_to(fd, &out);
	is_int(kind_of(fd), CONTROL_FAILED, "so is one to a process that is not there");
	(void)close(fd);
	turn_a_while(&loop);
}

static void malformed(struct hosts *hosts)
{
	struct peer launcher = peer_open(), worker = peer_open(), fresh = peer_open();
	size_t before;
	int fd;

	hosts_set_launcher(hosts, launcher.channel);
	hosts_set_worker(hosts, worker.channel);
	fd = dial();
	turn_a_while(&loop);
	before = open_fds();
	ask_run(fd, false);
	is_int(kind_of(fd), CONTROL_FAILED, "a request with something behind it is refused");
	turn_a_while(&loop);
	is_int(open_fds(), before, "nothing of it stays open");
	hosts_define(hosts, fresh.channel);
	ok(is_silent(fresh.fd) && is_silent(launcher.fd) && is_silent(worker.fd),
	   "and no process hears of it");
	ask_run(fd, true);
	is_int(kind_of(fd), CONTROL_RUNNING, "the next one is taken");
	is_int(kind_of(launcher.fd), LAUNCH_DEFINE, "the launcher learns the server");
	is_int(kind_of(worker.fd), WORK_STDIO, "the worker the host");
	is_int(open_fds(), before + 1, "only its folder is kept");
	ask_run(fd, true);
	is_int(kind_of(fd), CONTROL_FAILED, "a caller is one host");
	hosts_define(hosts, fresh.channel);
	is_int(kind_of(fresh.fd), LAUNCH_DEFINE, "a new launcher learns the server");
	ok(is_silent(fresh.fd), "once");
	(void)close(fd);
	is_int(kind_of(worker.fd), WORK_STDIO_END, "the caller leaves: the worker is told");
	is_int(kind_of(launcher.fd), LAUNCH_FORGET, "and so is the launcher");
	turn_a_while(&loop);
	is_int(open_fds(), before - 2, "nothing stays");
	hosts_set_worker(hosts, NULL);
	hosts_set_launcher(hosts, NULL);
	peer_close(&launcher);
	peer_close(&worker);
	peer_close(&fresh);
	turn_a_while(&loop);
}

static void reloading(struct hosts *hosts)
{
	struct wire_out out = { 0 };
	int fd = dial(), other = dial();
	struct wire_in in;

	wire_begin(&out, CONTROL_RELOAD, 7);
	send_to(fd, &out);
	TURN_UNTIL(&loop, reloads);
	ok(reloads == 1 && is_silent(fd), "who asks for a reload waits until it is over");
	hosts_reloaded(hosts, "no good");
	in = next(fd);
	ok(in.kind == CONTROL_FAILED && in.id == 7 && span_eq(wire_get_span(&in), S("no good")),
	   "and hears why it failed");
	hosts_reloaded(hosts, NULL);
	ok(is_silent(fd) && is_silent(other), "once; and who did not ask hears nothing");
	wire_begin(&out, CONTROL_RELOAD, 8);
	send_to(other, &out);
	TURN_UNTIL(&loop, reloads == 2);
	hosts_reloaded(hosts, NULL);
	in = next(other);
	ok(in.kind == CONTROL_DONE && in.id == 8, "or that it is done");
	(void)close(fd);
	(void)close(other);
	turn_a_while(&loop);
}

/* Kind, and what CONTROL_KEPT says of the hosts. */
static uint32_t ask_yield(int fd, uint64_t *n_hosts)
{
	struct wire_out out = { 0 };
	struct wire_in in;

	wire_begin(&out, CONTROL_YIELD, 0);
	send_to(fd, &out);
	in = next(fd);
	*n_hosts = in.kind == CONTROL_KEPT && wire_get_u64(&in) ? wire_get_u64(&in) : 0;
	wire_in_release(&in);
	return in.kind;
}

static void yielding(struct hosts *hosts, const char *theirs)
{
	struct peer launcher = peer_open(), worker = peer_open();
	int fd = dial(), host;
	uint64_t n = 0;

	is_int(ask_yield(fd, &n), CONTROL_KEPT, "a gate that serve started makes no room");
	(void)close(fd);
	(void)snprintf(path, sizeof(path), "%s", theirs);
	hosts_set_launcher(hosts, launcher.channel);
	hosts_set_worker(hosts, worker.channel);
	host = dial();
	ask_run(host, true);
	is_int(kind_of(host), CONTROL_RUNNING, "a host of a gate in the background");
	fd = dial();
	ok(ask_yield(fd, &n) == CONTROL_KEPT && n == 1 && idle == 0,
	   "it makes no room while the host is there");
	(void)close(host);
	is_int(kind_of(worker.fd), WORK_STDIO, "the host was made known");
	is_int(kind_of(worker.fd), WORK_STDIO_END, "the host leaves");
	host = dial();
	turn_a_while(&loop);
	ok(ask_yield(fd, &n) == CONTROL_DONE && idle == 1, "then it ends");
	hosts_close(hosts);
	ask_run(host, true);
	is_int(kind_of(host), CONTROL_LEAVING, "a host that had come before is sent to the next one");
	ok(is_silent(worker.fd), "and no process hears of it");
	(void)close(host);
	(void)close(fd);
	hosts_set_worker(hosts, NULL);
	hosts_set_launcher(hosts, NULL);
	peer_close(&launcher);
	peer_close(&worker);
	turn_a_while(&loop);
}

/* What has the socket's number by then is another's: an older gate is closed at its hand-over, and at its
 * end. */
static void closed_twice(struct hosts *hosts)
{
	static const struct channel_events events = { .on_message = on_message, .on_gone = on_gone };
	int number = hosts_control_fd(hosts), fds[2];
	struct wire_out out = { 0 };
	struct peer peer;

	hosts_close(hosts);
	if (wire_pair(fds, NULL) < 0)
		abort();
	if (fds[1] == number) {
		fds[1] = fds[0];
		fds[0] = number;
	} else if (fds[0] != number && dup2(fds[0], number) == number) {
		(void)close(fds[0]);
		fds[0] = number;
	}
	peer = (struct peer){ channel_open(&loop, fds[0], &events, NULL, NULL), fds[1] };
	turn_a_while(&loop);
	hosts_close(hosts);
	heard = 0;
	wire_begin(&out, WORK_DRAINED, 0);
	send_to(peer.fd, &out);
	turn_a_while(&loop);
	is_int(heard, 1, "closed twice, it takes nothing from who has its descriptor's number");
	peer_close(&peer);
	turn_a_while(&loop);
}

int main(void)
{
	struct hosts_options options = { .loop = &loop, .control = path, .on_reload = on_reload };
	struct hosts_options background = { .loop = &loop, .on_idle = on_idle, .makes_room = true };
	struct hosts *hosts, *other;
	char theirs[80];
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(folder, sizeof(folder), "/tmp/kanmon-hosts-XXXXXX");
	if (!ok(mkdtemp(folder) && loop_init(&loop, &err) == 0, "a folder and a loop"))
		return tap_done();
	(void)snprintf(path, sizeof(path), "%s/control.sock", folder);
	hosts = hosts_new(&options, &err);
	if (!ok(hosts, "a control socket: %s", err.text))
		return tap_done();
	unknown();
	malformed(hosts);
	reloading(hosts);
	(void)snprintf(theirs, sizeof(theirs), "%s/other.sock", folder);
	background.control = theirs;
	other = hosts_new(&background, &err);
	if (!ok(other, "a second control socket: %s", err.text))
		return tap_done();
	yielding(other, theirs);
	(void)hosts_free(other);
	(void)unlink(theirs);
	(void)snprintf(path, sizeof(path), "%s/control.sock", folder);
	closed_twice(hosts);
	ok(!hosts_free(hosts) && !hosts_free(NULL), "all is given back");
	loop_release(&loop);
	(void)unlink(path);
	(void)rmdir(folder);
	return tap_done();
}
