/* write.c - writes heads and chunks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/write.h"

#include "base/check.h"
#include "http/rules.h"

static const struct {
	unsigned status;
	struct span phrase;
} phrases[] = {
	{ 100, SPAN("Continue") },
	{ 101, SPAN("Switching Protocols") },
	{ 200, SPAN("OK") },
	{ 201, SPAN("Created") },
	{ 202, SPAN("Accepted") },
	{ 204, SPAN("No Content") },
	{ 302, SPAN("Found") },
	{ 303, SPAN("See Other") },
	{ 304, SPAN("Not Modified") },
	{ 400, SPAN("Bad Request") },
	{ 401, SPAN("Unauthorized") },
	{ 403, SPAN("Forbidden") },
	{ 404, SPAN("Not Found") },
	{ 405, SPAN("Method Not Allowed") },
	{ 406, SPAN("Not Acceptable") },
	{ 408, SPAN("Request Timeout") },
	{ 409, SPAN("Conflict") },
	{ 410, SPAN("Gone") },
	{ 411, SPAN("Length Required") },
	{ 413, SPAN("Content Too Large") },
	{ 414, SPAN("URI Too Long") },
	{ 415, SPAN("Unsupported Media Type") },
	{ 417, SPAN("Expectation Failed") },
	{ 421, SPAN("Misdirected Request") },
	{ 422, SPAN("Unprocessable Content") },
	{ 426, SPAN("Upgrade Required") },
	{ 429, SPAN("Too Many Requests") },
	{ 431, SPAN("Request Header Fields Too Large") },
	{ 500, SPAN("Internal Server Error") },
	{ 501, SPAN("Not Implemented") },
	{ 502, SPAN("Bad Gateway") },
	{ 503, SPAN("Service Unavailable") },
	{ 504, SPAN("Gateway Timeout") },
	{ 505, SPAN("HTTP Version Not Supported") },
};

struct span http_status_phrase(unsigned status)
{
	for (size_t i = 0; i < COUNT(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return S("");
}

/* Would it be written elsewhere in this head, and so stand there twice? */
static bool is_ours(enum http_known which)
{
	return which == HTTP_HEADER_HOST || which == HTTP_HEADER_CONTENT_LENGTH ||
	       which == HTTP_HEADER_TRANSFER_ENCODING || which == HTTP_HEADER_CONNECTION ||
	       which == HTTP_HEADER_DATE;
}

static bool is_legal(const struct http_header *header)
{
	return http_is_token(header->name) && http_is_value(header->value) &&
	       span_trim(header->value).n == header->value.n && !is_ours(http_known_of(header->name));
}

static bool are_legal(const struct http_fields *fields)
{
	for (size_t i = 0; i < fields->n; i++)
		if (!is_legal(&fields->headers[i]))
			return false;
	return true;
}

static void add_header(struct buf *out, struct span name, struct span value)
{
	buf_add(out, name);
	buf_add(out, S(": "));
	buf_add(out, value);
	buf_add(out, S("\r\n"));
}

static void add_length(struct buf *out, uint64_t length)
{
	buf_add(out, S("Content-Length: "));
	buf_add_u64(out, length);
	buf_add(out, S("\r\n"));
}

/* The fields, the framing, the empty line. `needs_length`: say so where there is no body. */
static void add_fields(struct buf *out, const struct http_fields *fields, bool needs_length)
{
	bool close = fields->close || fields->framing == HTTP_BODY_TO_END;

	for (size_t i = 0; i < fields->n; i++)
		add_header(out, fields->headers[i].name, fields->headers[i].value);
	if (fields->framing == HTTP_BODY_LENGTH)
		add_length(out, fields->length);
	else if (fields->framing == HTTP_BODY_CHUNKED)
		add_header(out, S("Transfer-Encoding"), S("chunked"));
	else if (fields->framing == HTTP_BODY_NONE && needs_length)
		add_length(out, 0);
	if (close)
		add_header(out, S("Connection"), S("close"));
	else if (fields->upgrade)
		add_header(out, S("Connection"), S("Upgrade"));
	buf_add(out, S("\r\n"));
}

bool http_write_response_head(struct buf *out, unsigned status, struct span date,
			      const struct http_fields *fields)
{
	bool bodyless = status < 200 || status == 204 || status == 304;

	check(status >= 100 && status <= 599);
	if ((bodyless && fields->framing != HTTP_BODY_NONE) || !http_is_value(date) || !are_legal(fields))
		return false;
	buf_add(out, S("HTTP/1.1 "));
	buf_add_u64(out, status);
	buf_add(out, S(" "));
	buf_add(out, http_status_phrase(status));
	buf_add(out, S("\r\n"));
	if (date.n)
		add_header(out, S("Date"), date);
	add_fields(out, fields, !bodyless);
	return true;
}

void http_write_chunk_open(struct buf *out, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char text[18];
	size_t at = sizeof(text);

	check(n > 0);
	text[--at] = '\n';
	text[--at] = '\r';
	for (; n; n >>= 4)
		text[--at] = digits[n & 15];
	buf_add(out, span_of(text + at, sizeof(text) - at));
}
