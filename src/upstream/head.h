/* head.h - the heads of what is asked of a server over Streamable HTTP. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "upstream/link.h"

/*
 * Writes what does not change between a link's requests, from the end of the path on; anew when the
 * handshake or the session changes it. `session` may be empty.
 */
void head_common(struct buf *out, const struct link *link, struct span session);

/* Adds `method`, the server's path and the common part. */
void head_begin(struct buf *out, const struct link *link, struct span common, struct span method);

/* Adds the whole head of a POST of `length` bytes, its empty line included. */
void head_post(struct buf *out, const struct link *link, struct span common, const struct send_facts *facts,
	       size_t length);

/* Is it this media type, whatever its parameters? */
bool head_is_type(struct span value, struct span type);
