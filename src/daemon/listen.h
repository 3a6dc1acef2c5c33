/* listen.h - the sockets clients knock at, bound by the manager and kept through every restart. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"

enum { LISTENERS_MAX = 32 };

/* An address as clients say it: with the port it has, where the config asked for any. */
struct listener_name {
	char host[64]; /* without brackets */
	uint16_t port;
};

struct listeners {
	int fds[LISTENERS_MAX];
	size_t n;
	struct listener_name names[LISTENERS_MAX]; /* each once: "localhost" is one, and two sockets */
	size_t n_names;
};

/*
 * Binds and listens on each address, adding to `listeners`. "localhost" means 127.0.0.1 and [::1]. Sockets
 * that `kept` has for an address are taken from there (-1 is left in their place); NULL: there are none.
 *
 * Errors: ERR_SYSTEM with a sentence that names the address, the key it stands under and what to do; nothing
 * stays bound.
 */
int listeners_open(struct listeners *listeners, const struct conf_node *first, struct listeners *kept,
		   struct err *err) MUST_CHECK;
void listeners_close(struct listeners *listeners);

/* Adds "https://[::1]:7676/mcp". */
void listener_add_url(const struct listener_name *name, bool tls, struct buf *out);
