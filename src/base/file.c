/* file.c - whole files. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int file_read_fd(int fd, const char *name, struct buf *out, struct err *err)
{
	for (;;) {
		char chunk[16384];
		ssize_t got = read(fd, chunk, sizeof(chunk));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "cannot read %s", name);
		if (got == 0)
			return 0;
		buf_add(out, span_of(chunk, (size_t)got));
		if (!buf_ok(out))
			return err_set(err, ERR_LIMIT, "%s is larger than %zu bytes", name, out->max);
	}
}

int file_read(const char *path, struct buf *out, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	struct stat st;

	buf_clear(out);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_sys(err, "cannot open %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, "cannot read %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_FORMAT, "%s is not a regular file", path);
	return file_read_fd(fd, path, out, err);
}

int file_write_fd(int fd, const char *name, struct span bytes, struct err *err)
{
	while (bytes.n) {
		ssize_t put = write(fd, bytes.p, bytes.n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_sys(err, "cannot write %s", name);
		bytes = span_skip(bytes, (size_t)put);
	}
	return 0;
}

static int sync_parent(const char *path, struct err *err)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	CLEANUP(closep) int fd = -1;
	int n = slash ? snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path + 1), path)
		      : snprintf(parent, sizeof(parent), ".");

	if (n < 0 || (size_t)n >= sizeof(parent))
		return err_set(err, ERR_LIMIT, "the path %s is too long", path);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_sys(err, "cannot write the folder of %s", path);
	return 0;
}

int file_replace(const char *path, struct span bytes, unsigned mode, struct err *err)
{
	char temp[PATH_MAX];
	CLEANUP(closep) int fd = -1;
	int n = snprintf(temp, sizeof(temp), "%s.XXXXXX", path);

	if (n < 0 || (size_t)n >= sizeof(temp))
		return err_set(err, ERR_LIMIT, "the path %s is too long", path);
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot create a file beside %s", path);
	if (file_write_fd(fd, temp, bytes, err) < 0)
		goto fail;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(temp, path) < 0) {
		(void)err_sys(err, "cannot write %s", path);
		goto fail;
	}
	return sync_parent(path, err);
fail:
	(void)unlink(temp);
	return -1;
}

int file_make_dirs(const char *path, struct err *err)
{
	char step[PATH_MAX];
	struct stat st;
	int n = snprintf(step, sizeof(step), "%s", path);

	if (n <= 0 || (size_t)n >= sizeof(step))
		return err_set(err, ERR_LIMIT, "the path %s is too long or empty", path);
	for (char *p = step + 1;; p++) {
		char saved = *p;

		if (saved != '/' && saved != '\0')
			continue;
		*p = '\0';
		if (mkdir(step, 0700) < 0 && errno != EEXIST)
			return err_sys(err, "cannot make the folder %s", step);
		*p = saved;
		if (saved != '\0')
			continue;
		if (stat(step, &st) == 0 && S_ISDIR(st.st_mode))
			return 0;
		return err_set(err, ERR_FORMAT, "%s is not a folder", step);
	}
}

int file_set_nonblock(int fd, bool on, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) < 0)
		return err_sys(err, "cannot set a descriptor's flags");
	return 0;
}
