/* view.h - what a client of all servers was shown of their lists, and the word that it may have changed. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"

/* The lists; a client that never asked for one is told nothing of it. */
enum {
	VIEW_TOOLS = 1 << 0,
	VIEW_PROMPTS = 1 << 1,
	VIEW_RESOURCES = 1 << 2,
	VIEW_TEMPLATES = 1 << 3, /* told of as resources are */
};

/* Which notification tells of a change in one of them. */
enum method view_method(unsigned view);

/* The server's own lists, then those of the view that the client is kept to. */
struct decision view_decide(const struct attachment *attachment, struct span tool);
/* May the client see this tool of the server's list, as far as the rules go? */
bool view_has(const struct attachment *attachment, const struct tool *tool);

/* The client is given a list of this view; what was to be told of it has come true with that. */
void view_given(struct client *client, unsigned view);
/* In it stand these tools of the server; NULL: it is left out. */
void view_tools_given(struct attachment *attachment, struct catalogue *catalogue);
/* The same of one of its other lists. */
void view_offer_given(struct attachment *attachment, enum offer_kind kind, struct offer *offer);

/*
 * What may change a view: a server is ready, a list of its tools has come, it says itself that one of
 * its lists has changed, the config takes it away or brings it. `view_told` is true where the client
 * is one of all servers: it is told in the gate's own words, and not in the server's.
 */
void view_ready(struct attachment *attachment);
void view_fetched(struct attachment *attachment);
void view_offered(struct attachment *attachment, enum offer_kind kind);
bool view_told(struct attachment *attachment, enum method method);
void view_dropped(struct attachment *attachment);
void view_added(struct worker *worker, const struct server *server);

/* Once a second, so that much at once is one word: tells the client what changed since. */
void view_tick(struct client *client);
