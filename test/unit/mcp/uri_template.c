/* uri_template.c - which URIs a template may have given. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/uri_template.h"

#include "base/cleanup.h"
#include "tap.h"

static const char *const bad[] = { "x://{",	"x://}",    "x://{}",	"x://{a",     "x://a}{b}",
				   "x://{a b}", "x://{=a}", "x://{!a}", "x://{a,,b}", "x://{a:x}",
				   "x://{{a}}", "x://{+}",  "x://{*}" };

/* Template, what it may have given, what not. */
static const struct {
	const char *text, *yes[5], *no[6];
} pairs[] = {
	{ "x://a", { "x://a" }, { "x://", "x://ab", "y://a", "X://a" } },
	{ "x://{id}",
	  { "x://a", "x://a%20b", "x://a b", "x://a,b", "x://\xe6\x97\xa5" },
	  { "x://", "x://a/b", "x:/a", "x://a/" } },
	{ "x://{id}/end", { "x://a/end" }, { "x:///end", "x://a/b/end", "x://a/en", "x://a/ends" } },
	{ "x://{a}/{b}", { "x://1/2" }, { "x://1/", "x:///2", "x://1/2/3" } },
	{ "x://{a}-{b}", { "x://1-2", "x://1--2", "x://1-2-3" }, { "x://-2", "x://1-", "x://12" } },
	{ "x://{a,b}", { "x://1,2", "x://1" }, { "x://1/2" } },
	{ "x://{+path}", { "x://a", "x://a/b?c#d" }, { "x://", "y://a" } },
	{ "file:///{path*}", { "file:///a" }, { "file:///", "file:///a/b" } },
	{ "x://a{/b}", { "x://a", "x://a/1" }, { "x://a/1/2", "x://ab" } },
	{ "x://a{/b,c}", { "x://a", "x://a/1", "x://a/1/2" }, { "x://a/1/2/3" } },
	{ "x://a{/b*}", { "x://a", "x://a/1/2/3" }, { "x://a?1", "x://b" } },
	{ "x://a{?q}",
	  { "x://a", "x://a?q=", "x://a?q=1" },
	  { "x://a?", "x://a?p=1", "x://a?q", "x://a?q=1&p=2", "x://a?qq=1" } },
	{ "x://a{?q,r}",
	  { "x://a?q=1", "x://a?r=2", "x://a?q=1&r=2" },
	  { "x://a?q=1&s=2", "x://a?q=1r=2#" } },
	{ "x://a?z=1{&q}", { "x://a?z=1", "x://a?z=1&q=2" }, { "x://a", "x://a?z=1q=2" } },
	{ "x://a{?q*}", { "x://a", "x://a?b=1&c=2" }, { "x://a?b#c", "x://ab" } },
	{ "x://a{#f}", { "x://a", "x://a#b/c" }, { "x://ab" } },
	{ "x://a{.e}", { "x://a", "x://a.txt" }, { "x://atxt", "x://a.b/c" } },
	{ "x://a{;p}", { "x://a", "x://a;p=1" }, { "x://ap=1" } },
	{ "x://{id:3}", { "x://abc" }, { "x://" } },
	{ "{+all}", { "x://a", "y" }, { "" } },
};

static bool matches(const char *text, struct span uri)
{
	size_t steps = (size_t)1 << 20;

	return uri_template_matches(span_str(text), uri, &steps);
}

static void refused(void)
{
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(!uri_template_is_good(span_str(bad[i])) && !matches(bad[i], span_str(bad[i])) &&
		       !matches(bad[i], S("x://a")),
		   "no template: %s", bad[i]);
}

static void compared(void)
{
	for (size_t i = 0; i < COUNT(pairs); i++) {
		ok(uri_template_is_good(span_str(pairs[i].text)), "%s", pairs[i].text);
		for (size_t k = 0; k < COUNT(pairs[i].no) && pairs[i].no[k]; k++)
			ok(!matches(pairs[i].text, span_str(pairs[i].no[k])), "is not %s", pairs[i].no[k]);
		for (size_t k = 0; k < COUNT(pairs[i].yes) && pairs[i].yes[k]; k++)
			ok(matches(pairs[i].text, span_str(pairs[i].yes[k])), "is %s", pairs[i].yes[k]);
	}
}

/* Every second expression may take each byte: the worst there is, and it ends. */
static void bounded(void)
{
	static char text[URI_TEMPLATE_BYTES + 4], uri[URI_TEMPLATE_URI_BYTES + 1];
	size_t n = 0, steps;

	while (n + 4 <= URI_TEMPLATE_BYTES) {
		memcpy(text + n, "{+a}", 4);
		n += 4;
	}
	memset(uri, 'a', sizeof(uri));
	steps = SIZE_MAX;
	ok(uri_template_matches(span_of(text, n), span_of(uri, URI_TEMPLATE_URI_BYTES), &steps),
	   "a template of %zu expressions", n / 4);
	ok(SIZE_MAX - steps < (size_t)3 * URI_TEMPLATE_BYTES * URI_TEMPLATE_URI_BYTES, "in %zu steps",
	   SIZE_MAX - steps);
	steps = 1000;
	ok(!uri_template_matches(span_of(text, n), span_of(uri, URI_TEMPLATE_URI_BYTES), &steps) &&
	       steps == 0,
	   "with too few steps the answer is no");
	ok(!uri_template_matches(S("aaa{b}"), S("aaab"), &steps), "and no again with none");
	steps = SIZE_MAX;
	ok(!uri_template_matches(span_of(text, n), span_of(uri, sizeof(uri)), &steps),
	   "a URI that is too long");
	memcpy(text + n, "{+a}", 4);
	ok(!uri_template_is_good(span_of(text, n + 4)), "a template that is too long");
	n = 0;
	text[n++] = '{';
	text[n++] = '?';
	while (n + 2 < URI_TEMPLATE_BYTES) {
		text[n++] = 'a';
		text[n++] = ',';
	}
	text[n - 1] = '}';
	ok(uri_template_is_good(span_of(text, n)) && matches("{?a,b}", S("?b=1")),
	   "the most places there can be");
}

int main(void)
{
	refused();
	compared();
	bounded();
	return tap_done();
}
