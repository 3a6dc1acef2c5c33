/* listening.h - what changes at a server, and who of its client's listeners hears of it, across the eras. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"

/*
 * A request that has no words in the server's era: what a legacy session asks for once (subscriptions, the
 * log level), a modern server is asked for with what it is sent; what a modern client listens to, a legacy
 * server says unasked.
 */
enum stage_result listening_serve(struct exchange *x);

/*
 * A notification of the server's that belongs to no call: a list or a resource has changed. True: whoever is
 * to hear of it is told, now or within a second. False: it is another one.
 */
bool listening_heard(struct attachment *attachment, const struct message *message);

/* The gate has found that a list (VIEW_…) has changed: tells who listens to this server alone. */
void listening_tell(struct attachment *attachment, unsigned view);

/* A legacy session's logging/setLevel: kept for servers that it reaches later. False: no such level. */
bool listening_take_level(struct exchange *x);
/* Tells a legacy server that logs from where on to log, unless it knows. */
void listening_set_level(struct link *link, enum level level);
/* The same of what the session has asked for; the connection is new, or the level. */
void listening_renew_level(struct attachment *attachment);

/* Once a second: what came too soon after the last of its kind is told. */
void listening_tick(struct client *client, uint64_t now_ms);
