/* listen.h - the sockets clients knock at, bound by the manager and kept through every restart. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"

enum { LISTENERS_MAX = 32 };

struct listeners {
	int fds[LISTENERS_MAX];
	size_t n;
};

/*
 * Binds and listens on each address, adding to `listeners`. "localhost" means 127.0.0.1 and [::1].
 *
 * Errors: ERR_SYSTEM with a sentence that names the address and says what to do; nothing stays bound.
 */
int listeners_open(struct listeners *listeners, const struct conf_node *first, struct err *err) MUST_CHECK;

/* The port a listener really has, where the config asked for any; 0 where there is none. */
uint16_t listeners_port(const struct listeners *listeners, size_t i);
