/* door.c - the front door. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/door.h"

#include <arpa/inet.h>

struct span door_host_name(struct span host)
{
	if (host.n && host.p[0] == '[') {
		size_t end = span_find(host, ']');

		return end < host.n ? span_first(host, end + 1) : S("");
	}
	return span_cut(&host, ':');
}

static bool is_own(const struct front_rules *rules, struct span name)
{
	for (size_t i = 0; i < rules->n_hosts; i++)
		if (span_eq_nocase(rules->hosts[i], name))
			return true;
	return false;
}

bool door_host_allowed(const struct front_rules *rules, struct span host)
{
	struct span name = door_host_name(host);

	return name.n && is_own(rules, name);
}

bool door_host_is_address(struct span host)
{
	struct span name = door_host_name(host);
	struct in6_addr address;
	char text[INET6_ADDRSTRLEN];

	if (span_eq_nocase(name, S("localhost")))
		return true;
	if (name.n > 2 && name.p[0] == '[')
		return span_to_cstr(span_of(name.p + 1, name.n - 2), text, sizeof(text)) &&
		       inet_pton(AF_INET6, text, &address) == 1;
	return span_to_cstr(name, text, sizeof(text)) && inet_pton(AF_INET, text, &address) == 1;
}

bool door_origin_allowed(const struct front_rules *rules, struct span origin)
{
	struct span rest = origin;

	for (size_t i = 0; i < rules->n_origins; i++)
		if (span_eq(rules->origins[i], origin))
			return true;
	if (span_starts(origin, S("http://")))
		rest = span_skip(origin, 7);
	else if (span_starts(origin, S("https://")))
		rest = span_skip(origin, 8);
	else
		return false;
	if (span_find(rest, '/') != rest.n || span_find(rest, '@') != rest.n)
		return false;
	return door_host_allowed(rules, rest);
}

struct span door_bearer(struct span authorization)
{
	struct span scheme = span_first(authorization, 7);
	struct span token = span_trim(span_skip(authorization, 7));

	if (!span_eq_nocase(scheme, S("Bearer ")) || span_find(token, ' ') != token.n ||
	    span_find(token, ',') != token.n)
		return S("");
	return token;
}

static bool covers(struct span range, struct span type)
{
	struct span main = type;

	range = span_trim(span_cut(&range, ';'));
	if (span_eq(range, S("*/*")) || span_eq_nocase(range, type))
		return true;
	main = span_cut(&main, '/');
	return range.n == main.n + 2 && span_eq_nocase(span_first(range, main.n), main) &&
	       span_ends(range, S("/*"));
}

bool door_accepts(struct span accept, struct span type)
{
	if (!accept.p)
		return true;
	while (accept.n) {
		struct span range = span_cut(&accept, ',');

		if (covers(span_trim(range), type))
			return true;
	}
	return false;
}

bool door_is_json(struct span type)
{
	struct span name = span_cut(&type, ';');

	return span_eq_nocase(span_trim(name), S("application/json"));
}

static bool leads_to(struct span path, struct span begin, struct span *server)
{
	*server = S("");
	if (!span_starts(path, begin))
		return false;
	path = span_skip(path, begin.n);
	if (path.n == 0)
		return true;
	*server = span_skip(path, 1);
	if (path.p[0] != '/')
		return false;
	path = *server;
	if (span_starts(path, DOOR_VIEW))
		path = span_skip(path, DOOR_VIEW.n);
	return path.n > 0 && span_find(path, '/') == path.n;
}

enum door_way door_way(struct span path, struct span *server)
{
	if (leads_to(path, S("/mcp"), server))
		return DOOR_MCP;
	if (leads_to(path, S("/sse"), server))
		return DOOR_SSE;
	*server = S("");
	return span_eq(path, S("/messages")) ? DOOR_MESSAGES : DOOR_NOWHERE;
}

struct span door_session(struct span query)
{
	const struct span name = S("sessionId=");
	struct span id = span_skip(query, name.n);

	if (!span_starts(query, name) || id.n != DOOR_SESSION_CHARS)
		return S("");
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '_'))
			return S("");
	}
	return id;
}
