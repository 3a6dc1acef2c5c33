/* heed.h - what modern servers say of their lists and resources, heard for clients that are to be told. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"

/*
 * Such a server speaks of changes only to who has subscribed. While somebody is to hear of them (a legacy
 * client, who hears of all; a modern one that listens to all servers together), the gate subscribes to each
 * server that is connected; for as much as is wanted, and no longer.
 */
void heed_tick(struct client *client, uint64_t now_ms);
/* What is wanted of this server has changed: it is asked in the next turn of the loop, however much has. */
void heed_soon(struct attachment *attachment);
/* The attachment goes. */
void heed_stop(struct attachment *attachment);
