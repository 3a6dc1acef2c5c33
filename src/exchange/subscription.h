/* subscription.h - what a modern client listens to: begun, and ended with a word. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/exchange.h"

/* Begins a `subscriptions/listen` to all servers together, which the gate serves itself. */
enum stage_result subscription_begin(struct exchange *x);

/* Where it is one that asked to hear of this view (view.h): says that it has changed. The exchange may be
 * gone. */
void subscription_tell(struct exchange *x, unsigned view);

/* The server ends one that was passed on to it, by its notifications/cancelled `message`. */
void subscription_ended(struct exchange *x, const struct message *message);

/*
 * The gate ends one, whoever serves it: the client gets its closing result, the server is told. One that has
 * not begun yet is refused with K802.
 */
void subscription_end(struct exchange *x, struct span reason);
