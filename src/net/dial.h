/* dial.h - how a process without socket() reaches out: it asks the egress process. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/wire.h"

/*
 * The words between the worker and the egress process (a wire.h channel). A target is a name the
 * manager gave to egress beforehand (host, port and address rules are in egress's own
 * configuration), so a worker can reach nothing the config does not name.
 *
 * manager → egress
 *   DIAL_DEFINE   span target, span host, u64 port, u64 flags (DIAL_ALLOW_PRIVATE, DIAL_UNIX); replaces what
 *                 the name meant. Where it has an id, it is answered with DIAL_DEFINED, or DIAL_FAILED with
 *                 DIAL_BAD_TARGET.
 *   DIAL_FORGET   span target; connects under way go on
 *   DIAL_WORKER   one descriptor: the channel of a new worker. What the one before asked for is dropped.
 * worker and egress
 *   DIAL_CONNECT  worker → egress   span target
 *   DIAL_DONE     egress → worker   u64 0, then one descriptor: a connected, non-blocking socket
 *   DIAL_FAILED   egress → worker   u64 enum dial_failure, span sentence (for operators)
 *   DIAL_CANCEL   worker → egress   (id of the DIAL_CONNECT that is no longer wanted)
 */
enum dial_kind {
	DIAL_CONNECT = 1,
	DIAL_DONE,
	DIAL_FAILED,
	DIAL_CANCEL,
	DIAL_DEFINE,
	DIAL_FORGET,
	DIAL_WORKER,
	DIAL_DEFINED,
};

/*
 * The host's name may resolve to private, loopback, shared (CGNAT) and our own addresses, because
 * the config says so. A host that is a literal address or "localhost" needs no flag.
 */
enum dial_flag {
	DIAL_ALLOW_PRIVATE = 1,
	DIAL_UNIX = 2, /* the host is the absolute path of a unix socket, the port 0 */
};

enum dial_failure {
	DIAL_UNKNOWN_TARGET = 1, /* the config names no such target */
	DIAL_NO_NAME,		 /* the host's name does not resolve */
	DIAL_ADDRESS_REFUSED,	 /* it resolves to an address the rules refuse */
	DIAL_NO_CONNECTION,	 /* nothing listens, or no route */
	DIAL_TIMEOUT,
	DIAL_BUSY,	 /* too many connects are under way */
	DIAL_BAD_TARGET, /* a definition that cannot be used */
};
