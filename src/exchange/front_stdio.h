/* front_stdio.h - hosts on a pair of pipes: `kanmon run` and `kanmon serve --stdio`. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/worker.h"

struct stdio_front;

struct stdio_options {
	struct principal *principal; /* borrowed */
	struct server *only;	     /* NULL: the catalogue; borrowed */
	int in, out;		     /* taken over */
	/* The host closed its end, or the front was ended. */
	void (*on_end)(void *owner, struct stdio_front *front);
	void *owner;
};

/* NULL: `err` says why; the descriptors are closed. */
struct stdio_front *stdio_front_new(struct worker *worker, const struct stdio_options *options,
				    struct err *err);
/* Ends it: calls are given up, servers stopped. No event follows. Returns NULL. */
struct stdio_front *stdio_front_free(struct stdio_front *front);
