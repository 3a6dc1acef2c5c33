/* listen.c - binding the sockets clients knock at. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tr.h"
#include "conf/node.h"

enum { LISTEN_BACKLOG = 512 };

/* An address of the config, as a sentence names it, and the key it stands under. */
struct asked {
	char shown[300];
	char key[32];
};

static int refuse(const struct asked *asked, struct err *err)
{
	if (errno == EADDRINUSE)
		return err_set(
		    err, ERR_SYSTEM,
		    tr("K901: %s is in use by another program; end that program, or choose another address with "
		       "`%s:`"),
		    asked->shown, asked->key);
	if (errno == EACCES)
		return err_set(err, ERR_SYSTEM,
			       tr("K902: %s may only be used by root; choose a port above 1023 with `%s:`"),
			       asked->shown, asked->key);
	return err_sys(err, tr("K903: %s cannot be listened on"), asked->shown);
}

static bool is_address(int fd, const struct addrinfo *at)
{
	struct sockaddr_storage bound = { 0 };
	socklen_t n = sizeof(bound);

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&bound, &n) < 0 || bound.ss_family != at->ai_family)
		return false;
	if (at->ai_family == AF_INET) {
		struct sockaddr_in a, b;

		memcpy(&a, &bound, sizeof(a));
		memcpy(&b, at->ai_addr, sizeof(b));
		return a.sin_addr.s_addr == b.sin_addr.s_addr && (!b.sin_port || a.sin_port == b.sin_port);
	}
	if (at->ai_family == AF_INET6) {
		struct sockaddr_in6 a, b;

		memcpy(&a, &bound, sizeof(a));
		memcpy(&b, at->ai_addr, sizeof(b));
		return memcmp(&a.sin6_addr, &b.sin6_addr, sizeof(a.sin6_addr)) == 0 &&
		       a.sin6_scope_id == b.sin6_scope_id && (!b.sin6_port || a.sin6_port == b.sin6_port);
	}
	return false;
}

/* One that listens there already. */
static bool take_kept(struct listeners *kept, const struct addrinfo *at, int *out)
{
	for (size_t i = 0; kept && i < kept->n; i++) {
		if (!is_address(kept->fds[i], at))
			continue;
		*out = take_fd(&kept->fds[i]);
		return true;
	}
	return false;
}

static int bind_one(const struct addrinfo *at, const struct asked *asked, int *out, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	int on = 1;

	fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return refuse(asked, err);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
		return refuse(asked, err);
	*out = take_fd(&fd);
	return 0;
}

/* Where the kernel chose the port it is another one for each socket: then a name would be ambiguous. */
static void remember(struct listeners *listeners, int fd, const struct conf_address *asked)
{
	struct listener_name *name = &listeners->names[listeners->n_names];
	struct sockaddr_storage address = { 0 };
	socklen_t n = sizeof(address);
	char port[8];
	uint64_t number;

	*name = (struct listener_name){ .port = asked->port };
	if (asked->port == 0 && getsockname(fd, (struct sockaddr *)&address, &n) == 0 &&
	    getnameinfo((struct sockaddr *)&address, n, name->host, sizeof(name->host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) == 0 &&
	    span_u64(span_str(port), &number))
		name->port = (uint16_t)number;
	if (!name->host[0])
		(void)snprintf(name->host, sizeof(name->host), "%.*s", SPAN_ARG(span_first(asked->host, 63)));
	if (listeners->n_names == 0 || memcmp(name, name - 1, sizeof(*name)) != 0)
		listeners->n_names++;
}

static void name_asked(const struct conf_node *node, const char *host, struct asked *asked)
{
	CLEANUP(buf_release) struct buf key = BUF_INIT(sizeof(asked->key) - 1);
	const struct conf_address address = conf_address(node);

	(void)snprintf(asked->shown, sizeof(asked->shown), address.v6 ? "[%s]:%u" : "%s:%u", host,
		       address.port);
	conf_node_add_path(&key, node);
	(void)snprintf(asked->key, sizeof(asked->key), "%.*s", SPAN_ARG(buf_span(&key)));
}

static int open_address(struct listeners *listeners, const struct conf_node *node, struct listeners *kept,
			struct err *err)
{
	const struct conf_address address = conf_address(node);
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
					.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	struct asked asked;
	char host[256], port[8];
	int rc = 0;

	if (!span_to_cstr(address.host, host, sizeof(host)))
		return err_set(err, ERR_CONFIG, "an address to listen on is too long");
	(void)snprintf(port, sizeof(port), "%u", address.port);
	name_asked(node, host, &asked);
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return err_set(err, ERR_CONFIG, tr("K903: %s is no address of this machine"), asked.shown);
	for (const struct addrinfo *at = found; at && rc == 0; at = at->ai_next) {
		if (listeners->n == LISTENERS_MAX)
			rc = err_set(err, ERR_LIMIT, "more than %d addresses to listen on", LISTENERS_MAX);
		else if (!take_kept(kept, at, &listeners->fds[listeners->n]))
			rc = bind_one(at, &asked, &listeners->fds[listeners->n], err);
		if (rc == 0)
			remember(listeners, listeners->fds[listeners->n++], &address);
	}
	freeaddrinfo(found);
	return rc;
}

int listeners_open(struct listeners *listeners, const struct conf_node *first, struct listeners *kept,
		   struct err *err)
{
	for (const struct conf_node *at = first; at; at = conf_next(at)) {
		if (open_address(listeners, at, kept, err) == 0)
			continue;
		listeners_close(listeners);
		return -1;
	}
	return 0;
}

void listeners_close(struct listeners *listeners)
{
	while (listeners->n)
		closep(&listeners->fds[--listeners->n]);
	listeners->n_names = 0;
}

void listener_add_url(const struct listener_name *name, bool tls, struct buf *out)
{
	buf_add(out, tls ? S("https://") : S("http://"));
	buf_addf(out, strchr(name->host, ':') ? "[%s]:%u/mcp" : "%s:%u/mcp", name->host, name->port);
}
