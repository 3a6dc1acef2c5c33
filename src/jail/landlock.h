/* landlock.h - the kernel's file and network rules for the process that asks for them. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/span.h"

/*
 * The newest ABI whose rights stand in our table and were tried. A newer kernel is used as this
 * one: rights we do not know are never asked for.
 */
enum { LANDLOCK_ABI_KNOWN = 7 };

/*
 * Rights on files, as the kernel numbers them. Ours, because the system's header is older than
 * the kernel. Source: include/uapi/linux/landlock.h.
 */
enum landlock_right {
	LANDLOCK_EXECUTE = 1 << 0,
	LANDLOCK_WRITE_FILE = 1 << 1,
	LANDLOCK_READ_FILE = 1 << 2,
	LANDLOCK_READ_DIR = 1 << 3,
	LANDLOCK_REMOVE_DIR = 1 << 4,
	LANDLOCK_REMOVE_FILE = 1 << 5,
	LANDLOCK_MAKE_CHAR = 1 << 6,
	LANDLOCK_MAKE_DIR = 1 << 7,
	LANDLOCK_MAKE_REG = 1 << 8,
	LANDLOCK_MAKE_SOCK = 1 << 9,
	LANDLOCK_MAKE_FIFO = 1 << 10,
	LANDLOCK_MAKE_BLOCK = 1 << 11,
	LANDLOCK_MAKE_SYM = 1 << 12,
	LANDLOCK_REFER = 1 << 13,    /* ABI 2: links and renames between folders */
	LANDLOCK_TRUNCATE = 1 << 14, /* ABI 3 */
	LANDLOCK_IOCTL_DEV = 1 << 15 /* ABI 5 */
};

/* Read files and list folders; and what a store or a log needs beside that. */
#define LANDLOCK_READ ((uint64_t)(LANDLOCK_READ_FILE | LANDLOCK_READ_DIR))
#define LANDLOCK_KEEP                                                                                        \
	(LANDLOCK_READ |                                                                                     \
	 (uint64_t)(LANDLOCK_WRITE_FILE | LANDLOCK_REMOVE_DIR | LANDLOCK_REMOVE_FILE | LANDLOCK_MAKE_DIR |   \
		    LANDLOCK_MAKE_REG | LANDLOCK_REFER | LANDLOCK_TRUNCATE))

struct landlock_grant {
	const char *path; /* a file, or a folder with what is below it */
	uint64_t rights;
	bool optional; /* where it does not exist, nothing is granted */
};

struct landlock_policy {
	const struct landlock_grant *grants; /* everything else is refused */
	size_t n_grants;
	bool no_bind, no_connect;     /* TCP; ABI 4 */
	bool no_signals, no_abstract; /* to processes outside, to their abstract unix sockets; ABI 6 */
};

/* The kernel's ABI; 0 where there is none, with errno saying why. */
int landlock_abi(void);

/*
 * Confines the calling thread and what it starts from now on, for good. no_new_privs is set. On
 * an older ABI the rights it does not know stay open; `*abi` says which was used.
 *
 * Errors:  ERR_SYSTEM, with the path where it is one.
 */
int landlock_apply(const struct landlock_policy *policy, int *abi, struct err *err) MUST_CHECK;
