/* endpoint.c - where a server on HTTP+SSE takes messages: what is refused, and what a reference means. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/endpoint.h"
#include "tap.h"

static const struct endpoint_base plain = { .authority = SPAN("a.example:80"), .target = SPAN("/x/sse?k=v") };
static const struct endpoint_base safe = { .tls = true,
					   .authority = SPAN("a.example"),
					   .target = SPAN("/sse") };
static const struct endpoint_base v6 = { .authority = SPAN("[::1]:8000"), .target = SPAN("/") };

static const struct {
	const char *name;
	const struct endpoint_base *base;
	struct span reference;
	enum endpoint_verdict verdict;
	struct span target;
} cases[] = {
	{ "nothing", &plain, SPAN(""), ENDPOINT_BAD, SPAN("") },
	{ "a fragment alone", &plain, SPAN("#x"), ENDPOINT_BAD, SPAN("") },
	{ "a blank inside", &plain, SPAN("/m n"), ENDPOINT_BAD, SPAN("") },
	{ "a line end", &plain, SPAN("/m\r\nX: y"), ENDPOINT_BAD, SPAN("") },
	{ "a NUL", &plain, SPAN("/m\0"), ENDPOINT_BAD, SPAN("") },
	{ "a backslash", &plain, SPAN("\\\\evil.example/m"), ENDPOINT_BAD, SPAN("") },
	{ "half an escape", &plain, SPAN("/m%2"), ENDPOINT_BAD, SPAN("") },
	{ "a scheme of another kind", &plain, SPAN("ws://a.example/m"), ENDPOINT_BAD, SPAN("") },
	{ "a scheme without a host", &plain, SPAN("http:/m"), ENDPOINT_BAD, SPAN("") },
	{ "a user", &plain, SPAN("http://u@a.example/m"), ENDPOINT_BAD, SPAN("") },
	{ "a user, without a scheme", &plain, SPAN("//a.example@evil.example/m"), ENDPOINT_BAD, SPAN("") },
	{ "another host", &plain, SPAN("http://evil.example/m"), ENDPOINT_FOREIGN, SPAN("") },
	{ "another host, without a scheme", &plain, SPAN("//evil.example/m"), ENDPOINT_FOREIGN, SPAN("") },
	{ "a host that begins alike", &plain, SPAN("http://a.example.evil.example/m"), ENDPOINT_FOREIGN,
	  SPAN("") },
	{ "another port", &plain, SPAN("http://a.example:81/m"), ENDPOINT_FOREIGN, SPAN("") },
	{ "another scheme", &plain, SPAN("https://a.example:80/m"), ENDPOINT_FOREIGN, SPAN("") },
	{ "from https to http", &safe, SPAN("http://a.example:443/m"), ENDPOINT_FOREIGN, SPAN("") },
	{ "another address", &v6, SPAN("http://[::2]:8000/m"), ENDPOINT_FOREIGN, SPAN("") },
	{ "a path", &plain, SPAN("/messages?sessionId=1"), ENDPOINT_FINE, SPAN("/messages?sessionId=1") },
	{ "a path and blanks around", &plain, SPAN(" /m "), ENDPOINT_FINE, SPAN("/m") },
	{ "a fragment", &plain, SPAN("/m?a=b#c"), ENDPOINT_FINE, SPAN("/m?a=b") },
	{ "beside the stream", &plain, SPAN("m?s=1"), ENDPOINT_FINE, SPAN("/x/m?s=1") },
	{ "above it", &plain, SPAN("../m?s=1"), ENDPOINT_FINE, SPAN("/m?s=1") },
	{ "far above it", &plain, SPAN("../../../m"), ENDPOINT_FINE, SPAN("/m") },
	{ "a query alone", &plain, SPAN("?s=1"), ENDPOINT_FINE, SPAN("/x/sse?s=1") },
	{ "a colon in the query", &plain, SPAN("m?s=a:b"), ENDPOINT_FINE, SPAN("/x/m?s=a:b") },
	{ "dots inside", &plain, SPAN("/a/./b/../c/."), ENDPOINT_FINE, SPAN("/a/c/") },
	{ "dots at the end", &plain, SPAN("/a/b/.."), ENDPOINT_FINE, SPAN("/a/") },
	{ "dots in the query", &plain, SPAN("/a?b=/../c"), ENDPOINT_FINE, SPAN("/a?b=/../c") },
	{ "empty segments", &plain, SPAN("/a//../b"), ENDPOINT_FINE, SPAN("/a/b") },
	{ "the whole URL", &plain, SPAN("http://A.Example/m?s=1"), ENDPOINT_FINE, SPAN("/m?s=1") },
	{ "the port is said", &safe, SPAN("https://a.example:443/m"), ENDPOINT_FINE, SPAN("/m") },
	{ "without a scheme", &safe, SPAN("//a.example/m"), ENDPOINT_FINE, SPAN("/m") },
	{ "without a path", &safe, SPAN("https://a.example"), ENDPOINT_FINE, SPAN("/") },
	{ "an address", &v6, SPAN("http://[::1]:8000/m"), ENDPOINT_FINE, SPAN("/m") },
};

static void too_long(void)
{
	CLEANUP(buf_release) struct buf reference = BUF_INIT((size_t)ENDPOINT_BYTES + 1);
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)100);

	while (reference.n <= ENDPOINT_BYTES)
		buf_add(&reference, S("/"));
	is_int(endpoint_resolve(&out, &plain, buf_span(&reference)), ENDPOINT_BAD, "too long");
	is_int(endpoint_resolve(&out, &plain, span_first(buf_span(&reference), 200)), ENDPOINT_BAD,
	       "no room for it");
	is_int((int)out.n, 0, "nothing is added");
}

int main(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)ENDPOINT_BYTES);

		is_int(endpoint_resolve(&out, cases[i].base, cases[i].reference), cases[i].verdict, "%s",
		       cases[i].name);
		is_span(buf_span(&out), cases[i].target, "%s", cases[i].name);
	}
	too_long();
	return tap_done();
}
