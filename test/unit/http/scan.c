/* scan.c - the fast search against its plain twin. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "http/scan.h"
#include "tap.h"

/* Every byte value at every place of a short line, from every place on. */
static bool every_byte(void)
{
	enum { N = 40 };
	char *line = malloc(N);
	bool same = line != NULL;

	for (size_t place = 0; same && place < N; place++)
		for (unsigned value = 0; same && value < 256; value++) {
			memset(line, 'x', N);
			line[place] = (char)value;
			for (size_t at = 0; at <= N; at++)
				same = same && http_scan_control(span_of(line, N), at) ==
						   http_scan_control_plain(span_of(line, N), at);
		}
	free(line);
	return same;
}

static void ceilings(void)
{
	static const struct http_scan_limits limits = {
		.head = 64, .start = 20, .line = 16, .lines = 3, .start_long = HTTP_BAD_TARGET_LONG
	};
	static const struct {
		const char *name;
		struct span in;
		enum http_scan_end end;
		enum http_reason why;
	} cases[] = {
		{ "start line too long", SPAN("012345678901234567890"), HTTP_SCAN_BAD, HTTP_BAD_TARGET_LONG },
		{ "a control byte behind the ceiling comes too late", SPAN("012345678901234567890\001"),
		  HTTP_SCAN_BAD, HTTP_BAD_TARGET_LONG },
		{ "a control byte at the ceiling does not", SPAN("01234567890123456789\001"), HTTP_SCAN_BAD,
		  HTTP_BAD_BYTE },
		{ "line too long", SPAN("a\r\n01234567890123456"), HTTP_SCAN_BAD, HTTP_BAD_HEADER_LONG },
		{ "line just long enough", SPAN("a\r\n0123456789012345\r"), HTTP_SCAN_MORE, HTTP_FINE },
		{ "too many lines", SPAN("a\r\nb\r\nb\r\nb\r\nb\r\n"), HTTP_SCAN_BAD, HTTP_BAD_HEADERS_MANY },
		{ "head too long",
		  SPAN("0123456789012345678\r\n012345678901234\r\n0123456789012\r\n01234567890\r\n"),
		  HTTP_SCAN_BAD, HTTP_BAD_HEAD_LONG },
		{ "head of 64 bytes",
		  SPAN("0123456789012345678\r\n012345678901234\r\n0123456789012\r\n0123456\r\n\r\n"),
		  HTTP_SCAN_END, HTTP_FINE },
		{ "head of 65 bytes",
		  SPAN("0123456789012345678\r\n012345678901234\r\n0123456789012\r\n01234567\r\n\r\n"),
		  HTTP_SCAN_BAD, HTTP_BAD_HEAD_LONG },
		{ "nothing", SPAN(""), HTTP_SCAN_MORE, HTTP_FINE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct http_scan whole = { .at = 0 }, slow = { .at = 0 };
		enum http_reason why = HTTP_FINE, slow_why = HTTP_FINE;
		enum http_scan_end end = http_scan(&whole, cases[i].in, &limits, &why),
				   slow_end = HTTP_SCAN_MORE;

		for (size_t n = 0; n <= cases[i].in.n && slow_end == HTTP_SCAN_MORE; n++)
			slow_end = http_scan(&slow, span_first(cases[i].in, n), &limits, &slow_why);
		ok(end == cases[i].end && why == cases[i].why, "%s", cases[i].name);
		ok(slow_end == end && slow_why == why, "%s, byte by byte", cases[i].name);
	}
}

int main(void)
{
	ok(every_byte(), "the fast search finds what the plain one finds");
	ceilings();
	return tap_done();
}
