/* endpoint.c - where a server on HTTP+SSE takes messages: its `endpoint` event, resolved. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/endpoint.h"

#include "conf/url.h"

static struct span scheme_of(const struct endpoint_base *base)
{
	return base->tls ? S("https:") : S("http:");
}

/* A colon before any slash and question mark ends a scheme, of whatever kind. */
static bool has_scheme(struct span reference)
{
	for (size_t i = 0; i < reference.n; i++) {
		if (reference.p[i] == '/' || reference.p[i] == '?')
			return false;
		if (reference.p[i] == ':')
			return true;
	}
	return false;
}

/* With everything up to the last slash, or with nothing. */
static struct span folder_of(struct span path)
{
	while (path.n && path.p[path.n - 1] != '/')
		path.n--;
	return path;
}

/* The reference as a whole URL, its dots still in it. */
static void add_whole(struct buf *out, const struct endpoint_base *base, struct span reference)
{
	struct span path = span_first(base->target, span_find(base->target, '?'));

	if (!has_scheme(reference)) {
		buf_add(out, scheme_of(base));
		if (!span_starts(reference, S("//"))) {
			buf_add(out, S("//"));
			buf_add(out, base->authority);
			if (reference.p[0] == '?')
				buf_add(out, path);
			else if (reference.p[0] != '/')
				buf_add(out, folder_of(path));
		}
	}
	buf_add(out, reference);
}

/* Source: RFC 3986, section 5.2.4. */
static void add_without_dots(struct buf *out, struct span path)
{
	bool last = false;

	path = span_skip(path, 1);
	while (!last) {
		struct span segment;
		bool up, dots;

		last = span_find(path, '/') == path.n;
		segment = span_cut(&path, '/');
		up = span_eq(segment, S(".."));
		dots = up || span_eq(segment, S("."));
		if (up)
			buf_cut(out, folder_of(buf_span(out)).n);
		if (up && out->n)
			buf_cut(out, out->n - 1);
		if (!dots || last)
			buf_add_char(out, '/');
		if (!dots)
			buf_add(out, segment);
	}
}

enum endpoint_verdict endpoint_resolve(struct buf *out, const struct endpoint_base *base,
				       struct span reference)
{
	CLEANUP(buf_release) struct buf own = BUF_INIT((size_t)CONF_URL_MAX_BYTES);
	CLEANUP(buf_release) struct buf whole = BUF_INIT((size_t)2 * ENDPOINT_BYTES);
	CLEANUP(buf_release) struct buf target = BUF_INIT((size_t)2 * ENDPOINT_BYTES);
	struct conf_url stream, url;
	struct err err = ERR_INIT;
	size_t query;

	reference = span_trim(span_first(reference, span_find(reference, '#')));
	if (reference.n == 0 || reference.n > ENDPOINT_BYTES)
		return ENDPOINT_BAD;
	buf_add(&own, scheme_of(base));
	buf_add(&own, S("//"));
	buf_add(&own, base->authority);
	add_whole(&whole, base, reference);
	if (!buf_ok(&own) || !buf_ok(&whole) || conf_url_parse(buf_span(&own), &stream, &err) < 0 ||
	    conf_url_parse(buf_span(&whole), &url, &err) < 0)
		return ENDPOINT_BAD;
	if (url.kind != CONF_URL_HTTP || stream.kind != CONF_URL_HTTP)
		return ENDPOINT_BAD;
	if (url.tls != stream.tls || url.port != stream.port || !span_eq_nocase(url.host, stream.host))
		return ENDPOINT_FOREIGN;
	query = span_find(url.target, '?');
	add_without_dots(&target, span_first(url.target, query));
	buf_add(&target, span_skip(url.target, query));
	buf_add(out, buf_span(&target));
	return buf_ok(&target) && buf_ok(out) ? ENDPOINT_FINE : ENDPOINT_BAD;
}
