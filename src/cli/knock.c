/* knock.c - does somebody answer at an address of this machine? */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/knock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/tr.h"

enum { KNOCK_WAIT_MS = 3000 };

static bool is_any(const struct conf_address *address)
{
	return span_eq(address->host, S("0.0.0.0")) || span_eq(address->host, S("::"));
}

/* What "any address" means to somebody on this machine. */
static const char *host_of(const struct conf_address *address, char *store, size_t size)
{
	if (is_any(address))
		return address->v6 ? "::1" : "127.0.0.1";
	if (span_eq(address->host, S("localhost")))
		return "127.0.0.1";
	return span_to_cstr(address->host, store, size) ? store : "";
}

int knock_open(const struct conf_address *address, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(address->port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(address->port) };
	const struct timeval wait = { .tv_sec = KNOCK_WAIT_MS / 1000 };
	char store[64];
	const char *host = host_of(address, store, sizeof(store));
	int rc;

	if (inet_pton(address->v6 ? AF_INET6 : AF_INET, host,
		      address->v6 ? (void *)&six.sin6_addr : (void *)&four.sin_addr) != 1)
		return err_set(err, ERR_CONFIG, "%s", tr("the address cannot be read"));
	fd = socket(address->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	rc = address->v6 ? connect(fd, (struct sockaddr *)&six, sizeof(six))
			 : connect(fd, (struct sockaddr *)&four, sizeof(four));
	if (rc < 0)
		return err_set(err, ERR_SYSTEM, "%s", strerrordesc_np(errno));
	return take_fd(&fd);
}

int knock_status(const struct conf_address *address, const char *path, struct err *err)
{
	CLEANUP(closep) int fd = knock_open(address, err);
	char request[400], reply[32], store[64];
	const char *host = host_of(address, store, sizeof(store));
	uint64_t status = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	(void)snprintf(request, sizeof(request),
		       address->v6 ? "GET %s HTTP/1.1\r\nHost: [%s]\r\nConnection: close\r\n\r\n"
				   : "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
		       path, host);
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		return err_set(err, ERR_SYSTEM, "%s", strerrordesc_np(errno));
	n = recv(fd, reply, 12, MSG_WAITALL);
	if (n != 12 || memcmp(reply, "HTTP/1.1 ", 9) != 0 || !span_u64(span_of(reply + 9, 3), &status))
		return err_set(err, ERR_FORMAT, "%s", tr("what answers there is no gate"));
	return (int)status;
}
