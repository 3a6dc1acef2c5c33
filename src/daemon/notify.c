/* notify.c - telling systemd how far the gate is. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/holder.h"

void notify_systemd(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP(closep) int fd = -1;
	size_t n;

	if (!path || (path[0] != '/' && path[0] != '@'))
		return;
	n = strlen(path);
	if (n >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, n);
	/* A name that begins with @ is in the abstract namespace. */
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
}

void notify_tell(const struct notify *notify, const char *state)
{
	struct wire_out out = { 0 };

	if (notify->quiet)
		return;
	if (!notify->holder) {
		notify_systemd(state);
		return;
	}
	wire_begin(&out, HOLD_NOTIFY, 0);
	wire_put_span(&out, span_str(state));
	(void)channel_send(notify->holder, &out);
	wire_out_release(&out);
}
