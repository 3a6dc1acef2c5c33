/* processes.h - whose servers run as processes, so that nobody can have them all. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/worker.h"

/*
 * A process counts from the moment the launcher is asked for it until the launcher says that it has
 * ended; not only while its connection stands, or who opens and closes sessions would have more of
 * them than he may. By PROCESSES_END_MS after its connection it has been killed, whatever was said.
 */
enum { PROCESSES_END_MS = 10000 };

/* How many the principal has. */
size_t processes_of(const struct worker *worker, const struct principal *principal);

/* The launcher is asked for one more. False: without memory. */
bool processes_add(struct worker *worker, struct principal *principal, uint64_t instance) MUST_CHECK;
/* Its connection is closed, and it was asked to end. Nothing where it is not known. */
void processes_leave(struct worker *worker, uint64_t instance);
/* It has ended, or never began. Nothing where it is not known. */
void processes_remove(struct worker *worker, uint64_t instance);
/* The launcher is gone, and they are with it. */
void processes_clear(struct worker *worker);

void processes_tick(struct worker *worker, uint64_t now_ms);
