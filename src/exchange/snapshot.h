/* snapshot.h - the worker's part of the config, as JSON from the manager. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/worker.h"

/*
 * Takes a config over: servers that did not change stay as they are with all that hangs on them,
 * changed ones are replaced, missing ones dropped. All or nothing: on failure nothing has changed.
 *
 * Shape:  {"config":"hex","hosts":[…],"origins":[…],"uids":[…],"search_above":N (absent: off),
 *          "limits":{…},
 *          "servers":[{"name","kind","era","timeout_ms","allow":[{"glob","line"}],"deny":[…],
 *          "authority","path","host","tls","ca","roots","shared","ephemeral"}…],
 *          "views":[{"name","servers":[…],"allow":[…] (absent: all),"deny":[…]}…],
 *          "roots":{"digest","pem"},"tls":{"cert","key"}}; the last two as secure.h has them. A server's
 *          "roots" is the digest again, so that other roots make it another server.
 * Errors: ERR_FORMAT, ERR_NOMEM.
 */
int snapshot_apply(struct worker *worker, struct span text, struct err *err) MUST_CHECK;

/* One server more, made for one host (`kanmon run`): the same object as in "servers". */
struct server *snapshot_add_server(struct worker *worker, struct span text, struct err *err);
