/* head.h - the head of an HTTP/1.1 message: start line and header fields, as spans. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"
#include "base/span.h"
#include "http/reason.h"

/* What one message may be. Every number is a ceiling; the first byte past it is refused. */
struct http_limits {
	size_t head_bytes;   /* with the empty line; 431 */
	size_t header_line;  /* bytes of one field or of a status line; 431 */
	size_t headers;	     /* fields, at most HTTP_HEADERS_MAX; 431 */
	size_t url;	     /* bytes of a request target; 414 */
	uint64_t body_bytes; /* decoded; 413 */
};

enum { HTTP_HEADERS_MAX = 250 };

#define HTTP_LIMITS_INIT                                                                                     \
	((struct http_limits){ .head_bytes = 32 * 1024,                                                      \
			       .header_line = 8 * 1024,                                                      \
			       .headers = 100,                                                               \
			       .url = 4 * 1024,                                                              \
			       .body_bytes = 4 * 1024 * 1024 })

/* The methods we answer. HTTP_METHOD_NONE stands for every other and is never accepted. */
enum http_method {
	HTTP_METHOD_NONE,
	HTTP_METHOD_GET,
	HTTP_METHOD_POST,
	HTTP_METHOD_DELETE,
	HTTP_METHOD_OPTIONS,
	HTTP_METHOD_COUNT,
};

/* Header fields that are found without searching; the shorter names first. */
enum http_known {
	HTTP_HEADER_NONE,
	HTTP_HEADER_HOST,
	HTTP_HEADER_DATE,
	HTTP_HEADER_EXPECT,
	HTTP_HEADER_ACCEPT,
	HTTP_HEADER_COOKIE,
	HTTP_HEADER_ORIGIN,
	HTTP_HEADER_UPGRADE,
	HTTP_HEADER_MCP_NAME,
	HTTP_HEADER_LOCATION,
	HTTP_HEADER_CONNECTION,
	HTTP_HEADER_MCP_METHOD,
	HTTP_HEADER_RETRY_AFTER,
	HTTP_HEADER_TRACEPARENT,
	HTTP_HEADER_CONTENT_TYPE,
	HTTP_HEADER_AUTHORIZATION,
	HTTP_HEADER_LAST_EVENT_ID,
	HTTP_HEADER_CACHE_CONTROL,
	HTTP_HEADER_CONTENT_LENGTH,
	HTTP_HEADER_SEC_FETCH_SITE,
	HTTP_HEADER_MCP_SESSION_ID,
	HTTP_HEADER_CONTENT_ENCODING,
	HTTP_HEADER_WWW_AUTHENTICATE,
	HTTP_HEADER_TRANSFER_ENCODING,
	HTTP_HEADER_SEC_WEBSOCKET_KEY,
	HTTP_HEADER_MCP_PROTOCOL_VERSION,
	HTTP_HEADER_SEC_WEBSOCKET_VERSION,
	HTTP_HEADER_SEC_WEBSOCKET_PROTOCOL,
	HTTP_HEADER_COUNT,
};

/* One field. Values carry no blanks at their ends, no CR, LF, NUL or other control byte but tab. */
struct http_header {
	struct span name, value;
};

/* How long the body is. */
enum http_framing {
	HTTP_BODY_NONE,	   /* there is none */
	HTTP_BODY_LENGTH,  /* Content-Length, more than zero */
	HTTP_BODY_CHUNKED, /* Transfer-Encoding: chunked */
	HTTP_BODY_TO_END,  /* a response that ends with its connection */
};

struct http_head {
	enum http_method method; /* requests */
	struct span target;	 /* requests: path and query, origin form, starts with "/" */
	struct span path;	 /* target up to "?", not decoded */
	struct span query;	 /* after "?"; p is NULL where there is no "?" */
	unsigned status;	 /* responses: 200 to 599 */
	struct span phrase;	 /* responses: the reason phrase, of no meaning */
	unsigned minor;		 /* of HTTP/1.x: 0 or 1 */

	bool keep_alive;      /* the peer lets another message follow */
	bool expect_continue; /* the peer waits for "100 Continue" before it sends the body */
	bool websocket;	      /* a request to go on as WebSocket; what follows the head is not HTTP */
	bool has_body;	      /* framing is not HTTP_BODY_NONE */
	enum http_framing framing;
	uint64_t length; /* for HTTP_BODY_LENGTH */

	struct http_header *headers; /* in the order they came */
	size_t n;
	uint8_t known[HTTP_HEADER_COUNT]; /* 1 + place in `headers`; 0 where absent */
};

/*
 * The value of a known field, its first where it may come more than once. p is NULL where the
 * field is absent, and not NULL where it is there and empty.
 */
static inline struct span http_known(const struct http_head *head, enum http_known which)
{
	size_t at = head->known[which];

	return at ? head->headers[at - 1].value : span_of(NULL, 0);
}

static inline bool http_has(const struct http_head *head, enum http_known which)
{
	return head->known[which] != 0;
}

/* The first field of that name from place `*from` on, which is moved behind it; NULL at the end. */
const struct http_header *http_find(const struct http_head *head, struct span name, size_t *from);

/* The known field of that name, in any case; HTTP_HEADER_NONE for others. */
enum http_known http_known_of(struct span name);

struct span http_method_name(enum http_method method);

/* One or more of the letters, digits and marks a method or a field name may hold. */
bool http_is_token(struct span s);

/* No control byte but tab: what a field's value may hold. */
bool http_is_value(struct span s);

/*
 * Cuts a whole head into its start line and its fields. `head->headers` has room for `room`.
 * Refuses names that are no tokens and known fields that may not come twice.
 *
 * Shape:  `bytes` ends with an empty line, and every line with CR LF (http_scan has seen to it).
 */
enum http_reason http_head_cut(struct span bytes, struct http_head *head, size_t room, struct span *start);
