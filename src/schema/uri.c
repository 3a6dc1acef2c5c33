/* uri.c - RFC 3986: sections 5.2 (resolution), 3 and 4 (grammar). */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/uri.h"

#include "schema/address.h"

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_scheme(struct span text)
{
	if (text.n == 0 || !is_alpha(text.p[0]))
		return false;
	for (size_t i = 1; i < text.n; i++) {
		if (!is_alpha(text.p[i]) && !is_digit(text.p[i]) && !memchr("+-.", text.p[i], 3))
			return false;
	}
	return true;
}

struct uri uri_split(struct span text)
{
	struct uri uri = { 0 };
	size_t at = span_find(text, '#');
	size_t colon;

	uri.has_fragment = at < text.n;
	uri.fragment = span_skip(text, at + 1);
	text = span_first(text, at);
	at = span_find(text, '?');
	uri.has_query = at < text.n;
	uri.query = span_skip(text, at + 1);
	text = span_first(text, at);
	colon = span_find(text, ':');
	if (colon < text.n && is_scheme(span_first(text, colon))) {
		uri.scheme = span_first(text, colon);
		text = span_skip(text, colon + 1);
	}
	uri.has_authority = span_starts(text, S("//"));
	if (uri.has_authority) {
		text = span_skip(text, 2);
		at = span_find(text, '/');
		uri.authority = span_first(text, at);
		text = span_skip(text, at);
	}
	uri.path = text;
	return uri;
}

/* Takes the last segment and its slash off what was written since `start`. */
static void drop_segment(struct buf *out, size_t start)
{
	while (out->n > start && out->p[out->n - 1] != '/')
		out->n--;
	if (out->n > start)
		out->n--;
}

/* RFC 3986, 5.2.4, a segment at a time: "." says nothing, ".." takes the one before away. */
static void add_without_dots(struct span path, struct buf *out)
{
	size_t start = out->n;

	while (path.n) {
		size_t slash = path.p[0] == '/';
		size_t end = slash + span_find(span_skip(path, slash), '/');
		struct span segment = span_of(path.p + slash, end - slash);
		bool last = end == path.n;

		path = span_skip(path, end);
		if (span_eq(segment, S(".."))) {
			drop_segment(out, start);
		} else if (!span_eq(segment, S("."))) {
			if (slash)
				buf_add_char(out, '/');
			buf_add(out, segment);
			continue;
		}
		if (last)
			buf_add_char(out, '/');
	}
}

/* RFC 3986, 5.2.3: the reference's path after the base's folder. */
static void add_merged(const struct uri *base, struct span path, struct buf *out)
{
	CLEANUP(buf_release) struct buf merged = BUF_INIT((size_t)1 << 16);
	size_t n = base->path.n;

	while (n > 0 && base->path.p[n - 1] != '/')
		n--;
	if (base->has_authority && base->path.n == 0)
		buf_add_char(&merged, '/');
	buf_add(&merged, span_first(base->path, n));
	buf_add(&merged, path);
	if (!buf_ok(&merged))
		out->over = true;
	add_without_dots(buf_span(&merged), out);
}

static void add_head(const struct uri *uri, struct buf *out)
{
	if (uri->scheme.n) {
		buf_add(out, uri->scheme);
		buf_add_char(out, ':');
	}
	if (uri->has_authority) {
		buf_add(out, S("//"));
		buf_add(out, uri->authority);
	}
}

static void add_query(const struct uri *uri, struct buf *out)
{
	if (!uri->has_query)
		return;
	buf_add_char(out, '?');
	buf_add(out, uri->query);
}

void uri_resolve(struct span base, struct span reference, struct buf *out)
{
	struct uri b = uri_split(base), r = uri_split(reference);

	if (r.scheme.n || r.has_authority) {
		if (!r.scheme.n)
			r.scheme = b.scheme;
		add_head(&r, out);
		add_without_dots(r.path, out);
		add_query(&r, out);
		return;
	}
	add_head(&b, out);
	if (r.path.n == 0) {
		buf_add(out, b.path);
		add_query(r.has_query ? &r : &b, out);
		return;
	}
	if (r.path.p[0] == '/')
		add_without_dots(r.path, out);
	else
		add_merged(&b, r.path, out);
	add_query(&r, out);
}

static int hex_value(char c)
{
	return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

void uri_unescape(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '%' && i + 2 < text.n && is_hex(text.p[i + 1]) && is_hex(text.p[i + 2])) {
			buf_add_char(out, (char)(hex_value(text.p[i + 1]) * 16 + hex_value(text.p[i + 2])));
			i += 2;
		} else {
			buf_add_char(out, text.p[i]);
		}
	}
}

/* Unreserved, sub-delims, %XX, and the characters of `more`. */
static bool made_of(struct span text, const char *more)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '%') {
			if (i + 2 >= text.n || !is_hex(text.p[i + 1]) || !is_hex(text.p[i + 2]))
				return false;
			i += 2;
		} else if (c == '\0' || (!is_alpha(c) && !is_digit(c) && !strchr("-._~!$&'()*+,;=", c) &&
					 !strchr(more, c))) {
			return false;
		}
	}
	return true;
}

/* The part of an authority in brackets: an IPv6 address, or v1.something. */
static bool is_ip_literal(struct span text)
{
	struct span version = span_skip(text, 1);

	if (text.n == 0 || (text.p[0] != 'v' && text.p[0] != 'V'))
		return address_is_ipv6(text);
	version = span_first(version, span_find(version, '.'));
	for (size_t i = 0; i < version.n; i++) {
		if (!is_hex(version.p[i]))
			return false;
	}
	text = span_skip(text, version.n + 2);
	return version.n && text.n && made_of(text, ":");
}

static bool is_authority(struct span text)
{
	size_t at = span_find(text, '@');
	struct span port = S("");

	if (at < text.n) {
		if (!made_of(span_first(text, at), ":"))
			return false;
		text = span_skip(text, at + 1);
	}
	if (text.n && text.p[0] == '[') {
		size_t end = span_find(text, ']');

		if (end == text.n || !is_ip_literal(span_of(text.p + 1, end - 1)))
			return false;
		port = span_skip(text, end + 1);
		if (port.n && port.p[0] != ':')
			return false;
		port = span_skip(port, 1);
	} else {
		size_t colon = span_find(text, ':');

		if (!made_of(span_first(text, colon), ""))
			return false;
		port = span_skip(text, colon + 1);
	}
	for (size_t i = 0; i < port.n; i++) {
		if (!is_digit(port.p[i]))
			return false;
	}
	return true;
}

bool uri_is_valid(struct span text, bool relative)
{
	struct uri uri = uri_split(text);
	struct span first = span_first(uri.path, span_find(uri.path, '/'));

	if (!relative && uri.scheme.n == 0)
		return false;
	/* Without a scheme, a colon in the first segment would be read as one. */
	if (uri.scheme.n == 0 && !uri.has_authority && span_find(first, ':') < first.n)
		return false;
	if (uri.has_authority && !is_authority(uri.authority))
		return false;
	return made_of(uri.path, ":@/") && made_of(uri.query, ":@/?") && made_of(uri.fragment, ":@/?");
}
