/* notify.h - telling systemd how far the gate is. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Sends `state` ("READY=1") to $NOTIFY_SOCKET; does nothing where there is none. Source: sd_notify(3). */
void notify_systemd(const char *state);
