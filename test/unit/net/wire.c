/* wire.c - messages between processes: short ones, lying ones, and the descriptors beside them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/wire.h"
#include "tap.h"

static char store[WIRE_MAX_BYTES];
static int pair[2];

static size_t open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (dir && readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

static void raw(const void *bytes, size_t n)
{
	(void)!send(pair[0], bytes, n, MSG_NOSIGNAL);
}

static void broken(void)
{
	struct err err = ERR_INIT;
	struct wire_in in;
	char large[WIRE_MAX_BYTES + 1] = { 0 };

	is_int(wire_recv(pair[1], store, &in, &err), 0, "nothing there: not yet");
	raw("1234567", 7);
	is_int(wire_recv(pair[1], store, &in, &err), -1, "shorter than its head");
	is_int(err.code, ERR_FORMAT, "is broken");
	raw(large, sizeof(large));
	is_int(wire_recv(pair[1], store, &in, &err), -1, "longer than can be");
	is_int(err.code, ERR_FORMAT, "is broken too");
	raw(large, 8);
	is_int(wire_recv(pair[1], store, &in, &err), 1, "a head alone is a message");
	ok(wire_in_done(&in), "without fields");
}

static void lies(void)
{
	static const uint64_t lengths[] = { 1, 9, UINT64_MAX, UINT64_MAX - 7, (uint64_t)1 << 32 };
	struct wire_in in;
	struct {
		uint32_t kind, id;
		uint64_t n;
	} packet = { 5, 0, 0 };

	for (size_t i = 0; i < COUNT(lengths); i++) {
		packet.n = lengths[i];
		raw(&packet, sizeof(packet));
		is_int(wire_recv(pair[1], store, &in, NULL), 1, "says %llu", (unsigned long long)lengths[i]);
		is_span(wire_get_span(&in), S(""), "nothing is read");
		ok(in.bad && !wire_in_done(&in), "and it is bad");
		is_int(wire_get_u64(&in), 0, "whatever is asked next");
		is_int(wire_get_fd(&in), -1, "of it");
	}
	packet.n = 7;
	raw(&packet, sizeof(packet));
	is_int(wire_recv(pair[1], store, &in, NULL), 1, "one number");
	ok(wire_get_u64(&in) == 7 && wire_in_done(&in), "is read");
	is_int(wire_get_u64(&in), 0, "a second is not there");
	ok(in.bad, "which is bad");
	raw(&packet, sizeof(packet));
	is_int(wire_recv(pair[1], store, &in, NULL), 1, "one number");
	ok(!wire_in_done(&in), "unread is not done");
}

static void descriptors(void)
{
	struct wire_out out = { 0 };
	struct wire_in in;
	size_t before = open_fds();
	int fd;

	wire_begin(&out, 3, 4);
	for (int i = 0; i < WIRE_MAX_FDS; i++)
		wire_put_fd(&out, pair[0]);
	is_int(wire_send(pair[0], &out, NULL), 1, "as many as there may be");
	is_int(wire_recv(pair[1], store, &in, NULL), 1, "arrive");
	ok(in.n_fds == WIRE_MAX_FDS && in.kind == 3 && in.id == 4, "all of them");
	ok(!wire_in_done(&in), "one who takes none is not done");
	fd = wire_get_fd(&in);
	ok(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC), "one is taken; it is closed by exec");
	wire_in_release(&in);
	is_int(open_fds(), before + 1, "the others are closed");
	(void)close(fd);
	is_int(wire_send(pair[0], &out, NULL), 1, "again");
	is_int(wire_recv(pair[1], store, &in, NULL), 1, "received");
	while ((fd = wire_get_fd(&in)) >= 0)
		(void)close(fd);
	ok(in.bad && in.taken == WIRE_MAX_FDS, "taking more than there are is bad");
	wire_in_release(&in);
	is_int(open_fds(), before, "and nothing is closed twice or left open");
	wire_out_release(&out);
}

/* More descriptors than a message has: none is taken, nothing leaks. */
static void too_many(void)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 2 * WIRE_MAX_FDS)];
	} control = { 0 };
	char text[16] = { 0 };
	struct iovec data = { text, sizeof(text) };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	int fds[2 * WIRE_MAX_FDS];
	size_t before = open_fds();
	struct err err = ERR_INIT;
	struct wire_in in;

	for (size_t i = 0; i < COUNT(fds); i++)
		fds[i] = pair[0];
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	is_int(sendmsg(pair[0], &message, 0), sizeof(text), "sixteen descriptors");
	ok(wire_recv(pair[1], store, &in, &err) == 1 && in.n_fds == 0, "come with a message that has none");
	is_int(open_fds(), before, "and closed");
}

