/* handshake.h - the greeting of a server: what is asked first, and what its answer means. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "upstream/link.h"

/* Greets the server in the link's era. Its answer makes the link ready, or ends it. */
void handshake_begin(struct link *link);
/* No answer has come in time: the link ends. */
void handshake_late(struct link *link);

/* Why a client of `era` and a server of the other one do not come together. */
const char *handshake_mismatch_text(enum era era);
/* What the client says of itself does not fit. */
extern const char handshake_too_long[];
