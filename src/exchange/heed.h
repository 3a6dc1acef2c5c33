/* heed.h - what modern servers say of their lists, heard for a client that listens to all of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"

/*
 * Such a server speaks of its lists only to who has subscribed. Once a second: while the client listens
 * to all servers, the gate does so to each that is connected and declares changes; and else no longer.
 */
void heed_tick(struct client *client, uint64_t now_ms);
