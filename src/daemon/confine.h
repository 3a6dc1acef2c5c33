/* confine.h - what a role gives up before it reads the first byte from outside. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "daemon/role.h"

enum {
	CONFINE_MAX_GAPS = 16,
	/*
	 * The users, and the groups of the same numbers, that worker and egress become where the gate is
	 * started as root. Nobody's: above accounts (up to 60000), below systemd's dynamic users (from
	 * 61184 on), and small enough for a container that has the usual 65536 users.
	 */
	CONFINE_WORKER_UID = 60761,
	CONFINE_EGRESS_UID = 60762,
};

struct confine_options {
	const char *data_dir;  /* the keeper's; NULL: none */
	const char *audit_dir; /* the keeper's; NULL: none, or inside data_dir */
	bool filtered;	       /* the seccomp filter is on it already: filter_digest() is the same */
	pid_t parent;	       /* whose death ends this process too; 0: nobody's */
	/*
	 * Starts the role's other threads: when everything is given up that a thread inherits, before the
	 * seccomp filter, which is put on all of them. A worker can start none after it. May be NULL.
	 */
	int (*start_threads)(void *owner, struct err *err);
	void *owner;
};

/* One layer that is not there. */
struct confine_gap {
	const char *layer;
	const char *why; /* the errno's name */
	const char *so;	 /* what follows from it */
	int sys;	 /* the errno */
};

struct confine_report {
	size_t n;
	struct confine_gap missing[CONFINE_MAX_GAPS];
	int landlock_abi; /* 0: no Landlock, or none for this role */
};

/*
 * Confines the calling process for good: limits (no core files; of worker, egress and keeper as many open
 * files as the hard limit allows), user, capabilities, no_new_privs, Landlock,
 * seccomp, in this order. Of root, worker and egress become the users above, without further groups;
 * the keeper stays root without capabilities, for its folders are often below root's own, where
 * nobody else may go; manager and launcher start programs as who they are. To be called with one thread, with
 * the libraries loaded that dlopen(3) brings in, and with all opened that is not below data_dir or audit_dir;
 * with descriptors that are open a role can do what it could before.
 *
 *   manager   a list of refused calls
 *   worker    no files, no sockets but those it has, no programs, no processes
 *   launcher  a list of refused calls, which the servers inherit
 *   egress    reads what a name look-up reads; opens sockets; no programs, no processes
 *   keeper    files in its folders; no network, no programs, no processes
 *
 * `options` may be NULL: none. What the kernel does not offer goes into `report`; what was asked for and
 * cannot be had is an error: then the process must end, for it may be half confined.
 *
 * Errors:  ERR_SYSTEM: a folder cannot be opened, no_new_privs;
 *          ERR_CLOSED: the parent is gone already.
 */
int confine(enum role role, const struct confine_options *options, struct confine_report *report,
	    struct err *err) MUST_CHECK;
