/* rules.c - what a head must be: start line, Host, framing, connection. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/rules.h"

#include <arpa/inet.h>

#include "base/check.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_digits(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]))
			return false;
	return s.n != 0;
}

/* Letters, digits, and -._~!$&'()*+,;=:@/?% */
static bool is_target_char(unsigned char c)
{
	static const uint32_t set[8] = { 0, 0xaffffff2, 0x87ffffff, 0x47fffffe, 0, 0, 0, 0 };

	return (set[c >> 5] >> (c & 31) & 1) != 0;
}

bool http_is_target(struct span s)
{
	if (!span_starts(s, S("/")))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_target_char((unsigned char)s.p[i]))
			return false;
		if (s.p[i] == '%' && (s.n - i < 3 || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2])))
			return false;
	}
	return true;
}

static bool is_port(struct span s)
{
	uint64_t port = 0;

	return s.n <= 5 && span_u64(s, &port) && port > 0 && port <= 65535;
}

static bool is_name(struct span s)
{
	if (s.n == 0 || s.n > 253 || s.p[0] == '.' || span_contains(s, S("..")))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!is_digit(c) && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '-' &&
		    c != '.' && c != '_')
			return false;
	}
	return true;
}

static bool is_ipv6(struct span s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	return span_to_cstr(s, text, sizeof(text)) && inet_pton(AF_INET6, text, &address) == 1;
}

bool http_is_host(struct span s)
{
	bool bracket = span_starts(s, S("["));
	size_t end = span_find(s, bracket ? ']' : ':');
	struct span rest = span_skip(s, bracket ? end + 1 : end);

	if (bracket && (end == s.n || !is_ipv6(span_of(s.p + 1, end - 1))))
		return false;
	if (!bracket && !is_name(span_first(s, end)))
		return false;
	return rest.n == 0 || (rest.p[0] == ':' && is_port(span_skip(rest, 1)));
}

static enum http_reason read_version(struct span version, struct http_head *head)
{
	if (version.n != 8 || !span_starts(version, S("HTTP/")) || !is_digit(version.p[5]) ||
	    version.p[6] != '.' || !is_digit(version.p[7]))
		return HTTP_BAD_START_LINE;
	if (version.p[5] != '1' || version.p[7] > '1')
		return HTTP_BAD_VERSION;
	head->minor = (unsigned)(version.p[7] - '0');
	return HTTP_FINE;
}

static enum http_reason read_method(struct span name, struct http_head *head)
{
	static const struct span refused[] = { SPAN("HEAD"), SPAN("PUT"), SPAN("PATCH"), SPAN("TRACE"),
					       SPAN("CONNECT") };

	for (enum http_method method = HTTP_METHOD_NONE + 1; method < HTTP_METHOD_COUNT; method++)
		if (span_eq(name, http_method_name(method))) {
			head->method = method;
			return HTTP_FINE;
		}
	for (size_t i = 0; i < COUNT(refused); i++)
		if (span_eq(name, refused[i]))
			return HTTP_BAD_METHOD_REFUSED;
	return HTTP_BAD_METHOD;
}

/* METHOD SP target SP HTTP/x.y: single spaces, nothing before, nothing after. */
static enum http_reason read_request_line(struct span start, const struct http_limits *limits,
					  struct http_head *head)
{
	struct span rest = start, method = span_cut(&rest, ' '), target = span_cut(&rest, ' ');
	enum http_reason why;

	if (!http_is_token(method) || target.n == 0)
		return HTTP_BAD_START_LINE;
	why = read_version(rest, head);
	if (why == HTTP_FINE)
		why = read_method(method, head);
	if (why != HTTP_FINE)
		return why;
	if (target.n > limits->url)
		return HTTP_BAD_TARGET_LONG;
	if (!http_is_target(target))
		return HTTP_BAD_TARGET;
	head->target = target;
	head->path = span_first(target, span_find(target, '?'));
	head->query = head->path.n < target.n ? span_skip(target, head->path.n + 1) : span_of(NULL, 0);
	return HTTP_FINE;
}

