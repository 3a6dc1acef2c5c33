/* head.c - cuts a head into its parts and knows the fields by name. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"

#include "base/check.h"
#include "http/scan.h"

/*
 * `once`: the field steers who is asked, who asks, or where the message ends; with two of them
 * two readers may each take another, so the message is refused.
 */
static const struct {
	struct span name;
	bool once;
} known[HTTP_HEADER_COUNT] = {
	[HTTP_HEADER_NONE] = { SPAN(""), false },
	[HTTP_HEADER_HOST] = { SPAN("Host"), true },
	[HTTP_HEADER_DATE] = { SPAN("Date"), false },
	[HTTP_HEADER_EXPECT] = { SPAN("Expect"), true },
	[HTTP_HEADER_ACCEPT] = { SPAN("Accept"), false },
	[HTTP_HEADER_COOKIE] = { SPAN("Cookie"), true },
	[HTTP_HEADER_ORIGIN] = { SPAN("Origin"), true },
	[HTTP_HEADER_UPGRADE] = { SPAN("Upgrade"), true },
	[HTTP_HEADER_MCP_NAME] = { SPAN("Mcp-Name"), true },
	[HTTP_HEADER_LOCATION] = { SPAN("Location"), true },
	[HTTP_HEADER_CONNECTION] = { SPAN("Connection"), false },
	[HTTP_HEADER_MCP_METHOD] = { SPAN("Mcp-Method"), true },
	[HTTP_HEADER_RETRY_AFTER] = { SPAN("Retry-After"), true },
	[HTTP_HEADER_TRACEPARENT] = { SPAN("traceparent"), true },
	[HTTP_HEADER_CONTENT_TYPE] = { SPAN("Content-Type"), true },
	[HTTP_HEADER_AUTHORIZATION] = { SPAN("Authorization"), true },
	[HTTP_HEADER_LAST_EVENT_ID] = { SPAN("Last-Event-ID"), true },
	[HTTP_HEADER_CACHE_CONTROL] = { SPAN("Cache-Control"), false },
	[HTTP_HEADER_CONTENT_LENGTH] = { SPAN("Content-Length"), true },
	[HTTP_HEADER_SEC_FETCH_SITE] = { SPAN("Sec-Fetch-Site"), true },
	[HTTP_HEADER_MCP_SESSION_ID] = { SPAN("Mcp-Session-Id"), true },
	[HTTP_HEADER_CONTENT_ENCODING] = { SPAN("Content-Encoding"), true },
	[HTTP_HEADER_WWW_AUTHENTICATE] = { SPAN("WWW-Authenticate"), false },
	[HTTP_HEADER_TRANSFER_ENCODING] = { SPAN("Transfer-Encoding"), true },
	[HTTP_HEADER_SEC_WEBSOCKET_KEY] = { SPAN("Sec-WebSocket-Key"), true },
	[HTTP_HEADER_MCP_PROTOCOL_VERSION] = { SPAN("MCP-Protocol-Version"), true },
	[HTTP_HEADER_SEC_WEBSOCKET_VERSION] = { SPAN("Sec-WebSocket-Version"), true },
	[HTTP_HEADER_SEC_WEBSOCKET_PROTOCOL] = { SPAN("Sec-WebSocket-Protocol"), false },
};

static const struct span methods[HTTP_METHOD_COUNT] = {
	[HTTP_METHOD_NONE] = SPAN(""),		 [HTTP_METHOD_GET] = SPAN("GET"),
	[HTTP_METHOD_POST] = SPAN("POST"),	 [HTTP_METHOD_DELETE] = SPAN("DELETE"),
	[HTTP_METHOD_OPTIONS] = SPAN("OPTIONS"),
};

struct span http_method_name(enum http_method method)
{
	check(method < HTTP_METHOD_COUNT);
	return methods[method];
}

