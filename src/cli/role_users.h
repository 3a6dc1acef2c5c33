/* role_users.h - as whom each process of a running gate runs. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "daemon/role.h"

enum { ROLE_USERS = ROLE_KEEPER + 1 };

struct role_user {
	bool known; /* it runs, and /proc shows it */
	uid_t uid;
	bool powerless; /* it has no capability */
};

struct role_users {
	struct role_user of[ROLE_USERS]; /* by enum role */
};

/* Looks at the manager and at its children, once. What cannot be seen is not known. */
void role_users_find(pid_t manager, struct role_users *out);

/* "worker 60761, egress 60762, keeper root without capabilities, …": those that are known. */
void role_users_describe(const struct role_users *users, struct buf *out);
