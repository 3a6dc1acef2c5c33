/* socket.h - the few socket calls that the benchmark programs share; IPv4 loopback only. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

/* A non-blocking listening socket on 127.0.0.1; -1 with errno set. */
MUST_CHECK int socket_listen(uint16_t port);

/* Takes one waiting connection, non-blocking and without Nagle; -1 with errno set. */
MUST_CHECK int socket_accept(int listener);

/* Connects to 127.0.0.1 (waiting for it), then non-blocking and without Nagle; -1 with errno set. */
MUST_CHECK int socket_connect(uint16_t port);

/* Adds `fd` to `epoll`, edge-triggered in both directions, with `tag` as its data; -1 with errno set. */
MUST_CHECK int socket_watch(int epoll, int fd, void *tag);

/* Raises the limit on open files to what the system allows. */
void socket_raise_limit(void);

/* Reads a port number; false where the text is none. */
MUST_CHECK bool socket_port(const char *text, uint16_t *port);