/* HTTP/x.y SP 3DIGIT SP phrase: the phrase may be empty, the space before it not missing. */
static enum http_reason read_status_line(struct span start, struct http_head *head)
{
	struct span rest = start, version = span_cut(&rest, ' ');
	enum http_reason why = read_version(version, head);
	uint64_t status = 0;

	if (why != HTTP_FINE)
		return why;
	if (rest.n < 4 || !span_u64(span_first(rest, 3), &status) || rest.p[3] != ' ')
		return HTTP_BAD_START_LINE;
	if (status < 100 || status > 599)
		return HTTP_BAD_STATUS;
	head->status = (unsigned)status;
	head->phrase = span_skip(rest, 4);
	return HTTP_FINE;
}

/*
 * A framing field has one spelling: nothing or a single space before the value, nothing after.
 * More is legal, but it is where readers have differed ("chunked" with a tab before or a blank
 * behind), and nobody honest writes it.
 */
static bool is_plain(const struct http_head *head, enum http_known which)
{
	const struct http_header *header = &head->headers[head->known[which] - 1U];
	const char *after = header->name.p + header->name.n + 1;

	if (header->value.n == 0 || header->value.p[header->value.n] != '\r')
		return false;
	return header->value.p == after || (header->value.p == after + 1 && *after == ' ');
}

static enum http_reason read_coding(struct http_head *head)
{
	if (http_has(head, HTTP_HEADER_CONTENT_LENGTH) || head->minor == 0)
		return HTTP_BAD_FRAMING;
	if (!is_plain(head, HTTP_HEADER_TRANSFER_ENCODING) ||
	    !span_eq(http_known(head, HTTP_HEADER_TRANSFER_ENCODING), S("chunked")))
		return HTTP_BAD_CODING;
	head->framing = HTTP_BODY_CHUNKED;
	return HTTP_FINE;
}

static enum http_reason read_length(const struct http_limits *limits, struct http_head *head)
{
	struct span value = http_known(head, HTTP_HEADER_CONTENT_LENGTH);

	if (!is_plain(head, HTTP_HEADER_CONTENT_LENGTH) || !is_digits(value))
		return HTTP_BAD_LENGTH;
	if (!span_u64(value, &head->length) || head->length > limits->body_bytes)
		return HTTP_BAD_BODY_LONG;
	if (head->length > 0)
		head->framing = HTTP_BODY_LENGTH;
	return HTTP_FINE;
}

static enum http_reason read_framing(const struct http_limits *limits, struct http_head *head)
{
	enum http_reason why = HTTP_FINE;

	if (http_has(head, HTTP_HEADER_TRANSFER_ENCODING))
		why = read_coding(head);
	else if (http_has(head, HTTP_HEADER_CONTENT_LENGTH))
		why = read_length(limits, head);
	head->has_body = head->framing != HTTP_BODY_NONE;
	return why;
}

struct connection {
	bool close, keep_alive, upgrade;
};

/* Every Connection field counts, whichever line it stands on. */
static enum http_reason read_connection(const struct http_head *head, struct connection *out)
{
	size_t from = head->known[HTTP_HEADER_CONNECTION];
	const struct http_header *header = from ? &head->headers[from - 1] : NULL;

	for (; header; header = http_find(head, S("Connection"), &from)) {
		struct span list = header->value;

		while (list.n) {
			struct span option = span_trim(span_cut(&list, ','));

			if (!http_is_token(option))
				return HTTP_BAD_CONNECTION;
			out->close |= span_eq_nocase(option, S("close"));
			out->keep_alive |= span_eq_nocase(option, S("keep-alive"));
			out->upgrade |= span_eq_nocase(option, S("upgrade"));
		}
	}
	return HTTP_FINE;
}

