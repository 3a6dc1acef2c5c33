/* silent.h - a channel whose far end is read by hand; what comes on it is ignored. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/channel.h"

static inline void silent_message(void *owner, struct wire_in *in)
{
	(void)owner;
	(void)in;
}

static inline void silent_gone(void *owner)
{
	(void)owner;
}

/* NULL where it cannot be had; the test's end goes to `*far`. */
static inline struct channel *silent_channel(struct loop *loop, int *far)
{
	static const struct channel_events nothing = { silent_message, silent_gone };
	int fds[2];

	if (wire_pair(fds, NULL) < 0)
		return NULL;
	*far = fds[1];
	return channel_open(loop, fds[0], &nothing, NULL, NULL);
}
