/* wire.c - typed messages between the gate's own processes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/wire.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"

struct wire_head {
	uint32_t kind, id;
};

void wire_begin(struct wire_out *out, uint32_t kind, uint32_t id)
{
	struct wire_head head = { kind, id };

	if (out->bytes.max == 0)
		out->bytes = BUF_INIT(WIRE_MAX_BYTES);
	buf_clear(&out->bytes);
	out->n_fds = 0;
	buf_add(&out->bytes, span_of((const char *)&head, sizeof(head)));
}

void wire_put_u64(struct wire_out *out, uint64_t value)
{
	buf_add(&out->bytes, span_of((const char *)&value, sizeof(value)));
}

void wire_put_span(struct wire_out *out, struct span bytes)
{
	wire_put_u64(out, bytes.n);
	buf_add(&out->bytes, bytes);
}

void wire_put_fd(struct wire_out *out, int fd)
{
	check(out->n_fds < WIRE_MAX_FDS && fd >= 0);
	out->fds[out->n_fds++] = fd;
}

void wire_out_release(struct wire_out *out)
{
	buf_release(&out->bytes);
	out->n_fds = 0;
}

struct wire_in wire_in_of(const struct wire_out *out)
{
	struct wire_head head = { 0 };
	struct span bytes = buf_span(&out->bytes);

	if (bytes.n < sizeof(head))
		return (struct wire_in){ .bad = true };
	memcpy(&head, bytes.p, sizeof(head));
	return (struct wire_in){ .kind = head.kind, .id = head.id, .rest = span_skip(bytes, sizeof(head)) };
}

uint64_t wire_get_u64(struct wire_in *in)
{
	uint64_t value = 0;

	if (in->bad || in->rest.n < sizeof(value)) {
		in->bad = true;
		return 0;
	}
	memcpy(&value, in->rest.p, sizeof(value));
	in->rest = span_skip(in->rest, sizeof(value));
	return value;
}

struct span wire_get_span(struct wire_in *in)
{
	uint64_t n = wire_get_u64(in);
	struct span bytes;

	if (in->bad || n > in->rest.n) {
		in->bad = true;
		return S("");
	}
	bytes = span_of(in->rest.p, (size_t)n);
	in->rest = span_skip(in->rest, (size_t)n);
	return bytes;
}

int wire_get_fd(struct wire_in *in)
{
	if (in->bad || in->taken >= in->n_fds) {
		in->bad = true;
		return -1;
	}
	return in->fds[in->taken++];
}

bool wire_in_done(const struct wire_in *in)
{
	return !in->bad && in->rest.n == 0 && in->taken == in->n_fds;
}

void wire_in_release(struct wire_in *in)
{
	for (size_t i = in->taken; i < in->n_fds; i++)
		(void)close(in->fds[i]);
	in->n_fds = 0;
	in->taken = 0;
}

int wire_pair(int fds[2], struct err *err)
{
	int size = 4 * WIRE_MAX_BYTES;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return err_sys(err, "cannot make a socket pair");
	for (int i = 0; i < 2; i++)
		(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

int wire_send(int fd, const struct wire_out *out, struct err *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * WIRE_MAX_FDS)];
	} control = { 0 };
	struct iovec data = { .iov_base = out->bytes.p, .iov_len = out->bytes.n };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };
	ssize_t put;

	if (!buf_ok(&out->bytes))
		return err_set(err, ERR_LIMIT, "a message to another process is too long");
	if (out->n_fds) {
		struct cmsghdr *c;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * out->n_fds);
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * out->n_fds);
		memcpy(CMSG_DATA(c), out->fds, sizeof(int) * out->n_fds);
	}
	do
		put = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (put < 0 && errno == EINTR);
	if (put >= 0)
		return 1;
	if (errno == EAGAIN || errno == ENOBUFS)
		return 0;
	if (errno == EPIPE || errno == ECONNRESET)
		return err_set(err, ERR_CLOSED, "the other process is gone");
	return err_sys(err, "cannot send to another process");
}

static void take_fds(struct msghdr *message, struct wire_in *in)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > WIRE_MAX_FDS)
			n = WIRE_MAX_FDS;
		memcpy(in->fds, CMSG_DATA(c), n * sizeof(int));
		in->n_fds = n;
	}
}

int wire_recv(int fd, char *store, struct wire_in *in, struct err *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * WIRE_MAX_FDS)];
	} control = { 0 };
	struct iovec data = { .iov_base = store, .iov_len = WIRE_MAX_BYTES };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	struct wire_head head;
	bool reset = false, again;
	ssize_t got;

	*in = (struct wire_in){ 0 };
	do {
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		/* Said once, and before the other side's last words, where it left ours unread. */
		again = got < 0 && (errno == EINTR || (errno == ECONNRESET && !reset));
		reset |= got < 0 && errno == ECONNRESET;
	} while (again);
	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got < 0 && errno != ECONNRESET)
		return err_sys(err, "cannot receive from another process");
	if (got <= 0)
		return err_set(err, ERR_CLOSED, "the other process is gone");
	take_fds(&message, in);
	if ((size_t)got < sizeof(head) || (message.msg_flags & MSG_TRUNC)) {
		wire_in_release(in);
		return err_set(err, ERR_FORMAT, "another process sent a broken message");
	}
	memcpy(&head, store, sizeof(head));
	in->kind = head.kind;
	in->id = head.id;
	in->rest = span_of(store + sizeof(head), (size_t)got - sizeof(head));
	/* Not all of its descriptors could be had: who asks it for one finds it bad, and those after it are
	 * not. */
	if (message.msg_flags & MSG_CTRUNC)
		wire_in_release(in);
	return 1;
}

static int wait_for(int fd, short events, uint64_t deadline_ms, struct err *err)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		uint64_t now = clock_mono_ms();
		int n;

		if (now >= deadline_ms)
			return err_set(err, ERR_LIMIT, "another process did not answer in time");
		n = poll(&p, 1, (int)(deadline_ms - now));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(err, "cannot wait for another process");
	}
}

int wire_send_wait(int fd, const struct wire_out *out, int timeout_ms, struct err *err)
{
	uint64_t deadline = clock_mono_ms() + (uint64_t)timeout_ms;

	for (;;) {
		int sent = wire_send(fd, out, err);

		if (sent != 0)
			return sent < 0 ? -1 : 0;
		if (wait_for(fd, POLLOUT, deadline, err) < 0)
			return -1;
	}
}

int wire_recv_wait(int fd, char *store, struct wire_in *in, int timeout_ms, struct err *err)
{
	uint64_t deadline = clock_mono_ms() + (uint64_t)timeout_ms;

	for (;;) {
		int got = wire_recv(fd, store, in, err);

		if (got != 0)
			return got < 0 ? -1 : 0;
		if (wait_for(fd, POLLIN, deadline, err) < 0)
			return -1;
	}
}
