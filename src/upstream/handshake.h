/* handshake.h - the greeting of a server: what is asked first, in which era, and what its answer means. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "upstream/link.h"

enum { HANDSHAKE_HELLO_BYTES = 256 * 1024 };

/*
 * Chooses the era of the first greeting, link->era being the client's, and its words: `hello` where that is
 * the client's, else the same in the other era's. False: they are too long.
 */
bool handshake_prepare(struct link *link, struct span hello) MUST_CHECK;
/* Greets the server in the link's era. Its answer makes the link ready, has it greeted in the other era, or
 * ends it. */
void handshake_begin(struct link *link);
/* It was greeted before, by who lends his process: that was agreed, and this is its answer to the greeting.
 */
void handshake_adopt(struct link *link, enum era era, enum revision revision, struct span result);
/* No answer has come in time: it is greeted in the other era, or the link ends. */
void handshake_late(struct link *link);
/* By when the answer has to be there. */
uint64_t handshake_deadline(const struct link *link);

/* What the client says of itself does not fit. */
extern const char handshake_too_long[];
