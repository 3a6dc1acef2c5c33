/* loopback.h - a socket of this machine's own, bound to a port that was free. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

/* The caller's; where it is bound goes to `*address`. */
static inline int loopback_bind(struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(*address);

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || bind(fd, (struct sockaddr *)address, n) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &n) < 0)
		abort();
	return fd;
}

/* Connects the caller's socket; from then on it does not block. Returns it. */
static inline int loopback_connect(int fd, const struct sockaddr_in *address)
{
	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		abort();
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}
