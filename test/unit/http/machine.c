/* machine.c - the second reader notices when the first has read something else. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/machine.h"
#include "base/cleanup.h"
#include "tap.h"

static const struct span request = SPAN("POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
static const struct span response = SPAN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");

/* What the first reader says of `request`. */
static struct http_head right(void)
{
	struct http_head head = {
		.method = HTTP_METHOD_POST,
		.target = span_of(request.p + 5, 4),
		.minor = 1,
		.framing = HTTP_BODY_LENGTH,
		.length = 5,
		.n = 2,
	};

	head.known[HTTP_HEADER_CONTENT_LENGTH] = 2;
	return head;
}

static void requests(void)
{
	struct http_head head = right();

	head.n = 1;
	ok(!http_machine_agrees(request, false, &head), "a field more");
	head = right();
	head.method = HTTP_METHOD_GET;
	ok(!http_machine_agrees(request, false, &head), "another method");
	head = right();
	head.method = HTTP_METHOD_NONE;
	ok(!http_machine_agrees(request, false, &head), "no method");
	head = right();
	head.target.n = 3;
	ok(!http_machine_agrees(request, false, &head), "another target");
	head = right();
	head.minor = 0;
	ok(!http_machine_agrees(request, false, &head), "another version");
	head = right();
	head.length = 4;
	ok(!http_machine_agrees(request, false, &head), "another length");
	head = right();
	head.framing = HTTP_BODY_CHUNKED;
	ok(!http_machine_agrees(request, false, &head), "another framing");
	head = right();
	head.known[HTTP_HEADER_CONTENT_LENGTH] = 0;
	ok(!http_machine_agrees(request, false, &head), "a length that was not seen");
	head = right();
	ok(!http_machine_agrees(span_first(request, request.n - 1), false, &head), "a head without end");
	ok(!http_machine_agrees(S("POST /mcp HTTP/1.1\r\nHost : a\r\nContent-Length: 5\r\n\r\n"), false,
				&head),
	   "a head llhttp refuses");
	ok(!http_machine_agrees(request, true, &head), "a request is no response");
	ok(http_machine_agrees(request, false, &head), "the same");
}

static void responses(void)
{
	struct http_head head = { .status = 201, .minor = 1, .framing = HTTP_BODY_CHUNKED, .n = 1 };

	ok(!http_machine_agrees(response, true, &head), "another status");
	head.status = 200;
	head.framing = HTTP_BODY_TO_END;
	ok(!http_machine_agrees(response, true, &head), "chunks that were not seen");
	head.framing = HTTP_BODY_CHUNKED;
	ok(http_machine_agrees(response, true, &head), "the same response");
}

int main(void)
{
	ok(http_machine_is_strict(), "llhttp was built strict");
	requests();
	responses();
	return tap_done();
}
