/* notify.h - telling systemd how far the gate is. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/channel.h"

/* Zero: systemd is told by this process. */
struct notify {
	struct channel *holder; /* the process systemd knows, which passes it on; NULL: that is this one */
	bool quiet;		/* another gate speaks */
};

/* Sends `state` ("READY=1") to $NOTIFY_SOCKET; does nothing where there is none. Source: sd_notify(3). */
void notify_systemd(const char *state);
/* The same by whoever may. */
void notify_tell(const struct notify *notify, const char *state);
