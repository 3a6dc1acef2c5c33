/* role.h - the processes the gate consists of. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

enum role {
	ROLE_MANAGER,  /* starts the others; reads the config, binds the sockets */
	ROLE_WORKER,   /* meets the peers */
	ROLE_LAUNCHER, /* starts servers */
	ROLE_EGRESS,   /* reaches out */
	ROLE_KEEPER,   /* holds the store, the log and the keys */
};

/* "worker": for the log and the process list. */
const char *role_name(enum role role);
