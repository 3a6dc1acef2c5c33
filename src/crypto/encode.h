/* encode.h - bytes as text: base64url without padding, and hex. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/* Characters that `n` bytes take. */
#define BASE64URL_CHARS(n) (((n)*4U + 2U) / 3U)

/* Adds `bytes` in base64 (RFC 4648 section 4), with padding. */
void base64_add(struct buf *out, struct span bytes);

/* Adds `bytes` in base64url (RFC 4648 section 5), without padding; constant time in the bytes. */
void base64url_add(struct buf *out, struct span bytes);

/*
 * Adds what `text` stands for. Strict: the URL alphabet only, no padding, no white space, and the
 * unused bits of the last character are zero, so that each value has one text.
 *
 * Errors: false, and `out` as before; also where out's ceiling is in the way (`over` is set then).
 */
bool base64url_decode(struct span text, struct buf *out) MUST_CHECK;
