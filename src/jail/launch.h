/* launch.h - the words between the launcher and those who may speak to it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/wire.h"

/*
 * The launcher starts servers. What a server is (argv, environment, folder) comes only from the
 * manager; the worker only says which one, and for which instance. Two channels, one a side.
 *
 * manager → launcher
 *   LAUNCH_DEFINE   span server, span cwd ("" = the launcher's own), u64 n, n spans argv, u64 m, m spans
 *                   "NAME=value"; replaces what the name meant (running instances stay).
 *                   With one descriptor: a folder to start in, instead of cwd. Where it has an id, it is
 *                   answered with LAUNCH_DEFINED, or LAUNCH_FAILED and what is wrong with it.
 *   LAUNCH_FORGET   span server; its instances are stopped
 *   LAUNCH_WORKER   one descriptor: the channel of a new worker. The instances of the one before are stopped;
 *                   their ends are told to the manager only.
 * worker → launcher
 *   LAUNCH_START    span server, u64 instance (unique among running ones)
 *   LAUNCH_STOP     u64 instance, u64 grace_ms: the worker has closed its stdin, as the MCP specification
 *                   asks; SIGTERM where it has not exited after LAUNCH_EXIT_MS, SIGKILL after the grace
 *                   more. Without a grace: SIGKILL at once.
 * launcher → worker
 *   LAUNCH_STARTED  (id of LAUNCH_START) u64 pid, then three descriptors: stdin to write, stdout and stderr
 *                   to read, all non-blocking
 *   LAUNCH_FAILED   (id of LAUNCH_START) u64 errno, span sentence
 *   LAUNCH_EXITED   u64 instance, u64 exit code, u64 signal (0: none); also sent to the manager with
 *                   span server in front
 */
enum launch_kind {
	LAUNCH_DEFINE = 1,
	LAUNCH_FORGET,
	LAUNCH_START,
	LAUNCH_STOP,
	LAUNCH_STARTED,
	LAUNCH_FAILED,
	LAUNCH_EXITED,
	LAUNCH_WORKER,
	LAUNCH_DEFINED,
};

enum {
	LAUNCH_MAX_ARGS = 256,
	LAUNCH_MAX_ENV = 256,
	LAUNCH_MAX_INSTANCES = 1024,
	LAUNCH_MAX_SERVERS = 1024,
	LAUNCH_MAX_NAME = 256,		 /* bytes of a server's name */
	LAUNCH_MAX_GRACE_MS = 60 * 1000, /* more is this much */
	LAUNCH_EXIT_MS = 2000,		 /* from the end of a server's stdin to SIGTERM */
	LAUNCH_TERM_MS = 3000,		 /* from there to SIGKILL, where the gate ends */
	LAUNCH_END_MS = LAUNCH_EXIT_MS + LAUNCH_TERM_MS,
};
