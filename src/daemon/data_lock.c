/* data_lock.c - one gate for one data folder. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/data_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>

#include "base/file.h"
#include "base/tr.h"

int data_lock(const char *folder, int *fd, struct err *err)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/lock", folder);

	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(err, ERR_LIMIT, "the path of the data folder is too long");
	if (file_make_dirs(folder, err) < 0)
		return -1;
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return err_sys(err, "cannot open %s", path);
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(err, ERR_DENIED, tr("another gate uses %s; see `kanmon status`"), folder);
	return err_sys(err, "cannot lock %s", path);
}
