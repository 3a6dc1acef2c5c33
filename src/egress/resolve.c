/* resolve.c - names to addresses, by the system's resolver. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/resolve.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>

static bool take(const struct sockaddr *from, struct address *out)
{
	const void *p = from;

	*out = (struct address){ 0 };
	if (from && from->sa_family == AF_INET) {
		memcpy(out->bytes, &((const struct sockaddr_in *)p)->sin_addr, 4);
		return true;
	}
	if (from && from->sa_family == AF_INET6) {
		out->v6 = true;
		memcpy(out->bytes, &((const struct sockaddr_in6 *)p)->sin6_addr, 16);
		return true;
	}
	return false;
}

/* `localhost`, or a name below it. */
static bool is_own(struct span host)
{
	const struct span own = S("localhost");

	if (host.n > own.n && host.p[host.n - own.n - 1] == '.')
		host = span_skip(host, host.n - own.n);
	return span_eq_nocase(host, own);
}

int resolve_system(void *owner, const char *host, struct address out[RESOLVE_MAX], struct err *err)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *found = NULL;
	int code, n = 0;

	(void)owner;
	/* spec: RFC 6761, section 6.3: always this machine, whatever a file or a server says. */
	if (is_own(span_str(host))) {
		out[0] = (struct address){ .bytes = { 127, 0, 0, 1 } };
		out[1] = (struct address){ .v6 = true, .bytes = { [15] = 1 } };
		return 2;
	}
	code = getaddrinfo(host, NULL, &hints, &found);
	if (code == EAI_SYSTEM)
		return err_sys(err, "%s does not resolve", host);
	if (code != 0)
		return err_set(err, ERR_MISSING, "%s does not resolve: %s", host, gai_strerror(code));
	for (struct addrinfo *at = found; at && n < RESOLVE_MAX; at = at->ai_next)
		n += take(at->ai_addr, &out[n]);
	freeaddrinfo(found);
	return n;
}

int resolve_own(struct address *out, size_t max, struct err *err)
{
	struct ifaddrs *found = NULL;
	size_t n = 0;

	if (getifaddrs(&found) < 0)
		return err_sys(err, "cannot list this machine's addresses");
	for (struct ifaddrs *at = found; at && n < max; at = at->ifa_next)
		n += take(at->ifa_addr, &out[n]);
	freeifaddrs(found);
	return (int)n;
}
