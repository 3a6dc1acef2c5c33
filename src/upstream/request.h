/* request.h - one HTTP request to a server, and its event stream, taken up again where it broke. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "upstream/link.h"

/* What a link over HTTP keeps between its requests. */
struct remote {
	struct link *link;
	struct buf head; /* what every request begins with, after its first line */
	struct buf session;
	struct list requests;
	struct request *initializing; /* carries notifications/initialized; what comes after it waits */
	size_t n_held;
	struct later up, releasing;
};

/* A request under way, or an event stream that waits to be taken up again. */
struct request;

/* Writes `head` anew: the handshake or the session has changed it. */
void remote_write_head(struct remote *remote);

/*
 * Sends a message, for `call` where it is a request. Each has a connection of its own, on which it could
 * overtake: it waits until the server has taken notifications/initialized. False: without memory; nothing was
 * sent.
 */
bool request_post(struct remote *remote, struct call *call, struct span message,
		  const struct send_facts *facts);
/* The server has taken notifications/initialized, or will not: what waits for that goes on its way, soon. */
void request_go_on(struct remote *remote);
void remote_run_releasing(struct later *later);
/* Stops and starts what comes back on it. */
void request_pause(struct request *request, bool paused);
/* One of the remote's, which has some. */
struct request *request_first(const struct remote *remote);
/* Gives it up without a word to its call. */
void request_free(struct request *request);
