/* crew_state.h - the worker process as it stands, for people: servers, sessions, counters. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/worker.h"

/* Adds the state of all threads as JSON: servers, sessions, counters. `worker` is the first; the others are
 * held. */
void crew_state_add(struct worker *worker, struct buf *out);