/* The soft limit of descriptors; what it was. */
static rlim_t allow(rlim_t most)
{
	struct rlimit files = { 0 };
	rlim_t had;

	(void)getrlimit(RLIMIT_NOFILE, &files);
	had = files.rlim_cur;
	files.rlim_cur = most;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	return had;
}

/* The process has no descriptor left for what comes: that message is lost, and the conversation goes on. */
static void none_left(void)
{
	struct wire_out out = { 0 };
	struct wire_in in;
	size_t before = open_fds();
	rlim_t had;
	int got;

	wire_begin(&out, 3, 4);
	wire_put_fd(&out, pair[0]);
	is_int(wire_send(pair[0], &out, NULL), 1, "a descriptor is sent");
	had = allow(1);
	got = wire_recv(pair[1], store, &in, NULL);
	(void)allow(had);
	ok(got == 1 && in.id == 4 && wire_get_fd(&in) == -1 && in.bad,
	   "there is no room for it: the message is bad, and whose answer it is is known");
	is_int(open_fds(), before, "nothing stays open");
	is_int(wire_send(pair[0], &out, NULL), 1, "it is sent again");
	ok(wire_recv(pair[1], store, &in, NULL) == 1 && !in.bad, "and comes");
	wire_in_release(&in);
	wire_out_release(&out);
}

static void whole(void)
{
	struct wire_out out = { 0 };
	struct wire_in in;
	char bytes[300];

	memset(bytes, 'b', sizeof(bytes));
	wire_begin(&out, 7, 9);
	wire_put_u64(&out, UINT64_MAX);
	wire_put_span(&out, span_of(bytes, sizeof(bytes)));
	wire_put_span(&out, S(""));
	is_int(wire_send_wait(pair[0], &out, 1000, NULL), 0, "sent");
	is_int(wire_recv_wait(pair[1], store, &in, 1000, NULL), 0, "received");
	ok(in.kind == 7 && in.id == 9, "kind and id");
	ok(wire_get_u64(&in) == UINT64_MAX, "a number");
	is_span(wire_get_span(&in), span_of(bytes, sizeof(bytes)), "bytes");
	is_span(wire_get_span(&in), S(""), "no bytes");
	ok(wire_in_done(&in), "and that is all");
	wire_begin(&out, 8, 0);
	ok(out.bytes.n == 8 && out.n_fds == 0, "begun anew it is empty");
	wire_out_release(&out);
}

static void limits(void)
{
	static char large[WIRE_MAX_BYTES];
	struct wire_out out = { 0 };
	struct err err = ERR_INIT;
	struct wire_in in;
	int sent = 1, n = 0;

	wire_begin(&out, 1, 0);
	wire_put_span(&out, span_of(large, WIRE_MAX_BYTES - 15));
	is_int(wire_send(pair[0], &out, &err), -1, "one byte too long");
	is_int(err.code, ERR_LIMIT, "is a limit");
	wire_begin(&out, 1, 0);
	wire_put_span(&out, span_of(large, WIRE_MAX_BYTES - 16));
	is_int(wire_send(pair[0], &out, &err), 1, "the longest");
	is_int(wire_recv(pair[1], store, &in, &err), 1, "arrives");
	is_int(wire_get_span(&in).n, WIRE_MAX_BYTES - 16, "whole");
	while (n < 10000 && (sent = wire_send(pair[0], &out, &err)) == 1)
		n++;
	ok(sent == 0 && n > 0, "a full queue would block (after %d)", n);
	is_int(wire_send_wait(pair[0], &out, 1, &err), -1, "and waiting has an end");
	is_int(err.code, ERR_LIMIT, "which is a limit");
	while (wire_recv(pair[1], store, &in, NULL) == 1)
		n--;
	is_int(n, 0, "every one arrives");
	is_int(wire_recv_wait(pair[1], store, &in, 1, &err), -1, "waiting for nothing has an end, too");
	wire_out_release(&out);
}

static void the_end(void)
{
	struct wire_out out = { 0 };
	struct err err = ERR_INIT;
	struct wire_in in;

	wire_begin(&out, 1, 0);
	(void)close(pair[1]);
	is_int(wire_send(pair[0], &out, &err), -1, "nobody hears it");
	is_int(err.code, ERR_CLOSED, "and it is said that he is gone");
	is_int(wire_recv(pair[0], store, &in, &err), -1, "nobody says anything");
	is_int(err.code, ERR_CLOSED, "for he is gone");
	(void)close(pair[0]);
	wire_out_release(&out);
}

int main(void)
{
	struct err err = ERR_INIT;

	if (!ok(wire_pair(pair, &err) == 0, "a pair"))
		return tap_done();
	ok(fcntl(pair[0], F_GETFD) & FD_CLOEXEC, "closed by exec");
	broken();
	lies();
	descriptors();
	too_many();
	none_left();
	whole();
	limits();
	the_end();
	return tap_done();
}
