/* reason.h - why a message was refused. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

enum http_reason {
	HTTP_FINE,
	/* The bytes of the head. */
	HTTP_BAD_BYTE,	     /* a control byte */
	HTTP_BAD_LINE_END,   /* CR without LF, LF without CR */
	HTTP_BAD_EMPTY_LINE, /* an empty line where a start line belongs */
	HTTP_BAD_FOLD,	     /* a line that begins with a blank */
	/* The start line. */
	HTTP_BAD_START_LINE,
	HTTP_BAD_VERSION,
	HTTP_BAD_METHOD,	 /* one we have never heard of */
	HTTP_BAD_METHOD_REFUSED, /* one we know and do not serve */
	HTTP_BAD_TARGET,
	HTTP_BAD_STATUS,
	/* Sizes. */
	HTTP_BAD_TARGET_LONG,
	HTTP_BAD_HEADER_LONG,
	HTTP_BAD_HEADERS_MANY,
	HTTP_BAD_HEAD_LONG,
	HTTP_BAD_BODY_LONG,
	/* Fields. */
	HTTP_BAD_HEADER_NAME,
	HTTP_BAD_HEADER_TWICE,
	HTTP_BAD_HOST,
	HTTP_BAD_CONNECTION,
	HTTP_BAD_EXPECT,
	HTTP_BAD_UPGRADE,
	/* Where the body ends. */
	HTTP_BAD_LENGTH,    /* Content-Length is not a plain number */
	HTTP_BAD_CODING,    /* Transfer-Encoding is not "chunked" */
	HTTP_BAD_FRAMING,   /* two answers to where the body ends, or one where none may be */
	HTTP_BAD_BODY,	    /* a body on a request that has none */
	HTTP_BAD_NO_LENGTH, /* a response that ends with its connection, and the caller wants none */
	HTTP_BAD_CHUNK,
	HTTP_BAD_CHUNK_EXTENSION,
	HTTP_BAD_TRAILER,
	HTTP_BAD_TRUNCATED, /* the connection ended inside the message */
	/* The conversation. */
	HTTP_BAD_INTERIM, /* 101, or more interim responses than are bearable */
	HTTP_BAD_UNASKED, /* bytes after a complete response */
	/* Us. */
	HTTP_BAD_DISAGREE, /* our rules and llhttp read the same head differently */
	HTTP_BAD_MEMORY,
	HTTP_BAD_CROWDED, /* all connections together have gathered as much of bodies as they may */
	HTTP_REASON_COUNT,
};

/* A stable name for logs, counters and test vectors: "header-twice". */
struct span http_reason_name(enum http_reason reason);

/* A sentence for people, without a full stop. */
const char *http_reason_text(enum http_reason reason);

/*
 * The status to answer a request with that was refused for this reason. For a refused response
 * of an upstream the answer to the client is 502 whatever the reason, but for memory (503).
 */
unsigned http_reason_status(enum http_reason reason);
