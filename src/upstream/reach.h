/* reach.h - a connection to a server that one link has for itself: dialled by egress, secured where asked. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/stream.h"
#include "upstream/link.h"

/* Embedded in its owner; zero is legal: nothing is under way. */
struct reach {
	struct link *link;
	struct question dial;
	const struct channel *asked; /* whom for it: only compared */
	struct stream *stream;	     /* that is being secured */
	uv_timer_t *limit;	     /* of the TLS handshake; NULL: none is going on */
	/* The connection, whose events are to be handed over at once. Comes from the loop. */
	void (*on_stream)(struct reach *reach, struct stream *stream);
};

/*
 * Begins to reach the link's server; on_stream follows, or link_fail() with LINK_START. False: `err` says why
 * not.
 */
bool reach_start(struct reach *reach, struct link *link, struct err *err);
/* Nothing follows. Harmless where nothing is under way. */
void reach_cancel(struct reach *reach);
