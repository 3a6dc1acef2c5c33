/* http.h - where one HTTP/1.1 message begins and ends: enough for a benchmark, no more. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum http_read {
	HTTP_MORE, /* not all of it is here yet */
	HTTP_DONE, /* `head`, `body` and `used` are filled in */
	HTTP_BAD,  /* not HTTP, or a form these programs do not know */
};

/*
 * One message on its way in; starts as zero and keeps its place between calls, so that bytes are
 * looked at once.
 */
struct http_message {
	unsigned status;    /* of an answer; 0 for a request */
	bool chunked;	    /* the body came in chunks */
	bool close;	    /* the peer will close the connection */
	size_t head_bytes;  /* with the empty line; 0 until it is known */
	size_t body_bytes;  /* of content, chunk framing removed */
	size_t used;	    /* bytes of the buffer that belong to this message */
	size_t wanted;	    /* Content-Length; for chunks, what is left of the current one */
	unsigned char step; /* of the chunk reader */
};

/*
 * Reads on in `bytes`, which holds the message from its first byte. Chunks are joined in place.
 * Owner: the content is bytes + head_bytes, borrowed until the buffer changes.
 */
enum http_read http_read(struct http_message *message, char *bytes, size_t n);

/* The value of the header `name` in a head; empty where there is none. */
struct span http_header(struct span head, struct span name);
