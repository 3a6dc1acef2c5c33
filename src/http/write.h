/* write.h - writes heads, chunks: the other direction of message.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "http/head.h"

/*
 * The fields of a message. What frames it and where it goes is written from here and refused
 * among `headers`: Host, Content-Length, Transfer-Encoding, Connection, Date.
 */
struct http_fields {
	const struct http_header *headers;
	size_t n;
	enum http_framing framing; /* HTTP_BODY_TO_END: responses only; implies close */
	uint64_t length;	   /* for HTTP_BODY_LENGTH; zero is legal and written */
	bool close;		   /* "Connection: close" */
	bool upgrade;		   /* "Connection: Upgrade" */
};

/*
 * Adds a whole head with its empty line. False, with nothing added, where a name is no token, a
 * value holds a control byte or begins or ends with a blank, or a field is one of the refused. Whether
 * it fitted is `out`'s to say (buf_ok). `date` is an IMF-fixdate, or empty for none. HTTP_BODY_NONE writes
 * "Content-Length: 0" but for 1xx, 204 and 304, which must not speak of a body.
 */
bool http_write_response_head(struct buf *out, unsigned status, struct span date,
			      const struct http_fields *fields) MUST_CHECK;

/* "Not Found"; the empty span for a status we never send ourselves. */
struct span http_status_phrase(unsigned status);

/* What stands before the `n` > 0 bytes of a chunk; HTTP_CHUNK_CLOSE stands behind them. */
void http_write_chunk_open(struct buf *out, size_t n);
#define HTTP_CHUNK_CLOSE S("\r\n")
/* Ends the body. */
#define HTTP_CHUNK_LAST S("0\r\n\r\n")
