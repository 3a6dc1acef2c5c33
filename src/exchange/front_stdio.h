/* front_stdio.h - hosts on a pair of pipes: `kanmon run` and `kanmon serve --stdio`. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/worker.h"

struct stdio_front;

struct stdio_options {
	struct principal *principal; /* borrowed */
	struct server *only;	     /* NULL: the catalogue; borrowed */
	int in, out;		     /* taken over */
	/*
	 * The host closed its input and has what it asked for, or its output broke; or it took nothing of
	 * what waits for it, and is `cut`.
	 */
	void (*on_end)(void *owner, struct stdio_front *front, bool cut);
	void *owner;
};

/* NULL: `err` says why; the descriptors are closed. */
struct stdio_front *stdio_front_new(struct worker *worker, const struct stdio_options *options,
				    struct err *err);
/* Ends it: calls are given up, servers stopped. No event follows. Returns NULL. */
struct stdio_front *stdio_front_free(struct stdio_front *front);
