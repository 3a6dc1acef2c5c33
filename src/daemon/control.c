/* control.c - binding and reaching the gate's own socket. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The address of `path` by way of its folder: /proc/self/fd/N/NAME always fits. */
static int address_of(const char *path, int *folder, struct sockaddr_un *out, struct err *err)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n;

	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!slash || slash == path || (size_t)(slash - path) >= sizeof(parent))
		return err_set(err, ERR_CONFIG, "%s is no path for a socket", path);
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
	*folder = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*folder < 0 && errno == ENOENT)
		return err_set(err, ERR_MISSING, "no gate is running here");
	if (*folder < 0)
		return err_sys(err, "cannot open %s", parent);
	n = snprintf(out->sun_path, sizeof(out->sun_path), "/proc/self/fd/%d/%s", *folder, slash + 1);
	return n > 0 && (size_t)n < sizeof(out->sun_path)
		   ? 0
		   : err_set(err, ERR_LIMIT, "the socket's name is too long");
}

int control_listen(const char *path, int *out, struct err *err)
{
	CLEANUP(closep) int folder = -1;
	CLEANUP(closep) int fd = -1;
	struct sockaddr_un address;

	if (address_of(path, &folder, &address, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, "cannot make the control socket");
	/* The caller holds the data folder's lock: a socket that is there belongs to a dead gate. */
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, "cannot replace %s", path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0600) < 0 ||
	    listen(fd, 64) < 0)
		return err_sys(err, "cannot listen on %s", path);
	*out = take_fd(&fd);
	return 0;
}

int control_connect(const char *path, int *out, struct err *err)
{
	CLEANUP(closep) int folder = -1;
	CLEANUP(closep) int fd = -1;
	struct sockaddr_un address;

	if (address_of(path, &folder, &address, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, "cannot make a socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return err_set(err, ERR_MISSING, "no gate is running here");
		return err_sys(err, "cannot reach the gate at %s", path);
	}
	*out = take_fd(&fd);
	return 0;
}
