/* knock.h - does somebody answer at an address of this machine? */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "conf/conf.h"

/*
 * Connects; each step waits some seconds at most. "localhost" and "any address" mean 127.0.0.1 or ::1.
 *
 * Owner:  the caller closes the descriptor that is returned; -1 where nobody listens.
 */
int knock_open(const struct conf_address *address, struct err *err) MUST_CHECK;

/* The status of GET `path` in plain HTTP, or -1. */
int knock_status(const struct conf_address *address, const char *path, struct err *err) MUST_CHECK;
