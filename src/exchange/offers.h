/* offers.h - what the servers of a client offer besides tools: their lists, fetched whole and kept. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"
#include "mcp/offer.h"

/* Which list a method asks for; OFFER_KINDS: none. */
enum offer_kind offers_kind(enum method method);
/* VIEW_… of one of them. */
unsigned offers_view(enum offer_kind kind);

/* Would a legacy server say that the list has changed? Else it is fetched anew for who asks. */
bool offers_watched(const struct link *link, enum offer_kind kind);

/* Does the ready link's server say that it has some (the capability; templates are resources)? */
bool offers_declared(const struct link *link, enum offer_kind kind);

/* Does it say that it tells of changes? */
bool offers_are_told(const struct link *link, enum offer_kind kind);

/* A fetch begins: it is one that was to look at a list again (view.h). */
void offers_look(struct shelf *shelf);

/*
 * Has the list come as far as it will for this exchange? Where it has not, it is being fetched, and whoever
 * waits at the attachment goes on when it is there. `since_ms`: one that was fetched, or asked for in vain,
 * since then will do, also where nobody would say that it has changed. Once for each exchange: a server that
 * fails is left out, not tried in a circle.
 */
bool offers_settled(struct attachment *attachment, enum offer_kind kind, uint64_t since_ms);

/* Begins to fetch it. False: without memory, or the server has none. */
bool offers_fetch(struct attachment *attachment, enum offer_kind kind);

/* The list as it is now, or as it is known while its process is being started; NULL: it could not be had. */
struct offer *offers_now(const struct attachment *attachment, enum offer_kind kind);

/* The server says that they have changed. */
void offers_changed(struct attachment *attachment, enum offer_kind kind);

/* Ends what takes too long. True: something ended, and whoever waited went on. */
bool offers_tick(struct attachment *attachment, uint64_t now_ms);

/*
 * The link, which may be NULL, is dead or about to be closed: what is under way ends. What a server had stays
 * its own until it is heard of again; of a process it is known for a while (known.h).
 */
void offers_stop(struct attachment *attachment);
void offers_release(struct attachment *attachment);

/* Notes what was left out of a server's list; logged where it is more than before. `first` is one of them. */
void offers_note(struct attachment *attachment, enum offer_kind kind, enum omission omission, size_t n,
		 struct span first);
