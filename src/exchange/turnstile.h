/* turnstile.h - how many requests a server works on at once; the others wait their turn. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/exchange.h"

/*
 * Before a request leaves: STAGE_NEXT where it may, and is counted until turnstile_leave(). STAGE_WAIT: it
 * waits, those of one principal in the order of coming and the principals in turn, and is repeated when it is
 * its turn (exchange_repeat()); its server's `timeout` runs meanwhile. STAGE_DONE: it cannot be kept. What
 * listens, and what the gate asks for itself, is not counted. The places are one for all threads; whose turn
 * it is among threads is chance.
 */
enum stage_result turnstile_enter(struct exchange *x);
/*
 * The request has ended, or will never leave; or its client is asked, and it waits for a place of its own
 * when it is repeated with the answers. Harmless where it was not counted.
 */
void turnstile_leave(struct exchange *x);
/* The same for a request that was counted and has gone, while its server went on with it. */
void turnstile_give(struct worker *worker, struct server *server);
