/* owner.h - whose a URI is where all servers stand together: URIs say no server's name. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"

/* Takes what the exchange is about from where its method has it. False: nothing of the kind stands there. */
bool owner_take_reference(struct exchange *x);
/* Is it about a URI, or a template? Else it is about a name. */
bool owner_is_asked(const struct exchange *x);

/*
 * Finds the server among those that the exchange sees, with their lists fetched before: whoever lists the
 * URI; else whose template may have given it; else from whose results it is known. What two have is nobody's.
 * STAGE_NEXT: x->attachment and x->server are set.
 */
enum stage_result owner_choose(struct exchange *x);

/* Has what servers list of resources and templates fetched. STAGE_NEXT: it has come as far as it will. */
enum stage_result owner_settle(struct exchange *x);
/*
 * Whose the URI is by these lists; NULL: nobody's, or of more than one, or the request has asked for more
 * than may be compared.
 */
struct attachment *owner_of(struct exchange *x, struct span uri);

/* Is the prompt of this name left out of the server's list, as far as that is known? */
bool owner_omits(struct exchange *x, struct server *server);

/* The place in params of what is asked for by name. JSON_NONE: there is none. */
json_at owner_name_place(const struct exchange *x);

/* A server's result on its way to the client: the URIs in it are that server's, if nobody else's. */
void owner_learn(struct exchange *x, const struct message *message);

/*
 * A server says that a resource has changed. False: the client did not ask to hear that from it, or the URI
 * is another server's.
 */
bool owner_hears(struct attachment *attachment, const struct message *message);
