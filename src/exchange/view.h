/* view.h - what a client was shown of servers' lists, and the word that it may have changed. */
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
/* The other way round; 0: the method is another. */
unsigned view_of_method(enum method method);

/* The server's own lists, then those of the view that the client is kept to. */
struct decision view_decide(const struct attachment *attachment, struct span tool);
/* May the client see this tool of the server's list, as far as the rules go? */
bool view_has(const struct attachment *attachment, const struct tool *tool);

/* The client is given a list of this view; what was to be told of it has come true with that. */
void view_given(struct client *client, unsigned view);
/* In it stand these tools of the server; NULL: it is left out. */
void view_tools_given(struct attachment *attachment, const struct catalogue *catalogue);
/* The same of one of its other lists. */
void view_offer_given(struct attachment *attachment, enum offer_kind kind, const struct offer *offer);

/*
 * The same at one server alone: its tools as the client sees them, or a list that passes as the server gave
 * it. Of a list in pages it is not known what the client has.
 */
void view_alone_tools_given(struct attachment *attachment, const struct catalogue *catalogue);
void view_alone_passed(const struct exchange *x, const struct message *result);
/* Was it given any list of this view there? */
bool view_alone_is_given(const struct attachment *attachment, unsigned view);

/*
 * What may change a view: a server is ready, a list of its tools has come (or, not `fine`, could not be had),
 * it says itself that one of its lists has changed, or may have said so before it was heard; the config takes
 * it away or brings it. What a client has is compared then, and it is told where it sees another.
 */
void view_ready(struct attachment *attachment);
void view_fetched(struct attachment *attachment, bool fine);
void view_offered(struct attachment *attachment, enum offer_kind kind);
void view_told(struct attachment *attachment, enum method method);
void view_missed(struct attachment *attachment);
void view_dropped(struct attachment *attachment);
void view_added(struct worker *worker, const struct server *server);

/* Once a second, so that much at once is one word: tells the client what changed since. */
void view_tick(struct client *client);