static void read_keep_alive(const struct connection *connection, struct http_head *head)
{
	head->keep_alive = !connection->close && (head->minor == 1 || connection->keep_alive) &&
			   head->framing != HTTP_BODY_TO_END;
}

static enum http_reason read_host(const struct http_head *head)
{
	if (http_has(head, HTTP_HEADER_HOST))
		return http_is_host(http_known(head, HTTP_HEADER_HOST)) ? HTTP_FINE : HTTP_BAD_HOST;
	return head->minor == 0 ? HTTP_FINE : HTTP_BAD_HOST;
}

static enum http_reason read_expect(struct http_head *head)
{
	if (!http_has(head, HTTP_HEADER_EXPECT))
		return HTTP_FINE;
	if (!span_eq_nocase(http_known(head, HTTP_HEADER_EXPECT), S("100-continue")))
		return HTTP_BAD_EXPECT;
	/* spec: RFC 9110 10.1.1, MUST: ignore it in an HTTP/1.0 request. */
	head->expect_continue = head->minor == 1 && head->has_body;
	return HTTP_FINE;
}

static enum http_reason read_upgrade(const struct connection *connection, struct http_head *head)
{
	if (!http_has(head, HTTP_HEADER_UPGRADE))
		return connection->upgrade ? HTTP_BAD_UPGRADE : HTTP_FINE;
	if (!span_eq_nocase(http_known(head, HTTP_HEADER_UPGRADE), S("websocket")) || !connection->upgrade ||
	    head->method != HTTP_METHOD_GET || head->minor == 0)
		return HTTP_BAD_UPGRADE;
	head->websocket = true;
	return HTTP_FINE;
}

enum http_reason http_rules_request(struct span start, const struct http_limits *limits,
				    struct http_head *head)
{
	struct connection connection = { .close = false };
	enum http_reason why = read_request_line(start, limits, head);

	if (why == HTTP_FINE)
		why = read_host(head);
	if (why == HTTP_FINE)
		why = read_framing(limits, head);
	if (why == HTTP_FINE && head->has_body && head->method != HTTP_METHOD_POST)
		why = HTTP_BAD_BODY;
	if (why == HTTP_FINE)
		why = read_connection(head, &connection);
	if (why == HTTP_FINE)
		why = read_expect(head);
	if (why == HTTP_FINE)
		why = read_upgrade(&connection, head);
	read_keep_alive(&connection, head);
	return why;
}

/* 1xx and 204 have no body and must not speak of one; 304 may name the length it would have had. */
static enum http_reason read_bodyless(struct http_head *head)
{
	if (head->framing == HTTP_BODY_CHUNKED || (head->framing == HTTP_BODY_LENGTH && head->status != 304))
		return HTTP_BAD_FRAMING;
	head->framing = HTTP_BODY_NONE;
	head->has_body = false;
	return HTTP_FINE;
}

static enum http_reason read_body_rule(bool to_end, struct http_head *head)
{
	if (head->status < 200 || head->status == 204 || head->status == 304)
		return read_bodyless(head);
	if (http_has(head, HTTP_HEADER_TRANSFER_ENCODING) || http_has(head, HTTP_HEADER_CONTENT_LENGTH))
		return HTTP_FINE;
	if (!to_end)
		return HTTP_BAD_NO_LENGTH;
	head->framing = HTTP_BODY_TO_END;
	head->has_body = true;
	return HTTP_FINE;
}

enum http_reason http_rules_response(struct span start, const struct http_limits *limits, bool to_end,
				     struct http_head *head)
{
	struct connection connection = { .close = false };
	enum http_reason why = read_status_line(start, head);

	if (why == HTTP_FINE)
		why = read_framing(limits, head);
	if (why == HTTP_FINE)
		why = read_body_rule(to_end, head);
	if (why == HTTP_FINE)
		why = read_connection(head, &connection);
	read_keep_alive(&connection, head);
	return why;
}
