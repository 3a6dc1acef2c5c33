/* listen.c - binding the sockets clients knock at. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tr.h"

enum { LISTEN_BACKLOG = 512 };

static int refuse(const struct addrinfo *at, const char *shown, struct err *err)
{
	if (errno == EADDRINUSE)
		return err_set(
		    err, ERR_SYSTEM,
		    tr("K901: %s is in use by another program; end that program, or choose another address with "
		       "`listen:`"),
		    shown);
	if (errno == EACCES)
		return err_set(
		    err, ERR_SYSTEM,
		    tr("K902: %s may only be used by root; choose a port above 1023 with `listen:`"), shown);
	(void)at;
	return err_sys(err, tr("K903: %s cannot be listened on"), shown);
}

static int bind_one(const struct addrinfo *at, const char *shown, int *out, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	int on = 1;

	fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return refuse(at, shown, err);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
		return refuse(at, shown, err);
	*out = take_fd(&fd);
	return 0;
}

static int open_address(struct listeners *listeners, const struct conf_node *node, struct err *err)
{
	const struct conf_address address = conf_address(node);
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
					.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	char host[256], port[8], shown[300];
	int rc = 0;

	if (!span_to_cstr(address.host, host, sizeof(host)))
		return err_set(err, ERR_CONFIG, "an address to listen on is too long");
	(void)snprintf(port, sizeof(port), "%u", address.port);
	(void)snprintf(shown, sizeof(shown), address.v6 ? "[%s]:%s" : "%s:%s", host, port);
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return err_set(err, ERR_CONFIG, tr("K903: %s is no address of this machine"), shown);
	for (const struct addrinfo *at = found; at && rc == 0; at = at->ai_next) {
		if (listeners->n == LISTENERS_MAX)
			rc = err_set(err, ERR_LIMIT, "more than %d addresses to listen on", LISTENERS_MAX);
		else
			rc = bind_one(at, shown, &listeners->fds[listeners->n], err);
		listeners->n += rc == 0;
	}
	freeaddrinfo(found);
	return rc;
}

int listeners_open(struct listeners *listeners, const struct conf_node *first, struct err *err)
{
	for (const struct conf_node *at = first; at; at = conf_next(at)) {
		if (open_address(listeners, at, err) == 0)
			continue;
		while (listeners->n)
			closep(&listeners->fds[--listeners->n]);
		return -1;
	}
	return 0;
}

uint16_t listeners_port(const struct listeners *listeners, size_t i)
{
	struct sockaddr_storage address;
	socklen_t n = sizeof(address);

	if (i >= listeners->n || getsockname(listeners->fds[i], (struct sockaddr *)&address, &n) < 0)
		return 0;
	return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
						   : ((struct sockaddr_in *)&address)->sin_port);
}
