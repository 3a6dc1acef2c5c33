/* words.c - tests of command lines and URLs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/words.h"

#include "base/cleanup.h"
#include "conf/url.h"
#include "tap.h"

static const struct span refused[] = {
	SPAN("npx 'a"),	 SPAN("npx \"a"), SPAN("npx a\\"), SPAN("cat a | wc"),	SPAN("a && b"), SPAN("a ; b"),
	SPAN("a > out"), SPAN("a 2>&1"),  SPAN("a &"),	   SPAN("npx \"a\\\""), SPAN("|"),
};

/* Each word in angle brackets. */
static const struct {
	struct span line, words;
} split[] = {
	{ SPAN(""), SPAN("") },
	{ SPAN("  \t\n "), SPAN("") },
	{ SPAN("npx -y @acme/files@1.4.2"), SPAN("<npx><-y><@acme/files@1.4.2>") },
	{ SPAN(" a  b\tc\nd "), SPAN("<a><b><c><d>") },
	{ SPAN("a 'b c' \"d e\""), SPAN("<a><b c><d e>") },
	{ SPAN("a''b \"\""), SPAN("<ab><>") },
	{ SPAN("a\\ b 'c\\d' \"e\\\"f\\\\g\\h\""), SPAN("<a b><c\\d><e\"f\\g\\h>") },
	{ SPAN("$HOME ~/x *.txt `id` $(id) {a,b}"), SPAN("<$HOME><~/x><*.txt><`id`><$(id)><{a,b}>") },
	{ SPAN("http://x/?a=1&b=2 a|b a;b 1>2"), SPAN("<http://x/?a=1&b=2><a|b><a;b><1>2>") },
	{ SPAN("'|' \"&&\" \\;"), SPAN("<|><&&><;>") },
	{ SPAN("# not-a-comment"), SPAN("<#><not-a-comment>") },
	{ SPAN("関門 'サーバー 1'"), SPAN("<関門><サーバー 1>") },
};

static const struct {
	struct span text;
} bad_urls[] = {
	{ SPAN("") },
	{ SPAN("example.com") },
	{ SPAN("ftp://example.com") },
	{ SPAN("https:/example.com") },
	{ SPAN("https://") },
	{ SPAN("https:///path") },
	{ SPAN("https://user@example.com/") },
	{ SPAN("https://user:pw@example.com/") },
	{ SPAN("https://example.com/#part") },
	{ SPAN("https://example.com#part") },
	{ SPAN("https://example.com:0/") },
	{ SPAN("https://example.com:65536/") },
	{ SPAN("https://example.com:/") },
	{ SPAN("https://example.com:8o/") },
	{ SPAN("https://exa mple.com/") },
	{ SPAN("https://example..com/") },
	{ SPAN("https://.example.com/") },
	{ SPAN("https://[::1/") },
	{ SPAN("https://[::g]/") },
	{ SPAN("https://[::1]x/") },
	{ SPAN("https://example.com/a b") },
	{ SPAN("https://example.com/%zz") },
	{ SPAN("https://example.com/%2") },
	{ SPAN("https://example.com?x=1") },
	{ SPAN("https://example.com\\@evil.example/") },
	{ SPAN("https://例え.jp/") },
	{ SPAN("https://example.com/\r\nHost: x") },
};

static const struct {
	struct span text, authority, host, target;
	unsigned port;
	bool tls;
} urls[] = {
	{ SPAN("https://crm.internal/mcp"), SPAN("crm.internal"), SPAN("crm.internal"), SPAN("/mcp"), 443,
	  true },
	{ SPAN("HTTP://h"), SPAN("h"), SPAN("h"), SPAN("/"), 80, false },
	{ SPAN("http://127.0.0.1:8080/a?b=c%20d&e=/?"), SPAN("127.0.0.1:8080"), SPAN("127.0.0.1"),
	  SPAN("/a?b=c%20d&e=/?"), 8080, false },
	{ SPAN("https://[::1]:9/x"), SPAN("[::1]:9"), SPAN("::1"), SPAN("/x"), 9, true },
	{ SPAN("https://[2001:db8::1]"), SPAN("[2001:db8::1]"), SPAN("2001:db8::1"), SPAN("/"), 443, true },
};

static void test_split(void)
{
	for (size_t i = 0; i < COUNT(split); i++) {
		CLEANUP(buf_release) struct buf word = BUF_INIT(1000), all = BUF_INIT(1000);
		struct span rest = split[i].line;
		struct err err = ERR_INIT;
		int outcome;

		while ((outcome = words_next(&rest, &word, &err)) > 0)
			buf_addf(&all, "<%.*s>", SPAN_ARG(buf_span(&word)));
		is_int(outcome, 0, "'%.*s' is split", SPAN_ARG(split[i].line));
		is_span(buf_span(&all), split[i].words, "into these words");
	}
}

static void test_refused(void)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		CLEANUP(buf_release) struct buf word = BUF_INIT(1000);
		struct span rest = refused[i];
		struct err err = ERR_INIT;
		int outcome;

		while ((outcome = words_next(&rest, &word, &err)) > 0)
			;
		ok(outcome < 0 && err.text[0], "'%.*s' is refused: %s", SPAN_ARG(refused[i]), err.text);
	}
}

static void test_urls(void)
{
	struct conf_url url;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < COUNT(bad_urls); i++)
		ok(conf_url_parse(bad_urls[i].text, &url, &err) < 0, "refused: URL %zu: %s", i, err.text);
	for (size_t i = 0; i < COUNT(urls); i++) {
		if (!ok(conf_url_parse(urls[i].text, &url, &err) == 0, "'%.*s'", SPAN_ARG(urls[i].text)))
			continue;
		is_span(url.authority, urls[i].authority, "authority");
		is_span(url.host, urls[i].host, "host");
		is_span(url.target, urls[i].target, "target");
		is_int(url.port, urls[i].port, "port");
		is_int(url.tls, urls[i].tls, "TLS");
	}
}

static const struct {
	struct span url, shown;
} shown_urls[] = {
	{ SPAN("https://h:80/a/@b"), SPAN("https://h:80/a/@b") },
	{ SPAN("https://u:p@h/a"), SPAN("https://***@h/a") },
	{ SPAN("https://u@v@h/a"), SPAN("https://***@h/a") },
	{ SPAN("https://u:p/q@h/a"), SPAN("https://***@h/a") },
	{ SPAN("https://[::1]/@a"), SPAN("https://[::1]/@a") },
	{ SPAN("http://h/m?k=v#f"), SPAN("http://h/m?***") },
	{ SPAN("http://h#f"), SPAN("http://h#***") },
	{ SPAN("http://h/m?u@v"), SPAN("http://h/m?***") },
	{ SPAN("http://"), SPAN("http://") },
	{ SPAN("words"), SPAN("words") },
};

static void test_shown_urls(void)
{
	for (size_t i = 0; i < COUNT(shown_urls); i++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(100);

		conf_url_add_shown(&out, shown_urls[i].url);
		is_span(buf_span(&out), shown_urls[i].shown, "how a URL is shown");
	}
}

int main(void)
{
	test_shown_urls();
	test_refused();
	test_split();
	test_urls();
	return tap_done();
}
