/* egress.h - the process that reaches out for those that cannot. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/log.h"
#include "egress/resolve.h"

enum {
	EGRESS_MAX_UNDER_WAY = 256,
	EGRESS_MAX_TARGETS = 1024,
	EGRESS_MAX_NAME = 256,	       /* bytes of a target's name */
	EGRESS_TIMEOUT_MS = 10 * 1000, /* look-up and connect together */
};

struct egress_options {
	const struct log *log;
	resolve_function resolve; /* NULL: resolve_system */
	void *resolve_owner;
	uint64_t timeout_ms; /* 0: EGRESS_TIMEOUT_MS */
};

/*
 * Runs until the manager's channel closes. Both channels speak net/dial.h and are taken over;
 * `worker_fd` may be -1 (DIAL_WORKER brings one later). Look-ups run on libuv's threads. Should
 * one hang when the manager is gone, the process is ended with _exit(2), for nothing else ends it.
 *
 * Errors:  ERR_SYSTEM, ERR_NOMEM: it could not begin.
 */
int egress_main(int manager_fd, int worker_fd, const struct egress_options *options, struct err *err)
    MUST_CHECK;