/* The first known name of each length; the others of it follow. */
static const uint8_t first_of_length[] = {
	[4] = HTTP_HEADER_HOST,
	[6] = HTTP_HEADER_EXPECT,
	[7] = HTTP_HEADER_UPGRADE,
	[8] = HTTP_HEADER_MCP_NAME,
	[10] = HTTP_HEADER_CONNECTION,
	[11] = HTTP_HEADER_RETRY_AFTER,
	[12] = HTTP_HEADER_CONTENT_TYPE,
	[13] = HTTP_HEADER_AUTHORIZATION,
	[14] = HTTP_HEADER_CONTENT_LENGTH,
	[16] = HTTP_HEADER_CONTENT_ENCODING,
	[17] = HTTP_HEADER_TRANSFER_ENCODING,
	[20] = HTTP_HEADER_MCP_PROTOCOL_VERSION,
	[21] = HTTP_HEADER_SEC_WEBSOCKET_VERSION,
	[22] = HTTP_HEADER_SEC_WEBSOCKET_PROTOCOL,
};

enum http_known http_known_of(struct span name)
{
	enum http_known which = name.n < COUNT(first_of_length) ? first_of_length[name.n] : HTTP_HEADER_NONE;

	if (which == HTTP_HEADER_NONE)
		return HTTP_HEADER_NONE;
	for (; which < HTTP_HEADER_COUNT && known[which].name.n == name.n; which++)
		if (span_eq_nocase(known[which].name, name))
			return which;
	return HTTP_HEADER_NONE;
}

const struct http_header *http_find(const struct http_head *head, struct span name, size_t *from)
{
	while (*from < head->n) {
		const struct http_header *header = &head->headers[(*from)++];

		if (span_eq_nocase(header->name, name))
			return header;
	}
	return NULL;
}

/* The marks of a token beside letters and digits: !#$%&'*+-.^_`|~ */
static bool is_token_char(unsigned char c)
{
	static const uint32_t set[8] = { 0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff, 0, 0, 0, 0 };

	return (set[c >> 5] >> (c & 31) & 1) != 0;
}

/* Bytes at the front that a token may hold. */
static size_t token_length(struct span s)
{
	size_t n = 0;

	while (n < s.n && is_token_char((unsigned char)s.p[n]))
		n++;
	return n;
}

bool http_is_token(struct span s)
{
	return s.n != 0 && token_length(s) == s.n;
}

bool http_is_value(struct span s)
{
	size_t at = http_scan_control(s, 0);

	while (at < s.n && s.p[at] == '\t')
		at = http_scan_control(s, at + 1);
	return at == s.n;
}

/* Takes one line without its CR LF out of `rest`. */
static struct span cut_line(struct span *rest)
{
	struct span line = span_cut(rest, '\n');

	check(line.n > 0);
	return span_first(line, line.n - 1);
}

static enum http_reason add_header(struct http_head *head, struct span line)
{
	size_t colon = token_length(line);
	struct http_header header = { .name = span_first(line, colon) };
	enum http_known which;

	if (colon == 0 || colon == line.n || line.p[colon] != ':')
		return HTTP_BAD_HEADER_NAME;
	header.value = span_trim(span_skip(line, colon + 1));
	which = http_known_of(header.name);
	head->headers[head->n++] = header;
	if (which == HTTP_HEADER_NONE)
		return HTTP_FINE;
	if (head->known[which] != 0)
		return known[which].once ? HTTP_BAD_HEADER_TWICE : HTTP_FINE;
	head->known[which] = (uint8_t)head->n;
	return HTTP_FINE;
}

enum http_reason http_head_cut(struct span bytes, struct http_head *head, size_t room, struct span *start)
{
	*start = cut_line(&bytes);
	for (;;) {
		struct span line = cut_line(&bytes);
		enum http_reason why;

		if (line.n == 0)
			return HTTP_FINE;
		check(head->n < room);
		why = add_header(head, line);
		if (why != HTTP_FINE)
			return why;
	}
}
