/* dialing.h - one way out: resolve, judge, connect to what was judged. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "egress/resolve.h"
#include "net/dial.h"
#include "net/loop.h"

/* Of this machine's own addresses so many are known. */
enum { DIALING_MAX_OWN = 256 };

struct target {
	char path[108]; /* of a unix socket; empty: a host */
	struct host host;
	uint16_t port;
	bool allow_private;
};

struct dialing;

struct dialing_options {
	struct loop *loop;
	const struct target *target; /* copied */
	resolve_function resolve;
	void *resolve_owner;
	uint64_t timeout_ms; /* for everything together */
	void *owner;
	/*
	 * The end, once, from the loop. `fd` is a connected socket that
	 * the callee owns; where it is -1, `failure` and `why` say what happened.
	 */
	void (*on_end)(void *owner, int fd, enum dial_failure failure, const char *why);
	/* It can be forgotten: nothing of it is left on the loop or on a thread. Comes after on_end. */
	void (*on_free)(void *owner);
};

/* NULL without memory; nothing is called back then. */
struct dialing *dialing_start(const struct dialing_options *options);

/* No end is wanted any more: on_end is not called, on_free still is. Harmless after the end. */
void dialing_cancel(struct dialing *dialing);
