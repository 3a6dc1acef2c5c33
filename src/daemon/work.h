/* work.h - the words between the manager and the processes it starts. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/wire.h"

/*
 * A process of the gate is `kanmon --role NAME`; descriptor 3 is its channel to the manager, and the
 * first message on it is its set-up. What goes on between worker, launcher, egress and keeper is in
 * jail/launch.h, net/dial.h, store/ask.h.
 *
 * manager → every process
 *   WORK_SETUP   u64 log level, u64 JSON log, u64 colour (unused by processes), u64 TLS will be needed,
 *                u64 threads, 0 as many as fit, u64 calls numbered before (these two for the worker; 0 for
 *                others), then by role:
 *                worker: nothing more; two descriptors: ring memory, ring wake-up
 *                keeper: span data folder, span audit folder; three: worker's channel, ring memory, wake-up;
 *                or one, the channel: it has no log until WORK_LOG
 *                launcher, egress: one: the worker's channel
 *
 * manager → worker
 *   WORK_PEER    u64 enum work_peer; one descriptor: the channel. The peer is there (again).
 *   WORK_CONFIG  one descriptor: a sealed memfd with the worker's part of the config as JSON
 *   WORK_LISTEN  u64 enum work_listen; one descriptor: a listening socket
 *   WORK_STDIO   u64 host, span principal id, span principal name, span the definition of the server made
 *                for this host ("": the catalogue); two descriptors: in, out
 *   WORK_STDIO_END  u64 host
 *   WORK_STATUS  (a question) one descriptor: a memfd → WORK_STATE: the same one, with the state as JSON;
 *                none where it could not be written
 *   WORK_DRAIN   stop accepting, finish what is under way, then WORK_DRAINED
 *   WORK_RETIRE  u64 all: another gate goes on with the listening sockets: stop accepting without refusing
 *                anybody; `all`: channels that could stay end, too. WORK_RETIRED when only hosts are left
 *
 * worker → manager
 *   WORK_READY   the config is in force
 *   WORK_REFUSED span sentence: the config could not be taken
 *   WORK_STDIO_ENDED  u64 host, u64 0: it closed its input, or its output broke; 1: it could not be served,
 *                or took nothing of what waited for it
 *   WORK_STDIO_SERVER u64 host, u64 code, u64 signal: the server made for this host has exited
 *   WORK_DRAINED, WORK_RETIRED
 *   WORK_PEER_LOST    u64 enum work_peer, launcher or egress: the channel to it broke; where it lives on, it
 *                needs another
 *
 * manager → keeper
 *   WORK_PEER    as above: the channel of a new worker
 *   WORK_RING    u64 number; two descriptors, memory and wake-up: one more ring for WORK_LOG
 *   WORK_LOG     u64 1: take the log, and write to it what comes from the rings that were told; u64 0: write
 *                what waits, let go of the log and forget the rings. → WORK_LOG_DONE
 *
 * keeper → worker (on their own channel, unasked)
 *   WORK_AUDIT_KEY    span key: what digests in records are keyed with
 *
 * keeper → manager
 *   WORK_READY; WORK_REFUSED span sentence, and it exits
 *   WORK_WORKER_CUT   the worker did not take its answers, and its channel was closed: it needs another
 *   WORK_RING_BROKEN  u64 number: its worker wrote nonsense into the ring: it is to be ended, the ring reset
 *   WORK_LOG_DONE     u64 as asked, u64 bytes that still wait in the rings, span why it could not be had (""
 *                otherwise)
 */
enum work_kind {
	WORK_SETUP = 100, /* distinct from the kinds of launch.h, dial.h and ask.h on the same channels */
	WORK_PEER,
	WORK_CONFIG,
	WORK_LISTEN,
	WORK_STDIO,
	WORK_STDIO_END,
	WORK_STATUS,
	WORK_STATE,
	WORK_DRAIN,
	WORK_READY,
	WORK_REFUSED,
	WORK_STDIO_ENDED,
	WORK_STDIO_SERVER,
	WORK_DRAINED,
	WORK_RING_BROKEN,
	WORK_AUDIT_KEY,
	WORK_WORKER_CUT,
	WORK_PEER_LOST,
	WORK_RETIRE,
	WORK_RETIRED,
	WORK_RING,
	WORK_LOG,
	WORK_LOG_DONE,
};

enum work_peer { PEER_KEEPER, PEER_LAUNCHER, PEER_EGRESS };

enum work_listen { LISTEN_CLIENTS, LISTEN_METRICS, LISTEN_UNIX };

enum { WORK_FD = 3 };

struct log;

/* The processes' mains; `log` writes to stderr. They return the exit code. */
int worker_main(int manager_fd, struct log *log);
int keeper_main(int manager_fd, struct log *log);
int launcher_role_main(int manager_fd, struct log *log);
int egress_role_main(int manager_fd, struct log *log);
