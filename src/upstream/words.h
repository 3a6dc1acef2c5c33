/* words.h - what a server says of its own, where the gate repeats it: in a reason, in the log. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "upstream/link.h"

/* `words`, or a note that they are withheld: they look like they hold a secret, or nobody can tell. */
struct span words_shown(const struct upstream *upstream, struct span words);

/* Adds the message of an error (MESSAGE_ERROR), looked at as a whole and cut to the room there is. */
void words_add_error(struct buf *out, const struct upstream *upstream, const struct message *message);
