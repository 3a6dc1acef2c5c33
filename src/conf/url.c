/* url.c - the address of a server as a config names it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/url.h"

#include "base/tr.h"
#include "conf/value.h"

static int bad(struct err *err, const char *sentence)
{
	return err_set(err, ERR_CONFIG, "%s", sentence);
}

static const struct {
	struct span text;
	enum conf_url_kind kind;
	bool tls;
} schemes[] = {
	{ SPAN("http://"), CONF_URL_HTTP, false }, { SPAN("https://"), CONF_URL_HTTP, true },
	{ SPAN("ws://"), CONF_URL_WS, false },	   { SPAN("wss://"), CONF_URL_WS, true },
	{ SPAN("unix:"), CONF_URL_UNIX, false },
};

static bool take_scheme(struct span *rest, struct conf_url *url)
{
	for (size_t i = 0; i < COUNT(schemes); i++) {
		if (!span_eq_nocase(span_first(*rest, schemes[i].text.n), schemes[i].text))
			continue;
		*rest = span_skip(*rest, schemes[i].text.n);
		url->kind = schemes[i].kind;
		url->tls = schemes[i].tls;
		return true;
	}
	return false;
}

int conf_unix_check(struct span path, struct err *err)
{
	if (path.n == 0 || path.p[0] != '/' || span_starts(path, S("//")))
		return bad(err, tr("write the socket's path from / on, as in unix:/run/server.sock"));
	if (path.n > CONF_UNIX_MAX_BYTES)
		return bad(err, tr("the path of a socket has at most 107 bytes"));
	if (span_find(path, '\0') < path.n || path.p[path.n - 1] == '/')
		return bad(err, tr("it is no path of a socket"));
	return 0;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Source: RFC 3986, section 3.3 and 3.4: pchar, "/" and "?". */
static bool is_target(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c <= ' ' || c > '~' || strchr("\"<>\\^`{|}#[]", c))
			return false;
		if (c == '%' && (text.n - i < 3 || !is_hex(text.p[i + 1]) || !is_hex(text.p[i + 2])))
			return false;
	}
	return true;
}

static bool is_name(struct span host)
{
	if (host.n == 0 || host.n > 253 || host.p[0] == '.' || host.p[0] == '-')
		return false;
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];
		bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!word && c != '-' && c != '.' && c != '_')
			return false;
		if (c == '.' && i + 1 < host.n && host.p[i + 1] == '.')
			return false;
	}
	return true;
}

static bool read_authority(struct conf_url *url)
{
	struct span host = url->authority;
	bool v6 = host.n && host.p[0] == '[';
	size_t end = v6 ? span_find(host, ']') : span_find(host, ':');
	struct span port = span_skip(host, v6 ? end + 1 : end);
	uint64_t number;

	if (v6 && end == host.n)
		return false;
	url->host = v6 ? span_of(host.p + 1, end - 1) : span_first(host, end);
	if (v6 ? !value_is_ip(url->host, true) : !is_name(url->host))
		return false;
	url->port = url->tls ? 443 : 80;
	if (port.n == 0)
		return true;
	if (port.p[0] != ':' || !span_u64(span_skip(port, 1), &number) || number == 0 || number > 65535)
		return false;
	url->port = (uint16_t)number;
	return true;
}

int conf_url_parse(struct span text, struct conf_url *out, struct err *err)
{
	struct conf_url url = { .host = S(""), .authority = S("") };
	struct span rest = text;
	size_t end = 0;

	if (text.n > CONF_URL_MAX_BYTES)
		return bad(err, tr("it is longer than 2048 bytes"));
	if (!take_scheme(&rest, &url))
		return bad(err, tr("begin it with https://, http://, wss://, ws:// or unix:/"));
	if (url.kind == CONF_URL_UNIX) {
		url.target = rest;
		if (conf_unix_check(rest, err) < 0)
			return -1;
		*out = url;
		return 0;
	}
	if (span_find(rest, '#') < rest.n)
		return bad(err, tr("leave out what follows #"));
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
		end++;
	url.authority = span_first(rest, end);
	url.target = span_skip(rest, end);
	if (span_find(url.authority, '@') < url.authority.n)
		return bad(err, tr("leave out user name and password"));
	if (!read_authority(&url))
		return bad(err, tr("its host or port is not valid"));
	if (url.target.n && url.target.p[0] == '?')
		return bad(err, tr("write a / before the ?"));
	if (!is_target(url.target))
		return bad(err, tr("its path has a character that must be written as %XX"));
	if (url.target.n == 0)
		url.target = S("/");
	*out = url;
	return 0;
}

static size_t find_any(struct span text, const char *any)
{
	size_t n = 0;

	while (n < text.n && !(text.p[n] && strchr(any, text.p[n])))
		n++;
	return n;
}

static size_t find_last(struct span text, char c)
{
	size_t n = text.n;

	while (n > 0 && text.p[n - 1] != c)
		n--;
	return n ? n - 1 : text.n;
}

/* A password may hold a slash where nobody wrote it as %2F. */
static bool is_port(struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	return true;
}

struct conf_url_secrets conf_url_secrets(struct span rest)
{
	struct span authority = span_first(rest, find_any(rest, "/?#"));
	size_t at = find_last(authority, '@'), colon = find_last(authority, ':'), mark;
	struct conf_url_secrets out = { .user = S(""), .query = S("") };

	if (at == authority.n && colon < authority.n && !is_port(span_skip(authority, colon + 1)) &&
	    authority.p[authority.n - 1] != ']')
		at = find_last(rest, '@');
	if (at < rest.n && rest.p[at] == '@')
		out.user = span_first(rest, at);
	mark = out.user.n + find_any(span_skip(rest, out.user.n), "?#");
	if (mark < rest.n)
		out.query = span_skip(rest, mark + 1);
	return out;
}

void conf_url_add_shown(struct buf *out, struct span url)
{
	size_t scheme = span_find(url, ':');
	struct span rest = span_skip(url, scheme);
	struct conf_url_secrets secrets;

	if (!span_starts(rest, S("://"))) {
		buf_add(out, url);
		return;
	}
	rest = span_skip(rest, 3);
	secrets = conf_url_secrets(rest);
	buf_add(out, span_first(url, scheme + 3));
	buf_add(out, secrets.user.n ? S("***") : S(""));
	rest = span_skip(rest, secrets.user.n);
	buf_add(out, span_first(rest, rest.n - secrets.query.n));
	buf_add(out, secrets.query.n ? S("***") : S(""));
}
