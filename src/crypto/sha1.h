/* sha1.h - SHA-1, where a protocol names it and nothing rests on it: the handshake of a WebSocket. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

enum { SHA1_BYTES = 20 };

/*
 * SHA-1 of `bytes`. Collisions can be made: never for a name, a signature or a check of what was said.
 *
 * Source: RFC 3174.
 */
void sha1(struct span bytes, uint8_t out[SHA1_BYTES]);
