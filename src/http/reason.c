/* reason.c - why a message was refused: names, sentences, statuses. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/reason.h"

#include "base/check.h"

static const struct {
	struct span name;
	const char *text;
	unsigned status;
} reasons[HTTP_REASON_COUNT] = {
	[HTTP_FINE] = { SPAN("fine"), "nothing is wrong", 200 },
	[HTTP_BAD_BYTE] = { SPAN("byte"), "the head holds a control byte", 400 },
	[HTTP_BAD_LINE_END] = { SPAN("line-end"), "a line of the head does not end with CR LF", 400 },
	[HTTP_BAD_EMPTY_LINE] = { SPAN("empty-line"), "an empty line stands before the start line", 400 },
	[HTTP_BAD_FOLD] = { SPAN("fold"), "a line of the head begins with a blank", 400 },
	[HTTP_BAD_START_LINE] = { SPAN("start-line"), "the start line is malformed", 400 },
	[HTTP_BAD_VERSION] = { SPAN("version"), "the version is neither HTTP/1.1 nor HTTP/1.0", 505 },
	[HTTP_BAD_METHOD] = { SPAN("method"), "the method is unknown", 501 },
	[HTTP_BAD_METHOD_REFUSED] = { SPAN("method-refused"), "the method is not served here", 405 },
	[HTTP_BAD_TARGET] = { SPAN("target"), "the request target is not a plain path", 400 },
	[HTTP_BAD_STATUS] = { SPAN("status"), "the status is outside 100 to 599", 502 },
	[HTTP_BAD_TARGET_LONG] = { SPAN("target-long"), "the request target is too long", 414 },
	[HTTP_BAD_HEADER_LONG] = { SPAN("header-long"), "a line of the head is too long", 431 },
	[HTTP_BAD_HEADERS_MANY] = { SPAN("headers-many"), "there are too many header fields", 431 },
	[HTTP_BAD_HEAD_LONG] = { SPAN("head-long"), "the head is too long", 431 },
	[HTTP_BAD_BODY_LONG] = { SPAN("body-long"), "the body is too long", 413 },
	[HTTP_BAD_HEADER_NAME] = { SPAN("header-name"), "the name of a header field is malformed", 400 },
	[HTTP_BAD_HEADER_TWICE] = { SPAN("header-twice"), "a header field that may come once comes twice",
				    400 },
	[HTTP_BAD_HOST] = { SPAN("host"), "the Host field is missing or malformed", 400 },
	[HTTP_BAD_CONNECTION] = { SPAN("connection"), "the Connection field is malformed", 400 },
	[HTTP_BAD_EXPECT] = { SPAN("expect"), "the Expect field asks for something other than 100-continue",
			      417 },
	[HTTP_BAD_UPGRADE] = { SPAN("upgrade"), "the Upgrade field asks for something other than websocket",
			       400 },
	[HTTP_BAD_LENGTH] = { SPAN("length"), "the Content-Length field is not a plain number", 400 },
	[HTTP_BAD_CODING] = { SPAN("coding"), "the Transfer-Encoding field is not \"chunked\"", 501 },
	[HTTP_BAD_FRAMING] = { SPAN("framing"), "the fields that say where the body ends contradict", 400 },
	[HTTP_BAD_BODY] = { SPAN("body"), "the method allows no body", 400 },
	[HTTP_BAD_NO_LENGTH] = { SPAN("no-length"), "nothing says where the body ends", 502 },
	[HTTP_BAD_CHUNK] = { SPAN("chunk"), "a chunk is malformed", 400 },
	[HTTP_BAD_CHUNK_EXTENSION] = { SPAN("chunk-extension"), "a chunk carries an extension", 400 },
	[HTTP_BAD_TRAILER] = { SPAN("trailer"), "fields follow the last chunk", 400 },
	[HTTP_BAD_TRUNCATED] = { SPAN("truncated"), "the connection ended inside the message", 400 },
	[HTTP_BAD_INTERIM] = { SPAN("interim"), "an interim response is not acceptable", 502 },
	[HTTP_BAD_UNASKED] = { SPAN("unasked"), "bytes came that nobody asked for", 502 },
	[HTTP_BAD_DISAGREE] = { SPAN("disagree"), "the head can be read in two ways", 400 },
	[HTTP_BAD_MEMORY] = { SPAN("memory"), "there is no memory for the message", 503 },
	[HTTP_BAD_CROWDED] = { SPAN("crowded"), "too many bodies are under way at the same time", 503 },
};

struct span http_reason_name(enum http_reason reason)
{
	check(reason < HTTP_REASON_COUNT);
	return reasons[reason].name;
}

const char *http_reason_text(enum http_reason reason)
{
	check(reason < HTTP_REASON_COUNT);
	return reasons[reason].text;
}

unsigned http_reason_status(enum http_reason reason)
{
	check(reason < HTTP_REASON_COUNT);
	return reasons[reason].status;
}
