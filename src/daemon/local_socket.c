/* local_socket.c - the unix socket programs of this machine knock at. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/local_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/tr.h"

enum { LOCAL_BACKLOG = 512 };

static struct sockaddr_un name_of(const struct local_socket *local)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	_Static_assert(sizeof(name.sun_path) >= sizeof(local->path), "a path fits");
	memcpy(name.sun_path, local->path, sizeof(local->path));
	return name;
}

/* Whoever may write there could put his own socket in the place of ours. */
static int check_folder(const struct local_socket *local, struct err *err)
{
	char folder[sizeof(local->path)];
	char *slash;
	struct stat st;

	memcpy(folder, local->path, sizeof(folder));
	slash = strrchr(folder, '/');
	*(slash == folder ? slash + 1 : slash) = '\0';
	if (stat(folder, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(err, ERR_CONFIG,
			       tr("K904: there is no folder %s for the socket; make it, or correct "
				  "`unix.path`"),
			       folder);
	if (stat(folder, &st) < 0)
		return err_sys(err, tr("K904: the folder %s cannot be used for the socket"), folder);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_CONFIG, tr("K904: %s is no folder; correct `unix.path`"), folder);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) || (st.st_uid != geteuid() && st.st_uid != 0))
		return err_set(
		    err, ERR_CONFIG,
		    tr("K904: others may write in the folder %s, and so could put a socket of their own "
		       "there; choose one that only you may write in"),
		    folder);
	return 0;
}

/* A living gate is left alone; what a dead one left is removed. */
static int make_place(const struct local_socket *local, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	const struct sockaddr_un name = name_of(local);
	struct stat st;

	if (lstat(local->path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(err, tr("K904: %s cannot be used"), local->path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(
		    err, ERR_CONFIG,
		    tr("K904: %s is there already and is no socket; move it away, or correct `unix.path`"),
		    local->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, tr("K904: %s cannot be used"), local->path);
	if (connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0 || errno == EAGAIN)
		return err_set(
		    err, ERR_SYSTEM,
		    tr("K904: %s is in use by another program; end that program, or choose another path"),
		    local->path);
	if (errno != ECONNREFUSED)
		return err_sys(err, tr("K904: %s cannot be used"), local->path);
	return unlink(local->path) == 0 ? 0 : err_sys(err, tr("K904: %s cannot be removed"), local->path);
}

static int bind_it(struct local_socket *local, bool shared, struct err *err)
{
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const struct sockaddr_un name = name_of(local);
	/* Never, not even for a moment, is it more open than it shall be. */
	mode_t before = umask(0177);
	int rc = fd < 0 ? -1 : bind(fd, (const struct sockaddr *)&name, sizeof(name));
	struct stat st;

	(void)umask(before);
	if (rc < 0)
		return err_sys(err, tr("K904: %s cannot be made"), local->path);
	if (lstat(local->path, &st) < 0 || listen(fd, LOCAL_BACKLOG) < 0 ||
	    (shared && chmod(local->path, 0666) < 0)) {
		(void)err_sys(err, tr("K904: %s cannot be listened on"), local->path);
		(void)unlink(local->path);
		return -1;
	}
	local->device = st.st_dev;
	local->inode = st.st_ino;
	local->fd = take_fd(&fd);
	return 0;
}

int local_socket_open(struct local_socket *local, const struct conf_node *root, struct err *err)
{
	struct span path = conf_get_text(root, "unix.path");

	if (path.n == 0)
		return 0;
	if (!span_to_cstr(path, local->path, sizeof(local->path)))
		return err_set(err, ERR_CONFIG, "%s", tr("the path of a socket has at most 107 bytes"));
	if (check_folder(local, err) < 0 || make_place(local, err) < 0)
		return -1;
	return bind_it(local, conf_get_first(root, "unix.users") != NULL, err);
}

int local_socket_take(struct local_socket *local, const struct conf_node *root, struct local_socket *kept,
		      struct err *err)
{
	struct span path = conf_get_text(root, "unix.path");

	if (kept->fd < 0 || path.n == 0 || !span_eq(path, span_str(kept->path)))
		return local_socket_open(local, root, err);
	*local = *kept;
	*kept = LOCAL_SOCKET_INIT;
	return 0;
}

/* Whether others may knock is in the file's mode. */
int local_socket_share(const struct local_socket *local, const struct conf_node *root, struct err *err)
{
	mode_t mode = conf_get_first(root, "unix.users") ? 0666 : 0600;

	if (local->fd < 0 || chmod(local->path, mode) == 0)
		return 0;
	return err_sys(err, tr("K904: %s cannot be used"), local->path);
}

void local_socket_close(struct local_socket *local)
{
	struct stat st;

	if (local->fd < 0)
		return;
	closep(&local->fd);
	if (!local->lent && lstat(local->path, &st) == 0 && st.st_dev == local->device &&
	    st.st_ino == local->inode)
		(void)unlink(local->path);
}
