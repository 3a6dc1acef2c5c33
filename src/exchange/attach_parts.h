/* attach_parts.h - a client's connection to a server, as attach.c and attach_hear.c share it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"

/* What the server of an attachment (`owner`) says by itself: to whom it belongs, in the client's words. */
void attachment_hear(void *owner, struct link *link, const struct message *message);
/* Gives up what the server has asked the client and the client has not answered in time. */
void attachment_give_up(void *owner, struct link *link, uint64_t now_ms);
