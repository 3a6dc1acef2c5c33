/* front_unix.h - hosts on a unix socket: programs of this machine, one message a line. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/worker.h"

/* Takes a listening socket over. Whom it serves is worker->front's to say. Errors: ERR_SYSTEM, ERR_NOMEM. */
int front_unix_listen(struct worker *worker, int fd, struct err *err) MUST_CHECK;
/*
 * Hears nobody new; those who are there stay. Who comes now is refused, unless another process goes on with
 * the socket (`refuse` false). Harmless where nothing listens.
 */
void front_unix_close(struct worker *worker, bool refuse);
