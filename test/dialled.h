/* dialled.h - the egress played by hand: a dial gets one end of a pair, the test has the other. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/dial.h"

/* Answers the dial `id` on `dials`. The test's end, which does not block; the caller's. */
static inline int dialled(int dials, uint32_t id)
{
	struct wire_out out = { 0 };
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		abort();
	wire_begin(&out, DIAL_DONE, id);
	wire_put_u64(&out, 0);
	wire_put_fd(&out, fds[0]);
	(void)!wire_send_wait(dials, &out, 1000, NULL);
	wire_out_release(&out);
	(void)close(fds[0]);
	return fds[1];
}
