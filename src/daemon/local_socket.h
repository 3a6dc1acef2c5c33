/* local_socket.h - the unix socket programs of this machine knock at: its file, and whose it is. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "conf/conf.h"

/* LOCAL_SOCKET_INIT. */
struct local_socket {
	int fd; /* -1: the config has none */
	char path[108];
	dev_t device; /* of the file: another's in its place is not ours to remove */
	ino_t inode;
	bool lent; /* another gate goes on with it, or still has it: the file stays */
};

#define LOCAL_SOCKET_INIT ((struct local_socket){ .fd = -1 })

/*
 * Binds and listens where `unix.path` says, if it does. The file is for the gate's user alone, unless
 * `unix.users` names others: then all may knock, and the worker asks the kernel who does. A file that a dead
 * gate left is replaced.
 *
 * Errors: ERR_SYSTEM, ERR_CONFIG with a sentence; nothing is bound.
 */
int local_socket_open(struct local_socket *local, const struct conf_node *root, struct err *err) MUST_CHECK;
/*
 * The same with the socket of another gate, where the config has that path; `kept` is taken then, and the
 * file stays its own as long as `lent` is set.
 */
int local_socket_take(struct local_socket *local, const struct conf_node *root, struct local_socket *kept,
		      struct err *err) MUST_CHECK;
/* After local_socket_take(), when the other gate has given it up: the file is for whom the config names. */
int local_socket_share(const struct local_socket *local, const struct conf_node *root, struct err *err)
    MUST_CHECK;
/* Closes it and removes the file. Harmless where there is none. */
void local_socket_close(struct local_socket *local);
