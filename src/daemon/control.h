/* control.h - the gate's own socket: how commands of the same user speak to a running gate. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/wire.h"

/*
 * A SOCK_SEQPACKET socket in the data folder (0700), wire.h messages, the peer's uid checked.
 *
 * command → gate
 *   ASK_TOKEN_*     as in store/ask.h; handed on to the keeper, and its answer back
 *   CONTROL_STATUS  → CONTROL_STATE span JSON, the manager's own; one descriptor: a memfd with the worker's:
 *                   each an object, and no name is in both
 *   CONTROL_RELOAD  → CONTROL_DONE, or CONTROL_FAILED span text
 *   CONTROL_UPGRADE the program that is installed now takes the gate's place → CONTROL_DONE when it has, or
 *                   CONTROL_FAILED span text, and all is as it was. Which program that is, the gate knows
 *   CONTROL_YIELD   asks a gate that a command started for its own use to end
 *                   → CONTROL_DONE, and it drains; or CONTROL_KEPT u64 1 where it is such a gate, u64
 *                   how many hosts it has
 *   CONTROL_RUN     span name, span host ("": none; what the client's configuration calls it), u64 n,
 *                   n spans argv, u64 m, m spans "NAME=value"; three descriptors: in, out, the working
 *                   folder → CONTROL_RUNNING, later CONTROL_ENDED u64 code
 *   CONTROL_ATTACH  span host; two descriptors: in, out: the catalogue → the same
 *                   Both: CONTROL_LEAVING where the gate ends: nothing was taken, the next one may be asked
 * gate → command
 *   CONTROL_FAILED  span sentence
 */
enum control_kind {
	CONTROL_STATUS = 200,
	CONTROL_STATE,
	CONTROL_RELOAD,
	CONTROL_DONE,
	CONTROL_FAILED,
	CONTROL_RUN,
	CONTROL_RUNNING,
	CONTROL_ENDED,
	CONTROL_ATTACH,
	CONTROL_YIELD,
	CONTROL_KEPT,
	CONTROL_LEAVING,
	CONTROL_UPGRADE,
};

/* A socket's name is short, a path is not: it is bound and reached through its folder's descriptor. */
int control_listen(const char *path, int *out, struct err *err) MUST_CHECK;
/* ERR_MISSING where no gate listens there. */
int control_connect(const char *path, int *out, struct err *err) MUST_CHECK;
