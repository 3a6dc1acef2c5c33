/* move.h - a connection goes on at another server, on another thread's loop. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "http/server.h"

/*
 * Instead of an answer: the request, and its connection with all that was sent behind it, go to `to`, whose
 * on_request has it next, as if it had come there. How often is not counted: a proxy may mix the requests of
 * many senders on its connections, and each such request pays for one move. Both loops have a mailbox, and
 * both servers stand as long as messages are run. The request must not be touched after the call, and nobody
 * watches it. What of earlier answers is still to be sent is sent first. False without memory: then it is to
 * be answered here.
 */
bool http_request_move(struct http_request *request, struct http_server *to) MUST_CHECK;

/* Has it come from another server? Then that one has seen it, too. */
bool http_request_has_moved(const struct http_request *request);
