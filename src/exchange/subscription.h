/* subscription.h - what a modern client listens to: begun, and ended with a word. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/exchange.h"

struct task;
struct watch;

/*
 * Begins a `subscriptions/listen` that the gate serves itself: to all servers together, or to one of the
 * legacy era.
 */
enum stage_result subscription_begin(struct exchange *x);
/* It has waited long enough: it begins, without the resources whose servers have said nothing yet. */
void subscription_hurry(struct exchange *x);
/* Does the request want to hear of single resources? Then it has to be known whose they are. */
bool subscription_names_resources(const struct exchange *x);
/* The same for a legacy client's resources/subscribe and unsubscribe. */
enum stage_result subscription_add(struct exchange *x);
enum stage_result subscription_remove(struct exchange *x);

/*
 * Where it is one that asked to hear of this view (view.h), or listens at the server itself and that spoke of
 * it: says that it has changed. The exchange may be gone.
 */
void subscription_tell(struct exchange *x, unsigned view);
/* Tells whoever listens to what is watched that `uri` (JSON) was updated. */
void subscriptions_updated(const struct watch *watch, struct span uri);
/* Tells whoever listens to the task how it is: `params` are members of a notification's, with a comma. */
void subscriptions_task(const struct task *task, struct span params);
/* Watches have got an answer: whoever waited only for them goes on. The client may be closed by it. */
void subscriptions_settle(struct client *client);
/* The attachment goes with its watches: nobody holds one any more. */
void subscriptions_let_go(const struct attachment *attachment);
/* VIEW_…: the lists of this server that somebody wants to hear of, without being told unasked. */
unsigned subscriptions_want(const struct attachment *attachment);
/* The gate's own subscriptions of the client have changed: what servers are listened to for them, too. */
void subscriptions_changed(struct client *client);

/* The server ends one that was passed on to it, by its notifications/cancelled `message`. */
void subscription_ended(struct exchange *x, const struct message *message);

/*
 * The gate ends one, whoever serves it: the client gets its closing result, the server is told. One that has
 * not begun yet is refused with K802.
 */
void subscription_end(struct exchange *x, struct span reason);
/* All of a client's. */
void subscriptions_end(struct client *client, struct span reason);
