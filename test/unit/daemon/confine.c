/* confine.c - each role tries what it must not, and what it needs; unconfined, all of it works. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/confine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "base/file.h"
#include "daemon/filter.h"
#include "egress/resolve.h"
#include "jail/landlock.h"
#include "net/loop.h"
#include "net/wire.h"
#include "tap.h"

enum { NOBODY = 65534, UNCONFINED = -1 };

/* What is open, or lies on the disk, before a role is confined. */
struct place {
	char inside[64], outside[64]; /* folders; the first is the keeper's */
	char file[96];		      /* a file in the second */
	int listening, fresh;	      /* a socket with a caller waiting; one that is nothing yet */
	int pair[2];
	struct sockaddr_in address; /* of `listening` */
};
