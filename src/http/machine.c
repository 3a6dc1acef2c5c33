/* machine.c - llhttp as second reader of every head. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/machine.h"

#include <llhttp.h>

#include "base/check.h"

/* What the callbacks of one run see. */
struct sight {
	struct span target;
	size_t headers;
};

static int on_url(llhttp_t *machine, const char *at, size_t length)
{
	struct sight *sight = machine->data;

	sight->target = span_of(at, length);
	return 0;
}

static int on_header(llhttp_t *machine)
{
	struct sight *sight = machine->data;

	sight->headers++;
	return 0;
}

/* The body is not llhttp's to read. */
static int on_head(llhttp_t *machine)
{
	(void)machine;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = on_url,
	.on_header_value_complete = on_header,
	.on_headers_complete = on_head,
};

static bool method_agrees(const llhttp_t *machine, enum http_method method)
{
	switch (method) {
	case HTTP_METHOD_GET:
		return machine->method == HTTP_GET;
	case HTTP_METHOD_POST:
		return machine->method == HTTP_POST;
	case HTTP_METHOD_DELETE:
		return machine->method == HTTP_DELETE;
	case HTTP_METHOD_OPTIONS:
		return machine->method == HTTP_OPTIONS;
	case HTTP_METHOD_NONE:
	case HTTP_METHOD_COUNT:
		break;
	}
	return false;
}

static bool framing_agrees(const llhttp_t *machine, const struct http_head *head)
{
	bool chunked = (machine->flags & F_CHUNKED) != 0, length = (machine->flags & F_CONTENT_LENGTH) != 0;

	if (chunked != (head->framing == HTTP_BODY_CHUNKED) || (chunked && length) ||
	    ((machine->flags & F_TRANSFER_ENCODING) != 0) != chunked)
		return false;
	return length == http_has(head, HTTP_HEADER_CONTENT_LENGTH) &&
	       (!length || machine->content_length == head->length);
}

bool http_machine_agrees(struct span bytes, bool response, const struct http_head *head)
{
	struct sight sight = { .headers = 0 };
	llhttp_t machine;

	llhttp_init(&machine, response ? HTTP_RESPONSE : HTTP_REQUEST, &settings);
	machine.data = &sight;
	if (llhttp_execute(&machine, bytes.p, bytes.n) != HPE_PAUSED ||
	    llhttp_get_error_pos(&machine) != bytes.p + bytes.n)
		return false;
	if (machine.http_major != 1 || machine.http_minor != head->minor || sight.headers != head->n ||
	    !framing_agrees(&machine, head))
		return false;
	if (response)
		return machine.status_code == head->status;
	return method_agrees(&machine, head->method) && sight.target.p == head->target.p &&
	       sight.target.n == head->target.n;
}

static bool refuses(struct span bytes)
{
	struct sight sight = { .headers = 0 };
	llhttp_t machine;
	llhttp_errno_t error;

	llhttp_init(&machine, HTTP_REQUEST, &settings);
	machine.data = &sight;
	error = llhttp_execute(&machine, bytes.p, bytes.n);
	return error != HPE_OK && error != HPE_PAUSED;
}

bool http_machine_is_strict(void)
{
	return !refuses(S("GET / HTTP/1.1\r\nHost: a\r\n\r\n")) &&
	       refuses(S("GET / HTTP/1.1\r\nHost : a\r\n\r\n")) &&
	       refuses(S("GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n"));
}
