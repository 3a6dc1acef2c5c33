/* roundup.h - a list of several servers, joined from what each of them answers. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"

/* Asks every server of the client's that has the list. The exchange is answered when all have ended. */
enum stage_result roundup_begin(struct exchange *x);

/* Leaves out what has not answered in time. Harmless where the exchange is no round-up. */
void roundup_tick(struct exchange *x, uint64_t now_ms);
/* A server's connection is about to be closed: the answer no longer waits for it. */
void roundup_detach(struct exchange *x, const struct attachment *attachment);

/*
 * Adds the items of `array` (JSON) with the server's name before their own; `json` is a tape to use. False:
 * they do not fit, or there is no memory; none was added.
 */
bool roundup_add(struct buf *out, struct json *json, struct span array, struct span server);
