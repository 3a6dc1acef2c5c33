/* listening.h - what changes at a server, and who of its client's listeners hears of it, across the eras. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"

/*
 * A request that the gate serves with words of its own to the server. What a legacy session asks for once:
 * its subscriptions, which outlive a connection, whatever the server's era; and the log level, which a modern
 * server is told with what it is sent. What a modern client listens to, and a legacy server says unasked.
 */
enum stage_result listening_serve(struct exchange *x);

/*
 * A notification of the server's that belongs to no call: a list or a resource has changed. True: whoever is
 * to hear of it is told, now or within a second. False: it is another one.
 */
bool listening_heard(struct attachment *attachment, const struct message *message);

/* A legacy session's logging/setLevel: kept for servers that it reaches later. False: no such level. */
bool listening_take_level(struct exchange *x);
/* Tells a legacy server that logs from where on to log, unless it knows. */
void listening_set_level(struct link *link, enum level level);
/* The same of what the session has asked for; the connection is new, or the level. */
void listening_renew_level(struct attachment *attachment);

/* The word itself, where it came on the stream of one who listens at the server. False: `method` is another.
 */
bool listening_list_changed(struct attachment *attachment, enum method method);

/* Once a second: what has changed is told, at most once a second of each server. */
void listening_tick(struct client *client, uint64_t now_ms);
/* A list was fetched: whoever waits for it goes on, and who sees another one is told. The attachment may be
 * gone. */
void listening_fetched(struct attachment *attachment);
