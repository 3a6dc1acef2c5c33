/* attach_room.h - room for a client's connections: so many at one server, so many of one principal in all. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"

/*
 * A modern client says with each request what may be asked of it, and a legacy server needs a connection for
 * each such set: a few are enough for the programs behind one token.
 */
enum { ATTACHMENTS = 8 };

/* Room for one more at the server; the one that was idle for longest is closed for it. False: none is idle.
 */
bool attachments_make_room(struct client *client, const struct server *server);

/* Has the principal all the processes or connections it may have? */
bool attachment_is_crowded(const struct attachment *attachment);

/* Refuses a request for which a server would have to be reached anew and, being `crowded`, could not. */
enum stage_result attachment_refuse_crowded(struct exchange *x);
/* Refuses one for which there was no room. */
enum stage_result attachment_refuse_full(struct exchange *x);
